"""Tracks for tests: made by hand, with what a test is about overridden, and loaded as a scan loads them."""

from __future__ import annotations

import pickle
from itertools import count

from psycopg.rows import dict_row

from soniquescan.albums import album_rows
from soniquescan.database import indexes, scans, staging
from soniquescan.database.session import Session
from soniquescan.identity import album_folder
from soniquescan.messages import (
    AlbumTags,
    AudioStream,
    Batch,
    Compared,
    Credit,
    ErrorKind,
    FileError,
    FoundFile,
    Names,
    NotAudio,
    RecognisedRow,
    RootSeen,
    Track,
    Tracks,
    TrackTags,
)
from soniquescan.report import ScanStatus
from soniquescan.rows import spell_album
from soniquescan.stages.batch import batch
from soniquescan.stages.extract import pack
from soniquescan.stages.write import write
from soniquescan.text import path_to_text

MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
OTHER_MBID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"

TABLES = (
    "artists",
    "artist_names",
    "albums",
    "album_artists",
    "album_tags",
    "tracks",
    "track_artists",
    "genres",
    "genre_names",
    "track_genres",
    "unsettled",
)


_numbers = count(1)


def make_file(path="/music/Album/01.flac", **fields):
    values = {
        "root_id": 1, "size_bytes": 1000, "mtime_ns": 2, "ctime_ns": 3, "inode": 4, "device": 5, "cover_path": None,
        "number": next(_numbers),
    }  # fmt: skip
    return FoundFile(path=path if isinstance(path, bytes) else path.encode(), **{**values, **fields})


def make_stream(**fields):
    return AudioStream(**{**dict.fromkeys(AudioStream._fields), "container": "flac", **fields})


def make_album(title="Album", *, albumartists=(), **fields):
    nothing = dict.fromkeys(AlbumTags._fields)
    credit = "; ".join(person.name for person in albumartists) or None
    return AlbumTags(
        **{
            **nothing,
            "albumartist": credit,
            "release_types": (),
            "title": title,
            "albumartists": albumartists,
            **fields,
        }
    )


def make_tags(**fields):
    nothing = dict.fromkeys(TrackTags._fields)
    empty = {"isrcs": (), "moods": (), "genres": (), "credits": (), "tags": {}, "has_cover": False}
    return TrackTags(**{**nothing, **empty, **fields})


def make_track(path="/music/Album/01.flac", *, artists=(), stream=None, **fields):
    """Return a track; `fields` are those of its tags, or of its file."""
    of_file = {name: fields.pop(name) for name in FoundFile._fields if name in fields}
    people = tuple(artist if isinstance(artist, Credit) else make_credit(artist) for artist in artists)
    tags = make_tags(**{"credits": people, **fields})
    return Track(make_file(path, **of_file), stream or make_stream(), tags)


def make_credit(name, musicbrainz_artistid=None, *, role="artist", sort_name=None):
    return Credit(role, name, sort_name, musicbrainz_artistid)


def make_albumartist(name, musicbrainz_artistid=None):
    return make_credit(name, musicbrainz_artistid, role="albumartist")


def make_error(path="/music/bad.mp3", kind=ErrorKind.CORRUPT, **fields):
    values = {"stage": "extract", "message": "broken", "size_bytes": 10, "mtime_ns": 20, "ctime_ns": 30}
    return FileError(path=path.encode(), kind=kind, **{**values, **fields})


def make_other(path="/music/notes", **fields):
    return NotAudio(make_file(path, **fields))


def recognise(track_id, file, album=None):
    """Return a batch's parts for a track that is known again: its row, and those of its album."""
    rows = None if album is None else album_rows(album, album_folder(file.path), file.cover_path)
    row = RecognisedRow(
        track_id,
        path_to_text(file.path),
        file.root_id,
        file.ctime_ns,
        file.inode,
        file.device,
        None if file.cover_path is None else path_to_text(file.cover_path.rpartition(b"/")[2]),
        None if rows is None else rows.row.id,
    )
    return row, rows


