"""The command `course site`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this room to the command line."""
    app.command()(site)


def site(
    to: Annotated[Path, typer.Option(help="A folder; a site in it is replaced.")] = Path(
        "build/site"
    ),
    repository: Annotated[
        str,
        typer.Option(
            envvar="COURSE_REPOSITORY", help="owner/name on GitHub, for the links to Colab."
        ),
    ] = "",
) -> None:
    """Make the course as a site to read, without answers and without a network."""
    from course_utils.building.lesson import all_lessons
    from course_utils.site.links import Links
    from course_utils.site.make import make

    make(all_lessons(), to, Links(repository))
    print(f"The site is in {to}: open {to / 'index.html'}, or run `make site-serve`.")
