-- Merge the staged batch: first what tracks refer to, then the tracks, then their links.
--
-- Rows of artists, albums and genres are written here as the first file spells them, to be seen while the scan runs;
-- settle.sql works them out from all files at its end. What it has to look at is noted in unsettled, by the same
-- transaction, so that a scan that is killed leaves nothing forgotten.

-- One at a time: two scans that add the same artists in another order would wait for one another, and what is merged
-- while settle.sql works would be forgotten.
lock table unsettled in share row exclusive mode;

-- Artists -------------------------------------------------------------------------------------------------------------

-- Spellings not seen before. A new one can give an artist a namesake: both it and the artist of its name are unsettled.
with added as (
    insert into artist_names (id, artist_id, own_id, name, sort_name, musicbrainz_artistid, name_key)
         select s.id, s.own_id, s.own_id, s.name, s.sort_name, s.musicbrainz_artistid, s.name_key
           from staged_artist_names as s
          where not exists (select from artist_names as n where n.id = s.id)
    on conflict do nothing
      returning own_id,
                name_key
)
insert into unsettled (kind, id)
     select 'artist', own_id   from added
      union
     select 'artist', name_key from added
on conflict do nothing;

-- Which artist each spelling means by now.
update staged_artist_names as s
   set artist_id = n.artist_id
  from artist_names as n
 where n.id = s.id;

-- Artists not there yet.
with added as (
    insert into artists (id, name, sort_name, musicbrainz_artistid)
         select distinct on (s.artist_id)
                s.artist_id,
                s.name,
                s.sort_name,
                s.musicbrainz_artistid
           from staged_artist_names as s
          where not exists (select from artists as a where a.id = s.artist_id)
       order by s.artist_id,
                s.name collate "C"
    on conflict do nothing
      returning id
)
insert into unsettled (kind, id)
     select 'artist', id from added
on conflict do nothing;

-- Genres --------------------------------------------------------------------------------------------------------------

with added as (
    insert into genre_names (id, genre_id, name)
         select s.id, s.genre_id, s.name
           from staged_genre_names as s
          where not exists (select from genre_names as n where n.id = s.id)
    on conflict do nothing
      returning genre_id
)
insert into unsettled (kind, id)
     select distinct 'genre', genre_id from added
on conflict do nothing;

insert into genres (id, name)
     select distinct on (s.genre_id)
            s.genre_id,
            s.name
       from staged_genre_names as s
      where not exists (select from genres as g where g.id = s.genre_id)
   order by s.genre_id,
            s.name collate "C"
on conflict do nothing;

-- Albums --------------------------------------------------------------------------------------------------------------

with added as (
    insert into album_tags
         select s.id, s.own_id, s.own_id, s.title, s.sort_title, s.albumartist, s.albumartist_sort,
                s.date, s.year, s.original_date, s.original_year, s.compilation, s.disc_total,
                s.label, s.catalog_number, s.barcode, s.asin, s.media, s.release_country, s.release_status,
                s.release_types, s.musicbrainz_albumid, s.musicbrainz_releasegroupid, s.cover_path,
                s.albumartist_names, s.albumartists_paired, s.albumartist_key, s.title_key, s.folder_key
           from staged_album_tags as s
          where not exists (select from album_tags as a where a.id = s.id)
    on conflict do nothing
      returning own_id
)
insert into unsettled (kind, id)
     select distinct 'album', own_id from added
on conflict do nothing;

-- Which album each of the batch's sayings means by now.
update staged_album_tags as s
   set album_id = a.album_id
  from album_tags as a
 where a.id = s.id;

-- Albums not there yet, and their artists.
with added as (
    insert into albums (
                id, title, sort_title, albumartist, albumartist_sort,
                date, year, original_date, original_year, compilation, disc_total,
                label, catalog_number, barcode, asin, media, release_country, release_status,
                release_types, musicbrainz_albumid, musicbrainz_releasegroupid, cover_path,
                albumartist_names, albumartist_key)
         select distinct on (s.album_id)
                s.album_id, s.title, s.sort_title, s.albumartist, s.albumartist_sort,
                s.date, s.year, s.original_date, s.original_year, coalesce(s.compilation, false), s.disc_total,
                s.label, s.catalog_number, s.barcode, s.asin, s.media, s.release_country, s.release_status,
                s.release_types, s.musicbrainz_albumid, s.musicbrainz_releasegroupid, s.cover_path,
                s.albumartist_names, s.albumartist_key
           from staged_album_tags as s
          where not exists (select from albums as a where a.id = s.album_id)
       order by s.album_id,
                s.id
    on conflict do nothing
      returning id,
                albumartist_names
),
noted as (
    insert into unsettled (kind, id)
         select 'album', id from added
    on conflict do nothing
)
insert into album_artists (album_id, artist_id, position, artist_name_id)
     select a.id,
            n.artist_id,
            l.position,
            n.id
       from added as a
 cross join unnest(a.albumartist_names) with ordinality as l (artist_name_id, position)
       join staged_artist_names as n
         on n.id = l.artist_name_id
on conflict do nothing;

-- Tracks --------------------------------------------------------------------------------------------------------------

