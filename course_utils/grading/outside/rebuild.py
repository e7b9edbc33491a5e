"""Rebuilds a submission on the released notebook: only the student's own sources are taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from course_utils.grading.outside.cells import Origin, as_text, grade_id, origin, text
from course_utils.grading.outside.names_in_cells import defined, made
from course_utils.grading.outside.reading import OwnCell, own_cells, parse


@dataclass
class Rebuilt:
    """The notebook that is graded: cells as in nbformat, where each came from, and what had to be
    repaired.

    untouched: names of answers that are still as the lesson gave them out. unread: those that are
    so where a part of the notebook could not be read, so that a person has to look. whole: nothing
    of the notebook was left out. last: the cell that an answer counts after, by name, where it was
    written or written again outside of its own cell. beside: names of answers in words that are
    still as the lesson gave them out, while a cell beside them has text.
    """

    cells: list[dict[str, Any]] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    untouched: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    whole: bool = True
    last: dict[str, int] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)


class LessonCells:
    """The cells of a lesson as they are, and as they were when the submission's author got them.

    handed: the earlier release that the submission came from, None where that is this one.
    """

    def __init__(
        self, released: Mapping[str, Any], handed: Mapping[str, Any] | None = None
    ) -> None:
        source, handed = released["cells"], handed or released
        self.kernel = handed["metadata"].get("kernelspec", {}).get("name")
        self.source = source
        self.kinds = [origin(cell) for cell in source]
        self.by_name = {grade_id(cell): n for n, cell in enumerate(source) if grade_id(cell)}
        self.by_id = {cell["id"]: n for n, cell in enumerate(source) if cell.get("id")}
        self.by_id |= self.by_name
        self.by_text: dict[tuple[str, str], int] = {}
        for index, cell in enumerate(source):
            self.by_text.setdefault((cell["cell_type"], text(cell).strip()), index)
        self.handed: dict[int, dict[str, Any]] = {}  # the cells as they were handed out
        self.gone: set[tuple[str, str]] = set()  # what was handed out, and is not there any more
        self.renamed: dict[str, int] = {}  # cells that had another grade_id
        for cell in handed["cells"]:
            key = cell["cell_type"], text(cell).strip()
            place = self.by_name.get(grade_id(cell), self.by_id.get(cell.get("id", "")))
            if place is not None and grade_id(cell) and grade_id(cell) not in self.by_name:
                self.renamed[grade_id(cell)] = place
            if place is not None:
                self.handed.setdefault(place, cell)
                self.by_text.setdefault(key, place)
            elif key not in self.by_text:
                self.gone.add(key)
        self.added = [
            grade_id(cell)
            for index, cell in enumerate(source)
            if self.kinds[index] != "course" and index not in self.handed
        ]
        self.dropped = [
            grade_id(cell)
            for cell in handed["cells"]
            if origin(cell) != "course" and grade_id(cell) not in {*self.by_name, *self.renamed}
        ]

    def as_handed_out(self, index: int) -> dict[str, Any]:
        """A cell as the author of the submission got it."""
        return self.handed.get(index, self.source[index])

    def stubs(self, index: int) -> set[str]:
        """What the cell says where nobody has changed it: now, and when it was handed out."""
        return {text(self.source[index]).strip(), text(self.as_handed_out(index)).strip()}

    @property
    def changes(self) -> list[str]:
        """What the instructor has added and dropped since it was handed out."""
        sentences = []
        if self.added:
            names = ", ".join(self.added)
            sentences.append(f"Added to the lesson after this notebook was handed out: {names}.")
        if self.dropped:
            sentences.append(f"No longer in the lesson, and not graded: {', '.join(self.dropped)}.")
        return sentences


def rebuild(
    lesson: LessonCells, content: bytes, beside: Mapping[str, bytes] = MappingProxyType({})
) -> Rebuilt:
    """Put the sources of a submission into the released notebook; raises Unreadable.

    beside: the files beside it, of which its text may show pictures.
    """
    submitted = parse(content)
    result = Rebuilt()
    own, result.whole = own_cells(submitted, result.repairs, beside)
    result.repairs += lesson.changes
    result.repairs += _changed_settings(lesson, submitted)
    answers, extras = _match(lesson, own, result.repairs)
    elsewhere = {
        name for items in (extras, *answers.values()) for item in items for name in item.names
    }
    # What comes above the first cell of the lesson.
    for item in (extra for extra in extras if extra.anchor == -1):
        _add(result, _as_cell(item, len(result.cells)), "student")
    for index, (given, kind) in enumerate(zip(lesson.source, lesson.kinds, strict=True)):
        cell, after = given | {"source": text(given)}, list[OwnCell]()
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        # Only in the cell of an answer does anything of the student's replace the lesson's.
        if kind == "answer":
            candidates, stubs = answers.get(index, []), lesson.stubs(index)
            before, chosen, after = _choose(cell, candidates, stubs, result.repairs)
            for other in before:
                _add(result, _as_cell(other, len(result.cells)), "student")
            _fill(result, cell, chosen, elsewhere, stubs)
            # An answer in words may stand beside its cell; anywhere, if that cell is missing.
            if cell["cell_type"] == "markdown" and grade_id(cell) in result.untouched:
                near = range(index - 1, index + 1) if chosen else range(-1, len(lesson.source))
                _look_beside(result, grade_id(cell), extras, near)
        _add(result, cell, kind)
        for other in (*after, *(item for item in extras if item.anchor == index)):
            _add(result, _as_cell(other, len(result.cells)), "student")
    _find_last(result)
    # Where something was left out, nobody can say that an answer was not written.
    if not result.whole:
        result.unread, result.untouched = result.untouched | result.beside, set()
    return result


def _look_beside(result: Rebuilt, name: str, extras: Iterable[OwnCell], near: range) -> None:
    """Have a person read an answer in words where there is text in a cell near it."""
    if any(item.anchor in near and item.has_words for item in extras):
        result.untouched.discard(name)
        result.beside.add(name)
        result.repairs.append(
            f"{name} is as it was handed out, but another cell near it has text: a person will "
            "read that."
        )


def _fill(
    result: Rebuilt,
    cell: dict[str, Any],
    chosen: OwnCell | None,
    elsewhere: set[str],
    stubs: set[str],
) -> None:
    """Put the answer that was chosen into the released cell; elsewhere: names defined there."""
    # Answered in another cell of the student's.
    if chosen is None and cell["cell_type"] == "code" and grade_id(cell) in elsewhere:
        cell["source"] = "# It is answered in another cell."
    # Not answered.
    elif chosen is None or chosen.source.strip() in stubs:
        result.untouched.add(grade_id(cell))
    elif cell["cell_type"] == "markdown" and not chosen.source.strip():
        result.untouched.add(grade_id(cell))  # nothing that anybody could read
    else:
        cell["source"] = chosen.source
        if cell["cell_type"] == "markdown":
            cell["attachments"] = chosen.attachments


def _add(result: Rebuilt, cell: dict[str, Any], origin: Origin) -> None:
    result.cells.append(cell)
    result.origins.append(origin)


def _as_cell(own: OwnCell, number: int) -> dict[str, Any]:
    """A cell of the student's: code or markdown; anything else becomes text, because a page would
    show it as it is.
    """
    cell: dict[str, Any] = {
        "cell_type": "markdown",
        "id": f"student-{number}",
        "metadata": {},
        "source": own.source,
    }
    if own.kind == "code":
        return cell | {"cell_type": "code", "outputs": [], "execution_count": None}
    if own.kind == "markdown":
        return cell | {"attachments": own.attachments}
    return cell | {"source": as_text(own.source)}


def _find_last(result: Rebuilt) -> None:
    """Find the answers whose last definition is in a cell of the student's own."""
    places = {grade_id(cell): index for index, cell in enumerate(result.cells)}
    for index, (cell, kind) in enumerate(zip(result.cells, result.origins, strict=True)):
        if kind == "student" and cell["cell_type"] == "code":
            for name in (name for name in places if name in defined(cell["source"])):
                # The only definition, or a later one that is not just an import.
                if name in result.untouched or (
                    index > places[name] and name in made(cell["source"])
                ):
                    result.last[name] = index
    # Only what the student may not expect is reported: a check was above the definition.
    for name, index in result.last.items():
        how = "" if name in result.untouched else " again"
        if index > places.get(f"check-{name}", index):
            result.repairs.append(
                f"{name} was defined{how} below its check; the last definition counts."
            )
    result.untouched -= result.last.keys()


