"""Attacks on the instructor's browser, tried in a real one against the real formgrader and feedback
pages.
"""

import json
import os
import shutil
import urllib.error
import urllib.request

import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import expect

from course_utils.grading.classroom import statistics
from course_utils.grading.outside import batch
from tests.browsing import PATIENCE, browser, jupyter  # noqa: F401
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course, nbgrader_command

LESSON = corpus.LESSON
NAMES = [corpus.mark(cell) for cell in corpus.released()["cells"] if corpus.is_graded(cell)]
LAYER = f"""<div class="nbgrader_cell">{"".join(f'<div id="{name}"></div>' for name in NAMES)}
<div class="full-credit modal-backdrop fade"></div></div>"""
LINK = '<a href="evil.html" class="modal-backdrop fade"></a>'
SCRIPT = """
const token = (document.cookie.match(/_xsrf=([^;]*)/) || [])[1];
fetch('/api/terminals', {method: 'POST', headers: {'X-XSRFToken': token}}).then(() => document.title = 'LEAK');
document.title = 'LEAK';
"""
EVIL = {
    "evil.html": f"<!DOCTYPE html><title>plain</title><script>{SCRIPT}</script>",
    "evil.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><script>{SCRIPT}</script></svg>',
}

STAMPS = {
    "offset": "2024-01-01T00:00:00+99:99",
    "emoji": "2024-06-01 00:00:00 \U0001f600",
    "zeros": "0" * 99,
    "early": "0001-01-01 00:00:00 UTC",
    "late": "9999-12-31 23:59:59 UTC",
    "day": "10 Sep",
    "words": "next Tuesday",
    "zone": "2024-06-01 00:00:00 /etc/passwd",
}


def with_pictures():
    """An honest submission with a pasted picture in the answer, one in the text of it, and one in
    an own cell.
    """
    address = f"data:image/png;base64,{corpus.PNG}"
    words = (
        f"So:\n\n![pasted](attachment:image%201.png)\n\n![inline]({address}) ![none](attachment:x)"
    )
    notebook = corpus.answered(why_nonlinear=words)
    notebook["cells"][corpus.place(notebook, "why_nonlinear")]["attachments"] = {
        "image 1.png": {"image/png": corpus.PNG}
    }
    own = corpus.cell("![mine](attachment:image.png)", "markdown")
    notebook["cells"].insert(4, own | {"attachments": {"image.png": {"image/png": corpus.PNG}}})
    return notebook


