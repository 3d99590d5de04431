"""`soniquescan scan` as a user runs it, over a generated library of known contents and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import generate, write
from benchmarks.library.hostile import Outcome, write_hostile
from benchmarks.library.identities import identities, name_key
from soniquescan.messages import AlbumTags, AudioStream, TrackTags
from soniquescan.text import path_to_text

COMMAND = [sys.executable, "-m", "soniquescan"]
MANY = 12_000  # files, which take several transactions
ENDS_WITHIN_S = 20  # a hang is a failure; how quick it is belongs in the benchmarks


def scan(*arguments, dsn, **kwargs):
    command = [*COMMAND, "scan", "--dsn", dsn, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S * 2, **kwargs)


@pytest.fixture
def start():
    """A function that starts a scan in the background; whatever it leaves is killed at the end."""
    started = []

    def start(*arguments, dsn):
        command = [*COMMAND, "scan", "--dsn", dsn, *map(str, arguments)]
        process = psutil.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        for victim in (*family(process), process):
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        process.communicate()


def family(process):
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def stage(process, title):
    """Wait for the stage's process to be there and return it."""
    return wait_for(lambda: next((child for child in family(process) if name(child) == f"soniquescan: {title}"), None))


def name(process):
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def wait_for(condition):
    deadline = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        if (found := condition()) is not None and found is not False:
            return found
        time.sleep(0.005)
    raise AssertionError("it never came true")


def wait_until_loaded(connection, tracks):
    wait_for(lambda: count(connection, "tracks") >= tracks)


def count(connection, table):
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def end(process):
    """Wait for the scan's end; return its exit code and what it said, having seen that no process is left."""
    children = family(process)
    _, said = process.communicate(timeout=ENDS_WITHIN_S)
    psutil.wait_procs(children, timeout=ENDS_WITHIN_S)
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    return process.returncode, said


def status(connection):
    return connection.execute("SELECT status FROM scans ORDER BY id DESC LIMIT 1").fetchone()[0]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of files enough to be in the middle of: MANY."""
    folder = tmp_path_factory.mktemp("many")
    generate(folder / "music" / "0", files=2000, seed=5)
    for copy in range(1, MANY // 2000):
        shutil.copytree(folder / "music" / "0", folder / "music" / str(copy), copy_function=os.link)
    return folder / "music"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library of every format, and its files with what they say."""
    folder = tmp_path_factory.mktemp("library") / "music"
    return folder, generate(folder, files=400, seed=7, formats="all")


TRACK_COLUMNS = TrackTags._fields[: TrackTags._fields.index("genres")]
ALBUM_COLUMNS = [field for field in AlbumTags._fields if field != "albumartists"]


def test_every_field_of_every_file_is_in_the_database(library, database, connection):
    folder, files = library
    assert scan(folder, dsn=database).returncode == 0
    columns = ", ".join(f'"{column}"' for column in (*AudioStream._fields, *TRACK_COLUMNS))
    rows = {path: row for path, *row in connection.execute(f"SELECT path, {columns} FROM tracks")}
    assert sorted(rows) == sorted(path_to_text(os.fsencode(file.path)) for file in files)
    for file in files:
        row = dict(zip((*AudioStream._fields, *TRACK_COLUMNS), rows[path_to_text(os.fsencode(file.path))], strict=True))
        truth = file.expected()
        for column in TRACK_COLUMNS:
            assert comparable(row[column]) == comparable(getattr(truth.tags, column)), (file.path, column)
        for column in ("container", "codec", "sample_rate_hz", "channels", "bits_per_sample"):
            assert row[column] == getattr(truth.stream, column), (file.path, column)


def comparable(value):
    if isinstance(value, tuple):
        return list(value)
    return str(value) if type(value).__name__ == "UUID" else value


def test_artists_albums_and_genres_are_exactly_the_distinct_ones(library, database, connection):
    folder, files = library
    scan(folder, dsn=database)
    expected = identities(files)
    artists = connection.execute("SELECT name, musicbrainz_artistid FROM artists").fetchall()
    assert expected.artists == {str(mbid) if mbid else name_key(name) for name, mbid in artists}
    assert len(expected.artists) == len(artists)
    assert len(expected.albums) == count(connection, "albums")
    assert expected.genres == {name_key(name) for (name,) in connection.execute("SELECT name FROM genres")}
    assert len(expected.genres) == count(connection, "genres")


