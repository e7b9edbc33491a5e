"""The walls themselves: what a submission tries here would do harm without them, so it runs nowhere else."""

import json

import pytest

from course_utils.grading import wire, worker
from course_utils.grading.task import Task
from tests.grading import corpus

LIMITS = wire.Limits(seconds=60, cell=5, grace=1)


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    worker.close()


def printed(text):
    """What a cell prints inside the sandbox."""
    content = json.dumps(corpus.put(corpus.released(), text)).encode()
    result = worker.grade(Task(corpus.LESSON.name, json.dumps(corpus.released()), content, seed=1, limits=LIMITS))
    shown = [item for outputs in result["outputs"].values() for item in outputs]
    return "".join(item.get("text", "") + item.get("evalue", "") for item in shown).strip()


LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


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


def test_the_template_outlives_every_child():
    before = worker._local.template.process.pid
    printed("import os\nos.kill(os.getpid(), 9)\nos._exit(3)")
    assert printed("print('alive')") == "alive"
    assert worker._local.template.process.pid == before


def test_a_template_that_dies_is_replaced():
    before = worker._local.template.process
    before.kill()
    before.wait()
    assert printed("print('alive')") == "alive"
    assert worker._local.template.process.pid != before.pid
