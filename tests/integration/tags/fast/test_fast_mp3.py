from __future__ import annotations

import struct

import pytest

from soniquescan.memo import MEMO_ENTRIES
from soniquescan.tags.fast import id3v2
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.mp3 import read as read_mp3
from tests.integration.tags.fast.recorded import agree, read

ODD = (Declined, IndexError, KeyError, ValueError, struct.error)
HEAD_BYTES = 16 * 1024
TAIL_BYTES = 32 + 15 + 128

LAYER_III, MONO, MPEG_2, LAYER_II, LAYER_I = (
    bytes.fromhex(header) for header in ("fffb9044", "fffb90c4", "fff340c4", "fffd8004", "ffff9004")
)
FRAME_BYTES = {LAYER_III: 417, MONO: 417, MPEG_2: 104, LAYER_II: 417, LAYER_I: 1252}
XING_START = {LAYER_III: 36, MONO: 21, MPEG_2: 13}
FRAMES = 40


def frame(header, body=b""):
    return (header + body).ljust(FRAME_BYTES[header], b"\x55")


def audio(header=LAYER_III, first=None, frames=FRAMES):
    return (frame(header) if first is None else first) + frame(header) * (frames - 1)


def xing(  # noqa: PLR0913
    header=LAYER_III, *, magic=b"Xing", flags=15, frames=FRAMES - 1, size=None, lame=b"LAME3.100", revision=4
):
    """Return a first frame with an encoder's header in it; 576 samples are put in front, 1000 behind."""
    size = FRAMES * FRAME_BYTES[header] if size is None else size
    told = magic + struct.pack(">I", flags) + struct.pack(">I", frames) * bool(flags & 1)
    told += struct.pack(">I", size) * bool(flags & 2) + bytes(100) * bool(flags & 4) + bytes(4) * bool(flags & 8)
    told += lame + bytes((revision,)) + bytes(11) + (576 << 12 | 1000).to_bytes(3) + bytes(12)
    return frame(header, bytes(XING_START[header] - 4) + told)


def vbri(*, frames=FRAMES - 1, version=1, entry_bytes=2):
    told = struct.pack(">HHHIIHHHH", version, 0, 50, FRAMES * 417, frames, 10, 1, entry_bytes, 4) + bytes(40)
    return frame(LAYER_III, bytes(32) + b"VBRI" + told)


def synchsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def framed(version, name, content, flags=0):
    if version == 2:
        return name + len(content).to_bytes(3) + content
    return (
        name
        + (synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content)))
        + struct.pack(">H", flags)
        + content
    )


def id3(*frames, version=3, padding=100, flags=0):
    body = b"".join(framed(version, *frame) for frame in frames) + bytes(padding)
    return b"ID3" + bytes((version, 0, flags)) + synchsafe(len(body)) + body


def apev2(*items, count=None):
    body = b"".join(struct.pack("<II", len(value), flags) + key + b"\0" + value for key, value, flags in items)
    count = len(items) if count is None else count
    ends = [
        b"APETAGEX" + struct.pack("<IIII8x", 2000, len(body) + 32, count, flags) for flags in (0xA000_0000, 0x8000_0000)
    ]
    return ends[0] + body + ends[1]


def id3v1(title=b"Old", artist=b"", comment=b"", genre=17):
    fields = [title.ljust(30), artist.ljust(30), b"".ljust(30), b"1999", comment.ljust(30, b"\0")]
    return b"TAG" + b"".join(fields) + bytes((genre,))


TITLE, ARTIST = (b"TIT2", b"\0A"), (b"TPE1", b"\3B\xc3\xa4")
PICTURE = (b"APIC", b"\0image/png\0\3\0" + b"\xff" * 100_000)
USUAL = (
    TITLE,
    ARTIST,
    (b"TALB", b"\1\xff\xfeC\0"),
    (b"TXXX", b"\3Artists\0B\xc3\xa4"),
    (b"TXXX", b"\1\xff\xfeB\0A\0R\0C\0O\0D\0E\0\0\0\xff\xfe4\x002\0"),
    (b"UFID", b"http://musicbrainz.org\x00bd5e5b10-ee28-4e27-b6d8-4bdd8ed6ba03"),
    (b"COMM", b"\0engiTunNORM\0 0000 0000"),
)


def mp3(*frames, version=3, first=None, behind=b"", padding=100):
    return id3(*frames, version=version, padding=padding) + audio(first=xing() if first is None else first) + behind


