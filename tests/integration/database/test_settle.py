"""What the end of a scan works out, and that it is the same whatever came first."""

from __future__ import annotations

import random

import pytest

from soniquescan.database.scans import settle
from soniquescan.stages import batch as batch_stage
from tests.tracks import (
    MBID,
    OTHER_MBID,
    TABLES,
    load,
    make_album,
    make_albumartist,
    make_credit,
    make_track,
    scan,
    snapshot,
)


def empty(connection):
    """Take everything out of the library, as if nothing had ever been scanned."""
    for table in set(TABLES) - {"artist_names"}:
        connection.execute(f"DELETE FROM {table}")
    connection.execute("DELETE FROM artist_names WHERE name <> 'Various Artists' OR sort_name IS NOT NULL")


ABBA = (make_albumartist("ABBA"),)
ALBUM_MBIDS = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")


class Library:
    """Random tracks in which everything collides that can: spellings, namesakes, half-tagged albums, folders."""

    ARTISTS = (("Abba", None), ("ABBA", None), ("Abba", MBID), ("ABBA", MBID), ("Abba", OTHER_MBID), ("Prince", None),
               ("Prince", OTHER_MBID), ("Various Artists", None), ("Cher", None))  # fmt: skip
    ALBUM_MBIDS = (None, None, "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")
    FOLDERS = ("A", "A/CD1", "A/CD 2", "B")

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.paths = [f"/music/{folder}/{number}.flac" for folder in self.FOLDERS for number in range(3)]

    def people(self, role, most):
        count = self.random.randint(0, most)
        sort_names = (None, None, "ABBA", "Abba, The")
        return tuple(
            make_credit(*self.random.choice(self.ARTISTS), role=role, sort_name=self.random.choice(sort_names))
            for _ in range(count)
        )

    def album(self):
        choose = self.random.choice
        return make_album(
            choose(("Gold", "GOLD", "Gold", "Hits")),
            albumartists=choose(((), self.people("albumartist", 2))),
            musicbrainz_albumid=choose(self.ALBUM_MBIDS),
            year=choose((None, 1992, 1993)),
            label=choose((None, "Polar", "polar")),
            compilation=choose((None, None, True, False)),
            release_types=choose(((), ("album",), ("album", "live"))),
        )

    def track(self, path):
        choose = self.random.choice
        return make_track(
            path,
            credits=self.people("artist", 2) + self.people("composer", 2),
            album=choose((None, self.album(), self.album(), self.album())),
            genres=tuple(self.random.sample(("Pop", "pop", "POP", "Rock", "rock"), self.random.randint(0, 3))),
            title=choose(("One", "Two")),
            cover_path=choose((None, b"/music/A/cover.jpg", b"/music/A/folder.jpg")),
        )

    def tracks(self, share=1.0):
        return [self.track(path) for path in self.paths if self.random.random() < share]

    def shuffled(self, tracks):
        return self.random.sample(tracks, len(tracks))


def albums(connection):
    """Return the albums with title, artist, whether a compilation, and their tracks' paths."""
    return connection.execute(
        "SELECT a.title, albumartist, compilation, array_agg(path ORDER BY path) FROM albums AS a"
        " JOIN tracks ON album_id = a.id GROUP BY a.id ORDER BY a.title, albumartist, 4"
    ).fetchall()


def album_artists(connection):
    return connection.execute(
        "SELECT a.title, position, name, musicbrainz_artistid::text FROM album_artists"
        " JOIN albums AS a ON a.id = album_id JOIN artists AS ar ON ar.id = artist_id ORDER BY 1, 2"
    ).fetchall()


def artists(connection):
    """Return the artists with the paths of the tracks they are on."""
    return connection.execute(
        "SELECT name, sort_name, musicbrainz_artistid::text, array_agg(path ORDER BY path) FROM artists AS a"
        " JOIN track_artists ON artist_id = a.id JOIN tracks AS t ON t.id = track_id"
        " GROUP BY a.id ORDER BY name, musicbrainz_artistid NULLS FIRST"
    ).fetchall()


