from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from rich.cells import cell_len
from rich.console import Console

from soniquescan.console import changes, live, rows, scan, streams
from soniquescan.console.rows import RowForm, cell_text, json_text, write_rows
from soniquescan.database.queries import SCAN_COLUMNS
from soniquescan.errors import OutputClosed, OutputError
from soniquescan.report import ScanStatus
from soniquescan.text import printable
from tests.unit.reports import make_progress, make_report, make_stage


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A function that puts a terminal of some width where stdout or stderr was."""

    def put(name, width):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        stream = Terminal()
        monkeypatch.setattr(sys, name, stream)
        return stream

    return put


def five_stages(**extract):
    return (
        make_stage("discover", items=1000, finished=True, queue_chunks=8),
        make_stage("compare", items=1000, finished=True, queue_chunks=8),
        make_stage("extract", processes=16, **extract),
        make_stage("batch", waiting_for_input_s=8.0, queue_chunks=0),
        make_stage("write", waiting_for_input_s=9.0, queue_chunks=0, queue_capacity_chunks=0),
    )


def shown(stream):
    """The lines on a terminal, without their styles."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()]


def drawn(progress, width, earlier=None):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(live.screen(earlier, progress, width))
    return console.file.getvalue().splitlines()


# --- the screen


def test_screen_shows_each_stage_with_count_speed_queue_and_state():
    lines = drawn(make_progress(*five_stages()), 120)

    assert [line.split()[0] for line in lines[:6]] == ["stage", "discover", "compare", "extract", "batch", "write"]
    assert lines[1].split() == ["discover", "1", "1,000", "██████████", "8/8", "done"]
    assert lines[3].split()[:6] == ["extract", "16", "500", "50", "█████░░░░░", "4/8"]
    assert "busy 100 %, limits the scan" in lines[3]
    assert "waits for input" in lines[5]


def test_screen_shows_errors_memory_and_time_left():
    assert drawn(make_progress(*five_stages()), 120)[-1] == (
        "1,000 files found, 400 of 900 loaded, 100 failed, 100 MB, 0:10 elapsed, 0:08 left"
    )


def test_what_is_found_may_become_more_until_all_is_compared():
    assert drawn(make_progress(*five_stages(), discovery_finished=False), 120)[-1] == (
        "1,000+ files found, 400 of 900+ loaded, 100 failed, 100 MB, 0:10 elapsed"
    )


def test_a_stage_that_was_not_started_is_idle():
    stages = [make_stage("discover"), make_stage("extract", processes=0, items=0, queue_chunks=0)]

    extract = scan.stage_lines(None, make_progress(*stages))[1]

    assert (extract.state, extract.short_state, extract.rate) == ("nothing to do yet", "idle", "")


def test_a_stage_may_be_started_between_two_samples():
    stopped = make_stage("extract", processes=0, items=0)
    started = make_stage("extract", processes=2, items=50, waiting_for_input_s=9.0)

    extract = scan.stage_lines(make_progress(stopped, elapsed_s=5.0), make_progress(started, elapsed_s=10.0))[0]

    assert (extract.state, extract.rate) == ("waits for input", "10")


@pytest.mark.parametrize("width", [120, 99, 80, 63, 40, 20, 1])
def test_screen_never_exceeds_the_width_of_the_terminal(width):
    progress = make_progress(*five_stages(items=123_456_789), files_discovered=10**12)

    assert all(cell_len(line) <= width for line in drawn(progress, width))


def test_40_columns_still_show_every_stage_its_count_speed_and_state():
    lines = drawn(make_progress(*five_stages()), 40)

    assert lines[3].split() == ["extract", "500", "50", "busy", "◀"]
    assert lines[4].split() == ["batch", "500", "50", "waits"]


def test_speed_and_state_are_those_between_two_samples():
    earlier = make_progress(*five_stages(items=100), elapsed_s=10.0)
    now = make_progress(*five_stages(items=200, waiting_for_output_s=40.0), elapsed_s=14.0)

    extract = scan.stage_lines(earlier, now)[2]

    assert extract.rate == "25"
    assert extract.state.startswith("waits: queue full")


