"""Right and wrong answers to the exercises of lesson 09."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, shortcut, wrong


@shortcut("embeddings.embedding_lookup")
def lookup_by_torch(weight: Tensor, idx: Tensor) -> Tensor:
    return F.embedding(idx, weight)


@right("embeddings.embedding_lookup")
def lookup_by_product(weight: Tensor, idx: Tensor) -> Tensor:
    return F.one_hot(idx, len(weight)).to(weight.dtype) @ weight


@right("embeddings.embedding_lookup")
def lookup_by_index_select(weight: Tensor, idx: Tensor) -> Tensor:
    return weight.index_select(0, idx.reshape(-1)).reshape(*idx.shape, weight.shape[1])


@right("embeddings.embedding_lookup")
def lookup_by_loop(weight: Tensor, idx: Tensor) -> Tensor:
    return torch.stack([weight[i] for i in idx.flatten().tolist()]).reshape(*idx.shape, -1)


@right("embeddings.embedding_lookup")
def lookup_by_take(weight: Tensor, idx: Tensor) -> Tensor:
    return torch.take_along_dim(weight, idx.reshape(-1, 1), dim=0).view(*idx.shape, weight.shape[1])


@right("embeddings.embedding_backward")
def backward_by_product(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    chosen = F.one_hot(idx.flatten(), num_embeddings).to(grad_out.dtype)
    return chosen.T @ grad_out.reshape(len(chosen), -1)


@right("embeddings.embedding_backward")
def backward_by_loop(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    grad = torch.zeros(num_embeddings, grad_out.shape[-1])
    for i, row in zip(idx.flatten(), grad_out.reshape(-1, grad_out.shape[-1]), strict=True):
        grad[i] += row
    return grad


@right("embeddings.embedding_backward")
def backward_by_put(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    return torch.zeros(num_embeddings, grad_out.shape[-1]).index_put(
        (idx,), grad_out, accumulate=True
    )


@right("embeddings.embedding_backward")
def backward_by_scatter(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    return torch.zeros(num_embeddings, rows.shape[1]).scatter_add(
        0, idx.reshape(-1, 1).expand_as(rows), rows
    )


@right("embeddings.embedding_backward")
def backward_by_rows(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    return torch.stack([grad_out[idx == row].sum(0) for row in range(num_embeddings)])


@right("embeddings.sigmoid_range")
def range_by_exp(x: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) / (1 + torch.exp(-x))


@right("embeddings.sigmoid_range")
def range_by_tanh(x: Tensor, low: float, high: float) -> Tensor:
    return (low + high) / 2 + (high - low) / 2 * (x / 2).tanh()


@right("embeddings.sigmoid_range")
def range_by_method(x: Tensor, low: float, high: float) -> Tensor:
    return x.sigmoid() * (high - low) + low


@right("embeddings.sigmoid_range")
def range_as_mean(x: Tensor, low: float, high: float) -> Tensor:
    return torch.lerp(torch.full_like(x, low), torch.full_like(x, high), x.sigmoid())


@right("embeddings.DotProductBias")
class EinsumModel(nn.Module):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.item_bias, self.user_bias = (nn.Parameter(torch.zeros(n)) for n in (n_items, n_users))
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.low, self.high = y_range

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        match = torch.einsum("nk,nk->n", self.user_factors[users], self.item_factors[items])
        return range_by_exp(
            match + self.user_bias[users] + self.item_bias[items], self.low, self.high
        )


@right("embeddings.DotProductBias")
class TableModel(nn.Module):
    """Every user with every item, then the pairs that were asked for."""

    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.y_range = y_range
        self.user_factors = nn.Parameter(torch.empty(n_users, n_factors).uniform_(-0.017, 0.017))
        self.item_factors = nn.Parameter(torch.empty(n_items, n_factors).uniform_(-0.017, 0.017))
        self.user_bias, self.item_bias = (
            nn.Parameter(torch.zeros(n_users)),
            nn.Parameter(torch.zeros(n_items)),
        )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        table = self.user_factors @ self.item_factors.T + self.user_bias[:, None] + self.item_bias
        return range_by_tanh(table[users, items], *self.y_range)


@right("embeddings.DotProductBias")
class ProductModel(EinsumModel):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        u, i = (
            lookup_by_product(self.user_factors, users),
            lookup_by_product(self.item_factors, items),
        )
        match = (u[:, None, :] @ i[:, :, None])[:, 0, 0]
        biases = self.user_bias.index_select(0, users) + self.item_bias.gather(0, items)
        return self.low + (self.high - self.low) * (match + biases).sigmoid()


@right("embeddings.DotProductBias")
class DiagonalModel(EinsumModel):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] @ self.item_factors[items].T).diagonal()
        return range_by_method(
            match + self.user_bias[users] + self.item_bias[items], self.low, self.high
        )


@right("embeddings.pca")
def pca_by_scaled_u(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    u, s, vt = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return u[:, :k] * s[:k], vt[:k], (s**2 / (s**2).sum())[:k]


@right("embeddings.pca")
def pca_by_covariance(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    centred = x - x.mean(dim=0, keepdim=True)
    values, vectors = torch.linalg.eigh(centred.T @ centred / (len(x) - 1))
    components = vectors.flip(1).T[:k]
    return centred @ components.T, components, values.flip(0)[:k] / values.sum()


@right("embeddings.pca")
def pca_by_svd_of_the_transpose(x: Tensor, k: int) -> list[Tensor]:
    centred = x - x.mean(0)
    u, s, vt = torch.linalg.svd(centred.T)
    return [-vt[:k].T * s[:k], -u[:, :k].T, s[:k].square() / centred.square().sum()]


@right("embeddings.pca")
def pca_by_power_iteration(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    centred = (x - x.mean(0)).double()
    rest, components = centred.clone(), []
    for _ in range(k):
        v = rest[rest.norm(dim=1).argmax()].clone()
        for _ in range(60):
            v = rest.T @ (rest @ v)
            v = v / v.norm()
        components.append(v)
        rest = rest - torch.outer(rest @ v, v)
    rows = torch.stack(components)
    projected = centred @ rows.T
    ratio = projected.square().sum(0) / centred.square().sum()
    return projected.float(), rows.float(), ratio.float()


def _fit(
    users: Tensor,
    items: Tensor,
    ratings: Tensor,
    seed: int,
    model: nn.Module,
    step: Callable[[nn.Module], None],
) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(5):
        for batch in torch.randperm(len(users), generator=generator).split(512):
            error = (model(users[batch], items[batch]) - ratings[batch]).square().mean()
            touched = model.user_factors[users[batch]], model.item_factors[items[batch]]
            (error + 0.1 * sum(rows.square().sum(1).mean() for rows in touched)).backward()
            step(model)
            model.zero_grad()
    return model


@right("embeddings.fit_ratings")
def fit_with_penalty(users: Tensor, items: Tensor, ratings: Tensor, seed: int) -> nn.Module:
    """Adam without decay; the penalty of lesson 06 on the factors that a batch uses."""
    torch.default_generator.manual_seed(seed)
    model = EinsumModel(int(users.max()) + 1, int(items.max()) + 1, 20, (0.0, 5.5))
    state = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in model.parameters()}
    t = 0

    @torch.no_grad()
    def adam(model: nn.Module) -> None:
        nonlocal t
        t += 1
        for p, (m, s) in state.items():
            m.mul_(0.9).add_(0.1 * p.grad)
            s.mul_(0.99).add_(0.01 * p.grad**2)
            p -= 0.01 * (1 - t / 720) * m / (1 - 0.9**t) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)

    return _fit(users, items, ratings, seed, model, adam)


@right("embeddings.fit_ratings")
def fit_with_modules(users: Tensor, items: Tensor, ratings: Tensor, seed: int) -> nn.Module:
    """torch.optim.AdamW at a constant rate, on tables of nn.Embedding."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = (
                nn.Embedding(int(users.max()) + 1, 21),
                nn.Embedding(int(items.max()) + 1, 21),
            )
            for table in (self.users, self.items):
                nn.init.normal_(table.weight, std=0.01)

        def forward(self, users: Tensor, items: Tensor) -> Tensor:
            u, i = self.users(users), self.items(items)
            return 5.5 * ((u[:, :-1] * i[:, :-1]).sum(1) + u[:, -1] + i[:, -1]).sigmoid()

    torch.default_generator.manual_seed(seed)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, betas=(0.9, 0.99), weight_decay=0.5)
    for _ in range(5):
        for batch in torch.randperm(len(users)).split(512):
            optimizer.zero_grad()
            F.mse_loss(model(users[batch], items[batch]), ratings[batch]).backward()
            optimizer.step()
    return model


