"""A scan killed at any moment, with its server or without: the next one makes the library as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from typing import NamedTuple

import pytest
from psycopg.rows import dict_row

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import generate, write
from soniquescan.database.cluster import NO_HOSTADDR, open_cluster, server_url
from soniquescan.database.connection import connect
from soniquescan.database.embedded import running_server
from soniquescan.settings import DATA_FOLDER_VARIABLE, DSN_VARIABLE
from tests.acceptance.moments import MOMENTS, held_at, put_long_texts
from tests.servers import kill_server

COMMAND = [sys.executable, "-m", "soniquescan", "scan", "--quiet", "--workers", "2", "--max-error-rate", "100%"]
ENDS_WITHIN_S = 40

ROUNDS = 20
RANDOM_ROUNDS = 12  # one in each twelfth of the scan's duration; the others are at moments of its work

# What is another one after every scan: moments and, as the scan that was killed has counted too, how many scans.
CHANGING = {
    "id", "scan_id", "added_at", "updated_at", "scanned_at", "missing_since", "first_seen_at", "last_seen_at",
    "applied_at", "attempts",
}  # fmt: skip


class Start(NamedTuple):
    """Where scans of the same files begin, and what they come to when nobody disturbs them."""

    data_folder: object  # to be copied
    contents: dict
    track_ids: dict  # by path, of tracks that were known before
    duration_s: float


def environment(data_folder):
    return os.environ | {DATA_FOLDER_VARIABLE: str(data_folder), DSN_VARIABLE: ""}


def scan(music, data_folder):
    command = [*COMMAND, "--wait", str(ENDS_WITHIN_S), str(music)]
    done = subprocess.run(
        command, env=environment(data_folder), capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- the files ----------------------------------------------------------------------------------------------------


def make_library(folder):
    """Write files of every format, some that are broken, and some with so much text that it takes several commits."""
    generate(folder, files=200, seed=23, formats="all")
    rng = random.Random(23)
    put_long_texts(folder / "Epics", range(3), album=["Epics"], genre=["Epic"])
    for file in rng.sample(sorted(folder.rglob("*.*")), 20):
        content = file.read_bytes()
        file.with_stem("broken " + file.stem).write_bytes(content[: len(content) // 3])
    (folder / "notes of no name").write_text("no audio")
    (folder / "text.flac").write_text("This is no FLAC file.")
    (folder / "empty.mp3").touch()
    (folder / "gone.mp3").symlink_to("nowhere")
    os.mkfifo(folder / "fifo.mp3")
    (folder / os.fsdecode(b"\xff\n.flac")).write_bytes((folder / "Epics" / "0.flac").read_bytes())


def change_library(folder):
    """Change, move, replace, delete and add some of everything."""
    rng = random.Random(24)
    files = sorted(
        path for path in folder.rglob("*.*") if path.is_file() and not path.is_symlink() and path.stat().st_size
    )
    files = [path for path in files if path.parent != folder]
    rng.shuffle(files)
    touched, moved, copied, deleted, replaced = (files[at : at + 12] for at in range(0, 60, 12))
    for file in touched:
        os.utime(file)
    for number, file in enumerate(moved):
        file.rename(file.with_stem(f"moved {number}"))
    for number, file in enumerate(copied):  # as `mv` does to another disk
        shutil.copy2(file, file.with_stem(f"copied {number}"))
        file.unlink()
    for file in deleted:
        file.unlink()
    for number, file in enumerate(replaced):
        file.unlink()
        put(file.with_suffix(".flac"), title=[f"Replaced {number}"], artist=["Somebody Else"], album=["Epics"])
    old = sorted(folder.iterdir())[3]
    old.rename(old.with_name("renamed " + old.name))
    put_long_texts(folder / "Epics", range(1, 4), album=["Sagas"], genre=["Saga"])
    (folder / "text.flac").unlink()


def put(path, **tags):
    path.parent.mkdir(exist_ok=True)
    write(path, FORMATS["flac"].render(tags, length_ms=1_000))


# --- the database -------------------------------------------------------------------------------------------------


def read(dsn):
    """Return what all tables hold, and the track ids."""
    with closing(connect(dsn, application_name="tests")) as connection:
        connection.execute("UPDATE tracks SET lyrics = md5(lyrics)")  # to compare megabytes takes its time
        rows = dict_row_cursor(connection)
        tables = [row["tablename"] for row in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'soniquescan'")]
        contents = {table: rows(f"SELECT * FROM {table}") for table in tables}
    scans = contents.pop("scans")
    names = {
        track["id"]: (track["path"], track["missing_since"] is not None, track["title"]) for track in contents["tracks"]
    }
    roots = {root["id"]: root["path"] for root in contents["roots"]}
    found = {table: Counter(spell(row, names, roots) for row in rows) for table, rows in contents.items()}
    return found, {name: track_id for track_id, name in names.items()}, [scan["status"] for scan in scans]


def dict_row_cursor(connection):
    cursor = connection.cursor(row_factory=dict_row)
    return lambda query: cursor.execute(query).fetchall()


def spell(row, tracks, roots):
    """Return a row as text: ids of tracks and roots as what they stand for, moments as whether there is one."""
    kept = {name: value for name, value in row.items() if name not in CHANGING or isinstance(row.get("id"), str)}
    if "track_id" in row:
        kept["track_id"] = tracks.get(row["track_id"])
    if "root_id" in row:
        kept["root_id"] = roots[row["root_id"]]
    for moment in {"missing_since", "scanned_at"} & row.keys():
        kept[moment] = row[moment] is not None
    if "updated_at" in row:
        kept["is_updated"] = row["updated_at"] != row["added_at"]
    return json.dumps(kept, default=str, sort_keys=True)


# --- starting points ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """The folder of files, and the two states of a database in which it is scanned: nothing known, and old news."""
    folder = tmp_path_factory.mktemp("killed")
    music = folder / "music"
    make_library(music)
    empty, known = folder / "empty", folder / "known"
    with running_server(empty) as (dsn, _), closing(connect(dsn, application_name="tests")) as connection:
        connection.execute("ALTER SYSTEM SET fsync TO off")  # a killed process takes nothing with it that was written
    shutil.copytree(empty, known)
    known_ids = scan_and_read(music, known)[1]
    change_library(music)
    return music, {
        "first scan": undisturbed(music, empty, folder / "undisturbed", {}),
        "rescan": undisturbed(music, known, folder / "undisturbed", known_ids),
    }


def undisturbed(music, data_folder, copy, known_ids):
    shutil.copytree(data_folder, copy)
    started_s = time.monotonic()
    contents, track_ids, _ = scan_and_read(music, copy)
    duration_s = time.monotonic() - started_s
    shutil.rmtree(copy)
    kept = {name: track_id for name, track_id in track_ids.items() if track_id in known_ids.values()}
    return Start(data_folder, contents, kept, duration_s)


def scan_and_read(music, data_folder):
    with running_server(data_folder) as (dsn, _):
        scan(music, data_folder)
        return read(dsn)


@pytest.fixture
def data_folder(tmp_path):
    """Where the server of a round has its data."""
    folder = tmp_path / "data"
    yield folder
    kill_server(folder)
    shutil.rmtree(folder)


# --- killing ------------------------------------------------------------------------------------------------------


def start_scan(music, data_folder):
    return subprocess.Popen(
        [*COMMAND, str(music)],
        env=environment(data_folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def held(number, data_folder, duration_s):
    """Wait for the moment of a round, and keep the scan there while the block runs if that can be done."""
    if number < RANDOM_ROUNDS:
        time.sleep((number + random.Random(number).random()) / RANDOM_ROUNDS * duration_s)
        yield
        return
    data = open_cluster(data_folder).data
    with held_at(MOMENTS[number % len(MOMENTS)], server_url(data) + NO_HOSTADDR):
        yield


def kill(process, data_folder, *, server_too):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if server_too:
        kill_server(data_folder)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(starts, data_folder, number):
    music, starts_by_name = starts
    start = starts_by_name["rescan" if number % 4 < 2 else "first scan"]
    subprocess.run(["cp", "-a", str(start.data_folder), str(data_folder)], check=True)

    with start_scan(music, data_folder) as process, held(number, data_folder, start.duration_s):
        kill(process, data_folder, server_too=number % 2 == 0)
    contents, track_ids, statuses = scan_and_read(music, data_folder)

    assert {
        table: difference(contents[table], expected) for table, expected in start.contents.items()
    } == dict.fromkeys(start.contents, ([], []))
    assert {name: track_ids[name] for name in start.track_ids} == start.track_ids
    assert statuses[-1] == "completed"
    assert "running" not in statuses
    if number >= RANDOM_ROUNDS:
        assert statuses[-2] == "interrupted"


def difference(found, expected):
    return sorted((found - expected).elements()), sorted((expected - found).elements())
