"""A program in a copy of a process that has imported what it needs does what a new one does."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils.building import copies, run

MODULES = (
    "decimal",
    "multiprocessing.process",
    "this",
)  # `this` prints a poem where it is imported


@pytest.fixture(params=["copied", "new"])
def python(request):
    return copies.python(MODULES) if request.param == "copied" else [sys.executable]


def ran(python, *words, **settings):
    done = subprocess.run([*python, *words], capture_output=True, text=True, **settings)
    return done.returncode, done.stdout, done.stderr


def test_it_has_imported_and_a_new_one_has_not():
    code = "import sys; print('this' in sys.modules)"
    assert ran(copies.python(MODULES), "-c", code) == (0, "True\n", "")
    assert ran([sys.executable], "-c", code) == (0, "False\n", "")


def test_words_input_folder_and_variables_are_as_given(python, tmp_path):
    (tmp_path / "nearby.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.py").write_text("print('far')\n")
    code = "import sys, os, far; print(sys.argv, sys.stdin.read(), os.getcwd(), *os.environ)"
    own = {"PYTHONPATH": "elsewhere", "LC_CTYPE": "C.UTF-8"}
    assert ran(python, "-c", code, "a", "-b", input="typed", cwd=tmp_path, env=own) == (
        0,
        f"far\n['-c', 'a', '-b'] typed {tmp_path} PYTHONPATH LC_CTYPE\n",
        "",
    )
    for words in (["-m", "nearby"], ["nearby.py"], [str(tmp_path / "nearby.py")]):
        assert ran(python, *words, "x", cwd=tmp_path) == (0, "__main__ ['x']\n", "")


def test_what_it_spawns_imports_from_the_same_folders(python, tmp_path):
    (tmp_path / "nearby.py").write_text("import sys\ndef show():\n    print(*sys.path)\n")
    code = (
        "import multiprocessing, nearby, time\n"
        "process = multiprocessing.get_context('spawn').Process(target=nearby.show)\n"
        "process.start()\nprocess.join()\nprint(time.tzname[0])"
    )
    status, said, errors = ran(python, "-c", code, cwd=tmp_path, env={"TZ": "Asia/Tokyo"})
    assert (status, errors) == (0, "") and said.split()[0] == str(tmp_path)
    assert said.split()[-1] == "JST" and str(copies.__file__).rpartition("/")[0] not in said


@pytest.mark.parametrize(
    "code, status, said",
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("import sys; sys.exit()", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import os; os.kill(os.getpid(), 15)", -15, ""),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'bye')", 0, "bye"),
        (
            "import threading, time, sys\n"
            "threading.Thread(target=lambda: (time.sleep(0.2), sys.stderr.write('late'))).start()",
            0,
            "late",
        ),
    ],
)
def test_it_ends_as_a_new_one_does(code, status, said, python):
    found, _, errors = ran(python, "-c", code)
    assert found == status and errors.endswith(said) and bool(errors) == bool(said)


WAITS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def begun(*python):
    """A process that waits, and the number of what runs in it."""
    process = subprocess.Popen([*python, "-c", WAITS], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


def gone(number):
    """Whether a process ends soon."""
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_it_and_it_ends_with_its_client(number):
    process, copy = begun(*copies.python(MODULES))
    assert copy != process.pid
    process.send_signal(number)
    assert process.wait(10) == -number and gone(copy)


def test_nothing_is_left_when_the_process_ends_that_began_it(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "from course_utils.building.copies import python\n"
        f"subprocess.run([*python({MODULES!r}), '-c', 'print(1)'])\n"
        f"print(python({MODULES!r})[-1], flush=True)\n"
        f"subprocess.run([*python({MODULES!r}), '-c', {WAITS!r}])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    one, address, copy = (process.stdout.readline().strip() for _ in range(3))
    assert one == "1" and os.path.exists(address)
    process.kill()
    assert gone(int(copy))
    for _ in range(100):
        if not os.path.exists(address):
            break
        time.sleep(0.05)
    assert not os.path.exists(os.path.dirname(address))


CELLS = [
    "import os, sys\nprint(hash('a'), sys.argv[0], *sys.path, sys.flags, os.getcwd() in sys.path)",
    "print(sorted({'MPLBACKEND', 'PYTHONHASHSEED', 'OMP_NUM_THREADS'} & {*os.environ}))",
    "import torch\n_ = torch.manual_seed(0)\nprint(torch.rand(2), torch.get_num_threads())",
    "import matplotlib\nfrom matplotlib import pyplot\nprint(matplotlib.get_backend())\n"
    "_ = pyplot.plot([1, 2])",
    "print(__name__, __doc__)\nprint(missing)",
    "%who",
]


def test_a_notebook_gives_the_same_as_in_a_new_kernel(tmp_path, monkeypatch):
    def outputs():
        notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, CELLS)])
        done = run.run(notebook, tmp_path, allow_errors=True)
        return [cell.outputs for cell in done.notebook.cells]

    copied = outputs()
    monkeypatch.delenv("JUPYTER_PATH")  # see tests/conftest.py
    monkeypatch.setattr(run, "Client", NotebookClient)
    assert copied == outputs() and copied[-2][-1].ename == "NameError"
