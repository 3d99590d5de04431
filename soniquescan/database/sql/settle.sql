-- The end of a scan: artists, albums and genres as all files together say they are, whatever came first.
--
-- Everything here is worked out from what the files themselves say (album_tags, artist_names, genre_names, the links)
-- and is the same after one scan or many. Only what unsettled names is looked at; in run order, one transaction.

-- One at a time: what another scan commits in the meantime would be forgotten at the end, unread. merge.sql takes the same.
lock table unsettled in share row exclusive mode;

-- 0. What the planner has to know -------------------------------------------------------------------------------------

-- After a first load the tables have no statistics yet; without, 60,000 tracks took 17 seconds here and not 0.2. A sample
-- of 9,000 rows serves, and of the tables that have many columns those by which rows are looked up: to look at all took
-- three times as long. Autovacuum takes a larger sample of everything when it comes by.
--
-- A transaction that is undone leaves relpages, but no statistics.
set local default_statistics_target = 30;
do $$
declare
    grown text;
begin
    -- The planner may have met it when it was empty.
    analyze unsettled;
    for grown in
        select format('%s%s', c.oid::regclass, k.columns)
          from pg_class as c
     left join (
               values ('tracks',     '(id, root_id, path, size_bytes, inode, missing_since, album_id, album_tags_id)'),
                      ('album_tags', '(id, album_id, own_id, folder_key, title_key)'),
                      ('albums',     '(id, musicbrainz_albumid, albumartist_key)')
               ) as k (name, columns)
            on k.name = c.relname
         where c.relnamespace = 'soniquescan'::regnamespace
           and c.relkind = 'r'
           and pg_relation_size(c.oid) > 0
           and (
                  pg_relation_size(c.oid) > 2 * greatest(c.relpages, 4) * current_setting('block_size')::bigint
               or not exists (select from pg_stats as s where s.schemaname = 'soniquescan' and s.tablename = c.relname)
               )
    loop
        execute 'analyze ' || grown;
    end loop;
end
$$;

-- 1. What nothing says any more ---------------------------------------------------------------------------------------

-- Sayings about albums that have lost their last track. Whether another album counts into one with a MusicBrainz id
-- depends on those in its folder that have its title, so these are unsettled as well.
with gone as (
    delete from album_tags as a
          using unsettled as u
          where u.kind = 'album_tags'
            and u.id   = a.id
            and not exists (
                select
                  from tracks as t
                 where t.album_id      = a.album_id
                   and t.album_tags_id = a.id
            )
      returning a.own_id,
                a.folder_key,
                a.title_key,
                a.albumartist_names
)
insert into unsettled (kind, id)
     select 'album', own_id
       from gone
      union
     select 'album', a.own_id
       from album_tags as a
      where (a.folder_key, a.title_key) in (select folder_key, title_key from gone)
      union
     select 'artist_name', unnest(albumartist_names)
       from gone
on conflict do nothing;

-- The albums beside those that are unsettled, for the same reason.
insert into unsettled (kind, id)
     select distinct 'album', b.own_id
       from album_tags as b
      where (b.folder_key, b.title_key) in (
                select a.folder_key,
                       a.title_key
                  from album_tags as a
                  join unsettled as u
                    on u.kind = 'album'
                   and u.id   = a.own_id
            )
on conflict do nothing;

-- Spellings of artists that have lost their last track and album. Various Artists always stays.
with gone as (
    delete from artist_names as n
          using unsettled as u
          where u.kind = 'artist_name'
            and u.id   = n.id
            and n.id  <> 'c3796444-9bb8-5016-918d-8dbcb91ee501'
            and not exists (
                select
                  from track_artists as l
                 where l.artist_id      = n.artist_id
                   and l.artist_name_id = n.id
            )
            and not exists (
                select
                  from (select distinct unnest(albumartist_names) as id from album_tags) as used
                 where used.id = n.id
            )
      returning n.artist_id,
                n.own_id,
                n.name_key
)
insert into unsettled (kind, id)
     select 'artist', artist_id from gone
      union
     select 'artist', own_id    from gone
      union
     select 'artist', name_key  from gone
on conflict do nothing;

