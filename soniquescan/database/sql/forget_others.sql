-- Files that are no audio and not there any more; folders as for forget_errors.sql.
delete from other_files as o
      using absent_files as a
      where o.path = a.path
        and exists (
                select
                  from unnest(%(folders)s::text[]) as folder
                 where starts_with(o.path, rtrim(folder, '/') || '/')
            );
