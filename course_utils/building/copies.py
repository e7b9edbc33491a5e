"""Runs Python programs in copies of a process that has imported what takes seconds, on Linux.

Three processes take part: the original, which imports and is copied, a keeper for each program, and
the program. A client stands in its place, which has its files, signals, exit status and end.
As a program this file is the original (`copies.py 3 MODULE ...`, 3 a socket that listens) or such a
client (`copies.py ADDRESS -m MODULE ...`).
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

Job = dict[str, Any]
STATUS = struct.Struct("i")  # an exit status, negative for a signal
PASSED_ON = (signal.SIGINT, signal.SIGTERM)


@cache
def python(modules: tuple[str, ...], **settings: str) -> list[str]:
    """The beginning of a command that runs Python, in a copy of a process that has the modules.

    settings: what is set while it imports. The process ends with this one. Where processes cannot
    be copied, a new Python begins.
    """
    if sys.platform != "linux":
        return [sys.executable]
    folder = tempfile.mkdtemp(prefix="copies-")
    address = f"{folder}/socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        original = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), *modules],
            stdin=subprocess.PIPE,  # it closes when this process ends
            stdout=subprocess.DEVNULL,
            # Each copy is told for itself what else to import from.
            env={key: os.environ[key] for key in {*os.environ} - {"PYTHONPATH"}} | settings,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    atexit.register(original.communicate)
    return [sys.executable, "-I", "-S", __file__, address]


def client(address: str, words: Sequence[str]) -> int:
    """Have the words after `python` run in a copy with this process's files, folder and variables;
    its exit status.
    """
    parent = os.getppid()
    job = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}
    content = json.dumps(job).encode()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        socket.send_fds(line, [STATUS.pack(len(content))], [0, 1, 2])
        line.sendall(content)
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: line.sendall(bytes([number])))
        while os.getppid() == parent:
            if select.select([line], [], [], 1.0)[0]:
                answer = line.recv(STATUS.size)
                return STATUS.unpack(answer)[0] if answer else 1
    return 1  # nobody waits for it


def original(listener: socket.socket, modules: Sequence[str]) -> Job:
    """Import the modules and make copies, until this process's input ends.

    Returns in the copies alone, with what each is to run.
    """
    for name in modules:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a keeper ended
    sources: list[Any] = [listener, sys.stdin]
    while sys.stdin not in select.select(sources, [], [])[0]:
        line, _ = listener.accept()
        with line:
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return kept(line)
    shutil.rmtree(Path(listener.getsockname()).parent, ignore_errors=True)
    os._exit(0)


def kept(line: socket.socket) -> Job:
    """Take a job, and return in a copy that is to run it; pass signals on, and its end back."""
    size, files, _, _ = socket.recv_fds(line, STATUS.size, 3)
    content = b""
    while len(content) < STATUS.unpack(size)[0]:
        content += line.recv(1 << 20)
    job: Job = json.loads(content)
    copy = os.fork()
    if copy == 0:
        line.close()
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        return job
    for file in (0, 1, 2, *files):
        os.close(file)
    sources: list[Any] = [line, end := os.pidfd_open(copy)]
    while end not in (ready := select.select(sources, [], [])[0]):
        for number in line.recv(64) or [signal.SIGKILL] if ready else []:
            os.killpg(copy, number)
    _, status = os.waitpid(copy, 0)
    with contextlib.suppress(OSError):  # the client may be gone
        line.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def become(job: Job) -> NoReturn:
    """Do a job and end at once: taking an interpreter with all its modules apart takes a second."""
    status = 0
    try:
        run(job)
    except SystemExit as error:
        if not isinstance(error.code, int | None):
            print(error.code, file=sys.stderr)
            error.code = 1
        status = error.code or 0
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        file.flush()
    leave(status)


def leave(status: int) -> NoReturn:
    """End this process with an exit status, or by a signal where it is negative."""
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def run(job: Job) -> None:
    """Run what a job says, as `python` does with these words in its folder and environment."""
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    time.tzset()
    # Where the processes that it starts import from; it was read in the original.
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].ORIGINAL_DIR = job["folder"]  # type: ignore
    kind, *words = job["words"]
    path = os.environ.get("PYTHONPATH", "")
    first = "" if kind == "-c" else job["folder"] if kind == "-m" else str(Path(kind).parent)
    sys.path[:0] = [first, *filter(None, path.split(os.pathsep))]
    main = sys.modules["__main__"] = ModuleType("__main__")
    if kind == "-c":
        code, *words = words
        sys.argv = ["-c", *words]
        exec(compile(code, "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *words]
        runpy.run_path(kind, run_name="__main__")


def main(place: str, words: Sequence[str]) -> None:
    """Be the original, where the place is a number, or a client."""
    if not place.isdigit():
        leave(client(place, words))
    sys.path.pop(0)  # the folder of this file
    become(original(socket.socket(fileno=int(place)), words))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
