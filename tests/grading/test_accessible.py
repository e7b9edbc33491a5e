"""The pages for a class keep what axe-core asks of them: nothing serious, and nothing critical."""

from collections import Counter

import pytest
from axe_playwright_python.sync_playwright import Axe

from course_utils.building.lesson import Lesson
from course_utils.checking.card import TITLES
from course_utils.grading.classroom import paper, printing, statistics, unnamed
from course_utils.grading.classroom.pages import Feedback
from course_utils.grading.classroom.similar import Pair
from course_utils.grading.outside import graded
from course_utils.grading.outside.result import Row
from tests.browsing import PATIENCE, browser  # noqa: F401
from tests.grading import corpus
from tests.grading.test_gate import shown
from tests.grading.test_unnamed import ANSWERS, result

pytestmark = pytest.mark.browser


def report():
    """A report with something in every part of it."""
    found = statistics.Statistics("01_linear", statuses=Counter(graded=38, unreadable=2))
    for number, status in enumerate(statistics.COLOURS):
        check = statistics.Check(2.0, 20.0, Counter({"right": 29, "wrong": 4, status: 1}))
        check.mistakes.update({"sum instead of mean": number + 1, "transposed": 2})
        found.checks[f"linear.exercise_{number}"] = check
    for number in range(40):
        student = f"student {number} with a long name"
        found.scores[student] = number / 4
        found.seconds[student] = 0.1
        found.open[student] = [f"exercise_{one} (wrong)" for one in range(number % 5)]
    found.essays["why_nonlinear"] = statistics.Essay(30, 2)
    found.repairs["1 check was changed, and put back as it was."] = ["student 1", "student 2"]
    found.max_score, found.late, found.absent = 10.0, {"student 3 with a long name": 1.5}, ["zoe"]
    found.waiting["why_nonlinear"] = [f"student {number} with a long name" for number in range(8)]
    found.unnamed = unnamed.groups(
        {name: result(source) for name, source in ANSWERS.items()}.items()
    )
    found.alike = [Pair(("anna", "bo"), 90, ["collapse", "My_Linear"])]
    return statistics.page(found, statistics.Statistics(**vars(found) | {"lesson": "02_sgd"}))


def feedback():
    """A feedback page with every verdict, output and comment on it."""
    words = "So $W_2 W_1$ is one matrix.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx = 1  # c\n```"
    notebook = corpus.answered(why_nonlinear=words)
    checks = [cell for cell in notebook["cells"] if corpus.mark(cell).startswith("check-")]
    for cell, status in zip(
        checks, ["right", "wrong", "partial", "not attempted", "crashed", "error"], strict=False
    ):
        name = corpus.mark(cell).removeprefix("check-")
        row = Row(
            f"linear.{name}",
            corpus.mark(cell),
            0.5,
            1.0,
            status,
            "Negative inputs come out `0.1` times as large.\nSee.",
        )
        cell["outputs"] = [graded._card(row)]
    answer = notebook["cells"][corpus.place(notebook, "relu")]
    answer["outputs"] = [
        {"output_type": "stream", "name": "stderr", "text": "a warning"},
        {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["Traceback", "E: e"]},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": corpus.PNG, "text/plain": "<Figure>"},
        },
    ]
    return shown((Feedback, "feedback"), notebook, "A comment with [a link](https://example.org).")


def papers():
    """Papers of a lesson, and their key."""
    made = paper.papers(Lesson("03_backprop"), 2, 4, 5)
    files = printing.files("03_backprop", 5, made)
    return files["papers.html"].decode(), files["key.html"].decode()


@pytest.fixture(scope="module")
def pages():
    """Each kind of page as HTML."""
    sheet, key = papers()
    return {"report": report(), "feedback": feedback(), "papers": sheet, "key": key}


def opened(browser, text, theme, width):  # noqa: F811
    """A page in a theme and of a width; nothing is loaded from anywhere."""
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900})
    context.route("**/*", lambda route: route.abort())
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_content(text)
    return page


@pytest.mark.parametrize("kind", ["report", "feedback", "papers", "key"])
def test_nothing_serious_or_critical(pages, browser, kind):  # noqa: F811
    for theme, width in (("light", 1200), ("dark", 390)):
        page = opened(browser, pages[kind], theme, width)
        for details in page.locator("details").all():
            details.evaluate("element => element.open = true")
        found = [
            (theme, each["id"], [node["html"][:200] for node in each["nodes"]][:3])
            for each in Axe().run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        page.context.close()
        assert found == []


@pytest.mark.parametrize("kind", ["report", "feedback", "papers", "key"])
def test_no_page_is_wider_than_a_phone(pages, browser, kind):  # noqa: F811
    page = opened(browser, pages[kind], "light", 360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()


LIGHTEST = """() => Math.max(...[...document.querySelectorAll("main *")]
  .filter(each => !each.closest("svg") && [...each.childNodes].some(node => node.data?.trim()))
  .map(each => Math.min(...getComputedStyle(each).color.match(/\\d+/g).slice(0, 3))))"""


@pytest.mark.parametrize("kind", ["report", "feedback", "papers", "key"])
def test_what_is_printed_is_dark_on_white_whatever_the_screens_theme(pages, browser, kind):  # noqa: F811
    page = opened(browser, pages[kind], "dark", 1200)
    assert page.evaluate(LIGHTEST) > 200
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)" and page.evaluate(LIGHTEST) < 120
    page.context.close()


def test_a_verdict_is_never_told_by_colour_alone(pages):
    assert (
        set(statistics.SIGNS) == set(statistics.COLOURS)
        and len(set(statistics.SIGNS.values())) == 10
    )
    assert all(sign in pages["report"] for sign in statistics.SIGNS.values())
    assert all(title in pages["feedback"] for title in (TITLES["right"], TITLES["wrong"]))
