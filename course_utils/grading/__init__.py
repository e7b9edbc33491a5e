"""Grading submissions: what runs `inside` the sandbox, `outside` of it, and for a `classroom`."""
