-- Roots that were scanned as a whole, and the devices that they are on now.
update roots as r
   set scanned_at = now(),
       device     = coalesce(s.device, r.device)
  from unnest(%(folders)s::text[], %(devices)s::bigint[]) as s (path, device)
 where r.path = s.path;
