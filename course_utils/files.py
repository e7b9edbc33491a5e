"""Files that are written whole or not at all."""

import contextlib
import os
import threading
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Put a whole file in place of the old one, or leave that as it was; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
