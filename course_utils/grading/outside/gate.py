"""The one gate through which whatever comes from a submission reaches a browser, a terminal, a
table or a report.

What it lets into a page is text, safe markup without names that the page's own controls go by, and
raster pictures.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape
from mdit_py_plugins.amsmath import RE_OPEN, amsmath_block, amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode, from_dict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES

from course_utils.grading.outside import formulas, pictures
from course_utils.grading.outside.cells import as_text

PROSE = {
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "hr",
    "i",
    "img",
    "li",
}
PROSE |= {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "ul",
}
PROSE |= {"table", "tbody", "td", "th", "thead", "tr"}
PROSE_ATTRIBUTES = {
    "*": {"title", "align"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "span": {"class"},
}
PROSE_SCHEMES = {"http", "https", "mailto", "attachment"}
LINKS = ("http://", "https://", "mailto:")
PYTHON = ("python", "python3", "py", "ipython", "ipython3")
COLOURS = set(STANDARD_TYPES.values()) - {""}
CARD = {"div", "b", "code", "br"}
CARD_ATTRIBUTES = {"div": {"class", "style", "data-status"}, "code": {"style"}}
CARD_STYLES = {
    "margin",
    "margin-top",
    "padding",
    "border-left",
    "max-width",
    "font-weight",
    "white-space",
}
# Marks that turn the direction of what follows.
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{TURNING}\ud800-\udfff]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NAME = re.compile(r"[\w-]+", re.ASCII)
MOST_EQUATIONS = 100  # in one text
MOST_KNOWN, LONGEST_KNOWN = 500, 5_000  # texts that are rendered once, and their characters
_known: dict[tuple[str, bool], Markup] = {}
_OPENING = re.compile(RE_OPEN)
_CLOSING = re.compile(r"\\end\{(\w{1,20}\*?)\}[^\S\n]*$", re.MULTILINE)
_SIGNS = ("=", "+", "-", "@", "|", "%")


def plain(text: str) -> str:
    """Text without what moves a cursor or turns the direction of writing; lines and tabs stay."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(text: str) -> str:
    """Text for a terminal: on one line that is not endless."""
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= 300 else text[:300] + "..."


def field(text: str) -> str:
    """Text for a table, with an apostrophe before it where a spreadsheet would run it."""
    text = plain(text)
    begins = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if begins.startswith(_SIGNS) or text[:1] in ("\t", "\n") else text


