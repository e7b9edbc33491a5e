"""Other right answers to the exercises of lesson 09."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lookup_by_product(weight: Tensor, idx: Tensor) -> Tensor:
    return F.one_hot(idx, len(weight)).to(weight.dtype) @ weight


def lookup_by_index_select(weight: Tensor, idx: Tensor) -> Tensor:
    return weight.index_select(0, idx.reshape(-1)).reshape(*idx.shape, weight.shape[1])


def lookup_by_loop(weight: Tensor, idx: Tensor) -> Tensor:
    return torch.stack([weight[i] for i in idx.flatten().tolist()]).reshape(*idx.shape, -1)


def lookup_by_take(weight: Tensor, idx: Tensor) -> Tensor:
    return torch.take_along_dim(weight, idx.reshape(-1, 1), dim=0).view(*idx.shape, weight.shape[1])


def backward_by_product(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    chosen = F.one_hot(idx.flatten(), num_embeddings).to(grad_out.dtype)
    return chosen.T @ grad_out.reshape(len(chosen), -1)


def backward_by_loop(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    grad = torch.zeros(num_embeddings, grad_out.shape[-1])
    for i, row in zip(idx.flatten(), grad_out.reshape(-1, grad_out.shape[-1]), strict=True):
        grad[i] += row
    return grad


def backward_by_put(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    return torch.zeros(num_embeddings, grad_out.shape[-1]).index_put(
        (idx,), grad_out, accumulate=True
    )


def backward_by_scatter(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    return torch.zeros(num_embeddings, rows.shape[1]).scatter_add(
        0, idx.reshape(-1, 1).expand_as(rows), rows
    )


def backward_by_rows(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    return torch.stack([grad_out[idx == row].sum(0) for row in range(num_embeddings)])


def range_by_exp(x: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) / (1 + torch.exp(-x))


def range_by_tanh(x: Tensor, low: float, high: float) -> Tensor:
    return (low + high) / 2 + (high - low) / 2 * (x / 2).tanh()


def range_by_method(x: Tensor, low: float, high: float) -> Tensor:
    return x.sigmoid() * (high - low) + low


def range_as_mean(x: Tensor, low: float, high: float) -> Tensor:
    return torch.lerp(torch.full_like(x, low), torch.full_like(x, high), x.sigmoid())


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


class ProductModel(EinsumModel):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        u, i = (
            lookup_by_product(self.user_factors, users),
            lookup_by_product(self.item_factors, items),
        )
        match = (u[:, None, :] @ i[:, :, None])[:, 0, 0]
        biases = self.user_bias.index_select(0, users) + self.item_bias.gather(0, items)
        return self.low + (self.high - self.low) * (match + biases).sigmoid()


class DiagonalModel(EinsumModel):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        match = (self.user_factors[users] @ self.item_factors[items].T).diagonal()
        return range_by_method(
            match + self.user_bias[users] + self.item_bias[items], self.low, self.high
        )


def pca_by_scaled_u(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    u, s, vt = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return u[:, :k] * s[:k], vt[:k], (s**2 / (s**2).sum())[:k]


def pca_by_covariance(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    centred = x - x.mean(dim=0, keepdim=True)
    values, vectors = torch.linalg.eigh(centred.T @ centred / (len(x) - 1))
    components = vectors.flip(1).T[:k]
    return centred @ components.T, components, values.flip(0)[:k] / values.sum()


def pca_by_svd_of_the_transpose(x: Tensor, k: int) -> list[Tensor]:
    centred = x - x.mean(0)
    u, s, vt = torch.linalg.svd(centred.T)
    return [-vt[:k].T * s[:k], -u[:, :k].T, s[:k].square() / centred.square().sum()]


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


ANSWERS = {
    "embeddings.embedding_lookup": [
        lookup_by_product,
        lookup_by_index_select,
        lookup_by_loop,
        lookup_by_take,
    ],
    "embeddings.embedding_backward": [
        backward_by_product,
        backward_by_loop,
        backward_by_put,
        backward_by_scatter,
        backward_by_rows,
    ],
    "embeddings.sigmoid_range": [range_by_exp, range_by_tanh, range_by_method, range_as_mean],
    "embeddings.DotProductBias": [EinsumModel, TableModel, ProductModel, DiagonalModel],
    "embeddings.pca": [
        pca_by_scaled_u,
        pca_by_covariance,
        pca_by_svd_of_the_transpose,
        pca_by_power_iteration,
    ],
    "embeddings.fit_ratings": [fit_with_penalty, fit_with_modules],
}


# Written from the student's notebook alone.


embedding_lookup_first_reading = lambda weight, idx: weight[idx]


def embedding_lookup_second_reading(weight, idx):
    n, k = weight.shape
    return (F.one_hot(idx, num_classes=n).to(weight.dtype).reshape(-1, n) @ weight).reshape(
        tuple(idx.shape) + (k,)
    )


def embedding_lookup_third_reading(weight, idx):
    def rows(i):
        if i.dim() == 0:
            return weight[int(i)]
        if i.numel() == 0:
            return weight.new_zeros(*i.shape, weight.shape[1])
        return torch.stack([rows(j) for j in i])

    return rows(idx)


def embedding_lookup_fourth_reading(weight, idx):
    where = torch.arange(weight.shape[0]) == idx[..., None]
    return torch.einsum("...n,nk->...k", where.to(weight.dtype), weight)


def embedding_backward_first_reading(grad_out, idx, num_embeddings):
    k = grad_out.shape[-1]
    grad = [[0.0] * k for _ in range(num_embeddings)]
    for i, row in zip(idx.reshape(-1).tolist(), grad_out.reshape(-1, k).tolist()):
        for j in range(k):
            grad[i][j] += row[j]
    return torch.tensor(grad, dtype=grad_out.dtype).reshape(num_embeddings, k)


def embedding_backward_second_reading(grad_out, idx, num_embeddings):
    hot = (idx.unsqueeze(-1) == torch.arange(num_embeddings)).to(torch.float64)
    return torch.einsum(
        "un,uk->nk",
        hot.flatten(0, -2) if hot.dim() > 1 else hot[None],
        grad_out.double().reshape(-1, grad_out.shape[-1]),
    ).to(grad_out.dtype)


def embedding_backward_third_reading(grad_out, idx, num_embeddings):
    result = np.zeros((num_embeddings, grad_out.shape[-1]))
    np.add.at(
        result, idx.reshape(-1).numpy(), grad_out.reshape(-1, grad_out.shape[-1]).detach().numpy()
    )
    return torch.as_tensor(result, dtype=grad_out.dtype)


def embedding_backward_fourth_reading(grad_out, idx, num_embeddings):
    g = grad_out.flatten(0, -2) if grad_out.dim() > 1 else grad_out.unsqueeze(0)
    return g.new_zeros(num_embeddings, g.shape[1]).index_put((idx.flatten(),), g, accumulate=True)


def sigmoid_range_first_reading(x, low, high):
    p = torch.sigmoid(x)
    return low * (1 - p) + high * p


def sigmoid_range_second_reading(x, low, high):
    return (low + high) / 2 + (high - low) / 2 * torch.tanh(x / 2)


sigmoid_range_third_reading = lambda x, low, high: (
    torch.stack([torch.zeros_like(x), x], -1).softmax(-1)[..., 1] * (high - low) + low
)


def _srange(x, low, high):
    return low + (high - low) * torch.sigmoid(x)


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


DotProductBias_first_reading = _Dot


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


def pca_second_reading(x, k):
    U, S, Vh = torch.linalg.svd(x - x.mean(0, keepdim=True), full_matrices=False)
    return U[:, :k] * S[:k], Vh[:k], S[:k].square() / S.square().sum()


def pca_third_reading(x, k):
    a = x.detach().numpy().astype(np.float64)
    a = a - a.mean(axis=0)
    _, s, vt = np.linalg.svd(a, full_matrices=False)
    return tuple(torch.from_numpy(np.ascontiguousarray(v)).to(x.dtype)
                 for v in (-(a @ vt[:k].T), -vt[:k], s[:k] ** 2 / np.square(a).sum()))  # fmt: skip


def pca_fourth_reading(x, k):
    centred = x.double() - x.double().mean(0)
    covariance = torch.einsum("ni,nj->ij", centred, centred) / (len(x) - 1)
    components = torch.linalg.svd(covariance).U.T[:k]
    projected = torch.einsum("nd,kd->nk", centred, components)
    share = projected.var(0) / centred.var(0).sum()
    return projected.to(x.dtype), components.to(x.dtype), share.to(x.dtype)


class Lookup(nn.Module):
    def forward(self, weight, idx):
        picked = torch.index_select(weight, 0, idx.reshape(-1))
        return picked.view(*idx.shape, weight.size(1))


class Stretch(nn.Module):
    def __init__(self):
        super().__init__()
        self.squash = nn.Sigmoid()

    def forward(self, x, low, high):
        return torch.add(torch.mul(self.squash(x.double()), high - low), low).to(x.dtype)


ANSWERS["embeddings.embedding_lookup"] += [
    embedding_lookup_first_reading,
    embedding_lookup_second_reading,
    embedding_lookup_third_reading,
    embedding_lookup_fourth_reading,
    Lookup(),
]
ANSWERS["embeddings.embedding_backward"] += [
    embedding_backward_first_reading,
    embedding_backward_second_reading,
    embedding_backward_third_reading,
    embedding_backward_fourth_reading,
]
ANSWERS["embeddings.sigmoid_range"] += [
    sigmoid_range_first_reading,
    sigmoid_range_second_reading,
    sigmoid_range_third_reading,
    Stretch(),
]
ANSWERS["embeddings.DotProductBias"] += [
    DotProductBias_first_reading,
    DotProductBias_second_reading,
    DotProductBias_third_reading,
]
ANSWERS["embeddings.pca"] += [
    pca_first_reading,
    pca_second_reading,
    pca_third_reading,
    pca_fourth_reading,
]


def expose_lookups_in_a_batch() -> tuple[object, object]:
    grad_out = torch.tensor([[[1.0, 2.0], [3.0, 5.0]], [[-4.0, 0.5], [2.0, 2.0]]])
    case = {"grad_out": grad_out, "idx": torch.tensor([[3, 0], [3, 3]]), "n": 5}
    expected = torch.zeros(5, 2)
    expected[0] = torch.tensor([3.0, 5.0])
    expected[3] = torch.tensor([-1.0, 4.5])
    return [case], expected


def expose_lookups_twice() -> tuple[object, object]:
    flat = {"grad_out": torch.tensor([[1.0], [7.0], [2.0]]), "idx": torch.tensor([2, 2, 0]), "n": 4}
    deep = {
        "grad_out": torch.tensor([[[1.0, 0.5], [2.0, 3.0]], [[0.5, 1.0], [4.0, 2.0]]]),
        "idx": torch.tensor([[1, 1], [0, 1]]),
        "n": 3,
    }
    return [flat, deep], torch.tensor([[2.0], [0.0], [8.0], [0.0]])


ANSWERS |= {
    "embeddings.expose_embedding_backward": [expose_lookups_in_a_batch, expose_lookups_twice],
}
