-- What was wrong with files that are not there any more, and with what the walk has not met again. Nothing is forgotten
-- under folders in which it is not known what is there.
delete from file_errors as e
      where exists (
                select
                  from unnest(%(folders)s::text[]) as folder
                 where e.path = folder
                    or starts_with(e.path, rtrim(folder, '/') || '/')
            )
        and case e.stage when 'discover' then e.scan_id <> %(scan_id)s
                 else exists (select from absent_files as a where a.path = e.path)
            end;
