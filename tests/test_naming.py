"""Mistakes are edits of the reference, and a name is found for one, for two at once, and for a
part.
"""

import pytest
import torch
from torch import nn

from course_utils.checking import (
    Case,
    CourseError,
    Exercise,
    Mistake,
    Training,
    edit,
    find,
    judge,
    marks,
    naming,
)
from course_utils.checking.edit import edited, fits
from course_utils.checking.evidence import Evidence, Raised
from course_utils.checking.exercise import exercises, lessons
from course_utils.checking.judge import expected_evidence, judge_evidence
from course_utils.checking.marks import likely_first
from course_utils.checking.running import collect
from course_utils.checking.world import fixed_world
from course_utils.exercises.sgd import MomentumStep, Mse
from tests.answers import wrong_answers


def momentum_step(in_loop: str):
    """A step written with other words than the reference; in_loop: what happens to p and v."""
    lines = [
        "@torch.no_grad()",
        "def momentum_step(params, velocities, lr, momentum):",
        "    for p, v in zip(params, velocities):",
        *("        " + line for line in in_loop.split("; ")),
    ]
    names = {"torch": torch}
    exec("\n".join(lines), names)
    return names["momentum_step"]


LR_INSIDE = "v.mul_(momentum).add_(lr * p.grad); p.sub_(v)"
SKIP, STOP = "if p.grad is None: continue", "if p.grad is None: break"


def test_one_mistake_that_explains_every_case_is_named():
    verdict = judge("sgd.momentum_step", momentum_step(f"{SKIP}; {LR_INSIDE}"))
    assert verdict.mistake == "learning rate inside the velocity"
    assert "Something else" not in verdict.advice and "two mistakes" not in verdict.advice


def test_two_mistakes_that_nobody_wrote_down_together_are_both_named():
    verdict = judge("sgd.momentum_step", momentum_step(f"{STOP}; {LR_INSIDE}"))
    assert verdict.mistake == "learning rate inside the velocity; stops at a missing gradient"
    assert verdict.advice.startswith("You made two mistakes here.")


class FromZeroToOne(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2, out_features, in_features)[1])
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x):
        return x @ self.weight.T if self.bias is None else x @ self.weight.T + self.bias


def all_but_the_last(n, batch_size, generator):
    order = torch.randperm(n - 1)
    for start in range(0, n - 1, batch_size):
        yield order[start : start + batch_size]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("id", "answer", "names"),
    [
        (
            "linear.My_Linear",
            FromZeroToOne,
            {"start values between 0 and 1", "bias starts at zero"},
        ),
        ("sgd.minibatches", all_but_the_last, {"generator ignored", "last example left out"}),
    ],
)
def test_two_mistakes_in_what_is_random_are_named_under_every_seed(id, answer, names, seed):
    assert set((judge(id, answer, seed).mistake or "").split("; ")) == names


def test_a_mistake_that_explains_the_first_case_alone_is_named_with_what_else_differs():
    verdict = judge("sgd.momentum_step", momentum_step(f"{SKIP}; {LR_INSIDE}; v *= p.ndim > 0"))
    assert verdict.mistake == "learning rate inside the velocity"
    assert "Something else differs as well: velocities[2] after step 1" in verdict.advice


def test_what_is_right_is_not_told_as_what_else_differs():
    """A mistake spoils two tables, and the answer only one of them."""

    class LargeUsers(nn.Module):
        def __init__(self, n_users, n_items, n_factors, y_range):
            super().__init__()
            self.user_factors = nn.Parameter(torch.randn(n_users, n_factors))
            self.item_factors = nn.Parameter(0.01 * torch.randn(n_items, n_factors))
            self.user_bias = nn.Parameter(torch.zeros(n_users))
            self.item_bias = nn.Parameter(torch.zeros(n_items))
            self.y_range = y_range

        def forward(self, users, items):
            low, high = self.y_range
            match = (self.user_factors[users] * self.item_factors[items]).sum(1)
            match = match + self.user_bias[users] + self.item_bias[items]
            return low + (high - low) * torch.sigmoid(match)

    verdict = judge("embeddings.DotProductBias", LargeUsers)
    assert verdict.mistake == "factors start large"
    assert "Something else" not in verdict.advice, verdict.advice


def test_two_edits_that_raise_only_together_are_no_two_mistakes():
    class Relu(Exercise):
        """max(x, 0)."""

        id, points = "linear.relu", 1
        mistakes = (
            Mistake("a bound", edit("x: Tensor", "x: Tensor, low: float = 0.0"), "A bound."),
            Mistake("asks", edit("min=0", "min=low.to() if 'low' in dir() else 0"), "Asks."),
        )

        def probe(self, relu, case):
            yield "y", relu(case.x)

    cases = [Case("two", x=torch.tensor([2.0, -2.0]))]
    verdict = judge_evidence(Relu(), cases, collect(Relu(), lambda x: (0.0).to(), cases), seed=0)
    assert verdict.mistake == "raised", verdict.mistake


