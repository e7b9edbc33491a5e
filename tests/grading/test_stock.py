"""Honest submissions get the same scores from stock nbgrader and from this grader; stock believes a
forged one.
"""

import pytest
from nbgrader.api import Gradebook

from course_utils.grading.outside import batch
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course, nbgrader_command, stock, undrawn

LESSON = corpus.LESSON
HONEST = [
    "solved",
    "untouched",
    "half",
    "other_ways",
    "one_mistake",
    "raises",
    "own_cells_that_fail",
]
FORGED = "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"

pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """Automatic points by student and check, from stock nbgrader and from this course."""
    found = []
    for kind in ("stock", "trusted"):
        course = make_course(tmp_path_factory.mktemp(kind))
        entries = [entry for entry in corpus.ENTRIES if entry.kind in HONEST]
        corpus.write_corpus(course.root / "submitted", entries)
        forged = corpus.put(
            corpus.answered("relu"),
            "get_ipython().input_transformers_post.append(lambda _: ['pass\\n'])",
        )
        hand_in(course, "forged", forged)
        if kind == "stock":
            stock(course)
            undrawn(course)
            for command in ("generate_assignment", "autograde"):
                done = nbgrader_command(course, command, LESSON.name, "--force")
                assert done.returncode == 0, done.stderr[-2000:]
        else:
            batch.grade(course, LESSON, batch.Options(), progress=False)
        with Gradebook(course.folders.db_url) as book:
            found.append(
                {
                    submission.student_id: {
                        grade.name: grade.auto_score for grade in submission.notebooks[0].grades
                    }
                    for submission in book.assignment_submissions(LESSON.name)
                }
            )
    return found


@pytest.mark.parametrize("student", HONEST)
def test_honest_work_scores_the_same(marks, student):
    theirs, ours = (found[student] for found in marks)
    assert ours == theirs


def test_a_forged_submission_earns_full_points_from_stock_nbgrader_alone(marks):
    theirs, ours = (sum(points or 0 for points in found["forged"].values()) for found in marks)
    assert (theirs, ours) == (corpus.FULL, 0.0)
