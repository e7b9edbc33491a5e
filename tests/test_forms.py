"""Exercises in finding mistakes: what they accept, what they refuse, and how they say it."""

import functools
import itertools
import math
import re
import types
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.building.lesson import all_lessons
from course_utils.checking import Expose, Repair, Reproduce, TellApart, exercises, judge, lessons
from course_utils.checking.card import Card
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import find, reference
from course_utils.checking.forms import misses
from course_utils.checking.judge import judge_evidence
from course_utils.checking.repair import bare_lines, changed_lines
from course_utils.checking.reproduce import DIGITS, first_apart
from course_utils.checking.running import collect
from course_utils.grading.outside import kit
from tests.answers import wrong_answers
from tests.attempts import (
    ATTEMPTS,
    NAN,
    SEEDS,
    TESTS,
    examples,
    gaps,
    handed_in,
    random_share,
    random_witnesses,
    scores,
    share,
    step,
    table,
)
from tests.curves import as_low
from tests.make_curves import curves
from tests.plausible_bugs import BUGS

EVERY = [item for lesson in lessons() for item in exercises(lesson)]
EXPOSE = [item for item in EVERY if isinstance(item, Expose)]
REPAIR = [item for item in EVERY if isinstance(item, Repair)]
TELL_APART = [item for item in EVERY if isinstance(item, TellApart)]
REPRODUCE = [item for item in EVERY if isinstance(item, Reproduce)]
t = torch.tensor


def by_id(item):
    return item.id


def handed(exercise):
    given = reference(exercise)()
    return lambda: given


TABLE = re.compile(r"^ *\| .* \| (\d\.\d\d) \|$", re.MULTILINE)


@pytest.mark.parametrize("exercise", EXPOSE + TELL_APART, ids=by_id)
def test_attempts_reach_what_the_table_says(exercise):
    assert table(exercise) == TABLE.findall(exercise.__doc__)
    many = len(exercise.wrongs) if exercise in TELL_APART else len(exercise.mutants)
    assert f"Share of {many} " in exercise.__doc__


NUMBERS = {
    11: "eleven",
    15: "fifteen",
    19: "nineteen",
    20: "twenty",
    24: "twenty-four",
    40: "forty",
}


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
def test_the_lesson_says_how_many_wrong_answers_are_known(exercise):
    [lesson] = [one for one in all_lessons() if one.short == exercise.lesson]
    before = lesson.text.read_text("utf-8").partition(f"{{{{ {exercise.name} }}}}")[0]
    said = before.rpartition("# ### ")[2].lower()
    assert re.search(rf"\b{NUMBERS[len(exercise.mutants)]}\b(?!-)", said)


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_random_witnesses_are_as_many_as_is_said(exercise):
    assert f"Of {len(SEEDS)} random witnesses {random_witnesses(exercise)} show" in exercise.__doc__


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
def test_a_copied_example_earns_no_more_than_random_numbers_and_those_half_at_most(exercise):
    copied, random = share(exercise, examples(exercise)), random_share(exercise)
    assert exercise.earned(copied) <= exercise.earned(random) <= 0.5
    handed = handed_in(exercise, examples(exercise))
    assert max(judge(exercise.id, handed, seed=seed).score for seed in range(8)) <= 0.5


@pytest.mark.parametrize("exercise", EXPOSE, ids=by_id)
def test_what_a_sign_asks_for_is_known(exercise):
    names = [m.sign.args[0] for m in exercise.mistakes if isinstance(m.sign, functools.partial)]
    assert names and set(names) <= {mutant.name for mutant in exercise.mutants}
    assert {misses(name) for name in names} <= {m.name for m in exercise.mistakes}


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
        (lambda cases, result: ([], result), "at least one case"),
        (lambda cases, result: ([*cases, *cases, *cases], result), "are allowed"),
        (lambda cases, result: (["w = 0"], result), "Case 1 is a text; it should be a dict"),
        (lambda cases, result: ([{**cases[0], "more": 1}], result), "has 1 key too many"),
        (lambda cases, result: ([{}], result), "Case 1 lacks "),
        (lambda cases, result: ([dict.fromkeys(cases[0], "text")], result), "not a text"),
        (lambda cases, result: (cases, "about 3"), "a tensor or a number, not a text"),
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


