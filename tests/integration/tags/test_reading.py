"""Files with something special about them; every ordinary field is in tests/acceptance/test_every_field.py."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib

import pytest

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from soniquescan import tags
from soniquescan.errors import FileReadError
from soniquescan.messages import ErrorKind
from soniquescan.tags.content import attempt
from soniquescan.tags.source import Source

MPEG_FRAME = b"\xff\xfb\x90\x64".ljust(417, b"\x00")  # layer III, 128 kbit/s, 44.1 kHz, joint stereo
MPEG_AUDIO = MPEG_FRAME * 20
# 44.1 kHz, 2 channels, 16 bits, 44,100 samples.
STREAMINFO = bytes(10) + (44_100 << 44 | 1 << 41 | 15 << 36 | 44_100).to_bytes(8) + bytes(16)


def read_file(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return tags.read(fd, os.fstat(fd).st_size, os.fsencode(path))
    finally:
        os.close(fd)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes bytes under a name and reads them."""

    def read_bytes(content, name="file.mp3"):
        path = tmp_path / name
        path.write_bytes(content)
        return read_file(path)

    return read_bytes


@pytest.fixture
def failure(read):
    """Return a function that gives the error of a file that is none."""

    def fail(content, name="file.mp3"):
        with pytest.raises(FileReadError) as error:
            read(content, name)
        return error.value

    return fail


def synchsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name, content, *, flags=0, version=4, size=None):
    size = len(content) if size is None else size
    return (
        name.encode()
        + (synchsafe(size) if version == 4 else struct.pack(">I", size))
        + struct.pack(">H", flags)
        + content
    )


def id3(*frames, version=4, flags=0, size=None):
    body = b"".join(frames)
    return b"ID3" + bytes((version, 0, flags)) + synchsafe(len(body) if size is None else size) + body


def text(value, encoding=3):
    return bytes((encoding,)) + value.encode(("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding])


def ape(**items):
    packed = b"".join(
        struct.pack("<II", len(value), 0) + key.replace("_", " ").encode() + b"\0" + value
        for key, value in items.items()
    )
    return packed + struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(packed) + 32, len(items), 0)


def id3v1(title=b"", artist=b"", album=b"", *, genre=255):
    return struct.pack("<3s30s30s30s4s30sB", b"TAG", title, artist, album, b"", b"", genre)


def comments(*lines, vendor=b"test"):
    packed = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(lines)) + packed


def block(kind, content, *, last=False, size=None):
    return bytes((kind | (0x80 if last else 0),)) + (len(content) if size is None else size).to_bytes(3) + content


def flac(*blocks):
    return b"fLaC" + block(0, STREAMINFO) + b"".join(blocks) + block(1, b"", last=True)


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav(*chunks, data=bytes(88_200), data_size=None, tag=1):
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", tag, 1, 44_100, 88_200, 2, 16))
    audio = b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data
    content = b"WAVE" + fmt + b"".join(chunks) + audio
    return b"RIFF" + struct.pack("<I", len(content)) + content


def atom(name, content):
    return struct.pack(">I4s", len(content) + 8, name) + content


def ilst(*items):
    meta = atom(b"meta", bytes(4) + atom(b"hdlr", bytes(25)) + atom(b"ilst", b"".join(items)))
    return atom(b"ftyp", b"M4A \0\0\0\0") + atom(b"moov", atom(b"udta", meta))


def item(name, content, kind=1):
    return atom(name, atom(b"data", struct.pack(">II", kind, 0) + content))


def kinds(metadata):
    return [problem.kind for problem in metadata.problems]


