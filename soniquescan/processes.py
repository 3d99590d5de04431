"""Stage processes, the bounded queues that join them, and their supervision; knows nothing of music.

A stage is a function from an iterator to an iterator. `StageProcess` runs one in a process of its own, between
two `Channel`s (`workers.py` runs one in many processes). `supervise` waits for them all: the first failure stops
the rest and is raised, and however it ends no process is left behind.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, assert_never

import setproctitle

from soniquescan.errors import SoniqueScanError, StageDied, StageError
from soniquescan.interruption import SIGNALS

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

T = TypeVar("T")

FIRST_ITEMS = 16  # of a list, where lists grow: so many are worth a message
STOP_TIMEOUT_S = 0.5  # from asking the stages to end until killing them; Ctrl-C has 2 s for everything
# Objects: twice as many as a worker keeps. At Python's 700, batching 10,000 tracks took 23 µs a track in place of 16;
# at 100,000, reading took 1.7 µs a file more.
_GC_THRESHOLD = 300_000
_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def start_context() -> BaseContext:
    """Return how a process is started here and now.

    Fork takes 3 ms a process, spawn about 150 ms (it imports everything again). Fork is safe only while this
    process has a single thread, and on macOS never; so a worker that is replaced later, when the queues have
    their threads, is spawned.
    """
    single_thread = threading.active_count() == 1
    return multiprocessing.get_context("fork" if sys.platform == "linux" and single_thread else "spawn")


class _Cell(IntEnum):
    """What each number of a `Gauge` counts."""

    CHUNKS_IN = 0
    CHUNKS_OUT = 1
    ITEMS_IN = 2
    ITEMS_OUT = 3
    INPUT_WAIT_NS = 4
    OUTPUT_WAIT_NS = 5
    WAITING_SINCE_NS = 6  # 0 while it does not wait
    WAITING_CELL = 7  # which of the two waits is under way
    PID = 8
    HAS_ENDED = 9


class Gauge:
    """What one process counts, in shared memory: it alone writes, so others read without a lock."""

    def __init__(self) -> None:
        self._cells = RawArray("q", len(_Cell))

    def claim(self) -> None:
        """Make this process the one that the gauge is about."""
        self._cells[_Cell.PID] = os.getpid()

    @property
    def pid(self) -> int:
        """The process that counts here, 0 before it has started."""
        return int(self._cells[_Cell.PID])

    @property
    def chunks_in(self) -> int:
        """Messages taken from the queue before."""
        return int(self._cells[_Cell.CHUNKS_IN])

    @property
    def chunks_out(self) -> int:
        """Messages put into the queue behind."""
        return int(self._cells[_Cell.CHUNKS_OUT])

    @property
    def items_in(self) -> int:
        """Items taken from those messages and, in a pool, done with."""
        return int(self._cells[_Cell.ITEMS_IN])

    @property
    def items_out(self) -> int:
        """Items in the messages put."""
        return int(self._cells[_Cell.ITEMS_OUT])

    @property
    def has_ended(self) -> bool:
        """Whether all is done but for what still waits to be flushed into the queue behind."""
        return bool(self._cells[_Cell.HAS_ENDED])

    @property
    def waited_for_input_s(self) -> float:
        """Seconds spent waiting for the stage before, a wait under way included."""
        return self._waited_s(_Cell.INPUT_WAIT_NS)

    @property
    def waited_for_output_s(self) -> float:
        """Seconds spent waiting for room in the queue behind, a wait under way included."""
        return self._waited_s(_Cell.OUTPUT_WAIT_NS)

    def received(self) -> None:
        """Count one message taken."""
        self._cells[_Cell.CHUNKS_IN] += 1

    def took(self, items: int) -> None:
        """Count items of the messages taken."""
        self._cells[_Cell.ITEMS_IN] += items

    def sent(self, items: int) -> None:
        """Count one message of `items` put."""
        self._cells[_Cell.CHUNKS_OUT] += 1
        self._cells[_Cell.ITEMS_OUT] += items

    def end(self) -> None:
        """Note that nothing more comes."""
        self._cells[_Cell.HAS_ENDED] = 1

    def waiting_for_input(self) -> AbstractContextManager[None]:
        """Count the time inside the `with` as waiting for the stage before."""
        return self._waiting(_Cell.INPUT_WAIT_NS)

    def waiting_for_output(self) -> AbstractContextManager[None]:
        """Count the time inside the `with` as waiting for the stage behind."""
        return self._waiting(_Cell.OUTPUT_WAIT_NS)

    @contextmanager
    def _waiting(self, cell: _Cell) -> Iterator[None]:
        started_ns = time.monotonic_ns()
        self._cells[_Cell.WAITING_CELL] = cell
        self._cells[_Cell.WAITING_SINCE_NS] = started_ns
        try:
            yield
        finally:
            self._cells[_Cell.WAITING_SINCE_NS] = 0
            self._cells[cell] += time.monotonic_ns() - started_ns

    def _waited_s(self, cell: _Cell) -> float:
        waited_ns = int(self._cells[cell])
        since_ns = self._cells[_Cell.WAITING_SINCE_NS]
        if since_ns and self._cells[_Cell.WAITING_CELL] == cell:
            waited_ns += time.monotonic_ns() - since_ns
        return waited_ns / 1e9


def _one(_item: object) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class _Stop:
    """Ends a channel: a type, since identity does not survive pickling."""


class Channel(Generic[T]):
    """One bounded queue from one process to another, carrying lists of items; full, it blocks its producer.

    A list is pickled before it enters the queue, so that what was pickled elsewhere (`put_pickled`) passes through.
    """

    def __init__(
        self, *, capacity_chunks: int, chunk_items: int, parts: int = 0, count: Callable[[T], int] = _one
    ) -> None:
        """Make a channel whose lists have `chunk_items` items, and of which `capacity_chunks` lists wait.

        With `parts` a list has no more than that part of the items before it, or FIRST_ITEMS: a few items are shared
        among many consumers as well. `count` tells how many an item counts for in the gauges, where it stands for
        several.
        """
        self.capacity_chunks = capacity_chunks
        self._chunk_items = chunk_items
        self._parts = parts
        self._count = count
        self._queue: Any = start_context().Queue(capacity_chunks)

    @property
    def readable(self) -> Connection:
        """What `multiprocessing.connection.wait` takes to wait for the next message (one consumer only)."""
        reader: Connection = self._queue._reader  # noqa: SLF001  # as concurrent.futures.process waits on its queue
        return reader

    def get_pickled(self) -> bytes | None:
        """Return the next list as it was pickled, or None when the producer has ended."""
        message: bytes | _Stop = self._queue.get()
        return None if isinstance(message, _Stop) else message

    def receive(self, gauge: Gauge) -> Iterator[T]:
        """Yield items until the producer has ended."""
        while True:
            with gauge.waiting_for_input():
                payload = self.get_pickled()
            if payload is None:
                return
            chunk = pickle.loads(payload)
            gauge.received()
            gauge.took(sum(map(self._count, chunk)))
            yield from chunk

    def put_pickled(self, payload: bytes, items: int, gauge: Gauge) -> None:
        """Send a pickled list of `items` items; blocks while the queue is full."""
        with gauge.waiting_for_output():
            self._queue.put(payload)
        gauge.sent(items)

    def drain(self, items: Iterable[T], gauge: Gauge, on_first: Callable[[], None]) -> None:
        """Send every item, a list at a time, then end the channel; returns when all of it is flushed.

        `on_first` is called before the first list is sent, so not at all if there is none.
        """
        source = iter(items)
        sent = 0
        while chunk := list(islice(source, self._items_after(sent))):
            sent += len(chunk)
            if not gauge.chunks_out:
                on_first()
            self.put_pickled(pickle.dumps(chunk, pickle.HIGHEST_PROTOCOL), sum(map(self._count, chunk)), gauge)
        self.end(gauge)

    def _items_after(self, sent: int) -> int:
        """Return how many items the list has that follows so many."""
        if not self._parts:
            return self._chunk_items
        return min(self._chunk_items, max(FIRST_ITEMS, sent // self._parts))

    def end(self, gauge: Gauge) -> None:
        """Tell the consumer that nothing more comes; returns when all that was sent is flushed."""
        gauge.end()
        with gauge.waiting_for_output():
            self._queue.put(_Stop())
            self._queue.close()
            self._queue.join_thread()


@dataclass(frozen=True, slots=True)
class StageNews:
    """An item of a stage that is for the parent, not for the channel behind it."""

    item: Any


@dataclass(frozen=True, slots=True)
class StageFlows:
    """A stage has something for the stage behind it."""


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage has ended well."""

    cpu_s: float  # user and system, of the process and of the workers it had
    peak_memory_bytes: int  # the largest resident set of one of them


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage has raised."""

    message: str
    child_traceback: str


class StageBody(Protocol):
    """What runs in a stage's process."""

    def __call__(self, report: Callable[[StageNews | StageFlows], None], /) -> None:
        """Do all of the stage's work; `report` tells the parent how it goes."""


