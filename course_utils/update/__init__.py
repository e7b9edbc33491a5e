"""A newer release of the course with the student's own answers, cells and notes in it."""
