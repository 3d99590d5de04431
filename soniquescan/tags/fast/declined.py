"""How a reader says that a file is not for it."""

from __future__ import annotations


class Declined(Exception):  # noqa: N818  nothing has gone wrong
    """The file has something that the reader is not sure of."""
