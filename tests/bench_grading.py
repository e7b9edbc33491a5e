"""Trusted grading against stock nbgrader, and what it costs; run it with `python -m tests.bench
grading`.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table

from course_utils.checking.evidence import encode
from course_utils.grading.inside import child, template, wire
from course_utils.grading.outside import warm, worker
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.steps import job, plan
from course_utils.grading.outside.task import Task
from tests.grading import corpus
from tests.grading.classroom import (
    ENVIRONMENT,
    hand_in,
    make_course,
    nbgrader_command,
    numbered,
    stock,
)

NUMBER = int(os.environ.get("BENCH_SUBMISSIONS", 40))  # against stock nbgrader
SMALL, LARGE = (int(size) for size in os.environ.get("BENCH_SIZES", "100,1000").split(","))
LESSON = corpus.LESSON
# Before a worker is in its steady state, with its template's memory in large pages.
FIRST = template.TIDY_FIRST + 10
STARTS = int(os.environ.get("BENCH_STARTS", 3))
# What the formgrader's button runs, in a process that has nbgrader and its settings already.
BUTTON = """
import sys, time
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
app = NbGrader()
app.initialize([])
api = NbGraderAPI(CourseDirectory(parent=app), parent=app)
start = time.perf_counter()
done = api.autograde(sys.argv[1], sys.argv[2], force=True)
assert done["success"], done
print(time.perf_counter() - start)
"""
KINDS = [corpus.answered, lambda: corpus.answered("relu", "My_Linear"), corpus.released]


def fill(course: Course, number: int) -> None:
    """So many submissions, no two alike: of three, one is right, one half done, one untouched."""
    for index in range(number):
        make = KINDS[index % len(KINDS)]
        hand_in(course, f"student-{index:04}", numbered(make(), index))


def scores(course: Course) -> dict[str, float]:
    """Automatic scores by student."""
    with Gradebook(course.folders.db_url) as book:
        return {item.student_id: item.score for item in book.assignment_submissions(LESSON.name)}


class Watch(threading.Thread):
    """Notes, for each kind of process below this one, the largest memory that one had, in MB, and
    the seconds of a processor that they took together.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peaks, self.going = pid, dict[str, int](), True
        self.seconds = dict[str, float]()

    def run(self) -> None:
        """Look twice a second."""
        while self.going:
            together = dict[str, float]()
            for kind, megabytes, seconds in _processes(self.pid):
                self.peaks[kind] = max(self.peaks.get(kind, 0), megabytes)
                together[kind] = together.get(kind, 0.0) + seconds
            for kind, seconds in together.items():
                self.seconds[kind] = max(self.seconds.get(kind, 0.0), seconds)
            time.sleep(0.5)


def _processes(pid: int) -> list[tuple[str, int, float]]:
    """Kind, peak memory and seconds of a processor, of a process and of all below it; a template
    has those of its children that have ended.
    """
    found, stack = [], [pid]
    while stack:
        pid = stack.pop()
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            status = Path(f"/proc/{pid}/status").read_text()
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
            stack += [
                int(item) for item in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ]
        except OSError:
            continue
        kind = (
            "sandbox"
            if "grading.inside.template" in line
            else "worker"
            if "spawn_main" in line
            else "batch"
        )
        peak = [
            int(item.split()[1]) // 1024 for item in status.splitlines() if item.startswith("VmHWM")
        ]
        if peak and "resource_tracker" not in line and not line.startswith("bwrap"):
            own = ticks if kind == "sandbox" else ticks[:2]
            found.append((kind, peak[0], sum(map(int, own)) / os.sysconf("SC_CLK_TCK")))
    return found


class Timed(NamedTuple):
    """Seconds in all, to the first result, from there to the last, and for the second half of the
    results, when every worker has started; by kind of process, peak memory in MB and seconds of a
    processor.
    """

    whole: float
    first: float
    steady: float
    half: float
    peaks: dict[str, int]
    busy: dict[str, float]


