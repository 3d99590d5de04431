"""From the tags that were written, the row that a scan must give.

Worked out from the rules of the scanner (its README) and not by reading the file back, without any of its code: only
the types of `soniquescan.messages` are shared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.library.genres import ID3V1_GENRES
from soniquescan.messages import AlbumTags, Credit, TrackTags

if TYPE_CHECKING:
    from benchmarks.library.messages import Tags
    from soniquescan.messages import AudioStream

_DATE = re.compile(r"\d{4}(-\d{2}){0,2}")
_SEVERAL_ARTISTS = re.compile(r" (?:feat\.?|ft\.?|featuring|/) |; ", re.IGNORECASE)
_SEVERAL_GENRES = re.compile(r"[;/,]")
_GENRE_REFERENCE = re.compile(r"\((\d+)\)")
_GENRES_BY_NUMBER = {str(number): name for name, number in ID3V1_GENRES.items()}
_R128_REFERENCE_DB = 5  # ReplayGain 2.0 aims at -18 LUFS, R128 at -23
_Q7_8 = 256

_ROLES = (
    "composer", "lyricist", "writer", "conductor", "arranger", "performer", "remixer", "producer", "engineer", "mixer",
    "djmixer", "director",
)  # fmt: skip

# Names whose values a column holds. Every other name is expected in `tags`.
_COLUMNS = {
    *("title", "titlesort", "artist", "artistsort", "artists", "album", "albumsort", "albumartist", "albumartistsort"),
    *("tracknumber", "totaltracks", "discnumber", "totaldiscs", "discsubtitle", "date", "originaldate", "originalyear"),
    *("genre", *_ROLES, "label", "catalognumber", "barcode", "asin", "isrc", "media"),
    *("releasecountry", "releasestatus", "releasetype", "compilation", "bpm", "key", "mood", "language", "script"),
    *("grouping", "work", "movement", "movementnumber", "movementtotal", "copyright", "comment", "lyrics"),
    *("encodedby", "encodersettings", "r128_track_gain", "r128_album_gain"),
    *("replaygain_track_gain", "replaygain_track_peak", "replaygain_album_gain", "replaygain_album_peak"),
    *("musicbrainz_recordingid", "musicbrainz_trackid", "musicbrainz_workid", "musicbrainz_discid"),
    *("musicbrainz_albumid", "musicbrainz_releasegroupid", "musicbrainz_artistid", "musicbrainz_albumartistid"),
    *("acoustid_id", "acoustid_fingerprint"),
}


class Expected(NamedTuple):
    """What reading one file must give."""

    stream: AudioStream
    tags: TrackTags


def expected(held: Tags, stream: AudioStream, *, has_cover: bool) -> Expected:
    """Return what a file with the tags `held` must give; the tags must be well-formed."""
    return Expected(stream, _track(held, has_cover=has_cover))


def _track(held: Tags, *, has_cover: bool) -> TrackTags:
    return TrackTags(
        title=_text(held, "title"),
        title_sort=_text(held, "titlesort"),
        artist=_text(held, "artist"),
        artist_sort=_text(held, "artistsort"),
        track_number=_number(held, "tracknumber"),
        track_total=_number(held, "totaltracks"),
        disc_number=_number(held, "discnumber"),
        disc_total=_number(held, "totaldiscs"),
        disc_subtitle=_text(held, "discsubtitle"),
        date=_date(held, "date"),
        year=_year(held, "date"),
        original_date=_date(held, "originaldate"),
        original_year=_year(held, "originaldate", "originalyear"),
        bpm=_decimal(held, "bpm"),
        initial_key=_text(held, "key"),
        isrcs=tuple(held.get("isrc", ())),
        moods=tuple(held.get("mood", ())),
        language=_text(held, "language"),
        script=_text(held, "script"),
        grouping=_text(held, "grouping"),
        work=_text(held, "work"),
        movement=_text(held, "movement"),
        movement_number=_number(held, "movementnumber"),
        movement_total=_number(held, "movementtotal"),
        copyright=_text(held, "copyright"),
        comment=_text(held, "comment"),
        lyrics=_text(held, "lyrics"),
        encoded_by=_text(held, "encodedby"),
        encoder_settings=_text(held, "encodersettings"),
        replaygain_track_gain_db=_gain(held, "track"),
        replaygain_track_peak=_decimal(held, "replaygain_track_peak"),
        replaygain_album_gain_db=_gain(held, "album"),
        replaygain_album_peak=_decimal(held, "replaygain_album_peak"),
        musicbrainz_recordingid=_text(held, "musicbrainz_recordingid"),
        musicbrainz_trackid=_text(held, "musicbrainz_trackid"),
        musicbrainz_workid=_text(held, "musicbrainz_workid"),
        musicbrainz_discid=_text(held, "musicbrainz_discid"),
        acoustid_id=_text(held, "acoustid_id"),
        acoustid_fingerprint=_text(held, "acoustid_fingerprint"),
        has_cover=has_cover,
        genres=_genres(held),
        credits=(*_artists(held, "artist", _people(held)), *_other_credits(held)),
        album=_album(held),
        tags=_left_over(held),
    )


def _album(held: Tags) -> AlbumTags | None:
    title = _text(held, "album")
    if title is None:
        return None
    return AlbumTags(
        title=title,
        sort_title=_text(held, "albumsort"),
        albumartist=_text(held, "albumartist"),
        albumartist_sort=_text(held, "albumartistsort"),
        albumartists=_artists(held, "albumartist", _split(held.get("albumartist", []))),
        date=_date(held, "date"),
        year=_year(held, "date"),
        original_date=_date(held, "originaldate"),
        original_year=_year(held, "originaldate", "originalyear"),
        compilation=held["compilation"] == ["1"] if "compilation" in held else None,
        disc_total=_number(held, "totaldiscs"),
        label=_text(held, "label"),
        catalog_number=_text(held, "catalognumber"),
        barcode=_text(held, "barcode"),
        asin=_text(held, "asin"),
        media=_text(held, "media"),
        release_country=_text(held, "releasecountry"),
        release_status=_text(held, "releasestatus"),
        release_types=tuple(held.get("releasetype", ())),
        musicbrainz_albumid=_text(held, "musicbrainz_albumid"),
        musicbrainz_releasegroupid=_text(held, "musicbrainz_releasegroupid"),
    )


def _text(held: Tags, name: str) -> str | None:
    return "; ".join(held[name]) if held.get(name) else None


def _number(held: Tags, name: str) -> int | None:
    return int(held[name][0]) if name in held else None


def _decimal(held: Tags, name: str) -> float | None:
    return float(held[name][0]) if name in held else None


def _gain(held: Tags, scope: str) -> float | None:
    if f"replaygain_{scope}_gain" in held:
        return float(held[f"replaygain_{scope}_gain"][0].removesuffix(" dB"))
    if f"r128_{scope}_gain" in held:
        return int(held[f"r128_{scope}_gain"][0]) / _Q7_8 + _R128_REFERENCE_DB
    return None


def _date(held: Tags, name: str) -> str | None:
    values = held.get(name, [])
    return values[0] if values and _DATE.fullmatch(values[0]) else None


def _year(held: Tags, *names: str) -> int | None:
    return next((int(held[name][0][:4]) for name in names if name in held), None)


def _genres(held: Tags) -> tuple[str, ...]:
    names: list[str] = []
    for value in held.get("genre", []):
        spelled = _GENRE_REFERENCE.sub(lambda match: f";{_GENRES_BY_NUMBER[match[1]]};", value)
        names += [part.strip() for part in _SEVERAL_GENRES.split(spelled) if part.strip()]
    return tuple(dict.fromkeys(_GENRES_BY_NUMBER.get(name, name) for name in names))


def _split(values: list[str]) -> list[str]:
    return values if len(values) != 1 else [name.strip() for name in _SEVERAL_ARTISTS.split(values[0])]


def _people(held: Tags) -> list[str]:
    return held.get("artists") or _split(held.get("artist", []))


def _artists(held: Tags, role: str, names: list[str]) -> tuple[Credit, ...]:
    """Return `names` as credits; ids and sort names belong to them only where there are as many.

    Picard writes one sort name for a credit of several people, joined as the credit is.
    """
    ids = _as_many(held.get(f"musicbrainz_{role}id", []), names)
    sorts = _as_many(_split(held.get(f"{role}sort", [])), names)
    return tuple(Credit(role, *each) for each in zip(names, sorts, ids, strict=True))


def _as_many(values: list[str], names: list[str]) -> list[str] | list[None]:
    return values if len(values) == len(names) else [None] * len(names)


def _other_credits(held: Tags) -> tuple[Credit, ...]:
    return tuple(Credit(role, name, sort_name, None) for role in _ROLES for name, sort_name in _people_of(held, role))


def _people_of(held: Tags, role: str) -> list[tuple[str, str | None]]:
    names = _split([name for key, values in held.items() if key.partition(":")[0] == role for name in values])
    return list(zip(names, _as_many(held.get(f"{role}sort", []), names), strict=True))


def _left_over(held: Tags) -> Tags:
    unpaired = {
        f"musicbrainz_{role}id"
        for role, names in (("artist", _people(held)), ("albumartist", _split(held.get("albumartist", []))))
        if len(held.get(f"musicbrainz_{role}id", [])) != len(names)
    }
    return {name: values for name, values in held.items() if name not in _COLUMNS or name in unpaired}
