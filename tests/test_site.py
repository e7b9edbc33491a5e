"""The site, made once and walked with a browser that reaches nothing else."""

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import nbformat
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from course_utils.building import notebook_files as nb
from course_utils.building.lesson import ROOT, Lesson, all_lessons
from course_utils.checking import exercises
from course_utils.errors import CourseError
from course_utils.experiments import outcome
from course_utils.site import chapters, make, mistakes
from course_utils.site.answers import answer_lines, leaked
from course_utils.site.links import Links
from tests.browsing import PATIENCE, browser  # noqa: F401

LESSONS = all_lessons()
PHONE = 390  # pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The whole site."""
    made = tmp_path_factory.mktemp("site") / "site"
    make.make(LESSONS, made, Links())
    return made


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, on this machine alone."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as address:
        yield address


class Walk:
    """A page of the site, and what went wrong in it: errors, and requests to elsewhere."""

    def __init__(self, browser, address: str, theme: str = "light", width: int = 1200) -> None:  # noqa: F811
        self.address = address
        self.context = browser.new_context(
            color_scheme=theme, viewport={"width": width, "height": 900}
        )
        self.context.route(lambda url: not url.startswith(address), self._refuse)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._heard)

    def _refuse(self, route) -> None:
        self.troubles.append(f"asks for {route.request.url}")
        route.abort()

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.address}/{path}")
        return self.page


def paths(folder: Path) -> list[str]:
    """The pages, by their addresses."""
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*.html")))
    return [path.as_posix() for path in found]


# What is in the files.


def test_no_line_of_an_answer_is_in_the_site(folder):
    assert len(answer_lines(LESSONS)) > 200
    assert leaked(folder, LESSONS) == []


PLANTED = {
    "page.html": '<pre><span class="k">return</span> <span>x</span>.clamp(<i>min</i>=0)</pre>',
    "searchindex.js": 'Search.setIndex({"titles": ["return x.clamp(min=0)"]})',
    "a.ipynb": '{"source": ["    return x.clamp(min=0)\\n"]}',
    "said.html": "<p>Write <code>return x.clamp(min=0)</code>.</p>",
    "wide.html": "<pre>totals\n= sum(sizes)\nreturn x . clamp( min=0 )</pre>",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_line_is_found(name, tmp_path):
    (tmp_path / name).write_text(PLANTED[name], encoding="utf-8")
    (found,) = leaked(tmp_path, LESSONS)
    assert found == f"{name} has 'returnx.clamp(min=0)' of 01_linear"


@pytest.fixture
def copied(tmp_path) -> Lesson:
    """A copy of the first lesson, which a test may change."""
    lesson = Lesson("01_linear", tmp_path)
    for place in ("solved", "released"):
        getattr(lesson, place).parent.mkdir(parents=True)
        shutil.copy(getattr(Lesson("01_linear"), place), getattr(lesson, place))
    return lesson


def test_a_site_with_an_answer_is_not_made(copied, tmp_path, monkeypatch):
    solved = nb.read(copied.solved)
    printed = nbformat.v4.new_output("stream", text="    return x.clamp(min=0)\n")
    [cell] = [cell for cell in solved.cells if cell.source.startswith("digits = load_mnist()")]
    cell.outputs.append(printed)
    nb.write(copied.solved, nb.to_bytes(solved))
    monkeypatch.setattr(make, "_sphinx", lambda source, target, _: shutil.copytree(source, target))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "searchindex.js").touch()
    with pytest.raises(CourseError, match="would show answers: .*clamp"):
        make.make([copied], tmp_path / "site", Links())
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["searchindex.js"]


def test_a_folder_of_something_else_is_left_alone(copied, tmp_path):
    with pytest.raises(CourseError, match="holds something other than a site: name a new folder"):
        make.make([copied], tmp_path, Links())
    assert copied.solved.is_file()


