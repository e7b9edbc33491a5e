"""Ready-made answers: every function of torch against every exercise, and roads below torch's
public names.
"""

import contextlib
import inspect
import itertools
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import get_overridable_functions, resolve_name

from course_utils import judge
from course_utils.checking.axes import mapped
from course_utils.checking.compare import same
from course_utils.checking.evidence import normal_form
from course_utils.checking.exercise import Case, Exercise, Training, exercises, lessons, reference
from course_utils.checking.guard import Guard
from course_utils.checking.tolerance import Slack

# Functions that compute an exercise in one call and are simpler operations than it, by their last
# name.
ALLOWED = {"linear.relu": {"clamp", "clamp_min", "clip"}}
# What changes settings, gives chance results, or ends the process with arguments that do not fit.
UNSAFE = re.compile(
    "seed|set_|save|load|compile|storage|from_file|__|cuda|quant|rand|normal|uniform|bernoulli|cauchy|exponential|names|"
    "geometric|multinomial|poisson|dropout|mkldnn|cudnn|miopen|fbgemm|sparse|nested|retain_grad|grad_fn|register|resize|"
    "swap|as_strided|empty|numpy|share_memory|record_stream|"
    r"\._(?!C\b)(?!\w*(softmax|relu|embedding))"  # private ones check nothing
)
MORE: list[tuple[Any, ...]] = [(), (0,), (0.0,), (-1,), (1,), (math.inf,), ("mean",)]
MORE += [(0, 0), (0.0, 0.0), (0, math.inf), (1, 0), (-1, True), (0.5, 0.0)]
NAMED: list[dict[str, Any]] = [{}, {"dim": -1}, {"dim": 0}, {"reduction": "mean"}, {"alpha": 0.0}]
PLAIN = [e for lesson in lessons() for e in exercises(lesson) if not isinstance(e, Training)]


def functions() -> dict[str, Any]:
    """Every function of torch that takes tensors, by its full name; of a method and a function
    alike, the function.
    """
    found = {}
    for candidates in get_overridable_functions().values():
        found |= {resolve_name(item) or str(item): item for item in candidates}
    for place, home in (("torch", torch._C._VariableFunctions), ("torch._C._nn", torch._C._nn)):
        found |= {f"{place}.{name}": getattr(home, name) for name in dir(home)}
    safe = {
        name: item for name, item in found.items() if callable(item) and not UNSAFE.search(name)
    }
    methods = {
        name
        for name in safe
        if name.startswith("torch.Tensor.") and name.replace(".Tensor", "") in safe
    }
    return {
        name: item for name, item in safe.items() if name not in methods and not name.endswith("_")
    }


FUNCTIONS = functions()


def called_with(exercise: Exercise, case: Case) -> tuple[Any, ...] | None:
    """The arguments with which the probe first calls an answer."""
    calls: list[tuple[Any, ...]] = []

    def spy(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        raise StopAsyncIteration

    with contextlib.suppress(StopAsyncIteration):
        list(exercise.probe(spy, case.fresh()))
    return calls[0] if calls else None


def ready_made(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """Functions of torch that give what the reference gives for the first two cases, as answers."""
    right = reference(exercise)
    tried = []
    for case in [case for case in exercise.own_cases(0) if not case.axis][:2]:
        args = called_with(exercise, case)
        if args is None or not all(isinstance(item, Tensor | int | float) for item in args):
            return
        tried.append((case, args, normal_form(right(*mapped(Tensor.clone, list(args))))))
    names = list(inspect.signature(right).parameters)
    for name, function in FUNCTIONS.items():
        for order in (
            itertools.permutations(range(len(names))) if len(names) < 3 else [range(len(names))]
        ):
            for more, named in [
                *((more, {}) for more in MORE),
                *(((), named) for named in NAMED[1:]),
            ]:

                def answer(*args, function=function, order=order, more=more, named=named, **rest):
                    args = (*args, *(rest[name] for name in names if name in rest))
                    return function(*(args[i] for i in order), *more, **named)

                if all(_gives(answer, case, args, want) for case, args, want in tried):
                    yield name, answer


def _gives(answer: Any, case: Case, args: Any, want: Any) -> bool:
    try:
        return same(want, normal_form(answer(*mapped(Tensor.clone, list(args)))), Slack(case))
    except Exception:
        return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exercise", PLAIN, ids=lambda exercise: exercise.id)
def test_no_function_of_torch_is_an_answer(exercise):
    passed = {
        name
        for name, answer in ready_made(exercise)
        if judge(exercise.id, answer).status == "right"
    }
    assert {name.rpartition(".")[2] for name in passed} <= ALLOWED.get(exercise.id, set())


def loss(w, x, y):
    return (x @ w - y).square().mean()


def along_each(slope):
    return lambda w, x, y: torch.stack(
        [slope(lambda v: loss(v, x, y), w, one) for one in torch.eye(len(w), dtype=w.dtype)]
    )


def forward_mode(f, w, one):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(w, one))).tangent


