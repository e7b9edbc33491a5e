"""The walls themselves: what a submission tries here would do harm without them, so it runs nowhere
else.
"""

import ctypes
import dataclasses
import json
import mmap
import os
import platform
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course_utils.grading.inside import pages, seccomp, wire
from course_utils.grading.outside import kit, pool, sandbox, steps, warm, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus

LIMITS = wire.Limits(seconds=60, cell=5, grace=1)


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


def printed(text):
    """What a cell prints inside the sandbox."""
    content = json.dumps(corpus.put(corpus.released(), text)).encode()
    result = worker.grade(
        Task(corpus.LESSON.name, json.dumps(corpus.released()), content, seed=1, limits=LIMITS)
    )
    shown = [item for cell in result.cells for item in cell.get("outputs", [])]
    return "".join(item.get("text", "") + item.get("evalue", "") for item in shown).strip()


LIBC = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
KEYS = {seccomp.CALLS.get(platform.machine())}
"""


@pytest.mark.parametrize(
    "call",
    [
        "libc.umount2(b'/tmp', 2)",
        "libc.umount2(b'/proc', 2)",
        "libc.mount(b'none', b'/opt', b'tmpfs', 0, None)",
        "libc.mount(None, b'/usr', None, 4128, None)",
        "libc.unshare(0x10020000) or libc.umount2(b'/tmp', 2)",
        "libc.unshare(0x10020000) or libc.mount(None, b'/usr', None, 4128, None)",
        "libc.ptrace(16, 1, 0, 0) if os.getpid() != 1 else -1",
        "libc.chroot(b'/opt')",
        "libc.sethostname(b'x', 1)",
        "libc.setuid(0)",
        "libc.kill(-1, 0)",
        "libc.unshare(0x10000000)",
        "libc.shmget(0, ctypes.c_size_t(4096), 0o1600)",
        "libc.memfd_create(b'x', 0)",
        "libc.syscall(KEYS['add_key'], b'user', b'left behind', b'x', 1, -3)",
        "libc.syscall(KEYS['keyctl'], 0, -3, 1)",
        "libc.syscall(KEYS['clone'], 0x10000011, 0, 0, 0, 0)",
        "libc.sched_setaffinity(0, 8, ctypes.byref(ctypes.c_uint64(3)))",
        # At such a limit the kernel kills a process, which looks like the machine's doing.
        "libc.prlimit(0, 0, (ctypes.c_uint64 * 2)(9, 9), None)",
        # And with 0 here, a crash gives its memory to a program of the host's, if there is one.
        "libc.prlimit(0, 4, (ctypes.c_uint64 * 2)(0, 0), None)",
        "libc.syscall(KEYS['setrlimit'], 0, (ctypes.c_uint64 * 2)(9, 9))",
    ],
)
def test_the_kernel_refuses(call):
    assert printed(f"{LIBC}print({call})") == "-1"


def test_everything_but_its_own_folders_is_read_only():
    text = """
import os
kept = []
for top, folders, files in os.walk('/'):
    if top.startswith(('/proc', '/sys', '/tmp', '/dev/shm', '/dev/pts')) or top.count('/') > 2:
        folders[:] = []
    elif os.access(top, os.W_OK):
        kept.append(top)
print(kept)
"""
    assert printed(text) == "[]"


def test_it_is_alone():
    assert printed("import os\nprint(os.getpid(), os.getppid(), os.listdir('/proc'))") == "1 0 []"
    assert printed("import os\nprint(os.listdir('/tmp'), os.listdir('/dev/shm'))") == "[] []"
    assert printed("import os\nprint(sorted(os.environ))").count("COURSE") == 0


def test_no_descriptor_is_inherited_but_its_own_socket():
    text = """
import os, stat
kinds = []
for number in range(3, 4096):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    kinds.append('socket' if stat.S_ISSOCK(mode) else 'other')
print(kinds)
"""
    assert printed(text) == "['socket']"


def test_no_device_of_the_host_can_be_changed():
    text = """
import os, stat
kept = []
for entry in os.scandir('/dev'):
    if stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode):
        if not os.statvfs(entry.path).f_flag & os.ST_RDONLY:
            kept.append(entry.name)
print(kept, open('/dev/null', 'w').write('x'), len(open('/dev/urandom', 'rb').read(2)))
"""
    assert printed(text) == "[] 1 2"


def test_its_sockets_reach_its_own_processes_only():
    text = """
import socket
kept = []
for family in range(64):
    for make in (socket.socket, socket.socketpair):
        try:
            make(family)
            kept.append(family)
        except OSError:
            pass
