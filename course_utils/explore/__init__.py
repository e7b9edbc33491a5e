"""Pictures that answer back: each function makes a page to work with from a few numbers, for the
last line of a cell.

A page needs no network and no kernel, and is the same at every run. Where there is no browser, on
paper for instance, a still picture stands in its place.
"""

from course_utils.explore.classes import softmax
from course_utils.explore.cycle import one_cycle
from course_utils.explore.graph import graph
from course_utils.explore.page import Explorer
from course_utils.explore.table import lookup
from course_utils.explore.valley import line, valley
from course_utils.explore.weights import decay

__all__ = ["Explorer", "decay", "graph", "line", "lookup", "one_cycle", "softmax", "valley"]
