"""Formulas as pictures, so that a page shows them without the network and without a script."""

import base64
import hashlib
import re
from functools import lru_cache

from markupsafe import Markup

LONGEST = 300  # characters of a formula that is drawn
MOST = 1_000  # different formulas that one page may have drawn; the rest stays as it was typed
AXIS = 0.25  # of the font's size: how high above the baseline the middle of a formula lies
EM = 100.0  # the size at which matplotlib gives the outlines of letters
_SHORT_FRACTION = re.compile(r"\\frac(\w)(\w)")
_SIZES = re.compile(r"\\[bB]igg?[lr]?(?=[()\[\]|])")  # which matplotlib draws for sized pairs only
_made: dict[str, str] = {}
_room = [MOST]


def begin() -> None:
    """Begin a page: it may have MOST formulas drawn that are not known yet."""
    _room[0] = MOST
    if len(_made) > 10 * MOST:
        _made.clear()


def is_full() -> bool:
    """Whether this page may have no more formulas drawn."""
    return _room[0] == 0


def picture(tex: str, display: bool) -> Markup | None:
    """The formula as an image whose address `address` knows; None where it cannot be drawn."""
    tex = " ".join(tex.split())
    name = f"formula-{hashlib.sha256(tex.encode(errors='replace')).hexdigest()[:24]}"
    if name not in _made:
        if len(tex) > LONGEST or is_full():
            return None
        _room[0] -= 1
        _made[name] = _drawn(tex)
    if not _made[name]:
        return None
    shown = Markup('<img src="attachment:{}" alt="{}">').format(name, tex)
    return Markup("<div>{}</div>").format(shown) if display else shown


def address(name: str) -> str | None:
    """The data address of a formula that was drawn."""
    svg = _made.get(name.removeprefix("attachment:"))
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}" if svg else None


@lru_cache(maxsize=1)
def _text_paths() -> tuple[object, object]:
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    rcParams["mathtext.fontset"] = "cm"
    return TextToPath(), FontProperties(size=EM)


def _drawn(tex: str) -> str:
    """SVG of a formula, with its axis at half of its height; empty where it is not TeX."""
    from matplotlib.path import Path

    paths, font = _text_paths()
    try:
        tex = _SIZES.sub("", _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", tex))
        points, codes = paths.get_text_path(font, f"${tex}$", ismath=True)  # type: ignore[attr-defined]
    except Exception:  # a parser of foreign text may raise anything
        return ""
    if len(points) == 0:
        return ""
    path = Path(points, codes)
    box = path.get_extents()
    middle = AXIS * EM
    half = max(box.y1 - middle, middle - box.y0, EM / 2)
    steps = {1: "M", 2: "L", 3: "Q", 4: "C"}
    drawn = []
    for corners, code in path.iter_segments(curves=True, simplify=False):
        numbers = " ".join(f"{value:.2f}" for value in corners)
        drawn.append(f"{steps[int(code)]}{numbers}" if int(code) in steps else "Z")
    width, height = box.x1 + EM / 12, 2 * half
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width / EM:.3f}em" '
        f'height="{height / EM:.3f}em" viewBox="0 {-middle - half:.2f} {width:.2f} {height:.2f}">'
        f'<path transform="scale(1,-1)" d="{"".join(drawn)}"/></svg>'
    )
