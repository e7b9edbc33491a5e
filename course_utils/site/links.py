"""Where a reader opens a lesson: in JupyterLab, on Colab, or as a file."""

import re
from dataclasses import dataclass

from course_utils.errors import CourseError

LAB = "http://127.0.0.1:8888/lab/tree"  # what `make lab` opens


@dataclass(frozen=True)
class Links:
    """Addresses that follow from one setting: the repository on GitHub, `owner/name`, or none."""

    repository: str = ""
    branch: str = "main"

    def __post_init__(self) -> None:
        """Refuse what is not a repository's name."""
        if self.repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository):
            raise CourseError(
                f"{self.repository!r} is not a repository's name: write it as owner/name."
            )

    def buttons(self, lesson: str) -> str:
        """A line of links for the top of a lesson's page."""
        path = f"notebooks/{lesson}/{lesson}.ipynb"
        links = {
            "Open in your JupyterLab": f"{LAB}/{path}",
            "Open on Colab": self.colab(path),
            "Download": f"../{path}",
        }
        inside = " ".join(
            f'<a href="{address}"{" download" if address.startswith("../") else ""}>{name}</a>'
            for name, address in links.items()
        )
        return f'<p class="course-buttons">{inside}</p>'

    def colab(self, path: str) -> str:
        """A notebook on Colab; without a repository, how to bring one there."""
        if not self.repository:
            return "../start.html#colab"
        return (
            f"https://colab.research.google.com/github/{self.repository}/blob/{self.branch}/{path}"
        )

    def named(self, text: str) -> str:
        """A text with the repository's name where it is known, in place of OWNER/NAME."""
        if not self.repository:
            return text
        name = self.repository.partition("/")[2]
        return re.sub(r"\bNAME\b", name, text.replace("OWNER/NAME", self.repository))
