-- The last scans, the latest first. Counters are null of a scan that runs or was killed, and those that did not exist yet.
  select id                                                as scan_id,
         started_at,
         finished_at,
         status,
         (counters ->> 'elapsed_s')::double precision      as elapsed_s,
         (counters ->> 'files_discovered')::bigint         as files_discovered,
         (counters ->> 'files_unchanged')::bigint          as files_unchanged,
         (counters ->> 'files_failed')::bigint             as files_failed,
         (counters ->> 'tracks_added')::bigint             as tracks_added,
         (counters ->> 'tracks_changed')::bigint           as tracks_changed,
         (counters ->> 'tracks_moved')::bigint             as tracks_moved,
         (counters ->> 'tracks_missing')::bigint           as tracks_missing,
         (counters ->> 'tracks_restored')::bigint          as tracks_restored,
         (counters ->> 'tracks_unknown')::bigint           as tracks_unknown,
         (counters ->> 'exit_code')::integer               as exit_code,
         counters ->> 'cause'                              as cause,
         counters ->  'guarded'                            as guarded,
         roots,
         settings
    from soniquescan.scans
order by id desc
   limit %(limit)s;
