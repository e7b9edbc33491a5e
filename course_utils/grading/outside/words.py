"""Numbers with their nouns, as a sentence for a person has them."""


def counted(number: int, noun: str) -> str:
    """`1 student`, `2 students`: of a noun of several words the last one counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def waits(number: int) -> str:
    """`1 answer waits for you`, `2 answers wait for you`: for points from a person."""
    return f"{counted(number, 'answer')} {'waits' if number == 1 else 'wait'} for you"