def timed(course: Course, jobs: int, seed: int = 1) -> Timed:
    """Grade a course in a process of its own."""
    command = [
        sys.executable,
        "-c",
        "from course_utils.cli import main; main()",
        "grade",
        LESSON.name,
    ]
    command += ["--jobs", str(jobs), "--seed", str(seed), "--force"]
    start = time.time()
    process = subprocess.Popen(
        command,
        cwd=course.root,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watch = Watch(process.pid)
    watch.start()
    assert process.wait() == 0
    whole = time.time() - start
    watch.going = False
    written = sorted(
        path.stat().st_mtime for path in course.own("results", LESSON.name).glob("*.json")
    )
    written = [stamp for stamp in written if stamp >= start]
    half = written[-1] - written[len(written) // 2]
    steady, seconds = written[-1] - written[0], dict(sorted(watch.seconds.items()))
    return Timed(whole, written[0] - start, steady, half, watch.peaks, seconds)


def main() -> None:
    """Print all tables, and at the end what was measured beside what it should be."""
    console = Console()
    aims = Table("", "measured", "aim", title=f"{NUMBER}, {SMALL} and {LARGE} submissions")
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        console.print(cold_start(Path(folder), aims))
        console.print(overhead(aims))
        console.print(growth(Path(folder), aims))
        console.print(against_stock(Path(folder)))
    console.print(aims)


def cold_start(folder: Path, aims: Table) -> Table:
    """Seconds from nothing to the first verdict, against those of importing torch alone."""
    course = make_course(folder / "start")
    fill(course, 1)
    student = next(iter(course.students(LESSON)))
    torch, command, button = [], [], []
    for seed in range(STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        torch.append(time.perf_counter() - start)
        command.append(timed(course, 1, seed).first)
        run = [sys.executable, "-c", BUTTON, LESSON.name, student]
        done = subprocess.run(
            run, cwd=course.root, env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        button.append(float(done.stdout.split()[-1]))
        shutil.rmtree(course.own("results"))
    table = Table("", "seconds", "ratio", title=f"First verdict, best of {STARTS}")
    for name, times in (
        ("import torch", torch),
        ("course grade, to the first result", command),
        ("the formgrader's button", button),
    ):
        ratio = f"{min(times) / min(torch):.1f}"
        table.add_row(name, f"{min(times):.2f}", ratio)
        if times is not torch:
            aims.add_row(f"{name}, times import torch", ratio, "at most 2.0")
    return table


def against_stock(folder: Path) -> Table:
    """Seconds a submission, stock nbgrader and this grader, on the same submissions."""
    theirs, ours = make_course(folder / "stock"), make_course(folder / "trusted")
    for course in (theirs, ours):
        fill(course, NUMBER)
    stock(theirs)
    assert nbgrader_command(theirs, "generate_assignment", LESSON.name, "--force").returncode == 0
    start = time.perf_counter()
    done = nbgrader_command(theirs, "autograde", LESSON.name)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr[-2000:]
    table = Table(
        "grader",
        "jobs",
        "seconds",
        "a submission",
        "steady state",
        "ratio",
        "steady ratio",
        title=f"{NUMBER} honest submissions of {LESSON.name}",
    )
    each = seconds / NUMBER
    table.add_row("stock nbgrader", "1", f"{seconds:.1f}", f"{each:.2f}", f"{each:.2f}", "1", "1")
    for jobs in (1, 2):
        whole, _, steady, *_ = timed(ours, jobs)
        rest = steady / (NUMBER - 1)
        ratios = (f"{each * NUMBER / whole:.0f}", f"{each / rest:.0f}")
        table.add_row(
            "course grade",
            str(jobs),
            f"{whole:.1f}",
            f"{whole / NUMBER:.3f}",
            f"{rest:.3f}",
            *ratios,
        )
    same = scores(theirs) == scores(ours)
    equal = "equal" if same else "NOT EQUAL"
    table.caption = f"scores {equal}; steady state: without the start of the processes"
    return table


def overhead(aims: Table) -> Table:
    """Milliseconds a submission beyond those that its cells and probes take in a process that is
    warm; in the steady state.
    """
    released = json.dumps(corpus.released())
    contents = [
        json.dumps(numbered(corpus.answered(), index)).encode() for index in range(NUMBER + FIRST)
    ]
    tasks = [Task(LESSON.name, released, content, seed=1) for content in contents]
    times = []
    for task in tasks:
        start = time.perf_counter()
        result = worker.grade(task)
        times.append(1000 * (time.perf_counter() - start))
        assert sum(row.points for row in result.checks) == corpus.FULL
    warm.close()
    bare = _bare(tasks[-NUMBER - 3 :])
    table = Table("", "median, ms", title="One submission, all right")
    table.add_row("its cells and probes in a warm process", f"{statistics.median(bare[3:]):.1f}")
    table.add_row("rebuilt, sandboxed and judged", f"{statistics.median(times[FIRST:]):.1f}")
    extra = f"{statistics.median(times[FIRST:]) - statistics.median(bare[3:]):.1f}"
    table.add_row("overhead", extra)
    aims.add_row("overhead of a submission, ms", extra, "at most 25")
    return table


class _Sink:
    """Takes the place of the socket."""

    def __init__(self, job: bytes) -> None:
        self.job = job

    def sendall(self, content: bytes) -> None:
        """Drop it."""

    def recv(self, size: int, *_: int) -> bytes:
        """The job, piece by piece."""
        part, self.job = self.job[:size], self.job[size:]
        return part


def _bare(tasks: list[Task]) -> list[float]:
    """The same steps in this process, without rebuild, sandbox and judge."""
    import course_utils.checking as checking

    check, judge = checking.check, checking.judge
    released = json.loads(tasks[0].released)
    known = template._warm(
        LESSON.short, warm.imports(released), encode(warm.first_cases(LESSON.short))
    )
    times = []
    for task in tasks:
        steps = plan(task, task.rebuilt(), known)
        sent = job(range(len(steps)), steps, task.seed)
        sink: Any = _Sink(wire._HEADER.pack(wire.JOB, 0, len(sent)) + sent)
        start = time.perf_counter()
        child.work(sink, known, wire.Limits())
        times.append(1000 * (time.perf_counter() - start))
    checking.check, checking.judge = check, judge
    return times


def growth(folder: Path, aims: Table) -> Table:
    """A small class by one worker and by two, and a large one, with each process's peak memory and
    what it took of a processor, its start included.
    """
    columns = "submissions", "workers", "seconds", "from first to last", "second half"
    table = Table(
        *columns, "peak MB", "processor, ms a submission", title="Small and large classes"
    )
    runs = []
    for size, jobs in ((SMALL, 1), (SMALL, 2), (LARGE, 2)):
        course = make_course(folder / f"class-{size}-{jobs}")
        fill(course, size)
        runs.append(run := timed(course, jobs))
        memory = ", ".join(f"{kind} {value}" for kind, value in sorted(run.peaks.items()))
        times = (f"{seconds:.1f}" for seconds in (run.whole, run.steady, run.half))
        busy = ", ".join(f"{kind} {1000 * took / size:.0f}" for kind, took in run.busy.items())
        table.add_row(str(size), str(jobs), *times, memory, busy)
    alone, small, large = runs
    faster = f"{alone.half / small.half:.2f}"
    aims.add_row("two workers, times as fast as one (second half)", faster, "1.7")
    longer = f"{large.steady / small.steady:.1f}, with the start {large.whole / small.whole:.1f}"
    most = f"at most {1.05 * LARGE / SMALL:.1f}"
    aims.add_row(f"{LARGE} submissions, times as long as {SMALL}", longer, most)
    more = max(large.peaks[kind] / peak for kind, peak in small.peaks.items())
    aims.add_row("peak memory then, times as much", f"{more:.2f}", "1.0")
    return table


if __name__ == "__main__":
    main()
