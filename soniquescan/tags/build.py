"""Values by Picard name → TrackTags: the rules that hold for every container.

Every value ends in exactly one place: taken by a column, or else left in `tags` under its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from soniquescan.messages import AlbumTags, Credit, TrackTags
from soniquescan.tags import normalise
from soniquescan.tags.mapping import ALIASES
from soniquescan.tags.people import credits_of, distinct, people
from soniquescan.text import repair_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from soniquescan.tags.content import Values

T = TypeVar("T")

JOINED_BY = "; "
PERFORMER = "performer"
ROLES = (  # besides artist, in the order of the credits; each is also the name of a tag
    "composer",
    "lyricist",
    "writer",
    "conductor",
    "arranger",
    PERFORMER,
    "remixer",
    "producer",
    "engineer",
    "mixer",
    "djmixer",
    "director",
)


class _Tags:
    """The values of one file that no column has taken yet."""

    def __init__(self, values: Values) -> None:
        self.left = values

    def text(self, name: str) -> str | None:
        """Take all values as one text."""
        values = self.left.pop(name, None)
        if values is None:
            return None
        return values[0] if len(values) == 1 else JOINED_BY.join(dict.fromkeys(values))

    def texts(self, name: str) -> list[str]:
        """Take all values."""
        return self.left.pop(name, [])

    def one(self, name: str, parse: Callable[[str], T | None]) -> T | None:
        """Take the first value that `parse` understands; unless it is the only one, the tag stays as well."""
        values = self.left.get(name)
        if values is None:
            return None
        if len(values) == 1:  # almost always
            found = parse(values[0])
            if found is not None:
                del self.left[name]
            return found
        parsed = [parse(value) for value in values]
        found = next((item for item in parsed if item is not None), None)
        if found is not None and all(item == found for item in parsed):
            del self.left[name]
        return found

    def number_and_total(self, name: str, total_name: str) -> tuple[int | None, int | None]:
        """Take a number and a total, which may stand in the number's value ("5/12")."""
        own_total = self.one(total_name, _whole_number)
        values = self.left.get(name)
        if values is None:
            return None, own_total
        number, total, exact = normalise.number_of_total(values[0])
        agreed = own_total is None or total is None or own_total == total
        if exact and agreed and all(value == values[0] for value in values):
            del self.left[name]
        return number, total if own_total is None else own_total

    def ids(self, name: str) -> list[str]:
        """Return all ids, without taking them."""
        values = self.left.get(name)
        return [piece for value in values for piece in normalise.split_ids(value)] if values is not None else []

    def uuid(self, name: str) -> str | None:
        """Take the first valid id; unless it is the only one, the tag stays as well."""
        values = self.left.get(name)
        if values is None:
            return None
        ids = self.ids(name)
        found = next(filter(None, map(normalise.uuid, ids)), None)
        if found is not None and len(ids) == 1:
            del self.left[name]
        return found


def _whole_number(text: str) -> int | None:
    number, total, exact = normalise.number_of_total(text)
    return number if exact and total is None else None


def track_tags(values: Values, *, has_cover: bool) -> TrackTags:
    """Return what clean `values` say about a track and its album; takes them out of `values`."""
    tags = _Tags(values)
    _fill_aliases(tags.left)
    date, year = _date_and_year(tags, "date")
    original_date, original_year = _original_date_and_year(tags)
    disc_number, disc_total = tags.number_and_total("discnumber", "totaldiscs")
    track_number, track_total = tags.number_and_total("tracknumber", "totaltracks")
    movement_number, movement_total = tags.number_and_total("movementnumber", "movementtotal")
    album = _album(tags, (date, year, original_date, original_year), disc_total)
    artist, artist_sort, credits_ = _track_credits(tags)
    return TrackTags(
        title=tags.text("title"),
        title_sort=tags.text("titlesort"),
        artist=artist,
        artist_sort=artist_sort,
        track_number=track_number,
        track_total=track_total,
        disc_number=disc_number,
        disc_total=disc_total,
        disc_subtitle=tags.text("discsubtitle"),
        date=date,
        year=year,
        original_date=original_date,
        original_year=original_year,
        bpm=tags.one("bpm", normalise.decimal),
        initial_key=tags.text("key"),
        isrcs=tuple(dict.fromkeys(isrc for value in tags.texts("isrc") for isrc in normalise.split_ids(value))),
        moods=tuple(dict.fromkeys(tags.texts("mood"))),
        language=tags.text("language"),
        script=tags.text("script"),
        grouping=tags.text("grouping"),
        work=tags.text("work"),
        movement=tags.text("movement"),
        movement_number=movement_number,
        movement_total=movement_total,
        copyright=tags.text("copyright"),
        comment=tags.text("comment"),
        lyrics=tags.text("lyrics"),
        encoded_by=tags.text("encodedby"),
        encoder_settings=tags.text("encodersettings"),
        replaygain_track_gain_db=_gain(tags, "track"),
        replaygain_track_peak=tags.one("replaygain_track_peak", normalise.decimal),
        replaygain_album_gain_db=_gain(tags, "album"),
        replaygain_album_peak=tags.one("replaygain_album_peak", normalise.decimal),
        musicbrainz_recordingid=tags.uuid("musicbrainz_recordingid"),
        musicbrainz_trackid=tags.uuid("musicbrainz_trackid"),
        musicbrainz_workid=tags.uuid("musicbrainz_workid"),
        musicbrainz_discid=tags.text("musicbrainz_discid"),
        acoustid_id=tags.text("acoustid_id"),
        acoustid_fingerprint=tags.text("acoustid_fingerprint"),
        has_cover=has_cover,
        genres=_genres(tags),
        credits=credits_,
        album=album,
        tags=tags.left,
    )