# Artists -------------------------------------------------------------------------------------------------------------


def test_a_name_counts_into_its_only_musicbrainz_namesake(connection):
    scan(connection, [make_track("/1", artists=("abba",)), make_track("/2", artists=(make_credit("ABBA", MBID),))])
    assert artists(connection) == [("ABBA", None, MBID, ["/1", "/2"])]


def test_a_name_with_two_musicbrainz_namesakes_stands_for_itself(connection):
    tracks = [make_track("/1", artists=("Nirvana",))]
    scan(connection, [*tracks, make_track("/2", artists=(make_credit("Nirvana", MBID),))])
    scan(connection, [make_track("/3", artists=(make_credit("Nirvana", OTHER_MBID),))])
    expected = [(None, ["/1"]), (OTHER_MBID, ["/3"]), (MBID, ["/2"])]
    assert expected == [row[2:] for row in artists(connection)]


def test_a_name_counts_into_the_namesake_that_remains(connection):
    tracks = [make_track("/1", artists=("Nirvana",)), make_track("/2", artists=(make_credit("Nirvana", MBID),))]
    scan(connection, [*tracks, make_track("/3", artists=(make_credit("Nirvana", OTHER_MBID),))])
    scan(connection, [make_track("/3", artists=("Cher",))])
    assert [(name, mbid, paths) for name, _, mbid, paths in artists(connection)] == [
        ("Cher", None, ["/3"]),
        ("Nirvana", MBID, ["/1", "/2"]),
    ]


def test_an_album_artist_counts_into_its_namesake_as_well(connection):
    album = make_album(albumartists=(make_albumartist("Abba"),))
    scan(connection, [make_track("/1", artists=(make_credit("ABBA", MBID),), album=album)])
    assert album_artists(connection) == [("Album", 1, "ABBA", MBID)]


def test_an_artist_is_named_by_the_files_that_are_left(connection):
    scan(connection, [make_track(f"/{n}", artists=(make_credit("ABBA", sort_name="ABBA"),)) for n in range(2)])
    scan(connection, [make_track(f"/{n}", artists=(make_credit("Abba", sort_name="Abba"),)) for n in range(2)])
    assert artists(connection) == [("Abba", "Abba", None, ["/0", "/1"])]


def test_a_genre_is_named_by_the_files_that_are_left(connection):
    scan(connection, [make_track("/1", genres=("ROCK",)), make_track("/2", genres=("Rock",))])
    assert connection.execute("SELECT name FROM genres").fetchall() == [("ROCK",)]
    scan(connection, [make_track("/1", genres=("rock",))])
    assert connection.execute("SELECT name FROM genres").fetchall() == [("Rock",)]


def test_various_artists_is_there_again_when_it_is_needed(connection):
    scan(connection, [make_track("/1", artists=("Various Artists",))])
    scan(connection, [make_track("/1")])
    scan(connection, [make_track(f"/a/{name}", artists=(name,), album=make_album()) for name in ("A", "B")])
    assert album_artists(connection) == [("Album", 1, "Various Artists", None)]


def test_one_more_track_rewrites_nothing_else(connection):
    tagged, untagged = (
        make_album("Gold", albumartists=(make_albumartist("ABBA"),), musicbrainz_albumid=mbid)
        for mbid in (ALBUM_MBIDS[0], None)
    )
    first = make_track("/a/1", artists=(make_credit("ABBA", MBID), "Cher"), genres=("Pop", "pop"), album=tagged)
    scan(connection, [first, make_track("/a/2", artists=("ABBA", "cher"), genres=("pop",), album=untagged)])
    tables = ("artists", "artist_names", "albums", "album_tags", "genres", "genre_names")
    versions = " UNION ALL ".join(f"SELECT id, xmin FROM {table}" for table in tables)
    expected = set(connection.execute(versions).fetchall())
    scan(connection, [make_track("/a/3", artists=("abba", "cher"), genres=("pop",), album=untagged)])
    assert expected < set(connection.execute(versions).fetchall())
    assert albums(connection) == [("Gold", "ABBA", False, ["/a/1", "/a/2", "/a/3"])]


