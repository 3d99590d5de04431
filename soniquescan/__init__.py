"""Scans a music library into PostgreSQL: every tag and stream property, exact, in seconds."""

from __future__ import annotations
