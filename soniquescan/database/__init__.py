"""Everything that talks to PostgreSQL: where it is, how to connect, the schema, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from soniquescan.settings import DatabaseSettings


class Database(NamedTuple):
    """A database that can be connected to."""

    conninfo: str
    # Called when it does not answer, before the next try. Starts the server again if it is ours and dead; raises
    # `DatabaseError` where another try is no use, as on a full disk.
    revive: Callable[[], None]


@contextmanager
def open_database(settings: DatabaseSettings) -> Iterator[Database]:
    """Yield the user's own PostgreSQL, else the embedded one, up while the block runs."""
    if settings.dsn is not None:
        yield Database(settings.dsn, revive=_leave_it_to_its_owner)
        return
    # Not needed with a DSN: the machine may have no fcntl, and no PostgreSQL programs.
    from soniquescan.database.embedded import running_server  # noqa: PLC0415

    with running_server(settings.data_folder) as database:
        yield database


def _leave_it_to_its_owner() -> None:
    pass
