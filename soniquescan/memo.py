"""Memory of what was made of something: the files of an album have most of what they say in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")

MEMO_ENTRIES: Final = 4_096  # a few hundred KB a worker; then it starts again from nothing
MEMO_SIZE: Final = 256  # what is larger does not come again, and would fill the memory


def remember(made: dict[K, V], key: K, value: V, size: int, entries: int = MEMO_ENTRIES) -> None:
    """Put what was made of `key` into a memory of so many entries, unless it is larger than MEMO_SIZE."""
    if size <= MEMO_SIZE:
        if len(made) >= entries:
            made.clear()
        made[key] = value


def _key_size(key: Any, _made: Any) -> int:  # noqa: ANN401  any key that has a length
    return len(key)


class Memo(Generic[K, V]):
    """`memo[key]` is what `make` made of the key, now or before; never None."""

    def __init__(
        self, make: Callable[[K], V], *, size: Callable[[K, V], int] = _key_size, entries: int = MEMO_ENTRIES
    ) -> None:
        """`size` tells how large a key is, or what was made of it: nothing larger than MEMO_SIZE is remembered."""
        self._make = make
        self._size = size
        self._entries = entries
        self._made: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, key: K) -> V:
        known = self._made.get(key)
        if known is not None:
            return known
        made = self._make(key)
        remember(self._made, key, made, self._size(key, made), self._entries)
        return made
