-- A new root takes over the roots inside it. It has not been scanned as a whole yet, so its first scan tells of nothing
-- added, changed or failed.
with absorbed as (
    delete from roots
          where id <> %(id)s
            and starts_with(path, rtrim(%(path)s, '/') || '/')
      returning id
)
update tracks as t
   set root_id = %(id)s
  from absorbed as a
 where t.root_id = a.id;
