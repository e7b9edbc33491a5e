"""The answers of lesson 09 against torch, one-hot products and finite differences, in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from course_utils.exercises.embeddings import FitRatings
from course_utils.reference.embeddings import (
    DotProductBias,
    embedding_backward,
    embedding_lookup,
    fit_ratings,
    pca,
    sigmoid_range,
)

EXACT = {"rtol": 1e-10, "atol": 1e-13}
SIZES = st.integers(1, 7)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def lookups(draw_from: st.DrawFn) -> tuple[Tensor, Tensor]:
    n, k = draw_from(SIZES), draw_from(SIZES)
    shape = draw_from(st.lists(st.integers(1, 4), max_size=3))
    generator = torch.Generator().manual_seed(draw_from(st.integers(0, 1000)))
    return draw(n, k), torch.randint(0, n, shape, generator=generator)


@settings(deadline=None, derandomize=True)
@given(lookups())
def test_lookup_is_a_one_hot_product_and_torchs_embedding(lookup: tuple[Tensor, Tensor]) -> None:
    weight, idx = lookup
    rows = embedding_lookup(weight, idx)
    torch.testing.assert_close(rows, F.embedding(idx, weight), **EXACT)
    torch.testing.assert_close(rows, F.one_hot(idx, len(weight)).double() @ weight, **EXACT)


@settings(deadline=None, derandomize=True)
@given(lookups())
def test_lookup_backward_is_autograds(lookup: tuple[Tensor, Tensor]) -> None:
    weight, idx = lookup
    weight.requires_grad_()
    grad_out = draw(*idx.shape, weight.shape[1], seed=1)
    F.embedding(idx, weight).backward(grad_out)
    torch.testing.assert_close(embedding_backward(grad_out, idx, len(weight)), weight.grad, **EXACT)


@settings(deadline=None, derandomize=True)
@given(st.floats(-5, 5), st.floats(0.1, 10), st.lists(st.floats(-700, 700), min_size=1))
def test_sigmoid_range_equals_the_formula_and_stays_within(
    low: float, width: float, values: list[float]
) -> None:
    x = torch.tensor(values, dtype=torch.float64)
    y = sigmoid_range(x, low, low + width)
    torch.testing.assert_close(y, low + width / (1 + torch.exp(-x)), **EXACT)
    assert (y >= low - 1e-12).all() and (y <= low + width + 1e-12).all()


def test_sigmoid_range_has_the_right_slope() -> None:
    assert torch.autograd.gradcheck(lambda x: sigmoid_range(x, -2.0, 3.0), draw(5).requires_grad_())


def test_the_model_equals_the_formula_pair_by_pair_and_so_do_its_gradients() -> None:
    model = DotProductBias(4, 6, 3, (0.5, 5.5)).double()
    for seed, p in enumerate(model.parameters()):
        p.data = draw(*p.shape, seed=seed)
    users, items = torch.tensor([3, 0, 3, 1]), torch.tensor([5, 2, 5, 2])
    y = model(users, items)
    for n, (u, i) in enumerate(zip(users, items, strict=True)):
        score = (
            torch.dot(model.user_factors[u], model.item_factors[i])
            + model.user_bias[u]
            + model.item_bias[i]
        )
        torch.testing.assert_close(y[n], 0.5 + 5.0 * torch.sigmoid(score), **EXACT)

    def of(*tables: Tensor) -> Tensor:
        return torch.func.functional_call(
            model, dict(zip(names, tables, strict=True)), (users, items)
        )

    names = [name for name, _ in model.named_parameters()]
    assert names == ["user_factors", "item_factors", "user_bias", "item_bias"]
    assert torch.autograd.gradcheck(
        of, tuple(p.detach().requires_grad_() for p in model.parameters())
    )


@settings(deadline=None, derandomize=True)
@given(st.integers(3, 12), st.integers(1, 8), st.integers(0, 100))
def test_pca_directions_are_orthonormal_and_explain_the_variance_in_order(
    n: int, d: int, seed: int
) -> None:
    x = draw(n, d, seed=seed) + 3
    k = min(n - 1, d)
    projected, components, ratio = pca(x, k)
    torch.testing.assert_close(components @ components.T, torch.eye(k).double(), rtol=0, atol=1e-10)
    variances = projected.var(0, correction=0)
    torch.testing.assert_close(
        variances / x.var(0, correction=0).sum(), ratio, rtol=1e-9, atol=1e-12
    )
    assert (ratio[1:] <= ratio[:-1] + 1e-12).all()
    torch.testing.assert_close(ratio.sum(), torch.tensor(1.0).double(), **EXACT)
    torch.testing.assert_close(projected @ components + x.mean(0), x, rtol=0, atol=1e-9)


def test_pca_equals_the_eigenvectors_of_the_covariance_up_to_signs() -> None:
    x = draw(20, 5) * torch.tensor([5.0, 3.0, 2.0, 1.0, 0.5]).double()
    _, components, ratio = pca(x, 5)
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    torch.testing.assert_close(ratio, values.flip(0) / values.sum(), rtol=1e-10, atol=0)
    torch.testing.assert_close(
        (components @ vectors.flip(1)).abs(), torch.eye(5).double(), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_held_out_ratings_are_new_and_their_users_and_items_are_not(seed: int) -> None:
    (case,) = FitRatings().draw(seed)
    given_pairs = case.users * 10_000 + case.items
    unseen_pairs = case.unseen_users * 10_000 + case.unseen_items
    assert len(unseen_pairs) == len(case.hidden["ratings"]) == 8_000
    assert not torch.isin(unseen_pairs, given_pairs).any()
    for given_numbers in (case.users, case.items):
        assert len(given_numbers.unique()) == int(given_numbers.max()) + 1
    assert "ratings" not in case.fresh().hidden


def test_the_same_seed_gives_the_same_fit() -> None:
    (case,) = FitRatings().draw(0)
    few = [column[:2_000] for column in (case.users, case.items, case.ratings)]
    a, b, c = (fit_ratings(*few, seed) for seed in (3, 3, 4))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.user_factors, c.user_factors)