@dataclass(frozen=True, slots=True)
class SingleBody(Generic[T]):
    """The body of a stage that one process does: from a channel (or nothing) into a channel (or the parent)."""

    work: Callable[..., Iterable[Any]]
    source: Channel[T] | None
    sink: Channel[Any] | None
    gauge: Gauge
    news: type | None = None

    def __call__(self, report: Callable[[StageNews | StageFlows], None], /) -> None:
        """Pass every item of the source through the work into the sink; report what is news, or all without one."""
        items = self.work() if self.source is None else self.work(self.source.receive(self.gauge))
        if self.sink is not None:
            self.sink.drain(self._without_news(items, report), self.gauge, lambda: report(StageFlows()))
            return
        for item in items:
            report(StageNews(item))

    def _without_news(self, items: Iterable[Any], report: Callable[[StageNews | StageFlows], None]) -> Iterable[Any]:
        if self.news is None:
            return items
        return self._split(items, self.news, report)

    @staticmethod
    def _split(items: Iterable[Any], news: type, report: Callable[[StageNews | StageFlows], None]) -> Iterator[Any]:
        for item in items:
            if isinstance(item, news):
                report(StageNews(item))
            else:
                yield item


class StageProcess:
    """One stage in a process of its own, which reports over a pipe of its own."""

    def __init__(
        self,
        name: str,
        body: StageBody,
        gauge: Gauge,
        sink: Channel[Any] | None,
        worker_gauges: Sequence[Gauge] = (),
    ) -> None:
        """`gauge` counts what passes the stage's process, `worker_gauges` what its workers do, if it has any."""
        self.name = name
        self.sink = sink
        self.gauge = gauge
        self.worker_gauges = worker_gauges
        self.done: StageDone | None = None
        self._body = body
        self._process: Any = None
        self._outcome: Connection | None = None

    @property
    def outcome(self) -> Connection:
        """The pipe over which the started process reports."""
        assert self._outcome is not None  # noqa: S101  # `start` comes first
        return self._outcome

    def start(self) -> None:
        """Start the process; from then on it alone holds the writing end of its pipe, so its death ends the pipe.

        The pipe is made only now: a process forked between would hold that end too.
        """
        self._outcome, child_end = multiprocessing.Pipe(duplex=False)
        # BaseContext has no Process in typeshed; each context that get_context returns has.
        self._process = start_context().Process(  # type: ignore[attr-defined]
            target=_run_stage, args=(self.name, self._body, self.gauge, child_end, os.getpid()), name=self.name
        )
        start_process(self._process)
        child_end.close()

    def skip(self) -> None:
        """Count as done without having been started: there is nothing to do."""
        self.done = StageDone(cpu_s=0.0, peak_memory_bytes=0)

    def receive(self) -> StageNews | StageFlows | StageDone:
        """Return what the stage reports next; raises StageError if it failed and StageDied if it was killed."""
        try:
            message: StageNews | StageFlows | StageDone | StageFailed = self.outcome.recv()
        except EOFError:
            self._process.join()
            raise StageDied(
                f"the {self.name} process ended unexpectedly ({describe_exit(self._process.exitcode)})",
                stage=self.name,
            ) from None
        match message:
            case StageFailed():
                raise StageError(message.message, stage=self.name, child_traceback=message.child_traceback)
            case StageDone():
                self.done = message
                return message
            case StageNews() | StageFlows():
                return message
        assert_never(message)

    @property
    def _has_started(self) -> bool:
        return self._process is not None and self._process.pid is not None

    def terminate(self) -> None:
        """Ask the process to end; harmless once it has, or before it began."""
        if self._has_started:
            self._process.terminate()

    def join(self, timeout_s: float) -> None:
        """Wait for the process to end."""
        if self._has_started:
            self._process.join(timeout_s)

    def kill(self) -> None:
        """End the process now."""
        if self._has_started:
            self._process.kill()
            self._process.join()


