-- Tracks that were not found, but for those under a folder where that is not believed. What a pattern leaves out, is
-- meant.
with gone as (
    update tracks as t
       set missing_since     = now(),
           -- What is wrong with the file is forgotten below; should it come back, it is read again and told anew.
           extractor_version = case when exists (select from file_errors as e where e.path = t.path) then 0
                                    else t.extractor_version
                               end
      from absent_files as a
     where t.path = a.path
       and t.missing_since is null
       and (
              a.is_excluded
           or not exists (
                select
                  from unnest(%(refused)s::text[]) as folder
                 where starts_with(a.path, rtrim(folder, '/') || '/')
              )
           )
 returning t.id,
           t.path
)
insert into scan_changes (scan_id, path, kind, track_id)
     select %(scan_id)s,
            path,
            'missing',
            id
       from gone;
