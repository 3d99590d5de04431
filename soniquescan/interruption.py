"""The signals that ask a program to end, as one exception."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from soniquescan.errors import Interrupted

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN_S = 0.001  # by then Python has left where it swallows exceptions


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn `SIGNALS` into `Interrupted`; after the block they are handled as they were before.

    For the main thread. Python swallows what is raised in a `__del__` or in a weak reference's callback, where a
    signal may come as well as anywhere else (importing a module runs such a callback); it is raised again, then.
    """
    handlers = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    if handlers[signal.SIGHUP] is signal.SIG_IGN:  # nohup, and so it stays
        del handlers[signal.SIGHUP]
    before = {number: handler for number, handler in handlers.items() if handler is not None}  # None: not Python's
    unraisable_before = sys.unraisablehook
    try:
        sys.unraisablehook = partial(_raise_again, unraisable_before)
        for number in before.keys() & set(SIGNALS):
            signal.signal(number, _interrupt)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            # Raises what has come already. From here on none comes, so that each gets its handler back.
            signal.pthread_sigmask(signal.SIG_BLOCK, before)
        finally:
            sys.unraisablehook = unraisable_before
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, before)


def _interrupt(signal_number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal_number)


def _raise_again(otherwise: Callable[[UnraisableHookArgs], object], unraisable: UnraisableHookArgs) -> None:
    """Take what Python has swallowed: have an interruption raised a moment later."""
    if isinstance(unraisable.exc_value, Interrupted):
        number = unraisable.exc_value.signal_number
        signal.signal(signal.SIGALRM, lambda _number, frame: _interrupt(number, frame))
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        otherwise(unraisable)
