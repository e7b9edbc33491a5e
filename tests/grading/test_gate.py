"""Whatever of a submission is shown passes the gate: markdown, code, outputs, pictures, names,
tables and reports.
"""

import html
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import meta, nodes
from nbformat import from_dict
from nbgrader.server_extensions.formgrader import handlers

from course_utils.checking.card import Card
from course_utils.checking.judge import Verdict
from course_utils.grading.classroom.pages import PLACE, TEMPLATE, Feedback, Formgrader, verdict
from course_utils.grading.outside import gate
from tests.grading import corpus

HOSTILE = "\"'><img src=x onerror=LEAK id=why_nonlinear class=full-credit></pre></textarea><script>LEAK</script>"
STYLES = Path(handlers.static_path) / "node_modules" / "bootstrap" / "dist" / "css"
PAGES = [
    pytest.param((Formgrader, "formgrade"), id="formgrader"),
    pytest.param((Feedback, "feedback"), id="feedback"),
]


def exporter(page):
    kind, name = page
    folders = {
        "extra_template_basedirs": [handlers.template_path],
        "extra_template_paths": [str(STYLES)],
    }
    return kind(template_name=name, **folders)


def shown(page, notebook, student="s"):
    """The page of a notebook, as nbgrader's handler or converter asks for it."""
    names = {
        "notebook": "n",
        "assignment": "a",
        "student": student,
        "score": 1.0,
        "max_score": 2.0,
        "late_penalty": 0,
    }
    formgrader = {
        "notebook_id": "n",
        "assignment_id": "a",
        "submission_id": "0",
        "index": 0,
        "total": 1,
    }
    formgrader |= {"base_url": "", "student": student, "last_name": student, "first_name": student}
    formgrader |= {"notebook_path": "x"}
    made = exporter(page)
    made.register_preprocessor(grades)
    return made.from_notebook_node(notebook, resources=formgrader | {"nbgrader": names})[0]


def grades(notebook, resources):
    """What nbgrader adds before it makes feedback: points from the gradebook, and a comment, here a
    hostile one.
    """
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader |= {"score": 1.0, "comment": resources["nbgrader"]["student"]}
    return notebook, resources


# ---------------------------------------------------------------- markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "<b onclick=x>b</b>",
        "<a href=javascript:x>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<a href='#why_nonlinear'>a</a>",
        "<img src=/formgrader/x>",
        "<img src=../logout>",
        "<img src='data:image/svg+xml;base64,AA'>",
        "![x](data:image/svg+xml;base64,PHN2Zy8+)",
        "![x](https://example.org/a.png)",
        "<div style='position:fixed'>b</div>",
        "<div class=course-card>b</div>",
        "<div class='nbgrader_cell full-credit'>b</div>",
        "<div id=why_nonlinear>b</div>",
        "<span class='k full-credit'>b</span>",
        "<form action=/x><input name=y></form>",
        "<svg onload=x><style>*{display:none}</style></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=LEAK>",
    ],
)
def test_what_could_act_is_taken_away(text):
    made = str(gate.prose(text))
    for name in ("onclick", "onload", "onerror", "src", "style", "class", "id", "action", "name"):
        assert f" {name}=" not in made.partition("&lt;")[0]
    assert not re.search(r'href="(?!https://)', made)
    assert not re.search(r"<(script|style|form|input|svg|math)", made)


@pytest.mark.parametrize(
    "text, kept",
    [
        ("[page](https://example.org)", 'href="https://example.org"'),
        ("![plot](https://example.org/a.png)", 'href="https://example.org/a.png"'),
        (
            f"![plot](data:image/png;base64,{corpus.PNG})",
            f'src="data:image/png;base64,{corpus.PNG}"',
        ),
        ("```python\nreturn 1\n```", '<span class="k">return</span>'),
        ("a | b\n-|-\n1 | 2", "<td>1</td>"),
        ("# $a_1 < b_1$ and *so*", "<h1><span>$a_1 &lt; b_1$</span> and <em>so</em></h1>"),
        ("$$\na_1 \\\\ b\n$$", "$$a_1 \\\\ b$$"),
        ("\\begin{align}\na_1 & b\n\\end{align}", "\\begin{align}\na_1 &amp; b\n\\end{align}"),
        ("<details><summary>More</summary>\n\n*x*\n\n</details>", "<summary>More</summary>"),
    ],
)
def test_what_only_shows_stays(text, kept):
    assert kept in gate.prose(text)