def single_stage(
    name: str,
    work: Callable[..., Iterable[Any]],
    source: Channel[Any] | None,
    sink: Channel[Any] | None,
    *,
    news: type | None = None,
) -> StageProcess:
    """Return a stage that one process does; without a source `work` is called with nothing.

    What it yields of the type `news` goes to the parent instead of into the sink.
    """
    gauge = Gauge()
    return StageProcess(name, SingleBody(work, source, sink, gauge, news), gauge, sink)


@dataclass(frozen=True, slots=True)
class Watch:
    """Something else to wait for beside the stages, e.g. a socket that becomes readable when its server dies."""

    fileno: Callable[[], int]  # asked each time: a connection that was lost may have been made anew
    on_readable: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Parent:
    """What the parent does while its stages run."""

    before_later_stages: Callable[[], None]  # called once, before these are started
    on_news: Callable[[Any], None]
    on_tick: Callable[[], None]
    tick_s: float
    watch: Watch


def supervise(stages: Sequence[StageProcess], parent: Parent, *, at_once: int) -> None:
    """Run the stages until all have ended; raises the first failure, with every process gone.

    The first `at_once` stages are started at once; the rest when the last of these has something for them, and not at
    all if it never has.
    """
    try:
        waiting = list(_start(stages[:at_once]))
        next_tick_s = time.monotonic() + parent.tick_s
        while waiting:
            ready = connection.wait([*(stage.outcome for stage in waiting), parent.watch.fileno()], _until(next_tick_s))
            if parent.watch.fileno() in ready:
                parent.watch.on_readable()
            for stage in [stage for stage in waiting if stage.outcome in ready]:
                match stage.receive():
                    case StageNews(item):
                        parent.on_news(item)
                    case StageFlows():
                        if stage is stages[at_once - 1]:
                            parent.before_later_stages()
                            waiting += _start(stages[at_once:])
                    case StageDone():
                        waiting.remove(stage)
            if time.monotonic() >= next_tick_s:
                parent.on_tick()
                next_tick_s = time.monotonic() + parent.tick_s
        _skip(stages)
    finally:
        stop(stages)


