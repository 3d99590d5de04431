"""What the measurements have come to, as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import IO, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.measured import Kind, Results, Summary
from benchmarks.place import Library

WIDTH = 150  # where stdout is no terminal

_READS_ALL = (Kind.SCAN, Kind.NOTHING, Kind.FLOOR, Kind.NAIVE, Kind.PEER)
_COMPARED = {Kind.SCAN: (Kind.NAIVE, Kind.PEER, Kind.FLOOR, Kind.NOTHING), Kind.RESCAN: (Kind.PEER_RESCAN,)}.items()
_EXPLANATION = """\
time: from prompt to prompt, median (shortest to longest); own: files/s by the program's own clock; floor: 64 KiB a file
CPU: share of all cores, of a scan while it extracts; memory: PSS of all processes with the server (and of the largest)
read: what the processes that read files asked for, cached or not, with what comes through pipes; sampled"""


class Mode(StrEnum):
    """What the measurements are of."""

    WARM = "warm"  # everything in the page cache
    COLD = "cold"  # nothing of the library
    LATENCY = "latency"  # each call takes milliseconds


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run of the benchmarks tells."""

    mode: Mode
    machine: dict[str, str]
    library: Library
    settings: dict[str, object]
    results: Results
    notes: Sequence[str]

    def title(self) -> str:
        """Say in a line what was measured."""
        where = {
            Mode.WARM: "all in the page cache",
            Mode.COLD: "nothing in the page cache",
            Mode.LATENCY: f"each call takes {self.settings['latency_ms']} ms",
        }
        return f"{self.library.files:,} files, {where[self.mode]}"

    def document(self) -> dict[str, object]:
        """Return it as `--json` writes it; seconds, bytes, files/s, and shares from 0 to 1."""
        return {
            "mode": str(self.mode),
            "machine": self.machine,
            "library": {
                "folder": str(self.library.folder),
                "files": self.library.files,
                "sparse": self.library.sparse,
                "made": self.library.recipe and asdict(self.library.recipe),
            },
            "settings": self.settings,
            "medians": [summary.document() for summary in self.results.summaries()],
            "runs": [asdict(run) for run in self.results.measured],
            "skipped": self.results.skipped,
            "comparisons": [pair._asdict() for pair in compare(self.results.summaries())],
            "notes": [*self.notes, *self.results.notes()],
        }

    def json(self) -> str:
        """Return `document` as text."""
        return json.dumps(self.document(), indent=2)


class Comparison(NamedTuple):
    """How many times as fast a scan is as something else."""

    ours: str
    other: str
    ratio: float  # from prompt to prompt
    own_ratio: float | None  # by their own clocks, where both have one


def compare(summaries: Sequence[Summary]) -> list[Comparison]:
    """Compare the scan with most workers with all that reads every file, and the rescan with others' rescans."""
    found = []
    for ours, others in _COMPARED:
        one = max(_of(summaries, ours), key=lambda summary: summary.workers or 0, default=None)
        if one is None:
            continue
        for other in _of(summaries, *others):
            own_ratio = other.own_s / one.own_s if other.own_s and one.own_s else None
            found.append(Comparison(one.name, other.name, other.elapsed_s / one.elapsed_s, own_ratio))
    return found


def _of(summaries: Sequence[Summary], *kinds: Kind) -> list[Summary]:
    return [summary for summary in summaries if summary.kind in kinds]


# --- for people ---------------------------------------------------------------------------------------------------


def show(report: Report, file: IO[str]) -> None:
    """Print a report."""
    console = Console(file=file, width=None if file.isatty() else WIDTH, highlight=False)
    library = report.library
    made = f"made with seed {library.recipe.seed}" if library.recipe else str(library.folder)
    made += ", sparse" if library.sparse else ""
    console.print(f"\n[bold]{report.title()}[/] ({made})")
    console.print(", ".join(f"{name} {value}" for name, value in report.machine.items()), style="dim")
    summaries = report.results.summaries()
    if summaries:
        console.print(_table(summaries, _columns(report.mode, summaries)))
    if report.mode is Mode.WARM:
        console.print(_EXPLANATION, style="dim")
    for pair in compare(summaries) if report.mode is Mode.WARM else ():
        console.print(_sentence(pair))
    for name, why in report.results.skipped.items():
        console.print(f"skipped: {name}: {why}")
    for note in [*report.notes, *report.results.notes()]:
        console.print(f"note: {note}")