def make_batch(scan_id, recognised=(), albums=()):
    """Return the batch of tracks that are known again, see `recognise`, and of the rows of albums."""
    names = Names.none()
    for rows in (*(rows for _, rows in recognised if rows is not None), *albums):
        names.add_album(spell_album(rows))
    return Batch(scan_id, Tracks.none(), names, [], [], [row for row, _ in recognised])


def read_files(items):
    """Yield what was read of each file as a worker sends it, in a list of its own with the problems that follow it."""
    lists = []
    for item in items:
        if lists and isinstance(item, FileError) and item.path == path_of(lists[-1][0]):
            lists[-1].append(item)
        else:
            lists.append([item])
    for one_file in lists:
        yield pickle.loads(pickle.dumps(pack(one_file)))


def path_of(item):
    return item.path if isinstance(item, FileError) else item.file.path


def load(  # noqa: PLR0913  # each is another matter, and named where it is given
    connection, items, *, roots=(b"/music",), recognised=(), absent=(), excluded=(), twice=False
):
    """Write items as a scan does that is killed before its end; return the scan's id.

    `recognised` are results of `recognise`, `absent` and `excluded` paths that were not found; with `twice` each batch
    is written two times, as after a connection that was lost at the wrong moment.
    """
    indexes.require(connection)
    scan_id = scans.begin(connection, roots, {}).id
    staging.prepare(connection)
    for _ in range(1 + twice):
        if recognised:
            staging.merge_batch(connection, make_batch(scan_id, recognised))
    batches = [each for each in batch(read_files(items), scan_id=scan_id) for _ in range(1 + twice)]
    for _ in write(batches, session=Session.over(connection)):
        pass
    for path in (*absent, *excluded):
        connection.execute("INSERT INTO absent_files VALUES (%s, %s)", [path, path in excluded])
    return scan_id


def conclude(connection, scan_id, *, roots=(b"/music",), allow_missing=False, devices=(5,), **seen):
    """End a scan as one that has walked everything; `seen` are fields of its `RootSeen`s."""
    query = "SELECT count(*) FROM tracks WHERE missing_since IS NULL AND starts_with(path, %s)"
    known = [connection.execute(query, [path_to_text(root.rstrip(b"/")) + "/"]).fetchone()[0] for root in roots]
    values = {"found_files": 1000, "error": None}
    roots_seen = tuple(
        RootSeen(**{"path": root, "known_tracks": tracks, **values, **seen})
        for root, tracks in zip(roots, known, strict=True)
    )
    compared = Compared(unchanged=0, moved=0, restored=0, unknown=0, roots=roots_seen, devices=frozenset(devices))
    conclusion = scans.conclude(connection, scan_id, compared, allow_missing=allow_missing)
    indexes.resume(connection)
    scans.finish(connection, scan_id, ScanStatus.COMPLETED, {})
    return conclusion


def scan(connection, items, **options):
    """Write items as a whole scan does; return its id. `options` as for `load`."""
    scan_id = load(connection, items, **options)
    conclude(connection, scan_id, **({"roots": options["roots"]} if "roots" in options else {}))
    return scan_id


def changes(connection, scan_id):
    """Return what a scan has told: path, kind and detail, sorted."""
    query = 'SELECT path, kind, detail FROM scan_changes WHERE scan_id = %s ORDER BY path COLLATE "C", kind'
    return connection.execute(query, [scan_id]).fetchall()


def snapshot(connection):
    """Return the library's tables as sorted rows: tracks by path instead of id, without the times of the scans."""
    with connection.cursor(row_factory=dict_row) as cursor:
        tables = {table: cursor.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    paths = {track["id"]: track["path"] for track in tables["tracks"]}
    for track in tables["tracks"]:
        del track["id"], track["added_at"], track["updated_at"]
    for row in tables["track_artists"] + tables["track_genres"]:
        row["track_id"] = paths[row["track_id"]]
    return {table: sorted(map(repr, rows)) for table, rows in tables.items()}