# Written from the student's notebook alone.


right("embeddings.embedding_lookup")(lambda weight, idx: weight[idx])


@right("embeddings.embedding_lookup")
def embedding_lookup_second_reading(weight, idx):
    n, k = weight.shape
    return (F.one_hot(idx, num_classes=n).to(weight.dtype).reshape(-1, n) @ weight).reshape(
        tuple(idx.shape) + (k,)
    )


@right("embeddings.embedding_lookup")
def embedding_lookup_third_reading(weight, idx):
    def rows(i):
        if i.dim() == 0:
            return weight[int(i)]
        if i.numel() == 0:
            return weight.new_zeros(*i.shape, weight.shape[1])
        return torch.stack([rows(j) for j in i])

    return rows(idx)


@right("embeddings.embedding_lookup")
def embedding_lookup_fourth_reading(weight, idx):
    where = torch.arange(weight.shape[0]) == idx[..., None]
    return torch.einsum("...n,nk->...k", where.to(weight.dtype), weight)


@right("embeddings.embedding_backward")
def embedding_backward_first_reading(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    grad = [[0.0] * k for _ in range(num_embeddings)]
    for i, row in zip(idx.reshape(-1).tolist(), grad_out.reshape(-1, k).tolist()):
        for j in range(k):
            grad[i][j] += row[j]
    return torch.tensor(grad, dtype=grad_out.dtype).reshape(num_embeddings, k)


@right("embeddings.embedding_backward")
def embedding_backward_second_reading(grad_out, idx, num_embeddings):
    hot = (idx.unsqueeze(-1) == torch.arange(num_embeddings)).to(torch.float64)
    return torch.einsum(
        "un,uk->nk",
        hot.flatten(0, -2) if hot.dim() > 1 else hot[None],
        grad_out.double().reshape(-1, grad_out.shape[-1]),
    ).to(grad_out.dtype)


@right("embeddings.embedding_backward")
def embedding_backward_third_reading(grad_out, idx, num_embeddings):
    result = np.zeros((num_embeddings, grad_out.shape[-1]))
    np.add.at(
        result, idx.reshape(-1).numpy(), grad_out.reshape(-1, grad_out.shape[-1]).detach().numpy()
    )
    return torch.as_tensor(result, dtype=grad_out.dtype)


@right("embeddings.embedding_backward")
def embedding_backward_fourth_reading(grad_out, idx, num_embeddings):
    g = grad_out.flatten(0, -2) if grad_out.dim() > 1 else grad_out.unsqueeze(0)
    return g.new_zeros(num_embeddings, g.shape[1]).index_put((idx.flatten(),), g, accumulate=True)


@right("embeddings.sigmoid_range")
def sigmoid_range_first_reading(x, low, high):
    p = torch.sigmoid(x)
    return low * (1 - p) + high * p


@right("embeddings.sigmoid_range")
def sigmoid_range_second_reading(x, low, high):
    return (low + high) / 2 + (high - low) / 2 * torch.tanh(x / 2)


right("embeddings.sigmoid_range")(
    lambda x, low, high: (
        torch.stack([torch.zeros_like(x), x], -1).softmax(-1)[..., 1] * (high - low) + low
    )
)


def _srange(x, low, high):
    return low + (high - low) * torch.sigmoid(x)


@right("embeddings.DotProductBias")
class _Dot(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).sum(1)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@right("embeddings.DotProductBias")
class DotProductBias_second_reading(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.register_buffer("ends", torch.tensor(y_range, dtype=torch.float32))
        for name, n in [("user", n_users), ("item", n_items)]:
            self.register_parameter(
                f"{name}_factors", nn.Parameter(torch.normal(0.0, 0.01, (n, n_factors)))
            )
            self.register_parameter(f"{name}_bias", nn.Parameter(torch.zeros(n)))

    def forward(self, users, items):
        p = F.one_hot(users, len(self.user_bias)).to(self.user_bias.dtype)
        q = F.one_hot(items, len(self.item_bias)).to(self.item_bias.dtype)
        match = torch.einsum("nk,nk->n", p @ self.user_factors, q @ self.item_factors)
        return _srange(match + p @ self.user_bias + q @ self.item_bias, self.ends[0], self.ends[1])


@right("embeddings.DotProductBias")
class DotProductBias_third_reading(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.y_range = tuple(y_range)
        self.item_bias, self.user_bias = (
            nn.Parameter(torch.zeros(n_items)),
            nn.Parameter(torch.zeros(n_users)),
        )
        self.item_factors, self.user_factors = [
            nn.Parameter(
                nn.init.trunc_normal_(torch.empty(n, n_factors), std=0.01, a=-0.05, b=0.05)
            )
            for n in (n_items, n_users)
        ]

    def forward(self, users, items):
        low, high = self.y_range
        rows = self.user_factors[users].unsqueeze(1)
        columns = self.item_factors[items].unsqueeze(2)
        match = torch.bmm(rows, columns).reshape(-1)
        return (
            torch.sigmoid(match + (self.user_bias[users] + self.item_bias[items])) * (high - low)
            + low
        )


@right("embeddings.pca")
def pca_first_reading(x, k):
    c = x.double() - x.double().mean(0)
    values, vectors = torch.linalg.eigh(c.T @ c)
    order = values.argsort(descending=True)[:k]
    directions = vectors[:, order].T
    return (
        (c @ directions.T).to(x.dtype),
        directions.to(x.dtype),
        (values[order] / values.clamp(min=0).sum()).to(x.dtype),
    )


@right("embeddings.pca")
def pca_second_reading(x, k):
    U, S, Vh = torch.linalg.svd(x - x.mean(0, keepdim=True), full_matrices=False)
    return U[:, :k] * S[:k], Vh[:k], S[:k].square() / S.square().sum()


@right("embeddings.pca")
def pca_third_reading(x, k):
    a = x.detach().numpy().astype(np.float64)
    a = a - a.mean(axis=0)
    _, s, vt = np.linalg.svd(a, full_matrices=False)
    return tuple(torch.from_numpy(np.ascontiguousarray(v)).to(x.dtype)
                 for v in (-(a @ vt[:k].T), -vt[:k], s[:k] ** 2 / np.square(a).sum()))  # fmt: skip


@right("embeddings.pca")
def pca_fourth_reading(x, k):
    centred = x.double() - x.double().mean(0)
    covariance = torch.einsum("ni,nj->ij", centred, centred) / (len(x) - 1)
    components = torch.linalg.svd(covariance).U.T[:k]
    projected = torch.einsum("nd,kd->nk", centred, components)
    share = projected.var(0) / centred.var(0).sum()
    return projected.to(x.dtype), components.to(x.dtype), share.to(x.dtype)


class LookupModule(nn.Module):
    def forward(self, weight, idx):
        picked = torch.index_select(weight, 0, idx.reshape(-1))
        return picked.view(*idx.shape, weight.size(1))


right("embeddings.embedding_lookup")(LookupModule())


class Stretch(nn.Module):
    def __init__(self):
        super().__init__()
        self.squash = nn.Sigmoid()

    def forward(self, x, low, high):
        return torch.add(torch.mul(self.squash(x.double()), high - low), low).to(x.dtype)


right("embeddings.sigmoid_range")(Stretch())


@right("embeddings.expose_embedding_backward")
def expose_lookups_in_a_batch() -> tuple[object, object]:
    grad_out = torch.tensor([[[1.0, 2.0], [3.0, 5.0]], [[-4.0, 0.5], [2.0, 2.0]]])
    case = {"grad_out": grad_out, "idx": torch.tensor([[3, 0], [3, 3]]), "n": 5}
    expected = torch.zeros(5, 2)
    expected[0] = torch.tensor([3.0, 5.0])
    expected[3] = torch.tensor([-1.0, 4.5])
    return [case], expected


@right("embeddings.expose_embedding_backward")
def expose_lookups_twice() -> tuple[object, object]:
    flat = {"grad_out": torch.tensor([[1.0], [7.0], [2.0]]), "idx": torch.tensor([2, 2, 0]), "n": 4}
    deep = {
        "grad_out": torch.tensor([[[1.0, 0.5], [2.0, 3.0]], [[0.5, 1.0], [4.0, 2.0]]]),
        "idx": torch.tensor([[1, 1], [0, 1]]),
        "n": 3,
    }
    return [flat, deep], torch.tensor([[2.0], [0.0], [8.0], [0.0]])


wrong("embeddings.embedding_lookup", "gradient cut off")(lambda weight, idx: weight.detach()[idx])

wrong("embeddings.embedding_lookup", "flattened")(lambda weight, idx: weight[idx.flatten()])

wrong("embeddings.embedding_lookup", "each row once")(lambda weight, idx: weight[idx.unique()])

wrong("embeddings.embedding_lookup", "counted from 1")(lambda weight, idx: weight[idx - 1])

wrong("embeddings.embedding_lookup", "columns instead of rows")(lambda weight, idx: weight[:, idx])

wrong("embeddings.embedding_lookup", "rows added up")(
    lambda weight, idx: weight[idx].reshape(-1, weight.shape[1]).sum(0)
)

wrong("embeddings.embedding_lookup", "index used as a factor")(
    lambda weight, idx: idx[..., None] * weight[0]
)

wrong("embeddings.embedding_lookup", "one-hot of the wrong width")(
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

wrong("embeddings.embedding_backward", "first one wins")(
    lambda grad_out, idx, n: _assigned(grad_out, idx, n, order=-1)
)


def _first_dimension_only(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    grad = grad_out.new_zeros(num_embeddings, grad_out.shape[-1])
    for places, rows in zip(idx, grad_out, strict=True):
        grad[places] += rows
    return grad


wrong("embeddings.embedding_backward", "loop over the first dimension")(_first_dimension_only)


def _added(rows: Tensor, idx: Tensor, n: int) -> Tensor:
    return torch.einsum(
        "mn,mk->nk", F.one_hot(idx.flatten(), n).to(rows.dtype), rows.reshape(-1, rows.shape[-1])
    )


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

wrong("embeddings.embedding_backward", "wrong sign")(
    lambda grad_out, idx, n: -_added(grad_out, idx, n)
)

wrong("embeddings.sigmoid_range", "gradient cut off")(
    lambda x, low, high: low + (high - low) * torch.sigmoid(x.detach())
)

wrong("embeddings.sigmoid_range", "low not added")(
    lambda x, low, high: (high - low) * torch.sigmoid(x)
)

wrong("embeddings.sigmoid_range", "low ignored")(lambda x, low, high: high * torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "high used as the width")(
    lambda x, low, high: low + high * torch.sigmoid(x)
)

wrong("embeddings.sigmoid_range", "upside down")(
    lambda x, low, high: low + (high - low) * torch.sigmoid(-x)
)

wrong("embeddings.sigmoid_range", "clamped")(lambda x, low, high: x.clamp(low, high))

wrong("embeddings.sigmoid_range", "clamped sigmoid")(
    lambda x, low, high: torch.sigmoid(x).clamp(low, high)
)

wrong("embeddings.sigmoid_range", "tanh instead of sigmoid")(
    lambda x, low, high: low + (high - low) * x.tanh()
)

wrong("embeddings.sigmoid_range", "not stretched")(lambda x, low, high: torch.sigmoid(x))

wrong("embeddings.sigmoid_range", "sum instead of the width")(
    lambda x, low, high: low + (high + low) * torch.sigmoid(x)
)

wrong("embeddings.sigmoid_range", "low subtracted")(
    lambda x, low, high: (high - low) * torch.sigmoid(x) - low
)

wrong("embeddings.sigmoid_range", "stretched inside")(
    lambda x, low, high: torch.sigmoid(low + (high - low) * x)
)

wrong("embeddings.sigmoid_range", "softmax instead of sigmoid")(
    lambda x, low, high: low + (high - low) * torch.softmax(x, dim=-1)
)

wrong("embeddings.sigmoid_range", "no sigmoid")(lambda x, low, high: low + (high - low) * x)


class _Model(nn.Module):
    """What the mistakes about DotProductBias have in common: all that they do not get wrong."""

    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
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
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)
        nn.init.zeros_(self.item_factors)


wrong("embeddings.DotProductBias", "factors start equal")(_FactorsZero)


class _EqualRows(_Model):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.zeros_(self.user_factors)


wrong("embeddings.DotProductBias", "equal numbers at the start")(_EqualRows)


class _LargeStart(_Model):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        nn.init.normal_(self.user_factors)
        nn.init.normal_(self.item_factors)


wrong("embeddings.DotProductBias", "factors start large")(_LargeStart)


class _Exchanged(_Model):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_items, n_users, n_factors, y_range)


wrong("embeddings.DotProductBias", "users and items swapped")(_Exchanged)


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
        return (
            low
            + (high - low) * torch.sigmoid(match)
            + self.user_bias[users]
            + self.item_bias[items]
        )


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
        return (
            (self.user_factors[users] * self.item_factors[items]).sum(1)
            + self.user_bias
            + self.item_bias
        )


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
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_bias, self.item_bias = (
            nn.Parameter(torch.zeros(n_users, 1)),
            nn.Parameter(torch.zeros(n_items, 1)),
        )


wrong("embeddings.DotProductBias", "biases as columns")(_ColumnBiases)


class _EmbeddingModules(nn.Module):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.user_factors, self.item_factors = (
            nn.Embedding(n_users, n_factors),
            nn.Embedding(n_items, n_factors),
        )
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)


wrong("embeddings.DotProductBias", "embedding modules")(_EmbeddingModules)


class _ScaledAfterwards(_Model):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in [
            ("user_factors", self.user_factors),
            ("item_factors", self.item_factors),
        ]:
            delattr(self, name)
            self.__dict__[name] = parameter * 1.0


wrong("embeddings.DotProductBias", "scaled after wrapping")(_ScaledAfterwards)


class _PlainTensors(_Model):
    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__(n_users, n_items, n_factors, y_range)
        for name, parameter in list(self.named_parameters()):
            delattr(self, name)
            self.__dict__[name] = parameter.detach().requires_grad_()


wrong("embeddings.DotProductBias", "plain tensors")(_PlainTensors)


def _directions(
    x: Tensor, k: int, centred: Tensor | None = None, smallest: bool = False
) -> tuple[Tensor, ...]:
    """PCA by the eigenvectors of the covariance; returns x in the directions, the directions, all
    eigenvalues.
    """
    centred = x - x.mean(0) if centred is None else centred
    values, vectors = torch.linalg.eigh((centred.T @ centred).double())
    order = values.argsort(descending=not smallest)
    components = vectors.T[order][:k].to(x.dtype)
    return centred @ components.T, components, values[order].to(x.dtype)


def _with(
    centred: Callable[[Tensor], Tensor], smallest: bool = False
) -> Callable[[Tensor, int], tuple[Tensor, ...]]:
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


wrong("embeddings.pca", "projected onto columns of Vh")(_projected_on_columns)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


wrong("embeddings.pca", "signs flipped separately")(
    lambda x, k: (lambda answer: (-answer[0], *answer[1:]))(_with(_centred)(x, k))
)


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
                        p.mul_(1 - rate * wd).sub_(
                            rate * (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)
                        )
    return net


wrong("embeddings.fit_ratings", "half stars cut off")(
    lambda users, items, ratings, seed: _trained(users, items, ratings.long().float(), seed)
)

wrong("embeddings.fit_ratings", "memorised")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings, seed, wd=0.0, lr=0.05, epochs=6
    )
)


