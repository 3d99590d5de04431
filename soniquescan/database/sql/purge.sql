-- Deletes the tracks that have been missing since a moment or longer, with what only they have, and notes what they
-- referred to as unsettled: it may have lost its last track.
with gone as (
    delete from soniquescan.tracks
          where missing_since <= %(before)s
      returning id,
                album_tags_id
),
gone_artists as (
    delete from soniquescan.track_artists as l
          using gone
          where l.track_id = gone.id
      returning l.artist_name_id
),
gone_genres as (
    delete from soniquescan.track_genres as l
          using gone
          where l.track_id = gone.id
      returning l.genre_name_id
),
forgotten as (
    delete from soniquescan.added_tracks as a
          using gone
          where a.track_id = gone.id
),
noted as (
    insert into soniquescan.unsettled (kind, id)
         select 'album_tags', album_tags_id
           from gone
          where album_tags_id is not null
          union
         select 'album', a.own_id
           from gone
           join soniquescan.album_tags as a
             on a.id = gone.album_tags_id
          union
         select 'artist_name', artist_name_id
           from gone_artists
          union
         select 'genre_name', genre_name_id
           from gone_genres
    on conflict do nothing
)
select count(*)
  from gone;
