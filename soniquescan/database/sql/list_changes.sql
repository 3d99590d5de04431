-- What one scan has changed, of the kinds given or of every kind; the kinds in the order in which the summary has them.
  select scan_id,
         kind,
         path,
         detail
    from soniquescan.scan_changes
   where scan_id = %(scan_id)s
     and (cardinality(%(kinds)s::text[]) = 0 or kind = any (%(kinds)s::text[]))
order by array_position(%(order)s::text[], kind),
         path collate "C";