def _skip(stages: Sequence[StageProcess]) -> None:
    for stage in stages:
        if stage.done is None:
            stage.skip()


def _start(stages: Sequence[StageProcess]) -> Sequence[StageProcess]:
    for stage in stages:
        stage.start()
    return stages


def stop(stages: Sequence[StageProcess]) -> None:
    """End every process: ask, wait, then kill. A second Ctrl-C in the meantime kills at once."""
    try:
        for stage in stages:
            if stage.done is None:
                stage.terminate()
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        for stage in stages:
            stage.join(_until(deadline_s))
    finally:
        for stage in stages:
            stage.kill()


def start_process(process: Any) -> None:  # noqa: ANN401  # typeshed's classes of processes have no common start
    """Start a process whose target calls `enter_child` first.

    Signals are held back meanwhile: the child must not act on its parent's handlers, nor the parent lose a child that
    it has just started.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def enter_child(title: str, parent_pid: int) -> None:
    """Make this a well-behaved child: named for `ps`, deaf to Ctrl-C (the parent decides), gone with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    gc.freeze()  # what was inherited stays, and stays shared
    gc.set_threshold(_GC_THRESHOLD)
    setproctitle.setproctitle(f"soniquescan: {title}")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_leave_with_parent, args=(parent_pid,), daemon=True).start()
    if os.getppid() != parent_pid:  # it died before we could ask to be told
        os._exit(1)


def describe_exit(exit_code: int | None) -> str:
    """Return how a process ended, in words: "killed by SIGKILL", "exit code 3"."""
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _leave_with_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(1)
    os._exit(1)


def _until(deadline_s: float) -> float:
    return max(0.0, deadline_s - time.monotonic())


def _run_stage(name: str, body: StageBody, gauge: Gauge, outcome: Connection, parent_pid: int) -> None:
    enter_child(name, parent_pid)
    gauge.claim()
    try:
        body(outcome.send)
        outcome.send(_usage())
    except Exception as exc:  # noqa: BLE001  # the border of the process: the parent must hear of it, whatever it is
        message = str(exc) if isinstance(exc, SoniqueScanError) else f"internal error in {name}: {exc!r}"
        outcome.send(StageFailed(message, traceback.format_exc()))


def _usage() -> StageDone:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return StageDone(
        cpu_s=sum(usage.ru_utime + usage.ru_stime for usage in usages),
        peak_memory_bytes=max(usage.ru_maxrss for usage in usages) * unit_bytes,
    )