@pytest.mark.parametrize("lesson", lessons())
def test_the_mistake_that_was_made_is_among_the_first_that_are_tried(lesson):
    """By what is known of it under another seed; in the catalogue's order half come before it."""
    before = total = apart = mistakes = 0
    for exercise in exercises(lesson):
        made = [m for m in exercise.mistakes if m.change is not None and m.sign is None]
        if isinstance(exercise, Training) or not made:
            continue
        cases = exercise.draw(3)
        expected = expected_evidence(exercise, cases, 3)
        for mistake in made:
            wrong = naming.wrong_answer(exercise, mistake)
            got = collect(exercise, wrong, cases, guarded=False, seed=3)
            likely, others = likely_first(exercise, made, cases, expected, got)
            before += [*likely, *others].index(mistake)
            apart, mistakes = apart + (mistake in others), mistakes + 1
            total += len(made)
    assert before < 0.2 * total
    assert apart < 0.05 * mistakes, "a sign would be believed before what explains every case"


def test_marks_that_are_missing_or_old_change_no_name(monkeypatch):
    answer, name = momentum_step(f"{SKIP}; {LR_INSIDE}"), "learning rate inside the velocity"
    mistakes = find("sgd.momentum_step").mistakes
    for kept in ({}, {"momentum_step": {marks.key(m): "123 0" for m in mistakes[::2]}}):
        monkeypatch.setattr(marks, "known", lambda _, kept=kept: kept)
        assert judge("sgd.momentum_step", answer).mistake == name


def test_a_time_limit_that_strikes_beside_the_probe_ends_the_run_of_a_mistake(monkeypatch):
    """Such as in the drawing of fresh inputs, when other work keeps the machine busy."""
    exercise = find("linear.relu")
    case, mistake = exercise.draw(0)[0], exercise.mistakes[0]

    def endless(case, inputs=None):
        while True:
            pass

    monkeypatch.setattr(Case, "fresh", endless)
    monkeypatch.setattr(type(exercise), "seconds", 0.1)
    evidence = naming.run_mistakes(exercise, (mistake,), case, 0)
    assert evidence.raised and evidence.raised.type == "TimeLimit"


def test_of_two_that_explain_as_much_both_are_told():
    class Relu(Exercise):
        """max(x, 0)."""

        id, points = "linear.relu", 1
        mistakes = (
            Mistake("without the sign", edit("x.clamp(min=0)", "x.abs()"), "You drop the sign."),
            Mistake("half the square", edit("x.clamp(min=0)", "x * x / 2"), "You square."),
        )

        def probe(self, relu, case):
            yield "y", relu(case.x)

    cases = [Case("two", x=torch.tensor([2.0, -2.0])), Case("three", x=torch.tensor([3.0, -3.0]))]
    evidence = collect(Relu(), lambda x: x * 0 + 2, cases)
    verdict = judge_evidence(Relu(), cases, evidence, seed=0)
    assert verdict.mistake == "without the sign, or half the square"
    assert verdict.advice == (
        "One of these two mistakes would explain what differs first; neither explains all.\n"
        "Either: You drop the sign.\nOr: You square."
    )


def test_two_ways_to_make_one_mistake_count_as_one():
    class Relu(Exercise):
        """max(x, 0)."""

        id, points = "linear.relu", 1
        mistakes = (
            Mistake("signs dropped", edit("x.clamp(min=0)", "x.abs()"), "You drop the sign."),
            Mistake(
                "signs dropped", edit("x.clamp(min=0)", "(x * x).sqrt()"), "You drop the sign."
            ),
        )

        def probe(self, relu, case):
            yield "y", relu(case.x)

    cases = [Case("two", x=torch.tensor([2.0, -2.0])), Case("three", x=torch.tensor([3.0, -3.0]))]
    evidence = collect(Relu(), lambda x: x * 0 + 2, cases)
    verdict = judge_evidence(Relu(), cases, evidence, seed=0)
    assert verdict.mistake == "signs dropped"
    assert verdict.advice == "You drop the sign.\nSomething else differs as well: y, for three."


def test_a_mistake_that_would_spoil_what_is_right_is_not_named():
    class Relu(Exercise):
        """max(x, 0)."""

        id, points = "linear.relu", 1
        mistakes = (
            Mistake("without the sign", edit("x.clamp(min=0)", "x.abs()"), "You drop the sign."),
        )

        def probe(self, relu, case):
            yield "y", relu(case.x)

    cases = [Case(str(x), x=torch.tensor([x])) for x in (-1.0, -2.0, -3.0)]
    answers = {-1.0: 0.0, -2.0: 2.0, -3.0: 7.0}
    evidence = collect(Relu(), lambda x: torch.tensor([answers[x.item()]]), cases)
    assert judge_evidence(Relu(), cases, evidence, seed=0).mistake is None


