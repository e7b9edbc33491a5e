"""Evidence: the named values that a probe yields, in a form that crosses a process boundary without
pickle.
"""

import json
import numbers
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from course_utils.errors import CourseError

LONGEST_TEXT = 2_000
LONGEST_LIST = 20_000
PLAIN = frozenset((bool, float, type(None)))  # what is evidence as it is
# Of a tensor that can be calculated with; of others torch knows little more than how to store them.
DTYPES = frozenset(
    (
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.complex64, torch.complex128),
    )
)
LARGEST_INT = 1 << 1000  # a judge cannot calculate with a larger number


@dataclass(frozen=True)
class Other:
    """Stands for a value that is not evidence: not a tensor, number, string or None, nor a list or
    dict of these.
    """

    type: str


@dataclass(frozen=True)
class Raised:
    """An exception that ended a probe; line and source are those of the answer's own code, where it
    is known.

    `untouched` says that it came from the stub of the answer itself, in which nothing is written
    yet. bases: the names of the types that its type is a subclass of, as far as they are errors
    themselves.
    """

    type: str
    message: str
    line: int | None = None
    source: str = ""
    function: str = ""
    bases: tuple[str, ...] = ()
    untouched: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Its type, and what that is a subclass of."""
        return self.type, *self.bases

    @property
    def is_stub(self) -> bool:
        """Whether it is the exception of a stub; torch raises one of the same type, with words, for
        a dtype.
        """
        return self.type == "NotImplementedError" and not self.message


@dataclass
class Evidence:
    """What one case gave: values by name in order, and how it ended.

    `keeps` says that what the answer holds has changed, and that a case, run once more after the
    others, gave something else. `inputs` holds the inputs of the case that the probe changed, with
    their new values; `rtol` the tolerances that it asked for. `error` is what was raised, with its
    frames, for a debugger; it stays in the process where it was raised. `moved` holds what the same
    run yields when rounding errors move it, up to the value of a name or to its end; the judge sets
    it, it crosses no border.
    """

    values: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    rtol: dict[str, float] = field(default_factory=dict)
    raised: Raised | None = None
    error: BaseException | None = field(default=None, repr=False, compare=False)
    shortcut: str | None = None
    printed: str = ""
    keeps: bool = False
    moved: Callable[[str | None], Iterable["Evidence"]] | None = field(
        default=None, repr=False, compare=False
    )


def normal_form(value: Any, depth: int = 0) -> Any:
    """The value as plain evidence: detached CPU tensors, Python numbers, strings, None, lists and
    dicts of these.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, Tensor):
        return _on_the_cpu(value)
    if isinstance(value, str):
        return str.__str__(value)[:LONGEST_TEXT]
    # Numbers of Python, NumPy or any other library.
    if isinstance(value, numbers.Integral):
        whole = int(value)
        return whole if abs(whole) < LARGEST_INT else Other(type(value).__name__)
    if isinstance(value, numbers.Real):
        return float(value)
    # Lists and dicts, neither too deep nor too long.
    if depth < 4 and isinstance(value, list | tuple | range) and len(value) <= LONGEST_LIST:
        return [normal_form(item, depth + 1) for item in value]
    if depth < 4 and isinstance(value, dict) and len(value) <= LONGEST_LIST:
        return {str(key): normal_form(item, depth + 1) for key, item in value.items()}
    return Other(type(value).__name__)


def _on_the_cpu(value: Tensor) -> Tensor | Other:
    """A dense tensor with memory of its own, whatever it was a view of; others by their kind."""
    if type(value) in (Tensor, torch.nn.Parameter):
        # What is done here is no part of an answer: no guard need see it.
        with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
            return _copied(value)
    return _copied(value)


def _copied(value: Tensor) -> Tensor | Other:
    if value.layout != torch.strided or value.device.type == "meta" or value.is_quantized:
        return Other(f"{value.layout} tensor on {value.device}")
    if value.dtype not in DTYPES:
        return Other(f"{value.dtype} tensor on {value.device}")
    value = value.detach()
    value = value if type(value) is Tensor else value.as_subclass(Tensor)
    if value.is_complex() or not value.is_cpu or value.is_neg():
        value = value.cpu().resolve_conj().resolve_neg()
    return value.clone(memory_format=torch.contiguous_format)


def encode(document: Any) -> bytes:
    """A tree of evidence as bytes: the length of a JSON text, the text, and the tensors as
    safetensors.
    """
    tensors: dict[str, Tensor] = {}

    def strip(value: Any) -> Any:
        if isinstance(value, Tensor):
            tensors[str(len(tensors))] = value.detach().contiguous().clone()
            return {"tensor": str(len(tensors) - 1)}
        if isinstance(value, Other):
            return {"other": value.type}
        if isinstance(value, dict):
            return {"dict": [[key, strip(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return [strip(item) for item in value]
        return value

    text = json.dumps(strip(document)).encode()
    return struct.pack("<Q", len(text)) + text + safetensors.torch.save(tensors)


def decode(data: bytes, limit: int | None = None) -> Any:
    """The tree that `encode` wrote; raises CourseError where the bytes are not such a tree.

    limit: how many bytes everything but the tensors may have, because in memory it takes fifty
    times as much.
    """
    try:
        (length,) = struct.unpack_from("<Q", data)
        (header,) = struct.unpack_from("<Q", data, 8 + length)
        if limit is not None and length + header > limit:
            raise ValueError(f"{length + header} bytes where {limit} are allowed")
        tensors = safetensors.torch.load(bytes(data[8 + length :]))

        def build(value: Any) -> Any:
            if isinstance(value, dict):
                ((kind, content),) = value.items()
                if kind == "tensor":
                    return tensors[content]
                if kind == "other":
                    return Other(str(content))
                return {str(key): build(item) for key, item in content}
            if isinstance(value, list):
                return [build(item) for item in value]
            return value

        return build(json.loads(data[8 : 8 + length]))
    except Exception as error:
        raise CourseError(f"the evidence cannot be read: {type(error).__name__}: {error}") from None


def to_tree(evidence: Evidence) -> dict[str, Any]:
    """Evidence as a tree that `encode` takes; what is the judge's own stays behind, and so do
    frames.
    """
    tree = {
        key: value for key, value in vars(evidence).items() if key not in ("rtol", "moved", "error")
    }
    return tree | {"raised": vars(evidence.raised) if evidence.raised else None}


def from_tree(tree: Any) -> Evidence:
    """The evidence in a decoded tree; raises CourseError where its form is wrong."""
    try:
        raised = tree["raised"]
        evidence = Evidence(
            values=dict(tree["values"]),
            inputs=dict(tree["inputs"]),
            state=dict(tree["state"]),
            shortcut=None if tree["shortcut"] is None else str(tree["shortcut"]),
            printed=str(tree["printed"]),
            keeps=tree["keeps"] is True,
        )
        if raised is not None:
            line = raised["line"]
            parts: dict[str, Any] = {
                key: str(raised[key]) for key in ("type", "message", "source", "function")
            }
            parts["bases"] = tuple(str(name) for name in raised["bases"])
            parts["untouched"] = raised["untouched"] is True
            evidence.raised = Raised(line=None if line is None else int(line), **parts)
        return evidence
    except (KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"the evidence does not have the right form: {type(error).__name__}: {error}"
        ) from None
