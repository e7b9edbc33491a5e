"""The guard: detects by interception, not by text search, whether an answer takes a shortcut."""

import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any

import torch
from torch import nn
from torch._ops import OpOverloadPacket
from torch.overrides import TorchFunctionMode, resolve_name

from course_utils.checking.exercise import Exercise

WATCHED_CALLS = (
    20_000  # Python calls after which the guard no longer looks for calls into the reference
)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
PUBLIC = {
    "torch._C._nn.": "torch.nn.functional.",
    "torch._C.TensorBase.": "torch.Tensor.",
    "torch._VariableFunctionsClass.": "torch.",
    "torch.functional.": "torch.",
    "_EngineBase.": "torch.autograd.Variable._execution_engine.",
}
# The part of torch's dispatch that comes first, before autograd, and is empty but for what is here.
BEFORE_ALL = torch._C.DispatchKey.PreDispatch
REFERENCE = Path(__file__).resolve().parents[1] / "reference"


class Guard:
    """Notes the first shortcut used while it watches."""

    def __init__(self, exercise: Exercise) -> None:
        shortcuts = exercise.shortcuts
        self.classes = tuple(item for item in shortcuts if inspect.isclass(item))
        self.operators = frozenset(item for item in shortcuts if isinstance(item, str))
        modules = [item for item in shortcuts if inspect.ismodule(item)]
        self.functions = {
            item for item in shortcuts if callable(item) and not inspect.isclass(item)
        }
        self.packets = {f"aten::{item.__name__}" for item in self.functions}
        self.builtins = {item for item in self.functions if isinstance(item, BuiltinFunctionType)}
        self.codes = _all_codes((*modules, *self.classes, *self.functions))
        self.called = ""  # the torch function that the answer called and is still in
        own = f"{exercise.lesson}.py"  # in a release it may lie in an archive
        self.references = {str(REFERENCE / own), str(REFERENCE / "sealed.zip" / own)}
        self.used: str | None = None
        self.paused = False

    def note(self, name: str) -> None:
        """Remember the first shortcut."""
        if self.used is None and not self.paused:
            self.used = name

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Intercept torch functions, operators, constructors, module functions, calls into the
        reference.
        """
        global _active
        outer, _active = _active, self
        constructors = {cls: cls.__init__ for cls in self.classes}
        profile = sys.getprofile()
        replaceable = profile is None or callable(
            profile
        )  # cProfile's is neither: the check is being measured
        modes: list[Any] = [_Functions(self)] if self.functions or self.operators else []
        modes += [_operators_seen(self.operators)] if self.operators else []
        for cls, init in constructors.items():
            setattr(cls, "__init__", _noting(self, cls, init))  # noqa: B010
        if replaceable:
            sys.setprofile(_calls(self))
        try:
            for mode in modes:
                mode.__enter__()
            try:
                yield
            finally:
                for mode in reversed(modes):
                    mode.__exit__(None, None, None)
        finally:
            if replaceable:
                sys.setprofile(profile)
            for cls, init in constructors.items():
                setattr(cls, "__init__", init)  # noqa: B010
            _active = outer


_active: Guard | None = None


@contextmanager
def unguarded() -> Iterator[None]:
    """Let a probe use what the answer may not: `with unguarded(): model = nn.Linear(2, 3)`."""
    if _active is None:
        yield
        return
    guard, before, profile = _active, _active.paused, sys.getprofile()
    guard.paused = True
    if callable(profile):  # as cProfile's is not, which measures the check
        sys.setprofile(None)
    try:
        yield
    finally:
        if callable(profile):
            sys.setprofile(profile)
        guard.paused = before


class _Functions(TorchFunctionMode):
    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self.guard = guard

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        guard = self.guard
        if func in guard.functions:
            guard.note(public_name(func))
        if not guard.operators:
            return func(*args, **(kwargs or {}))
        before, guard.called = guard.called, func
        try:
            return func(*args, **(kwargs or {}))
        finally:
            guard.called = before


@contextmanager
def _operators_seen(names: frozenset[str]) -> Iterator[None]:
    """See the calls of these operators, by whatever road they come, and no others, which would cost
    more than all the rest of the guard.
    """
    for name in names:
        _intercept(name)
    with torch._C._IncludeDispatchKeyGuard(BEFORE_ALL):
        yield


@functools.cache
def _intercept(name: str) -> None:
    """Have an operator, in each of its overloads, tell the guard at work that it is called."""
    packet = getattr(torch.ops.aten, name.removeprefix("aten::"))
    for overload in packet.overloads():
        kernel = _telling(name, packet, getattr(packet, overload))
        _library().impl(getattr(packet, overload), kernel, "PreDispatch", with_keyset=True)


@functools.cache
def _library() -> torch.library.Library:
    return torch.library.Library("aten", "IMPL")


def _telling(name: str, packet: OpOverloadPacket, operator: Any) -> Callable[..., Any]:
    rest = torch._C._dispatch_keyset_full_after(BEFORE_ALL)

    def call(keys: Any, *args: Any, **kwargs: Any) -> Any:
        if _active and name in _active.operators:
            _active.note(public_name(_active.called or packet))
        return operator.redispatch(keys & rest, *args, **kwargs)

    return call


def _calls(guard: Guard) -> Callable[[FrameType, str, Any], None]:
    """A profile function that sees functions below torch's dispatch, and the reference; stops
    early.

    It runs at every call, so it looks at the code of a function once.
    """
    left, builtins = WATCHED_CALLS, guard.builtins
    harmless: dict[int, CodeType] = {}  # by id, since to hash a code is to read all of it

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal left
        if event == "call":
            left -= 1
            code = frame.f_code
            if id(code) not in harmless and not _noted(guard, frame):
                harmless[id(code)] = code
            if left <= 0:
                sys.setprofile(None)
        # A function of torch written in C, which its dispatch does not see.
        elif event == "c_call" and builtins and arg in builtins:
            guard.note(public_name(arg))

    return watch


def _noted(guard: Guard, frame: FrameType) -> bool:
    """Whether a Python function is, or may be, a shortcut; then it is noted."""
    code = frame.f_code
    # A Python function among the shortcuts, one of the reference, or `torch.ops.aten. ...`.
    if code in guard.codes:
        guard.note(guard.codes[code])
    elif code.co_filename in guard.references:
        guard.note(f"the course's own {code.co_name}")
    elif code is OpOverloadPacket.__call__.__code__:
        packet = frame.f_locals["self"]
        if packet._qualified_op_name in guard.packets:
            guard.note(public_name(packet))
    else:
        return False
    return True


@functools.cache
def _all_codes(items: tuple[Any, ...]) -> dict[CodeType, str]:
    """The code of every Python function in these items, with its public name."""
    return dict(itertools.chain(*map(_codes, items)))


def _codes(item: Any) -> Iterator[tuple[CodeType, str]]:
    """The code of a Python function, or of every function in a class or module, by public name."""
    members = (
        vars(item).items() if inspect.isclass(item) or inspect.ismodule(item) else [("", item)]
    )
    for name, value in members:
        function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
        if inspect.isfunction(function) and (
            not inspect.ismodule(item) or function.__module__ == item.__name__
        ):
            home = item.__name__ if inspect.ismodule(item) else public_name(item)
            yield function.__code__, f"{home}.{name}" if name else home


def _noting(guard: Guard, cls: type, init: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        guard.note(public_name(cls))
        init(self, *args, **kwargs)

    return __init__


def public_name(item: Any) -> str:
    """A torch function's or class's public name, such as `torch.nn.functional.linear`."""
    if inspect.isclass(item):
        packages = itertools.accumulate(item.__module__.split("."), "{}.{}".format)
        home = (
            name for name in packages if getattr(sys.modules.get(name), item.__name__, None) is item
        )
        return f"{next(home, item.__module__)}.{item.__qualname__}"
    if isinstance(item, OpOverloadPacket):
        return f"torch.ops.{item._qualified_op_name.replace('::', '.')}"
    parts = (getattr(item, "__module__", None), getattr(item, "__qualname__", None))
    name = resolve_name(item) or ".".join(filter(None, parts)) or str(item)
    for private, public in PUBLIC.items():
        name = name.replace(private, public)
    return name.removesuffix(".__get__")


def handed_in(exercise: Exercise, answer: Any) -> str | None:
    """The name of what is not the student's own answer: the reference, or an object of torch."""
    owner = (
        answer.__self__ if inspect.ismethod(answer) and inspect.isclass(answer.__self__) else answer
    )
    module = getattr(owner, "__module__", None) or ""
    name = getattr(answer, "__qualname__", "")
    known_mistake = any(answer is mistake.change for mistake in exercise.mistakes)
    if (
        module.startswith(("course_utils.reference.", "course_utils.exercises."))
        and not known_mistake
    ):
        return f"the course's own {name}"
    # A layer of torch; a container may hold the student's own layers.
    if isinstance(answer, nn.Module) and not isinstance(answer, CONTAINERS):
        owner = type(answer)
        if owner.__module__.partition(".")[0] == "torch":
            return public_name(owner)
    # A class or function of torch, in Python or in C.
    if module.partition(".")[0] == "torch" and (
        inspect.isclass(answer) or inspect.isroutine(answer)
    ):
        return public_name(answer)
    if inspect.isbuiltin(answer) and (
        answer in (getattr(torch, answer.__name__, None),) or "torch" in str(answer)
    ):
        return public_name(answer)
    return None
