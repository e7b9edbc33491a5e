"""Wrong answers to the exercises of lesson 11."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tests.wrong import wrong


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _coded(
    train: Sequence[Any], valid: Sequence[Any], vocabulary: Sequence[Any], first: int = 1, other: int = 0
) -> tuple[Tensor, Tensor, list[Any]]:
    """Codes by a vocabulary; what is missing gets 0, what is not in the vocabulary gets `other`."""
    places = {value: index + first for index, value in enumerate(vocabulary)}
    codes = [
        torch.tensor([0 if _is_missing(value) else places.get(value, other) for value in column], dtype=torch.int64)
        for column in (train, valid)
    ]
    return codes[0], codes[1], list(vocabulary)


def _known(*columns: Sequence[Any]) -> set[Any]:
    return {value for column in columns for value in column if not _is_missing(value)}


wrong("tabular.categorify", "valid in the vocabulary")(
    lambda train, valid: _coded(train, valid, sorted(_known(train, valid)))
)


def _by_each_part(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes, _, vocabulary = _coded(train, valid, sorted(_known(train)))
    return codes, _coded(valid, valid, sorted(_known(valid)))[0], vocabulary


wrong("tabular.categorify", "valid with a vocabulary of its own")(_by_each_part)

wrong("tabular.categorify", "unknown like a new code")(
    lambda train, valid: _coded(train, valid, sorted(_known(train)), other=len(_known(train)) + 1)
)

wrong("tabular.categorify", "unknown as -1")(lambda train, valid: _coded(train, valid, sorted(_known(train)), other=-1))


def _strict(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    places = {value: index + 1 for index, value in enumerate(sorted(_known(train)))}
    codes = [[0 if _is_missing(value) else places[value] for value in column] for column in (train, valid)]
    return torch.tensor(codes[0]), torch.tensor(codes[1]), sorted(places)


wrong("tabular.categorify", "unknown values refused")(_strict)

wrong("tabular.categorify", "counted from 0")(lambda train, valid: _coded(train, valid, sorted(_known(train)), first=0))


def _missing_last(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    vocabulary = sorted(_known(train))
    codes = _coded(train, valid, vocabulary)
    n = len(vocabulary)
    return (codes[0] - 1) % (n + 1), (codes[1] - 1) % (n + 1), vocabulary


wrong("tabular.categorify", "missing last")(_missing_last)

wrong("tabular.categorify", "nan in the vocabulary")(
    lambda train, valid: _coded(train, valid, sorted({value for value in train if value is not None}))
)


def _all_sorted(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    vocabulary = sorted(set(train))
    places = {value: index + 1 for index, value in enumerate(vocabulary)}
    codes = [torch.tensor([places.get(value, 0) for value in column]) for column in (train, valid)]
    return codes[0], codes[1], vocabulary


wrong("tabular.categorify", "missing values sorted")(_all_sorted)

wrong("tabular.categorify", "None sorted")(
    lambda train, valid: _coded(train, valid, sorted({value for value in train if value == value}))
)


def _asked_isnan(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    return _coded(train, valid, sorted({value for value in train if not math.isnan(value)}))


wrong("tabular.categorify", "isnan of a text")(_asked_isnan)


def _by_truth(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    return _coded(train, valid, sorted(value for value in _known(train) if value))


wrong("tabular.categorify", "0 taken for missing")(_by_truth)


def _codes_of_pandas(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes = _coded(train, valid, sorted(_known(train)))
    return codes[0] - 1, codes[1] - 1, codes[2]


wrong("tabular.categorify", "codes as pandas counts")(_codes_of_pandas)


def _dropped(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes = _coded(train, valid, sorted(_known(train)))
    return codes[0][codes[0] > 0], codes[1][codes[1] > 0], codes[2]


wrong("tabular.categorify", "missing values dropped")(_dropped)

wrong("tabular.categorify", "values more than once")(
    lambda train, valid: _coded(train, valid, sorted(v for v in train if not _is_missing(v)))
)

wrong("tabular.categorify", "vocabulary first")(lambda train, valid: _coded(train, valid, sorted(_known(train)))[::-1])

wrong("tabular.categorify", "in order of appearance")(
    lambda train, valid: _coded(train, valid, list(dict.fromkeys(v for v in train if not _is_missing(v))))
)


def _gap_as_category(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    first, second = (["" if _is_missing(value) else str(value) for value in column] for column in (train, valid))
    return _coded(first, second, sorted(_known(first)))


wrong("tabular.categorify", "gap as a category")(_gap_as_category)

wrong("tabular.categorify", "sorted as text")(lambda train, valid: _coded(train, valid, sorted(_known(train), key=str)))

wrong("tabular.categorify", "codes as floats")(
    lambda train, valid: tuple(
        part.float() if isinstance(part, Tensor) else part for part in _coded(train, valid, sorted(_known(train)))
    )
)


def _filled(train: Tensor, valid: Tensor, by: Tensor, by_valid: Tensor | None = None) -> tuple[Tensor, ...]:
    return (
        torch.where(train.isnan(), by, train),
        torch.where(valid.isnan(), by if by_valid is None else by_valid, valid),
        train.isnan(),
        valid.isnan(),
    )


wrong("tabular.fill_missing", "valid by its own median")(
    lambda train, valid: _filled(train, valid, train.nanmedian(), valid.nanmedian())
)

wrong("tabular.fill_missing", "median of both")(
    lambda train, valid: _filled(train, valid, torch.cat([train, valid]).nanmedian())
)


def _flags_too_late(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    train, valid, *_ = _filled(train, valid, train.nanmedian())
    return train, valid, train.isnan(), valid.isnan()


wrong("tabular.fill_missing", "masks after filling")(_flags_too_late)

wrong("tabular.fill_missing", "mean for median")(lambda train, valid: _filled(train, valid, train.nanmean()))

wrong("tabular.fill_missing", "median with the gaps")(lambda train, valid: _filled(train, valid, train.median()))


def _untouched(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    return train.clone(), valid.clone(), train == math.nan, valid == math.nan


wrong("tabular.fill_missing", "compared with nan")(_untouched)

wrong("tabular.fill_missing", "gaps still there")(
    lambda train, valid: (train.clone(), valid.clone(), train.isnan(), valid.isnan())
)


def _exchanged(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    median = train.nanmedian()
    return (
        torch.where(train.isnan(), train, median),
        torch.where(valid.isnan(), valid, median),
        train.isnan(),
        valid.isnan(),
    )


wrong("tabular.fill_missing", "filled where known")(_exchanged)


def _middle_as_it_stands(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    known = train[~train.isnan()]
    return _filled(train, valid, known[len(known) // 2])


wrong("tabular.fill_missing", "middle of unsorted values")(_middle_as_it_stands)

wrong("tabular.fill_missing", "gaps counted as 0")(
    lambda train, valid: _filled(train, valid, train.nan_to_num(0.0).median())
)

wrong("tabular.fill_missing", "masks not returned")(lambda train, valid: _filled(train, valid, train.nanmedian())[:2])

wrong("tabular.fill_missing", "in pairs")(
    lambda train, valid: tuple(_filled(train, valid, train.nanmedian())[i] for i in (0, 2, 1, 3))
)

wrong("tabular.fill_missing", "zero for missing")(lambda train, valid: _filled(train, valid, torch.tensor(0.0)))

wrong("tabular.fill_missing", "masks upside down")(
    lambda train, valid: (*_filled(train, valid, train.nanmedian())[:2], ~train.isnan(), ~valid.isnan())
)

wrong("tabular.fill_missing", "masks exchanged")(
    lambda train, valid: tuple(_filled(train, valid, train.nanmedian())[i] for i in (0, 1, 3, 2))
)

wrong("tabular.fill_missing", "rows dropped")(
    lambda train, valid: (train[~train.isnan()], valid[~valid.isnan()], train.isnan(), valid.isnan())
)


def _in_place(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    answer = _filled(train, valid, train.nanmedian())
    train.copy_(answer[0])
    valid.copy_(answer[1])
    return answer


wrong("tabular.fill_missing", "filled in place")(_in_place)

wrong("tabular.embedding_size", "cut off, not rounded")(lambda n: min(600, int(1.6 * n**0.56)))

wrong("tabular.embedding_size", "no upper end")(lambda n: round(1.6 * n**0.56))

wrong("tabular.embedding_size", "never above 50")(lambda n: min(50, round(1.6 * n**0.56)))

wrong("tabular.embedding_size", "always 600 or more")(lambda n: max(600, round(1.6 * n**0.56)))

wrong("tabular.embedding_size", "half the categories")(lambda n: min(50, (n + 1) // 2))

wrong("tabular.embedding_size", "power taken last")(lambda n: min(600, round((1.6 * n) ** 0.56)))

wrong("tabular.embedding_size", "rounded up")(lambda n: min(600, math.ceil(1.6 * n**0.56)))

wrong("tabular.embedding_size", "float")(lambda n: min(600, round(1.6 * n**0.56, 0)))

wrong("tabular.embedding_size", "1.6 left out")(lambda n: min(600, round(n**0.56)))

wrong("tabular.embedding_size", "product for power")(lambda n: min(600, round(1.6 * n * 0.56)))

wrong("tabular.embedding_size", "square root")(lambda n: min(600, round(1.6 * n**0.5)))

wrong("tabular.embedding_size", "rounded too early")(lambda n: min(600, round(1.6 * round(n**0.56))))

wrong("tabular.embedding_size", "600 categories at most")(lambda n: round(1.6 * min(600, n) ** 0.56))

wrong("tabular.embedding_size", "one category more")(lambda n: min(600, round(1.6 * (n + 1) ** 0.56)))

wrong("tabular.embedding_size", "no wider than the categories")(lambda n: min(600, n, round(1.6 * n**0.56)))

wrong("tabular.embedding_size", "not rounded")(lambda n: min(600, 1.6 * n**0.56))


def _size(n: int) -> int:
    return min(600, round(1.6 * n**0.56))


class _Table(nn.Module):
    """What the mistakes about TabularModel have in common: everything that they do not get wrong."""

    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.tables = nn.ParameterList(nn.Parameter(0.01 * torch.randn(n, self.size(n))) for n in cardinalities)
        self.build([self.width(n_continuous), *hidden, n_outputs])

    def size(self, n: int) -> int:
        return _size(n)

    def width(self, n_continuous: int) -> int:
        return sum(table.shape[1] for table in self.tables) + n_continuous

    def build(self, widths: Sequence[int]) -> None:
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False))

    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [table[categorical[:, j]] for j, table in enumerate(self.tables)]

    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat([*self.rows(categorical), continuous], dim=1)

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in list(self.layers)[:-1]:
            x = layer(x).clamp(min=0)
        return self.layers[-1](x)


class _Detached(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [row.detach() for row in super().rows(categorical)]


wrong("tabular.TabularModel", "embeddings detached")(_Detached)


class _LargeStart(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.tables:
            nn.init.normal_(table)


wrong("tabular.TabularModel", "tables start large")(_LargeStart)


class _EqualStart(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.tables:
            nn.init.zeros_(table)


wrong("tabular.TabularModel", "tables start equal")(_EqualStart)


class _Straight(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in self.layers:
            x = layer(x)
        return x


wrong("tabular.TabularModel", "no activation")(_Straight)


class _BentAtTheEnd(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().forward(categorical, continuous).clamp(min=0)


wrong("tabular.TabularModel", "activation at the end")(_BentAtTheEnd)


class _BentInput(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().joined(categorical, continuous).clamp(min=0)


wrong("tabular.TabularModel", "activation on the input")(_BentInput)


class _ContinuousFirst(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat([continuous, *self.rows(categorical)], dim=1)


wrong("tabular.TabularModel", "continuous columns first")(_ContinuousFirst)


class _BentOnce(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in list(self.layers)[:-1]:
            x = layer(x)
        return self.layers[-1](x.clamp(min=0))


wrong("tabular.TabularModel", "one ReLU for all")(_BentOnce)


class _Sigmoid(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in list(self.layers)[:-1]:
            x = layer(x).sigmoid()
        return self.layers[-1](x)


wrong("tabular.TabularModel", "sigmoid for ReLU")(_Sigmoid)


class _RowsForColumns(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [table[categorical[j]] for j, table in enumerate(self.tables)]


wrong("tabular.TabularModel", "rows for columns")(_RowsForColumns)


class _OneTooLow(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return super().rows(categorical - 1)


wrong("tabular.TabularModel", "codes one too low")(_OneTooLow)


class _OneAboveTheOther(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat([*self.rows(categorical), continuous])


wrong("tabular.TabularModel", "one above the other")(_OneAboveTheOther)


class _ContinuousNotJoined(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat(self.rows(categorical), dim=1)


wrong("tabular.TabularModel", "continuous columns not joined")(_ContinuousNotJoined)


class _LastTableFirst(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return super().rows(categorical)[::-1]


wrong("tabular.TabularModel", "columns reversed")(_LastTableFirst)


class _ContinuousForgotten(_Table):
    def width(self, n_continuous: int) -> int:
        return super().width(0)

    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat(self.rows(categorical), dim=1)


wrong("tabular.TabularModel", "continuous columns forgotten")(_ContinuousForgotten)


class _OneRowMore(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.tables = nn.ParameterList(nn.Parameter(torch.randn(n + 1, _size(n))) for n in cardinalities)
        self.build([self.width(n_continuous), *hidden, n_outputs])


wrong("tabular.TabularModel", "one row too many")(_OneRowMore)


class _OneRowLess(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.tables = nn.ParameterList(nn.Parameter(0.01 * torch.randn(n - 1, _size(n))) for n in cardinalities)
        self.build([self.width(n_continuous), *hidden, n_outputs])


wrong("tabular.TabularModel", "one row too few")(_OneRowLess)


class _SumOfCardinalities(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        self.build([sum(cardinalities) + n_continuous, *hidden, n_outputs])


wrong("tabular.TabularModel", "another width at the entrance")(_SumOfCardinalities)


class _NoOffsets(_Table):
    def build(self, widths: Sequence[int]) -> None:
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:], strict=False))


wrong("tabular.TabularModel", "no offsets")(_NoOffsets)


class _HiddenIgnored(_Table):
    def build(self, widths: Sequence[int]) -> None:
        super().build([widths[0], 50, widths[-1]])


wrong("tabular.TabularModel", "hidden not used")(_HiddenIgnored)


class _LayersInAList(_Table):
    def build(self, widths: Sequence[int]) -> None:
        self.__dict__["layers"] = [nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)]


class _TablesInAList(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.__dict__["tables"] = [torch.randn(n, _size(n)) for n in cardinalities]
        self.build([self.width(n_continuous), *hidden, n_outputs])


class _AllInLists(_TablesInAList, _LayersInAList):
    pass


wrong("tabular.TabularModel", "everything in lists")(_AllInLists)

wrong("tabular.TabularModel", "tables in a list")(_TablesInAList)

wrong("tabular.TabularModel", "layers in a list")(_LayersInAList)


class _CodesAsNumbers(nn.Module):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        widths = [len(cardinalities) + n_continuous, *hidden, n_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False))

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = torch.cat([categorical.float(), continuous], dim=1)
        for layer in list(self.layers)[:-1]:
            x = layer(x).clamp(min=0)
        return self.layers[-1](x)


wrong("tabular.TabularModel", "codes as numbers")(_CodesAsNumbers)


class _OldSizes(_Table):
    def size(self, n: int) -> int:
        return min(50, (n + 1) // 2)


wrong("tabular.TabularModel", "other embedding sizes")(_OldSizes)


class _OneHidden(_Table):
    def build(self, widths: Sequence[int]) -> None:
        super().build([widths[0], *widths[1:-1][:1], widths[-1]])


wrong("tabular.TabularModel", "only one hidden layer")(_OneHidden)


class _Squeezed(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().forward(categorical, continuous).squeeze()


wrong("tabular.TabularModel", "squeezed")(_Squeezed)


class _Scaled(nn.Module):
    """A model of standardised targets that answers in the units of the targets."""

    def __init__(self, model: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.model(categorical, continuous) * self.std + self.mean


def _trained(
    categorical: Tensor,
    continuous: Tensor,
    targets: Tensor,
    cardinalities: Sequence[int],
    seed: int,
    *,
    model: Callable[..., nn.Module] = _Table,
    scaled: bool = True,
    hidden: Sequence[int] = (32,),
    lr: float = 0.01,
    epochs: int = 1,
    batch_size: int = 512,
) -> nn.Module:
    """A fit by Adam: what the mistakes about fit_table have in common."""
    torch.default_generator.manual_seed(seed)
    net = model(cardinalities, continuous.shape[1], 1, hidden)
    mean, std = (targets.mean(), targets.std()) if scaled else (torch.tensor(0.0), torch.tensor(1.0))
    params = list(net.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    batches = [batch for _ in range(epochs) for batch in torch.randperm(len(targets)).split(batch_size)]
    for t, batch in enumerate(batches, start=1):
        y = (targets[batch] - mean) / std
        loss = (net(categorical[batch], continuous[batch]) - y).square().mean()
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        rate = lr * (1 - (t - 1) / len(batches))
        with torch.no_grad():
            for p, g, m, s in zip(params, grads, means, squares, strict=True):
                if g is not None:
                    m.lerp_(g, 0.1)
                    s.lerp_(g.square(), 0.01)
                    p.sub_(rate * (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8))
    return _Scaled(net, mean, std)


def _still_scaled(*given: Any) -> nn.Module:
    return _trained(*given).model  # type: ignore[return-value]


wrong("tabular.fit_table", "standardised predictions")(_still_scaled)


class _Undone(nn.Module):
    """A model of standardised targets, and a way back that is wrong."""

    def __init__(self, scaled: Any, way_back: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.mean, self.std = scaled.model, scaled.mean, scaled.std
        self.way_back = way_back

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.way_back(self.model(categorical, continuous), self.mean, self.std)


def _undone(way_back: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., nn.Module]:
    return lambda *given: _Undone(_trained(*given), way_back)


wrong("tabular.fit_table", "mean not added")(_undone(lambda y, mean, std: y * std))

wrong("tabular.fit_table", "undone in the wrong order")(_undone(lambda y, mean, std: (y + mean) * std))

wrong("tabular.fit_table", "spread not restored")(_undone(lambda y, mean, std: y + mean))


class _OnlyContinuous(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [0 * row for row in super().rows(categorical)]


wrong("tabular.fit_table", "categories ignored")(lambda *given: _trained(*given, model=_OnlyContinuous))

CATEGORICAL = ("month", "weekday", "hour", "carrier", "origin", "destination", "maker")

DESTINATION, ORIGIN = CATEGORICAL.index("destination"), CATEGORICAL.index("origin")

DESTINATION, ORIGIN = CATEGORICAL.index("destination"), CATEGORICAL.index("origin")


class _DestinationForgotten(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [row * (j != DESTINATION) for j, row in enumerate(super().rows(categorical))]


wrong("tabular.fit_table", "destination ignored")(lambda *given: _trained(*given, model=_DestinationForgotten))

wrong("tabular.fit_table", "not trained")(
    lambda categorical, continuous, targets, cardinalities, seed: _Table(cardinalities, continuous.shape[1], 1, [32])
)


class _Constant(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.value.expand(len(categorical), 1)


wrong("tabular.fit_table", "one number for all")(
    lambda categorical, continuous, targets, cardinalities, seed: _Constant(targets.mean())
)

wrong("tabular.fit_table", "codes as numbers")(lambda *given: _trained(*given, model=_CodesAsNumbers, hidden=(50,)))

wrong("tabular.fit_table", "no better than the mean")(
    lambda categorical, continuous, targets, *rest: _trained(
        categorical, continuous, targets[torch.randperm(len(targets))], *rest
    )
)

wrong("tabular.fit_table", "hardly trained")(lambda *given: _trained(*given, scaled=False))

wrong("tabular.fit_table", "not finite")(
    lambda categorical, continuous, targets, cardinalities, seed: _Constant(torch.tensor(math.nan))
)


class _Flat(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.model(categorical, continuous)[:, 0]


wrong("tabular.fit_table", "a flat list of predictions")(lambda *given: _Flat(_trained(*given)))

wrong("tabular.fit_table", "predictions returned")(
    lambda categorical, continuous, targets, cardinalities, seed: targets.clone()
)
