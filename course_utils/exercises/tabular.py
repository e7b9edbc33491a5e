"""Exercises of lesson 11: categories and gaps of a table, embedding sizes, the model, and a fit of
real flights.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Exercise,
    Expose,
    Mistake,
    Rng,
    Training,
    claim,
    edit,
    gradients,
)
from course_utils.checking.axes import AGAIN, KEPT
from course_utils.data import load_flights
from course_utils.exercises._forms import EXPOSING, missed

# A set that holds None has another order in each process, and so its error another text.
KEPT_IN_ORDER = ("sorted({value", "sorted(dict.fromkeys(value")


def _as_texts_only(vocabulary: Sequence[Any]) -> bool:
    """Whether these numbers have the order of their texts, and not their own."""
    texts, numbers = [str(value) for value in vocabulary], [float(value) for value in vocabulary]
    return texts == sorted(texts) and numbers != sorted(numbers)


class Categorify(Exercise):
    """Sorted vocabulary of train; code = index in it + 1; 0 for missing values and unknown ones."""

    id, points = "tabular.categorify", 2
    minutes, lines, writes = 20, "about five lines", "words to codes"

    def cases(self, rng: Rng) -> Iterable[Case]:
        def drawn(names: Sequence[Any], n: int) -> list[Any]:
            return [names[i] for i in rng.integers(0, len(names), n).tolist()]

        yield Case(
            "texts without gaps", train=["JFK", "EWR", "LGA", "EWR", "EWR"], valid=["LGA", "EWR"]
        )
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
        yield Case(
            "floats with gaps (nan)",
            train=[2.5, float("nan"), 0.5, 2.5, -1.0],  # a new object, as from a table
            valid=[float("nan"), -1.0, 0.5, -1.5],
        )
        yield Case(
            "values in valid that train does not have",
            train=["north", "nan", "West", "north"],  # "nan" is a text like any other
            valid=["east", "nan", "northwest", None, "north"],
        )

    def probe(self, categorify: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = categorify(case.train, case.valid)
        yield (
            "what is returned",
            f"{len(answer)} things" if isinstance(answer, tuple | list) else answer,
        )
        train_codes, valid_codes, vocabulary = answer
        yield "vocabulary", list(vocabulary) if isinstance(vocabulary, tuple) else vocabulary
        for name, codes in (("train_codes", train_codes), ("valid_codes", valid_codes)):
            codes = torch.as_tensor(codes)
            yield f"dtype of {name}", str(codes.dtype).removeprefix("torch.")
            yield name, codes

    mistakes = (
        Mistake(
            "valid in the vocabulary",
            edit("for value in train if", "for value in [*train, *valid] if"),
            "You gave codes to values that occur only in valid. Their embedding rows would "
            "never be trained. And you use data you should not know yet: everything is learned "
            "from train alone.",
        ),
        Mistake(
            "valid with a vocabulary of its own",
            edit(
                "code.get(value, 0)",
                "sorted({v for v in column if not _missing(v)}).index(value) + 1",
            ),
            "You numbered valid separately, so the same code means one thing in train and "
            "another in valid. One vocabulary, that of train, serves both.",
        ),
        Mistake(
            "unknown values get a new code",
            edit("code.get(value, 0)", "code.get(value, len(code) + 1)"),
            "A value that train does not have gets a code after the last one. The embedding has "
            "no row there. Unknown and missing share code 0.",
        ),
        Mistake(
            "unknown values get the first code",
            edit("code.get(value, 0)", "code.get(value, 1)"),
            "A value that train does not have gets code 1, which is that of the first category. "
            "Unknown and missing share code 0.",
        ),
        *(
            Mistake(
                "unknown values get a neighbour's code",
                edit("code.get(value, 0)", found),
                "A value that train does not have gets the code of a value beside it. A search for "
                "the place in a sorted list finds one for every value: compare what is there. "
                "Unknown and missing share code 0.",
            )
            for found in (
                "min(__import__('bisect').bisect_left(vocabulary, value) + 1, len(code))",
                "__import__('bisect').bisect_left(vocabulary, value) + 1",
                "__import__('bisect').bisect_right(vocabulary, value)",
                "(lambda at: at + 1 if at < len(code) else 0)"
                "(__import__('bisect').bisect_left(vocabulary, value))",
            )
        ),
        Mistake(
            "unknown as -1",
            edit("code.get(value, 0)", "code.get(value, -1)"),
            "A value that train does not have gets -1. As an index that means the last row, and "
            "so the wrong category without any error. Use 0.",
        ),
        Mistake(
            "unknown values refused",
            edit("code.get(value, 0)", "code[value]"),
            "A value that is in valid but not in train raises KeyError. New data will always "
            "contain such values: they get 0. How do you look something up in a dict with a "
            "default?",
        ),
        *(
            Mistake(
                "missing and unknown values refused",
                edit("0 if _missing(value) else code.get(value, 0)", looked_up),
                "A value that has no code raises KeyError: one that is missing, or one that train "
                "does not have. Both get 0. How do you look something up in a dict with a default?",
            )
            for looked_up in (
                "code[value]",
                "code.get(value, 0) if column is train else code[value]",
            )
        ),
        Mistake(
            "missing and unknown as -1",
            edit("[0 if", "[-1 if", "value, 0)", "value, -1)"),
            "What is missing or unknown gets -1. As an index that means the last row, and so the "
            "wrong category without any error. Use 0.",
        ),
        Mistake(
            "an entry for missing values",
            edit("valid_codes, vocabulary", "valid_codes, [None, *vocabulary]"),
            "Your vocabulary begins with an entry for what is missing. It lists the categories "
            "alone; code 0 needs no entry.",
        ),
        Mistake(
            "counted from 0",
            edit("index + 1", "index"),
            "The first category gets code 0, which is also that of missing values: the two cannot "
            "be told apart. Categories begin at 1.",
        ),
        Mistake(
            "a code of its own for missing values",
            edit("[0 if", "[len(code) + 1 if"),
            "What is missing gets a code after the last one, where the embedding has no row. "
            "Missing and unknown share code 0.",
        ),
        Mistake(
            "missing last",
            edit("index + 1", "index", "[0 if", "[len(code) if", "value, 0)", "value, len(code))"),
            "The categories have 0 to n - 1, and missing comes last. Here missing and unknown are "
            "0, whatever n is.",
        ),
        Mistake(
            "codes as pandas counts",
            edit("index + 1", "index", "[0 if", "[-1 if", "value, 0)", "value, -1)"),
            "Your codes begin at 0, with -1 for what is missing or unknown. Here everything is "
            "one higher: 0 for missing or unknown, and the categories from 1.",
        ),
        Mistake(
            "nan in the vocabulary",
            None,
            "nan has become a member of the vocabulary. It can spoil the order too, because it is "
            "neither smaller nor larger than anything. It is not equal to itself either, so `v == "
            "nan` is never true, and not every nan is the object `np.nan`. nan is the value that "
            "differs from itself: `v != v`.",
            sign=lambda evidence: any(v != v for e in evidence for v in e["vocabulary"]),
        ),
        Mistake(
            "missing values sorted",
            edit(*KEPT_IN_ORDER, " if not _missing(value)})", "))"),
            "None and nan are still among the values you sort. They are not categories, and "
            "None cannot be compared with a string: drop missing values first.",
        ),
        Mistake(
            "None sorted",
            edit(*KEPT_IN_ORDER, "if not _missing(value)})", "if value == value))"),
            "You leave out nan, but None is still among the values that you sort, and it "
            "cannot be compared with a string. Both mean missing.",
        ),
        Mistake(
            "isnan of a string",
            edit("if not _missing(value)}", "if not __import__('math').isnan(value)}"),
            "math.isnan takes numbers only, and you called it on a string. One test works for "
            "everything: nan is the value that differs from itself.",
        ),
        Mistake(
            "the text nan as missing",
            edit("value != value", "str(value) == 'nan'"),
            'The text "nan" is taken for a missing value: you compare texts. A text is a category '
            "like any other. A nan is the value that differs from itself.",
        ),
        Mistake(
            "every float missing",
            edit("value != value", "isinstance(value, float)"),
            "You take every float for missing. nan is a float, but 0.5 is one too: nan is the "
            "value that differs from itself.",
        ),
        Mistake(
            "0 treated as missing",
            edit("if not _missing(value)}", "if value and not _missing(value)}"),
            "You dropped the number 0 as if it were missing: `if value` is false for 0 too. "
            "Only None and nan are missing.",
        ),
        Mistake(
            "gaps filled with the most frequent value",
            edit(
                "0 if _missing(value) else",
                "code[max((v for v in train if not _missing(v)), key=list(train).count)]\n"
                "         if _missing(value) and column is train else",
            ),
            "The gaps of train get the code of its most frequent value. Then the model cannot "
            "tell a gap from that value: a missing value has code 0.",
        ),
        *(
            Mistake(
                "missing values dropped",
                edit("for value in column]", f"for value in column if {kept}]"),
                f"Codes of {what} values are left out, so the codes no longer line up with "
                "their rows. Every row gets a code, and missing or unknown values get 0.",
            )
            for what, kept in (
                ("missing", "not _missing(value)"),
                ("missing", "not (_missing(value) and column is train)"),
                ("missing and unknown", "code.get(value)"),
            )
        ),
        Mistake(
            "values repeated",
            edit("sorted({value", "sorted([value", "(value)})", "(value)])"),
            "A value that occurs several times is in your vocabulary several times. List each "
            "value once.",
        ),
        Mistake(
            "vocabulary first",
            None,
            "The order is different: the codes of train, the codes of valid, and the "
            "vocabulary last.",
            sign=lambda evidence: all(
                isinstance(v, Tensor | int) for v in evidence[0]["vocabulary"]
            ),
        ),
        Mistake(
            "in order of appearance",
            edit("sorted({value", "list(dict.fromkeys(value", "(value)})", "(value)))"),
            "Your vocabulary is in the order in which the values appear. Then the codes change "
            "when the rows are shuffled. Sort it.",
        ),
        Mistake(
            "most frequent first",
            edit(
                "sorted({value",
                "sorted(dict.fromkeys(value",
                "(value)})",
                "(value)), key=lambda value: -list(train).count(value))",
            ),
            "You sort the vocabulary by how often a value occurs. Sort it by the values "
            "themselves.",
        ),
        Mistake(
            "most frequent first",
            edit("(value)})", "(value)}, key=lambda value: (-list(train).count(value), value))"),
            "You sort the vocabulary by how often a value occurs. Sort it by the values "
            "themselves.",
        ),
        Mistake(
            "missing value as a category",
            None,
            "A missing value (or its text, or an empty one) has become a member of the "
            "vocabulary. Leave None and nan out before you sort. nan is the value that differs "
            "from itself.",
            sign=lambda evidence: (
                evidence[0]["vocabulary"] == ["EWR", "JFK", "LGA"]
                and not {str(value).lower() for value in evidence[1]["vocabulary"]} <= set("abdez")
            ),
        ),
        Mistake(
            "sorted as text",
            None,
            "You sort numbers as text, where 10 comes before 9. Sort the values as they are.",
            sign=lambda evidence: _as_texts_only(evidence[2]["vocabulary"]),
        ),
        Mistake(
            "codes as floats",
            edit("torch.int64", "torch.float32"),
            "The codes are floats. They will be used as indices: whole numbers, int64.",
        ),
        Mistake(
            "codes as int32",
            edit("torch.int64", "torch.int32"),
            "The codes are int32. Codes of categories are int64 throughout this course, and "
            "torch.tensor makes that of whole numbers unless it is told otherwise.",
        ),
    )


def _from_the_row_before(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    import pandas as pd

    filled = [
        torch.tensor(pd.Series(column.numpy()).ffill().bfill().to_numpy())
        for column in (train, valid)
    ]
    return *filled, train.isnan(), valid.isnan()


def _from_the_row_before_or_the_median(train: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
    import pandas as pd

    filled = [
        torch.tensor(pd.Series(column.numpy()).ffill().fillna(train.nanmedian().item()).to_numpy())
        for column in (train, valid)
    ]
    return *filled, train.isnan(), valid.isnan()


def _by_lower_median(filled: Any, train: Tensor) -> Any:
    """The mean of the two values in the middle made the lower one, since both are a median."""
    known = train[~train.isnan()].sort().values
    lower, upper = known[(len(known) - 1) // 2], known[len(known) // 2]
    if not isinstance(filled, Tensor) or filled.dtype != train.dtype or lower == upper:
        return filled
    rounding = 1e-6 * float(lower.abs() + upper.abs())  # that is left where the two cancel
    return torch.where(torch.isclose(filled, (lower + upper) / 2, atol=rounding), lower, filled)


def _one_fill(evidence: list[dict[str, Any]]) -> bool:
    """Whether a number of the first case's train, no whole one, came into the next two's valid."""
    columns = [evidence[0]["train"], evidence[1]["valid"], evidence[2]["valid"]]
    shared = set.intersection(*(set(column.tolist()) for column in columns))
    return any(value % 1 for value in shared)


class FillMissing(Exercise):
    """nan becomes the median of train's known values in both; two masks say where nan was."""

    id, points = "tabular.fill_missing", 2
    minutes, lines, writes = 15, "about four lines", "gaps to numbers"
    without = {
        "float64": "the columns are float32",
        "requires_grad": "a solution through NumPy is right, and NumPy takes no tensors that "
        "require a gradient",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def column(known: int, gaps: int, skew: float = 0.0, zeros: int = 0) -> Tensor:
            values = torch.cat([3 * rng.normal(known) + skew, torch.full((gaps,), math.nan)])
            values[:1] += 9  # so that the mean is not the median
            values[known - zeros : known] = 0  # a number like any other
            return values[rng.permutation(known + gaps)]

        yield Case(
            "two gaps in train, one in valid", train=column(5, 2), valid=column(3, 1, skew=40)
        )
        yield Case(
            "no gap in train, three in valid", train=column(3, 0), valid=column(2, 3, skew=-50)
        )
        yield Case(
            "nothing known in valid", train=column(9, 4, skew=100), valid=torch.full((2,), math.nan)
        )
        yield Case("no gap at all", train=column(3, 0, zeros=1), valid=column(4, 0, zeros=1))
        yield Case("an even number of values", train=column(6, 2), valid=column(5, 3))
        often = torch.tensor([8.5, 2.0, 2.0, math.nan, 3.75, 2.0, 0.5, 9.25])
        yield Case(
            "a value that occurs three times", train=often[rng.permutation(8)], valid=column(2, 1)
        )
        a, b, c, d, e = column(5, 0).sort().values.tolist()
        train = torch.tensor([c, math.nan, e, d, math.nan, b, a])  # gaps that spoil a sort
        yield Case("gaps between larger and smaller values", train=train, valid=column(2, 0))

    def probe(self, fill_missing: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = fill_missing(case.train, case.valid)
        yield (
            "what is returned",
            f"{len(answer)} things" if isinstance(answer, tuple | list) else answer,
        )
        train, valid, train_missing, valid_missing = answer
        yield "train", _by_lower_median(train, case.train)
        yield "valid", _by_lower_median(valid, case.train)
        yield "train_missing as 0 and 1", torch.as_tensor(train_missing).float()
        yield "valid_missing as 0 and 1", torch.as_tensor(valid_missing).float()

    mistakes = (
        Mistake(
            "valid by its own median",
            edit(
                "valid_missing, median",
                "valid_missing, valid[~valid_missing].median() if "
                "len(valid[~valid_missing]) else median",
            ),
            "You filled valid's gaps with valid's own median, where it has one. What you do to new "
            "data must be fixed before you see it: use the median of train for both.",
        ),
        Mistake(
            "valid by its own median",
            edit("valid_missing, median", "valid_missing, valid.nanmean()"),
            "You filled valid's gaps with valid's own mean. What you do to new data must be fixed "
            "before you see it: use the median of train for both.",
        ),
        Mistake(
            "valid by its own median",
            edit("valid_missing, median", "valid_missing, valid.nanmedian()"),
            "You filled valid's gaps with valid's own median. What you do to new data must be "
            "fixed before you see it: use the median of train for both.",
        ),
        Mistake(
            "median of both",
            edit("train.nanmedian()", "torch.cat([train, valid]).nanmedian()"),
            "You took the median over train and valid together. Then valid influences what it "
            "is meant to test.",
        ),
        Mistake(
            "masks after filling",
            edit(
                "return train",
                "train_missing, valid_missing = train.isnan(), valid.isnan()\n    return train",
            ),
            "Your masks say that nothing was missing. Either you made them after filling the gaps, "
            "or you compared with nan, which equals nothing, not even itself.",
        ),
        Mistake(
            "the median marked as a gap",
            edit(
                "= train.isnan(), valid.isnan()",
                "= train.isnan() | (train == median), valid.isnan() | (valid == median)",
            ),
            "Your masks also mark values that were there and happen to be the median. After "
            "filling, nobody can tell these from gaps: make the masks before.",
        ),
        *(
            Mistake(
                "known values filled too",
                edit("(train_missing, ", "(train_missing.any(), ", *more),
                "Where a column has a gap, you overwrite all of it with the median. Only the gaps "
                "are filled; what is known stays.",
            )
            for more in ((), ("(valid_missing, ", "(valid_missing.any(), "))
        ),
        Mistake(
            "mean instead of median",
            edit("nanmedian", "nanmean"),
            "You fill with the mean. A few extreme values move the mean; the median stays in "
            "the middle.",
        ),
        Mistake(
            "most frequent value",
            edit("train.nanmedian()", "train[~train.isnan()].mode().values"),
            "You fill with the value that occurs most often. Of measured numbers hardly any occurs "
            "twice, so that may be any of them; the median is the one in the middle.",
        ),
        Mistake(
            "smallest value",
            edit("train.nanmedian()", "train[~train.isnan()].min()"),
            "You fill with the smallest value. The median has as many values below it as above.",
        ),
        Mistake(
            "middle of smallest and largest",
            edit(
                "train.nanmedian()",
                "(train.nan_to_num(torch.inf).min() + train.nan_to_num(-torch.inf).max()) / 2",
            ),
            "You fill with the number half way between the smallest and the largest, which a "
            "single extreme value moves. The median has as many values below it as above.",
        ),
        Mistake(
            "median with the gaps",
            edit("nanmedian", "median"),
            "torch.median gives nan when there is a single nan among the values. A related "
            "function ignores them.",
        ),
        Mistake(
            "compared with nan",
            edit("= train.isnan(), valid.isnan()", "= train == torch.nan, valid == torch.nan"),
            "No gap was found: `x == nan` is never true, since nan is not equal to itself. "
            "`isnan()` finds them.",
        ),
        Mistake(
            "gaps still there",
            edit("    valid = torch.where(valid_missing, median, valid)\n", ""),
            "The gaps in valid are still there. They are filled too, with the median of train.",
        ),
        *(
            Mistake(
                "filled where known",
                edit(f"median, {name})", f"{name}, median)"),
                f"You overwrote the known values of {name} with the median, and its gaps are still "
                "there: the two sides of the condition are swapped.",
            )
            for name in ("train", "valid")
        ),
        Mistake(
            "gaps still there",
            edit(
                "    train = torch.where(train_missing, median, train)\n    valid = "
                "torch.where(valid_missing, median, valid)\n",
                "",
            ),
            "The gaps are still in train and valid. Does a line compute the filled tensor and "
            "then forget it, or write == for =?",
        ),
        Mistake(
            "filled where known",
            edit("median, train)", "train, median)", "median, valid)", "valid, median)"),
            "You overwrote the known values with the median, and the gaps are still there: the "
            "condition, or its two sides, are the wrong way round.",
        ),
        *(
            Mistake(
                "middle of the unsorted values",
                edit("train.nanmedian()", f"(known := train[~train.isnan()])[{middle}]"),
                f"You take whatever value is at index {middle}. The median is in the middle "
                "after sorting.",
            )
            for middle in ("len(known) // 2", "(len(known) - 1) // 2")
        ),
        Mistake(
            "upper of the two in the middle",
            edit(
                "train.nanmedian()",
                "(known := train[~train.isnan()]).sort().values[len(known) // 2]",
            ),
            "With an even number of known values you take the upper of the two in the middle. "
            "Take the lower, as torch.nanmedian does, or their mean.",
        ),
        Mistake(
            "gaps counted in the median",
            edit("train.nanmedian()", "train.sort().values[(len(train) - 1) // 2]"),
            "You look for the middle among all entries, including the gaps: sorted, they come "
            "last and move the middle upwards. Drop them first.",
        ),
        Mistake(
            "gaps counted in the median",
            edit("train.nanmedian()", "train.sort().values[len(train) // 2]"),
            "You look for the middle among all entries, including the gaps: sorted, they come "
            "last and move the middle upwards. Drop them first.",
        ),
        Mistake(
            "sorted with the gaps",
            edit(
                "median = train.nanmedian()",
                "known = [x for x in sorted(train.tolist()) if x == x]\n"
                "    median = torch.tensor(known[(len(known) - 1) // 2])",
            ),
            "You sort the values while the gaps are still among them, and drop these afterwards. A "
            "nan is neither smaller nor larger than anything, so what stands around it stays "
            "unsorted. Drop the gaps first, then sort.",
        ),
        Mistake(
            "each value once",
            edit("train.nanmedian()", "train[~train.isnan()].unique().median()"),
            "You take the median of the different values, each counted once. A value that occurs "
            "three times counts three times.",
        ),
        Mistake(
            "gaps counted as 0",
            edit("train.nanmedian()", "train.nan_to_num(0.0).median()"),
            "The gaps entered the median as zeros and pulled it towards 0. Drop them first.",
        ),
        Mistake(
            "median as a whole number",
            edit("train.nanmedian()", "int(train.nanmedian())"),
            "You truncated the median to a whole number. Keep it as it is.",
        ),
        Mistake(
            "median as a whole number",
            edit("train.nanmedian()", "train.nanmedian().round()"),
            "You rounded the median to a whole number. Keep it as it is.",
        ),
        Mistake(
            "value of the row before",
            _from_the_row_before_or_the_median,
            "A gap gets the value of the row before it. That suits time series; here the order of "
            "the rows means nothing. Fill with the median of train.",
        ),
        Mistake(
            "value of the row before",
            _from_the_row_before,
            "A gap gets the value of the row before it, or of the one after. That suits time "
            "series; here the order of the rows means nothing. Fill with the median of train.",
        ),
        Mistake(
            "masks not returned",
            edit("return train, valid, train_missing, valid_missing", "return train, valid"),
            "You return the two filled columns. Return the two masks as well: four things in all.",
        ),
        Mistake(
            "one mask not returned",
            edit(
                "return train, valid, train_missing, valid_missing",
                "return train, valid, train_missing",
            ),
            "You return three things: a mask is missing. There are four: train and valid, and then "
            "the masks of both.",
        ),
        Mistake(
            "in pairs",
            edit(
                "return train, valid, train_missing, valid_missing",
                "return train, train_missing, valid, valid_missing",
            ),
            "The order is different: train and valid first, and then the masks of both.",
        ),
        Mistake(
            "zero instead of missing",
            edit("valid_missing, median", "valid_missing, 0.0"),
            "The gaps of valid became 0. That is a value like any other: fill them with the median "
            "of train, as those of train.",
        ),
        Mistake(
            "zero instead of missing",
            edit("train.nanmedian()", "0.0"),
            "The gaps became 0. That is a value like any other, and often an impossible one: an "
            "aircraft built in the year 0.",
        ),
        *(
            Mistake(
                "0 counts as a gap",
                edit("= train.isnan(), valid.isnan()", masks, "= train.n", "= train[train != 0].n"),
                "You took numbers that are 0 for gaps. A 0 is a value like any other; only nan "
                "means missing.",
            )
            for masks in (
                "= train.isnan() | (train == 0), valid.isnan() | (valid == 0)",
                "= train.isnan() | (train == 0), valid.isnan()",
            )
        ),
        Mistake(
            "only the first gap filled",
            edit(
                "(train_missing, median",
                "(train_missing & (train_missing.cumsum(0) == 1), median",
                "(valid_missing, median",
                "(valid_missing & (valid_missing.cumsum(0) == 1), median",
            ),
            "Only the first gap of a column is filled. Fill all of them.",
        ),
        Mistake(
            "masks inverted",
            edit("valid, train_missing, valid_missing", "valid, ~train_missing, ~valid_missing"),
            "The masks say where a value is known. They should be True where it was missing.",
        ),
        Mistake(
            "one mask for both",
            edit("valid, train_missing, valid_missing", "valid, train_missing, train_missing"),
            "The mask of valid is that of train. Each column has gaps of its own.",
        ),
        Mistake(
            "masks swapped",
            edit("valid, train_missing, valid_missing", "valid, valid_missing, train_missing"),
            "The two masks come in the wrong order: that of train first.",
        ),
        Mistake(
            "rows dropped",
            edit(
                "torch.where(train_missing, median, train)",
                "train[~train_missing]",
                "torch.where(valid_missing, median, valid)",
                "valid[~valid_missing]",
            ),
            "You dropped the rows with gaps. The other columns of these rows still hold "
            "information: keep them, and fill the gap.",
        ),
        Mistake(
            "filled in place",
            edit(
                "train = torch.where(",
                "train[:] = torch.where(",
                "valid = torch.where(",
                "valid[:] = torch.where(",
            ),
            "You overwrote the tensors that were passed in. Make new ones.",
        ),
        Mistake(
            AGAIN.mistake,
            None,
            f"Later columns are filled with the number that filled the first one. {KEPT}",
            sign=_one_fill,
        ),
        Mistake(
            "gaps still there",
            None,
            "There is still a gap (a nan) in what you return. Every gap is filled, in train and in "
            "valid. Which are left: all, those of one column, or those after the first? Or is what "
            "you fill with nan itself?",
            sign=lambda evidence: any(
                bool(e[name].isnan().any()) for e in evidence for name in ("train", "valid")
            ),
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
    minutes, lines, writes = 5, "one line", "a rule of thumb"

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
            "truncated, not rounded",
            edit("round", "int"),
            "int() drops what follows the decimal point: 4.75 becomes 4. Round to the nearest "
            "whole number.",
        ),
        Mistake(
            "no upper limit",
            edit("min(600, ", "max(0, "),
            "For very many categories your size keeps growing. It should stop at 600.",
        ),
        Mistake(
            "never above 50",
            edit("600", "50"),
            "Your sizes stop at 50. That is an older rule of thumb; here the limit is 600.",
        ),
        Mistake(
            "always 600 or more",
            edit("min", "max"),
            "You take the larger of the two. 600 is an upper limit: take the smaller.",
        ),
        Mistake(
            "600 for more than 600 categories",
            edit("return min(600, ", "return 600 if n_categories > 600 else max(0, "),
            "You give 600 wherever there are more than 600 categories. It is the size that is "
            "limited to 600, not the number of categories.",
        ),
        Mistake(
            "categories limited to 600",
            edit(
                "min(600, round(1.6 * n_categories**0.56))",
                "round(1.6 * min(600, n_categories) ** 0.56)",
            ),
            "You limit the number of categories to 600. It is the size that is limited to 600.",
        ),
        Mistake(
            "half the categories",
            edit("min(600, round(1.6 * n_categories**0.56))", "min(50, (n_categories + 1) // 2)"),
            "This is the older rule, half the number of categories and at most 50. Many notebooks "
            "have it. Here the size grows like n to the power 0.56.",
        ),
        Mistake(
            "power taken last",
            edit("1.6 * n_categories**", "(1.6 * n_categories) **"),
            "You raise the product 1.6 n to the power. Only n is raised to it.",
        ),
        Mistake(
            "rounded up",
            edit("round", "__import__('math').ceil"),
            "You round up. Round to the nearest whole number.",
        ),
        Mistake(
            "float",
            edit("return ", "return 1.0 * "),
            "The sizes are floats, such as 5.0, and a tensor cannot have 5.0 columns. `round` "
            "with one argument gives an int, and int() makes one.",
            sign=lambda evidence: (
                evidence[0]["size for 7 categories"] == 5 and not evidence[0]["the sizes are ints"]
            ),
        ),
        Mistake(
            "float",
            edit("0.56)", "0.56, 0)"),
            "`round` with a second argument gives a float, such as 5.0, and a tensor cannot have "
            "5.0 columns. With one argument it gives an int.",
        ),
        Mistake(
            "1.6 left out",
            edit("1.6 * ", ""),
            "The factor 1.6 before the power is missing.",
        ),
        Mistake(
            "product instead of power",
            edit("**", " * "),
            "You multiply n by 0.56. Raise it to the power 0.56: `**`.",
        ),
        Mistake(
            "square root",
            edit("0.56", "0.5"),
            "That is the square root, the power 0.5. Here the power is 0.56.",
        ),
        Mistake(
            "1.5 times the square root",
            edit("1.6", "1.5", "0.56", "0.5"),
            "You take 1.5 times the square root of n. The rule is 1.6 times n to the power 0.56.",
        ),
        Mistake(
            "rounded before multiplying",
            edit("n_categories**0.56", "round(n_categories**0.56)"),
            "You round the power and then multiply. Multiply first, round last.",
        ),
        Mistake(
            "one category too many",
            edit("n_categories**", "(n_categories + 1) **"),
            "You count one category too many. n is the number of all of them, code 0 included.",
        ),
        Mistake(
            "one category too few",
            edit("n_categories**", "(n_categories - 1) **"),
            "You count one category too few. n is the number of all of them, code 0 included.",
        ),
        Mistake(
            "no wider than the categories",
            edit("min(600, ", "min(600, n_categories, "),
            "Your size is never larger than n. That is sensible, but not in the rule: for n = 1 "
            "it gives 2.",
        ),
        Mistake(
            "not rounded",
            edit("round", ""),
            "A size is a whole number: round it.",
        ),
    )


def _size(n: int) -> int:
    return min(600, round(1.6 * n**0.56))


def _has(*shapes: str, not_: Sequence[str] = ()) -> Callable[[list[dict[str, Any]]], bool]:
    """A sign in the first case's parameter shapes, where (1, 5), (1,), (4, 3), (5, 10), (5,), (7,
    5) are right.
    """

    def sign(evidence: list[dict[str, Any]]) -> bool:
        found = evidence[0]["parameter shapes"]
        return all(shape in found for shape in shapes) and not any(shape in found for shape in not_)

    return sign


class TabularModel(Exercise):
    """Embeddings of categorical columns, then continuous ones, through affine maps with ReLU
    between.
    """

    id, points = "tabular.TabularModel", 3
    minutes, lines, writes = 25, "about ten lines", "the model"
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "the numbers are copied into the parameters",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(
            label: str,
            cards: list[int],
            n_continuous: int,
            n_outputs: int,
            hidden: list[int],
            n: int,
        ) -> Case:
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
                n_tables=len(set(cards)),
                values={str(shape): 0.6 * rng.normal(*shape) for shape in shapes},
            )

        yield case("two columns of each kind, a batch of six", [4, 7], 2, 1, [5], 6)
        yield case("a batch of one, two hidden layers", [3, 12, 5], 1, 2, [8, 6], 1)
        yield case("two columns with as many codes", [5, 5], 1, 1, [2, 2, 2], 3)
        yield case("no continuous column", [6], 0, 1, [9, 3], 5)
        low = case("no hidden layer", [5, 9], 3, 2, [], 4)
        low.inputs["values"]["(2,)"] -= 4  # an output is negative, whatever is drawn
        yield low
        start = case("the start values", [90, 120], 1, 1, [3], 1)
        start.inputs["start"] = True
        yield start

    def probe(self, TabularModel: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        cards, hidden = list(case.cards), list(case.hidden_widths)
        model = TabularModel(cards, *case.sizes, hidden)
        yield claim("`TabularModel` is an nn.Module", isinstance(model, nn.Module))
        as_before = cards == case.cards and hidden == case.hidden_widths
        yield claim("the lists `cardinalities` and `hidden` are as they were", as_before)
        listed = [(str(tuple(p.shape)), p) for p in model.parameters()]
        parameters = dict(listed)
        turned = {}  # weights of affine maps written as (in, out) are right too
        for shape, values in list(case.values.items())[case.n_tables :]:
            other = str(tuple(values.shape[::-1]))
            if shape not in parameters and other in parameters:
                turned[other] = shape
        yield (
            "parameter shapes",
            ", ".join(sorted(turned.get(shape, shape) for shape, _ in listed)) or "none",
        )
        if len(case.cards) > case.n_tables:
            return  # tables of one shape cannot be told apart
        parameters = {turned.get(shape, shape): p for shape, p in parameters.items()}
        tables = [parameters[shape].detach() for shape in list(case.values)[: case.n_tables]]
        yield "the tables are small at the start", tables
        yield "the tables are random at the start", tables
        if "start" in case.inputs:
            yield "the tables are drawn around 0 with a spread of about 0.01", tables
            return
        with torch.no_grad():
            for shape, values in case.values.items():
                parameters[shape].copy_(values.T if shape in turned.values() else values)
        y = model(case.categorical, case.continuous)
        yield "y", y
        again = model(case.categorical, case.continuous)
        yield claim("the output is the same in a second call", torch.equal(y, again))
        for shape, grad in zip(parameters, gradients(y, list(parameters.values())), strict=True):
            if shape in case.values:
                grad = grad.T if grad is not None and shape in turned.values() else grad
                yield f"grad of the parameter of shape {shape}", grad

    holds = {
        "the tables are small at the start": lambda *tables: all(
            float(table.abs().max()) < 0.6 for table in tables
        ),
        "the tables are random at the start": lambda *tables: all(
            int(table.flatten().sort().values.diff().count_nonzero()) >= table.shape[1]
            for table in tables
        ),
        "the tables are drawn around 0 with a spread of about 0.01": lambda *tables: all(
            0.008 < float(table.std()) < 0.0125 and abs(float(table.mean())) < 0.003
            for table in tables
        ),
    }
    mistakes = (
        Mistake(
            "changed its input",
            edit(
                "widths = [width, *hidden, n_outputs]",
                "hidden.append(n_outputs)\n        widths = [width, *hidden]",
            ),
            "Your code changes the list `hidden` or `cardinalities` that it is given. `append` and "
            "`insert` work on the list itself, which belongs to whoever called: make a new one.",
        ),
        Mistake(
            "max_norm",
            edit(
                "embedding_lookup(table, codes)",
                "nn.functional.embedding(codes, table, max_norm=1.0)",
            ),
            "Rows of the tables that are longer than 1 are shortened, as `max_norm=1` does, and in "
            "the table itself. A row is looked up as it is.",
        ),
        Mistake(
            "embeddings detached",
            edit("(table, codes)", "(table.detach(), codes)"),
            "No gradient reaches the embeddings: they would never change. Look for "
            "`.detach()`, `.data` or torch.no_grad().",
        ),
        Mistake(
            "row of code 0 not trained",
            edit("(table, codes)", "(torch.cat([table[:1].detach(), table[1:]]), codes)"),
            "No gradient reaches row 0 of the tables, as with `padding_idx=0`. Code 0 stands for "
            "what is missing or unknown, and what that means for the target is learned like the "
            "rest.",
        ),
        Mistake(
            "tables start large",
            edit("0.01 * torch.randn", "torch.randn"),
            "The tables start with large numbers, such as the spread of 1 of a fresh "
            "nn.Embedding. The spread should be 0.01: otherwise the random start stays in each "
            "row, and the map at the end shows it.",
        ),
        *(
            Mistake(
                "tables start equal",
                change,
                "In a table, many or all numbers start out equal. Start from random numbers "
                "with spread 0.01.",
                sign,
            )
            for change, sign in (
                (edit("0.01 * torch.randn(", "torch.zeros("), None),
                (None, lambda evidence: evidence[0]["the tables are random at the start"] is False),
            )
        ),
        Mistake(
            "tables start with the wrong spread",
            None,
            "The tables do not start around 0 with a spread of 0.01. torch.randn has a spread "
            "(standard deviation) of 1: multiply it by 0.01, not by its root. torch.rand gives "
            "no number below 0, and has a spread of 0.29; numbers drawn evenly between -0.01 and "
            "0.01 have one of 0.006.",
            sign=lambda evidence: any(
                e.get("the tables are small at the start")
                and e.get("the tables are random at the start")
                and e.get("the tables are drawn around 0 with a spread of about 0.01") is False
                for e in evidence
            ),
        ),
        Mistake(
            "no activation",
            edit("(x).clamp(min=0)", "(x)"),
            "There is no ReLU between the affine maps, so they collapse into one (lesson 01).",
        ),
        Mistake(
            "activation at the end",
            edit("[-1](x)", "[-1](x).clamp(min=0)"),
            "A ReLU follows the last map, so the output is never negative. Nothing comes after "
            "the last map.",
        ),
        Mistake(
            "activation at the end",
            edit("[-1](x)", "[-1](x).clamp(min=None if len(self.layers) > 1 else 0, max=1e9)"),
            "Where hidden is empty, a ReLU follows the only map, so the output is never negative. "
            "That map is the last one, and nothing comes after it.",
        ),
        Mistake(
            "no activation before the last map",
            edit(
                "layer(x).clamp(min=0)",
                "layer(x) if layer is self.layers[-2] else layer(x).clamp(min=0)",
            ),
            "There is no ReLU between the last two affine maps, so they collapse into one. One "
            "follows every hidden map, the last of them too.",
        ),
        Mistake(
            "leaky ReLU",
            edit("layer(x).clamp(min=0)", "nn.functional.leaky_relu(layer(x))"),
            "What is below 0 comes through a little, as in a leaky ReLU. The ReLU of this model "
            "gives 0 there.",
        ),
        Mistake(
            "activation on the input",
            edit("dim=1)", "dim=1).clamp(min=0)"),
            "A ReLU acts on the embeddings and the continuous columns, and discards half of "
            "their information. It belongs after each hidden map.",
        ),
        Mistake(
            "one ReLU for all",
            edit("(x).clamp(min=0)", "(x)", "[-1](x)", "[-1](x.clamp(min=0))"),
            "With two hidden layers there is only one ReLU, before the last map. One belongs "
            "after every hidden map.",
        ),
        Mistake(
            "only the first hidden map bent",
            edit("clamp(min=0)", "clamp(min=0 if layer is self.layers[0] else -torch.inf)"),
            "With two hidden layers there is only one ReLU, after the first map. One belongs "
            "after every hidden map.",
        ),
        Mistake(
            "sigmoid instead of ReLU",
            edit("(x).clamp(min=0)", "(x).sigmoid()"),
            "You use a sigmoid after the hidden maps. Use a ReLU.",
        ),
        Mistake(
            "random answers",
            None,
            "The same rows give a different output in a second call. Is there a dropout "
            "between the maps? It is not part of this model.",
            sign=lambda evidence: evidence[0]["the output is the same in a second call"] is False,
        ),
        Mistake(
            "continuous columns first",
            edit("[*rows, continuous]", "[continuous, *rows]"),
            "The continuous columns come first. Here the embeddings come first, in the order of "
            "their columns. A saved model would not fit otherwise.",
        ),
        Mistake(
            "rows instead of columns",
            edit("categorical.T", "[categorical[j] for j in range(len(self.embeddings))]"),
            "`categorical[j]` is row j, the codes of one row of the table. You need column j, the "
            "codes of all rows.",
        ),
        Mistake(
            "every table gets the first column",
            edit("categorical.T", "[categorical[:, 0]] * len(self.embeddings)"),
            "Every table is read with the codes of the first column. Each column has a table of "
            "its own: the table of column j is read with the codes of column j.",
        ),
        Mistake(
            "codes one too low",
            edit("(table, codes)", "(table, codes - 1)"),
            "You look up the code minus 1. Every code has its own row, also code 0: row 0 is for "
            "what is not known.",
        ),
        Mistake(
            "one above the other",
            edit(", dim=1)", ")"),
            "By default torch.cat joins along dimension 0: one above the other. The parts of a "
            "row belong side by side.",
        ),
        Mistake(
            "continuous columns not joined",
            edit("[*rows, continuous]", "rows"),
            "The first map has room for the continuous columns, but gets only the embeddings. "
            "Join the continuous columns to them.",
        ),
        Mistake(
            "columns reversed",
            edit("[*rows", "[*rows[::-1]"),
            "The embeddings come in a different order from their columns.",
        ),
        Mistake(
            "continuous columns forgotten",
            edit(" + n_continuous", "", "[*rows, continuous]", "rows"),
            "The continuous columns do not reach the first map. Its width is the sum of all "
            "embedding sizes plus n_continuous.",
        ),
        Mistake(
            "one table for two columns",
            edit(
                "for n in cardinalities\n",
                "for n in dict.fromkeys(cardinalities)\n",
                "table.shape[1] for table in self.embeddings",
                "embedding_size(n) for n in cardinalities",
            ),
            "Two columns with the same number of codes share one table. Code 3 of one column "
            "has nothing to do with code 3 of the other: give each column its own table.",
        ),
        Mistake(
            "batch norm",
            None,
            "Your model has two parameters for each continuous column, as a batch norm has: a "
            "scale and a shift. The library puts one there; this model has only affine maps "
            "and ReLUs.",
            sign=_has("(2,)", "(4, 3)", "(7, 5)", "(5, 10)"),
        ),
        Mistake(
            "one row too many",
            None,
            "The tables have one row more than the cardinality. A cardinality counts code 0 "
            "already.",
            sign=_has("(5, 3)", "(8, 5)"),
        ),
        Mistake(
            "one row too few",
            None,
            "The tables have one row fewer than the cardinality, so the last code has none. A "
            "cardinality counts code 0, and code 0 has a row as well.",
            sign=_has("(3, 3)", "(6, 5)"),
        ),
        Mistake(
            "wrong input width",
            None,
            "The first map has the wrong input width. It reads the joined vector, whose width "
            "is the sum of the embedding sizes, not of the cardinalities and not the number of "
            "columns, plus n_continuous.",
            sign=_has("(4, 3)", "(7, 5)", "(1, 5)", "(5,)", not_=["(5, 10)", "(5, 8)"]),
        ),
        Mistake(
            "no offsets",
            None,
            "The affine maps have no offset: an affine map is a product plus a vector b.",
            sign=_has("(4, 3)", "(5, 10)", not_=["(1,)", "(5,)"]),
        ),
        Mistake(
            "hidden not used",
            None,
            "The width of the hidden layer is fixed at 50 in your code. It should come from "
            "the argument `hidden`.",
            sign=_has("(50,)"),
        ),
        Mistake(
            "everything in lists",
            None,
            "Your model has no parameters at all. Are they in plain Python lists? A module does "
            "not look into those: use nn.ParameterList and nn.ModuleList.",
            sign=_has("none"),
        ),
        Mistake(
            "all hidden layers of one width",
            edit("*hidden, n_outputs", "*hidden[:1] * len(hidden), n_outputs"),
            "All your hidden layers are as wide as the first. Each number of the list is the width "
            "of its own layer.",
        ),
        Mistake(
            "tables in a list",
            None,
            "The embeddings are not parameters of the model, so they are never trained. Are "
            "they in a plain Python list? A module does not look into it: use "
            "nn.ParameterList, or nn.ModuleList of nn.Embedding.",
            sign=lambda evidence: evidence[0]["parameter shapes"] == "(1, 5), (1,), (5, 10), (5,)",
        ),
        Mistake(
            "layers in a list",
            None,
            "The model does not know the parameters of the affine maps, so they are never "
            "trained. Are they in a plain Python list? A module does not look into it: use "
            "nn.ModuleList.",
            sign=lambda evidence: evidence[0]["parameter shapes"] == "(4, 3), (7, 5)",
        ),
        Mistake(
            "codes as numbers",
            None,
            "The codes go into the first map as if they were quantities: destination 60 as "
            "twice as much of something as destination 30. They are names. Look up a row for "
            "each.",
            sign=lambda evidence: evidence[0]["parameter shapes"] == "(1, 5), (1,), (5, 4), (5,)",
        ),
        Mistake(
            "wrong embedding sizes",
            None,
            "The widths of the tables are not what embedding_size gives for their cardinalities.",
            sign=lambda evidence: (
                _has("(4, ", "(7, ")(evidence) and not _has("(4, 3)", "(7, 5)")(evidence)
            ),
        ),
        Mistake(
            "only one hidden layer",
            edit("*hidden", "*hidden[:1]"),
            "`hidden` is a list of widths, one layer for each. Yours uses only the first.",
        ),
        Mistake(
            "hidden widths reversed",
            edit("*hidden", "*hidden[::-1]"),
            "The hidden layers come in reverse order. The first width in `hidden` is that of the "
            "first map.",
        ),
        Mistake(
            "always one output",
            edit("n_outputs]", "1]"),
            "The last map has a single output whatever n_outputs is. Use the argument.",
        ),
        Mistake(
            "squeezed",
            edit("[-1](x)", "[-1](x).squeeze()"),
            "The output has lost a dimension. It should have shape (n, n_outputs), even when n "
            "or n_outputs is 1. `.squeeze()` removes every dimension of size 1.",
        ),
    )


HELD_OUT = 8_000
CATEGORICAL = ("month", "weekday", "hour", "carrier", "origin", "destination", "maker")
CONTINUOUS = ("built", "pressure")
DESTINATION, ORIGIN = CATEGORICAL.index("destination"), CATEGORICAL.index("origin")


@cache
def _all_flights() -> tuple[Tensor, Tensor, Tensor, list[int]]:
    """All flights' codes (n, 7), continuous columns (n, 2), minutes (n, 1); cardinalities."""
    import pandas as pd

    flights = load_flights()
    table = pd.concat([flights.train, flights.valid], ignore_index=True)
    columns, cardinalities = [], []
    for name in CATEGORICAL:
        coded = table[name].astype("category").cat
        columns.append(1 + torch.tensor(coded.codes.to_numpy("int64")))
        cardinalities.append(1 + len(coded.categories))
    continuous = torch.tensor(table[list(CONTINUOUS)].to_numpy(), dtype=torch.float32)
    minutes = torch.tensor(table[["air_time"]].to_numpy(), dtype=torch.float32)
    return torch.stack(columns, dim=1), continuous, minutes, cardinalities


def _with_masks(continuous: Tensor, train: Tensor) -> Tensor:
    """Gaps filled with medians of the rows `train`, scaled by mean and spread; and the masks."""
    gaps = continuous.isnan()
    filled = torch.where(gaps, continuous[train].nanmedian(dim=0).values, continuous)
    scaled = (filled - filled[train].mean(0)) / filled[train].std(0)
    return torch.cat([scaled, gaps.float()], dim=1)


def _route_means(
    categorical: Tensor, targets: Tensor, n_destinations: int, unseen: Tensor
) -> Tensor:
    """The mean target of the training rows on the same route; the overall mean where there are
    none.
    """

    def route(codes: Tensor) -> Tensor:
        return codes[:, ORIGIN] * n_destinations + codes[:, DESTINATION]

    n = int(torch.cat([route(categorical), route(unseen)]).max()) + 1
    count = torch.bincount(route(categorical), minlength=n)
    total = torch.zeros(n).index_add(0, route(categorical), targets[:, 0])
    return torch.where(count > 0, total / count.clamp(min=1), targets.mean())[route(unseen)][
        :, None
    ]


def _rmse(y_hat: Tensor, y: Tensor) -> float:
    return float((y_hat - y).square().mean().sqrt())


Seen = list[dict[str, Any]]


def _shows(first: Callable[[dict[str, Any]], bool]) -> Callable[[Seen], bool]:
    """A sign that looks at the only case."""
    return lambda evidence: first(evidence[0])


def _spread(e: dict[str, Any]) -> float:
    return float(e["predictions"].std())


def _off(e: dict[str, Any]) -> float:
    return abs(float(e["predictions"].mean() - e["mean of the given targets"]))


def _right_spread(e: dict[str, Any]) -> bool:
    return 0.6 < _spread(e) / float(e["spread of the given targets"]) < 1.4


class FitTable(Training):
    """A model of the air time of given flights, judged by its error on 8,000 flights that it never
    saw.

    Measured over 20 seeds, each with its own split, as a share of the error of route means (11.7 to
    12.1 minutes; a line in distance has a share of about 1.07):

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
    minutes, lines = 25, "about twenty lines"
    writes = "a training run, judged on flights that it never sees"
    metric = "error (RMSE) on unseen flights, as a share of the error of route means"
    full, part, higher_is_better = 0.92, 1.0, False

    def cases(self, rng: Rng) -> Iterable[Case]:
        categorical, continuous, minutes, cardinalities = _all_flights()
        renamed = [
            torch.cat([torch.zeros(1).long(), 1 + rng.permutation(n - 1)]) for n in cardinalities
        ]
        categorical = torch.stack([new[categorical[:, j]] for j, new in enumerate(renamed)], dim=1)
        order = rng.permutation(len(minutes))
        out, kept = order[:HELD_OUT], order[HELD_OUT:]
        columns = _with_masks(continuous, kept)
        unknown = ~(
            torch.bincount(categorical[kept, DESTINATION], minlength=cardinalities[DESTINATION]) > 0
        )
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
        torch.set_num_threads(
            1
        )  # the same numbers on every machine, and no threads that wait for each other
        model = fit_table(
            case.categorical, case.continuous, case.targets, case.cardinalities, case.seed
        )
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
            yield (
                "largest parameter dimension",
                max(size for p in model.parameters() for size in (*p.shape, 0)),
            )

    def expected(self, case: Case) -> dict[str, Any]:
        return {
            "the model is an nn.Module": True,
            "shape of the predictions": str((len(case.unseen_categorical), 1)),
            "the predictions are finite": True,
        }

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        return (
            _rmse(evidence["predictions"], case.hidden["minutes"])
            / case.hidden["error of route means"]
        )

    mistakes = (
        Mistake(
            "no module returned",
            None,
            "What fit_table returns is not an nn.Module. Return the trained model itself, so "
            "that it can predict flights it has not seen.",
            sign=_shows(lambda e: e["the model is an nn.Module"] is False),
        ),
        Mistake(
            "standardised predictions",
            None,
            "Your model answers in units of the standardised targets, with a mean near 0 and a "
            "spread near 1. It should return minutes: undo inside the model what you did to "
            "the targets.",
            sign=_shows(lambda e: abs(float(e["predictions"].mean())) < 1 and 0.3 < _spread(e) < 3),
        ),
        Mistake(
            "mean not added",
            None,
            "Your predictions have the right spread, but their mean is near 0: you multiply by "
            "the standard deviation, but you do not add the mean.",
            sign=_shows(lambda e: _right_spread(e) and abs(float(e["predictions"].mean())) < 30),
        ),
        Mistake(
            "undone in the wrong order",
            None,
            "Your predictions are thousands of minutes: you add the mean and then multiply. To "
            "undo, go backwards: first times the standard deviation, then plus the mean.",
            sign=_shows(lambda e: _right_spread(e) and float(e["predictions"].mean()) > 1000),
        ),
        Mistake(
            "mean and spread swapped",
            None,
            "The mean of your predictions is the spread of the targets, and their spread is the "
            "mean of the targets: multiply by the standard deviation, and add the mean.",
            sign=_shows(
                lambda e: (
                    abs(float(e["predictions"].mean() - e["spread of the given targets"])) < 15
                    and 0.85 < _spread(e) / float(e["mean of the given targets"]) < 1.15
                )
            ),
        ),
        Mistake(
            "spread not restored",
            None,
            "Your predictions have the right mean, but a spread near 1: you add the mean but "
            "do not multiply by the standard deviation.",
            sign=_shows(
                lambda e: (
                    0.85 < _spread(e) < 1.15
                    and _off(e) < 8
                    and float(e["change with the categorical destinations of another row"])
                    > 0.9 * _spread(e)
                )
            ),
        ),
        Mistake(
            "categories ignored",
            None,
            "The predictions stay the same whatever the categories of a row are. Do the "
            "embeddings reach the output?",
            sign=_shows(
                lambda e: (
                    float(e["change with the categorical columns of another row"]) < 1e-3
                    and _spread(e) > 1
                )
            ),
        ),
        Mistake(
            "destination ignored",
            None,
            "The predictions stay the same when a flight goes somewhere else. Are all columns "
            "looked up, each in its own table?",
            sign=_shows(
                lambda e: (
                    float(e["change with the categorical destinations of another row"])
                    < 1e-3
                    < _spread(e)
                    and float(e["change with the categorical columns of another row"]) > 1e-3
                )
            ),
        ),
        Mistake(
            "not trained",
            None,
            "Your model answers near 0 for every flight, as one does that was never trained. Does "
            "a step change the parameters of the model that you return?",
            sign=_shows(lambda e: _spread(e) < 1 and abs(float(e["predictions"].mean())) < 5),
        ),
        Mistake(
            "one number for all",
            None,
            "Your model predicts nearly the same for every flight. That happens when (n, 1) "
            "meets (n,) in the loss: look at the shapes there. If they are right: are the "
            "gradients cleared before each step, and does every row meet its own target? Otherwise "
            "the rate may be far too large, or there is a ReLU at the end.",
            sign=_shows(lambda e: _spread(e) < 1),
        ),
        Mistake(
            "no row for each destination",
            None,
            "No parameter of your model has a row for each destination. Do the codes enter as "
            "quantities? They are names, and their order means nothing: give each a row of an "
            "embedding. Are the embeddings in a plain Python list? A module does not look into "
            "it, so they are not parameters: use nn.ParameterList.",
            sign=_shows(
                lambda e: (
                    e["largest parameter dimension"] < 100
                    and e["error on given rows"] > 15
                    and _spread(e) > 5
                )
            ),
        ),
        Mistake(
            "no better than the mean",
            None,
            "Your model has learned hardly more than the mean. Print the loss. If it does not "
            "fall: do you index categorical, continuous and targets of a batch with the same "
            "indices? If it falls slowly: there are too few steps, or the rate is far too "
            "small.",
            sign=_shows(
                lambda e: (
                    e["error on given rows"] > 0.9 * float(e["spread of the given targets"])
                    and _off(e) < 8
                )
            ),
        ),
        Mistake(
            "hardly trained",
            None,
            "Your model does badly even on the flights it was given. Are the targets "
            "standardised for training? From parameters near 0 it is a long way to 150 "
            "minutes. Are the gradients cleared before each step? Otherwise: more epochs, or a "
            "larger rate.",
            sign=_shows(lambda e: e["error on given rows"] > 14),
        ),
        Mistake(
            "not finite",
            None,
            "Some predictions are nan or infinite. Count the steps of Adam from 1: with t = 0 "
            "it divides 0 by 0. If you do, the learning rate is far too large.",
            sign=_shows(lambda e: e["the predictions are finite"] is False),
        ),
        Mistake(
            "a flat list of predictions",
            None,
            "Your model returns shape (n,). It should have the shape of the targets, (n, 1).",
            sign=_shows(lambda e: e["shape of the predictions"] == str((HELD_OUT,))),
        ),
    )


class ExposeFillMissing(Expose):
    """Cases that show wrong answers to `fill_missing` to be wrong, and the result of the first.

    Share of 20 exposed (`python -m tests.attempts` runs these again):

    | cases | share exposed |
    |---|---|
    | random numbers, the mean of 20 | 0.84 |
    | the example in the stub of the function | 0.75 |
    | nothing missing | 0.25 |
    | a gap in train, the last number in valid is 4 | 0.75 |
    | gaps in both, three numbers left in train | 0.90 |
    | gaps in both, four numbers left in train | 0.95 |
    """

    id, points = "tabular.expose_fill_missing", 2
    minutes, lines = 12, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = FillMissing
    takes = {"train": "tensor with gaps", "valid": "tensor with gaps"}
    shapes = "train and valid should have one dimension, with one number at least in train."
    asks = "train"
    beyond = (
        "most frequent value",
        "smallest value",
        "middle of smallest and largest",
        "median as a whole number",
        "each value once",
        "sorted with the gaps",
        "one mask not returned",
        "one mask for both",  # these are for the function's own check
        "0 counts as a gap",
        "only the first gap filled",
        "known values filled too",
        "the median marked as a gap",
    )
    full, part = 0.9, 0.85

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether both are columns, and train has a median."""
        train, valid = given["train"], given["valid"]
        return train.ndim == valid.ndim == 1 and not bool(train.isnan().all())

    mistakes = (
        *EXPOSING[:2],
        missed(
            "compared with nan",
            "Without a gap nothing has to be filled, and hardly any wrong answer does anything "
            "wrong.",
        ),
        missed(
            "mean instead of median",
            "In 1, 2, 3 the median and the mean are one number. Take a number far away from the "
            "others.",
        ),
        missed(
            "valid by its own median",
            "What fills a gap in valid? Several wrong answers are right as long as there is none.",
        ),
    )
