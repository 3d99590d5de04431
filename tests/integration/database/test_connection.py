from __future__ import annotations

import uuid
from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from soniquescan import copyformat
from soniquescan.database.connection import CopyTarget, connect, copy_rows, wrap_errors
from soniquescan.database.migrations import migrate
from soniquescan.errors import DatabaseError

NUMBERS = count(1)  # of the databases made


@pytest.fixture(scope="module")
def administrator(tcp_server):
    with psycopg.connect(**tcp_server, autocommit=True) as connection:
        yield connection


@pytest.fixture
def tcp_database(administrator, tcp_server, request):
    """Parameters of a database of the test's own on the server with passwords, and of a user without rights in it."""
    name = f"d{next(NUMBERS)}"
    options = getattr(request, "param", "ENCODING 'UTF8'")
    administrator.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    administrator.execute(f"CREATE ROLE user_of_{name} LOGIN PASSWORD 'secret of {name}'")
    return tcp_server | {"dbname": name, "user": f"user_of_{name}", "password": f"secret of {name}"}


def line(action, parameters):
    """The one line that the user sees, without the password."""
    with pytest.raises(DatabaseError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert parameters.get("password", "secret") not in message
    return message


def connect_line(parameters):
    return line(lambda: connect(make_conninfo("", **parameters), application_name="test"), parameters)


def open_connection(parameters):
    return connect(make_conninfo("", **parameters), application_name="test")


class TestConnect:
    def test_over_tcp_with_a_password(self, tcp_database):
        with open_connection(tcp_database) as connection:
            assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("test",)

    def test_commits_each_statement_unless_told_otherwise(self, database):
        for autocommit in (True, False):
            with connect(database, application_name="test", autocommit=autocommit) as connection:
                assert connection.autocommit is autocommit

    def test_session_is_ours_whatever_the_role_or_transaction_says(self, administrator, tcp_database):
        ours = {
            "search_path": "soniquescan, public",
            "TimeZone": "UTC",
            "DateStyle": "ISO, DMY",
            "default_transaction_isolation": "read committed",
            "statement_timeout": "0",
            "lock_timeout": "0",
            "idle_session_timeout": "0",
            "idle_in_transaction_session_timeout": "0",
            "client_encoding": "UTF8",
        }
        theirs = ["pg_catalog", "Asia/Tokyo", "German, DMY", "serializable", *["1000"] * 4, "LATIN1"]
        for name, value in zip(ours, theirs, strict=True):
            administrator.execute(
                sql.SQL("ALTER ROLE {} SET {} TO {}").format(
                    sql.Identifier(tcp_database["user"]), sql.Identifier(name), sql.Literal(value)
                )
            )
        with connect(make_conninfo("", **tcp_database), application_name="test", autocommit=False) as connection:
            connection.rollback()
            for name, value in ours.items():
                assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)

    def test_server_too_notices_that_the_line_is_cut(self, tcp_database):
        names = ["tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"]
        with open_connection(tcp_database) as connection:
            shown = [connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names]
        assert shown == ["10", "5", "3", "25000"]

    def test_wrong_password(self, tcp_database):
        assert "check user and password" in connect_line(tcp_database | {"password": "wrong"})

    def test_no_password(self, tcp_database):
        message = connect_line({name: value for name, value in tcp_database.items() if name != "password"})
        assert "check user and password" in message

    def test_unknown_user(self, tcp_database):
        assert "check user and password" in connect_line(tcp_database | {"user": "stranger"})

    def test_unknown_database(self, tcp_database):
        assert '"nothing" does not exist' in connect_line(tcp_database | {"dbname": "nothing"})

    def test_nobody_listens(self, tcp_database):
        message = connect_line(tcp_database | {"port": 1})
        assert '"127.0.0.1", port 1' in message
        assert "check host and port" in message

    def test_no_socket(self, tcp_database, tmp_path):
        assert "check host and port" in connect_line(tcp_database | {"host": str(tmp_path)})

    def test_unknown_host(self, tcp_database):
        assert "check the host's name" in connect_line(tcp_database | {"host": "nowhere.invalid"})

    @pytest.mark.parametrize(
        "conninfo",
        [
            "postgres:/me:secret@host/db",
            "secret",
            "host=x secret",
            "postgresql://me:sec ret@h/d",
            "postgresql://h/d?secret=1",
            "postgresql://me:to@secret@host/db",
            "postgresql://me:to/secret@host/db",
            "port=secret",
        ],
    )
    def test_unreadable_dsn_is_not_repeated(self, conninfo):
        message = line(lambda: connect(conninfo, application_name="test"), {})
        assert "the DSN cannot be read" in message

    @pytest.mark.parametrize("conninfo", ["host=127.0.0.1 connect_timeout=soon", "host=x sslmode=perhaps"])
    def test_dsn_with_a_wrong_value(self, conninfo):
        line(lambda: connect(conninfo, application_name="test"), {})

    @pytest.mark.parametrize(
        "tcp_database", ["ENCODING 'LATIN1' LOCALE 'C'", "ENCODING 'SQL_ASCII' LOCALE 'C'"], indirect=True
    )
    def test_database_that_cannot_hold_every_title(self, tcp_database):
        assert "ENCODING 'UTF8'" in connect_line(tcp_database)