def test_what_nothing_refers_to_is_removed(connection):
    album = make_album(albumartists=(make_albumartist("Z"),), musicbrainz_albumid=MBID)
    scan(connection, [make_track("/1", artists=("A",), genres=("Pop",), album=album)])
    scan(connection, [make_track("/1")])
    for table in ("artists", "albums", "genres", "album_artists", "track_artists", "track_genres", "album_tags"):
        assert (table, []) == (table, connection.execute(f"SELECT FROM {table}").fetchall())
    assert connection.execute("SELECT name FROM artist_names").fetchall() == [("Various Artists",)]


# Albums --------------------------------------------------------------------------------------------------------------


def test_an_untagged_compilation_is_one_album_of_various_artists(connection):
    tracks = [make_track(f"/hits/CD {n}/1", artists=(f"Artist {n}",), album=make_album("Hits")) for n in (1, 2)]
    scan(connection, tracks)
    assert albums(connection) == [("Hits", "Various Artists", True, ["/hits/CD 1/1", "/hits/CD 2/1"])]
    assert album_artists(connection) == [("Hits", 1, "Various Artists", None)]


def test_various_artists_is_that_of_musicbrainz_where_a_file_has_it(connection):
    tagged = make_album("Other", albumartists=(make_albumartist("Various Artists", MBID),))
    tracks = [make_track(f"/hits/{n}", artists=(f"Artist {n}",), album=make_album("Hits")) for n in (1, 2)]
    scan(connection, [*tracks, make_track("/other/1", album=tagged)])
    expected = [("Hits", 1, "Various Artists", MBID), ("Other", 1, "Various Artists", MBID)]
    assert expected == album_artists(connection)


def test_two_untagged_albums_of_one_title_stay_two(connection):
    scan(
        connection, [make_track(f"/{n}/1", artists=(n,), album=make_album("Greatest Hits")) for n in ("ABBA", "Queen")]
    )
    expected = [("Greatest Hits", "ABBA", False, ["/ABBA/1"]), ("Greatest Hits", "Queen", False, ["/Queen/1"])]
    assert expected == albums(connection)


def test_an_album_of_one_artist_and_guests_is_of_that_artist(connection):
    abba = make_credit("ABBA", sort_name="Abba")
    composer = make_credit("Benny", role="composer")
    people = [(abba, composer), (abba, "Cher"), ()]
    tracks = [make_track(f"/a/{number}", artists=artists) for number, artists in enumerate(people, 1)]
    scan(connection, [track._replace(tags=track.tags._replace(album=make_album())) for track in tracks])
    assert albums(connection) == [("Album", "ABBA", False, ["/a/1", "/a/2", "/a/3"])]
    assert connection.execute("SELECT albumartist_sort FROM albums").fetchall() == [("Abba",)]
    assert album_artists(connection) == [("Album", 1, "ABBA", None)]


def test_artists_agree_by_name_or_by_id(connection):
    by_name = [make_track("/a/1", artists=("abba",)), make_track("/a/2", artists=(make_credit("ABBA", MBID),))]
    by_id = [make_track(f"/b/{name}", artists=(make_credit(name, OTHER_MBID),)) for name in ("Prince", "The Artist")]
    scan(connection, [track._replace(tags=track.tags._replace(album=make_album())) for track in by_name + by_id])
    assert [albumartist for _, albumartist, *_ in albums(connection)] == ["ABBA", "Prince"]
    assert sorted(album_artists(connection)) == [("Album", 1, "ABBA", MBID), ("Album", 1, "Prince", OTHER_MBID)]