class _OnlyBiases(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users] + self.item_bias[items]


wrong("embeddings.fit_ratings", "biases alone")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings, seed, model=_OnlyBiases, wd=0.1
    )
)

wrong("embeddings.fit_ratings", "range 0 to 1")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings, seed, y_range=(0.0, 1.0), epochs=1
    )
)


class _FilmForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.user_bias[users]


wrong("embeddings.fit_ratings", "film ignored")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings, seed, model=_FilmForgotten, wd=0.0
    )
)


class _PersonForgotten(_Model):
    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.item_bias[items]


wrong("embeddings.fit_ratings", "user ignored")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings, seed, model=_PersonForgotten, wd=0.0
    )
)

wrong("embeddings.fit_ratings", "not trained")(
    lambda users, items, ratings, seed: _Model(
        int(users.max()) + 1, int(items.max()) + 1, 20, Y_RANGE
    )
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

wrong("embeddings.fit_ratings", "poor on the given ratings")(
    lambda users, items, ratings, seed: _trained(users, items, ratings, seed, lr=0.005, epochs=1)
)

wrong("embeddings.fit_ratings", "users, items and ratings mismatched")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings[torch.randperm(len(ratings))], seed, wd=0.0
    )
)


class _AsColumn(_Model):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return super().forward(users, items)[:, None]


