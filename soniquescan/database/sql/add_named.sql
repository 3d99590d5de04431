-- Add the artists, genres and albums that staged names mean and that are not there yet.
--
-- Their rows are written here as the first file spells them, to be seen while the scan runs; settle.sql works them out
-- from all files at its end. What it has to look at is noted in unsettled, here and where the names are taken in, by the
-- same transaction: so a scan that is killed leaves nothing forgotten.

with added as (
    insert into artists (id, name, sort_name, musicbrainz_artistid)
         select distinct on (s.artist_id)
                s.artist_id,
                s.name,
                s.sort_name,
                s.musicbrainz_artistid
           from staged_artist_names as s
       order by s.artist_id,
                s.name collate "C"
    on conflict do nothing
      returning id
)
insert into unsettled (kind, id)
     select 'artist', id from added
on conflict do nothing;

insert into genres (id, name)
     select distinct on (s.genre_id)
            s.genre_id,
            s.name
       from staged_genre_names as s
   order by s.genre_id,
            s.name collate "C"
on conflict do nothing;

-- Albums, and their artists.
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
