from __future__ import annotations

import struct

import pytest

from benchmarks.library.blocks.mp4 import atom
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.mp4 import read as read_mp4
from soniquescan.tags.source import Source
from tests.integration.tags.equality import in_memory
from tests.integration.tags.fast.recorded import agree, read

ODD = (Declined, IndexError, KeyError, ValueError, struct.error)
TEXT, OPEN, INTEGER, JPEG = 1, 0, 21, 13
KIND = atom("ftyp", b"M4A \0\0\2\0M4A mp42isom")
AUDIO = atom("mdat", bytes(300_000))
PICTURE = 100_000


def data(value, kind=TEXT):
    return atom("data", struct.pack(">II", kind, 0), value)


def text(name, *values):
    return atom(name, *(data(value.encode()) for value in values))


def number(name, value, kind=INTEGER):
    return atom(name, data(value, kind))


def pair(name, *numbers):
    return atom(name, *(data(struct.pack(">4H", 0, *of, 0), OPEN) for of in numbers))


def free(name, *values, kind=TEXT, space="com.apple.iTunes"):
    datas = (data(value if isinstance(value, bytes) else value.encode(), kind) for value in values)
    return atom("----", atom("mean", bytes(4), space.encode()), atom("name", bytes(4), name.encode()), *datas)


def cover(size=PICTURE):
    return atom("covr", data(bytes(size), JPEG))


SAMPLE_ENTRY = bytes(16) + struct.pack(">4HI", 2, 16, 0, 0, 48_000 << 16)
TAGS = (text("©nam", "Title"), text("©ART", "Artist"), pair("trkn", (5, 12)), free("LABEL", "Label"))


def descriptor(tag, content):
    return bytes((tag, 0x80, 0x80, 0x80, len(content))) + content


def aac(bitrate=128_000, *, largest=0, behind=b"", config=b"\x12\x10"):
    rates = largest.to_bytes(3) + struct.pack(">II", bitrate + largest, bitrate)
    decoder = descriptor(4, b"\x40\x15" + rates + descriptor(5, config))
    esds = atom("esds", bytes(4), descriptor(3, bytes(3) + decoder + descriptor(6, b"\2")))
    return atom("mp4a", bytes(6), struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 44_100 << 16), esds, behind)


def alac(bitrate):
    cookie = struct.pack(">IBBBBBBHIII", 4096, 0, 24, 40, 10, 14, 2, 255, bitrate // 9, bitrate, 96_000)
    return atom("alac", bytes(6), struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 0), atom("alac", bytes(4), cookie))


def track(entry=None, *, kind=b"soun", tables=0, edits=b"", header=None):
    header = header or struct.pack(">IIIIIHH", 0, 0, 0, 44_100, 44_100 * 200 + 7, 0x55C4, 0)
    stbl = atom("stbl", atom("stsd", struct.pack(">II", 0, 1), entry or aac()), atom("stsz", bytes(12 + tables)))
    info = atom("minf", atom("smhd", bytes(8)), atom("dinf", bytes(28)), stbl)
    handler = atom("hdlr", bytes(8), kind, bytes(13))
    return atom("trak", atom("tkhd", bytes(84)), edits, atom("mdia", atom("mdhd", header), handler, info))


def movie(*items, tracks=None, behind=b"", flags=bytes(4)):
    meta = atom("meta", flags, atom("hdlr", bytes(8), b"mdirappl", bytes(9)), atom("ilst", *items), behind)
    return atom("moov", atom("mvhd", bytes(100)), *(tracks or [track()]), atom("udta", meta))


def in_front(*items, **parts):
    return KIND + movie(*items, **parts) + AUDIO


def behind(*items, **parts):
    return KIND + AUDIO + movie(*items, **parts)


# What is read


def test_the_head_is_all_that_is_read_of_a_file_without_a_picture():
    found, reads = agree(read_mp4, in_front(*TAGS))
    assert reads == []
    assert found.values == {
        "title": ["Title"], "artist": ["Artist"], "tracknumber": ["5"], "totaltracks": ["12"], "label": ["Label"],
    }  # fmt: skip
    assert not found.has_cover


def test_a_picture_is_told_of_and_not_read():
    content = in_front(*TAGS, cover())
    found, reads = agree(read_mp4, content)
    assert found.has_cover
    assert reads == [(len(content) - len(AUDIO), 4096)]  # whether the file ends within its audio


def test_items_behind_a_picture_are_read_together_with_what_follows():
    found, reads = agree(read_mp4, in_front(*TAGS, cover(), text("©lyr", "la " * 500), behind=atom("free", bytes(900))))
    assert found.values["lyrics"] == ["la " * 500]
    assert len(reads) == 1
    assert reads[0][1] < 8_000


