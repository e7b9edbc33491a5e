"""Refuses a child the system calls that reach beyond its limits: namespaces, keyrings, memory that
nobody counts, other processors, sockets to anything but its own processes, a limit at which the
kernel kills it, as if that came from outside, and one at which the host keeps its memory.

Numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. Form:
seccomp(2).
"""

import ctypes
import errno
import functools
import os
import platform

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
# Where the kernel puts number, machine, and lower halves of arguments.
CALL, MACHINE, FIRST, SECOND, FOURTH = 0, 4, 16, 24, 40
NEW_NAMESPACES, SHARED, ANONYMOUS = 0x7E020000, 0x01, 0x20
# AF_UNIX alone: a port of the network that all children of a template share stays taken for a
# minute, and the next one sees which.
FAMILIES = (1,)
LIMITS = 0, 4  # RLIMIT_CPU, and RLIMIT_CORE, with which a program of the host's may get its memory
OTHER_TABLE = 0x40000000  # numbers from here on are those of x32

BOTH = {
    "io_uring_setup": 425,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "clone3": 435,
    "mount_setattr": 442,
    "memfd_secret": 447,
}
CALLS = {
    "x86_64": BOTH
    | {
        "mmap": 9,
        "shmget": 29,
        "socket": 41,
        "socketpair": 53,
        "clone": 56,
        "semget": 64,
        "msgget": 68,
        "ptrace": 101,
        "pivot_root": 155,
        "mount": 165,
        "setrlimit": 160,
        "umount2": 166,
        "sched_setaffinity": 203,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "perf_event_open": 298,
        "prlimit64": 302,
        "setns": 308,
        "memfd_create": 319,
        "bpf": 321,
        "userfaultfd": 323,
    },
    "aarch64": BOTH
    | {
        "umount2": 39,
        "mount": 40,
        "pivot_root": 41,
        "unshare": 97,
        "ptrace": 117,
        "sched_setaffinity": 122,
        "setrlimit": 164,
        "msgget": 186,
        "semget": 190,
        "shmget": 194,
        "socket": 198,
        "socketpair": 199,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "clone": 220,
        "mmap": 222,
        "perf_event_open": 241,
        "prlimit64": 261,
        "setns": 268,
        "memfd_create": 279,
        "bpf": 280,
        "userfaultfd": 282,
    },
}
# Of these it depends on the arguments.
LOOKED_AT = {"clone", "clone3", "mmap", "prlimit64", "setrlimit", "socket", "socketpair"}
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("then", ctypes.c_uint8),
        ("otherwise", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction))]


def install() -> None:
    """Install the filter for this process and all that it starts, for good; raises OSError.

    Needs PR_SET_NO_NEW_PRIVS. Does nothing on machines other than x86-64 and ARM64.
    """
    if (program := made()) is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


@functools.cache
def made() -> _Program | None:
    """The filter for this machine, if there is one; the template has it made for its children."""
    if (machine := platform.machine()) not in CALLS:
        return None
    program = _program(CALLS[machine], MACHINES[machine])
    code = (_Instruction * len(program))(*(_Instruction(*line) for line in program))
    return _Program(len(program), code)


def _program(calls: dict[str, int], machine: int) -> list[tuple[int, int, int, int]]:
    """Instructions as (code, how many to pass over if so, if not, value)."""

    def refuse(error: int) -> tuple[int, int, int, int]:
        return RETURN, 0, 0, REFUSE | error

    allow = (RETURN, 0, 0, ALLOW)
    program = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, machine), refuse(errno.EPERM)]
    program += [(LOAD, 0, 0, CALL), (AT_LEAST, 0, 1, OTHER_TABLE), refuse(errno.EPERM)]
    for name, number in calls.items():
        if name not in LOOKED_AT:
            program += [(EQUAL, 0, 1, number), refuse(errno.EPERM)]
    program += [
        (EQUAL, 0, 1, calls["clone3"]),
        refuse(errno.ENOSYS),
    ]  # its arguments cannot be seen; clone's can
    program += [(EQUAL, 0, 4, calls["clone"]), (LOAD, 0, 0, FIRST), (ANY_BIT, 0, 1, NEW_NAMESPACES)]
    program += [refuse(errno.EPERM), allow]
    for name in ("socket", "socketpair"):
        known = [(EQUAL, len(FAMILIES) - index, 0, family) for index, family in enumerate(FAMILIES)]
        program += [(EQUAL, 0, len(known) + 3, calls[name]), (LOAD, 0, 0, FIRST), *known]
        program += [refuse(errno.EAFNOSUPPORT), allow]
    for name, place in (("setrlimit", FIRST), ("prlimit64", SECOND)):
        known = [(EQUAL, len(LIMITS) - index, 0, limit) for index, limit in enumerate(LIMITS)]
        program += [(EQUAL, 0, len(known) + 3, calls[name]), (LOAD, 0, 0, place), *known]
        program += [allow, refuse(errno.EPERM)]
    program += [
        (EQUAL, 0, 4, calls["mmap"]),
        (LOAD, 0, 0, FOURTH),
        (ANY_BIT, 0, 2, SHARED),
        (ANY_BIT, 0, 1, ANONYMOUS),
    ]
    program += [refuse(errno.ENOMEM), allow]
    return program