class TestTagBlocksThatDisagree:
    def test_id3v2_then_apev2_then_id3v1(self, read):
        content = (
            id3(frame("TIT2", text("v2")))
            + MPEG_AUDIO
            + ape(Title=b"ape", Artist=b"ape")
            + id3v1(title=b"v1", artist=b"v1", album=b"v1", genre=17)
        )
        found = read(content).tags
        assert (found.title, found.artist, found.album.title, found.genres) == ("v2", "ape", "v1", ("Rock",))

    def test_comments_win_over_an_id3_tag_in_front_of_flac(self, read):
        content = id3(frame("TIT2", text("v2")), frame("TPE1", text("v2"))) + flac(block(4, comments(b"TITLE=comment")))
        found = read(content, "file.flac")
        assert (found.tags.title, found.tags.artist, found.stream.container) == ("comment", "v2", "flac")

    def test_the_first_of_stacked_id3_tags_wins(self, read):
        tags_ = id3(frame("TIT2", text("first"))) + id3(frame("TIT2", text("second")), frame("TALB", text("second")))
        found = read(tags_ + MPEG_AUDIO).tags
        assert (found.title, found.album.title) == ("first", "second")

    def test_an_id3_chunk_wins_over_an_info_list(self, read):
        info = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"info\0") + chunk(b"IART", b"info\0"))
        found = read(wav(info, chunk(b"id3 ", id3(frame("TIT2", text("v2"))))), "file.wav").tags
        assert (found.title, found.artist) == ("v2", "info")

    def test_apev2_is_found_before_lyrics3_and_id3v1(self, read):
        lyrics = b"LYRICSBEGIN" + b"IND0000200"
        content = MPEG_AUDIO + ape(Title=b"ape") + lyrics + b"%06dLYRICS200" % len(lyrics) + id3v1(artist=b"v1")
        found = read(content).tags
        assert (found.title, found.artist) == ("ape", "v1")

    def test_apev2_in_front_is_found(self, read):
        tag = ape(Title=b"ape")
        header = tag[-32:]
        found = read(header + tag + MPEG_AUDIO)
        assert (found.tags.title, found.stream.codec) == ("ape", "mp3")

    def test_tags_behind_are_no_audio(self, read):
        bare = read(MPEG_AUDIO).stream
        assert read(MPEG_AUDIO + ape(Lyrics=bytes(50_000)) + id3v1(title=b"v1")).stream == bare