def test_only_raster_pictures_that_the_cell_holds_are_shown():
    attached = {"a.png": {"image/png": corpus.PNG}, "b.svg": {"image/svg+xml": "<svg/>"}}
    made = gate.prose(
        "![y](attachment:a.png) ![z](attachment:b.svg) ![w](attachment:c) ![v](attachment:)",
        attached,
    )
    assert made.count("data:image/png") == 1 and "svg+xml" not in made
    assert made.count("not in the notebook") == 3


def test_a_picture_named_a_thousand_times_makes_no_huge_page():
    attached = {"a.png": {"image/png": corpus.picture(75_000)}}
    assert 100_000 < len(gate.prose("![x](attachment:a.png)" * 1_000, attached)) < 500_000


@pytest.mark.parametrize(
    "part",
    [
        "![",
        "[",
        "[a](",
        "![](",
        "*a ",
        "**a",
        "`a",
        "$a",
        "\\",
        "&",
        "a|b\n-|-\n",
        "> ",
        "- ",
        "<b>",
        "<a><div>",
    ]
    + [
        "<b><i>",
        "\\begin{a}",
        "```\n",
        "~~a",
        "<!--",
        "<a b='",
        "http://a ",
        "<table><tr><td>",
        "![x](attachment:y)",
    ]
    + ["\\begin{align}\n", "\\begin{align}\n\\end{gather}\n"],
)
def test_prose_takes_time_in_proportion_to_its_length(part):
    assert in_proportion(gate.prose, part)


def test_an_equation_that_is_closed_outside_its_quotation_is_not_sought_from_every_line():
    assert in_proportion(lambda text: gate.prose(text + "\n\\end{align}"), "> \\begin{align}\n")


@pytest.mark.parametrize(
    "part", ["f'{", "%a ", "%%a\n", "?a", "(", "a=", "'", "'''", "\\\n", "1_", "@a\n", "%%js\n/a"]
)
def test_code_takes_time_in_proportion_to_its_length(part):
    assert in_proportion(gate.code, part)


@pytest.mark.parametrize("part", ["\x1b[31m", "\x1b[", "\x1b[1;", "<", "x", "\x1b[ "])
def test_outputs_take_time_in_proportion_to_their_length(part):
    assert in_proportion(gate.output, part)


