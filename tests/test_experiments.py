"""Guesses are kept and shown beside the result; pictures carry their words."""

import pytest
from matplotlib.figure import Figure

from course_utils import experiments, guess, outcome, plots
from course_utils.building import notebook_files as nb
from course_utils.checking.exercise import lessons
from course_utils.errors import CourseError
from tests import tiny

KEY = "sgd.larger_rate"  # three options, of which c is shown


@pytest.fixture(autouse=True)
def nothing_guessed(monkeypatch):
    monkeypatch.setattr(experiments, "_guessed", {})


def test_a_guess_is_shown_beside_the_result():
    assert "Your guess is c:" in repr(guess(KEY, " C "))
    assert repr(outcome(KEY)).startswith("As you guessed, c: grows")
    guess(KEY, "a")
    assert repr(outcome(KEY)).startswith("You guessed a: comes down")
    assert "The run shows c: grows" in repr(outcome(KEY))


@pytest.mark.parametrize(
    ("letter", "said"), [("", "write a, b or c"), ("x", "There is no x"), (2, "There is no 2")]
)
def test_without_a_guess_everything_runs_and_the_result_is_folded(letter, said):
    guess(KEY, "a")
    assert said in repr(guess(KEY, letter))
    shown = outcome(KEY)._repr_html_()
    assert "You made no guess" in shown.partition("</summary>")[0]
    assert "grows" in shown.partition("</summary>")[2]


def test_an_unknown_experiment_gets_the_near_names():
    with pytest.raises(CourseError, match="did you mean sgd.larger_rate"):
        guess("sgd.largerrate", "a")
    with pytest.raises(CourseError, match="experiments/sgdd.toml"):
        outcome("sgdd.rate")


def test_a_picture_carries_its_words_and_the_guess(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda data, **how: shown.append((data, how)))
    guess(KEY, "c")
    plots.show(Figure(), KEY)
    (image, how), (words, _), (note, _) = shown
    alt = experiments.find(KEY).alt
    assert how["metadata"]["image/png"]["alt"] == image["text/plain"] == alt
    assert alt[:40] in words.data and "As you guessed" in repr(note)


def test_braces_are_filled_with_what_was_computed(monkeypatch):
    monkeypatch.setattr(
        experiments, "lesson", lambda name: {"p": experiments.Experiment("at {x:.1f}")}
    )
    assert plots._words("sgd.p", {"x": 0.25}) == "at 0.2"


@pytest.mark.parametrize("name", lessons())
def test_every_entry_is_whole(name):
    for key, entry in experiments.lesson(name).items():
        assert entry.alt or entry.ask, key
        if entry.ask:
            assert len(entry.options) >= 2 and entry.shown in entry.letters, key
            assert not any(option.endswith(".") for option in entry.options), key


def test_a_guess_becomes_a_question_and_a_cell_for_the_letter(tmp_path):
    text = tiny.HEADER + f'# %% [markdown]\n# # Plain\n\n# %% guess="{KEY}"\n\n# %%\nprint(1)\n'
    lesson = tiny.lesson(tmp_path, text, "01_plain")
    _, asked, cell, _ = nb.from_text(lesson).cells
    assert asked.source.startswith("**Guess first.** ") and "\n- **c** · grows" in asked.source
    assert f'guess("{KEY}", "")' in cell.source
    lesson = tiny.lesson(tmp_path, text.replace("\n\n# %%\nprint", "\nprint"), "01_plain")
    with pytest.raises(CourseError, match="is not empty"):
        nb.from_text(lesson)
