"""python -m benchmarks: how fast soniquescan is, beside whatever else reads music libraries here.

    python -m benchmarks --files 100000 --seed 1 --workers 1,2 --rounds 3 --json results.json --plot results.png
    python -m benchmarks --folder ~/Music            (a library of your own)
    python -m benchmarks --cold --workers 2,16       (as root: nothing in the page cache)
    python -m benchmarks --latency 5 --workers 2,32  (each call takes 5 ms)

Everything runs side by side, a case after the other in each round, and medians of the rounds are shown. Nothing is left
behind but the library, which the next run takes again.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

from benchmarks import (
    bench_beets,
    bench_cold,
    bench_floor,
    bench_latency,
    bench_mpd,
    bench_naive,
    bench_scan,
    chart,
    machine,
)
from benchmarks.commands import Databases
from benchmarks.measured import Case, CaseError
from benchmarks.place import Library, PlaceError, Recipe, cool, default_folder, prepare
from benchmarks.report import Mode, Report, show
from benchmarks.runner import run_rounds
from soniquescan.interruption import SIGNALS
from soniquescan.settings import default_workers

FILES = {Mode.WARM: 100_000, Mode.COLD: 10_000, Mode.LATENCY: 1_000}
WORKERS = {Mode.WARM: (1, default_workers()), Mode.COLD: (2, 16), Mode.LATENCY: (2, 8, 32, 64)}
ROUNDS = 3
QUIET_LOAD = 0.5  # processes that want a core, before anything has begun

_SIGNAL_BASE = 128  # the shell's own convention


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and show it."""
    arguments = _arguments(argv)
    for number in SIGNALS:
        signal.signal(number, _leave)
    try:
        _benchmark(arguments)
    except (PlaceError, CaseError) as exc:
        sys.exit(f"benchmarks: {exc}")


def _leave(signal_number: int, _frame: FrameType | None) -> NoReturn:
    """End; on the way out everything that was started is ended, which another signal must not cut short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(_SIGNAL_BASE + signal_number)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--files", type=_positive, help=f"audio files to make (default: {FILES[Mode.WARM]:,}; see --cold)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same library")
    parser.add_argument("--copies", type=_positive, default=1, help="have them all so many times, by hard links")
    parser.add_argument("--folder", type=Path, help="an existing library, or where to make one (default: in ~/.cache)")
    parser.add_argument("--rounds", type=_positive, default=ROUNDS, help="how often to measure (default: %(default)s)")
    parser.add_argument("--workers", type=_numbers, metavar="N,…", help="numbers of workers (default: 1 and all cores)")
    parser.add_argument(
        "--only", type=_names, metavar="CASE,…", default=(), help="scan, floor, nothing, naive, mpd, beets"
    )
    parser.add_argument("--skip", type=_names, metavar="CASE,…", default=(), help="leave these out")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--cold", action="store_true", help=f"drop the page cache; {FILES[Mode.COLD]:,} files; needs root"
    )
    modes.add_argument(
        "--latency",
        type=float,
        metavar="MS",
        help=f"have each call take longer; {FILES[Mode.LATENCY]:,} files; needs FUSE",
    )
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON; - is stdout, in place of the table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a chart, as .png or .svg; needs matplotlib")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({_positive(part) for part in text.split(",")}))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _benchmark(arguments: argparse.Namespace) -> None:
    mode = Mode.COLD if arguments.cold else Mode.LATENCY if arguments.latency else Mode.WARM
    _require(bench_cold.missing() if mode is Mode.COLD else None)
    _require(bench_latency.missing() if mode is Mode.LATENCY else None)
    _require(chart.missing() if arguments.plot else None)
    notes = _notes_on_load()
    recipe = Recipe(arguments.files or FILES[mode], arguments.seed, arguments.copies)
    library = prepare(arguments.folder or default_folder(recipe), recipe)
    workers = arguments.workers or tuple(sorted(set(WORKERS[mode])))
    with TemporaryDirectory(prefix="soniquescan-benchmarks-") as scratch:
        databases = Databases(Path(scratch))
        before = partial(cool, Path(scratch, "programs"), databases) if mode is Mode.COLD else library.warm
        cases = _chosen(_cases(mode, library, workers, databases, arguments.latency), arguments.only, arguments.skip)
        if mode is Mode.LATENCY:
            notes.append(bench_latency.verify(library.folder, arguments.latency))
        results = run_rounds(cases, rounds=arguments.rounds, files=library.files, before=before)
    settings = {"workers": workers, "rounds": arguments.rounds, "latency_ms": arguments.latency}
    notes += _notes_on_memory(mode, library)
    _tell(Report(mode, machine.describe(library.folder), library, settings, results, notes), arguments)


def _require(missing: str | None) -> None:
    if missing:
        raise CaseError(missing)


def _notes_on_load() -> list[str]:
    load = machine.load()
    return [f"the machine was busy when this began (load {load:.1f})"] if load > QUIET_LOAD else []


def _notes_on_memory(mode: Mode, library: Library) -> list[str]:
    needed = library.lacks_memory_for() if mode is Mode.WARM else None
    if needed is None:
        return []
    return [
        f"to keep this library warm takes {needed / 1e9:.1f} GB, more than there is: the cache was warm in part only"
    ]


def _cases(mode: Mode, library: Library, workers: Sequence[int], databases: Databases, delay_ms: float) -> list[Case]:
    folder = library.folder
    match mode:
        case Mode.WARM:
            return [
                *bench_floor.cases(folder, workers[-1]),
                *bench_scan.cases(folder, workers, databases),
                *bench_naive.cases(folder, databases),
                *bench_mpd.cases(folder, sparse=library.sparse),
                *bench_beets.cases(folder),
            ]
        case Mode.COLD:
            return bench_cold.cases(folder, workers, databases)
        case Mode.LATENCY:
            return bench_latency.cases(folder, workers, delay_ms, databases)


def _chosen(cases: Sequence[Case], only: Sequence[str], skip: Sequence[str]) -> list[Case]:
    """Return the cases that are wanted, by the first word of their names."""
    names = dict.fromkeys(_first_word(case) for case in cases)
    unknown = [name for name in (*only, *skip) if name not in names]
    if unknown:
        raise CaseError(f"there is no case {unknown[0]!r}, but {', '.join(names)}")
    return [case for case in cases if _first_word(case) in (only or names) and _first_word(case) not in skip]


def _first_word(case: Case) -> str:
    return case.name.partition(",")[0]


def _tell(report: Report, arguments: argparse.Namespace) -> None:
    show(report, sys.stderr if arguments.json == "-" else sys.stdout)
    if arguments.json == "-":
        print(report.json())
    elif arguments.json:
        Path(arguments.json).write_text(report.json() + "\n", encoding="utf-8")
    if arguments.plot:
        chart.draw(report, arguments.plot)


if __name__ == "__main__":
    main()
