"""Values by Picard name → TrackTags: which rule makes which column, and what it need not make anew for each file.

Every value ends in exactly one place: held by a column, or else left in `tags` under its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from soniquescan.memo import Memo
from soniquescan.messages import TrackTags
from soniquescan.tags import columns, normalise
from soniquescan.tags.mapping import ALIASES
from soniquescan.text import repair_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniquescan.messages import Credit
    from soniquescan.tags.columns import Rule
    from soniquescan.tags.content import Values

Parse = Callable[[str], object]
One = tuple[int, Parse, "Rule[object]", str]

ROLES: Final = (  # besides artist, in the order of the credits; each is also the name of a tag
    "composer",
    "lyricist",
    "writer",
    "conductor",
    "arranger",
    columns.PERFORMER,
    "remixer",
    "producer",
    "engineer",
    "mixer",
    "djmixer",
    "director",
)

_COLUMN: Final = {name: index for index, name in enumerate(TrackTags._fields)}
_as_track_tags: Final = partial(tuple.__new__, TrackTags)
_HAS_COVER: Final = _COLUMN["has_cover"]
_CREDITS: Final = _COLUMN["credits"]
_TAGS: Final = _COLUMN["tags"]
_EMPTY: Final = dict.fromkeys(("isrcs", "moods", "genres", "credits"), ())
_NOTHING: Final[list[Any]] = [_EMPTY.get(name) for name in TrackTags._fields]  # the row of a file without tags

# Columns that hold the values of one tag, or of one of two, and differ from track to track: by name, their rule, and
# how the text is understood that is the only value of the only one of their tags. So it is almost always, and a rule
# takes 0.2 µs more; where nothing comes of the text, the rule decides.
_TEXTS: Final = {
    "title": "title",
    "title_sort": "titlesort",
    "artist_sort": "artistsort",
    "disc_subtitle": "discsubtitle",
    "initial_key": "key",
    "language": "language",
    "script": "script",
    "grouping": "grouping",
    "work": "work",
    "movement": "movement",
    "copyright": "copyright",
    "comment": "comment",
    "lyrics": "lyrics",
    "encoded_by": "encodedby",
    "encoder_settings": "encodersettings",
    "musicbrainz_discid": "musicbrainz_discid",
    "acoustid_id": "acoustid_id",
    "acoustid_fingerprint": "acoustid_fingerprint",
}
_ONES: Final[dict[str, tuple[Rule[object], dict[str, Parse]]]] = {
    **{column: (columns.text, {tag: str}) for column, tag in _TEXTS.items()},
    "artist": (columns.artist, {"artist": str, "artists": str}),
    "bpm": (columns.decimal, {"bpm": normalise.decimal}),
    "isrcs": (columns.isrcs, {"isrc": columns.isrc}),
    "moods": (columns.texts, {"mood": columns.single}),
    "replaygain_track_gain_db": (
        columns.track_gain,
        {"replaygain_track_gain": normalise.decimal, "r128_track_gain": normalise.r128_gain_db},
    ),
    "replaygain_track_peak": (columns.decimal, {"replaygain_track_peak": normalise.decimal}),
    "musicbrainz_recordingid": (columns.uuid, {"musicbrainz_recordingid": normalise.uuid}),
    "musicbrainz_trackid": (columns.uuid, {"musicbrainz_trackid": normalise.uuid}),
    "musicbrainz_workid": (columns.uuid, {"musicbrainz_workid": normalise.uuid}),
    "genres": (columns.genres, {"genre": columns.GENRES.__getitem__}),
}
# Tag → the column of a number and the number's own tag; the total's column comes next.
_NUMBERS: Final = {
    tag: (_COLUMN[column], name)
    for column, name in (("track_number", "tracknumber"), ("movement_number", "movementnumber"))
    for tag in (name, columns.TOTALS[name])
}
_RELEASE: Final = set(columns.RELEASE)
_ALBUM: Final = set(columns.ALBUM)
_ARTIST: Final = set(columns.ARTISTS["artist"])
_KNOWN: Final = {
    *(tag for _, tags in _ONES.values() for tag in tags),
    *_NUMBERS,
    *_ARTIST,
    *ROLES,
}  # besides those of the release


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done for files that have tags of certain names."""

    aliases: tuple[tuple[str, str], ...]  # tag to be filled, tag that fills it
    release: tuple[str, ...]
    release_values: Callable[[Values], object]
    ones: tuple[One, ...]  # column, parse, rule, tag
    numbers: tuple[tuple[int, str], ...]
    credits: tuple[tuple[Rule[tuple[Credit, ...]], str], ...]  # rule, role
    unknown: tuple[str, ...]  # no column is made of these


