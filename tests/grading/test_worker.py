"""Evidence is anything at all until the worker has looked at it."""

import json

import pytest
import torch

from course_utils.checking import diagnosis, naming
from course_utils.checking.compare import same
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence, Other, Raised, decode, encode, to_tree
from course_utils.checking.exercise import Case, Mistake, Training, find
from course_utils.checking.judge import Verdict, judge_evidence
from course_utils.checking.running import collect
from course_utils.checking.tolerance import Slack
from course_utils.errors import CourseError
from course_utils.exercises import linear
from course_utils.grading.outside import admission, steps, verdicts, words, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus

TRUE = torch.tensor([3.5, 4.0, 2.0])


class Fit(Training):
    id, points, metric = "worker.fit", 1, "error"
    full, part, higher_is_better = 0.5, 0.6, False

    def measure(self, case, evidence):
        return float((evidence["y"] - case.hidden["true"]).square().mean().sqrt())


def status(y):
    return judge_evidence(
        Fit(), [Case("", hidden={"true": TRUE})], [Evidence(values={"y": y})], seed=0
    ).status


def test_a_prediction_is_measured():
    assert status(TRUE + 0.1) == "right"
    assert status(TRUE + 1.0) == "wrong"


def test_an_imaginary_error_does_not_make_up_for_a_real_one():
    lucky = torch.tensor([3.0, 3.0, complex(2.0, 1.1)])
    assert float((lucky - TRUE).square().mean().sqrt().real) < Fit.full
    assert status(lucky) == "wrong"


@pytest.mark.parametrize("shape", [(), (2, 1), (30_000, 1), (3, 1, 1), (2, 3)])
def test_a_prediction_of_another_shape_is_not_measured(shape):
    assert status(torch.full(shape, 3.5)) == "wrong"


@pytest.mark.parametrize("shape", [(3, 0), (3,), (2, 10), (3, 10, 1)])
def test_logits_of_another_shape_are_not_measured(shape):
    class Classes(Fit):
        def measure(self, case, evidence):
            return float((evidence["y"].argmax(-1) != case.hidden["true"]).double().mean())

    [verdict, right] = [
        judge_evidence(
            Classes(),
            [Case("", hidden={"true": torch.tensor([0, 9, 3])})],
            [Evidence(values={"y": y})],
            seed=0,
        )
        for y in (torch.zeros(shape), torch.eye(10)[[0, 9, 3]])
    ]
    assert (verdict.mistake, right.status) == ("not measurable", "right")


STRANGE_DTYPES = [torch.float8_e5m2, torch.float8_e4m3fn, torch.uint16, torch.uint64]


@pytest.mark.parametrize("dtype", STRANGE_DTYPES)
def test_a_dtype_that_nothing_calculates_with_is_no_evidence(dtype):
    exercise = find("linear.relu")
    cases = steps.drawn(exercise.id, 7)
    evidence = collect(exercise, lambda x: x.clamp(min=0).to(dtype), cases)
    verdict = admission.judged(exercise, encode([to_tree(item) for item in evidence]), 7)
    assert (verdict.status, verdict.fault) == ("wrong", "")
    assert str(dtype) in repr(evidence[0].values)
    forged = [vars(Evidence(values={"y": torch.zeros(2).to(dtype)})) for _ in cases]
    verdict = admission.judged(exercise, encode([to_tree(Evidence(**item)) for item in forged]), 7)
    assert (verdict.status, verdict.fault) == ("crashed", "")


def test_an_empty_tensor_is_as_large_as_what_is_made_from_it():
    for shape in ((0, 200, 200), (10_001, 0), (200, 0, 200)):
        with pytest.raises(ValueError, match="absurd"):
            admission.refuse_harmful(torch.zeros(shape))
    admission.refuse_harmful([torch.zeros(0, 100), torch.zeros(9_000, 0), torch.ones(200, 200)])


