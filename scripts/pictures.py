"""Makes the pictures of the README, a card, an explorer and a report: `python -m scripts.pictures`.

They are photographs of a browser's page, so another machine's letters make other bytes.
"""

import html
import io
import random
from collections import Counter
from pathlib import Path

import torch
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from course_utils import explore
from course_utils.checking import Card, judge
from course_utils.checking.exercise import Training, exercises
from course_utils.grading.classroom.statistics import Check, Statistics, page
from tests.browsing import ARGUMENTS, chromium

DOCS = Path(__file__).resolve().parents[1] / "docs"
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:12px;width:760px}"
    "pre{background:#f4f4f4;padding:8px}"
)
CODE = 'def relu(x):\n    x[x < 0] = 0\n    return x\n\n\ncheck("linear.relu", relu)'


def relu(x):
    """The wrong answer on the card."""
    x[x < 0] = 0
    return x


def card(page: Page) -> None:
    """A wrong answer, and what the check says."""
    said = Card(judge("linear.relu", relu), 1)._repr_html_()
    page.set_content(f"<style>{STYLE}</style><pre>{html.escape(CODE)}</pre>{said}")
    save(page, "check")


def explorer(page: Page) -> None:
    """The valley of lesson 02 after a few steps."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(200, generator=generator)
    y = 1.5 * x + 0.5 + 0.3 * torch.randn(200, generator=generator)
    made = explore.valley(x, y, momentum=0.7)
    page.set_content(f"<style>{STYLE}details{{display:none}}</style>{made._repr_html_()}")
    frame = page.frame_locator("iframe")
    for _ in range(12):
        frame.get_by_role("button", name="1 step", exact=True).click()
    save(page, "explorer")


def report(shown: Page) -> None:
    """The report on a made-up class of 24, whose mistakes are drawn from the catalogue."""
    rng = random.Random(0)
    found = Statistics("01_linear")
    for exercise in exercises("linear"):
        if isinstance(exercise, Training):
            continue
        names = [mistake.name for mistake in exercise.mistakes[:5]]
        made = [rng.choice(names[: rng.randint(1, 5)]) for _ in range(rng.randint(3, 10))]
        blank = rng.randint(0, 3)
        right = 24 - len(made) - blank
        found.checks[exercise.id] = Check(
            max_points=float(exercise.points),
            points=float(right * exercise.points),
            statuses=Counter({"right": right, "wrong": len(made), "not attempted": blank}),
            mistakes=Counter(made),
        )
    for number in range(24):
        found.scores[f"s{number + 1:02}"] = rng.uniform(0.5, 1.0)
        found.seconds[f"s{number + 1:02}"] = rng.uniform(3, 6)
    found.statuses["graded"] = 24
    shown.set_content(page(found))
    shown.set_viewport_size({"width": 960, "height": 640})
    save(shown, "report", full=False)


def save(page: Page, name: str, full: bool = True) -> None:
    """Photograph the page, with 64 colours."""
    shot = Image.open(io.BytesIO(page.screenshot(full_page=full))).convert("RGB")
    shot.quantize(64, dither=Image.Dither.NONE).save(DOCS / f"{name}.png", optimize=True)


def main() -> None:
    """Make all three."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for make in (card, explorer, report):
            make(browser.new_page(viewport={"width": 800, "height": 200}, color_scheme="light"))
        browser.close()


if __name__ == "__main__":
    main()