@pytest.mark.parametrize(
    "t, said", [(1000, "not a larger one"), (1.0, "not a number with a decimal point")]
)
def test_a_number_is_not_refused_as_what_it_should_be(t, said):
    witness, repaired = reference(find("optimizers.repair_adam_step"))()
    advice = judge("optimizers.repair_adam_step", lambda: ({**witness, "t": t}, repaired)).advice
    assert f"t should be a whole number up to 100, {said}." in advice, advice


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_numbers_that_nobody_can_calculate_with_are_refused(value):
    case = step([t([1.0])], [t([value])])
    verdict = judge("sgd.expose_sgd_step", lambda: ([case], t([1.0])))
    assert "finite numbers no larger" in verdict.advice


def test_a_case_too_large_is_refused():
    case = step([torch.ones(50)], [torch.ones(50)])
    assert "100 numbers" in judge("sgd.expose_sgd_step", lambda: ([case], t([1.0]))).advice


def test_a_case_that_right_code_cannot_answer_is_refused():
    case = step([t([1.0, 2.0])], [t([1.0, 2.0, 3.0])])
    verdict = judge("sgd.expose_sgd_step", lambda: ([case], t([1.0, 2.0])))
    assert verdict.score == 0 and "right code has no answer to it; params and" in verdict.advice
    assert "Error" not in verdict.advice


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_a_witness_and_a_repair_are_right(exercise, seed):
    verdict = judge(exercise.id, handed(exercise), seed=seed)
    assert (verdict.status, verdict.score) == ("right", 1.0), verdict.message


BLIND = {  # in place of the same inputs of a witness: then the bug does not show
    "sgd.repair_momentum_step": {"grads": [t([1.0]), t([1.0])]},
    "backprop.repair_linear_backward": {"grad_out": t([[1.0]]), "x": t([[3.0]])},
    "mnist.repair_normalize": {"valid": t([2.0, 0.0])},
    "optimizers.repair_adam_step": {"betas": (0.9, 0.0)},
    "transfer.repair_discriminative_lrs": {"n_groups": 1},
}


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_a_witness_alone_earns_half_and_a_repair_alone_nothing(exercise):
    witness, repaired = reference(exercise)()
    alone = judge(exercise.id, lambda: (witness, exercise.buggy_answer))
    assert (alone.status, alone.score) == ("partial", 0.5)
    blind = witness | BLIND[exercise.id]
    none = judge(exercise.id, lambda: (blind, repaired))
    assert (none.status, none.score) == ("wrong", 0.0), none.message


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_the_lines_shown_are_those_that_are_judged(exercise):
    [text] = (Path(__file__).parents[1] / "solutions").glob(f"*_{exercise.lesson}.py")
    shown = "\n".join(f"# {line}" for line in exercise.buggy.strip().splitlines())
    assert shown in text.read_text(encoding="utf-8")


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_the_lines_shown_fail_their_own_check(exercise):
    assert judge(exercise.subject.id, exercise.buggy_answer).status != "right"


def test_lines_that_change_are_counted():
    before = "def f(x):\n    y = x + 1\n    z = 2 * y\n    return z\n"

    def changed(after):
        return changed_lines(bare_lines(before), bare_lines(after))

    assert changed(before.replace("f(x", "repaired(x: int")) == 0
    assert changed(before.replace("+ 1", "- 1  # mended")) == 1
    assert changed(before.replace("x + 1", "(x+1)  # as before")) == 0
    assert changed(before.replace("    y", '    """Two\n    lines."""\n\n    y')) == 0
    assert changed(before.replace("    y = x + 1\n", "")) == 1
    assert changed("def f(x):\n    return 2 * x + 2\n") == 3
    assert changed("def f(x:\n    return") > 2


def repaired_backward(grad_out, x, weight):
    grad_x = grad_out @ weight
    grad_weight = grad_out.T @ x
    grad_bias = grad_out.sum(0)
    return grad_x, grad_weight, grad_bias


def buggy_backward(grad_out, x, weight):
    grad_x = grad_out @ weight
    grad_weight = grad_out.T @ x
    grad_bias = grad_out.mean(0)
    return grad_x, grad_weight, grad_bias


def rewritten_backward(grad_out, x, weight, bias=0.0):
    for row in grad_out:
        bias = bias + row
    grad_x = torch.einsum("no,oi->ni", grad_out, weight)
    grad_weight = torch.einsum("no,ni->oi", grad_out, x)
    return grad_x, grad_weight, bias


