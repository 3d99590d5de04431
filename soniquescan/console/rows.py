"""Rows of a query as CSV, JSON, aligned text, or tables and records on a terminal.

Every form is streamed: a million rows take no more memory than a thousand. Columns are as wide as the first rows
need; whatever is wider further down is folded (terminal) or pushes its line out (text), never cut.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import chain, count, islice
from typing import Any, NamedTuple, TypeAlias

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soniquescan.console import streams
from soniquescan.text import printable

Row: TypeAlias = Sequence[Any]

_ROWS_THAT_SET_WIDTHS = 500
_COLUMN_GAP = 2  # spaces between two columns
_NULL = "null"  # on a terminal, dimmed; nothing in text and CSV


class RowForm(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    TABLE = "table"  # on a terminal
    TEXT = "text"  # to a pipe or a file, without --csv or --json


class _Column(NamedTuple):
    """One column of a table."""

    name: str
    width: int
    numeric: bool


def write_rows(names: Sequence[str], rows: Iterable[Row], form: RowForm | None = None) -> int:
    """Write `rows` to stdout and return how many they were; without a form, in the one that people read."""
    if form is None:
        form = RowForm.TABLE if streams.results().isatty() else RowForm.TEXT
    counter = count()
    _WRITERS[form](names, (row for row, _ in zip(rows, counter, strict=False)))
    streams.finish()
    return next(counter)  # zip stops at the rows' end before it takes one number more


def select(names: Sequence[str], rows: Iterable[Row], wanted: Sequence[str]) -> Iterator[Row]:
    """Yield the `wanted` columns of each row."""
    positions = [names.index(name) for name in wanted]
    for row in rows:
        yield [row[position] for position in positions]


def write_facts(facts: Sequence[tuple[str, object]], *, as_json: bool) -> None:
    """Write one thing's facts to stdout: names and values below each other, or one JSON object."""
    if not as_json:
        write_rows(("name", "value"), facts)
        return
    streams.data().write(json_text(dict(facts)) + "\n")
    streams.finish()


def cell_text(value: object) -> str:
    """Return a value as text: nothing for null, as PostgreSQL spells it where that is plain, else JSON."""
    match value:
        case None | str():
            return value or ""
        case Decimal():
            return format(value, "f")
        case bytes():
            return rf"\x{value.hex()}"
        case datetime():
            return value.isoformat(sep=" ")
        case bool() | Mapping() | list() | tuple():
            return json_text(value)
        case _:
            return str(value)


def json_text(value: object) -> str:
    """Return a value as JSON: decimals as exact numbers, dates in ISO form, what JSON lacks as PostgreSQL's text."""
    match value:
        case Mapping():
            pairs = (f"{json.dumps(str(key), ensure_ascii=False)}: {json_text(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(json_text, value))}]"
        case Decimal() if value.is_finite():
            return format(value, "f")
        case date() | time():
            return json.dumps(value.isoformat())
        case None | bool() | int() | float() if not isinstance(value, float) or math.isfinite(value):
            return json.dumps(value)
        case _:
            return json.dumps(cell_text(value), ensure_ascii=False)


def _write_csv(names: Sequence[str], rows: Iterable[Row]) -> None:
    writer = csv.writer(streams.data())  # RFC 4180, line ends included
    writer.writerow(names)
    writer.writerows(map(cell_text, row) for row in rows)


def _write_json(names: Sequence[str], rows: Iterable[Row]) -> None:
    stream = streams.data()
    keys = [json.dumps(name, ensure_ascii=False) for name in _distinct(names)]
    separator = "[\n"
    for row in rows:
        members = (f"{key}: {json_text(value)}" for key, value in zip(keys, row, strict=True))
        stream.write(f"{separator}{{{', '.join(members)}}}")
        separator = ",\n"
    stream.write("\n]\n" if separator == ",\n" else "[]\n")


def _distinct(names: Sequence[str]) -> list[str]:
    """Give repeated names numbers: most readers of JSON keep only one of two members of the same name."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct


def _write_text(names: Sequence[str], rows: Iterable[Row]) -> None:
    stream, source = streams.results(), iter(rows)
    first = list(islice(source, _ROWS_THAT_SET_WIDTHS))
    columns = _columns(names, first)
    stream.write(_text_line(columns, [column.name for column in columns]))
    stream.write(_text_line(columns, ["-" * column.width for column in columns]))
    for row in chain(first, source):
        stream.write(_text_line(columns, [printable(cell_text(value)) for value in row]))


def _text_line(columns: Sequence[_Column], cells: Sequence[str]) -> str:
    padded = []
    for column, cell in zip(columns, cells, strict=True):
        padding = " " * (column.width - cell_len(cell))
        padded.append(padding + cell if column.numeric else cell + padding)
    return (" " * _COLUMN_GAP).join(padded).rstrip() + "\n"


def _columns(names: Sequence[str], rows: Sequence[Row], *, null: str = "") -> list[_Column]:
    columns = []
    for position, name in enumerate(map(printable, names)):
        values = [row[position] for row in rows]
        texts = (null if value is None else printable(cell_text(value)) for value in values)
        width = max([cell_len(name), *map(cell_len, texts)])
        known = next((value for value in values if value is not None), None)
        numeric = isinstance(known, int | float | Decimal) and not isinstance(known, bool)
        columns.append(_Column(name, width, numeric))
    return columns


def _write_for_terminal(names: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table if it fits between the edges of the terminal, else one record below the other, as psql can."""
    console = Console(file=streams.results(), force_terminal=True, highlight=False)  # type: ignore[arg-type]
    source = iter(rows)
    first = list(islice(source, _ROWS_THAT_SET_WIDTHS))
    columns = _columns(names, first, null=_NULL)
    width = sum(column.width + _COLUMN_GAP for column in columns)
    if width <= console.width:
        for part in _tables(columns, first, source):
            console.print(part)
        return
    for number, row in enumerate(chain(first, source), start=1):
        console.rule(f"{number}", align="left", style="dim")
        console.print(_record(columns, row, console.width))


def _tables(columns: Sequence[_Column], first: Sequence[Row], rest: Iterator[Row]) -> Iterator[Table]:
    part, header = first, True
    while part or header:
        # One space of padding and one of the box's own make up the gap.
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=header, pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            justify: Any = "right" if column.numeric else "left"
            table.add_column(Text(column.name), width=column.width, justify=justify, overflow="fold")
        for row in part:
            table.add_row(*(_cell(value, printable) for value in row))
        yield table
        part, header = list(islice(rest, _ROWS_THAT_SET_WIDTHS)), False


def _record(columns: Sequence[_Column], row: Row, width: int) -> Table:
    table = Table.grid(padding=(0, _COLUMN_GAP, 0, 0))
    table.add_column(style="bold", no_wrap=True, overflow="ellipsis", max_width=width // 2)
    table.add_column(overflow="fold")
    for column, value in zip(columns, row, strict=True):
        table.add_row(Text(column.name), _cell(value, _printable_lines))
    return table


def _cell(value: object, as_printable: Callable[[str], str]) -> Text:
    return Text(_NULL, style="dim") if value is None else Text(as_printable(cell_text(value)))


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


_WRITERS: Mapping[RowForm, Callable[[Sequence[str], Iterable[Row]], None]] = {
    RowForm.CSV: _write_csv,
    RowForm.JSON: _write_json,
    RowForm.TABLE: _write_for_terminal,
    RowForm.TEXT: _write_text,
}