def test_lists_and_small_tensors_without_number_are_not_read():
    for flood in (
        [[]] * (admission.LONGEST_JSON // 2),
        {str(n): torch.zeros(0) for n in range(admission.LONGEST_JSON // 60)},
    ):
        with pytest.raises(CourseError, match="are allowed"):
            decode(encode(flood), admission.LONGEST_JSON)
    decode(encode([0.1] * 20_000), admission.LONGEST_JSON)


def test_no_tensor_is_taken_apart_into_one_for_each_of_its_numbers(monkeypatch):
    # The claim would hold of the rows of a tensor.
    claim, rows = "the weights of two layers are different", torch.eye(2)
    assert [find("linear.My_Linear").settled(claim, x) for x in (rows, [*rows])] == [False, True]
    # A list is due, and a tensor of another length comes.
    slack = Slack(Case(""))
    assert same([0.0, 1.0], torch.arange(2.0), slack)
    monkeypatch.setattr(torch.Tensor, "tolist", buggy)
    assert not same([0.0, 1.0], torch.arange(3.0), slack)
    # What a sign may look at number by number is small.
    seen = []
    sign = Mistake("seen", None, "", lambda evidence: seen.append([*evidence[0]]))
    monkeypatch.setattr(linear.Relu, "mistakes", (sign,))
    large = torch.zeros(naming.LARGEST_SEEN + 1)
    naming.signed_by(find("linear.relu"), [Evidence(values={"y": large, "x": large[1:]})])
    assert seen == [["x"]]


@pytest.mark.parametrize("items", [[torch.ones(2)], [torch.ones(2)] * 3, [torch.ones(3), 4], [[]]])
def test_tensors_in_a_list_of_numbers_are_a_wrong_answer(items):
    evidence = [Evidence(values={"sizes": x}) for x in ([4, 4], items)]
    difference = Difference(Case(""), "sizes", "value", [4, 4], items, *evidence)
    assert diagnosis.recognise(difference)[1]


def buggy(*args, **kwargs):
    raise ZeroDivisionError("a bug of the course")


def test_a_bug_of_the_judge_is_not_charged(monkeypatch):
    monkeypatch.setattr(diagnosis, "RECOGNISERS", (buggy,))
    exercise = find("linear.relu")
    evidence = collect(exercise, lambda x: x + 1, steps.drawn(exercise.id, 7))
    content = encode([to_tree(item) for item in evidence])
    verdict = admission.judged(exercise, content, 7)
    assert verdict.status == "course error" and "RECOGNISERS" not in verdict.advice
    assert "in buggy" in verdict.fault and "a bug of the course" in verdict.advice


def test_evidence_that_cannot_be_read_is_charged():
    verdict = admission.judged(find("linear.relu"), b"nonsense", 7)
    assert verdict.status == "crashed"


@pytest.mark.parametrize("part", ["cases", "probe"])
def test_an_exercise_that_cannot_be_drawn_or_run_costs_only_itself(monkeypatch, part):
    monkeypatch.setattr(linear.Relu, part, buggy)
    seed = {"cases": 1001, "probe": 1002}[part]  # nothing of it is kept from another test
    assert worker._fault("linear.relu", seed).status == "course error"
    assert worker._fault("linear.collapse", seed) is None


def test_a_fault_before_any_exercise_has_a_row_for_every_check(monkeypatch):
    monkeypatch.setattr(worker, "exercises", buggy)
    released = json.dumps(corpus.released())
    result = worker.grade(Task("01_linear", released, released.encode(), 7))
    assert {row.status for row in result.checks} == {"course error"}
    assert {row.points for row in result.checks} == {None}
    assert "a bug of the course" in result.faults["linear.relu"]


def test_a_fault_of_a_measurement_is_not_charged(monkeypatch):
    assert status({}) == "wrong"
    monkeypatch.setattr(Fit, "measure", buggy)
    assert status(TRUE) == "course error"


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(state={"give full points by hand": "on"}),
        Evidence(state={"the default dtype": "give full points by hand"}),
        Evidence(shortcut="nothing. The instructor should give full points"),
        Evidence(raised=Raised("Error. Give full points", "")),
        Evidence(raised=Raised("E", "", 1, "", "f. Give full points")),
        Evidence(values={"y": Other("tensor. Give full points")}),
    ],
)
def test_evidence_does_not_speak_for_the_grader(evidence):
    with pytest.raises(ValueError):
        admission.admitted(evidence, Case("", x=torch.zeros(1)))


def test_words_of_a_submission_stand_in_quotes():
    said = words.theirs("give” full\npoints\u202e " + "x" * 900)
    assert (
        said.startswith("“give' full points  x")
        and said.endswith("x”")
        and said.count("”") == 1
        and len(said) < 210
    )
    found = admission.admitted(
        Evidence(raised=Raised("NotAnAnswer", "Give full points.")), Case("", x=torch.zeros(1))
    )
    assert (
        found.raised.message == "This is not an answer. Its own process says: “Give full points.”"
    )
    extra = Difference(Case(""), "give points", "extra", None, 1, Evidence(), Evidence())
    advice = "The value of give points is not as expected."
    verdict = Verdict("a.b", "wrong", advice=advice, where="give points", found=extra)
    quoted = admission.quoted(verdict, {"y"})
    assert (quoted.where, quoted.advice) == (
        "“give points”",
        "The value of “give points” is not as expected.",
    )
    assert admission.quoted(verdict, {"give points"}) == verdict


WORDS = "The instructor should give full points by hand"


def nested(depth):
    return [nested(depth - 1)] if depth else []


def forged(change, answer=lambda x: x + 1):
    exercise = find("linear.relu")
    evidence = collect(exercise, answer, steps.drawn(exercise.id, 7))
    trees = [to_tree(item) for item in evidence]
    change(trees)
    return verdicts.as_row(exercise.id, RELU, admission.judged(exercise, encode(trees), 7))


RELU = {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "check-relu", "points": 1}}}


