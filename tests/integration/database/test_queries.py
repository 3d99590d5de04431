from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from itertools import islice

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from soniquescan.database.connection import connect
from soniquescan.database.purge import count_missing
from soniquescan.database.queries import (
    CHANGE_COLUMNS,
    ERROR_COLUMNS,
    SCAN_COLUMNS,
    database_info,
    find_scan,
    list_changes,
    list_errors,
    list_scans,
    run_sql,
    shell_command,
    shell_environment,
)
from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError, UsageError
from soniquescan.messages import ErrorKind
from soniquescan.report import ChangeKind, ScanStatus
from tests.unit.reports import make_report


def add_error(connection, path, kind):
    connection.execute(
        "INSERT INTO file_errors (path, scan_id, stage, kind, message) VALUES (%s, 1, 'extract', %s, 'why')",
        [path, kind],
    )


def add_scan(connection, status="completed", counters=None):
    statement = "INSERT INTO scans (status, roots, settings, counters) VALUES (%s, %s, %s, %s) RETURNING id"
    [(scan_id,)] = connection.execute(statement, [status, ["/a", "/b"], '{"full": true}', counters])
    return scan_id


def add_change(connection, scan_id, kind, path="/a/1.mp3", detail="{}"):
    connection.execute(
        "INSERT INTO scan_changes (scan_id, kind, path, detail) VALUES (%s, %s, %s, %s)", [scan_id, kind, path, detail]
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


class TestFindScan:
    def test_the_one_that_is_asked_for_whatever_became_of_it(self, connection):
        first, running = add_scan(connection, "failed"), add_scan(connection, "running")
        assert find_scan(connection, first)[::2] == (first, "failed")
        assert find_scan(connection, running)[::2] == (running, "running")

    def test_else_the_last_that_has_ended(self, connection):
        for status in ScanStatus:
            add_scan(connection, status)
        last = add_scan(connection, "interrupted")
        add_scan(connection, "running")
        assert find_scan(connection, None).id == last

    @pytest.mark.parametrize("scan_id", [2, 2**63, 10**30])
    def test_there_is_none_of_that_id(self, connection, scan_id):
        add_scan(connection)
        with pytest.raises(UsageError, match=f"there is no scan {scan_id}: `soniquescan history` lists them"):
            find_scan(connection, scan_id)

    def test_none_has_ended(self, connection):
        add_scan(connection, "running")
        with pytest.raises(UsageError, match="no scan of this database has ended yet"):
            find_scan(connection, None)


class TestListChanges:
    def test_by_kind_in_the_order_of_the_summary_then_by_path(self, connection):
        scan_id = add_scan(connection)
        add_change(connection, add_scan(connection), "added", "/a/other.mp3")
        for kind in sorted(ChangeKind):
            for path in ("/a/b", "/a/B", "/a/ä", "/a/a"):
                add_change(connection, scan_id, kind, path)
        columns, rows = list_changes(connection, scan_id)
        assert columns == CHANGE_COLUMNS
        assert list(rows) == [
            (scan_id, kind, path, {}) for kind in ChangeKind for path in ("/a/B", "/a/a", "/a/b", "/a/ä")
        ]

    def test_detail_is_what_the_scan_has_noted(self, connection):
        scan_id = add_scan(connection)
        add_change(connection, scan_id, "changed", detail='{"title": {"old": null, "new": "B"}}')
        _, [row] = list_changes(connection, scan_id)
        assert row[3] == {"title": {"old": None, "new": "B"}}

    def test_of_some_kinds_only(self, connection):
        scan_id = add_scan(connection)
        for kind in ChangeKind:
            add_change(connection, scan_id, kind)
        _, rows = list_changes(connection, scan_id, [ChangeKind.MISSING, ChangeKind.MOVED])
        assert [row[1] for row in rows] == ["moved", "missing"]


class TestListScans:
    def test_the_latest_first_with_its_counters(self, connection):
        report = make_report(files_unchanged=5, tracks_moved=3, guarded=("/a is empty",), cause="x")
        first = add_scan(connection, "interrupted")
        second = add_scan(connection, counters=json.dumps(report.document(2)))
        columns, rows = list_scans(connection, 10)
        assert columns == SCAN_COLUMNS
        latest, before = (dict(zip(columns, row, strict=True)) for row in rows)
        assert (latest["scan_id"], before["scan_id"]) == (second, first)
        assert {name: latest[name] for name in ("status", "elapsed_s", "files_discovered", "files_unchanged")} == {
            "status": "completed", "elapsed_s": 10.0, "files_discovered": 1000, "files_unchanged": 5,
        }  # fmt: skip
        assert (latest["tracks_added"], latest["tracks_moved"], latest["files_failed"]) == (980, 3, 20)
        assert (latest["guarded"], latest["cause"], latest["exit_code"]) == (["/a is empty"], "x", 4)
        assert (latest["roots"], latest["settings"]) == (["/a", "/b"], {"full": True})
        assert (before["elapsed_s"], before["tracks_added"], before["guarded"]) == (None, None, None)

    @pytest.mark.parametrize(("limit", "found"), [(1, [3]), (2, [3, 2]), (10**30, [3, 2, 1])])
    def test_no_more_than_wanted(self, connection, limit, found):
        ids = {number: add_scan(connection) for number in (1, 2, 3)}
        _, rows = list_scans(connection, limit)
        assert [row[0] for row in rows] == [ids[number] for number in found]


def test_the_first_command_of_a_newer_version_brings_the_schema_up_to_date(connection):
    connection.execute("DROP SCHEMA soniquescan CASCADE")
    connection.execute(read_sql("begin_migration").encode())
    connection.execute(read_sql("0001_schema").encode())
    connection.execute("INSERT INTO migrations VALUES (1, '0001_schema')")
    connection.execute("INSERT INTO scans (roots, settings, status) VALUES ('{}', '{}', 'completed')")
    scan = find_scan(connection, None)
    assert list(list_changes(connection, scan.id).rows) == []


class TestDatabaseInfo:
    def test_counts_every_table(self, connection):
        connection.execute("INSERT INTO roots (path) VALUES ('/a'), ('/b')")
        info = dict(database_info(connection))
        assert info["roots_rows"] == 2
        assert info["tracks_rows"] == 0
        assert info["size_bytes"] > 8192
        assert info["server_version"].split(".")[0] == str(connection.info.server_version // 10_000)
        assert connection.info.dbname in info["where"]


@pytest.mark.parametrize(
    "command",
    [
        lambda c: run_sql(c, "SELECT 1"),
        list_errors,
        database_info,
        lambda c: find_scan(c, None),
        lambda c: list_scans(c, 1),
        lambda c: count_missing(c, timedelta(0)),
    ],
)
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
