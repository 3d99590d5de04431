-- Who holds the lock of which there is one in a database, and what that session says of itself.
   select l.pid,
          a.backend_start,
          a.application_name
     from pg_locks as l
left join pg_stat_activity as a
       on a.pid = l.pid
    where l.locktype = 'advisory'
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid  = 0  -- the upper half of the key
      and l.objid    = %(key)s
      and l.objsubid = 1  -- a key of one number
      and l.granted;
