"""A right answer is right under every seed, however it rounds, and a wrong one stays wrong."""

import inspect
from types import FunctionType

import pytest
import torch

from course_utils import judge
from course_utils.checking import Case, Exercise
from course_utils.checking.compare import same
from course_utils.checking.exercise import find, reference
from course_utils.checking.judge import expected_evidence, judge_evidence
from course_utils.checking.running import collect
from course_utils.checking.tolerance import RUNS, Moved, MovedRuns, Rough, Slack
from course_utils.reference import linear, optimizers, weight_decay
from tests.answers import right_answers
from tests.rounding import ROUNDING, Softmax, adam_as_torch


@pytest.mark.parametrize("seed", [1019, 1098, 1334, 1422])
def test_the_textbooks_softmax_is_right_under_seeds_that_cancel(seed):
    assert judge("cross_entropy.softmax", Softmax.apply, seed).status == "right"


@pytest.mark.parametrize("seed", [27, 1114])
def test_adam_in_torchs_order_is_right_under_seeds_that_cancel(seed):
    assert judge("optimizers.adam_step", adam_as_torch, seed).status == "right"


@pytest.mark.parametrize("id", ROUNDING)
def test_answers_that_round_differently_are_right(id):
    exercise = find(id)
    for seed in range(20):
        cases = exercise.draw(seed)
        expected = expected_evidence(exercise, cases, seed)
        for answer in ROUNDING[id]:
            evidence = collect(exercise, answer, cases, guarded=False, seed=seed)
            verdict = judge_evidence(exercise, cases, evidence, seed, expected)
            assert verdict.status == "right", (
                getattr(answer, "__name__", answer),
                seed,
                verdict.message,
            )


class Rest(Exercise):
    """What is left of x when y is taken away: nearly nothing, and so nearly no digits."""

    id, points = "linear.rest", 1

    def cases(self, rng):
        x = 1000 * rng.normal(6)
        yield Case("close numbers", x=x, y=x * (1 + 1e-4 * rng.normal(6)))

    def probe(self, rest, case):
        yield "rest", rest(case.x, case.y)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda x, y: x - y, "right"),
        (lambda x, y: (x / 3 - y / 3) * 3, "right"),
        (lambda x, y: (x.double() - y.double()).float(), "right"),
        (lambda x, y: (x - y) * 1.7, "wrong"),
        (lambda x, y: y - x, "wrong"),
        (lambda x, y: x - y + 0.02, "wrong"),
        (lambda x, y: 0 * x, "wrong"),
    ],
    ids=["plain", "thirds", "double", "too much", "sign", "more", "nothing"],
)
def test_what_a_cancellation_leaves_may_differ_by_what_it_lost(monkeypatch, answer, status, seed):
    monkeypatch.setattr(
        linear, "rest", lambda x, y: x * 0.7 - y * 0.7 + (x - y) * 0.3, raising=False
    )
    exercise = Rest()
    cases = exercise.own_cases(seed)
    assert judge_evidence(exercise, cases, collect(exercise, answer, cases), seed).status == status


def test_the_reference_runs_again_only_where_a_value_differs_by_little():
    runs = []
    slack = Slack(Case("", x=torch.ones(2)), moved=lambda: runs.append(1) or [torch.ones(2)] * RUNS)
    assert same(torch.ones(2), torch.ones(2) + 1e-6, slack) and not runs
    assert not same(torch.ones(2), torch.ones(2) + 1e-2, slack) and not runs
    assert not same(torch.ones(2), torch.ones(2) + 1e-4, slack) and runs


def test_a_jump_is_no_rounding():
    moved = [torch.tensor([1.0, 0.5]), torch.tensor([1.0, 1.5])]
    assert not same(
        torch.ones(2), torch.tensor([1.0, 1.0005]), Slack(Case(""), moved=lambda: moved)
    )


