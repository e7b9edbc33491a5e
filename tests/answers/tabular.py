"""Other right answers to the exercises of lesson 11."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def categorify_with_pandas(
    train: Sequence[Any], valid: Sequence[Any]
) -> tuple[Tensor, Tensor, list[Any]]:
    vocabulary = sorted(pd.Series(train).dropna().unique().tolist())
    index = pd.Index(vocabulary, dtype=object)
    codes = [
        torch.tensor(index.get_indexer(pd.Index(part, dtype=object)) + 1) for part in (train, valid)
    ]
    return codes[0].long(), codes[1].long(), vocabulary


def categorify_by_search(train: Sequence[Any], valid: Sequence[Any]) -> list[Any]:
    seen: list[Any] = []
    for value in train:
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        if not missing and value not in seen:
            seen.append(value)
    seen.sort()
    codes = [
        [seen.index(value) + 1 if value in seen else 0 for value in column]
        for column in (train, valid)
    ]
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
    def __init__(
        self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]
    ) -> None:
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
    def __init__(
        self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]
    ) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.01)


class InByOutModel(nn.Module):
    """Affine maps by hand, as x @ w + b, whose weights are (in, out)."""

    def __init__(
        self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.tables = nn.ParameterList(
            0.01 * torch.randn(n, size_with_math(n)) for n in cardinalities
        )
        widths = [sum(map(size_with_math, cardinalities)) + n_continuous, *hidden, n_outputs]
        self.w = nn.ParameterList(
            torch.randn(a, b) / a**0.5 for a, b in zip(widths, widths[1:], strict=False)
        )
        self.b = nn.ParameterList(torch.zeros(b) for b in widths[1:])

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = torch.cat(
            [*(t[codes] for t, codes in zip(self.tables, categorical.T, strict=True)), continuous],
            dim=1,
        )
        for w, b in zip(self.w[:-1], self.b[:-1], strict=True):
            x = F.relu(x @ w + b)
        return x @ self.w[-1] + self.b[-1]


class OneHotModel(nn.Module):
    def __init__(
        self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.cardinalities = list(cardinalities)
        for j, n in enumerate(cardinalities):
            self.register_parameter(
                f"table{j}", nn.Parameter(torch.randn(n, size_by_branches(n)) / 100)
            )
        widths = [sum(map(size_by_branches, cardinalities)) + n_continuous, *hidden, n_outputs]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(o, i) / i**0.5)
            for i, o in zip(widths, widths[1:], strict=False)
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
    categorical: Tensor,
    continuous: Tensor,
    targets: Tensor,
    cardinalities: Sequence[int],
    seed: int,
) -> nn.Module:
    """torch.optim.Adam at a constant rate, a decay of the rate in the last epoch, on nn.Embedding
    as it starts.
    """
    torch.default_generator.manual_seed(seed)
    model = Minutes(
        ModuleModel(cardinalities, continuous.shape[1], 1, [64]),
        targets.mean().item(),
        targets.std().item(),
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
    categorical: Tensor,
    continuous: Tensor,
    targets: Tensor,
    cardinalities: Sequence[int],
    seed: int,
) -> nn.Module:
    """SGD with momentum by hand, on one-hot products."""
    torch.default_generator.manual_seed(seed)
    model = OneHotModel(cardinalities, continuous.shape[1], 1, [50])
    mean, std = targets.mean().item(), targets.std().item()
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    batches = [batch for _ in range(5) for batch in torch.randperm(len(targets)).split(256)]
    for t, batch in enumerate(batches):
        F.mse_loss(
            model(categorical[batch], continuous[batch]), (targets[batch] - mean) / std
        ).backward()
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


# Written from the student's notebook alone.


def categorify_first_reading(train, valid):
    import bisect

    vocabulary = []
    for v in train:
        if v is not None and v == v:
            at = bisect.bisect_left(vocabulary, v)
            if at == len(vocabulary) or vocabulary[at] != v:
                vocabulary.insert(at, v)

    def code(v):
        if v is None or v != v or v not in vocabulary:
            return 0
        return bisect.bisect_right(vocabulary, v)

    return (
        torch.tensor([code(v) for v in train], dtype=torch.int64),
        torch.tensor([code(v) for v in valid], dtype=torch.int64),
        vocabulary,
    )


def categorify_second_reading(train, valid):
    train, valid = pd.Series(list(train), dtype=object), pd.Series(list(valid), dtype=object)
    vocabulary = sorted(train[train.notna()].unique())
    code = pd.Series(
        range(1, len(vocabulary) + 1), index=pd.Index(vocabulary, dtype=object), dtype="int64"
    )
    lookup = defaultdict(int, code.to_dict())
    t, v = (np.array([lookup[w] for w in column], dtype=np.int64) for column in (train, valid))
    return torch.from_numpy(t), torch.from_numpy(v), vocabulary


class _Categorify:
    def vocabulary(self, values):
        return sorted(
            set(filter(lambda v: not (v is None or isinstance(v, float) and math.isnan(v)), values))
        )

    def __call__(self, train, valid):
        words = self.vocabulary(train)
        code = {None: 0} | {w: i for i, w in enumerate(words, 1)}
        return tuple(torch.LongTensor([code.get(v, 0) for v in c]) for c in (train, valid)) + (
            words,
        )


categorify_third_reading = _Categorify()


def fill_missing_first_reading(train, valid):
    known = sorted(v for v in train.tolist() if v == v)
    n = len(known)
    median = (known[(n - 1) // 2] + known[n // 2]) / 2
    masks = [torch.tensor([v != v for v in c.tolist()], dtype=torch.bool) for c in (train, valid)]
    filled = [
        torch.tensor([median if v != v else v for v in c.tolist()], dtype=c.dtype)
        for c in (train, valid)
    ]
    return tuple(filled + masks)


def fill_missing_second_reading(train, valid):
    t, v = train.numpy().astype(np.float64), valid.numpy().astype(np.float64)
    median = np.nanmedian(t)
    return (
        torch.from_numpy(np.where(np.isnan(t), median, t)).float(),
        torch.from_numpy(np.where(np.isnan(v), median, v)).float(),
        torch.from_numpy(np.isnan(t)),
        torch.from_numpy(np.isnan(v)),
    )


def fill_missing_third_reading(train, valid):
    series = pd.Series(train.tolist(), dtype="float64")
    middle = series.quantile(0.5, interpolation="lower")
    train_missing, valid_missing = train.isnan(), valid.isnan()
    train, valid = train.clone(), valid.clone()
    train[train_missing] = middle
    valid[valid_missing] = middle
    return train, valid, train_missing, valid_missing


fill_missing_fourth_reading = lambda train, valid: (
    train.masked_fill(train.isnan(), train.nanmedian().item()),
    valid.masked_fill(valid.isnan(), train.nanmedian().item()),
    train.ne(train),
    valid.ne(valid),
)


def embedding_size_first_reading(n_categories):
    return round(min(600, 1.6 * n_categories**0.56))


def embedding_size_second_reading(n_categories):
    width = math.floor(math.exp(math.log(1.6) + 0.56 * math.log(n_categories)) + 0.5)
    return 600 if width > 600 else width


class _Width:
    def __init__(self, factor=1.6, power=0.56, most=600):
        self.factor, self.power, self.most = factor, power, most

    def __call__(self, n_categories):
        return sorted([self.most, round(self.factor * n_categories**self.power)])[0]


embedding_size_third_reading = _Width()


def embedding_size_fourth_reading(n_categories):
    width = 1.6 * torch.tensor(n_categories, dtype=torch.float64).pow(0.56)
    return int(width.round().clamp(max=600).item())


def _esize(n):
    return min(600, round(1.6 * n**0.56))


class _Tab(nn.Module):
    def __init__(self, cardinalities, n_continuous, n_outputs, hidden):
        super().__init__()
        self.tables = nn.ParameterList(
            [nn.Parameter(0.01 * torch.randn(n, _esize(n))) for n in cardinalities]
        )
        widths = [sum(_esize(n) for n in cardinalities) + n_continuous, *hidden, n_outputs]
        self.maps = nn.ModuleList([nn.Linear(a, b) for a, b in zip(widths, widths[1:])])

    def forward(self, categorical, continuous):
        v = torch.cat(
            [t[categorical[:, j]] for j, t in enumerate(self.tables)] + [continuous], dim=1
        )
        for layer in self.maps[:-1]:
            v = layer(v).relu()
        return self.maps[-1](v)


TabularModel_first_reading = _Tab


class TabularModel_second_reading(nn.Module):
    def __init__(self, cardinalities, n_continuous, n_outputs, hidden):
        super().__init__()
        self.n_cat, self.depth = len(cardinalities), len(hidden) + 1
        for j, n in enumerate(cardinalities):
            self.register_parameter(
                f"table{j}", nn.Parameter(torch.normal(0.0, 0.01, size=(n, _esize(n))))
            )
        n_in = sum(_esize(n) for n in cardinalities) + n_continuous
        for i, n_out in enumerate([*hidden, n_outputs]):
            bound = 1 / math.sqrt(max(n_in, 1))
            self.register_parameter(
                f"weight{i}", nn.Parameter(torch.empty(n_out, n_in).uniform_(-bound, bound))
            )
            self.register_parameter(f"bias{i}", nn.Parameter(torch.zeros(n_out)))
            n_in = n_out

    def forward(self, categorical, continuous):
        v = []
        for j in range(self.n_cat):
            table = getattr(self, f"table{j}")
            v.append(F.one_hot(categorical[:, j], len(table)).to(table.dtype) @ table)
        v = torch.hstack([*v, continuous])
        for i in range(self.depth):
            v = v @ getattr(self, f"weight{i}").T + getattr(self, f"bias{i}")
            if i < self.depth - 1:
                v = v.clamp(min=0)
        return v


class TabularModel_third_reading(nn.Module):
    def __init__(self, cardinalities, n_continuous, n_outputs, hidden):
        super().__init__()
        self.net = nn.Sequential()
        before = n_continuous + sum(_esize(n) for n in cardinalities)
        for width in hidden:
            self.net.append(nn.Linear(before, width))
            self.net.append(nn.ReLU())
            before = width
        self.net.append(nn.Linear(before, n_outputs))
        self.embeds = nn.ModuleDict(
            {str(j): nn.Embedding(n, _esize(n)) for j, n in enumerate(cardinalities)}
        )
        for e in self.embeds.values():
            nn.init.normal_(e.weight, mean=0.0, std=0.01)

    def forward(self, categorical, continuous):
        rows = [e(categorical[..., int(j)]) for j, e in self.embeds.items()]
        return self.net(torch.cat((*rows, continuous), dim=-1))


ANSWERS["tabular.categorify"] += [
    categorify_first_reading,
    categorify_second_reading,
    categorify_third_reading,
]
ANSWERS["tabular.fill_missing"] += [
    fill_missing_first_reading,
    fill_missing_second_reading,
    fill_missing_third_reading,
    fill_missing_fourth_reading,
]
ANSWERS["tabular.embedding_size"] += [
    embedding_size_first_reading,
    embedding_size_second_reading,
    embedding_size_third_reading,
    embedding_size_fourth_reading,
]
ANSWERS["tabular.TabularModel"] += [
    TabularModel_first_reading,
    TabularModel_second_reading,
    TabularModel_third_reading,
]


def expose_gaps_at_both_ends() -> tuple[object, object]:
    train = torch.tensor([torch.nan, 10.0, 3.0, 1.0, 4.0, torch.nan])
    valid = torch.tensor([50.0, torch.nan, 60.0])
    second = {"train": torch.tensor([9.0, torch.nan, 1.0, 2.0]), "valid": torch.tensor([torch.nan])}
    return [{"train": train, "valid": valid}, second], torch.tensor([3.0, 10, 3, 1, 4, 3])


def expose_gaps_in_one_case() -> tuple[object, object]:
    train = torch.tensor([30.0, 7.0, torch.nan, 2.0, 5.0, -1.0, 11.0])
    valid = torch.tensor([torch.nan, 100.0, 90.0, torch.nan])
    return [{"train": train, "valid": valid}], torch.tensor([30.0, 7, 5, 2, 5, -1, 11])


ANSWERS |= {
    "tabular.expose_fill_missing": [expose_gaps_at_both_ends, expose_gaps_in_one_case],
}
