"""`python -m soniquescan` is the command `soniquescan`."""

from __future__ import annotations

from soniquescan.cli import main

if __name__ == "__main__":
    main()
