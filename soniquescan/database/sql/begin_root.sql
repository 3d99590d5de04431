-- The root that a folder belongs to: the outermost that holds it, else itself, added.
with known as (
      select id,
             path
        from roots
       where path = %(path)s
          or path = '/'
          or starts_with(%(path)s, path || '/')
    order by length(path)
       limit 1
),
seen as (
    update roots
       set device = %(device)s::bigint
     where id in (select id from known)
       and path = %(path)s
       and device is distinct from %(device)s::bigint
),
added as (
    insert into roots (path, device)
         select %(path)s,
                %(device)s::bigint
          where not exists (select from known)
      returning id
)
select id from known
 union all
select id from added;
