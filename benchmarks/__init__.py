"""Measurements of soniquescan, and the library of audio files with known contents that they run on."""

from __future__ import annotations