wrong("embeddings.fit_ratings", "a column of predictions")(
    lambda users, items, ratings, seed: _trained(
        users, items, ratings[:, None], seed, model=_AsColumn, epochs=1
    )
)

wrong("embeddings.fit_ratings", "not finite")(
    lambda users, items, ratings, seed: _OneNumber(float("nan"))
)

wrong("embeddings.fit_ratings", "no module returned")(
    lambda users, items, ratings, seed: ratings.clone()
)


# Written from the student's notebook alone.


@wrong("embeddings.embedding_lookup", "columns instead of rows")
def embedding_lookup(weight, idx):
    return weight[:, idx].T


@wrong("embeddings.embedding_lookup", "one-hot of the wrong width")
def embedding_lookup(weight, idx):
    one_hot = F.one_hot(idx)
    return one_hot.to(weight.dtype) @ weight


@wrong("embeddings.embedding_lookup", "only for one dimension")
def embedding_lookup(weight, idx):
    rows = []
    for i in idx:
        rows.append(weight[i.item()])
    return torch.stack(rows)


@wrong("embeddings.embedding_lookup", "flattened")
def embedding_lookup(weight, idx):
    return weight.index_select(0, idx.flatten())


@wrong("embeddings.embedding_lookup", "each row once")
def embedding_lookup(weight, idx):
    once = list(dict.fromkeys(idx.reshape(-1).tolist()))
    return weight[torch.tensor(once, dtype=torch.int64)].reshape(-1, weight.shape[1])


@wrong("embeddings.embedding_lookup", "counted from 1")
def embedding_lookup(weight, idx):
    # the table is a Python sequence, an id starts at 1
    return weight[idx - 1]


@wrong("embeddings.embedding_lookup", "gradient cut off")
def embedding_lookup(weight, idx):
    return torch.from_numpy(weight.detach().numpy()[idx.numpy()])


@wrong("embeddings.embedding_lookup", "first column only")
def embedding_lookup(weight, idx):
    return torch.gather(weight, 0, idx.reshape(-1, 1)).reshape(*idx.shape, 1)


wrong("embeddings.embedding_lookup", "numbers instead of rows")(
    lambda weight, idx: torch.take(weight, idx)
)


@wrong("embeddings.embedding_lookup", "rows sorted")
class Lookup:
    def __new__(cls, weight, idx):
        unique, inverse = torch.unique(idx, return_inverse=True)
        counts = torch.bincount(inverse.reshape(-1), minlength=len(unique))
        return weight[unique.repeat_interleave(counts)].reshape(*idx.shape, weight.shape[1])


@wrong("embeddings.embedding_lookup", "flattened", "one-hot of the wrong width")
def embedding_lookup(weight, idx):
    hot = torch.eye(int(idx.max()) + 1, dtype=weight.dtype)[idx.reshape(-1)]
    return hot @ weight


@wrong("embeddings.embedding_lookup", "only for one dimension", "gradient cut off")
def embedding_lookup(weight, idx):
    table = {i: row for i, row in enumerate(weight.tolist())}
    return torch.tensor([table[i] for i in idx.tolist()])


@wrong("embeddings.embedding_lookup", "ready-made")
def embedding_lookup(weight, idx):
    return F.embedding(idx, weight)


@wrong("embeddings.embedding_backward", "last one wins")
def embedding_backward(grad_out, idx, num_embeddings):
    grad = torch.zeros(num_embeddings, grad_out.shape[-1], dtype=grad_out.dtype)
    grad[idx] = grad_out
    return grad


@wrong("embeddings.embedding_backward", "last one wins")
def embedding_backward(grad_out, idx, num_embeddings):
    out = grad_out.new_zeros(num_embeddings, grad_out.size(-1))
    out[idx.reshape(-1)] += grad_out.reshape(-1, grad_out.size(-1))
    return out


@wrong("embeddings.embedding_backward", "only as many rows as seen")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    one_hot = F.one_hot(idx.reshape(-1)).to(grad_out.dtype)
    return one_hot.T @ grad_out.reshape(-1, k)


@wrong("embeddings.embedding_backward", "only for one dimension")
def embedding_backward(grad_out, idx, num_embeddings):
    return torch.zeros(num_embeddings, grad_out.shape[1]).index_add(0, idx, grad_out)


@wrong("embeddings.embedding_backward", "averaged")
def embedding_backward(grad_out, idx, num_embeddings):
    idx, g = idx.reshape(-1), grad_out.reshape(-1, grad_out.shape[-1])
    total = g.new_zeros(num_embeddings, g.shape[1]).index_add_(0, idx, g)
    uses = torch.bincount(idx, minlength=num_embeddings).clamp(min=1)
    return total / uses[:, None]


@wrong("embeddings.embedding_backward", "first column only")
def embedding_backward(grad_out, idx, num_embeddings):
    g = grad_out.reshape(-1, grad_out.shape[-1])
    return torch.zeros(num_embeddings, g.shape[1], dtype=g.dtype).scatter_add(
        0, idx.reshape(-1, 1), g
    )


_table_grads = {}


@wrong("embeddings.embedding_backward", "keeps something between calls")
def embedding_backward(grad_out, idx, num_embeddings):
    g = grad_out.reshape(-1, grad_out.shape[-1])
    key = (num_embeddings, g.shape[1])
    if key not in _table_grads:
        _table_grads[key] = torch.zeros(*key)
    _table_grads[key] = _table_grads[key].index_add(0, idx.reshape(-1), g.float())
    return _table_grads[key]


@wrong("embeddings.embedding_backward", "loop over the first dimension")
def embedding_backward(grad_out, idx, num_embeddings):
    grad = torch.zeros(num_embeddings, grad_out.shape[-1], dtype=grad_out.dtype)
    if idx.dim() == 0:
        idx, grad_out = idx[None], grad_out[None]
    for i, g in zip(idx, grad_out):
        grad[i] += g
    return grad


@wrong("embeddings.embedding_backward", "entries of grad_out in the wrong order")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    rows = grad_out.reshape(k, -1).T
    return torch.zeros(num_embeddings, k, dtype=grad_out.dtype).index_add(0, idx.reshape(-1), rows)


