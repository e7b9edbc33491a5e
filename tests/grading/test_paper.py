"""Papers for an exam room: every result comes from a run, one seed gives one paper, files are whole."""

import contextlib
import io
import math
import re
from functools import cache
from xml.etree import ElementTree

import pytest
import torch

from course_utils.building.lesson import all_lessons
from course_utils.checking.exercise import find
from course_utils.cli import main
from course_utils.errors import CourseError
from course_utils.grading.classroom import paper, printing

LESSONS = {lesson.short: lesson for lesson in all_lessons()}


@cache
def made(short, variants=3, questions=4, seed=5):
    return paper.papers(LESSONS[short], variants, questions, seed)


def questions(short):
    return [question for variant in made(short) for question in variant.questions]


def run(short, code, call):
    """What code and a call print, worked out without the course's own way of editing."""
    import importlib

    space = dict(vars(importlib.import_module(f"course_utils.reference.{short}")))
    space |= {"math": math, "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    exec(code, space)
    out = io.StringIO()
    torch.manual_seed(0)
    with contextlib.redirect_stdout(out):
        for statement in paper.ast.parse(call).body:
            exec(compile(paper.ast.Interactive([statement]), "x", "single"), space)
    return out.getvalue().strip("\n")


@pytest.mark.parametrize("short", ["linear", "backprop", "cross_entropy", "optimizers"])
def test_what_is_printed_comes_from_a_run(short):
    shown = [question for question in questions(short) if question.call.text]
    assert "print" in {question.kind for question in shown}
    for question in shown:
        lines = question.code.split("\n")
        assert run(short, question.code, question.call.text) == question.call.prints
        line = lines[question.line - 1]
        indent = line[: len(line) - len(line.lstrip())]
        lines[question.line - 1] = indent + question.should
        assert (
            run(short, "\n".join(lines), question.call.text)
            == question.call.right
            != question.call.prints
        )


@pytest.mark.parametrize("short", LESSONS)
def test_every_lesson_has_papers(short):
    asked = questions(short)
    assert len(asked) == 12 and "find" in {question.kind for question in asked}
    for question in asked:
        stands = question.code.split("\n")[question.line - 1].strip()
        assert question.mistake in {mistake.name for mistake in find(question.id).mistakes}
        assert question.should != stands and (question.line, stands) not in question.repairs
        assert len(set(question.repairs)) == len(question.repairs) >= 2 or question.kind == "print"


def test_a_seed_gives_the_same_papers_and_another_one_others():
    again = paper.papers(LESSONS["sgd"], 3, 4, 5)
    assert again == made("sgd") != paper.papers(LESSONS["sgd"], 3, 4, 6)
    assert len({variant.questions for variant in again}) == 3


def test_files_show_no_answer_and_the_key_has_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):
        main(["paper", "3", "--variants=2", "--seed=5", "--to=out"])
    assert "2 papers with 4 questions each" in capsys.readouterr().out
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert sorted(texts) == ["key.html", "key.md", "moodle.xml", "papers.html", "papers.md"]
    for variant in paper.papers(LESSONS["backprop"], 2, 4, 5):
        for question in variant.questions:
            assert question.code.split("\n")[0] in texts["papers.md"]
            assert question.hint not in texts["papers.md"] and question.hint in texts["key.md"]
            assert f"`{question.should}`" in texts["key.md"]
            if question.kind == "print":
                assert question.call.prints.split("\n")[0] in texts["key.md"]
    assert texts["papers.html"].count("<article>") == 2 and "seed 5" in texts["key.html"]
    assert "<script" not in texts["papers.html"] and "http" not in texts["papers.html"]


def test_the_quiz_is_what_moodle_reads():
    quiz = ElementTree.fromstring(printing.moodle("03_backprop", made("backprop")))
    kinds = [question.get("type") for question in quiz]
    assert kinds.count("category") == 3 and len(kinds) == 15
    for question in quiz:
        if question.get("type") == "category":
            assert question.findtext("category/text").startswith("$course$/03_backprop/variant ")
            continue
        right = [answer for answer in question.iter("answer") if answer.get("fraction") == "100"]
        assert right and right[0].findtext("feedback/text")
        assert question.findtext("name/text") and "<pre>" in question.findtext("questiontext/text")
        if question.get("type") == "multichoice":
            assert len(right) == 1 and question.findtext("single") == "true"
            assert len(list(question.iter("answer"))) >= 2
        else:
            assert all("*" not in re.sub(r"\\\*", "", answer.findtext("text")) for answer in right)


def test_numbers_may_be_typed_without_zeros():
    assert printing.bare("tensor([ 0., -3.5,  4.0])") == "tensor([ 0, -3.5,  4])"
    assert printing.bare("[1.05, 10.0]") == "[1.05, 10]"


def test_a_lesson_without_such_mistakes_is_told(monkeypatch):
    monkeypatch.setattr(paper, "exercises", lambda _: [])
    with pytest.raises(CourseError, match="no known mistake"):
        paper.papers(LESSONS["linear"], 1, 1, 0)


def test_names_in_hints_are_code_and_no_backticks():
    papers = made("linear", 20)
    assert any("`" in question.hint for variant in papers for question in variant.questions)
    files = printing.files("01_linear", 5, papers)
    prose = re.sub(r"<pre.*?</pre>", "", files["key.html"].decode(), flags=re.DOTALL)
    assert "`" not in prose and "<code>" in prose
    quiz = ElementTree.fromstring(files["moodle.xml"])
    feedback = [node.text or "" for node in quiz.iterfind(".//feedback/text")]
    assert any("<code>" in text for text in feedback) and not any("`" in text for text in feedback)
    assert "`" in files["key.md"].decode()
