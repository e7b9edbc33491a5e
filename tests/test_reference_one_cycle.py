"""The reference answers of lesson 08 agree with torch's OneCycleLR at every step, and the range
test stops in time.
"""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from course_utils.reference import one_cycle

RATES = st.floats(1e-4, 10.0)


def torch_cycle(total: int, lr_max: float, **settings: object) -> list[tuple[float, float]]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr_max, total_steps=total, **settings
    )
    pairs = []
    for step in range(total):
        pairs.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        if step < total - 1:
            scheduler.step()
    return pairs


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    st.integers(5, 60),
    RATES,
    st.floats(0.05, 0.95),
    st.floats(2.0, 50.0),
    st.floats(2.0, 1e5),
    st.floats(0.5, 0.89),
)
def test_every_step_equals_torch(total, lr_max, pct_start, div, final_div, low):
    assume(abs(pct_start * total - 1) > 1e-6 and total * (1 - pct_start) > 1e-3)
    momentums = (low, low + 0.1)
    expected = torch_cycle(
        total,
        lr_max,
        pct_start=pct_start,
        div_factor=div,
        final_div_factor=final_div,
        base_momentum=momentums[0],
        max_momentum=momentums[1],
    )
    for step, pair in enumerate(expected):
        ours = one_cycle.one_cycle(step, total, lr_max, pct_start, div, final_div, momentums)
        assert ours == pytest.approx(pair, rel=1e-10)


@pytest.mark.parametrize("total", [10, 63, 300])
def test_the_defaults_are_torchs_defaults(total):
    for step, pair in enumerate(torch_cycle(total, 0.3)):
        assert one_cycle.one_cycle(step, total, 0.3) == pytest.approx(pair, rel=1e-10)


@settings(deadline=None, derandomize=True)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 1))
def test_anneal_equals_torchs_cosine(start, end, pct):
    expected = torch.optim.lr_scheduler.OneCycleLR._annealing_cos(start, end, pct)
    assert one_cycle.anneal(start, end, pct) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(deadline=None, derandomize=True)
@given(RATES, st.floats(1.5, 1e6), st.integers(2, 200))
def test_rates_rise_by_equal_ratios_and_include_both_ends(lr_min, span, steps):
    lrs, losses = one_cycle.lr_range_test(lambda lr: 1.0, lr_min, lr_min * span, steps)
    expected = torch.logspace(
        math.log10(lr_min), math.log10(lr_min * span), steps, dtype=torch.float64
    )
    assert torch.tensor(lrs, dtype=torch.float64).allclose(expected, rtol=1e-10, atol=0)
    assert losses == [1.0] * steps


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 4.1])
def test_the_range_test_stops_at_a_bad_loss_without_recording_it(bad):
    losses = [3.0, 1.0, 4.0, bad, 0.1]
    tried: list[float] = []

    def loss_at(lr: float) -> float:
        tried.append(lr)
        return losses[len(tried) - 1]

    lrs, found = one_cycle.lr_range_test(loss_at, 1e-3, 1.0, 5)
    assert found == losses[:3]
    assert lrs == tried[:3]
    assert len(tried) == 4


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 10), min_size=2, max_size=30))
def test_the_suggestion_is_where_the_loss_falls_fastest(losses):
    lrs = [10.0**-i for i in range(len(losses))]
    i = int(torch.tensor(losses, dtype=torch.float64).diff().argmin())
    assert one_cycle.suggest_lr(lrs, losses) == lrs[i]


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 5))
def test_steps_are_those_of_a_loader(n, batch_size, epochs):
    assert one_cycle.steps_per_fit(n, batch_size, epochs) == epochs * len(
        DataLoader(range(n), batch_size)
    )  # type: ignore[arg-type]