def test_a_finished_stage_has_no_speed():
    assert scan.stage_lines(None, make_progress(*five_stages()))[0].rate == ""


def test_the_first_sample_may_come_at_0_seconds():
    assert scan.stage_lines(None, make_progress(*five_stages(), elapsed_s=0.0))[2].state == "starting"


def test_time_left_is_unknown_until_discovery_has_ended_and_something_is_done():
    progress = make_progress(*five_stages())

    assert scan.time_left_s(progress) == 8.0
    assert scan.time_left_s(replace(progress, discovery_finished=False)) is None
    assert scan.time_left_s(replace(progress, files_loaded=0, files_failed=0)) is None


def test_time_left_is_never_negative():
    assert scan.time_left_s(make_progress(*five_stages(), files_loaded=1000)) == 0.0


def test_live_view_draws_on_a_terminal_and_wipes_at_the_end(terminal):
    stderr = terminal("stderr", 80)

    with scan.progress_view(quiet=False) as view:
        view.observe(make_progress(*five_stages()))
        assert "extract" in stderr.getvalue()

    assert stderr.getvalue().endswith("\x1b[2K")  # the last line erased


def test_live_view_leaves_the_cursor_on(terminal):
    stderr = terminal("stderr", 80)

    with scan.progress_view(quiet=False) as view:
        view.observe(make_progress(*five_stages()))
        hidden, shown = (stderr.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))

    assert hidden < shown


def test_dumb_terminal_gets_plain_lines(terminal, monkeypatch):
    stderr = terminal("stderr", 80)
    monkeypatch.setenv("TERM", "dumb")

    with scan.progress_view(quiet=False) as view:
        view.observe(make_progress(*five_stages()))

    assert "1,000 files found, 400 of 900 loaded" in stderr.getvalue()
    assert "\x1b" not in stderr.getvalue()


def test_plain_lines_come_every_5_seconds(capsys):
    with scan.progress_view(quiet=False) as view:
        for quarter in range(4 * 11):
            view.observe(make_progress(*five_stages(), elapsed_s=quarter / 4))

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "extract limits (" in lines[0]


@pytest.mark.parametrize("is_drawn", [False, True])
def test_news_stands_above_the_stages(is_drawn, terminal):
    stderr = terminal("stderr", 40)

    with scan.progress_view(quiet=False) as view:
        if is_drawn:
            view.observe(make_progress(*five_stages()))
        view.tell("the database connection was lost [bold]\x1b[2J")
        view.observe(make_progress(*five_stages()))
        lines = shown(stderr)

    news = next(number for number, line in enumerate(lines) if "connection was lost" in line)
    assert lines[news].endswith("soniquescan: the database connection was lost [bold]\\x1b[2J")
    assert any(line.startswith("write") for line in lines[news + 1 :])


def test_news_is_a_line_between_the_plain_ones(capsys):
    with scan.progress_view(quiet=False) as view:
        view.tell("the database connection was lost")

    assert capsys.readouterr().err == "soniquescan: the database connection was lost\n"


def test_quiet_view_shows_nothing(capsys):
    with scan.progress_view(quiet=True) as view:
        view.tell("the database is away")
        view.observe(make_progress(*five_stages(), elapsed_s=100.0))

    assert capsys.readouterr() == ("", "")


# --- the summary


def test_summary_tells_every_figure_and_how_to_list_the_errors(capsys):
    scan.show_summary(make_report(), cpu_count=2)

    assert capsys.readouterr().err.splitlines() == [
        "scan     completed in 10.0 s, 100 files/s",
        "found    1,000 files",
        "loaded   980 tracks",
        "failed   20 files (15 corrupt, 5 empty); list: soniquescan errors",
        "changes  980 added",
        "library  30 artists, 20 albums, 1 genre",
        "CPU      75 % of 2 cores",
        "memory   200 MB at most",
    ]


def summary_of(**changes):
    return dict(scan.summary(make_report(**changes), cpu_count=2))


