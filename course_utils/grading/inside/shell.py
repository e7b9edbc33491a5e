"""The IPython shell in which a submission's cells run: no history, no HTML, outputs recorded and
capped.
"""

import re
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

KINDS = (
    "text/plain",
    "image/png",
)  # no HTML or script of a submission reaches the instructor's browser
LONGEST_LINE = 2_000


class Recorder:
    """What the running cell shows, as nbformat outputs, up to a number of bytes."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.room = 0

    def start(self, room: int) -> None:
        """Begin a cell that may show so many bytes."""
        self.outputs, self.room = [], room

    def text(self, name: str, text: str) -> None:
        """Something written to stdout or stderr."""
        text = self._cut(text)
        last = self.outputs[-1] if self.outputs else {}
        if last.get("name") == name:
            last["text"] += text
        elif text or name == "stderr":  # that it was written to may cost points
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def data(self, data: dict[str, Any], kind: str = "display_data") -> None:
        """Something displayed; only text and pictures are kept."""
        if kind == "execute_result":  # it may be points, whatever was printed before
            self.room = max(self.room, LONGEST_LINE)
        kept = {key: self._cut(data[key]) for key in KINDS if isinstance(data.get(key), str)}
        kept = {
            key: value for key, value in kept.items() if key == "text/plain" or value == data[key]
        }
        if any(kept.values()):
            self.outputs.append({"output_type": kind, "data": kept, "metadata": {}})

    def error(self, kind: str, message: str, trace: list[str]) -> None:
        """An exception that ended the cell."""
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", str(line))[:LONGEST_LINE] for line in trace[-20:]]
        message = message[:LONGEST_LINE]
        self.outputs.append(
            {"output_type": "error", "ename": kind[:100], "evalue": message, "traceback": lines}
        )

    def _cut(self, text: str) -> str:
        kept = text[: max(self.room, 0)]
        if self.room >= 0 and len(kept) < len(text):
            kept += "\n... (more output was dropped)"
            self.room = 0
        self.room -= len(kept)
        return kept


class Stream:
    """A text stream that writes to the recorder."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, text: Any) -> int:
        """Record the text."""
        RECORDER.text(self.name, str(text))
        return len(str(text))

    def writelines(self, lines: Any) -> None:
        """Record the lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def isatty(self) -> bool:
        """Nobody types here."""
        return False

    def writable(self) -> bool:
        """It takes text."""
        return True


class Publisher(DisplayPublisher):
    """Takes what `display` shows."""

    def publish(self, data: dict[str, Any], *_: Any, **__: Any) -> None:
        """Record it."""
        RECORDER.data(data)


class Hook(DisplayHook):
    """Takes the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        """No prompt."""

    def write_format_data(self, format_dict: dict[str, Any], *_: Any) -> None:
        """Record it."""
        RECORDER.data(format_dict, "execute_result")

    def finish_displayhook(self) -> None:
        """No newline."""


class Shell(InteractiveShell):
    """The shell of a submission."""

    display_pub_class = Type(Publisher)  # no settings of IPython's: a Config does not change them
    displayhook_class = Type(Hook)

    def enable_matplotlib(self, *_: Any) -> tuple[str, str]:
        """Pictures go into the notebook, whatever `%matplotlib` asks for: no window opens here."""
        return "inline", "module://matplotlib_inline.backend_inline"

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        RECORDER.error(getattr(etype, "__name__", str(etype)), str(evalue), stb)


RECORDER = Recorder()


def make_shell() -> Any:
    """The one shell of this process."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)
    assert shell.display_formatter is not None
    shell.display_formatter.active_types = list(KINDS)
    try:
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(shell, {"png"})
    except ImportError:
        pass
    return shell
