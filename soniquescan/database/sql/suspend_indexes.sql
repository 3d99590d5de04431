-- Note how the indexes are made that a first load does without, and return the statements that drop them. What keeps a
-- track from being there twice, its id and its path, is not among them.
with found as materialized (
    select case when c.oid is null then format('drop index %s', x.indexrelid::regclass)
                else format('alter table %s drop constraint %I', x.indrelid::regclass, c.conname)
           end as removal,
           case when c.oid is null then pg_get_indexdef(x.indexrelid)
                else format('alter table %s add constraint %I %s', x.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
           end as definition
      from pg_index as x
 left join pg_constraint as c
        on c.conindid = x.indexrelid
       and c.conrelid = x.indrelid
     where x.indrelid in ('tracks'::regclass, 'track_artists'::regclass, 'track_genres'::regclass)
       and (x.indrelid <> 'tracks'::regclass or c.oid is null)
       -- No track of a first load is missing, so what only those are in costs nothing to keep.
       and pg_get_expr(x.indpred, x.indrelid) is distinct from '(missing_since IS NOT NULL)'
       -- Logical replication tells rows apart by their key, and would refuse to change them.
       and not exists (select from pg_publication_tables where schemaname = 'soniquescan')
),
noted as (
    insert into suspended_indexes (definition)
         select definition
           from found
)
select removal
  from found;