def test_moving_changes_what_rounds_and_nothing_else():
    x, index = torch.randn(50), torch.arange(50)
    with Moved(0):
        kept = [
            x.clone(),
            x[index],
            x.reshape(5, 10),
            x.clamp(min=-9),
            torch.cat([x, x])[:50],
            x.sort().values,
        ]
        moved, above = x * 3, x > 0
    assert all(torch.equal(item.flatten(), x) for item in kept[:5]) and torch.equal(
        kept[5], x.sort().values
    )
    assert torch.equal(above, x > 0)
    assert not torch.equal(moved, x * 3) and torch.allclose(moved, x * 3, rtol=3e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_an_operand_is_moved_by_one_rounding_error_up_or_down(dtype):
    x = torch.ones(40_000, dtype=dtype)
    with Moved(0):
        first, second = x * 1, x * 1
    assert set(((first - 1) / torch.finfo(dtype).eps).tolist()) == {-1.0, 1.0}
    assert 0.4 < (first == second).double().mean() < 0.6


def test_beside_float64_a_float32_operand_moves_no_further_than_float64_rounds():
    x = torch.ones(40)
    with Moved(0):
        moved = x.double() + x
    assert 0 < (moved - 2).abs().max() < 1e-15


def test_a_run_ends_at_the_value_that_is_asked_for_and_gives_the_same_when_it_goes_on():
    exercise = find("cross_entropy.log_softmax")
    runs = MovedRuns(exercise, reference(exercise), exercise.draw(0)[0], 0)
    first = list(runs("log p"))
    whole = list(runs(None))
    assert len(first) == len(whole) == RUNS
    for one, other in zip(first, whole, strict=True):
        assert list(one.values) == ["log p"] and len(other.values) > 1
        assert torch.equal(one.values["log p"], other.values["log p"])
    assert all(a is b for a, b in zip(whole, runs("log p"), strict=True))


SIGNS = [
    (optimizers.adamw_step, "optimizers.adamw_step", "1 - lr * wd", "1 + lr * wd"),
    (optimizers.adamw_step, "optimizers.adamw_step", "1 - lr * wd", "1 - wd"),
    (weight_decay.sgd_decay_step, "weight_decay.sgd_decay_step", "1 - lr * wd", "1 + lr * wd"),
    (weight_decay.sgd_l2_step, "weight_decay.sgd_l2_step", "+ wd * p", "- wd * p"),
    (weight_decay.sgd_l2_step, "weight_decay.sgd_l2_step", "wd * p", "2 * wd * p"),
]


@pytest.mark.parametrize(("right", "id", "old", "new"), SIGNS, ids=range(len(SIGNS)))
def test_a_decay_of_another_sign_or_size_is_refused(right, id, old, new):
    lines, _ = inspect.getsourcelines(inspect.unwrap(right))
    code = "".join(lines)
    assert old in code[code.rindex('"""') :]
    names = dict(
        vars(inspect.getmodule(inspect.unwrap(right))), adam_step=copied(optimizers.adam_step)
    )
    exec(code[: code.rindex('"""')] + code[code.rindex('"""') :].replace(old, new), names)
    answer = names[id.partition(".")[2]]
    answer.__module__ = "__main__"
    verdict = judge(id, answer)
    assert (verdict.status, verdict.score) == ("wrong", 0.0)


def copied(function):
    """The same function, which is not in a file of the course."""
    inner = inspect.unwrap(function)
    code = inner.__code__.replace(co_filename="<copy>")
    return torch.no_grad()(FunctionType(code, inner.__globals__, inner.__name__))


def test_statistics_of_start_values_are_right_for_equal_draws() -> None:
    """Under 1609 two of 150 honest start values are equal in one of two right answers."""
    answer = next(a for a in right_answers("linear")["linear.My_Linear"] if "third" in a.__name__)
    assert all(judge("linear.My_Linear", answer, seed).score == 1 for seed in range(1600, 1620))


def test_adams_sign_is_right_beside_any_gradient_that_is_drawn() -> None:
    """Under these seeds eps showed beside a tiny gradient."""
    answers = right_answers("optimizers")["optimizers.reborn_adam_step"]
    assert all(
        judge("optimizers.reborn_adam_step", answer, seed).score == 1
        for answer in answers
        for seed in (1366, 1597, 1725)
    )


def test_the_mean_of_the_middle_two_is_a_median_also_where_they_cancel() -> None:
    answers = right_answers("tabular")["tabular.fill_missing"]
    assert all(judge("tabular.fill_missing", answer, 1855).score == 1 for answer in answers)


def test_what_the_rough_slack_refuses_every_slack_refuses():
    generator = torch.Generator().manual_seed(1)
    odd = [0.0, 1e-30, 1.0, -1e4, 1e30, float("inf"), float("-inf"), float("nan")]
    refused = 0
    for _ in range(2000):
        scale = 10.0 ** float(torch.randint(-9, 3, (), generator=generator))
        one = torch.randn(3, generator=generator)
        other = one + scale * torch.randn(3, generator=generator)
        for values in (one, other):
            if torch.rand((), generator=generator) < 0.3:
                values[0] = odd[int(torch.randint(len(odd), (), generator=generator))]
        case = Case("x", x=torch.tensor([1.0, 1000.0][: 1 + int(one[1] > 0)]))
        rtol = [None, 1e-6, 0.1][int(torch.randint(3, (), generator=generator))]
        near = Slack(case, rtol, lambda other=other: [other] * RUNS)
        if not Rough(case, rtol).covers(one, other):
            refused += 1
            assert not near.covers(one, other), (one, other, rtol)
        if not Rough(case, rtol).covers_number(float(one[0]), float(other[0])):
            refused += 1
            number = float(other[0])
            assert not Slack(case, rtol, lambda n=number: [n] * RUNS).covers_number(
                float(one[0]), number
            ), (one, other, rtol)
    assert refused > 1000
