"""The answers of lesson 11 against pandas, torch's own modules and finite differences."""

import math

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_utils.exercises.tabular import HELD_OUT, FitTable
from course_utils.reference.tabular import (
    TabularModel,
    categorify,
    embedding_size,
    fill_missing,
    fit_table,
)

EXACT = {"rtol": 1e-10, "atol": 1e-13}
TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="abcde", max_size=2)), max_size=12)
NUMBERS = st.lists(st.one_of(st.just(math.nan), st.integers(-12, 12).map(float)), max_size=12)


@settings(deadline=None, derandomize=True)
@given(st.one_of(st.tuples(TEXTS, TEXTS), st.tuples(NUMBERS, NUMBERS)))
def test_codes_are_those_of_pandas_plus_one(columns: tuple[list, list]) -> None:
    train, valid = columns
    *codes, vocabulary = categorify(train, valid)
    known = sorted(pd.Series(train, dtype=object).dropna().unique())
    assert vocabulary == known
    for column, got in zip((train, valid), codes, strict=True):
        expected = pd.Index(known, dtype=object).get_indexer(pd.Index(column, dtype=object)) + 1
        assert got.dtype == torch.int64 and got.tolist() == expected.tolist()


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=15),
    st.lists(st.booleans(), min_size=1, max_size=15),
)
def test_gaps_become_the_training_median_and_nothing_else_changes(
    values: list[float], gaps: list[bool]
) -> None:
    train = torch.tensor(values + [math.nan] * sum(gaps), dtype=torch.float64)
    valid = torch.tensor([math.nan if gap else 7.0 for gap in gaps], dtype=torch.float64)
    before = train.clone(), valid.clone()
    filled_train, filled_valid, train_missing, valid_missing = fill_missing(train, valid)
    assert sorted(values)[(len(values) - 1) // 2] == pytest.approx(float(train.nanmedian()))
    for column, filled, missing in (
        (train, filled_train, train_missing),
        (valid, filled_valid, valid_missing),
    ):
        assert torch.equal(missing, column.isnan()) and not filled.isnan().any()
        assert torch.equal(filled[~missing], column[~missing])
        assert (filled[missing] == train.nanmedian()).all()
    assert all(
        torch.equal(a.nan_to_num(1e9), b.nan_to_num(1e9))
        for a, b in zip(before, (train, valid), strict=True)
    )


def test_embedding_sizes_by_hand() -> None:
    assert [embedding_size(n) for n in (1, 2, 7, 12, 103, 10_000, 10**9)] == [
        2,
        2,
        5,
        6,
        21,
        278,
        600,
    ]
    sizes = [embedding_size(n) for n in range(1, 50_000, 97)]
    assert sizes == sorted(sizes)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("hidden", [[], [5], [8, 6]])
@pytest.mark.parametrize("n_continuous", [0, 2])
def test_the_model_equals_one_of_torchs_modules_and_so_do_its_gradients(
    hidden: list[int], n_continuous: int
) -> None:
    cards = [4, 9]
    model = TabularModel(cards, n_continuous, 3, hidden).double()
    for seed, p in enumerate(model.parameters()):
        p.data = draw(seed, *p.shape)
    tables = [nn.Embedding(n, embedding_size(n)).double() for n in cards]
    steps: list[nn.Module] = []
    for width_in, width_out in zip(
        [sum(t.embedding_dim for t in tables) + n_continuous, *hidden], [*hidden, 3], strict=True
    ):
        steps += [nn.Linear(width_in, width_out).double(), nn.ReLU()]
    theirs = nn.ModuleList([*tables, nn.Sequential(*steps[:-1])])
    for p, q in zip(model.parameters(), theirs.parameters(), strict=True):
        q.data = p.data.clone()
    categorical, continuous = (
        torch.tensor([[3, 0], [1, 8], [3, 5], [0, 8]]),
        draw(9, 4, n_continuous),
    )
    y = model(categorical, continuous)
    z = theirs[-1](
        torch.cat([t(categorical[:, j]) for j, t in enumerate(tables)] + [continuous], dim=1)
    )
    torch.testing.assert_close(y, z, **EXACT)
    cotangent = draw(10, 4, 3)
    y.backward(cotangent)
    z.backward(cotangent)
    for p, q in zip(model.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, **EXACT)


def test_the_models_gradients_agree_with_central_differences() -> None:
    model = TabularModel([4, 3], 2, 1, [5]).double()
    for seed, p in enumerate(model.parameters()):
        p.data = draw(seed, *p.shape)
    names = [name for name, _ in model.named_parameters()]
    inputs = torch.tensor([[3, 0], [1, 2], [3, 1]]), draw(9, 3, 2)

    def of(*values: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), inputs)

    assert torch.autograd.gradcheck(
        of, tuple(p.detach().requires_grad_() for p in model.parameters())
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_unseen_flights_are_prepared_by_the_given_ones(seed: int) -> None:
    (case,) = FitTable().draw(seed)
    assert len(case.unseen_categorical) == len(case.hidden["minutes"]) == HELD_OUT
    assert len(case.categorical) + HELD_OUT == 60_000
    assert not case.continuous.isnan().any() and not case.unseen_continuous.isnan().any()
    torch.testing.assert_close(case.continuous[:, :2].mean(0), torch.zeros(2), rtol=0, atol=1e-3)
    torch.testing.assert_close(case.continuous[:, :2].std(0), torch.ones(2), rtol=0, atol=1e-3)
    for codes in (case.categorical, case.unseen_categorical):
        assert (codes >= 0).all() and (codes < torch.tensor(case.cardinalities)).all()
    assert not case.fresh().hidden


def test_the_same_seed_gives_the_same_fit() -> None:
    (case,) = FitTable().draw(0)
    few = [column[:2_000] for column in (case.categorical, case.continuous, case.targets)]
    a, b, c = (fit_table(*few, case.cardinalities, seed) for seed in (3, 3, 4))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert any(not torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))
