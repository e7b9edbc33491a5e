"""Exercises of lesson 09: looking up rows, their gradient, a model of ratings, PCA, and a fit of
real ratings.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Exercise,
    Expose,
    FreeText,
    Mistake,
    Rng,
    Training,
    claim,
    edit,
    gradients,
    operators,
)
from course_utils.data import load_ratings
from course_utils.exercises._forms import EXPOSING, missed
from course_utils.exercises.sgd import AUTOGRAD

READ_THE_BIASES = FreeText("embeddings.read_the_biases", extra=True)

Seen = list[dict[str, Any]]


def _only_vectors(name: str, matrix: int, single: int) -> Callable[[Seen], bool]:
    """A sign: vectors of indices give a value; a matrix of them or a single one raises an error."""
    return lambda evidence: (
        name in evidence[0] and not any(name in evidence[i] for i in (matrix, single))
    )


def _dimensions(evidence: Seen) -> list[int]:
    """How many dimensions the rows of each case have, 0 where there are none."""
    return [e["rows"].ndim if "rows" in e else 0 for e in evidence[:6]]


EMBEDDING = operators("embedding(_|$)|embedding_bag")
FACTORS = "user_factors", "item_factors"  # the tables of DotProductBias


class EmbeddingLookup(Exercise):
    """Row idx of weight for every entry of idx: (n, k) and any shape (...) give (..., k)."""

    id, points = "embeddings.embedding_lookup", 1
    minutes, lines, writes = 5, "one line", "rows of a table"
    along = {"views": 2}  # an idx with two dimensions
    shortcuts = (nn.Embedding, nn.EmbeddingBag, *EMBEDDING)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, k: int, idx: Tensor) -> Case:
            return Case(
                f"{label}: weight ({n}, {k}), idx {tuple(idx.shape)}",
                weight=rng.normal(n, k),
                idx=idx,
            )

        yield case("three different rows", 5, 4, torch.tensor([3, 1, 4]))
        repeated = torch.cat([rng.integers(0, 6, 3), torch.tensor([2, 5, 2])])
        yield case("rows that repeat, idx is a column", 6, 3, repeated[:, None])
        yield case("idx is a matrix", 7, 3, rng.permutation(6).reshape(2, 3))
        yield case("a single row", 4, 5, torch.tensor(2))
        yield case("one column of weight, idx is a row", 5, 1, torch.tensor([[4, 0]]))
        yield case("a single row, idx is a vector", 4, 2, torch.tensor([3]))

    def probe(self, embedding_lookup: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "rows", embedding_lookup(case.weight, case.idx)
        weight = case.weight.clone().requires_grad_()
        yield "grad of weight", gradients(embedding_lookup(weight, case.idx), [weight])[0]

    mistakes = (
        Mistake(
            "gradient cut off",
            edit("weight[idx]", "weight.detach()[idx]"),
            "No gradient flows back to the weight, so the embedding would never be trained. Look "
            "for `.detach()`, `.data`, NumPy, or a new tensor made from numbers.",
        ),
        Mistake(
            "flattened",
            edit("idx]", "idx.flatten()]"),
            "You make a vector of idx, and its shape is lost. An idx of shape (2, 3) should give "
            "(2, 3, k): every index is replaced by its row, and the shape around it stays.",
        ),
        Mistake(
            "only for one dimension",
            None,
            "Your code takes only a vector of indices: where idx is a matrix or a single index, it "
            "stops with an error. idx may have any shape: every index is replaced by its row. "
            "Indexing a tensor with a tensor does that at once, without a loop.",
            sign=_only_vectors("rows", 2, 3),
        ),
        Mistake(
            "not for a matrix of indices",
            None,
            "Where idx is a matrix, your code stops with an error. idx may have any shape: every "
            "index is replaced by its row. Indexing a tensor with a tensor does that at once.",
            sign=lambda evidence: _dimensions(evidence) == [2, 0, 0, 2, 0, 2],
        ),
        Mistake(
            "not for a single index",
            None,
            "Where idx is a single index, of shape (), your code stops with an error. A loop over "
            "idx does that: such a tensor has nothing to loop over. Indexing a tensor with a "
            "tensor suits every shape.",
            sign=lambda evidence: _dimensions(evidence) == [2, 3, 3, 0, 3, 2],
        ),
        Mistake(
            "each row once",
            edit("idx]", "idx.unique()]"),
            "An index that occurs twice gives its row only once, and the rows come sorted. "
            "Every entry of idx gives one row, in its own place.",
        ),
        Mistake(
            "each row once",
            edit("idx]", "torch.tensor(list(dict.fromkeys(idx.flatten().tolist())))]"),
            "An index that occurs twice gives its row only once. Every entry of idx gives one "
            "row, in its own place.",
        ),
        Mistake(
            "rows sorted",
            edit("idx]", "idx.flatten().sort().values.reshape(idx.shape)]"),
            "The rows come in the order of the table. They should come in the order of idx.",
        ),
        Mistake(
            "row 0 as padding",
            edit("weight[idx]", "weight[idx] * (idx != 0)[..., None]"),
            "Index 0 gives zeros. In some models row 0 stands for an empty place; in this table it "
            "is a row like the others.",
        ),
        Mistake(
            "counted from 1",
            edit("idx]", "idx - 1]"),
            "You get the row before the right one. Indices count from 0, here and everywhere "
            "in PyTorch.",
        ),
        Mistake(
            "columns instead of rows",
            edit("weight[idx]", "weight[:, idx]"),
            "You pick columns: in `weight[:, idx]` the colon means all rows. The row index "
            "comes first.",
        ),
        Mistake(
            "rows added up",
            edit("weight[idx]", "weight[idx].reshape(-1, weight.shape[1]).sum(0)"),
            "You find the rows and then add them into one. Keep one row for each entry of idx.",
        ),
        Mistake(
            "first column only",
            edit("weight[idx]", "weight[idx][..., :1]"),
            "Each row has only its first entry. torch.gather with one index per row fetches "
            "one number per row, but a row has k of them.",
        ),
        Mistake(
            "numbers instead of rows",
            edit("weight[idx]", "weight.take(idx)"),
            "Each index gives one number, not a row. torch.take counts through the weight "
            "number by number, as if it were one long vector.",
        ),
        Mistake(
            "index used as a factor",
            edit("weight[idx]", "idx[..., None] * weight[0]"),
            "You use the index as a quantity: row 4 comes out as four times something. An "
            "index is only a name. User 4 is not twice user 2.",
        ),
        Mistake(
            "one-hot of the wrong width",
            edit("weight[idx]", "nn.functional.one_hot(idx).to(weight.dtype) @ weight"),
            "Your one-hot rows end at the largest index that happens to occur in idx, so they "
            "do not fit the weight. Give them one entry for every row of the weight.",
        ),
        Mistake(
            "one-hot of the wrong width",
            edit("weight[idx]", "torch.eye(int(idx.max()) + 1)[idx] @ weight"),
            "Your one-hot rows are only as long as the largest index in idx requires, so they "
            "do not fit the weight. Give them one entry for every row of the weight.",
        ),
        Mistake(
            "ready-made",
            lambda weight, idx: nn.functional.embedding(idx, weight),
            "This is PyTorch's own lookup. It is what you are building here: one operation on "
            "tensors is enough.",
        ),
    )


class EmbeddingBackward(Exercise):
    """The gradient of weight: row i is the sum of the rows of grad_out whose index is i."""

    id, points = "embeddings.embedding_backward", 2
    extra = True
    minutes, lines, writes = 20, "two or three lines", "the gradient of that"
    without = {
        "float64": "the tables of this lesson are float32, and so is a gradient written into zeros",
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    # With idx a vector, grad_out has the shape of its rows already, and any `.view` of it is right.
    along = {"views": 3, "expanded": 3}
    shortcuts = (*AUTOGRAD, *EMBEDDING)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, k: int, idx: Tensor) -> Case:
            label = f"{label}: grad_out {(*idx.shape, k)}, {n} rows"
            return Case(
                label,
                axis="many" if idx.numel() > 100 else "",
                grad_out=rng.normal(*idx.shape, k),
                idx=idx,
                n=n,
            )

        yield case("every row once", 4, 3, torch.tensor([2, 0, 3, 1]))
        yield case("rows never looked up", 6, 2, torch.tensor([4, 1, 0]))
        repeated = case("repeated rows", 7, 3, torch.tensor([2, 5, 0, 5, 2, 2]))
        repeated.grad_out[3] = repeated.grad_out[1]
        yield repeated
        yield case(
            "idx is a matrix",
            5,
            4,
            torch.cat([torch.tensor([3, 0, 3, 3]), rng.integers(0, 4, 2)]).reshape(2, 3),
        )
        yield case("a single lookup", 3, 5, torch.tensor(1))
        yield case("a single column", 4, 1, torch.tensor([2, 0, 2]))
        yield case("131 lookups", 8, 3, rng.integers(0, 6, 131))

    def probe(self, embedding_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the weight's gradient", embedding_backward(case.grad_out, case.idx, case.n)

    mistakes = (
        Mistake(
            "last one wins",
            edit("index_add", "index_copy"),
            "A row that is looked up several times gets only the last of its gradients. "
            "`grad[idx] = ...` overwrites, and so does `grad[idx] += ...`, which reads every row "
            "once before it writes. Each use of a row contributes: the contributions add up.",
        ),
        Mistake(
            "first one wins",
            edit(
                "index_add",
                "index_copy",
                "idx.flatten()",
                "idx.flatten().flip(0)",
                ", rows)",
                ", rows.flip(0))",
            ),
            "A row that is looked up several times keeps only the first of its gradients. They "
            "add up.",
        ),
        Mistake(
            "last one times the uses",
            edit(
                "index_add",
                "index_copy",
                "rows)",
                "rows) * idx.flatten().bincount(minlength=len(grad))[:, None]",
            ),
            "Where a row repeats you take its last gradient times the number of uses. Every "
            "use has its own gradient: add them up.",
        ),
        Mistake(
            "loop over the first dimension",
            edit(
                "return grad.index_add(0, idx.flatten(), rows)",
                "for places, values in zip(torch.atleast_1d(idx), torch.atleast_2d(grad_out)):\n"
                "        grad[places] += values\n"
                "    return grad",
            ),
            "When idx is a matrix, your loop goes over its rows, and writes to several places at "
            "once: the last one wins again. Flatten idx, and grad_out with it.",
        ),
        Mistake(
            "only for one dimension",
            None,
            "Your code takes only a vector of indices: where idx is a matrix or a single index, it "
            "stops with an error. Make a vector of idx, and of grad_out a matrix with one row for "
            "each use.",
            sign=_only_vectors("the weight's gradient", 3, 4),
        ),
        Mistake(
            "averaged",
            edit(
                "rows)", "rows) / idx.flatten().bincount(minlength=len(grad)).clamp(min=1)[:, None]"
            ),
            "Where a row repeats you take the mean of its gradients. The row was used several "
            "times, and each use moves the loss: the sum is right. (If the loss is a mean, its "
            "factor is in grad_out already.)",
        ),
        Mistake(
            "divided by the number of lookups",
            edit("rows)", "rows) / idx.numel()"),
            "You divide by the number of lookups. If the loss is a mean, its factor is in "
            "grad_out already; here the gradients are only added up.",
        ),
        Mistake(
            "only as many rows as seen",
            edit("new_zeros(num_embeddings", "new_zeros(int(idx.max()) + 1"),
            "The gradient ends at the largest index that occurs. It should have the shape of "
            "the weight: num_embeddings rows, with zeros for those that were never looked up.",
        ),
        Mistake(
            "one row too many",
            edit("new_zeros(num_embeddings", "new_zeros(num_embeddings + 1"),
            "The gradient has one row too many. Indices count from 0: a weight with n rows has "
            "a gradient with n rows.",
        ),
        Mistake(
            "looked up instead of added",
            edit("idx.flatten()", "torch.arange(idx.numel()) % num_embeddings"),
            "You leave the rows of grad_out in their own order. Row j of grad_out belongs to "
            "row idx[j] of the weight.",
        ),
        Mistake(
            "grad_out looked up",
            edit("grad.index_add(0, idx.flatten(), rows)", "grad_out[idx]"),
            "You look up rows of grad_out. That is the forward pass. In the backward pass, row "
            "j of grad_out goes to row idx[j] of the gradient.",
        ),
        Mistake(
            "first column only",
            edit("index_add(0, idx.flatten()", "scatter_add(0, idx.reshape(-1, 1)"),
            "Only the first column is filled. scatter_add takes an index for every entry: expand "
            "idx to the shape of the rows.",
        ),
        Mistake(
            "entries of grad_out in the wrong order",
            edit(
                "grad_out.reshape(-1, grad_out.shape[-1])",
                "grad_out.reshape(grad_out.shape[-1], -1).T",
            ),
            "You reshape grad_out to (k, uses) and transpose. reshape does not transpose, it "
            "only regroups the entries in order: the k entries of a row are no longer "
            "together. Keep k as the last dimension.",
        ),
        Mistake(
            "row 0 as padding",
            edit(", rows)", ", rows * (idx.flatten() != 0)[:, None])"),
            "Row 0 gets no gradient. In some models it stands for an empty place; in this table it "
            "is a row like the others.",
        ),
        Mistake(
            "indices column by column",
            edit("idx.flatten()", "idx.permute(tuple(reversed(range(idx.dim())))).flatten()"),
            "You take the indices column by column, and the gradients row by row. A matrix that is "
            "transposed before it is flattened has its entries in another order: flatten both in "
            "the same one.",
        ),
        Mistake(
            "uses counted",
            edit(", rows)", ", torch.ones_like(rows))"),
            "You count how often each row is used. That is the gradient of a plain sum; here "
            "every use has its own gradient, in grad_out.",
        ),
        Mistake(
            "the same for every row",
            edit("grad.index_add(0, idx.flatten(), rows)", "grad + rows.sum(0)"),
            "Every row gets the sum of all gradients. A row gets gradients only from the "
            "places where it was looked up.",
        ),
        Mistake(
            "wrong sign",
            edit("return grad", "return -grad"),
            "The sign is wrong. The step against the gradient comes later, in the optimizer.",
        ),
    )


class SigmoidRange(Exercise):
    """low + (high - low) * sigmoid(x), element by element."""

    id, points = "embeddings.sigmoid_range", 1
    minutes, lines, writes = 5, "one line", "a prediction that stays in range"

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("low = 0, high = 1", x=rng.normal(5), low=0.0, high=1.0)
        yield Case("a range for ratings, 0 to 5.5", x=2 * rng.normal(3, 2), low=0.0, high=5.5)
        yield Case("a range below 0, -2 to 3", x=2 * rng.normal(6, 1), low=-2.0, high=3.0)
        yield Case("a single number, 1 to 4", x=rng.normal(), low=1.0, high=4.0)
        yield Case("100 and -100, 1 to 4", x=torch.tensor([100.0, -100.0]), low=1.0, high=4.0)

    def probe(self, sigmoid_range: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "y", sigmoid_range(case.x, case.low, case.high)
        if case.x.abs().max() > 50:
            return  # flat there, and 1 / (1 + exp(-x)) has no slope that float32 can hold
        x = case.x.clone().requires_grad_()
        yield "grad of x", gradients(sigmoid_range(x, case.low, case.high), [x])[0]

    mistakes = (
        Mistake(
            "gradient cut off",
            edit("return", "x = x.detach()\n    return"),
            "Nothing flows back to x. Look for `.detach()`, `.data`, `.item()` or "
            "torch.tensor(...).",
        ),
        Mistake(
            "low not added",
            edit("low + (high", "(high"),
            "The range has the right width, but it starts at 0: add low.",
        ),
        Mistake(
            "low ignored",
            edit("low + (high - low)", "high"),
            "Your range runs from 0 to high, and does not use low. With low = 0 you do not see it.",
        ),
        Mistake(
            "high used as the width",
            edit("(high - low)", "high"),
            "You stretch the sigmoid by high. It has to fill the distance from low to high.",
        ),
        Mistake(
            "brackets around the width",
            edit("(high - low)", "high - low"),
            "You multiply low alone by the sigmoid. The width, high - low, needs brackets.",
        ),
        Mistake(
            "range widened",
            edit("high - low", "high + 0.5 - low"),
            "Your range ends half a unit above high. A range wider than the data is a good "
            "idea, but that is up to the caller: with y_range = (0, 5.5) it is wide enough "
            "already.",
        ),
        Mistake(
            "upside down",
            edit("sigmoid(x)", "sigmoid(-x)"),
            "Large x gives low, small x gives high. Check the sign in the exponent, or the order "
            "of low and high.",
        ),
        Mistake(
            "clamped",
            edit("low + (high - low) * torch.sigmoid(x)", "x.clamp(low, high)"),
            "You clamp x at both ends. The gradient is 0 there, and a prediction that has left "
            "the range never comes back. The sigmoid bends smoothly and always keeps a slope.",
        ),
        Mistake(
            "clamped",
            edit(
                "low + (high - low) * torch.sigmoid(x)", "((low + high) / 2 + x).clamp(low, high)"
            ),
            "You clamp at both ends. The gradient is 0 there, and a prediction that has left "
            "the range never comes back. The sigmoid bends smoothly and always keeps a slope.",
        ),
        Mistake(
            "clamped sigmoid",
            edit("low + (high - low) * torch.sigmoid(x)", "torch.sigmoid(x).clamp(low, high)"),
            "You clamp the sigmoid at low and high instead of stretching it: it still lies "
            "between 0 and 1.",
        ),
        Mistake(
            "clamped sigmoid",
            edit("low + (high - low) * torch.sigmoid(x)", "(high * torch.sigmoid(x)).clamp(low)"),
            "You stretch the sigmoid up to high and cut off what lies below low. Where it is cut "
            "off there is no gradient: stretch it to the width of the range, and shift it.",
        ),
        Mistake(
            "centred on 0",
            edit(
                "low + (high - low) * torch.sigmoid(x)", "(high - low) * (torch.sigmoid(x) - 0.5)"
            ),
            "Your curve has the right width, and its middle is 0. The middle of the range is half "
            "way between low and high.",
        ),
        Mistake(
            "tanh instead of sigmoid",
            edit("torch.sigmoid(x)", "torch.tanh(x)"),
            "tanh runs from -1 to 1, so your values go below low. The sigmoid runs from 0 to 1.",
        ),
        Mistake(
            "tanh, twice as steep",
            edit("torch.sigmoid(x)", "(torch.tanh(x) + 1) / 2"),
            "Your curve is too steep. Scaled to lie between 0 and 1, tanh(x) is the sigmoid of "
            "2x: use the sigmoid, or the tanh of x/2.",
        ),
        *(
            Mistake(
                "hard sigmoid",
                edit("torch.sigmoid(x)", straight),
                "Your curve is made of straight lines, as in F.hardsigmoid: further out it is "
                "flat and has no gradient. The sigmoid, 1 / (1 + exp(-x)), bends smoothly.",
            )
            for straight in ("nn.functional.hardsigmoid(x)", "(x / 4 + 0.5).clamp(0, 1)")
        ),
        Mistake(
            "normal distribution instead of sigmoid",
            edit("torch.sigmoid(x)", "torch.special.ndtr(x)"),
            "Your curve is that of the normal distribution. It looks like a sigmoid and is "
            "steeper; the sigmoid is 1 / (1 + exp(-x)).",
        ),
        Mistake(
            "not stretched",
            edit("low + (high - low) * torch", "torch"),
            "Your answer does not use low and high: it still runs from 0 to 1.",
        ),
        Mistake(
            "sum instead of the width",
            edit("high - low", "high + low"),
            "You stretch by high plus low. The width of a range is the distance between its ends.",
        ),
        Mistake(
            "low subtracted",
            edit("return low", "return -low"),
            "You subtract low where you should add it. Try it with a sigmoid of 0: the result "
            "should be low.",
        ),
        Mistake(
            "low added too early",
            edit(
                "low + (high - low) * torch.sigmoid(x)", "(torch.sigmoid(x) + low) * (high - low)"
            ),
            "You add low and multiply by the width afterwards, so low is stretched as well. "
            "Stretch first, then shift.",
        ),
        Mistake(
            "stretched inside",
            edit("low + (high - low) * torch.sigmoid(x)", "torch.sigmoid(low + (high - low) * x)"),
            "You stretch x and apply the sigmoid afterwards, so the result still lies between "
            "0 and 1. The sigmoid comes first.",
        ),
        Mistake(
            "softmax instead of sigmoid",
            edit("torch.sigmoid(x)", "torch.softmax(x, dim=-1)"),
            "That is a softmax: its entries depend on each other and add up to 1. The sigmoid "
            "treats every number separately.",
        ),
        Mistake(
            "no sigmoid",
            edit("torch.sigmoid(x)", "x"),
            "You stretch x itself, and x is not between 0 and 1. Which function puts it there?",
        ),
    )


def _tables_with_different_numbers(evidence: Seen) -> int:
    return sum(evidence[0][f"the numbers of {name} are different at the start"] for name in FACTORS)


class DotProductBias(Exercise):
    """sigmoid_range(user_factors[u] . item_factors[i] + user_bias[u] + item_bias[i], *y_range) for
    pairs (u, i).
    """

    id, points = "embeddings.DotProductBias", 3
    minutes, lines, writes = 20, "about eight lines", "the model"
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "the numbers are copied into the parameters",
    }
    shortcuts = (nn.Embedding, nn.EmbeddingBag, *EMBEDDING)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n_users, n_items, k, n, y_range in (
            ("DotProductBias(4, 6, 3, (0, 5.5)), a batch of five", 4, 6, 3, 5, [0.0, 5.5]),
            ("DotProductBias(3, 2, 1, (1, 4)), a batch of one", 3, 2, 1, 1, [1.0, 4.0]),
            (
                "DotProductBias(5, 5, 2, (-2, 3)), after which another model is made",
                *(5, 5, 2, 7),
                [-2.0, 3.0],
            ),
        ):
            another: dict[str, Any] = (
                {"another": [3, 2, 1, [6.0, 9.0]]} if "another" in label else {}
            )
            yield Case(
                label,
                sizes=[n_users, n_items, k],
                y_range=y_range,
                users=rng.integers(0, n_users, n),
                items=rng.integers(0, n_items, n),
                user_factors=rng.normal(n_users, k),
                item_factors=rng.normal(n_items, k),
                user_bias=rng.normal(n_users),
                item_bias=rng.normal(n_items),
                **another,
            )
        label = "the start values of DotProductBias(300, 200, 5, (0, 5.5))"
        yield Case(label, sizes=[300, 200, 5], y_range=[0.0, 5.5], start=True)

    def probe(self, DotProductBias: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = DotProductBias(*case.sizes, tuple(case.y_range))
        if "another" in case.inputs:
            *sizes, y_range = case.another
            DotProductBias(*sizes, tuple(y_range))
        yield claim("`DotProductBias` is an nn.Module", isinstance(model, nn.Module))
        parameters = dict(model.named_parameters())
        shapes = [f"{name} {tuple(p.shape)}" for name, p in sorted(parameters.items())]
        yield "parameters", "; ".join(shapes) or "none"
        names = (*FACTORS, "user_bias", "item_bias")
        for name in FACTORS:
            yield f"the numbers of {name} are different at the start", [parameters[name]]
        factors, biases = ([parameters[name] for name in part] for part in (names[:2], names[2:]))
        yield "the factors are small at the start", factors
        yield "the biases are 0 at the start", biases
        if "start" in case.inputs:
            for name in FACTORS:
                yield f"{name} is drawn around 0 with a spread of about 0.01", [parameters[name]]
            return
        with torch.no_grad():
            for name in names:
                parameters[name].copy_(case.inputs[name])
        y = model(case.users, case.items)
        yield "predictions", y
        for name, grad in zip(
            names, gradients(y, [parameters[name] for name in names]), strict=True
        ):
            yield f"grad of {name}", grad

    holds = {
        **{
            f"the numbers of {name} are different at the start": lambda table: (
                len(table.unique()) > 0.9 * table.numel()  # a few repeat by chance
            )
            for name in FACTORS
        },
        "the factors are small at the start": lambda *tables: all(
            float(table.abs().max()) < 0.6 for table in tables
        ),
        "the biases are 0 at the start": lambda *biases: not any(bias.any() for bias in biases),
        **{
            f"{name} is drawn around 0 with a spread of about 0.01": lambda table: (
                0.008 < float(table.std()) < 0.0125 and abs(float(table.mean())) < 0.003
            )
            for name in FACTORS
        },
    }
    mistakes = (
        Mistake(
            "factors detached",
            edit("p * q", "p.detach() * q.detach()"),
            "The factors get no gradient and would stay as random as they start. Look for "
            "`.data`, `.detach()` or torch.no_grad().",
        ),
        Mistake(
            "user_factors detached",
            edit("p * q", "p.detach() * q"),
            "user_factors gets no gradient and would stay as random as it starts. Look for "
            "`.data`, `.detach()` or torch.no_grad().",
        ),
        Mistake(
            "item_factors detached",
            edit("p * q", "p * q.detach()"),
            "item_factors gets no gradient and would stay as random as it starts. Look for "
            "`.data`, `.detach()` or torch.no_grad().",
        ),
        *(
            Mistake(
                "factors start equal",
                change,
                "In both tables of factors, some or all numbers start out equal. Starting at 0 "
                "is the worst: the gradient of the user's factors is a multiple of the film's "
                "factors, and vice versa, so both stay 0 for ever. Start from small random "
                "numbers, each drawn separately.",
                sign,
            )
            for change, sign in (
                (
                    edit(
                        "0.01 * torch.randn(n_users",
                        "torch.zeros(n_users",
                        "0.01 * torch.randn(n_items",
                        "torch.zeros(n_items",
                    ),
                    None,
                ),
                (None, lambda evidence: _tables_with_different_numbers(evidence) == 0),
            )
        ),
        Mistake(
            "equal numbers at the start",
            None,
            "In one of the two tables of factors, some or all numbers start out equal. Draw "
            "every number of both tables separately: rows that start out the same and see the "
            "same ratings stay the same.",
            sign=lambda evidence: _tables_with_different_numbers(evidence) == 1,
        ),
        Mistake(
            "factors start large",
            edit(
                "0.01 * torch.randn(n_users",
                "torch.randn(n_users",
                "0.01 * torch.randn(n_items",
                "torch.randn(n_items",
            ),
            "Factors start as large random numbers, so the model starts with strong opinions "
            "about everybody, all of them wrong. Training has to undo them first, and does not "
            "get as far. Start with a spread of 0.01.",
        ),
        Mistake(
            "factors start with the wrong spread",
            None,
            "The factors do not start around 0 with a spread of 0.01. torch.randn has a spread "
            "(standard deviation) of 1: multiply it by 0.01, not by its root. torch.rand gives "
            "no number below 0, and has a spread of 0.29; numbers drawn evenly between -0.01 and "
            "0.01 have one of 0.006.",
            sign=lambda evidence: any(
                e.get("the factors are small at the start")
                and e.get(f"the numbers of {name} are different at the start")
                and e.get(f"{name} is drawn around 0 with a spread of about 0.01") is False
                for e in evidence
                for name in ("user_factors", "item_factors")
            ),
        ),
        Mistake(
            "biases do not start at 0",
            None,
            "Biases do not start at 0. At the start nothing is known about anybody: no user is "
            "more generous than another, no film is better than another.",
            sign=lambda evidence: evidence[0]["the biases are 0 at the start"] is False,
        ),
        Mistake(
            "users and items swapped",
            None,
            "The tables have each other's sizes. The first argument counts the users, the second "
            "the items.",
            sign=lambda evidence: "item_bias (4,)" in evidence[0]["parameters"],
        ),
        Mistake(
            "without item bias",
            edit(" + self.item_bias[items]", ""),
            "You create item_bias but do not add it. It says that a film is liked by everyone, "
            "whatever their taste.",
        ),
        Mistake(
            "without user bias",
            edit("self.user_bias[users] + ", ""),
            "You create user_bias but do not add it. It says that someone gives many stars, "
            "whatever the film.",
        ),
        Mistake(
            "without biases",
            edit(" + biases", ""),
            "You create both biases but add neither to the match of the factors.",
        ),
        *(
            Mistake(
                "item bias of the user",
                edit("self.item_bias[items]", f"self.item_bias[{of_user}]"),
                "You look up item_bias with the number of the user. Film 3 and user 3 have "
                "nothing to do with each other: index each table with its own indices.",
            )
            for of_user in ("users", "users % len(self.item_bias)")
        ),
        Mistake(
            "user bias of the item",
            edit("self.user_bias[users]", "self.user_bias[items]"),
            "You look up user_bias with the number of the film. Film 3 and user 3 have nothing "
            "to do with each other: index each table with its own indices.",
        ),
        Mistake(
            "user factors of the item",
            edit("(self.user_factors, users)", "(self.user_factors, items)"),
            "You look up user_factors with the number of the film. Film 3 and user 3 have nothing "
            "to do with each other: index each table with its own indices.",
        ),
        Mistake(
            "item factors of the user",
            edit("(self.item_factors, items)", "(self.item_factors, users)"),
            "You look up item_factors with the number of the user. Film 3 and user 3 have nothing "
            "to do with each other: index each table with its own indices.",
        ),
        Mistake(
            "tables of factors swapped",
            edit(
                "(self.user_factors, users)",
                "(self.user_factors, items)",
                "(self.item_factors, items)",
                "(self.item_factors, users)",
            ),
            "You look up user_factors with the number of the film, and item_factors with that of "
            "the user. Index each table with its own indices.",
        ),
        Mistake(
            "biases outside the sigmoid",
            edit(" + biases, *self.y_range)", ", *self.y_range) + biases"),
            "The biases are added after the sigmoid, so predictions can leave the range. Add "
            "everything up first, then apply the sigmoid.",
        ),
        Mistake(
            "mean over the factors",
            edit(".sum(1)", ".mean(1)"),
            "You average the products of the factors. A dot product adds them up: in a mean, "
            "each factor counts for less when there are more.",
        ),
        Mistake(
            "divided by the root of the number of factors",
            edit("(p * q).sum(1)", "(p * q).sum(1) / p.shape[1] ** 0.5"),
            "You divide the match by the root of the number of factors, as attention does. Here it "
            "is the dot product itself.",
        ),
        Mistake(
            "cosine instead of the dot product",
            edit("(p * q).sum(1)", "nn.functional.cosine_similarity(p, q)"),
            "You compare only directions: a cosine divides by the lengths of both vectors. In a "
            "dot product the lengths count: the longer the user's, the stronger the taste.",
        ),
        Mistake(
            "all pairs",
            edit("(p * q).sum(1)", "p @ q.T", "[users] + self", "[users][:, None] + self"),
            "You compute every user of the batch with every item of the batch, (n, n) numbers. "
            "You need n pairs: the first user with the first item, and so on.",
        ),
        Mistake(
            "all pairs, biases by column",
            edit("(p * q).sum(1)", "p @ q.T"),
            "`@` matches every user of the batch with every item of it: (n, n) numbers, and "
            "the biases silently broadcast over them. You need n pairs: the first user with "
            "the first item, and so on.",
        ),
        Mistake(
            "products not added up",
            edit(".sum(1)", ""),
            "When you add the biases, the products of the factors are still k numbers for each "
            "pair, shape (n, k). A dot product also adds them up: one number for each pair.",
        ),
        Mistake(
            "k predictions for each pair",
            edit(".sum(1)", "", "+ biases", "+ biases[:, None]"),
            "You return k numbers for each pair, shape (n, k). A dot product multiplies place by "
            "place, and then adds up: one number for each pair.",
        ),
        Mistake(
            "summed over the pairs",
            edit(".sum(1)", ".sum(0)"),
            "You sum the products over dimension 0, the pairs, which leaves k numbers. Sum "
            "over the factors: one number should remain for each pair.",
        ),
        Mistake(
            "biases not looked up",
            edit(
                "self.user_bias[users] + self.item_bias[items]", "self.user_bias + self.item_bias"
            ),
            "You add the whole tables of biases. Each pair needs one entry of each: the one of "
            "its user and the one of its item.",
        ),
        Mistake(
            "summed over the batch",
            edit(".sum(1)", ".sum()"),
            "You sum the products over everything, including the batch, so all pairs share one "
            "number. Sum only over the factors, the last dimension.",
        ),
        Mistake(
            "summed over the batch",
            edit(".sum(1)", ".sum() / len(users)"),
            "You sum the products over everything and divide by the number of pairs, so all "
            "pairs share one number. Sum only over the factors, the last dimension.",
        ),
        Mistake(
            "range forgotten",
            edit("sigmoid_range((p", "((p", ", *self.y_range", ""),
            "You do not map the sum into y_range. Which of your functions does that?",
        ),
        Mistake(
            "clamped to the range",
            edit("sigmoid_range((p", "torch.clamp((p"),
            "You clamp the sum at the ends of y_range. The gradient is 0 there, and what has "
            "left the range never comes back. sigmoid_range bends smoothly instead.",
        ),
        Mistake(
            "sigmoid without range",
            edit("sigmoid_range((p", "torch.sigmoid((p", ", *self.y_range", ""),
            "The predictions lie between 0 and 1. They should lie within y_range.",
        ),
        Mistake(
            "y_range not used",
            edit("*self.y_range)", "0, 5.5)"),
            "The range is fixed at 0 to 5.5 in your code. Keep the argument y_range in __init__, "
            "and use it in forward.",
        ),
        Mistake(
            "y_range kept by the class",
            edit("self.y_range = y_range", "type(self).y_range = y_range"),
            "You keep y_range where all models find it, so the model made last sets the range of "
            "all. Each model needs its own: an attribute of `self`.",
        ),
        Mistake(
            "low end ignored",
            edit("*self.y_range)", "0, self.y_range[1])"),
            "You stretch the sigmoid from 0 to the upper end of y_range, and do not use the "
            "lower end.",
        ),
        Mistake(
            "ends of y_range swapped",
            edit("*self.y_range)", "*self.y_range[::-1])"),
            "You swap low and high: the better the match, the lower the prediction.",
        ),
        Mistake(
            "biases as columns",
            None,
            "Biases have shape (n, 1). Added to n numbers, such a column broadcasts to (n, n), "
            "without an error. Here they have shape (n,).",
            sign=lambda evidence: any(
                bias in evidence[0]["parameters"]
                for bias in ("item_bias (6, 1)", "user_bias (4, 1)")
            ),
        ),
        Mistake(
            "embedding modules",
            None,
            "You use nn.Embedding, whose table is a parameter inside it (user_factors.weight). "
            "Here the tables are parameters of your own class, and your embedding_lookup reads "
            "them.",
            sign=lambda evidence: ".weight (" in evidence[0]["parameters"],
        ),
        Mistake(
            "scaled after wrapping",
            None,
            "The biases are parameters, but not both tables of factors are. Whatever you "
            "compute from an nn.Parameter, such as a product with 0.01, is a plain tensor "
            "again: scale first, wrap last.",
            sign=lambda evidence: (
                evidence[0]["parameters"].count("factors") < 2
                and evidence[0]["parameters"].count("bias ") == 2
            ),
        ),
        Mistake(
            "a bias that is not a parameter",
            None,
            "A table of biases is missing among the parameters of the model, so it would not be "
            "trained. Wrap it in nn.Parameter, as you did with the factors, and call it by the "
            "name that the docstring gives.",
            sign=lambda evidence: (
                evidence[0]["parameters"].count("_factors (") == 2
                and evidence[0]["parameters"].count("_bias (") == 1
            ),
        ),
        Mistake(
            "plain tensors",
            None,
            "No table is a parameter of the model: `model.parameters()` is empty, and nothing "
            "would be trained. Wrap each table in nn.Parameter, and make it an attribute of the "
            "model.",
            sign=lambda evidence: evidence[0]["parameters"] == "none",
        ),
    )


# The ranks of the directions in the first three cases, where they are sorted: right, upwards, and
# the last ones upwards or downwards.
SORTED = (
    [[0], [0, 1], [0, 1, 2]],
    [[0], [1, 0], [2, 1, 0]],
    [[1], [3, 2], [2, 1, 0]],
    [[1], [2, 3], [0, 1, 2]],
)


def _unsorted(evidence: Seen) -> bool:
    """Whether the directions are those of a covariance, in no order of their variances."""
    ranks = [_ranks(e) for e in evidence[:3]]
    each_once = all(len({*case}) == len(case) and {*case} <= {0, 1, 2, 3} for case in ranks)
    return each_once and ranks not in SORTED


def _ranks(e: dict[str, Any]) -> list[int]:
    """The rank of each direction of a case by the length of its projection, 5 / 2**rank; -1 where
    it is none of these.
    """
    lengths = (e["projected"].detach().norm(dim=0) / 5).clamp(min=1e-6)
    ranks = -lengths.log2()
    near = (ranks - ranks.round()).abs() < 0.01
    return [int(rank) if close else -1 for rank, close in zip(ranks.round(), near, strict=True)]


class Pca(Exercise):
    """Centred x in the k directions of largest variance, these as rows, and their shares of
    variance.
    """

    id, points = "embeddings.pca", 2
    minutes, lines, writes = 20, "three or four lines", "a map of what was learned"
    without = {
        "float64": "a way through float32 is right within the tolerance of this lesson",
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (torch.pca_lowrank, torch.svd_lowrank)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, d: int, k: int) -> Case:
            spread = 2.0 ** -torch.arange(min(n, d) - (n <= d))
            left, _ = torch.linalg.qr(_centred(rng.normal(n, len(spread))))
            near = rng.normal(d, len(spread))
            if d == 3:  # near the axes, in an order that torch.linalg.eig keeps
                near = torch.eye(3)[:, [1, 2, 0]] + 0.1 * near
            right, _ = torch.linalg.qr(near)
            x = 5 * (left * spread) @ right.T + rng.normal(d)
            return Case(f"{label}: x ({n}, {d}), k = {k}", x=x, k=k)

        yield case("one direction of two", 9, 2, 1)
        yield case("two directions of four", 11, 4, 2)
        yield case("all three", 7, 3, 3)
        yield case("fewer rows than columns", 4, 6, 2)

    def probe(self, pca: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = pca(case.x, case.k)
        several = isinstance(answer, tuple | list)
        yield (
            "what is returned",
            answer if answer is None else f"{len(answer) if several else 1} of 3",
        )
        if not several or len(answer) != 3:
            return
        projected, components, ratio = answer
        yield "components.shape", str(tuple(components.shape))
        if components.shape != (case.k, case.x.shape[1]):
            return
        size = components.detach().abs()
        large = size > 0.9 * size.amax(
            1, keepdim=True
        )  # the first of them, so that equal entries do not matter
        sign = components.detach().gather(1, large.float().argmax(1, keepdim=True)).sign()
        yield "components", components * sign, 1e-3
        yield "projected", projected * sign[:, 0], 1e-3
        yield "explained_variance_ratio", ratio, 1e-3

    mistakes = (
        Mistake(
            "not centred",
            edit("x - x.mean(0)", "x"),
            "You did not subtract the mean. Then the first direction mostly points from the "
            "origin to the middle of the cloud, and says nothing about how the points differ. "
            "Subtract the mean of every column first.",
        ),
        Mistake(
            "projection not centred",
            edit("centred @", "x @"),
            "You project x itself onto the directions. Project the centred x, so that the middle "
            "of the cloud lands at 0.",
        ),
        Mistake(
            "centred by rows",
            edit("x.mean(0)", "x.mean(1, keepdim=True)"),
            "You take the mean of each row. A column is a quantity, a row is an example: the "
            "columns should have mean 0.",
        ),
        Mistake(
            "one mean for all",
            edit("x.mean(0)", "x.mean()"),
            "You subtract one number from everything. Every column has its own mean.",
        ),
        Mistake(
            "standardised",
            edit("x - x.mean(0)", "(x - x.mean(0)) / x.std(0)"),
            "You also divide each column by its spread. That is sometimes useful, but here the "
            "columns count as they are.",
        ),
        Mistake(
            "not sorted by variance",
            None,
            "You take directions of the right kind, but not those of the largest variance, or not "
            "in their order: torch.linalg.eig and np.linalg.eig do not sort, and eigh sorts "
            "upwards. Put the largest first.",
            sign=_unsorted,
        ),
        Mistake(
            "smallest first",
            None,  # with fewer rows than columns the directions of no variance are arbitrary
            "These are the directions in which the points differ least. torch.linalg.eigh sorts "
            "upwards, svd downwards; PCA wants the largest first.",
            sign=lambda evidence: (
                abs(float(evidence[0]["explained_variance_ratio"][0]) - 0.2)
                < 0.01  # of 0.8 and 0.2
                and abs(float(evidence[0]["projected"].norm()) - 2.5) < 0.1  # of 5 and 2.5
            ),
        ),
        Mistake(
            "scaled to one size",
            edit("components.T", "components.T / s[:k]"),
            "You scaled all columns of the result to the same length (the matrix U of the "
            "decomposition without its singular values). Then the map no longer shows which "
            "direction matters more.",
        ),
        Mistake(
            "shares of singular values",
            edit("s**2", "s"),
            "You compute the shares from the singular values. A variance is a square: square "
            "them first.",
        ),
        *(
            Mistake(
                "shares of the variance of all numbers",
                edit("variances[:k] / variances.sum()", f"projected.var(0) / {whole}.var()"),
                "You divide by the variance of all numbers in one heap. The whole variance is the "
                "sum of the variances of the columns.",
            )
            for whole in ("centred", "x")
        ),
        Mistake(
            "shares of what was kept",
            edit("variances.sum()", "variances[:k].sum()"),
            "Your shares add up to 1 whatever k is. They should be shares of the variance in all "
            "directions, so that they tell how much k directions leave out.",
        ),
        Mistake(
            "shares of the largest",
            edit("variances.sum()", "variances[0]"),
            "You divide by the largest variance, so your first share is 1. They should be shares "
            "of the variance in all directions together.",
        ),
        *(
            Mistake(
                "two kinds of variance",
                edit("variances.sum()", f"(variances.sum() * {factor})"),
                "Your shares are too large or too small by the factor n / (n - 1). One of your two "
                "variances seems to be divided by n and the other by n - 1: for a share, divide "
                "both in the same way, or neither.",
            )
            for factor in ("(len(x) - 1) / len(x)", "len(x) / (len(x) - 1)")
        ),
        Mistake(
            "shares of the raw squares",
            edit("variances.sum()", "x.square().sum()"),
            "You divide by the sum of the squares of the original x. The total variance is "
            "that of the centred x: the sum of all squared singular values.",
        ),
        Mistake(
            "squared twice",
            edit("s**2", "s**4"),
            "You compute the shares from squares of squares. The singular values of the "
            "centred x have to be squared; those of its covariance, and its eigenvalues, are "
            "variances already.",
        ),
        Mistake(
            "running total",
            edit("variances[:k] /", "variances.cumsum(0)[:k] /"),
            "Your second share contains the first: they are added up on the way. Return the "
            "share of each direction alone.",
        ),
        *(
            Mistake(
                "variances, not shares",
                edit("variances.sum()", total),
                f"A share lies between 0 and 1, and yours need not: {what}. Divide the variance "
                "along each direction by the variance in all directions together.",
            )
            for total, what in (
                ("1", "it is a squared singular value"),
                ("len(x)", "it is a variance, a mean over n rows"),
                ("(len(x) - 1)", "it is a variance, a sum divided by n - 1"),
            )
        ),
        Mistake(
            "largest last",
            edit("vt[:k]", "vt[:k].flip(0)", "variances[:k] /", "variances[:k].flip(0) /"),
            "The k directions are the right ones, but the largest comes last. "
            "torch.linalg.eigh sorts upwards; here the largest comes first.",
        ),
        Mistake(
            "columns of Vh",
            edit("vt[:k]", "vt[:, :k].T"),
            "You take the first columns of what svd returns last. torch.linalg.svd returns V "
            "already transposed, as Vh: the directions are its rows.",
        ),
        Mistake(
            "components from columns of Vh",
            edit("projected, components", "projected, vt[:, :k].T"),
            "Your components are the first columns of what svd returns last. torch.linalg.svd "
            "returns V already transposed, as Vh: the directions are its rows.",
        ),
        Mistake(
            "projected onto columns of Vh",
            edit("components.T", "vt[:, :k]"),
            "To project, you multiply by the first columns of what svd returns last. Its rows "
            "are the directions: take rows, transpose, and then multiply.",
        ),
        Mistake(
            "signs flipped separately",
            edit("centred @", "-centred @"),
            "The signs are up to you, but they go together: if you flip a direction, its "
            "column of the projection flips too. You flipped only one of the two.",
        ),
        Mistake(
            "signs flipped separately",
            edit(
                "projected, components",
                "projected, components * components.gather(1, "
                "components.abs().argmax(1, keepdim=True)).sign()",
            ),
            "The signs are up to you, but they go together: if you flip a direction, its "
            "column of the projection flips too. You flipped only the direction.",
        ),
        Mistake(
            "components without their signs",
            edit("projected, components", "projected, components.abs()"),
            "No entry of your components is negative. Only the sign of a whole direction is free: "
            "between its entries, signs say which columns rise together, and which one falls as "
            "another rises.",
        ),
        Mistake(
            "components not of length 1",
            None,
            "Your components are not of length 1. A component is only a direction; its share "
            "says how much the points differ along it. Do not scale them by the singular "
            "values.",
            sign=lambda evidence: any(
                bool((e["components"].norm(dim=1) - 1).abs().max() > 0.01)
                for e in evidence
                if "components" in e
            ),
        ),
        Mistake(
            "directions as columns",
            None,
            "Your directions are the columns. Here each row is one direction: shape (k, d). "
            "Note that torch.linalg.svd returns V already transposed, and torch.linalg.eigh "
            "the directions as columns.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(2, 1)",
        ),
        Mistake(
            "all directions",
            None,
            "You return all directions. Return only the first k.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(2, 2)",
        ),
        Mistake(
            "components first",
            None,
            "The components come before the projection. The order is projected, components, "
            "explained_variance_ratio.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(9, 1)",
        ),
        Mistake(
            "one of three",
            edit("projected, components, variances[:k] / variances.sum()", "projected"),
            "You return one thing instead of three: projected, components, "
            "explained_variance_ratio.",
        ),
        Mistake(
            "two of three",
            edit(", variances[:k] / variances.sum()", ""),
            "You return two things instead of three: projected, components, "
            "explained_variance_ratio.",
        ),
    )


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


HELD_OUT = 8_000
Y_RANGE = (0.0, 5.5)


@cache
def _all_ratings() -> tuple[Tensor, Tensor, Tensor]:
    ratings = load_ratings()
    users, items, stars = (
        torch.cat(columns) for columns in zip(ratings.train, ratings.valid, strict=True)
    )
    return users, items, stars


def _split(rng: Rng) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """All ratings under new numbers for users and items, in random order: those to train on, and
    8,000 held out.

    The first rating of each user and of each item is never held out, so that all numbers occur in
    training.
    """
    users, items, stars = _all_ratings()
    order = rng.permutation(len(stars))
    users, items = (
        rng.permutation(int(column.max()) + 1)[column[order]] for column in (users, items)
    )
    stars, kept, places = (
        stars[order],
        torch.zeros(len(stars), dtype=torch.bool),
        torch.arange(len(stars)),
    )
    for column in (users, items):
        first = torch.full((int(column.max()) + 1,), len(stars)).scatter_reduce(
            0, column, places, "amin"
        )
        kept[first] = True
    out = torch.zeros_like(kept)
    out[places[~kept][:HELD_OUT]] = True
    columns = (users, items, stars)
    return (users[~out], items[~out], stars[~out]), tuple(column[out] for column in columns)  # type: ignore[return-value]


def _biases_alone(users: Tensor, items: Tensor, stars: Tensor) -> tuple[Tensor, Tensor]:
    """mean + user bias + item bias, as two tables to add: slightly shrunk means of residuals."""
    mean, user_bias = stars.mean(), torch.zeros(int(users.max()) + 1)
    for _ in range(10):
        item_bias = _shrunk_means(items, stars - mean - user_bias[users], shrink=5.0)
        user_bias = _shrunk_means(users, stars - mean - item_bias[items], shrink=2.0)
    return mean + user_bias, item_bias


def _shrunk_means(groups: Tensor, values: Tensor, shrink: float) -> Tensor:
    n = int(groups.max()) + 1
    return torch.zeros(n).index_add(0, groups, values) / (
        torch.bincount(groups, minlength=n) + shrink
    )


def _rmse(y_hat: Tensor, y: Tensor) -> float:
    return float((y_hat - y).square().mean().sqrt())


def _shows(first: Callable[[dict[str, Any]], bool]) -> Callable[[Seen], bool]:
    """A sign that looks at the only case."""
    return lambda evidence: first(evidence[0])


def _spread(e: dict[str, Any]) -> float:
    return float(e["predictions"].std())


def _off(e: dict[str, Any]) -> float:
    """How far the predictions lie above the given ratings, on average."""
    return float(e["predictions"].mean()) - float(e["mean of the given ratings"])


def _additive(e: dict[str, Any]) -> bool:
    """Whether the grid of predictions, or of the sigmoid's arguments, is a column plus a row."""
    grid = e["predictions of 8 users for 8 films"].double()
    inside = (grid / (Y_RANGE[1] - grid).clamp(min=1e-6)).clamp(min=1e-6).log()
    for table in (grid, inside):
        rest = table - table.mean(0) - table.mean(1, keepdim=True) + table.mean()
        if float(rest.std()) < 0.02 * float(table.std()):
            return True
    return False