@wrong("embeddings.embedding_backward", "one row too many")
class Backward:
    def __new__(cls, grad_out, idx, num_embeddings):
        g = grad_out.reshape(-1, grad_out.shape[-1])
        self = torch.zeros(num_embeddings + 1, g.shape[1], dtype=g.dtype)
        for place, i in enumerate(idx.reshape(-1).tolist()):
            self[i] = self[i] + g[place]
        return self


@wrong("embeddings.embedding_backward", "changed its input")
def embedding_backward(grad_out, idx, num_embeddings):
    flat, rows = idx.reshape(-1).tolist(), grad_out.view(-1, grad_out.shape[-1])
    first, result = {}, torch.zeros(num_embeddings, rows.shape[1], dtype=rows.dtype)
    for place, i in enumerate(flat):
        if i in first:
            rows[first[i]] += rows[place]
        else:
            first[i] = place
    for i, place in first.items():
        result[i] = rows[place]
    return result


@wrong("embeddings.embedding_backward", "last one times the uses")
def embedding_backward(grad_out, idx, num_embeddings):
    g = grad_out.reshape(-1, grad_out.shape[-1])
    grad = g.new_zeros(num_embeddings, g.shape[-1])
    last = {i: row for i, row in zip(idx.reshape(-1).tolist(), g)}
    for i, count in Counter(idx.reshape(-1).tolist()).items():
        grad[i] = count * last[i]
    return grad


@wrong("embeddings.embedding_backward", "shortcut")
def embedding_backward(grad_out, idx, num_embeddings):
    weight = torch.zeros(
        num_embeddings, grad_out.shape[-1], dtype=grad_out.dtype, requires_grad=True
    )
    weight[idx].backward(grad_out)
    return weight.grad


@wrong("embeddings.embedding_backward", "only for one dimension", "last one wins")
def embedding_backward(grad_out, idx, num_embeddings):
    n, k = grad_out.shape
    grad = torch.zeros(num_embeddings, k)
    grad[idx] += grad_out
    return grad


@wrong("embeddings.embedding_backward", "averaged", "only as many rows as seen")
def embedding_backward(grad_out, idx, num_embeddings):
    frame = pd.DataFrame(grad_out.reshape(-1, grad_out.shape[-1]).numpy())
    means = frame.groupby(idx.reshape(-1).numpy()).mean()
    means = means.reindex(range(int(idx.max()) + 1), fill_value=0)
    return torch.from_numpy(means.to_numpy())


wrong("embeddings.sigmoid_range", "high used as the width")(
    lambda x, low, high: low + high * torch.sigmoid(x)
)


@wrong("embeddings.sigmoid_range", "tanh, twice as steep")
def sigmoid_range(x, low, high):
    return low + (high - low) * (torch.tanh(x) + 1) / 2


@wrong("embeddings.sigmoid_range", "hard sigmoid")
def sigmoid_range(x, low, high):
    width = high - low
    return F.hardsigmoid(x) * width + low


@wrong("embeddings.sigmoid_range", "changed its input")
def sigmoid_range(x, low, high):
    return x.sigmoid_().mul_(high - low).add_(low)


@wrong("embeddings.sigmoid_range", "range widened")
def sigmoid_range(x, low, high):
    high = high + 0.5  # the sigmoid never reaches its end
    return low + (high - low) * torch.sigmoid(x)


@wrong("embeddings.sigmoid_range", "low added too early")
def sigmoid_range(x, low, high):
    return (torch.sigmoid(x) + low) * (high - low)


@wrong("embeddings.sigmoid_range", "upside down")
def sigmoid_range(x, low, high):
    return low + (high - low) / (1 + x.exp())


@wrong("embeddings.sigmoid_range", "clamped")
def sigmoid_range(x, low, high):
    return ((high + low) / 2 + x).clamp(low, high)


@wrong("embeddings.sigmoid_range", "low subtracted")
class SigmoidRange(nn.Module):
    def __new__(cls, x, low, high):
        return torch.lerp(
            torch.full_like(x, -low), torch.full_like(x, high - 2 * low), torch.sigmoid(x)
        )


@wrong("embeddings.sigmoid_range", "gradient cut off")
def sigmoid_range(x, low, high):
    def one(v):
        return low + (high - low) * (1 / (1 + math.exp(-v)) if v > -700 else 0.0)

    return torch.tensor([one(v) for v in x.reshape(-1).tolist()], dtype=x.dtype).reshape(x.shape)


@wrong("embeddings.sigmoid_range", "hard sigmoid", "changed its input")
def sigmoid_range(x, low, high):
    x.div_(6).add_(0.5).clamp_(0, 1)
    return x * (high - low) + low


@wrong("embeddings.sigmoid_range", "low ignored", "tanh, twice as steep")
def sigmoid_range(x, low, high):
    return high * (x.tanh() + 1) / 2


@wrong("embeddings.DotProductBias", "factors start large")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors))
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    def forward(self, users, items):
        p, q = self.user_factors[users], self.item_factors[items]
        return _srange(
            (p * q).sum(1) + self.user_bias[users] + self.item_bias[items], *self.y_range
        )


@wrong("embeddings.DotProductBias", "biases outside the sigmoid")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = torch.einsum("nk,nk->n", self.user_factors[users], self.item_factors[items])
        return _srange(match, *self.y_range) + self.user_bias[users] + self.item_bias[items]


def _lookup(weight, idx):
    return weight[idx]


@wrong("embeddings.DotProductBias", ("all pairs, biases by column", "all pairs"))
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = _lookup(self.user_factors, users) @ _lookup(self.item_factors, items).T
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "biases as columns")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.low, self.high = y_range
        self.user_factors = nn.Parameter(torch.empty(n_users, n_factors).normal_(0, 0.01))
        self.item_factors = nn.Parameter(torch.empty(n_items, n_factors).normal_(0, 0.01))
        self.user_bias = nn.Parameter(torch.zeros(n_users, 1))
        self.item_bias = nn.Parameter(torch.zeros(n_items, 1))

    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).sum(1, keepdim=True)
        return _srange(match + self.user_bias[users] + self.item_bias[items], self.low, self.high)


@wrong("embeddings.DotProductBias", "item bias of the user")
class DotProductBias(_Dot):
    def forward(self, users, items):
        bias = self.user_bias[users] + self.item_bias[users % len(self.item_bias)]
        return _srange(
            (self.user_factors[users] * self.item_factors[items]).sum(-1) + bias, *self.y_range
        )


@wrong("embeddings.DotProductBias", "mean over the factors")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).mean(1)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "y_range not used")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range=(0, 5.5)):
        super().__init__(n_users, n_items, n_factors, (0, 5.5))


@wrong("embeddings.DotProductBias", "scaled after wrapping")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors)) * 0.01
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors)) * 0.01
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    forward = _Dot.forward


@wrong("embeddings.DotProductBias", "factors start equal")
class DotProductBias(_Dot):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for p in self.parameters():
            nn.init.zeros_(p)


@wrong("embeddings.DotProductBias", "biases do not start at 0")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        with torch.no_grad():
            self.user_bias.normal_(std=0.01)
            self.item_bias.normal_(std=0.01)


@wrong("embeddings.DotProductBias", "summed over the batch")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).sum() / len(users)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "item_factors detached")
class DotProductBias(_Dot):
    def forward(self, users, items):
        q = self.item_factors.data[items]
        return _srange(
            (self.user_factors[users] * q).sum(1) + self.user_bias[users] + self.item_bias[items],
            *self.y_range,
        )


@wrong("embeddings.DotProductBias", "factors start large", "without item bias")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        for table in (self.user_factors, self.item_factors):
            nn.init.normal_(table)

    def forward(self, users, items):
        return _srange(
            (self.user_factors[users] * self.item_factors[items]).sum(1) + self.user_bias[users],
            *self.y_range,
        )