class TestErrors:
    def test_without_the_right_to_create(self, tcp_database):
        with open_connection(tcp_database) as connection:
            message = line(lambda: migrate(connection), tcp_database)
        assert f"permission denied for database {tcp_database['dbname']}" in message
        assert "GRANT" in message

    def test_schema_that_somebody_else_has_made_is_enough(self, tcp_database, tcp_server):
        with psycopg.connect(**tcp_server | {"dbname": tcp_database["dbname"]}) as owner:
            owner.execute(f"CREATE SCHEMA soniquescan AUTHORIZATION {tcp_database['user']}")
        with open_connection(tcp_database) as connection:
            migrate(connection)
            assert connection.execute("SELECT count(*) FROM tracks").fetchone() == (0,)

    def test_read_only_server(self, administrator, tcp_database):
        name = tcp_database["dbname"]
        administrator.execute(f"GRANT CREATE ON DATABASE {name} TO {tcp_database['user']}")
        administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
        with open_connection(tcp_database) as connection:
            assert "read-only" in line(lambda: migrate(connection), tcp_database)

    def test_lost_connection(self, administrator, tcp_database):
        with open_connection(tcp_database) as connection:
            administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            for expected in ("what was committed is kept", "the connection"):
                with pytest.raises(DatabaseError, match=expected), wrap_errors():
                    connection.execute("SELECT 1")

    def test_error_in_sql_has_the_hint(self, connection):
        with pytest.raises(DatabaseError, match=r'"titel" does not exist .*tracks\.title'), wrap_errors():
            connection.execute("SELECT titel FROM tracks")

    def test_cause_is_kept_for_those_who_retry(self, connection):
        with pytest.raises(DatabaseError) as caught, wrap_errors():
            connection.execute("SELECT 1 / 0")
        assert isinstance(caught.value.__cause__, psycopg.errors.DivisionByZero)

    def test_other_exceptions_pass(self):
        with pytest.raises(ZeroDivisionError), wrap_errors():
            raise ZeroDivisionError


class TestCopyRows:
    target = CopyTarget('ta"ble', ("id", 'q"uoted, name', "uuid", "texts", "uuids", "json", "number", "real", "flag"))
    kinds = ("int8", "text", "uuid", "text[]", "uuid[]", "jsonb", "int4", "float8", "bool")
    spells = (
        copyformat.int8, copyformat.text, copyformat.uuid, copyformat.texts, copyformat.uuids, copyformat.jsonb,
        copyformat.int4, copyformat.float8, copyformat.boolean,
    )  # fmt: skip

    def rows_after_copy(self, connection, rows):
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in zip(self.target.columns, self.kinds, strict=True)
        )
        table = sql.Identifier(self.target.table)
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(table, columns))
        copy_rows(connection, self.target, [copyformat.row(self.spells, row) for row in rows])
        return connection.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()

    def test_each_type_arrives_as_it_was(self, connection):
        mbid = uuid.UUID("f27ec8db-af05-4f36-916e-3d57f91ecf5e")
        text = "\\N\ttab\nnewline\\ 音楽 🎵 \x01 \ufffd"
        numbers = (-(2**31), 0.1, True)
        row = (2**62, text, str(mbid), [text, ""], [mbid.bytes, str(mbid)], '{"a": ["b", "\\u00e9"]}', *numbers)
        nothing = (1, *[None] * 8)
        expected = (2**62, text, mbid, [text, ""], [mbid, mbid], {"a": ["b", "é"]}, *numbers)
        assert self.rows_after_copy(connection, [row, nothing]) == [expected, nothing]

    def test_empty_arrays_and_texts_are_no_nulls(self, connection):
        row = (-1, "", None, [], [], "{}", 0, -0.5, False)
        assert self.rows_after_copy(connection, [row]) == [(-1, "", None, [], [], {}, 0, -0.5, False)]

    def test_no_rows(self, connection):
        assert self.rows_after_copy(connection, ()) == []

    def test_nothing_is_kept_of_rows_that_fail(self, connection):
        spells = (copyformat.int8,)
        with pytest.raises(psycopg.errors.NotNullViolation), connection.transaction():
            connection.execute("CREATE TEMPORARY TABLE t (n int8 NOT NULL)")
            copy_rows(connection, CopyTarget("t", ("n",)), [copyformat.row(spells, (n,)) for n in (1, None)])
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)
