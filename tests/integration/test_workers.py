"""The pool of workers and the supervision of stages, with real processes and real signals."""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import signal
import threading
import time
from itertools import chain

import pytest

from soniquescan import workers
from soniquescan.errors import StageDied, StageError
from soniquescan.processes import Channel, Parent, Watch, single_stage, supervise
from soniquescan.workers import Work, pool_stage

CHUNK_ITEMS = 4


def double(numbers):
    for number in numbers:
        yield number * 2


def double_but_die_at(numbers, *, poison):
    for number in numbers:
        if number in poison:
            os.kill(os.getpid(), signal.SIGKILL)
        yield number * 2


def double_but_hang_at(numbers, *, poison):
    for number in numbers:
        if number in poison:
            time.sleep(1000)
        yield number * 2


def double_but_eat_memory_at(numbers, *, poison):
    for number in numbers:
        try:
            if number in poison:
                bytearray(4 << 30)
            yield number * 2
        except MemoryError:
            yield f"{number} too large"


def long_texts(numbers):
    for number in numbers:
        yield f"{number} " + "x" * 300_000


def lost(number, how):
    return f"{number} {how or 'timed out'}"


def weightless(_result):
    return 0


def pack(results):
    return results


def nothing():
    pass


def run_stages(stages, *, at_once=None, on_news=None, on_tick=nothing):
    """Supervise stages, with a pipe to watch that stays silent."""
    reader, writer = os.pipe()
    parent = Parent(
        before_later_stages=nothing,
        on_news=on_news or (lambda _item: None),
        on_tick=on_tick,
        tick_s=0.1,
        watch=Watch(lambda: reader, nothing),
    )
    try:
        supervise(stages, parent, at_once=at_once or len(stages))
    finally:
        os.close(reader)
        os.close(writer)
    assert multiprocessing.active_children() == []


def run_pool(  # noqa: PLR0913
    do,
    items,
    *,
    workers=2,
    timeout_s=30.0,
    weigh=weightless,
    ahead=weightless,
    memory_limit_bytes=2 << 30,
    collect=iter,
    on_tick=nothing,
):
    """Run `items` through a pool and return what came out; `on_tick` gets the pids of the workers."""
    source = Channel(capacity_chunks=4, chunk_items=CHUNK_ITEMS)
    sink = Channel(capacity_chunks=4, chunk_items=CHUNK_ITEMS, count=len)
    work = Work(
        do=do,
        ahead=ahead,
        lost=lost,
        weigh=weigh,
        pack=pack,
        prepare=nothing,
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
    )
    results = []
    make = single_stage("make", items if callable(items) else functools.partial(iter, items), None, source)
    pool = pool_stage("work", lambda: work, source, sink, workers)
    run_stages(
        [make, pool, single_stage("collect", lambda lists: collect(chain.from_iterable(lists)), sink, None)],
        on_news=results.append,
        on_tick=functools.partial(on_tick, pool.worker_gauges) if on_tick is not nothing else nothing,
    )
    return results


def test_every_item_passes_once():
    assert sorted(run_pool(double, range(1000))) == [number * 2 for number in range(1000)]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_item_that_kills_its_worker_is_reported_and_all_others_pass(workers):
    poison = {0, 5, 6, 99}
    results = run_pool(functools.partial(double_but_die_at, poison=poison), range(100), workers=workers)
    expected = [number * 2 for number in range(100) if number not in poison]
    assert sorted(result for result in results if isinstance(result, int)) == expected
    reported = sorted(result for result in results if isinstance(result, str))
    assert reported == sorted(f"{number} killed by SIGKILL" for number in poison)


def test_an_item_that_takes_too_long_is_reported_and_all_others_pass():
    results = run_pool(functools.partial(double_but_hang_at, poison={7}), range(20), timeout_s=0.5)
    assert [result for result in results if isinstance(result, str)] == ["7 timed out"]
    assert sorted(result for result in results if isinstance(result, int)) == [n * 2 for n in range(20) if n != 7]


def test_a_whole_list_is_looked_at_before_its_first_item_is_done():
    seen = []
    results = run_pool(
        functools.partial(with_what_was_seen, seen=seen), range(2 * CHUNK_ITEMS), ahead=seen.append, workers=1
    )
    first, second = list(range(CHUNK_ITEMS)), list(range(2 * CHUNK_ITEMS))
    assert results == [first] * CHUNK_ITEMS + [second] * CHUNK_ITEMS