def closed_over(rewritten, shown):
    @functools.wraps(shown)
    def backward(*args, **kwargs):
        return shown and rewritten(*args, **kwargs)

    return backward


def claims_to_be(shown, rewritten):
    claiming = types.FunctionType(rewritten.__code__, rewritten.__globals__, "backward")
    claiming.__defaults__, claiming.__wrapped__ = rewritten.__defaults__, shown
    return claiming


REPAIRED = {
    "as it is": (repaired_backward, 1.0),
    "decorated": (torch.no_grad()(repaired_backward), 1.0),
    "partial": (functools.partial(repaired_backward), 1.0),
    "says it is the one shown": (claims_to_be(buggy_backward, rewritten_backward), 0.5),
    "says it is a repair": (claims_to_be(repaired_backward, rewritten_backward), 0.5),
    "holds the one shown": (closed_over(rewritten_backward, buggy_backward), 0.5),
    "rewritten": (rewritten_backward, 0.5),
}


@pytest.mark.parametrize("handed_in", REPAIRED)
def test_the_lines_of_a_repair_are_those_of_its_own_code(handed_in):
    given, _ = reference(find("backprop.repair_linear_backward"))()
    repaired, score = REPAIRED[handed_in]
    verdict = judge("backprop.repair_linear_backward", lambda: (given, repaired))
    assert verdict.score == score, verdict.message


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_right_code_that_has_the_lines_with_the_bug_is_a_contradiction(exercise):
    cases = exercise.own_cases(0)
    evidence = collect(exercise, handed(exercise), cases)
    evidence[0].values["lines"] = bare_lines(exercise.buggy)
    verdict = judge_evidence(exercise, cases, evidence, 0)
    assert (verdict.status, verdict.score) == ("partial", 0.5)
    assert "those with the bug" in verdict.advice


SMALL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 101),
    st.sampled_from([10**300, -(10**400), 1e30, 0.0, -0.5, 1j, "text", [], {}, (), object()]),
    st.floats(width=32),
    st.builds(
        lambda shape, dtype: torch.ones(shape).to(dtype),
        st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4),
        st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64]),
    ),
    st.sampled_from(
        [
            torch.zeros(0, 10**9),
            torch.zeros(0, 3, 101),
            torch.full((2, 2), torch.nan),
            torch.tensor([10**18, -1]),
            torch.tensor([0, -1, 99]),
            torch.sparse_coo_tensor(size=(2, 2)),
            torch.ones(1, device="meta"),
            torch.ones(2, dtype=torch.float8_e5m2),
        ]
    ),
)
ODD = st.one_of(SMALL, st.lists(SMALL, max_size=3), st.just([torch.zeros(0)] * 500))


def _with(value, path, odd):
    """The value with something odd where the path leads; a path that leads nowhere ends there."""
    if not path or not isinstance(value, list | tuple | dict) or not value:
        return odd
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(keys)]
    changed = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    changed[key] = _with(changed[key], path[1:], odd)
    return changed if isinstance(value, dict) else type(value)(changed.values())


@pytest.mark.parametrize("exercise", EXPOSE + REPAIR + REPRODUCE, ids=by_id)
@settings(max_examples=60, deadline=5000, derandomize=True)
@given(data=st.data())
def test_nothing_handed_in_makes_the_course_fail(exercise, data):
    changes = data.draw(
        st.lists(st.tuples(st.lists(st.integers(0, 7), max_size=4), ODD), min_size=1, max_size=3)
    )
    handed_in = reference(exercise)()
    for path, odd in changes:
        handed_in = _with(handed_in, path, odd)
    cases = exercise.draw(0)
    evidence = collect(exercise, lambda: handed_in, cases, guarded=False)
    verdict = judge_evidence(exercise, cases, evidence, 0)
    assert verdict.status in ("right", "wrong", "partial", "error"), verdict.fault
    assert "First difference" not in verdict.message


NAMES = ["Ada", "Grace", "Emmy", "Alan", "Carl", "Sofia", "Blaise", "Leonhard", "Marie", "Niels"]
SUSPECTS = [(item, number) for item in REPRODUCE for number in range(len(item.curves))]


def apart(losses, wanted):
    return first_apart(losses, wanted) is not None


