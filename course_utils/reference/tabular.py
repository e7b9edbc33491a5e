"""Lesson 11: tables, with an embedding for every categorical column."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.reference.embeddings import embedding_lookup
from course_utils.reference.optimizers import adam_step


def categorify(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Hashable]]:
    """Code = place in the sorted vocabulary of train + 1; 0 for None, nan and what train does not
    have.

    train, valid: one column each, as sequences. Returns int64 codes (n_train,), (n_valid,), and the
    vocabulary.
    """
    vocabulary = sorted({value for value in train if not _missing(value)})
    code = {value: index + 1 for index, value in enumerate(vocabulary)}
    train_codes, valid_codes = (
        torch.tensor(
            [0 if _missing(value) else code.get(value, 0) for value in column], dtype=torch.int64
        )
        for column in (train, valid)
    )
    return train_codes, valid_codes, vocabulary


def _missing(value: Any) -> bool:
    return value is None or value != value


def fill_missing(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """nan becomes the median of train's numbers, in both; a bool tensor for each says where.

    train: (n,), valid: (m,), float. Returns train, valid, train_missing, valid_missing.
    """
    median = train.nanmedian()
    train_missing, valid_missing = train.isnan(), valid.isnan()
    train = torch.where(train_missing, median, train)
    valid = torch.where(valid_missing, median, valid)
    return train, valid, train_missing, valid_missing


def embedding_size(n_categories: int) -> int:
    """min(600, round(1.6 * n**0.56)), the rule of thumb of fastai's tabular models."""
    return min(600, round(1.6 * n_categories**0.56))


class TabularModel(nn.Module):
    """Embeddings of the categorical columns beside the continuous ones, then affine maps with a
    ReLU in between.

    cardinalities: the number of codes of each categorical column, code 0 included; column j gets
    embedding_size of it. hidden: the widths of the hidden layers. Embeddings start normal with a
    spread of 0.01.
    Source: Guo and Berkhahn, Entity Embeddings of Categorical Variables, 2016.
    """

    def __init__(
        self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.embeddings = nn.ParameterList(
            0.01 * torch.randn(n, embedding_size(n)) for n in cardinalities
        )
        width = sum(table.shape[1] for table in self.embeddings) + n_continuous
        widths = [width, *hidden, n_outputs]
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)
        )

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        """categorical: int64 (n, n_cat), continuous: (n, n_cont). Returns (n, n_outputs)."""
        rows = [
            embedding_lookup(table, codes)
            for table, codes in zip(self.embeddings, categorical.T, strict=True)
        ]
        x = torch.cat([*rows, continuous], dim=1)
        for layer in self.layers[:-1]:
            x = layer(x).clamp(min=0)
        return self.layers[-1](x)


class _InUnitsOfTheTargets(nn.Module):
    def __init__(self, model: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.model(categorical, continuous) * self.std + self.mean


def fit_table(
    categorical: Tensor,
    continuous: Tensor,
    targets: Tensor,
    cardinalities: Sequence[int],
    seed: int,
) -> nn.Module:
    """TabularModel with one hidden layer, trained by Adam on standardised targets, its learning
    rate falling to 0.

    categorical: int64 (n, n_cat), continuous: (n, n_cont), targets: (n, 1); the model answers in
    the targets' units.
    """
    torch.default_generator.manual_seed(seed)
    model = TabularModel(cardinalities, continuous.shape[1], 1, hidden=[50])
    mean, std = targets.mean(), targets.std()
    params = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    batches = [batch for _ in range(4) for batch in torch.randperm(len(targets)).split(512)]
    for t, batch in enumerate(batches, start=1):
        y = (targets[batch] - mean) / std
        (model(categorical[batch], continuous[batch]) - y).square().mean().backward()
        lr = 0.01 * (1 - t / len(batches))
        adam_step(params, means, squares, t, lr, betas=(0.9, 0.99), eps=1e-8)
        model.zero_grad()
    return _InUnitsOfTheTargets(model, mean, std)


def expose_fill_missing() -> tuple[list[dict[str, Tensor]], Tensor]:
    """Two cases in which wrong answers differ from right ones, and train after the first."""
    first = {
        "train": torch.tensor([1.0, torch.nan, 5.0, 2.0, 9.0]),
        "valid": torch.tensor([torch.nan, 7.0, 100.0]),
    }
    second = {
        "train": torch.tensor([8.0, -1.0, torch.nan, 0.0]),
        "valid": torch.tensor([3.0, torch.nan]),
    }
    return [first, second], torch.tensor([1.0, 2.0, 5.0, 2.0, 9.0])
