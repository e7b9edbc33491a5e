"""Exercises of lesson 11: categories and gaps of a table, embedding sizes, the model, and a fit of real flights."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, Mistake, Rng, Training, claim, gradients
from course_utils.data import load_flights


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _known(*columns: Sequence[Any]) -> set[Any]:
    return {value for column in columns for value in column if not _is_missing(value)}


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


def _by_each_part(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes, _, vocabulary = _coded(train, valid, sorted(_known(train)))
    return codes, _coded(valid, valid, sorted(_known(valid)))[0], vocabulary


def _strict(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    places = {value: index + 1 for index, value in enumerate(sorted(_known(train)))}
    codes = [[0 if _is_missing(value) else places[value] for value in column] for column in (train, valid)]
    return torch.tensor(codes[0]), torch.tensor(codes[1]), sorted(places)


def _missing_last(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    vocabulary = sorted(_known(train))
    codes = _coded(train, valid, vocabulary)
    n = len(vocabulary)
    return (codes[0] - 1) % (n + 1), (codes[1] - 1) % (n + 1), vocabulary


def _gap_as_category(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    first, second = (["" if _is_missing(value) else str(value) for value in column] for column in (train, valid))
    return _coded(first, second, sorted(_known(first)))


def _all_sorted(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    vocabulary = sorted(set(train))
    places = {value: index + 1 for index, value in enumerate(vocabulary)}
    codes = [torch.tensor([places.get(value, 0) for value in column]) for column in (train, valid)]
    return codes[0], codes[1], vocabulary


def _asked_isnan(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    return _coded(train, valid, sorted({value for value in train if not math.isnan(value)}))


def _by_truth(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    return _coded(train, valid, sorted(value for value in _known(train) if value))


def _codes_of_pandas(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes = _coded(train, valid, sorted(_known(train)))
    return codes[0] - 1, codes[1] - 1, codes[2]


def _dropped(train: Sequence[Any], valid: Sequence[Any]) -> tuple[Tensor, Tensor, list[Any]]:
    codes = _coded(train, valid, sorted(_known(train)))
    return codes[0][codes[0] > 0], codes[1][codes[1] > 0], codes[2]


class Categorify(Exercise):
    """Sorted vocabulary of train; code = place in it + 1; 0 for a missing value and for one that train lacks."""

    id, points = "tabular.categorify", 2

    def cases(self, rng: Rng) -> Iterable[Case]:
        def drawn(names: Sequence[Any], n: int) -> list[Any]:
            return [names[i] for i in rng.integers(0, len(names), n).tolist()]

        yield Case("texts without gaps", train=["JFK", "EWR", "LGA", "EWR", "EWR"], valid=["LGA", "EWR"])
        letters = ["d", "b", "a", "e", "b"]
        yield Case(
            "texts with gaps (None)",
            train=["e", *drawn(letters, 4), None, "b", "a", None, "d"],
            valid=[None, *drawn(letters, 3)],
        )
        yield Case(
            "whole numbers, 0, 9 and 10 among them",
            train=[10, 2, 9, 0, *drawn([9, 10, 11], 3), 11],
            valid=[11, 10, 0, 9, 2],
        )
        yield Case("floats with gaps (nan)", train=[2.5, math.nan, 0.5, 2.5, -1.0], valid=[math.nan, -1.0, 0.5])
        yield Case("values in valid that train does not have", train=["b", "d", "b"], valid=["a", "d", "z", None, "b"])

    def probe(self, categorify: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = categorify(case.train, case.valid)
        yield "what is returned", f"{len(answer)} things" if isinstance(answer, tuple | list) else answer
        train_codes, valid_codes, vocabulary = answer
        yield "vocabulary", list(vocabulary) if isinstance(vocabulary, tuple) else vocabulary
        for name, codes in (("train_codes", train_codes), ("valid_codes", valid_codes)):
            codes = torch.as_tensor(codes)
            yield f"dtype of {name}", str(codes.dtype).removeprefix("torch.")
            yield name, codes

    mistakes = (
        Mistake(
            "valid in the vocabulary",
            lambda train, valid: _coded(train, valid, sorted(_known(train, valid))),
            "Values that only valid has got codes of their own. Their rows of the embedding would never be trained. "
            "And it looks at data that you should not know yet: everything is learned from train alone.",
        ),
        Mistake(
            "valid with a vocabulary of its own",
            _by_each_part,
            "The codes of valid were counted anew, so that the same code means one thing in train and another in "
            "valid. One vocabulary, that of train, serves both.",
        ),
        Mistake(
            "unknown like a new code",
            lambda train, valid: _coded(train, valid, sorted(_known(train)), other=len(_known(train)) + 1),
            "A value that train does not have gets a code after the last one. The embedding has no row there. Unknown "
            "and missing share code 0.",
        ),
        Mistake(
            "unknown as -1",
            lambda train, valid: _coded(train, valid, sorted(_known(train)), other=-1),
            "A value that train does not have gets -1. As an index that means the last row, and so the wrong category "
            "without any error. Use 0.",
        ),
        Mistake(
            "unknown values refused",
            _strict,
            "A value that is in valid and not in train raises KeyError. New data will always bring such values: they "
            "get 0. Does a dict have a way to ask with a default?",
        ),
        Mistake(
            "counted from 0",
            lambda train, valid: _coded(train, valid, sorted(_known(train)), first=0),
            "The first category gets code 0, which is also that of missing values: the two cannot be told apart. "
            "Categories begin at 1.",
        ),
        Mistake(
            "missing last",
            _missing_last,
            "The categories have 0 to n - 1, and missing comes last. Here missing and unknown are 0, whatever n is.",
        ),
        Mistake(
            "nan in the vocabulary",
            lambda train, valid: _coded(train, valid, sorted({value for value in train if value is not None})),
            "You leave out None, but nan has become a member of the vocabulary, and has spoilt its order, because it "
            "is neither smaller nor larger than anything. nan is the value that differs from itself.",
            sign=lambda evidence: any(v != v for e in evidence for v in e["vocabulary"]),
        ),
        Mistake(
            "missing values sorted",
            _all_sorted,
            "None and nan are still among the values that you sort. They are no categories, and None cannot be "
            "compared with a text: leave out what is missing first.",
        ),
        Mistake(
            "None sorted",
            lambda train, valid: _coded(train, valid, sorted({value for value in train if value == value})),
            "You leave out nan, but None is still among the values that you sort, and it cannot be compared with a "
            "text. Both mean missing.",
        ),
        Mistake(
            "isnan of a text",
            _asked_isnan,
            "math.isnan takes numbers only, and here it was asked about a text. There is a test that works for "
            "everything: nan is the value that differs from itself.",
        ),
        Mistake(
            "0 taken for missing",
            _by_truth,
            "The number 0 was left out as if it were missing: `if value` is false for 0 too. Only None and nan are "
            "missing.",
        ),
        Mistake(
            "codes as pandas counts",
            _codes_of_pandas,
            "Your codes begin at 0, with -1 for what is missing or unknown. Here everything is one higher: 0 for what "
            "is not known, and the categories from 1.",
        ),
        Mistake(
            "missing values dropped",
            _dropped,
            "The codes of what is missing or unknown are left out, so the codes no longer stand beside their rows. "
            "Every row gets a code, and these get 0.",
        ),
        Mistake(
            "values more than once",
            lambda train, valid: _coded(train, valid, sorted(v for v in train if not _is_missing(v))),
            "A value that occurs several times stands in your vocabulary several times. Each value once.",
        ),
        Mistake(
            "vocabulary first",
            lambda train, valid: _coded(train, valid, sorted(_known(train)))[::-1],
            "The order is another one: the codes of train, the codes of valid, and the vocabulary last.",
            sign=lambda evidence: all(isinstance(v, Tensor | int) for v in evidence[0]["vocabulary"]),
        ),
        Mistake(
            "in order of appearance",
            lambda train, valid: _coded(train, valid, list(dict.fromkeys(v for v in train if not _is_missing(v)))),
            "The vocabulary stands in the order in which the values come. Then the codes change when the rows are "
            "shuffled. Sort it.",
        ),
        Mistake(
            "gap as a category",
            _gap_as_category,
            "A missing value (or its text, or an empty one) has become a member of the vocabulary. Leave None and nan "
            "out before you sort. nan is the value that differs from itself.",
            sign=lambda evidence: (
                evidence[0]["vocabulary"] == ["EWR", "JFK", "LGA"]
                and not set(evidence[1]["vocabulary"]) <= {"a", "b", "d", "e", "z"}
            ),
        ),
        Mistake(
            "sorted as text",
            lambda train, valid: _coded(train, valid, sorted(_known(train), key=str)),
            "Numbers were sorted as text, where 10 comes before 9. Sort the values as they are.",
            sign=lambda evidence: (
                [str(v) for v in evidence[2]["vocabulary"]] == sorted(str(v) for v in evidence[2]["vocabulary"])
            ),
        ),
        Mistake(
            "codes as floats",
            lambda train, valid: tuple(
                part.float() if isinstance(part, Tensor) else part
                for part in _coded(train, valid, sorted(_known(train)))
            ),
            "The codes are floats. They will be used as indices: whole numbers, int64.",
        ),
    )


def _filled(train: Tensor, valid: Tensor, by: Tensor, by_valid: Tensor | None = None) -> tuple[Tensor, ...]:
    return (
        torch.where(train.isnan(), by, train),
        torch.where(valid.isnan(), by if by_valid is None else by_valid, valid),
        train.isnan(),
        valid.isnan(),
    )


def _flags_too_late(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    train, valid, *_ = _filled(train, valid, train.nanmedian())
    return train, valid, train.isnan(), valid.isnan()


def _in_place(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    answer = _filled(train, valid, train.nanmedian())
    train.copy_(answer[0])
    valid.copy_(answer[1])
    return answer


def _untouched(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    return train.clone(), valid.clone(), train == math.nan, valid == math.nan


def _exchanged(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    median = train.nanmedian()
    return (
        torch.where(train.isnan(), train, median),
        torch.where(valid.isnan(), valid, median),
        train.isnan(),
        valid.isnan(),
    )


def _middle_as_it_stands(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    known = train[~train.isnan()]
    return _filled(train, valid, known[len(known) // 2])


class FillMissing(Exercise):
    """nan becomes the median of train's known values, in train and in valid; and two masks say where nan was."""

    id, points = "tabular.fill_missing", 2
    without = {
        "float64": "the columns are float32",
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def column(known: int, gaps: int, skew: float = 0.0) -> Tensor:
            values = torch.cat([3 * rng.normal(known) + skew, torch.full((gaps,), math.nan)])
            values[:1] += 9  # so that the mean is not the median
            return values[rng.permutation(known + gaps)]

        yield Case("two gaps in train, one in valid", train=column(5, 2), valid=column(3, 1, skew=40))
        yield Case("no gap in train, three in valid", train=column(3, 0), valid=column(2, 3, skew=-50))
        yield Case("nothing known in valid", train=column(9, 4, skew=100), valid=torch.full((2,), math.nan))
        yield Case("no gap at all", train=column(3, 0), valid=column(4, 0))

    def probe(self, fill_missing: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = fill_missing(case.train, case.valid)
        yield "what is returned", f"{len(answer)} things" if isinstance(answer, tuple | list) else answer
        train, valid, train_missing, valid_missing = answer
        yield "train", train
        yield "valid", valid
        yield "train_missing as 0 and 1", torch.as_tensor(train_missing).float()
        yield "valid_missing as 0 and 1", torch.as_tensor(valid_missing).float()

    mistakes = (
        Mistake(
            "valid by its own median",
            lambda train, valid: _filled(train, valid, train.nanmedian(), valid.nanmedian()),
            "The gaps of valid were filled with valid's own median. What you do to new data must be fixed before you "
            "see it: use the median of train for both.",
        ),
        Mistake(
            "median of both",
            lambda train, valid: _filled(train, valid, torch.cat([train, valid]).nanmedian()),
            "The median was taken over train and valid together. Then valid has a part in what it is meant to test.",
        ),
        Mistake(
            "masks after filling",
            _flags_too_late,
            "The masks say that nothing was missing: you asked after the gaps had been filled.",
        ),
        Mistake(
            "mean for median",
            lambda train, valid: _filled(train, valid, train.nanmean()),
            "You fill with the mean. A few extreme values move it; the median stays in the middle of the crowd.",
        ),
        Mistake(
            "median with the gaps",
            lambda train, valid: _filled(train, valid, train.median()),
            "torch.median gives nan when there is one nan among the values. There is a sister that leaves them out.",
        ),
        Mistake(
            "compared with nan",
            _untouched,
            "No gap was found: `x == nan` is never true, since nan is not equal to itself. `isnan()` finds them.",
        ),
        Mistake(
            "gaps still there",
            lambda train, valid: (train.clone(), valid.clone(), train.isnan(), valid.isnan()),
            "The masks are right, but the gaps are still in train and valid. Does a line compute the filled tensor and "
            "then forget it, or write == for =?",
        ),
        Mistake(
            "filled where known",
            _exchanged,
            "The known values were overwritten with the median, and the gaps are still there: the two sides of the "
            "condition are exchanged.",
        ),
        Mistake(
            "middle of unsorted values",
            _middle_as_it_stands,
            "You take the value that happens to stand in the middle. The median is in the middle after sorting.",
        ),
        Mistake(
            "gaps counted as 0",
            lambda train, valid: _filled(train, valid, train.nan_to_num(0.0).median()),
            "The gaps went into the median as zeros, and pulled it towards 0. Leave them out.",
        ),
        Mistake(
            "masks not returned",
            lambda train, valid: _filled(train, valid, train.nanmedian())[:2],
            "You return the two filled columns. The two masks belong to the answer as well: four things.",
        ),
        Mistake(
            "in pairs",
            lambda train, valid: tuple(_filled(train, valid, train.nanmedian())[i] for i in (0, 2, 1, 3)),
            "The order is another one: train and valid first, and then the masks of both.",
        ),
        Mistake(
            "zero for missing",
            lambda train, valid: _filled(train, valid, torch.tensor(0.0)),
            "The gaps became 0. That is a value like any other, and often an impossible one: an aircraft built in the "
            "year 0.",
        ),
        Mistake(
            "masks upside down",
            lambda train, valid: (*_filled(train, valid, train.nanmedian())[:2], ~train.isnan(), ~valid.isnan()),
            "The masks say where a value is known. They should be true where it was missing.",
        ),
        Mistake(
            "masks exchanged",
            lambda train, valid: tuple(_filled(train, valid, train.nanmedian())[i] for i in (0, 1, 3, 2)),
            "The two masks come in the wrong order: that of train first.",
        ),
        Mistake(
            "rows dropped",
            lambda train, valid: (train[~train.isnan()], valid[~valid.isnan()], train.isnan(), valid.isnan()),
            "The rows with gaps are gone. The other columns of these rows still know something: keep them, and fill "
            "the gap.",
        ),
        Mistake(
            "filled in place",
            _in_place,
            "The numbers are right, but the tensors that came in were overwritten. Make new ones.",
        ),
    )


def _is_whole(size: Any) -> bool:
    try:
        index(size)
    except TypeError:
        return False
    return True


class EmbeddingSize(Exercise):
    """min(600, round(1.6 * n**0.56)) for n categories."""

    id, points = "tabular.embedding_size", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        few = [rng.integer(60, 90), rng.integer(200, 900)]
        yield Case("few categories", counts=[7, 2, 3, 14, 31, 1])
        yield Case("many categories", counts=[103, *few, 5_000])
        yield Case("very many categories", counts=[20_000, 50_000, 1_000_000])

    def probe(self, embedding_size: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        whole = []
        for n in case.counts:
            size = embedding_size(n)
            yield f"size for {n:,} categories", size
            whole.append(_is_whole(size))
        yield claim("the sizes are ints", all(whole))

    mistakes = (
        Mistake(
            "cut off, not rounded",
            lambda n: min(600, int(1.6 * n**0.56)),
            "int() cuts off what is behind the point: 4.75 becomes 4. Round to the nearest whole number.",
        ),
        Mistake(
            "no upper end",
            lambda n: round(1.6 * n**0.56),
            "For very many categories the size goes on growing. It ends at 600.",
        ),
        Mistake(
            "never above 50",
            lambda n: min(50, round(1.6 * n**0.56)),
            "Your sizes end at 50. That belongs to an older rule of thumb; here the end is 600.",
        ),
        Mistake(
            "always 600 or more",
            lambda n: max(600, round(1.6 * n**0.56)),
            "You take the larger of the two. 600 is meant as an upper end: the smaller one.",
        ),
        Mistake(
            "half the categories",
            lambda n: min(50, (n + 1) // 2),
            "This is the older rule, half the number of categories and at most 50. Many notebooks have it. Here the "
            "size grows like n to the power 0.56.",
        ),
        Mistake(
            "power taken last",
            lambda n: min(600, round((1.6 * n) ** 0.56)),
            "The power acts on the product 1.6 n. It acts on n alone.",
        ),
        Mistake(
            "rounded up",
            lambda n: min(600, math.ceil(1.6 * n**0.56)),
            "You round up. Round to the nearest whole number.",
        ),
        Mistake(
            "float",
            lambda n: min(600, round(1.6 * n**0.56, 0)),
            "The numbers are right, but they are floats, such as 5.0, and a tensor cannot have 5.0 columns. `round` "
            "with one argument gives an int, and int() makes one.",
            sign=lambda evidence: evidence[0]["size for 7 categories"] == 5 and not evidence[0]["the sizes are ints"],
        ),
        Mistake(
            "1.6 left out",
            lambda n: min(600, round(n**0.56)),
            "The power is right, but the factor 1.6 before it is missing.",
        ),
        Mistake(
            "product for power",
            lambda n: min(600, round(1.6 * n * 0.56)),
            "n was multiplied by 0.56. It is raised to the power 0.56: `**`.",
        ),
        Mistake(
            "square root",
            lambda n: min(600, round(1.6 * n**0.5)),
            "That is the square root, the power 0.5. Here the power is 0.56.",
        ),
        Mistake(
            "rounded too early",
            lambda n: min(600, round(1.6 * round(n**0.56))),
            "You round the power and then multiply. Multiply first, round last.",
        ),
        Mistake(
            "600 categories at most",
            lambda n: round(1.6 * min(600, n) ** 0.56),
            "You cut off the number of categories at 600. It is the size that ends at 600.",
        ),
        Mistake(
            "one category more",
            lambda n: min(600, round(1.6 * (n + 1) ** 0.56)),
            "You count one category more. n is the number of all of them, code 0 included.",
        ),
        Mistake(
            "no wider than the categories",
            lambda n: min(600, n, round(1.6 * n**0.56)),
            "Your size is never larger than n. That is sensible, but not in the rule: for n = 1 it gives 2.",
        ),
        Mistake(
            "not rounded",
            lambda n: min(600, 1.6 * n**0.56),
            "A size is a whole number: round it.",
        ),
    )


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


class _Straight(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in self.layers:
            x = layer(x)
        return x


class _BentAtTheEnd(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().forward(categorical, continuous).clamp(min=0)


class _BentInput(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().joined(categorical, continuous).clamp(min=0)


class _ContinuousFirst(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat([continuous, *self.rows(categorical)], dim=1)


class _ContinuousForgotten(_Table):
    def width(self, n_continuous: int) -> int:
        return super().width(0)

    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat(self.rows(categorical), dim=1)


class _LastTableFirst(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return super().rows(categorical)[::-1]


class _Detached(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [row.detach() for row in super().rows(categorical)]


class _OneRowMore(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.tables = nn.ParameterList(nn.Parameter(torch.randn(n + 1, _size(n))) for n in cardinalities)
        self.build([self.width(n_continuous), *hidden, n_outputs])


class _OneRowLess(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.tables = nn.ParameterList(nn.Parameter(0.01 * torch.randn(n - 1, _size(n))) for n in cardinalities)
        self.build([self.width(n_continuous), *hidden, n_outputs])


class _LargeStart(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.tables:
            nn.init.normal_(table)


class _EqualStart(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        for table in self.tables:
            nn.init.zeros_(table)


class _RowsForColumns(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [table[categorical[j]] for j, table in enumerate(self.tables)]


class _OneTooLow(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return super().rows(categorical - 1)


class _OneAboveTheOther(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat([*self.rows(categorical), continuous])


class _ContinuousNotJoined(_Table):
    def joined(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return torch.cat(self.rows(categorical), dim=1)


class _SumOfCardinalities(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        super().__init__(cardinalities, n_continuous, n_outputs, hidden)
        self.build([sum(cardinalities) + n_continuous, *hidden, n_outputs])


class _BentOnce(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in list(self.layers)[:-1]:
            x = layer(x)
        return self.layers[-1](x.clamp(min=0))


class _Sigmoid(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        x = self.joined(categorical, continuous)
        for layer in list(self.layers)[:-1]:
            x = layer(x).sigmoid()
        return self.layers[-1](x)


class _NoOffsets(_Table):
    def build(self, widths: Sequence[int]) -> None:
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:], strict=False))


class _HiddenIgnored(_Table):
    def build(self, widths: Sequence[int]) -> None:
        super().build([widths[0], 50, widths[-1]])


class _TablesInAList(_Table):
    def __init__(self, cardinalities: Sequence[int], n_continuous: int, n_outputs: int, hidden: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.__dict__["tables"] = [torch.randn(n, _size(n)) for n in cardinalities]
        self.build([self.width(n_continuous), *hidden, n_outputs])


class _LayersInAList(_Table):
    def build(self, widths: Sequence[int]) -> None:
        self.__dict__["layers"] = [nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)]


class _AllInLists(_TablesInAList, _LayersInAList):
    pass


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


class _OldSizes(_Table):
    def size(self, n: int) -> int:
        return min(50, (n + 1) // 2)


class _OneHidden(_Table):
    def build(self, widths: Sequence[int]) -> None:
        super().build([widths[0], *widths[1:-1][:1], widths[-1]])


class _Squeezed(_Table):
    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return super().forward(categorical, continuous).squeeze()


def _has(*shapes: str, not_: Sequence[str] = ()) -> Callable[[list[dict[str, Any]]], bool]:
    """A sign in the parameter shapes of the first case, where (1, 5), (1,), (4, 3), (5, 10), (5,), (7, 5) are right."""

    def sign(evidence: list[dict[str, Any]]) -> bool:
        found = evidence[0]["parameter shapes"]
        return all(shape in found for shape in shapes) and not any(shape in found for shape in not_)

    return sign


class TabularModel(Exercise):
    """Embeddings of the categorical columns, then the continuous ones, through affine maps with ReLU in between."""

    id, points = "tabular.TabularModel", 3
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "the numbers are copied into the parameters",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, cards: list[int], n_continuous: int, n_outputs: int, hidden: list[int], n: int) -> Case:
            widths = [sum(map(_size, cards)) + n_continuous, *hidden, n_outputs]
            shapes = [(card, _size(card)) for card in cards]
            for a, b in zip(widths, widths[1:], strict=False):
                shapes += [(b, a), (b,)]  # type: ignore[list-item]
            return Case(
                f"{label}: TabularModel({cards}, {n_continuous}, {n_outputs}, {hidden})",
                cards=cards,
                sizes=[n_continuous, n_outputs],
                hidden_widths=hidden,
                categorical=torch.stack([rng.integers(0, card, n) for card in cards], dim=1),
                continuous=rng.normal(n, n_continuous),
                n_tables=len(cards),
                values={str(shape): 0.6 * rng.normal(*shape) for shape in shapes},
            )

        yield case("two columns of each kind, a batch of six", [4, 7], 2, 1, [5], 6)
        yield case("a batch of one, two hidden layers", [3, 12, 5], 1, 2, [8, 6], 1)
        yield case("no continuous column", [6], 0, 1, [9, 3], 5)
        low = case("no hidden layer", [5, 9], 3, 2, [], 4)
        low.inputs["values"]["(2,)"] -= 4  # an output is negative, whatever is drawn
        yield low
        start = case("the start values", [90, 120], 1, 1, [3], 1)
        start.inputs["start"] = True
        yield start

    def probe(self, TabularModel: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = TabularModel(case.cards, *case.sizes, case.hidden_widths)
        yield claim("`TabularModel` is an nn.Module", isinstance(model, nn.Module))
        parameters = {str(tuple(p.shape)): p for p in model.parameters()}
        turned = {}  # weights of affine maps written as (in, out) are right too
        for shape, values in list(case.values.items())[case.n_tables :]:
            other = str(tuple(values.T.shape)) if values.ndim == 2 else shape
            if shape not in parameters and other in parameters:
                turned[other] = shape
        shapes = [str(tuple(p.shape)) for p in model.parameters()]
        yield "parameter shapes", ", ".join(sorted(turned.get(shape, shape) for shape in shapes)) or "none"
        parameters = {turned.get(shape, shape): p for shape, p in parameters.items()}
        tables = [parameters[shape].detach() for shape in list(case.values)[: case.n_tables]]
        yield claim("the tables are small at the start", all(float(table.abs().max()) < 0.6 for table in tables))
        yield claim("the tables are random at the start", all(len(table.unique()) > table.shape[1] for table in tables))
        if "start" in case.inputs:
            spreads = [float(table.std()) for table in tables]
            spread = all(0.005 < s < 0.02 for s in spreads)
            yield claim("the spread of the tables at the start is about 0.01", spread)
            return
        with torch.no_grad():
            for shape, values in case.values.items():
                parameters[shape].copy_(values.T if shape in turned.values() else values)
        y = model(case.categorical, case.continuous)
        yield "y", y
        for shape, grad in zip(parameters, gradients(y, list(parameters.values())), strict=True):
            if shape in case.values:
                grad = grad.T if grad is not None and shape in turned.values() else grad
                yield f"grad of the parameter of shape {shape}", grad

    mistakes = (
        Mistake(
            "embeddings detached",
            _Detached,
            "The output is right, but no gradient reaches the embeddings: they would stay as they start. Look for "
            "`.detach()`, `.data` or torch.no_grad().",
        ),
        Mistake(
            "tables start large",
            _LargeStart,
            "The tables start with large numbers, such as the spread of 1 of a fresh nn.Embedding. Asked for is 0.01: "
            "else the random start stays in each row, and the map at the end shows it.",
            sign=lambda evidence: evidence[0]["the tables are small at the start"] is False,
        ),
        Mistake(
            "tables start equal",
            _EqualStart,
            "The rows of a table all start equal. Let them start as random numbers of spread 0.01.",
            sign=lambda evidence: evidence[0]["the tables are random at the start"] is False,
        ),
        Mistake(
            "no activation",
            _Straight,
            "There is no ReLU between the affine maps, so they collapse into one (lesson 01).",
        ),
        Mistake(
            "activation at the end",
            _BentAtTheEnd,
            "A ReLU follows the last map, so the output is never negative. After the last map comes nothing.",
        ),
        Mistake(
            "activation on the input",
            _BentInput,
            "A ReLU acts on the embeddings and the continuous columns, and cuts off half of what they say. It belongs "
            "after each hidden map.",
        ),
        Mistake(
            "continuous columns first",
            _ContinuousFirst,
            "All parts are there, but the continuous columns come first. Here the embeddings come first, in the order "
            "of their columns. A saved model would not fit otherwise.",
        ),
        Mistake(
            "one ReLU for all",
            _BentOnce,
            "With two hidden layers there is only one ReLU, before the last map. One belongs after every hidden map.",
        ),
        Mistake(
            "sigmoid for ReLU",
            _Sigmoid,
            "After the hidden maps stands a sigmoid. Asked for is a ReLU.",
        ),
        Mistake(
            "rows for columns",
            _RowsForColumns,
            "`categorical[j]` is row j, the codes of one row of the table. You need column j, the codes of all rows.",
        ),
        Mistake(
            "codes one too low",
            _OneTooLow,
            "You look up the code minus 1. Every code has its own row, also code 0: row 0 is for what is not known.",
        ),
        Mistake(
            "one above the other",
            _OneAboveTheOther,
            "torch.cat joins along dimension 0 if nothing is said: one above the other. The parts of a row belong side "
            "by side.",
        ),
        Mistake(
            "continuous columns not joined",
            _ContinuousNotJoined,
            "The first map has room for the continuous columns, but what reaches it are the embeddings alone. Join the "
            "continuous columns to them.",
        ),
        Mistake(
            "columns reversed",
            _LastTableFirst,
            "The embeddings come in another order than their columns.",
        ),
        Mistake(
            "continuous columns forgotten",
            _ContinuousForgotten,
            "The continuous columns do not reach the first map. Its width is the sum of all embedding sizes plus "
            "n_continuous.",
        ),
        Mistake(
            "one row too many",
            _OneRowMore,
            "The tables have one row more than the cardinality. A cardinality counts code 0 already.",
            sign=_has("(5, 3)", "(8, 5)"),
        ),
        Mistake(
            "one row too few",
            _OneRowLess,
            "The tables have one row less than the cardinality, so the last code has none. A cardinality counts code "
            "0, and code 0 has a row as well.",
            sign=_has("(3, 3)", "(6, 5)"),
        ),
        Mistake(
            "another width at the entrance",
            _SumOfCardinalities,
            "The first map expects another width than the joined vector has. It is the sum of the embedding sizes, not "
            "of the cardinalities and not the number of columns, plus n_continuous.",
            sign=_has("(4, 3)", "(7, 5)", "(1, 5)", "(5,)", not_=["(5, 10)", "(5, 8)"]),
        ),
        Mistake(
            "no offsets",
            _NoOffsets,
            "The affine maps have no offset: an affine map is a product plus a vector b.",
            sign=_has("(4, 3)", "(5, 10)", not_=["(1,)", "(5,)"]),
        ),
        Mistake(
            "hidden not used",
            _HiddenIgnored,
            "The width of the hidden layer is fixed at 50 in your code. It is the argument `hidden` that says it.",
            sign=_has("(50,)"),
        ),
        Mistake(
            "everything in lists",
            _AllInLists,
            "Your model has no parameters at all: a module does not look into a plain Python list. Use "
            "nn.ParameterList and nn.ModuleList.",
            sign=_has("none"),
        ),
        Mistake(
            "tables in a list",
            _TablesInAList,
            "A module does not look into a plain Python list, so the embeddings are no parameters and are never "
            "trained. Use nn.ParameterList, or nn.ModuleList of nn.Embedding.",
            sign=lambda evidence: evidence[0]["parameter shapes"] == "(1, 5), (1,), (5, 10), (5,)",
        ),
        Mistake(
            "layers in a list",
            _LayersInAList,
            "A module does not look into a plain Python list, so the affine maps are not trained. Use nn.ModuleList.",
            sign=lambda evidence: evidence[0]["parameter shapes"] == "(4, 3), (7, 5)",
        ),
        Mistake(
            "codes as numbers",
            _CodesAsNumbers,
            "The codes go into the first map as if they were quantities: destination 60 twice as much of something as "
            "destination 30. They are names. Look up a row for each.",
        ),
        Mistake(
            "other embedding sizes",
            _OldSizes,
            "The tables have other widths than embedding_size gives for their cardinality.",
            sign=_has("(4, ", "(7, ", not_=["(4, 3)", "(7, 5)"]),
        ),
        Mistake(
            "only one hidden layer",
            _OneHidden,
            "`hidden` is a list of widths, and each of them is a layer of its own. Yours uses the first.",
        ),
        Mistake(
            "squeezed",
            _Squeezed,
            "The output has lost a dimension. It has shape (n, n_outputs), also where n or n_outputs is 1. "
            "`.squeeze()` takes away whatever is 1.",
        ),
    )


HELD_OUT = 8_000
CATEGORICAL = ("month", "weekday", "hour", "carrier", "origin", "destination", "maker")
CONTINUOUS = ("built", "pressure")
DESTINATION, ORIGIN = CATEGORICAL.index("destination"), CATEGORICAL.index("origin")


@cache
def _all_flights() -> tuple[Tensor, Tensor, Tensor, list[int]]:
    """Codes (n, 7), continuous columns with nan (n, 2), minutes (n, 1) of all flights, and the cardinalities."""
    import pandas as pd

    flights = load_flights()
    table = pd.concat([flights.train, flights.valid], ignore_index=True)
    columns, cardinalities = [], []
    for name in CATEGORICAL:
        vocabulary = sorted(_known(table[name].tolist()))
        columns.append(_coded(table[name].tolist(), [], vocabulary)[0])
        cardinalities.append(len(vocabulary) + 1)
    continuous = torch.tensor(table[list(CONTINUOUS)].to_numpy(), dtype=torch.float32)
    minutes = torch.tensor(table[["air_time"]].to_numpy(), dtype=torch.float32)
    return torch.stack(columns, dim=1), continuous, minutes, cardinalities


def _with_masks(continuous: Tensor, train: Tensor) -> Tensor:
    """Gaps filled with the medians of the rows `train`, scaled by their mean and spread, and masks of the gaps."""
    gaps = continuous.isnan()
    filled = torch.where(gaps, continuous[train].nanmedian(dim=0).values, continuous)
    scaled = (filled - filled[train].mean(0)) / filled[train].std(0)
    return torch.cat([scaled, gaps.float()], dim=1)


def _route_means(categorical: Tensor, targets: Tensor, n_destinations: int, unseen: Tensor) -> Tensor:
    """The mean target of all training rows with the same origin and destination; the overall mean where none is."""

    def route(codes: Tensor) -> Tensor:
        return codes[:, ORIGIN] * n_destinations + codes[:, DESTINATION]

    n = int(torch.cat([route(categorical), route(unseen)]).max()) + 1
    count = torch.bincount(route(categorical), minlength=n)
    total = torch.zeros(n).index_add(0, route(categorical), targets[:, 0])
    return torch.where(count > 0, total / count.clamp(min=1), targets.mean())[route(unseen)][:, None]


def _rmse(y_hat: Tensor, y: Tensor) -> float:
    return float((y_hat - y).square().mean().sqrt())


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


class _OnlyContinuous(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [0 * row for row in super().rows(categorical)]


class _DestinationForgotten(_Table):
    def rows(self, categorical: Tensor) -> list[Tensor]:
        return [row * (j != DESTINATION) for j, row in enumerate(super().rows(categorical))]


class _Constant(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.value.expand(len(categorical), 1)


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


class _Flat(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, categorical: Tensor, continuous: Tensor) -> Tensor:
        return self.model(categorical, continuous)[:, 0]


Seen = list[dict[str, Any]]


def _shows(first: Callable[[dict[str, Any]], bool]) -> Callable[[Seen], bool]:
    """A sign that looks at the one case that there is."""
    return lambda evidence: first(evidence[0])


def _spread(e: dict[str, Any]) -> float:
    return float(e["predictions"].std())


def _off(e: dict[str, Any]) -> float:
    return abs(float(e["predictions"].mean() - e["mean of the given targets"]))


def _right_spread(e: dict[str, Any]) -> bool:
    return 0.6 < _spread(e) / float(e["spread of the given targets"]) < 1.4


class FitTable(Training):
    """A model of the air time of given flights, judged by its error on 8,000 flights that it never saw.

    Measured over 20 seeds, each with its own split, as a share of the error of route means (11.7 to 12.1 minutes;
    a line in distance has a share of about 1.07):

    | answer | mean | least | largest |
    |---|---|---|---|
    | reference: hidden layer of 50, Adam, 4 epochs, rate falling to 0 | 0.830 | 0.814 | 0.853 |
    | nn.Embedding, torch.optim.Adam, 5 epochs, rate lowered once | 0.835 | 0.816 | 0.857 |
    | tables that start with a spread of 1, 4 epochs | 0.838 | 0.823 | 0.854 |
    | SGD with momentum on one-hot products, 5 epochs | 0.855 | 0.841 | 0.873 |
    | no hidden layer, 4 epochs | 0.879 | 0.871 | 0.892 |
    | targets not standardised, 4 epochs | 0.959 | 0.925 | 1.015 |
    | hidden layer of 32, 1 epoch | 0.976 | 0.919 | 1.054 |
    | targets not standardised, 1 epoch | 5.92 | 5.34 | 6.51 |
    """

    id, points = "tabular.fit_table", 4
    metric = "error (RMSE) on unseen flights, as a share of the error of route means"
    full, part, higher_is_better = 0.92, 1.0, False

    def cases(self, rng: Rng) -> Iterable[Case]:
        categorical, continuous, minutes, cardinalities = _all_flights()
        renamed = [torch.cat([torch.zeros(1).long(), 1 + rng.permutation(n - 1)]) for n in cardinalities]
        categorical = torch.stack([new[categorical[:, j]] for j, new in enumerate(renamed)], dim=1)
        order = rng.permutation(len(minutes))
        out, kept = order[:HELD_OUT], order[HELD_OUT:]
        columns = _with_masks(continuous, kept)
        unknown = ~(torch.bincount(categorical[kept, DESTINATION], minlength=cardinalities[DESTINATION]) > 0)
        unseen = categorical[out].clone()
        unseen[unknown[unseen[:, DESTINATION]], DESTINATION] = 0
        guess = _route_means(categorical[kept], minutes[kept], cardinalities[DESTINATION], unseen)
        yield Case(
            f"{len(kept):,} flights to train on",
            hidden={"minutes": minutes[out], "error of route means": _rmse(guess, minutes[out])},
            categorical=categorical[kept],
            continuous=columns[kept],
            targets=minutes[kept],
            cardinalities=cardinalities,
            unseen_categorical=unseen,
            unseen_continuous=columns[out],
            seed=rng.integer(0, 10_000),
        )

    def probe(self, fit_table: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        torch.set_num_threads(1)  # the same numbers on every machine, and no threads that wait for each other
        model = fit_table(case.categorical, case.continuous, case.targets, case.cardinalities, case.seed)
        yield claim("the model is an nn.Module", isinstance(model, nn.Module))
        model.eval()
        with torch.no_grad():
            predictions = model(case.unseen_categorical, case.unseen_continuous)
            yield "shape of the predictions", str(tuple(predictions.shape))
            if predictions.shape != (len(case.unseen_categorical), 1):
                return
            yield claim("the predictions are finite", predictions.isfinite().all())
            yield "predictions", predictions
            few = slice(0, HELD_OUT)
            given = case.categorical[few], case.continuous[few]
            yield "mean of the given targets", case.targets.mean()
            yield "spread of the given targets", case.targets.std()
            yield "error on given rows", _rmse(model(*given), case.targets[few])
            for name, column in (("destinations", DESTINATION), ("columns", slice(None))):
                mixed = given[0].clone()
                mixed[:, column] = mixed[:, column].roll(1, dims=0)
                changed = (model(mixed, given[1]) - model(*given)).abs().mean()
                yield f"change with the categorical {name} of another row", changed
            yield "largest parameter dimension", max(size for p in model.parameters() for size in (*p.shape, 0))

    def expected(self, case: Case) -> dict[str, Any]:
        return {
            "the model is an nn.Module": True,
            "shape of the predictions": str((len(case.unseen_categorical), 1)),
            "the predictions are finite": True,
        }

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        return _rmse(evidence["predictions"], case.hidden["minutes"]) / case.hidden["error of route means"]

    mistakes = (
        Mistake(
            "standardised predictions",
            _still_scaled,
            "Your model answers in units of the standardised targets, with a mean near 0 and a spread near 1. It was "
            "trained well, but asked for are minutes: undo inside the model what you did to the targets.",
            sign=_shows(lambda e: abs(float(e["predictions"].mean())) < 1 and 0.3 < _spread(e) < 3),
        ),
        Mistake(
            "mean not added",
            _undone(lambda y, mean, std: y * std),
            "Your predictions have the right spread, but their mean is near 0: you multiply by the standard deviation, "
            "and the mean is still missing.",
            sign=_shows(lambda e: _right_spread(e) and abs(float(e["predictions"].mean())) < 30),
        ),
        Mistake(
            "undone in the wrong order",
            _undone(lambda y, mean, std: (y + mean) * std),
            "Your predictions are thousands of minutes: you add the mean and then multiply. To undo, go backwards: "
            "first times the standard deviation, then plus the mean.",
            sign=_shows(lambda e: _right_spread(e) and float(e["predictions"].mean()) > 1000),
        ),
        Mistake(
            "spread not restored",
            _undone(lambda y, mean, std: y + mean),
            "Your predictions have the right mean, but a spread near 1: you add the mean, and do not multiply by the "
            "standard deviation.",
            sign=_shows(
                lambda e: (
                    0.85 < _spread(e) < 1.15
                    and _off(e) < 8
                    and float(e["change with the categorical destinations of another row"]) > 0.9 * _spread(e)
                )
            ),
        ),
        Mistake(
            "categories ignored",
            lambda *given: _trained(*given, model=_OnlyContinuous),
            "The predictions stay the same whatever the categories of a row are. Do the embeddings reach the output?",
            sign=_shows(
                lambda e: float(e["change with the categorical columns of another row"]) < 1e-3 and _spread(e) > 1
            ),
        ),
        Mistake(
            "destination ignored",
            lambda *given: _trained(*given, model=_DestinationForgotten),
            "The predictions stay the same when a flight goes somewhere else. Are all columns looked up, each in its "
            "own table?",
            sign=_shows(
                lambda e: (
                    float(e["change with the categorical destinations of another row"]) < 1e-3 < _spread(e)
                    and float(e["change with the categorical columns of another row"]) > 1e-3
                )
            ),
        ),
        Mistake(
            "not trained",
            lambda categorical, continuous, targets, cardinalities, seed: _Table(
                cardinalities, continuous.shape[1], 1, [32]
            ),
            "Your model is as it started: near 0 for every flight. Does a step change the parameters of the model that "
            "you return?",
            sign=_shows(lambda e: _spread(e) < 1 and abs(float(e["predictions"].mean())) < 5),
        ),
        Mistake(
            "one number for all",
            lambda categorical, continuous, targets, cardinalities, seed: _Constant(targets.mean()),
            "Your model predicts nearly the same for every flight: the mean. That happens when (n, 1) meets (n,) in "
            "the loss: look at the shapes there. If they are right, the rate may be far too large, or a ReLU stands at "
            "the end.",
            sign=_shows(lambda e: _spread(e) < 1),
        ),
        Mistake(
            "codes as numbers",
            lambda *given: _trained(*given, model=_CodesAsNumbers, hidden=(50,)),
            "No parameter of your model has a row for each destination: the codes enter as quantities. They are names, "
            "and their order means nothing. Give each a row of an embedding.",
            sign=_shows(
                lambda e: e["largest parameter dimension"] < 100 and e["error on given rows"] > 15 and _spread(e) > 5
            ),
        ),
        Mistake(
            "no better than the mean",
            lambda categorical, continuous, targets, *rest: _trained(
                categorical, continuous, targets[torch.randperm(len(targets))], *rest
            ),
            "Your model knows the mean, and hardly more. Print the loss. If it does not fall: are categorical, "
            "continuous and targets of a batch picked with the same indices? If it falls slowly: there are too few "
            "steps, or the rate is far too small.",
            sign=_shows(
                lambda e: e["error on given rows"] > 0.9 * float(e["spread of the given targets"]) and _off(e) < 8
            ),
        ),
        Mistake(
            "hardly trained",
            lambda *given: _trained(*given, scaled=False),
            "Your model does badly on the very flights that it was given. Are the targets standardised for training? "
            "From parameters near 0 it is a long way to 150 minutes. Are the gradients cleared before each step? "
            "Otherwise: more epochs, or a larger rate.",
            sign=_shows(lambda e: e["error on given rows"] > 14),
        ),
        Mistake(
            "not finite",
            lambda categorical, continuous, targets, cardinalities, seed: _Constant(torch.tensor(math.nan)),
            "Some predictions are nan or infinite. Count the steps of Adam from 1: with t = 0 it divides 0 by 0. If "
            "that is right, the learning rate is far too large.",
            sign=_shows(lambda e: e["the predictions are finite"] is False),
        ),
        Mistake(
            "a flat list of predictions",
            lambda *given: _Flat(_trained(*given)),
            "Your model returns shape (n,). It should have the shape of the targets, (n, 1).",
            sign=_shows(lambda e: e["shape of the predictions"] == str((HELD_OUT,))),
        ),
        Mistake(
            "predictions returned",
            lambda categorical, continuous, targets, cardinalities, seed: targets.clone(),
            "fit_table should return the trained model, so that it can be asked about flights that it has not seen.",
            sign=_shows(lambda e: e["the model is an nn.Module"] is False),
        ),
    )