class TestID3:
    @pytest.mark.parametrize("encoding", range(4))
    def test_each_encoding_and_several_values(self, read, encoding):
        values = "Ångström\0Çelik" if encoding != 1 else None
        raw = (
            text(values, encoding)
            if values
            else b"\x01" + "Ångström".encode("utf-16") + b"\0\0" + "Çelik".encode("utf-16")
        )
        assert read(id3(frame("TPE1", raw)) + MPEG_AUDIO).tags.artist == "Ångström; Çelik"

    @pytest.mark.parametrize(
        "raw",
        [
            b"\x01" + "title".encode("utf-16-le"),
            b"\x01\xfe\xff" + "title".encode("utf-16-be"),
            b"\x01\xff\xfe" + "title".encode("utf-16-le") + b"\0",
            b"\x02\xff\xfe" + "title".encode("utf-16-le"),
        ],
        ids=["no mark", "big-endian", "odd", "marked although it should not be"],
    )
    def test_odd_utf_16(self, read, raw):
        assert read(id3(frame("TIT2", raw)) + MPEG_AUDIO).tags.title == "title"

    def test_latin_1_is_as_declared(self, read):
        assert read(id3(frame("TIT2", b"\x00\xc4\xe3")) + MPEG_AUDIO).tags.title == "Äã"

    def test_broken_utf_8_is_repaired(self, read):
        assert read(id3(frame("TIT2", b"\x03a\xffb")) + MPEG_AUDIO).tags.title == "a\ufffdb"

    def test_an_unknown_encoding_is_a_problem_of_its_frame_only(self, read):
        found = read(id3(frame("TIT2", b"\x09title"), frame("TALB", text("album"))) + MPEG_AUDIO)
        assert (found.tags.title, found.tags.album.title, kinds(found)) == (None, "album", [ErrorKind.MALFORMED_TAGS])

    def test_id3v2_2(self, read):
        frames = (
            b"TT2" + b"\0\0\x06" + text("title"),
            b"TP1" + b"\0\0\x02" + text("a"),
            b"PIC" + b"\0\0\x08" + bytes(8),
        )
        found = read(id3(*frames, version=2) + MPEG_AUDIO).tags
        assert (found.title, found.artist, found.has_cover) == ("title", "a", True)

    def test_dates_of_id3v2_3(self, read):
        frames = [
            frame(name, text(value), version=3)
            for name, value in (("TYER", "2004"), ("TDAT", "3006"), ("TORY", "1999"))
        ]
        found = read(id3(*frames, version=3) + MPEG_AUDIO).tags
        assert (found.date, found.original_date, found.tags) == ("2004-06-30", "1999", {})

    def test_comments_and_lyrics_by_description(self, read):
        frames = (
            frame("COMM", b"\x03eng\0plain"),
            frame("COMM", b"\x03engiTunNORM\0 000"),
            frame("USLT", b"\x03eng\0words"),
            frame("USLT", b"\x03engtranslation\0mots"),
        )
        found = read(id3(*frames) + MPEG_AUDIO).tags
        assert (found.comment, found.lyrics) == ("plain", "words")
        assert found.tags == {"comment:iTunNORM": [" 000"], "lyrics:translation": ["mots"]}

    def test_lyrics_with_a_description_only_are_the_lyrics(self, read):
        assert read(id3(frame("USLT", b"\x03engx\0words")) + MPEG_AUDIO).tags.lyrics == "words"

    def test_synchronised_lyrics_are_told_as_lrc(self, read):
        lines = b"one\0" + struct.pack(">I", 1000) + b"\ntwo\0" + struct.pack(">I", 61_500)
        found = read(id3(frame("SYLT", b"\x03eng\x02\x01\0" + lines)) + MPEG_AUDIO).tags
        assert found.tags == {"syncedlyrics": ["[00:01.00]one\n[01:01.50]two"]}

    def test_people_of_both_versions(self, read):
        involved = b"\x03producer\0P\0DJ-MIX\0D\0guitar\0G"
        new = read(id3(frame("TIPL", b"\x03mix\0M"), frame("TMCL", b"\x03mix\0T\0performer\0S")) + MPEG_AUDIO).tags
        old = read(id3(frame("IPLS", involved, version=3), version=3) + MPEG_AUDIO).tags
        assert [(c.role, c.name) for c in new.credits] == [("performer", "T"), ("performer", "S"), ("mixer", "M")]
        assert [(c.role, c.name) for c in old.credits] == [("performer", "G"), ("producer", "P"), ("djmixer", "D")]
        assert (new.tags, old.tags) == ({"performer:mix": ["T"]}, {"performer:guitar": ["G"]})

    def test_relative_volume_counts_where_no_replaygain_is_tagged(self, read):
        track = frame("RVA2", b"track\0\x01" + struct.pack(">hB", -3599, 16) + b"\x40\x00")
        album = frame("RVA2", b"album\0\x01" + struct.pack(">hB", 512, 0))
        tagged = frame("TXXX", text("replaygain_album_gain\0-2 dB"))
        found = read(id3(track, album, tagged) + MPEG_AUDIO).tags
        assert found.replaygain_track_gain_db == pytest.approx(-7.03, abs=0.001)
        assert (found.replaygain_track_peak, found.replaygain_album_gain_db, found.tags) == (0.5, -2.0, {})

    def test_ids_ratings_and_addresses(self, read):
        recording = "c0000001-0000-4000-8000-000000000000"
        frames = (
            frame("UFID", b"http://musicbrainz.org\0" + recording.encode()),
            frame("UFID", b"other\0" + b"123"),
            frame("POPM", b"me@example.org\0\xc4\0\0\0\x01"),
            frame("WOAR", b"http://a.example"),
            frame("WXXX", b"\x03shop\0http://b.example"),
            frame("WXXX", b"\x01\xff\xfe\0\0http://c.example"),
        )
        found = read(id3(*frames) + MPEG_AUDIO).tags
        assert found.musicbrainz_recordingid == recording
        assert found.tags == {
            "UFID:other": ["123"],
            "rating": ["196"],
            "website": ["http://a.example"],
            "shop": ["http://b.example"],
            "WXXX": ["http://c.example"],
        }

    def test_plain_sizes_in_id3v2_4_as_itunes_wrote_them(self, read):
        long = text("x" * 300)
        frames = frame("TIT2", long, version=3), frame("TALB", text("album"), version=3)
        found = read(id3(*frames) + MPEG_AUDIO).tags
        assert (found.title, found.album.title) == ("x" * 300, "album")

    def test_unsynchronised_tags(self, read):
        title = b"\x01\xff\xfe" + "ÿtitle".encode("utf-16-le")
        protected = title.replace(b"\xff", b"\xff\x00")
        whole = id3(frame("TIT2", title, version=3).replace(b"\xff", b"\xff\x00"), version=3, flags=0x80)
        each = id3(frame("TIT2", protected, flags=0x02))
        assert {read(tag + MPEG_AUDIO).tags.title for tag in (whole, each)} == {"ÿtitle"}

    @pytest.mark.parametrize(("version", "flags"), [(3, 0x80), (4, 0x09)])
    def test_compressed_frames(self, read, version, flags):
        packed = struct.pack(">I", 6) + zlib.compress(text("title"))
        found = read(id3(frame("TIT2", packed, flags=flags, version=version), version=version) + MPEG_AUDIO)
        assert (found.tags.title, found.problems) == ("title", ())

    @pytest.mark.parametrize(("version", "flags", "prefix"), [(3, 0x20, b"G"), (4, 0x40, b"G"), (4, 0x01, bytes(4))])
    def test_frames_with_something_in_front(self, read, version, flags, prefix):
        content = frame("TIT2", prefix + text("title"), flags=flags, version=version)
        assert read(id3(content, version=version) + MPEG_AUDIO).tags.title == "title"

    def test_encrypted_frames_are_left_out(self, read):
        found = read(id3(frame("TIT2", b"Xsecret", flags=0x04), frame("TALB", text("album"))) + MPEG_AUDIO)
        assert (found.tags.title, found.tags.album.title, found.problems) == (None, "album", ())

    def test_an_extended_header_is_skipped_and_a_missing_one_is_not(self, read):
        extended = id3(synchsafe(6) + b"\x01\x00" + frame("TIT2", text("title")), flags=0x40)
        missing = id3(frame("TIT2", text("title")), flags=0x40)
        old = id3(struct.pack(">I", 6) + bytes(6) + frame("TIT2", text("title"), version=3), version=3, flags=0x40)
        assert {read(tag + MPEG_AUDIO).tags.title for tag in (extended, missing, old)} == {"title"}

    def test_a_frame_that_claims_more_than_its_tag_has(self, read):
        found = read(id3(frame("TALB", text("album")), frame("TIT2", text("title"), size=200)) + MPEG_AUDIO)
        assert (found.tags.title, found.tags.album.title, kinds(found)) == (
            "title",
            "album",
            [ErrorKind.MALFORMED_TAGS],
        )

    def test_a_tag_that_claims_256_mb_still_has_its_frames_and_its_audio(self, read):
        content = id3(frame("TIT2", text("title")), size=2**28 - 1) + MPEG_AUDIO
        found, peak = peak_of(lambda: read(content))
        assert (found.tags.title, found.stream.codec, kinds(found)) == ("title", "mp3", [ErrorKind.TRUNCATED])
        assert peak < 2_000_000


