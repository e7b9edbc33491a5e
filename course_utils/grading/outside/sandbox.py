"""Starts the template process in bubblewrap, asks it for children, and watches what they use."""

import contextlib
import dataclasses
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.grading.inside import wire
from course_utils.grading.outside import kit
from course_utils.grading.outside.folders import Held

COURSE, VENV = "/opt/course", "/opt/venv"  # where the kit and the virtual environment lie inside
START_SECONDS = 600.0  # these two are for a template among many busy neighbours
ANSWER_SECONDS = 60.0
WATCH_SECONDS = 0.05
_PRIVATE = re.compile(rb"^(?:RssAnon|VmSwap):\s*(\d+)", re.MULTILINE)
READ_ONLY = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
    "/sys/devices/system/cpu",
)


class Ended(Exception):
    """A child is gone, or had to be ended; reason is one of the verdicts, or empty if it ended by
    itself.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Child:
    """A process that waits for one submission, and the socket to it."""

    def __init__(self, template: "Template", number: int, sock: socket.socket) -> None:
        self.template, self.number, self.sock = template, number, sock
        self.watched, self.is_ready = 0.0, False

    def ready(self) -> None:
        """Wait until its walls are up; raises CourseError where they cannot be, EOFError where it
        is gone.
        """
        if not self.is_ready:
            self.sock.settimeout(START_SECONDS)
            kind, _, content = wire.receive(self.sock, 1 << 16)
            self.sock.settimeout(None)
            if kind != wire.READY:
                raise CourseError(_not_allowed(content.decode(errors="replace")))
            self.is_ready = True

    def receive(self, limit: int, *over: Callable[[], bool]) -> tuple[bytes, int, bytes]:
        """The next frame; raises Ended where the child is gone, or uses too much of anything.

        over: each says whether a time is up.
        """
        try:
            return wire.receive(self.sock, limit, lambda: self._wait(over))
        except wire.Flood as error:
            raise Ended("crashed", f"it sent too much: {error}") from None
        except (EOFError, OSError):
            raise Ended("", "") from None

    def send(self, kind: bytes, number: int, content: bytes) -> None:
        """Send a frame; a child that does not read it in time is as good as gone."""
        self.sock.settimeout(self.template.limits.grace)
        wire.send(self.sock, kind, number, content)
        self.sock.settimeout(None)

    def _wait(self, over: Sequence[Callable[[], bool]]) -> None:
        """Wait until there is something to read; what the child uses is looked at however much it
        sends.
        """
        limits, ready = self.template.limits, False
        while not ready:
            now = time.monotonic()
            if any(is_over() for is_over in over):
                raise Ended("timeout", "")
            self.watched = self.watched or now
            if now > self.watched + WATCH_SECONDS:
                self.watched = now
                processes, private = self.template.usage()
                if processes > limits.processes:
                    raise Ended("crashed", f"it started more than {limits.processes} processes")
                if private > limits.memory:
                    raise Ended("out of memory", "")
            ready = bool(select.select([self.sock], [], [], WATCH_SECONDS)[0])

    def end(self, wait: bool) -> int:
        """End the child and all that it started; its exit status, minus a signal's number, or
        wire.STILL_THERE. wait: whether it should be ending by itself.
        """
        self.sock.close()
        return self.template.end(self.number, wait)

    def leave(self) -> None:
        """End the child without waiting for the end."""
        self.sock.close()
        self.template.leave(self.number)


class Template:
    """A warm process that has everything imported; a context manager.

    It starts with what all lessons import, and does so while whoever made it does something else;
    `open` gives it a lesson.
    """

    def __init__(
        self, sandbox: bool = True, processor: int | None = None, hidden: Sequence[str] = ()
    ) -> None:
        self.sandbox, self.processor, self.hidden = sandbox, processor, hidden
        # Seconds of a processor: of all its children, and at the last look.
        self.used = self._total = 0.0
        self.folder = Held()
        self.process: subprocess.Popen[bytes] | None = None
        self.count = 0
        self.spare: Child | None = None
        try:
            kit.begin(self.folder.path)
            self._start()
        except BaseException:
            self.folder.remove()
            raise

    def open(
        self,
        short: str,
        earlier: Sequence[str],
        modules: list[str],
        first: bytes,
        limits: wire.Limits,
    ) -> None:
        """Give it a lesson, and wait until it can have children; raises CourseError.

        modules: what the lesson imports. first: a case of every exercise, to warm up with.
        """
        self.limits = limits
        folder = self.folder.path
        kit.make(folder, short, earlier, modules)
        (folder / wire.FIRST_CASES).write_bytes(first)
        self.settings = {
            "lesson": short,
            "modules": modules,
            "sandboxed": self.sandbox,
            "processor": self.processor,
            "limits": dataclasses.asdict(limits),
        }
        self._open()

    def __enter__(self) -> "Template":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the template and every child."""
        self._kill()
        self.folder.remove()

    def child(self) -> Child:
        """A child that waits for its job; the next one is started while this one works."""
        for _ in range(2):
            try:
                child, self.spare = self.spare or self._spawn(), None
                self.spare = self._spawn()
                child.ready()
                return child
            except (
                OSError,
                EOFError,
            ):  # the template is gone: a submission may have had a hand in it
                self._again()
        raise CourseError("The sandbox's template process keeps dying: run the command again.")

    def end(self, number: int, wait: bool) -> int:
        """End a child, and say how it ended; a template that does not answer is replaced, and its
        children were killed with it.
        """
        try:
            self.control.send(b"%s%d" % (b"e" if wait else b"k", number))
            self.control.settimeout(ANSWER_SECONDS)
            while True:  # answers about children that nobody waited for come first
                ended, status = (self.control.recv(64) or b"").split()
                if int(ended) == number:
                    return int(status)
        except (OSError, ValueError):
            self._again()
            return -signal.SIGKILL

    def leave(self, number: int) -> None:
        """End a child without waiting for it; a template that is gone is replaced when the next
        child is asked for.
        """
        with contextlib.suppress(OSError):
            self.control.setblocking(False)
            while self.control.recv(64):
                pass
        with contextlib.suppress(OSError):
            self.control.settimeout(ANSWER_SECONDS)
            self.control.send(b"k%d" % number)

    def usage(self) -> tuple[int, int]:
        """How many processes the children have, and their private memory in bytes beyond the
        template's own.

        What they have used of a processor is added to `used`: what vanishes between two looks is
        not counted.
        """
        assert self.process is not None
        depth = 2 if self.sandbox else 0  # bwrap and its first process are above the template
        tree = _descendants(self.process.pid)
        template = sum(_private(pid) for level, pid in tree if level == depth)
        children = [_private(pid) for level, pid in tree if level > depth]
        started = sum(level > depth + 1 for level, _ in tree)
        total = sum(_processor_seconds(pid) for level, pid in tree if level > depth)
        self.used += max(0.0, total - self._total)
        self._total = total
        return started + 1, sum(max(private - template, 0) for private in children)

    def _spawn(self) -> Child:
        ours, theirs = socket.socketpair()
        self.count += 1
        socket.send_fds(self.control, [b"n%d" % self.count], [theirs.fileno()])
        theirs.close()
        return Child(self, self.count, ours)

    def _start(self) -> None:
        if self.sandbox:
            _find_bubblewrap()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python, home, course = sys.executable, str(self.folder.path), str(self.folder.path)
        command = []
        if self.sandbox:
            python, home, course = _inside(sys.executable), "/tmp", COURSE
            command = _bubblewrap(self.folder.path, self.hidden)
        program = "course_utils.grading.inside.template"
        command += [python, "-s", "-m", program, str(theirs.fileno())]
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/" if self.sandbox else str(self.folder.path),
            env=_environment(python, home, course),
            start_new_session=True,
        )
        theirs.close()

    def _open(self) -> None:
        """Send it the lesson, and wait until it has imported that too; raises CourseError."""
        self.control.settimeout(START_SECONDS)
        try:
            self.control.send(json.dumps(self.settings).encode())
            ready = self.control.recv(64) == b"ready"
        except OSError:
            ready = False
        if not ready:
            self._kill()
            raise CourseError(self._why_not())
        os.set_blocking(self.process.stderr.fileno(), False)  # type: ignore[union-attr]
        self._try_a_child()

    def _again(self) -> None:
        """A fresh process in the place of one that is gone, or does not answer."""
        self._kill()
        self._start()
        self._open()

    def _try_a_child(self) -> None:
        """Raise where the kernel does not give children their own namespaces."""
        self.spare = self._spawn()
        try:
            self.spare.ready()
        except CourseError:
            self._kill()
            raise
        except (OSError, EOFError):
            self._kill()
            raise CourseError(self._why_not()) from None

    def _why_not(self) -> str:
        assert self.process is not None and self.process.stderr is not None
        lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "it ended without a message"
        if "bwrap:" in last:
            return _not_allowed(last)
        return (
            f"The grading process did not start ({last[:300]}): check that the course is "
            "installed as in the README."
        )

    def _kill(self) -> None:
        self.spare = None
        self.control.close()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def processor(place: int) -> int | None:
    """The processor that all of a submission has to share, None where the system cannot say; place:
    which worker this is.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    processors = sorted(os.sched_getaffinity(0))
    return processors[place % len(processors)]


def check() -> None:
    """Raise CourseError where bubblewrap is missing, or may not start anything."""
    _find_bubblewrap()
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "true"],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CourseError(_not_allowed(done.stderr.strip()))


def _find_bubblewrap() -> None:
    """Raise CourseError where bubblewrap is missing."""
    if shutil.which("bwrap") is None:
        raise CourseError(
            "Grading needs bubblewrap's command bwrap, which is not installed: install the "
            "package bubblewrap (Debian, Ubuntu: apt install bubblewrap), or use --no-sandbox "
            "if every submission is trusted."
        )


def _not_allowed(said: str) -> str:
    return (
        f"The sandbox cannot start here ({said[:200]}): allow unprivileged user namespaces (sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; --security-opt "
        "seccomp=unconfined in Docker), or use --no-sandbox if every submission is trusted."
    )


def _bubblewrap(course: Path, hidden: Sequence[str] = ()) -> list[str]:
    """The command that starts a program which sees the system, this Python and the kit, and nothing
    else.
    """
    command = [
        "bwrap",
        "--unshare-all",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--cap-drop",
        "ALL",
        "--die-with-parent",
    ]
    command += [
        "--new-session",
        "--hostname",
        "sandbox",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
    ]
    command += [
        "--dev-bind",
        "/dev/null",
        "/dev/zero",
    ]  # shared memory that is mapped from it would count for no process
    # The system, read-only; /bin and others may be links into /usr, and some lead nowhere.
    for place in _places():
        path = Path(place)
        if path.is_symlink() and not path.is_dir():
            continue
        if path.is_symlink():
            command += ["--symlink", os.readlink(place), place]
        elif path.exists():
            command += ["--ro-bind", place, place]
    # The virtual environment, under another name: it may be inside the course's own folder.
    if sys.prefix != sys.base_prefix:
        command += ["--ro-bind", sys.prefix, VENV]
    # Over it, nothing where the course or submissions would show; and last the kit.
    for place in covered(hidden):
        command += ["--tmpfs", place, "--remount-ro", place]
    command += ["--ro-bind", str(course), COURSE, "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*command, "--chdir", "/", "--"]


def _places() -> list[str]:
    """The places of the system that a sandbox sees, the virtual environment aside."""
    return [*READ_ONLY] if sys.base_prefix == "/usr" else [*READ_ONLY, sys.base_prefix]


def covered(hidden: Sequence[str]) -> list[str]:
    """What of the course is in a place that the sandbox sees, such as /usr/src/app, by its path
    there.

    That is the package or its repository, and what else is to be hidden, such as the folders with
    the submissions.
    """
    installed = kit.PACKAGE.parent.name == "site-packages"
    own = [(kit.PACKAGE if installed else kit.PACKAGE.parent).resolve(), *map(Path, hidden)]
    outer = [Path(place).resolve() for place in (*_places(), sys.prefix)]
    seen = [path for path in own if any(place in path.parents for place in outer) and path.is_dir()]
    python = Path(sys.base_prefix).resolve()
    return list(
        dict.fromkeys(_inside(str(path)) for path in seen if not python.is_relative_to(path))
    )


def _inside(executable: str) -> str:
    """The path of this Python inside the sandbox."""
    return executable.replace(sys.prefix, VENV, 1) if sys.prefix != sys.base_prefix else executable


def _environment(python: str, home: str, course: str) -> dict[str, str]:
    return {
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": course,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{home}/.matplotlib" if home != "/tmp" else "/tmp",
        "IPYTHONDIR": f"{home}/.ipython",
        "TQDM_DISABLE": "1",
        "TORCHDYNAMO_DISABLE": "1",  # torch.compile gives back what it is given
    }


def _descendants(pid: int) -> list[tuple[int, int]]:
    """The processes below a process, with their depth; 0 for itself."""
    processes: list[tuple[int, int]] = []
    stack = [(0, pid)]
    while stack and len(processes) < 2_000:
        depth, pid = stack.pop()
        processes.append((depth, pid))
        try:
            threads = os.listdir(f"/proc/{pid}/task")
            children = [
                child
                for thread in threads
                for child in _read(f"/proc/{pid}/task/{thread}/children").split()
            ]
        except OSError:
            continue
        stack += [(depth + 1, int(child)) for child in children]
    return processes


def _private(pid: int) -> int:
    """Memory of a process that is not a file's, in bytes; what is in swap counts as well."""
    try:
        status = _read(f"/proc/{pid}/status")
    except OSError:
        return 0
    return 1024 * sum(int(kilobytes) for kilobytes in _PRIVATE.findall(status))


def _processor_seconds(pid: int) -> float:
    """What a process, and those that it started and that have ended, have used of a processor."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _read(path: str) -> bytes:
    """A file of /proc; several are read for every look, so without all that `open` can do."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = b""
        while part := os.read(descriptor, 1 << 16):
            content += part
        return content
    finally:
        os.close(descriptor)
