-- Scans whose process has died without a word: the lock that it held is free.
with running as materialized (
    select id
      from scans
     where status = 'running'
)
update scans as s
   set status      = 'interrupted',
       finished_at = now()
  from running as r
 where s.id = r.id
   and pg_try_advisory_xact_lock(%(lock)s, r.id::integer);
