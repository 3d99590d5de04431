"""A library that was scanned before there were rescans: nothing of it is lost, and the next scan reads it again."""

from __future__ import annotations

from psycopg import sql

from soniquescan.database.connection import connect
from soniquescan.database.migrations import migrate
from soniquescan.database.sql import read_sql
from tests.tracks import (
    TABLES,
    changes,
    conclude,
    load,
    make_album,
    make_albumartist,
    make_error,
    make_stream,
    make_track,
    scan,
    snapshot,
)

MD5 = "5eb63bbbe01eeed093cb22bb8f5acdc3"

ITEMS = [
    make_track(
        f"/music/{number}",
        stream=make_stream(audio_md5=f"{number}" + MD5[1:]),
        title=f"{number}",
        artists=("ABBA",),
        genres=("Pop",),
        album=make_album("Gold", albumartists=(make_albumartist("ABBA"),)),
        cover_path=b"/music/cover.jpg",
    )
    for number in range(3)
] + [make_error("/music/bad.mp3")]


def copy_as_0001(new, old):
    """Make the old schema in an empty database, with what a migrated one holds."""
    old.execute(read_sql("begin_migration").encode())
    old.execute(read_sql("0001_schema").encode())
    old.execute("INSERT INTO soniquescan.migrations (number, name) VALUES (1, '0001_schema')")
    old.execute("SET search_path TO soniquescan")
    old.execute("DELETE FROM artist_names")
    for table in (*TABLES, "roots", "scans", "file_errors"):
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
        columns = sql.SQL(", ").join([sql.Identifier(name) for (name,) in old.execute(query, [table])])
        copy = sql.SQL("COPY {} ({}) {}")
        with (
            new.cursor().copy(copy.format(sql.Identifier(table), columns, sql.SQL("TO STDOUT"))) as source,
            old.cursor().copy(copy.format(sql.Identifier(table), columns, sql.SQL("FROM STDIN"))) as target,
        ):
            for data in source:
                target.write(data)
    for table in ("tracks", "roots", "scans"):
        old.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")


def test_an_old_library_is_read_again_without_any_change(connection, empty_database):
    scan(connection, ITEMS)
    with connect(empty_database, application_name="tests") as old:
        copy_as_0001(connection, old)
        migrate(old)
        query = "SELECT count(*), max(extractor_version), max(cover_name), max(audio_md5::text) FROM tracks"
        assert old.execute(query).fetchall() == [(3, 0, None, None)]
        query = "SELECT scanned_at IS NOT NULL FROM roots"
        assert old.execute(query).fetchall() == [(True,)]
        before = old.execute("SELECT id, path, added_at, updated_at FROM tracks ORDER BY id").fetchall()
        assert changes(old, scan(old, ITEMS)) == []
        assert before == old.execute("SELECT id, path, added_at, updated_at FROM tracks ORDER BY id").fetchall()
        assert snapshot(connection) == snapshot(old)


def test_the_root_of_an_old_library_that_was_never_scanned_to_its_end_is_new(connection, empty_database):
    load(connection, ITEMS)
    with connect(empty_database, application_name="tests") as old:
        copy_as_0001(connection, old)
        migrate(old)
        assert changes(old, scan(old, [*ITEMS, make_track("/music/more")])) == []
        assert snapshot(connection) != snapshot(old)


def test_a_track_of_an_old_library_that_has_gone_is_recognised_by_its_tags(connection, empty_database):
    scan(connection, ITEMS)
    with connect(empty_database, application_name="tests") as old:
        copy_as_0001(connection, old)
        migrate(old)
        moved = ITEMS[0]._replace(file=ITEMS[0].file._replace(path=b"/music/moved"))
        scan_id = load(old, [moved], absent=["/music/0"])
        assert conclude(old, scan_id).moved == 1
