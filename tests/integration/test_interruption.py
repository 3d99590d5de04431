"""Signals as one exception: real signals, at the places where Python swallows exceptions too."""

from __future__ import annotations

import signal
import sys
import time
import weakref

import pytest

from soniquescan.errors import Interrupted
from soniquescan.interruption import SIGNALS, interruptible

LONG_S = 20


class Deleted:
    """Sends a signal from its `__del__`."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


class Broken:
    def __del__(self):
        raise ValueError("broken")


def delete(number):
    Deleted(number)


def call_back(number):
    class Referred:
        pass

    referred = Referred()
    reference = weakref.ref(referred, lambda _: signal.raise_signal(number))
    del referred
    assert reference() is None


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("send", [signal.raise_signal, delete, call_back], ids=["plainly", "__del__", "weak reference"])
def test_a_signal_is_an_exception_wherever_it_comes(send, number, capsys):
    with pytest.raises(Interrupted) as caught, interruptible():
        send(number)
        time.sleep(LONG_S)

    assert caught.value.signal_number == number
    assert capsys.readouterr().err == ""


def test_afterwards_all_is_as_before():
    numbers = [*SIGNALS, signal.SIGALRM]
    before = [signal.getsignal(number) for number in numbers]
    hook = sys.unraisablehook

    with pytest.raises(Interrupted), interruptible():
        delete(signal.SIGINT)
        time.sleep(LONG_S)

    assert [signal.getsignal(number) for number in numbers] == before
    assert sys.unraisablehook is hook
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_is_ignored_by_nohup_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_whatever_else_is_swallowed_is_told(capsys, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)

    with interruptible():
        Broken()

    assert "ValueError: broken" in capsys.readouterr().err
