"""Exercises in testing: write a test that accepts all right code and rejects the wrong.

The judge alone has the functions that are tested. What the test hands to them crosses to the judge
as data, and so does what they give: no wrong code is where a test could read it.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking.evidence import Evidence, normal_form
from course_utils.checking.exercise import Case, Rng
from course_utils.checking.forms import DEEPEST, LONGEST, Form, for_example
from course_utils.checking.world import seed_generators

ACCEPTS, REJECTS, ENDLESS = "accepts", "rejects", "calls without end"
RETURNS, RAISES = "returns ", "raises "  # these two begin a verdict
MOST_CALLS = 50  # of one function by one run of a test
MOST_NUMBERS = 200  # in one call


class TellApart(Form):
    """Write `test(f)`: it says True for every right implementation, and False for the wrong ones.

    A failed assert counts as False, and a test that returns nothing as True. The value is the share
    of the wrong ones that are rejected, and 0 where a right one is; each seed draws three quarters
    of them, which count. The test is run on all functions twice, in two orders. A class among
    `rights` or `wrongs` stands for functions that remember: an instance is made for each run.
    """

    arguments: ClassVar[int]  # how many tensors the functions take
    rights: ClassVar[Sequence[Callable[..., Any]]]
    wrongs: ClassVar[Mapping[str, Callable[..., Any]]]  # by the name of the mistake
    takes: ClassVar[Mapping[str, str]] = {}
    metric = "share of the wrong functions that your test rejects"
    seconds: ClassVar[float] = 10.0

    def cases(self, rng: Rng) -> Iterable[Case]:
        """One case, which hides what is tested in which run."""
        counted = self.drawn(rng, [*self.wrongs])
        count = len(self.rights) + len(self.wrongs)  # the right ones have numbers below 0
        order = torch.cat([rng.permutation(count), rng.permutation(count)]) - len(self.rights)
        hidden = {"order": order.tolist(), "counted": counted}
        yield Case("your test", runs=2 * count, hidden=hidden)

    def oracle(self, cases: Sequence[Case]) -> "Oracle":
        """What answers the questions of a test, as data, by calling what is tested in that run."""
        known = [*self.wrongs.values(), *self.rights]
        return Oracle([known[index] for index in cases[0].hidden["order"]], self.objection_to)

    def objection_to(self, given: Any) -> str:
        """Why the functions cannot be called with this; empty where they can."""
        if not isinstance(given, list) or len(given) != self.arguments:
            return f"it takes {self.arguments} tensors, without names"
        floats = (torch.float32, torch.float64)
        if not all(isinstance(x, Tensor) and x.dtype in floats for x in given):
            return "it takes tensors of floats"
        if sum(x.numel() for x in given) > MOST_NUMBERS:
            return f"it takes at most {MOST_NUMBERS} numbers in a call"
        if any(x.ndim > DEEPEST or max(x.shape, default=0) > LONGEST for x in given):
            return f"it takes tensors of at most {DEEPEST} dimensions, each up to {LONGEST} long"
        return "" if all(x.isfinite().all() for x in given) else "it takes finite numbers"

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        """What the test says in each run, and whether it changes the functions that it is given."""
        said, changes = [], False
        for run in range(case.runs):
            function = self._function(run)
            seed_generators(0)
            with nullcontext() if run == 0 else redirect_stdout(io.StringIO()):  # printed once
                said.append(_said(answer, function))
            self.ask({"run": run, "said": said[-1]})
            changes |= bool(vars(function))
        yield "said", said
        yield "changes", changes

    def _function(self, run: int) -> Callable[..., Any]:
        """What the test gets: it has the judge call the function that is tested in this run."""
        calls = 0

        def backward(*given: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > MOST_CALLS:
                raise EndlessError
            got = self.ask({"run": run, "given": normal_form(given)})
            if "refused" in got:
                raise TypeError(got["refused"])
            # What the function did to its arguments happens to the test's own tensors too.
            with torch.no_grad():
                for mine, used in zip(given, got["used"], strict=True):
                    if not torch.equal(mine, used):
                        mine.copy_(used)
            if "raised" in got:
                raise RuntimeError(got["raised"])
            return tuple(got["gave"]) if isinstance(got["gave"], list) else got["gave"]

        backward.__qualname__ = backward.__name__  # for the message of a wrong call
        return backward

    def weigh(
        self,
        cases: Sequence[Case],
        evidence: Sequence[Evidence],
        seed: int,  # noqa: ARG002
    ) -> dict[str, Any]:
        """The share of the wrong functions that are rejected, or why nothing counts."""
        order, said = cases[0].hidden["order"], evidence[0].values.get("said")
        if not isinstance(said, list) or [type(word) for word in said] != [str] * len(order):
            return {"value": 0.0, "why": "Your test cannot be judged.", "objection": True}
        first, again = said[: len(said) // 2], said[len(said) // 2 :]
        of = dict(zip(order, first, strict=False))
        later = dict(zip(order[len(again) :], again, strict=False))
        right = [of[index] for index in of if index < 0]
        if fault := _fault(said, right, evidence[0].values.get("changes") is True, of != later):
            return {"value": 0.0} | fault
        names, counted = [*self.wrongs], cases[0].hidden["counted"]
        missed = [names[index] for index in counted if of[index] == ACCEPTS]
        count = len(counted)
        why = (
            f"It accepts all {len(right)} right functions, and rejects {count - len(missed)} of "
            f"{count} wrong ones."
        )
        why += for_example(missed)
        passed = [name for index, name in enumerate(names) if of[index] == ACCEPTS]
        found: dict[str, Any] = {"left": missed, "all": 1 - len(passed) / len(names)}
        if missed and REJECTS not in said:  # what is rejected made it fail
            why += " It never says False, and none of its asserts fails: is a `return` missing?"
            found = {"accepts": True}
        why += self.withheld(len(names) - count)
        return {"value": 1 - len(missed) / count, "why": why} | found


class Oracle:
    """Answers a test, one run after the other: what the test says of a run is settled before the
    next one begins, so it cannot be what most functions do that is called right.
    """

    def __init__(
        self, tested: Sequence[Callable[..., Any]], objection_to: Callable[[Any], str]
    ) -> None:
        self.tested, self.objection_to = tested, objection_to
        self.made: dict[int, Callable[..., Any]] = {}
        self.calls = Counter[int]()
        self.said: list[str] = []

    def __call__(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What the function of a run gives; or nothing, where the question is what the test said.

        An earlier run comes again where the first attempt ended because a name was missing. Raises
        ValueError for what no probe asks.
        """
        run = question["run"]
        if type(run) is not int or not 0 <= run <= len(self.said):
            raise ValueError("a run that has not begun")
        if "said" in question:
            if run == len(self.said):
                self.said.append(question["said"])
            if self.said[run] != question["said"]:
                raise ValueError("another verdict on the same run")
            return {}
        self.calls[run] += 1
        if self.calls[run] > 2 * MOST_CALLS:
            raise ValueError("calls without end")
        return self._call(run, question["given"])

    def agrees(self, values: Mapping[str, Any]) -> bool:
        """Whether the evidence has no other verdicts than those that were settled."""
        return bool(values.get("said", self.said) == self.said)

    def _call(self, run: int, given: Any) -> dict[str, Any]:
        if why := self.objection_to(given):
            return {"refused": why}
        if run not in self.made:
            tested = self.tested[run]
            self.made[run] = tested() if isinstance(tested, type) else tested
        used = [x.clone() for x in given]
        try:
            gave = {"gave": normal_form(self.made[run](*used))}
        except Exception as error:
            gave = {"raised": f"{type(error).__name__}: {str(error)[:100]}"}
        return gave | {"used": used}


