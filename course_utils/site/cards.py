"""Cards of typical mistakes, as a check in a notebook shows them."""

from course_utils.checking.card import Card
from course_utils.checking.exercise import find
from course_utils.site.runs import verdict


def example(id: str) -> str:
    """Folded HTML with the card of an exercise's first mistake that shows two values; else
    nothing.
    """
    exercise = find(id)
    verdicts = (verdict(exercise, mistake) for mistake in exercise.mistakes)
    shown = next((each for each in verdicts if each and each.expected and each.got), None)
    if shown is None:
        return ""
    card = Card(shown, exercise.points)._repr_html_().replace(' role="status"', "")
    return (
        f'<details class="course-example"><summary>What the check says of a typical mistake'
        f"</summary>{card}</details>"
    )
