"""The progress bar of what takes long here, shown on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

tqdm.monitor_interval = 0  # no thread beside ours: processes cannot be forked safely where there is one

_T = TypeVar("_T")


def progress(iterable: Iterable[_T], *, total: int, unit: str) -> tqdm[_T]:
    """Return a bar that counts what is iterated over."""
    return tqdm(iterable, total=total, unit=f" {unit}", disable=None)
