"""FLAC and Ogg files that were cut within their audio, and whole ones that look as if they were."""

from __future__ import annotations

import os
import struct

import pytest

from soniquescan import tags
from soniquescan.errors import FileReadError
from soniquescan.messages import ErrorKind

RATE, CHANNELS, BITS, BLOCK = 44_100, 2, 16, 4096
WHOLE = 5 * BLOCK - 1000  # samples: the last of five frames is shorter
BODY = bytes(range(1, 200)) * 5  # has no 0xFF
ID3V1 = b"TAG" + bytes(125)


@pytest.fixture
def told(tmp_path):
    """Return a function that gives the messages of all problems of a file, which must be of one kind."""

    def messages(content):
        path = tmp_path / "file"
        path.write_bytes(content)
        problems = problems_of(path)
        assert {kind for kind, _ in problems} <= {ErrorKind.TRUNCATED}
        return [message for _, message in problems]

    return messages


def problems_of(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return tags.read(fd, os.fstat(fd).st_size, os.fsencode(path)).problems
    except FileReadError as exc:
        return [(exc.kind, exc.message)]
    finally:
        os.close(fd)


def crc8(data):
    crc = 0
    for bit in "".join(f"{byte:08b}" for byte in data):
        crc = (crc << 1 ^ (0x07 if crc >> 7 != int(bit) else 0)) & 0xFF
    return crc


def coded(number, length):
    """Return a number as FLAC codes it, in `length` bytes."""
    if length == 1:
        return bytes((number,))
    rest = [0x80 | number >> shift & 0x3F for shift in range(6 * (length - 2), -1, -6)]
    return bytes(((0xFF00 >> length & 0xFF) | number >> 6 * (length - 1), *rest))


def header(number, size, /, **change):
    """Return the header of a frame with correct CRC; sizes stand at its end."""
    codes = {
        "sync": b"\xff\xf8", "size": 7, "rate": 9, "channels": 1, "bits": 4, "reserved": 0, "crc": 0,
        "number": coded(number, 1 if number < 128 else 3), "size_field": struct.pack(">H", size - 1),
        "rate_field": b"",
    } | change  # fmt: skip
    third = codes["channels"] << 4 | codes["bits"] << 1 | codes["reserved"]
    start = codes["sync"] + bytes((codes["size"] << 4 | codes["rate"], third)) + codes["number"]
    start += codes["size_field"] + codes["rate_field"]
    return start + bytes((crc8(start) ^ codes["crc"],))


def frames(total=WHOLE, *, body=BODY, **change):
    """Return all frames of a file of fixed block size."""
    return [header(number, min(BLOCK, total - number * BLOCK), **change) + body for number in range(-(-total // BLOCK))]


def flac(*audio, total=WHOLE, sizes=(BLOCK, BLOCK), largest=0, rate=RATE, channels=CHANNELS, bits=BITS):  # noqa: PLR0913
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | total
    info = struct.pack(">HH", *sizes) + bytes(3) + largest.to_bytes(3) + packed.to_bytes(8) + bytes(16)
    return b"fLaC\x00\x00\x00\x22" + info + b"\x81\x00\x00\x00" + b"".join(audio)


def missing(samples, total=WHOLE):
    return [f"at least {samples} of {total} samples are missing"]


class TestFLAC:
    def test_a_whole_file_is_whole(self, told):
        assert told(flac(*frames())) == []

    @pytest.mark.parametrize("kept", [1, 2, 3, 4])
    def test_frames_that_are_missing(self, told, kept):
        assert told(flac(*frames()[:kept])) == missing(WHOLE - kept * BLOCK)

    def test_a_cut_within_a_frame(self, told):
        assert told(flac(*frames()[:3])[:-500]) == missing(WHOLE - 3 * BLOCK)

    def test_metadata_alone_tells_nothing(self, told):
        assert told(flac()) == []
        assert told(flac(ID3V1)) == []

    def test_metadata_that_is_cut_is_told_once(self, told):
        for content in (flac()[:-2], flac()[:-4] + b"\x81\x00\x00\x64"):
            assert told(content) == ["the file ends within its metadata"]

    def test_an_unknown_length_tells_nothing(self, told):
        assert told(flac(*frames()[:3], total=0)) == told(flac(total=0)) == []

    def test_more_samples_than_claimed_tell_nothing(self, told):
        assert told(flac(*frames(), total=WHOLE - 2 * BLOCK)) == []

    def test_audio_without_any_header_tells_nothing(self, told):
        assert told(flac(bytes(100_000))) == told(flac(b"\xff" * 100_000)) == []

    def test_tags_behind_the_audio_are_none(self, told):
        assert told(flac(*frames(), ID3V1)) == []
        assert told(flac(*frames()[:2], ID3V1)) == missing(WHOLE - 2 * BLOCK)

    @pytest.mark.parametrize("largest", [0, 1000])
    def test_only_the_end_of_a_long_file_counts(self, told, largest):
        total = 1000 * BLOCK
        assert told(flac(*frames(total), total=total, largest=largest)) == []
        cut = flac(*frames(total)[:900], total=total, largest=largest)
        assert told(cut) == missing(100 * BLOCK, total)

    def test_frames_may_be_large(self, told):
        cut = [flac(*frames(body=BODY * 40)[:3], largest=largest) for largest in (40_000, 0)]
        assert [told(content) for content in cut] == [missing(WHOLE - 3 * BLOCK), []]

    def test_block_sizes_may_vary(self, told):
        sizes = [4096, 100, 576, 1000]
        starts = [sum(sizes[:index]) for index in range(len(sizes))]
        audio = [
            header(start, size, sync=b"\xff\xf9") + BODY for start, size in zip(starts, sizes, strict=True)
        ]  # fmt: skip
        assert told(flac(*audio, sizes=(100, BLOCK), total=sum(sizes))) == []
        assert told(flac(*audio[:-1], sizes=(100, BLOCK), total=sum(sizes))) == missing(1000, sum(sizes))

    def test_one_header_alone_is_not_believed(self, told):
        *most, last = frames()
        assert told(flac(bytes(1000), most[2])) == []
        assert told(flac(bytes(100_000), most[0])) == []
        assert told(flac(*most, last + header(1, BLOCK) + BODY)) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"crc": 1},
            {"sync": b"\xff\xfa"},
            {"sync": b"\xff\xf9"},
            {"size": 0, "size_field": b""},
            {"rate": 15},
            {"rate": 10},
            {"rate": 13, "rate_field": struct.pack(">H", 48_000)},
            {"channels": 11},
            {"channels": 0},
            {"bits": 3},
            {"bits": 6},
            {"reserved": 1},
            {"size_field": struct.pack(">H", BLOCK)},
        ],
        ids=str,
    )
    def test_what_only_resembles_headers_tells_nothing(self, told, change):
        audio = flac(*frames())
        forged = [header(number, BLOCK, **change) + BODY for number in (0, 1)]
        assert told(audio + b"".join(forged)) == []

    @pytest.mark.parametrize(("size", "change"), [(2000, {}), (1, {"size": 0, "size_field": b""})])
    def test_blocks_of_impossible_sizes_tell_nothing(self, told, size, change):
        vary = {"sync": b"\xff\xf9"}
        audio = header(0, 1000, **vary) + BODY + header(1000, 1000, **vary) + BODY
        forged = header(0, size, **vary, **change) + BODY
        forged += header(size, size, number=coded(size, 2), **vary, **change) + BODY
        assert told(flac(audio, forged, sizes=(100, 1000), total=2000 + size)) == missing(size, 2000 + size)
        assert told(flac(audio, forged, sizes=(100, 1000), total=2000)) == []

    @pytest.mark.parametrize("number", [b"\x80", b"\xff" + b"\x80" * 7, b"\xc0\x00", b"\xc0\xc0"])
    def test_numbers_that_are_none_tell_nothing(self, told, number):
        forged = header(0, BLOCK, number=number) + BODY + header(1, BLOCK) + BODY
        assert told(flac(*frames(), forged)) == []

    @pytest.mark.parametrize("at", [1, 4, 6, 7])
    def test_a_header_that_is_cut_is_none(self, told, at):
        assert told(flac(*frames()[:2], frames()[2][:at])) == missing(WHOLE - 2 * BLOCK)

    @pytest.mark.parametrize(
        ("code", "size"),
        [(1, 192), (2, 576), (3, 1152), (4, 2304), (5, 4608), *((code, 1 << code) for code in range(8, 16))],
    )
    def test_each_block_size(self, told, code, size):
        audio = [header(number, 1, size=code, size_field=b"") + BODY for number in range(3)]
        content = flac(*audio, sizes=(size, size), total=5 * size)
        assert told(content) == missing(2 * size, 5 * size)

    def test_a_block_size_of_one_byte(self, told):
        audio = [header(number, 1, size=6, size_field=b"\xc7") + BODY for number in range(3)]
        assert told(flac(*audio, sizes=(200, 200), total=1000)) == missing(400, 1000)

    @pytest.mark.parametrize(
        ("code", "field", "rate"),
        [
            *((code, b"", rate) for code, rate in enumerate((88_200, 176_400, 192_000, 8_000, 16_000, 22_050), 1)),
            *((code, b"", rate) for code, rate in enumerate((24_000, 32_000, 44_100, 48_000, 96_000), 7)),
            (0, b"", 12_345),
            (12, b"\x0b", 11_000),
            (13, struct.pack(">H", 11_025), 11_025),
            (14, struct.pack(">H", 35_280), 352_800),
        ],
    )
    def test_each_sample_rate(self, told, code, field, rate):
        assert told(flac(*frames(rate=code, rate_field=field)[:3], rate=rate)) == missing(WHOLE - 3 * BLOCK)

    @pytest.mark.parametrize(("code", "channels"), [*((n, n + 1) for n in range(8)), (8, 2), (9, 2), (10, 2)])
    def test_each_channel_assignment(self, told, code, channels):
        assert told(flac(*frames(channels=code)[:3], channels=channels)) == missing(WHOLE - 3 * BLOCK)

    @pytest.mark.parametrize(("code", "bits"), [(0, 17), (1, 8), (2, 12), (4, 16), (5, 20), (6, 24), (7, 32)])
    def test_each_bit_depth(self, told, code, bits):
        assert told(flac(*frames(bits=code)[:3], bits=bits)) == missing(WHOLE - 3 * BLOCK)

    @pytest.mark.parametrize(("length", "number"), list(enumerate([100, 2000, 60_000, 2**20, 2**25, 2**30, 2**31], 1)))
    def test_each_length_of_number(self, told, length, number):
        audio = [header(0, 16, sync=b"\xff\xf9", number=coded(first, length)) + BODY for first in (number, number + 16)]
        total = number + 132
        assert told(flac(*audio, sizes=(16, BLOCK), total=total)) == missing(100, total)

    def test_the_search_ends_however_many_sync_codes_there_are(self, told):
        cut = frames()[:3]
        assert told(flac(*cut, b"\xff\xf8" * 200)) == missing(WHOLE - 3 * BLOCK)
        assert told(flac(*cut, b"\xff\xf8" * 300)) == []


SERIAL, OTHER = 0x5EED_0001, 0x5EED_0002


def page(content, *, flags=0, position=0, serial=SERIAL, version=0, claimed=None):  # noqa: PLR0913
    claimed = len(content) if claimed is None else claimed
    lacing = b"\xff" * (claimed // 255) + bytes((claimed % 255,))
    return struct.pack("<4sBBqIIIB", b"OggS", version, flags, position, serial, 0, 0, len(lacing)) + lacing + content


VORBIS = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, RATE, 0, 128_000, 0, 0xB8, 1)
VORBIS_COMMENT = b"\x03vorbis" + bytes(8) + b"\x01"
HEADERS = page(VORBIS, flags=2) + page(VORBIS_COMMENT)
AUDIO = [page(BODY, position=number * 1000) for number in (1, 2, 3)]


def lacking(number):
    return [f"at least {number} bytes of the last page are missing"]


class TestOgg:
    def test_a_whole_file_is_whole_whether_its_end_is_marked_or_not(self, told):
        assert told(HEADERS + b"".join(AUDIO)) == told(HEADERS + page(BODY, flags=4, position=1000)) == []

    @pytest.mark.parametrize("number", [1, 100, len(BODY), len(BODY) + 2])
    def test_a_page_that_is_cut(self, told, number):
        content = HEADERS + b"".join(AUDIO)
        found = told(content[:-number])
        # Of a cut table of sizes only the part that is there can be counted.
        assert found == lacking(number if number <= len(BODY) else number - len(BODY) + sum((255, 255)))

    @pytest.mark.parametrize("kept", [18, 26])
    def test_a_header_that_is_cut(self, told, kept):
        assert told(HEADERS + AUDIO[0] + AUDIO[1][:kept]) == lacking(27 - kept)

    def test_a_cut_between_pages_tells_nothing(self, told):
        assert told(HEADERS + AUDIO[0]) == []

    @pytest.mark.parametrize("junk", [ID3V1, bytes(5000), b"OggS", b"OggS" * 1000, bytes(70_000)])
    def test_what_follows_the_last_page_is_no_audio(self, told, junk):
        content = HEADERS + b"".join(AUDIO[:-1]) + page(BODY, flags=4, position=1000)
        found = [message for message in told(content + junk) if "page" in message] if len(junk) < 6000 else []
        assert found == []

    def test_a_tag_behind_a_cut_page_does_not_fill_it(self, told):
        assert told((HEADERS + b"".join(AUDIO))[:-200] + ID3V1) == lacking(200)

    @pytest.mark.parametrize("change", [{"version": 1}, {"flags": 8}, {"serial": 0x1234_5678}], ids=str)
    def test_what_only_resembles_a_page_tells_nothing(self, told, change):
        assert told(HEADERS + AUDIO[0] + page(b"x", claimed=2000, **change)) == []

    def test_what_resembles_a_page_within_a_page_tells_nothing(self, told):
        forged = page(b"x", claimed=2000)
        content = BODY + forged + forged
        assert told(HEADERS + AUDIO[0] + page(content, position=2000)) == []
        assert told(HEADERS + AUDIO[0] + page(content, position=2000)[:-1]) == lacking(1)

    def test_the_search_ends_however_many_seeming_pages_there_are(self, told):
        for count, expected in ((50, lacking(1)), (100, [])):
            assert told(HEADERS + AUDIO[0] + page(b"OggS\xff" * count, position=2000)[:-1]) == expected

    def test_a_page_of_any_stream_may_be_the_last(self, told):
        film = page(b"\x80theora" + bytes(40), flags=2, serial=OTHER)
        start = page(VORBIS, flags=2) + film + page(VORBIS_COMMENT) + AUDIO[0]
        assert told(start + page(BODY, serial=OTHER)) == []
        assert told(start + page(BODY, serial=OTHER)[:-7]) == lacking(7)

    def test_the_largest_page_that_is_cut(self, told):
        content = bytes(254 * 255 + 200)
        assert told(HEADERS + AUDIO[0] + page(content, position=2000)[:-1]) == lacking(1)


CUT = {  # of the corpus, all by those who made them, to keep them small
    "52-overwritten-metadata.flac",
    "52-too-short-block-size.flac",
    "flac_application.flac",
    "variable-block.flac",
    "ooming-header.flac",
    "sample_length.oggtheora",
    "test.opus",  # tinytag's: 10,000 bytes
}
SUFFIXES = {".flac", ".ogg", ".oga", ".opus", ".spx", ".oggflac", ".ogv", ".oggtheora"}


def is_cut(path):
    return ErrorKind.TRUNCATED in {kind for kind, _ in problems_of(path)}


@pytest.fixture
def files(corpus):
    return sorted(path for path in corpus.rglob("*") if path.suffix in SUFFIXES)


def test_of_the_corpus_only_what_was_cut_is(files):
    cut = {path.name for path in files if is_cut(path)}
    assert cut <= CUT
    assert {path.name for path in files if path.name in CUT and path.name != "test.opus"} <= cut


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_the_first_part_of_a_real_file_is_cut(files, tmp_path, share):
    """Of what is long enough to have been cut within its audio, and not just between two pages."""
    missed = []
    long = [path for path in files if path.stat().st_size > 60_000 and path.name not in CUT]
    for path in long:
        part = tmp_path / path.name
        part.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        if not is_cut(part):
            missed.append(path.name)
    assert missed == []
