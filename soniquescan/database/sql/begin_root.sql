-- The root that a folder belongs to: the outermost that holds it, else itself, added.
with known as (
      select id,
             path,
             device
        from roots
       where path = %(path)s
          or starts_with(%(path)s, rtrim(path, '/') || '/')
    order by length(path)
       limit 1
),
added as (
    insert into roots (path, device)
         select %(path)s,
                %(device)s::bigint
          where not exists (select from known)
      returning id,
                path,
                device
)
select id, path, device, false from known
 union all
select id, path, device, true  from added;