def test_what_right_code_gives_for_other_inputs_is_said():
    halved = momentum_step(f"{SKIP}; v.mul_(momentum).add_(p.grad); p.sub_(lr * v / 2)")
    verdict = judge("sgd.momentum_step", halved)
    assert verdict.mistake == "as with lr / 2 in place of lr"
    assert "params[0] after step 1 is what right code gives with lr / 2" in verdict.advice


def test_no_other_inputs_are_said_that_would_spoil_what_is_right():
    class Relu(Exercise):
        """max(x, 0)."""

        id, points, mistakes = "linear.relu", 1, ()

        def probe(self, relu, case):
            yield "y", relu(case.x)

    def named(answer):
        signs = ([-1.0, -2.0, -3.5], [1.5, 2.0, 3.5])
        cases = [Case(str(x), x=torch.tensor(x)) for x in signs]
        evidence = collect(Relu(), answer, cases)
        return judge_evidence(Relu(), cases, evidence, seed=0).mistake

    assert named(lambda x: x**2) == "as with the squares of x in place of x"
    assert named(lambda x: x.abs()) == "as with x without signs"  # -x would spoil the second case
    assert named(lambda x: torch.where(x < 0, x**2, x)) == "wrong where 0 is due"


def test_what_nothing_explains_has_no_name_and_says_what_is_right_so_far():
    verdict = judge(
        "sgd.momentum_step",
        momentum_step(f"{SKIP}; v.mul_(momentum).add_(p.grad); p.sub_(lr * v.sin())"),
    )
    assert verdict.mistake is None
    assert (
        "velocities[0] after step 1" in verdict.advice and verdict.where == "params[0] after step 1"
    )


def test_an_unrelated_error_in_the_first_line_gets_no_name_of_a_mistake():
    def sgd_step(params, lr):
        for p in params + lr:
            p.sub_(p.grad)

    def not_skipped(params, lr):
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad

    assert judge("sgd.sgd_step", sgd_step).mistake == "raised"
    assert judge("sgd.sgd_step", not_skipped).mistake == "missing gradient not skipped"


def test_the_word_that_a_message_begins_with_is_no_type_that_two_have_in_common():
    texts = [f"The size of tensor a (4) must match the size of tensor b ({n})" for n in (3, 10)]
    one, other = (Evidence(raised=Raised("RuntimeError", text)) for text in texts)
    assert naming._raised_alike(one, one) and not naming._raised_alike(one, other)


def test_an_edit_changes_only_what_differs_so_that_neighbours_can_be_edited_too():
    both = edit("y_hat - y", "y_hat + y") + edit(".mean()", ".sum()")
    assert edited("sgd.mse", both)(torch.ones(3), torch.ones(3)) == 12


def test_edits_of_private_helpers_reach_the_answer():
    categorify = edited("tabular.categorify", edit("value != value", "False"))
    assert len(categorify([float("nan")], [])[2]) == 1


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            (".median()", ".sum()"),
            "'.median()' -> '.sum()' does not fit: '.median()' occurs 0 times",
        ),
        (("y_hat", "y"), "'y_hat' -> 'y' does not fit: 'y_hat' occurs 5 times"),
        ((".mean()", ".sum()", ".mean()", ".max()"), "two changes meet in one place"),
    ],
)
def test_an_edit_that_does_not_fit_is_said_with_both_texts(texts, said):
    with pytest.raises(CourseError, match="^sgd.mse: ") as raised:
        fits("sgd.mse", edit(*texts))
    assert said in str(raised.value)


def test_an_exercise_whose_edit_no_longer_fits_cannot_be_imported():
    with pytest.raises(CourseError, match="'.median\\(\\)' -> '.sum\\(\\)' does not fit"):

        class Broken(Exercise):
            id, points = "sgd.mse", 1
            mistakes = (Mistake("sum", edit(".median()", ".sum()"), "hint"),)


def test_every_edit_makes_an_answer_that_runs():
    exercise = find("sgd.momentum_step")
    for mistake in exercise.mistakes:
        assert callable(naming.wrong_answer(exercise, mistake))


def test_a_mistake_known_by_its_sign_alone_has_no_answer():
    [mistake] = [m for m in find("sgd.minibatches").mistakes if m.name == "drawn with replacement"]
    with pytest.raises(CourseError, match="has a sign and no answer"):
        naming.wrong_answer(find("sgd.minibatches"), mistake)


