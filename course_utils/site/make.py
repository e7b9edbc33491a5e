"""Puts the site's texts together and lets Sphinx make pages of them, without a network."""

import importlib.metadata
import io
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_utils import __version__
from course_utils.building.lesson import ROOT, Lesson, files
from course_utils.errors import CourseError
from course_utils.site import api, chapters, mistakes
from course_utils.site.answers import leaked
from course_utils.site.links import Links

TITLE = "The foundations of neural networks"
STATIC = Path(__file__).with_name("static")
# The documents of each part of the site, in order, by their paths in the repository; any other in
# docs/ belongs to teaching.
PARTS = {
    "Begin": ["docs/start.md", "docs/library.md"],
    "Teach": [
        "docs/term.md",
        "docs/hub.md",
        "docs/students.md",
        "docs/grading.md",
        "docs/graders.md",
    ],
    "Change the course": [
        *("CONTRIBUTING.md", "docs/writing_a_lesson.md", "docs/checking.md", "CHANGELOG.md"),
    ],
}
MATHJAX = "sphinx-mathjax-offline"  # a package that brings MathJax, under the Apache License 2.0
LICENCES = (
    "Code under the MIT licence, text under CC BY 4.0. Formulas are drawn by MathJax (Apache "
    "License 2.0), pages laid out by Sphinx and its book theme (BSD licence)."
)
OF_MATHJAX = re.compile(r"/mathjax/(tex-chtml\.js|output/chtml/fonts/woff-v2/.*|LICENSE)$")
SETTINGS: dict[str, Any] = {
    "project": TITLE,
    "html_title": TITLE,
    "version": __version__,
    "language": "en",
    "extensions": ["myst_nb", "sphinx.ext.mathjax"],
    "html_theme": "sphinx_book_theme",
    "html_static_path": [str(STATIC), "mathjax"],
    "html_favicon": str(STATIC / "favicon.svg"),
    "html_context": {"default_mode": "auto"},
    "html_css_files": ["course.css"],
    "html_js_files": ["course.js"],
    "html_extra_path": ["extra"],
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_sphinx": False,
    "html_theme_options": {
        "use_download_button": False,
        "use_fullscreen_button": False,
        "show_toc_level": 1,
        "show_navbar_depth": 1,
        "navbar_persistent": [],
        "footer_content_items": ["extra-footer.html"],
        "extra_footer": LICENCES,
        "pygments_light_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
    },
    "mathjax_path": "tex-chtml.js",
    "mathjax3_config": {"options": {"enableMenu": False}},
    "myst_enable_extensions": ["amsmath", "dollarmath", "attrs_inline"],
    "myst_heading_anchors": 3,
    "myst_linkify_fuzzy_links": False,
    "nb_execution_mode": "off",
    "nb_number_source_lines": False,
    "source_suffix": {".md": "myst-nb", ".ipynb": "myst-nb"},
    "suppress_warnings": ["myst.header", "mystnb.unknown_mime_type"],
}


def make(lessons: Sequence[Lesson], target: Path, links: Links) -> None:
    """Make the site in a new folder, or in place of an earlier site.

    Raises CourseError, and leaves the folder as it was, where it holds something else, where Sphinx
    warns, and where an answer would be on a page.
    """
    if target.exists() and not _is_free(target):
        raise CourseError(f"{target} holds something other than a site: name a new folder.")
    with tempfile.TemporaryDirectory() as temporary:
        source, made = Path(temporary) / "source", Path(temporary) / "site"
        write_source(lessons, source, links)
        _sphinx(source, made, Path(temporary) / "doctrees")
        if leaks := leaked(made, lessons):
            raise CourseError(f"The site would show answers: {'; '.join(leaks[:5])}.")
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(made, target)


def _is_free(target: Path) -> bool:
    """Whether a folder is empty or has an earlier site in it."""
    return target.is_dir() and ((target / "searchindex.js").is_file() or not any(target.iterdir()))


def write_source(lessons: Sequence[Lesson], source: Path, links: Links) -> None:
    """Write the texts that Sphinx reads: chapters, the book of mistakes, documents, the API."""
    for lesson in lessons:
        made = chapters.chapter(lesson, links)
        chapters.write(made, source / "lessons" / f"{lesson.name}.ipynb", source / "extra/pictures")
        for path in files(lesson.released.parent):
            _copy(lesson.released.parent / path, source / "extra/notebooks" / lesson.name / path)
    for name, text in mistakes.pages(lessons).items():
        _write(source / "mistakes" / f"{name}.md", text)
    for name, text in api.pages().items():
        _write(source / "api" / f"{name}.md", text)
    for document in [document for part in parts().values() for document in part]:
        _write(source / Path(document).name, _document(document, links))
    for picture in (ROOT / "docs").glob("*.png"):
        _copy(picture, source / picture.name)
    _write(source / "index.md", _document("docs/index.md", links) + _contents(lessons))
    for file in importlib.metadata.files(MATHJAX) or []:
        if match := OF_MATHJAX.search(f"/{file.as_posix()}"):
            _copy(Path(str(file.locate())), source / "mathjax" / match[1])


def parts() -> dict[str, list[str]]:
    """PARTS, and what else is in docs/."""
    known = {"docs/index.md", *(document for part in PARTS.values() for document in part)}
    documents = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md")))
    return PARTS | {"Teach": [*PARTS["Teach"], *(path for path in documents if path not in known)]}


def _contents(lessons: Sequence[Lesson]) -> str:
    """The tables of contents, which the theme shows at the left; the lessons are listed."""
    documents = {part: [Path(path).stem for path in paths] for part, paths in parts().items()}
    book = [
        "All together <mistakes/index>",
        *(
            f"{chapters.title(lesson)} <mistakes/{lesson.name}>"
            for lesson in mistakes.with_any(lessons)
        ),
    ]
    tables = {
        "Begin": documents["Begin"],
        "Lessons": [f"lessons/{lesson.name}" for lesson in lessons],
        "The book of mistakes": book,
        "Teach": documents["Teach"],
        "Change the course": [
            *documents["Change the course"],
            *(f"api/{room}" for room in api.ROOMS),
        ],
    }
    return "".join(
        "\n".join(
            [
                *(["", "## Lessons"] if part == "Lessons" else []),
                *("", "```{toctree}", f":caption: {part}", ":maxdepth: 1"),
                *([] if part == "Lessons" else [":hidden:"]),
                *("", *pages, "```", ""),
            ]
        )
        for part, pages in tables.items()
    )


def _document(path: str, links: Links) -> str:
    """A document of the repository for the site, which has all of them in one folder."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return links.named(re.sub(r"\]\((?:\.\./|docs/)+", "](", text))


def _sphinx(source: Path, target: Path, doctrees: Path) -> None:
    """Run Sphinx; raises CourseError with what it warns of, such as a link to nothing."""
    from sphinx.application import Sphinx

    log = io.StringIO()
    application = Sphinx(
        source, None, target, doctrees, "html", SETTINGS, status=None, warning=log, freshenv=True
    )
    application.build()
    if log.getvalue():
        warnings = re.sub(r"\x1b\[[0-9;]*m", "", log.getvalue()).replace(f"{source}/", "")
        raise CourseError(f"The site was not made, because Sphinx warns: {warnings.strip()}")
    for part in (target / "_static").glob("*.html"):  # parts of the theme, which are no pages
        part.unlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
