"""The formgrader in a browser: autograde, open a submission, give points by hand, generate
feedback, open it.
"""

import os
import re
import time
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import expect

from tests.browsing import PATIENCE, browser, jupyter  # noqa: F401
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course

LESSON = corpus.LESSON
PICTURES = os.environ.get("PICTURES")  # a folder for screenshots to look at

pytestmark = [pytest.mark.browser, pytest.mark.nbgrader]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = make_course(tmp_path_factory.mktemp("course"))
    script = next(entry for entry in corpus.ENTRIES if entry.kind == "script_in_the_text")
    script.make(made.path("submitted", "scripted", LESSON.name))
    mistaken = corpus.answered(
        "relu", collapse="def collapse(w1, b1, w2, b2):\n    return w2 @ w1, b2 + 0"
    )
    hand_in(made, "mistaken", corpus.put(mistaken, "print('my own cell')"))
    (made.path("submitted", "broken", LESSON.name)).mkdir(parents=True)
    (made.path("submitted", "broken", LESSON.name) / f"{LESSON.name}.ipynb").write_text(
        '{"cells": ['
    )
    return made


@pytest.fixture(scope="module")
def address(course):
    """The address of a Jupyter server with nbgrader's formgrader, over the course."""
    with jupyter("server", course.root, "") as address:
        yield address


@pytest.fixture(scope="module")
def page(browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(3 * PATIENCE)
    return page


def picture(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_an_instructor_grades_in_the_formgrader(course, address, page):
    submissions = f"{address}/formgrader/manage_submissions/{LESSON.name}"
    for student, score in (("mistaken", corpus.ONE), ("scripted", corpus.FULL), ("broken", 0)):
        page.goto(submissions)
        row = page.locator("tr", has_text=student)
        row.locator(".autograde a").click()
        expect(page.locator(".modal-body")).to_contain_text(
            "Successfully autograded", timeout=4 * PATIENCE
        )
        page.goto(submissions)
        expect(page.locator("tr", has_text=student).locator(".score")).to_have_text(
            f"{score:g} / {corpus.ALL:g}"
        )
    picture(page, "submissions")

    with Gradebook(course.folders.db_url) as book:
        names = ("mistaken", "scripted")
        ids = {
            name: book.find_submission_notebook(LESSON.name, LESSON.name, name).id for name in names
        }
    page.goto(f"{address}/formgrader/submissions/{ids['mistaken']}/")
    card = page.locator(".course-card", has_text="linear.collapse")
    expect(card).to_contain_text("b1 is missing")
    card.scroll_into_view_if_needed()
    picture(page, "submission")
    box = page.locator("#why_nonlinear")
    box.scroll_into_view_if_needed()
    box.fill("1.5")
    box.blur()
    expect(page.locator(".score-saved").last).to_be_attached()
    for _ in range(100):
        with Gradebook(course.folders.db_url) as book:
            given = book.find_grade(
                "why_nonlinear", LESSON.name, LESSON.name, "mistaken"
            ).manual_score
        if given is not None:
            break
        time.sleep(0.2)
    assert given == 1.5
    picture(page, "by-hand")

    page.goto(f"{address}/formgrader/submissions/{ids['scripted']}/")
    expect(page.locator(".course-card").first).to_be_visible()
    assert "LEAK" not in page.title()
    assert page.locator("img[onerror], a[href^=javascript]").count() == 0

    page.goto(submissions)
    page.locator("tr", has_text="mistaken").locator(".generate-feedback a").click()
    expect(page.locator(".modal-body")).to_contain_text(
        "Successfully generated feedback", timeout=4 * PATIENCE
    )
    feedback = course.path("feedback", "mistaken", LESSON.name) / f"{LESSON.name}.html"
    page.goto(feedback.as_uri())
    expect(page.locator(".course-card", has_text="linear.collapse")).to_contain_text(
        "b1 is missing"
    )
    assert re.search(
        f"{corpus.ONE + 1.5:g} of {corpus.ALL:g}",
        page.locator("body").inner_text().replace("\n", " "),
    )
    picture(page, "feedback")