-- What is new and what has changed.
insert into staged_changes (number, track_id, is_new)
     select s.number,
            coalesce(t.id, nextval(pg_get_serial_sequence('tracks', 'id'))),
            t.id is null
       from staged_tracks as s
  left join tracks as t
         on t.path = s.path
      where t.id is null
         or t.missing_since is not null
         or (
            s.album_tags_id, s.links_key, s.tags, s.path, s.root_id, s.size_bytes, s.mtime_ns, s.ctime_ns,
            s.inode, s.device, s.container, s.codec, s.length_ms, s.bitrate_bps, s.sample_rate_hz,
            s.bits_per_sample, s.channels, s.title, s.title_sort, s.artist, s.artist_sort, s.track_number,
            s.track_total, s.disc_number, s.disc_total, s.disc_subtitle, s.date, s.year, s.original_date,
            s.original_year, s.bpm, s.initial_key, s.isrcs, s.moods, s.language, s.script, s."grouping", s.work,
            s.movement, s.movement_number, s.movement_total, s.copyright, s.comment, s.lyrics, s.encoded_by,
            s.encoder_settings, s.replaygain_track_gain_db, s.replaygain_track_peak, s.replaygain_album_gain_db,
            s.replaygain_album_peak, s.musicbrainz_recordingid, s.musicbrainz_trackid, s.musicbrainz_workid,
            s.musicbrainz_discid, s.acoustid_id, s.acoustid_fingerprint, s.has_cover
         ) is distinct from (
            t.album_tags_id, t.links_key, t.tags, t.path, t.root_id, t.size_bytes, t.mtime_ns, t.ctime_ns,
            t.inode, t.device, t.container, t.codec, t.length_ms, t.bitrate_bps, t.sample_rate_hz,
            t.bits_per_sample, t.channels, t.title, t.title_sort, t.artist, t.artist_sort, t.track_number,
            t.track_total, t.disc_number, t.disc_total, t.disc_subtitle, t.date, t.year, t.original_date,
            t.original_year, t.bpm, t.initial_key, t.isrcs, t.moods, t.language, t.script, t."grouping", t.work,
            t.movement, t.movement_number, t.movement_total, t.copyright, t.comment, t.lyrics, t.encoded_by,
            t.encoder_settings, t.replaygain_track_gain_db, t.replaygain_track_peak, t.replaygain_album_gain_db,
            t.replaygain_album_peak, t.musicbrainz_recordingid, t.musicbrainz_trackid, t.musicbrainz_workid,
            t.musicbrainz_discid, t.acoustid_id, t.acoustid_fingerprint, t.has_cover
         )
   order by s.number;

-- What a changed track referred to until now may have lost its last track.
with changed as (
    select t.id,
           t.album_tags_id
      from staged_changes as c
      join tracks as t
        on t.id = c.track_id
     where not c.is_new
),
lost as (
    select 'album_tags' as kind, album_tags_id as id
      from changed
     where album_tags_id is not null
     union
    select 'artist_name', l.artist_name_id
      from changed
      join track_artists as l
        on l.track_id = changed.id
     union
    select 'genre_name', l.genre_name_id
      from changed
      join track_genres as l
        on l.track_id = changed.id
)
insert into unsettled (kind, id)
     select kind, id
       from lost
      union
     select 'album', a.own_id
       from lost
       join album_tags as a
         on lost.kind = 'album_tags'
        and lost.id = a.id
on conflict do nothing;

-- An album's artist can depend on each of its tracks.
insert into unsettled (kind, id)
     select distinct 'album', a.own_id
       from staged_changes as c
       join staged_tracks as s
      using (number)
       join staged_album_tags as a
         on a.id = s.album_tags_id
on conflict do nothing;

update tracks as t
   set (
          album_tags_id, links_key, tags, path, root_id, size_bytes, mtime_ns, ctime_ns, inode, device,
          container, codec, length_ms, bitrate_bps, sample_rate_hz, bits_per_sample, channels, title,
          title_sort, artist, artist_sort, track_number, track_total, disc_number, disc_total, disc_subtitle,
          date, year, original_date, original_year, bpm, initial_key, isrcs, moods, language, script,
          "grouping", work, movement, movement_number, movement_total, copyright, comment, lyrics, encoded_by,
          encoder_settings, replaygain_track_gain_db, replaygain_track_peak, replaygain_album_gain_db,
          replaygain_album_peak, musicbrainz_recordingid, musicbrainz_trackid, musicbrainz_workid,
          musicbrainz_discid, acoustid_id, acoustid_fingerprint, has_cover,
          album_id, updated_at, missing_since
       ) = row (
          s.album_tags_id, s.links_key, s.tags, s.path, s.root_id, s.size_bytes, s.mtime_ns, s.ctime_ns,
          s.inode, s.device, s.container, s.codec, s.length_ms, s.bitrate_bps, s.sample_rate_hz,
          s.bits_per_sample, s.channels, s.title, s.title_sort, s.artist, s.artist_sort, s.track_number,
          s.track_total, s.disc_number, s.disc_total, s.disc_subtitle, s.date, s.year, s.original_date,
          s.original_year, s.bpm, s.initial_key, s.isrcs, s.moods, s.language, s.script, s."grouping", s.work,
          s.movement, s.movement_number, s.movement_total, s.copyright, s.comment, s.lyrics, s.encoded_by,
          s.encoder_settings, s.replaygain_track_gain_db, s.replaygain_track_peak, s.replaygain_album_gain_db,
          s.replaygain_album_peak, s.musicbrainz_recordingid, s.musicbrainz_trackid, s.musicbrainz_workid,
          s.musicbrainz_discid, s.acoustid_id, s.acoustid_fingerprint, s.has_cover,
          a.album_id, now(), null
       )
  from staged_changes as c
  join staged_tracks as s
 using (number)
  left join staged_album_tags as a
    on a.id = s.album_tags_id
 where t.id = c.track_id
   and not c.is_new;

