"""What students of other courses lost points with: prompts, installs, ends, widgets, devices and
floods of output in a notebook whose answers are right.
"""

import json

import pytest

from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import warm, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus

RIGHT = corpus.solutions()["relu"]
LIMITS = Limits(cell=4.0, grace=1.0, restarts=4)
BIG = "import matplotlib.pyplot as plt\nplt.figure(figsize=(20, 20))\nplt.imshow(torch.rand(2000, 2000))"
SMALL = "import matplotlib.pyplot as plt\nplt.plot([1, 2])"
# Own cells, which cost nothing, whatever becomes of them.
OWN = {
    "input": "n = int(input('How many? '))",
    "getpass": "import getpass\ngetpass.getpass()",
    "debugger": "1 / 0",
    "pip": "!pip install -q einops",
    "pip magic": "%pip install einops",
    "conda": "%conda install einops",
    "pip by subprocess": "import subprocess, sys\n"
    "subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'einops'])",
    "download": "!wget -q https://example.org/data.csv\n!apt-get install -y graphviz",
    "exit": "exit()",
    "quit": "quit",
    "sys.exit": "import sys\nsys.exit('done')",
    "widgets": "import ipywidgets as widgets\nwidgets.interact(print, a=(0, 10))",
    "carriage returns": "for i in range(100_000):\n    print(f'\\r{i}', end='')",
    "endless output": "while True:\n    print('x' * 100)",
    "large picture": BIG,
    "interaction": "import ipywidgets as widgets\n@widgets.interact(a=(0, 10))\ndef f(a):\n"
    "    return a",
    "another folder": "import os\nos.makedirs('work', exist_ok=True)\nos.chdir('work')",
    "names of Python's": "max = 5; list = [1]; input = 3; id = 7; type = 'a'; print = None",
    "seeds": "import random\ntorch.manual_seed(0)\nrandom.seed(0)",
    "no check": "del check",
    "a way to print": "torch.set_printoptions(profile='full', sci_mode=False)",
    "output to a file": "import sys\nsys.stdout = open('log.txt', 'w')\nsys.stderr = sys.stdout",
    "output closed": "import sys\nsys.stdout.close()",
    "an alarm": "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(1)",
    "threads that go on": "import threading, time\nfor _ in range(4):\n"
    "    threading.Thread(target=time.sleep, args=(300,)).start()",
    "a pool that goes on": "import multiprocessing\npool = multiprocessing.Pool(4)",
    "a window": "import matplotlib\nmatplotlib.use('TkAgg')",
    "a GPU": "model = torch.nn.Linear(2, 2).to(torch.device('cuda'))",
    "a GPU by default": "torch.set_default_device('cuda')",
}
# Answers to relu that are right, in cells that do more.
ANSWERS = {
    "input below": f"{RIGHT}\n\na = float(input('a number: '))",
    "pip above": f"!pip install einops\n{RIGHT}",
    "exit below": f"{RIGHT}\nimport sys\nsys.exit()",
    "cleared output": "from IPython.display import HTML, clear_output, display\ndef relu(x):\n"
    "    clear_output(wait=True)\n    display(HTML('<b>x</b>'))\n    return x.clamp(min=0)",
    "letters of full width": RIGHT.replace("relu", "\uff52\uff45\uff4c\uff55", 1),
    "a form feed and tabs": f"\x0c{RIGHT}".replace("    ", "\t"),
    "a bar of widgets": "from tqdm.notebook import tqdm\ndef relu(x):\n"
    "    for _ in tqdm(range(3)):\n        pass\n    return x.clamp(min=0)",
    "a bar by range": "from tqdm.auto import trange\ndef relu(x):\n"
    "    for _ in trange(3):\n        pass\n    return x.clamp(min=0)",
    "a device if there is one": "device = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
    "def relu(x):\n    return x.to(device).clamp(min=0)",
}
# Cells that end the process, or try to: they are left out, and the rest is graded.
ENDS = {
    "os._exit": "import os\nos._exit(0)",
    "a signal to itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


def graded(notebook):
    released, content = json.dumps(corpus.released()), json.dumps(notebook).encode()
    return worker.grade(Task(corpus.LESSON.name, released, content, seed=1, limits=LIMITS))


def points(result):
    return sum(row.points for row in result.checks)


SOCKET = "import gc, os, socket, time\nsock = next(t for t in gc.get_objects() if type(t) is socket.socket)"
ENDINGS = {
    "an exit status like that of a kill": ("os._exit(137)", "it exited with status 137"),
    "an exit status like that of a signal": ("os._exit(134)", "it exited with status 134"),
    "a closed socket": ("sock.close()\ntime.sleep(9)", "it stopped answering"),
    "half a socket": ("sock.shutdown(socket.SHUT_WR)\ntime.sleep(9)", "it stopped answering"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_no_process_makes_its_own_end_look_like_the_machines(name):
    text, said = ENDINGS[name]
    result = graded(corpus.put(corpus.answered("relu"), f"{SOCKET}\n{text}", "relu"))
    assert result.final and said in "".join(result.repairs)


@pytest.mark.parametrize("name", OWN)
def test_an_own_cell_costs_nothing(name):
    result = graded(corpus.put(corpus.answered(), OWN[name]))
    assert (points(result), result.status) == (corpus.FULL, "graded")


@pytest.mark.parametrize("name", ANSWERS)
def test_what_else_stands_in_an_answers_cell_costs_nothing(name):
    result = graded(corpus.answered(relu=ANSWERS[name]))
    assert (points(result), result.status) == (corpus.FULL, "graded")


@pytest.mark.parametrize("name", ENDS)
def test_the_rest_is_graded_where_an_own_cell_ends_the_process(name):
    result = graded(corpus.put(corpus.answered(), ENDS[name]))
    assert points(result) == corpus.FULL
    left_out = any("was left out" in line for line in result.repairs)
    assert (result.status == "crashed") == left_out == (name == "os._exit")


def test_the_state_of_widgets_is_no_part_of_the_work():
    notebook = corpus.answered()
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x", "version_major": 2}}
    cell = notebook["cells"][corpus.place(notebook, "relu")]
    cell["outputs"] = [{"output_type": "display_data", "data": view, "metadata": {}}]
    state = {f"{n:032x}": {"model_module": "@jupyter-widgets/base"} for n in range(2000)}
    kind = "application/vnd.jupyter.widget-state+json"
    notebook["metadata"]["widgets"] = {kind: {"state": state, "version_major": 2}}
    assert points(graded(notebook)) == corpus.FULL


def test_a_prompt_above_an_answer_is_named():
    result = graded(corpus.answered(relu=f"a = float(input('a number: '))\n{RIGHT}"))
    [row] = [row for row in result.checks if row.id == "linear.relu"]
    assert row.status == "error" and "its cell raised EOFError" in row.message


def test_a_picture_that_a_cell_draws_is_in_the_graded_notebook():
    result = graded(corpus.put(corpus.answered(), f"{SMALL}\nplt.show()\n2 + 3"))
    cell = next(cell for cell in result.cells if SMALL in cell["source"])
    kinds = [kind for output in cell["outputs"] for kind in output.get("data", {})]
    assert "image/png" in kinds and cell["outputs"][-1]["data"] == {"text/plain": "5"}
