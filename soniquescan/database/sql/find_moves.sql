-- Tracks that are new may be missing ones under another path, e.g. on another disk: where the contents are the same, and
-- exactly one fits one, it is a move. The old track lives on with what was read at the new path.

create temporary table moves on commit drop as
with added as (
    select t.id,
           t.size_bytes,
           t.length_ms,
           t.audio_md5,
           t.musicbrainz_trackid,
           t.links_key
      from added_tracks as a
      join tracks as t
        on t.id = a.track_id
     where t.missing_since is null
       and not exists (select from absent_files as f where f.path = t.path)
),
lost as (
    select t.id, t.size_bytes, t.length_ms, t.audio_md5, t.musicbrainz_trackid, t.links_key
      from tracks as t
     where t.missing_since is not null
     union
    select t.id, t.size_bytes, t.length_ms, t.audio_md5, t.musicbrainz_trackid, t.links_key
      from absent_files as f
      join tracks as t
        on t.path = f.path
       and t.missing_since is null
     where not f.is_excluded
),
tracks_of_interest as (
    select 'added' as side,
           added.*
      from added
     where size_bytes in (select size_bytes from lost)
        or audio_md5  in (select audio_md5  from lost where audio_md5 is not null)
 union all
    select 'lost' as side,
           lost.*
      from lost
     where size_bytes in (select size_bytes from added)
        or audio_md5  in (select audio_md5  from added where audio_md5 is not null)
),
-- Documents are put together only for tracks that may be the same by what is quickly compared.
alike as (
    select size_bytes,
           length_ms,
           links_key
      from tracks_of_interest
  group by size_bytes,
           length_ms,
           links_key
    having count(distinct side) = 2
),
-- By each rule two tracks are the same whose keys are.
keys as (
    select side,
           id,
           'audio ' || audio_md5 as key
      from tracks_of_interest
     where audio_md5 is not null
 union all
    select side,
           id,
           'release track ' || size_bytes || ' ' || musicbrainz_trackid
      from tracks_of_interest
     where musicbrainz_trackid is not null
 union all
    select i.side,
           i.id,
           'tags ' || i.links_key || md5(
               (d.track - array['mtime_ns', 'ctime_ns', 'audio_md5'])::text
               || coalesce((d.album - array['cover_path'])::text, '')
           )
      from alike as a
      join tracks_of_interest as i
        on i.size_bytes = a.size_bytes
       and i.links_key  = a.links_key
       and i.length_ms is not distinct from a.length_ms
      join track_documents as d
        on d.track_id = i.id
),
classes as (
    select key,
           min(id) filter (where side = 'lost')  as old_id,
           min(id) filter (where side = 'added') as new_id,
           count(*) = 2                          as is_clear
      from keys
  group by key
    having count(distinct side) = 2
),
-- No guess: whoever may be one of several is none.
unclear as (
    select k.id
      from keys as k
      join classes as c
     using (key)
     where not c.is_clear
),
pairs as (
    select old_id,
           new_id,
           count(*) over (partition by old_id) as new_ids,
           count(*) over (partition by new_id) as old_ids
      from (select distinct old_id, new_id from classes where is_clear) as clear
)
select p.old_id,
       p.new_id,
       old.path  as old_path,
       new.path  as new_path,
       a.scan_id as added_by
  from pairs as p
  join tracks as old
    on old.id = p.old_id
  join tracks as new
    on new.id = p.new_id
  join added_tracks as a
    on a.track_id = p.new_id
 where p.new_ids = 1
   and p.old_ids = 1
   and p.old_id not in (select id from unclear)
   and p.new_id not in (select id from unclear);

-- How many they are is not to be guessed: of the other tables the planner may think that what this scan has written is
-- not there, and join row by row.
create index on moves (old_id);
create index on moves (new_id);
analyze moves;