class TestVorbisCommentsAndFLAC:
    def test_keys_and_values_of_any_kind(self, read):
        lines = (b"T\xc3\xaft\xc3\xa9=\xff", b"no equals sign", b"=no key", b"EMPTY=", b"TITLE=a=b", b"title=c")
        found = read(flac(block(4, comments(*lines))), "file.flac")
        assert found.tags.title == "a=b; c"
        assert found.tags.tags == {"Tïté": ["\ufffd"], "unknown": ["no equals sign"], "": ["no key"]}
        assert found.problems == ()

    @pytest.mark.parametrize("line", [b"METADATA_BLOCK_PICTURE=AAAA", b"COVERART=AAAA"])
    def test_pictures_are_noted_and_not_kept(self, read, line):
        found = read(flac(block(4, comments(line))), "file.flac").tags
        assert (found.has_cover, found.tags) == (True, {})

    @pytest.mark.parametrize("size", [0, 5, 20])
    def test_a_block_of_comments_that_claims_too_little(self, read, size):
        content = flac(block(4, comments(b"TITLE=a", b"ARTIST=b"), size=size), block(6, bytes(32)))
        found = read(content, "file.flac")
        assert (found.tags.title, found.tags.artist, found.tags.has_cover, found.problems) == ("a", "b", True, ())

    def test_a_picture_that_claims_too_little(self, read):
        picture = struct.pack(">II", 3, 9) + b"image/png" + bytes(4 + 16) + struct.pack(">I", 500) + bytes(500)
        found = read(flac(block(6, picture, size=40), block(4, comments(b"TITLE=a"))), "file.flac")
        assert (found.tags.title, found.tags.has_cover, found.problems) == ("a", True, ())

    def test_a_comment_that_claims_4_gb(self, read):
        content = flac(block(4, comments(b"TITLE=a")[:-11] + b"\xff\xff\xff\xff"))
        found, peak = peak_of(lambda: read(content, "file.flac"))
        assert kinds(found) == [ErrorKind.MALFORMED_TAGS]
        assert peak < 2_000_000

    def test_a_flac_that_ends_within_its_metadata(self, read):
        found = read(flac(block(4, comments(b"TITLE=a")))[:-3], "file.flac")
        assert (found.tags.title, found.stream.length_ms, kinds(found)) == ("a", 1000, [ErrorKind.TRUNCATED])

    @pytest.mark.parametrize(
        ("md5", "expected"),
        [
            (bytes(range(16)), "000102030405060708090a0b0c0d0e0f"),
            (bytes(16), None),  # the encoder could not go back and fill it in
            (bytes(15) + b"\1", "00000000000000000000000000000001"),
        ],
    )
    def test_the_md5_of_the_audio(self, read, md5, expected):
        content = b"fLaC" + block(0, STREAMINFO[:18] + md5) + block(1, b"", last=True)
        assert read(content, "file.flac").stream.audio_md5 == expected
        assert read(id3(frame("TIT2", text("v2"))) + content, "file.flac").stream.audio_md5 == expected

    def test_no_audio_stream_but_tags_is_a_track(self, read):
        content = b"fLaC" + block(4, comments(b"TITLE=a"), last=True)
        found = read(content, "file.flac")
        assert (found.tags.title, kinds(found)) == ("a", [ErrorKind.NO_AUDIO_STREAM])
        assert set(found.stream) == {"flac", None}


