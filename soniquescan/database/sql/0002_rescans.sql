-- What a scan has to know to leave alone what has not changed, and what it has to keep of what has.

set local search_path to soniquescan;

-- Tracks --------------------------------------------------------------------------------------------------------------

alter table tracks
    add column audio_md5         uuid,
    add column cover_name        text,
    add column extractor_version integer not null default 0;
comment on column tracks.audio_md5         is 'MD5 of the decoded audio as a FLAC file gives it: the same after its tags were edited.';
comment on column tracks.cover_name        is 'The picture beside the file: cover, folder or front .jpg, .png or .webp.';
comment on column tracks.extractor_version is 'The rules by which the file was read; older ones are read again.';

-- A path is that of one track that is there. One that is missing keeps the path at which it was last seen, even when
-- another file has taken it since. Deferrable, so that one statement can swap the paths of two tracks.
alter table tracks drop constraint tracks_path_excl;
alter table tracks
    add constraint tracks_path_excl
        exclude using hash (path with =) where (missing_since is null) deferrable initially immediate;
comment on column tracks.path is 'Absolute; no two tracks that are there have the same. A byte that is not valid UTF-8 is shown as U+F780 + (byte - 128).';

-- The missing ones are few among many: those of one path, all of them, those of one size.
create index tracks_missing_path_idx on tracks using hash (path) where missing_since is not null;
create index tracks_missing_size_idx on tracks (size_bytes)      where missing_since is not null;
create index tracks_inode_idx        on tracks (inode);

-- Files that hold no track --------------------------------------------------------------------------------------------

alter table file_errors
    add column ctime_ns          bigint,
    add column extractor_version integer not null default 0;
comment on column file_errors.attempts is 'How many scans met the problem. A file is not read again until its size or times change.';

-- Deferrable, as the problems of a track move with it.
alter table file_errors drop constraint file_errors_expr_excl;
alter table file_errors
    add constraint file_errors_kind_path_excl
        exclude using hash ((kind || ':' || path) with =) deferrable initially immediate;
create index file_errors_path_idx on file_errors using hash (path);

create table other_files (
    path              text    not null,
    size_bytes        bigint  not null,
    mtime_ns          bigint  not null,
    ctime_ns          bigint  not null,
    extractor_version integer not null,
    exclude using hash (path with =)
);
comment on table other_files is 'Files whose name does not say what they are and whose content is no audio: not opened again until they change.';

-- Roots and scans -----------------------------------------------------------------------------------------------------

alter table roots add column scanned_at timestamptz;
comment on column roots.scanned_at is 'When a scan of it was last completed; null before the first.';

update roots as r
   set scanned_at = s.finished_at
  from (
          select unnest(roots)    as path,
                 max(finished_at) as finished_at
            from scans
           where status = 'completed'
        group by 1
       ) as s
 where s.path = r.path;

alter table scans add column conclusion jsonb;
comment on column scans.conclusion is 'What was worked out at the end of the scan; null before that.';

create table scan_changes (
    scan_id  bigint not null,
    path     text   not null,
    kind     text   not null check (kind in (
        'added',    -- a new track
        'changed',  -- a track whose file was read again and is another one
        'moved',    -- a track whose file is at another path
        'missing',  -- a track whose file is gone
        'restored', -- a missing track whose file is there again
        'failed'    -- a file with a problem that it did not have
    )),
    detail   jsonb  not null default '{}',
    track_id bigint
);
create index scan_changes_scan_id_idx on scan_changes (scan_id);
comment on table  scan_changes          is 'What each scan has changed; added, changed and failed files not before a scan of their root was completed.';
comment on column scan_changes.path     is 'As tracks.path; of a move the new one.';
comment on column scan_changes.detail   is 'changed, restored: {"column": {"old": …, "new": …}}; moved: {"old_path": …}; failed: {"kind": …, "message": …}.';
comment on column scan_changes.track_id is 'tracks.id; null of a file that failed.';

-- In three parts, of which one that has not changed need not be put together.
create view track_documents as
   select t.id as track_id,
          to_jsonb(t) - array[
              'id', 'root_id', 'path', 'inode', 'device', 'album_id', 'added_at', 'updated_at', 'missing_since',
              'album_tags_id', 'links_key', 'cover_name', 'extractor_version'
          ] as track,
          to_jsonb(a) - array[
              'id', 'album_id', 'own_id', 'title', 'albumartist_names', 'albumartists_paired', 'albumartist_key',
              'title_key', 'folder_key'
          ]
          || jsonb_build_object(
              'album', a.title,
              'albumartists', array(
                   select n.name
                     from unnest(a.albumartist_names) with ordinality as l (id, position)
                     join artist_names as n
                    using (id)
                 order by l.position
              )
          ) as album,
          (
              select jsonb_object_agg(role, names)
                from (
                      select case l.role when 'artist' then 'artists' else l.role end as role,
                             jsonb_agg(n.name order by l.position)                  as names
                        from track_artists as l
                        join artist_names as n
                          on n.id = l.artist_name_id
                       where l.track_id = t.id
                    group by l.role
                   union all
                      select 'genres',
                             jsonb_agg(n.name order by l.position)
                        from track_genres as l
                        join genre_names as n
                          on n.id = l.genre_name_id
                       where l.track_id = t.id
                      having count(*) > 0
                     ) as linked
          ) as links
     from tracks as t
left join album_tags as a
       on a.id = t.album_tags_id;
comment on view   track_documents       is 'Tracks as scan_changes tells of them: columns that people know, by their names.';
comment on column track_documents.track is 'What is in tracks.';
comment on column track_documents.album is 'What the file says about its album; null where it says nothing.';
comment on column track_documents.links is 'Names of genres, and of people by role, artists for "artist"; null where there are none.';

-- What the end of a scan has to look at -------------------------------------------------------------------------------

create table added_tracks (
    track_id bigint not null,
    scan_id  bigint not null
);
comment on table added_tracks is 'Tracks that are new: at the end of a scan each may turn out to be a missing one under another path.';

create table absent_files (
    path        text    not null,
    is_excluded boolean not null
);
comment on table absent_files is 'Paths known before and not found by the scan that runs; is_excluded: by a pattern.';

-- Deleted rows stay in a table until it is vacuumed, for which an embedded server that runs for seconds has no time; and
-- every scan reads these tables to see that they are empty. Whoever reads one in the meantime is not waited for.
create function empty_table(name regclass) returns void language plpgsql as $$
begin
    if pg_relation_size(name) > 1048576 then
        execute format('lock table %s in access exclusive mode nowait', name);
        execute format('truncate %s', name);
    else
        execute format('delete from %s', name);
    end if;
exception
    when lock_not_available then
        execute format('delete from %s', name);
end
$$;
comment on function empty_table is 'For unsettled, added_tracks and absent_files.';