def _changed_settings(lesson: LessonCells, submitted: Mapping[str, Any]) -> list[str]:
    metadata = submitted.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = kernel.get("name") if isinstance(kernel, dict) else None
    if name in (lesson.kernel, None):
        return []
    return [f"The kernel had been changed to {str(name)[:40]!r}; the lesson's was used."]


def _match(
    lesson: LessonCells, own: list[OwnCell], repairs: list[str]
) -> tuple[dict[int, list[OwnCell]], list[OwnCell]]:
    """Answers by the index of their cell in the lesson, and the student's further cells with their
    places.
    """
    source, by_name = lesson.source, lesson.by_name
    known = lesson.renamed | by_name
    marked = {known[cell.grade_id] for cell in own if cell.grade_id in known}
    missing = {
        grade_id(cell)
        for cell, kind in zip(source, lesson.kinds, strict=True)
        if kind == "answer" and cell["cell_type"] == "code"
    }
    missing -= {grade_id(source[index]) for index in marked}
    answers: dict[int, list[OwnCell]] = {}
    extras: list[OwnCell] = []
    seen: set[int] = set()
    anchor = -1
    for item in own:
        # Which cell of the lesson is it? By its mark, else by what else it can be known by.
        place = known.get(item.grade_id)
        if place is None:
            place = _without_mark(item, lesson, marked, repairs)
        else:
            repairs += _changed_marks(item, lesson.as_handed_out(place))
        # None: it is the student's own, or one that the lesson had and has no more.
        if place is None:
            given_out = (item.kind, item.source.strip()) in lesson.gone
            if item.source.strip() and not given_out:
                item.anchor = lesson.by_id.get(item.id, anchor)
                extras.append(item)
            continue
        index, kind = place, lesson.kinds[place]
        if kind == "answer":  # one of possibly several, among which `_choose` chooses
            answers.setdefault(index, []).append(item)
        # A check that was changed may hold the answer as well.
        elif kind == "check" and item.source.strip() not in lesson.stubs(index):
            repairs.append(
                f"The cell {grade_id(source[index])} had been changed; it was put back as it was."
            )
            for name in item.names & missing:  # merged with the cell of its answer
                answers.setdefault(by_name[name], []).append(item)
        elif kind == "check" and index in seen:
            repairs.append(
                f"The cell {grade_id(source[index])} was there more than once; it counts once."
            )
        seen.add(index)
        anchor = index
    _words(lesson, answers, extras, repairs)
    repairs += [
        f"The cell {grade_id(cell)} was missing; it was put back."
        for index, cell in enumerate(source)
        if grade_id(cell) and index not in seen and index not in answers
        if index in lesson.handed  # else there was none to lose
    ]
    return answers, extras


