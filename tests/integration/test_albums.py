"""What files say about their albums, through the real tables and back."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soniquescan.albums import album_from_row, album_rows
from soniquescan.database import staging
from soniquescan.database.sql import read_sql
from soniquescan.tags.build import clean, track_tags
from tests.tracks import make_batch

ids = st.uuids().map(str) | st.uuids().map(lambda number: str(number).upper())
texts = st.sampled_from(
    ["", " ", "A", "a", "Ä", "A; B", "A feat. B", "\\x", "\x01", "\ufffd", "{}", "NULL", "\U0001f3b5"]
)
texts |= st.text(max_size=20)


def values(of):
    return st.lists(of, max_size=3)


# Names as `tags` has them after a container was read, and what files hold there.
files = st.fixed_dictionaries(
    {"album": st.lists(texts.filter(lambda text: text.strip("\0 ")), min_size=1, max_size=2)},
    optional={
        **dict.fromkeys(
            ("albumsort", "albumartist", "albumartists", "albumartistsort", "label", "media"), values(texts)
        ),
        **dict.fromkeys(("catalognumber", "barcode", "asin", "releasecountry", "releasestatus"), values(texts)),
        "releasetype": values(texts | st.sampled_from(["album/live", "mixtape/street", "ep; single"])),
        **dict.fromkeys(
            ("date", "originaldate", "originalyear"), values(st.sampled_from(["1999", "1999-12", "0", "x"]))
        ),
        "totaldiscs": values(st.sampled_from(["1", "2", "0", "x", "99999"])),
        "compilation": values(st.sampled_from(["0", "1", "x"])),
        **dict.fromkeys(("musicbrainz_albumid", "musicbrainz_releasegroupid"), values(ids | texts)),
        "musicbrainz_albumartistid": values(ids | st.tuples(ids, ids).map("/".join)),
    },
)
folders = st.sampled_from([b"/music/a", b"/music/\xff\tb", b"/music"])
covers = st.sampled_from([None, b"/music/cover.jpg", b"/music/a/Folder.PNG"])


@pytest.fixture
def ready(connection):
    """A connection with staging tables."""
    staging.prepare(connection)
    return connection


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(files, folders, covers), min_size=1, max_size=10))
def test_what_files_said_is_known_from_the_database(ready, library):
    said = {}
    for held, folder, cover_path in library:
        album = track_tags(clean(held), has_cover=False).album
        rows = album_rows(album, folder, cover_path)
        said[str(UUID(bytes=rows.row.id))] = (album, (folder, cover_path), rows)
    staging.merge_batch(ready, make_batch(1, albums=[rows for _, _, rows in said.values()]))
    known = ready.execute(read_sql("list_album_tags").encode(), [list(said)]).fetchall()
    assert {album_id for album_id, _, _ in known} == set(said)
    for album_id, row, artists in known:
        album, place, rows = said[album_id]
        again = album_from_row(row, map(tuple, artists))
        assert again == album
        assert album_rows(again, *place) == rows