class Marked(HTMLParser):
    """A page's links, what can be linked to in it, and its pictures without words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.names: set[str] = set()
        self.silent: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {value for key, value in attributes if key in ("id", "name") and value}
        self.leads += [value for key, value in attributes if key in ("href", "src") and value]
        if tag == "img" and not given.get("alt"):
            self.silent.append(str(given.get("src")))


@pytest.fixture(scope="module")
def marked(folder) -> dict[Path, Marked]:
    return {folder / path: Marked((folder / path).read_text()) for path in paths(folder)}


def test_no_link_is_dead(marked):
    dead = []
    for page, found in marked.items():
        for lead in found.leads:
            address, anchor = urldefrag(lead)
            if urlsplit(address).scheme:
                continue
            target = page if not address else (page.parent / unquote(urlsplit(address).path))
            there = target.is_file() and (
                not anchor or anchor in marked[target.resolve()].names or "_static" in address
            )
            dead += [] if there else [f"{page.name}: {lead}"]
    assert dead == []


def test_every_picture_has_words(marked):
    assert [(page.name, found.silent) for page, found in marked.items() if found.silent] == []


def test_every_picture_of_a_lesson_is_there(marked):
    for lesson in LESSONS:
        outputs = [
            output for cell in nb.read(lesson.solved).cells for output in cell.get("outputs", [])
        ]
        due = sum("image/png" in output.get("data", {}) for output in outputs)
        [page] = [
            page for page in marked if page.stem == lesson.name and page.parent.name == "lessons"
        ]
        assert sum("/pictures/" in lead for lead in marked[page].leads) == due


def test_every_known_mistake_is_in_the_book_once(marked):
    for lesson in mistakes.with_any(LESSONS):
        [book] = [
            page for page in marked if page.stem == lesson.name and page.parent.name == "mistakes"
        ]
        named = {(each.id, m.name) for each in exercises(lesson.short) for m in each.mistakes}
        assert book.read_text(encoding="utf-8").count('<h3 class="rubric"') == len(named)


def test_a_lesson_without_exercises_has_no_page_in_the_book():
    assert mistakes.with_any([Lesson("99_words")]) == []
    assert set(mistakes.pages([Lesson("99_words")])) == {"index"}


def test_two_sites_are_the_same(folder, tmp_path):
    """Made by another process, with other hashes, in another folder."""
    command = [
        sys.executable,
        "-c",
        "from course_utils.cli import main; main()",
        "site",
        "--to",
        "b",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, other = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (folder, tmp_path / "b")
    )
    assert [path for path in one.keys() | other.keys() if one.get(path) != other.get(path)] == []


def test_one_setting_makes_the_links():
    path = "notebooks/01_linear/01_linear.ipynb"
    links = Links("somebody/course", "main")
    assert (
        f"https://colab.research.google.com/github/somebody/course/blob/main/{path}"
        in links.buttons("01_linear")
    )
    assert links.named("git clone https://github.com/OWNER/NAME; cd NAME") == (
        "git clone https://github.com/somebody/course; cd course"
    )
    assert "../start.html#colab" in Links().buttons("01_linear")


def test_the_readme_is_short_and_shows_the_card_an_explorer_and_the_report():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]{40,}\]\(docs/(\w+)\.png\)", text)
    assert shown == ["check", "explorer", "report"] and text.count("\n") < 120
    assert all((ROOT / "docs" / f"{name}.png").is_file() for name in shown)


def test_workflows_run_what_is_there():
    goals = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name, goal in {"site.yml": "site", "release.yml": "dist"}.items():
        said = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
        runs = [step.get("run") for job in said["jobs"].values() for step in job["steps"]]
        assert f"make {goal}" in runs and goal in goals


def test_a_repository_without_an_owner_gets_one_sentence(tmp_path):
    with pytest.raises(
        CourseError, match="'course' is not a repository's name: write it as owner/name."
    ):
        Links("course")


def test_a_guess_comes_before_its_result(copied):
    released = nb.read(copied.released)
    question = nbformat.v4.new_markdown_cell(
        "**Guess first.** Which?\n\n- **a** · this\n- **b** · that"
    )
    guess = nbformat.v4.new_code_cell('guess("x.y", "")', metadata={"guess": "x.y"})
    run = nbformat.v4.new_code_cell("print(1)")
    released.cells[1:1] = [question, guess, run]
    solved = nb.read(copied.solved)
    solved.cells.append(
        nbformat.v4.new_code_cell(
            "print(1)", id=run.id, outputs=[nbformat.v4.new_output("stream", text="<1>")]
        )
    )
    nb.write(copied.released, nb.to_bytes(released))
    nb.write(copied.solved, nb.to_bytes(solved))
    cells = chapters.chapter(copied, Links()).notebook.cells
    assert cells[2].cell_type == "markdown" and cells[2].source.count("<button") == 2
    shown = cells[3].outputs[0].data["text/html"]
    assert shown == (
        '<details class="course-result"><summary>Guess first, then show what happens</summary>'
        '<pre tabindex="0">&lt;1&gt;</pre></details>'
    )


def test_nobody_reads_that_they_made_no_guess():
    html = outcome("sgd.shapes")._repr_html_()
    assert chapters.NO_GUESS in html
    output = nbformat.v4.new_output("display_data", {"text/html": html})
    assert chapters.NO_GUESS not in chapters._html(output, {})


# In the browser.


@dataclass
class Seen:
    """What one look at a page found."""

    troubles: list[str]
    formulas: int  # all of them drawn
    on_a_phone: int  # the width that the page takes, in pixels


@pytest.fixture(scope="module")
def seen(folder, address, browser) -> dict[str, Seen]:  # noqa: F811
    """Every page, opened once, its formulas counted, and then made as narrow as a phone."""
    found = {}
    with Walk(browser, address) as walk:
        for path in paths(folder):
            page = walk.open(path)
            asked = page.locator(".math").count()
            expect(page.locator(".math mjx-container:not(:has(mjx-merror))")).to_have_count(asked)
            page.set_viewport_size({"width": PHONE, "height": 900})
            width = page.evaluate("document.scrollingElement.scrollWidth")
            page.set_viewport_size({"width": 1200, "height": 900})
            found[path] = Seen([*walk.troubles], asked, width)
            walk.troubles.clear()
    return found


@pytest.mark.browser
def test_every_page_opens_without_an_error_and_asks_nobody_else(seen):
    assert {path: each.troubles for path, each in seen.items() if each.troubles} == {}


@pytest.mark.browser
def test_the_formulas_of_every_lesson_are_drawn(seen):
    assert sum(seen[f"lessons/{lesson.name}.html"].formulas for lesson in LESSONS) > 300


@pytest.mark.browser
def test_no_page_is_wider_than_a_phone(seen):
    wide = {path: each.on_a_phone for path, each in seen.items() if each.on_a_phone > PHONE}
    assert wide == {}


KINDS = [
    "index.html",
    "lessons/01_linear.html",
    "mistakes/index.html",
    "api/course_utils.html",
    "hub.html",
    "search.html?q=momentum",
]


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(address, browser, theme):  # noqa: F811
    """On a page of each kind; a lesson takes axe seconds."""
    found = []
    with Walk(browser, address, theme) as walk:
        for path in KINDS:
            page = walk.open(path)
            page.wait_for_timeout(1000)  # colours may fade from one theme into the other
            for each in Axe().run(page).response["violations"]:
                if each["impact"] in ("serious", "critical"):
                    found.append((path, each["id"], each["nodes"][0]["html"]))
    assert found == []


@pytest.mark.browser
def test_the_search_finds_momentum(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("search.html?q=momentum")
        results = page.locator("#search-results li a")
        expect(results.filter(has_text="Gradient descent by hand").first).to_be_visible()
        expect(results.filter(has_text="Mistakes in 02").first).to_be_visible()
        assert walk.troubles == []


@pytest.mark.browser
def test_an_explorer_steps(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("lessons/02_sgd.html")
        frame = page.frame_locator("iframe").first
        frame.locator("#q button").first.click()
        frame.get_by_role("button", name="1 step", exact=True).click()
        expect(frame.locator("tbody tr")).to_have_count(1)
        assert walk.troubles == []


@pytest.mark.browser
def test_a_page_can_be_used_with_the_keyboard(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("lessons/01_linear.html")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
        hint = page.locator("details", has_text="Hint 1").first
        hint.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(hint).to_have_attribute("open", "")
        page.keyboard.press("Control+k")
        page.keyboard.type("momentum")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=momentum*")


@pytest.mark.browser
def test_paper_gets_still_pictures(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("lessons/02_sgd.html")
        page.emulate_media(media="print")
        expect(page.locator(".course-still").first).to_be_visible()
        expect(page.locator("iframe").first).to_be_hidden()
        expect(page.locator(".bd-sidebar-primary")).to_be_hidden()


@pytest.mark.browser
def test_a_letter_opens_the_result_that_follows(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("index.html")
        page.set_content(
            '<p class="course-letters" hidden><button>a</button><button>b</button></p>'
            '<details class="course-result"><summary>Result</summary>1</details>'
            '<details class="course-result"><summary>Another</summary>2</details>'
            f'<script src="{address}/_static/course.js"></script>'
        )
        page.get_by_role("button", name="b").click()
        expect(page.get_by_role("button", name="b")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("details").first).to_have_attribute("open", "")
        assert page.locator("details[open]").count() == 1


@pytest.mark.browser
def test_the_link_for_a_hub_is_made(address, browser):  # noqa: F811
    with Walk(browser, address) as walk:
        page = walk.open("hub.html")
        expect(page.locator("output")).to_have_text("fill in the four fields")
        page.get_by_label("Address of your hub").fill("https://hub.example.org/")
        page.get_by_label("Repository").fill("https://github.com/somebody/course.git")
        expect(page.locator("output")).to_have_text(
            "https://hub.example.org/hub/user-redirect/git-pull?"
            "repo=https%3A%2F%2Fgithub.com%2Fsomebody%2Fcourse.git&branch=main&"
            "urlpath=lab%2Ftree%2Fcourse%2Fnotebooks%2F01_linear%2F01_linear.ipynb"
        )
