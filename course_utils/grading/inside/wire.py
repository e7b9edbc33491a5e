"""What passes between the trusted worker and a submission's process: frames with a kind and a
length, over a socket.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

READY, STEP, OUTPUT, EVIDENCE, MISSING, BROKEN, DONE, JOB, ASK = (
    b"r",
    b"s",
    b"o",
    b"e",
    b"m",
    b"x",
    b"d",
    b"j",
    b"a",
)
STILL_THERE = 256  # in place of the exit status of a child that had to be ended
LONGEST_QUESTION = 1 << 16  # bytes of a probe's question to the judge, or of the answer
FIRST_CASES = (
    "first_cases"  # a file beside the package with a public case of every exercise, to warm up with
)
_HEADER = struct.Struct("<cIQ")


@dataclass(frozen=True)
class Limits:
    """What one submission may use; seconds are those that `running.charged` counts, the rest are
    bytes or counts.

    seconds: everything together. cell: one cell. probe: one answer's probe, whose exercise may say
    less. patience: how many times as long it may take on the clock. grace: how long after the end
    of a cell or probe the process may live on before it is killed. test: one test of the
    instructor's own. memory: private memory of all its processes. file: its files together. output:
    what its cells print or draw. evidence: what its probes and tests send, all together.
    """

    seconds: float = 300.0
    cell: float = 20.0
    probe: float = 60.0
    patience: float = 10.0
    grace: float = 2.0
    test: float = 60.0
    memory: int = 3 << 30
    processes: int = 32
    file: int = 64 << 20
    output: int = 1 << 20
    evidence: int = 64 << 20
    restarts: int = 4


class Flood(Exception):
    """More came than is allowed."""


def send(sock: socket.socket, kind: bytes, number: int = 0, content: bytes = b"") -> None:
    """Send one frame; number says which step it is about."""
    sock.sendall(_HEADER.pack(kind, number, len(content)) + content)


def receive(
    sock: socket.socket, limit: int, wait: Callable[[], None] | None = None
) -> tuple[bytes, int, bytes]:
    """The next frame: kind, step, content. Raises EOFError where the other side is gone and Flood
    over the limit.

    wait is called before every read, because a frame may come one byte at a time, and returns when
    there is something to read; what it raises ends the reading.
    """
    kind, number, length = _HEADER.unpack(_exactly(sock, _HEADER.size, wait))
    if length > limit:
        raise Flood(f"{length} bytes where {limit} are allowed")
    return kind, number, _exactly(sock, length, wait)


def _exactly(sock: socket.socket, size: int, wait: Callable[[], None] | None) -> bytes:
    content = bytearray()
    while len(content) < size:
        if wait is not None:
            wait()
        try:
            # A byte sent out of band wakes whoever waits, and is none that can be read.
            flags = 0 if wait is None else socket.MSG_DONTWAIT
            part = sock.recv(min(size - len(content), 1 << 20), flags)
        except BlockingIOError:
            raise Flood("a byte out of band") from None
        if not part:
            raise EOFError
        content += part
    return bytes(content)
