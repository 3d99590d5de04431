-- One scan: the one asked for, or the last that has ended.
  select id,
         started_at,
         status
    from soniquescan.scans
   where id = %(scan_id)s::numeric
      or (%(scan_id)s::numeric is null and status <> 'running')
order by id desc
   limit 1;