class EndlessError(Exception):
    """A test calls the function that it tests without end."""


def _said(test: Any, function: Callable[..., Any]) -> str:
    """What a test says of a function, in a word."""
    try:
        verdict = test(function)
    except AssertionError:
        return REJECTS
    except EndlessError:
        return ENDLESS
    except (NotImplementedError, NameError) as error:
        if isinstance(error, NameError) or not str(error):
            raise  # nothing is written yet, or a cell is still to be run
        return f"{RAISES}{type(error).__name__}: {str(error)[:100]}"
    except Exception as error:
        return f"{RAISES}{type(error).__name__}: {str(error)[:100]}"
    # `(a == b).all()` is a verdict too, and an assert that holds returns nothing.
    if isinstance(verdict, Tensor) and verdict.dtype == torch.bool and verdict.numel() == 1:
        verdict = bool(verdict)
    if verdict is None or verdict is True:
        return ACCEPTS
    return REJECTS if verdict is False else f"{RETURNS}{type(verdict).__name__}"


def _fault(said: list[str], right: list[str], changes: bool, moody: bool) -> dict[str, Any]:
    """What keeps a test from being one, with a sentence that says so; empty where it is one."""
    # It does not do what a test does.
    words = set(said)
    if found := [word for word in said if word.startswith(RETURNS)]:
        kind = found[0].removeprefix(RETURNS)
        return {
            "why": f"Your test returns something else ({kind}): return True or False, or let an "
            "assert fail.",
            "objection": True,
        }
    if ENDLESS in words:
        return {
            "why": f"Your test calls the function more than {MOST_CALLS} times.",
            "endless": True,
        }
    if found := [word for word in right if word.startswith(RAISES)]:
        kind = found[0].removeprefix(RAISES)
        return {"why": f"Your test itself fails on right code ({kind}).", "raises": True}
    if changes:
        return {"why": "Your test changes the function that it is given.", "changes": True}
    # It tells nothing apart.
    if words == {ACCEPTS}:
        return {"why": "Your test accepts everything, the wrong ones too.", "accepts": True}
    if ACCEPTS not in words:
        return {"why": "Your test rejects everything, right code too.", "rejects": True}
    # It is not fair: to the same function at another time, or to right code.
    if moody:
        why = (
            "Asked again in another order, your test says something else about the same functions."
        )
        return {"why": why, "moody": True}
    if refused := [word for word in right if word != ACCEPTS]:
        why = f"Your test rejects {len(refused)} of {len(right)} right functions."
        return {"why": why, "unjust" if refused == right else "strict": True}
    return {}
