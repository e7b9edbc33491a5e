"""Formulas that are drawn without the network."""

import base64
import re

import pytest

from course_utils.grading.outside import formulas, gate
from tests.grading.classroom import ROOT

LESSONS = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("solutions/*.py"))
MATRIX = r"\begin{"  # matplotlib knows none: such a formula stays as it was typed


def svg(tex):
    """The picture of a formula, as its address has it."""
    found = re.search(r'src="([^"]+)"', str(gate.prose(f"${tex}$", draws=True)))
    return base64.b64decode(found[1].partition(",")[2]).decode() if found else ""


def test_the_formulas_of_the_lessons_are_drawn():
    formulas.begin()
    written = {"".join(pair) for pair in re.findall(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$", LESSONS)}
    lost = [tex for tex in written if formulas.picture(tex.replace("\n# ", " "), False) is None]
    assert len(written) > 300
    assert [tex for tex in lost if MATRIX not in tex and r"\_" not in tex] == []


@pytest.mark.parametrize(
    "tex, low, high", [("x", 0.9, 1.1), (r"\frac{2}{n} \sum_{i=1}^n e_i", 1.5, 3)]
)
def test_a_formula_is_as_high_as_the_text(tex, low, high):
    assert low <= float(re.search(r'height="([\d.]+)em"', svg(tex))[1]) <= high


@pytest.mark.parametrize(
    "tex", [r"\nothing{", "x" * 301, "{" * 200, r"\begin{pmatrix} 1 \end{pmatrix}"]
)
def test_what_cannot_be_drawn_stays_as_it_was_typed(tex):
    made = str(gate.prose(f"${tex}$", draws=True))
    assert "<img" not in made and tex[:5] in made


def test_a_picture_of_a_formula_can_only_be_ours():
    for text in ("![x](attachment:formula-0)", "<img src='attachment:formula-0'>"):
        assert "src=" not in str(gate.prose(text, draws=True))
    text = '<img src="data:image/svg+xml;base64,PHN2Zy8+">'
    assert "svg" not in str(gate.prose(text, draws=True))


def test_a_page_has_only_so_many_drawn(monkeypatch):
    monkeypatch.setattr(formulas, "MOST", 3)
    formulas.begin()
    drawn = [svg(f"q_{{{number}}}") for number in range(100, 106)]
    assert [bool(item) for item in drawn] == [True, True, True, False, False, False]
    formulas.begin()
    assert svg("q_{105}")
