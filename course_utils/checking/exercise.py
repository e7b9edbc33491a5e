"""What an exercise is: cases in, named evidence out, and the mistakes that deserve a message of
their own.
"""

import difflib
import importlib
import inspect
import itertools
import pkgutil
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking import axes
from course_utils.checking.claims import denied
from course_utils.checking.edit import Edit, fits
from course_utils.checking.world import fixed_world
from course_utils.errors import CourseError


class Rng:
    """Draws the inputs of cases: reproducible, in float32 unless asked otherwise."""

    def __init__(self, seed: int, stream: str = "") -> None:
        self.generator = torch.Generator().manual_seed(
            (seed * 0x9E3779B1 + zlib.crc32(stream.encode())) % 2**63
        )

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal numbers pushed away from 0 by 0.05, so that none is lost in a product or
        sits on a kink.
        """
        x = torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return (x + 0.05 * torch.where(x < 0, -1.0, 1.0)).to(dtype)

    def uniform(
        self, low: float, high: float, *shape: int, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Numbers drawn uniformly from [low, high)."""
        return (
            torch.rand(shape, generator=self.generator, dtype=torch.float64) * (high - low) + low
        ).to(dtype)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 numbers drawn uniformly from low to high - 1."""
        return torch.randint(low, high, shape, generator=self.generator)

    def permutation(self, n: int) -> Tensor:
        """The numbers 0 to n - 1 in random order, int64."""
        return torch.randperm(n, generator=self.generator)

    def integer(self, low: int, high: int) -> int:
        """One Python int from low to high - 1."""
        return int(self.integers(low, high, 1))

    def number(self, low: float, high: float) -> float:
        """One Python float from [low, high)."""
        return float(self.uniform(low, high, 1, dtype=torch.float64))


class Case:
    """One set of inputs for a probe, read as attributes: `case.x`.

    Inputs are tensors, numbers, strings, None, and lists or dicts of these, because they cross a
    process boundary. `hidden` is for the judge alone (for example the labels of unseen digits); it
    never reaches an answer. `raises` is the error that is due for these inputs; without it, none
    is. A case made along an axis names it, and `detail` is what the axis needs to know.
    """

    def __init__(
        self,
        label: str,
        /,
        *,
        hidden: Mapping[str, Any] | None = None,
        raises: type[Exception] | None = None,
        axis: str = "",
        detail: Any = None,
        **inputs: Any,
    ) -> None:
        self.label = label
        self.inputs: dict[str, Any] = inputs
        self.raises = raises
        self.hidden = dict(hidden or {})
        self.axis = axis
        self.detail = detail

    @classmethod
    def received(cls, sent: Mapping[str, Any]) -> "Case":
        """The case in what `sent` gave."""
        return cls(sent["label"], axis=sent["axis"], detail=sent["detail"], **sent["inputs"])

    def sent(self) -> dict[str, Any]:
        """All but what is hidden, as it crosses a process boundary."""
        return {
            "label": self.label,
            "axis": self.axis,
            "detail": self.detail,
            "inputs": self.inputs,
        }

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["inputs"][name]
        except KeyError:
            raise AttributeError(f"the case has no input {name!r}") from None

    def fresh(self, used: Mapping[str, Any] | None = None) -> "Case":
        """The same inputs in new tensors, without what is hidden: what one probe may change as it
        likes.

        used: inputs of an earlier probe, whose tensors are filled with the new numbers.
        """
        inputs = axes.mapped(lambda x: x.detach().clone(), self.inputs)
        if used is not None:
            inputs = axes.refill(used, inputs)
        return Case(
            self.label, axis=self.axis, detail=self.detail, **axes.hand_over(self.axis, inputs)
        )


@dataclass(frozen=True, eq=False)
class Mistake:
    """A known wrong answer: what is changed in the reference, and a hint that tells its author how
    to think about it.

    change: an `edit` of the reference, or a function of its own where no edit says it well. An
    answer made the mistake when its evidence equals that of the changed reference. Where that
    cannot be (training, random draws), change is None and `sign` maps the evidence of every case (a
    list of dicts from name to value) to whether the mistake shows.
    """

    name: str
    change: Edit | Callable[..., Any] | None
    hint: str
    sign: Callable[[list[dict[str, Any]]], bool] | None = None


class Exercise:
    """A function or class that the student writes; a subclass says what makes it right.

    What a lesson says of an exercise is declared here alone, and `course build` writes it into the
    notebook. The docstring's first line is the definition. `cases` goes from small to large, edges
    included. `probe` runs the answer on one case and yields `(name, value)` in the order of the
    computation, or `(name, value, rtol)` for a statistical value; what is so or not is a `claim`.
    A claim about numbers that were drawn is better one of `holds`: the probe yields under its
    sentence a list of tensors, and the judge says of them whether it holds.
    What comes back from the answer is yielded before it is used. The inputs of the case are
    recorded after the probe without being asked for, so an answer that changes them is found.
    """

    id: ClassVar[str]
    points: ClassVar[int]
    minutes: ClassVar[int]
    lines: ClassVar[str]  # how much there is to write, such as "two or three lines"
    writes: ClassVar[str]  # what, in the lesson's table, such as "an activation function"
    extra: ClassVar[bool] = False  # whether later lessons and a short course can do without it
    shortcuts: ClassVar[tuple[Any, ...]] = ()  # functions, classes, modules, "aten::_softmax"
    seconds: ClassVar[float] = 10.0  # limit for all cases together
    mistakes: ClassVar[Sequence[Mistake]] = ()
    along: ClassVar[
        Mapping[str, int]
    ] = {}  # which case an axis starts from, where it is not the first that fits
    without: ClassVar[Mapping[str, str]] = {}  # axes that the exercise is not probed along, and why
    # What says of the tensors under a claim whether it holds, by the claim's sentence.
    holds: ClassVar[Mapping[str, Callable[..., object]]] = {}
    ask: Callable[[Any], Any]  # where there is an oracle: takes a probe's question to it

    def __init_subclass__(cls) -> None:
        """Every edit must fit the reference, so that a changed reference is noticed when the lesson
        is imported; and every claim must be one that can be denied.
        """
        for sentence in cls.holds:
            denied(sentence)
        for mistake in cls.mistakes:
            if isinstance(mistake.change, Edit):
                fits(cls.id, mistake.change)

    @property
    def lesson(self) -> str:
        """The lesson's name without its number."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The name that the student defines."""
        return self.id.partition(".")[2]

    @property
    def builds(self) -> bool:
        """Whether the answer is a class or makes a module, so that a module already built is not
        one.
        """
        return self.name[0].isupper()

    def cases(self, rng: Rng) -> Iterable[Case]:
        """The inputs, drawn from `rng`."""
        raise NotImplementedError

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        """What the answer yields on the case, by name."""
        raise NotImplementedError

    def settled(self, name: str, value: Any) -> Any:
        """A value of evidence; in place of the data of one of `holds`, whether that claim holds."""
        holds = self.holds.get(name.removesuffix(axes.BEFORE))
        if holds is None:
            return value
        try:
            # A tensor in place of the list would be taken apart into one for each of its numbers.
            return isinstance(value, list) and bool(holds(*value))
        except Exception:  # whatever it is, it does not show what it should
            return False

    def oracle(self, cases: Sequence[Case]) -> Any:  # noqa: ARG002
        """What answers the questions of a probe, knowing what the cases hide, and says whether
        evidence `agrees` with them (tell_apart.Oracle); None: it has none.
        """
        return None

    def own_cases(self, seed: int) -> list[Case]:
        """The cases of one seed that the exercise gives itself."""
        with fixed_world():
            return list(self.cases(Rng(seed, self.id)))

    def draw(self, seed: int) -> list[Case]:
        """The cases of one seed: the exercise's own, and one more along every axis."""
        with fixed_world():
            own = self.own_cases(seed)
            return [
                *own,
                *axes.cases(
                    self,
                    own,
                    lambda index: next(
                        itertools.islice(self.cases(Rng(seed + 1, self.id)), index, None)
                    ),
                    lambda: argument_names(self),
                ),
            ]


