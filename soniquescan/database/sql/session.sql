-- At the start of every connection. None of these as a start-up option: PgBouncer refuses those.

set search_path to soniquescan, public;
set "TimeZone" to 'UTC';

-- What the server, the database or the role may have set otherwise, and what we rely on.
set "DateStyle" to 'ISO';  -- psycopg reads no other
set "IntervalStyle" to 'postgres';  -- likewise
set default_transaction_isolation to 'read committed';
set statement_timeout to 0;  -- the end of a scan looks at the whole library
set lock_timeout to 0;
set idle_session_timeout to 0;  -- the parent says nothing for hours
set idle_in_transaction_session_timeout to 0;
set jit to off;  -- would compile the statements of each batch anew

-- A scan that was killed in the middle of a statement gives its locks back at once, and not when that is done. Servers
-- on other systems may refuse it.
select set_config('client_connection_check_interval', '250ms', false)
 where version() like '%linux%';

-- Nor does one whose machine or network is gone keep its locks for two hours, which is the usual; as in connection.py.
set tcp_keepalives_idle to 10;
set tcp_keepalives_interval to 5;
set tcp_keepalives_count to 3;
set tcp_user_timeout to 25000;