def test_a_long_list_is_looked_at_a_part_at_a_time(monkeypatch):
    """So no worker has more files open than that."""
    monkeypatch.setattr(workers, "AHEAD_ITEMS", CHUNK_ITEMS - 1)
    seen = []
    results = run_pool(functools.partial(with_what_was_seen, seen=seen), range(CHUNK_ITEMS), ahead=seen.append)
    assert results == [list(range(CHUNK_ITEMS - 1))] * (CHUNK_ITEMS - 1) + [list(range(CHUNK_ITEMS))]


def with_what_was_seen(numbers, *, seen):
    for _ in numbers:
        yield list(seen)


def test_an_item_that_cannot_even_be_looked_at_is_reported_and_all_others_pass():
    for look, expected, timeout_s in ((die_at_6, "6 killed by SIGKILL", 20), (hang_at_6, "6 timed out", 0.5)):
        results = run_pool(double, range(20), ahead=look, timeout_s=timeout_s)
        assert [result for result in results if isinstance(result, str)] == [expected]
        assert sorted(result for result in results if isinstance(result, int)) == [n * 2 for n in range(20) if n != 6]


def die_at_6(number):
    if number == 6:
        os.kill(os.getpid(), signal.SIGKILL)


def hang_at_6(number):
    if number == 6:
        time.sleep(1000)


def test_an_item_that_needs_too_much_memory_raises_memory_error_in_the_worker():
    results = run_pool(functools.partial(double_but_eat_memory_at, poison={3}), range(8))
    assert "3 too large" in results
    assert len(results) == 8


