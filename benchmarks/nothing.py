"""soniquescan with a reader that does nothing: what is left is the walk, the queues, the batches and the COPY.

    python -m benchmarks.nothing scan FOLDER …

Files are opened and closed all the same, and each becomes a track with a title only. What the workers do is replaced
before the pipeline looks it up, and they are forked, so they have it as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from soniquescan.__main__ import main
from soniquescan.messages import AudioStream, FileError, FoundFile, Track
from soniquescan.stages import extract as stage
from soniquescan.tags.build import track_tags
from soniquescan.text import path_to_text

_STREAM = AudioStream("mp3", *[None] * (len(AudioStream._fields) - 1))
_TAGS = track_tags({}, has_cover=False)


def extract(items: Iterable[FoundFile | FileError]) -> Iterator[Track | FileError]:
    """Take each file's name for its title, without a look at the file."""
    for item in items:
        if isinstance(item, FoundFile):
            os.close(stage._open_files.take(item.path))  # noqa: SLF001  # opened ahead by the stage itself
            title = path_to_text(os.path.basename(item.path))  # noqa: PTH119  # the path is bytes
            yield Track(item, _STREAM, _TAGS._replace(title=title))
        else:
            yield item


if __name__ == "__main__":
    stage.extract = extract
    main()
