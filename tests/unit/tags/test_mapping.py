from __future__ import annotations

from soniquescan.tags import mapping
from soniquescan.tags.build import ROLES


def test_each_tag_has_one_row():
    names = [row.name for row in mapping.ROWS]
    assert sorted(set(names)) == names


def test_each_key_means_one_tag():
    for column in ("id3", "vorbis", "ape", "mp4", "asf", "info"):
        keys = [key.casefold() for row in mapping.ROWS for key in getattr(row, column).split(", ") if key]
        assert len(set(keys)) == len(keys), column


def test_the_file_key_of_a_track_id_is_the_recording():
    for table in (mapping.VORBIS, mapping.APE, mapping.ID3_TXXX, mapping.MP4_FREEFORM):
        assert table["musicbrainz_trackid"] == "musicbrainz_recordingid"
        assert table["musicbrainz_releasetrackid"] == "musicbrainz_trackid"
    assert mapping.MP4_FREEFORM["MusicBrainz Track Id"] == "musicbrainz_recordingid"
    assert mapping.ASF["MusicBrainz/Track Id"] == "musicbrainz_recordingid"


def test_keys_are_known_in_any_case():
    assert mapping.ID3_TXXX["musicbrainz album id"] == mapping.ID3_TXXX["MusicBrainz Album Id"] == "musicbrainz_albumid"
    assert mapping.APE["mixartist"] == mapping.APE["MixArtist"] == "remixer"


def test_tags_without_a_key_in_a_format_are_known_by_their_own_name():
    assert mapping.MP4_FREEFORM["arranger"] == "arranger"
    assert mapping.ID3_TXXX["originalyear"] == "originalyear"


def test_each_role_is_a_tag():
    assert {row.name for row in mapping.ROWS} >= {*ROLES, *mapping.PEOPLE_ROLES.values(), *mapping.ALIASES.values()}
