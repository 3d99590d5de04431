-- How many tracks have been missing since some time or longer, and when that is by the server's clock.
select count(*),
       now() - %(missing_for)s::interval
  from soniquescan.tracks
 where missing_since <= now() - %(missing_for)s::interval;