insert into tracks (
          id,
          album_tags_id, links_key, tags, path, root_id, size_bytes, mtime_ns, ctime_ns, inode, device,
          container, codec, length_ms, bitrate_bps, sample_rate_hz, bits_per_sample, channels, title,
          title_sort, artist, artist_sort, track_number, track_total, disc_number, disc_total, disc_subtitle,
          date, year, original_date, original_year, bpm, initial_key, isrcs, moods, language, script,
          "grouping", work, movement, movement_number, movement_total, copyright, comment, lyrics, encoded_by,
          encoder_settings, replaygain_track_gain_db, replaygain_track_peak, replaygain_album_gain_db,
          replaygain_album_peak, musicbrainz_recordingid, musicbrainz_trackid, musicbrainz_workid,
          musicbrainz_discid, acoustid_id, acoustid_fingerprint, has_cover,
          album_id)
     select
          c.track_id,
          s.album_tags_id, s.links_key, s.tags, s.path, s.root_id, s.size_bytes, s.mtime_ns, s.ctime_ns,
          s.inode, s.device, s.container, s.codec, s.length_ms, s.bitrate_bps, s.sample_rate_hz,
          s.bits_per_sample, s.channels, s.title, s.title_sort, s.artist, s.artist_sort, s.track_number,
          s.track_total, s.disc_number, s.disc_total, s.disc_subtitle, s.date, s.year, s.original_date,
          s.original_year, s.bpm, s.initial_key, s.isrcs, s.moods, s.language, s.script, s."grouping", s.work,
          s.movement, s.movement_number, s.movement_total, s.copyright, s.comment, s.lyrics, s.encoded_by,
          s.encoder_settings, s.replaygain_track_gain_db, s.replaygain_track_peak, s.replaygain_album_gain_db,
          s.replaygain_album_peak, s.musicbrainz_recordingid, s.musicbrainz_trackid, s.musicbrainz_workid,
          s.musicbrainz_discid, s.acoustid_id, s.acoustid_fingerprint, s.has_cover,
          a.album_id
       from staged_changes as c
       join staged_tracks as s
      using (number)
  left join staged_album_tags as a
         on a.id = s.album_tags_id
      where c.is_new
   order by c.track_id;

-- Links ---------------------------------------------------------------------------------------------------------------

delete from track_artists as l
      using staged_changes as c
      where l.track_id = c.track_id
        and not c.is_new;

delete from track_genres as l
      using staged_changes as c
      where l.track_id = c.track_id
        and not c.is_new;

insert into track_artists (track_id, artist_id, role, position, artist_name_id)
     select c.track_id,
            n.artist_id,
            s.role,
            s.position,
            n.id
       from staged_track_artists as s
       join staged_changes as c
      using (number)
       join staged_artist_names as n
         on n.id = s.artist_name_id
   order by c.track_id;

insert into track_genres (track_id, genre_id, position, genre_name_id)
     select c.track_id,
            n.genre_id,
            s.position,
            n.id
       from staged_track_genres as s
       join staged_changes as c
      using (number)
       join staged_genre_names as n
         on n.id = s.genre_name_id
   order by c.track_id;

-- Errors --------------------------------------------------------------------------------------------------------------

-- A file that now reads has only the problems it still has.
delete from file_errors as e
      using staged_tracks as t
      where e.path = t.path
        and not exists (
            select
              from staged_file_errors as s
             where s.path = e.path
               and s.kind = e.kind
        );

-- Problems met before. A scan counts as one attempt, however often it meets one.
update file_errors as e
   set scan_id      = s.scan_id,
       stage        = s.stage,
       message      = s.message,
       size_bytes   = s.size_bytes,
       mtime_ns     = s.mtime_ns,
       attempts     = e.attempts + (e.scan_id <> s.scan_id)::integer,
       last_seen_at = now()
  from staged_file_errors as s
 where e.kind || ':' || e.path = s.kind || ':' || s.path;

insert into file_errors (path, scan_id, stage, kind, message, size_bytes, mtime_ns)
     select path, scan_id, stage, kind, message, size_bytes, mtime_ns
       from staged_file_errors as s
      where not exists (
            select
              from file_errors as e
             where e.kind || ':' || e.path = s.kind || ':' || s.path
        );
