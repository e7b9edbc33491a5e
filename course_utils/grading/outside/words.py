"""Numbers with their nouns, as a sentence for a person has them."""


def counted(number: int, noun: str) -> str:
    """`1 student`, `2 students`: of a noun of several words the last one counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
