"""Lets `nbgrader zip_collect` read downloads as `course collect` does."""

import tempfile
from pathlib import Path
from typing import Any, cast

from nbgrader.plugins.zipcollect import ExtractorPlugin, FileNameCollectorPlugin

from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.times import shown
from course_utils.grading.term.archive import content, unpack
from course_utils.grading.term.collect import Collector
from course_utils.grading.term.roster import People, known_people


class Extractor(ExtractorPlugin):
    """Unpacks the newest notebook of each student into a folder named by the student's id."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Read every archive of a folder; what is not understood is named and left out."""
        folders = cast(Any, self.parent).coursedir
        course = find_course(Path(folders.root))
        people = People(known_people(course))
        with tempfile.TemporaryDirectory() as folder:
            unpacked = unpack(Path(archive_path), Path(folder))
            result = Collector(course, people, only=folders.assignment_id).read(unpacked)
            for arrival in result.arrivals:
                stamp = shown(arrival.at) if arrival.at else ""
                target = Path(extracted_path, arrival.chosen.student, stamp or "-")
                target.mkdir(parents=True)
                name = f"{arrival.chosen.lesson}.ipynb"
                (target / name).write_bytes(content(arrival.chosen.file))
        for sentence in result.refused:
            self.log.warning(sentence)


class Owner(FileNameCollectorPlugin):
    """Tells whose a file is that Extractor has put there."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student, the lesson and, where the download says it, the time."""
        path = Path(submitted_file)
        fields = {"student_id": path.parts[-3], "file_id": path.stem}
        return fields | ({} if path.parts[-2] == "-" else {"timestamp": path.parts[-2]})
