"""The command `course`: data, and what the rooms of the package add."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from course_utils import __version__

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def data(
    name: Annotated[
        str | None,
        typer.Argument(help="mnist or movielens, to fetch it; without a name, all are listed."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="All 70,000 digits instead of the 5,000 shipped.")
    ] = False,
) -> None:
    """List the course's data sets, or fetch one."""
    from course_utils import data as course_data
    from course_utils.errors import CourseError

    if name is None:
        return _list_data()
    if name == "mnist":
        digits = course_data.load_mnist(full)
        print(
            f"mnist: {len(digits.y_train):,} digits to train on and {len(digits.y_valid):,} to "
            "validate with."
        )
    elif name == "movielens":
        path = course_data.fetch_movielens()
        print(
            f"movielens: {len(course_data.load_ratings(path).train.ratings):,} ratings to train "
            f"on, from {path}."
        )
    else:
        raise CourseError(f"There is nothing to fetch for {name!r}: name mnist or movielens.")


@app.command()
def progress(
    check: Annotated[
        bool, typer.Option("--check", help="First check the answers in the saved notebooks.")
    ] = False,
) -> None:
    """Show how far you are: which answers are right, partial, tried, borrowed or open."""
    from tqdm import tqdm

    from course_utils.mine import place, saved
    from course_utils.mine.progress import Progress

    folder = place.required()
    if check:
        for notebook in tqdm(saved.notebooks(folder), desc="check", leave=False, disable=None):
            if problem := saved.judge_apart(notebook, folder):
                print(problem, file=sys.stderr)
    print(Progress(folder))


def _list_data() -> None:
    from rich.console import Console
    from rich.table import Table

    from course_utils.data import describe_data

    table = Table("name", "rows", "licence", "folder", "present")
    for item in describe_data():
        table.add_row(
            item.name,
            f"{item.rows:,}",
            item.licence,
            str(item.where),
            "yes" if item.present else "no",
        )
    Console().print(table)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Work with the course: its lessons, its data and its releases."""
    if version:
        print(f"course {__version__}")
        raise typer.Exit()


for room in ("building", "grading", "site", "update"):  # a student's release has the last one
    if find_spec(f"course_utils.{room}"):
        import_module(f"course_utils.{room}.commands").register(app)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; bad input gets one sentence and exit status 1."""
    # nbformat's jsonschema imports it to check a kind of address that no notebook has, and making
    # its grammar takes longer than importing all of nbgrader.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app(arguments)
    except Exception as error:
        from course_utils.data import DataError
        from course_utils.errors import CourseError

        if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("course_"):
            error = CourseError(
                f"This command needs {error.name}, which is not installed: install the parts for "
                "instructors, `pip install -e '.[build,grading,site]'` in the course's folder."
            )
        sentence = (
            str(error) if isinstance(error, CourseError | DataError) else _of_the_place(error)
        )
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        raise SystemExit(1) from None


def _of_the_place(error: Exception) -> str | None:
    """The sentence for a file that cannot be used, or a gradebook that is in use; else None."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename} cannot be read or written: {error.strerror}."
    if type(error).__name__ == "OperationalError":  # of sqlalchemy, which few commands import
        reason = str(getattr(error, "orig", error))
        return f"The gradebook cannot be used ({reason}): close what else uses it, and try again."
    return None
