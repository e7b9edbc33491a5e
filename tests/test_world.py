"""What a student sets reaches no check, and what the course gets wrong is charged to nobody."""

import contextlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import check, judge
from course_utils.checking import (
    Card,
    Case,
    CourseFault,
    Exercise,
    NotRight,
    Training,
    diagnosis,
    gradients,
)
from course_utils.checking.exercise import exercises, lessons
from course_utils.checking.judge import judge_evidence
from course_utils.checking.naming import wrong_answer
from course_utils.checking.running import collect
from course_utils.checking.world import SETTINGS, changed, fixed_world
from course_utils.reference import linear as reference
from tests.answers import right_answers

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "float64": ("the default dtype", lambda: torch.set_default_dtype(torch.float64)),
    "bfloat16": ("the default dtype", lambda: torch.set_default_dtype(torch.bfloat16)),
    "meta": ("the default device", lambda: torch.set_default_device("meta")),
    "a device that is not here": ("the default device", lambda: torch.set_default_device("xla")),
    "no gradients": ("recording of gradients", lambda: torch.set_grad_enabled(False)),
    "anomaly": ("anomaly detection", lambda: torch.autograd.set_detect_anomaly(True)),
    "deterministic": ("deterministic algorithms", lambda: torch.use_deterministic_algorithms(True)),
    "no filling": (
        "the filling of new tensors",
        lambda: setattr(torch.utils.deterministic, "fill_uninitialized_memory", False),
    ),
    "matrix products": (
        "the precision of matrix",
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "tiny numbers": ("flushing of tiny", lambda: torch.set_flush_denormal(True)),
    "NumPy": ("NumPy's treatment", lambda: np.seterr(all="raise")),
    "inference": ("inference mode", torch.inference_mode),
    "autocast": ("autocast", lambda: torch.autocast("cpu")),
    "device context": ("the default device", lambda: torch.device("meta")),
    "warnings": ("", lambda: warnings.simplefilter("error")),
}


@contextlib.contextmanager
def outside(name):
    """A student's setting, undone afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        before = {setting: item.read() for setting, item in SETTINGS.items()}
        entered = OUTSIDE[name][1]()
        if hasattr(entered, "__enter__"):
            stack.enter_context(entered)
        try:
            yield
        finally:
            for setting, item in SETTINGS.items():
                item.set(before[setting])


def statuses(lesson):
    """The verdicts on a right answer and on two wrong ones of each exercise."""
    answers = right_answers(lesson)
    for exercise in exercises(lesson):
        if not isinstance(exercise, Training):
            wrong = [
                wrong_answer(exercise, mistake)
                for mistake in exercise.mistakes
                if mistake.change is not None
            ][:2]
            yield (
                exercise.id,
                [judge(exercise.id, answer).status for answer in (answers[exercise.id][0], *wrong)],
            )


@pytest.mark.parametrize("setting", ["float64", "meta", "inference"])
@pytest.mark.parametrize("lesson", lessons())
def test_verdicts_are_the_same_in_every_lesson(lesson, setting):
    plain = list(statuses(lesson))
    assert all(first == "right" and "right" not in rest for _, [first, *rest] in plain)
    with outside(setting):
        assert list(statuses(lesson)) == plain


@pytest.mark.parametrize("setting", OUTSIDE)
def test_a_setting_reaches_no_check_and_is_back_afterwards(setting):
    plain = list(statuses("linear"))
    with outside(setting):
        there = changed()
        assert list(statuses("linear")) == plain
        verdict = judge("linear.relu", lambda x: x.clamp(min=0))
        assert changed() == there
    assert verdict.status == "right"
    assert OUTSIDE[setting][0] in verdict.note and bool(verdict.note) == bool(there)
    assert verdict.note in repr(Card(verdict, 1))
    assert not changed()


def test_in_the_usual_world_there_is_no_note():
    assert judge("linear.relu", lambda x: x.clamp(min=0)).note == ""


def test_a_setting_that_an_answer_leaves_behind_is_its_mistake_and_goes_no_further():
    def relu(x):
        torch.use_deterministic_algorithms(True)
        return x.clamp(min=0)

    verdict = judge("linear.relu", relu)
    assert (verdict.mistake, verdict.where) == (
        "changed the state of torch",
        "deterministic algorithms",
    )
    assert not changed()


@pytest.mark.parametrize("setting", ["no filling", "deterministic", "matrix products"])
def test_what_is_never_filled_is_nan(setting):
    seen = []

    def relu(x):
        seen.append(bool(torch.empty_like(x).isnan().all()))
        return x.clamp(min=0)

    with outside(setting):
        assert judge("linear.relu", relu).status == "right"
    assert seen and all(seen)


@pytest.mark.parametrize(
    "setting", ["set_default_dtype(torch.float64)", "set_default_device('meta')"]
)
def test_a_setting_made_before_the_first_check_of_a_kernel_reaches_nothing(setting):
    code = f"""
