"""Runs a program without io_uring, so that it reads files by plain system calls.

    python -m benchmarks.plainreads PROGRAM ARGUMENTS…

A seccomp filter refuses io_uring_setup(2) with ENOSYS, as an old kernel does, to this process, which then becomes the
program.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

# From <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h> and asm-generic/unistd.h.
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_SECCOMP_RET_ERRNO, _SECCOMP_RET_ALLOW = 0x0005_0000, 0x7FFF_0000
_IO_URING_SETUP = 425  # on every architecture

# struct sock_filter: code, jump if true, jump if false, operand; the call's number comes first in what is looked at.
_FILTER = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (_LOAD_WORD, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, 1, _IO_URING_SETUP),
        (_RETURN, 0, 0, _SECCOMP_RET_ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _SECCOMP_RET_ALLOW),
    )
)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_io_uring() -> None:
    """Refuse io_uring to this process and to whatever it becomes; raises OSError where that is not possible."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(_FILTER) // 8, _FILTER)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    refuse_io_uring()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # that is its purpose
