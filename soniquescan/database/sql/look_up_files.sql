-- The tracks that some files may be: the one at a file's path, the last one missing from there, and those of the same
-- inode, size and mtime at other paths. Each by an index.
with found as (
    select ordinality - 1 as number,
           path,
           size_bytes,
           mtime_ns,
           inode
      from unnest(%(paths)s::text[], %(sizes_bytes)s::bigint[], %(mtimes_ns)s::bigint[], %(inodes)s::bigint[])
      with ordinality as f (path, size_bytes, mtime_ns, inode)
),
candidates as (
    select f.number,
           true as is_here,
           t.id
      from found as f
      join tracks as t
        on t.path = f.path
       and t.missing_since is null
 union all
   (select distinct on (f.number)
           f.number,
           true,
           t.id
      from found as f
      join tracks as t
        on t.path = f.path
       and t.missing_since is not null
  order by f.number,
           t.missing_since desc,
           t.id desc)
 union all
    select f.number,
           false,
           t.id
      from found as f
      join tracks as t
        on t.inode      = f.inode
       and t.size_bytes = f.size_bytes
       and t.mtime_ns   = f.mtime_ns
       and t.path      <> f.path
)
  select c.number::integer,
         c.is_here,
         t.id,
         t.path,
         t.size_bytes,
         t.mtime_ns,
         t.ctime_ns,
         t.inode,
         t.device,
         t.missing_since is not null,
         t.extractor_version = %(extractor_version)s,
         t.cover_name,
         t.album_tags_id::text
    from candidates as c
    join tracks as t
   using (id)
order by c.number,
         t.id;
