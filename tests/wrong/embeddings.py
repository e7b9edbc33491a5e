"""Wrong answers to the exercises of lesson 09."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.wrong import wrong

wrong("embeddings.embedding_lookup", "gradient cut off")(lambda weight, idx: weight.detach()[idx])

wrong("embeddings.embedding_lookup", "only for one dimension")(lambda weight, idx: weight[idx.flatten()])

wrong("embeddings.embedding_lookup", "each row once")(lambda weight, idx: weight[idx.unique()])

wrong("embeddings.embedding_lookup", "counted from 1")(lambda weight, idx: weight[idx - 1])

wrong("embeddings.embedding_lookup", "columns for rows")(lambda weight, idx: weight[:, idx])

wrong("embeddings.embedding_lookup", "rows added up")(
    lambda weight, idx: weight[idx].reshape(-1, weight.shape[1]).sum(0)
)

wrong("embeddings.embedding_lookup", "number times row")(lambda weight, idx: idx[..., None] * weight[0])

wrong("embeddings.embedding_lookup", "one-hot of another width")(
    lambda weight, idx: F.one_hot(idx).to(weight.dtype) @ weight
)

wrong("embeddings.embedding_lookup", "ready-made")(lambda weight, idx: F.embedding(idx, weight))


def _assigned(grad_out: Tensor, idx: Tensor, num_embeddings: int, order: int = 1) -> Tensor:
    grad = grad_out.new_zeros(num_embeddings, grad_out.shape[-1])
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    for place, row in list(zip(idx.flatten().tolist(), rows, strict=True))[::order]:
        grad[place] = row
    return grad


wrong("embeddings.embedding_backward", "last one wins")(_assigned)

wrong("embeddings.embedding_backward", "first one wins")(lambda grad_out, idx, n: _assigned(grad_out, idx, n, order=-1))


def _first_dimension_only(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    grad = grad_out.new_zeros(num_embeddings, grad_out.shape[-1])
    for places, rows in zip(idx, grad_out, strict=True):
        grad[places] += rows
    return grad


wrong("embeddings.embedding_backward", "only for one dimension")(_first_dimension_only)


def _added(rows: Tensor, idx: Tensor, n: int) -> Tensor:
    return torch.einsum("mn,mk->nk", F.one_hot(idx.flatten(), n).to(rows.dtype), rows.reshape(-1, rows.shape[-1]))


def _averaged(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    counts = torch.bincount(idx.flatten(), minlength=num_embeddings).clamp(min=1)
    return _added(grad_out, idx, num_embeddings) / counts[:, None]


wrong("embeddings.embedding_backward", "averaged")(_averaged)

wrong("embeddings.embedding_backward", "only as many rows as seen")(
    lambda grad_out, idx, n: _added(grad_out, idx, int(idx.max()) + 1)
)

wrong("embeddings.embedding_backward", "looked up instead of added")(
    lambda grad_out, idx, n: _added(grad_out, torch.arange(idx.numel()) % n, n)
)

wrong("embeddings.embedding_backward", "grad_out looked up")(lambda grad_out, idx, n: grad_out[idx])

wrong("embeddings.embedding_backward", "uses counted")(
    lambda grad_out, idx, n: _added(torch.ones_like(grad_out), idx, n)
)

wrong("embeddings.embedding_backward", "the same for every row")(
    lambda grad_out, idx, n: grad_out.reshape(-1, grad_out.shape[-1]).sum(0).expand(n, -1).clone()
)

wrong("embeddings.embedding_backward", "wrong sign")(lambda grad_out, idx, n: -_added(grad_out, idx, n))

wrong("embeddings.sigmoid_range", "gradient cut off")(
    lambda x, low, high: low + (high - low) * torch.sigmoid(x.detach())
)

wrong("embeddings.sigmoid_range", "low not added")(lambda x, low, high: (high - low) * torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "low ignored")(lambda x, low, high: high * torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "high as the width")(lambda x, low, high: low + high * torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "upside down")(lambda x, low, high: low + (high - low) * torch.sigmoid(-x))

wrong("embeddings.sigmoid_range", "clamped")(lambda x, low, high: x.clamp(low, high))

wrong("embeddings.sigmoid_range", "clamped sigmoid")(lambda x, low, high: torch.sigmoid(x).clamp(low, high))

wrong("embeddings.sigmoid_range", "tanh for sigmoid")(lambda x, low, high: low + (high - low) * x.tanh())

wrong("embeddings.sigmoid_range", "not stretched")(lambda x, low, high: torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "sum for the width")(lambda x, low, high: low + (high + low) * torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "low taken off")(lambda x, low, high: (high - low) * torch.sigmoid(x) - low)

wrong("embeddings.sigmoid_range", "stretched inside")(lambda x, low, high: torch.sigmoid(low + (high - low) * x))

wrong("embeddings.sigmoid_range", "softmax for sigmoid")(
    lambda x, low, high: low + (high - low) * torch.softmax(x, dim=-1)
)

wrong("embeddings.sigmoid_range", "no sigmoid")(lambda x, low, high: low + (high - low) * x)


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


class _DetachedFactors(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors.data[users] * self.item_factors.data[items]).sum(1)
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "factors detached")(_DetachedFactors)


class _FactorsZero(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)
        nn.init.zeros_(self.item_factors)


wrong("embeddings.DotProductBias", "factors start at zero")(_FactorsZero)


class _EqualRows(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)


wrong("embeddings.DotProductBias", "equal numbers at the start")(_EqualRows)


class _LargeStart(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.normal_(self.user_factors)
        nn.init.normal_(self.item_factors)


wrong("embeddings.DotProductBias", "factors start large")(_LargeStart)


class _Exchanged(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_items, n_users, n_factors, y_range)


wrong("embeddings.DotProductBias", "users and items exchanged")(_Exchanged)


class _NoItemBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.user_bias[users]


wrong("embeddings.DotProductBias", "without item bias")(_NoItemBias)


class _NoUserBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.item_bias[items]


wrong("embeddings.DotProductBias", "without user bias")(_NoUserBias)


class _NoBiases(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1)


wrong("embeddings.DotProductBias", "without biases")(_NoBiases)


class _BiasesOutside(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        low, high = self.y_range
        match = (self.user_factors[users] * self.item_factors[items]).sum(1)
        return low + (high - low) * torch.sigmoid(match) + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "biases outside the sigmoid")(_BiasesOutside)


class _MeanOfFactors(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).mean(1)
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "mean over the factors")(_MeanOfFactors)


class _AllPairs(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] @ self.item_factors[items].T
        return match + self.user_bias[users][:, None] + self.item_bias[items]


wrong("embeddings.DotProductBias", "all pairs")(_AllPairs)


class _AllPairsOneBias(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] @ self.item_factors[items].T
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "all pairs, biases by column")(_AllPairsOneBias)


class _NotSummed(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] * self.item_factors[items]
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "products not added up")(_NotSummed)


class _NotSummedColumns(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = self.user_factors[users] * self.item_factors[items]
        return match + self.user_bias[users][:, None] + self.item_bias[items][:, None]


wrong("embeddings.DotProductBias", "k predictions for each pair")(_NotSummedColumns)


class _SumOverPairs(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).sum(0)
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "summed over the pairs")(_SumOverPairs)


class _BiasesNotLookedUp(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(1) + self.user_bias + self.item_bias


wrong("embeddings.DotProductBias", "biases not looked up")(_BiasesNotLookedUp)


class _SumOverBatch(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] * self.item_factors[items]).sum()
        return match + self.user_bias[users] + self.item_bias[items]


wrong("embeddings.DotProductBias", "summed over the batch")(_SumOverBatch)


class _NoRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.score(users, items)


wrong("embeddings.DotProductBias", "range forgotten")(_NoRange)


class _UnitRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return torch.sigmoid(self.score(users, items))


wrong("embeddings.DotProductBias", "sigmoid without range")(_UnitRange)


class _RatingRange(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return 5.5 * torch.sigmoid(self.score(users, items))


wrong("embeddings.DotProductBias", "y_range not used")(_RatingRange)


class _LowIgnored(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.y_range[1] * torch.sigmoid(self.score(users, items))


wrong("embeddings.DotProductBias", "low end ignored")(_LowIgnored)


class _ColumnBiases(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_bias, self.item_bias = nn.Parameter(torch.zeros(n_users, 1)), nn.Parameter(torch.zeros(n_items, 1))


wrong("embeddings.DotProductBias", "biases as columns")(_ColumnBiases)


class _EmbeddingModules(nn.Module):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__()
        self.user_factors, self.item_factors = nn.Embedding(n_users, n_factors), nn.Embedding(n_items, n_factors)
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)


wrong("embeddings.DotProductBias", "embedding modules")(_EmbeddingModules)


class _ScaledAfterwards(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in [("user_factors", self.user_factors), ("item_factors", self.item_factors)]:
            delattr(self, name)
            self.__dict__[name] = parameter * 1.0


wrong("embeddings.DotProductBias", "scaled after wrapping")(_ScaledAfterwards)


class _PlainTensors(_Model):
    def __init__(self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in list(self.named_parameters()):
            delattr(self, name)
            self.__dict__[name] = parameter.detach().requires_grad_()


wrong("embeddings.DotProductBias", "plain tensors")(_PlainTensors)


def _directions(x: Tensor, k: int, centred: Tensor | None = None, smallest: bool = False) -> tuple[Tensor, ...]:
    """PCA by the eigenvectors of the covariance; returns x in the directions, the directions, all eigenvalues."""
    centred = x - x.mean(0) if centred is None else centred
    values, vectors = torch.linalg.eigh((centred.T @ centred).double())
    order = values.argsort(descending=not smallest)
    components = vectors.T[order][:k].to(x.dtype)
    return centred @ components.T, components, values[order].to(x.dtype)


def _with(centred: Callable[[Tensor], Tensor], smallest: bool = False) -> Callable[[Tensor, int], tuple[Tensor, ...]]:
    def answer(x: Tensor, k: int) -> tuple[Tensor, ...]:
        projected, components, values = _directions(x, k, centred(x), smallest)
        return projected, components, values[:k] / values.sum()

    return answer


wrong("embeddings.pca", "not centred")(_with(lambda x: x))


def _uncentred_projection(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, components, values = _directions(x, k)
    return x @ components.T, components, values[:k] / values.sum()


wrong("embeddings.pca", "projection not centred")(_uncentred_projection)

wrong("embeddings.pca", "centred by rows")(_with(lambda x: x - x.mean(1, keepdim=True)))

wrong("embeddings.pca", "one mean for all")(_with(lambda x: x - x.mean()))

wrong("embeddings.pca", "standardised")(_with(lambda x: (x - x.mean(0)) / x.std(0)))

wrong("embeddings.pca", "smallest first")(_with(lambda x: x - x.mean(0), smallest=True))


def _whitened(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected / values[:k].sqrt(), components, values[:k] / values.sum()


wrong("embeddings.pca", "scaled to one size")(_whitened)


def _ratio_of_roots(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    roots = values.clamp(min=0).sqrt()
    return projected, components, roots[:k] / roots.sum()


wrong("embeddings.pca", "shares of singular values")(_ratio_of_roots)


def _ratio_of_kept(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] / values[:k].sum()


wrong("embeddings.pca", "shares of what was kept")(_ratio_of_kept)


def _ratio_of_squares(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] ** 2 / (values**2).sum()


wrong("embeddings.pca", "squared twice")(_ratio_of_squares)


def _ratio_so_far(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, (values / values.sum()).cumsum(0)[:k]


wrong("embeddings.pca", "running total")(_ratio_so_far)


def _variances(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components, values[:k] / (len(x) - 1)


wrong("embeddings.pca", "variances, not shares")(_variances)


def _largest_last(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected.flip(1), components.flip(0), values[:k].flip(0) / values.sum()


wrong("embeddings.pca", "largest last")(_largest_last)


def _columns_of_vh(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:, :k], vh[:, :k].T, s[:k] ** 2 / (s**2).sum()


wrong("embeddings.pca", "columns of Vh")(_columns_of_vh)


def _components_from_columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:k].T, vh[:, :k].T, s[:k] ** 2 / (s**2).sum()


wrong("embeddings.pca", "components from columns of Vh")(_components_from_columns)


def _projected_on_columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    _, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return (x - x.mean(0)) @ vh[:, :k], vh[:k], s[:k] ** 2 / (s**2).sum()


wrong("embeddings.pca", "projected on columns of Vh")(_projected_on_columns)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


wrong("embeddings.pca", "signs apart")(lambda x, k: (lambda answer: (-answer[0], *answer[1:]))(_with(_centred)(x, k)))


def _columns(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    projected, components, values = _directions(x, k)
    return projected, components.T.contiguous(), values[:k] / values.sum()


wrong("embeddings.pca", "directions as columns")(_columns)

wrong("embeddings.pca", "all directions")(lambda x, k: _with(_centred)(x, min(x.shape)))

wrong("embeddings.pca", "components first")(
    lambda x, k: (lambda answer: (answer[1], answer[0], answer[2]))(_with(_centred)(x, k))
)

wrong("embeddings.pca", "one of three")(lambda x, k: _directions(x, k)[0])

Y_RANGE = (0.0, 5.5)


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


wrong("embeddings.fit_ratings", "half stars cut off")(
    lambda users, items, ratings, seed: _trained(users, items, ratings.long().float(), seed)
)

wrong("embeddings.fit_ratings", "learned by heart")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, wd=0.0, lr=0.05, epochs=6)
)


class _OnlyBiases(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users] + self.item_bias[items]


wrong("embeddings.fit_ratings", "biases alone")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_OnlyBiases, wd=0.1)
)

wrong("embeddings.fit_ratings", "range 0 to 1")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, y_range=(0.0, 1.0), epochs=1)
)


class _FilmForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users]


wrong("embeddings.fit_ratings", "film ignored")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_FilmForgotten, wd=0.0)
)


class _PersonForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.item_bias[items]


wrong("embeddings.fit_ratings", "user ignored")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, model=_PersonForgotten, wd=0.0)
)

wrong("embeddings.fit_ratings", "not trained")(
    lambda users, items, ratings, seed: _Model(int(users.max()) + 1, int(items.max()) + 1, 20, Y_RANGE)
)


class _OneNumber(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.value.expand(len(users))


wrong("embeddings.fit_ratings", "one number for all")(
    lambda users, items, ratings, seed: _OneNumber(float(ratings.mean()))
)

wrong("embeddings.fit_ratings", "hardly trained")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, lr=0.005, epochs=1)
)

wrong("embeddings.fit_ratings", "pairs torn apart")(
    lambda users, items, ratings, seed: _trained(users, items, ratings[torch.randperm(len(ratings))], seed, wd=0.0)
)


class _AsColumn(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return super().forward(users, items)[:, None]


wrong("embeddings.fit_ratings", "a column of predictions")(
    lambda users, items, ratings, seed: _trained(users, items, ratings[:, None], seed, model=_AsColumn, epochs=1)
)

wrong("embeddings.fit_ratings", "not finite")(lambda users, items, ratings, seed: _OneNumber(float("nan")))

wrong("embeddings.fit_ratings", "predictions returned")(lambda users, items, ratings, seed: ratings.clone())
