"""What the sandbox sees of the course: probes, no known mistakes, no answers of this lesson, no
validation examples.
"""

import contextlib
import gzip
import importlib
import inspect
import io
import itertools
import json
import resource
import subprocess
import sys
import types

import pytest
import torch
import torch._dynamo  # noqa: F401 (a time limit that interrupts its first import leaves torch broken)

from course_utils.building.lesson import all_lessons
from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import encode, to_tree
from course_utils.checking.exercise import (
    Case,
    Exercise,
    Training,
    exercises,
    find,
    lessons,
    reference,
)
from course_utils.checking.judge import expected_evidence, judge_evidence
from course_utils.checking.running import collect
from course_utils.data import DATA
from course_utils.grading.outside import admission, kit, warm
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.steps import derived, drawn

MOST_ORDERS, SECONDS = 24, 0.5
SEED = 7
WORKED_OUT = [item.id for lesson in lessons() for item in exercises(lesson) if item.holds]
IDS = {lesson: {exercise.id for exercise in exercises(lesson)} for lesson in lessons()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("kit")
    kit.begin(made)
    kit.make(made, "linear", ["sgd"], [])
    return made


def loaded(sources, monkeypatch):
    """The modules with these sources, in place of the course's own."""
    made = {}
    for name in sources:
        made[name] = types.ModuleType(f"course_utils.exercises.{name}")
        monkeypatch.setitem(sys.modules, made[name].__name__, made[name])
    waiting = list(sources)
    while waiting:  # what is imported comes first
        name = next(
            name
            for name in waiting
            if not any(f"exercises.{other} " in sources[name] for other in waiting)
        )
        exec(compile(sources[name], name, "exec"), vars(made[name]))
        waiting.remove(name)
    return list(made.values())


@pytest.mark.parametrize("lesson", lessons())
def test_probes_stand_alone_without_what_is_the_judges(lesson, monkeypatch):
    sources = kit.probes(lesson)
    assert not any("mistakes = " in source or "Mistake(" in source for source in sources.values())
    assert not any("def cases" in source or "def measure" in source for source in sources.values())
    loaded(sources, monkeypatch)
    assert {exercise.id for exercise in exercises(lesson)} == IDS[lesson]
    assert not any(exercise.mistakes for exercise in exercises(lesson))


def objects(module):
    """Every function and class of a module by name, those in classes and collections too."""
    found = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    for name, value in list(found.items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            found |= {
                f"{name}.{inner}": getattr(value, inner)
                for inner in vars(value)
                if not inner.startswith("__")
            }
        elif isinstance(value, list | tuple | dict):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            found |= {f"{name}[{key!r}]": item for key, item in inner}
    for name, value in found.items():
        is_probe = isinstance(value, type) and issubclass(value, Exercise)
        if (
            callable(value)
            and str(getattr(value, "__module__", "")).startswith("course_utils")
            and not is_probe
        ):
            yield f"{module.__name__.removeprefix('course_utils.')}.{name}", value


def wrappings(thing, exercise):
    """An object as an answer: alone, its arguments in any order or some left out, one item of what
    it returns.
    """
    try:
        taken = inspect.signature(thing).parameters.values()
        given = inspect.signature(reference(exercise)).parameters.values()
    except ValueError:
        return
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken, given = ([p for p in parameters if p.kind in named] for parameters in (taken, given))
    fewest = sum(p.default is p.empty for p in taken)
    sizes = range(fewest, min(len(taken), len(given)) + 1)
    orders = [order for n in sizes for order in itertools.permutations(range(len(given)), n)]
    if len(orders) > MOST_ORDERS or isinstance(exercise, Training):
        orders = [tuple(range(n)) for n in sizes]
    if isinstance(thing, type):
        yield "subclass", types.new_class("Answer", (thing,))
        for order in orders:
            yield f"subclass{order}", types.new_class("Answer", (thing,), exec_body=lambda body, o=order: body.update(
                __init__=lambda self, *args: thing.__init__(self, *(args[i] for i in o))))  # fmt: skip
    for order in orders:
        several = []

        def called(*args, order=order, several=several, **named):
            args = [*args, *named.values()]
            value = thing(*(args[i] for i in order))
            several.append(isinstance(value, tuple | list))
            return value

        yield f"called{order}", called
        for item in (0, 1, -1) if any(several) else ():
            yield (
                f"called{order}[{item}]",
                lambda *args, called=called, item=item, **named: called(*args, **named)[item],
            )


def few_rows(case):
    """The case with a few examples only, on which most of what is no answer fails at once."""
    return Case(
        case.label,
        hidden=case.hidden,
        **{name: x[:64] if isinstance(x, torch.Tensor) else x for name, x in case.inputs.items()},
    )


def passes(exercise, answer, cases, expected):
    """Whether an answer earns points."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if (
            isinstance(exercise, Training)
            and collect(exercise, answer, [few_rows(cases[0])])[0].raised
        ):
            return False
        found = collect(exercise, answer, cases[:1])
        if any(item.shortcut for item in found) or first_difference(
            cases[:1], expected[:1], found, isinstance(exercise, Training)
        ):
            return False
        found = found if len(cases) == 1 else collect(exercise, answer, cases)
        return judge_evidence(exercise, cases, found, 0, expected).score > 0


@pytest.fixture
def little_memory():
    """What is called with arguments that it was not made for may ask for any amount."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@pytest.mark.parametrize("lesson", all_lessons(), ids=lambda lesson: lesson.short)
def test_no_object_in_a_child_is_an_answer(lesson, monkeypatch, little_memory):
    """What else a child sees of the course, rooms, data and plots, knows no lesson and is left
    aside (test_rooms).
    """
    judges = exercises(lesson.short)
    for exercise in judges:
        exercise.seconds = min(exercise.seconds, SECONDS)
    drawn = {exercise.id: exercise.draw(3) for exercise in judges}
    expected = {
        exercise.id: expected_evidence(exercise, drawn[exercise.id], 0) for exercise in judges
    }
    imported = warm.imports(json.loads(lesson.released.read_text()))
    mounted = kit.references(lesson.short, find_course(lesson.root).earlier(lesson), imported)
    modules = [
        importlib.import_module(f"course_utils.reference.{name}") for name in sorted(mounted)
    ]
    modules += loaded(kit.probes(lesson.short, imported), monkeypatch)
    found = [
        f"{exercise.id} <- {name} {how}"
        for exercise in judges
        for module in modules
        for name, thing in objects(module)
        for how, answer in wrappings(thing, exercise)
        if passes(exercise, answer, drawn[exercise.id], expected[exercise.id])
    ]
    assert found == []


def in_a_child(exercise, answer, monkeypatch, **patched):
    """The evidence as a child sends it, these names of the exercise's module exchanged."""
    cases, seed = drawn(exercise.id, SEED), derived(SEED, "run")
    with monkeypatch.context() as replaced:
        [module, *_] = loaded(kit.probes(exercise.lesson), replaced)
        for name, value in patched.items():
            replaced.setattr(module, name, value)
        bare = next(item for item in exercises(exercise.lesson) if item.id == exercise.id)
        sent = collect(bare, answer, cases, False, seed)
    return encode([to_tree(item) for item in sent])


@pytest.mark.parametrize("id", WORKED_OUT)
def test_claims_about_drawn_numbers_are_worked_out_by_the_judge(id, monkeypatch):
    exercise = find(id)
    sent = in_a_child(exercise, reference(exercise), monkeypatch)
    assert admission.judged(exercise, sent, SEED).status == "right"
    said = collect(
        exercise, reference(exercise), drawn(id, SEED), False, derived(SEED, "run")
    )  # in place of each list of tensors True, as only the judge's own probe says
    verdict = admission.judged(exercise, encode([to_tree(item) for item in said]), SEED)
    assert verdict.score == 0 and verdict.claim


def test_who_has_every_claim_hold_still_has_to_shuffle(monkeypatch):
    def minibatches(n, batch_size, generator):
        torch.rand(1, generator=generator)
        yield from torch.arange(n).split(batch_size)

    exercise = find("sgd.minibatches")
    sent = in_a_child(
        exercise, minibatches, monkeypatch, claim=lambda sentence, _: (sentence, True)
    )
    assert admission.judged(exercise, sent, SEED).score == 0


def test_what_only_mistakes_used_is_gone():
    stripped = kit.probes("linear")["linear"]
    assert "_start_mistakes" not in stripped and "_normal" not in stripped and "_module" in stripped


def test_a_lesson_gets_what_it_imports_whatever_was_released():
    imported = [
        "course_utils.reference.backprop.relu_backward",
        "course_utils.reference.mnist.SGD",
        "torch",
    ]
    assert kit.references("mnist", [], imported) == {"backprop", "linear"}
    assert kit.references("tabular", [], ["course_utils.reference.embeddings"]) == {
        "embeddings",
        "optimizers",
    }
    sources = kit.probes("transfer", ["course_utils.exercises.transfer.digit_net"])
    assert "def digit_net(" in sources["transfer"]


def test_the_reference_of_the_lesson_is_left_out(folder):
    names = {path.stem for path in (folder / "course_utils" / "reference").glob("*.py")}
    assert "linear" not in names and names <= {"__init__", "sgd"}
    rooms = {path.stem for path in (folder / "course_utils" / "exercises").glob("*.py")}
    assert rooms == {"__init__", "linear"}
    trusted = {path.name for path in (folder / "course_utils" / "grading").iterdir()}
    assert trusted == {"__init__.py", "inside"}


@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*/valid*")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_validation_data_are_replaced_by_training_data_of_the_same_size(folder, path):
    places = (
        path,
        folder / "course_utils" / "data" / path.parent.name / path.name,
        path.with_name(path.name.replace("valid", "train")),
    )
    real, stand_in, train = (gzip.decompress(place.read_bytes()) for place in places)
    assert stand_in != real
    if ".idx" in path.name:
        assert len(stand_in) == len(real) and stand_in[16:] in train
    else:
        assert stand_in.count(b"\n") == real.count(b"\n") and train.startswith(stand_in)


def test_the_loaders_work_on_it(folder, monkeypatch):
    from course_utils import data

    monkeypatch.setattr(data, "DATA", folder / "course_utils" / "data")
    digits = data.load_mnist()
    assert digits.x_valid.shape == (1_000, 28, 28) and digits.y_valid.shape == (1_000,)
    assert torch.equal(digits.x_valid, digits.x_train[-1_000:])
    assert len(data.load_ratings().valid.users) > 1_000
    assert len(data.load_flights().valid) > 1_000


def test_what_a_lesson_takes_from_the_library_is_the_course_s_answer():
    taken = ["course_utils.mine", "course_utils.mine.SGD", "course_utils.mine.borrow"]
    found = kit.references("weight_decay", [], taken)
    assert "mnist" in found and "weight_decay" not in found
    assert "mnist" not in kit.references("mnist", [], taken)


def test_the_library_answers_in_the_kit_without_what_is_left_out(tmp_path):
    kit.begin(tmp_path)
    kit.make(tmp_path, "mnist", [], ["course_utils.mine.softmax", "course_utils.mine.SGD"])
    code = "from course_utils.mine import softmax, borrow; borrow('mnist.SGD'); print(softmax)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert "cannot be borrowed" in done.stdout and "function softmax" in done.stdout, done.stderr
