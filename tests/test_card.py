"""What a card says: claims as sentences, values entry under entry, whose fault it is, and no name
that is not true.
"""

import dis
import functools
import importlib
import inspect

import pytest
import torch
from torch import nn

from course_utils.checking import Card, CourseError, case, check, claim, find, judge, source
from course_utils.checking.claims import denied
from course_utils.checking.diagnosis import recognise
from course_utils.checking.difference import Difference, show, show_named, side_by_side
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Training, exercises, lessons, reference
from course_utils.checking.judge import Verdict, expected_evidence
from course_utils.checking.source import functions, reads
from course_utils.grading.outside.verdicts import as_row
from tests.answers.linear import EinsumLinear

ALL = [exercise for lesson in lessons() for exercise in exercises(lesson)]


def absolute(x):
    return x.abs()


class NoModule:
    def __init__(self, in_features, out_features, bias=True):
        pass


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.id)
def test_every_yes_or_no_is_a_claim(exercise):
    for evidence in expected_evidence(exercise, exercise.draw(0), 0):
        for name, value in evidence.values.items():
            if isinstance(value, bool):
                assert value, f"{name} does not hold for the reference"
                assert denied(name)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("`relu` is a function", "`relu` should be a function, but it is not."),
        ("the steps are small", "The steps should be small, but they are not."),
        ("the head has a bias", "The head should have a bias, but it does not."),
        ("this is what it is", "This should be what it is, but it is not."),
    ],
)
def test_a_claim_is_denied_in_a_sentence(sentence, said):
    assert claim(sentence, 1) == (sentence, True)
    assert denied(sentence) == said


def test_a_claim_without_a_verb_is_refused():
    with pytest.raises(CourseError, match="needs one of the verbs is, are, has"):
        claim("an nn.Module", True)


def test_a_claim_that_the_judge_works_out_is_one_that_can_be_denied():
    with pytest.raises(CourseError, match="'x wiggles' needs one of the verbs"):
        type("Wiggling", (Exercise,), {"id": "linear.relu", "holds": {"x wiggles": bool}})


def test_a_claim_that_does_not_hold_is_told_as_a_sentence():
    verdict = judge("linear.My_Linear", NoModule)
    said = "`My_Linear` should be an nn.Module, but it is not."
    assert verdict.advice == verdict.message == said
    marks = {"grade_id": "check-My_Linear", "points": 3}
    cell = {"cell_type": "code", "metadata": {"nbgrader": marks}}
    assert as_row(verdict.id, cell, verdict).message == said
    shown = repr(Card(verdict, 3))
    assert shown.count("should be an nn.Module") == 1
    assert "Expected:" not in shown and "Got:" not in shown


LARGE = torch.arange(60.0).reshape(2, 3, 10)
SIDES = [
    (
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([1.0, -20.0, 3.0]),
        "[1,    2, 3] (float32, shape (3,))",
        "[1, ≠-20, 3] (float32, shape (3,))",
    ),
    (
        torch.tensor([[1, 2], [3, 4]]),
        torch.tensor([[1, 2], [30, 4]]),
        "[[  1, 2],\n [  3, 4]] (int64, shape (2, 2))",
        "[[  1, 2],\n [≠30, 4]] (int64, shape (2, 2))",
    ),
    (
        torch.tensor(1.0),
        torch.tensor(1.0000001),
        "         1 (float32, shape ())",
        "≠1.0000001 (float32, shape ())",
    ),
    (
        torch.tensor([torch.nan, torch.inf, 1.0]),
        torch.tensor([torch.nan, torch.inf, torch.nan]),
        "[nan, inf,    1] (float32, shape (3,))",
        "[nan, inf, ≠nan] (float32, shape (3,))",
    ),
    (
        torch.tensor([True, False]),
        torch.tensor([True, True]),
        "[True, False] (bool, shape (2,))",
        "[True, ≠True] (bool, shape (2,))",
    ),
    (
        torch.ones(2),
        torch.ones(2).double(),
        "[1, 1] (float32, shape (2,))",
        "[1, 1] (≠float64, shape (2,))",
    ),
    (
        torch.ones(2),
        torch.ones(3),
        "[1, 1] (float32, shape (2,))",
        "[1, 1, 1] (float32, shape (3,))",
    ),
    (["a", 2, None], ["a", 3, None], "[a,  2, None]", "[a, ≠3, None]"),
    ([1, 2, 3], [1], "[1, 2, 3]", "[1]"),
    ([1], [1, 2], "[1]", "[1, ≠2]"),
    (0.1 + 0.2, 0.3, "0.30000000000000004", "0.29999999999999999"),
    ([], [1], "[]", "[≠1]"),
    ([], [], "[]", "[]"),
    (
        torch.zeros(0),
        torch.zeros(0).double(),
        "[] (float32, shape (0,))",
        "[] (float64, shape (0,))",
    ),
    (
        torch.ones(1) * 1j,
        torch.ones(1),
        "[1j] (complex64, shape (1,))",
        "[≠1] (≠float32, shape (1,))",
    ),
    (3, "three", "3", "three"),
]