class Training(Exercise):
    """An exercise whose answer trains a model; it is judged by a measurement on data that it never
    sees.

    `expected` names the evidence that must be so whatever was learned (a shape, a type). `measure`
    turns the evidence into one number; `full` and `part` are the values from which it earns all and
    half of the points. They come from measured runs, whose table is in the subclass's
    docstring.
    """

    metric: ClassVar[str]  # such as "accuracy on digits it never saw"
    full: ClassVar[float]
    part: ClassVar[float]
    higher_is_better: ClassVar[bool] = True
    seconds: ClassVar[float] = 60.0

    @property
    def builds(self) -> bool:
        """True: a training makes a module."""
        return True

    def draw(self, seed: int) -> list[Case]:
        """The exercise's own cases: a training is measured, and along no axis."""
        return self.own_cases(seed)

    def expected(self, case: Case) -> dict[str, Any]:  # noqa: ARG002 (a subclass reads it)
        """Evidence that does not depend on what was learned, by name."""
        return {}

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        """The metric of one case, from its evidence and what the case hides."""
        raise NotImplementedError

    def reaches(self, value: float, threshold: float) -> bool:
        """Whether the value is as good as the threshold; nan never is."""
        return value >= threshold if self.higher_is_better else value <= threshold


@dataclass(frozen=True)
class FreeText:
    """A question answered in words and graded by hand."""

    id: str
    points: int = 2
    minutes: int = 10
    lines: str = "graded by hand"
    writes: str = "an answer in words"
    extra: bool = False

    @property
    def name(self) -> str:
        """The question's name within its lesson."""
        return self.id.partition(".")[2]