class TestOgg:
    def page(self, packet, number, *, flags=0, position=0):
        lacing = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
        header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, 0, len(lacing))
        return header + lacing + packet

    def vorbis(self, rate):
        head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, rate, 0, 128_000, 0, 0xB8, 1)
        pages = self.page(head, 0, flags=2), self.page(b"\x03vorbis" + comments(b"TITLE=a") + b"\x01", 1)
        return b"".join(pages) + self.page(b"x", 2, flags=4, position=44_100)

    def test_a_stream_that_cannot_be_read_leaves_its_comments(self, read):
        sound, broken = read(self.vorbis(44_100), "a.ogg"), read(self.vorbis(0), "b.ogg")
        assert (sound.tags.title, sound.stream.length_ms, sound.problems) == ("a", 1000, ())
        assert (broken.tags.title, broken.stream.length_ms, kinds(broken)) == ("a", None, [ErrorKind.NO_AUDIO_STREAM])

    def test_a_film_without_sound_is_no_audio(self, failure):
        content = self.page(b"\x80theora" + bytes(40), 0, flags=2) + self.page(b"\x81theora" + comments(b"TITLE=a"), 1)
        assert failure(content, "a.ogg").kind == ErrorKind.UNSUPPORTED_FORMAT


class TestAPEv2:
    def test_a_broken_text_loses_only_its_broken_bytes(self, read):
        found = read(MPEG_AUDIO + ape(Title=b"a\xffb", Album_Artist=b"c\0d", Album=b"e")).tags
        assert (found.title, found.album.albumartist) == ("a\ufffdb", "c; d")

    def test_binary_items_are_left_out_and_covers_noted(self, read):
        items = struct.pack("<II", 5, 2) + b"Cover Art (Front)\0a.jpg" + struct.pack("<II", 1, 0) + b"Title\0t"
        footer = struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(items) + 32, 2, 0)
        found = read(MPEG_AUDIO + items + footer)
        assert (found.tags.title, found.tags.has_cover, found.tags.tags, found.problems) == ("t", True, {}, ())

    def test_a_tag_that_claims_4_gb(self, read):
        tag = ape(Title=b"t")[:-32] + struct.pack("<8sIIII8x", b"APETAGEX", 2000, 2**32 - 1, 2**32 - 1, 0)
        found, peak = peak_of(lambda: read(MPEG_AUDIO + tag))
        assert (found.stream.codec, kinds(found)) == ("mp3", [ErrorKind.MALFORMED_TAGS])
        assert peak < 2_000_000


