"""soniquescan with a reader that does nothing: what is left is the walk, the queues, the batches and the COPY.

    python -m benchmarks.nothing scan FOLDER …

Files are opened and closed all the same, and each becomes a track with a title only. The reader is replaced before
anything else is imported, and the workers are forked, so they have it as well.
"""

from __future__ import annotations

import os

import soniquescan.tags
from soniquescan.__main__ import main
from soniquescan.messages import AudioStream
from soniquescan.tags.build import track_tags
from soniquescan.text import path_to_text

_STREAM = AudioStream("mp3", *[None] * (len(AudioStream._fields) - 1))
_TAGS = track_tags({}, has_cover=False)


def read(fd: int, size_bytes: int, path: bytes) -> soniquescan.tags.FileMetadata:  # noqa: ARG001  # as the real one
    """Take the file's name for its title, without a look at the file."""
    title = path_to_text(os.path.basename(path))  # noqa: PTH119  # the path is bytes
    return soniquescan.tags.FileMetadata(_STREAM, _TAGS._replace(title=title), ())


if __name__ == "__main__":
    soniquescan.tags.read = read
    main()