-- Spellings of genres that have lost their last track.
with gone as (
    delete from genre_names as n
          using unsettled as u
          where u.kind = 'genre_name'
            and u.id   = n.id
            and not exists (
                select
                  from track_genres as l
                 where l.genre_id      = n.genre_id
                   and l.genre_name_id = n.id
            )
      returning n.genre_id
)
insert into unsettled (kind, id)
     select distinct 'genre', genre_id
       from gone
on conflict do nothing;

-- 2. Genres -----------------------------------------------------------------------------------------------------------

update genres as g
   set name = n.name
  from (
           select n.genre_id,
                  min(n.name collate "C") as name
             from genre_names as n
             join unsettled as u
               on u.kind = 'genre'
              and u.id   = n.genre_id
         group by n.genre_id
       ) as n
 where g.id   = n.genre_id
   and g.name is distinct from n.name;

delete from genres as g
      using unsettled as u
      where u.kind = 'genre'
        and u.id   = g.id
        and not exists (select from genre_names as n where n.genre_id = g.id);

-- 3. Albums -----------------------------------------------------------------------------------------------------------

-- Each album by what its own files say. Where none names an album artist, it is the first artist of all its tracks,
-- known by MusicBrainz id or by name, or else Various Artists.
with said as (
    select a.own_id,
           min(a.title            collate "C") as title,
           min(a.sort_title       collate "C") as sort_title,
           bool_and(a.albumartist is null)     as is_uncredited,
           min(a.date             collate "C") as date,
           min(a.year)                         as year,
           min(a.original_date    collate "C") as original_date,
           min(a.original_year)                as original_year,
           bool_or(a.compilation)              as compilation,
           max(a.disc_total)                   as disc_total,
           min(a.label            collate "C") as label,
           min(a.catalog_number   collate "C") as catalog_number,
           min(a.barcode          collate "C") as barcode,
           min(a.asin             collate "C") as asin,
           min(a.media            collate "C") as media,
           min(a.release_country  collate "C") as release_country,
           min(a.release_status   collate "C") as release_status,
           min(a.release_types    collate "C") filter (where a.release_types <> '{}') as release_types,
           -- Neither type has min() in every version; these are the same in all rows, or nearly.
           min(a.musicbrainz_albumid::text)::uuid        as musicbrainz_albumid,
           min(a.musicbrainz_releasegroupid::text)::uuid as musicbrainz_releasegroupid,
           min(a.cover_path       collate "C") as cover_path
      from album_tags as a
      join unsettled as u
        on u.kind = 'album'
       and u.id   = a.own_id
  group by a.own_id
),
-- Of several album artists the one that has MusicBrainz ids, then the first in byte order; then any, but always the same.
credited as (
    select distinct on (a.own_id)
           a.own_id,
           a.albumartist,
           a.albumartist_sort,
           a.albumartist_names,
           a.albumartist_key
      from album_tags as a
      join unsettled as u
        on u.kind = 'album'
       and u.id   = a.own_id
     where a.albumartist is not null
  order by a.own_id,
           a.albumartists_paired desc,
           a.albumartist      collate "C",
           a.albumartist_sort collate "C",
           a.albumartist_names
),
-- The first artist of each track of the other albums.
first_artists as (
    select distinct
           a.own_id as album_id,
           n.id,
           n.own_id,
           n.name_key,
           n.name,
           n.sort_name,
           n.musicbrainz_artistid
      from said
      join album_tags as a
        on a.own_id = said.own_id
      join tracks as t
        on t.album_id      = a.album_id
       and t.album_tags_id = a.id
      join track_artists as l
        on l.track_id = t.id
       and l.role     = 'artist'
       and l.position = 1
      join artist_names as n
        on n.id = l.artist_name_id
     where said.is_uncredited
),
agreed as (
    select album_id,
           count(distinct own_id) = 1 or count(distinct name_key) = 1                             as one,
           (array_agg(id       order by musicbrainz_artistid is null, name collate "C", id))[1]   as artist_name_id,
           (array_agg(name_key order by musicbrainz_artistid is null, name collate "C", id))[1]   as name_key,
           (array_agg(name     order by musicbrainz_artistid is null, name collate "C", id))[1]   as name,
           min(sort_name collate "C")                                                             as sort_name
      from first_artists
  group by album_id
),
worked_out as (
    select s.own_id as id,
           s.title,
           s.sort_title,
           case when not s.is_uncredited then c.albumartist
                when g.one               then g.name
                when not g.one           then 'Various Artists'
           end as albumartist,
           case when not s.is_uncredited then c.albumartist_sort
                when g.one               then g.sort_name
           end as albumartist_sort,
           s.date,
           s.year,
           s.original_date,
           s.original_year,
           coalesce(s.compilation, false) or coalesce(not g.one, false) as compilation,
           s.disc_total,
           s.label,
           s.catalog_number,
           s.barcode,
           s.asin,
           s.media,
           s.release_country,
           s.release_status,
           coalesce(s.release_types, '{}') as release_types,
           s.musicbrainz_albumid,
           s.musicbrainz_releasegroupid,
           s.cover_path,
           case when not s.is_uncredited then c.albumartist_names
                when g.one               then array[g.artist_name_id]
                when not g.one           then array['c3796444-9bb8-5016-918d-8dbcb91ee501'::uuid]
                else '{}'
           end as albumartist_names,
           case when not s.is_uncredited then c.albumartist_key
                when g.one               then g.name_key
                when not g.one           then 'c419ac7e-5fd5-5b29-a632-9952f4f93471'::uuid
           end as albumartist_key
      from said as s
 left join credited as c
        on c.own_id = s.own_id
 left join agreed as g
        on g.album_id = s.own_id
),
changed as (
    update albums as a
       set (
            title, sort_title, albumartist, albumartist_sort, date, year, original_date, original_year,
            compilation, disc_total, label, catalog_number, barcode, asin, media, release_country,
            release_status, release_types, musicbrainz_albumid, musicbrainz_releasegroupid, cover_path,
            albumartist_names, albumartist_key
           ) = row (
            w.title, w.sort_title, w.albumartist, w.albumartist_sort, w.date, w.year, w.original_date,
            w.original_year, w.compilation, w.disc_total, w.label, w.catalog_number, w.barcode, w.asin, w.media,
            w.release_country, w.release_status, w.release_types, w.musicbrainz_albumid,
            w.musicbrainz_releasegroupid, w.cover_path, w.albumartist_names, w.albumartist_key
           )
      from worked_out as w
     where a.id = w.id
       and row (a.*) is distinct from row (w.*)
)
insert into albums
     select w.*
       from worked_out as w
      where not exists (select from albums as a where a.id = w.id);

