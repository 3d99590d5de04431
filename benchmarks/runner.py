"""Runs the cases, one after the other in each round, so that whatever the machine does besides disturbs all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.measured import Case, CaseError, Results
from benchmarks.progress import progress


def run_rounds(cases: Sequence[Case], *, rounds: int, files: int, before: Callable[[], object]) -> Results:
    """Run each case once a round, `before` each of them; one that fails is left out from then on."""
    results = Results(files)
    results.skipped = {case.name: case.missing for case in cases if case.missing}
    to_run = [case for case in cases if not case.missing]
    runs = [case for _ in range(rounds) for case in to_run]
    bar = progress(runs, total=len(runs), unit="runs")
    for case in bar:
        bar.set_description(case.name)
        if case.name not in results.skipped:
            _run(case, results, before)
    return results


def _run(case: Case, results: Results, before: Callable[[], object]) -> None:
    try:
        before()
        results.measured += case.run()
    except CaseError as exc:
        results.skipped[case.name] = str(exc)
