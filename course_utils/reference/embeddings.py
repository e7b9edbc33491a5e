"""Lesson 09: embeddings and collaborative filtering."""

import torch
from torch import Tensor, nn

from course_utils.reference.optimizers import adamw_step


def embedding_lookup(weight: Tensor, idx: Tensor) -> Tensor:
    """Row idx of weight for every entry of idx, which is one_hot(idx) @ weight; weight: (n, k),
    idx: (...).

    Returns (..., k). Source: torch.nn.functional.embedding.
    """
    return weight[idx]


def embedding_backward(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    """one_hot(idx).T @ grad_out: every row of grad_out is added to the row that was looked up.

    grad_out: (..., k), idx: (...). Returns (num_embeddings, k).
    """
    rows = grad_out.reshape(-1, grad_out.shape[-1])
    grad = grad_out.new_zeros(num_embeddings, rows.shape[1])
    return grad.index_add(0, idx.flatten(), rows)


def sigmoid_range(x: Tensor, low: float, high: float) -> Tensor:
    """low + (high - low) / (1 + exp(-x)), element by element; x: any shape."""
    return low + (high - low) * torch.sigmoid(x)


class DotProductBias(nn.Module):
    """sigmoid_range(user_factors[u] . item_factors[i] + user_bias[u] + item_bias[i], *y_range).

    user_factors: (n_users, k), item_factors: (n_items, k), normal with a spread of 0.01; biases:
    (n,), zero.
    Source: Koren, Bell and Volinsky, Matrix Factorization Techniques for Recommender Systems, 2009,
    equation 4.
    """

    def __init__(
        self, n_users: int, n_items: int, n_factors: int, y_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.user_factors = nn.Parameter(0.01 * torch.randn(n_users, n_factors))
        self.item_factors = nn.Parameter(0.01 * torch.randn(n_items, n_factors))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """users, items: int64 (n,). Returns (n,)."""
        p = embedding_lookup(self.user_factors, users)
        q = embedding_lookup(self.item_factors, items)
        biases = self.user_bias[users] + self.item_bias[items]
        return sigmoid_range((p * q).sum(1) + biases, *self.y_range)


def pca(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k directions of largest variance of x: (n, d), by the singular value decomposition of the
    centred x.

    Returns the centred x in these directions (n, k), the directions as rows (k, d), and the share
    of the variance along each (k,). Source: Pearson 1901; sklearn.decomposition.PCA.
    """
    centred = x - x.mean(0)
    u, s, vt = torch.linalg.svd(centred, full_matrices=False)
    components, variances = vt[:k], s**2
    projected = centred @ components.T
    return projected, components, variances[:k] / variances.sum()


def fit_ratings(users: Tensor, items: Tensor, ratings: Tensor, seed: int) -> nn.Module:
    """DotProductBias with 20 factors and the range (0, 5.5), trained by AdamW, its learning rate
    falling to 0.

    users, items: int64 (n,), counted from 0 without gaps. ratings: (n,), 0.5 to 5.
    """
    torch.default_generator.manual_seed(seed)
    model = DotProductBias(int(users.max()) + 1, int(items.max()) + 1, 20, y_range=(0.0, 5.5))
    params = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    batches = [batch for _ in range(5) for batch in torch.randperm(len(users)).split(512)]
    for t, batch in enumerate(batches, start=1):
        loss = (model(users[batch], items[batch]) - ratings[batch]).square().mean()
        loss.backward()
        lr = 0.01 * (1 - t / len(batches))
        adamw_step(params, means, squares, t, lr, betas=(0.9, 0.99), eps=1e-8, wd=0.4)
        model.zero_grad()
    return model


def expose_embedding_backward() -> tuple[list[dict[str, object]], Tensor]:
    """Two cases in which wrong gradients differ from right ones, and the result of the first."""
    first = {
        "grad_out": torch.tensor([[1.0, -2.0], [3.0, 4.0], [5.0, 7.0]]),
        "idx": torch.tensor([1, 0, 1]),
        "n": 4,
    }
    second = {
        "grad_out": torch.tensor([[[1.0], [2.0]], [[3.0], [5.0]]]),
        "idx": torch.tensor([[0, 1], [1, 1]]),
        "n": 3,
    }
    return [first, second], torch.tensor([[3.0, 4.0], [6.0, 5.0], [0.0, 0.0], [0.0, 0.0]])
