-- Where a batch lands before it is merged; made once a session, empty again after each transaction.

-- What an earlier use of the session left.
discard temp;

-- Rows of what others refer to. They come with the artist and the album that they identify alone; which ones they mean by
-- now is found by merge_names.sql.
create temporary table staged_artist_names (like artist_names) on commit delete rows;
create temporary table staged_album_tags   (like album_tags)   on commit delete rows;
create temporary table staged_genre_names  (like genre_names)  on commit delete rows;

-- Tracks and what hangs on them, by their number in the batch.
create temporary table staged_tracks (number bigint, like tracks) on commit delete rows;
alter table staged_tracks
    drop id,
    drop added_at,
    drop updated_at,
    drop missing_since;
create temporary table staged_track_artists (
    number         bigint,
    artist_id      uuid,
    role           text,
    position       integer,
    artist_name_id uuid
) on commit delete rows;
create temporary table staged_track_genres (
    number        bigint,
    genre_id      uuid,
    position      integer,
    genre_name_id uuid
) on commit delete rows;

-- Tracks that are known again without being read.
create temporary table staged_recognised (
    track_id      bigint,
    path          text,
    root_id       bigint,
    ctime_ns      bigint,
    inode         bigint,
    device        bigint,
    cover_name    text,
    album_tags_id uuid
) on commit delete rows;

-- Files that hold no track, or not all of one.
create temporary table staged_file_errors (like file_errors) on commit delete rows;
alter table staged_file_errors
    drop attempts,
    drop first_seen_at,
    drop last_seen_at;
create temporary table staged_other_files (like other_files) on commit delete rows;

-- What comes of each track of the batch.
create temporary table staged_changes (
    number      bigint,           -- null where it was not read
    track_id    bigint  not null,
    kind        text    not null, -- as scan_changes.kind, or 'refreshed': nothing that people see of it has changed
    path        text    not null,
    old_path    text,             -- null where it is new
    is_told     boolean not null, -- by scan_changes
    is_rebound  boolean not null, -- it says something else about its album
    is_relinked boolean not null  -- it has other people or genres
) on commit delete rows;

-- Tracks as they were, where scan_changes is to tell what has changed. Read once, so not worth compressing.
create temporary table staged_documents (
    track_id bigint not null,
    document jsonb  not null
) on commit delete rows;
alter table staged_documents alter document set storage external;

-- What a track is read into: the statements of merge_tracks.sql are put together from this, so that a new column need
-- not be named there. Some columns are for us: where these alone differ, the track is the same to people.
create temporary table staged_columns as
    select attname                 as name,
           format('s.%I', attname) as staged,
           format('t.%I', attname) as known,
           attname in ('root_id', 'inode', 'device', 'cover_name', 'extractor_version', 'audio_md5') as is_ours
      from pg_attribute
     where attrelid = 'staged_tracks'::regclass
       and attnum > 0
       and not attisdropped
       and attname not in ('number', 'album_id');
