from __future__ import annotations

import struct

import pytest

from soniquescan.memo import MEMO_ENTRIES
from soniquescan.tags.build import clean
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.vorbiscomment import OPUS, VORBIS, Comments
from soniquescan.tags.mapping import VORBIS as VORBIS_NAMES
from soniquescan.tags.vorbis import read_comments

PICTURE = b"METADATA_BLOCK_PICTURE=" + b"A" * 500


def sized(data):
    return len(data).to_bytes(4, "little") + data


def block(*comments, count=None):
    number = len(comments) if count is None else count
    return sized(b"tester") + number.to_bytes(4, "little") + b"".join(map(sized, comments))


def read(*comments, reader=VORBIS):
    raw = block(*comments)
    return reader.read(raw, 0, len(raw))


def test_values_stand_under_the_names_of_tags_in_the_file_s_order():
    values, has_cover = read(b"TITLE=A", b"artist=B", b"Genre=C", b"ARTIST=D", b"GENRE=C")
    assert list(values.items()) == [("title", ["A"]), ("artist", ["B", "D"]), ("genre", ["C", "C"])]
    assert not has_cover


@pytest.mark.parametrize(
    "comments",
    [
        [],
        [b"PERFORMER=Joe Barr (piano)", b"performer=Ann", b"performer:piano=Eve"],
        [b"FINGERPRINT=MusicMagic Fingerprint abc", b"fingerprint=def"],
        [b"MUSICBRAINZ_TRACKID=1", b"MUSICBRAINZ_RELEASETRACKID=2", b"MOVEMENT=3", b"movementname=4"],
        [b"COMMENT=", b"COMMENT= \t", b"title=A", b"COMMENT=B"],
        [b"Own Key=1", b"Own Key=2", b"other=", b"OTHER KEY=3"],
        [b"no equals sign", b"unknown=2"],
        [b"=no key", b"", b"="],
        [b"TITLE=" + b"x" * 255, b"LYRICS=" + b"y" * 70_000, b"ALBUM=z"],
        [b"TITLE=a=b", b"TITLE=\xff\xfe", "TITLE=Größe".encode(), "СВОЙ=да".encode()],
        [b"TITLE=a\x00", b"TITLE=a\x00b", b"TITLE=\x00"],
        [b"TITLE=A", b"coverartmime=image/jpeg", b"COVERARTDESCRIPTION=x"],
        [b"R128_TRACK_GAIN=1", b"replaygain_track_gain=2"],
    ],
)
@pytest.mark.parametrize("reader", [VORBIS, OPUS])
def test_comments_say_what_they_say_by_reference(comments, reader):
    expected = clean(read_comments(block(*comments), reader._names).values)
    for _ in range(2):  # made, then remembered
        values, has_cover = read(*comments, reader=reader)
        assert list(values.items()) == list(expected.items())
        assert not has_cover


@pytest.mark.parametrize("picture", [PICTURE, PICTURE.lower(), b"CoverArt=abc"])
def test_pictures_are_noted(picture):
    assert read(b"TITLE=A", picture, picture, b"Own=B") == ({"title": ["A"], "Own": ["B"]}, True)


def test_what_is_remembered_is_shared_and_never_changed():
    reader = Comments(VORBIS_NAMES)
    first, _ = read(b"ALBUM=A", b"GENRE=B", b"GENRE=C", reader=reader)
    second, _ = read(b"ALBUM=A", b"GENRE=B", reader=reader)
    assert second["album"] is first["album"]
    assert (first["genre"], second["genre"]) == (["B", "C"], ["B"])


def test_memory_is_bounded():
    reader = Comments(VORBIS_NAMES)
    for number in range(MEMO_ENTRIES + 100):
        read(b"ALBUM=%d" % number, reader=reader)
    assert 0 < len(reader) <= MEMO_ENTRIES
    size = len(reader)
    read(b"LYRICS=" + b"x" * 1000, b"TITLE=of this track alone", reader=reader)
    assert len(reader) == size


def test_padding_may_follow():
    raw = b"before" + block(b"TITLE=A") + bytes(100)
    assert VORBIS.read(raw, 6, len(raw)) == ({"title": ["A"]}, False)


def test_comments_that_are_cut_are_declined():
    raw = block(b"TITLE=A", b"ALBUM=" + b"B" * 300)
    for end in range(len(raw)):
        with pytest.raises((Declined, IndexError, struct.error)):
            VORBIS.read(raw[:end], 0, end)
        with pytest.raises(Declined):
            VORBIS.read(raw, 0, end)


def test_what_is_beyond_the_data_is_asked_for():
    raw = block(b"TITLE=A", b"COMMENT=" + b"B" * 300, b"ALBUM=C")
    asked = []

    def more(data, start, end):
        asked.append((data[start:], end - start))
        return raw[start:], 0, end - start

    values, _ = VORBIS.read(raw[:60], 0, 60, more)
    assert values == {"title": ["A"], "comment": ["B" * 300], "album": ["C"]}
    assert asked == [(raw[25:60], 4 + 308)]


@pytest.mark.parametrize(
    "comments", [[b"Own=1", b"OWN=2"], [b"Own=", b"OWN=2"], [b"unknown=1", b"Unknown=2"], [b"O\x00wn=1"]]
)
def test_keys_that_depend_on_the_file_are_declined(comments):
    with pytest.raises(Declined):
        read(*comments)