def by_the_engine(w, x, y):
    w = w.clone().requires_grad_()
    out = loss(w, x, y)
    run = torch.autograd.Variable._execution_engine.run_backward
    return run(
        (out,),
        (torch.ones_like(out),),
        False,
        False,
        (w,),
        allow_unreachable=True,
        accumulate_grad=False,
    )[0]


def by_the_graph(w, x, y):
    error = (x @ w.clone().requires_grad_()) - y
    return error.grad_fn.next_functions[0][0](error.detach() * 2 / len(x))[1]


def by_gradcheck(f, x, eps=1e-6):
    numerical = sys.modules["torch.autograd.gradcheck"].get_numerical_jacobian_wrt_specific_input
    columns = numerical(
        lambda v: torch.as_tensor(f(v), dtype=torch.float64), 0, (x.requires_grad_(),), [1], eps
    )
    return torch.stack([column for (column,) in columns]).reshape(x.shape).detach()


def with_gradient(step):
    """A step that calls `step` with the parameters that have a gradient, their gradients and their
    buffers.
    """

    @torch.no_grad()
    def whole(params, *rest, **named):
        lists = [item for item in rest if isinstance(item, list)]
        kept = [entry for entry in zip(params, *lists, strict=True) if entry[0].grad is not None]
        params, *lists = (
            ([*column] for column in zip(*kept, strict=True))
            if kept
            else ([], *([] for _ in lists))
        )
        return step(params, [p.grad for p in params], *lists, *rest[len(lists) :], **named)

    return whole


def by_the_function_adam(params, grads, means, squares, t, lr, betas, eps):
    from torch.optim.adam import adam

    counts = [torch.tensor(t - 1.0) for _ in params]
    settings = {"beta1": betas[0], "beta2": betas[1], "lr": lr, "eps": eps, "weight_decay": 0.0}
    adam(params, grads, means, squares, [], counts, amsgrad=False, maximize=False, **settings)


def by_the_fused_operator(params, grads, means, squares, t, lr, betas, eps):
    counts = [torch.tensor(float(t)) for _ in params]
    settings = {"beta1": betas[0], "beta2": betas[1], "lr": lr, "eps": eps, "weight_decay": 0.0}
    torch._fused_adam_(
        params, grads, means, squares, [], counts, amsgrad=False, maximize=False, **settings
    )


def by_the_function_sgd(params, grads, lr):
    from torch.optim.sgd import sgd

    settings = {
        "weight_decay": 0,
        "momentum": 0,
        "lr": lr,
        "dampening": 0,
        "nesterov": False,
        "maximize": False,
    }
    sgd(params, grads, [None for _ in params], **settings)