@pytest.mark.parametrize(
    ("parts", "most"),
    [
        ({}, [1_000]),
        ({"tables": 41_000}, [42_000]),  # a song
        ({"tables": 900_000}, [65_536, 1_000]),  # an audio book: the table is passed by
    ],
)
def test_what_stands_behind_the_audio_takes_one_read_or_two(parts, most):
    found, reads = agree(read_mp4, behind(*TAGS, tracks=[track(**parts)]))
    assert found.values["label"] == ["Label"]
    assert all(size <= limit for (_, size), limit in zip(reads, most, strict=True))


def test_large_tables_in_front_of_the_tags_are_passed_by():
    found, reads = agree(read_mp4, in_front(*TAGS, cover(), text("aART", "A"), tracks=[track(tables=200_000)]))
    assert found.values["albumartist"] == ["A"]
    assert [size <= 16_384 for _, size in reads] == [True, True]


def test_of_much_padding_only_the_header_of_what_follows_is_read():
    _, reads = agree(read_mp4, KIND + movie(*TAGS) + atom("free", bytes(380_000)) + AUDIO)
    assert [size for _, size in reads] == [16]


@pytest.mark.parametrize("size", [15_000, 15_600, 15_800, 15_950, 16_100])
def test_items_that_the_head_ends_within_are_read_again(size):
    found, reads = agree(read_mp4, in_front(*TAGS, text("©cmt", "x", "y"), free("Z", "z"), tracks=[track(tables=size)]))
    assert found.values["comment"] == ["x", "y"]
    assert len(reads) <= 1


def test_long_texts_are_read_to_their_end():
    found, _ = agree(read_mp4, in_front(*TAGS, text("©lyr", "la " * 12_000), text("aART", "A")))
    assert len(found.values["lyrics"][0]) == 36_000


# What items say


@pytest.mark.parametrize(
    "items",
    [
        (text("©ART", "A", "B"), text("©ART", "C")),
        (free("ISRC", "A"), free("ISRC", "B"), free("isrc", "C"), free("ISRC", "D")),
        (free("Foo", "1"), free("FOO", "2"), free("foo", "3", space="org.x")),
        (text("©wrk", "Work"), free("WORK", "Work"), free("work", "Other")),
        (free("performer", "Joe (piano)", "Ann (voice (alto))", "Eve"), free("PERFORMER", "Bob")),
        (free("fingerprint", "MusicMagic Fingerprint abc"),),
        (pair("trkn", (5, 0)), pair("disk", (0, 2)), free("TOTALTRACKS", "12")),
        (pair("trkn", (5, 0)), pair("trkn", (6, 9))),
        (text("©nam", " "), text("©alb", ""), free("MOOD", ""), text("©ART", "a\0b", "c\0")),
        (number("tmpo", b"\0\0"), number("cpil", b"\1"), number("pgap", b"\0"), number("stik", b"\1")),
        (number("plID", bytes(7) + b"\x05"), number("©mvi", b"\xff\xff"), number("rtng", b"\2", OPEN)),
        (number("gnre", b"\0\x12", OPEN), text("©gen", "Ambient"), number("gnre", b"\0\1", OPEN)),
        (atom("©nam", data(b"open", OPEN)), text("xid ", "known by nobody"), number("odd ", b"\1\2\3")),
        (free("iTunes_CDDB_1"), free("iTunes_CDDB_TrackNumber"), text("©ART", "A"), free("iTunes_CDDB_2")),
        (free("bytes", b"\0\1\2", kind=OPEN), free("size", b"\1\0", kind=INTEGER), free("wide", b"\0a", kind=2)),
        (free("NAME\0", "x"), free("", "y"), free("a:b", "z", space="c:d"), free("Straße", "s")),
        (cover(0), text("©nam", "after an empty picture")),
        (cover(9), cover(20_000), text("©nam", "after two")),
        (atom("covr", atom("name", b"a.jpg"), data(b"jpeg", JPEG)), text("©nam", "N")),
        (),
    ],
)
def test_items_say_what_the_reference_says(items):
    found, _ = agree(read_mp4, in_front(*items))
    again, _ = agree(read_mp4, behind(*TAGS, *items))  # what was remembered of them has not changed
    assert list(again.values)[:2] == ["title", "artist"]
    assert agree(read_mp4, in_front(*items))[0].values == found.values


def test_tags_of_apple_come_first_whatever_the_order():
    found, _ = agree(read_mp4, in_front(free("LABEL", "L"), text("©nam", "T"), free("MOOD", "M"), text("©alb", "A")))
    assert list(found.values) == ["title", "album", "label", "mood"]


def test_a_movie_without_a_list_has_no_tags():
    found, _ = agree(read_mp4, KIND + atom("moov", atom("mvhd", bytes(100)), track()) + AUDIO)
    assert found.values == {}


