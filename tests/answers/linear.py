"""Other right answers to the exercises of lesson 01."""

import functools
import itertools
import math

import torch
from torch import Tensor, nn


def relu_by_where(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


def relu_by_absolute_value(x: Tensor) -> Tensor:
    return (x + x.abs()) / 2


def relu_by_mask(x: Tensor) -> Tensor:
    return x * (x > 0)


def relu_by_assignment(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0
    return y


class EinsumLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = in_features**-0.5
        self.weight = nn.Parameter((2 * torch.rand(out_features, in_features) - 1) * bound)
        if bias:
            self.bias = nn.Parameter((2 * torch.rand(out_features) - 1) * bound)
        else:
            self.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


class MatmulLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(self.weight, x.unsqueeze(-1)).squeeze(-1)
        if self.bias is not None:
            y += self.bias
        return y


class LoopLinear(MatmulLinear):
    def forward(self, x: Tensor) -> Tensor:
        columns = [(x * row).sum(-1) for row in self.weight]
        y = torch.stack(columns, dim=-1)
        return y + self.bias if self.bias is not None else y


def count_by_loop(module: nn.Module) -> int:
    seen: dict[int, int] = {}
    for child in module.modules():
        for parameter in child._parameters.values():
            if parameter is not None and parameter.requires_grad:
                seen[id(parameter)] = math.prod(parameter.shape)
    return sum(seen.values())


def count_by_concatenation(module: nn.Module) -> int:
    trainable = [p.detach().flatten() for p in module.parameters() if p.requires_grad]
    return torch.cat(trainable).numel() if trainable else 0


def count_as_tensor(module: nn.Module) -> Tensor:
    return torch.tensor(
        [p.numel() for p in module.parameters() if p.requires_grad], dtype=torch.int64
    ).sum()


def collapse_by_probing(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> list[Tensor]:
    def both(x: Tensor) -> Tensor:
        return (x @ w1.T + b1) @ w2.T + b2

    b = both(w1.new_zeros(w1.shape[1]))
    return [(both(torch.eye(w1.shape[1], dtype=w1.dtype)) - b).T, b]


def collapse_by_einsum(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    return torch.einsum("oh,hi->oi", w2, w1), torch.einsum("oh,h->o", w2, b1) + b2


def collapse_with_a_column(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    both = w2 @ torch.cat([w1, b1[:, None]], dim=1)
    return both[:, :-1], both[:, -1] + b2


def net_in_sequence(n_in: int, n_hidden: int, n_out: int) -> nn.Module:
    class Ramp(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.clamp(min=0)

    return nn.Sequential(EinsumLinear(n_in, n_hidden), Ramp(), EinsumLinear(n_hidden, n_out))


class NetOfParameters(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.w1, self.b1 = (
            nn.Parameter(torch.randn(n_hidden, n_in)),
            nn.Parameter(torch.zeros(n_hidden)),
        )
        self.w2, self.b2 = (
            nn.Parameter(torch.randn(n_out, n_hidden)),
            nn.Parameter(torch.zeros(n_out)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return relu_by_where(x @ self.w1.T + self.b1) @ self.w2.T + self.b2


ANSWERS = {
    "linear.relu": [relu_by_where, relu_by_absolute_value, relu_by_mask, relu_by_assignment],
    "linear.My_Linear": [EinsumLinear, MatmulLinear, LoopLinear],
    "linear.count_parameters": [count_by_loop, count_by_concatenation, count_as_tensor],
    "linear.collapse": [collapse_by_probing, collapse_by_einsum, collapse_with_a_column],
    "linear.two_layer_net": [net_in_sequence, NetOfParameters],
}


# Written from the student's notebook alone.


def relu_first_reading(x):
    return (x + x.abs()) / 2


class _ReluFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        keep = x > 0
        ctx.save_for_backward(keep)
        return torch.where(keep, x, torch.zeros_like(x))

    @staticmethod
    def backward(ctx, grad):
        (keep,) = ctx.saved_tensors
        return grad * keep


relu_second_reading = _ReluFunction.apply


class _ReluModule(nn.Module):
    def forward(self, x):
        return x.masked_fill(x < 0, 0.0)


relu_third_reading = _ReluModule()


def relu_fourth_reading(x, /):
    return -torch.minimum(-x, x.new_zeros(()))


def relu_fifth_reading(x):
    both = torch.stack([torch.zeros_like(x), x])
    return both.max(dim=0).values


class My_Linear_first_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        w = torch.empty(out_features, in_features)
        nn.init.kaiming_uniform_(w, a=math.sqrt(5))  # comes to 1/sqrt(in_features)
        self.weight = nn.Parameter(w)
        if bias:
            self.bias = nn.Parameter((torch.rand(out_features) - 0.5) * 2 / math.sqrt(in_features))
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


class My_Linear_second_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        limit = in_features**-0.5
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-limit, limit)

    def forward(self, x):
        y = torch.matmul(self.weight, x.unsqueeze(-1)).squeeze(-1)
        if self.bias is not None:
            y = self.bias + y
        return y


class My_Linear_third_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        high = 1.0 / float(in_features) ** 0.5
        draw = torch.distributions.Uniform(-high, high)
        both = draw.sample((out_features, in_features + 1))
        self.weight = nn.Parameter(both[:, 1:].clone())
        self.bias = nn.Parameter(both[:, 0].clone()) if bias else None

    def forward(self, x):
        products = x[..., None, :] * self.weight
        out = products.sum(dim=-1)
        return out if self.bias is None else out + self.bias


def count_parameters_first_reading(module):
    by_id = {id(p): math.prod(p.shape) for p in module.parameters() if p.requires_grad}
    return sum(by_id.values())


class count_parameters_second_reading:
    """Walks the tree itself."""

    def __new__(cls, module):
        seen = set()

        def walk(m):
            n = 0
            for p in m._parameters.values():
                if p is not None and p.requires_grad and p not in seen:
                    seen.add(p)
                    n += len(p.reshape(-1))
            return n + sum(walk(child) for child in m.children())

        return walk(module)


def count_parameters_third_reading(module):
    trainable = filter(lambda p: p.requires_grad, module.parameters())
    return functools.reduce(
        lambda n, p: n + int(torch.ones_like(p, dtype=torch.int64).sum()), trainable, 0
    )


def collapse_first_reading(w1, b1, w2, b2):
    def both(x):
        return w2.double() @ (w1.double() @ x + b1.double()) + b2.double()

    b = both(torch.zeros(w1.shape[1], dtype=torch.float64))
    columns = [both(unit) - b for unit in torch.eye(w1.shape[1], dtype=torch.float64)]
    return torch.stack(columns, dim=1).to(w1.dtype), b.to(b2.dtype)


def collapse_second_reading(w1, b1, w2, b2):
    augmented = w2 @ torch.cat([w1, b1[:, None]], dim=1)
    return augmented[:, :-1], augmented[:, -1] + b2


def collapse_third_reading(w1, b1, w2, b2):
    w = (w2[:, :, None] * w1[None]).sum(1)
    b = b2 + (w2 * b1).sum(-1)
    return w, b


def _uniform(*shape, bound):
    return (torch.rand(*shape) * 2 - 1) * bound


class two_layer_net_first_reading(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.w1 = nn.Parameter(_uniform(n_hidden, n_in, bound=n_in**-0.5))
        self.b1 = nn.Parameter(_uniform(n_hidden, bound=n_in**-0.5))
        self.w2 = nn.Parameter(_uniform(n_out, n_hidden, bound=n_hidden**-0.5))
        self.b2 = nn.Parameter(_uniform(n_out, bound=n_hidden**-0.5))

    def forward(self, x):
        z = x @ self.w1.T + self.b1
        return torch.where(z > 0, z, 0.0) @ self.w2.T + self.b2


class _Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        )

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


def _relu(x):
    return x.clamp(min=0)


class _Bend(nn.Module):
    def forward(self, x):
        return _relu(x)


class two_layer_net_second_reading(nn.Sequential):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__(_Linear(n_in, n_hidden), _Bend(), _Linear(n_hidden, n_out))


class two_layer_net_third_reading(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        sizes = [n_in, n_hidden, n_out]
        self.maps = nn.ModuleList(_Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x):
        *inner, last = self.maps
        return last(functools.reduce(lambda h, layer: _relu(layer(h)), inner, x))


ANSWERS["linear.relu"] += [
    relu_first_reading,
    relu_second_reading,
    relu_third_reading,
    relu_fourth_reading,
    relu_fifth_reading,
]
ANSWERS["linear.My_Linear"] += [
    My_Linear_first_reading,
    My_Linear_second_reading,
    My_Linear_third_reading,
]
ANSWERS["linear.count_parameters"] += [
    count_parameters_first_reading,
    count_parameters_second_reading,
    count_parameters_third_reading,
]
ANSWERS["linear.collapse"] += [
    collapse_first_reading,
    collapse_second_reading,
    collapse_third_reading,
]
ANSWERS["linear.two_layer_net"] += [
    two_layer_net_first_reading,
    two_layer_net_second_reading,
    two_layer_net_third_reading,
]


def expose_relu_in_rows() -> tuple[object, object]:
    return [
        {"x": torch.tensor([[9.0, 0.0, 1.5], [-3.0, -0.1, -9.0]])},
        {"x": torch.tensor([2.0])},
    ], (torch.tensor([[9.0, 0.0, 1.5], [0.0, 0.0, 0.0]]))


def expose_relu_without_negatives_first() -> tuple[object, object]:
    positive, both = torch.tensor([[0.5, 20.0]]), torch.tensor([-4.0, 0.0, 0.3, -0.2])
    return [{"x": positive}, {"x": both}], positive


ANSWERS |= {
    "linear.expose_relu": [expose_relu_in_rows, expose_relu_without_negatives_first],
}
