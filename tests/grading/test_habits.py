"""What a student saw in their own notebook is what the grader says of it, whatever their
habits.
"""

import json

import pytest

from course_utils.checking.card import TITLES
from course_utils.grading.outside import warm, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus
from tests.kernel import Kernel, cells

LINEAR = cells("01_linear")
RIGHT = "def relu(x):\n    return x.clamp(min=0)"
WRONG = "def relu(x):\n    return x.abs()"

# By habit: the cells that the student put before the answer, and the answer.
HABITS = {
    "time magic": ([], f"%%time\n{RIGHT}"),
    "capture magic": ([], f"%%capture\n{RIGHT}"),
    "a magic over a wrong answer": ([], f"%%time\n{WRONG}"),
    "autoreload": (["%load_ext autoreload\n%autoreload 2\n%matplotlib inline"], RIGHT),
    "shell": (["!ls\nfiles = !ls\nprint(len(files))", "%%bash\necho hi"], RIGHT),
    "a written file": (["%%writefile notes.txt\nhello"], RIGHT),
    "top-level await": (["import asyncio\nawait asyncio.sleep(0)"], RIGHT),
    "star imports": (["from torch.nn.functional import *\nfrom math import *"], RIGHT),
    "progress bar": (["from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass"], RIGHT),
    "a missing package": (["import a_package_that_is_nowhere"], RIGHT),
    "helper in an own cell": (
        ["def _clip(x):\n    return x.clamp(min=0)"],
        "def relu(x):\n    return _clip(x)",
    ),
    "constant in an own cell": (["FLOOR = 0"], "def relu(x):\n    return x.clamp(min=FLOOR)"),
    "first try kept": ([WRONG], RIGHT),
    "first try was right": ([RIGHT], WRONG),
    "an instance": (
        [],
        "class Relu(nn.Module):\n    def forward(self, x):\n        return x.clamp(min=0)\n"
        "relu = Relu()",
    ),
    "partial": ([], "from functools import partial\nrelu = partial(torch.clamp, min=0)"),
    "script": ([], f"@torch.jit.script\n{RIGHT}"),
    "compiled": ([], f"@torch.compile\n{RIGHT}"),
    "cache": ([], f"import functools\n@functools.lru_cache\n{RIGHT}"),
    "own tests below": ([], f"{RIGHT}\n\nprint(relu(torch.ones(2)))\nassert relu(torch.ones(1))"),
    "a slip below the answer": ([], f"{RIGHT}\n\nrelu(torch.ones(2)).shap"),
    "tabs": ([], RIGHT.replace("    ", "\t")),
    "semicolon": ([], f"# %%\n{RIGHT};"),
    "kept in a default argument": (
        [],
        "def relu(x, kept=[]):\n    kept.append(x)\n    return kept[0].clamp(min=0)",
    ),
}
# Settings last until the kernel ends.
SETTINGS = {
    "float64": "torch.set_default_dtype(torch.float64)",
    "meta": "torch.set_default_device('meta')",
    "inference": "torch.inference_mode().__enter__();",
    "no gradients": "torch.set_grad_enabled(False);",
    "deterministic": "torch.manual_seed(0); torch.use_deterministic_algorithms(True)",
    "strict": "import warnings, numpy\nwarnings.simplefilter('error')\nnumpy.seterr(all='raise')\n"
    "torch.autograd.set_detect_anomaly(True)",
    "device": "device = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
    "torch.set_default_device(device)",
}


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    with Kernel(tmp_path_factory.mktemp("lesson"), "01_linear") as kernel:
        yield kernel


def seen(kernel, before, answer):
    """The status on the card under the answer."""
    kernel.run("%reset -f")
    for text in (LINEAR["first"], *before, answer):
        kernel.run(text)
    card = kernel.run(LINEAR["check-relu"])
    return next(status for status, title in TITLES.items() if title in card)


def graded(before, answer):
    """The status that the grading gives."""
    notebook = corpus.answered(relu=answer)
    for text in before:
        corpus.put(notebook, text)
    content, released = json.dumps(notebook).encode(), json.dumps(corpus.released())
    result = worker.grade(Task(corpus.LESSON.name, released, content, seed=1))
    [row] = [row for row in result.checks if row.id == "linear.relu"]
    return row.status


@pytest.mark.parametrize("habit", HABITS)
def test_what_is_seen_is_what_is_graded(kernel, habit):
    assert seen(kernel, *HABITS[habit]) == graded(*HABITS[habit])


def test_what_is_compiled_is_graded_as_it_is_written_and_costs_no_other_answer_anything():
    notebook = corpus.answered(relu=f"@torch.compile\n{RIGHT}")
    corpus.put(notebook, "relu(torch.tensor([-1.0, 2.0])).tolist()", "check-relu")
    content, released = json.dumps(notebook).encode(), json.dumps(corpus.released())
    result = worker.grade(Task(corpus.LESSON.name, released, content, seed=1))
    assert sum(row.points for row in result.checks) == corpus.FULL
    assert "[0.0, 2.0]" in json.dumps([cell.get("outputs") for cell in result.cells])


LEAKY = "def relu(x):\n    return x.clamp(min=0) + 0.3 * x.clamp(max=0)"
THROUGH_A_HELPER = """
def bend(x):
    return relu(x)


class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first, self.second = My_Linear(n_in, n_hidden), My_Linear(n_hidden, n_out)

    def forward(self, x):
        return self.second(bend(self.first(x)))
"""


@pytest.mark.parametrize("net", [None, THROUGH_A_HELPER], ids=["directly", "through a helper"])
def test_who_uses_an_answer_that_is_wrong_is_told_so_and_has_no_mistake_without_a_name(net):
    notebook = corpus.answered(relu=LEAKY, **({"two_layer_net": net} if net else {}))
    content, released = json.dumps(notebook).encode(), json.dumps(corpus.released())
    result = worker.grade(Task(corpus.LESSON.name, released, content, seed=1))
    rows = {row.id: row for row in result.checks}
    net = rows["linear.two_layer_net"]
    assert net.status == "wrong" and net.mistake == "uses an answer that is not right"
    assert "It uses relu, which is not right yet, and that may be the whole cause." in net.message
    assert "It uses" not in rows["linear.relu"].message
    assert {*result.evidence} == {"linear.relu"}


def test_settings_of_a_notebook_change_neither(tmp_path):
    with Kernel(tmp_path, "01_linear") as kernel:
        for setting in SETTINGS.values():
            assert seen(kernel, [setting], RIGHT) == graded([setting], RIGHT) == "right"
            assert seen(kernel, [setting], WRONG) == graded([setting], WRONG) == "wrong"


def test_what_only_the_kernel_knows_is_not_graded(kernel):
    answer = "def relu(x):\n    return x.clamp(min=FLOOR)"
    assert (seen(kernel, ["FLOOR = 0"], answer), graded([], answer)) == ("right", "error")
