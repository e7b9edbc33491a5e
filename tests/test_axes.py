"""Wrong answers that are right in an exercise's own cases, and what a right answer may do along
every axis.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from course_utils import judge
from course_utils.checking import Case, Rng, Training, axes
from course_utils.checking.evidence import decode, encode
from course_utils.checking.exercise import exercises, find, lessons
from tests.answers import linear, mnist, right_answers, sgd


def gradient_in_float32_zeros(w, x, y):
    grad = torch.zeros(len(w))
    for row, target in zip(x, y, strict=True):
        grad += 2 * (row @ w - target) * row / len(x)
    return grad


def layer_gradients_in_float32_zeros(grad_out, x, weight):
    grad_weight = torch.zeros(weight.shape)
    for g, row in zip(grad_out, x, strict=True):
        grad_weight += torch.outer(g, row)
    return grad_out @ weight, grad_weight, grad_out.sum(0)


def slopes_in_float32_zeros(f, x, eps=1e-6):
    gradient = torch.zeros(x.shape)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = eps
        gradient.view(-1)[i] = (float(f(x + step)) - float(f(x - step))) / (2 * eps)
    return gradient.double()


def velocities_in_float32(params, lr, momentum=0.0):
    optimizer = mnist.SgdWithData(params, lr, momentum)
    optimizer.slots = [(p, torch.zeros(p.shape)) for p, _ in optimizer.slots]
    return optimizer


def flattened_by_view(grad_out, x):
    return (grad_out.reshape(-1) * (x.view(-1) > 0)).reshape(x.shape)


def squeezed(grad_out, idx, num_embeddings):
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    return torch.zeros(num_embeddings, rows.shape[1]).index_add(0, idx.flatten(), rows).squeeze()


def evaluate_in_batches_of_16(model, x, y):
    mode = model.training
    model.eval()
    losses, hits = [], []
    with torch.no_grad():
        for a, b in zip(x.split(16), y.split(16), strict=True):
            logits = model(a)
            losses.append(nn.functional.cross_entropy(logits, b))
            hits.append((logits.argmax(-1) == b).float().mean())
    model.train(mode)
    return torch.stack(losses).mean().item(), torch.stack(hits).mean().item()


def mean_over_parts(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError
    parts = (y_hat - y).square().flatten().split(64)
    return torch.stack([part.mean() for part in parts]).mean()


@torch.no_grad()
def velocity_on_the_parameter(params, velocities, lr, momentum):
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p.velocity = momentum * getattr(p, "velocity", v) + p.grad
            v.copy_(p.velocity)
            p -= lr * p.velocity


class VelocityOnTheParameter(mnist.SgdWithData):
    @torch.no_grad()
    def step(self):
        for p, _ in self.slots:
            if p.grad is not None:
                p.velocity = self.momentum * getattr(p, "velocity", 0) + p.grad
                p -= self.lr * p.velocity


class VelocityOfTheClass(mnist.SgdWithData):
    velocities: list[Tensor] = []

    @torch.no_grad()
    def step(self):
        for i, (p, _) in enumerate(self.slots):
            if p.grad is not None:
                if i == len(self.velocities):
                    self.velocities.append(torch.zeros_like(p))
                elif self.velocities[i].shape != p.shape:
                    self.velocities[i] = torch.zeros_like(p)
                self.velocities[i].mul_(self.momentum).add_(p.grad)
                p -= self.lr * self.velocities[i]


KEPT: dict[torch.Size, Tensor] = {}


def relu_into_a_kept_buffer(grad_out, x):
    out = KEPT.setdefault(x.shape, torch.empty(x.shape, dtype=x.dtype))
    if out.dtype != x.dtype:
        return grad_out * (x > 0)
    return torch.mul(grad_out, x > 0, out=out)


def rates_in_a_default_argument(start, end, pct, seen={}):  # noqa: B006
    key = (round(start), pct)
    seen.setdefault(key, end + (start - end) / 2 * (1 + math.cos(math.pi * pct)))
    return seen[key]


class Seeded(linear.EinsumLinear):
    def __init__(self, in_features, out_features, bias=True):
        torch.manual_seed(0)
        super().__init__(in_features, out_features, bias)


class SeededAside(linear.EinsumLinear):
    def __init__(self, in_features, out_features, bias=True):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            super().__init__(in_features, out_features, bias)


def renamed(w, inputs, targets):
    return sgd.mse_gradient_by_einsum(w, inputs, targets)


def stops_at_four_times(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = float(loss_at(lr))
        if not math.isfinite(loss) or loss >= 4 * min(losses, default=math.inf):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


def grad_turned_on(x):
    x.requires_grad_()
    return x.clamp(min=0)


def gradient_left_on_w(w, x, y):
    w.grad = 2 / len(x) * x.T @ (x @ w - y)
    return w.grad.clone()


WRONG = [
    ("sgd.mse_gradient", gradient_left_on_w, "changed its input"),
    ("sgd.mse_gradient", gradient_in_float32_zeros, "float32 inside"),
    ("backprop.linear_backward", layer_gradients_in_float32_zeros, "float32 inside"),
    ("backprop.numerical_gradient", slopes_in_float32_zeros, None),
    ("mnist.SGD", velocities_in_float32, "float32 inside"),
    ("backprop.relu_backward", flattened_by_view, "order of storage"),
    ("embeddings.embedding_backward", squeezed, "shape"),
    ("mnist.evaluate", evaluate_in_batches_of_16, None),
    ("sgd.mse", mean_over_parts, None),
    ("sgd.momentum_step", velocity_on_the_parameter, "keeps something between calls"),
    ("mnist.SGD", VelocityOnTheParameter, "keeps something between calls"),
    ("mnist.SGD", VelocityOfTheClass, None),
    ("backprop.relu_backward", relu_into_a_kept_buffer, "keeps something between calls"),
    ("one_cycle.anneal", rates_in_a_default_argument, None),
    ("linear.My_Linear", Seeded, None),
    ("linear.My_Linear", SeededAside, None),
    ("sgd.mse_gradient", renamed, "other names of arguments"),
    ("one_cycle.lr_range_test", stops_at_four_times, None),
    ("linear.relu", grad_turned_on, "changed its input"),
]


@pytest.mark.parametrize(
    ("id", "answer", "mistake"), WRONG, ids=lambda item: getattr(item, "__name__", item)
)
def test_what_was_accepted_is_refused(id, answer, mistake):
    for seed in range(3):
        verdict = judge(id, answer, seed)
        assert verdict.status in ("wrong", "error")
        assert mistake in (None, verdict.mistake), verdict.message


def velocities_in_a_default_argument(params, velocities, lr, momentum, kept=[]):  # noqa: B006
    kept.extend(v.clone() for v in velocities[len(kept) :])
    with torch.no_grad():
        for p, v, velocity in zip(params, velocities, kept, strict=False):
            if p.grad is not None:
                v.copy_(velocity.mul_(momentum).add_(p.grad))
                p -= lr * v


VELOCITIES: dict[int, Tensor] = {}


@torch.no_grad()
def velocities_in_a_global(params, velocities, lr, momentum):
    for i, (p, v) in enumerate(zip(params, velocities, strict=True)):
        if p.grad is not None:
            velocity = VELOCITIES.setdefault(i, v.clone())
            v.copy_(velocity.mul_(momentum).add_(p.grad))
            p -= lr * v


def errors_of_all_calls(y_hat, y):
    errors_of_all_calls.seen = [*getattr(errors_of_all_calls, "seen", []), (y_hat - y).flatten()]
    return torch.cat(errors_of_all_calls.seen).square().mean()


KEEPING = [
    ("sgd.momentum_step", velocity_on_the_parameter),
    ("sgd.momentum_step", velocities_in_a_default_argument),
    ("sgd.momentum_step", velocities_in_a_global),
    ("sgd.mse", errors_of_all_calls),
    ("mnist.SGD", VelocityOnTheParameter),
    ("mnist.SGD", VelocityOfTheClass),
]


@pytest.mark.parametrize(("id", "answer"), KEEPING, ids=lambda item: getattr(item, "__name__", ""))
def test_what_is_kept_between_calls_is_named_in_the_first_check_and_in_the_next(id, answer):
    assert [judge(id, answer).mistake for _ in range(3)] == ["keeps something between calls"] * 3


def test_a_log_or_an_own_generator_is_nothing_that_spoils_a_call():
    log, generator = [], torch.Generator()

    def mse_gradient(w, x, y):
        log.append(len(x))
        return x.T @ (x @ w - y) / len(x)

    def minibatches(n, batch_size, rng):
        return torch.randperm(n, generator=generator).split(batch_size)

    assert judge("sgd.mse_gradient", mse_gradient).mistake == "factor 2 forgotten"
    assert judge("sgd.minibatches", minibatches).mistake != "keeps something between calls"


class Relu(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)


class Gradient:
    def __call__(self, w, x, y):
        return sgd.mse_gradient_by_einsum(w, x, y)


def test_anything_that_can_be_called_is_an_answer():
    assert judge("linear.relu", Relu()).status == "right"
    assert judge("sgd.mse_gradient", Gradient()).status == "right"


@pytest.mark.parametrize("id", ["linear.My_Linear", "linear.two_layer_net", "mnist.fit_mnist"])
def test_a_module_that_is_built_is_no_class(id):
    verdict = judge(id, Relu())
    assert (verdict.status, verdict.mistake) == ("error", "not an answer")


PLAIN = [
    item for lesson in lessons() for item in exercises(lesson) if not isinstance(item, Training)
]


@pytest.mark.parametrize("exercise", PLAIN, ids=lambda exercise: exercise.id)
def test_every_exercise_is_probed_along_every_axis_or_says_why_not(exercise):
    own = exercise.own_cases(0)
    probed = {case.axis for case in exercise.draw(0)}
    fitting = {
        axis.name for axis in axes.AXES if any(axis.fits(case) for case in own if not case.raises)
    }
    assert set(exercise.without) <= fitting, "an opt-out from what does not fit says nothing"
    assert fitting - set(exercise.without) <= probed
    assert all(len(reason) > 10 for reason in exercise.without.values())
    assert {"again", "by_name"} <= probed


def test_a_case_crosses_with_its_axis():
    again = next(case for case in judged_cases("sgd.momentum_step") if case.axis == "again")
    there = Case.received(decode(encode(again.sent())))
    assert (there.label, there.axis) == (again.label, "again")
    assert torch.equal(there.detail["params"][0], again.detail["params"][0])


def judged_cases(id):
    return next(exercise for exercise in PLAIN if exercise.id == id).draw(0)


def test_inputs_are_handed_over_as_the_axis_says():
    cases = {case.axis: case for case in judged_cases("backprop.linear_backward")}
    assert cases["float64"].fresh().x.dtype == torch.float64
    assert not cases["views"].fresh().x.is_contiguous()
    assert cases["expanded"].fresh().grad_out.stride(0) == 0
    assert cases[""].fresh().x.is_contiguous()


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx, numbers):
        ctx.save_for_backward(numbers)
        return numbers.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)


def _cut_by_place(x, /):
    return x.clamp(min=0)


@pytest.mark.parametrize("relu", [_Cut.apply, _cut_by_place])
def test_what_takes_no_argument_by_name_is_called_without_names(relu):
    assert judge("linear.relu", relu).status == "right"


def test_an_argument_with_another_name_is_a_mistake():
    assert judge("linear.relu", lambda z: z.clamp(min=0)).mistake == axes.BY_NAME.mistake


def test_an_answer_that_is_wrong_for_other_numbers_is_not_said_to_keep_something():
    """The second call has numbers that were right when they came first."""
    exercise = find("linear.relu")
    other = next(iter(exercise.cases(Rng(1, exercise.id)))).x

    def relu(x):
        return x.clamp(min=0) + float(x.shape == other.shape and torch.equal(x, other))

    verdict = judge(exercise.id, relu, seed=0)
    assert verdict.status == "wrong" and verdict.mistake != axes.AGAIN.mistake
    assert verdict.where == f"y{axes.BEFORE}"


def test_a_card_names_what_was_checked_once():
    """And not a second time for the call before the second one."""
    assert judge("linear.relu", right_answers("linear")["linear.relu"][0]).checked == (
        "y",
        "what is returned",
        "grad of x",
    )
