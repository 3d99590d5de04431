"""Tags under keys that people choose: TXXX frames, MP4's ---- atoms, keys of comments that no table knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from soniquescan.tags.content import Values

_MUSICIP_PREFIX: Final = "MusicMagic Fingerprint"


def add_freeform(
    values: Values, pairs: Iterable[tuple[str, list[str]]], names: dict[str, str], kind: str | None = None
) -> None:
    """Add each key's values under the tag that `names` has for the key, or else under the key as first spelled.

    Where `kind` is given, a key whose tag the format has a place of its own for, and has filled, is kept
    as "kind:key" unless it says the same.
    """
    reserved = frozenset(values) if kind is not None else frozenset()
    spelled: dict[str, str] = {}
    for key, texts in pairs:
        name = names.get(key) or names.get(key.casefold()) or spelled.setdefault(key.casefold(), key)
        if name in reserved:
            if texts == values[name]:
                continue
            name = f"{kind}:{key}"
        if name in READ_AS_ONE:
            for tag, text in map(READ_AS_ONE[name], texts):
                values.setdefault(tag, []).append(text)
        elif name in values:
            values[name] += texts
        else:
            values[name] = texts


def _instrument(text: str) -> tuple[str, str]:
    """Return the tag and the name in "Joe Barr (piano)"; brackets within the instrument's are its own."""
    if not text.endswith(")"):
        return "performer", text
    depth, start = 0, len(text)
    while start > 0:
        start -= 1
        depth += {")": 1, "(": -1}.get(text[start], 0)
        if depth == 0:
            break
    person, instrument = text[:start].rstrip(), text[start + 1 : -1]
    return (f"performer:{instrument}", person) if person and instrument.strip() else ("performer", text)


def _fingerprint(text: str) -> tuple[str, str]:
    """MusicIP's fingerprint hides in a general key: Picard's mapping has it so for Vorbis and MP4."""
    if text.startswith(_MUSICIP_PREFIX):
        return "musicip_fingerprint", text.removeprefix(_MUSICIP_PREFIX).strip()
    return "fingerprint", text


# Tags whose values say in themselves which tag they are.
READ_AS_ONE: Final = {"performer": _instrument, "fingerprint": _fingerprint}