def _sentence(pair: Comparison) -> str:
    own = f" ({pair.own_ratio:.2f} by their own clocks)" if pair.own_ratio else ""
    return f"{pair.ratio:6.2f} times as fast{own}: {pair.ours} / {pair.other}"


Column = tuple[str, Callable[[Summary], str]]


def _table(summaries: Sequence[Summary], columns: Sequence[Column]) -> Table:
    table = Table()
    table.add_column("", no_wrap=True)
    rows = [[value(summary) for _, value in columns] for summary in summaries]
    shown = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    for number in shown:
        table.add_column(columns[number][0], justify="right")
    for summary, row in zip(summaries, rows, strict=True):
        style = "bold" if summary.kind in (Kind.SCAN, Kind.RESCAN) else None
        table.add_row(summary.name, *(row[number] for number in shown), style=style)
    return table


def _columns(mode: Mode, summaries: Sequence[Summary]) -> list[Column]:
    times: list[Column] = [
        ("time", _time),
        ("files/s", lambda one: f"{one.rate:,.0f}"),
        ("own", lambda one: _number(one.own_rate, ",.0f")),
    ]
    if mode is not Mode.WARM:
        return [
            *times,
            ("own time\n/ one read", lambda one: _times_one_read(one, summaries)),
            ("from disk", lambda one: _per_file(one.disk_bytes, one.files)),
            ("disk reads\n/file", lambda one: _number(one.disk_reads, ",.2f", one.files)),
            ("CPU", lambda one: _number(one.used("cpu_share"), ".0%")),
            ("memory", _memory),
        ]
    return [
        *times,
        ("times\nnaive", lambda one: _against(one, _of(summaries, Kind.NAIVE))),
        ("times\nfloor", lambda one: _against(one, _of(summaries, Kind.FLOOR))),
        ("CPU", lambda one: _number(one.used("cpu_share"), ".0%")),
        ("memory", _memory),
        ("read", lambda one: _per_file(one.used("read_bytes"), one.files)),
        ("reads\n/file", lambda one: _number(one.used("read_calls"), ",.1f", one.files)),
    ]


def _time(one: Summary) -> str:
    shortest_s, longest_s = one.range_s
    spread = f" ({shortest_s:.2f} to {longest_s:.2f})" if len(one.runs) > 1 else ""
    return f"{one.elapsed_s:.2f} s{spread}"


def _against(one: Summary, others: Sequence[Summary]) -> str:
    """Return how fast it is, the first of `others` being 1; of what does not read all files nothing."""
    if not others or one.kind not in _READS_ALL:
        return ""
    return f"{one.rate / others[0].rate:.2f}"


def _times_one_read(one: Summary, summaries: Sequence[Summary]) -> str:
    """Return how many times as long it takes as the first case with as many processes, which reads each file once."""
    like = next((other for other in _of(summaries, Kind.FLOOR) if other.workers == one.workers), None)
    return f"{one.own_s / like.own_s:.2f}" if like and like.own_s and one.own_s else ""


def _number(value: float | None, form: str, files: int = 1) -> str:
    return "" if value is None else format(value / files, form)


def _per_file(value: float | None, files: int) -> str:
    return "" if value is None else f"{value / files / 1000:,.1f} KB/file"


def _memory(one: Summary) -> str:
    together, largest = one.used("peak_bytes"), one.largest_process
    if together is None or largest is None:
        return ""
    return f"{together / 1e6:,.0f} MB ({largest[0]} {largest[1] / 1e6:,.0f})"
