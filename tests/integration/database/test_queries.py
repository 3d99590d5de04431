from __future__ import annotations

import os
import subprocess
from itertools import islice

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from soniquescan.database.connection import connect
from soniquescan.database.queries import (
    ERROR_COLUMNS,
    database_info,
    list_errors,
    run_sql,
    shell_command,
    shell_environment,
)
from soniquescan.errors import DatabaseError
from soniquescan.messages import ErrorKind


def add_error(connection, path, kind):
    connection.execute(
        "INSERT INTO file_errors (path, scan_id, stage, kind, message) VALUES (%s, 1, 'extract', %s, 'why')",
        [path, kind],
    )


class TestRunSql:
    def run(self, connection, query):
        columns, rows = run_sql(connection, query)
        return columns, list(rows)

    @pytest.mark.parametrize(
        ("query", "columns", "rows"),
        [
            ("SELECT 1 AS one, 'two' AS two", ("one", "two"), [(1, "two")]),
            ("SELECT 1 AS n, 2 AS n", ("n", "n"), [(1, 2)]),
            ("SELECT title FROM tracks WHERE false", ("title",), []),
            ("VALUES (1), (2);", ("column1",), [(1,), (2,)]),
            ("SELECT '100%' AS \"%s\"", ("%s",), [("100%",)]),
            ("SHOW search_path", ("search_path",), [("soniquescan, public",)]),
            ("INSERT INTO roots (path) VALUES ('/a') RETURNING path", ("path",), [("/a",)]),
            ("INSERT INTO roots (path) VALUES ('/a'), ('/b')", ("status",), [("INSERT 0 2",)]),
            ("CREATE TEMPORARY TABLE t (n int)", ("status",), [("CREATE TABLE",)]),
            ("CREATE TEMPORARY TABLE t AS SELECT 1 AS n; SELECT n FROM t", ("n",), [(1,)]),
            ("-- nothing", ("status",), [("",)]),
        ],
    )
    def test_result_of_any_statement(self, connection, query, columns, rows):
        assert self.run(connection, query) == (columns, rows)

    def test_changes_are_kept(self, connection, database):
        self.run(connection, "INSERT INTO roots (path) VALUES ('/a')")
        with connect(database, application_name="test") as other:
            assert self.run(other, "SELECT path FROM roots") == (("path",), [("/a",)])

    def test_rows_come_before_the_last_one_is_made(self, connection):
        _, rows = run_sql(connection, "SELECT 1 / (50000 - n) AS quotient FROM generate_series(1, 60000) AS n")
        assert len(list(islice(rows, 40_000))) == 40_000
        with pytest.raises(DatabaseError, match="division by zero"):
            list(rows)

    def test_error_in_the_first_row_comes_before_the_result(self, connection):
        with pytest.raises(DatabaseError, match="division by zero"):
            run_sql(connection, "SELECT 1 / 0")

    def test_rows_need_not_be_read_to_the_end(self, connection):
        _, rows = run_sql(connection, "SELECT generate_series(1, 1000000000)")
        assert next(rows) == (1,)
        del rows
        assert self.run(connection, "SELECT 1 AS n") == (("n",), [(1,)])

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("SELEC 1", 'syntax error at or near "SELEC"'),
            ("SELECT nothing FROM tracks", '"nothing" does not exist'),
            ("SELECT 1; SELEC 1", 'syntax error at or near "SELEC"'),
            ("COPY tracks TO STDOUT", "db shell"),
            ("COPY tracks FROM STDIN", "db shell"),
            ("SELECT '\udcff'", "not valid UTF-8"),
            ("SELECT '\x00'", "unterminated quoted string"),
            ("SELECT 'infinity'::timestamptz", "timestamp"),
        ],
    )
    def test_error_is_one_line(self, connection, query, expected):
        with pytest.raises(DatabaseError, match=expected) as caught:
            self.run(connection, query)
        assert "\n" not in str(caught.value)


class TestListErrors:
    def test_by_path_with_every_column(self, connection):
        add_error(connection, "/b", "empty")
        add_error(connection, "/a", "timeout")
        columns, rows = list_errors(connection)
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        assert [(row["path"], row["kind"]) for row in found] == [("/a", "timeout"), ("/b", "empty")]
        assert set(ERROR_COLUMNS) == set(found[0])

    def test_columns_are_those_of_the_statement(self, connection):
        add_error(connection, "/a", "empty")
        _, rows = list_errors(connection)
        [(path, kind, message, stage, scan_id, size_bytes, attempts, first_seen_at, last_seen_at)] = rows
        assert (path, kind, message, stage, scan_id, size_bytes, attempts) == (
            "/a",
            "empty",
            "why",
            "extract",
            1,
            None,
            1,
        )
        assert first_seen_at == last_seen_at

    def test_of_some_kinds_only(self, connection):
        for kind in ("empty", "timeout", "corrupt"):
            add_error(connection, f"/{kind}", kind)
        _, rows = list_errors(connection, [ErrorKind.TIMEOUT, ErrorKind.CORRUPT])
        assert [row[1] for row in rows] == ["corrupt", "timeout"]


class TestDatabaseInfo:
    def test_counts_every_table(self, connection):
        connection.execute("INSERT INTO roots (path) VALUES ('/a'), ('/b')")
        info = dict(database_info(connection))
        assert info["roots_rows"] == 2
        assert info["tracks_rows"] == 0
        assert info["size_bytes"] > 8192
        assert info["server_version"].split(".")[0] == str(connection.info.server_version // 10_000)
        assert connection.info.dbname in info["where"]


@pytest.mark.parametrize("command", [lambda c: run_sql(c, "SELECT 1"), list_errors, database_info])
def test_nothing_scanned_yet(empty_database, command):
    with (
        connect(empty_database, application_name="test") as connection,
        pytest.raises(DatabaseError, match="nothing has been scanned into this database yet"),
    ):
        command(connection)


class TestShell:
    def output(self, conninfo, query):
        command = [*shell_command(conninfo), "--no-psqlrc", "-Atc", query]
        environment = os.environ | shell_environment(conninfo)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def test_finds_our_tables_first(self, database):
        assert self.output(database, "SELECT count(*) FROM tracks") == "0"

    def test_password_is_not_in_the_command_line(self, tcp_server):
        conninfo = make_conninfo("", **tcp_server)
        assert conninfo_to_dict(conninfo)["password"] not in "".join(shell_command(conninfo))
        assert self.output(conninfo, "SELECT current_user") == "admin"