pytestmark = [pytest.mark.browser, pytest.mark.nbgrader]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which attackers handed in lesson 01 and were graded, one of them by nbgrader's
    own command.
    """
    made = make_course(tmp_path_factory.mktemp("course"))
    hand_in(made, "layer", corpus.doubled("raw", LAYER))
    hand_in(made, "script", corpus.doubled("raw", LINK))
    for name, text in EVIL.items():
        (made.path("submitted", "script", LESSON.name) / name).write_text(text)
    (made.path("submitted", "script", LESSON.name) / "evil.js").write_text(
        "document.title = 'LEAK'"
    )
    hand_in(made, "honest", with_pictures())
    for number, (name, text) in enumerate(STAMPS.items()):
        hand_in(made, f"stamp-{number}-{name}", corpus.answered("relu"), text)
    hand_in(made, "pipe", corpus.answered("relu"))
    os.mkfifo(made.path("submitted", "pipe", LESSON.name) / "timestamp.txt")
    for kind in (
        "truncated",
        "nested_deep",
        "strange_cell_type",
        "surrogates_and_null_bytes",
        "from_colab",
    ):
        next(entry for entry in corpus.ENTRIES if entry.kind == kind).make(
            made.path("submitted", kind, LESSON.name)
        )
    batch.grade(made, LESSON, batch.Options(seed=5), progress=False)
    done = nbgrader_command(made, "autograde", LESSON.name, "--student=script", "--force")
    assert done.returncode == 0, done.stderr
    done = nbgrader_command(made, "generate_feedback", LESSON.name)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def address(course):
    with jupyter("server", course.root, "") as address:
        yield address


@pytest.fixture
def page(browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(3 * PATIENCE)
    yield page
    page.close()


def submission(course, student):
    with Gradebook(course.folders.db_url) as book:
        return book.find_submission_notebook(LESSON.name, LESSON.name, student).id


def by_hand(course, student):
    with Gradebook(course.folders.db_url) as book:
        grades = book.find_submission_notebook(LESSON.name, LESSON.name, student).grades
        return {
            grade.name: grade.manual_score for grade in grades if grade.manual_score is not None
        }


def terminals(address):
    return json.loads(urllib.request.urlopen(f"{address}/api/terminals").read())


def open_formgrader(page, address, course, student):
    page.goto(f"{address}/formgrader/submissions/{submission(course, student)}/")
    page.wait_for_function(
        "typeof formgrader !== 'undefined' && formgrader.grades && formgrader.grades.loaded"
    )


def click_everywhere(page):
    for x in (100, 600, 1100):
        for y in (150, 450, 850):
            page.mouse.click(x, y)
    page.wait_for_timeout(500)


def test_no_click_beside_the_buttons_gives_points(course, address, page):
    open_formgrader(page, address, course, "layer")
    page.mouse.click(600, 450)
    page.wait_for_timeout(1500)
    assert by_hand(course, "layer") == {}
    assert page.locator(".full-credit").count() == len(NAMES), "each button is nbgrader's own"


def test_the_controls_of_the_page_are_the_only_ones_of_their_name(course, address, page):
    open_formgrader(page, address, course, "layer")
    for name in NAMES:
        assert page.locator(f"[id='{name}']").count() == 1
        assert page.locator(f"[id='{name}']").evaluate("item => item.tagName") == "INPUT"


def test_a_click_runs_no_script_of_a_student(course, address, page):
    open_formgrader(page, address, course, "script")
    click_everywhere(page)
    assert "LEAK" not in page.title() and "evil" not in page.url
    assert terminals(address) == []


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("way", ["", "..%2f..%2f..%2fsubmitted%2fscript%2f01_linear%2f"])
def test_what_lies_beside_a_notebook_cannot_act_on_the_server(course, address, page, name, way):
    page.goto(
        f"{address}/formgrader/manage_submissions/{LESSON.name}"
    )  # has the cookie that a script needs
    page.goto(f"{address}/formgrader/submissions/{submission(course, 'script')}/{way}{name}")
    page.wait_for_timeout(500)
    assert "LEAK" not in page.title() and terminals(address) == []


@pytest.mark.parametrize("student", ["layer", "script"])
def test_feedback_holds_nothing_that_can_be_clicked_by_accident(course, page, student):
    folder = course.path("feedback", student, LESSON.name)
    assert {path.name for path in folder.iterdir()} <= {f"{LESSON.name}.html", "timestamp.txt"}
    page.goto((folder / f"{LESSON.name}.html").as_uri())
    click_everywhere(page)
    assert "evil" not in page.url
    assert page.locator(".modal-backdrop, .full-credit").count() == 0
    for name in NAMES:
        assert page.locator(f"[id='{name}'], [name='{name}']").count() <= 1, (
            "the anchor of nbgrader's own page"
        )


# ---------------------------------------------------------------- the pages of nbgrader itself


@pytest.mark.parametrize(
    "way", ["manage_students/{}", "manage_students/{}/01_linear", "gradebook/{}", "gradebook/x/{}"]
)
def test_a_name_in_an_address_is_text(course, address, page, way):
    name = "%3Cimg%20src=x%20onerror=document.title='LEAK'%3E"
    for wrapped in (name, f"%22;document.title='LEAK';{name}", f"%3C%2Fscript%3E{name}"):
        page.goto(f"{address}/formgrader/{way.format(wrapped)}")
        page.wait_for_timeout(300)
        assert "LEAK" not in page.title()


INJECTED = """() => { document.body.insertAdjacentHTML('beforeend', `<img src=x onerror="document.title='LEAK'">`);
const script = document.createElement('script'); script.textContent = "document.title = 'LEAK'";
document.body.append(script);
const other = document.createElement('script'); other.src = '/files/submitted/script/01_linear/evil.js';
document.body.append(other); }"""


@pytest.mark.parametrize("kind", ["formgrader", "feedback", "report"])
def test_markup_that_came_past_the_gate_could_run_nothing(course, address, page, kind):
    if kind == "formgrader":
        open_formgrader(page, address, course, "honest")
    elif kind == "feedback":
        page.goto((course.path("feedback", "honest", LESSON.name) / f"{LESSON.name}.html").as_uri())
    else:
        path = course.root / "page.html"
        path.write_text(statistics.page(statistics.collect(course, LESSON)))
        page.goto(path.as_uri())
    page.evaluate(INJECTED)
    page.wait_for_timeout(500)
    assert "LEAK" not in page.title()


def test_the_controls_of_the_formgrader_still_work(course, address, page):
    open_formgrader(page, address, course, "honest")
    page.locator(".glyphicon-eye-open.name-hidden").click()
    expect(page.locator("a.name-shown")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.evaluate("$('.full-credit').last().click()")  # nbgrader's own script
    page.wait_for_function("$('input.score').last().val() !== ''")
    assert by_hand(course, "honest") == {"why_nonlinear": 2.0}


@pytest.mark.parametrize("kind", ["formgrader", "feedback"])
def test_pasted_pictures_are_shown(course, address, page, kind):
    if kind == "formgrader":
        open_formgrader(page, address, course, "honest")
    else:
        page.goto((course.path("feedback", "honest", LESSON.name) / f"{LESSON.name}.html").as_uri())
    for text in ("pasted", "inline", "mine"):
        picture = page.locator(f"img[alt='{text}']")
        assert picture.evaluate("item => item.naturalWidth") == 1
    assert page.locator("img[alt='none']").count() == 0
    expect(page.locator("body")).to_contain_text("(a picture that is not in the notebook: none)")
    expect(page.locator("body")).to_contain_text("The next cell is the student's own")


def test_every_page_of_the_formgrader_answers(course, address):
    """Whatever was handed in, and whatever became of the graded notebooks."""
    pages = [
        "",
        "manage_assignments",
        f"manage_submissions/{LESSON.name}",
        "gradebook",
        f"gradebook/{LESSON.name}",
    ]
    pages += [
        f"gradebook/{LESSON.name}/{LESSON.name}",
        "manage_students",
        f"api/submissions/{LESSON.name}",
    ]
    pages += ["api/assignments", "api/students", f"api/notebooks/{LESSON.name}"]
    pages.append(f"api/submitted_notebooks/{LESSON.name}/{LESSON.name}")
    students = [path.name for path in course.path("autograded", "*", "x").parent.parent.iterdir()]
    assert len(students) > 15
    pages += [f"submissions/{submission(course, student)}/" for student in students]
    for student in students:
        pages += [f"manage_students/{student}", f"manage_students/{student}/{LESSON.name}"]
        pages.append(f"api/submission/{LESSON.name}/{student}")
    answers = {path: status(f"{address}/formgrader/{path}") for path in pages}
    assert {path: code for path, code in answers.items() if code != 200} == {}


@pytest.mark.parametrize("end", ["", "?"])
def test_a_folder_named_like_markup_acts_nowhere(course, address, page, end):
    name = f"<img src=x onerror=document.title='LEAK'>{end}"  # with the question mark nbgrader's request would fail
    hand_in(course, name, corpus.answered())
    try:
        page.goto(f"{address}/formgrader/manage_submissions/{LESSON.name}")
        expect(page.locator("tr", has_text="honest")).to_be_visible()
        if (row := page.locator("tr", has_text="onerror")).count():
            row.locator(".autograde a").click()
            page.wait_for_timeout(3000)
        assert "LEAK" not in page.title()
        done = nbgrader_command(course, "autograde", LESSON.name, f"--student={name}")
        assert "cannot be a student's id" in done.stderr
        with Gradebook(course.folders.db_url) as book:
            assert name not in [student.id for student in book.students]
    finally:
        shutil.rmtree(course.root / "submitted" / name)


def status(address):
    try:
        return urllib.request.urlopen(address, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("damage", ["cut", "gone", "strange"])
def test_what_cannot_be_shown_is_shown_as_text_with_the_reason(course, address, page, damage):
    path = course.path("autograded", "layer", LESSON.name) / f"{LESSON.name}.ipynb"
    before = path.read_bytes()
    try:
        path.unlink()
        if damage != "gone":
            path.write_text(
                '{"cells": [<script>1</script>'
                if damage == "cut"
                else '{"nbformat": 4, "cells": [{}, 1]}'
            )
        answer = page.goto(f"{address}/formgrader/submissions/{submission(course, 'layer')}/")
        assert answer.status == (404 if damage == "gone" else 200)
        said = "grade the submission first" if damage == "gone" else "cannot be shown as a notebook"
        expect(page.locator("body")).to_contain_text(said)
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(before)
