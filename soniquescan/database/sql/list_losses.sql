-- For each folder that was scanned: how many tracks would be marked as missing there, its device when it was scanned
-- last, and how many of the tracks are all those of a device that no folder was found on.
with folders as (
    select path                    as folder,
           rtrim(path, '/') || '/' as prefix
      from unnest(%(folders)s::text[]) as path
),
gone as (
    select distinct
           f.folder,
           f.prefix,
           t.id,
           t.device
      from absent_files as a
      join tracks as t
        on t.path = a.path
       and t.missing_since is null
      join folders as f
        on starts_with(t.path, f.prefix)
     where not a.is_excluded
       and not exists (select from unnest(%(moved)s::bigint[]) as moved (id) where moved.id = t.id)
),
away as (
    select g.folder,
           g.device
      from (
               select distinct folder, prefix, device
                 from gone
                where device <> all (%(devices)s::bigint[])
           ) as g
     where not exists (
               select
                 from tracks as t
                where t.device = g.device
                  and t.missing_since is null
                  and starts_with(t.path, g.prefix)
                  and not exists (select from absent_files as a where a.path = t.path)
               offset 0 -- looks for one track; planned as a join it would read them all
           )
)
   select f.folder,
          count(g.id),
          min(r.device),
          count(away.device)
     from folders as f
left join roots as r
       on r.path = f.folder
left join gone as g
    using (folder)
left join away
       on away.folder = f.folder
      and away.device = g.device
 group by f.folder;
