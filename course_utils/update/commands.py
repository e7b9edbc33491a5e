"""The command `course update`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this room to the command line."""
    app.command()(update)


def update(
    release: Annotated[Path, typer.Argument(help="The folder or zip file of the newer release.")],
    folder: Annotated[
        Path, typer.Argument(help="Your own folder, with `notebooks` in it.")
    ] = Path(),
) -> None:
    """Take a newer release into your folder, with your answers, cells and notes."""
    from course_utils.update.update import update as take_in

    plan = take_in(release, folder)
    for name, beside in plan.copy.items():
        print(f"{name} was updated and has what you wrote; your version before is {beside}")
    others = len(plan.write) - len(plan.copy)
    print(f"{others} other files were written and {len(plan.remove)} removed.")
