"""Credits: who made a track or an album, in which role."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from soniquescan.messages import Credit
from soniquescan.tags import normalise
from soniquescan.text import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Only these part one person from another: AC/DC, "Simon & Garfunkel", "Earth, Wind & Fire" and
# "Tyler, The Creator" are one each.
_SEPARATOR: Final = re.compile(r" feat\. | feat | ft\. | ft | featuring | / |; ", re.IGNORECASE)
_as_credit: Final[Callable[[Any], Credit]] = partial(tuple.__new__, Credit)  # in a fifth of the time of its own way


def split_names(credit: str) -> tuple[str, ...]:
    """Return the people in a credit as shown, "A feat. B" for example."""
    if " f" not in credit and " F" not in credit and " / " not in credit and "; " not in credit:  # as it mostly is
        name = credit.strip()
        return (name,) if name else ()
    return tuple(name.strip() for name in _SEPARATOR.split(credit) if name.strip())


def people(listed: Sequence[str], shown: Sequence[str], id_count: int = 0) -> tuple[str, ...]:
    """Return the people named by the list tag (ARTISTS), else by several values (ARTIST), else in the one value.

    ID3v2.3 joins a list with "/". Its one value is taken apart only when there are as many ids as names then.
    """
    if len(listed) == 1 and id_count > 1 and listed[0].count("/") == id_count - 1:
        listed = listed[0].split("/")
    names = listed or shown
    return split_names(shown[0]) if len(shown) == 1 and not listed else tuple(name.strip() for name in names)


def credits_of(
    role: str, names: Sequence[str], sort_names: Sequence[str] = (), ids: Sequence[str] = ()
) -> list[Credit]:
    """Return a credit for each name, with its sort name and its id where there are as many as names."""
    if len(names) == 1:  # as it mostly is
        sort_name = sort_names[0] if len(sort_names) == 1 else None
        uuid = normalise.uuid(ids[0]) if len(ids) == 1 else None
        return [_as_credit((role, names[0], sort_name, uuid))] if names[0] else []
    if len(sort_names) == 1 and len(names) > 1:
        sort_names = split_names(sort_names[0])
    sorts = sort_names if len(sort_names) == len(names) else [None] * len(names)
    uuids = [normalise.uuid(text) for text in ids] if len(ids) == len(names) else [None] * len(names)
    return [Credit(role, *person) for person in zip(names, sorts, uuids, strict=True) if person[0]]


def distinct(people_: list[Credit]) -> tuple[Credit, ...]:
    """Return the credits without those that say again what an earlier one says."""
    if len(people_) == 1:
        return (people_[0],)
    unique: dict[tuple[str, str], Credit] = {}
    for credit in people_:
        unique.setdefault((credit.role, credit.musicbrainz_artistid or name_key(credit.name)), credit)
    return tuple(unique.values())


# The people of one role, and the ids that are not paired with their names.
Credited = tuple[tuple[Credit, ...], list[str]]


def credited(
    role: str, listed: Sequence[str], shown: Sequence[str], sort_names: Sequence[str], tagged_ids: Sequence[str]
) -> Credited:
    """Return the people whom the values of a role's tags name."""
    ids = normalise.all_ids(tagged_ids) if tagged_ids else []
    found = credits_of(role, people(listed, shown, len(ids)), sort_names, ids)
    if ids and [credit.musicbrainz_artistid for credit in found] == [text.lower() for text in ids]:
        left_ids = []
    elif len(ids) > 1 and all(map(normalise.uuid, ids)):  # joined, but not one for each name
        left_ids = ids
    else:
        left_ids = list(tagged_ids)
    return distinct(found), left_ids
