from __future__ import annotations

import pytest

from soniquescan.messages import Credit
from soniquescan.tags.build import ROLES, clean, track_tags

ID_1, ID_2 = (f"c{number:07}-0000-4000-8000-000000000000" for number in (1, 2))


def build(**values):
    return track_tags(clean(values), has_cover=False)


def test_no_tags_are_a_track_without_any():
    tags = build()
    assert (tags.title, tags.credits, tags.genres, tags.album, tags.tags) == (None, (), (), None, {})


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("title", "title"),
        ("titlesort", "title_sort"),
        ("discsubtitle", "disc_subtitle"),
        ("key", "initial_key"),
        ("language", "language"),
        ("script", "script"),
        ("grouping", "grouping"),
        ("work", "work"),
        ("movement", "movement"),
        ("copyright", "copyright"),
        ("comment", "comment"),
        ("lyrics", "lyrics"),
        ("encodedby", "encoded_by"),
        ("encodersettings", "encoder_settings"),
        ("musicbrainz_discid", "musicbrainz_discid"),
        ("acoustid_id", "acoustid_id"),
        ("acoustid_fingerprint", "acoustid_fingerprint"),
    ],
)
def test_a_text_is_in_its_column_and_nowhere_else(name, column):
    tags = build(**{name: ["one"]})
    assert (getattr(tags, column), tags.tags) == ("one", {})
    assert getattr(build(**{name: ["one", "two", "one"]}), column) == "one; two"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("albumsort", "sort_title"),
        ("albumartist", "albumartist"),
        ("albumartistsort", "albumartist_sort"),
        ("label", "label"),
        ("catalognumber", "catalog_number"),
        ("barcode", "barcode"),
        ("asin", "asin"),
        ("media", "media"),
        ("releasecountry", "release_country"),
        ("releasestatus", "release_status"),
    ],
)
def test_a_text_of_the_album_is_in_its_column_or_in_tags_without_an_album(name, column):
    tags = build(album=["Album"], **{name: ["one"]})
    assert (getattr(tags.album, column), tags.tags) == ("one", {})
    assert build(**{name: ["one"]}).tags == {name: ["one"]}


def test_an_album_needs_a_title():
    tags = build(musicbrainz_albumid=[ID_1], compilation=["1"])
    assert tags.album is None
    assert tags.tags == {"musicbrainz_albumid": [ID_1], "compilation": ["1"]}


@pytest.mark.parametrize(
    ("flag", "compilation", "left"), [("1", True, {}), ("0", False, {}), ("?", None, {"compilation": ["?"]})]
)
def test_the_compilation_flag(flag, compilation, left):
    tags = build(album=["Album"], compilation=[flag])
    assert (tags.album.compilation, tags.tags) == (compilation, left)


def test_empty_values_are_absent():
    tags = build(title=["", "  \t\n"], artist=["", "A"], genre=[])
    assert (tags.title, tags.artist, tags.tags) == (None, "A", {})


def test_texts_are_repaired_once_and_everywhere():
    tags = track_tags(clean({"title": ["a\x00b"], "my\ud800key": ["\udcff", "pad\x00"]}), has_cover=False)
    assert (tags.title, tags.tags) == ("a\ufffdb", {"my\ufffdkey": ["\ufffd", "pad"]})


def test_hostile_texts_stay_as_they_are():
    hostile = "\\N\t\r\n\\.\\ 'x' \"y\" {z} \u202e\ufeff"
    tags = build(title=[hostile], comment=[hostile])
    assert (tags.title, tags.comment) == (hostile, hostile)


def test_numbers_and_totals_stand_together_or_apart():
    together = build(tracknumber=["5/12"], discnumber=["1/2"], movementnumber=["3/4"])
    apart = build(
        tracknumber=["5"],
        totaltracks=["12"],
        discnumber=["1"],
        totaldiscs=["2"],
        movementnumber=["3"],
        movementtotal=["4"],
    )
    assert together == apart
    assert (apart.track_number, apart.track_total, apart.disc_number, apart.disc_total) == (5, 12, 1, 2)
    assert (apart.movement_number, apart.movement_total, apart.tags) == (3, 4, {})


@pytest.mark.parametrize("text", ["A1", "99999999999", "-1", "5/99999999999"])
def test_a_number_that_does_not_fit_is_kept_in_tags(text):
    tags = build(tracknumber=[text])
    assert tags.tags == {"tracknumber": [text]}
    assert tags.track_number == (5 if text.startswith("5") else None)
    assert tags.track_total is None


