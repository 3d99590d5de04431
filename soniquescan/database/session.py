"""A connection that outlives the server's restarts: what cannot be done now for a passing reason is done again."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database.connection import Prospect, connect, is_conflict, prospect, reason, wrap_errors
from soniquescan.errors import DatabaseError

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 0.1  # PostgreSQL needs about as long for a restart, and some seconds after a crash
LONGEST_PAUSE_S = 2.0


def _nothing(*_: object) -> None:
    """Do nothing."""


class _Tries:
    """The tries of one piece of work: how long they go on, and the pauses between them."""

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._until_s = 0.0
        self._next_pause_s = FIRST_PAUSE_S
        self.began_with: str | None = None  # what made the first try fail

    def begin(self, what: str) -> None:
        """Note the first failure, from which on the time counts."""
        self.began_with = what
        self._until_s = time.monotonic() + self._retry_s

    @property
    def are_over(self) -> bool:
        """Whether there is no time for another one."""
        return time.monotonic() >= self._until_s

    def pause(self) -> None:
        """Wait before another try; the last one is when the time is over."""
        if self.began_with is None:
            return
        # By chance shorter, so that the processes that have lost the same server do not all come back at once.
        pause_s = self._next_pause_s * random.uniform(0.5, 1.0)  # noqa: S311  # nobody gains by guessing it
        time.sleep(max(0.0, min(pause_s, self._until_s - time.monotonic())))
        self._next_pause_s = min(2 * self._next_pause_s, LONGEST_PAUSE_S)


class Session:
    """Runs pieces of work on a connection, again and on a new one as long as need be and may be."""

    def __init__(  # noqa: PLR0913  # each is another matter, and named where it is given
        self,
        conninfo: str,
        *,
        application_name: str,
        retry_s: float = 0.0,
        is_proven: bool = False,
        prepare: Callable[[psycopg.Connection[TupleRow]], None] = _nothing,
        revive: Callable[[], None] = _nothing,
        tell: Callable[[str], None] = _nothing,
    ) -> None:
        """Nothing is connected yet.

        `is_proven`: somebody has connected by `conninfo` already, so that a failure to do so is no mistake in it.
        `prepare` is called with each new connection, e.g. to make temporary tables; as work, it may fail and be called
        again. `revive` is called before a lost connection is made again; what it raises ends the tries. `tell` hears
        one line when tries begin.
        """
        self._conninfo = conninfo
        self._application_name = application_name
        self._retry_s = retry_s
        self._is_proven = is_proven
        self._prepare = prepare
        self._revive = revive
        self._tell = tell
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._has_given_up = False

    @classmethod
    def over(cls, connection: psycopg.Connection[TupleRow]) -> Self:
        """Return a session on a connection that is open already, which is never made anew (tests)."""
        session = cls("", application_name="")
        session._connection = connection
        session.give_up()
        return session

    def run(self, work: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        """Return what `work` returns.

        Where it fails for a passing reason (the connection is lost, a deadlock, too many connections) it is run again,
        until `retry_s` after the first failure; then a `DatabaseError` says so, as of any other failure of the database
        at once. Work does all it writes in one transaction, and to write that twice must be as good as once: when the
        connection is lost before the answer to a commit has come, the work is done, and is run again all the same.
        """
        tries = _Tries(self._retry_s)
        while True:
            try:
                tries.pause()
                return work(self._open_connection())
            except KeyboardInterrupt:
                self.give_up()
                raise
            except (psycopg.Error, DatabaseError) as exc:
                if not self._is_passing(exc):
                    with wrap_errors():
                        raise
                self._clean_up(exc)
                self._count(tries, exc)

    def give_up(self) -> None:
        """Try nothing again from now on, nor connect anew: for the little that is still done when a scan has failed."""
        self._has_given_up = True

    def _open_connection(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None or self._connection.closed:
            if self._has_given_up:
                raise DatabaseError("database: the connection was lost")
            if self._is_proven:
                self._revive()
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> psycopg.Connection[TupleRow]:
        connection = connect(self._conninfo, application_name=self._application_name)
        self._is_proven = True
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _is_open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def _is_passing(self, exc: psycopg.Error | DatabaseError) -> bool:
        """Return whether it is worth trying again."""
        if self._has_given_up or self._retry_s <= 0:
            return False
        hope = prospect(exc)
        # A wrong address is better said at once. psycopg says of a misuse, too, that it could not send a query.
        return hope is Prospect.PASSING or (hope is Prospect.UNREACHABLE and self._is_proven and not self._is_open)

    def _clean_up(self, exc: psycopg.Error | DatabaseError) -> None:
        """Make the connection fit for another try, or close it."""
        if self._connection is None or not self._is_open:
            return
        try:
            if is_conflict(exc):
                self._connection.rollback()
                return
        except psycopg.Error:
            logger.debug("rolling back failed", exc_info=True)
        self._connection.close()

    def _count(self, tries: _Tries, exc: psycopg.Error | DatabaseError) -> None:
        """Begin another try, or raise that there is no time for one."""
        what = reason(exc)
        if tries.began_with is None:
            tries.begin(what)
            how_long = f"({what}): trying again for up to {self._retry_s:g} s"
            if self._is_open:  # no matter for the user
                logger.warning("another process is in the way %s", how_long)
            else:
                line = f"the database {'connection was lost' if self._is_proven else 'cannot be reached'} {how_long}"
                logger.warning("%s", line)
                self._tell(line)
        elif tries.are_over:
            self.give_up()
            raise DatabaseError(self._last_words(tries.began_with, what)) from exc
        else:
            logger.info("still no success: %s", what)

    def _last_words(self, first: str, last: str) -> str:
        if self._is_open or not self._is_proven:
            return f"database: {last}; tried again for {self._retry_s:g} s, in vain (what was committed is kept)"
        return (
            f"database: the connection was lost ({first}); tried again for {self._retry_s:g} s, in vain: {last} "
            "(check that the server runs; what was committed is kept)"
        )

    def fileno(self) -> int:
        """Return the socket of the connection: another one after the connection was lost."""
        assert self._connection is not None  # noqa: S101  # `run` comes first
        return self._connection.fileno()

    def check(self) -> None:
        """Make the connection again if the server has closed it.

        To be called when the socket becomes readable: the server speaks unasked only to say good-bye or to warn.
        """
        self.run(lambda connection: connection.execute("SELECT 1"))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
