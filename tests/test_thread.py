"""A student works lessons 01, 02, 05 and 12 in JupyterLab, and trains at the end with what they
wrote.
"""

import json
import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from course_utils.building.lesson import Lesson
from course_utils.mine import record
from tests.browsing import PATIENCE, browser, jupyter, run  # noqa: F401
from tests.kernel import cells

LESSONS = {name[:2]: Lesson(name) for name in ("01_linear", "02_sgd", "05_mnist", "12_library")}
TOKEN = "a-token-for-this-test"
# Every cell is on the page, also where nobody has scrolled to.
SETTINGS = "lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
SGD = """class SGD:
    steps = 0

    def __init__(self, params, lr, momentum=0.0):
        self.lr, self.momentum = lr, momentum
        self.moving = [(p, torch.zeros_like(p)) for p in params]

    def step(self):
        SGD.steps += 1
        with torch.no_grad():
            for p, v in self.moving:
                if p.grad is not None:
                    v.copy_(self.momentum * v + p.grad)
                    p.sub_(self.lr * v)

    def zero_grad(self):
        for p, _ in self.moving:
            p.grad = None
"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A student's folder with four lessons."""
    root = tmp_path_factory.mktemp("student")
    for lesson in LESSONS.values():
        shutil.copytree(lesson.released.parent, root / "notebooks" / lesson.name)
    settings = root / ".jupyter" / "config" / SETTINGS
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}))
    return root


class Notebook:
    """A lesson that is open in a page of its own."""

    def __init__(self, page: Page, server: str, number: str) -> None:
        page.set_default_timeout(PATIENCE)
        self.page, self.lesson = page, LESSONS[number]
        path = self.lesson.released.relative_to(self.lesson.root)
        page.goto(f"{server}/lab/tree/{path}?token={TOKEN}&reset")
        written = json.loads(self.lesson.released.read_text(encoding="utf-8"))["cells"]
        self.sources = ["".join(cell["source"]) for cell in written]
        self.idle()

    def idle(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def cell(self, text: str):
        """The first cell whose text begins a line with this."""
        index = next(i for i, one in enumerate(self.sources) if f"\n{text}" in f"\n{one}")
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run(self, text: str, source: str | None = None, shows: str | re.Pattern[str] = "") -> None:
        """Run a cell, with another text where one is given, and wait for what it shows."""
        cell = self.cell(text)
        run(self.page, cell, source)
        if shows:
            expect(cell.locator(".jp-Cell-outputArea")).to_contain_text(shows)

    def answer(self, name: str, source: str | None = None) -> None:
        """Write an answer, or the course's, and run its check without waiting for the card."""
        solved = cells(self.lesson.name, "solutions")[name]
        self.run(f"class {name}" if name[0].isupper() else f"def {name}", source or solved)
        run(self.page, self.check(name))

    def check(self, name: str):
        """The cell with the check of an answer."""
        return self.cell(f'check("{self.lesson.short}.{name}"')

    def is_kept(self, name: str) -> None:
        """Wait for the card that says right, and that the library has it."""
        card = self.check(name).locator(".course-card")
        expect(card).to_have_attribute("data-status", "right")
        expect(card).to_contain_text(f"{name} is now in your library")

    def restart(self) -> None:
        """Restart the kernel, as the menu does."""
        self.page.locator(".lm-MenuBar-item", has_text="Kernel").click()
        self.page.locator('.lm-Menu-item[data-command="kernelmenu:restart"]').click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.idle()


def test_the_last_lesson_trains_with_the_optimizer_that_the_student_wrote(
    course,
    browser,  # noqa: F811
):
    with jupyter("lab", course, TOKEN, "--LabApp.extension_manager=readonly") as server:
        linear, sgd = (Notebook(browser.new_page(), server, number) for number in ("01", "02"))
        for notebook, name in ((linear, "relu"), (sgd, "minibatches")):
            notebook.run("import")
            notebook.answer(name)
        for notebook, name in ((linear, "relu"), (sgd, "minibatches")):  # two kernels at once
            notebook.is_kept(name)
            notebook.page.close()

        mnist = Notebook(browser.new_page(), server, "05")
        mnist.run("import", shows="Yours: minibatches, relu.")
        mnist.answer("SGD", SGD)
        mnist.is_kept("SGD")
        mnist.restart()
        asked = "from course_utils.mine import SGD, relu\nprint(SGD.steps)"
        mnist.run("import", asked, shows="Yours: SGD, relu.")
        mnist.page.close()

        last = Notebook(browser.new_page(), server, "12")
        last.run("import", shows="Yours: SGD, minibatches, relu.")
        for text in ("class Linear", "digits ="):
            last.run(text)
        for name in ("Sequential", "fit_digits"):
            last.answer(name)
            last.is_kept(name)
        asked = (
            "from course_utils.mine import progress\nprint(SGD.__module__, SGD.steps)\nprogress()"
        )
        last.run("import", asked, shows=re.compile(r"mine\.mnist [1-9]"))
        for id in ("linear.relu", "sgd.minibatches", "mnist.SGD", "library.fit_digits"):
            row = last.page.locator("tr", has_text=id)
            expect(row).to_contain_text("right")
    entries, said = record.entries(course / "mine")
    right = {id for id, entry in entries.items() if entry.state == "right"}
    assert right == {
        *("linear.relu", "sgd.minibatches", "mnist.SGD"),
        *("library.Sequential", "library.fit_digits"),
    }
    assert said == "" and "SGD.steps += 1" in (course / "mine" / "mnist.py").read_text()
