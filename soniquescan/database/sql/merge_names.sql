-- Merge what files say of artists, genres and albums, as it is staged, and find out which ones they mean by now.
-- add_named.sql makes those that are not there yet.

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
