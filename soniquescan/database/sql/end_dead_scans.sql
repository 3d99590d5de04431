-- Scans that have ended without a word: whoever begins one holds the lock that a scan has while it runs.
update scans
   set status      = 'interrupted',
       finished_at = now()
 where status = 'running';
