-- Merge the tracks that were read, then their links. What they refer to is there already (add_named.sql).

-- What comes of each ---------------------------------------------------------------------------------------------------

-- A path is that of the track that is there; else of the one that was missing from it last; else of a new one. That an
-- MD5 is known by now is no change: it was not asked for before.
do $$
declare
    staged      text;
    known       text;
    staged_ours text;
    known_ours  text;
begin
    select string_agg(c.staged, ', ') filter (where not c.is_ours),
           string_agg(c.known,  ', ') filter (where not c.is_ours),
           string_agg(c.staged, ', ') filter (where c.is_ours),
           string_agg(c.known,  ', ') filter (where c.is_ours)
      into staged, known, staged_ours, known_ours
      from staged_columns as c;
    execute format(
        $statement$
            insert into staged_changes (number, track_id, kind, path, old_path, is_told, is_rebound, is_relinked)
                 select s.number,
                        coalesce(t.id, nextval((select pg_get_serial_sequence('tracks', 'id')))),
                        case when t.id is null                then 'added'
                             when t.missing_since is not null then 'restored'
                             when row (%1$s) is distinct from row (%2$s) or s.audio_md5 <> t.audio_md5
                                                              then 'changed'
                             else 'refreshed'
                        end,
                        s.path,
                        t.path,
                        t.missing_since is not null or s.root_id in (select id from roots where scanned_at is not null),
                        s.album_tags_id is distinct from t.album_tags_id,
                        s.links_key     is distinct from t.links_key
                   from staged_tracks as s
              left join lateral (
                            select *
                              from tracks as there
                             where there.path = s.path
                               and there.missing_since is null
                         union all
                            select *
                              from tracks as gone
                             where gone.path = s.path
                               and gone.missing_since is not null
                          order by missing_since desc nulls first,
                                   id desc
                             limit 1
                        ) as t
                     on true
                  where t.id is null
                     or t.missing_since is not null
                     or row (%1$s) is distinct from row (%2$s)
                     or row (%3$s) is distinct from row (%4$s)
               order by s.number
        $statement$,
        staged, known, staged_ours, known_ours
    );
end
$$;

insert into staged_documents (track_id, document)
     select c.track_id,
            jsonb_strip_nulls(
                coalesce(case when c.is_rebound then d.album end, '{}')
                || d.track
                || coalesce(case when c.is_relinked then d.links end, '{}')
            )
       from staged_changes as c
       join track_documents as d
      using (track_id)
      where c.is_told
        and c.kind in ('changed', 'restored')
        and c.number is not null;

-- What they leave ------------------------------------------------------------------------------------------------------

-- What a changed track referred to until now may have lost its last track.
with lost as (
    select 'album_tags' as kind,
           t.album_tags_id as id
      from staged_changes as c
      join tracks as t
        on t.id = c.track_id
     where c.is_rebound
       and c.kind <> 'added'
       and t.album_tags_id is not null
     union
    select 'artist_name',
           l.artist_name_id
      from staged_changes as c
      join track_artists as l
     using (track_id)
     where c.is_relinked
       and c.kind <> 'added'
     union
    select 'genre_name',
           l.genre_name_id
      from staged_changes as c
      join track_genres as l
     using (track_id)
     where c.is_relinked
       and c.kind <> 'added'
)
insert into unsettled (kind, id)
     select kind, id
       from lost
      union
     select 'album', a.own_id
       from lost
       join album_tags as a
         on lost.kind = 'album_tags'
        and lost.id   = a.id
on conflict do nothing;

-- An album's artist can depend on each of its tracks.
insert into unsettled (kind, id)
     select distinct 'album', a.own_id
       from staged_changes as c
       join staged_tracks as s
      using (number)
       join staged_album_tags as a
         on a.id = s.album_tags_id
      where c.is_rebound
         or c.is_relinked
on conflict do nothing;

-- Tracks --------------------------------------------------------------------------------------------------------------

do $$
declare
    names  text;
    staged text;
begin
    select string_agg(format('%I', c.name), ', '),
           string_agg(c.staged, ', ')
      into names, staged
      from staged_columns as c;
    if exists (select from staged_changes where kind <> 'added') then
        execute format(
            $statement$
                update tracks as t
                   set (%s, album_id, updated_at, missing_since) = row (
                           %s, a.album_id, case c.kind when 'refreshed' then t.updated_at else now() end, null
                       )
                  from staged_changes as c
                  join staged_tracks as s
                 using (number)
             left join staged_album_tags as a
                    on a.id = s.album_tags_id
                 where t.id = c.track_id
                   and c.kind <> 'added'
            $statement$,
            names, staged
        );
    end if;
    execute format(
        $statement$
            insert into tracks (%s, id, album_id)
                 select %s, c.track_id, a.album_id
                   from staged_changes as c
                   join staged_tracks as s
                  using (number)
              left join staged_album_tags as a
                     on a.id = s.album_tags_id
                  where c.kind = 'added'
               order by c.track_id
        $statement$,
        names, staged
    );
end
$$;

-- May be missing tracks under another path, unless there was no scan before that could have known these.
insert into added_tracks (track_id, scan_id)
     select c.track_id,
            current_setting('soniquescan.scan_id')::bigint
       from staged_changes as c
      where c.kind = 'added'
        and exists (select from scans where id <> current_setting('soniquescan.scan_id')::bigint);

-- Links ---------------------------------------------------------------------------------------------------------------

delete from track_artists as l
      using staged_changes as c
      where l.track_id = c.track_id
        and c.is_relinked
        and c.kind <> 'added';

delete from track_genres as l
      using staged_changes as c
      where l.track_id = c.track_id
        and c.is_relinked
        and c.kind <> 'added';

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
      where c.is_relinked
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
      where c.is_relinked
   order by c.track_id;

-- What is told of it --------------------------------------------------------------------------------------------------

insert into scan_changes (scan_id, path, kind, track_id)
     select current_setting('soniquescan.scan_id')::bigint,
            c.path,
            c.kind,
            c.track_id
       from staged_changes as c
      where c.is_told
        and c.kind = 'added';

with documents as materialized (
    select c.path,
           c.kind,
           c.track_id,
           old.document as old,
           jsonb_strip_nulls(
               coalesce(case when c.is_rebound then d.album end, '{}')
               || d.track
               || coalesce(case when c.is_relinked then d.links end, '{}')
           ) as new
      from staged_changes as c
      join staged_documents as old
     using (track_id)
      join track_documents as d
     using (track_id)
)
insert into scan_changes (scan_id, path, kind, track_id, detail)
     select current_setting('soniquescan.scan_id')::bigint,
            d.path,
            d.kind,
            d.track_id,
            (
                select coalesce(jsonb_object_agg(name, jsonb_build_object('old', o.value, 'new', n.value)), '{}')
                  from jsonb_each(d.old) as o (name, value)
             full join jsonb_each(d.new) as n (name, value)
                 using (name)
                 where o.value is distinct from n.value
            )
       from documents as d;
