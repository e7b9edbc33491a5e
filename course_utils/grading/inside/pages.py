"""Puts the memory of the template in order, because a process is copied and ended page by page."""

import contextlib
import ctypes
import mmap
from itertools import chain
from pathlib import Path

PIECE = 2 << 20  # a large page, as x86-64 and most ARM64 systems have it
MADV_COLLAPSE = 25


def fill_holes() -> None:
    """Take all free pieces of the heap for good.

    Else what a child allocates lies in them, scattered over pages of which each has to be copied
    first. Only glibc has what is needed; elsewhere nothing happens.
    """
    libc = ctypes.CDLL(None)
    with contextlib.suppress(AttributeError):
        libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
        libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
        libc.malloc_trim(ctypes.c_size_t(0))
        end = libc.sbrk(ctypes.c_ssize_t(0)) - 2 * mmap.PAGESIZE  # what is free there is no hole
        for size in chain(range(1 << 16, 1 << 12, -1 << 11), range(1 << 12, 0, -16)):
            while (place := libc.malloc(size - 8)) < end:
                pass
            libc.free(place)


def pieces() -> list[int]:
    """The addresses of what could be a large page each, of the memory that is no file's."""
    found: list[int] = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            begin, end = (int(address, 16) for address in area.split("-"))
            found += range(-(-begin // PIECE) * PIECE, end - PIECE + 1, PIECE)
    return found


def join(piece: int) -> None:
    """Have one piece in one page; kernels before Linux 6.1 cannot, and leave it as it is."""
    ctypes.CDLL(None).madvise(ctypes.c_void_p(piece), ctypes.c_size_t(PIECE), MADV_COLLAPSE)