def test_an_album_artist_follows_its_tracks(connection):
    tracks = [make_track(f"/a/{name}", artists=(name,), album=make_album()) for name in ("A", "B")]
    seen = []
    for items in (tracks[:1], tracks[1:], [make_track("/a/A")]):
        scan(connection, items)
        seen.append([row[1:3] for row in albums(connection)])
    assert seen == [[("A", False)], [("Various Artists", True)], [("B", False)]]


def test_an_album_without_any_artist_has_none(connection):
    scan(connection, [make_track("/a/1", album=make_album())])
    assert albums(connection) == [("Album", None, False, ["/a/1"])]
    assert album_artists(connection) == []


def test_where_files_disagree_about_an_album_the_rules_decide(connection):
    one = make_album("Gold", label="Polar", date="1993", year=1993, disc_total=1, release_types=("live",))
    two = make_album("GOLD", label="EMI", date="1992-09", year=1992, disc_total=2, compilation=True)
    scan(connection, [make_track("/a/1", album=one, cover_path=b"/a/cover.jpg"), make_track("/a/2", album=two)])
    query = "SELECT title, label, date, year, disc_total, compilation, release_types, cover_path FROM albums"
    expected = [("GOLD", "EMI", "1992-09", 1992, 2, True, ["live"], "/a/cover.jpg")]
    assert expected == connection.execute(query).fetchall()


def test_a_retagged_album_is_as_if_scanned_first(connection):
    scan(
        connection, [make_track(f"/a/{n}", album=make_album("Gold", label="A label", compilation=True)) for n in (1, 2)]
    )
    scan(connection, [make_track(f"/a/{n}", album=make_album("gold", label="The label")) for n in (1, 2)])
    query = "SELECT title, label, compilation FROM albums"
    assert connection.execute(query).fetchall() == [("gold", "The label", False)]


def test_album_artists_with_musicbrainz_ids_are_preferred(connection):
    """Two namesakes keep the name from counting into either."""
    paired, unpaired = (make_album(albumartists=(make_albumartist("Nirvana", mbid),)) for mbid in (MBID, None))
    tracks = [make_track("/a/1", album=unpaired), make_track("/a/2", album=paired)]
    scan(connection, [*tracks, make_track("/b/1", artists=(make_credit("Nirvana", OTHER_MBID),))])
    assert album_artists(connection) == [("Album", 1, "Nirvana", MBID)]


def test_the_credit_of_an_album_is_that_of_its_artists(connection):
    people = [("Zoë", MBID), ("Adam", None), ("Zoë", MBID)]
    tracks = [
        make_track(
            f"/a/{number}",
            album=make_album(
                albumartists=(make_albumartist(name, artist_mbid),),
                albumartist_sort=sort_name,
                musicbrainz_albumid=ALBUM_MBIDS[0],
            ),
        )
        for number, ((name, artist_mbid), sort_name) in enumerate(zip(people, (None, "Adam", "Zoe"), strict=True))
    ]
    scan(connection, tracks)
    assert album_artists(connection) == [("Album", 1, "Zoë", MBID)]
    assert connection.execute("SELECT albumartist, albumartist_sort FROM albums").fetchall() == [("Zoë", "Zoe")]


def test_a_half_tagged_album_does_not_split(connection):
    tagged = make_album("Gold", albumartists=ABBA, musicbrainz_albumid=ALBUM_MBIDS[0])
    tracks = [make_track("/a/CD1/1", album=tagged), make_track("/a/CD2/1", album=make_album("gold", albumartists=ABBA))]
    scan(connection, tracks)
    assert albums(connection) == [("Gold", "ABBA", False, ["/a/CD1/1", "/a/CD2/1"])]


