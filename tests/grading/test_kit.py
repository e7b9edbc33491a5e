"""What the sandbox sees of the course: probes, no known mistakes, no answers of this lesson, no validation examples."""

import gzip
import sys
import types

import pytest
import torch

from course_utils.checking.exercise import exercises, lessons
from course_utils.data import DATA
from course_utils.grading import kit

IDS = {lesson: {exercise.id for exercise in exercises(lesson)} for lesson in lessons()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("kit")
    kit.make(made, "linear", ["sgd"])
    return made


@pytest.mark.parametrize("lesson", lessons())
def test_probes_stand_alone_without_the_mistakes(lesson, monkeypatch):
    sources = kit.probes(lesson)
    assert not any("mistakes = " in source or "Mistake(" in source for source in sources.values())
    made = {}
    for name in sources:
        made[name] = types.ModuleType(f"course_utils.exercises.{name}")
        monkeypatch.setitem(sys.modules, made[name].__name__, made[name])
    waiting = list(sources)
    while waiting:  # what is imported comes first
        name = next(name for name in waiting if not any(f"exercises.{other} " in sources[name] for other in waiting))
        exec(compile(sources[name], name, "exec"), vars(made[name]))
        waiting.remove(name)
    assert {exercise.id for exercise in exercises(lesson)} == IDS[lesson]
    assert not any(exercise.mistakes for exercise in exercises(lesson))


def test_what_only_mistakes_used_is_gone():
    stripped = kit.probes("linear")["linear"]
    assert "_start_mistakes" not in stripped and "_normal" not in stripped and "_module" in stripped


def test_the_reference_of_the_lesson_is_left_out(folder):
    names = {path.stem for path in (folder / "course_utils" / "reference").glob("*.py")}
    assert "linear" not in names and names <= {"__init__", "sgd"}
    rooms = {path.stem for path in (folder / "course_utils" / "exercises").glob("*.py")}
    assert rooms == {"__init__", "linear"}
    trusted = {path.stem for path in (folder / "course_utils" / "grading").glob("*.py")}
    assert trusted == {"__init__", "child", "seccomp", "shell", "template", "wire"}


@pytest.mark.parametrize("path", sorted(DATA.glob("*/valid*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_validation_data_are_replaced_by_training_data_of_the_same_size(folder, path):
    places = (path, folder / "data" / path.parent.name / path.name, path.with_name(path.name.replace("valid", "train")))
    real, stand_in, train = (gzip.decompress(place.read_bytes()) for place in places)
    assert stand_in != real
    if ".idx" in path.name:
        assert len(stand_in) == len(real) and stand_in[16:] in train
    else:
        assert stand_in.count(b"\n") == real.count(b"\n") and train.startswith(stand_in)


def test_the_loaders_work_on_it(folder, monkeypatch):
    from course_utils import data

    monkeypatch.setattr(data, "DATA", folder / "data")
    digits = data.load_mnist()
    assert digits.x_valid.shape == (1_000, 28, 28) and digits.y_valid.shape == (1_000,)
    assert torch.equal(digits.x_valid, digits.x_train[-1_000:])
    assert len(data.load_ratings().valid.users) > 1_000
    assert len(data.load_flights().valid) > 1_000
