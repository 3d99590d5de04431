"""For every container a generated file that carries every field of the mapping, read back and compared field by field.

The generator shares no code with the reader, so what the two agree on is what the file says.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.library.audio import FORMATS
from benchmarks.library.blocks import ape, id3, vorbis
from benchmarks.library.containers import flac, mpeg
from benchmarks.library.generate import generate, write
from benchmarks.library.hostile import write_hostile
from benchmarks.library.mapping import ROWS
from benchmarks.library.messages import Audio, Blocks, Cover
from benchmarks.library.truth import expected
from soniquescan import tags
from soniquescan.errors import FileReadError

# "c" + number makes ids that are valid, distinct and easy to tell apart in a failure.
ID = "c{:07}-0000-4000-8000-000000000000".format

EVERY_FIELD = {
    "title": ["Ψυχή & Straße 🎵"],
    "titlesort": ["Psyche"],
    "subtitle": ["A subtitle"],
    "artist": ["Ada Adler feat. Bruno Blom"],
    "artistsort": ["Adler, Ada feat. Blom, Bruno"],
    "artists": ["Ada Adler", "Bruno Blom"],
    "album": ["The Album: Part 1/2"],
    "albumsort": ["Album, The"],
    "albumartist": ["AC/DC"],
    "albumartistsort": ["ACDC"],
    "tracknumber": ["7"],
    "totaltracks": ["12"],
    "discnumber": ["2"],
    "totaldiscs": ["3"],
    "discsubtitle": ["The second disc"],
    "date": ["2003-04-05"],
    "originaldate": ["1999-12-31"],
    "originalyear": ["1999"],
    "genre": ["Rock", "Drum & Bass", "Electronic"],
    "composer": ["Carla Costa", "Dora Dahl"],
    "composersort": ["Costa, Carla", "Dahl, Dora"],
    "lyricist": ["Edgar Eriksen"],
    "writer": ["Frida Fischer"],
    "conductor": ["Gil Garcia"],
    "arranger": ["Hana Haas", "Hugo Holm"],
    "performer:guitar": ["Ines Ito"],
    "performer:drums (drum set)": ["Jan Jansen"],
    "remixer": ["Kai Kaya"],
    "producer": ["Lena Lind", "Lars Larsen"],
    "engineer": ["Maya Moreau"],
    "mixer": ["Nina Novak"],
    "djmixer": ["Olga Okafor"],
    "director": ["Pablo Petrov"],
    "label": ["Label One", "Label Two"],
    "catalognumber": ["CAT 001", "CAT 002"],
    "barcode": ["0602498691234"],
    "asin": ["B00004Z4ZZ"],
    "isrc": ["GBAYE0601498", "USUM71703692"],
    "media": ["Digital Media"],
    "releasecountry": ["GB"],
    "releasestatus": ["official"],
    "releasetype": ["album", "live"],
    "compilation": ["1"],
    "bpm": ["128"],
    "key": ["F#m"],
    "mood": ["Calm", "Bright"],
    "language": ["eng"],
    "script": ["Latn"],
    "grouping": ["A group"],
    "work": ["A work"],
    "movement": ["Allegro"],
    "movementnumber": ["3"],
    "movementtotal": ["4"],
    "showmovement": ["1"],
    "copyright": ["2003 Label One"],
    "license": ["https://creativecommons.org/licenses/by/4.0/"],
    "website": ["https://example.org/ada"],
    "comment": ["First line\nsecond line \\ tab\there"],
    "comment:Other": ["A described comment"],
    "lyrics": ["La la la\nla"],
    "encodedby": ["An encoder"],
    "encodersettings": ["-V 2 --noreplaygain"],
    "replaygain_track_gain": ["-7.03 dB"],
    "replaygain_track_peak": ["0.988553"],
    "replaygain_track_range": ["9.10 dB"],
    "replaygain_album_gain": ["+1.50 dB"],
    "replaygain_album_peak": ["1.004700"],
    "replaygain_album_range": ["10.20 dB"],
    "replaygain_reference_loudness": ["89.0 dB"],
    "musicbrainz_recordingid": [ID(1)],
    "musicbrainz_trackid": [ID(2)],
    "musicbrainz_albumid": [ID(3)],
    "musicbrainz_artistid": [ID(4), ID(5)],
    "musicbrainz_albumartistid": [ID(6)],
    "musicbrainz_releasegroupid": [ID(7)],
    "musicbrainz_workid": [ID(8)],
    "musicbrainz_discid": ["XzPS7vW.HPHsYemQh0HBUGr8vuU-"],
    "musicbrainz_originalartistid": [ID(9)],
    "musicbrainz_originalalbumid": [ID(10)],
    "musicbrainz_trmid": [ID(11)],
    "acoustid_id": [ID(12)],
    "acoustid_fingerprint": ["AQABz0qUkZK4oOfhL-sc4QcToguPaNZx"],
    "musicip_puid": [ID(13)],
    "originalalbum": ["The first album"],
    "originalartist": ["Quist"],
    "originalfilename": ["first.wav"],
    "gapless": ["1"],
    "podcast": ["1"],
    "podcasturl": ["https://example.org/feed"],
    "show": ["A show"],
    "showsort": ["Show, A"],
    "A Key Of Its Own": ["kept", "twice"],
}

MD5 = bytes(range(240, 256))
COVER = Cover("image/jpeg", b"\xff\xd8\xff" + bytes(30_000))

each_format = pytest.mark.parametrize("kind", FORMATS.values(), ids=list(FORMATS))


def read(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return tags.read(descriptor, path.stat().st_size, os.fsencode(path))
    finally:
        os.close(descriptor)


def flat(stream, track_tags):
    """Return every field under a name of its own: "album.title", "credits.composer", "tags.website"."""
    fields = {f"stream.{name}": value for name, value in stream._asdict().items()}
    fields |= track_tags._asdict()
    album = fields.pop("album")
    fields |= {f"album.{name}": value for name, value in album._asdict().items()} if album else {"album": None}
    for credit in fields.pop("credits"):
        fields.setdefault(f"credits.{credit.role}", []).append(credit)
    # Keys of the file's own keep the spelling that its tag format gives them.
    return fields | {f"tags.{name.casefold()}": values for name, values in fields.pop("tags").items()}


def differences(truth, path):
    """Return a line for each field that the reader and the truth do not agree on."""
    metadata = read(path)
    wanted, found = flat(*truth), flat(metadata.stream, metadata.tags)
    if wanted["stream.bitrate_bps"] is None:  # the container does not say, so a reader may work it out
        found["stream.bitrate_bps"] = None
    # Half a millisecond may round either way, and so may a rate that is worked out. The length of ADTS is an
    # estimate from its first frames.
    estimated = wanted["stream.length_ms"] // 500 if wanted["stream.container"] == "aac" else 0
    wanted["stream.length_ms"] = pytest.approx(wanted["stream.length_ms"], abs=1 + estimated)
    wanted["stream.bitrate_bps"] = pytest.approx(wanted["stream.bitrate_bps"], abs=1)
    wanted["problems"], found["problems"] = (), metadata.problems
    return [
        f"{path.name}: {name}: wanted {wanted.get(name)!r}, found {found.get(name)!r}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]


def assert_reads_as(truth, path):
    found = differences(truth, path)
    assert not found, "\n".join(found)


def test_the_fields_are_those_of_the_mapping():
    names = {name.partition(":")[0] for name in EVERY_FIELD}
    assert names - {"A Key Of Its Own"} == {row.name for row in ROWS}


@each_format
@pytest.mark.parametrize("cover", [None, COVER], ids=["bare", "with cover"])
def test_every_field_is_read_from_every_container(kind, cover, tmp_path):
    cover = cover if kind.holds_cover else None
    rendered = kind.render(EVERY_FIELD, cover, length_ms=4_321, md5=MD5)
    path = tmp_path / f"file.{kind.extension}"
    write(path, rendered)
    truth = expected(kind.held(EVERY_FIELD), rendered.stream, has_cover=cover is not None)
    assert_reads_as(truth, path)
    if rendered.stream.codec == "flac":
        assert truth.stream.audio_md5 == MD5.hex()


@each_format
def test_a_file_without_tags_has_its_stream_and_nothing_else(kind, tmp_path):
    rendered = kind.render({}, length_ms=4_321)
    path = tmp_path / f"file.{kind.extension}"
    write(path, rendered)
    assert_reads_as(expected({}, rendered.stream, has_cover=False), path)


def test_every_field_of_a_library_of_all_formats_is_read(tmp_path):
    files = generate(tmp_path, files=300, seed=3, formats="all")
    found = [line for file in files for line in differences(file.expected(), file.path)]
    assert not found, "\n".join(found)


def test_r128_gains_of_opus_become_replaygain(tmp_path):
    gains = {"r128_track_gain": ["-3079"], "r128_album_gain": ["256"]}
    rendered = FORMATS["opus"].render(gains)
    path = tmp_path / "file.opus"
    write(path, rendered)
    truth = expected(gains, rendered.stream, has_cover=False)
    assert (truth.tags.replaygain_track_gain_db, truth.tags.replaygain_album_gain_db) == (-3079 / 256 + 5, 6.0)
    assert_reads_as(truth, path)


def test_id3v2_wins_over_apev2_and_apev2_over_id3v1(tmp_path):
    v2, ape2, v1 = {"title": ["v2"]}, {"title": ["ape"], "artist": ["ape"]}, {"artist": ["v1"], "album": ["v1"]}
    rendered = mpeg.mp3_info(Audio(), Blocks(front=id3.v2(v2, 4), tail=ape.tag(ape2) + id3.v1(v1)))
    path = tmp_path / "file.mp3"
    write(path, rendered)
    assert_reads_as(expected(v1 | ape2 | v2, rendered.stream, has_cover=False), path)


def test_comments_win_over_an_id3_tag_in_front_of_flac(tmp_path):
    comments = Blocks(front=vorbis.comment([("TITLE", "comment")]))
    rendered = flac.flac(Audio(), comments)
    tag = id3.v2({"title": ["v2"], "artist": ["v2"]}, 3)
    path = tmp_path / "file.flac"
    write(path, rendered._replace(head=tag + rendered.head, size_bytes=len(tag) + rendered.size_bytes))
    assert_reads_as(expected({"title": ["comment"], "artist": ["v2"]}, rendered.stream, has_cover=False), path)


def outcome(path):
    """Return what reading a file came to: its tags (None where there is no track) and kinds of errors."""
    try:
        metadata = read(path)
    except FileReadError as exc:
        return None, {exc.kind}
    return metadata.tags, {problem.kind for problem in metadata.problems}


def disagreements(path, wanted):
    found, kinds = outcome(path)
    if wanted.is_track is not None and wanted.is_track is not (found is not None):
        yield f"{path.name!r}: wanted is_track={wanted.is_track}, found {kinds}"
    if kinds & wanted.kinds == set() != kinds | wanted.kinds:
        yield f"{path.name!r}: wanted one of {sorted(wanted.kinds)}, found {kinds}"
    if found is not None and wanted.title not in {None, found.title}:
        yield f"{path.name!r}: wanted title {wanted.title!r}, found {found.title!r}"
    if wanted.kept is not None and [wanted.kept[1]] != found.tags.get(wanted.kept[0]):
        yield f"{path.name!r}: wanted {wanted.kept} in tags, found {found.tags}"


def test_each_hostile_file_comes_to_what_it_may(tmp_path):
    found = [
        disagreement
        for path, wanted in write_hostile(tmp_path / "hostile")
        if os.path.isfile(path) and os.access(path, os.R_OK)  # no other ever reaches a reader
        for disagreement in disagreements(path, wanted)
    ]
    (tmp_path / "hostile" / "unreadable").chmod(0o755)  # so that it can be removed
    assert not found, "\n".join(found)
