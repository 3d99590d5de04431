"""The measurements as a picture; matplotlib is an optional extra."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measured import Kind, Summary
from benchmarks.report import Mode, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, LIMITS, OTHERS, TEXT = "#1f6f8b", "#b8c4c9", "#d98c5f", "#333333"
_COLOURS = {Kind.SCAN: OURS, Kind.RESCAN: OURS, Kind.NOTHING: LIMITS, Kind.FLOOR: LIMITS}
_RESCANS = (Kind.RESCAN, Kind.PEER_RESCAN)
_STYLES = ("-", "--", ":")  # of lines in the same colour


def missing() -> str | None:
    """Return why no chart can be drawn here."""
    if importlib.util.find_spec("matplotlib") is None:
        return "--plot needs matplotlib: pip install -e '.[plot]'"
    return None


def draw(report: Report, path: Path) -> None:
    """Draw a report into a file, whose name says which kind it is."""
    import matplotlib as mpl  # noqa: PLC0415  # optional, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # likewise

    plt.rcParams.update({"font.size": 10, "text.color": TEXT, "axes.labelcolor": TEXT, "svg.fonttype": "none"})
    panels = _warm_panels(report) if report.mode is Mode.WARM else _scaling_panels(report)
    if not panels:
        return
    heights = [max(2, rows) for rows, _ in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(9, 1.2 * len(panels) + 0.4 * sum(heights)), height_ratios=heights, squeeze=False
    )
    for (_, fill), one in zip(panels, axes.flat, strict=True):
        fill(one)
        one.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{report.title()} ({report.machine['processor']})", x=0.01, ha="left", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


Panel = tuple[int, Callable[["Axes"], None]]  # how many rows high, and what fills it


def _warm_panels(report: Report) -> list[Panel]:
    summaries = report.results.summaries()
    panels = (
        ("every file is new: files/s (more is better)", lambda one: one.rate, "{:,.0f}", False),
        ("nothing has changed: seconds (less is better)", lambda one: one.elapsed_s, "{:.2f} s", True),
    )
    found: list[Panel] = []
    for title, value, form, rescans in panels:
        shown = sorted((one for one in summaries if (one.kind in _RESCANS) is rescans), key=value, reverse=rescans)
        if shown:
            found.append((len(shown), partial(_bars, title=title, summaries=shown, value=value, form=form)))
    return found


def _bars(
    axes: Axes, *, title: str, summaries: Sequence[Summary], value: Callable[[Summary], float | None], form: str
) -> None:
    values = [value(one) or 0.0 for one in summaries]
    axes.barh(range(len(values)), values, color=[_COLOURS.get(one.kind, OTHERS) for one in summaries], height=0.7)
    axes.set_yticks(range(len(values)), [one.name for one in summaries])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    for row, number in enumerate(values):
        axes.annotate(form.format(number), (number, row), (4, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, 1.12 * max(values))
    axes.set_title(title, loc="left", fontsize=10)
    axes.tick_params(axis="y", length=0)


def _scaling_panels(report: Report) -> list[Panel]:
    """Return the rates by the number of workers and, where it is known, what came from the disk."""
    summaries = report.results.summaries()
    if not summaries:
        return []
    panels: list[Panel] = [(8, partial(_lines, summaries=summaries))]
    of_disk = [one for one in reversed(summaries) if one.disk_bytes is not None]
    if of_disk:
        title = "from the disk: KB a file (less is better)"
        kilobytes = lambda one: one.disk_bytes / one.files / 1000  # noqa: E731
        panels.append((len(of_disk), partial(_bars, title=title, summaries=of_disk, value=kilobytes, form="{:,.1f}")))
    return panels


def _lines(axes: Axes, *, summaries: Sequence[Summary]) -> None:
    """Draw a line for each thing that was measured with several numbers of workers."""
    series: dict[str, list[Summary]] = {}
    for one in summaries:
        series.setdefault(one.name.rpartition(", ")[0], []).append(one)
    limits = iter(_STYLES)
    for name, points in series.items():
        ours = points[0].kind is Kind.SCAN
        style = {"color": OURS, "linewidth": 2.2} if ours else {"color": "#7d8d94", "linestyle": next(limits)}
        rates = [one.own_rate or one.rate for one in points]
        axes.plot([one.workers for one in points], rates, marker="o", markersize=4, label=name, **style)
        axes.annotate(
            f"{rates[-1]:,.0f}", (points[-1].workers, rates[-1]), (6, 0), textcoords="offset points", va="center"
        )
    workers = sorted({one.workers for one in summaries if one.workers})
    axes.set_xscale("log", base=2)
    axes.set_xticks(workers, [str(number) for number in workers])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("workers")
    axes.set_title("files/s by their own clocks (more is better)", loc="left", fontsize=10)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.06, 1.0))