def test_the_number_of_pairs_is_bounded(monkeypatch):
    tried = []
    monkeypatch.setattr(naming, "MOST_PAIRS", 7)
    monkeypatch.setattr(naming, "_RUNS", {})
    answer = naming._answer
    monkeypatch.setattr(
        naming, "_answer", lambda e, mistakes: tried.append(mistakes) or answer(e, mistakes)
    )
    judge(
        "sgd.momentum_step",
        momentum_step(f"{SKIP}; v.mul_(momentum).add_(p.grad); p.sub_(lr * v / 2)"),
    )
    assert len({pair for pair in tried if len(pair) == 2}) == 7
    assert len({pair for pair in tried if len(pair) == 1}) <= len(MomentumStep.mistakes)


def test_no_pair_is_tried_with_a_mistake_in_what_is_right_before_the_difference(monkeypatch):
    tried = []
    answer = naming._answer
    monkeypatch.setattr(naming, "MOST_PAIRS", 10_000)
    monkeypatch.setattr(naming, "_RUNS", {})
    monkeypatch.setattr(
        naming, "_answer", lambda e, mistakes: tried.append(mistakes) or answer(e, mistakes)
    )
    judge(  # the velocity comes first, and is right
        "sgd.momentum_step",
        momentum_step(f"{SKIP}; v.mul_(momentum).add_(p.grad); p.sub_(lr * v / 2)"),
    )
    names = {mistake.name for pair in tried if len(pair) == 2 for mistake in pair}
    assert names and "learning rate inside the velocity" not in names


def test_no_name_depends_on_what_was_judged_before():
    wrong = momentum_step(f"{STOP}; {LR_INSIDE}")
    first = judge("sgd.momentum_step", wrong)
    judge("sgd.momentum_step", momentum_step(f"{SKIP}; {LR_INSIDE}"), seed=3)
    assert judge("sgd.momentum_step", wrong) == first
    assert Mse.mistakes  # another exercise's catalogue stays as it was


@pytest.mark.parametrize("lesson", lessons())
def test_names_can_be_told_apart_where_two_are_given(lesson):
    names = [mistake.name for exercise in exercises(lesson) for mistake in exercise.mistakes]
    assert not [name for name in names if naming.TOGETHER in name or naming.EITHER in name]


def test_known_mistakes_are_tried_without_a_warning(recwarn):
    def each_by_itself(x):
        centred = x - x.mean(0)
        return centred / (centred.square().sum(0) / (len(x) - 1)).sqrt()

    verdict = judge(
        "mnist.normalize", lambda train, valid: (each_by_itself(train), each_by_itself(valid))
    )
    assert set(verdict.mistake.split("; ")) == {
        "validation data scaled by itself",
        "each pixel scaled separately",
    }
    assert not [warning.message for warning in recwarn]


def test_what_an_answer_is_warned_of_is_not_shown(recwarn):
    verdict = judge(
        "weight_decay.l2_gradient", lambda p, wd: torch.full_like(p, float(2 * wd * p.sum()))
    )
    assert verdict.mistake == "one sum, spread over the shape"
    assert not [warning.message for warning in recwarn]


@pytest.mark.parametrize("id", ["sgd.momentum_step", "cross_entropy.softmax", "linear.My_Linear"])
def test_a_run_ends_early_only_where_evidence_differs(id):
    exercise = find(id)
    cases = exercise.draw(3)
    wrong = [item for item in wrong_answers(exercise.lesson) if item.id == id][::6]
    ended = left = 0
    with fixed_world():
        expected = expected_evidence(exercise, cases, 3)
        for item in wrong:
            got = collect(exercise, item.answer, cases, seed=3)
            search = naming._Search(exercise, cases, expected, got, 3)
            for mistake in search.mistakes:
                for index in search.order[:3]:
                    _, far = search._attempt((mistake,), index)
                    if far:
                        ended += 1
                        assert not search._agree(search._run((mistake,), index), index)
                    else:
                        left += 1
    assert ended > left


def test_what_was_looked_at_for_one_answer_is_asked_again_for_the_next(monkeypatch):
    monkeypatch.setattr(naming, "_RUNS", {})
    monkeypatch.setattr(naming, "_BEGUN", {})
    texts = {
        "minus": "v.mul_(momentum).add_(p.grad); p.add_(lr * v)",
        "plain": "p.sub_(lr * p.grad)",
    }
    first = {
        name: judge("sgd.momentum_step", momentum_step(f"{SKIP}; {text}")).mistake
        for name, text in texts.items()
    }
    assert naming._BEGUN and None not in first.values() and first["minus"] != first["plain"]
    again = {
        name: judge("sgd.momentum_step", momentum_step(f"{SKIP}; {text}")).mistake
        for name, text in reversed(texts.items())
    }
    assert again == first
