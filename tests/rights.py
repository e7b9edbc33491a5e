"""Root without root's rights over files: what is read-only, or another's, is so in tests too."""

import ctypes
import os
import sys

VERSION = 0x20080522  # of the two calls below: 64 capabilities in two words
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # to write, and to read, whatever a file's mode says
SET_SECUREBITS, NOROOT = 28, 1  # a program that root starts gets no capability for it,
CAP_AMBIENT, RAISE = 47, 2  # but those that are handed on


def give_up() -> None:
    """Give up root's rights over files, in this process and whatever it starts, for good."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    # Other capabilities stay, since bubblewrap needs some of them where root starts it.
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION, 0)
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the same, upper half
    _checked(libc.capget(header, words))
    lower, upper = words[1] & ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH), words[4]
    _checked(libc.prctl(SET_SECUREBITS, NOROOT, 0, 0, 0))
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)(*[lower] * 3, *[upper] * 3)))
    for number in range(64):
        if (upper << 32 | lower) >> number & 1:
            _checked(libc.prctl(CAP_AMBIENT, RAISE, number, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Root's rights over files cannot be given up: {os.strerror(number)}")