class FitRatings(Training):
    """A model of the given ratings, judged by its error on 8,000 ratings that it never saw.

    Measured over 20 seeds, each with its own split, as a share of the error of biases alone (0.840
    to 0.872 stars):

    | answer | mean | least | largest |
    |---|---|---|---|
    | reference: 20 factors, AdamW, weight decay 0.4, 5 epochs, rate falling to 0 | 0.972 | 0.965 |
    0.979 | | Adam with a penalty on the factors of the batch | 0.968 | 0.964 | 0.970 | |
    torch.optim.AdamW at a constant rate, weight decay 0.5 | 0.975 | 0.970 | 0.981 | | as the
    reference, range 0.5 to 5 | 0.975 | 0.969 | 0.982 | | as the reference, weight decay 0.1 | 0.988
    | 0.980 | 0.998 | | as the reference, weight decay 1 | 1.000 | 0.996 | 1.005 | | biases without
    factors, trained | 1.005 | 1.004 | 1.007 | | as the reference, no weight decay | 1.008 | 0.999 |
    1.018 | | as the reference, one epoch | 1.068 | 1.056 | 1.094 | | as the reference, no weight
    decay, 10 epochs | 1.111 | 1.094 | 1.128 | | the mean for every pair | 1.195 | 1.186 | 1.208 |
    """

    id, points = "embeddings.fit_ratings", 4
    minutes, lines = 25, "about twelve lines"
    writes = "a training run, judged on ratings that it never sees"
    metric = "error (RMSE) on unseen ratings, as a share of the error of biases alone"
    full, part, higher_is_better = 0.995, 1.02, False

    def cases(self, rng: Rng) -> Iterable[Case]:
        (users, items, ratings), (unseen_users, unseen_items, unseen_ratings) = _split(rng)
        of_user, of_item = _biases_alone(users, items, ratings)
        yield Case(
            f"{len(users):,} ratings to train on",
            hidden={
                "ratings": unseen_ratings,
                "error of biases": _rmse(
                    of_user[unseen_users] + of_item[unseen_items], unseen_ratings
                ),
            },
            users=users,
            items=items,
            ratings=ratings,
            unseen_users=unseen_users,
            unseen_items=unseen_items,
            seed=rng.integer(0, 10_000),
        )

    def probe(self, fit_ratings: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        torch.set_num_threads(
            1
        )  # the same numbers on every machine, and no threads that wait for each other
        model = fit_ratings(case.users, case.items, case.ratings, case.seed)
        yield claim("the model is an nn.Module", isinstance(model, nn.Module))
        model.eval()
        with torch.no_grad():
            predictions = model(case.unseen_users, case.unseen_items)
            yield "shape of the predictions", str(tuple(predictions.shape))
            if predictions.shape != case.unseen_users.shape:
                return
            yield claim("the predictions are finite", predictions.isfinite().all())
            yield "predictions", predictions
            yield "mean of the given ratings", case.ratings.mean()
            yield "error on the given ratings", _rmse(model(case.users, case.items), case.ratings)
            users = torch.bincount(case.users).topk(8).indices.repeat_interleave(8)
            items = torch.bincount(case.items).topk(8).indices.repeat(8)
            yield "predictions of 8 users for 8 films", model(users, items).reshape(8, 8)

    def expected(self, case: Case) -> dict[str, Any]:
        return {
            "the model is an nn.Module": True,
            "shape of the predictions": str((len(case.unseen_users),)),
            "the predictions are finite": True,
        }

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        return (
            _rmse(evidence["predictions"], case.hidden["ratings"]) / case.hidden["error of biases"]
        )

    mistakes = (
        Mistake(
            "no module returned",
            None,
            "What fit_ratings returns is not an nn.Module. Return the trained model itself, so "
            "that it can predict pairs it has not seen.",
            sign=_shows(lambda e: e["the model is an nn.Module"] is False),
        ),
        Mistake(
            "half stars cut off",
            None,
            "Your model gives too few stars on average. Did the ratings become whole numbers "
            "on the way? `.long()` makes 3.5 a 3.",
            sign=_shows(
                lambda e: (
                    _off(e) < -0.12 and e["error on the given ratings"] < 0.95 and _spread(e) > 0.2
                )
            ),
        ),
        Mistake(
            "memorised",
            None,
            "Your model is far better on the ratings it was given than on new ones: it has "
            "memorised them. It has more parameters than is good for it. Use fewer factors, "
            "fewer epochs, or weight decay (lesson 06).",
            sign=_shows(lambda e: e["error on the given ratings"] < 0.62),
        ),
        Mistake(
            "biases alone",
            None,
            "Your predictions are one number for the user plus one for the film: the two never "
            "interact. Either the factors are not in the model, or they are still at or near "
            "0. Are they trained, at a rate that moves them?",
            sign=_shows(
                lambda e: _additive(e) and _spread(e) > 0.2 and min(_rows_and_columns(e)) > 0.01
            ),
        ),
        Mistake(
            "range 0 to 1",
            None,
            "No prediction is above 1 star: you did not stretch the sigmoid to the range of "
            "the ratings.",
            sign=_shows(lambda e: float(e["predictions"].max()) <= 1.0),
        ),
        Mistake(
            "film ignored",
            None,
            "Each user gets the same prediction for every film. Do items reach the prediction?",
            sign=_shows(lambda e: _rows_and_columns(e)[1] < 0.001 < _spread(e)),
        ),
        Mistake(
            "user ignored",
            None,
            "Each film gets the same prediction from every user. Do users reach the prediction?",
            sign=_shows(lambda e: _rows_and_columns(e)[0] < 0.001 < _spread(e)),
        ),
        Mistake(
            "not trained",
            None,
            "Your model predicts nearly the same for every pair, and that is not the mean of "
            "the ratings: its parameters seem to have hardly moved. Does a step change the "
            "parameters of the model that you return? Is the learning rate far too small, or "
            "the weight decay part of the gradient?",
            sign=_shows(lambda e: _spread(e) < 0.05 and abs(_off(e)) > 0.3),
        ),
        Mistake(
            "one number for all",
            None,
            "Your model predicts nearly the same for every pair, about the mean. That happens "
            "when (n, 1) meets (n,) in the loss: every prediction is compared with every rating "
            "of the batch. Look at the shapes in the loss.",
            sign=_shows(lambda e: _spread(e) < 0.05),
        ),
        Mistake(
            "users, items and ratings mismatched",
            None,
            "What your model has learned seems to have nothing to do with who rated what: even "
            "on the ratings it was given, it is hardly better than their mean. Do you index "
            "users, items and ratings of a batch with the same indices?",
            sign=_shows(lambda e: e["error on the given ratings"] > 1.0 and abs(_off(e)) < 0.2),
        ),
        Mistake(
            "poor on the given ratings",
            None,
            "Your model does badly even on the ratings it was given. Print the loss of every "
            "epoch. If it hardly falls: are the gradients cleared, are there enough epochs, is "
            "the learning rate too small or the weight decay too large? If it falls: does your "
            "loop train on its arguments, not on the notebook's `train`? Do users and items "
            "reach the model in this order?",
            sign=_shows(
                lambda e: (
                    e["error on the given ratings"] > 0.9 and (_off(e) < -0.1 or _spread(e) > 0.5)
                )
            ),
        ),
        Mistake(
            "a column of predictions",
            None,
            "Your model returns a column, (n, 1). Return one number for each pair, (n,), as "
            "DotProductBias does.",
            sign=_shows(lambda e: e["shape of the predictions"].endswith(", 1)")),
        ),
        Mistake(
            "not finite",
            None,
            "Some predictions are nan or infinite. Count the steps of AdamW from 1: with t = 0 "
            "it divides 0 by 0. If you do, the learning rate is far too large.",
            sign=_shows(lambda e: e["the predictions are finite"] is False),
        ),
    )


def _rows_and_columns(e: dict[str, Any]) -> tuple[float, float]:
    """How much the predictions in the grid differ between users, and between films."""
    grid = e["predictions of 8 users for 8 films"].double()
    return float(grid.std(0).mean()), float(grid.std(1).mean())


class ExposeEmbeddingBackward(Expose):
    """Cases that show wrong gradients of a lookup to be wrong, and the result of the first.

    Share of 15 exposed (`python -m tests.attempts` runs these again):

    | cases | share exposed |
    |---|---|
    | random numbers, the mean of 20 | 0.88 |
    | the example in the stub of the function | 0.60 |
    | two rows, each looked up once | 0.47 |
    | one row is never looked up | 0.60 |
    | one row is looked up twice | 0.93 |
    | that, and idx of shape (2, 2) | 1.00 |
    """

    id, points = "embeddings.expose_embedding_backward", 2
    minutes, lines = 12, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = EmbeddingBackward
    takes = {"grad_out": "tensor", "idx": "codes", "n": "whole number"}
    shapes = (
        "idx should have the shape of grad_out without its last dimension, and hold rows from 0 to "
        "n - 1."
    )
    asks = "the weight's gradient"
    beyond = ("row 0 as padding", "indices column by column")  # for the function's own check
    full, part = 1.0, 0.8

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether idx has the shape of grad_out without its last dimension."""
        return bool(given["idx"].shape == given["grad_out"].shape[:-1])

    mistakes = (
        *EXPOSING,
        missed(
            "last one wins",
            "Two lookups of one row are where a lookup and its gradient get interesting: whose "
            "gradient does the row get?",
        ),
        missed(
            "only as many rows as seen",
            "Make the table larger than what is looked up. Rows that nobody asked for have a "
            "gradient too.",
        ),
        missed(
            "loop over the first dimension",
            "A batch of sentences gives idx of shape (batch, words), and a word may come twice in "
            "one of them. Does its row still get both gradients?",
        ),
    )