def called(exercise, number):
    """A name that chooses this curve."""
    names = (f"{first} {second}" for first in NAMES for second in NAMES)
    return next(name for name in names if exercise.target(name) == number)


def test_the_curves_shown_are_those_of_the_suspects():
    for exercise in REPRODUCE:
        made = curves(exercise)
        assert [len(one) for one in made] == [len(one) for one in exercise.curves]
        for one, other in zip(made, exercise.curves, strict=True):
            assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("exercise", REPRODUCE, ids=by_id)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_curves_can_be_told_apart_from_every_start(exercise, seed):
    for case in exercise.own_cases(seed):
        bugs = [bug for _, bug in exercise.suspects] + [type(exercise).right_code]
        runs = [t(exercise.train(bug, case.start, case.steps)) for bug in bugs]
        for one, other in itertools.combinations(runs, 2):
            assert ((one - other).abs() / other).max() > 20 * DIGITS


@pytest.mark.parametrize(
    ("exercise", "number"), SUSPECTS, ids=lambda part: getattr(part, "id", str(part))
)
def test_attempts_at_a_curve_earn_what_the_table_says(exercise, number):
    name, (kind, bug) = called(exercise, number), exercise.suspects[number]
    other = exercise.suspects[(number + 1) % len(exercise.suspects)][1]
    another_kind = next(one for one in exercise.kinds if one != kind)
    cases = exercise.own_cases(3)
    [whole, secret] = collect(exercise, lambda: (name, kind, bug), cases)
    replayed = [whole, Evidence(values=secret.values | {"losses": exercise.shown(name)})]
    earned = [
        judge(exercise.id, lambda: (name, kind, type(exercise).right_code)).score,
        judge(exercise.id, lambda: (name, kind, other)).score,
        exercise.weigh(cases, replayed, 3)["value"],
        judge(exercise.id, lambda: (name, another_kind, bug)).score,
        judge(exercise.id, lambda: (name, kind, bug), seed=5).score,
    ]
    points = re.findall(r"\| ([\d.]+) \|$", Reproduce.__doc__, re.MULTILINE)
    assert [f"{value:g}" for value in earned] == points


@pytest.mark.parametrize("exercise", REPRODUCE, ids=by_id)
def test_every_kind_has_a_curve_and_every_curve_a_kind(exercise):
    assert {kind for kind, _ in exercise.suspects} == set(exercise.kinds)


@pytest.mark.parametrize("exercise", REPRODUCE, ids=by_id)
def test_a_curve_is_that_of_bugs_of_one_kind(exercise):
    cases = exercise.own_cases(0)
    bugs = [(kind, bug) for kind, some in BUGS[exercise.id].items() for bug in some]

    def losses(bug):
        return [exercise.train(bug, case.start, case.steps) for case in cases]

    runs = [(kind, losses(bug)) for kind, bug in bugs]
    for right, suspect in exercise.suspects:
        own = losses(suspect)
        same = {kind for kind, run in runs if not any(map(apart, run, own))}
        assert same == {right}


@pytest.mark.parametrize("exercise", REPRODUCE, ids=by_id)
def test_the_lesson_says_what_each_kind_means(exercise):
    [text] = (Path(__file__).parents[1] / "solutions").glob(f"*_{exercise.lesson}.py")
    for kind, meaning in exercise.kinds.items():
        assert f"# - *{kind}*: {meaning}\n" in text.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "losses", [None, [], 3, [math.nan] * 30, [math.inf] * 99, ["text"] * 30, [True] * 30, [[]], {}]
)
def test_losses_that_are_none_are_weighed(losses):
    exercise = REPRODUCE[0]
    values = {
        "whole": True,
        "name": "\ud800",
        "guess": next(iter(exercise.kinds)),
        "losses": losses,
    }
    found = exercise.weigh(exercise.own_cases(0), [Evidence(values=values)], 0)
    assert found["value"] == 0 and "agree" in found["why"]


def test_no_suspect_is_where_an_answer_can_read_it():
    for exercise in REPRODUCE:
        source = "".join(kit.probes(exercise.lesson).values())
        assert "suspects" not in source and "right_code" not in source


def test_the_lesson_says_how_many_bugs_a_curve_cannot_tell():
    low, known = as_low()
    text = (Path(__file__).parents[1] / "solutions/02_sgd.py").read_text(encoding="utf-8")
    assert f"{low} of the {known} wrong answers" in text


