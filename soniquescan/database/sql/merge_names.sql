-- Merge what the staged tracks refer to: artists, genres and albums.
--
-- Their rows are written here as the first file spells them, to be seen while the scan runs; settle.sql works them out
-- from all files at its end. What it has to look at is noted in unsettled, by the same transaction, so that a scan that
-- is killed leaves nothing forgotten.

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