def in_proportion(function, part):
    """Whether the processor time grows with less than the power 1.6 of the length: 1 is linear, 2
    is quadratic. Each length has four tries, since machines have moods.
    """

    def taken(length):
        text = part * (length // len(part))
        start = time.process_time()
        function(text)
        return time.process_time() - start

    function(part)
    short = max(min(taken(8_000) for _ in range(4)), 0.01)  # less than that is the clock's noise
    return any(taken(64_000) < short * 8**1.6 for _ in range(4))


def test_nesting_brings_nothing_down():
    for text in (
        "<div>" * 30_000,
        "> " * 30_000,
        "- " * 30_000,
        "[" * 30_000,
        "(" * 30_000,
        "<b>" * 30_000,
    ):
        assert gate.prose(text) and gate.code(text)


# ---------------------------------------------------------------- pages


def everywhere(text):
    """A graded notebook that says this text in every place that nbformat has, whatever it should
    hold.
    """
    kinds = [
        "text/html",
        "text/markdown",
        "text/latex",
        "text/plain",
        "image/svg+xml",
        "image/png",
        "image/jpeg",
    ]
    kinds += ["application/javascript", "application/pdf", "text/vnd.mermaid", "application/x-own"]
    kinds += ["application/vnd.jupyter.widget-view+json"]
    about = {
        "width": text,
        "height": text,
        "alt": text,
        "filenames": {kind: text for kind in kinds},
        "isolated": True,
    }
    outputs = [
        {"output_type": "stream", "name": name, "text": text} for name in ("stdout", "stderr", text)
    ]
    outputs.append({"output_type": "error", "ename": text, "evalue": text, "traceback": [text]})
    for kind in kinds:
        for how in ("display_data", "execute_result"):
            data = {"model_id": text} if kind.endswith("json") else text
            metadata = {kind: about} | about
            outputs.append(
                {
                    "output_type": how,
                    "data": {kind: data},
                    "metadata": metadata,
                    "execution_count": 1,
                }
            )
    plain = {
        "tags": [text],
        "raw_mimetype": "",
        "alt": text,
        "title": text,
        "magics_language": text,
    }
    marks = [{}, {"nbgrader": {"grade_id": text, "points": 1, "grade": True}}]
    for name, solution in (("why_nonlinear", True), ("check-relu", False)):
        marks.append(
            {"nbgrader": {"grade_id": name, "points": text, "grade": True, "solution": solution}}
        )
    marks[2]["nbgrader"]["comment"] = text
    cells = []
    for kind in ("code", "markdown", "raw", text):
        for mark in [*marks, marks[2]]:
            cell = {
                "cell_type": kind,
                "id": text,
                "metadata": plain | mark,
                "source": f"{text}\n\n# {text}\n\n`{text}`",
            }
            cell["attachments"] = {text: {"image/png": text}, "a": {text: text}}
            cells.append(cell | {"outputs": outputs, "execution_count": text})
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {text: text}}}
    metadata = {
        "title": text,
        "language_info": {"name": text, "pygments_lexer": text},
        "widgets": widgets,
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


class Elements(HTMLParser):
    """The elements of a page that act or that scripts go by, as a sorted list."""

    def __init__(self, page):
        super().__init__()
        self.found, self.addresses = [], []
        self.feed(page)
        self.found.sort()

    def handle_starttag(self, tag, attributes):
        named = {
            name: value
            for name, value in attributes
            if name in ("id", "class", "name") or name[:2] == "on"
        }
        if tag == "span" and named.get("class") in gate.COLOURS:
            return
        if named or tag in (
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "link",
            "meta",
            "base",
            "form",
            "input",
        ):
            self.found.append((tag, str(sorted(named.items()))))
        self.addresses += [
            value
            for name, value in attributes
            if name in ("src", "href", "action", "srcdoc", "data")
        ]


@pytest.mark.parametrize("page", PAGES)
def test_no_text_in_any_place_of_a_notebook_makes_an_element_that_acts(page):
    harmless = Elements(shown(page, everywhere("a word"), "a word"))
    hostile = Elements(shown(page, everywhere(HOSTILE), HOSTILE))
    assert hostile.found == harmless.found
    assert sorted(hostile.addresses) == sorted(harmless.addresses)


@pytest.mark.parametrize("page", PAGES)
def test_a_card_is_shown_as_a_card_under_a_check_and_nowhere_else(page):
    card = Card(
        Verdict("linear.relu", "wrong", 0.0, advice="Think of `x` & of 0."), 1
    )._repr_html_()
    notebook = from_dict(corpus.answered())
    for cell in notebook.cells:
        cell.source = corpus.source(cell)
        if corpus.mark(cell) in ("check-relu", "relu"):
            cell.outputs = [
                from_dict(
                    {"output_type": "display_data", "data": {"text/html": card}, "metadata": {}}
                )
            ]
    made = shown(page, notebook)
    assert (
        made.count('<div class="course-card"') == 1
        and "Think of <code>x</code> &amp; of 0." in made
    )
    assert "border-left:5px solid #c62828" in made and "&lt;div" not in made


@pytest.mark.parametrize("page", PAGES)
def test_each_control_of_a_page_is_there_once(page):
    made = Elements(shown(page, everywhere("word")))
    ids = [found for found in made.found if "why_nonlinear" in found[1] or "check-relu" in found[1]]
    assert len(ids) == len(set(ids)) > 0


def test_feedback_runs_no_script_and_loads_nothing():
    made = shown((Feedback, "feedback"), corpus.answered())
    policy = html.unescape(re.findall(r'Policy" content="(.*?)"', made)[0])
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    assert made.index("Content-Security-Policy") < made.index("<style>")
    assert "<script" not in made and "<link" not in made


def test_feedback_is_escaped_wherever_no_gate_made_it():
    environment = exporter((Feedback, "feedback")).environment
    tree = environment.parse(TEMPLATE.read_text(encoding="utf-8"))
    own = {"exercise", "verdict", "is_right", "opened"}
    plain = {"float", "round", "format", "map", "sum", "list", "selectattr", "join"}
    assert environment.autoescape
    assert {node.name for node in tree.find_all(nodes.Filter)} <= GATES | own | plain
    assert not list(tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)))
    notebook = corpus.answered()
    notebook["cells"][corpus.place(notebook, "check-relu")]["outputs"] = [
        {
            "output_type": "display_data",
            "data": {"text/plain": f"{HOSTILE} · x", "image/png": HOSTILE},
            "metadata": {},
        }
    ]
    made = shown((Feedback, "feedback"), notebook)
    assert "LEAK" in made and "<img src=x" not in made and "<script" not in made