class TestWAV:
    def test_info_texts_are_utf_8_or_else_windows_1252(self, read):
        info = chunk(
            b"LIST", b"INFO" + chunk(b"INAM", "Ψυχή".encode()) + chunk(b"IART", b"Bj\xf6rk \x80") + chunk(b"ISFT", b"x")
        )
        found = read(wav(info), "file.wav")
        assert (found.tags.title, found.tags.artist, found.tags.tags) == ("Ψυχή", "Björk €", {"ISFT": ["x"]})
        assert found.stream[1:] == ("pcm", 1000, 705_600, 44_100, 16, 1, None)

    def test_audio_that_is_missing_is_told(self, read):
        found = read(wav(data_size=200_000), "file.wav")
        assert (found.stream.length_ms, kinds(found)) == (2268, [ErrorKind.TRUNCATED])

    def test_rf64_has_its_size_elsewhere(self, read):
        content = wav(chunk(b"ds64", struct.pack("<QQQI", 0, 88_200, 44_100, 0)), data_size=0xFFFF_FFFF)
        found = read(b"RF64" + content[4:], "file.wav")
        assert (found.stream.length_ms, found.problems) == (1000, ())

    def test_compressed_audio_is_as_long_as_its_rate_says(self, read):
        found = read(wav(tag=0x55), "file.wav").stream
        assert (found.codec, found.length_ms, found.bits_per_sample) == ("mp3", 1000, None)


def test_no_read_is_larger_than_the_file(read):
    common = b"COMM\xff\xff\xff\xf0" + struct.pack(">hLh10s", 1, 8000, 16, bytes.fromhex("400bfa00000000000000"))
    content = b"FORM" + struct.pack(">I", 4 + len(common)) + b"AIFF" + common
    found, peak = peak_of(lambda: read(content, "file.aiff"))
    assert (found.stream.length_ms, found.stream.sample_rate_hz) == (1000, 8000)
    assert peak < 2_000_000


