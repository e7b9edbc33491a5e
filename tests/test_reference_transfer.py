"""The reference answers of lesson 10: heads, frozen layers, rates by depth and hooks, on small nets
and a resnet.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.checking import judge
from course_utils.exercises.transfer import digit_net
from course_utils.reference import transfer

RATES = st.floats(1e-6, 1.0)


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(inplace=True)),
        nn.Linear(6, 5),
        nn.LogSoftmax(-1),
    )


def test_the_head_of_a_resnet34_is_replaced_and_all_else_stays():
    from torchvision.models import resnet34

    model = resnet34(weights=None)
    before = dict(model.named_parameters())
    assert transfer.replace_head(model, 37) is model
    assert (model.fc.in_features, model.fc.out_features) == (512, 37)
    after = dict(model.named_parameters())
    assert [name for name in after if after[name] is not before[name]] == ["fc.weight", "fc.bias"]
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 37)


def test_only_the_last_linear_layer_is_replaced_also_when_something_follows_it():
    model = small_net()
    first = model[0][0]
    transfer.replace_head(model, 2)
    assert model[0][0] is first
    assert model(torch.randn(3, 4)).shape == (3, 2)


def test_a_frozen_module_gets_no_gradient_and_an_unfrozen_one_does():
    model = small_net()
    transfer.freeze(model[0])
    model(torch.randn(3, 4)).sum().backward()
    assert [p.grad is None for p in model.parameters()] == [True] * 4 + [False] * 2
    transfer.unfreeze(model[0])
    model(torch.randn(3, 4)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@settings(deadline=None, derandomize=True)
@given(RATES, RATES, st.integers(2, 9))
def test_rates_of_a_slice_have_equal_ratios(first, last, n):
    rates = transfer.discriminative_lrs(slice(first, last), n)
    assert len(rates) == n
    assert (rates[0], rates[-1]) == (first, last)
    expected = torch.logspace(math.log10(first), math.log10(last), n, dtype=torch.float64)
    assert torch.allclose(torch.tensor(rates, dtype=torch.float64), expected, rtol=1e-10, atol=0)


def test_rates_without_a_start_and_for_one_group():
    assert transfer.discriminative_lrs(3e-3, 3) == [3e-3] * 3
    assert transfer.discriminative_lrs(slice(3e-3), 3) == pytest.approx(
        [3e-4, 3e-4, 3e-3], rel=1e-12
    )
    assert [
        transfer.discriminative_lrs(lr, 1) for lr in (2e-3, slice(2e-3), slice(1e-5, 2e-3))
    ] == [[2e-3]] * 3


def test_torch_optim_takes_the_groups_and_moves_each_by_its_rate():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].bias.requires_grad = False
    groups = transfer.parameter_groups(list(model), [0.1, 0.3])
    optimizer = torch.optim.SGD(groups)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step()
    moved = [(a - b).mean().item() for a, b in zip(before, model.parameters(), strict=True)]
    assert moved == pytest.approx([0.1, 0.0, 0.3, 0.3], rel=1e-5)


def test_as_many_rates_as_groups():
    with pytest.raises(ValueError, match="2 groups and 1 learning rates"):
        transfer.parameter_groups([nn.Linear(1, 1), nn.Linear(1, 1)], [0.1])


def test_activations_are_what_the_layers_put_out_even_before_an_in_place_relu():
    model = small_net().eval()
    x = torch.randn(3, 4)
    found = transfer.activations(model, ["0.1", "0", "1"], x)
    z = model[0][1](model[0][0](x))
    assert torch.equal(found["0.1"], z)
    assert torch.equal(found["0"], z.clamp(min=0))
    assert torch.equal(found["1"], model[1](z.clamp(min=0)))
    assert not any(value.requires_grad for value in found.values())
    assert not any(module._forward_hooks for module in model.modules())


def test_no_hook_is_left_behind_when_the_model_raises():
    model = small_net()
    with pytest.raises(RuntimeError):
        transfer.activations(model, ["1"], torch.randn(3, 7))
    assert not any(module._forward_hooks for module in model.modules())


def test_fine_tune_replaces_the_head_and_keeps_the_filters_alike():
    torch.manual_seed(0)
    model = digit_net(5)
    before = model.early[0].weight.detach().clone()
    x, y = torch.randn(96, 1, 28, 28), torch.arange(96) % 6
    tuned = transfer.fine_tune(model, x, y, seed=0)
    assert tuned(x).shape == (96, 6)
    assert torch.equal(tuned(x).argmax(-1), y)
    assert torch.cosine_similarity(before.flatten(), tuned.early[0].weight.flatten(), dim=0) > 0.9


def test_the_place_of_an_unseen_digit_tells_nothing_of_its_class():
    class ByPlace(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.one_hot(torch.arange(len(x)) * 10 // len(x), 10).float()

    assert judge("transfer.fine_tune", lambda model, x, y, seed: ByPlace()).status == "wrong"