def test_people_and_genres_of_a_track_keep_their_order_and_roles(library, database, connection):
    folder, files = library
    scan(folder, dsn=database)
    credits_of = {}
    for path, role, artist in connection.execute("""
        SELECT t.path, l.role, n.name FROM track_artists AS l JOIN tracks AS t ON t.id = l.track_id
          JOIN artist_names AS n ON n.id = l.artist_name_id ORDER BY t.id, l.role, l.position"""):
        credits_of.setdefault(path, []).append((role, artist))
    genres_of = {}
    for path, genre in connection.execute("""
        SELECT t.path, g.name FROM track_genres AS l JOIN tracks AS t ON t.id = l.track_id
          JOIN genres AS g ON g.id = l.genre_id ORDER BY t.id, l.position"""):
        genres_of.setdefault(path, []).append(name_key(genre))
    for file in files:
        tags, path = file.expected().tags, path_to_text(os.fsencode(file.path))
        credited = sorted(((c.role, c.name) for c in tags.credits), key=lambda credit: credit[0])
        assert credited == credits_of.get(path, []), path
        assert list(dict.fromkeys(map(name_key, tags.genres))) == genres_of.get(path, []), path


def everything(connection):
    """Return the contents of every table that describes the library, with the rows' versions."""
    tables = ("artists", "albums", "album_artists", "tracks", "track_artists", "genres", "track_genres", "file_errors")
    return {
        table: connection.execute(f"SELECT t.xmin::text, t.* FROM {table} AS t ORDER BY t::text").fetchall()
        for table in tables
        if table != "file_errors"
    } | {"errors": connection.execute("SELECT path, kind, message FROM file_errors ORDER BY path, kind").fetchall()}


def test_a_second_scan_changes_nothing(library, database, connection):
    folder, _ = library
    scan(folder, dsn=database)
    first = everything(connection)
    assert scan(folder, dsn=database).returncode == 0
    assert first == everything(connection)


def test_every_hostile_file_ends_as_it_should(tmp_path, database, connection):
    files = write_hostile(tmp_path / "hostile")
    assert scan(tmp_path / "hostile", dsn=database).returncode == 3
    tracks = {path: (title, tags) for path, title, tags in connection.execute("SELECT path, title, tags FROM tracks")}
    kinds = {}
    for path, kind in connection.execute("SELECT path, kind FROM file_errors"):
        kinds.setdefault(path, set()).add(kind)
    for file in files:
        path, outcome = path_to_text(os.fsencode(file.path)), file.outcome
        # A loop of folders is no error and no file; everything else has a row.
        assert path in tracks or path in kinds or outcome == Outcome(is_track=False), path
        assert outcome.is_track in (None, path in tracks), path
        if outcome.kinds:
            assert kinds.get(path, set()) & outcome.kinds, path
        elif outcome.is_track:
            assert path not in kinds, path
        if outcome.title is not None:
            assert tracks[path][0] == outcome.title, path
        if outcome.kept is not None:
            assert outcome.kept[1] in tracks[path][1][outcome.kept[0]], path


def test_a_killed_worker_costs_at_most_the_file_it_had_in_hand(many, database, connection, start):
    process = start(many, dsn=database)
    stage(process, "extract 1").kill()
    code, _ = end(process)
    lost = connection.execute("SELECT path, kind, message FROM file_errors").fetchall()
    assert code == 0
    assert len(lost) <= 1
    assert all(row[1:] == ("worker_died", "the worker that read it was lost (killed by SIGKILL)") for row in lost)
    assert count(connection, "tracks") == MANY - len(lost)
    assert {path for path, *_ in lost}.isdisjoint(path for (path,) in connection.execute("SELECT path FROM tracks"))


def test_a_file_that_takes_too_long_is_an_error_and_the_others_are_loaded(tmp_path, database, connection):
    tags = {"title": ["Title"]}
    for number in range(20):
        write(tmp_path / f"{number:02}.flac", FORMATS["flac"].render(tags))
    endless = tags | {f"KEY{number}": ["value"] for number in range(400_000)}
    write(tmp_path / "05 endless.flac", FORMATS["flac"].render(endless))
    done = scan(tmp_path, "--quiet", "--file-timeout", "0.2", dsn=database)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "soniquescan: 1 of 21 files failed, which is more than 1 %; list: soniquescan errors"
    ]
    errors = connection.execute("SELECT path, kind FROM file_errors").fetchall()
    assert errors == [(f"{tmp_path}/05 endless.flac", "timeout")]
    assert count(connection, "tracks") == 20


@pytest.mark.parametrize("title", ["discover", "compare", "extract", "batch", "write"])
def test_a_stage_that_is_killed_ends_the_scan(many, database, connection, start, title):
    process = start(many, dsn=database)
    victim = stage(process, title)
    if title == "write":
        wait_until_loaded(connection, 1)
    victim.kill()
    code, said = end(process)
    assert code == 1
    assert f"the {title} process ended unexpectedly (killed by SIGKILL)" in said
    assert "Traceback" not in said
    assert status(connection) == "failed"
    if title == "write":
        assert count(connection, "tracks") > 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_scan_keeps_what_was_committed(many, database, connection, start, number, code):  # noqa: PLR0913
    process = start(many, dsn=database)
    wait_until_loaded(connection, 1)
    process.send_signal(number)
    ended, said = end(process)
    assert ended == code
    assert "Traceback" not in said
    assert "interrupted" in said.splitlines()[-1]
    assert status(connection) == "interrupted"
    assert 0 < count(connection, "tracks") < MANY
    assert scan(many, dsn=database).returncode == 0
    assert count(connection, "tracks") == MANY


