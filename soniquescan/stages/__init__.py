"""The four stages of a scan, one file each; each is a function from an iterator to an iterator."""

from __future__ import annotations
