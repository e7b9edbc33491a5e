"""Runs inside the sandbox: imports everything once, holds no secret, and forks a child for every
submission.
"""

import contextlib
import ctypes
import dataclasses
import gc
import importlib
import json
import os
import random
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_utils.grading.inside import seccomp, wire

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, CAP_LAST = 38, 24, 63
OWN_FILES = Path("/tmp")


class Refused(Exception):
    """The kernel does not give a child its own namespaces."""


# What the submissions of every lesson use; other modules of the package import torch.
ALWAYS = ("numpy.random", "course_utils.checking.running", "course_utils.data", "matplotlib.pyplot")


def main(control_fd: int) -> None:
    """Serve requests on the control socket until it is closed.

    The first message names the lesson, which may come long after the start. Then `n` with a socket
    starts a child that will talk over that socket; `e` and a number ends that child and all that it
    started, and answers with its exit status.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=control_fd)
    _import(ALWAYS)
    if not (message := control.recv(1 << 16)):
        return
    setup = json.loads(message)
    importlib.invalidate_caches()  # the lesson's own modules have come meanwhile
    first = Path(__file__).parents[3] / wire.FIRST_CASES
    exercises = _warm(setup["lesson"], setup["modules"], first.read_bytes())
    private = _private_memory()
    limits = wire.Limits(**setup["limits"])
    limits = dataclasses.replace(limits, memory=private + limits.memory)
    control.send(b"ready")
    if setup["processor"] is not None:
        os.sched_setaffinity(
            0, {setup["processor"]}
        )  # for its children: all of a submission shares one processor
    children: dict[int, tuple[int, int]] = {}
    while True:
        message, fds, _, _ = socket.recv_fds(control, 64, 1)
        if not message:
            return
        number = int(message[1:])
        if message[:1] == b"n":
            children[number] = _spawn(control, fds[0], exercises, limits, setup["sandboxed"])
        else:
            control.send(b"%d %s" % (number, _end(*children.pop(number), setup["sandboxed"])))


def _warm(short: str, modules: list[str], first: bytes) -> dict[str, Any]:
    """Import all that a submission may import, make the shell, and return the lesson's exercises by
    id.
    """
    import course_utils.checking as checking
    from course_utils.checking.evidence import decode
    from course_utils.checking.exercise import Case, exercises
    from course_utils.checking.running import collect
    from course_utils.grading.inside.shell import make_shell

    _import(modules)
    by_id = {exercise.id: exercise for exercise in exercises(short)}
    make_shell()
    for id, case in decode(first).items():
        collect(by_id[id], _unwritten, [Case.received(case)])
    for name in ("check", "judge"):
        setattr(checking, name, _later)
    gc.collect()
    gc.freeze()
    return by_id


def _import(modules: Iterable[str]) -> None:
    """Import what there is of these; names in modules are among them, and of other lessons."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _unwritten(*args: Any, **kwargs: Any) -> None:
    """An answer that does nothing: probing it makes torch import what it imports only when it is
    needed.
    """
    raise NotImplementedError


def _later(id: str, answer: Any, seed: int | None = None) -> None:
    """What `check` and `judge` do while a submission's cells run: nothing, because the judge sits
    outside.
    """


def _spawn(
    control: socket.socket,
    job: int,
    exercises: dict[str, Any],
    limits: wire.Limits,
    sandboxed: bool,
) -> tuple[int, int]:
    """Start a child; returns the process ids of its keeper, which waits for it, and of the child
    itself.
    """
    told, tell = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            control.close()
            os.close(told)
            _keep(job, tell, exercises, limits, sandboxed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(tell)
    os.close(job)
    child = int(os.read(told, 32) or b"0")
    os.close(told)
    return keeper, child


def _end(keeper: int, child: int, sandboxed: bool) -> bytes:
    """End a child with everything it started; its exit status, negative for a signal."""
    if child:
        with contextlib.suppress(ProcessLookupError):
            if sandboxed:
                os.kill(child, signal.SIGKILL)
            else:
                os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(keeper, 0)
    return str(os.waitstatus_to_exitcode(status)).encode()


def _keep(
    job: int, tell: int, exercises: dict[str, Any], limits: wire.Limits, sandboxed: bool
) -> None:
    """The keeper: makes the namespaces, starts the child as their first process, and passes its
    exit status on.
    """
    try:
        if sandboxed:
            _unshare()
    except Refused as error:
        wire.send(socket.socket(fileno=job), wire.BROKEN, 0, str(error).encode())
        os._exit(1)
    child = os.fork()
    if child == 0:
        try:
            _become(job, tell, exercises, limits, sandboxed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(job)
    os.write(tell, str(child).encode())
    os.close(tell)
    info = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert info is not None
    os._exit(info.si_status if info.si_code == os.CLD_EXITED else 128 + info.si_status)


def _become(
    job: int, tell: int, exercises: dict[str, Any], limits: wire.Limits, sandboxed: bool
) -> None:
    """The child: gives up what it does not need, then does the job."""
    os.close(tell)
    os.setsid()
    sock = socket.socket(fileno=job)
    os.closerange(3, job)
    os.closerange(job + 1, 4096)
    try:
        if sandboxed:
            _own_files(limits.file)
            _drop_privileges()
        else:
            import tempfile

            os.chdir(tempfile.mkdtemp(dir=os.environ["HOME"]))  # it goes with the course's folder
        _limit(limits)
    except OSError as error:
        wire.send(sock, wire.BROKEN, 0, str(error).encode())
        os._exit(1)
    wire.send(sock, wire.READY)

    import numpy as np
    import torch

    from course_utils.grading.inside.child import work

    torch.default_generator.seed()
    np.random.seed()
    random.seed()
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


def _unshare() -> None:
    uid, gid = os.getuid(), os.getgid()
    try:
        _checked(
            _libc().unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC), "unshare"
        )
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        raise Refused(str(error)) from None


def _own_files(size: int) -> None:
    """Mount a private /tmp, /dev/shm and /dev/pts, hide /proc, and go to /tmp."""
    libc = _libc()
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
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
        (resource.RLIMIT_CORE, 0),
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
