"""Papers as files: Markdown and HTML to print, the key, and a quiz for Moodle."""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jinja2 import Environment, FileSystemLoader
from markupsafe import escape

from course_utils import __version__
from course_utils.grading.classroom.paper import Question, Variant
from course_utils.grading.outside.words import code

TEMPLATES = Path(__file__).parent / "templates"
ASKS = {
    "find": "One line has a mistake. Which one, and what should it say?",
    "print": "This code has a mistake. What does it print, exactly as it is?",
}
QUIZ = {
    "find": "One line has a mistake. What has to be changed?",
    "print": "This code has a mistake. What is the last line that it prints, exactly as it is?",
}


def files(lesson: str, seed: int, variants: Sequence[Variant]) -> dict[str, bytes]:
    """Everything that belongs to a lesson's papers, by file name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["code"] = code
    about = {"lesson": lesson, "seed": seed, "version": __version__, "asks": ASKS}
    made = {}
    for name, template in (("papers", "paper"), ("key", "key")):
        for ending in ("md", "html"):
            environment.autoescape = ending == "html"
            page = environment.get_template(f"{template}.{ending}.j2")
            made[f"{name}.{ending}"] = page.render(variants=variants, **about).encode()
    return made | {"moodle.xml": moodle(lesson, variants)}


def moodle(lesson: str, variants: Sequence[Variant]) -> bytes:
    """The papers in Moodle's XML format, each variant a category of its own."""
    quiz = Element("quiz")
    for variant in variants:
        category = SubElement(quiz, "question", type="category")
        _text(SubElement(category, "category"), f"$course$/{lesson}/variant {variant.number}")
        for number, question in enumerate(variant.questions, 1):
            name = f"{lesson}, variant {variant.number}, question {number}"
            asked = _choice if question.kind == "find" else _typed
            quiz.append(asked(question, name))
    indent(quiz, "  ")
    return tostring(quiz, encoding="utf-8", xml_declaration=True)


def _choice(question: Question, name: str) -> Element:
    """A question with repairs to choose from, in an order that its name draws."""
    made = _question(question, name, "multichoice")
    SubElement(made, "single").text = "true"
    SubElement(made, "shuffleanswers").text = "true"
    SubElement(made, "answernumbering").text = "abc"
    for line, repair in random.Random(name).sample(question.repairs, len(question.repairs)):
        is_right = (line, repair) == question.repairs[0]
        shown = f"line {line}: <code>{escape(repair)}</code>"
        _answer(made, shown, is_right, question.hint if is_right else "", format="html")
    return made


def _typed(question: Question, name: str) -> Element:
    """A question whose answer is typed; spaces, and a zero behind the point, make no difference."""
    made = _question(question, name, "shortanswer")
    SubElement(made, "usecase").text = "0"
    last = question.call.prints.split("\n")[-1].strip()
    forms = [form for text in (last, bare(last)) for form in (text, text.replace(" ", ""))]
    for form in dict.fromkeys(forms):
        _answer(made, form.replace("*", "\\*"), True, question.hint, format="moodle_auto_format")
    return made


def bare(printed: str) -> str:
    """What is printed without the points and zeros that whole numbers have: [2.0, 3.] is [2, 3]."""
    return re.sub(r"(?<=\d)\.0*(?=\D|$)", "", printed)


def _question(question: Question, name: str, kind: str) -> Element:
    made = Element("question", type=kind)
    _text(SubElement(made, "name"), name)
    call = question.call
    parts = [f"<p>{escape(QUIZ[question.kind])}</p>", f"<p>{escape(question.about)}</p>"]
    parts.append(f"<pre>{escape(chr(10).join(question.lines))}</pre>")
    if call.text:
        parts.append(f"<pre>{escape(call.text)}</pre>")
    if call.text and question.kind == "find":
        parts.append(f"<p>It prints</p><pre>{escape(call.prints)}</pre>")
        parts.append(f"<p>and should print</p><pre>{escape(call.right)}</pre>")
    _text(SubElement(made, "questiontext", format="html"), "".join(parts))
    SubElement(made, "defaultgrade").text = "1"
    return made


def _answer(made: Element, text: str, is_right: bool, hint: str, format: str) -> None:
    answer = SubElement(made, "answer", fraction="100" if is_right else "0", format=format)
    _text(answer, text)
    _text(SubElement(answer, "feedback", format="html"), code(hint))


def _text(parent: Element, text: str) -> None:
    SubElement(parent, "text").text = str(text)  # of Markup, XML would escape too much
