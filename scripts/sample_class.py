"""Makes a sample class to grade, honest, wrong, broken and hostile: `python -m scripts.sample_class
FOLDER`.
"""

import shutil
import sys
from pathlib import Path

from tests.grading import corpus

ROOT = Path(__file__).resolve().parents[1]
KINDS = [
    "solved",
    "untouched",
    "half",
    "other_ways",
    "warnings_on_stderr",
    "one_mistake",
    "syntax_error",
    "raises",
    "marks_and_ids_lost",
    "answer_split_in_two",
    "checks_emptied",
    "points_raised",
    "truncated",
    "format_3",
    "wrong_name",
    "hundred_megabytes",
    "input_transformer",
    "judge_patched",
    "garbage_walked",
    "written_to_every_descriptor",
    "ends_itself",
    "always_equal",
    "reference_handed_in",
    "torch_handed_in",
    "files_searched",
    "network",
    "memory",
    "c_process_left_behind",
    "e_looks_for_what_was_left",
]


def main(folder: Path) -> None:
    """Fill the folder with a course in which lesson 01 was handed in; what was there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    released = folder / "notebooks" / corpus.LESSON.name
    shutil.copytree(corpus.LESSON.released.parent, released)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    corpus.write_corpus(
        folder / "submitted", [entry for entry in corpus.ENTRIES if entry.kind in KINDS]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