@pytest.mark.parametrize("exercise", TELL_APART, ids=by_id)
def test_a_test_sees_every_function_twice_and_some_wrong_ones_do_not_count(exercise):
    for seed in range(5):
        [case] = exercise.own_cases(seed)
        order = case.hidden["order"]
        every = [*range(-len(exercise.rights), len(exercise.wrongs))]
        assert sorted(order[: len(every)]) == sorted(order[len(every) :]) == every
        assert len(case.hidden["counted"]) == 3 * len(exercise.wrongs) // 4
        assert case.sent()["inputs"] == {"runs": len(order)}


@pytest.mark.parametrize("exercise", TELL_APART, ids=by_id)
def test_right_functions_agree_on_what_right_code_gives(exercise):
    reference_test = reference(exercise)
    assert all(reference_test(right) for right in exercise.rights)
    for wrong in exercise.wrongs.values():
        assert reference_test(wrong() if isinstance(wrong, type) else wrong) is False


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            lambda f: f(torch.ones(2, 300), torch.ones(2, 300), torch.ones(300)),
            "at most 200 numbers",
        ),
        (lambda f: f(torch.ones(2, 3, dtype=int)), "it takes 3 tensors, without names"),
        (lambda f: f(*[torch.full((2, 2), math.nan)] * 3), "finite numbers"),
        (lambda f: f(*[torch.sparse_coo_tensor(size=(2, 2))] * 3), "tensors of floats"),
        (lambda f: f(*["text"] * 3), "it takes tensors of floats"),
        (lambda f: f(torch.ones(2, 3), torch.ones(4, 5), torch.ones(6)), "RuntimeError"),
        (lambda f: 3, "something else (int)"),
        (lambda f: torch.ones(2) > 0, "something else (Tensor)"),
        (lambda f: vars(f).update(x=1), "changes the function"),
        (lambda f: [f(*[torch.ones(1, 1)] * 2, torch.ones(1)) for _ in range(99)], "more than 50"),
        (lambda f: None, "accepts everything"),
        (
            lambda f: [f(*[torch.ones(5, 3)] * 2, torch.ones(3))[1].view(3), None][1],
            "is a `return`",
        ),
        (lambda f: False, "rejects everything"),
    ],
)
def test_what_is_no_test_is_said(test, said):
    assert said in judge("backprop.test", test).advice


def test_a_test_that_does_not_end_is_stopped(monkeypatch):
    monkeypatch.setattr(type(TELL_APART[0]), "seconds", 0.3)

    def endless(backward):
        while True:
            pass

    verdict = judge("backprop.test", endless)
    assert (verdict.status, verdict.score) == ("timeout", 0.0) and verdict.advice


@pytest.mark.parametrize(
    "said", [None, 3, [], ["accepts"], [1] * 70, ["\ud800"] * 70, ["raises "] * 70]
)
def test_any_verdicts_are_weighed(said):
    [exercise] = TELL_APART
    values = {"said": said, "changes": "yes"}
    assert exercise.weigh(exercise.own_cases(0), [Evidence(values=values)], 0)["value"] == 0


def test_one_thing_missed_costs_a_quarter_at_most():
    for exercise in EXPOSE + TELL_APART:
        all_of_them = len(exercise.wrongs if exercise in TELL_APART else exercise.mutants)
        counted = 3 * all_of_them // 4
        assert exercise.earned(1 - 1 / counted) >= 0.75
        assert exercise.earned(1.0) == 1.0 and exercise.earned(exercise.part) == 0.5


def test_no_function_under_test_is_where_a_test_can_read_it():
    source = "".join(kit.probes("backprop").values())
    assert "SCALE" not in source and "einsum" not in source and "TellApart" in source


@pytest.mark.parametrize("exercise", EXPOSE + TELL_APART, ids=by_id)
def test_of_neighbours_no_three_are_withheld(exercise):
    count = len(exercise.mutants if exercise in EXPOSE else exercise.wrongs)
    for seed in range(5):
        [case] = exercise.own_cases(seed)
        counted = case.hidden["mutants" if exercise in EXPOSE else "counted"]
        for first in range(count - 2):
            assert {first, first + 1, first + 2} & set(counted)


def test_what_a_test_prints_is_shown_once():
    verdict = judge("backprop.test", lambda backward: print("looking"))
    assert verdict.printed == "looking\n"


