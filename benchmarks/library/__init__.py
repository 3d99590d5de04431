"""A library of audio files with known contents: every byte is made here, so what a scan must find is known.

audio.py        minimal audio of every container, around tags that are already encoded
tagging.py      Picard names → the container's own tags, by the table in mapping.py
truth.py        Picard names → the row that a scan must give, by the rules and not by reading the file back
identities.py   the artists, albums and genres that all rows together must give
catalogue.py    invented artists, albums and tracks
generate.py     a whole folder of them; hostile.py: the broken and hostile files

No code here reads a tag, and none of it shares code with `soniquescan.tags`: the one checks the other.
"""

from __future__ import annotations
