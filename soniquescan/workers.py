"""A pool of worker processes for one stage, each of which may hang or die; knows nothing of music.

The stage's own process, the dispatcher, takes lists from one channel, hands them to workers over a pipe each, and
passes their results, still pickled, into the next channel. A queue shared by the workers would not do: one killed
inside `get` or `put` takes the queue's lock with it. Each worker notes in shared memory which item it has in hand
and since when; so when it dies or takes too long that one item is known and reported, the rest of its list is done
again, and a new worker takes its place.
"""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from types import FrameType
from typing import Any, Generic, NamedTuple, TypeVar

from soniquescan.errors import StageError
from soniquescan.processes import (
    Channel,
    Gauge,
    StageProcess,
    describe_exit,
    enter_child,
    start_context,
    start_process,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")

CHECK_S = 0.25  # how often the time limit is looked at
AHEAD_ITEMS = 128  # items of a list that are looked at ahead together: of as many files each worker has a descriptor
PART_S = 1.0  # results that are so old are sent on, though the list is not done: it may take long on slow storage
PART_WEIGHT = 1 << 20  # results that weigh this much are sent on, though the list is not done
IDLE_DEATHS_MAX = 5  # workers that may die in a row with nothing in hand and nothing done: then it is not the items


@dataclass(frozen=True, slots=True)
class Work(Generic[T, R, S]):
    """What the workers of a pool do: of a list of items, results, and of these what is sent on."""

    do: Callable[[Iterable[T]], Iterator[R]]  # the stage; takes the next item only when done with the last
    ahead: Callable[[T], None]  # called for AHEAD_ITEMS items before the first is done: whatever can begin to come
    lost: Callable[[T, str | None], R]  # the result for an item whose worker died (how), or that timed out (None)
    weigh: Callable[[R], int]  # about how many bytes a result holds
    pack: Callable[[list[R]], S]  # the one item that is sent for some results
    prepare: Callable[[], None]  # called once in each worker, before its first item
    timeout_s: float  # the longest that one item may take
    memory_limit_bytes: int  # address space of one worker; beyond it Python raises MemoryError


class _Part(NamedTuple):
    """Announces the results of a list up to the item `done`; their pickle follows."""

    done: int
    results: int
    last: bool


class _InHand(NamedTuple):
    """Which item of its list a worker has in hand, and since when (0: none)."""

    item: int
    since_ns: int


class _Note:
    """An `_InHand` in shared memory: written by the worker alone, read by the dispatcher."""

    def __init__(self) -> None:
        self._cells = RawArray("q", len(_InHand._fields))
        self._view: memoryview | None = None  # of the process that uses it: no view can be sent to another

    def take(self, item: int) -> None:
        if self._view is None:
            self._view = memoryview(self._cells).cast("B").cast("q")
        self._view[0] = item  # through the array itself it takes twice as long
        self._view[1] = time.monotonic_ns()

    def clear(self) -> None:
        self._cells[1] = 0

    def read(self) -> _InHand:
        return _InHand(*self._cells)


class _Chunk:
    """A list on its way: pickled, and done up to an index."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.done = 0

    def items(self) -> list[Any]:
        items: list[Any] = pickle.loads(self.payload)
        return items


class _Worker:
    """The dispatcher's view of one worker process."""

    def __init__(self, title: str, work: Work[Any, Any, Any], gauge: Gauge) -> None:
        self.chunks: deque[_Chunk] = deque()  # the first is being done, a second waits in the pipe
        self.note = _Note()
        self.overdue: _InHand | None = None  # set when it was killed for taking too long
        self.has_sent = False
        inbox, self.inbox = multiprocessing.Pipe(duplex=False)
        self.outbox, outbox = multiprocessing.Pipe(duplex=False)
        self._prefetch_max_bytes = _pipe_capacity_bytes(inbox) // 4
        self.process: Any = start_context().Process(  # type: ignore[attr-defined]  # absent from typeshed's base
            target=_run_worker, args=(title, os.getpid(), inbox, outbox, work, self.note, gauge), name=title
        )
        start_process(self.process)
        inbox.close()
        outbox.close()  # only the worker holds it now: its death ends the pipe

    def has_room(self, chunk: _Chunk | None = None) -> bool:
        """Tell whether another list can be sent without blocking.

        An idle worker is reading; a busy one may be about to block on its results, so what is sent meanwhile must
        fit into the pipe, or both would wait for each other for ever.
        """
        if not self.chunks:
            return True
        fits = chunk is None or len(chunk.payload) <= self._prefetch_max_bytes
        return len(self.chunks) == 1 and fits and len(self.chunks[0].payload) <= self._prefetch_max_bytes

    def send(self, chunk: _Chunk) -> None:
        self.chunks.append(chunk)
        try:
            self.inbox.send_bytes(chunk.payload)
        except OSError:  # it has just died; its outbox will say so
            logger.debug("could not send to %s", self.process.name)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.inbox.close()
        self.outbox.close()


class WorkerPool(Generic[T, S]):
    """The body of a stage process that has its work done by a pool."""

    def __init__(
        self, name: str, make_work: Callable[[], Work[T, Any, S]], source: Channel[T], sink: Channel[S], workers: int
    ) -> None:
        self.gauge = Gauge()  # counts what passes the dispatcher
        self.worker_gauges = [Gauge() for _ in range(workers)]
        self._name = name
        self._make_work = make_work
        self._work: Work[T, Any, S]  # once the process runs
        self._source = source
        self._sink = sink
        self._workers: list[_Worker] = []
        self._backlog: deque[_Chunk] = deque()
        self._source_ended = False
        self._idle_deaths = 0

    def __call__(self, report: Callable[[Any], None], /) -> None:
        """Pass every item of the source through a worker into the sink."""
        del report  # what there is to tell goes through the sink
        self._work = self._make_work()
        signal.signal(signal.SIGTERM, self._terminate)
        self._workers = [self._start(number) for number in range(len(self.worker_gauges))]
        try:
            while not self._finished():
                self._hand_out()
                self._wait()
                self._kill_overdue()
        finally:
            self._kill_all()
        self._sink.end(self.gauge)

    def _terminate(self, signal_number: int, _frame: FrameType | None) -> None:
        """End at once, but not before the workers: nobody else could wait for them."""
        self._kill_all()
        os._exit(128 + signal_number)

    def _kill_all(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _start(self, number: int) -> _Worker:
        return _Worker(f"{self._name} {number + 1}", self._work, self.worker_gauges[number])

    def _finished(self) -> bool:
        return self._source_ended and not self._backlog and not any(worker.chunks for worker in self._workers)

    def _hand_out(self) -> None:
        for worker in sorted(self._workers, key=lambda worker: len(worker.chunks)):
            if self._backlog and worker.has_room(self._backlog[0]):
                worker.send(self._backlog.popleft())

    def _wait(self) -> None:
        sources: list[Connection] = [worker.outbox for worker in self._workers]
        if self._wants_more():
            sources.append(self._source.readable)
        ready = connection.wait(sources, CHECK_S)
        if self._source.readable in ready:
            self._take()
        for number, worker in enumerate(self._workers):
            if worker.outbox in ready:
                self._receive(number, worker)

    def _wants_more(self) -> bool:
        """Take a list only when a worker has room for it: a full pool is the backpressure on the source."""
        return not (self._source_ended or self._backlog) and any(worker.has_room() for worker in self._workers)

    def _take(self) -> None:
        payload = self._source.get_pickled()
        if payload is None:
            self._source_ended = True
            return
        self.gauge.received()
        self._backlog.append(_Chunk(payload))

    def _receive(self, number: int, worker: _Worker) -> None:
        try:
            part: _Part = worker.outbox.recv()
            payload = worker.outbox.recv_bytes()
        except (EOFError, OSError):
            self._replace(number, worker)
            return
        worker.has_sent = True
        self._idle_deaths = 0
        self.gauge.took(part.done - worker.chunks[0].done)
        worker.chunks[0].done = part.done
        if part.last:
            worker.chunks.popleft()
        if part.results:
            self._sink.put_pickled(payload, part.results, self.gauge)

    def _kill_overdue(self) -> None:
        for worker in self._workers:
            in_hand = worker.note.read()
            overdue_ns = time.monotonic_ns() - in_hand.since_ns - self._work.timeout_s * 1e9
            if in_hand.since_ns and overdue_ns > 0 and worker.overdue is None:
                worker.overdue = in_hand
                worker.process.kill()  # `_receive` still reads what is in its pipe, up to the end

    def _replace(self, number: int, worker: _Worker) -> None:
        """Report the item that the dead worker had in hand, do the rest of its lists again, start another."""
        worker.process.join()
        in_hand = worker.note.read()
        how = describe_exit(worker.process.exitcode)
        if in_hand.since_ns == 0 and not worker.has_sent:
            self._idle_deaths += 1
            if self._idle_deaths > IDLE_DEATHS_MAX:
                raise StageError(f"the {self._name} workers die as they start ({how})", stage=self._name)
        logger.warning("%s: worker %d replaced (%s)", self._name, number + 1, how)
        if worker.chunks:
            self._salvage(worker.chunks.popleft(), in_hand, worker, how)
        self._backlog.extendleft(reversed(worker.chunks))
        worker.kill()
        self._workers[number] = self._start(number)

    def _salvage(self, chunk: _Chunk, in_hand: _InHand, worker: _Worker, how: str) -> None:
        items = chunk.items()
        # Overdue, it may have gone on to its next item just before it was killed: then no item is to blame.
        blamed = in_hand.since_ns != 0 and worker.overdue in (None, in_hand)
        if blamed:
            result = self._work.lost(items[in_hand.item], None if worker.overdue else how)
            self.gauge.took(1)
            self._sink.put_pickled(_pickled(self._work, [result]), 1, self.gauge)
        rest = [item for index, item in enumerate(items) if index >= chunk.done]
        if blamed:
            del rest[in_hand.item - chunk.done]
        if rest:
            self._backlog.appendleft(_Chunk(pickle.dumps(rest, pickle.HIGHEST_PROTOCOL)))


def pool_stage(
    name: str, make_work: Callable[[], Work[T, R, S]], source: Channel[T], sink: Channel[S], workers: int
) -> StageProcess:
    """Return a stage that a pool of `workers` processes does; the stage's own process makes the work."""
    pool = WorkerPool(name, make_work, source, sink, workers)
    return StageProcess(name, pool, pool.gauge, sink, pool.worker_gauges)


class _WorkerLoop:
    """What runs in a worker process."""

    def __init__(self, outbox: Connection, work: Work[Any, Any, Any], note: _Note, gauge: Gauge) -> None:
        self._outbox = outbox
        self._work = work
        self._note = note
        self._gauge = gauge
        self._results: list[Any] = []
        self._weight = 0
        self._part_due_s = 0.0

    def run(self, inbox: Connection) -> None:
        """Do one list after another until there are no more."""
        while True:
            try:
                with self._gauge.waiting_for_input():
                    items = pickle.loads(inbox.recv_bytes())
            except EOFError:
                return
            self._gauge.received()
            self._part_due_s = time.monotonic() + PART_S
            for start in range(0, len(items), AHEAD_ITEMS):
                indexes = range(start, min(start + AHEAD_ITEMS, len(items)))
                self._look_ahead(items, indexes)
                for result in self._work.do(self._each(items, indexes)):
                    self._results.append(result)
                    self._weight += self._work.weigh(result)
            self._send(done=len(items), last=True)

    def _look_ahead(self, items: Sequence[Any], indexes: range) -> None:
        for index in indexes:
            self._note.take(index)
            self._work.ahead(items[index])

    def _each(self, items: Sequence[Any], indexes: range) -> Iterator[Any]:
        """Yield each item, noting that it is in hand; between two of them send what has become heavy or old."""
        for index in indexes:
            if self._weight >= PART_WEIGHT or (self._results and time.monotonic() >= self._part_due_s):
                self._send(done=index, last=False)
            self._note.take(index)
            yield items[index]

    def _send(self, *, done: int, last: bool) -> None:
        payload = _pickled(self._work, self._results)  # too large for the memory: the item's fault
        self._note.clear()  # but however long the dispatcher lets it wait, no item is to blame
        with self._gauge.waiting_for_output():
            self._outbox.send(_Part(done, len(self._results), last))
            self._outbox.send_bytes(payload)
        self._gauge.sent(len(self._results))
        self._results, self._weight = [], 0
        self._part_due_s = time.monotonic() + PART_S


def _pickled(work: Work[Any, Any, Any], results: list[Any]) -> bytes:
    """Return results as a list for the next channel."""
    return pickle.dumps([work.pack(results)], pickle.HIGHEST_PROTOCOL)


def _run_worker(  # noqa: PLR0913  # pipes and shared memory reach a process as its arguments
    title: str,
    parent_pid: int,
    inbox: Connection,
    outbox: Connection,
    work: Work[Any, Any, Any],
    note: _Note,
    gauge: Gauge,
) -> None:
    enter_child(title, parent_pid)
    gauge.claim()
    try:
        work.prepare()
        _limit_memory(work.memory_limit_bytes)
        _WorkerLoop(outbox, work, note, gauge).run(inbox)
    except Exception:  # the border of the process: the dispatcher sees its end and puts another in its place
        logger.exception("%s has failed", title)
        sys.exit(1)


def _limit_memory(limit_bytes: int) -> None:
    """Limit this process's address space, unless it is limited further already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = min(limit for limit in (limit_bytes, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _pipe_capacity_bytes(pipe: Connection) -> int:
    if hasattr(fcntl, "F_GETPIPE_SZ"):
        return fcntl.fcntl(pipe.fileno(), fcntl.F_GETPIPE_SZ)
    return os.fpathconf(pipe.fileno(), "PC_PIPE_BUF")  # macOS does not tell: the least that fits in one piece