def report(value: Any) -> Any:
    """A value of lists, dicts, texts and numbers for a report, with all its texts plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(key): report(item) for key, item in value.items()}
    return [report(item) for item in value] if isinstance(value, list) else value


def is_student_id(name: str) -> bool:
    """Whether a name can be a student's id: letters, digits, spaces and `. _ - + @ '`."""
    letters = all(
        letter.isalnum() or letter in " ._-+@'" or unicodedata.category(letter) in ("Mn", "Mc")
        for letter in name
    )
    return letters and name == name.strip() and (name[:1].isalnum() or name[:1] == "_")


# ---------------------------------------------------------------- into pages


@pass_context
def markdown(context: Context, text: str | None) -> Markup:
    """The markdown of the cell that a template is at, or a comment, as safe HTML with the cell's
    pictures.
    """
    cell = context.get("cell") or {}
    return prose(text or "", cell.get("attachments"))


def markdown_with_formulas(text: str | None, attachments: Any = None) -> Markup:
    """Markdown as safe HTML with formulas drawn, for a page that runs no script.

    attachments: the cell's pictures, passed by the template, whose loops no context shows.
    """
    return prose(text or "", attachments, draws=True)


def prose(text: str, attachments: Any = None, draws: bool = False) -> Markup:
    """Markdown as HTML without scripts, styles, ids and classes; links lead to web and mail
    addresses. draws: whether formulas become pictures.

    What has no pictures is remembered, since all pages of a lesson have most of their texts alike.
    """
    key = text, draws
    if attachments or len(text) > LONGEST_KNOWN:
        return _prose(text, attachments, draws)
    if key not in _known:
        made = _prose(text, None, draws)
        if draws and formulas.is_full():  # the next page may have what this one has no room for
            return made
        if len(_known) > MOST_KNOWN:
            _known.clear()
        _known[key] = made
    return _known[key]


def _prose(text: str, attachments: Any, draws: bool) -> Markup:
    """The same, made anew."""
    text, shown = pictures.take(plain(text), attachments, pictures.LARGEST)
    look_up = pictures.address(shown)

    def allowed(_: str, name: str, value: str) -> str | None:
        if name == "href":
            return value if value.lower().startswith(LINKS) else None
        if name == "class":
            return value if value in COLOURS else None
        return formulas.address(value) or look_up(value) if name == "src" else value

    try:
        made = _markdown(draws).render(text, {"pictures": set(shown)})
    except Exception as error:  # whatever it is, the text can be read
        return Markup("<p>It is shown as text ({}).</p>").format(type(error).__name__) + literal(
            text
        )
    return Markup(
        nh3.clean(
            made,
            tags=PROSE,
            attributes=PROSE_ATTRIBUTES,
            attribute_filter=allowed,
            url_schemes=PROSE_SCHEMES,
        )
    )


@cache
def _markdown(draws: bool) -> MarkdownIt:
    def math(text: str, how: Mapping[str, Any]) -> str:
        if draws and (drawn := formulas.picture(text, how["display_mode"])):
            return str(drawn)
        sign = "$$" if how["display_mode"] else "$"
        return str(escape(f"{sign}{text}{sign}"))

    made = MarkdownIt("commonmark", {"html": True, "highlight": _fenced}).enable(
        ["table", "strikethrough"]
    )
    made.use(dollarmath_plugin, allow_labels=False, double_inline=True, renderer=math)
    made.use(amsmath_plugin, renderer=lambda text: str(escape(text)))
    made.block.ruler.at(
        "amsmath", _equations, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    made.add_render_rule("image", _image)
    return made


def _equations(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """amsmath's rule, asked only where the closing line is there; by itself it would search for
    that again from every opening.

    It is asked at most MOST_EQUATIONS times in a text, because in a quotation the closing line can
    be there and not be found.
    """
    begin = state.bMarks[start] + state.tShift[start]
    opened = _OPENING.match(state.src, begin, state.eMarks[start])
    if opened is None:
        return False
    if "closings" not in state.env:
        state.env["closings"] = defaultdict(list)
        for closed in _CLOSING.finditer(state.src):
            state.env["closings"][closed[1]].append(closed.start())
    places = state.env["closings"].get(f"{opened[1]}{opened[2]}", [])
    index = bisect_left(places, begin)
    is_closed = index < len(places) and places[index] < state.eMarks[end - 1]
    if not is_closed or state.env.setdefault("looked", 0) >= MOST_EQUATIONS:
        return False
    state.env["looked"] += 1
    return amsmath_block(state, start, end, silent)


def _fenced(source: str, language: str, _: str) -> str:
    """Code in markdown: Python with colours, anything else as it is."""
    return (
        f"<pre>{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>"
        if language in PYTHON
        else ""
    )


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """A picture of the notebook; of any other only the address, for it could be changed later."""
    token = tokens[index]
    address = str(token.attrs["src"])
    if address.removeprefix("attachment:") in env["pictures"]:
        return renderer.image(tokens, index, options, env)
    words = Markup("<em>(a picture that is not in the notebook: {})</em>").format(
        token.content or "without a text"
    )
    return (
        Markup('<a href="{}">{}</a>').format(address, words)
        if address.startswith("https://")
        else words
    )


def code(source: str, **_: Any) -> Markup:
    """Python with colours."""
    return _short(source) if len(source) <= LONGEST_KNOWN else _coloured(source)


def _coloured(source: str) -> Markup:
    """The same, made anew."""
    return Markup(highlight(plain(source), PythonLexer(stripnl=False), HtmlFormatter()))


_short = lru_cache(MOST_KNOWN)(_coloured)


def output(text: str) -> Markup:
    """What a cell printed, without its colours."""
    return escape(plain(_ANSI.sub("", text)))


def card(text: str) -> Markup:
    """HTML that shows a verdict; whatever a card does not have is taken away."""

    def allowed(_: str, name: str, value: str) -> str | None:
        return value if name != "class" or value == "course-card" else None

    return Markup(
        nh3.clean(
            text,
            tags=CARD,
            attributes=CARD_ATTRIBUTES,
            attribute_filter=allowed,
            filter_style_properties=CARD_STYLES,
        )
    )


def literal(text: str) -> Markup:
    """Text as it is."""
    return Markup("<pre>{}</pre>").format(plain(text))


def notebook(graded: Mapping[str, Any]) -> NotebookNode:
    """A graded notebook made anew from what may be shown of it."""
    names: set[str] = set()
    cells = [_cell(number, cell, names) for number, cell in enumerate(graded["cells"])]
    metadata = {"language_info": {"name": "python"}}
    return from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _cell(number: int, cell: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """A cell with an id of ours, the marks a page goes by, and safe outputs and attachments."""
    source = str(cell["source"])
    made = {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": source}
    marks = _marks(cell["metadata"].get("nbgrader"))
    if cell["cell_type"] in ("code", "markdown") and marks and marks["grade_id"] not in names:
        names.add(marks["grade_id"])
        made["metadata"] = {"nbgrader": marks}
    if cell["cell_type"] == "code":
        is_check = marks is not None and marks["grade"] and not marks["solution"]
        shown = [item for output in cell.get("outputs", []) if (item := _output(output, is_check))]
        return made | {"cell_type": "code", "outputs": shown, "execution_count": None}
    if cell["cell_type"] == "markdown":
        return made | {"attachments": cell.get("attachments", {})}
    return made | {"source": as_text(source)}


def _marks(marks: Any) -> dict[str, Any] | None:
    """nbgrader's marks of a cell, where its name is one that an id can have."""
    if not isinstance(marks, Mapping) or not _NAME.fullmatch(str(marks.get("grade_id"))):
        return None
    flags = {name: bool(marks.get(name)) for name in ("grade", "solution", "task", "locked")}
    points = marks.get("points")
    return {
        "grade_id": marks["grade_id"],
        "points": float(points) if isinstance(points, int | float) else 0.0,
    } | flags


def _output(output: Mapping[str, Any], is_check: bool) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": str(output.get("text", ""))}
    if kind == "error":
        lines = [str(line) for line in output.get("traceback", [])]
        return {"output_type": "error", "ename": "", "evalue": "", "traceback": lines}
    data = output.get("data", {})
    kinds = (
        ("text/html", "text/plain") if is_check else ("text/plain",)
    )  # a card stands under a check only
    kept = {name: str(data[name]) for name in kinds if name in data}
    for name in pictures.KINDS:
        if pictures.is_picture(name, value := "".join(str(data.get(name, "")).split())):
            kept[name] = value
    return {"output_type": "display_data", "data": kept, "metadata": {}} if kept else None