print(kept)
"""
    assert printed(text) == "[1, 1]"


def test_no_device_is_memory_that_nobody_counts():
    text = """
import mmap, os
devices = []
for place, _, files in os.walk('/dev'):
    for file in files:
        try:
            descriptor = os.open(os.path.join(place, file), os.O_RDWR | os.O_NOCTTY)
            mmap.mmap(descriptor, 4096, flags=mmap.MAP_SHARED)
            devices.append(file)
        except OSError:
            pass
print(devices)
"""
    assert printed(text) == "[]"


def test_it_cannot_use_up_the_hosts_terminals():
    text = """
import os
kept = []
try:
    for _ in range(100):
        kept.append(os.openpty())
except OSError:
    print(len(kept))
"""
    assert 0 < int(printed(text)) < 20


def test_all_of_it_shares_one_processor():
    text = """
import os
with os.popen('nproc') as said:
    print(len(os.sched_getaffinity(0)), said.read().strip())
"""
    assert printed(text) == "1 1"


def test_the_template_outlives_every_child():
    printed("")
    before = warm._local.template.process.pid
    printed("import os\nos.kill(os.getpid(), 9)\nos._exit(3)")
    assert printed("print('alive')") == "alive"
    assert warm._local.template.process.pid == before


def test_what_is_killed_from_outside_is_graded_again():
    printed("")  # a template that is warm
    template = warm._local.template

    def kill():
        for level, pid in sandbox._descendants(template.process.pid):
            if level > 2:  # the children; bwrap and the template are above
                os.kill(pid, signal.SIGKILL)

    killer = threading.Timer(1.0, kill)
    killer.start()
    content = json.dumps(corpus.put(corpus.released(), "import time\ntime.sleep(4)")).encode()
    task = Task(corpus.LESSON.name, json.dumps(corpus.released()), content, seed=1, limits=LIMITS)
    result = worker.grade(task)
    killer.join()
    assert not result.final and "it was ended by SIGKILL" in "".join(result.repairs)


def test_a_template_that_dies_is_replaced():
    before = warm._local.template.process
    before.kill()
    before.wait()
    assert printed("print('alive')") == "alive"
    assert warm._local.template.process.pid != before.pid


def memory(pid, name):
    """What the kernel says of a process: VmRSS is its memory now, VmHWM the most it had; in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) >> 10


def test_what_submissions_send_does_not_stay_in_the_memory_of_the_worker():
    released = json.dumps(corpus.released())
    sent = LIMITS.evidence >> 20
    rows = int((0.6 * LIMITS.evidence / 4 / len(steps.drawn("linear.relu", 1))) ** 0.5)
    # The first is honest, the others send much of what they may.
    sizes = [1, *range(rows, rows + 5)]
    tasks = [
        Task(
            corpus.LESSON.name,
            released,
            json.dumps(
                corpus.answered(relu=f"def relu(x):\n    return torch.rand({size}, {size})")
            ).encode(),
            seed=1,
        )
        for size in sizes
    ]
    now, most = [], []
    with pool.LocalPool(1) as local:
        for task in tasks:
            [(_, result)] = local.run([("", task)])
            assert result.checks[0].status == "wrong"  # else not all of it has come
            pid = local.workers[0].process.pid
            now.append(memory(pid, "VmRSS"))
            most.append(memory(pid, "VmHWM"))
    assert now[-1] - now[1] < sent, f"it grows: {now}"
    assert most[-1] - most[0] < 8 * sent, f"it takes too much: {most}"


def test_memory_is_counted_however_much_is_sent_meanwhile():
    text = f"""{corpus.SOCKET}
def noise():
    while True:
        sock.sendall(struct.pack('<cIQ', b'o', 0, 2) + b'[]')
        time.sleep(0.02)
threading.Thread(target=noise).start()
for _ in range(4):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1)) * (400 << 20)
        while True:
            time.sleep(60)
time.sleep(60)
"""
    content = json.dumps(corpus.put(corpus.released(), text)).encode()
    limits = dataclasses.replace(LIMITS, cell=50, memory=1 << 30)
    result = worker.grade(
        Task(corpus.LESSON.name, json.dumps(corpus.released()), content, seed=1, limits=limits)
    )
    assert result.status == "out of memory"


@pytest.mark.parametrize("repository", [True, False])
def test_a_course_that_lies_in_the_system_is_hidden(tmp_path, monkeypatch, repository):
    package = tmp_path / "usr" / ("app" if repository else "site-packages") / "course_utils"
    package.mkdir(parents=True)
    (package / "secret").touch()
    (tmp_path / "kit").mkdir()
    monkeypatch.setattr(kit, "PACKAGE", package)
    monkeypatch.setattr(sandbox, "READ_ONLY", (*sandbox.READ_ONLY, str(tmp_path / "usr")))
    command = [*sandbox._bubblewrap(tmp_path / "kit"), "find", str(tmp_path / "usr")]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert Path(found[-1]) == (package.parent if repository else package)


