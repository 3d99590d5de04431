from __future__ import annotations

import struct

import pytest

from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.flac import read as read_flac
from soniquescan.tags.flacframes import crc8
from tests.integration.tags.fast.recorded import agree, read

BLOCK = 4096
TOTAL = 99 * BLOCK + 1000  # samples
ODD = (Declined, IndexError, struct.error)
PADDING, COMMENTS, PICTURE = 1, 4, 6


def sized(data, order="little"):
    return len(data).to_bytes(4, order) + data


def comments(*texts):
    return COMMENTS, sized(b"tester") + len(texts).to_bytes(4, "little") + b"".join(
        sized(text.encode()) for text in texts
    )


def picture(size, more=0):
    fields = bytes(4) + sized(b"image/jpeg", "big") + sized(b"", "big") + bytes(16)
    return PICTURE, fields + (size + more).to_bytes(4) + b"\xff" * size


def frames(total=TOTAL, *, largest=1000):
    """Return frames of noise without a sync code; the last one is shorter."""
    audio = []
    for number in range(-(-total // BLOCK)):
        header = b"\xff\xf8\x79\x18" + chr(number).encode() + struct.pack(">H", min(BLOCK, total - number * BLOCK) - 1)
        audio.append((header + bytes((crc8(header),))).ljust(largest, b"\x55"))
    audio[-1] = audio[-1][:400]
    return b"".join(audio)


def flac(*blocks, audio=None, total=TOTAL, largest=1000, md5=bytes(range(16)), rate=44_100):
    packed = rate << 44 | 1 << 41 | 15 << 36 | total
    info = struct.pack(">HH", BLOCK, BLOCK) + bytes(3) + largest.to_bytes(3) + packed.to_bytes(8) + md5
    blocks = [(0, info), *blocks]
    kinds = [kind | (0x80 if number == len(blocks) else 0) for number, (kind, _) in enumerate(blocks, 1)]
    metadata = [bytes((kind,)) + len(data).to_bytes(3) + data for kind, (_, data) in zip(kinds, blocks, strict=True)]
    return b"fLaC" + b"".join(metadata) + (frames(total) if audio is None else audio)


TAGS = comments("TITLE=A", "ARTIST=B", "ARTIST=C", "MUSICBRAINZ_TRACKID=x", "Own=D")


@pytest.mark.parametrize(
    "content",
    [
        flac(TAGS, (PADDING, bytes(1000))),
        flac(),
        flac(TAGS, comments("TITLE=of a second block")),
        flac(TAGS, picture(100_000), picture(50_000), (PADDING, bytes(10))),
        flac(picture(100_000), TAGS),
        flac(picture(100_000), comments("LYRICS=" + "x" * 20_000, "TITLE=A"), picture(10)),
        flac(comments("LYRICS=" + "x" * 40_000, "TITLE=A")),
        flac(comments("TITLE=A", "METADATA_BLOCK_PICTURE=AAAA")),
        flac((3, bytes(180)), (2, b"appl" + bytes(5000)), (PADDING, bytes(10_990)), TAGS),
        flac(TAGS, largest=0),
        flac(TAGS, total=0, largest=0, md5=bytes(16), audio=b"\x55" * 100_000),  # as an encoder writes to a pipe
        flac(TAGS, largest=0, audio=bytes(100_000)),
        flac(TAGS, audio=b"\xff" * 100_000),
        flac(TAGS, audio=frames()[-1500:]),
        flac(TAGS, rate=1, total=3_000_000, largest=0, audio=bytes(2**20)),  # more milliseconds than fit
    ],
)
def test_files_say_what_they_say_by_reference(content):
    agree(read_flac, content)


def test_one_read_of_the_end_shows_that_a_file_is_whole():
    content = flac(TAGS, (PADDING, bytes(1000)))
    found, reads = agree(read_flac, content)
    assert found.values["artist"] == ["B", "C"]
    assert reads == [(len(content) - 1016, 1016)]  # a frame as large as they come, and a header


def test_the_last_frame_is_no_larger_than_its_samples():
    content = flac(TAGS, largest=15_000, total=99 * BLOCK + 100)
    assert [size for _, size in agree(read_flac, content)[1]] == [100 * 33 // 8 + 80]


def test_where_the_length_is_not_told_no_frame_is_looked_for():
    content = flac(TAGS, total=0, largest=0, audio=frames())
    assert [size for _, size in agree(read_flac, content)[1]] == [128]


def test_pictures_are_not_read():
    content = flac(TAGS, picture(300_000), picture(200_000), (PADDING, bytes(5000)))
    found, reads = agree(read_flac, content)
    assert found.has_cover
    assert [size for _, size in reads] == [512, 512, 1016]


def test_comments_behind_a_picture_take_one_read():
    found, reads = agree(read_flac, flac(picture(300_000), TAGS, (PADDING, bytes(1000))))
    assert found.values["title"] == ["A"]
    assert [size for _, size in reads] == [4096, 1016]


@pytest.mark.parametrize(
    "content",
    [
        flac(TAGS, audio=frames()[:-2000]),  # two frames less
        flac(TAGS, largest=0, audio=frames()[:-2000]),
        flac(TAGS, audio=b""),
        flac(TAGS)[:60],
        flac(TAGS, picture(100_000))[:50_000],
        flac(picture(100_000), TAGS)[:100_100],
        flac(TAGS, picture(1000, more=1)),
        flac(TAGS, picture(1000, more=1000)),
        flac(TAGS, rate=0),
        flac(TAGS, total=1, rate=3).replace(b"\x00\x00\x00\x22", b"\x00\x00\x00\x23", 1),
        flac(*[(PADDING, b"")] * 100),
        flac(TAGS) + b"TAG".ljust(128),
        flac(TAGS) + b"APETAGEX".ljust(32),
        flac(TAGS) + b"000000LYRICS200",
        flac((COMMENTS, TAGS[1][:-1])),
        flac((COMMENTS, TAGS[1][:8])),
    ],
)
def test_what_is_odd_or_broken_is_declined(content):
    with pytest.raises(ODD):
        read(read_flac, content)
