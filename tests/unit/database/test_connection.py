from __future__ import annotations

import psycopg
import pytest

from soniquescan.database.connection import (
    CopyTarget,
    Prospect,
    _advice,
    is_conflict,
    prospect,
    reason,
    require_version,
    wrap_errors,
)
from soniquescan.errors import DatabaseError


@pytest.mark.parametrize("version", [140000, 140023, 150018, 180006, 190000])
def test_supported_versions(version):
    require_version(version)


@pytest.mark.parametrize(
    ("version", "name"), [(139999, "13.9999"), (130023, "13.23"), (90624, "9.6"), (100000, "10.0")]
)
def test_older_versions_are_refused_by_name(version, name):
    with pytest.raises(DatabaseError, match=rf"PostgreSQL {name}; soniquescan needs 14 or newer"):
        require_version(version)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", "make room"),
        ("28P01", "password"),
        ("57P01", "shut down"),
        ("57P03", "try again"),
        ("08006", "committed"),
    ],
)
def test_advice_is_the_most_special_there_is(sqlstate, expected):
    assert expected in _advice(sqlstate)


@pytest.mark.parametrize("sqlstate", [None, "22012", "53000"])
def test_no_advice_is_better_than_a_wrong_one(sqlstate):
    assert _advice(sqlstate) is None


def test_copy_names_are_quoted():
    target = CopyTarget('ta"ble', ("a b", "c"))
    assert target.statement().as_string() == 'COPY "ta""ble" ("a b", "c") FROM STDIN (FORMAT binary)'


def wrapped(exc):
    with pytest.raises(DatabaseError) as caught, wrap_errors():
        raise exc
    return caught.value


@pytest.mark.parametrize("wrap", [lambda exc: exc, wrapped])
@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("40001", Prospect.PASSING),
        ("40P01", Prospect.PASSING),
        ("55P03", Prospect.PASSING),
        ("53300", Prospect.PASSING),
        ("57P01", Prospect.PASSING),
        ("57P03", Prospect.PASSING),
        ("08006", Prospect.PASSING),
        ("08P01", Prospect.PASSING),
        ("53100", Prospect.NONE),  # disk full
        ("42501", Prospect.NONE),  # not permitted
        ("57P04", Prospect.NONE),  # database dropped
        ("42P01", Prospect.NONE),  # no such table
        ("22021", Prospect.NONE),  # a character that is none
        ("57014", Prospect.NONE),  # somebody has cancelled it, and meant it
    ],
)
def test_what_may_be_tried_again(sqlstate, expected, wrap):
    error = wrap(psycopg.errors.lookup(sqlstate)("words"))
    assert prospect(error) is expected
    assert is_conflict(error) is (sqlstate in {"40001", "40P01", "55P03"})


SOCKET = 'connection failed: connection to server on socket "/run/.s.PGSQL.5432" failed: '


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (SOCKET + "FATAL:  sorry, too many clients already", Prospect.PASSING),
        (SOCKET + 'FATAL:  too many connections for database "music"', Prospect.PASSING),
        (SOCKET + "FATAL:  remaining connection slots are reserved for roles with SUPERUSER", Prospect.PASSING),
        (SOCKET + "FATAL:  no more connections allowed (max_client_conn)", Prospect.PASSING),
        (SOCKET + "FATAL:  the database system is starting up", Prospect.PASSING),
        (SOCKET + "FATAL:  the database system is in recovery mode", Prospect.PASSING),
        (SOCKET + "Connection refused\n\tIs the server running?", Prospect.UNREACHABLE),
        (SOCKET + "No such file or directory", Prospect.UNREACHABLE),
        ("server closed the connection unexpectedly\n\tThis probably means ...", Prospect.UNREACHABLE),
        ("the connection is closed", Prospect.UNREACHABLE),
        (SOCKET + 'FATAL:  password authentication failed for user "me"', Prospect.NONE),
        (SOCKET + 'FATAL:  database "music" does not exist', Prospect.NONE),
        (SOCKET + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1"', Prospect.NONE),
    ],
)
def test_what_libpq_says_in_words_only(words, expected):
    error = psycopg.OperationalError(words)
    assert prospect(error) is expected
    assert not is_conflict(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.ProgrammingError("the query has 1 placeholder but 0 parameters were passed"),
        psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
        DatabaseError("nothing has been scanned into this database yet"),
    ],
)
def test_mistakes_of_ours_are_not_tried_again(error):
    assert prospect(error) is Prospect.NONE


def test_reason_is_one_line_without_advice():
    words = "consuming input failed: server closed the connection unexpectedly\n\tThis probably means ..."
    assert reason(psycopg.OperationalError(words)) == "server closed the connection unexpectedly"
    assert reason(wrapped(psycopg.errors.DiskFull("could not extend file"))) == "could not extend file"
    assert reason(DatabaseError("too old")) == "too old"