-- An album whose files give no MusicBrainz id counts into the one with a MusicBrainz id that shares folder, title and
-- album artist, if there is exactly one; else it stands (again) for itself.
with places as (
    select distinct
           a.own_id,
           a.folder_key,
           a.title_key,
           album.albumartist_key,
           album.musicbrainz_albumid
      from album_tags as a
      join unsettled as u
        on u.kind = 'album'
       and u.id   = a.own_id
      join albums as album
        on album.id = a.own_id
),
meant as (
    select a.own_id,
           case when count(distinct b.own_id) = 1 then min(b.own_id::text)::uuid
                else a.own_id
           end as album_id
      from places as a
 left join places as b
        on b.folder_key = a.folder_key
       and b.title_key  = a.title_key
       and b.musicbrainz_albumid is not null
       and b.albumartist_key is not distinct from a.albumartist_key
     where a.musicbrainz_albumid is null
  group by a.own_id
),
-- The table as it was is not seen by the statement that updates it: so the old album is taken along.
moved as (
    update album_tags as a
       set album_id = m.album_id
      from meant as m,
           album_tags as old
     where a.own_id    = m.own_id
       and old.id      = a.id
       and a.album_id <> m.album_id
 returning a.id,
           a.album_id,
           old.album_id as old_album_id
),
noted as (
    insert into unsettled (kind, id)
         select 'album', old_album_id
           from moved
    on conflict do nothing
)
update tracks as t
   set album_id = m.album_id
  from moved as m
 where t.album_id      = m.old_album_id
   and t.album_tags_id = m.id;