FORMAT = [  # each its own name, and a sentence of its own
    ("linear.expose_relu", lambda: ({"x": t([1.0])}, t([1.0])), "not a list of cases and one"),
    ("linear.expose_relu", lambda: ([{"x": t([1.0])}] * 3, t([1.0])), "too many cases"),
    ("linear.expose_relu", lambda: ([t([1.0])], t([1.0])), "case that is not a dict"),
    ("linear.expose_relu", lambda: ([{"y": t([1.0])}], t([1.0])), "case with other names"),
    ("linear.expose_relu", lambda: ([{"x": t([1, 2])}], t([1.0])), "case of other kinds"),
    ("linear.expose_relu", lambda: ([{"x": torch.ones(13)}], t([1.0])), "case that is too large"),
    ("linear.expose_relu", lambda: ([{"x": t([math.inf])}], 0.0), "case with numbers too large"),
    (
        "sgd.expose_sgd_step",
        lambda: ([step([t([1.0]), t([2.0])], [t([1.0])])], t([1.0])),
        "case that right code cannot answer",
    ),
    (
        "cross_entropy.expose_accuracy",
        lambda: ([scores([[1.0, 2.0], [3.0, 4.0]], [1])], 0.5),
        "case that right code cannot answer",
    ),
    (
        "tabular.expose_fill_missing",
        lambda: ([gaps([NAN], [1.0])], t([1.0])),
        "case that right code cannot answer",
    ),
    (
        "sgd.expose_sgd_step",
        lambda: ([step([t([1e6])], [t([1e6])], 1e6), step([], [])], t([1.0])),
        "case of other kinds",
    ),
    (
        "linear.expose_relu",
        lambda: ([{"x": t([1.0])}], [1.0]),
        "expected result that is not a tensor",
    ),
    ("linear.expose_relu", lambda: ([{"x": t([1.0])}], t([[1.0]])), "expected result of another"),
    ("linear.expose_relu", lambda: ([{"x": t([1.0])}], 1.01), "expected result near that"),
    ("linear.expose_relu", lambda: ([{"x": t([1.0])}], 2.0), "expected result not that of"),
]


@pytest.mark.parametrize(
    ("id", "answer", "name"), FORMAT, ids=lambda part: part if isinstance(part, str) else None
)
def test_what_cannot_be_weighed_has_a_name_of_its_own(id, answer, name):
    verdict = judge(id, answer)
    assert (verdict.status, verdict.score) == ("wrong", 0.0)
    assert verdict.mistake.startswith(name), verdict.message
    assert ("once more on paper" in verdict.advice) == (name == "expected result not that of")


def witness(exercise, **changes):
    """A witness that is right, with something else in it."""
    given, repaired = reference(exercise)()
    return lambda: (given | changes, repaired)


@pytest.mark.parametrize(
    ("id", "changes", "name"),
    [
        ("mnist.repair_normalize", {"train": torch.ones(9)}, "witness that right code cannot"),
        ("mnist.repair_normalize", {"train": torch.randn(13)}, "witness that is too large"),
        ("mnist.repair_normalize", {"train": [1.0, 2.0]}, "witness of other kinds"),
        ("mnist.repair_normalize", {"x": 1}, "witness with other names"),
        ("mnist.repair_normalize", {"train": t([1.0, NAN])}, "witness with numbers too large"),
        ("mnist.repair_normalize", {"valid": t([0.0, 2.0])}, "witness on which nothing differs"),
        ("optimizers.repair_adam_step", {"t": 0}, "witness that right code cannot answer"),
        ("sgd.repair_momentum_step", {"grads": [None]}, "witness that right code cannot answer"),
        ("backprop.repair_linear_backward", {"x": torch.ones(3, 3)}, "witness that right code"),
        ("transfer.repair_discriminative_lrs", {"start": -1.0}, "witness that right code cannot"),
    ],
    ids=lambda part: part if isinstance(part, str) else None,
)
def test_what_is_no_witness_has_a_name_of_its_own(id, changes, name):
    exercise = next(item for item in REPAIR if item.id == id)
    verdict = judge(id, witness(exercise, **changes))
    assert (verdict.status, verdict.score) == ("wrong", 0.0)
    assert verdict.mistake.startswith(name), verdict.message