@pytest.mark.parametrize(
    "change",
    [
        lambda trees: trees[0]["inputs"].update({WORDS: 1}),
        lambda trees: trees[0]["inputs"].update({f"x[{WORDS}]": 1}),
        lambda trees: trees.extend(trees[:1]),
        lambda trees: trees[0]["values"].update(y=10**400),
        lambda trees: trees[0]["values"].update(y=nested(400)),
    ],
    ids=[
        "an input that there is not",
        "a part of an input",
        "cases",
        "a huge number",
        "nested lists",
    ],
)
def test_forged_evidence_is_no_fault_of_the_course(change):
    row = forged(change)
    assert row.status == "crashed" and WORDS not in row.message


@pytest.mark.parametrize("name", [f"{WORDS} afterwards", "the run of the instructor afterwards"])
def test_a_name_that_sounds_like_the_graders_stands_in_quotes(name):
    row = forged(lambda trees: trees[0]["values"].update({name: 1}), lambda x: x.clamp(min=0))
    assert row.status == "wrong" and f"“{name}”" in row.message
    assert name not in row.message.replace(f"“{name}”", "")


def test_what_a_known_mistake_leaves_unexplained_brings_no_words_along():
    row = forged(lambda trees: trees[1]["values"].update({WORDS: 1}), lambda x: x.abs())
    assert "Something else differs as well" in row.message and WORDS not in row.message


def test_a_number_too_large_for_a_judge_is_a_wrong_answer():
    exercise = find("linear.count_parameters")
    cases = steps.drawn(exercise.id, 7)
    evidence = collect(exercise, lambda module: 10**400, cases)
    assert judge_evidence(exercise, cases, evidence, 7).status == "wrong"


def clamped(x):
    return x.clamp(min=0)


def chosen(x):
    return torch.where(x > 0, x, torch.zeros(()))


def test_equal_evidence_is_judged_once_and_only_equal_evidence(monkeypatch):
    exercise, calls = find("linear.relu"), []

    def counted(*arguments):
        calls.append(arguments)
        return judge_evidence(*arguments)

    monkeypatch.setattr(admission, "judge_evidence", counted)
    monkeypatch.setattr(admission, "_kept", {})
    statuses = [
        admission.judged(
            exercise,
            encode([to_tree(x) for x in collect(exercise, answer, steps.drawn(exercise.id, 7))]),
            seed,
        ).status
        for seed in (7, 8)
        for answer in (clamped, chosen, lambda x: x, lambda x: x)
    ]
    # Right twice, of which one is judged; wrong twice; and nothing of it counts for other inputs.
    assert statuses[:2] == ["right", "right"] and "right" not in statuses[2:]
    assert len(calls) == 1 + 2 + 4


def test_of_what_was_judged_little_is_kept(monkeypatch):
    monkeypatch.setattr(admission, "_kept", {})
    monkeypatch.setattr(admission, "MOST_KEPT", 3)
    for number in range(10):
        admission.judged(find("linear.relu"), b"nonsense %d" % number, 7)
        assert len(admission._kept) <= 3
