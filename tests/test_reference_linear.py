"""The reference answers of lesson 01 agree with torch in float64, in values and in gradients."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.reference import linear

SIZES = st.integers(1, 7)
LARGEST_ERROR = 1e-12


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).detach().abs().max() / b.detach().abs().max().clamp(min=1e-300))


def gradients_agree(ours: torch.Tensor, theirs: torch.Tensor, inputs: list[torch.Tensor]) -> bool:
    cotangent = torch.randn_like(ours)
    pairs = zip(
        torch.autograd.grad(ours, inputs, cotangent),
        torch.autograd.grad(theirs, inputs, cotangent),
        strict=True,
    )
    return all(relative(a, b) < LARGEST_ERROR for a, b in pairs)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(SIZES, max_size=3), SIZES, SIZES, st.booleans())
def test_my_linear_equals_nn_linear(batch, n_in, n_out, bias):
    torch.manual_seed(n_in * 10 + n_out)
    theirs = nn.Linear(n_in, n_out, bias).double()
    ours = linear.My_Linear(n_in, n_out, bias).double()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(*batch, n_in, dtype=torch.float64, requires_grad=True)
    y = ours(x)
    assert relative(y, theirs(x)) < LARGEST_ERROR
    parameters = [p for p in (ours.weight, ours.bias) if p is not None]
    expected = F.linear(x, *parameters)
    assert gradients_agree(y, expected, [x, *parameters])


def test_my_linear_starts_like_nn_linear():
    layer = linear.My_Linear(100, 5000)
    assert [(name, tuple(p.shape)) for name, p in layer.named_parameters()] == [
        ("weight", (5000, 100)),
        ("bias", (5000,)),
    ]
    for p in layer.parameters():
        assert p.abs().max() <= 0.1
        assert torch.isclose(p.std(), torch.tensor(0.2 / 12**0.5), rtol=0.05)


def test_my_linear_passes_gradcheck():
    layer = linear.My_Linear(3, 2).double()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(SIZES, max_size=4))
def test_relu_equals_torch(shape):
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.equal(linear.relu(x), F.relu(x))
    assert gradients_agree(linear.relu(x) + x, F.relu(x) + x, [x])


@settings(deadline=None, derandomize=True, max_examples=40)
@given(SIZES, SIZES, SIZES)
def test_collapse_equals_the_two_maps(i, h, o):
    first, second = nn.Linear(i, h).double(), nn.Linear(h, o).double()
    w, b = linear.collapse(first.weight, first.bias, second.weight, second.bias)
    x = torch.randn(5, i, dtype=torch.float64)
    y, expected = F.linear(x, w, b), second(first(x))
    assert relative(y, expected) < LARGEST_ERROR * 100
    assert gradients_agree(y, expected, [first.weight, first.bias, second.weight]) or i * h * o == 1


def test_two_layer_net_equals_torch():
    net = linear.two_layer_net(4, 6, 3).double()
    theirs = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    for ours, other in zip(net.parameters(), theirs.parameters(), strict=True):
        other.data.copy_(ours.data)
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    y, expected = net(x), theirs(x)
    assert relative(y, expected) < LARGEST_ERROR
    cotangent = torch.randn_like(y)
    grads = torch.autograd.grad(y, [x, *net.parameters()], cotangent)
    for ours, other in zip(
        grads, torch.autograd.grad(expected, [x, *theirs.parameters()], cotangent), strict=True
    ):
        assert relative(ours, other) < LARGEST_ERROR


def test_count_parameters():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 4))
    net[3].weight = net[2].weight
    net[0].bias.requires_grad_(False)
    assert linear.count_parameters(net) == 12 + 8 + 16 + 4 + 4