@pytest.mark.parametrize(
    "content",
    [
        audio(first=xing()),
        audio(first=xing(magic=b"Info", lame=b"Lavf\0\0\0\0\0")),
        audio(first=xing(lame=b"LAME3.89 ")),  # before LAME noted delay and padding
        audio(first=xing(revision=0x14)),
        audio(first=xing(flags=7)),
        audio(first=xing(flags=3)),
        audio(first=xing(size=FRAMES * 417 + 2881)),
        audio(MONO, xing(MONO)),
        audio(MPEG_2, xing(MPEG_2)),
        audio(first=vbri()),
        audio(),
        audio(MPEG_2),
        audio(LAYER_II),
        audio(LAYER_I),
    ],
)
def test_audio_is_what_it_is_by_reference(content):
    agree(read_mp3, content)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(
    "frames",
    [
        (),
        USUAL,
        (*USUAL, (b"TIT2", b"\0of a second frame"), (b"TXXX", b"\0ARTISTS\0C")),
        (TITLE, (b"TIT3", b"\0"), (b"TCOM", b"\3 "), (b"TXXX", b"\0MOOD\0")),  # blank
        (TITLE, (b"TPE1", b"\0B\0\0"), (b"TXXX", b"\0Own\0C\0"), (b"TCOM", b"\0\0D")),  # with ends, and more texts
        ((b"TYER", b"\0001999"), (b"TDAT", b"\0003112"), (b"TXXX", b"\0Own\0A")),
        ((b"TDAT", b"\0003112"), (b"TYER", b"\000")),
        ((b"TDAT", b"\0003112"), (b"TXXX", b"\0date\0001999")),
        ((b"TXXX", b"\0Own\0A"), (b"TXXX", b"\0OWN\0B")),
        ((b"TXXX", b"\0title\0B"), TITLE, (b"TXXX", b"\0TITLE\0A")),
        ((b"TXXX", b"\0performer\0A (piano)"), (b"TXXX", b"\0Writer\0A")),
        ((b"TXXX", b"\0no value"), TITLE),
        ((b"USLT", b"\0eng\0text\0"), TITLE),
        ((b"USLT", b"\0eng\0text"), (b"TXXX", b"\0lyrics\0B"), (b"USLT", b"\0engmore\0text")),
        ((b"RVA2", b"track\0\1\2\0\x10\x7f\xff"), (b"TXXX", b"\0REPLAYGAIN_TRACK_PEAK\x000.5")),
        ((b"TIPL", b"\0producer\0A\0guitar\0B"), (b"TMCL", b"\0piano\0C"), (b"WXXX", b"\0\0http://x/")),
        ((b"POPM", b"me\0\x80\0\0"), (b"PRIV", b"x" * 300), (b"MCDI", bytes(10)), (b"WOAR", b"http://x/\0")),
        ((b"UFID", b"http://musicbrainz.org\0A\0"), (b"UFID", b"x\0B"), (b"UFID", b"y\0\xff")),
        ((b"TIT2", b"\1\xfe\xff\0A"), (b"TPE1", b"\1B\0"), (b"TALB", b"\2\0C"), (b"TCOM", b"\1\xff\xfe\xff\xfeD\0")),
        ((b"TIT2", b""), (b"COMM", b"\0eng\0"), (b"COMM", b"\1eng\xff\xfe\0\0\xff\xfeD\0"), (b"APIC", b"")),
        ((b"TIT2", b"\0" + b"long " * 60), (b"COMM", b"\3eng\0" + b"longer " * 1000), TITLE),
        (TITLE, (b"PRIV", b"x" * HEAD_BYTES), ARTIST),
        (PICTURE, TITLE, PICTURE, ARTIST),
        (TITLE, (b"COMM", b"\0eng\0" + b"x" * 2 * HEAD_BYTES), ARTIST),
        (TITLE, (b"PRIV", b"x" * (HEAD_BYTES - 56)), ARTIST),  # the head ends within the last frame's header
        (TITLE, (b"PRIV", b"x" * (HEAD_BYTES - 44)), ARTIST),  # and within its text
    ],
)
def test_tags_say_what_they_say_by_reference(frames, version):
    for content in (mp3(*frames, version=version), mp3(*frames, version=version, padding=0)):
        agree(read_mp3, content)
        agree(read_mp3, content)  # now that their frames are known


@pytest.mark.parametrize(
    "frames",
    [
        ((b"TT2", b"\0A"), (b"TXX", b"\0Writer\0B"), (b"COM", b"\0eng\0C"), (b"PIC", b"\0PNG\3\0" + b"x" * 50)),
        ((b"TT2", b"\0A"), (b"PIC", b"\0PNG\3\0" + b"x" * 70_000), (b"TP1", b"\0B"), (b"CNT", b"\0\0\0\1")),
        ((b"TYE", b"\0001999"), (b"TDA", b"\0003112"), (b"ULT", b"\0eng\0text")),
    ],
)
def test_tags_of_the_first_version_too(frames):
    agree(read_mp3, mp3(*frames, version=2))


