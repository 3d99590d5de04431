"""What a reader answers: what it has found, or that the file is not for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream
    from soniquescan.tags.content import Values


class Found:
    """What a file says; the values are as `build.clean` leaves them."""

    def __init__(self, stream: AudioStream, values: Values, *, has_cover: bool) -> None:
        self.stream = stream
        self.values = values
        self.has_cover = has_cover


class Declined(Exception):  # noqa: N818  nothing has gone wrong
    """The file has something that the reader is not sure of."""
