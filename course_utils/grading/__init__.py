"""Grading submissions: `inside` the sandbox, `outside` of it, for a `classroom`, in a `term`."""