@pytest.mark.parametrize(
    "behind",
    [
        id3v1(),
        id3v1(artist=b"C", comment=b"text".ljust(28) + b"\0\7"),
        apev2((b"Title", b"B", 0), (b"REPLAYGAIN_TRACK_GAIN", b"-1 dB", 0), (b"own", b" ", 0), (b"Year", b"1\x002", 0)),
        apev2((b"Artist", b"B", 0)) + id3v1(),
        apev2((b"Own", b"B", 0), (b"Cover Art (Front)", b"x\0" + b"y" * 50_000, 2), (b"Genre", b"C", 0)),
        apev2((b"Lyrics", b"text " * 4000, 0))[32:],  # without a header
    ],
)
@pytest.mark.parametrize("front", [b"", id3(TITLE, (b"TXXX", b"\0OWN\0A"), (b"TPE1", b"\0 "))])
@pytest.mark.parametrize("first", [xing(), frame(LAYER_III)])
def test_tags_behind_the_audio_say_what_they_say_by_reference(front, first, behind):
    try:
        agree(read_mp3, front + audio(first=first) + behind)
    except Declined:
        assert len(behind) > HEAD_BYTES > behind.count(b"y")  # of long texts only


def test_the_end_is_all_that_is_read_behind_the_head():
    content = mp3(*USUAL, behind=id3v1())
    found, reads = agree(read_mp3, content)
    assert reads == [(len(content) - TAIL_BYTES, TAIL_BYTES)]
    assert list(found.values)[:4] == ["title", "artist", "album", "musicbrainz_recordingid"]


def test_pictures_are_not_read():
    content = mp3(*USUAL, PICTURE)
    found, reads = agree(read_mp3, content)
    assert found.has_cover
    behind_picture = content.index(b"\xff\x00", HEAD_BYTES) + 1
    assert reads == [
        (behind_picture, len(id3(padding=100)) - 10 + id3v2.AUDIO_BYTES),
        (len(content) - TAIL_BYTES, TAIL_BYTES),
    ]


def test_pictures_of_apev2_are_not_read():
    content = audio() + apev2((b"Title", b"A", 0), (b"Cover Art (Front)", b"x\0" + b"y" * 50_000, 2))
    found, reads = agree(read_mp3, content)
    assert found.has_cover
    assert sum(size for _, size in reads) < 9_000


def test_what_is_remembered_is_not_changed():
    first, _ = read(read_mp3, mp3(TITLE, (b"TYER", b"\0001999")))
    again, _ = read(read_mp3, mp3(TITLE, (b"TIT2", b"\0B"), (b"TYER", b"\0001999"), (b"TDAT", b"\0003112")))
    assert first.values == {"title": ["A"], "date": ["1999"]}
    assert again.values == {"title": ["A", "B"], "date": ["1999-12-31"]}


def test_the_memory_does_not_grow_without_end():
    for number in range(MEMO_ENTRIES + 100):
        read(read_mp3, mp3((b"TALB", b"\0%d" % number)))
    assert len(id3v2._LAYOUTS[3].meanings) <= MEMO_ENTRIES


@pytest.mark.parametrize(
    "content",
    [
        audio(first=xing(size=FRAMES * 417 + 2882)),  # more claimed than there is
        audio(first=xing(frames=0)),
        audio(first=xing(frames=1)),  # fewer samples than are to be left out
        audio(first=xing(flags=1)),
        audio(first=xing(size=0)),
        audio(first=vbri(version=2)),
        audio(first=vbri(entry_bytes=3)),
        audio(frames=3),
        audio()[:417] + xing() + audio(),
        frame(LAYER_III) + vbri() + audio(),
        frame(LAYER_III) + b"\0" + audio(),
        frame(LAYER_III, b"free") + audio(),
        id3(*USUAL)[:200],
        id3(*USUAL) + b"\0" + audio(),
        id3(*USUAL) + id3(*USUAL) + audio(),
        id3(*USUAL) + b"fLaC" + bytes(1000),
        id3(*USUAL, flags=0x80) + audio(),
        id3(*USUAL, flags=0x40) + audio(),
        id3((b"TIT2", b"\0A", 0x80)) + audio(),
        id3((b"TIT2", b"\0A", 0x01), version=4) + audio(),
        id3((b"TIT2", b"\0A"), (b"ABCD", b"x"), version=4) + audio(),
        id3((b"TIT2", b"\7A")) + audio(),
        id3((b"TIT2", b"\3\xff")) + audio(),
        id3((b"TI 2", b"\0A")) + audio(),
        id3((b"RVA2", b"track\0\1")) + audio(),
        id3(TITLE, padding=0).replace(b"\0\0\0\2", b"\0\0\0\3") + audio(),
        audio() + b"000000LYRICS200" + id3v1(),
        audio() + apev2((b"Title", b"A", 0), count=2),
        audio() + apev2((b"Performer", b"A (piano)", 0)),
        audio() + apev2((b"own", b"A", 0), (b"OWN", b"A", 0)),
        audio() + apev2((b"Title", b"A", 0))[40:],
        LAYER_III + bytes(100),
    ],
)
def test_what_is_odd_or_broken_is_declined(content):
    with pytest.raises(ODD):
        read(read_mp3, content)
