"""Tag blocks as bytes, one module a tag format: each turns Picard names and values into what a file holds."""

from __future__ import annotations
