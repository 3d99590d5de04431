"""What the user sees: results on stdout (`rows`), everything else on stderr (`scan`), both through `streams`."""

from __future__ import annotations
