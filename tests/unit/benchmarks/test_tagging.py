"""The generated tags, seen by mutagen: one test a tag format, with values that are easy to get wrong."""

from __future__ import annotations

import mutagen
import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write

TAGS = {
    "title": ["Ça va 🌊"],
    "artist": ["One", "Two"],
    "tracknumber": ["3"],
    "totaltracks": ["9"],
    "date": ["2001-02-28"],
    "originaldate": ["1999-12-31"],
    "producer": ["Paula"],
    "performer:guitar": ["Gil", "Greta"],
    "musicbrainz_artistid": ["a", "b"],
    "musicbrainz_recordingid": ["r"],
    "compilation": ["1"],
}


def written(format_name, folder, tags=TAGS):
    kind = FORMATS[format_name]
    path = folder / f"file.{kind.extension}"
    write(path, kind.render(tags))
    return path


def test_id3v24_separates_values_and_keeps_whole_dates(tmp_path):
    tags = ID3(written("mp3 id3v2.4", tmp_path))
    assert tags.version == (2, 4, 0)
    assert tags["TIT2"].text == ["Ça va 🌊"]
    assert tags["TPE1"].text == ["One", "Two"]
    assert tags["TRCK"].text == ["3/9"]
    assert [stamp.text for stamp in tags["TDOR"].text] == ["1999-12-31"]
    assert tags["TIPL"].people == [["producer", "Paula"]]
    assert tags["TMCL"].people == [["guitar", "Gil"], ["guitar", "Greta"]]
    assert tags["UFID:http://musicbrainz.org"].data == b"r"


@pytest.mark.parametrize(("format_name", "version"), [("mp3 id3v2.3", (2, 3, 0)), ("mp3 id3v2.2", (2, 2, 0))])
def test_older_id3_joins_ids_and_has_years_only(format_name, version, tmp_path):
    tags = ID3(written(format_name, tmp_path), translate=False)  # mutagen itself renames the frames of v2.2
    assert tags.version == version
    assert tags["TIT2"].text == ["Ça va 🌊"]
    assert tags["TXXX:MusicBrainz Artist Id"].text == ["a/b"]
    assert tags["TORY"].text == ["1999"]
    assert tags["TDAT"].text == ["2802"]
    assert tags["IPLS"].people == [["producer", "Paula"], ["guitar", "Gil"], ["guitar", "Greta"]]


def test_id3v1_is_cut_to_its_128_bytes(tmp_path):
    path = written("mp3 id3v1", tmp_path, {"title": ["T" * 40], "tracknumber": ["7"], "genre": ["Jazz"]})
    block = path.read_bytes()[-128:]
    assert block[:33] == b"TAG" + b"T" * 30
    assert tuple(block[-3:]) == (0, 7, 8)


def test_apev2_has_numbers_with_totals_and_roles_in_parentheses(tmp_path):
    tags = APEv2(written("wavpack", tmp_path))
    assert list(tags["Artist"]) == ["One", "Two"]
    assert list(tags["Track"]) == ["3/9"]
    assert list(tags["Performer"]) == ["Gil (guitar)", "Greta (guitar)"]


def test_vorbis_comments_repeat_keys(tmp_path):
    tags = mutagen.File(written("ogg vorbis", tmp_path)).tags
    assert tags["artist"] == ["One", "Two"]
    assert (tags["tracktotal"], tags["totaltracks"]) == (["9"], ["9"])
    assert tags["musicbrainz_trackid"] == ["r"]


def test_mp4_has_numbers_as_pairs_and_the_rest_free_form(tmp_path):
    tags = mutagen.File(written("m4a aac", tmp_path)).tags
    assert tags["trkn"] == [(3, 9)]
    assert tags["©ART"] == ["One", "Two"]
    assert tags["cpil"] is True
    assert [bytes(value) for value in tags["----:com.apple.iTunes:MusicBrainz Artist Id"]] == [b"a", b"b"]


def test_asf_spreads_values_over_its_objects(tmp_path):
    tags = mutagen.File(written("wma", tmp_path)).tags
    assert [str(value) for value in tags["Author"]] == ["One", "Two"]
    assert [str(value) for value in tags["MusicBrainz/Artist Id"]] == ["a", "b"]


def test_riff_info_has_one_text_a_key(tmp_path):
    content = written("wav info", tmp_path).read_bytes()
    assert b"IART\x09\0\0\0One; Two\0\0" in content


@pytest.mark.parametrize("kind", FORMATS.values(), ids=list(FORMATS))
def test_what_is_held_can_be_held_again(kind):
    assert kind.held(kind.held(TAGS)) == kind.held(TAGS)