@pytest.mark.parametrize(("expected", "got", "left", "right"), SIDES)
def test_two_values_stand_entry_under_entry(expected, got, left, right):
    assert side_by_side(expected, got) == (left, right)


def test_of_a_large_tensor_the_neighbourhood_of_the_worst_entry_is_shown():
    got = LARGE + 100 * (LARGE == 47)
    got[0, 0, 0] = 1
    left, right = side_by_side(LARGE, got)
    assert left.splitlines()[1] == " [44, 45, 46,   47, 48, 49],"
    assert right.splitlines()[1] == " [44, 45, 46, ≠147, 48, 49],"
    assert right.endswith(
        "(float32, shape (2, 3, 10); here [1, 0:3, 4:10]; 2 of 60 entries differ)"
    )


def test_of_a_long_list_the_neighbourhood_of_the_first_difference_is_shown():
    left, right = side_by_side(list(range(40)), [*range(30), 0, *range(31, 40)])
    assert left == "[27, 28, 29, 30, 31, 32] (40 entries; here [27:33])"
    assert right == "[27, 28, 29, ≠0, 31, 32] (40 entries; here [27:33])"


def test_an_input_is_shown_by_name():
    assert show_named("x", torch.tensor([[1.0, -2.0], [3.0, 4.0]])) == (
        "x = [[1, -2],\n     [3,  4]] (float32, shape (2, 2))"
    )
    assert show_named("x", torch.ones(5, 5)) == "x = float32 tensor of shape (5, 5)"
    assert len(show_named("words", ["word"] * 1000)) < 150


def test_a_card_is_a_status_with_a_heading_and_more_signs_than_colour():
    html = Card(judge("linear.relu", absolute), 1)._repr_html_()
    assert 'data-status="wrong" role="status"' in html
    assert 'role="heading" aria-level="4"' in html and "✗ Not yet" in html
    assert ">≠1.454</mark>" in html
    assert "✓ Right" in Card(judge("linear.relu", lambda x: x.clamp(min=0)), 1)._repr_html_()


def test_a_card_shows_the_inputs_and_how_to_have_them():
    shown = repr(Card(judge("linear.relu", absolute), 1))
    assert "  Inputs:   x = [0.2593, -1.454," in shown
    assert '  Replay:   from course_utils import case; case("linear.relu")' in shown


def test_the_failing_case_comes_back_as_it_was(capsys):
    with pytest.raises(AssertionError):
        check("linear.relu", absolute)
    first = find("linear.relu").draw(0)[0]
    replay = case("linear.relu")
    replay.x.zero_()
    replay = case("linear.relu")
    assert torch.equal(replay.x, first.x) and torch.equal(replay.got, first.x.abs())
    assert torch.equal(replay.expected, first.x.clamp(min=0))
    with pytest.raises(AttributeError, match="no input 'y'"):
        replay.y  # noqa: B018
    with pytest.raises(CourseError, match="did you mean|Did you mean"):
        case("linear.rellu")


def raises_elsewhere(*args, **kwargs):
    raise TypeError("unsupported operand type(s) for +: 'int' and 'str'")


def finds_no_place(*args, **kwargs):
    raise IndexError("tuple index out of range")


@pytest.mark.parametrize("answer", [raises_elsewhere, finds_no_place])
@pytest.mark.parametrize(
    "exercise",
    [item for item in ALL if not isinstance(item, Training)],
    ids=lambda exercise: exercise.id,
)
def test_an_unrelated_error_gets_no_name_from_the_catalogue(exercise, answer):
    verdict = judge(exercise.id, answer)
    assert (verdict.status, verdict.mistake) == ("error", "raised")