delete from albums as a
      using unsettled as u
      where u.kind = 'album'
        and u.id   = a.id
        and not exists (select from tracks as t where t.album_id = a.id);

-- Their artists: what is not there any more, then what is not there yet.
with gone as (
    delete from album_artists as l
          using unsettled as u
          where u.kind = 'album'
            and u.id   = l.album_id
            and not exists (
                select
                  from albums as a
                 where a.id = l.album_id
                   and a.albumartist_names[l.position] = l.artist_name_id
            )
      returning l.artist_id
)
insert into unsettled (kind, id)
     select distinct 'artist', artist_id
       from gone
on conflict do nothing;

with added as (
    insert into album_artists (album_id, artist_id, position, artist_name_id)
         select a.id,
                n.artist_id,
                l.position,
                n.id
           from albums as a
           join unsettled as u
             on u.kind = 'album'
            and u.id   = a.id
     cross join unnest(a.albumartist_names) with ordinality as l (artist_name_id, position)
           join artist_names as n
             on n.id = l.artist_name_id
          where not exists (
                select
                  from album_artists as old
                 where old.album_id = a.id
                   and old.position = l.position
            )
      returning artist_id
)
insert into unsettled (kind, id)
     select distinct 'artist', artist_id
       from added
on conflict do nothing;

-- 4. Artists ----------------------------------------------------------------------------------------------------------

-- The artist of a name counts into its MusicBrainz namesake if there is exactly one; else it stands for itself.
with meant as (
    select n.own_id,
           case when count(distinct b.own_id) = 1 then min(b.own_id::text)::uuid
                else n.own_id
           end as artist_id
      from artist_names as n
      join unsettled as u
        on u.kind = 'artist'
       and u.id   = n.own_id
 left join artist_names as b
        on b.name_key = n.name_key
       and b.musicbrainz_artistid is not null
       and exists (
                select
                  from (select artist_id from track_artists union all select artist_id from album_artists) as l
                 where l.artist_id = b.own_id
           )
     where n.musicbrainz_artistid is null
  group by n.own_id
),
moved as (
    update artist_names as n
       set artist_id = m.artist_id
      from meant as m,
           artist_names as old
     where n.own_id     = m.own_id
       and old.id       = n.id
       and n.artist_id <> m.artist_id
 returning n.id,
           n.artist_id,
           old.artist_id as old_artist_id
),
noted as (
    insert into unsettled (kind, id)
         select 'artist', m.id
           from (select artist_id from moved union select old_artist_id from moved) as m (id)
          -- After a first load all of them are there, which a join finds out in a tenth of the time.
          where not exists (select from unsettled as u where u.kind = 'artist' and u.id = m.id)
    on conflict do nothing
),
moved_albums as (
    update album_artists as l
       set artist_id = m.artist_id
      from moved as m
     where l.artist_id      = m.old_artist_id
       and l.artist_name_id = m.id
)
update track_artists as l
   set artist_id = m.artist_id
  from moved as m
 where l.artist_id      = m.old_artist_id
   and l.artist_name_id = m.id;

-- Each artist by what the files say that identify it themselves.
with worked_out as (
    select n.own_id                       as id,
           min(n.name      collate "C")   as name,
           min(n.sort_name collate "C")   as sort_name,
           min(n.musicbrainz_artistid::text)::uuid as musicbrainz_artistid
      from artist_names as n
      join unsettled as u
        on u.kind = 'artist'
       and u.id   = n.own_id
     where n.artist_id = n.own_id
  group by n.own_id
),
changed as (
    update artists as a
       set name      = w.name,
           sort_name = w.sort_name
      from worked_out as w
     where a.id = w.id
       and row (a.*) is distinct from row (w.*)
)
insert into artists
     select w.*
       from worked_out as w
      where not exists (select from artists as a where a.id = w.id);

delete from artists as a
      using unsettled as u
      where u.kind = 'artist'
        and u.id   = a.id
        and not exists (select from track_artists as l where l.artist_id = a.id)
        and not exists (select from album_artists as l where l.artist_id = a.id);

select empty_table('unsettled');