def gradients(output: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """Gradients of an uneven sum of the output by autograd, None where nothing connects them or an
    input has none.

    output: a tensor of any shape, weighted by 0.5 ... 1.5, because a plain sum hides errors that
    cancel.
    """
    if not isinstance(output, Tensor) or not output.requires_grad:
        return [None] * len(inputs)
    weights = torch.linspace(0.5, 1.5, output.numel(), dtype=output.dtype).reshape(output.shape)
    # A sum, and not grad_outputs: for those torch imports sympy (0.4 s) the first time.
    tracked = [tensor for tensor in inputs if tensor.requires_grad]
    found = iter(torch.autograd.grad((output * weights).sum(), tracked, allow_unused=True))
    return [next(found) if tensor.requires_grad else None for tensor in inputs]


def operators(pattern: str) -> tuple[str, ...]:
    """The names of all torch operators that match the pattern, such as "aten::_softmax"."""
    names = {
        name.partition(".")[0]
        for name in torch._C._dispatch_get_all_op_names()
        if name.startswith("aten::")
    }
    return tuple(sorted(name for name in names if re.search(pattern, name)))


def lessons() -> list[str]:
    """The names of all lessons that have exercises, without numbers, in alphabetical order."""
    package = importlib.import_module("course_utils.exercises")
    return sorted(
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    )


def exercises(short: str) -> list[Exercise]:
    """The exercises of a lesson, in its module's order; none of one that is not the course's own.

    short: its name without the number.
    """
    if short not in lessons():
        return []
    module = _imported(f"course_utils.exercises.{short}")
    classes = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Exercise)
    ]
    return [cls() for cls in classes if cls.__module__ == module.__name__ and hasattr(cls, "id")]


def free_texts(short: str) -> list[FreeText]:
    """The questions of a lesson that are graded by hand."""
    module = _imported(f"course_utils.exercises.{short}")
    return [item for item in vars(module).values() if isinstance(item, FreeText)]


def find(id: str) -> Exercise:
    """The exercise with this id; raises CourseError that names the near ones."""
    known = lessons()
    short = id.partition(".")[0] if isinstance(id, str) else ""
    if short in known:
        for exercise in exercises(short):
            if exercise.id == id:
                return exercise
    ids = [exercise.id for name in known for exercise in exercises(name)]
    names = [
        other
        for other in ids
        if isinstance(id, str) and other.partition(".")[2] == id.partition(".")[2]
    ]
    near = names + difflib.get_close_matches(str(id), ids, n=3, cutoff=0.5)
    near = near or [other for other in ids if other.partition(".")[0] == short] or known
    raise CourseError(
        f"There is no exercise {id!r}. Did you mean {' or '.join(map(repr, dict.fromkeys(near)))}?"
    )


def reference(exercise: Exercise) -> Any:
    """The reference answer by name: `linear.relu` is `course_utils.reference.linear.relu`."""
    return getattr(_imported(f"course_utils.reference.{exercise.lesson}"), exercise.name)


def argument_names(exercise: Exercise) -> list[str]:
    """The names of the arguments of the reference, which are the documented ones."""
    return list(inspect.signature(reference(exercise)).parameters)


def _imported(name: str) -> Any:
    """A module of the course; tensors that it makes when it is first imported are those of the
    fixed world.
    """
    with fixed_world():
        return importlib.import_module(name)