def test_submissions_that_lie_in_the_system_are_hidden(tmp_path, monkeypatch):
    system = tmp_path / "usr"
    for place in ("share/handed in", "lib"):
        (system / place).mkdir(parents=True)
        (system / place / "file").touch()
    (tmp_path / "kit").mkdir()
    monkeypatch.setattr(sandbox, "READ_ONLY", (*sandbox.READ_ONLY, str(system)))
    private = [str(system / "share/handed in"), str(system), str(tmp_path / "elsewhere")]
    command = [
        *sandbox._bubblewrap(tmp_path / "kit", private),
        "find",
        str(system),
        "-name",
        "file",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert found == [str(system / "lib" / "file")]


def test_threads_and_processes_of_honest_work_run():
    text = """
import multiprocessing, subprocess, sys, threading
threading.Thread(target=print, args=("thread",)).start()
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, 2]))
loader = torch.utils.data.DataLoader(range(4), batch_size=2, num_workers=2)
print([batch.tolist() for batch in loader], subprocess.run(["true"]).returncode)
"""
    assert printed("import torch\n" + text).split("\n") == [
        "thread",
        "[1, 2]",
        "[[0, 1], [2, 3]] 0",
    ]


def test_the_exercises_have_time_left_whatever_else_runs():
    notebook = corpus.answered()
    for number in range(8):
        corpus.put(notebook, f"import time\ntime.sleep(3)  # {number}")
    limits = wire.Limits(seconds=12, cell=4, grace=1)
    content, released = json.dumps(notebook).encode(), json.dumps(corpus.released())
    result = worker.grade(Task(corpus.LESSON.name, released, content, seed=1, limits=limits))
    assert sum(row.points for row in result.checks) == corpus.FULL


SLOW = """
import signal
import time
seconds = [SECONDS]
def relu(x):
    signal.signal(signal.SIGALRM, HANDLER)  # which the limit inside its process needs
    end = time.process_time() + (seconds.pop() if seconds else 0)
    while time.process_time() < end:
        pass
    return x.clamp(min=0)
"""


@pytest.mark.parametrize(
    "probe, seconds, handler, status",
    [
        (0.3, "1.0", "signal.getsignal(signal.SIGALRM)", "timeout"),
        (0.3, "4.0", "signal.SIG_IGN", "timeout"),
        (60.0, "1.0", "signal.SIG_IGN", "right"),
    ],
)
def test_an_answer_has_no_more_time_than_the_limits_give(probe, seconds, handler, status):
    limits = dataclasses.replace(LIMITS, probe=probe)
    slow = SLOW.replace("SECONDS", seconds).replace("HANDLER", handler)
    content = json.dumps(corpus.answered(relu=slow)).encode()
    result = worker.grade(
        Task(corpus.LESSON.name, json.dumps(corpus.released()), content, seed=1, limits=limits)
    )
    assert {row.status for row in result.checks if row.id == "linear.relu"} == {status}


def test_memory_that_is_put_into_large_pages_holds_what_it_held():
    size = 4 * pages.PIECE
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block[:] = random.Random(1).randbytes(size)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(block))
    whole = [x for x in pages.pieces() if begin <= x <= begin + size - pages.PIECE]
    assert len(whole) >= 3
    for piece in whole:
        pages.join(piece)
    assert block[:] == random.Random(1).randbytes(size)


def test_what_is_allocated_after_the_holes_are_filled_lies_behind_all_that_was_there():
    code = """
import ctypes
from course_utils.grading.inside import pages
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
blocks = [libc.malloc(3000) for _ in range(1000)]
for block in blocks[::2]:
    libc.free(ctypes.c_void_p(block))
last = max(blocks)  # how much lies free behind it differs from machine to machine
pages.fill_holes()
print(sum(libc.malloc(size) < last for size in (3000, 1000, 200) for _ in range(100)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0


@pytest.mark.parametrize("name", [b"\xff", b"\rVmSwap: -99999", b"\x0cVmSwap: -99999", b") 0 0"])
def test_a_process_is_counted_whatever_it_calls_itself(name: bytes):
    program = f"""
import ctypes, sys
sum(range(3_000_000))  # some work, to be counted
assert ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0) == 0
print(flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert sandbox._private(process.pid) > 0
        assert sandbox._processor_seconds(process.pid) > 0
        process.stdin.close()