def test_a_half_tagged_album_without_album_artist_goes_by_that_of_its_tracks(connection):
    tagged = make_album("Gold", albumartists=ABBA, musicbrainz_albumid=ALBUM_MBIDS[0])
    untagged = make_album("Gold")
    first = make_track("/a/1", artists=("ABBA",), album=tagged)
    scan(connection, [first, make_track("/a/2", artists=("ABBA",), album=untagged)])
    assert albums(connection) == [("Gold", "ABBA", False, ["/a/1", "/a/2"])]
    scan(connection, [make_track("/a/2", artists=("Cher",), album=untagged)])
    assert albums(connection) == [("Gold", "ABBA", False, ["/a/1"]), ("Gold", "Cher", False, ["/a/2"])]


@pytest.mark.parametrize(
    ("path", "album"),
    [
        ("/b/2", make_album("Gold", albumartists=ABBA)),
        ("/a/2", make_album("More Gold", albumartists=ABBA)),
        ("/a/2", make_album("Gold", albumartists=(make_albumartist("Cher"),))),
    ],
    ids=["other folder", "other title", "other artist"],
)
def test_another_album_does_not_count_into_a_musicbrainz_album(connection, path, album):
    tagged = make_album("Gold", albumartists=ABBA, musicbrainz_albumid=ALBUM_MBIDS[0])
    scan(connection, [make_track("/a/1", album=tagged), make_track(path, album=album)])
    assert len(albums(connection)) == 2


def test_which_album_is_meant_follows_what_lies_in_the_folder(connection):
    untagged = make_track("/a/0", album=make_album("Gold", albumartists=ABBA))
    first, second = (
        make_track(f"/a/{n}", album=make_album("Gold", albumartists=ABBA, musicbrainz_albumid=mbid))
        for n, mbid in enumerate(ALBUM_MBIDS, 1)
    )
    seen = []
    for track in (untagged, first, second, make_track("/a/1")):
        scan(connection, [track])
        seen.append([paths for *_, paths in albums(connection)])
    together, apart = [["/a/0", "/a/1"]], [["/a/0"], ["/a/1"], ["/a/2"]]
    assert [[["/a/0"]], together, apart, [["/a/0", "/a/2"]]] == seen


# Scans one after another ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_order_and_batch_size_do_not_matter(connection, monkeypatch, seed):
    library = Library(seed)
    tracks = library.tracks()
    scan(connection, tracks)
    expected = snapshot(connection)
    for batch_tracks in (1, 5, 1000):
        empty(connection)
        monkeypatch.setattr(batch_stage, "BATCH_TRACKS", batch_tracks)
        scan(connection, library.shuffled(tracks))
        assert expected == snapshot(connection)


@pytest.mark.parametrize("seed", range(20))
def test_rescans_end_where_a_first_scan_does(connection, seed):
    """Whatever was scanned before, and however often a scan was killed before its end."""
    library = Library(seed)
    current = {}
    for _ in range(4):
        tracks = library.tracks(library.random.choice((0.1, 0.5, 1)))
        current |= {track.file.path: track for track in tracks}
        library.random.choice((scan, load))(connection, tracks)
    scan(connection, [])
    after_rescans = snapshot(connection)
    empty(connection)
    scan(connection, library.shuffled(list(current.values())))
    assert snapshot(connection) == after_rescans


def test_the_planner_has_statistics_though_an_end_was_undone_before(connection):
    """ANALYZE leaves the number of pages even so; without statistics, 100,000 tracks took 44 seconds."""
    load(connection, [make_track(f"/music/{number}", album=make_album(f"{number}")) for number in range(1000)])
    with connection.transaction(force_rollback=True):
        settle(connection)
        assert "tracks" in tables_with_statistics(connection)
    assert tables_with_statistics(connection) == set()

    settle(connection)

    assert tables_with_statistics(connection) >= {"tracks", "album_tags", "albums", "unsettled"}


def tables_with_statistics(connection):
    query = "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'soniquescan'"
    return {name for (name,) in connection.execute(query)}
