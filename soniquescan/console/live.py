"""What rich draws of a scan on a terminal: the stages while it runs, and the summary in two columns."""

from __future__ import annotations

import sys
import textwrap
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from soniquescan.console import streams
from soniquescan.console.scan import stage_lines, totals
from soniquescan.report import ScanProgress
from soniquescan.text import printable

_SPEED_WINDOW_S = 5.0  # rates and waits are those of the last seconds: what a watcher wants to know

# The columns that still fit; the names of `StageLine`'s fields.
_COLUMNS_BY_WIDTH: tuple[tuple[int, tuple[str, ...]], ...] = (
    (100, ("stage", "processes", "done", "rate", "queue_bar", "queue", "state")),
    (64, ("stage", "done", "rate", "queue", "state")),
    (0, ("stage", "done", "rate", "short_state")),
)
_HEADINGS = {
    "stage": "stage",
    "processes": "processes",
    "done": "done",
    "rate": "files/s",
    "queue_bar": "queue behind it",
    "queue": "queue",
    "state": "state",
    "short_state": "state",
}
_RIGHT_ALIGNED = {"processes", "done", "rate", "queue"}


class LiveView:
    """The stages, drawn again with each sample; wiped when the block is left."""

    def __init__(self) -> None:
        self._console = _stderr_console()
        self._samples: deque[ScanProgress] = deque()
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._console.show_cursor(show=True)  # a second Ctrl-C ends us at once, and nobody would bring the cursor back
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, exc, trace)

    def draw(self, progress: ScanProgress) -> None:
        """Draw a sample."""
        while self._samples and progress.elapsed_s - self._samples[0].elapsed_s > _SPEED_WINDOW_S:
            self._samples.popleft()
        earlier = self._samples[0] if self._samples else None
        self._live.update(screen(earlier, progress, self._console.width), refresh=True)
        self._samples.append(progress)

    def say(self, line: str) -> None:
        """Write a line above the stages."""
        self._console.print(Text(printable(line)), soft_wrap=True)


def _stderr_console() -> Console:
    """Return rich's console on stderr; a terminal is what is one, whatever FORCE_COLOR says."""
    return Console(
        file=streams.messages(),  # type: ignore[arg-type]
        force_terminal=sys.stderr is not None and sys.stderr.isatty(),
        highlight=False,
    )


def screen(earlier: ScanProgress | None, now: ScanProgress, width: int) -> Group:
    """Return what the terminal shows, fit for `width` columns."""
    fields = next(fields for least, fields in _COLUMNS_BY_WIDTH if width >= least)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for field in fields:
        justify = "right" if field in _RIGHT_ALIGNED else "left"
        table.add_column(_HEADINGS[field], justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for line in stage_lines(earlier, now):
        table.add_row(*(Text(getattr(line, field)) for field in fields), style="bold" if line.limits else "")
    return Group(table, Text(_fill(totals(now), width)))


def _fill(parts: list[str], width: int) -> str:
    """Join `parts` in lines of at most `width` columns, breaking only between two of them."""
    unbreakable = ", ".join(part.replace(" ", "\xa0") for part in parts)
    return textwrap.fill(unbreakable, max(1, width), break_on_hyphens=False).replace("\xa0", " ")


def print_summary(rows: Sequence[tuple[str, str]]) -> None:
    """Print labels and values in two columns."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, Text(printable(value)))
    _stderr_console().print(grid)