class TestMP4:
    def test_numbers_flags_and_freeform(self, read):
        free = atom(
            b"----",
            atom(b"mean", bytes(4) + b"com.apple.iTunes")
            + atom(b"name", bytes(4) + b"My Key")
            + atom(b"data", struct.pack(">II", 1, 0) + b"x"),
        )
        content = ilst(
            item(b"trkn", struct.pack(">4H", 0, 5, 0, 0), 0),
            item(b"cpil", b"\x01", 21),
            item(b"tmpo", b"\0\0", 21),
            item(b"\xa9alb", b"album"),
            item(b"gnre", b"\0\x12", 0),
            item(b"covr", bytes(9), 13),
            free,
        )
        found = read(content, "file.m4a")
        assert (found.tags.track_number, found.tags.track_total, found.tags.bpm) == (5, None, None)
        assert (found.tags.album.compilation, found.tags.genres, found.tags.has_cover) == (True, ("Rock",), True)
        assert (found.tags.tags, kinds(found)) == ({"My Key": ["x"]}, [ErrorKind.NO_AUDIO_STREAM])

    def test_freeform_names_may_be_padded_or_of_another_name_space(self, read):
        def free(space, name):
            mean = atom(b"mean", bytes(4) + space)
            return atom(b"----", mean + atom(b"name", bytes(4) + name) + atom(b"data", struct.pack(">II", 1, 0) + b"x"))

        found = read(ilst(free(b"com.apple.iTunes\0", b"LABEL"), free(b"org.example", b"LABEL")), "file.m4a").tags
        assert found.tags == {"label": ["x"], "org.example:LABEL": ["x"]}

    def test_an_item_that_cannot_be_read_leaves_the_others(self, read):
        broken = atom(b"----", b"\0\0\0\x01")
        found = read(ilst(item(b"\xa9nam", b"title"), broken, item(b"\xa9ART", b"artist")), "file.m4a")
        assert (found.tags.title, found.tags.artist) == ("title", "artist")
        assert ErrorKind.MALFORMED_TAGS in kinds(found)

    def test_text_that_is_no_utf_8_is_repaired(self, read):
        assert read(ilst(item(b"\xa9nam", b"a\xffb")), "file.m4a").tags.title == "a\ufffdb"

    def test_a_list_that_is_cut_off_is_read_up_to_there(self, read):
        content = ilst(item(b"\xa9nam", b"title"), item(b"covr", bytes(90_000), 13))
        found = read(content[:-80_000], "file.m4a")
        assert found.tags.title == "title"
        assert ErrorKind.TRUNCATED in kinds(found)

    def test_deeply_nested_atoms_are_an_error(self, failure):
        content = b""
        for _ in range(5_000):
            content = atom(b"moov", content)
        assert failure(atom(b"ftyp", b"M4A ") + content, "file.m4a").kind == ErrorKind.CORRUPT