ROADS = [
    ("sgd.mse_gradient", torch.func.grad(loss), "grad"),  # the wrapper that it made is the answer
    ("sgd.mse_gradient", lambda w, x, y: torch.func.grad(loss)(w, x, y), "torch.func.grad"),
    ("sgd.mse_gradient", lambda w, x, y: torch.func.jacrev(loss)(w, x, y), "torch.func.jacrev"),
    ("sgd.mse_gradient", lambda w, x, y: torch.func.jacfwd(loss)(w, x, y), "torch.func.jacfwd"),
    (
        "sgd.mse_gradient",
        lambda w, x, y: torch.func.vjp(loss, w, x, y)[1](torch.ones(()))[0],
        "torch.func.vjp",
    ),
    (
        "sgd.mse_gradient",
        along_each(lambda f, w, one: torch.func.jvp(f, (w,), (one,))[1]),
        "torch.func.jvp",
    ),
    (
        "sgd.mse_gradient",
        lambda w, x, y: torch.autograd.functional.jacobian(lambda v: loss(v, x, y), w),
        "torch.autograd.functional.jacobian",
    ),
    ("sgd.mse_gradient", along_each(forward_mode), "torch.autograd.forward_ad.dual_level"),
    ("sgd.mse_gradient", by_the_engine, "torch.autograd.Variable._execution_engine.run_backward"),
    ("sgd.mse_gradient", by_the_graph, "torch.Tensor.grad_fn"),
    ("backprop.numerical_gradient", by_gradcheck, "torch.autograd.gradcheck"),
    ("optimizers.adam_step", with_gradient(by_the_function_adam), "torch.optim.adam.adam"),
    ("optimizers.adam_step", with_gradient(by_the_fused_operator), "torch._fused_adam_"),
    ("sgd.sgd_step", with_gradient(by_the_function_sgd), "torch.optim.sgd.sgd"),
    (
        "one_cycle.anneal",
        lambda start, end, pct: torch.optim.lr_scheduler.OneCycleLR._annealing_cos(start, end, pct),
        "torch.optim.lr_scheduler.OneCycleLR",
    ),
    ("linear.relu", lambda x: F.hardtanh(x, 0.0, math.inf), "torch.nn.functional.hardtanh"),
    ("linear.relu", lambda x: F.prelu(x, x.new_zeros(1)), "torch.nn.functional.prelu"),
    ("linear.relu", lambda x: F.elu(x, alpha=0.0), "torch.nn.functional.elu"),
    (
        "linear.relu",
        lambda x: F.softplus(x, beta=1e30, threshold=0.0),
        "torch.nn.functional.softplus",
    ),
    ("linear.relu", nn.ReLU(), "torch.nn.ReLU"),
    ("linear.relu", nn.Sequential(nn.ReLU()), "torch.nn.functional.relu"),
    ("linear.relu", lambda x: torch.ops.aten.relu(x), "torch.ops.aten.relu"),
    (
        "cross_entropy.softmax",
        lambda logits: torch._safe_softmax(logits, -1),
        "torch._safe_softmax",
    ),
    ("cross_entropy.softmax", lambda logits: logits.softmax(-1), "torch.Tensor.softmax"),
    (
        "cross_entropy.softmax",
        lambda logits: torch.ops.aten.softmax(logits, -1),
        "torch.ops.aten.softmax",
    ),
    (
        "cross_entropy.cross_entropy",
        lambda logits, targets: nn.CrossEntropyLoss()(logits, targets),
        "torch.nn.functional.cross_entropy",
    ),
    (
        "backprop.relu_backward",
        lambda grad_out, x: torch.ops.aten.hardtanh_backward(grad_out, x, 0.0, math.inf),
        "torch.ops.aten.hardtanh_backward",
    ),
]


@pytest.fixture(scope="module")
def imported():
    """What torch imports at the first use of torch.func takes longer than a probe may."""
    torch.func.grad(loss)(torch.ones(2), torch.ones(3, 2), torch.ones(3))


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize(("id", "answer", "name"), ROADS, ids=range(len(ROADS)))
def test_a_ready_made_answer_is_named_as_it_was_called(id, answer, name):
    verdict = judge(id, answer)
    assert verdict.status == "shortcut"
    assert name in verdict.advice, verdict.advice


def test_what_has_nothing_to_do_with_an_answer_is_allowed():
    guard = Guard(next(exercise for exercise in PLAIN if exercise.id == "sgd.mse_gradient"))
    with guard.watching(), torch.no_grad():
        torch.vmap(lambda row: row.sum())(torch.ones(2, 3))
    assert guard.used is None
