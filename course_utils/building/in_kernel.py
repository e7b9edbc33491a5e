"""What runs beside a lesson's cells; kept apart from nbformat, which takes a second to import."""

from typing import Any

import torch
from PIL import Image

from course_utils import plots


def draw_nothing() -> None:
    """Show a dot in place of every figure, since drawing takes most of the time of many cells."""
    plots._picture = lambda figure, dpi: Image.new("RGB", (1, 1))


class Kept:
    """The names of a notebook and torch's random state, to go back to."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names, self.random = names, torch.get_rng_state()
        self.before = {name: value for name, value in names.items() if name[0] != "_"}

    def restore(self) -> None:
        """Put everything back as it was, apart from what was changed in place."""
        for name in [name for name in self.names if name[0] != "_" and name not in self.before]:
            del self.names[name]
        self.names.update(self.before)
        torch.set_rng_state(self.random)
