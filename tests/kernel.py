"""A real kernel beside a copy of released lessons: what a student sees who runs cells in it."""

import json
import queue
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_client.manager import KernelManager
from traitlets.config import Config

from course_utils.building import copies
from course_utils.building.run import IMPORTED, IN_A_KERNEL

ROOT = Path(__file__).parents[1]
SETTINGS = Config({"KernelManager": {"transport_encryption": "auto"}})
PATIENCE = 120  # seconds for one cell on a busy machine


def python() -> list[str]:
    """What takes the place of `python` in a command: the copies that kernels run in."""
    return copies.python(IMPORTED, **IN_A_KERNEL)


def cells(lesson: str, tree: str = "notebooks") -> dict[str, str]:
    """The code cells of a lesson by grade_id, and its first one as `first`; of the solved one
    without markers.
    """
    notebook = json.loads((ROOT / tree / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"])
        for cell in code
    }
    sources["first"] = "".join(code[0]["source"])
    return {
        name: re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", text, flags=re.M)
        for name, text in sources.items()
    }


class Kernel:
    """A kernel in a folder with copies of released lessons."""

    def __init__(self, folder: Path, *lessons: str) -> None:
        for lesson in lessons:
            shutil.copy(ROOT / "notebooks" / lesson / f"{lesson}.ipynb", folder)
        self.manager = KernelManager(kernel_name="python3", config=SETTINGS)
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(PATIENCE)

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *error: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str, *typed: str, thinks: float = 0.0) -> str:
        """Run a cell as JupyterLab does; what it shows as text, without colours.

        typed: what is answered where the kernel asks for input, each after so many seconds of
        thought; without it nobody can answer, as in nbclient.
        """
        lines = list(typed)

        def answer() -> str:
            time.sleep(thinks)
            return lines.pop(0) if lines else "q"

        return self._follow(self.client.execute(code, allow_stdin=bool(typed)), answer)

    def _follow(self, message_id: str, answer: Callable[[], str]) -> str:
        shown: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                asked = self.client.get_stdin_msg(timeout=0.01)
                shown.append(asked["content"]["prompt"])
                self.client.input(answer())
            except queue.Empty:
                pass
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != message_id:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            elif message["msg_type"] in ("display_data", "execute_result"):
                shown.append(content["data"].get("text/plain", ""))
            elif message["msg_type"] == "error":
                shown.append("\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return re.sub(r"\x1b\[[0-9;]*[mK]", "", "\n".join(shown))
        raise TimeoutError(
            f"the kernel gave no answer within {PATIENCE} s; so far:\n" + "\n".join(shown)
        )
