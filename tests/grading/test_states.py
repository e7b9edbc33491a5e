"""What an own cell sets for all of torch, NumPy or Python reaches no answer below it."""

from typing import Any

import pytest

from course_utils.grading.outside import batch
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course

FORGETS_A_BIAS = "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, b2 + 0"
STATES = {
    "device_meta": "torch.set_default_device('meta')",
    "device_cuda": "torch.set_default_device('cuda')",
    "device_if_there": "torch.set_default_device('cuda' if torch.cuda.is_available() else 'cpu')",
    "tensor_type": "torch.set_default_tensor_type('torch.cuda.FloatTensor')",
    "float64": "torch.set_default_dtype(torch.float64)",
    "bfloat16": "torch.set_default_dtype(torch.bfloat16)",
    "no_grad": "torch.set_grad_enabled(False)",
    "inference": "_kept = torch.inference_mode()\n_kept.__enter__()",
    "autocast": "_kept = torch.autocast('cpu')\n_kept.__enter__()",
    "anomaly": "torch.autograd.set_detect_anomaly(True)",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "threads": "torch.set_num_threads(64)",
    "strict": "import warnings\nimport numpy as np\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
    "matmul": "torch.set_float32_matmul_precision('medium')",
}
ON_A_GPU = {  # what needs the device that is not here, and what it costs
    "relu_on_cuda": (  # two_layer_net calls it
        {"relu": "def relu(x):\n    return x.cuda().clamp(min=0).cpu()"},
        "",
        corpus.FULL - corpus.worth("relu", "two_layer_net"),
    ),
    "model_on_cuda": (
        {},
        "device = torch.device('cuda')\nmodel = torch.nn.Linear(2, 2).to(device)",
        corpus.FULL,
    ),
    "moved_to_device": (
        {"relu": "def relu(x):\n    return x.to(device).clamp(min=0)"},
        "device = 'cuda' if torch.cuda.is_available() else 'cpu'",
        corpus.FULL,
    ),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    course = make_course(tmp_path_factory.mktemp("course"))
    for name, text in STATES.items():
        hand_in(course, name, corpus.put(corpus.answered(), text))
    hand_in(
        course, "forgets", corpus.put(corpus.answered(collapse=FORGETS_A_BIAS), STATES["float64"])
    )
    for name, (answers, text, _) in ON_A_GPU.items():
        hand_in(course, name, corpus.put(corpus.answered(**answers), text))
    return batch.grade(course, corpus.LESSON, batch.Options(seed=5), progress=False)["submissions"]


def verdicts(row: Any) -> dict[str, str]:
    return {check["id"].partition(".")[2]: check["status"] for check in row["checks"]}


@pytest.mark.parametrize("name", STATES)
def test_a_state_costs_nothing(rows: Any, name: str) -> None:
    assert rows[name]["score"] == corpus.FULL, verdicts(rows[name])


def test_a_mistake_is_one_in_every_state(rows: Any) -> None:
    found = verdicts(rows["forgets"])
    assert [name for name, status in found.items() if status == "wrong"] == ["collapse"]


@pytest.mark.parametrize("name", ON_A_GPU)
def test_a_device_that_is_not_here_costs_what_needs_it(rows: Any, name: str) -> None:
    assert rows[name]["score"] == ON_A_GPU[name][2], verdicts(rows[name])
