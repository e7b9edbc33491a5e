"""Exercises of lesson 06: the penalty and its gradient, two ways to keep weights small, and which ones to spare."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, FreeText, Mistake, Rng, gradients
from course_utils.exercises._steps import STEPS, WITHOUT, in_place_mistakes, probe_steps, step_case

WHEN_DO_THEY_DIFFER = FreeText("weight_decay.when_do_they_differ")


class L2Penalty(Exercise):
    """wd times the sum of the squares of all entries of all params, a 0-d tensor."""

    id, points = "weight_decay.l2_penalty", 1
    without = {
        "float64": "a sum that starts at a float32 zero is right in this lesson",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("one vector of 3 numbers, wd 0.1", params=[rng.normal(3)], wd=0.1)
        yield Case("a matrix and its bias", params=[rng.normal(4, 3), rng.normal(4)], wd=rng.number(0.2, 0.8))
        yield Case("a single number (shape ())", params=[rng.normal()], wd=rng.number(2, 3))
        shapes = [(2, 3, 2), (5,), (1, 4)]
        yield Case("three tensors", params=[rng.normal(*shape) for shape in shapes], wd=rng.number(0.01, 0.05))
        yield Case("1,033 numbers", axis="many", params=[rng.normal(1033)], wd=rng.number(0.01, 0.05))

    def probe(self, l2_penalty: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "penalty", l2_penalty(list(case.params), case.wd)
        params = [p.clone().requires_grad_() for p in case.params]
        for i, grad in enumerate(gradients(l2_penalty(list(params), case.wd), params)):
            yield f"grad of params[{i}]", grad

    mistakes = (
        Mistake(
            "cut off from the graph",
            lambda params, wd: wd * sum(p.detach().square().sum() for p in params),
            "The number is right, but no gradient flows back from it (`.detach()`, `.data`, `.item()`): the penalty "
            "would be shown and never felt.",
        ),
        Mistake(
            "half of it",
            lambda params, wd: wd / 2 * sum(p.square().sum() for p in params),
            "You put a factor 1/2 in front. Some books do, so that the gradient is wd*w; here the penalty is "
            "wd * sum(w**2) without it.",
        ),
        Mistake(
            "norm instead of its square",
            lambda params, wd: wd * sum(p.square().sum() for p in params).sqrt(),
            "This is the length of all weights together, the root of the sum. The penalty has no root.",
        ),
        Mistake(
            "norms added",
            lambda params, wd: wd * sum(p.norm() for p in params),
            "`norm()` takes the root of a sum of squares. The penalty adds the squares themselves.",
        ),
        Mistake(
            "sum squared",
            lambda params, wd: wd * sum(p.sum() for p in params).square(),
            "You add first and square then, so +3 and -3 cancel and cost nothing. Square each entry first.",
        ),
        Mistake(
            "sum of each tensor squared",
            lambda params, wd: wd * sum(p.sum().square() for p in params),
            "Within a tensor you add first and square then, so +3 and -3 cancel and cost nothing. Square each entry "
            "first.",
        ),
        Mistake(
            "L1",
            lambda params, wd: wd * sum(p.abs().sum() for p in params),
            "This adds absolute values: the L1 penalty. L2 adds squares.",
        ),
        Mistake(
            "mean instead of sum",
            lambda params, wd: wd * sum(p.square().mean() for p in params),
            "You average within each tensor, so a weight of a large layer counts less than one of a small layer. "
            "The penalty is a sum.",
        ),
        Mistake(
            "not added up",
            lambda params, wd: wd * sum(p.square() for p in params),
            "The entries are squared and then left side by side. Add those of one tensor up to a single number first; "
            "then tensors of any shapes can be added.",
        ),
        Mistake(
            "mean of everything",
            lambda params, wd: wd * torch.cat([p.flatten() for p in params]).square().mean(),
            "You divide by the number of weights. The penalty is a sum: twice the weights, twice the cost.",
        ),
        Mistake(
            "biases left out",
            lambda params, wd: wd * sum(p.square().sum() for p in params if p.ndim > 1) + 0 * params[0].sum(),
            "One-dimensional tensors are passed over. Which parameters are penalised is decided by whoever makes the "
            "list; this function takes all that it is given.",
        ),
        Mistake(
            "only the first tensor",
            lambda params, wd: wd * params[0].square().sum(),
            "Only the first tensor of the list counts. Is a return inside the loop?",
        ),
        Mistake(
            "only the last tensor",
            lambda params, wd: wd * params[-1].square().sum(),
            "Only the last tensor of the list counts. Is the total overwritten (`=`) where it should grow (`+=`)?",
        ),
        Mistake(
            "wd inside the square",
            lambda params, wd: sum((wd * p).square().sum() for p in params),
            "wd is squared together with the weights. It multiplies the sum of squares once.",
        ),
        Mistake(
            "wd multiplied again and again",
            lambda params, wd: _nested(params, wd),
            "wd multiplies a running total that already contains it. Multiply once, at the end.",
        ),
        Mistake(
            "wd forgotten",
            lambda params, wd: sum(p.square().sum() for p in params),
            "The sum of squares is right, but wd is not in it.",
        ),
    )


def _nested(params: Sequence[Tensor], wd: float) -> Tensor:
    total = torch.zeros(())
    for p in params:
        total = wd * (total + p.square().sum())
    return total


class L2Gradient(Exercise):
    """The gradient of wd * sum(p**2) by p, of the shape of p."""

    id, points = "weight_decay.l2_gradient", 1
    without = {
        "float64": "a gradient written into float32 zeros is right in this lesson",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a vector of 3 numbers, wd 0.1", p=rng.normal(3), wd=0.1)
        yield Case("a matrix", p=3 * rng.normal(4, 3), wd=rng.number(0.2, 0.8))
        yield Case("a single number (shape ())", p=rng.normal() - 0.3, wd=rng.number(2, 3))
        yield Case("three dimensions", p=rng.normal(2, 3, 4), wd=rng.number(0.01, 0.05))

    def probe(self, l2_gradient: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "gradient", l2_gradient(case.p, case.wd)

    mistakes = (
        Mistake(
            "torch's half",
            lambda p, wd: wd * p,
            "This is what torch's `weight_decay` adds to a gradient: the gradient of wd/2 * sum(p**2). The penalty "
            "here has no 1/2, so twice as much.",
        ),
        Mistake(
            "one sum for every entry",
            lambda p, wd: 2 * wd * p.sum(),
            "`2*wd*sum(w)` stands in many notes, and it is wrong: nudging one weight changes only its own square. "
            "Each entry has a gradient of its own, so the result has the shape of p.",
        ),
        Mistake(
            "one sum, spread over the shape",
            lambda p, wd: torch.full_like(p, float(2 * wd * p.sum())),
            "Every entry gets the same number, made of the sum over all of them. Nudging one weight changes only its "
            "own square: its gradient knows nothing of the others.",
        ),
        Mistake(
            "the penalty itself",
            lambda p, wd: wd * p.square().sum(),
            "This is the penalty, one number. Its gradient says for each entry how fast the penalty grows with it.",
        ),
        Mistake(
            "the penalty of each entry",
            lambda p, wd: wd * p.square(),
            "These are the squares, not their slopes: a square is never negative, but the penalty falls when a "
            "negative weight grows.",
        ),
        Mistake(
            "square kept",
            lambda p, wd: 2 * wd * p.square(),
            "The 2 has come down and the square is still there. The slope of w**2 is 2 * w.",
        ),
        Mistake(
            "the penalty, spread over the shape",
            lambda p, wd: torch.full_like(p, float(wd * p.square().sum())),
            "Every entry gets the penalty itself, which is one number. Its gradient says for each entry how fast the "
            "penalty grows with it.",
        ),
        Mistake(
            "the weights alone",
            lambda p, wd: p.clone(),
            "That is right for wd = 0.5 only, as in the example. What is the slope for wd = 1?",
        ),
        Mistake(
            "gradient of L1",
            lambda p, wd: wd * p.sign(),
            "Every entry is pulled with the same force wd. That is the gradient of wd * sum(|p|); a square pulls "
            "harder the further out it is.",
        ),
        Mistake(
            "sign lost",
            lambda p, wd: 2 * wd * p.abs(),
            "All entries are positive. For a negative weight the penalty falls when it grows: a negative slope.",
        ),
        Mistake(
            "points downhill",
            lambda p, wd: -2 * wd * p,
            "This points down, where a step should go. The gradient points up; the minus sign belongs to the step.",
        ),
        Mistake(
            "mean instead of sum",
            lambda p, wd: 2 * wd * p / p.numel(),
            "You divide by the number of entries: the gradient of a mean. The penalty is a sum.",
        ),
        Mistake(
            "wd forgotten",
            lambda p, wd: 2 * p,
            "The factor wd is missing: the penalty is wd times a sum of squares, and so is its slope.",
        ),
        Mistake(
            "gradient of the norm",
            lambda p, wd: wd * p / p.norm(),
            "This has the same length whatever the weights are: the gradient of wd times the norm. Without a root "
            "there is nothing to divide by.",
        ),
    )


_CASES = (
    ("one vector, one step, called inside torch.no_grad()", [(3,)], 1, (), True),
    ("a matrix and a bias, three steps, lr changes", [(4, 3), (4,)], 3, (), False),
    ("params[0] has no gradient, two steps", [(2, 3), (2, 3), (5,)], 2, (0,), False),
    ("a single number (shape ())", [()], 2, (), False),
)


def _decaying_cases(rng: Rng) -> Iterable[Case]:
    for label, shapes, steps, without, in_no_grad in _CASES:
        wd = rng.number(0.2, 0.6)
        yield step_case(rng, label, shapes, steps, without, wd=wd, in_no_grad=in_no_grad)


def _sgd(move: Callable[[Tensor, Tensor, float, float], Tensor], skips: bool = True) -> Callable[..., None]:
    """A step p <- move(p, g, lr, wd); without `skips`, a missing gradient counts as zero."""

    def step(params: Sequence[Tensor], lr: float, wd: float) -> None:
        with torch.no_grad():
            for p in params:
                if p.grad is not None or not skips:
                    p.copy_(move(p, torch.zeros_like(p) if p.grad is None else p.grad, lr, wd))

    return step


_right = _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p))


@torch.no_grad()
def _adds_to_grad(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.grad.add_(p, alpha=wd)
            p.sub_(p.grad, alpha=lr)


_COMMON = (
    Mistake(
        "wd not multiplied by lr",
        _sgd(lambda p, g, lr, wd: p - lr * g - wd * p),
        "The weight loses wd of itself in every step, however small lr is. The decay is scaled by lr like the rest of "
        "the step.",
    ),
    Mistake(
        "the penalty's factor 2",
        _sgd(lambda p, g, lr, wd: p - lr * (g + 2 * wd * p)),
        "The pull is twice as strong as it should be. 2*wd*p is the gradient of wd*sum(p**2); what torch calls "
        "weight_decay is the factor of p itself, without the 2.",
    ),
    Mistake(
        "grows instead of decays",
        _sgd(lambda p, g, lr, wd: p - lr * (g - wd * p)),
        "Without a gradient the weights would grow: the sign of the decay is wrong. It pulls each weight to 0.",
    ),
    Mistake(
        "lr twice in the decay",
        _sgd(lambda p, g, lr, wd: p - lr * (g + lr * wd * p)),
        "The decay is multiplied by lr twice: once where you make it and once more with the rest of the step.",
    ),
    Mistake(
        "uphill",
        _sgd(lambda p, g, lr, wd: p + lr * g - lr * wd * p),
        "The decay is right, but the step climbs: the gradient is to be subtracted.",
    ),
    Mistake(
        "both uphill",
        _sgd(lambda p, g, lr, wd: p + lr * (g + wd * p)),
        "Both terms have the wrong sign: the step climbs, and the weights grow. Subtract.",
    ),
    Mistake(
        "the same amount off every weight",
        _sgd(lambda p, g, lr, wd: p - lr * g - lr * wd),
        "Every weight loses the same amount, lr * wd, so a negative one moves away from 0. The decay is a share of the "
        "weight itself.",
    ),
    Mistake(
        "half the pull",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd / 2 * p)),
        "The pull is half as strong as it should be. The 1/2 stands in the penalty; it cancels the 2 of its gradient, "
        "which is wd * p.",
    ),
    Mistake(
        "squared weights added",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.square())),
        "You add wd times the square of each weight, so negative weights are pushed away from 0. What belongs there is "
        "the slope, wd * p.",
    ),
    Mistake(
        "gradient not multiplied by lr",
        _sgd(lambda p, g, lr, wd: p * (1 - lr * wd) - g),
        "The decay is scaled by lr, but the gradient is subtracted in full.",
    ),
    Mistake(
        "no decay",
        _sgd(lambda p, g, lr, wd: p - lr * g),
        "This is a plain SGD step: wd has no effect.",
    ),
    Mistake(
        "biases spared",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p * (p.ndim > 1))),
        "Tensors of one dimension do not decay. Which parameters decay is decided by whoever makes the list; the step "
        "treats all of them alike.",
    ),
    Mistake(
        "decay without a gradient",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p), skips=False),
        "A parameter whose `.grad` is None took no part in the loss and is left alone: it does not decay either.",
    ),
    Mistake(
        "a sum for every entry",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.sum())),
        "Every entry is pulled by the sum of all of them. Each weight decays in proportion to itself.",
    ),
    Mistake(
        "a sum of squares added",
        _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.square().sum())),
        "You add the penalty itself, one number, to every entry of the gradient. Some notes do; what belongs there is "
        "the penalty's gradient, which differs from entry to entry.",
    ),
    Mistake(
        "gradient changed",
        _adds_to_grad,
        "The step is right, but the decay is still in `.grad` afterwards, where the next backward or a look at the "
        "gradients finds it. Make a new tensor instead of changing `.grad`.",
    ),
    *in_place_mistakes(_right),
)


class SgdL2Step(Exercise):
    """p <- p - lr * (p.grad + wd * p), in place."""

    id, points = "weight_decay.sgd_l2_step", 2
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _decaying_cases(rng)

    def probe(self, sgd_l2_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: sgd_l2_step(params, lr, case.wd))

    mistakes = (
        Mistake(
            "step before the decay",
            _sgd(lambda p, g, lr, wd: (p - lr * g) * (1 - lr * wd)),
            "The decay acts on the weight as it is after the step. g and wd*p belong to the same point: add them "
            "first, then take one step.",
        ),
        Mistake(
            "wd scales the gradient",
            _sgd(lambda p, g, lr, wd: p - lr * (1 + wd) * g),
            "The gradient is made larger, and the weight itself plays no part. The decay is wd times the weight.",
        ),
        *_COMMON,
    )


class SgdDecayStep(Exercise):
    """p <- p * (1 - lr * wd), then p <- p - lr * p.grad, in place."""

    id, points = "weight_decay.sgd_decay_step", 2
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _decaying_cases(rng)

    def probe(self, sgd_decay_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: sgd_decay_step(params, lr, case.wd))

    mistakes = (
        Mistake(
            "decay after the step",
            _sgd(lambda p, g, lr, wd: (p - lr * g) * (1 - lr * wd)),
            "The two lines are in the wrong order: the fresh step decays too. First shrink, then step.",
        ),
        Mistake(
            "shrinks to a fraction",
            _sgd(lambda p, g, lr, wd: p * lr * wd - lr * g),
            "Only lr*wd of the weight is left. It should lose that part and keep the rest.",
        ),
        Mistake(
            "gradient shrunk too",
            _sgd(lambda p, g, lr, wd: p * (1 - lr * wd) - lr * g * (1 - wd)),
            "The gradient is made smaller by the decay. Decoupled means that the decay touches the weight alone.",
        ),
        Mistake(
            "factor subtracted",
            _sgd(lambda p, g, lr, wd: p - (1 - lr * wd) - lr * g),
            "You subtract 1 - lr * wd from the weight. It is a factor: what is left of the weight.",
        ),
        Mistake(
            "decay and L2 together",
            _sgd(lambda p, g, lr, wd: (q := p * (1 - lr * wd)) - lr * (g + wd * q)),
            "The weights shrink, and then the step pulls them to 0 once more. The decay stands on its own; the step "
            "follows the gradient of the loss alone.",
        ),
        Mistake(
            "only the decay",
            _sgd(lambda p, g, lr, wd: p * (1 - lr * wd)),
            "The weights shrink, but the gradient is never followed.",
        ),
        *_COMMON,
    )


def _grouped(
    decays: Callable[[str, Tensor], bool], wanted: Callable[[Tensor], bool] = lambda p: p.requires_grad
) -> Callable[[nn.Module, float], list[dict[str, Any]]]:
    def decay_groups(model: nn.Module, wd: float) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in model.named_parameters() if wanted(p)]
        return [
            {"params": [p for name, p in named if decays(name, p)], "weight_decay": wd},
            {"params": [p for name, p in named if not decays(name, p)], "weight_decay": 0.0},
        ]

    return decay_groups


_groups = _grouped(lambda name, p: p.ndim >= 2)


def _without_empty(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    return [group for group in _groups(model, wd) if group["params"]]


def _repeated(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    own = [p for module in model.modules() for p in module.parameters(recurse=False) if p.requires_grad]
    return [
        {"params": [p for p in own if p.ndim >= 2], "weight_decay": wd},
        {"params": [p for p in own if p.ndim < 2], "weight_decay": 0.0},
    ]


def _copied(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    return [{**group, "params": [p.detach().clone() for p in group["params"]]} for group in _groups(model, wd)]


def _as_pairs(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    name = {p: name for name, p in model.named_parameters()}
    return [{**group, "params": [(name[p], p) for p in group["params"]]} for group in _groups(model, wd)]


class _Scaled(nn.Module):
    """An affine map with a trainable temperature, a parameter of no dimensions, under a name without 'bias'."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(n_out))
        self.linear = nn.Linear(n_in, n_out, bias=False)