def difference(expected, got, **inputs):
    evidence = [Evidence(values={"y": value}) for value in (got, expected)]
    return Difference(Case("a case", **inputs), "y", "value", expected, got, *evidence)


@pytest.mark.parametrize(
    ("expected", "got", "name"),
    [
        (3, 6, None),
        (torch.tensor([1, 2]), torch.tensor([2, 4]), None),
        (2.0, 4.0, "constant factor"),
        (2.0, 4.002, None),
        (2.0, 2.0 / 7, "constant factor"),
        (torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.7, 1.4, 2.1]), "constant factor"),
        (torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.7, 1.4, 2.101]), None),
    ],
)
def test_a_constant_factor_is_one(expected, got, name):
    assert recognise(difference(expected, got, x=torch.ones(7)))[0] == name


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [((5,), (5, 5), True), ((5, 1), (5, 5), True), ((5,), (5, 3), False)],
)
def test_broadcasting_is_asked_about_where_it_gives_this_shape(expected, got, told):
    _, advice = recognise(difference(torch.ones(expected), torch.ones(got)))
    assert ("broadcast" in advice) is told


def test_of_what_is_right_so_far_claims_are_not_listed():
    want = {"mode": "eval", "the run is without a graph": True, "loss": torch.tensor([1.0, 5.0])}
    have = want | {"loss": torch.tensor([2.0, 3.0])}
    found = Difference(
        Case("a case"),
        "loss",
        "value",
        want["loss"],
        have["loss"],
        Evidence(values=have),
        Evidence(values=want),
    )
    assert recognise(found)[1] == "mode is right; loss is the first that differs."


def helper(x):
    return LARGE.sum() + x


class Uses:
    size = property(lambda self: ALL)

    @staticmethod
    def forward(x):
        return [helper(y) for y in x]


def test_the_names_that_an_answer_reads_are_found_through_its_helpers():
    wrapped = functools.wraps(helper)(lambda *args: helper(*args))
    assert reads(helper).keys() == {"LARGE"}
    assert reads(Uses).keys() == {"ALL", "helper", "LARGE"}
    assert reads(functools.partial(Uses.forward)).keys() == {"helper", "LARGE"}
    assert helper in functions(wrapped) or reads(wrapped).keys() == {"helper", "LARGE"}
    assert reads(Uses().forward).keys() == {"helper", "LARGE"}
    assert reads(torch.relu) == {} and reads(nn.ReLU()).keys() >= set()


def test_the_names_that_code_looks_up_are_those_that_dis_names():
    many = ", ".join(f"n{number}.size(x)" for number in range(300))  # more than one byte can count
    waiting = [compile(f"def f(): {many}\n{many}", "many.py", "exec")]
    waiting.append(compile(inspect.getsource(inspect), "inspect.py", "exec"))
    while waiting:
        code = waiting.pop()
        steps = dis.get_instructions(code)
        looked_up = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        assert source._looked_up(code) == looked_up, code.co_name
        waiting += [item for item in code.co_consts if inspect.iscode(item)]


def test_the_reference_reads_no_data_of_its_module():
    for exercise in ALL:
        assert not any(
            isinstance(value, torch.Tensor) for value in reads(reference(exercise)).values()
        )


def stub(x):
    """Words."""
    raise NotImplementedError()


def test_a_stub_is_untouched_only_where_nothing_stands_before_it():
    def written(x):
        y = x.clamp(min=0)  # noqa: F841
        raise NotImplementedError()

    def calls(x):
        return stub(x)

    statuses = [
        judge("linear.relu", answer).status
        for answer in (stub, functools.wraps(stub)(stub), written, calls)
    ]
    assert statuses == ["not attempted", "not attempted", "error", "error"]


def test_a_right_answer_names_nobody():
    verdict = judge("linear.My_Linear", EinsumLinear)
    assert (
        verdict == Verdict("linear.My_Linear", "right", 1.0, checked=verdict.checked)
        and verdict.found is None
    )
    assert inspect.isclass(EinsumLinear) and importlib.import_module("course_utils").case is case


def test_a_negative_zero_is_shown_as_0() -> None:
    assert show(torch.tensor([-0.0, 1.0])) == "[0, 1] (float32, shape (2,))"
    assert show(-0.0) == "0"