@dataclass(frozen=True, slots=True)
class _Release:
    """The values of a release's tags and what was made of them."""

    names: tuple[str, ...]
    values: Any  # a tuple, or of a single tag its texts
    row: list[Any]
    left: Values


class _Releases:
    """The memory of one release, as the files of an album come one after another."""

    def __init__(self) -> None:
        self._last = _Release((), (), _NOTHING, {})

    def of(self, values: Values, plan: _Plan) -> _Release:
        """Return what is made of `values`: 0.5 µs where they are as in the file before, else 25."""
        present = plan.release_values(values)
        if present == self._last.values and plan.release == self._last.names:
            return self._last
        row, left = _NOTHING.copy(), dict[str, list[str]]()
        for name, value in columns.release(values, left).items():
            row[_COLUMN[name]] = value
        self._last = _Release(plan.release, present, row, left)
        return self._last


def track_tags(values: Values, *, has_cover: bool) -> TrackTags:
    """Return what clean `values` say about a track and its album.

    Neither `values` nor its lists are changed, and nobody may change the lists later: files may share them.
    """
    plan = _plans[tuple(list(values.keys()))]  # noqa: C414  that is two copies, `tuple(values)` a call for each name
    if plan.aliases:
        values = values | {name: values[key] for name, key in plan.aliases}
    release = _releases.of(values, plan)
    row = release.row.copy()
    row[_HAS_COVER] = has_cover
    left = release.left.copy()
    for name in plan.unknown:
        left[name] = values[name]
    for column, parse, rule, name in plan.ones:
        texts = values[name]
        value = parse(texts[0]) if len(texts) == 1 else None
        row[column] = rule(values, name, left) if value is None else value
    for column, name in plan.numbers:
        row[column], row[column + 1] = columns.number_and_total(values, name, left)
    for rule, role in plan.credits:
        row[_CREDITS] += rule(values, role, left)
    row[_TAGS] = left if len(left) == len(plan.unknown) else {name: left[name] for name in values if name in left}
    return _as_track_tags(row)


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


def _plan(names: tuple[str, ...]) -> _Plan:
    aliases: dict[str, str] = {}
    for key in names:
        alias = ALIASES.get(key.casefold())
        if alias is not None and alias not in names:
            aliases.setdefault(alias, key)
    present = (*names, *aliases)
    release = tuple(name for name in present if name in _RELEASE or (name in _ALBUM and "album" in present))
    return _Plan(
        tuple(aliases.items()),
        release,
        itemgetter(*release) if release else _no_values,
        tuple(_ones(present)),
        tuple(dict.fromkeys(_NUMBERS[name] for name in present if name in _NUMBERS)),
        tuple(_credits(present)),
        tuple(name for name in present if name not in _KNOWN and name not in release),
    )


def _ones(names: tuple[str, ...]) -> Iterator[One]:
    for column, (rule, parses) in _ONES.items():
        tags = [name for name in parses if name in names]
        if tags:
            yield _COLUMN[column], parses[tags[0]] if len(tags) == 1 else _nothing, rule, tags[0]


def _nothing(_text: str) -> None:
    return None


def _credits(names: tuple[str, ...]) -> Iterator[tuple[Callable[[Values, str, Values], tuple[Credit, ...]], str]]:
    if not _ARTIST.isdisjoint(names):
        yield columns.artist_credits, "artist"
    for role in ROLES:
        if role == columns.PERFORMER and any(name.startswith(columns.INSTRUMENT) for name in names):
            yield columns.performer_credits, role
        elif role in names:
            yield columns.role_credits, role


def _no_values(_values: Values) -> tuple[()]:
    return ()


_releases: Final = _Releases()
_plans: Final = Memo(_plan, size=lambda names, _plan: sum(map(len, names)) // 8)
