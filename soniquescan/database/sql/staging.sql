-- Where a batch lands before it is merged; made once a session, empty again after each transaction.

-- What an earlier use of the session left.
discard temp;

-- Rows of what others refer to. artist_id, album_id and genre_id are filled in by merge.sql.
create temporary table staged_artist_names (like artist_names) on commit delete rows;
create temporary table staged_album_tags   (like album_tags)   on commit delete rows;
create temporary table staged_genre_names  (like genre_names)  on commit delete rows;
alter table staged_artist_names alter artist_id drop not null;
alter table staged_album_tags   alter album_id  drop not null;

-- Numbers are sent wide, so that one that does not fit is an error of the merge and not another number.
alter table staged_album_tags
    alter year          type bigint,
    alter original_year type bigint,
    alter disc_total    type bigint;

-- Tracks and what hangs on them, by their number in the batch.
create temporary table staged_tracks (number bigint, like tracks) on commit delete rows;
alter table staged_tracks
    drop id,
    drop album_id,
    drop added_at,
    drop updated_at,
    drop missing_since,
    alter bits_per_sample type bigint,
    alter channels        type bigint,
    alter track_number    type bigint,
    alter track_total     type bigint,
    alter disc_number     type bigint,
    alter disc_total      type bigint,
    alter year            type bigint,
    alter original_year   type bigint,
    alter movement_number type bigint,
    alter movement_total  type bigint;
create temporary table staged_track_artists (
    number         bigint,
    role           text,
    position       bigint,
    artist_name_id uuid
) on commit delete rows;
create temporary table staged_track_genres (
    number        bigint,
    position      bigint,
    genre_name_id uuid
) on commit delete rows;
create temporary table staged_file_errors (like file_errors) on commit delete rows;
alter table staged_file_errors
    drop attempts,
    drop first_seen_at,
    drop last_seen_at;

-- What has to be done with each track of the batch.
create temporary table staged_changes (
    number   bigint  not null,
    track_id bigint  not null,
    is_new   boolean not null
) on commit delete rows;
