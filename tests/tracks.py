"""Tracks for tests: made by hand, with what a test is about overridden, and loaded as a scan loads them."""

from __future__ import annotations

from psycopg.rows import dict_row

from soniquescan.database import scans
from soniquescan.messages import AlbumTags, AudioStream, Credit, ErrorKind, FileError, FoundFile, Track, TrackTags
from soniquescan.report import ScanStatus
from soniquescan.stages.batch import batch
from soniquescan.stages.write import write

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


def make_file(path="/music/Album/01.flac", **fields):
    values = {
        "root_id": 1, "size_bytes": 1000, "mtime_ns": 2, "ctime_ns": 3, "inode": 4, "device": 5, "cover_path": None,
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
    values = {"stage": "extract", "message": "broken", "size_bytes": 10, "mtime_ns": 20}
    return FileError(path=path.encode(), kind=kind, **{**values, **fields})


def load(connection, items):
    """Write items as a scan does that is killed before its end; return the scan's id."""
    scan = scans.begin(connection, [b"/music"], {})
    for _ in write(batch(items, scan_id=scan.id), connection=connection):
        pass
    return scan.id


def scan(connection, items):
    """Write items as a whole scan does; return its id."""
    scan_id = load(connection, items)
    scans.settle(connection, scan_id)
    scans.finish(connection, scan_id, ScanStatus.COMPLETED, {})
    return scan_id


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
