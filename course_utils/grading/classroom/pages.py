"""Puts the gate before every page that nbgrader makes of a submission, and closes what nbgrader
leaves open beside it.

nbgrader_config.py calls `close`, because nbgrader has no setting for most of this.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from jinja2 import BaseLoader, ChoiceLoader, DictLoader, Environment, Template
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from nbgrader.server_extensions.formgrader import formgrader, handlers
from pygments.formatters import HtmlFormatter
from tornado import web
from traitlets import Bool

from course_utils import __version__
from course_utils.grading.outside import formulas, gate
from course_utils.grading.outside.intake import copy_secret, copy_stamp, handed_in_at, read_text

TEMPLATE = Path(__file__).parent / "templates" / "feedback.html.j2"
SHOWN = ("text/html", "image/png", "image/jpeg", "text/plain")
MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/"
VERSIONS = "https://api.cdnjs.com/libraries/mathjax"  # where MathJax looks for its latest version
# In both of nbgrader's templates, after its own scripts in the formgrader's.
PLACE = "<!-- Loading mathjax macro -->"
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; font-src data: "
    f"{MATHJAX} {{own}}; style-src 'unsafe-inline' {MATHJAX} {{own}}; connect-src {VERSIONS} "
    f"{{own}}; script-src {MATHJAX} 'unsafe-eval' {{scripts}}"
)
SANDBOX = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"
MISSING = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Not graded yet</title>
<p>There is no graded notebook {{ resources.filename }}: grade the submission first.</p></html>"""


UNSHOWN = Markup("""<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Not shown</title>
<p>This submission cannot be shown as a notebook ({reason}). This is the file:</p>
<pre>{text}</pre></html>""")


def _of_nbgraders_own() -> str:
    """The fixed scripts of nbgrader's page, in the form in which a policy names them."""
    source = (Path(handlers.template_path) / "formgrade" / "formgrade_macros.html.j2").read_text()
    scripts = re.findall(
        r'<script type="text/javascript">(.*?)</script>|onclick="(.*?)"', source, re.DOTALL
    )
    hashes = [
        base64.b64encode(hashlib.sha256("".join(pair).encode()).digest()).decode()
        for pair in scripts
    ]
    return " ".join(["'unsafe-hashes'", *(f"'sha256-{value}'" for value in hashes)])


_submitted_students = NbGraderAPI.get_submitted_students


def exercise_name(cell: Any) -> str:
    """What a graded cell is about: `relu` of `check-relu`."""
    return str(cell.metadata.nbgrader.grade_id).removeprefix("check-")


def verdict(cell: Any) -> str:
    """The verdict on a graded cell, as its card begins; a person's where it has none."""
    marks = cell.metadata.nbgrader
    for output in cell.get("outputs", ()):
        title, dot, _ = output.get("data", {}).get("text/plain", "").partition(" · ")
        if dot:
            return f"{title}, and points by a person" if marks.get("by_hand") else title
    if marks.get("waiting"):
        return "not yet graded"
    return "read by a person" if marks.get("by_hand") else "no answer"


@cache
def _styles() -> dict[str, Markup]:
    """The colours of code, by the theme of the page."""
    return {
        name: Markup(HtmlFormatter(style=style).get_style_defs(".highlight"))
        for name, style in (("light", "xcode"), ("dark", "monokai"))
    }


def _is_right(cell: Any) -> bool:
    """Whether a card says so."""
    # With torch, which takes long to import, and every command of nbgrader imports this module.
    from course_utils.checking.card import TITLES

    return verdict(cell).partition(",")[0].endswith(TITLES["right"])


def _opened(html: Markup) -> Markup:
    """Prose with its hints unfolded."""
    return Markup(str(html).replace("<details>", "<details open>"))


class Page(HTMLExporter):
    """nbconvert's HTML with the gate before it: what none of the gate's functions has made is shown
    as text.
    """

    policy = POLICY.format(own="", scripts="")
    sanitize_html = Bool(
        True, help="HTML, which only cards are, passes the filter clean_html."
    ).tag(config=True)

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """nbconvert's filters, whose results are text here, and in the place of some of them the
        gate's.
        """
        yield from super().default_filters()
        yield "markdown2html", gate.markdown
        yield "clean_html", gate.card
        yield "ansi2html", gate.output
        yield "highlight_code", gate.code
        yield "escape_html", escape
        yield (
            "replace",
            lambda text, *_: "" if text is None else text,
        )  # of the numbers of cells, which are not kept
        yield "strip_files_prefix", lambda text: text
        yield "filter_data_type", lambda data: [kind for kind in SHOWN if kind in data][:1]

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape = True
        return environment

    def _preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        nb, resources = super()._preprocess(nb, resources)
        styles = resources["inlining"]["css"]  # made by nbconvert
        resources["inlining"]["css"] = [Markup(style) for style in styles]
        return nb, resources

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """The page of a graded notebook; it begins with what the browser may load and run in it."""
        resources = self._init_resources(resources)
        page, resources = TemplateExporter.from_notebook_node(
            self, gate.notebook(nb), resources, **kw
        )
        meta = Markup('<meta http-equiv="Content-Security-Policy" content="{}">\n').format(
            self.policy
        )
        return page.replace(PLACE, meta + Markup(PLACE), 1), resources


