"""Exercises of lesson 09: looking up rows, their gradient, a model of ratings, PCA, and a fit of real ratings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, FreeText, Mistake, Rng, Training, claim, gradients, operators
from course_utils.data import load_ratings
from course_utils.exercises.sgd import AUTOGRAD

READ_THE_BIASES = FreeText("embeddings.read_the_biases")


EMBEDDING = operators("embedding(_|$)|embedding_bag")


class EmbeddingLookup(Exercise):
    """Row idx of weight for every entry of idx: (n, k) and any shape (...) give (..., k)."""

    id, points = "embeddings.embedding_lookup", 1
    shortcuts = (nn.Embedding, nn.EmbeddingBag, *EMBEDDING)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, k: int, idx: Tensor) -> Case:
            return Case(f"{label}: weight ({n}, {k}), idx {tuple(idx.shape)}", weight=rng.normal(n, k), idx=idx)

        yield case("three different rows", 5, 4, torch.tensor([3, 1, 4]))
        yield case("rows that repeat", 6, 3, torch.cat([rng.integers(0, 6, 3), torch.tensor([2, 5, 2])]))
        yield case("idx is a matrix", 7, 3, rng.permutation(7)[:6].reshape(2, 3))
        yield case("a single row", 4, 5, torch.tensor(2))
        yield case("one column", 5, 1, torch.tensor([4, 0]))

    def probe(self, embedding_lookup: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "rows", embedding_lookup(case.weight, case.idx)
        weight = case.weight.clone().requires_grad_()
        yield "grad of weight", gradients(embedding_lookup(weight, case.idx), [weight])[0]

    mistakes = (
        Mistake(
            "gradient cut off",
            lambda weight, idx: weight.detach()[idx],
            "The rows are right, but no gradient flows back to the weight, so the embedding would never be trained. "
            "Look for `.detach()`, `.data`, or a new tensor made from numbers.",
        ),
        Mistake(
            "only for one dimension",
            lambda weight, idx: weight[idx.flatten()],
            "For a vector of indices your answer is right. An idx of shape (2, 3) should give (2, 3, k): every index "
            "is replaced by its row, and the shape around it stays.",
        ),
        Mistake(
            "each row once",
            lambda weight, idx: weight[idx.unique()],
            "An index that occurs twice brings its row only once, and the order is lost. Every entry of idx brings "
            "one row, in its own place.",
        ),
        Mistake(
            "counted from 1",
            lambda weight, idx: weight[idx - 1],
            "You get the row before the one that was asked for. Indices count from 0, here and everywhere in PyTorch.",
        ),
        Mistake(
            "columns for rows",
            lambda weight, idx: weight[:, idx],
            "You pick columns: in `weight[:, idx]` the colon stands for all rows. The index of a row stands first.",
        ),
        Mistake(
            "rows added up",
            lambda weight, idx: weight[idx].reshape(-1, weight.shape[1]).sum(0),
            "The rows are found and then added into one. Keep one row for each entry of idx.",
        ),
        Mistake(
            "number times row",
            lambda weight, idx: idx[..., None] * weight[0],
            "The index is used as a quantity: row 4 comes out as four times something. It is only a name. "
            "User 4 is not twice user 2.",
        ),
        Mistake(
            "one-hot of another width",
            lambda weight, idx: F.one_hot(idx).to(weight.dtype) @ weight,
            "The one-hot rows end at the largest index that happens to occur in idx, so they do not fit the weight. "
            "They need one entry for every row of the weight.",
        ),
        Mistake(
            "ready-made",
            lambda weight, idx: F.embedding(idx, weight),
            "This is PyTorch's own lookup. It is what you are building here: one operation on tensors is enough.",
        ),
    )


def _added(rows: Tensor, idx: Tensor, n: int) -> Tensor:
    return torch.einsum("mn,mk->nk", F.one_hot(idx.flatten(), n).to(rows.dtype), rows.reshape(-1, rows.shape[-1]))


def _assigned(grad_out: Tensor, idx: Tensor, num_embeddings: int, order: int = 1) -> Tensor:
    grad = grad_out.new_zeros(num_embeddings, grad_out.shape[-1])
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    for place, row in list(zip(idx.flatten().tolist(), rows, strict=True))[::order]:
        grad[place] = row
    return grad


def _averaged(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    counts = torch.bincount(idx.flatten(), minlength=num_embeddings).clamp(min=1)
    return _added(grad_out, idx, num_embeddings) / counts[:, None]


def _first_dimension_only(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    grad = grad_out.new_zeros(num_embeddings, grad_out.shape[-1])
    for places, rows in zip(idx, grad_out, strict=True):
        grad[places] += rows
    return grad


class EmbeddingBackward(Exercise):
    """The gradient of weight: row i is the sum of the rows of grad_out whose index is i."""

    id, points = "embeddings.embedding_backward", 2
    without = {
        "float64": "the tables of this lesson are float32, and so is a gradient written into zeros",
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }
    shortcuts = (*AUTOGRAD, *EMBEDDING)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, k: int, idx: Tensor) -> Case:
            label = f"{label}: grad_out {(*idx.shape, k)}, {n} rows"
            return Case(
                label, axis="many" if idx.numel() > 100 else "", grad_out=rng.normal(*idx.shape, k), idx=idx, n=n
            )

        yield case("every row once", 4, 3, torch.tensor([2, 0, 3, 1]))
        yield case("rows never looked up", 6, 2, torch.tensor([4, 1, 0]))
        yield case("repeated rows", 7, 3, torch.tensor([5, 2, 5, 0, 5, 2]))
        yield case("idx is a matrix", 5, 4, torch.cat([torch.tensor([3, 1, 3]), rng.integers(0, 4, 3)]).reshape(2, 3))
        yield case("a single lookup", 3, 5, torch.tensor(1))
        yield case("a single column", 4, 1, torch.tensor([2, 0, 2]))
        yield case("131 lookups", 7, 3, rng.integers(0, 6, 131))

    def probe(self, embedding_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the weight's gradient", embedding_backward(case.grad_out, case.idx, case.n)

    mistakes = (
        Mistake(
            "last one wins",
            _assigned,
            "A row that is looked up several times gets only the last of its gradients. `grad[idx] = ...` overwrites, "
            "and so does `grad[idx] += ...`, which reads every row once before it writes. Each use of a row "
            "contributes: the contributions add up.",
        ),
        Mistake(
            "first one wins",
            lambda grad_out, idx, n: _assigned(grad_out, idx, n, order=-1),
            "A row that is looked up several times keeps only the first of its gradients. They add up.",
        ),
        Mistake(
            "only for one dimension",
            _first_dimension_only,
            "For a vector of indices your answer is right. When idx is a matrix, your loop goes over its rows, and "
            "writes to several places at once: the last one wins again. Flatten idx, and grad_out with it.",
        ),
        Mistake(
            "averaged",
            _averaged,
            "Where a row repeats you take the mean of its gradients. The row was used several times, and each use "
            "moves the loss: the sum is right. (If the loss is a mean, its factor is in grad_out already.)",
        ),
        Mistake(
            "only as many rows as seen",
            lambda grad_out, idx, n: _added(grad_out, idx, int(idx.max()) + 1),
            "The gradient ends at the largest index that occurs. It needs the shape of the weight: num_embeddings "
            "rows, with zeros for those that nobody looked up.",
        ),
        Mistake(
            "looked up instead of added",
            lambda grad_out, idx, n: _added(grad_out, torch.arange(idx.numel()) % n, n),
            "The rows of grad_out stand in their own order. Row j of grad_out belongs to row idx[j] of the weight.",
        ),
        Mistake(
            "grad_out looked up",
            lambda grad_out, idx, n: grad_out[idx],
            "You look up rows of grad_out. That is the way forward. On the way back, row j of grad_out goes to row "
            "idx[j] of the gradient.",
        ),
        Mistake(
            "uses counted",
            lambda grad_out, idx, n: _added(torch.ones_like(grad_out), idx, n),
            "You count how often each row is used. That is the gradient of a plain sum; here every use has a gradient "
            "of its own, and it stands in grad_out.",
        ),
        Mistake(
            "the same for every row",
            lambda grad_out, idx, n: grad_out.reshape(-1, grad_out.shape[-1]).sum(0).expand(n, -1).clone(),
            "Every row gets the sum of all gradients. A row hears only of the places where it was looked up.",
        ),
        Mistake(
            "wrong sign",
            lambda grad_out, idx, n: -_added(grad_out, idx, n),
            "The sign is turned. The step against the gradient comes later, in the optimizer.",
        ),
    )


class SigmoidRange(Exercise):
    """low + (high - low) * sigmoid(x), element by element."""

    id, points = "embeddings.sigmoid_range", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("low = 0, high = 1", x=rng.normal(5), low=0.0, high=1.0)
        yield Case("a range for ratings, 0 to 5.5", x=2 * rng.normal(3, 2), low=0.0, high=5.5)
        yield Case("a range below 0, -2 to 3", x=2 * rng.normal(6), low=-2.0, high=3.0)
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
            lambda x, low, high: low + (high - low) * torch.sigmoid(x.detach()),
            "The values are right, but nothing flows back to x. Look for `.detach()`, `.data`, `.item()` or "
            "torch.tensor(...).",
        ),
        Mistake(
            "low not added",
            lambda x, low, high: (high - low) * torch.sigmoid(x),
            "The range has the right width, but it starts at 0: add low.",
        ),
        Mistake(
            "low ignored",
            lambda x, low, high: high * torch.sigmoid(x),
            "Your range runs from 0 to high, and low does not occur in it. With low = 0 you do not see it.",
        ),
        Mistake(
            "high as the width",
            lambda x, low, high: low + high * torch.sigmoid(x),
            "The sigmoid is stretched by high. What it has to fill is the distance from low to high.",
        ),
        Mistake(
            "upside down",
            lambda x, low, high: low + (high - low) * torch.sigmoid(-x),
            "Large x gives low, small x gives high. Check the sign in the exponent, or the order of low and high.",
        ),
        Mistake(
            "clamped",
            lambda x, low, high: x.clamp(low, high),
            "You cut x off at both ends. There the gradient is 0, and a prediction that has left the range never "
            "comes back. The sigmoid bends smoothly and always keeps a slope.",
        ),
        Mistake(
            "clamped sigmoid",
            lambda x, low, high: torch.sigmoid(x).clamp(low, high),
            "The sigmoid is cut off at low and high, not stretched: it still lies between 0 and 1.",
        ),
        Mistake(
            "tanh for sigmoid",
            lambda x, low, high: low + (high - low) * x.tanh(),
            "tanh runs from -1 to 1, so your values go below low. The sigmoid runs from 0 to 1.",
        ),
        Mistake(
            "not stretched",
            lambda x, low, high: torch.sigmoid(x),
            "The sigmoid is right, and low and high do not occur in it: it still runs from 0 to 1.",
        ),
        Mistake(
            "sum for the width",
            lambda x, low, high: low + (high + low) * torch.sigmoid(x),
            "You stretch by high plus low. The width of a range is the distance between its ends.",
        ),
        Mistake(
            "low taken off",
            lambda x, low, high: (high - low) * torch.sigmoid(x) - low,
            "The width is right, but low is taken off where it should be added. Try it with a sigmoid of 0: the result "
            "should be low.",
        ),
        Mistake(
            "stretched inside",
            lambda x, low, high: torch.sigmoid(low + (high - low) * x),
            "You stretch x and bend it afterwards, so the result still lies between 0 and 1. The sigmoid comes first.",
        ),
        Mistake(
            "softmax for sigmoid",
            lambda x, low, high: low + (high - low) * torch.softmax(x, dim=-1),
            "That is a softmax: its entries depend on each other and add up to 1. The sigmoid takes every number for "
            "itself.",
        ),
        Mistake(
            "no sigmoid",
            lambda x, low, high: low + (high - low) * x,
            "The stretching is right, but x itself is not between 0 and 1. What brings it there?",
        ),
    )


class _Model(nn.Module):
    """What the mistakes about DotProductBias have in common: everything that they do not get wrong."""

    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__()
        self.user_factors = nn.Parameter(0.01 * torch.randn(n_users, n_factors))
        self.item_factors = nn.Parameter(0.01 * torch.randn(n_items, n_factors))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = torch.einsum("nk,nk->n", self.user_factors[users], self.item_factors[items])
        return match + self.user_bias[users] + self.item_bias[items]

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        low, high = self.y_range
        return low + (high - low) * torch.sigmoid(self.score(users, items))


class _Exchanged(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_items, n_users, n_factors, y_range)


class _FactorsZero(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)
        nn.init.zeros_(self.item_factors)


class _EqualRows(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)


class _LargeStart(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.normal_(self.user_factors)
        nn.init.normal_(self.item_factors)


class _ScaledAfterwards(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in [("user_factors", self.user_factors), ("item_factors", self.item_factors)]:
            delattr(self, name)
            self.__dict__[name] = parameter * 1.0


class _EmbeddingModules(nn.Module):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__()
        self.user_factors, self.item_factors = nn.Embedding(n_users, n_factors), nn.Embedding(n_items, n_factors)
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)


class _PlainTensors(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in list(self.named_parameters()):
            delattr(self, name)
            self.__dict__[name] = parameter.detach().requires_grad_()


class _ColumnBiases(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_bias, self.item_bias = nn.Parameter(torch.zeros(n_users, 1)), nn.Parameter(torch.zeros(n_items, 1))


class _NoItemBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.user_bias[users]


class _NoUserBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.item_bias[items]


class _NoBiases(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1)


class _MeanOfFactors(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).mean(1)
        return match + self.user_bias[users] + self.item_bias[items]


class _AllPairs(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] @ self.item_factors[items].T
        return match + self.user_bias[users][:, None] + self.item_bias[items]


class _AllPairsOneBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] @ self.item_factors[items].T
        return match + self.user_bias[users] + self.item_bias[items]


class _NotSummed(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] * self.item_factors[items]
        return match + self.user_bias[users] + self.item_bias[items]


class _NotSummedColumns(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] * self.item_factors[items]
        return match + self.user_bias[users][:, None] + self.item_bias[items][:, None]


class _SumOverPairs(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).sum(0)
        return match + self.user_bias[users] + self.item_bias[items]


class _BiasesNotLookedUp(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.user_bias + self.item_bias


class _SumOverBatch(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).sum()
        return match + self.user_bias[users] + self.item_bias[items]


class _NoRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.score(users, items)


class _UnitRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return torch.sigmoid(self.score(users, items))


class _RatingRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return 5.5 * torch.sigmoid(self.score(users, items))


class _LowIgnored(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.y_range[1] * torch.sigmoid(self.score(users, items))


class _BiasesOutside(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        low, high = self.y_range
        match = (self.user_factors[users] * self.item_factors[items]).sum(1)
        return low + (high - low) * torch.sigmoid(match) + self.user_bias[users] + self.item_bias[items]


class _DetachedFactors(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors.data[users] * self.item_factors.data[items]).sum(1)
        return match + self.user_bias[users] + self.item_bias[items]


class DotProductBias(Exercise):
    """sigmoid_range(user_factors[u] . item_factors[i] + user_bias[u] + item_bias[i], *y_range) for pairs (u, i)."""

    id, points = "embeddings.DotProductBias", 3
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "the numbers are copied into the parameters",
    }
    shortcuts = EMBEDDING

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n_users, n_items, k, n, y_range in (
            ("DotProductBias(4, 6, 3, (0, 5.5)), a batch of five", 4, 6, 3, 5, [0.0, 5.5]),
            ("DotProductBias(3, 2, 1, (1, 4)), a batch of one", 3, 2, 1, 1, [1.0, 4.0]),
            ("DotProductBias(5, 4, 2, (-2, 3)), a batch of seven", 5, 4, 2, 7, [-2.0, 3.0]),
        ):
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
            )
        label = "the start values of DotProductBias(300, 200, 5, (0, 5.5))"
        yield Case(label, sizes=[300, 200, 5], y_range=[0.0, 5.5], start=True)

    def probe(self, DotProductBias: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = DotProductBias(*case.sizes, tuple(case.y_range))
        yield claim("`DotProductBias` is an nn.Module", isinstance(model, nn.Module))
        parameters = dict(model.named_parameters())
        shapes = [f"{name} {tuple(p.shape)}" for name, p in sorted(parameters.items())]
        yield "parameters", "; ".join(shapes) or "none"
        names = ("user_factors", "item_factors", "user_bias", "item_bias")
        for name in names[:2]:
            different = len(parameters[name].unique()) == parameters[name].numel()
            yield claim(f"the numbers of {name} are all different at the start", different)
        small = all(float(parameters[name].detach().abs().max()) < 0.6 for name in names[:2])
        yield claim("the factors are small at the start", small)
        yield claim("the biases start at 0", not any(parameters[name].any() for name in names[2:]))
        if "start" in case.inputs:
            for name in names[:2]:
                spread = float(parameters[name].std())
                yield claim(f"the spread of {name} at the start is about 0.01", 0.005 < spread < 0.02)
            return
        with torch.no_grad():
            for name in names:
                parameters[name].copy_(case.inputs[name])
        y = model(case.users, case.items)
        yield "predictions", y
        for name, grad in zip(names, gradients(y, [parameters[name] for name in names]), strict=True):
            yield f"grad of {name}", grad

    mistakes = (
        Mistake(
            "factors detached",
            _DetachedFactors,
            "The predictions are right, but the factors get no gradient and would stay as random as they start. Look "
            "for `.data`, `.detach()` or torch.no_grad().",
        ),
        Mistake(
            "factors start at zero",
            _FactorsZero,
            "All factors start at the same number. At 0 it is worst: the gradient of the user's factors is a multiple "
            "of the film's factors, and the other way round, so both stay 0 for ever. Start at small random numbers.",
        ),
        Mistake(
            "equal numbers at the start",
            _EqualRows,
            "In one of the two tables of factors, several numbers start equal. Draw every number of both tables on its "
            "own: rows that start alike and see alike ratings stay alike.",
            sign=lambda evidence: (
                not all(
                    evidence[0][f"the numbers of {name} are all different at the start"]
                    for name in ("user_factors", "item_factors")
                )
            ),
        ),
        Mistake(
            "factors start large",
            _LargeStart,
            "The factors start as large random numbers, so the model starts with strong opinions about everybody, all "
            "of them wrong. Training has to undo them first, and does not get as far. Start at a spread of 0.01.",
            sign=lambda evidence: evidence[0]["the factors are small at the start"] is False,
        ),
        Mistake(
            "users and items exchanged",
            _Exchanged,
            "The tables have each other's sizes. The first argument counts the users, the second the items.",
            sign=lambda evidence: "item_bias (4,)" in evidence[0]["parameters"],
        ),
        Mistake(
            "without item bias",
            _NoItemBias,
            "item_bias is made, but not added. It says that a film is liked by everyone, whatever their taste.",
        ),
        Mistake(
            "without user bias",
            _NoUserBias,
            "user_bias is made, but not added. It says that someone gives many stars, whatever the film.",
        ),
        Mistake(
            "without biases",
            _NoBiases,
            "Both biases are made, but neither is added to the match of the factors.",
        ),
        Mistake(
            "biases outside the sigmoid",
            _BiasesOutside,
            "The biases are added after the sigmoid, so predictions leave the range. Add everything up first, bend it "
            "last.",
        ),
        Mistake(
            "mean over the factors",
            _MeanOfFactors,
            "You average the products of the factors. A dot product adds them up: with a mean, more factors would "
            "count for less each.",
        ),
        Mistake(
            "all pairs",
            _AllPairs,
            "You compute every user of the batch with every item of the batch, (n, n) numbers. Asked for are n pairs: "
            "the first user with the first item, and so on.",
        ),
        Mistake(
            "all pairs, biases by column",
            _AllPairsOneBias,
            "`@` matches every user of the batch with every item of it: (n, n) numbers, and the biases are spread over "
            "them without a complaint. Asked for are n pairs: the first user with the first item, and so on.",
        ),
        Mistake(
            "products not added up",
            _NotSummed,
            "The products of the factors are still k numbers for each pair, shape (n, k), where the biases come in. A "
            "dot product also adds them up: one number for each pair.",
        ),
        Mistake(
            "k predictions for each pair",
            _NotSummedColumns,
            "You return k numbers for each pair, shape (n, k). A dot product multiplies place by place, and then adds "
            "up: one number for each pair.",
        ),
        Mistake(
            "summed over the pairs",
            _SumOverPairs,
            "You add the products over dimension 0, the pairs, and k numbers are left. Add over the factors: one "
            "number should be left for each pair.",
        ),
        Mistake(
            "biases not looked up",
            _BiasesNotLookedUp,
            "You add the whole tables of biases. Each pair needs one entry of each: the one of its user and the one of "
            "its item.",
        ),
        Mistake(
            "summed over the batch",
            _SumOverBatch,
            "The products are added over everything, the batch included, so all pairs share one number. Add over the "
            "factors only: the last dimension.",
        ),
        Mistake(
            "range forgotten",
            _NoRange,
            "The sum is right, but it is not brought into y_range. Which of your functions does that?",
        ),
        Mistake(
            "sigmoid without range",
            _UnitRange,
            "The predictions lie between 0 and 1. They should lie within y_range.",
        ),
        Mistake(
            "y_range not used",
            _RatingRange,
            "The range is fixed at 0 to 5.5 in your code. Keep the argument y_range in __init__, and use it in "
            "forward.",
        ),
        Mistake(
            "low end ignored",
            _LowIgnored,
            "The sigmoid is stretched from 0 to the upper end of y_range. The lower end does not occur in it.",
        ),
        Mistake(
            "biases as columns",
            _ColumnBiases,
            "The biases have shape (n, 1). Added to n numbers they broadcast to (n, n), and nothing complains. Here "
            "they have shape (n,).",
            sign=lambda evidence: "item_bias (6, 1); item_factors (6, 3)" in evidence[0]["parameters"],
        ),
        Mistake(
            "embedding modules",
            _EmbeddingModules,
            "You use nn.Embedding, whose table is a parameter inside it (user_factors.weight). Here the tables are "
            "parameters of your own class, and your embedding_lookup reads them.",
            sign=lambda evidence: ".weight (" in evidence[0]["parameters"],
        ),
        Mistake(
            "scaled after wrapping",
            _ScaledAfterwards,
            "The biases are parameters, but the factors are not. What is computed from an nn.Parameter, such as a "
            "product with 0.01, is a plain tensor again. Scale first, wrap last.",
            sign=lambda evidence: (
                evidence[0]["parameters"].count("factors") < 2 and evidence[0]["parameters"].count("bias ") == 2
            ),
        ),
        Mistake(
            "plain tensors",
            _PlainTensors,
            "The tables are plain tensors, so `model.parameters()` is empty and nothing would be trained. Wrap them in "
            "nn.Parameter.",
            sign=lambda evidence: evidence[0]["parameters"] == "none",
        ),
    )


def _directions(x: Tensor, k: int, centred: Tensor | None = None, smallest: bool = False) -> tuple[Tensor, ...]:
    """PCA by the eigenvectors of the covariance; returns x in the directions, the directions, all eigenvalues."""
    centred = x - x.mean(0) if centred is None else centred
    values, vectors = torch.linalg.eigh((centred.T @ centred).double())
    order = values.argsort(descending=not smallest)
    components = vectors.T[order][:k].to(x.dtype)
    return centred @ components.T, components, values[order].to(x.dtype)


def _ratio_of_kept(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] / values[:k].sum()


def _ratio_of_roots(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    roots = values.clamp(min=0).sqrt()
    return projected, components, roots[:k] / roots.sum()


def _variances(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] / (len(x) - 1)


def _with(centred: Callable[[Tensor], Tensor], smallest: bool = False) -> Callable[[Tensor, int], tuple[Tensor, ...]]:
    def answer(x: Tensor, k: int) -> tuple[Tensor, ...]:
        projected, components, values = _directions(x, k, centred(x), smallest)
        return projected, components, values[:k] / values.sum()

    return answer


def _columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components.T.contiguous(), values[:k] / values.sum()


def _columns_of_vh(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:, :k], vh[:, :k].T, s[:k] ** 2 / (s**2).sum()


def _components_from_columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:k].T, vh[:, :k].T, s[:k] ** 2 / (s**2).sum()


def _projected_on_columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:, :k], vh[:k], s[:k] ** 2 / (s**2).sum()


def _ratio_of_squares(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] ** 2 / (values**2).sum()


def _ratio_so_far(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, (values / values.sum()).cumsum(0)[:k]


def _largest_last(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected.flip(1), components.flip(0), values[:k].flip(0) / values.sum()


def _uncentred_projection(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, components, values = _directions(x, k)
    return x @ components.T, components, values[:k] / values.sum()


def _whitened(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected / values[:k].sqrt(), components, values[:k] / values.sum()


class Pca(Exercise):
    """x, centred, in the k directions of largest variance; the directions as rows; the share of variance of each."""

    id, points = "embeddings.pca", 2
    without = {
        "float64": "a way through float32 is right within the tolerance of this lesson",
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }
    shortcuts = (torch.pca_lowrank, torch.svd_lowrank)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, d: int, k: int) -> Case:
            spread = 2.0 ** -torch.arange(min(n, d) - (n <= d))
            left, _ = torch.linalg.qr(_centred(rng.normal(n, len(spread))))
            right, _ = torch.linalg.qr(rng.normal(d, len(spread)))
            x = 5 * (left * spread) @ right.T + rng.normal(d)
            return Case(f"{label}: x ({n}, {d}), k = {k}", x=x, k=k)

        yield case("one direction of two", 9, 2, 1)
        yield case("two directions of four", 11, 4, 2)
        yield case("all three", 7, 3, 3)
        yield case("fewer rows than columns", 4, 6, 2)

    def probe(self, pca: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = pca(case.x, case.k)
        several = isinstance(answer, tuple | list)
        yield "what is returned", answer if answer is None else f"{len(answer) if several else 1} of 3"
        if not several or len(answer) != 3:
            return
        projected, components, ratio = answer
        yield "components.shape", str(tuple(components.shape))
        if components.shape != (case.k, case.x.shape[1]):
            return
        sign = components.detach().gather(1, components.abs().argmax(1, keepdim=True)).sign()
        yield "components", components * sign, 1e-3
        yield "projected", projected * sign[:, 0], 1e-3
        yield "explained_variance_ratio", ratio, 1e-3

    mistakes = (
        Mistake(
            "not centred",
            _with(lambda x: x),
            "The mean was not taken off. Then the first direction mostly points from the origin to the middle of the "
            "cloud, and says nothing about how the points differ. Subtract the mean of every column first.",
        ),
        Mistake(
            "projection not centred",
            _uncentred_projection,
            "The directions are right, but you project x itself onto them. Project the centred x, so that the middle "
            "of the cloud lands at 0.",
        ),
        Mistake(
            "centred by rows",
            _with(lambda x: x - x.mean(1, keepdim=True)),
            "You take the mean of each row. A column is a quantity, a row is an example: it is the columns whose mean "
            "has to become 0.",
        ),
        Mistake(
            "one mean for all",
            _with(lambda x: x - x.mean()),
            "You subtract one number from everything. Every column has a mean of its own.",
        ),
        Mistake(
            "standardised",
            _with(lambda x: (x - x.mean(0)) / x.std(0)),
            "You also divide each column by its spread. That is sometimes wanted, but it is another question: here the "
            "columns count as they are.",
        ),
        Mistake(
            "smallest first",
            _with(lambda x: x - x.mean(0), smallest=True),
            "These are the directions in which the points differ least. torch.linalg.eigh sorts upwards, svd "
            "downwards; PCA wants the largest first.",
            # not by value: with fewer rows than columns the directions of no variance are arbitrary
            sign=lambda evidence: float(evidence[0]["explained_variance_ratio"][0]) < 0.5,
        ),
        Mistake(
            "scaled to one size",
            _whitened,
            "The columns of the result have all been brought to the same length (the matrix U of the decomposition "
            "without its singular values). Then the map no longer shows which direction matters more.",
        ),
        Mistake(
            "shares of singular values",
            _ratio_of_roots,
            "The shares are formed from the singular values. A variance is a square: square them first.",
        ),
        Mistake(
            "shares of what was kept",
            _ratio_of_kept,
            "Your shares add up to 1 whatever k is. They should be shares of the variance in all directions, so that "
            "they tell how much k directions leave out.",
        ),
        Mistake(
            "squared twice",
            _ratio_of_squares,
            "The shares are formed from squares of squares. The singular values of the centred x have to be squared; "
            "those of its covariance, and its eigenvalues, are variances already.",
        ),
        Mistake(
            "running total",
            _ratio_so_far,
            "Your second share contains the first: they are added up on the way. Asked for is the share of each "
            "direction alone.",
        ),
        Mistake(
            "variances, not shares",
            _variances,
            "A share lies between 0 and 1, and yours is larger. Divide the variance along each direction by the "
            "variance in all directions together.",
            sign=lambda evidence: float(evidence[0]["explained_variance_ratio"][0]) > 1.01,
        ),
        Mistake(
            "largest last",
            _largest_last,
            "The k directions are the right ones, but the largest stands last. torch.linalg.eigh sorts upwards; here "
            "the largest comes first.",
        ),
        Mistake(
            "columns of Vh",
            _columns_of_vh,
            "You take the first columns of what svd returns last. It returns V already transposed: the directions are "
            "its rows.",
        ),
        Mistake(
            "components from columns of Vh",
            _components_from_columns,
            "Your projection is right, but your components are the first columns of what svd returns last. It returns "
            "V already transposed: the directions are its rows.",
        ),
        Mistake(
            "projected on columns of Vh",
            _projected_on_columns,
            "Your components are right, but you multiply by the first columns of what svd returns last. Its rows are "
            "the directions: turn the rows, and then multiply.",
        ),
        Mistake(
            "signs apart",
            lambda x, k: (lambda answer: (-answer[0], *answer[1:]))(_with(_centred)(x, k)),
            "Signs are free, but they go together: turn a direction, and its column of the projection turns with it. "
            "Here the one is turned and the other not.",
        ),
        Mistake(
            "directions as columns",
            _columns,
            "The directions stand in the columns. Here each row is one direction: shape (k, d). Mind that svd returns "
            "V already transposed.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(2, 1)",
        ),
        Mistake(
            "all directions",
            lambda x, k: _with(_centred)(x, min(x.shape)),
            "You return all directions. Asked for are the first k.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(2, 2)",
        ),
        Mistake(
            "components first",
            lambda x, k: (lambda answer: (answer[1], answer[0], answer[2]))(_with(_centred)(x, k)),
            "The components come before the projection. The order is projected, components, explained_variance_ratio.",
            sign=lambda evidence: evidence[0]["components.shape"] == "(9, 1)",
        ),
        Mistake(
            "one of three",
            lambda x, k: _directions(x, k)[0],
            "You return one thing, and three are asked for: projected, components, explained_variance_ratio.",
        ),
    )


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


HELD_OUT = 8_000
Y_RANGE = (0.0, 5.5)


@cache
def _all_ratings() -> tuple[Tensor, Tensor, Tensor]:
    ratings = load_ratings()
    users, items, stars = (torch.cat(columns) for columns in zip(ratings.train, ratings.valid, strict=True))
    return users, items, stars


def _split(rng: Rng) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """All ratings under new numbers for users and items, in random order: those to train on, and 8,000 held out.

    The first rating of each user and of each item is never held out, so that all numbers occur in training.
    """
    users, items, stars = _all_ratings()
    order = rng.permutation(len(stars))
    users, items = (rng.permutation(int(column.max()) + 1)[column[order]] for column in (users, items))
    stars, kept, places = stars[order], torch.zeros(len(stars), dtype=torch.bool), torch.arange(len(stars))
    for column in (users, items):
        first = torch.full((int(column.max()) + 1,), len(stars)).scatter_reduce(0, column, places, "amin")
        kept[first] = True
    out = torch.zeros_like(kept)
    out[places[~kept][:HELD_OUT]] = True
    columns = (users, items, stars)
    return (users[~out], items[~out], stars[~out]), tuple(column[out] for column in columns)  # type: ignore[return-value]


def _biases_alone(users: Tensor, items: Tensor, stars: Tensor) -> tuple[Tensor, Tensor]:
    """mean + user bias + item bias, as two tables to be added: means of what the others leave over, a little shrunk."""
    mean, user_bias = stars.mean(), torch.zeros(int(users.max()) + 1)
    for _ in range(10):
        item_bias = _shrunk_means(items, stars - mean - user_bias[users], shrink=5.0)
        user_bias = _shrunk_means(users, stars - mean - item_bias[items], shrink=2.0)
    return mean + user_bias, item_bias


def _shrunk_means(groups: Tensor, values: Tensor, shrink: float) -> Tensor:
    n = int(groups.max()) + 1
    return torch.zeros(n).index_add(0, groups, values) / (torch.bincount(groups, minlength=n) + shrink)


def _rmse(y_hat: Tensor, y: Tensor) -> float:
    return float((y_hat - y).square().mean().sqrt())


def _trained(
    users: Tensor,
    items: Tensor,
    ratings: Tensor,
    seed: int,
    *,
    model: type[nn.Module] = _Model,
    y_range: tuple[float, float] = Y_RANGE,
    wd: float = 0.4,
    lr: float = 0.02,
    epochs: int = 3,
    batch_size: int = 1024,
) -> nn.Module:
    """A fit by AdamW: what the mistakes about fit_ratings have in common."""
    torch.default_generator.manual_seed(seed)
    net = model(int(users.max()) + 1, int(items.max()) + 1, 20, y_range)
    params = list(net.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    steps = epochs * -(-len(users) // batch_size)
    t = 0
    for _ in range(epochs):
        for batch in torch.randperm(len(users)).split(batch_size):
            t += 1
            loss = (net(users[batch], items[batch]) - ratings[batch]).square().mean()
            grads = torch.autograd.grad(loss, params, allow_unused=True)
            rate = lr * (1 - (t - 1) / steps)
            with torch.no_grad():
                for p, g, m, s in zip(params, grads, means, squares, strict=True):
                    if g is not None:
                        m.lerp_(g, 0.1)
                        s.lerp_(g.square(), 0.01)
                        p.mul_(1 - rate * wd).sub_(rate * (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8))
    return net


class _OnlyBiases(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users] + self.item_bias[items]


class _FilmForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users]


class _PersonForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.item_bias[items]


class _OneNumber(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.value.expand(len(users))


class _AsColumn(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return super().forward(users, items)[:, None]


Seen = list[dict[str, Any]]


def _shows(first: Callable[[dict[str, Any]], bool]) -> Callable[[Seen], bool]:
    """A sign that looks at the one case that there is."""
    return lambda evidence: first(evidence[0])


def _spread(e: dict[str, Any]) -> float:
    return float(e["predictions"].std())


def _off(e: dict[str, Any]) -> float:
    """How far the predictions lie above the given ratings, on average."""
    return float(e["predictions"].mean()) - float(e["mean of the given ratings"])


def _additive(e: dict[str, Any]) -> bool:
    """Whether the grid of predictions, or of what stands inside the sigmoid, is a column plus a row."""
    grid = e["predictions of 8 users for 8 films"].double()
    inside = (grid / (Y_RANGE[1] - grid).clamp(min=1e-6)).clamp(min=1e-6).log()
    for table in (grid, inside):
        rest = table - table.mean(0) - table.mean(1, keepdim=True) + table.mean()
        if float(rest.std()) < 0.02 * float(table.std()):
            return True
    return False


class FitRatings(Training):
    """A model of the given ratings, judged by its error on 8,000 ratings that it never saw.

    Measured over 20 seeds, each with its own split, as a share of the error of biases alone (0.840 to 0.872 stars):

    | answer | mean | least | largest |
    |---|---|---|---|
    | reference: 20 factors, AdamW, weight decay 0.4, 5 epochs, rate falling to 0 | 0.972 | 0.965 | 0.979 |
    | Adam with a penalty on the factors of the batch | 0.968 | 0.964 | 0.970 |
    | torch.optim.AdamW at a constant rate, weight decay 0.5 | 0.975 | 0.970 | 0.981 |
    | as the reference, range 0.5 to 5 | 0.975 | 0.969 | 0.982 |
    | as the reference, weight decay 0.1 | 0.988 | 0.980 | 0.998 |
    | as the reference, weight decay 1 | 1.000 | 0.996 | 1.005 |
    | biases without factors, trained | 1.005 | 1.004 | 1.007 |
    | as the reference, no weight decay | 1.008 | 0.999 | 1.018 |
    | as the reference, one epoch | 1.068 | 1.056 | 1.094 |
    | as the reference, no weight decay, 10 epochs | 1.111 | 1.094 | 1.128 |
    | the mean for every pair | 1.195 | 1.186 | 1.208 |
    """

    id, points = "embeddings.fit_ratings", 4
    metric = "error (RMSE) on unseen ratings, as a share of the error of biases alone"
    full, part, higher_is_better = 0.995, 1.02, False

    def cases(self, rng: Rng) -> Iterable[Case]:
        (users, items, ratings), (unseen_users, unseen_items, unseen_ratings) = _split(rng)
        of_user, of_item = _biases_alone(users, items, ratings)
        yield Case(
            f"{len(users):,} ratings to train on",
            hidden={
                "ratings": unseen_ratings,
                "error of biases": _rmse(of_user[unseen_users] + of_item[unseen_items], unseen_ratings),
            },
            users=users,
            items=items,
            ratings=ratings,
            unseen_users=unseen_users,
            unseen_items=unseen_items,
            seed=rng.integer(0, 10_000),
        )

    def probe(self, fit_ratings: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        torch.set_num_threads(1)  # the same numbers on every machine, and no threads that wait for each other
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
        return _rmse(evidence["predictions"], case.hidden["ratings"]) / case.hidden["error of biases"]

    mistakes = (
        Mistake(
            "half stars cut off",
            lambda users, items, ratings, seed: _trained(users, items, ratings.long().float(), seed),
            "Your model gives too few stars to everything. Did the ratings become whole numbers on the way? `.long()` "
            "makes 3.5 a 3.",
            sign=_shows(lambda e: _off(e) < -0.12 and e["error on the given ratings"] < 0.95 and _spread(e) > 0.2),
        ),
        Mistake(
            "learned by heart",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, wd=0.0, lr=0.05, epochs=6),
            "On the ratings that it was given your model is far better than on new ones: it has learned them by heart. "
            "It has more parameters than is good for it. Use fewer factors, fewer epochs, or weight decay (lesson 06).",
            sign=_shows(lambda e: e["error on the given ratings"] < 0.62),
        ),
        Mistake(
            "biases alone",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_OnlyBiases, wd=0.1),
            "Your predictions are one number for the user plus one for the film: the taste of the two never meets. "
            "Either the factors are not in the model, or they are still at 0, or close to it. Are they trained, at a "
            "rate that moves them?",
            sign=_shows(lambda e: _additive(e) and _spread(e) > 0.2 and min(_rows_and_columns(e)) > 0.01),
        ),
        Mistake(
            "range 0 to 1",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, y_range=(0.0, 1.0), epochs=1),
            "No prediction is above 1 star: the sigmoid was not stretched to the range of the ratings.",
            sign=_shows(lambda e: float(e["predictions"].max()) <= 1.0),
        ),
        Mistake(
            "film ignored",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_FilmForgotten, wd=0.0),
            "Each user gets the same prediction for every film. Do items reach the prediction?",
            sign=_shows(lambda e: _rows_and_columns(e)[1] < 0.001 < _spread(e)),
        ),
        Mistake(
            "user ignored",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_PersonForgotten, wd=0.0),
            "Each film gets the same prediction from every user. Do users reach the prediction?",
            sign=_shows(lambda e: _rows_and_columns(e)[0] < 0.001 < _spread(e)),
        ),
        Mistake(
            "not trained",
            lambda users, items, ratings, seed: _Model(int(users.max()) + 1, int(items.max()) + 1, 20, Y_RANGE),
            "Your model predicts the middle of its range for every pair: its parameters have hardly left their start. "
            "Does a step change the parameters of the model that you return? Is the learning rate far too small, or "
            "the weight decay part of the gradient?",
            sign=_shows(lambda e: _spread(e) < 0.05 and abs(_off(e)) > 0.3),
        ),
        Mistake(
            "one number for all",
            lambda users, items, ratings, seed: _OneNumber(float(ratings.mean())),
            "Your model predicts nearly the same for every pair: the mean. That happens when (n, 1) meets (n,) in the "
            "loss: every prediction is compared with every rating of the batch. Look at the shapes in the loss.",
            sign=_shows(lambda e: _spread(e) < 0.05),
        ),
        Mistake(
            "hardly trained",
            lambda users, items, ratings, seed: _trained(users, items, ratings, seed, lr=0.005, epochs=1),
            "Your model does badly on the very ratings that it was given: training ended too early, or the learning "
            "rate is too small, or the weight decay too large. Print the loss of every epoch. If it falls: does your "
            "loop train on its arguments, and not on the `train` of the notebook? If not: are the gradients cleared?",
            sign=_shows(lambda e: e["error on the given ratings"] > 0.9 and (_off(e) < -0.1 or _spread(e) > 0.5)),
        ),
        Mistake(
            "pairs torn apart",
            lambda users, items, ratings, seed: _trained(
                users, items, ratings[torch.randperm(len(ratings))], seed, wd=0.0
            ),
            "What your model has learned has nothing to do with who rated what. Are users, items and ratings of a "
            "batch picked with the same indices?",
            sign=_shows(lambda e: e["error on the given ratings"] > 1.0),
        ),
        Mistake(
            "a column of predictions",
            lambda users, items, ratings, seed: _trained(
                users, items, ratings[:, None], seed, model=_AsColumn, epochs=1
            ),
            "Your model returns a column, (n, 1). Return one number for each pair, (n,), as DotProductBias does.",
            sign=_shows(lambda e: e["shape of the predictions"].endswith(", 1)")),
        ),
        Mistake(
            "not finite",
            lambda users, items, ratings, seed: _OneNumber(float("nan")),
            "Some predictions are nan or infinite. Count the steps of AdamW from 1: with t = 0 it divides 0 by 0. If "
            "that is right, the learning rate is far too large.",
            sign=_shows(lambda e: e["the predictions are finite"] is False),
        ),
        Mistake(
            "predictions returned",
            lambda users, items, ratings, seed: ratings.clone(),
            "fit_ratings should return the trained model, so that it can be asked about pairs that it has not seen.",
            sign=_shows(lambda e: e["the model is an nn.Module"] is False),
        ),
    )


def _rows_and_columns(e: dict[str, Any]) -> tuple[float, float]:
    """How much the predictions of the grid differ between users, and between films."""
    grid = e["predictions of 8 users for 8 films"].double()
    return float(grid.std(0).mean()), float(grid.std(1).mean())
