-- At the start of every connection. None of these as a start-up option: PgBouncer refuses those.

set search_path to soniquescan, public;
set "TimeZone" to 'UTC';

-- What the server, the database or the role may have set otherwise, and what we rely on.
set "DateStyle" to 'ISO';  -- psycopg reads no other
set "IntervalStyle" to 'postgres';  -- likewise
set default_transaction_isolation to 'read committed';
set statement_timeout to 0;  -- the end of a scan looks at the whole library
set jit to off;  -- would compile the statements of each batch anew
