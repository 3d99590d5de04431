-- The tables of a library with their bytes on disk. Other programs may have theirs in the same database.
  select relname,
         pg_total_relation_size(oid)
    from pg_class
   where relnamespace = 'soniquescan'::regnamespace
     and relkind in ('r', 'p')
     and relname <> 'migrations'
order by relname;