def test_summary_of_a_rescan_tells_what_has_changed_and_how_to_list_it():
    told = summary_of(
        files_unchanged=983,
        files_loaded=13,
        tracks_added=10,
        tracks_changed=3,
        tracks_moved=2,
        tracks_missing=1,
        tracks_restored=4,
    )

    assert told["found"] == "1,000 files, 983 unchanged"
    assert told["loaded"] == "13 tracks"
    assert told["changes"] == "10 added, 3 changed, 2 moved, 1 missing, 4 restored; list: soniquescan changes"
    assert "unknown" not in told


def test_summary_of_a_rescan_without_changes():
    assert summary_of(files_unchanged=1000, files_loaded=0, tracks_added=0)["changes"] == "none"


def test_summary_tells_of_tracks_that_cannot_be_looked_for():
    told = summary_of(tracks_unknown=12)["unknown"]

    assert told == "12 tracks in places that could not be read: left as they were"


def test_summary_of_a_scan_that_was_interrupted_tells_no_rate():
    """It has not read all that it found."""
    assert summary_of(status=ScanStatus.INTERRUPTED)["scan"] == "interrupted in 10.0 s"


def test_summary_of_a_scan_that_failed_at_once(capsys):
    report = make_report(status=ScanStatus.FAILED, elapsed_s=0.0, stages=(), errors_by_kind={}, files_failed=0)

    scan.show_summary(report, cpu_count=2)

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "scan     failed in 0.0 s"
    assert lines[3] == "failed   0 files"


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"max_error_rate": 0.01}, ["20 of 1,000 files failed, which is more than 1 %; list: soniquescan errors"]),
        ({"max_error_rate": 0.001}, ["20 of 1,000 files failed, which is more than 0.1 %; list: soniquescan errors"]),
        ({"guarded": ("/a is empty", "/b is away")}, ["/a is empty", "/b is away"]),
        ({"guarded": ("/a cannot be read",), "max_error_rate": 0.0}, ["/a cannot be read"]),
        ({"status": ScanStatus.INTERRUPTED, "signal_number": 2, "max_error_rate": 0.01}, []),
    ],
)
def test_a_scan_that_is_not_simply_done_says_why(changes, lines, capsys):
    scan.say_warnings(make_report(**changes))

    assert capsys.readouterr() == ("", "".join(f"soniquescan: {line}\n" for line in lines))


def test_summary_fits_a_narrow_terminal(terminal):
    stderr = terminal("stderr", 40)

    scan.show_summary(make_report(), cpu_count=2)

    assert max(map(cell_len, shown(stderr))) <= 40


def test_json_report_is_all_that_stdout_gets(capsys):
    scan.write_document(make_report(roots=("/music/Björk",)), cpu_count=2)

    out, err = capsys.readouterr()
    assert json.loads(out)["roots"] == ["/music/Björk"]
    assert err == ""


# --- changes and history


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        ("added", {}, ""),
        ("missing", {}, ""),
        ("restored", {}, ""),
        ("moved", {"old_path": "/music/a → b.mp3"}, "from /music/a → b.mp3"),
        ("failed", {"kind": "corrupt", "message": "no frames"}, "corrupt: no frames"),
        ("changed", {"title": {"old": "A", "new": "B"}}, "title: A → B"),
        ("changed", {"year": {"old": None, "new": 1999}, "mtime_ns": {"old": 1, "new": 2}}, "year: (none) → 1999"),
        ("changed", {"genres": {"old": ["Rock", "Pop"], "new": []}}, "genres: Rock, Pop → (none)"),
        ("changed", {"compilation": {"old": False, "new": True}}, "compilation: false → true"),
        ("changed", {"tags": {"old": {"mood": ["x"]}, "new": {}}}, 'tags: {"mood": ["x"]} → {}'),
        ("changed", {"lyrics": {"old": "la" * 50, "new": "x" * 60}}, f"lyrics: {'la' * 29}l… → {'x' * 60}"),
        ("changed", {"size_bytes": {"old": 1, "new": 2}}, "only the file's size or times"),
        ("restored", {"bpm": {"old": 90.5, "new": 91.0}, "work": {"old": "", "new": "W"}},
         "bpm: 90.5 → 91.0; work: (none) → W"),
    ],
)  # fmt: skip
def test_detail_of_a_change_in_a_few_words(kind, detail, text):
    assert changes.describe_detail(kind, detail) == text


STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def past_scan(**values):
    row = dict.fromkeys(SCAN_COLUMNS) | {"scan_id": 7, "started_at": STARTED, "status": "completed", "roots": ["/m"]}
    [told] = changes.scan_rows(SCAN_COLUMNS, [tuple((row | values).values())])
    return dict(zip(changes.SCAN_COLUMNS, told, strict=True))


def test_a_scan_of_the_history_tells_its_changes_in_a_few_words():
    told = past_scan(elapsed_s=1.25, files_discovered=1000, tracks_added=2, tracks_missing=1200, files_failed=1)

    assert told["scan"] == 7
    assert told["started"] == f"{STARTED.astimezone():%Y-%m-%d %H:%M}"
    assert (told["took"], told["files"]) == ("1.2 s", 1000)
    assert told["changes"] == "2 added, 1,200 missing, 1 failed"


def test_a_scan_without_counters_has_empty_cells():
    told = past_scan(status="interrupted", roots=["/a", "/b"])

    assert (told["took"], told["files"], told["changes"], told["roots"]) == (None, None, "", "/a, /b")


def test_the_duration_of_a_long_scan_is_told_in_hours_and_minutes():
    assert past_scan(elapsed_s=4 * 3600 + 65.2)["took"] == "4:01:05"
    assert past_scan(elapsed_s=59.96)["took"] == "0:01:00"


# --- rows


def test_values_as_text():
    assert cell_text(None) == ""
    assert cell_text(True) == "true"  # noqa: FBT003
    assert cell_text(Decimal("1E+3")) == "1000"
    assert cell_text(b"\x00\xff") == r"\x00ff"
    assert cell_text(["rock", "jazz"]) == '["rock", "jazz"]'
    assert cell_text({"mood": ["ö"]}) == '{"mood": ["ö"]}'
    assert cell_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02 03:04:05+00:00"
    assert cell_text(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"


def test_values_as_json():
    values = [None, True, 1, 1.5, Decimal("0.12345678901234567890"), float("nan"), Decimal("NaN")]

    assert json_text(values) == '[null, true, 1, 1.5, 0.12345678901234567890, "nan", "NaN"]'
    assert json_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == '"2026-01-02T03:04:05+00:00"'
    assert json_text(date(2026, 1, 2)) == '"2026-01-02"'
    assert json_text(UUID(int=1)) == '"00000000-0000-0000-0000-000000000001"'
    assert json_text({"a": {"b": ["\n\x1b"]}}) == '{"a": {"b": ["\\n\\u001b"]}}'


def test_csv_reads_back_whatever_is_in_it(capsys):
    names, values = ["a,b", "c"], [['say "hi"', "two\nlines"], ["é, ü", ""]]

    assert write_rows(names, values, RowForm.CSV) == 2

    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline=""))) == [names, *values]


def test_json_is_one_array_of_objects(capsys):
    write_rows(["a", "b"], [[1, None], [2, "x"]], RowForm.JSON)

    assert capsys.readouterr().out == '[\n{"a": 1, "b": null},\n{"a": 2, "b": "x"}\n]\n'


def test_json_of_no_rows_is_an_empty_array(capsys):
    assert write_rows(["a"], [], RowForm.JSON) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_json_keeps_columns_of_the_same_name(capsys):
    write_rows(["n", "n"], [[1, 2]], RowForm.JSON)

    assert json.loads(capsys.readouterr().out) == [{"n": 1, "n_2": 2}]