def test_a_worker_killed_while_it_waits_is_replaced_and_no_item_is_blamed():
    killed = []

    def kill_one(worker_gauges):
        if not killed and worker_gauges[0].pid:
            killed.append(worker_gauges[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    results = run_pool(double, items_with_a_pause, on_tick=kill_one)
    assert len(killed) == 1
    assert sorted(results) == [number * 2 for number in range(200)]


def items_with_a_pause():
    yield from range(100)
    time.sleep(1)  # the workers have nothing to do: time for one to be killed
    yield from range(100, 200)


def test_an_item_is_not_blamed_for_the_time_its_result_waits():
    results = run_pool(long_texts, range(30), timeout_s=0.3, weigh=len, collect=functools.partial(dawdle, seconds=1))
    assert sorted(int(result.split()[0]) for result in results) == list(range(30))


def dawdle(items, *, seconds):
    for number, item in enumerate(items):
        if number == 1:
            time.sleep(seconds)
        yield item


def test_a_slow_consumer_stops_the_producer():
    """Backpressure: with every queue and pipe full, nothing more is made."""
    made = multiprocessing.get_context("fork").Value("q", 0)

    def make_for_ever():
        for number in count_for_ever():
            made.value = number
            yield number

    seen = []

    def stop_when_nothing_moves(_worker_gauges):
        seen.append(made.value)
        if len(seen) > 5 and seen[-5:] == [made.value] * 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pool(double, make_for_ever, collect=functools.partial(dawdle, seconds=50), on_tick=stop_when_nothing_moves)
    chunks = 4 + 4 + 2 * 2 + 10  # both queues, two lists a worker, and what is on its way
    assert 0 < made.value < chunks * CHUNK_ITEMS


def test_an_item_whose_result_cannot_be_sent_is_reported_and_all_others_pass():
    results = run_pool(functools.partial(double_but_give_a_lock_at, poison={3}), range(20), workers=1)
    assert [result for result in results if isinstance(result, str)] == ["3 exit code 1"]
    assert sorted(result for result in results if isinstance(result, int)) == [n * 2 for n in range(20) if n != 3]


def double_but_give_a_lock_at(numbers, *, poison):
    for number in numbers:
        yield threading.Lock() if number in poison else number * 2  # a lock cannot be pickled


def test_results_larger_than_any_pipe_pass():
    results = run_pool(long_texts, range(50), weigh=len)
    assert sorted(int(result.split()[0]) for result in results) == list(range(50))


def test_items_larger_than_any_pipe_pass():
    items = [f"{number} " + "x" * 300_000 for number in range(50)]
    assert sorted(run_pool(double, items)) == sorted(item * 2 for item in items)


def test_workers_that_die_as_they_start_end_the_stage():
    with pytest.raises(StageError, match="workers die as they start"):
        run_pool(double, range(100), memory_limit_bytes=1 << 80)


def fail_at(items, *, poison):
    for item in items:
        if item == poison:
            raise ValueError(f"cannot do {item}")
        yield item


def die_at(items, *, poison):
    for item in items:
        if item == poison:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item


def test_what_has_waited_is_sent_before_a_list_is_done_and_is_not_done_again(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "PART_S", 0.0)
    results = run_pool(functools.partial(noted_but_die_at, poison={2}, folder=tmp_path), range(CHUNK_ITEMS), workers=1)
    assert sorted(results, key=str) == [0, 1, "2 killed by SIGKILL", 3]
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"0": 1, "1": 1, "2": 1, "3": 1}


def noted_but_die_at(numbers, *, poison, folder):
    for number in numbers:
        with (folder / str(number)).open("a") as times:
            times.write("x")
        if number in poison:
            os.kill(os.getpid(), signal.SIGKILL)
        yield number


def count_for_ever():
    number = 0
    while True:
        yield number
        number += 1


def test_lists_grow_with_what_was_sent_before():
    queue = Channel(capacity_chunks=2, chunk_items=40, parts=2)
    sizes = []
    stages = [
        single_stage("count", lambda: range(200), None, queue),
        single_stage("sizes", lambda: map(len, map(pickle.loads, iter(queue.get_pickled, None))), None, None),
    ]
    run_stages(stages, on_news=sizes.append)
    assert sizes == [16, 16, 16, 24, 36, 40, 40, 12]


def run_two_stages(second):
    queue = Channel(capacity_chunks=2, chunk_items=10)
    run_stages([single_stage("count", count_for_ever, None, queue), single_stage("second", second, queue, None)])


def test_a_stage_that_raises_ends_the_others_and_is_the_error_reported():
    with pytest.raises(StageError, match=r"internal error in second: ValueError.*cannot do 500") as caught:
        run_two_stages(functools.partial(fail_at, poison=500))
    assert caught.value.stage == "second"
    assert "fail_at" in caught.value.child_traceback
    assert multiprocessing.active_children() == []


def test_a_stage_that_is_killed_ends_the_others_and_is_the_error_reported():
    with pytest.raises(StageDied, match=r"second process ended unexpectedly \(killed by SIGKILL\)"):
        run_two_stages(functools.partial(die_at, poison=500))
    assert multiprocessing.active_children() == []


class TestStagesThatAreStartedLater:
    """Here the last of three, which is started when the second one has something for it."""

    def run(self, *items):
        first, second = (Channel(capacity_chunks=2, chunk_items=10) for _ in range(2))
        stages = [
            single_stage("first", functools.partial(iter, items), None, first),
            single_stage("second", only_texts, first, second, news=float),
            single_stage("third", iter, second, None),
        ]
        news = []
        run_stages(stages, at_once=2, on_news=news.append)
        return news, stages[2]

    def test_are_started_when_there_is_something_for_them(self):
        news, third = self.run(1, "a", 2, "b")
        assert news == ["a", "b"]
        assert third.gauge.pid != 0

    def test_are_not_started_otherwise_and_count_as_done(self):
        news, third = self.run(1, 2, 3)
        assert news == []
        assert third.gauge.pid == 0
        assert third.done.cpu_s == 0

    def test_are_not_started_by_what_is_for_the_parent(self):
        news, third = self.run(1, 2.5, 3)
        assert news == [2.5]
        assert third.gauge.pid == 0


def only_texts(items):
    return (item for item in items if not isinstance(item, int))


def test_an_item_can_count_for_several():
    queue = Channel(capacity_chunks=2, chunk_items=2, count=len)
    make = single_stage("make", functools.partial(iter, ["abc", "", "de", "f"]), None, queue)
    take = single_stage("take", iter, queue, None)
    run_stages([make, take])
    assert make.gauge.items_out == take.gauge.items_in == 6