@pytest.mark.parametrize(
    "marks, card, said",
    [
        ({}, True, "✗ Not yet"),
        ({"by_hand": True}, True, "✗ Not yet, and points by a person"),
        ({"by_hand": True}, False, "read by a person"),
        ({"waiting": True}, False, "not yet graded"),
        ({}, False, "no answer"),
    ],
)
def test_a_verdict_says_who_gave_the_points(marks, card, said):
    text = {
        "output_type": "display_data",
        "data": {"text/plain": "✗ Not yet · linear.relu · 0 of 1"},
    }
    cell = {"outputs": [text] if card else [], "metadata": {"nbgrader": marks}}
    assert verdict(from_dict(cell)) == said


def test_feedback_says_beside_a_card_that_a_person_gave_the_points(monkeypatch):
    def grades_by_hand(notebook, resources):
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "check-relu":
                cell.metadata.nbgrader |= {"score": 1.0, "by_hand": True}
            elif "nbgrader" in cell.metadata:
                cell.metadata.nbgrader |= {"score": 0.0}
        return notebook, resources

    monkeypatch.setattr("tests.grading.test_gate.grades", grades_by_hand)
    made = shown((Feedback, "feedback"), corpus.answered())
    assert made.count("A person gave this: 1 of 1 points.") == 1


def test_the_formgrader_says_what_may_run_in_it_before_the_notebook_begins():
    made = shown((Formgrader, "formgrade"), corpus.answered())
    assert made.count("Content-Security-Policy") == 1 and made.count(PLACE) == 1
    assert made.index("Content-Security-Policy") < made.index("<body>")
    policy = html.unescape(re.findall(r'Policy" content="(.*?)"', made)[0])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["base-uri"], rules["form-action"]) == ("'none'",) * 3
    assert "'unsafe-inline'" not in rules["script-src"] and "'self'" not in rules["script-src"]
    assert re.search(r"mathjax/[\d.]+/latest\.js\?config=[\w-]+,Safe", made), (
        "formulas can set no ids and classes"
    )


GATES = {
    "markdown2html",
    "clean_html",
    "ansi2html",
    "highlight_code",
    "escape_html",
    "strip_files_prefix",
}
HARMLESS = {"float", "round", "length", "lower", "replace", "filter_data_type", "get_metadata", "e"}
HARMLESS |= {
    "text_base64",
    "json_dumps",
    "posix_path",
    "escape_html_script",
    "escape_html_keep_quotes",
}
CONTENT = {
    "cell",
    "output",
    "nb",
    "line",
    "html_value",
    "width",
    "height",
    "alttext",
    "nb_title",
    "tag",
    "datatype",
}
NEVER = {  # places where escaping is not enough, and why nothing of a student's comes there
    "cell_id_anchor(cell)": "ids are the gate's",
    "celltags(cell)": "the gate leaves no tags",
    "width | escape_html": "the gate leaves no metadata of outputs",
    "height | escape_html": "the gate leaves no metadata of outputs",
    "output.data['application/javascript']": "the gate leaves no scripts",
    "datatype": "the gate leaves no widgets",
    "output.data[datatype] | json_dumps | escape_html_script": "the gate leaves no widgets",
    "nb.metadata.widgets[mimetype] | json_dumps | escape_html_script": "the gate leaves no widgets",
}