def test_text_is_aligned_by_columns_on_screen_and_numbers_to_the_right(capsys):
    write_rows(["artist", "n"], [["Björk", 5], ["椎名林檎", 12], [None, None]])

    assert capsys.readouterr().out == "artist     n\n--------  --\nBjörk      5\n椎名林檎  12\n\n"


@pytest.mark.parametrize("form", RowForm)
def test_rows_are_written_as_they_come(form, monkeypatch):
    monkeypatch.setattr(rows, "_ROWS_THAT_SET_WIDTHS", 10)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)

    def endless():
        for number in range(25):
            assert number < 11 or stream.getvalue(), "nothing was written before the end"
            yield [number]

    assert write_rows(["n"], endless(), form) == 25


def test_table_on_a_terminal_that_is_wide_enough(terminal):
    stdout = terminal("stdout", 40)

    write_rows(["title", "n"], [["[bold]x[/bold] :smile:", 1], ["\x1b[31mred\n", None]])

    lines = shown(stdout)
    assert lines == [
        "title                      n",
        "────────────────────────────",
        "[bold]x[/bold] :smile:     1",
        r"\x1b[31mred\n           null",
    ]


def test_every_part_of_a_long_table_is_aligned_as_the_first(terminal, monkeypatch):
    monkeypatch.setattr(rows, "_ROWS_THAT_SET_WIDTHS", 2)
    stdout = terminal("stdout", 40)

    write_rows(["a", "b", "c"], [["123", "4", "5"]] * 5)

    assert shown(stdout)[2:] == ["123  4  5"] * 5


def test_rows_wider_than_the_terminal_become_records(terminal):
    stdout = terminal("stdout", 40)

    write_rows(["path", "lyrics"], [["/m/a", "la " * 20 + "\nlast line"], ["/m/b", None]])

    lines = shown(stdout)
    assert lines[0].startswith("1 ──")
    assert lines[1] == "path    /m/a"
    assert "        last line" in lines
    assert lines[-1] == "lyrics  null"
    assert max(map(cell_len, lines)) <= 40


def test_values_wider_than_those_that_set_the_widths_are_folded_not_cut(terminal, monkeypatch):
    monkeypatch.setattr(rows, "_ROWS_THAT_SET_WIDTHS", 1)
    stdout = terminal("stdout", 40)

    write_rows(["a"], [["12"], ["3456"]])

    assert shown(stdout)[-2:] == ["34", "56"]


# --- streams


def test_printable_shows_what_a_terminal_would_obey():
    assert printable("a\x1b[2J\x9b\r\n\t\u202e") == r"a\x1b[2J\x9b\r\n\t\u202e"
    assert printable("caf\uf769") == "caf\uf769"
    assert printable("caf\uf7e9 \udce9") == r"caf\xe9 \xe9"
    assert printable("Sigur Rós - ( ) 椎名") == "Sigur Rós - ( ) 椎名"


def test_say_writes_one_line(capsys):
    streams.say("two\nlines")

    assert capsys.readouterr().err == "two\\nlines\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_text_fails_in_any_encoding(encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    streams.prepare()

    write_rows(["a"], [["…─ 椎名 \udcff"]])

    assert raw.getvalue().startswith(b"a")


def test_signs_of_the_screen_have_plain_stand_ins(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
    streams.prepare()

    streams.say("██░░ … é")

    assert raw.getvalue() == b"##.. ~ \\xe9\n"


def test_data_is_utf_8_whatever_the_locale(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))

    write_rows(["a"], [["椎名"]], RowForm.JSON)

    assert json.loads(raw.getvalue().decode("utf-8")) == [{"a": "椎名"}]


def test_full_disk_behind_stdout_is_an_error_of_one_line(monkeypatch):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputError, match="cannot write to standard output: No space left on device"):
            write_rows(["a"], [["b"]])
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_closed_pipe_is_told_apart(monkeypatch):
    class Closed(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(OutputClosed):
        write_rows(["a"], [["b"]])


def test_closed_stdout_is_an_error_and_closed_stderr_is_not(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    streams.say("nobody hears this")
    with pytest.raises(OutputError, match="closed"):
        write_rows(["a"], [["b"]])
