-- Ids that were given without asking for them are nobody else's from now on.
select setval(pg_get_serial_sequence('tracks', 'id'), max(id))
  from tracks
having max(id) is not null;
