"""Exercises in finding mistakes: what they accept, what they refuse, and how they say it."""

import math

import pytest
import torch

from course_utils.checking import Expose, Repair, exercises, judge, lessons
from course_utils.checking.exercise import reference
from course_utils.checking.running import collect
from course_utils.checking.forms import changed_lines

EVERY = [item for lesson in lessons() for item in exercises(lesson)]
EXPOSE = [item for item in EVERY if isinstance(item, Expose)]
REPAIR = [item for item in EVERY if isinstance(item, Repair)]
t = torch.tensor


def by_id(item):
    return item.id


def handed(exercise):
    given = reference(exercise)()
    return lambda: given


def step(params, grads, lr=0.1):
    return {"params": params, "grads": grads, "lr": lr}


ATTEMPTS = {
    "one number, lr 1": (step([t([1.0])], [t([1.0])], 1.0), t([0.0]), 0.42),
    "one vector": (step([t([1.0, 2.0])], [t([3.0, -4.0])]), t([0.7, 2.4]), 0.68),
    "both with gradients": (
        step([t([1.0, 2.0]), t([5.0])], [t([3.0, -4.0]), t([2.0])]),
        t([0.7, 2.4]),
        0.79,
    ),
    "the second without": (
        step([t([1.0, 2.0]), t([5.0])], [t([3.0, -4.0]), None]),
        t([0.7, 2.4]),
        0.84,
    ),
    "the first without": (
        step([t([1.0, 2.0]), t([5.0])], [None, t([2.0])]),
        t([1.0, 2.0]),
        0.95,
    ),
}


@pytest.mark.parametrize("case, expected, share", ATTEMPTS.values(), ids=ATTEMPTS)
def test_shares_are_those_of_the_table(case, expected, share):
    exercise = next(item for item in EXPOSE if item.name == "expose_sgd_step")
    [drawn] = exercise.own_cases(0)
    drawn.hidden["mutants"] = range(len(exercise.mutants))
    evidence = collect(exercise, lambda: ([case], expected), [drawn])
    assert round(exercise.weigh([drawn], evidence, 0)["value"], 2) == share


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_every_mistake_can_be_exposed(exercise, seed):
    verdict = judge(exercise.id, handed(exercise), seed=seed)
    assert (verdict.status, verdict.score) == ("right", 1.0), verdict.message


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
def test_a_seed_leaves_some_mistakes_out(exercise):
    drawn = [set(exercise.own_cases(seed)[0].hidden["mutants"]) for seed in range(8)]
    assert len({frozenset(one) for one in drawn}) > 1
    assert all(len(one) == 3 * len(exercise.mutants) // 4 for one in drawn)
    assert set.union(*drawn) == set(range(len(exercise.mutants)))
    assert all("mutants" not in str(exercise.own_cases(0)[0].sent()) for _ in drawn)


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda cases, result: cases, "Return two things"),
        (lambda cases, result: ([], result), "at least one dict"),
        (lambda cases, result: ([*cases, *cases, *cases], result), "are allowed"),
        (lambda cases, result: (["w = 0"], result), "Case 1: a case is a dict with the keys"),
        (lambda cases, result: ([{**cases[0], "more": 1}], result), "with the keys"),
        (lambda cases, result: ([dict.fromkeys(cases[0], "text")], result), "should be a"),
        (lambda cases, result: (cases, "about 3"), "should be a tensor or a number"),
        (lambda cases, result: (cases, result + 1), "not what right code gives"),
        (lambda cases, result: (cases, result[None].expand(7, *result.shape)), "not what right"),
    ],
)
def test_what_is_no_exposure_is_said(exercise, spoil, said):
    cases, result = reference(exercise)()
    verdict = judge(
        exercise.id, lambda: spoil(cases, t(result) if type(result) is float else result)
    )
    assert (verdict.status, verdict.score) == ("wrong", 0.0)
    assert said in verdict.advice, verdict.advice


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_numbers_that_nobody_can_calculate_with_are_refused(value):
    case = step([t([1.0])], [t([value])])
    verdict = judge("sgd.expose_sgd_step", lambda: ([case], t([1.0])))
    assert "finite and no larger" in verdict.advice


def test_a_case_too_large_is_refused():
    case = step([torch.ones(50)], [torch.ones(50)])
    assert "100 numbers" in judge("sgd.expose_sgd_step", lambda: ([case], t([1.0]))).advice


def test_a_case_that_right_code_cannot_answer_is_refused():
    case = step([t([1.0, 2.0])], [t([1.0, 2.0, 3.0])])
    verdict = judge("sgd.expose_sgd_step", lambda: ([case], t([1.0, 2.0])))
    assert verdict.score == 0 and "right code ends with" in verdict.advice


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_a_witness_and_a_repair_are_right(exercise, seed):
    verdict = judge(exercise.id, handed(exercise), seed=seed)
    assert (verdict.status, verdict.score) == ("right", 1.0), verdict.message


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_a_witness_alone_earns_half_and_a_repair_alone_nothing(exercise):
    witness, repaired = reference(exercise)()
    alone = judge(exercise.id, lambda: (witness, exercise.buggy_answer))
    assert (alone.status, alone.score) == ("partial", 0.5)
    blind = {
        name: [torch.zeros_like(x) if x is None else x * 0 for x in value if x is not None] or value
        if isinstance(value, list)
        else value
        for name, value in witness.items()
    }
    none = judge(exercise.id, lambda: (blind, repaired))
    assert (none.status, none.score) == ("wrong", 0.0), none.message


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_the_lines_shown_fail_their_own_check(exercise):
    assert judge(exercise.subject.id, exercise.buggy_answer).status != "right"


def test_lines_that_change_are_counted():
    before = "def f(x):\n    y = x + 1\n    z = 2 * y\n    return z\n"
    assert changed_lines(before, before.replace("f(", "repaired(")) == 0
    assert changed_lines(before, before.replace("+ 1", "- 1  # mended")) == 1
    assert changed_lines(before, before.replace("    y = x + 1\n", "")) == 1
    assert changed_lines(before, "def f(x):\n    return 2 * x + 2\n") == 3