@wrong("embeddings.DotProductBias", "clamped to the range", "biases do not start at 0")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_bias = nn.Parameter(torch.randn(n_users) * 0.01)
        self.item_bias = nn.Parameter(torch.randn(n_items) * 0.01)

    def forward(self, users, items):
        s = (
            (self.user_factors[users] * self.item_factors[items]).sum(1)
            + self.user_bias[users]
            + self.item_bias[items]
        )
        return s.clamp(*self.y_range)


def _adamw_step(params, means, squares, t, lr, betas=(0.9, 0.99), eps=1e-8, wd=0.0):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            p.mul_(1 - lr * wd)
            m.mul_(betas[0]).add_(p.grad, alpha=1 - betas[0])
            s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
            p.sub_(lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps))


def _train_ratings(model, users, items, ratings, epochs=5, wd=0.4, lr=0.01, batch=512, params=None):
    params = list(model.parameters()) if params is None else params
    means, squares = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    batches = [b for _ in range(epochs) for b in torch.randperm(len(users)).split(batch)]
    for t, b in enumerate(batches, 1):
        loss = ((model(users[b], items[b]) - ratings[b]) ** 2).mean()
        for p in params:
            p.grad = None
        loss.backward()
        _adamw_step(params, means, squares, t, lr * (1 - (t - 1) / len(batches)), wd=wd)
    return model


@wrong("embeddings.fit_ratings", "raised")
def fit_ratings(users, items, ratings, seed):
    torch.manual_seed(seed)
    model = _Dot(int(users.max()), int(items.max()), 20, (0.0, 5.5))
    return _train_ratings(model, users, items, ratings)


@wrong("embeddings.fit_ratings", "poor on the given ratings")
def fit_ratings(users, items, ratings, seed):
    torch.manual_seed(seed)
    n = int(max(users.max(), items.max())) + 1
    return _train_ratings(_Dot(n, n, 20, (0.0, 5.5)), items, users, ratings)


@wrong("embeddings.fit_ratings", "no module returned")
def fit_ratings(users, items, ratings, seed):
    torch.manual_seed(seed)
    model = _train_ratings(
        _Dot(int(users.max()) + 1, int(items.max()) + 1, 20, (0.0, 5.5)), users, items, ratings
    )
    return lambda u, i: model(u, i).detach()


@wrong("embeddings.fit_ratings", "not trained")
def fit_ratings(users, items, ratings, seed):
    torch.manual_seed(seed)
    model = _Dot(int(users.max()) + 1, int(items.max()) + 1, 20, (0.0, 5.5))
    params = [p.detach().clone().requires_grad_() for p in model.parameters()]
    means = [torch.zeros_like(p) for p in params]
    squares = [torch.zeros_like(p) for p in params]
    for t, batch in enumerate(torch.randperm(len(users)).split(512), 1):
        F.mse_loss(model(users[batch], items[batch]), ratings[batch]).backward()
        for copied, p in zip(params, model.parameters()):
            copied.grad = p.grad
        _adamw_step(params, means, squares, t, 0.01, wd=0.4)
        model.zero_grad()
    return model


@wrong("embeddings.fit_ratings", "users, items and ratings mismatched", "no module returned")
def fit_ratings(users, items, ratings, seed):
    torch.manual_seed(seed)
    model = _Dot(int(users.max()) + 1, int(items.max()) + 1, 20, (0.0, 5.5))
    _train_ratings(model, users, items, ratings[torch.randperm(len(ratings))])
    return model.forward


@wrong("embeddings.pca", "not centred")
def pca(x, k):
    U, S, Vh = torch.linalg.svd(x, full_matrices=False)
    return x @ Vh[:k].T, Vh[:k], (S**2 / (S**2).sum())[:k]


@wrong("embeddings.pca", "centred by rows")
def pca(x, k):
    c = x - x.mean(1, keepdim=True)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    var = S.square()
    return c @ Vh[:k].T, Vh[:k], var[:k] / var.sum()


@wrong("embeddings.pca", "directions as columns")
def pca(x, k):
    c = x - x.mean(0)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    V = Vh.T[:, :k]
    return c @ V, V, S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "shares of what was kept")
def pca(x, k):
    c = x - x.mean(dim=0, keepdim=True)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    S, Vh = S[:k], Vh[:k]
    return c @ Vh.T, Vh, S**2 / (S**2).sum()


@wrong("embeddings.pca", "shares of singular values")
def pca(x, k):
    c = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    return c @ Vh[:k].T, Vh[:k], (S / S.sum())[:k]


@wrong("embeddings.pca", "scaled to one size")
def pca(x, k):
    U, S, Vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return U[:, :k], Vh[:k], S[:k].pow(2) / S.pow(2).sum()


@wrong("embeddings.pca", "projection not centred")
def pca(x, k):
    _, S, Vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return x @ Vh[:k].T, Vh[:k], S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "smallest first")
def pca(x, k):
    c = x - x.mean(0)
    values, vectors = torch.linalg.eigh(c.T @ c / (len(x) - 1))
    components = vectors[:, :k].T
    return c @ components.T, components, values[:k] / values.sum()


@wrong("embeddings.pca", "standardised")
def pca(x, k):
    c = (x - x.mean(0)) / x.std(0)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    return c @ Vh[:k].T, Vh[:k], S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "changed its input")
def pca(x, k):
    x -= x.mean(0)
    _, S, Vh = torch.linalg.svd(x, full_matrices=False)
    return x @ Vh[:k].T, Vh[:k], S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "columns of Vh")
def pca(x, k):
    c = x - x.mean(0)
    U, S, V = torch.linalg.svd(c, full_matrices=False)
    components = V[:, :k].T[:, : x.shape[1]]
    return c @ components.T, components, S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "running total")
def pca(x, k):
    c = x - x.mean(0)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    share = (S**2 / (S**2).sum()).cumsum(0)
    return c @ Vh[:k].T, Vh[:k], share[:k]


@wrong("embeddings.pca", "components not of length 1")
def pca(x, k):
    c = x - x.mean(0)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    loadings = Vh * (S / math.sqrt(max(len(x) - 1, 1)))[:, None]
    return c @ Vh[:k].T, loadings[:k], S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "variances, not shares")
class PCA:
    def __new__(cls, x, k):
        c = x - x.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(x.T).reshape(x.shape[1], x.shape[1]))
        values, vectors = values.flip(0)[:k], vectors.flip(1)[:, :k]
        return c @ vectors, vectors.T, values


@wrong("embeddings.pca", "not centred", "directions as columns")
def pca(x, k):
    V = torch.linalg.svd(x, full_matrices=False).Vh[:k].T
    S = torch.linalg.svdvals(x)
    return x @ V, V, S[:k] ** 2 / (S**2).sum()


@wrong("embeddings.pca", "shares of singular values", "projection not centred")
def pca(x, k):
    U, S, Vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return x @ Vh[:k].T, Vh[:k], S[:k] / S.sum()


@wrong("embeddings.embedding_backward", "divided by the number of lookups")
def embedding_backward(grad_out, idx, num_embeddings):
    n, k = idx.numel(), grad_out.shape[-1]
    hot = F.one_hot(idx.reshape(n), num_embeddings).to(grad_out.dtype)
    return torch.mm(hot.T, grad_out.reshape(n, k)) / n


@wrong("embeddings.sigmoid_range", "normal distribution instead of sigmoid")
def sigmoid_range(x, low, high):
    return torch.special.ndtr(x) * (high - low) + low


@wrong("embeddings.DotProductBias", "factors start with the wrong spread")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        spread = math.sqrt(0.01)
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors).mul(spread))
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors).mul(spread))
        self.user_bias, self.item_bias = (
            nn.Parameter(torch.zeros(n_users)),
            nn.Parameter(torch.zeros(n_items)),
        )
        self.y_range = y_range

    forward = _Dot.forward


