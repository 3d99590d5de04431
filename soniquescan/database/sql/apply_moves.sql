-- Tracks that were taken for new ones are missing ones under another path, as `moves` (find_moves.sql) has them.

-- What they said until now may have been said by them alone.
insert into unsettled (kind, id)
     select 'album_tags', t.album_tags_id
       from moves as m
       join tracks as t
         on t.id = m.old_id
      where t.album_tags_id is not null
      union
     select 'album', a.own_id
       from moves as m
       join tracks as t
         on t.id in (m.old_id, m.new_id)
       join album_tags as a
         on a.id = t.album_tags_id
      union
     select 'artist_name', l.artist_name_id
       from moves as m
       join track_artists as l
         on l.track_id = m.old_id
      union
     select 'genre_name', l.genre_name_id
       from moves as m
       join track_genres as l
         on l.track_id = m.old_id
on conflict do nothing;

delete from track_artists as l using moves as m where l.track_id = m.old_id;
delete from track_genres  as l using moves as m where l.track_id = m.old_id;
update track_artists as l set track_id = m.old_id from moves as m where l.track_id = m.new_id;
update track_genres  as l set track_id = m.old_id from moves as m where l.track_id = m.new_id;

-- All columns but those that are the old track's own, whatever their names.
do $$
declare
    names text;
    added text;
begin
    select string_agg(format('%I', attname), ', '),
           string_agg(format('n.%I', attname), ', ')
      into names, added
      from pg_attribute
     where attrelid = 'tracks'::regclass
       and attnum > 0
       and not attisdropped
       and attname not in ('id', 'added_at', 'updated_at', 'missing_since');
    execute format(
        $statement$
            with added as (
                delete from tracks as t
                      using moves as m
                      where t.id = m.new_id
                  returning t.*,
                            m.old_id
            )
            update tracks as t
               set (%s, updated_at, missing_since) = row (%s, now(), null)
              from added as n
             where t.id = n.old_id
        $statement$,
        names, added
    );
end
$$;

-- One move instead of an addition and what was told since, and of a loss; but what was told at the end of an earlier scan
-- is history.
delete from scan_changes as c
      using moves as m,
            scans as s
      where c.track_id = m.new_id
        and c.scan_id  = s.id
        and s.status  <> 'completed'
        and c.scan_id >= (select min(added_by) from moves);

update scan_changes as c
   set track_id = m.old_id
  from moves as m
 where c.track_id = m.new_id
   and c.scan_id >= (select min(added_by) from moves);

delete from scan_changes as c
      using moves as m
      where c.track_id = m.old_id
        and c.scan_id  = current_setting('soniquescan.scan_id')::bigint;

insert into scan_changes (scan_id, path, kind, track_id, detail)
     select current_setting('soniquescan.scan_id')::bigint,
            new_path,
            'moved',
            old_id,
            jsonb_build_object('old_path', old_path)
       from moves;

delete from added_tracks as a
      using moves as m
      where a.track_id = m.new_id;