class Grades(GetGrades):
    """Points from the gradebook, and which answers a person has read or has still to read."""

    def _get_score(self, cell: Any, resources: Any) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            cell.metadata["nbgrader"]["grade_id"],
            self.notebook_id,
            self.assignment_id,
            self.student_id,
        )
        cell.metadata.nbgrader["waiting"] = is_waiting(grade)
        cell.metadata.nbgrader["by_hand"] = grade.manual_score is not None


def is_waiting(grade: Any) -> bool:
    """Whether nobody has given points yet, neither the grader nor a person."""
    return grade.auto_score is None and grade.manual_score is None


class Feedback(Page):
    """The page that a student gets: `c.GenerateFeedback.exporter_class` names it.

    It needs no network and runs no script.
    """

    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if isinstance(self.parent, GenerateFeedback):
            self.parent.init_assignment = self._begin

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """The gate's filters, and what the page says of a graded cell."""
        yield from super().default_filters()
        yield "markdown2html", gate.markdown_with_formulas
        yield "exercise", exercise_name
        yield "verdict", verdict
        yield "is_right", _is_right
        yield "opened", lambda html, opens: _opened(html) if opens else html

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """The page of a graded notebook."""
        formulas.begin()
        nb, resources = super(TemplateExporter, self).from_notebook_node(
            gate.notebook(nb), resources, **kw
        )
        page = self.form.render(
            nb=nb, resources=resources, policy=self.policy, styles=_styles(), version=__version__
        )
        return page, resources

    @cached_property
    def form(self) -> Template:
        """The page's template, read once for a class."""
        return self.environment.from_string(TEMPLATE.read_text(encoding="utf-8"))

    def _begin(self, lesson: str, student: str) -> None:
        """Copy what `nbgrader release_feedback` reads; nbgrader would copy all that is beside the
        notebook.
        """
        folders = cast(Any, self.parent).coursedir
        directories = folders.autograded_directory, folders.feedback_directory
        source, target = (
            Path(folders.format_path(directory, student, lesson)) for directory in directories
        )
        copy_stamp(source, target)
        copy_secret(source, target)


class Formgrader(Page):
    """The page on which a person grades."""

    policy = POLICY.format(own="'self'", scripts=_of_nbgraders_own())

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """The page of a graded notebook; the file as text, with the reason, where it cannot be
        shown.
        """
        try:
            return super().from_filename(filename, resources=resources, **kw)
        except Exception as error:
            self.log.exception("%s cannot be shown", filename)
            text = read_text(Path(filename))
            return UNSHOWN.format(
                reason=f"{type(error).__name__}: {str(error)[:300]}", text=gate.plain(text)
            ), resources


def close() -> None:
    """Close what nbgrader leaves open, in this process."""
    CourseDirectory.get_existing_timestamp = lambda self, folder: handed_in_at(Path(folder))
    NbGraderAPI.get_submitted_timestamp = _submitted_at
    NbGraderAPI.get_submitted_students = _with_ids
    formgrader.HTMLExporter = Formgrader
    formgrader.Environment = _templates
    handlers.SubmissionFilesHandler.content_security_policy = SANDBOX
    handlers.SubmissionFilesHandler.validate_absolute_path = _inside


def _submitted_at(api: NbGraderAPI, lesson: str, student: str) -> datetime | None:
    return handed_in_at(
        Path(api.coursedir.format_path(api.coursedir.submitted_directory, student, lesson))
    )


def _with_ids(api: NbGraderAPI, lesson: str) -> set[str]:
    """The students who handed in a lesson; folders whose names cannot be an id are left out of the
    formgrader's lists.
    """
    return {name for name in _submitted_students(api, lesson) if gate.is_student_id(name)}


def _templates(loader: BaseLoader) -> Environment:
    """The formgrader's own pages, in which names are text, and the one that nbgrader lacks."""
    own = DictLoader({"formgrade_404.tpl": MISSING})
    return Environment(loader=ChoiceLoader([own, loader]), autoescape=True)


def _inside(handler: Any, root: str, absolute_path: str) -> str | None:
    """Serve files among the graded notebooks only; nbgrader serves the whole course, because it
    follows `..`.
    """
    folder = os.path.realpath(
        handler.coursedir.format_path(handler.coursedir.autograded_directory, ".", ".")
    )
    if not os.path.realpath(absolute_path).startswith(folder + os.sep):
        raise web.HTTPError(403)
    return web.StaticFileHandler.validate_absolute_path(handler, root, absolute_path)
