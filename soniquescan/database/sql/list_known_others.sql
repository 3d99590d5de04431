-- The files under a folder that were read and hold no track: those that failed, and those that are no audio. As
-- list_known_tracks.sql, but with neither inode nor cover. A file that is a track, and was read, is known by that.
   select distinct
          e.path,
          case when e.extractor_version = {extractor_version}
                and e.kind <> all ({passing_kinds})
                and not {retry_errors}
               then e.size_bytes
          end,
          e.mtime_ns,
          e.ctime_ns,
          null::bigint,
          null
     from file_errors as e
left join tracks as t
       on t.path = e.path
      and t.missing_since is null
      and (t.size_bytes, t.mtime_ns, t.ctime_ns) = (e.size_bytes, e.mtime_ns, e.ctime_ns)
    where e.stage <> 'discover'
      and starts_with(e.path, {within})
      and (t.id is null or {retry_errors} or e.kind = any ({passing_kinds}))
    union all
   select path,
          case when extractor_version = {extractor_version} and not {full} then size_bytes end,
          mtime_ns,
          ctime_ns,
          null,
          null
     from other_files
    where starts_with(path, {within})
