"""Numbers with nouns, words of a submission, and prose with code, as a person reads them."""

import re

from markupsafe import Markup, escape


def counted(number: int, noun: str) -> str:
    """`1 student`, `2 students`: of a noun of several words the last one counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def waits(number: int) -> str:
    """`1 answer waits for you`, `2 answers wait for you`: for points from a person."""
    return f"{counted(number, 'answer')} {'waits' if number == 1 else 'wait'} for you"


def asked_again(who: str, number: int) -> str:
    """What is said of answers that have changed since a person gave points for them; who: whose."""
    have = "has" if number == 1 else "have"
    return (
        f"{counted(number, 'answer')} {have} changed since you gave points; look again in the "
        f"formgrader: {who}."
    )


def theirs(words: str) -> str:
    """Words that come from a submission, in quotation marks that they cannot close."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words[:200])
    return "“" + plain.replace("“", "'").replace("”", "'") + "”"


def code(text: str) -> Markup:
    """Prose as HTML, in which `names` in backticks are code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
