"""Every kind of broken, tampered or hostile submission gets what it deserves, leaks nothing and
harms no other.
"""

import json
from typing import Any

import pytest
from nbgrader.server_extensions.formgrader import handlers

from course_utils.grading.classroom.pages import Formgrader
from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import batch, pool
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.result import Result
from tests.grading import corpus
from tests.grading.classroom import make_course

LIMITS = Limits(
    seconds=60,
    cell=4,
    probe=2,
    grace=1,
    memory=1 << 30,
    processes=16,
    file=8 << 20,
    evidence=32 << 20,
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, Any]]:
    """The whole corpus, graded one after the other by one worker."""
    course = make_course(tmp_path_factory.mktemp("course"))
    corpus.write_corpus(course.root / "submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SECRET", "x")
        return course, batch.grade(
            course, corpus.LESSON, batch.Options(jobs=1, seed=5, limits=LIMITS), progress=False
        )


def row(graded: tuple[Course, dict[str, Any]], kind: str) -> dict[str, Any]:
    return graded[1]["submissions"][kind]


def notebook(graded: tuple[Course, dict[str, Any]], kind: str) -> str:
    return (
        graded[0].path("autograded", kind, corpus.LESSON.name) / f"{corpus.LESSON.name}.ipynb"
    ).read_text()


def outputs(text: str) -> str:
    """What the cells of a notebook show, sources left aside."""
    return json.dumps([cell.get("outputs", []) for cell in json.loads(text)["cells"]])


KINDS = [pytest.param(entry, id=entry.kind) for entry in corpus.ENTRIES]


def test_the_corpus_has_fifty_kinds() -> None:
    assert len({entry.kind for entry in corpus.ENTRIES}) == len(corpus.ENTRIES) >= 50


def test_every_submission_has_a_verdict(graded: Any) -> None:
    assert set(graded[1]["submissions"]) == {entry.kind for entry in corpus.ENTRIES}
    assert graded[1]["sandbox"] == "bubblewrap"


@pytest.mark.parametrize("entry", KINDS)
def test_it_gets_what_it_deserves(graded: Any, entry: corpus.Entry) -> None:
    found = row(graded, entry.kind)
    statuses = {check["id"].partition(".")[2]: check["status"] for check in found["checks"]}
    assert (found["score"], found["status"]) == (entry.points, entry.status), found
    assert bool(found["repairs"]) >= entry.repaired, "what was repaired is not told"
    assert {name: statuses[name] for name, _ in entry.checks} == dict(entry.checks)


@pytest.mark.parametrize("entry", KINDS)
def test_it_leaks_nothing(graded: Any, entry: corpus.Entry) -> None:
    shown = outputs(notebook(graded, entry.kind))
    told = json.dumps(row(graded, entry.kind))
    assert "LEAK" not in shown and "LEAK" not in told
    assert "<script" not in shown


@pytest.mark.parametrize("entry", KINDS)
def test_what_is_kept_of_it_is_small(graded: Any, entry: corpus.Entry) -> None:
    assert len(notebook(graded, entry.kind)) < 5 << 20


@pytest.mark.parametrize("entry", KINDS)
def test_it_can_be_shown_and_only_in_code_and_text(graded: Any, entry: corpus.Entry) -> None:
    made = json.loads(notebook(graded, entry.kind))
    assert {cell["cell_type"] for cell in made["cells"]} <= {"code", "markdown"}
    ids = [cell["id"] for cell in made["cells"]]
    assert len(ids) == len(set(ids)) and all(id.isascii() for id in ids)
    page = Formgrader(template_name="formgrade", extra_template_basedirs=[handlers.template_path])
    path = (
        graded[0].path("autograded", entry.kind, corpus.LESSON.name) / f"{corpus.LESSON.name}.ipynb"
    )
    shown, _ = page.from_filename(str(path), resources={"base_url": "", "total": 1, "index": 0})
    assert "cannot be shown as a notebook" not in shown and 'id="check-relu"' in shown


@pytest.mark.parametrize("entry", KINDS)
def test_nothing_else_of_it_is_kept(graded: Any, entry: corpus.Entry) -> None:
    folder = graded[0].path("autograded", entry.kind, corpus.LESSON.name)
    assert {path.name for path in folder.iterdir()} <= {
        f"{corpus.LESSON.name}.ipynb",
        "timestamp.txt",
    }


def test_a_rerun_grades_nothing_that_is_final_and_reports_the_same(
    graded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, report = graded
    given = []

    def kept(self: Any, tasks: Any, alone: bool = False) -> Any:
        for key, _ in tasks:
            stored = course.result(corpus.LESSON, key).read_bytes()
            given.append(result := Result.from_json(stored))
            yield key, result

    monkeypatch.setattr(pool.LocalPool, "run", kept)
    again = batch.grade(
        course, corpus.LESSON, batch.Options(jobs=1, seed=5, limits=LIMITS), progress=False
    )
    assert again == report
    assert given and not any(result.final for result in given), (
        "only what ran into a limit is graded again"
    )