def test_a_total_of_its_own_wins_and_the_other_is_kept():
    tags = build(tracknumber=["5/12"], totaltracks=["13"])
    assert (tags.track_number, tags.track_total, tags.tags) == (5, 13, {"tracknumber": ["5/12"]})


def test_totals_that_are_said_twice_are_one():
    assert build(totaltracks=["12", "12"]).track_total == 12
    assert build(totaltracks=["12", "12"]).tags == {}


def test_of_several_numbers_the_first_counts_and_all_are_kept():
    tags = build(tracknumber=["5", "6"])
    assert (tags.track_number, tags.tags) == (5, {"tracknumber": ["5", "6"]})


def test_dates_have_years():
    tags = build(date=["2004-06-30"], originaldate=["1999"], originalyear=["1999"])
    assert (tags.date, tags.year, tags.original_date, tags.original_year) == ("2004-06-30", 2004, "1999", 1999)
    assert tags.tags == {}


def test_an_impossible_date_is_kept_in_tags():
    tags = build(date=["2004-13-45"])
    assert (tags.date, tags.year, tags.tags) == (None, 2004, {"date": ["2004-13-45"]})


def test_an_original_year_alone_is_the_year():
    tags = build(originalyear=["1999"])
    assert (tags.original_date, tags.original_year, tags.tags) == (None, 1999, {})


def test_an_original_year_that_contradicts_the_date_is_kept():
    tags = build(originaldate=["1999-05"], originalyear=["1998"])
    assert (tags.original_year, tags.tags) == (1999, {"originalyear": ["1998"]})


def test_the_first_date_that_is_one_counts_and_all_are_kept():
    tags = build(date=["spring", "2004"])
    assert (tags.date, tags.year, tags.tags) == ("2004", 2004, {"date": ["spring", "2004"]})


@pytest.mark.parametrize(
    ("name", "column", "text", "value"),
    [
        ("bpm", "bpm", "128.5", 128.5),
        ("replaygain_track_gain", "replaygain_track_gain_db", "-7.03 dB", -7.03),
        ("replaygain_track_peak", "replaygain_track_peak", "0.98", 0.98),
        ("replaygain_album_gain", "replaygain_album_gain_db", "+1.5 dB", 1.5),
        ("replaygain_album_peak", "replaygain_album_peak", "1.01", 1.01),
    ],
)
def test_decimals_are_numbers_or_kept_in_tags(name, column, text, value):
    assert (getattr(build(**{name: [text]}), column), build(**{name: [text]}).tags) == (value, {})
    assert (getattr(build(**{name: ["nan"]}), column), build(**{name: ["nan"]}).tags) == (None, {name: ["nan"]})


def test_r128_gains_count_where_there_is_no_replaygain():
    assert build(r128_track_gain=["256"]).replaygain_track_gain_db == 6.0
    both = build(r128_album_gain=["256"], replaygain_album_gain=["-1 dB"])
    assert (both.replaygain_album_gain_db, both.tags) == (-1.0, {"r128_album_gain": ["256"]})


def test_genres_of_all_values_are_distinct_by_their_key():
    assert build(genre=["Rock; pop", "ROCK", "(17)"]).genres == ("Rock", "pop")


def test_isrcs_moods_and_release_types_are_lists():
    tags = build(isrc=["A/B", "B"], mood=["Calm", "Calm", "Bright/Sad"], album=["Album"], releasetype=["album/live"])
    assert (tags.isrcs, tags.moods, tags.album.release_types) == (("A", "B"), ("Calm", "Bright/Sad"), ("album", "live"))


@pytest.mark.parametrize("name", ["musicbrainz_recordingid", "musicbrainz_trackid", "musicbrainz_workid"])
def test_ids_are_canonical_or_kept_in_tags(name):
    assert getattr(build(**{name: [ID_1.upper()]}), name) == ID_1
    broken, several = build(**{name: ["?"]}), build(**{name: ["?", ID_1, ID_2]})
    assert (getattr(broken, name), broken.tags) == (None, {name: ["?"]})
    assert (getattr(several, name), several.tags) == (ID_1, {name: ["?", ID_1, ID_2]})


def test_artists_are_shown_as_tagged_and_credited_one_by_one():
    tags = build(artist=["A feat. B"], artistsort=["a feat. b"], musicbrainz_artistid=[f"{ID_1}/{ID_2}"])
    assert (tags.artist, tags.artist_sort, tags.tags) == ("A feat. B", "a feat. b", {})
    assert tags.credits == (Credit("artist", "A", "a", ID_1), Credit("artist", "B", "b", ID_2))


