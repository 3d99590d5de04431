from __future__ import annotations

import json
import signal

import pytest

from soniquescan.report import ExitCode, ScanStatus
from tests.unit.reports import make_progress, make_report, make_stage

MEMBERS = [
    "status",
    "exit_code",
    "cause",
    "scan_id",
    "roots",
    "elapsed_s",
    "files_discovered",
    "files_unchanged",
    "tracks_added",
    "tracks_changed",
    "tracks_moved",
    "tracks_missing",
    "tracks_restored",
    "tracks_unknown",
    "guarded",
    "files_processed",
    "files_loaded",
    "files_failed",
    "errors_by_kind",
    "artists",
    "albums",
    "genres",
    "extraction_rate",
    "insertion_rate",
    "error_rate",
    "memory_usage",
    "cpu_utilization",
    "queue_sizes",
    "stages",
]


def test_document_has_its_documented_members_in_every_ending():
    failed = make_report(
        status=ScanStatus.FAILED, cause="the disk is full", stages=(), elapsed_s=0.0, files_discovered=0
    )

    assert list(make_report().document(2)) == MEMBERS
    assert list(failed.document(2)) == MEMBERS
    assert json.loads(json.dumps(failed.document(2)))["cause"] == "the disk is full"


def test_document_gives_rates_per_second_and_shares_from_0_to_1():
    document = make_report().document(cpu_count=2)

    assert (document["extraction_rate"], document["insertion_rate"]) == (99.0, 98.0)
    assert (document["error_rate"], document["cpu_utilization"]) == (0.02, 0.75)
    assert document["memory_usage"] == 200_000_000
    assert document["files_processed"] == 990


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ExitCode.DONE),
        ({"max_error_rate": 0.02}, ExitCode.DONE),
        ({"max_error_rate": 0.019}, ExitCode.TOO_MANY_ERRORS),
        ({"files_failed": 1, "max_error_rate": 0.0}, ExitCode.TOO_MANY_ERRORS),
        ({"files_failed": 0, "max_error_rate": 0.0, "files_discovered": 0}, ExitCode.DONE),
        ({"guarded": ("/music is empty",)}, ExitCode.GUARDED),
        ({"guarded": ("/music is empty",), "max_error_rate": 0.0}, ExitCode.GUARDED),
        ({"status": ScanStatus.FAILED}, ExitCode.FAILED),
        ({"status": ScanStatus.FAILED, "guarded": ("/music is empty",), "max_error_rate": 0.0}, ExitCode.FAILED),
        ({"status": ScanStatus.INTERRUPTED, "signal_number": signal.SIGINT}, 130),
        ({"status": ScanStatus.INTERRUPTED, "signal_number": signal.SIGTERM}, 143),
        ({"status": ScanStatus.INTERRUPTED, "signal_number": signal.SIGHUP}, 129),
    ],
)
def test_exit_code_follows_the_ending(changes, code):
    assert make_report(**changes).exit_code == code


def since_the_start(*stages, elapsed_s=10.0):
    earlier = make_progress(*(make_stage(stage.name, processes=stage.processes) for stage in stages), elapsed_s=0.0)
    return make_progress(*stages, elapsed_s=elapsed_s).limiting_stage(earlier)


def test_the_limiting_stage_is_the_last_one_that_does_not_wait_for_input():
    discover = make_stage("discover")
    extract = make_stage("extract", processes=2, waiting_for_input_s=1.0)
    write = make_stage("write", waiting_for_input_s=8.0, queue_chunks=0, queue_capacity_chunks=0)
    assert since_the_start(discover, extract, write) == "extract"


def test_a_stage_whose_queue_is_full_limits_though_it_was_last_seen_waiting():
    extract = make_stage("extract", waiting_for_output_s=9.0, queue_chunks=8)
    write = make_stage("write", waiting_for_input_s=9.0, queue_chunks=0, queue_capacity_chunks=0)
    assert since_the_start(extract, write) == "write"


def test_discovery_limits_what_it_starves():
    discover = make_stage("discover", queue_chunks=0)
    extract = make_stage("extract", waiting_for_input_s=9.0, queue_chunks=0)
    assert since_the_start(discover, extract) == "discover"


def test_a_stage_that_has_not_been_started_limits_nothing():
    discover = make_stage("discover", queue_chunks=0)
    write = make_stage("write", processes=0, items=0, queue_chunks=0, queue_capacity_chunks=0)
    assert since_the_start(discover, write) == "discover"


def test_no_stage_limits_a_scan_that_has_ended_or_not_begun():
    assert since_the_start(make_stage("write", finished=True)) is None
    assert since_the_start(make_stage("write"), elapsed_s=0.0) is None
    assert since_the_start(make_stage("discover", finished=True), make_stage("write", waiting_for_input_s=9.0)) is None


def test_cpu_share_is_never_more_than_all_cores():
    assert make_report(cpu_s=100.0).cpu_share(2) == 1.0
    assert make_report(elapsed_s=0.0).cpu_share(2) == 0.0