def templates(environment):
    """The source of each template that a page is made from, by name."""
    found, left = {}, ["index.html.j2"]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = environment.loader.get_source(environment, name)[0]
            left += meta.find_referenced_templates(environment.parse(found[name]))
    return found


def bare(expression):
    """Whether an expression stands where escaping is not enough: in a script, or in a tag and in no
    quotes.
    """
    before = re.sub(
        r"{%.*?%}|{#.*?#}|{{.*?}}", "", expression.string[: expression.start()], flags=re.DOTALL
    )
    in_script = before.rfind("<script") > before.rfind("</script")
    tag = before[before.rfind("<") :]
    return in_script or (">" not in tag and tag.startswith("<") and tag.count('"') % 2 == 0)


@pytest.mark.parametrize("page", PAGES)
def test_no_template_shows_content_past_the_gate(page):
    environment = exporter(page).environment
    assert environment.autoescape is True, (
        "what none of the gate's functions has made is shown as text"
    )
    for name in GATES:
        assert str(environment.filters[name].__module__) in (
            gate.__name__,
            Feedback.__module__,
            "markupsafe",
        )
    places = 0
    for source in templates(environment).values():
        tree = environment.parse(source)
        assert {node.name for node in tree.find_all(nodes.Filter)} <= GATES | HARMLESS
        assert not list(tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)))
        for expression in re.finditer(r"{{-?\s*(.*?)\s*-?}}", source, re.DOTALL):
            if CONTENT & set(re.findall(r"\w+", expression[1])):
                places += 1
                assert not bare(expression) or expression[1] in NEVER, expression[1]
    assert places > 40


def test_harmless_filters_make_no_markup():
    environment = exporter((Feedback, "feedback")).environment
    for name in HARMLESS - {
        "e",
        "round",
        "float",
        "length",
        "replace",
        "filter_data_type",
        "get_metadata",
    }:
        made = environment.filters[name](HOSTILE)
        assert not hasattr(made, "__html__") or "<" not in made, name


# ---------------------------------------------------------------- tables, terminals, reports, names


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\n=1",
        " =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "|x",
    ],
)
def test_a_spreadsheet_runs_no_field(text):
    assert gate.field(text).startswith("'")


@pytest.mark.parametrize(
    "text", ["", "7.5", "Ä, b", "    Points Possible", "name@example.org", "o'brien"]
)
def test_other_fields_stay(text):
    assert gate.field(text) == text


def test_a_report_turns_and_moves_nothing():
    told = gate.report({"\u202ea": ["x\x1b[2Jy\u2067z", 1, None, {"b": "line\n\tnext"}]})
    assert json.loads(json.dumps(told)) == {
        "\ufffda": ["x\ufffd[2Jy\ufffdz", 1, None, {"b": "line\n\tnext"}]
    }


@pytest.mark.parametrize(
    "name",
    ["anna", "Jürgen", "Ju\u0308rgen", "a.b-c_d+e@f.org", "o'brien", "王小明", "s 1", "_test"],
)
def test_names_that_can_be_ids(name):
    assert gate.is_student_id(name)


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=x>",
        'a"b',
        "a&b",
        "=1+1",
        "-x",
        "@x",
        "a\nb",
        "a\u202eb",
        " a",
        "a ",
        "",
        ".",
        "..",
        "a/b",
    ]
    + ["a\\b", "a%2fb", "a#b", "a?b", "\udcfc", "\uff1d1", "a`b", "{{x}}", "*"],
)
def test_names_that_can_be_no_ids(name):
    assert not gate.is_student_id(name)
