"""Grading submissions; the only room that knows nbgrader."""
