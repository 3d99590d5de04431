-- Take in what the staged tracks of a first load refer to: artists, genres and albums.
--
-- What merge_names.sql does where nothing was known before the scan: each name stands for itself until settle.sql works out
-- what all files together say, and is staged once, unless its batch comes again.

insert into artist_names
     select *
       from staged_artist_names
on conflict do nothing;

insert into artists (id, name, sort_name, musicbrainz_artistid)
     select distinct on (own_id)
            own_id,
            name,
            sort_name,
            musicbrainz_artistid
       from staged_artist_names
   order by own_id,
            name collate "C"
on conflict do nothing;

insert into genre_names
     select *
       from staged_genre_names
on conflict do nothing;

insert into genres (id, name)
     select distinct on (genre_id)
            genre_id,
            name
       from staged_genre_names
   order by genre_id,
            name collate "C"
on conflict do nothing;

insert into album_tags
     select *
       from staged_album_tags
on conflict do nothing;

with added as (
    insert into albums (
                id, title, sort_title, albumartist, albumartist_sort,
                date, year, original_date, original_year, compilation, disc_total,
                label, catalog_number, barcode, asin, media, release_country, release_status,
                release_types, musicbrainz_albumid, musicbrainz_releasegroupid, cover_path,
                albumartist_names, albumartist_key)
         select distinct on (own_id)
                own_id, title, sort_title, albumartist, albumartist_sort,
                date, year, original_date, original_year, coalesce(compilation, false), disc_total,
                label, catalog_number, barcode, asin, media, release_country, release_status,
                release_types, musicbrainz_albumid, musicbrainz_releasegroupid, cover_path,
                albumartist_names, albumartist_key
           from staged_album_tags
       order by own_id,
                id
    on conflict do nothing
      returning id,
                albumartist_names
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

insert into unsettled (kind, id)
     select 'artist', own_id   from staged_artist_names
      union
     select 'artist', name_key from staged_artist_names
      union
     select 'genre',  genre_id from staged_genre_names
      union
     select 'album',  own_id   from staged_album_tags
on conflict do nothing;