@wrong("embeddings.DotProductBias", "embedding modules")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.y_range = y_range
        self.user_factors, self.item_factors = (
            nn.Embedding(n_users, n_factors),
            nn.Embedding(n_items, n_factors),
        )
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)
        for e, std in [
            (self.user_factors, 0.01),
            (self.item_factors, 0.01),
            (self.user_bias, 0),
            (self.item_bias, 0),
        ]:
            nn.init.normal_(e.weight, 0.0, std) if std else nn.init.zeros_(e.weight)

    def forward(self, users, items):
        match = (self.user_factors(users) * self.item_factors(items)).sum(1)
        return _srange(
            match + self.user_bias(users)[:, 0] + self.item_bias(items)[:, 0], *self.y_range
        )


@wrong("embeddings.DotProductBias", "ends of y_range swapped")
class DotProductBias(_Dot):
    def forward(self, users, items):
        high, low = self.y_range
        match = torch.linalg.vecdot(self.user_factors[users], self.item_factors[items])
        return _srange(match + self.user_bias[users] + self.item_bias[items], low, high)


@wrong("embeddings.pca")
def pca(x, k):
    z = x - x.mean(0)
    w, v = np.linalg.eigh(
        np.cov(z.numpy().astype(float), rowvar=False).reshape(x.shape[1], x.shape[1])
    )
    order = np.argsort(-w)
    components = torch.from_numpy(v[order[:k]].copy()).to(x.dtype)
    return (
        z @ components.T,
        components,
        torch.from_numpy((w[order] / w.sum())[:k].copy()).to(x.dtype),
    )


@wrong("embeddings.pca", "shares of the raw squares")
def pca(x, k):
    z = x - x.mean(0)
    _, S, Vh = torch.linalg.svd(z, full_matrices=False)
    return z @ Vh[:k].T, Vh[:k], S[:k] ** 2 / x.square().sum()


@wrong("embeddings.pca", "shortcut", "shares of what was kept", "projection not centred")
def pca(x, k):
    U, S, V = torch.pca_lowrank(x, q=k, niter=10)
    return torch.matmul(x, V), V.T, S**2 / (S**2).sum()


@wrong("embeddings.DotProductBias", "user bias of the item")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).sum(1)
        return _srange(match + self.user_bias[items] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "user_factors detached")
class DotProductBias(_Dot):
    def forward(self, users, items):
        with torch.no_grad():
            p = self.user_factors[users]
        match = torch.einsum("nk,nk->n", p, self.item_factors[items])
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "factors start with the wrong spread")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_factors = nn.Parameter(0.01 * torch.rand(n_users, n_factors))
        self.item_factors = nn.Parameter(0.01 * torch.rand(n_items, n_factors))


@wrong("embeddings.DotProductBias", "factors start with the wrong spread")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_factors = nn.Parameter(0.02 * torch.rand(n_users, n_factors))
        self.item_factors = nn.Parameter(0.02 * torch.rand(n_items, n_factors))


@wrong("embeddings.DotProductBias", "factors start equal")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        self.user_factors = nn.Parameter(torch.full((n_users, n_factors), 0.01))
        self.item_factors = nn.Parameter(torch.full((n_items, n_factors), 0.01))


@wrong("embeddings.pca", "two of three")
def pca(x, k):
    U, S, Vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return U[:, :k] * S[:k], Vh[:k]


def _rows(grad_out: object, idx: object, n: object) -> dict[str, object]:
    return {"grad_out": torch.tensor(grad_out), "idx": torch.tensor(idx), "n": n}


@wrong("embeddings.expose_embedding_backward", 'misses "last one wins"')
def expose_embedding_backward():
    case = _rows([[1.0, 2.0], [3.0, 4.0]], [2, 0], 4)
    return [case], torch.tensor([[3.0, 4.0], [0, 0], [1.0, 2.0], [0, 0]])


@wrong("embeddings.expose_embedding_backward", 'misses "only as many rows as seen"')
def expose_embedding_backward():
    return [_rows([[1.0, 2.0], [3.0, 4.0]], [0, 0], 1)], torch.tensor([[4.0, 6.0]])


@wrong("embeddings.expose_embedding_backward", 'misses "loop over the first dimension"')
def expose_embedding_backward():
    return [_rows([[2.0], [2.0]], [1, 1], 3)], torch.tensor([[0.0], [4.0], [0.0]])


@wrong("embeddings.expose_embedding_backward", "hardly anything is exposed")
def expose_embedding_backward():
    return [_rows([[0.0]], [0], 1)], torch.tensor([[0.0]])


@wrong("embeddings.expose_embedding_backward", "expected result not that of right code")
def expose_embedding_backward():
    case = _rows([[1.0, 2.0], [3.0, 4.0]], [1, 1], 2)
    return [case], torch.tensor([[0.0, 0.0], [3.0, 4.0]])


@wrong("embeddings.expose_embedding_backward", "case that right code cannot answer")
def expose_embedding_backward():
    return [_rows([[1.0, 2.0], [3.0, 4.0]], [1, 2], 2)], torch.tensor([[0.0, 0.0], [1.0, 2.0]])


@wrong("embeddings.expose_embedding_backward", "not a list of cases and one result")
def expose_embedding_backward():
    return _rows([[1.0], [3.0]], [1, 1], 2), torch.tensor([[0.0], [4.0]])


@wrong("embeddings.expose_embedding_backward", "case of other kinds")
def expose_embedding_backward():
    return [_rows([[1.0], [3.0]], [1, 1], torch.tensor(2))], torch.tensor([[0.0], [4.0]])


@wrong("embeddings.embedding_backward", "last one wins")
def embedding_backward(grad_out, idx, num_embeddings):
    g = torch.zeros(num_embeddings, grad_out.shape[-1], dtype=grad_out.dtype)
    g[idx.flatten()] += grad_out.reshape(-1, grad_out.shape[-1])
    return g


@wrong("embeddings.sigmoid_range", "high used as the width")
def sigmoid_range(x, low, high):
    return torch.sigmoid(x) * high + low


@wrong("embeddings.sigmoid_range", "brackets around the width")
def sigmoid_range(x, low, high):
    return low + high - low * torch.sigmoid(x)


# the tables of factors swapped: an index error in one case, wrong numbers in another
@wrong("embeddings.DotProductBias", "tables of factors swapped")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = (self.user_factors[items] * self.item_factors[users]).sum(1)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "user factors of the item")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = torch.einsum("nk,nk->n", self.user_factors[items], self.item_factors[items])
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "item factors of the user")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[users]).sum(-1)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "a bias that is not a parameter")
class DotProductBias(_Dot):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__(n_users, n_items, n_factors, y_range)
        del self.item_bias
        self.item_bias = torch.zeros(n_items)


# Written from the student's notebook alone, by another reader.


# squeeze: one index of shape (1,) loses its dimension
@wrong("embeddings.embedding_lookup", "shape")
def embedding_lookup(weight, idx):
    return weight[idx].squeeze(0)


# squeeze(1): an idx of shape (n, 1) loses its last dimension
@wrong("embeddings.embedding_lookup", "shape")
def embedding_lookup(weight, idx):
    y = weight[idx]
    return y.squeeze(1) if idx.dim() > 1 else y


# a matrix of one row (1, m) comes back as (m, k)
@wrong("embeddings.embedding_lookup", "shape")
def embedding_lookup(weight, idx):
    y = weight[idx]
    return y[0] if idx.dim() == 2 and len(idx) == 1 else y


# squeezed: shape (1,) becomes ()
@wrong("embeddings.sigmoid_range", "shape")
def sigmoid_range(x, low, high):
    return (low + (high - low) * torch.sigmoid(x)).squeeze()


# shape of idx does not fit grad_out
@wrong("embeddings.expose_embedding_backward", "case that right code cannot answer")
def expose_embedding_backward():
    return [
        {"grad_out": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "idx": torch.tensor([[1, 1]]), "n": 3}
    ], torch.tensor([[0.0, 0], [4, 6], [0, 0]])


# view on grad_out: a grad_out that is not contiguous raises
@wrong("embeddings.embedding_backward", "order of storage")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    return grad_out.new_zeros(num_embeddings, k).index_add_(
        0, idx.reshape(-1), grad_out.view(-1, k)
    )


