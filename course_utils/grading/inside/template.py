"""Runs inside the sandbox: imports everything once, holds no secret, and forks a child for every
submission.
"""

import contextlib
import ctypes
import dataclasses
import errno
import gc
import importlib
import json
import os
import pkgutil
import platform
import random
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_utils.grading.inside import pages, seccomp, wire

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 1 << 27, 1 << 28, 1 << 29
NAMESPACES = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
MS_REMOUNT, MS_BIND = 0x20, 0x1000
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, CAP_LAST = 38, 24, 63
OWN_FILES = Path("/tmp")
ENDING_SECONDS = 1.0  # for a child that has closed its socket
# After so many children, and then again, the template's memory is put into large pages, in its
# pauses: what it has written to since then has come apart. It takes as long as 50 children gain.
TIDY_FIRST, TIDY_EVERY = 50, 500


# What the submissions of every lesson use; other modules of the package import torch.
ALWAYS = (
    *("numpy.random", "numpy.ctypeslib", "matplotlib.pyplot"),
    *("course_utils.checking.running", "course_utils.data"),
    "course_utils.grading.inside.child",  # and with it the shell
)


def main(control_fd: int) -> None:
    """Serve requests on the control socket until it is closed.

    The first message names the lesson, which may come long after the start. Then `n` with a socket
    starts a child that will talk over that socket; `e` and a number ends that child and all that it
    started, and answers with how it ended; `k` does not wait for it to end by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=control_fd)
    _import(ALWAYS)
    seccomp.made()
    if not (message := control.recv(1 << 16)):
        return
    setup = json.loads(message)
    importlib.invalidate_caches()  # the lesson's own modules have come meanwhile
    first = Path(__file__).parents[3] / wire.FIRST_CASES
    exercises = _warm(setup["lesson"], setup["modules"], first.read_bytes())
    limits = wire.Limits(**setup["limits"])
    limits = dataclasses.replace(limits, memory=_private_memory() + limits.memory)
    control.send(b"ready")
    children: dict[int, int] = {}
    pieces: list[int] = []
    while True:
        while pieces and not select.select([control], [], [], 0)[0]:
            pages.join(pieces.pop())
        message, fds, _, _ = socket.recv_fds(control, 64, 1)
        if not message:
            return
        number = int(message[1:])
        if message[:1] == b"n":
            children[number] = _spawn(control, fds[0], exercises, limits, setup)
            if number % TIDY_EVERY == TIDY_FIRST:
                pieces = pages.pieces()
        else:
            status = _end(children.pop(number), setup["sandboxed"], message[:1] == b"e")
            control.send(b"%d %d" % (number, status))


def _warm(short: str, modules: list[str], first: bytes) -> dict[str, Any]:
    """Import all that a submission may import, make the shell, and return the lesson's exercises by
    id.
    """
    import course_utils.checking as checking
    from course_utils.checking.evidence import decode
    from course_utils.checking.exercise import exercises
    from course_utils.grading.inside.rehearsal import rehearse
    from course_utils.grading.inside.shell import make_shell

    _import(modules)
    by_id = {exercise.id: exercise for exercise in exercises(short)}
    rehearse(make_shell(), by_id, decode(first))
    for name in ("check", "judge"):
        setattr(checking, name, _later)
    gc.collect()
    gc.freeze()
    pages.fill_holes()
    return by_id


def _import(modules: Iterable[str]) -> None:
    """Import what there is of these; names in modules are among them, and of other lessons."""
    for name in modules:
        with contextlib.suppress(Exception):
            pkgutil.resolve_name(name)  # for some names, such as check, a module imports more


def _later(id: str, answer: Any, seed: int | None = None) -> None:
    """What `check` and `judge` do while a submission's cells run: nothing, because the judge sits
    outside.
    """


def _spawn(
    control: socket.socket, job: int, exercises: dict[str, Any], limits: wire.Limits, setup: Any
) -> int:
    """Start a child; its process id, or 0 where the kernel gives it no namespaces of its own."""
    user, group = os.getuid(), os.getgid()
    with socket.socket(fileno=job) as sock:
        try:
            child = _fork(NAMESPACES if setup["sandboxed"] else 0)
        except OSError as error:
            wire.send(sock, wire.BROKEN, 0, str(error).encode())
            return 0
        if child:
            return child
        try:
            control.close()
            _become(sock, exercises, limits, setup, user, group)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)


def _fork(namespaces: int) -> int:
    """As os.fork, which copies a large process once; the child is the first of new namespaces.

    Raises OSError.
    """
    if not namespaces:
        return os.fork()
    if (machine := platform.machine()) not in seccomp.CALLS:
        raise OSError(errno.ENOSYS, f"clone is not known on {machine}")
    # This process has one thread, so the C library has nothing to put in order in its copy.
    libc, python = ctypes.PyDLL(None, use_errno=True), ctypes.pythonapi
    python.PyOS_BeforeFork()
    number = seccomp.CALLS[machine]["clone"]
    child = libc.syscall(number, namespaces | signal.SIGCHLD, None, None, None, None)
    if child == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    _checked(min(child, 0), "clone")
    return child


def _end(child: int, sandboxed: bool, wait: bool) -> int:
    """End a child with everything it started; its exit status, minus a signal's number, or
    STILL_THERE.
    """
    if child == 0:
        return 1
    # The socket of a process that is killed closes a little before it can be waited for.
    was_there = not _has_ended(child)
    until = time.monotonic() + ENDING_SECONDS * wait
    while was_there and time.monotonic() < until:
        time.sleep(0.01)
        was_there = not _has_ended(child)
    with contextlib.suppress(ProcessLookupError):
        if sandboxed:
            os.kill(child, signal.SIGKILL)
        else:
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return wire.STILL_THERE if was_there else os.waitstatus_to_exitcode(status)


def _has_ended(child: int) -> bool:
    """Whether a child has ended by itself; it can still be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _become(
    sock: socket.socket,
    exercises: dict[str, Any],
    limits: wire.Limits,
    setup: Any,
    user: int,
    group: int,
) -> None:
    """The child: gives up what it does not need, then does the job; user and group: who it is."""
    os.setsid()
    os.closerange(3, sock.fileno())
    os.closerange(sock.fileno() + 1, 4096)
    try:
        if setup["sandboxed"]:
            _stay(user, group)
            _own_files(limits.file)
        # A submission has one processor; only now, since another was at work there until now.
        if setup["processor"] is not None:
            os.sched_setaffinity(0, {setup["processor"]})
        _limit(limits)
        if setup["sandboxed"]:
            _drop_privileges()
        else:
            import tempfile

            os.chdir(tempfile.mkdtemp(dir=os.environ["HOME"]))  # it goes with the course's folder
    except OSError as error:
        wire.send(sock, wire.BROKEN, 0, str(error).encode())
        os._exit(1)
    wire.send(sock, wire.READY)

    import numpy as np
    import torch

    from course_utils.grading.inside.child import work

    torch.default_generator.seed()
    random.seed()
    np.random.seed(random.getrandbits(32))  # eight times as fast as without a number
    torch.set_num_threads(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    work(sock, exercises, limits)
    os._exit(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _stay(user: int, group: int) -> None:
    """Be the same user as before in a new user namespace, which knows nobody at first."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _own_files(size: int) -> None:
    """Mount a private /tmp, /dev/shm and /dev/pts, hide /proc, and go to /tmp."""
    libc = _libc()
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
    # The devices are the host's. Where root grades, the child owns them: their rights stay as they
    # are, and who may write to one still can.
    for path in Path("/dev").iterdir():
        if path.is_char_device() and not path.is_symlink():
            kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
            how = MS_REMOUNT | MS_BIND | MS_RDONLY | kept
            _checked(libc.mount(None, os.fsencode(path), None, how, None), f"mount {path}")
    flags = MS_NOSUID | MS_NODEV
    for place, room in ((b"/tmp", size), (b"/dev/shm", size)):
        options = f"size={room},nr_inodes=4096,mode=700".encode()
        _checked(libc.mount(b"tmpfs", place, b"tmpfs", flags, options), f"mount {place.decode()}")
    terminals = (
        b"newinstance,ptmxmode=0666,mode=620,max=8"  # the host has a few thousand for everybody
    )
    _checked(
        libc.mount(b"devpts", b"/dev/pts", b"devpts", MS_NOSUID | MS_NOEXEC, terminals),
        "mount /dev/pts",
    )
    _checked(libc.mount(b"tmpfs", b"/proc", b"tmpfs", flags | MS_RDONLY, b"size=4k"), "mount /proc")
    os.chdir(OWN_FILES)


def _drop_privileges() -> None:
    """Give up every capability that the new user namespace came with, and the calls that could
    bring more, for good.
    """
    libc = _libc()
    for capability in range(CAP_LAST + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(libc.capset(header, nothing), "capset")
    seccomp.install()


def _limit(limits: wire.Limits) -> None:
    """Limits of the kernel; what it does not count (all processes together) the worker watches."""
    for kind, value in (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 1),  # with 0, a program of the host's may still get its memory
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _private_memory() -> int:
    """Bytes of private memory, as RLIMIT_DATA counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
