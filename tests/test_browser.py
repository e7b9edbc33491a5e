"""The released notebook in JupyterLab: a person types an answer, runs it, and reads the card."""

import shutil

import pytest
from playwright.sync_api import Page, expect

from course_utils.building.lesson import Lesson
from tests.browsing import PATIENCE, browser, jupyter, run  # noqa: F401

LESSON = Lesson("01_linear")
TOKEN = "a-token-for-this-test"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of JupyterLab over a copy of the course."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copy(LESSON.root / "nbgrader_config.py", root)
    for folder in (LESSON.solved.parent, LESSON.released.parent):
        shutil.copytree(folder, root / folder.relative_to(LESSON.root))
    settings = ("--LabApp.extension_manager=readonly", "--KernelManager.transport_encryption=auto")
    with jupyter("lab", root, TOKEN, *settings) as address:
        yield address


@pytest.fixture
def page(browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def open_lesson(page: Page, server: str) -> None:
    """Open the released notebook and wait for its kernel; a cell that is run before asks for one in
    a dialog.
    """
    page.goto(f"{server}/lab/tree/{LESSON.released.relative_to(LESSON.root)}?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def cell(page: Page, text: str):
    """The code cell that begins with this text."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".cm-line", has_text=text)).first


def card_after(page: Page, status: str):
    card = cell(page, 'check("linear.relu"').locator(".course-card")
    expect(card).to_have_attribute("data-status", status)
    return card


def test_a_wrong_and_a_right_answer_get_their_cards(server, page):
    open_lesson(page, server)
    run(page, cell(page, "from course_utils import check"))
    check = cell(page, 'check("linear.relu"')

    run(page, cell(page, "def relu(x)"))
    run(page, check)
    card_after(page, "not attempted")

    run(page, cell(page, "def relu(x)"), "def relu(x):\n    return torch.where(x > 0, x, 0.01 * x)")
    run(page, check)
    card = card_after(page, "wrong")
    expect(card).to_contain_text("Not yet · linear.relu · 0 of 1 point")
    expect(card).to_contain_text("leaky ReLU")
    expect(check.locator(".jp-OutputArea")).not_to_contain_text("Traceback")

    run(page, cell(page, "def relu(x)"), "def relu(x):\n    return x * (x > 0)")
    run(page, check)
    expect(card_after(page, "right")).to_contain_text("Right · linear.relu · 1 of 1 point")


def test_a_check_cannot_be_edited(server, page):
    open_lesson(page, server)
    check = cell(page, 'check("linear.relu"')
    expect(check.locator(".cm-content")).to_have_attribute("aria-readonly", "true")
    expect(cell(page, "def relu(x)").locator(".cm-content")).not_to_have_attribute(
        "aria-readonly", "true"
    )


def test_the_formgrader_lists_the_lesson(server, page):
    page.goto(f"{server}/formgrader/manage_assignments?token={TOKEN}")
    expect(page.locator("tr", has_text=LESSON.name)).to_contain_text(LESSON.name)
