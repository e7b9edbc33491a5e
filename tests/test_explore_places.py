"""The explorers where people meet them: in JupyterLab, in the file that is opened again, and in a
page that nbconvert makes, without a network.
"""

import json
import shutil

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from course_utils.building.lesson import Lesson
from tests.browsing import PATIENCE, browser, jupyter, run  # noqa: F401
from tests.test_explore import EXPLORERS
from tests.test_thread import SETTINGS

ROOT, TOKEN = Lesson("01_linear").root, "a-token-for-this-test"
BEGIN = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.test_explore import EXPLORERS"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook with every explorer, not run yet."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    settings = root / ".jupyter" / "config" / SETTINGS
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}))
    shown = [new_code_cell(f"EXPLORERS[{name!r}]()") for name in EXPLORERS]
    path = root / "explorers.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = new_notebook(cells=[new_code_cell(BEGIN), *shown], metadata={"kernelspec": kernel})
    nbformat.write(made, path)
    return path


def stepped(page, where):
    """Guess and take a step in every explorer of a page."""
    frames = page.locator(f"{where} iframe")
    expect(frames).to_have_count(len(EXPLORERS))
    for handle in frames.element_handles():
        handle.scroll_into_view_if_needed()
        frame = handle.content_frame()
        frame.wait_for_selector("tbody", state="attached")
        assert frame.evaluate("S.k") == 0
        before = frame.inner_html("#s")
        if frame.locator("#q button").count():
            frame.locator("#q button").first.click()
        frame.locator(".n").first.click()
        assert frame.evaluate("S.k") == 1 and frame.inner_html("#s") != before


def opened(browser, address, path):  # noqa: F811
    """The notebook in JupyterLab, with a kernel that has nothing to do."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/lab/tree/{path.name}?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    return page


def test_explorers_step_in_jupyterlab_in_the_file_opened_again_and_in_a_page(browser, notebook):  # noqa: F811
    with jupyter("lab", notebook.parent, TOKEN) as address:
        page = opened(browser, address, notebook)
        cells = page.locator(".jp-Notebook .jp-CodeCell")
        for index in range(len(EXPLORERS) + 1):
            run(page, cells.nth(index))
        stepped(page, ".jp-OutputArea")
        cells.nth(0).locator(".cm-content").click()
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        for _ in range(100):
            if notebook.read_text(encoding="utf-8").count("text/html") == len(EXPLORERS):
                break
            page.wait_for_timeout(200)
        page.close()
        again = opened(browser, address, notebook)
        stepped(again, ".jp-OutputArea")
        assert again.locator(".jp-InputPrompt").nth(1).inner_text() == "[2]:"  # as it was saved
        again.close()
    stepped_in_a_page_of_nbconvert(browser, notebook)


def stepped_in_a_page_of_nbconvert(browser, notebook):  # noqa: F811
    """The saved notebook as a page, which asks for nothing."""
    exporter = HTMLExporter(require_js_url="", mathjax_url="", jquery_url="")
    path = notebook.with_suffix(".html")
    path.write_text(exporter.from_filename(str(notebook))[0], encoding="utf-8")
    context, asked = browser.new_context(offline=True), []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    stepped(page, ".jp-OutputArea")
    assert [url for url in asked if not url.startswith(("file:", "about:", "data:"))] == []
    context.close()
