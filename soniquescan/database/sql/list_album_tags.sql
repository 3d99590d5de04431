-- What files say about their albums, and the album artists in order: name, sort name, MusicBrainz id.
select a.id::text,
       to_jsonb(a),
       array(
             select jsonb_build_array(n.name, n.sort_name, n.musicbrainz_artistid)
               from unnest(a.albumartist_names) with ordinality as l (id, position)
               join artist_names as n
              using (id)
           order by l.position
       )
  from album_tags as a
 where a.id = any (%s::uuid[]);
