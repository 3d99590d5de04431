-- The tracks that would be marked as missing: those that were not found, but for those under a folder where that is not
-- believed. As mark_missing.sql.
  select t.path
    from tracks as t
    join absent_files as a
      on a.path = t.path
   where t.missing_since is null
     and (
            a.is_excluded
         or not exists (
              select
                from unnest(%(refused)s::text[]) as folder
               where starts_with(a.path, rtrim(folder, '/') || '/')
            )
         )
order by t.path;