def test_a_witness_on_which_right_answers_disagree_is_refused():
    near = t([1e5, 1e5 + 0.01, 1e5])
    exercise = next(item for item in REPAIR if item.id == "mnist.repair_normalize")
    verdict = judge(exercise.id, witness(exercise, train=near, valid=t([1e5, 1e5 + 0.02, 1e5])))
    assert verdict.mistake == "witness on which right answers disagree", verdict.message


@pytest.mark.parametrize("exercise", REPAIR, ids=by_id)
def test_an_error_in_repaired_lines_is_told_with_its_input(exercise):
    given, _ = reference(exercise)()

    def with_an_error(*args):
        raise IndexError("index 3 is out of bounds")

    cases = exercise.own_cases(0)
    evidence = collect(exercise, lambda: (given, with_an_error), cases)
    evidence[0].values["lines"] = bare_lines(exercise.buggy)
    verdict = judge_evidence(exercise, cases, evidence, 0)
    text = str(Card(verdict, exercise.points))
    assert (verdict.status, verdict.score) == ("partial", 0.5)
    assert "Your witness shows the bug. " in text and "IndexError: index 3 is" in text
    assert "Inputs:" in text and "Where:" in text and verdict.mistake == "raised"


@pytest.mark.parametrize("exercise", REPRODUCE, ids=by_id)
@pytest.mark.parametrize("late", [False, True])
def test_an_error_in_a_wrong_function_is_told(exercise, late):
    number = 0
    name, (kind, bug) = called(exercise, number), exercise.suspects[number]
    calls = itertools.count()

    def broken(*args):
        if next(calls) >= (exercise.steps if late else 3):
            raise ZeroDivisionError("division by zero")
        return bug(*args)

    verdict = judge(exercise.id, lambda: (name, kind, broken))
    assert verdict.status == "error" and verdict.score == 0
    assert "Your code raised ZeroDivisionError" in verdict.advice, verdict.message
    assert ("that is not shown" in verdict.case) == late


def test_an_error_before_anything_is_handed_in_is_told():
    def expose_relu():
        return [{"x": t([1.0]) / [2]}], 1.0

    verdict = judge("linear.expose_relu", expose_relu)
    assert verdict.status == "error" and "Your code raised TypeError" in verdict.advice


def texts_of(verdict, exercise):
    """All that a verdict shows, without the names in quotes that it may tell."""
    card = Card(verdict, exercise.points)
    return f"{verdict.mistake}\n{verdict.message}\n{card}\n{card._repr_html_()}".lower()


def withheld(exercise, seed):
    """The names that count under a seed, and those that do not."""
    names = [m.name for m in exercise.mutants] if exercise in EXPOSE else [*exercise.wrongs]
    [case] = exercise.own_cases(seed)
    counted = case.hidden["mutants" if exercise in EXPOSE else "counted"]
    return {names[n] for n in counted}, {n for i, n in enumerate(names) if i not in counted}


@pytest.mark.parametrize("exercise", EXPOSE + TELL_APART, ids=by_id)
def test_nothing_withheld_is_told_by_name(exercise):
    for seed in range(12):
        counted, left_out = withheld(exercise, seed)
        for answer in attempts(exercise):
            shown = texts_of(judge(exercise.id, answer, seed=seed), exercise)
            for name in counted:
                shown = shown.replace(f'"{name}"', "").replace(f"&quot;{name}&quot;", "")
            assert not [name for name in left_out if f'"{name}"' in shown or f";{name}&" in shown]


def attempts(exercise):
    """Attempts of all kinds: those of the tables, and those that somebody wrote."""
    yield from (item.answer for item in wrong_answers(exercise.lesson) if item.id == exercise.id)
    if exercise in TELL_APART:
        yield from TESTS
        return
    yield from (handed_in(exercise, cases) for cases in ATTEMPTS[exercise.id])
    yield handed_in(exercise, examples(exercise))


@pytest.mark.parametrize("exercise", EXPOSE + TELL_APART, ids=by_id)
def test_what_a_hint_tells_is_never_withheld_and_everything_else_is(exercise):
    told = {name for m in exercise.mistakes for name in [*m.name.split('"')[1:2]]}
    ever = set.union(*(withheld(exercise, seed)[1] for seed in range(60)))
    counted, left_out = withheld(exercise, 0)
    assert ever == (counted | left_out) - told
