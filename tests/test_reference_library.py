"""The reference of lesson 12 against torch's layers and autograd, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.reference import library


def pair():
    """The same net twice: of our layers and of torch's."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    sizes = [5, 7, 4, 3]
    theirs, ours = [], []
    for a, b in zip(sizes, sizes[1:], strict=False):
        own, layer = library.Linear(a, b, generator), nn.Linear(a, b).double()
        own.weight, own.bias = own.weight.double(), own.bias.double()
        layer.load_state_dict({"weight": own.weight, "bias": own.bias})
        theirs += [layer, nn.ReLU()]
        ours += [own, library.ReLU()]
    return library.Sequential(ours[:-1]), nn.Sequential(*theirs[:-1])


def test_forward_and_every_gradient_equal_torch():
    net, theirs = pair()
    x = torch.randn(9, 5, dtype=torch.float64, requires_grad=True)
    y = torch.randint(3, (9,))
    loss = library.CrossEntropy()
    value = loss.forward(net.forward(x.detach()), y)
    grad_x = net.backward(loss.backward())
    expected = F.cross_entropy(theirs(x), y)
    expected.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(grad_x, x.grad, rtol=1e-10, atol=1e-14)
    for a, p in zip(net.gradients(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, p.grad, rtol=1e-10, atol=1e-14)


def test_the_check_finds_one_wrong_entry_and_leaves_the_net_as_it_was():
    net, _ = pair()
    x, y = torch.randn(6, 5, dtype=torch.float64), torch.randint(3, (6,))
    before = [p.clone() for p in net.parameters()]
    assert library.gradient_check(net, library.CrossEntropy(), x, y) < 1e-5
    last = net.layers[-1]
    gradients = last.gradients

    def wrong():
        weight, bias = gradients()
        weight.view(-1)[weight.abs().argmax()] *= 3
        return [weight, bias]

    last.gradients = wrong
    error = library.gradient_check(net, library.CrossEntropy(), x, y)
    assert error == pytest.approx(0.5, rel=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_the_same_seed_gives_the_same_net():
    x, y = torch.randn(200, 784), torch.arange(200) % 10
    one, two = (library.fit_digits(x, y, 3) for _ in range(2))
    assert torch.equal(one.forward(x), two.forward(x))
    assert one.forward(x).isfinite().all()
