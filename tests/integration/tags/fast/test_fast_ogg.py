from __future__ import annotations

import struct

import pytest

from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.ogg import read as read_ogg
from tests.integration.tags.fast.recorded import agree, read

ODD = (Declined, IndexError, struct.error)
SERIAL = 0x1234
CONTINUED, FIRST, LAST = 1, 2, 4
TAGS = ("TITLE=A", "ARTIST=B", "ARTIST=C", "R128_TRACK_GAIN=10", "Own=D")
PICTURE = "METADATA_BLOCK_PICTURE=" + "A" * 200_000
AUDIO = b"\x55" * 3000


def page(*segments, body=b"", flags=0, granule=0, serial=SERIAL, number=0, version=0):  # noqa: PLR0913
    header = struct.pack("<4sBBqIIIB", b"OggS", version, flags, granule, serial, number, 0, len(segments))
    return header + bytes(segments) + body


def lacing(size):
    """Return the sizes of a packet's segments."""
    return [255] * (size // 255) + [size % 255]


def pages(packet, *, first_number=1, most=255, serial=SERIAL):
    """Return pages with one packet."""
    segments, made = lacing(len(packet)), []
    for index in range(0, len(segments), most):
        sizes = segments[index : index + most]
        body = packet[index * 255 : index * 255 + sum(sizes)]
        flags = CONTINUED if made else 0
        made.append(page(*sizes, body=body, flags=flags, number=first_number + len(made), serial=serial))
    return made


def sized(text):
    return len(text.encode()).to_bytes(4, "little") + text.encode()


def comments(magic, *texts):
    return magic + sized("tester") + len(texts).to_bytes(4, "little") + b"".join(map(sized, texts))


def vorbis_head(greatest=0, nominal=160_000, least=0, channels=2, rate=44_100):
    return b"\x01vorbis" + struct.pack("<IBI3iBB", 0, channels, rate, greatest, nominal, least, 0xB8, 1)


def opus_head(version=1, channels=2, skipped=312):
    return b"OpusHead" + struct.pack("<BBHIhB", version, channels, skipped, 44_100, 0, 0)


def audio(granule=48_000 * 60, *, size=3000, flags=LAST, serial=SERIAL, version=0):
    body = AUDIO * 4
    last = page(*lacing(size), body=(AUDIO * 10)[:size], flags=flags, granule=granule, serial=serial, version=version)
    return page(*lacing(len(body)), body=body, granule=granule - 960, serial=serial) * 10 + last


def ogg(head, packet, *, end=None, most=255):
    first = page(len(head), body=head, flags=FIRST)
    return first + b"".join(pages(packet, most=most)) + (audio() if end is None else end)


def vorbis(*texts, end=None, most=255, **head):
    return ogg(vorbis_head(**head), comments(b"\x03vorbis", *texts) + b"\x01", end=end, most=most)


def opus(*texts, end=None, most=255, **head):
    return ogg(opus_head(**head), comments(b"OpusTags", *texts), end=end, most=most)


@pytest.mark.parametrize("make", [vorbis, opus])
@pytest.mark.parametrize(
    "texts",
    [
        TAGS,
        (),
        (*TAGS, PICTURE),
        (PICTURE, *TAGS),
        ("TITLE=A", PICTURE, "ALBUM=B", PICTURE.lower(), PICTURE[:5000], "DATE=2000"),
        ("LYRICS=" + "x" * 40_000, *TAGS),
        ("LYRICS=" + "x" * 400_000, PICTURE),
        (*TAGS, "COVERART=" + "A" * 50_000, "COVERARTMIME=image/png"),
        (*TAGS, PICTURE[:40_000]),
    ],
)
@pytest.mark.parametrize("most", [255, 7])
def test_files_say_what_they_say_by_reference(make, texts, most):
    agree(read_ogg, make(*texts, most=most))


@pytest.mark.parametrize(
    "rates",
    [
        (0, 0, 0),
        (200_000, 0, 100_000),
        (100_000, 160_000, 0),
        (0, 160_000, 170_000),
        (-1, -1, -1),
        (300_000, 160_000, 1),
    ],
)
def test_bit_rates_are_what_they_are_by_reference(rates):
    agree(read_ogg, vorbis(*TAGS, greatest=rates[0], nominal=rates[1], least=rates[2]))


def test_a_page_of_comments_may_hold_the_setup_of_vorbis():
    packet = comments(b"\x03vorbis", *TAGS) + b"\x01"
    both = page(*lacing(len(packet)), 255, 255, body=packet + bytes(510), number=1)
    more = page(*lacing(1000), body=bytes(1000), flags=CONTINUED, number=2)
    head = vorbis_head()
    agree(read_ogg, page(len(head), body=head, flags=FIRST) + both + more + audio())


@pytest.mark.parametrize(("make", "tail_bytes"), [(vorbis, 8192), (opus, 16_384)])
def test_one_read_of_the_end_is_enough(make, tail_bytes):
    content = make(*TAGS)
    found, reads = agree(read_ogg, content)
    assert found.values["artist"] == ["B", "C"]
    assert reads == [(len(content) - tail_bytes, tail_bytes)]


def test_a_last_page_may_be_as_large_as_pages_go():
    content = vorbis(*TAGS, end=audio(size=30_000))
    assert [size for _, size in agree(read_ogg, content)[1]] == [8192, 65_536]


@pytest.mark.parametrize(("make", "tail_bytes"), [(vorbis, 8192), (opus, 16_384)])
def test_pictures_are_not_read(make, tail_bytes):
    found, reads = agree(read_ogg, make(*TAGS, PICTURE))
    assert found.has_cover
    assert [size for _, size in reads] == [282, 282, 282, *([1] if make is vorbis else []), tail_bytes]


def test_comments_behind_a_picture_are_read():
    found, reads = agree(read_ogg, opus("TITLE=A", PICTURE, "ALBUM=B", "LYRICS=" + "x" * 3000))
    assert found.values["album"] == ["B"]
    assert sum(size for _, size in reads) < 3 * 282 + 3100 + 16_384


@pytest.mark.parametrize(
    "content",
    [
        vorbis(*TAGS, end=audio(flags=0)),
        vorbis(*TAGS, end=audio()[:-1]),
        vorbis(*TAGS, end=audio()[:-3020]),
        vorbis(*TAGS, end=audio(granule=-1)),
        vorbis(*TAGS, end=audio(granule=0)),
        vorbis(*TAGS, end=audio(serial=7)),
        vorbis(*TAGS, end=audio(flags=LAST | 8)),
        vorbis(*TAGS, end=audio(version=1)),
        vorbis(*TAGS, end=audio() + b"TAG".ljust(128)),
        vorbis(*TAGS, end=bytes(100_000)),
        vorbis(*TAGS, end=b""),
        vorbis(*TAGS, rate=0),
        vorbis(*TAGS, channels=0),
        opus(*TAGS, version=16),
        opus(*TAGS, end=audio(granule=312)),
        opus(*TAGS)[:200],
        opus(*TAGS, PICTURE)[:100_000],
        opus(*TAGS, PICTURE, end=b""),
        ogg(b"Speex   " + bytes(72), b"packet"),
        ogg(b"\x7fFLAC\x01\x00\x00\x01fLaC" + bytes(38), b"packet"),
        ogg(vorbis_head(), b"\x05vorbis"),
        ogg(vorbis_head(), b""),
        ogg(opus_head(), comments(b"OpusTags", *TAGS, PICTURE)[:-1]),
        page(30, body=vorbis_head(), flags=FIRST) + page(30, body=vorbis_head(), flags=FIRST, serial=2) + audio(),
        page(30, body=vorbis_head(), flags=FIRST) + pages(comments(b"\x03vorbis", *TAGS), serial=2)[0] + audio(),
    ],
)
def test_what_is_odd_or_broken_is_declined(content):
    with pytest.raises(ODD):
        read(read_ogg, content)


@pytest.mark.parametrize("change", ["missing", "number", "flags", "serial", "magic"])
def test_pages_that_do_not_follow_each_other_are_declined(change):
    one, two, three, four = pages(comments(b"OpusTags", *TAGS, PICTURE))
    changed = {
        "missing": b"",
        "number": two[:18] + b"\x09" + two[19:],
        "flags": two[:5] + b"\x00" + two[6:],
        "serial": two[:14] + b"\x09" + two[15:],
        "magic": b"oggs" + two[4:],
    }[change]
    head = opus_head()
    with pytest.raises(ODD):
        read(read_ogg, page(len(head), body=head, flags=FIRST) + one + changed + three + four + audio())
