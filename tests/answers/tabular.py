"""Other right answers to the exercises of lesson 11."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def categorify_with_pandas(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    import pandas as pd

    vocabulary = sorted(pd.Series(train).dropna().unique().tolist())
    index = pd.Index(vocabulary, dtype=object)
    codes = [torch.tensor(index.get_indexer(pd.Index(part, dtype=object)) + 1) for part in (train, valid)]
    return codes[0].long(), codes[1].long(), vocabulary


def categorify_by_search(train: Sequence[Any], valid: Sequence[Any]) -> list[Any]:
    seen: list[Any] = []
    for value in train:
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        if not missing and value not in seen:
            seen.append(value)
    seen.sort()
    codes = [[seen.index(value) + 1 if value in seen else 0 for value in column] for column in (train, valid)]
    return [*codes, seen]


def fill_by_assignment(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    known = train[~train.isnan()]
    median = known.sort().values[(len(known) - 1) // 2]
    filled = [column.clone() for column in (train, valid)]
    for column in filled:
        column[column.isnan()] = median
    return filled[0], filled[1], train.isnan().int(), valid.isnan().int()


def fill_with_nan_to_num(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    median = float(train.nanquantile(0.5))
    return train.nan_to_num(median), valid.nan_to_num(median), train != train, valid != valid


def size_with_math(n_categories: int) -> int:
    return int(min(600.0, math.floor(1.6 * math.pow(n_categories, 0.56) + 0.5)))


def size_by_branches(n_categories: int) -> int:
    size = round(1.6 * math.exp(0.56 * math.log(n_categories)))
    return 600 if size > 600 else size


class ModuleModel(nn.Module):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(n, size_with_math(n)) for n in cardinalities)
        width = sum(table.embedding_dim for table in self.embeddings) + n_continuous
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU()]
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        rows = [table(categorical[:, j]) for j, table in enumerate(self.embeddings)]
        return self.layers(torch.cat(rows + [continuous], dim=-1))


class SmallModuleModel(ModuleModel):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.01)


class InByOutModel(nn.Module):
    """Affine maps by hand, as x @ w + b, whose weights are (in, out)."""

    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.tables = nn.ParameterList(0.01 * torch.randn(n, size_with_math(n)) for n in cardinalities)
        widths = [sum(map(size_with_math, cardinalities)) + n_continuous, *hidden, n_outputs]
        self.w = nn.ParameterList(torch.randn(a, b) / a**0.5 for a, b in zip(widths, widths[1:], strict=False))
        self.b = nn.ParameterList(torch.zeros(b) for b in widths[1:])

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = torch.cat([*(t[codes] for t, codes in zip(self.tables, categorical.T, strict=True)), continuous], dim=1)
        for w, b in zip(self.w[:-1], self.b[:-1], strict=True):
            x = F.relu(x @ w + b)
        return x @ self.w[-1] + self.b[-1]


class OneHotModel(nn.Module):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.cardinalities = list(cardinalities)
        for j, n in enumerate(cardinalities):
            self.register_parameter(f"table{j}", nn.Parameter(torch.randn(n, size_by_branches(n)) / 100))
        widths = [sum(map(size_by_branches, cardinalities)) + n_continuous, *hidden, n_outputs]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(o, i) / i**0.5) for i, o in zip(widths, widths[1:], strict=False)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(o)) for o in widths[1:])

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        rows = [
            F.one_hot(categorical[:, j], n).float() @ getattr(self, f"table{j}")
            for j, n in enumerate(self.cardinalities)
        ]
        x = torch.hstack([*rows, continuous])
        last = len(self.weights) - 1
        for j, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ w.T + b
            x = x if j == last else torch.relu(x)
        return x


class Minutes(nn.Module):
    def __init__(self, model: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.model, self.mean, self.std = model, mean, std

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.model(categorical, continuous) * self.std + self.mean


def fit_with_modules(
    categorical: Tensor, continuous: Tensor, targets: Tensor, cardinalities: Sequence[int], seed: int
) -> nn.Module:
    """torch.optim.Adam at a constant rate, a decay of the rate in the last epoch, on nn.Embedding as it starts."""
    torch.default_generator.manual_seed(seed)
    model = Minutes(
        ModuleModel(cardinalities, continuous.shape[1], 1, [64]), targets.mean().item(), targets.std().item()
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(5):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 if epoch < 3 else 0.002
        for batch in torch.randperm(len(targets)).split(512):
            optimizer.zero_grad()
            loss = F.mse_loss(model(categorical[batch], continuous[batch]), targets[batch])
            (loss / model.std**2).backward()
            optimizer.step()
    return model


def fit_by_momentum(
    categorical: Tensor, continuous: Tensor, targets: Tensor, cardinalities: Sequence[int], seed: int
) -> nn.Module:
    """SGD with momentum by hand, on one-hot products."""
    torch.default_generator.manual_seed(seed)
    model = OneHotModel(cardinalities, continuous.shape[1], 1, [50])
    mean, std = targets.mean().item(), targets.std().item()
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    batches = [batch for _ in range(5) for batch in torch.randperm(len(targets)).split(256)]
    for t, batch in enumerate(batches):
        F.mse_loss(model(categorical[batch], continuous[batch]), (targets[batch] - mean) / std).backward()
        with torch.no_grad():
            for p, v in zip(model.parameters(), velocities, strict=True):
                v.mul_(0.9).add_(p.grad)
                p -= 0.06 * (1 - t / len(batches)) * v
                p.grad = None
    return Minutes(model, mean, std)


ANSWERS = {
    "tabular.categorify": [categorify_with_pandas, categorify_by_search],
    "tabular.fill_missing": [fill_by_assignment, fill_with_nan_to_num],
    "tabular.embedding_size": [size_with_math, size_by_branches],
    "tabular.TabularModel": [SmallModuleModel, OneHotModel, InByOutModel],
    "tabular.fit_table": [fit_with_modules, fit_by_momentum],
}