# What the audio is


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(aac(), id="aac"),
        pytest.param(aac(96_000, largest=700), id="vbr"),
        pytest.param(aac(0), id="no bit rate"),  # it is worked out from the size of the file
        pytest.param(aac(config=b"\x2b\x92\x08\x00"), id="he-aac"),
        pytest.param(aac(behind=atom("btrt", bytes(12))), id="btrt"),
        pytest.param(aac(behind=atom("pinf", bytes(1200)) + atom("free", bytes(31_000))), id="iTunes Store"),
        pytest.param(alac(900_123), id="alac"),
        pytest.param(alac(0), id="alac, no bit rate"),
        pytest.param(atom("ac-3", SAMPLE_ENTRY, atom("dac3", b"\x10\x11\x40")), id="ac-3"),
        pytest.param(atom("fLaC", SAMPLE_ENTRY, atom("dfLa", bytes(42))), id="flac"),
    ],
)
def test_streams_are_what_the_reference_says(entry):
    found, reads = agree(read_mp4, in_front(*TAGS, tracks=[track(entry, edits=atom("edts", bytes(28)))]))
    assert found.stream.length_ms == 200_000
    assert sum(size for _, size in reads) < 20_000


def test_bit_rates_differ_where_all_else_is_remembered():
    rates = [agree(read_mp4, in_front(tracks=[track(aac(rate))]))[0].stream.bitrate_bps for rate in (96_000, 97_001)]
    rates += [agree(read_mp4, in_front(tracks=[track(alac(rate))]))[0].stream.bitrate_bps for rate in (900_000, 7)]
    assert rates == [96_000, 97_001, 900_000, 7]


@pytest.mark.parametrize(
    "tracks",
    [
        [track(kind=b"text"), track(tables=500)],
        [track(kind=b"text", tables=90_000), track(aac(96_000)), track(aac(64_000))],
        [track(header=b"\1\0\0\0" + bytes(16) + struct.pack(">IQ", 48_000, 48_000 * 90) + bytes(4))],
        [track(header=bytes(24))],  # of no length
    ],
)
def test_the_first_track_that_is_audio_counts(tracks):
    agree(read_mp4, behind(*TAGS, tracks=tracks))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(KIND + struct.pack(">I4sQ", 1, b"mdat", 300_016) + AUDIO[8:] + movie(*TAGS), id="64 bits"),
        pytest.param(KIND + movie(*TAGS) + struct.pack(">I4s", 0, b"mdat") + bytes(50_000), id="up to the end"),
        pytest.param(KIND + AUDIO + movie(*TAGS) + atom("free"), id="ends with an empty atom"),
        pytest.param(KIND + AUDIO + movie(*TAGS) + bytes(3), id="ends with less than an atom"),
        pytest.param(KIND + movie(*TAGS) + movie(text("©nam", "second")) + AUDIO, id="two movies"),
        pytest.param(KIND + movie(*TAGS, flags=b"") + AUDIO, id="meta of QuickTime"),
        pytest.param(KIND + atom("free", bytes(16_350 - len(KIND))) + movie(*TAGS) + AUDIO, id="at the head's end"),
    ],
)
def test_other_layouts_are_read(content):
    assert agree(read_mp4, content)[0].values["title"] == ["Title"]


# What is declined


@pytest.mark.parametrize(
    "content",
    [
        in_front(*TAGS)[:-1],
        behind(*TAGS)[:-1],
        KIND + AUDIO,
        in_front(*TAGS, tracks=[track(kind=b"vide")]),
        in_front(*TAGS, tracks=[track(aac()[:50])]),
        in_front(*TAGS, text("©nam", "T").replace(b"T", b"\xff")),
        in_front(*TAGS, number("tmpo", bytes(5))),
        in_front(*TAGS, number("cpil", b"\1"), number("cpil", b"\0")),
        in_front(*TAGS, pair("trkn", (1, 2), (3, 4))),
        in_front(*TAGS, text("date", "1999")),  # would be put together with the tag of that name
        in_front(*TAGS, bytes(8)),
        in_front(*TAGS, b"\0\0\0\xff" + text("©nam", "too large")[4:]),
        in_front(*TAGS, text("©lyr", "x" * 70_000)),
        in_front(*TAGS).replace(b"M4A ", b"heic"),
        in_front(*TAGS) + b"TAG" + bytes(125),
    ],
)
def test_what_is_broken_or_rare_is_declined(content):
    with pytest.raises(ODD):
        read(read_mp4, content)


@pytest.mark.parametrize(
    "content", [in_front(*TAGS, cover(), *TAGS), behind(*TAGS), in_front(*TAGS, tracks=[track(tables=99_000)])]
)
def test_a_file_that_has_become_shorter_is_declined(content):
    with in_memory(content[:16_384]) as fd, pytest.raises(ODD):
        read_mp4(Source(fd, len(content), b"file"))
