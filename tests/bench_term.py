"""A class from Moodle's archive to the archive of its feedback; run it with `python -m tests.bench
term`.
"""

import json
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.grading import corpus
from tests.grading.classroom import course_command_apart, make_course, nbgrader_command, numbered

NUMBER = int(os.environ.get("BENCH_CLASS", 300))
LESSON = corpus.LESSON.name
ESSAY = "Two layers without a bend are one layer: $W_2 (W_1 x) = (W_2 W_1) x$."
BIAS = "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, w2 @ b1 + 2 * b2"
KINDS = [
    lambda: corpus.answered(why_nonlinear=ESSAY),
    lambda: corpus.answered("relu", "My_Linear", why_nonlinear=ESSAY),
    lambda: corpus.answered("relu", "two_layer_net", collapse=BIAS),
    corpus.released,
]
STEPS = (
    ("who is in the class", "course roster roster.csv"),
    ("from the archive to submitted/", f"course collect moodle.zip --lesson {LESSON}"),
    ("graded", f"course grade {LESSON} --report report.json"),
    ("graded again, nothing new", f"course grade {LESSON}"),
    ("the report", f"course report {LESSON} --html report.html"),
    ("feedback, packed", f"course feedback {LESSON} --zip feedback.zip"),
    (
        "grades for Moodle",
        "nbgrader export --exporter=course_utils.grading.classroom.exports.MoodleExport --to=m.csv",
    ),
)


def hand_in(root: Path, number: int) -> None:
    """The roster and Moodle's archive of a class: right, half done, with a mistake, untouched."""
    lines = [f"s{index:04},Student Number{index:04}" for index in range(number)]
    (root / "roster.csv").write_text("id,full name\n" + "\n".join(lines) + "\n")
    with zipfile.ZipFile(root / "moodle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(number):
            notebook = numbered(KINDS[index % len(KINDS)](), index)
            folder = f"Student Number{index:04}_{9000 + index}_assignsubmission_file_"
            archive.writestr(f"{folder}/{LESSON}.ipynb", json.dumps(notebook))


def main() -> None:
    """Print the time of every step."""
    table = Table("step", "seconds", "a student, ms", title=f"A class of {NUMBER}, {LESSON}")
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        course = make_course(Path(folder) / "course")
        hand_in(course.root, NUMBER)
        whole = 0.0
        for name, command in STEPS:
            program, *words = command.split()
            run = course_command_apart if program == "course" else nbgrader_command
            start = time.perf_counter()
            done = run(course, *words)
            seconds = time.perf_counter() - start
            if done.returncode:
                sys.exit(f"{command}\n{done.stdout}\n{done.stderr}")
            table.add_row(name, f"{seconds:.1f}", f"{1000 * seconds / NUMBER:.0f}")
            whole += seconds
        with zipfile.ZipFile(course.root / "feedback.zip") as archive:
            pages = len(archive.namelist())
        assert pages == NUMBER, f"{pages} pages"
    table.add_row("all of it", f"{whole:.1f}", f"{1000 * whole / NUMBER:.0f}")
    table.caption = f"load of the machine at the end: {os.getloadavg()[0]:.1f}"
    Console().print(table)


if __name__ == "__main__":
    main()