class TestNames:
    def test_content_decides_what_a_file_is(self, read):
        assert read(id3(frame("TIT2", text("t"))) + MPEG_AUDIO, "file.flac").stream.container == "mp3"
        assert read(flac(), "file.mp3").stream.container == "flac"
        assert read(wav(), "file.ogg").stream.container == "wav"

    def test_the_name_breaks_the_tie_where_junk_comes_first(self, read, failure):
        assert read(b"junk" * 10 + MPEG_AUDIO, "file.mp3").stream.codec == "mp3"
        assert failure(b"junk" * 10 + MPEG_AUDIO, "file.ogg").kind == ErrorKind.UNSUPPORTED_FORMAT

    def test_adif_is_aac(self, read, failure):
        assert failure(b"ADIF" + b"\xff" * 8, "file.aac").kind == ErrorKind.CORRUPT
        # Header, bit rate 128,000, one program config element: AAC-LC, 44.1 kHz, one channel pair.
        bits = "0" + "0" + "0" + "0" + f"{128_000:023b}" + "0000" + "0" * 20
        bits += "0000" + "01" + "0100" + "0001" + "0000" * 2 + "00" + "000" + "0000" + "000" + "1" + "0000"
        bits = bits.ljust(-(-len(bits) // 8) * 8, "0") + "0" * 8
        content = b"ADIF" + int(bits, 2).to_bytes(len(bits) // 8) + bytes(16_000)
        stream = read(content, "file.aac").stream
        assert (stream.codec, stream.sample_rate_hz, stream.channels, stream.length_ms) == ("aac", 44_100, 2, 1000)


class TestFilesThatAreNone:
    def test_an_empty_file(self, failure):
        assert failure(b"").kind == ErrorKind.EMPTY

    def test_text_named_flac(self, failure):
        error = failure(b"just some text\n" * 100, "file.flac")
        assert (error.kind, error.message) == (
            ErrorKind.UNSUPPORTED_FORMAT,
            "no audio format that can be read: .flac begins with b'just som'",
        )

    def test_noise_named_mp3(self, failure):
        assert failure(bytes(range(1, 128)) * 500).kind == ErrorKind.CORRUPT

    def test_tags_without_audio_are_a_track(self, read):
        found = read(id3(frame("TIT2", text("title"))) + bytes(2000))
        assert (found.tags.title, found.stream.length_ms, kinds(found)) == ("title", None, [ErrorKind.NO_AUDIO_STREAM])

    def test_tags_without_text_and_audio_are_not(self, failure):
        assert failure(id3(frame("TIT2", text("  "))) + bytes(2000)).kind == ErrorKind.CORRUPT

    def test_messages_are_one_line(self, failure):
        assert "\n" not in failure(b"OggS\n\n\n\n", "a.ogg").message

    def test_storage_that_fails_is_no_fault_of_the_file(self, tmp_path):
        path = tmp_path / "file.mp3"
        path.write_bytes(MPEG_AUDIO)
        write_only = os.open(path, os.O_WRONLY)
        with pytest.raises(FileReadError) as error:
            tags.read(write_only, 100, b"file.mp3")
        os.close(write_only)
        assert error.value.kind == ErrorKind.IO_ERROR

    def test_storage_that_fails_within_mutagen_is_told_apart(self):
        with pytest.raises(FileReadError) as error:
            attempt(lambda: tags.reading.read_mp3(Source(-1, 100, b"")) or Source(-1, 100, b"").file().read())
        assert error.value.kind == ErrorKind.IO_ERROR

    def test_memory_that_ends_is_no_crash(self):
        def ends():
            raise MemoryError

        with pytest.raises(FileReadError) as error:
            attempt(ends)
        assert error.value.kind == ErrorKind.TOO_LARGE


def peak_of(action):
    """Return what `action` returns and the most memory it took."""
    tracemalloc.start()
    try:
        return action(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


MANY = 50_000
HOLDERS = ("mp3 id3v2.4", "mp3 id3v2.3", "mp3 apev2", "flac", "opus", "ogg vorbis", "m4a aac", "wma")


@pytest.mark.timeout(20)  # seconds, writing included; reading takes about 0.3 here, mutagen alone minutes for some
@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("kind", ["keys", "values"])
def test_50000_comments_are_read_while_one_waits(name, kind, tmp_path):
    values = [f"value {number}" for number in range(MANY)]
    written = (
        {f"key{number}": [value] for number, value in enumerate(values)} if kind == "keys" else {"comment": values}
    )
    path = tmp_path / f"file.{FORMATS[name].extension}"
    write(path, FORMATS[name].render({"title": ["title"], **written}, length_ms=1000))
    found = read_file(path)
    assert found.problems == ()
    if kind == "keys":
        assert len(found.tags.tags) == MANY
    else:
        assert found.tags.comment == "; ".join(values)


@pytest.mark.parametrize("name", [*HOLDERS[:-1], "wav id3", "aiff", "wavpack", "dsf"])
def test_a_comment_of_3_mb_is_kept_whole(name, tmp_path):
    comment = "0123456789" * 300_000
    path = tmp_path / f"file.{FORMATS[name].extension}"
    write(path, FORMATS[name].render({"title": ["title"], "comment": [comment]}, length_ms=1000))
    assert read_file(path).tags.comment == comment


def test_a_bomb_in_compressed_frames_takes_little_memory(read):
    bomb = zlib.compress(b"\x03" + b"x" * 100_000_000, 9)
    frames = [frame("TXXX", struct.pack(">I", 0) + bomb, flags=0x80, version=3) for _ in range(20)]
    title = frame("TIT2", text("title"), version=3)
    found, peak = peak_of(lambda: read(id3(title, *frames, version=3) + MPEG_AUDIO))
    assert (found.tags.title, set(kinds(found))) == ("title", {ErrorKind.MALFORMED_TAGS})
    assert peak < 150_000_000


@pytest.mark.timeout(20)  # seconds
def test_a_file_of_nothing_but_empty_chunks_is_read_while_one_waits(read, failure):
    failure(b"RIFF\xff\xff\xff\x7fWAVE" + b"LIST\0\0\0\0" * 500_000, "file.wav")
    read(flac(*[block(1, b"")] * 200_000), "file.flac")
