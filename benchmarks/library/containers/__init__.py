"""Minimal audio of every container: each function takes `Audio` and `Blocks` and returns a `Rendered` file.

Headers are valid and say exactly what was asked for; the audio itself is a hole of zeros, so that a file of any
apparent size costs a few kilobytes on disk.
"""

from __future__ import annotations
