"""Errors that are written for people: IPython shows their one sentence and no traceback."""


class CourseError(Exception):
    """Bad input: what is wrong, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class CourseFault(CourseError):
    """The course itself is wrong, whoever meets it: nobody's points are lost by it."""


class NotRight(CourseError, AssertionError):
    """Raised by `check` when an answer is not right, after its card was shown."""
