"""The course's tests, in processes that begin as `course` does (course_utils.cli)."""

import sys

# Making its grammar takes a second, in every process that imports nbformat.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