import torch
torch.{setting}
from torch import nn
from course_utils import judge
from tests.answers.linear import EinsumLinear
class NeverAdded(EinsumLinear):
    def forward(self, x):
        return x @ self.weight.T
assert judge("linear.My_Linear", NeverAdded).status == "wrong"
verdict = judge("linear.My_Linear", EinsumLinear)
assert verdict.status == "right", verdict
assert judge("transfer.freeze", lambda module: None).status == "wrong"
assert judge("embeddings.pca", lambda x, k: None).mistake == "returned None"
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1500:]


def test_a_fixed_world_in_a_fixed_world_changes_nothing():
    with fixed_world(), fixed_world():
        assert not changed() and torch.get_num_threads() == 1
    assert not changed()


def test_a_check_computes_in_one_thread_and_afterwards_there_are_as_many_as_before():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with fixed_world():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


class Half(Exercise):
    """x / 2 of a whole even number; else a ValueError."""

    id, points = "linear.half", 1

    def cases(self, rng):
        yield Case("4", x=4)
        yield Case("5", x=5, raises=ValueError)

    def probe(self, half, case):
        yield "half", half(case.x)


def half(x):
    if x % 2:
        raise ValueError("odd")
    return x // 2


def fails(*args, **kwargs):
    raise ZeroDivisionError("a bug of the course")


@pytest.fixture
def judged(monkeypatch):
    """Judges an answer to an exercise, with `half` or another function as its reference."""

    def judged(answer, right=half, exercise=None):
        monkeypatch.setattr(reference, "half", right, raising=False)
        exercise = exercise or Half()
        cases = exercise.draw(0)
        return judge_evidence(exercise, cases, collect(exercise, answer, cases), 0)

    return judged


def raising(error):
    def answer(x):
        if x % 2:
            raise error
        return x // 2

    return answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError, "right"),
        (UnicodeError, "right"),
        (TypeError, "error"),
        (Exception, "error"),
        (KeyError, "error"),
    ],
)
def test_an_error_that_is_due_may_be_a_subclass(judged, error, status):
    assert judged(raising(error)).status == status


def test_an_error_that_is_not_due_is_no_agreement(judged):
    class NoneDue(Half):
        def cases(self, rng):
            yield Case("5", x=5)

    verdict = judged(raising(ValueError), exercise=NoneDue())
    assert verdict.status == "course error" and 'raise ValueError("odd")' in verdict.fault


def test_a_due_error_that_the_reference_does_not_raise_is_the_courses_fault(judged):
    verdict = judged(half, right=lambda x: x // 2)
    assert (
        verdict.status == "course error"
        and "ends with no error, but should end with ValueError" in verdict.advice
    )


@pytest.mark.parametrize("place", ["cases", "probe"])
def test_a_fault_of_an_exercise_has_its_own_status(monkeypatch, place):
    monkeypatch.setattr(type(exercises("linear")[0]), place, fails)
    verdict = judge("linear.relu", lambda x: x.clamp(min=0))
    assert (verdict.status, verdict.score, verdict.mistake) == ("course error", 0.0, None)
    assert "in fails" in verdict.fault


def test_a_bug_in_the_judge_is_shown_as_the_courses(monkeypatch, capsys):
    monkeypatch.setattr(diagnosis, "RECOGNISERS", (fails,))
    with pytest.raises(CourseFault, match="not you") as caught:
        check("linear.relu", lambda x: x + 1)
    assert not isinstance(caught.value, NotRight)
    shown = capsys.readouterr().out
    assert "no points lost" in shown and "in fails" in shown and "It costs no points" in shown


def test_what_an_answer_breaks_in_a_probe_is_its_own_fault():
    assert judge("linear.relu", lambda x: object()).status == "wrong"
    assert judge("linear.My_Linear", lambda *args, **kwargs: 3).status in ("wrong", "error")
    assert judge("linear.relu", lambda: None).status == "error"


def test_gradients_of_a_half_precision_default_are_those_of_float32():
    with outside("bfloat16"), fixed_world():
        x = torch.ones(3, requires_grad=True)
        assert gradients(x * 2, [x])[0].dtype == torch.float32


def test_nothing_is_warned_of_while_an_answer_is_judged(recwarn):
    def relu_backward(grad_out, x):
        grad_out[x <= 0] = 0  # torch warns where rows of grad_out share their memory
        return grad_out

    assert judge("backprop.relu_backward", relu_backward).mistake == "grad_out overwritten"
    assert not [warning.message for warning in recwarn]
