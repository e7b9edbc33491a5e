"""Merges two changed versions of a text, line by line, as version control does."""

from difflib import SequenceMatcher

Change = tuple[int, int, list[str]]  # lines [start, end) of the old text, and what replaces them


def merge(old: str, mine: str, new: str) -> str | None:
    """The old text with the changes of both, or None where they meet in one place."""
    lines = old.splitlines(keepends=True)
    both = sorted([*_changes(old, mine), *_changes(old, new)])
    unique = [change for i, change in enumerate(both) if change not in both[:i]]
    for (start, end, _), (next_start, _, _) in zip(unique, unique[1:], strict=False):
        if next_start < end or next_start == start:
            return None
    for start, end, replacement in reversed(unique):
        lines[start:end] = replacement
    return "".join(lines)


def _changes(old: str, new: str) -> list[Change]:
    a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [(i, j, b[k:n]) for tag, i, j, k, n in found if tag != "equal"]