def _without_mark(
    cell: OwnCell, lesson: LessonCells, marked: set[int], repairs: list[str]
) -> int | None:
    """The cell of the lesson that an unmarked cell is: by its text, its id, or the name that it
    defines.
    """
    source = lesson.source
    # The same text, but not the stub of an answer that is there under its mark.
    index = lesson.by_text.get((cell.kind, cell.source.strip()))
    if index is not None and not (lesson.kinds[index] == "answer" and index in marked):
        return index
    # The same id.
    index = lesson.by_id.get(cell.id)
    if index is not None and lesson.kinds[index] != "course" and index not in marked:
        repairs.append(
            f"The cell {grade_id(source[index])} had lost its mark; it was found by its id."
        )
        return index
    # Code that defines the answer.
    if cell.kind == "code":
        names = cell.names
        for index, other in enumerate(source):
            is_answer = lesson.kinds[index] == "answer"
            if is_answer and grade_id(other) in names and index not in marked:
                repairs.append(
                    f"The cell {grade_id(other)} had lost its mark; it was found by what it "
                    "defines."
                )
                return index
    return None


def _words(
    lesson: LessonCells,
    answers: dict[int, list[OwnCell]],
    extras: list[OwnCell],
    repairs: list[str],
) -> None:
    """Answers in words that have lost their marks: what was written right after the question."""
    for index, cell in enumerate(lesson.source):
        kind = lesson.kinds[index]
        if kind != "answer" or cell["cell_type"] != "markdown" or index in answers:
            continue
        written = [item for item in extras if item.kind == "markdown" and item.anchor == index - 1]
        if written:
            answers[index] = written
            extras[:] = [item for item in extras if item not in written]
            repairs.append(
                f"The cell {grade_id(cell)} had lost its mark; it was found by its place."
            )


def _changed_marks(cell: OwnCell, source: Mapping[str, Any]) -> list[str]:
    name, marks, sentences = grade_id(source), source["metadata"]["nbgrader"], []
    if cell.kind != source["cell_type"]:
        sentences.append(
            f"The cell {name} had become a {cell.kind} cell; it is a {source['cell_type']} cell "
            "again."
        )
    for key in ("points", "grade", "solution", "locked"):
        if key in marks and cell.metadata["nbgrader"].get(key) != marks[key]:
            sentences.append(
                f"The mark {key!r} of the cell {name} had been changed; the lesson's was used."
            )
    if cell.metadata.get("tags", []) != source["metadata"].get("tags", []):
        sentences.append(f"The tags of the cell {name} had been changed; the lesson's were used.")
    return sentences


def _choose(
    cell: Mapping[str, Any], candidates: list[OwnCell], stubs: set[str], repairs: list[str]
) -> tuple[list[OwnCell], OwnCell | None, list[OwnCell]]:
    """The cell that answers, and the others that claim to, which are run before and after it."""
    # None or one: nothing to choose.
    if len(candidates) < 2:
        return [], (candidates[0] if candidates else None), []
    name = grade_id(cell)
    written = [item for item in candidates if item.source.strip() not in stubs]
    # Words: all of them, as one text.
    if cell["cell_type"] == "markdown":
        repairs.append(f"{name} was answered in {len(candidates)} cells; they were joined.")
        joined = written or candidates[:1]
        attachments = {name: bundle for item in joined for name, bundle in item.attachments.items()}
        return (
            [],
            OwnCell("markdown", "\n\n".join(item.source for item in joined), {}, "", attachments),
            [],
        )
    # Code of which one cell at most differs from the stub.
    if len(written) < 2:
        return [], (written or candidates)[0], []
    # Code in several cells: all are run in their order, and the last that defines the name answers.
    place = max(
        (index for index, item in enumerate(written) if name in item.names),
        default=len(written) - 1,
    )
    repairs.append(
        f"There were {len(written)} cells {name}; all were kept, and the last that defines {name} "
        "counts."
    )
    return written[:place], written[place], written[place + 1 :]