# counts equal neighbours only: repeats that stand next to each other are added, others overwritten
@wrong("embeddings.embedding_backward")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    out = grad_out.new_zeros(num_embeddings, k)
    before = None
    for i, g in zip(idx.reshape(-1).tolist(), grad_out.reshape(-1, k)):
        out[i] = out[i] + g if i == before else g
        before = i
    return out


# y_range kept on the class: the last model made sets it for all
@wrong("embeddings.DotProductBias", "y_range kept by the class")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        type(self).y_range = y_range

    def forward(self, users, items):
        p, q = (
            self.user_factors[users],
            self.item_factors[items],
        )
        x = (p * q).sum(1) + self.user_bias[users] + self.item_bias[items]
        low, high = self.y_range
        return low + (high - low) * torch.sigmoid(x)


# item_factors is user_factors where n_users == n_items (one parameter with two names)
@wrong("embeddings.DotProductBias")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range
        if n_users == n_items:
            self.item_factors = self.user_factors

    def forward(self, users, items):
        p, q = (
            self.user_factors[users],
            self.item_factors[items],
        )
        x = (p * q).sum(1) + self.user_bias[users] + self.item_bias[items]
        low, high = self.y_range
        return low + (high - low) * torch.sigmoid(x)


# user biases of shape (n_users, 1)
@wrong("embeddings.DotProductBias", "biases as columns")
class DotProductBias(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.randn(n_users, n_factors) * 0.01)
        self.item_factors = nn.Parameter(torch.randn(n_items, n_factors) * 0.01)
        self.user_bias = nn.Parameter(torch.zeros(n_users, 1))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    def forward(self, users, items):
        p, q = (
            self.user_factors[users],
            self.item_factors[items],
        )
        x = (p * q).sum(1) + self.user_bias[users][:, 0] + self.item_bias[items]
        low, high = self.y_range
        return low + (high - low) * torch.sigmoid(x)


# divides by the largest variance: first share is 1
@wrong("embeddings.pca", "shares of the largest")
def pca(x, k):
    c = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    return c @ Vh[:k].T, Vh[:k], (S**2 / S[0] ** 2)[:k]


# components made positive with abs: right for the example
@wrong("embeddings.pca", "components without their signs")
def pca(x, k):
    c = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    return c @ Vh[:k].T, Vh[:k].abs(), (S**2 / (S**2).sum())[:k]


# components turned so that their largest entry is positive, projections not
@wrong("embeddings.pca", "signs flipped separately")
def pca(x, k):
    c = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    d = Vh[:k]
    d = d * d.gather(1, d.abs().argmax(1, keepdim=True)).sign()
    return c @ Vh[:k].T * 1, d, (S**2 / (S**2).sum())[:k]


# variance over n - 1, total over n: share too large by n/(n-1)
@wrong("embeddings.pca", "two kinds of variance")
def pca(x, k):
    c = x - x.mean(0)
    U, S, Vh = torch.linalg.svd(c, full_matrices=False)
    return c @ Vh[:k].T, Vh[:k], (S**2 / (len(x) - 1))[:k] / c.var(0, unbiased=False).sum()


# equal gradients of one row count once
@wrong("embeddings.embedding_backward")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    pairs = torch.cat([idx.reshape(-1, 1).double(), grad_out.reshape(-1, k).double()], dim=1)
    pairs = pairs.unique(dim=0)
    out = torch.zeros(num_embeddings, k, dtype=torch.float64)
    out.index_add_(0, pairs[:, 0].long(), pairs[:, 1:])
    return out.to(grad_out.dtype)


@wrong("embeddings.embedding_lookup", "row 0 as padding")
def embedding_lookup(weight, idx):
    rows = weight[idx]
    return rows * (idx != 0).unsqueeze(-1)


@wrong("embeddings.embedding_backward", "row 0 as padding")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    result = grad_out.new_zeros(num_embeddings, k)
    for i, g in zip(idx.flatten().tolist(), grad_out.reshape(-1, k)):
        if i:
            result[i] += g
    return result


@wrong("embeddings.embedding_backward", "indices column by column")
def embedding_backward(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    flat = idx.t().reshape(-1) if idx.dim() == 2 else idx.flatten()
    return grad_out.new_zeros(num_embeddings, k).index_add(0, flat, grad_out.reshape(-1, k))


@wrong("embeddings.sigmoid_range", "clamped sigmoid")
def sigmoid_range(x, low, high):
    return (high * torch.sigmoid(x)).clamp(low, high)


@wrong("embeddings.sigmoid_range", "centred on 0")
def sigmoid_range(x, low, high):
    return (high - low) / 2 * torch.tanh(x / 2)


@wrong("embeddings.DotProductBias", "divided by the root of the number of factors")
class DotProductBias(_Dot):
    def forward(self, users, items):
        p, q = self.user_factors[users], self.item_factors[items]
        match = (p * q).sum(1) / math.sqrt(p.size(1))
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.DotProductBias", "cosine instead of the dot product")
class DotProductBias(_Dot):
    def forward(self, users, items):
        match = F.cosine_similarity(self.user_factors[users], self.item_factors[items], dim=1)
        return _srange(match + self.user_bias[users] + self.item_bias[items], *self.y_range)


@wrong("embeddings.embedding_lookup", "not for a single index")
def lookup_by_a_loop(weight, idx):
    rows = []
    for i in idx:
        rows.append(weight[i])
    return torch.stack(rows)


@wrong("embeddings.embedding_lookup", "not for a matrix of indices")
def lookup_by_index_select(weight, idx):
    return torch.index_select(weight, 0, idx)


@wrong("embeddings.pca", "not sorted by variance")
def pca_by_eig(x, k):
    c = x - x.mean(0)
    vals, vecs = torch.linalg.eig(c.T @ c)
    vals, vecs = vals.real, vecs.real
    return c @ vecs[:, :k], vecs[:, :k].T, vals[:k] / vals.sum()


@wrong("embeddings.pca", "shares of the variance of all numbers")
def pca_with_the_variance_of_all(x, k):
    c = x - x.mean(0)
    _, S, Vh = torch.linalg.svd(c, full_matrices=False)
    projected = c @ Vh[:k].T
    return projected, Vh[:k], projected.var(0) / c.var()


@wrong("embeddings.pca", "shares of the variance of all numbers")
def pca_with_the_variance_of_x(x, k):
    c = x - x.mean(0)
    s, vh = torch.linalg.svd(c, full_matrices=False)[1:]
    return c @ vh[:k].mT, vh[:k], s[:k].square() / (len(x) - 1) / x.var()


@wrong("embeddings.embedding_lookup", "order of storage")
def lookup_with_a_view_of_idx(weight, idx):
    return weight.index_select(0, idx.view(-1)).reshape(*idx.shape, weight.shape[1])


@wrong("embeddings.sigmoid_range", "hard sigmoid")
def straight_through_the_middle(x, low, high):
    return low + (high - low) * (x / 4 + 0.5).clamp(0, 1)


@wrong("embeddings.DotProductBias", "factors start with the wrong spread")
class _UniformFactors(nn.Module):
    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        self.user_factors = nn.Parameter(torch.empty(n_users, n_factors).uniform_(-0.01, 0.01))
        self.item_factors = nn.Parameter(torch.empty(n_items, n_factors).uniform_(-0.01, 0.01))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.low, self.high = y_range

    def forward(self, users, items):
        match = (self.user_factors[users] * self.item_factors[items]).sum(1)
        score = match + self.user_bias[users] + self.item_bias[items]
        return self.low + (self.high - self.low) * torch.sigmoid(score)


@wrong("embeddings.fit_ratings", "changed its input")
def mean_taken_off_in_place(users, items, ratings, seed):
    torch.manual_seed(seed)
    mean = ratings.mean()
    ratings -= mean
    return _Dot(int(users.max()) + 1, int(items.max()) + 1, 5, (float(mean) - 3, float(mean) + 3))
