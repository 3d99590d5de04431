-- The files with errors, of the kinds given or of every kind.
  select path,
         kind,
         message,
         stage,
         scan_id,
         size_bytes,
         attempts,
         first_seen_at,
         last_seen_at
    from soniquescan.file_errors
   where cardinality(%(kinds)s::text[]) = 0
      or kind = any (%(kinds)s::text[])
order by path, kind;