def clean(values: Values) -> Values:
    """Return `values` without the empty ones and fit for PostgreSQL: the one place where texts are repaired."""
    everything = [text for texts in values.values() for text in texts]
    joined = "".join(everything) + "".join(values)
    if repair_text(joined) is not joined:
        values = _repaired(values)
    elif all(map(str.strip, everything)) and all(values.values()):
        return values
    filled = {name: [text for text in texts if text.strip()] for name, texts in values.items()}
    return {name: texts for name, texts in filled.items() if texts}


def _repaired(values: Values) -> Values:
    repaired: Values = {}
    for name, texts in values.items():
        repaired.setdefault(repair_text(name), []).extend(map(repair_text, texts))
    return repaired


def _fill_aliases(left: Values) -> None:
    for key, name in [(key, name) for key in left if (name := _alias(key)) is not None]:
        left.setdefault(name, list(left[key]))


@normalise.cached
def _alias(key: str) -> str | None:
    return ALIASES.get(key.casefold())


def _date_and_year(tags: _Tags, name: str) -> tuple[str | None, int | None]:
    values = tags.left.get(name, ())
    date = tags.one(name, normalise.date)
    years = (normalise.year(text) for text in ((date,) if date else values))
    return date, next(filter(None, years), None)


def _original_date_and_year(tags: _Tags) -> tuple[str | None, int | None]:
    date, year = _date_and_year(tags, "originaldate")
    if tags.left.get("originalyear") == [str(year)]:
        del tags.left["originalyear"]
    elif year is None:
        year = tags.one("originalyear", normalise.year)
    return date, year


def _gain(tags: _Tags, scope: str) -> float | None:
    gain = tags.one(f"replaygain_{scope}_gain", normalise.decimal)
    return tags.one(f"r128_{scope}_gain", normalise.r128_gain_db) if gain is None else gain


def _genres(tags: _Tags) -> tuple[str, ...]:
    names = [name for value in tags.texts("genre") for name in normalise.genres(value)]
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(normalise.name_key(name), name)
    return tuple(spelled.values())


def _track_credits(tags: _Tags) -> tuple[str | None, str | None, tuple[Credit, ...]]:
    artists = _people(tags, "artist", "artists", "artist", "musicbrainz_artistid")
    others = [credit for role in ROLES if role in tags.left or role == PERFORMER for credit in _role(tags, role)]
    listed = tags.text("artists")
    return tags.text("artist") or listed, tags.text("artistsort"), distinct(artists + others)


def _people(tags: _Tags, role: str, list_name: str, name: str, id_name: str) -> list[Credit]:
    """Return the credits of artists or album artists; takes the ids if they are paired with the names."""
    ids = tags.ids(id_name)
    names = people(tags.left.get(list_name, ()), tags.left.get(name, ()), len(ids))
    found = credits_of(role, names, tags.left.get(f"{name}sort", ()), ids)
    if ids and [credit.musicbrainz_artistid for credit in found] == [text.lower() for text in ids]:
        del tags.left[id_name]
    elif len(ids) > 1 and all(map(normalise.uuid, ids)):  # joined, but not one for each name
        tags.left[id_name] = ids
    return found


def _role(tags: _Tags, role: str) -> list[Credit]:
    """Return the credits of one role. The instruments of performers, and sort names, have no column: they stay."""
    names = _performers(tags) if role == PERFORMER else people((), tags.texts(role))
    return credits_of(role, names, tags.left.get(f"{role}sort", ()))


def _performers(tags: _Tags) -> Sequence[str]:
    """Return the performers, with and without instruments, in the file's order."""
    names: list[str] = []
    for name in [name for name in tags.left if name == PERFORMER or name.startswith(f"{PERFORMER}:")]:
        if name == PERFORMER:
            names += people((), tags.texts(name))
        else:
            names += [person for text in tags.left[name] for person in people((), (text,))]
    return names


def _album(
    tags: _Tags, dates: tuple[str | None, int | None, str | None, int | None], disc_total: int | None
) -> AlbumTags | None:
    """Return what the file says about its album; without a title there is none, and its tags stay."""
    if "album" not in tags.left:
        return None
    albumartists = _people(tags, "albumartist", "albumartists", "albumartist", "musicbrainz_albumartistid")
    tags.left.pop("albumartists", None)
    return AlbumTags(
        title=tags.text("album") or "",
        sort_title=tags.text("albumsort"),
        albumartist=tags.text("albumartist"),
        albumartist_sort=tags.text("albumartistsort"),
        albumartists=distinct(albumartists),
        date=dates[0],
        year=dates[1],
        original_date=dates[2],
        original_year=dates[3],
        compilation=tags.one("compilation", normalise.flag),
        disc_total=disc_total,
        label=tags.text("label"),
        catalog_number=tags.text("catalognumber"),
        barcode=tags.text("barcode"),
        asin=tags.text("asin"),
        media=tags.text("media"),
        release_country=tags.text("releasecountry"),
        release_status=tags.text("releasestatus"),
        release_types=normalise.release_types(tags.texts("releasetype")),
        musicbrainz_albumid=tags.uuid("musicbrainz_albumid"),
        musicbrainz_releasegroupid=tags.uuid("musicbrainz_releasegroupid"),
    )