def test_several_artists_are_shown_joined():
    tags = build(artist=["A", "B"])
    assert tags.artist == "A; B"
    assert [credit.name for credit in tags.credits] == ["A", "B"]


def test_the_list_of_artists_is_who_is_credited():
    tags = build(artist=["A with B"], artists=["A", "B"], musicbrainz_artistid=[ID_1, ID_2])
    assert tags.artist == "A with B"
    assert [(credit.name, credit.musicbrainz_artistid) for credit in tags.credits] == [("A", ID_1), ("B", ID_2)]
    assert tags.tags == {}


def test_ids_that_belong_to_nobody_are_kept():
    tags = build(artist=["A", "B"], musicbrainz_artistid=[ID_1])
    assert [credit.musicbrainz_artistid for credit in tags.credits] == [None, None]
    assert tags.tags == {"musicbrainz_artistid": [ID_1]}


def test_an_id_that_is_broken_is_kept():
    tags = build(artist=["A", "B"], musicbrainz_artistid=["?", ID_1])
    assert [credit.musicbrainz_artistid for credit in tags.credits] == [None, ID_1]
    assert tags.tags == {"musicbrainz_artistid": ["?", ID_1]}


def test_album_artists_are_credited_like_artists():
    tags = build(
        album=["Album"], albumartist=["A / B"], albumartistsort=["a", "b"], musicbrainz_albumartistid=[ID_1, ID_2]
    )
    assert tags.album.albumartist == "A / B"
    assert tags.album.albumartists == (Credit("albumartist", "A", "a", ID_1), Credit("albumartist", "B", "b", ID_2))
    assert tags.tags == {}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_credited(role):
    tags = build(**{role: ["A", "B"]})
    assert tags.credits == (Credit(role, "A", None, None), Credit(role, "B", None, None))
    assert tags.tags == {}


def test_instruments_stay_in_tags():
    tags = build(**{"performer": ["A"], "performer:guitar": ["B", "A"]})
    assert [(credit.role, credit.name) for credit in tags.credits] == [("performer", "A"), ("performer", "B")]
    assert tags.tags == {"performer:guitar": ["B", "A"]}


def test_sort_names_of_composers_are_paired_and_stay_in_tags():
    tags = build(composer=["Bach"], composersort=["Bach, J. S."])
    assert tags.credits == (Credit("composer", "Bach", "Bach, J. S.", None),)
    assert tags.tags == {"composersort": ["Bach, J. S."]}


def test_credits_are_in_the_order_of_roles():
    everybody = build(**{role: ["A"] for role in reversed(("artist", *ROLES))})
    assert [credit.role for credit in everybody.credits] == ["artist", *ROLES]


def test_what_no_column_holds_is_in_tags():
    values = {"subtitle": ["x"], "My Key": ["1", "2"], "comment:Songs-DB": ["y"]}
    assert build(**values).tags == values


def test_other_taggers_keys_fill_what_is_missing_and_stay():
    tags = build(**{"YEAR": ["2004"], "Album Artist": ["A"], "album": ["Album"]})
    assert (tags.year, tags.album.albumartist) == (2004, "A")
    assert tags.tags == {"YEAR": ["2004"], "Album Artist": ["A"]}
    assert build(YEAR=["2004"], date=["2005"]).year == 2005


def test_performers_with_and_without_instruments_keep_the_files_order():
    tags = track_tags({"performer:guitar": ["P1"], "performer": ["P2"], "performer:bass": ["P3"]}, has_cover=False)
    assert [credit.name for credit in tags.credits] == ["P1", "P2", "P3"]
    assert tags.tags == {"performer:guitar": ["P1"], "performer:bass": ["P3"]}


def test_joined_ids_that_do_not_pair_are_kept_one_by_one():
    tags = build(artist=["Ann/Bob"], musicbrainz_artistid=[f"{ID_1}/{ID_2}"])
    assert [credit.musicbrainz_artistid for credit in tags.credits] == [None]
    assert tags.tags == {"musicbrainz_artistid": [ID_1, ID_2]}


def test_an_r128_gain_beyond_16_bits_is_kept_as_text():
    assert build(r128_track_gain=["32767"]).replaygain_track_gain_db == pytest.approx(132.996, abs=0.001)
    tags = build(r128_track_gain=["32768"])
    assert (tags.replaygain_track_gain_db, tags.tags) == (None, {"r128_track_gain": ["32768"]})
