-- Merge what is wrong with files, and the files that are no audio.

-- A file that now reads has only the problems it still has, one that is no audio none.
delete from file_errors as e
      using staged_tracks as t
      where e.path = t.path
        and not exists (
            select
              from staged_file_errors as s
             where s.path = e.path
               and s.kind = e.kind
        );

-- One that fails in another way has only the problems of today.
delete from file_errors as e
      where e.stage <> 'discover'
        and exists (
                select
                  from staged_file_errors as s
                 where s.path     = e.path
                   and s.stage   <> 'discover'
                   and s.scan_id <> e.scan_id
            )
        and not exists (
                select
                  from staged_file_errors as s
                 where s.path = e.path
                   and s.kind = e.kind
            );

delete from file_errors as e
      using staged_other_files as s
      where e.path = s.path;

-- Of a file one problem is told, once a scan, if it was not there when the file was last looked at.
insert into scan_changes (scan_id, path, kind, detail)
     select distinct on (s.path)
            s.scan_id,
            s.path,
            'failed',
            jsonb_build_object('kind', s.kind, 'message', s.message)
       from staged_file_errors as s
      where exists (
                select
                  from roots as r
                 where r.scanned_at is not null
                   and (s.path = r.path or starts_with(s.path, rtrim(r.path, '/') || '/'))
            )
        and not exists (
                select
                  from file_errors as e
                 where e.path    = s.path
                   and e.scan_id = s.scan_id
            )
        and not exists (
                select
                  from file_errors as e
                 where e.path = s.path
                   and (e.kind, e.message, e.size_bytes, e.mtime_ns, coalesce(e.ctime_ns, s.ctime_ns))
                       is not distinct from
                       (s.kind, s.message, s.size_bytes, s.mtime_ns, s.ctime_ns)
            )
   order by s.path,
            s.kind;

-- Problems met before. A scan counts as one attempt, however often it meets one.
update file_errors as e
   set scan_id           = s.scan_id,
       stage             = s.stage,
       message           = s.message,
       size_bytes        = s.size_bytes,
       mtime_ns          = s.mtime_ns,
       ctime_ns          = s.ctime_ns,
       extractor_version = s.extractor_version,
       attempts          = e.attempts + (e.scan_id <> s.scan_id)::integer,
       last_seen_at      = now()
  from staged_file_errors as s
 where e.path = s.path
   and e.kind = s.kind;

insert into file_errors (path, scan_id, stage, kind, message, size_bytes, mtime_ns, ctime_ns, extractor_version)
     select path, scan_id, stage, kind, message, size_bytes, mtime_ns, ctime_ns, extractor_version
       from staged_file_errors as s
      where not exists (
                select
                  from file_errors as e
                 where e.path = s.path
                   and e.kind = s.kind
            );

-- Files that are no audio ---------------------------------------------------------------------------------------------

-- The audio that was there is gone. The mount guard need not be asked: its storage answers.
with gone as (
    update tracks as t
       set missing_since     = now(),
           extractor_version = 0
      from staged_other_files as s
     where t.path = s.path
       and t.missing_since is null
 returning t.id,
           t.path
)
insert into scan_changes (scan_id, path, kind, track_id)
     select current_setting('soniquescan.scan_id')::bigint,
            path,
            'missing',
            id
       from gone;

delete from other_files as o
      where exists (select from staged_tracks      as s where s.path = o.path)
         or exists (select from staged_file_errors as s where s.path = o.path);

update other_files as o
   set size_bytes        = s.size_bytes,
       mtime_ns          = s.mtime_ns,
       ctime_ns          = s.ctime_ns,
       extractor_version = s.extractor_version
  from staged_other_files as s
 where o.path = s.path
   and (o.size_bytes, o.mtime_ns, o.ctime_ns, o.extractor_version)
       <> (s.size_bytes, s.mtime_ns, s.ctime_ns, s.extractor_version);

insert into other_files (path, size_bytes, mtime_ns, ctime_ns, extractor_version)
     select path, size_bytes, mtime_ns, ctime_ns, extractor_version
       from staged_other_files as s
      where not exists (select from other_files as o where o.path = s.path);