def _model(kind: str, a: int, b: int, c: int) -> nn.Module:
    match kind:
        case "norms":
            return nn.Sequential(nn.Conv2d(a, b, 3), nn.BatchNorm2d(b), nn.Flatten(), nn.Linear(b, c), nn.LayerNorm(c))
        case "frozen":
            model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.Linear(c, c))
            model[0].requires_grad_(False)
            model[2].bias.requires_grad_(False)
            return model
        case "embedding":
            return nn.Sequential(nn.Embedding(a, b), _Scaled(b, c))
        case "shared":
            model = nn.Sequential(nn.Linear(b, b), nn.ReLU(), nn.Linear(b, b))
            model[2].weight, model[2].bias = model[0].weight, model[0].bias
            return model
        case "vectors":
            return nn.LayerNorm(c)
        case _:
            return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c))


class DecayGroups(Exercise):
    """[{"params", "weight_decay": wd} for 2 and more dimensions, {"params", "weight_decay": 0.0} for the rest]."""

    id, points = "weight_decay.decay_groups", 2

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, kind in (
            ("affine, ReLU, affine", "plain"),
            ("a convolution, an affine map and two normalisation layers", "norms"),
            ("the first layer and the bias of the second frozen", "frozen"),
            ("an embedding, and a module with a temperature (shape ())", "embedding"),
            ("two layers that share their parameters", "shared"),
            ("a LayerNorm alone: nothing to decay", "vectors"),
        ):
            sizes = [3 + rng.integer(0, 3), 7 + rng.integer(0, 3), 11 + rng.integer(0, 3)]
            yield Case(label, kind=kind, sizes=sizes, wd=rng.number(0.01, 0.5))

    def probe(self, decay_groups: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = _model(case.kind, *case.sizes)
        names = {id(p): name for name, p in model.named_parameters()}
        trainable = [p.requires_grad for p in model.parameters()]
        groups = decay_groups(model, case.wd)
        yield "what is returned", f"a list of {len(groups)}" if isinstance(groups, list | tuple) else groups
        yield (
            "keys of the groups",
            ", ".join("/".join(key for key in ("params", "weight_decay") if key in group) for group in groups),
        )
        for place, group in zip(("first", "second"), groups, strict=True):
            yield f"weight_decay of the {place} group", group["weight_decay"]
            params = group["params"]
            listed = [names.get(id(p), f"a {type(p).__name__} that is no parameter") for p in params]
            if iter(params) is params:
                listed = ["a generator, which is empty after its first use"]
            yield f"params of the {place} group", ", ".join(sorted(listed)) or "none"
        yield (
            "which parameters are trainable afterwards",
            str(trainable == [p.requires_grad for p in model.parameters()]),
        )

    mistakes = (
        Mistake(
            "by the name bias",
            _grouped(lambda name, p: "bias" not in name),
            "You go by the name. The scale of a normalisation layer is called weight, and not everything added is "
            "called bias. Go by the number of dimensions.",
        ),
        Mistake(
            "by the name weight",
            _grouped(lambda name, p: "weight" in name),
            "You go by the name. The scale of a normalisation layer is called weight too, and it should not decay. Go "
            "by the number of dimensions.",
        ),
        Mistake(
            "by the names weight and bias",
            lambda model, wd: [
                {"params": [p for n, p in model.named_parameters() if p.requires_grad and name in n], "weight_decay": w}
                for name, w in (("weight", wd), ("bias", 0.0))
            ],
            "You go by the name. The scale of a normalisation layer is called weight too, and other parameters have "
            "neither word in their name and are lost. Go by the number of dimensions.",
        ),
        Mistake(
            "single numbers left out",
            lambda model, wd: [
                {**group, "params": [p for p in group["params"] if p.ndim]} for group in _groups(model, wd)
            ],
            "A parameter of shape () has 0 dimensions and is in neither group, so it is never trained. All that do not "
            "go to the first group go to the second.",
        ),
        Mistake(
            "iterator instead of a list",
            lambda model, wd: [{**group, "params": iter(group["params"])} for group in _groups(model, wd)],
            "The parameters are in a generator (round brackets, `filter`). It gives its entries once, so the second "
            "step of a training finds nothing. Make a list.",
        ),
        Mistake(
            "parameters exchanged",
            lambda model, wd: [
                {**group, "params": other["params"]}
                for group, other in zip(_groups(model, wd), _groups(model, wd)[::-1], strict=True)
            ],
            "The vectors are in the first group and the matrices in the second. Those that decay come first.",
        ),
        Mistake(
            "in both groups",
            lambda model, wd: [
                {"params": [p for p in model.parameters() if p.requires_grad], "weight_decay": wd},
                _groups(model, wd)[1],
            ],
            "The first group holds all parameters, and the second some of them again. Each parameter is in one group: "
            "an optimizer refuses anything else.",
        ),
        Mistake(
            "another name for weight_decay",
            lambda model, wd: [{"params": g["params"], "wd": g["weight_decay"]} for g in _groups(model, wd)],
            'A group needs the keys "params" and "weight_decay". An optimizer does not know any other name for it and '
            "uses its own default instead.",
        ),
        Mistake(
            "only matrices decay",
            _grouped(lambda name, p: p.ndim == 2),
            "The weight of a convolution has four dimensions, and it should decay as well: 2 dimensions or more.",
        ),
        Mistake(
            "more than two dimensions",
            _grouped(lambda name, p: p.ndim > 2),
            "A matrix has two dimensions and belongs to those that decay: 2 or more.",
        ),
        Mistake(
            "vectors decay too",
            _grouped(lambda name, p: p.ndim >= 1),
            "A bias has one dimension and should not decay.",
        ),
        Mistake(
            "everything decays",
            _grouped(lambda name, p: True),
            "All parameters are in the first group. Biases and the scales of normalisation layers go to the second.",
        ),
        Mistake(
            "frozen parameters kept",
            _grouped(lambda name, p: p.ndim >= 2, wanted=lambda p: True),
            "Frozen parameters (requires_grad False) are listed too. An optimizer gets only what is to be trained.",
        ),
        Mistake(
            "shared parameter listed twice",
            _repeated,
            "A parameter that two modules share is in the list twice and would be stepped twice. "
            "`model.parameters()` gives each one once.",
        ),
        Mistake(
            "empty group left out",
            _without_empty,
            "There are always two groups, even where one has nothing in it: whoever uses them should not have to ask.",
        ),
        Mistake(
            "groups exchanged",
            lambda model, wd: _groups(model, wd)[::-1],
            "The groups are right, but in the other order: first those that decay.",
        ),
        Mistake(
            "weight_decay exchanged",
            lambda model, wd: [
                {**group, "weight_decay": w} for group, w in zip(_groups(model, wd), (0.0, wd), strict=True)
            ],
            "The parameters are sorted well, but wd stands at the biases and 0 at the weights.",
        ),
        Mistake(
            "wd for both",
            lambda model, wd: [{**group, "weight_decay": wd} for group in _groups(model, wd)],
            "The second group decays as well: its weight_decay should be 0.",
        ),
        Mistake(
            "no weight_decay for the second",
            lambda model, wd: [_groups(model, wd)[0], {"params": _groups(model, wd)[1]["params"]}],
            "The second group has no weight_decay, so an optimizer takes its own default there, which need not be 0 "
            "(AdamW's is 0.01). Say 0.0.",
        ),
        Mistake(
            "copies of the parameters",
            _copied,
            "The groups hold copies. An optimizer would move those, and the model would never change.",
        ),
        Mistake(
            "names and parameters",
            _as_pairs,
            "The groups hold pairs of a name and a parameter, as named_parameters() gives them. List the parameters "
            "alone.",
        ),
    )
