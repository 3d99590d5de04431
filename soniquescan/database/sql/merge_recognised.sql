-- Merge the tracks that are known again without being read: their file has another path, or is back.

insert into staged_changes (track_id, kind, path, old_path, is_told, is_rebound, is_relinked)
     select t.id,
            case when t.path <> s.path            then 'moved'
                 when t.missing_since is not null then 'restored'
                 else 'refreshed'
            end,
            s.path,
            t.path,
            t.path <> s.path or t.missing_since is not null,
            s.album_tags_id is distinct from t.album_tags_id,
            false
       from staged_recognised as s
       join tracks as t
         on t.id = s.track_id
      where t.missing_since is not null
         or (s.path, s.root_id, s.ctime_ns, s.inode, s.device, s.cover_name, s.album_tags_id)
            is distinct from
            (t.path, t.root_id, t.ctime_ns, t.inode, t.device, t.cover_name, t.album_tags_id);

-- A file of another folder belongs to another album, or says so in another place.
insert into unsettled (kind, id)
     select 'album_tags', t.album_tags_id
       from staged_changes as c
       join tracks as t
         on t.id = c.track_id
      where c.is_rebound
        and t.album_tags_id is not null
      union
     select 'album', a.own_id
       from staged_changes as c
       join tracks as t
         on t.id = c.track_id
       join album_tags as a
         on a.id = t.album_tags_id
      where c.is_rebound
      union
     select 'album', a.own_id
       from staged_changes as c
       join staged_recognised as s
      using (track_id)
       join album_tags as a
         on a.id = s.album_tags_id
      where c.is_rebound
on conflict do nothing;

insert into scan_changes (scan_id, path, kind, track_id, detail)
     select current_setting('soniquescan.scan_id')::bigint,
            c.path,
            c.kind,
            c.track_id,
            case when c.kind = 'moved'         then jsonb_build_object('old_path', c.old_path)
                 when t.ctime_ns = s.ctime_ns then '{}'
                 else jsonb_build_object('ctime_ns', jsonb_build_object('old', t.ctime_ns, 'new', s.ctime_ns))
            end
       from staged_changes as c
       join staged_recognised as s
      using (track_id)
       join tracks as t
         on t.id = c.track_id
      where c.is_told;

-- The problems of a track move with it. First goes what was wrong with the files whose places are taken.
with moving as (
    select e.kind,
           e.path
      from staged_changes as c
      join tracks as t
        on t.id = c.track_id
      join file_errors as e
        on e.path = c.old_path
     where c.kind   = 'moved'
       and e.stage <> 'discover'
       and (e.size_bytes, e.mtime_ns, e.ctime_ns) = (t.size_bytes, t.mtime_ns, t.ctime_ns)
)
delete from file_errors as e
      using staged_changes as c
      where e.path = c.path
        and c.kind = 'moved'
        and (e.kind, e.path) not in (select kind, path from moving);

update file_errors as e
   set path     = s.path,
       ctime_ns = s.ctime_ns
  from staged_changes as c
  join staged_recognised as s
 using (track_id)
  join tracks as t
    on t.id = c.track_id
 where e.path   = c.old_path
   and c.kind   = 'moved'
   and e.stage <> 'discover'
   and (e.size_bytes, e.mtime_ns, e.ctime_ns) = (t.size_bytes, t.mtime_ns, t.ctime_ns);

delete from other_files as o
      using staged_changes as c
      where o.path = c.path;

-- One statement for all, so that tracks can swap their paths.
update tracks as t
   set path          = s.path,
       root_id       = s.root_id,
       ctime_ns      = s.ctime_ns,
       inode         = s.inode,
       device        = s.device,
       cover_name    = s.cover_name,
       album_tags_id = s.album_tags_id,
       album_id      = a.album_id,
       updated_at    = case when c.kind = 'refreshed' and not c.is_rebound then t.updated_at else now() end,
       missing_since = null
  from staged_changes as c
  join staged_recognised as s
 using (track_id)
  left join album_tags as a
    on a.id = s.album_tags_id
 where t.id = c.track_id;