def test_a_second_interrupt_ends_it_at_once(many, database, start):
    process = start(many, dsn=database)
    stage(process, "write").suspend()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    code, said = end(process)
    assert code == 130
    assert "Traceback" not in said


def test_ctrl_c_in_the_terminal_reaches_all_processes_and_the_parent_alone_decides(many, database, connection, start):
    process = start(many, dsn=database)
    wait_until_loaded(connection, 1)
    os.killpg(process.pid, signal.SIGINT)
    code, said = end(process)
    assert code == 130
    assert "Traceback" not in said
    assert status(connection) == "interrupted"


def test_no_process_outlives_a_killed_parent(many, database, start):
    process = start(many, dsn=database)
    children = [stage(process, title) for title in ("discover", "compare", "extract", "extract 1", "batch", "write")]
    process.kill()
    _, left = psutil.wait_procs(children, timeout=ENDS_WITHIN_S)
    assert [child for child in left if child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_lost_connection_ends_the_scan_when_it_is_not_to_be_retried(many, database, server, start):
    process = start(many, "--db-retry", "0", dsn=database)
    stage(process, "write")
    with psycopg.connect(server, autocommit=True) as administrator:
        # The parent's session, which holds the lock.
        terminate = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = %s AND application_name LIKE 'soniquescan: scan %%'"""
        name = conninfo_to_dict(database)["dbname"]
        wait_for(lambda: administrator.execute(terminate, (name,)).fetchall())
        code, said = end(process)
    assert code == 1
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if line.startswith("soniquescan: error: database: ")]) == 1


def test_the_report_as_json_agrees_with_the_database(library, database, connection):
    folder, files = library
    result = scan(folder, "--json", dsn=database)
    report = json.loads(result.stdout)
    assert report["files_discovered"] == report["files_processed"] == len(files) == count(connection, "tracks")
    assert (report["status"], report["files_unchanged"]) == ("completed", 0)
    assert report["tracks_added"] == len(files)
    assert (report["artists"], report["albums"]) == (count(connection, "artists"), count(connection, "albums"))
    counters = connection.execute("SELECT counters FROM scans").fetchone()[0]
    assert counters["files_processed"] == len(files)

    again = json.loads(scan(folder, "--json", dsn=database).stdout)
    assert (again["files_discovered"], again["files_unchanged"]) == (len(files), len(files))
    assert (again["files_processed"], again["files_loaded"], again["tracks_added"]) == (0, 0, 0)
    assert (again["artists"], again["albums"], again["genres"]) == tuple(
        count(connection, table) for table in ("artists", "albums", "genres")
    )


def test_files_that_are_no_audio_are_counted_neither_as_loaded_nor_as_failed(tmp_path, database, connection):
    write(tmp_path / "no extension", FORMATS["flac"].render({"title": ["Title"]}))
    (tmp_path / "notes").write_text("not audio")
    (tmp_path / "cover.jpg").write_bytes(b"picture")
    report = json.loads(scan(tmp_path, "--json", dsn=database).stdout)
    assert (report["files_discovered"], report["files_loaded"], report["files_failed"]) == (2, 1, 0)
    assert connection.execute("SELECT title FROM tracks").fetchall() == [("Title",)]


def test_an_empty_folder_is_a_completed_scan(tmp_path, database, connection):
    assert scan(tmp_path, dsn=database).returncode == 0
    assert status(connection) == "completed"


def test_two_users_of_one_database_scan_different_folders(library, many, database, connection):
    folder, files = library
    scan(folder, dsn=database)
    scan(many, dsn=database)
    assert count(connection, "tracks") == len(files) + MANY
    assert count(connection, "roots") == 2


def test_a_user_whose_memory_is_limited_can_scan(library, database, connection):
    folder, files = library
    command = ["bash", "-c", 'ulimit -v 1500000 && exec "$0" "$@"', *COMMAND, "scan", "--dsn", database, str(folder)]
    assert subprocess.run(command, capture_output=True, check=False, timeout=ENDS_WITHIN_S * 2).returncode == 0
    assert count(connection, "tracks") == len(files)


def test_a_scan_that_waits_for_another_leaves_what_one_after_the_other_leaves(library, many, fresh_database, start):
    folder, _ = library
    results = []
    for at_once in (False, True):
        database = fresh_database()
        processes = []
        for root in (folder, many):
            processes.append(start(root, "--wait", "60", dsn=database))
            if not at_once:
                assert end(processes[-1])[0] == 0
        if at_once:
            assert [end(process)[0] for process in processes] == [0, 0]
        with psycopg.connect(database) as connection:
            results.append(
                [
                    connection.execute(f"SELECT * FROM soniquescan.{table} ORDER BY id").fetchall()
                    for table in ("artists", "albums", "genres")
                ]
            )
    assert results[0] == results[1]
