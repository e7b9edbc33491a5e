"""Every lesson can be graded: its solution earns all points in the sandbox, its untouched release
none.
"""

import pytest

from course_utils.building.lesson import ROOT, all_lessons
from course_utils.grading.outside import warm, worker
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.task import Task

LESSONS = [
    lesson for lesson in all_lessons() if lesson.solved.is_file() and lesson.released.is_file()
]


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


# Of the module, so that both tests of a lesson follow each other and share its warm template.
@pytest.fixture(scope="module", params=LESSONS, ids=lambda lesson: lesson.name)
def lesson(request):
    return request.param


def graded(lesson, path):
    earlier = find_course(ROOT).earlier(lesson)
    result = worker.grade(
        Task(lesson.name, lesson.released.read_text(), path.read_bytes(), seed=11, earlier=earlier)
    )
    return result.status, [row for row in result.checks if not row.manual]


def test_the_solution_earns_everything(lesson):
    status, rows = graded(lesson, lesson.solved)
    assert status == "graded"
    assert [row for row in rows if row.status != "right"] == []


def test_the_untouched_release_earns_nothing(lesson):
    status, rows = graded(lesson, lesson.released)
    assert status == "graded"
    assert {row.status for row in rows} == {"not attempted"}
