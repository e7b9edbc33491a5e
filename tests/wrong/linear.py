"""Wrong answers to the exercises of lesson 01."""

import math

import torch
from torch import Tensor, nn

from tests.wrong import wrong


def _clipped(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0
    return y


wrong("linear.relu", "gradient cut off")(lambda x: _clipped(x.detach()))

wrong("linear.relu", "leaky")(lambda x: torch.where(x > 0, x, 0.01 * x))

wrong("linear.relu", "changes its input")(lambda x: x.mul_(x > 0))

wrong("linear.relu", "cut at 1")(lambda x: x.clamp(0, 1))

wrong("linear.relu", "step instead of ramp")(lambda x: (x > 0).float() + 0 * x)

wrong("linear.relu", "absolute value")(lambda x: x.abs())

wrong("linear.relu", "keeps the negative side")(lambda x: x.clamp(max=0))

wrong("linear.relu", "largest along a dimension")(lambda x: torch.max(x, 0))

wrong("linear.relu", "largest of all")(lambda x: x.max().clamp(min=0))


class _Affine(nn.Module):
    """What the mistakes about My_Linear have in common: everything that they do not get wrong."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter((torch.rand(out_features, in_features) * 2 - 1) * bound)
        self.bias = nn.Parameter((torch.rand(out_features) * 2 - 1) * bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


class _BiasDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T if self.bias is None else x @ self.weight.T + self.bias.data


wrong("linear.My_Linear", "bias detached")(_BiasDetached)


class _WeightDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias


wrong("linear.My_Linear", "weight detached")(_WeightDetached)


class _BothDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias.data


wrong("linear.My_Linear", "weight and bias detached")(_BothDetached)


class _PlainTensors(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        nn.Module.__init__(self)
        bound = 1 / math.sqrt(in_features)
        self.__dict__["weight"] = torch.empty(out_features, in_features).uniform_(-bound, bound).requires_grad_()
        self.__dict__["bias"] = torch.empty(out_features).uniform_(-bound, bound).requires_grad_() if bias else None


wrong("linear.My_Linear", "plain tensors")(_PlainTensors)


class _AlwaysBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=True)


wrong("linear.My_Linear", "bias=False ignored")(_AlwaysBias)


class _BiasForgotten(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


wrong("linear.My_Linear", "bias never added")(_BiasForgotten)


class _NoBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=False)


wrong("linear.My_Linear", "no bias made")(_NoBias)


class _TransposedWeight(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(self.weight.detach().T.clone())

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias


wrong("linear.My_Linear", "weight stored as (in, out)")(_TransposedWeight)


class _Zeros(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.zeros_(p)


wrong("linear.My_Linear", "zero start values")(_Zeros)


class _ZeroBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


wrong("linear.My_Linear", "bias starts at zero")(_ZeroBias)


class _FromZeroToOne(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1)


wrong("linear.My_Linear", "start values between 0 and 1")(_FromZeroToOne)


class _Normal(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p, std=1 / math.sqrt(in_features))


wrong("linear.My_Linear", "normal instead of uniform")(_Normal)


class _Unscaled(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p)


wrong("linear.My_Linear", "start values not scaled")(_Unscaled)


class _UnitInterval(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1, 1)


wrong("linear.My_Linear", "start values between -1 and 1")(_UnitInterval)


class _OnlyPositive(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1 / math.sqrt(in_features))


wrong("linear.My_Linear", "start values only positive")(_OnlyPositive)


class _ByOutFeatures(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(out_features), 1 / math.sqrt(out_features))


wrong("linear.My_Linear", "scaled by out_features")(_ByOutFeatures)


class _NoRoot(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / in_features, 1 / in_features)


wrong("linear.My_Linear", "root forgotten")(_NoRoot)


class _Wrapped(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.Linear(in_features, out_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


wrong("linear.My_Linear", "wraps nn.Linear")(_Wrapped)


class _OnlyTwoDimensions(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.mm(x, self.weight.T)
        return y if self.bias is None else y + self.bias


wrong("linear.My_Linear", "only two dimensions")(_OnlyTwoDimensions)


class _TransposesInput(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = (self.weight @ x.transpose(0, -1)).transpose(0, -1)
        return y if self.bias is None else y + self.bias


wrong("linear.My_Linear", "transposes the input")(_TransposesInput)


class _OneBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[:1].clone())


wrong("linear.My_Linear", "one bias for all outputs")(_OneBias)


class _RowBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[None].clone())


wrong("linear.My_Linear", "bias with a batch dimension")(_RowBias)

wrong("linear.count_parameters", "shared counted twice")(
    lambda m: sum(p.numel() for p in m.state_dict(keep_vars=True).values() if p.requires_grad)
)

wrong("linear.count_parameters", "frozen ones counted")(lambda m: sum(p.numel() for p in m.parameters()))

wrong("linear.count_parameters", "buffers counted")(
    lambda m: (
        sum(t.numel() for t in [*m.parameters(), *m.buffers()] if t.requires_grad or not t.is_leaf)
        + sum(b.numel() for b in m.buffers())
    )
)

wrong("linear.count_parameters", "tensors counted")(lambda m: sum(1 for p in m.parameters() if p.requires_grad))

wrong("linear.count_parameters", "biases left out")(
    lambda m: sum(p.numel() for p in m.parameters() if p.requires_grad and p.ndim > 1)
)

wrong("linear.count_parameters", "inner layers left out")(
    lambda m: sum(p.numel() for p in m.parameters(recurse=False) if p.requires_grad)
)

wrong("linear.count_parameters", "rows counted")(lambda m: sum(len(p) for p in m.parameters() if p.requires_grad))

wrong("linear.collapse", "first bias not carried through")(lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2))

wrong("linear.collapse", "first bias forgotten")(lambda w1, b1, w2, b2: (w2 @ w1, b2.clone()))

wrong("linear.collapse", "second bias forgotten")(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1))

wrong("linear.collapse", "weights in the wrong order")(lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2))

wrong("linear.collapse", "everything in the wrong order")(lambda w1, b1, w2, b2: (w1 @ w2, w1 @ b2 + b1))

wrong("linear.collapse", "w transposed")(lambda w1, b1, w2, b2: (w1.T @ w2.T, w2 @ b1 + b2))

wrong("linear.collapse", "a ReLU in between")(lambda w1, b1, w2, b2: (w2 @ w1.clamp(min=0), w2 @ b1.clamp(min=0) + b2))

wrong("linear.collapse", "entry by entry")(lambda w1, b1, w2, b2: (w2 * w1, w2 @ b1 + b2))


class _Net(nn.Module):
    """What the mistakes about two_layer_net have in common."""

    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = _Affine(n_in, n_hidden), _Affine(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).clamp(min=0))


class _NoActivation(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


wrong("linear.two_layer_net", "no activation")(_NoActivation)


class _ActivationLast(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).clamp(min=0)


wrong("linear.two_layer_net", "activation at the end")(_ActivationLast)


class _ActivationTwice(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).clamp(min=0)).clamp(min=0)


wrong("linear.two_layer_net", "activation also at the end")(_ActivationTwice)


class _ActivationFirst(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x.clamp(min=0)))


wrong("linear.two_layer_net", "activation on the input")(_ActivationFirst)


class _InAList(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.layers = [_Affine(n_in, n_hidden), _Affine(n_hidden, n_out)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[1](self.layers[0](x).clamp(min=0))


wrong("linear.two_layer_net", "layers in a list")(_InAList)


class _SecondFirst(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.second, self.first = _Affine(n_hidden, n_out), _Affine(n_in, n_hidden)


wrong("linear.two_layer_net", "second layer made first")(_SecondFirst)


class _NoBiases(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.first, self.second = _Affine(n_in, n_hidden, bias=False), _Affine(n_hidden, n_out, bias=False)


wrong("linear.two_layer_net", "without biases")(_NoBiases)


class _ReadyMade(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(n_in, n_hidden), nn.Linear(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


wrong("linear.two_layer_net", "ready-made layers")(_ReadyMade)


class _BuiltInForward(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.sizes = n_in, n_hidden, n_out

    def forward(self, x: Tensor) -> Tensor:
        return _Net(*self.sizes)(x)


wrong("linear.two_layer_net", "layers made in forward")(_BuiltInForward)
