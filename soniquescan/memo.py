"""Memory of what was made of something: the files of an album have most of what they say in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")

MEMO_ENTRIES = 4_096  # a few hundred KB a worker; then it starts again from nothing
MEMO_SIZE = 256  # what is larger does not come again, and would fill the memory


def _key_size(key: Any, _made: Any) -> int:  # noqa: ANN401  any key that has a length
    return len(key)


class Memo(dict[K, V]):
    """`memo[key]` is what `make` made of the key, now or before.

    A dict with `__missing__`, as a hit is then one operation of the interpreter: 0.04 µs, and `lru_cache` takes 0.09.
    """

    def __init__(
        self, make: Callable[[K], V], *, size: Callable[[K, V], int] = _key_size, entries: int = MEMO_ENTRIES
    ) -> None:
        """`size` tells how large a key is, or what was made of it: nothing larger than MEMO_SIZE is remembered."""
        super().__init__()
        self._make = make
        self._size = size
        self._entries = entries

    def __missing__(self, key: K) -> V:
        made = self._make(key)
        if self._size(key, made) <= MEMO_SIZE:
            if len(self) >= self._entries:
                self.clear()
            self[key] = made
        return made
