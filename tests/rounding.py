"""Right answers that round differently from the reference: other orders, other precision, other
functions.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.reference import (
    backprop,
    cross_entropy,
    embeddings,
    linear,
    mnist,
    optimizers,
    sgd,
    weight_decay,
)


def in_double(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The same answer, computed in float64 and rounded once at the end."""

    def tree(value: Any, dtype: torch.dtype) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.to(dtype)
        if isinstance(value, list | tuple):
            return type(value)(tree(item, dtype) for item in value)
        return (
            {key: tree(item, dtype) for key, item in value.items()}
            if isinstance(value, dict)
            else value
        )

    def doubled(*args: Any) -> Any:
        floats = [item for item in args if isinstance(item, Tensor) and item.is_floating_point()]
        return tree(answer(*tree(args, torch.float64)), floats[0].dtype)

    doubled.__name__ = f"{answer.__name__}_in_double"
    return doubled


def step_in_double(step: Callable[..., None], lists: int) -> Callable[..., None]:
    """The same step on copies in float64; lists: how many lists of tensors come first."""

    @torch.no_grad()
    def doubled(*args: Any) -> None:
        copies = [[t.detach().double() for t in items] for items in args[:lists]]
        for copy, p in zip(copies[0], args[0], strict=True):
            copy.grad = None if p.grad is None else p.grad.double()
        step(*copies, *args[lists:])
        for items, wide in zip(args[:lists], copies, strict=True):
            for item, copy in zip(items, wide, strict=True):
                item.copy_(copy)

    doubled.__name__ = f"{step.__name__}_in_double"
    return doubled


def reversed_sum(x: Tensor, dim: int = -1) -> Tensor:
    """The sum from the last entry to the first, one after the other."""
    total = torch.zeros_like(x.select(dim, 0))
    for i in reversed(range(x.shape[dim])):
        total = total + x.select(dim, i)
    return total


# Lesson 01


class LinearBackwards(linear.My_Linear):
    """The bias first, then the terms from the last to the first."""

    def forward(self, x: Tensor) -> Tensor:
        y = reversed_sum(x[..., None, :] * self.weight)
        return y if self.bias is None else y + self.bias


class LinearByAddmm(linear.My_Linear):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        y = (
            flat @ self.weight.T
            if self.bias is None
            else torch.addmm(self.bias, flat, self.weight.T)
        )
        return y.reshape(*x.shape[:-1], -1)


class LinearInDouble(linear.My_Linear):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x.double(), self.weight.double())
        return (y if self.bias is None else y + self.bias).to(x.dtype)


class NetBackwards(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = LinearBackwards(n_in, n_hidden), LinearInDouble(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        z = self.first(x)
        return self.second((z + z.abs()) / 2)


def collapse_by_terms(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    return reversed_sum(w2[:, :, None] * w1, 1), b2 + reversed_sum(w2 * b1)


def collapse_with_one_column(
    w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor]:
    both = w2 @ torch.cat([w1, b1[:, None]], 1)
    return both[:, :-1], both[:, -1] + b2


# Lesson 02


def mse_by_norm(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError
    return torch.dot((y_hat - y).flatten(), (y_hat - y).flatten()) / y.numel()


def mse_multiplied_out(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError
    return (y_hat.double() ** 2 - 2 * y_hat.double() * y + y.double() ** 2).mean().to(y_hat.dtype)


def mse_backwards(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError
    return reversed_sum(((y_hat - y) ** 2).flatten() / y.numel())


def mse_gradient_by_rows(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return reversed_sum(2 * (reversed_sum(x * w) - y)[:, None] * x, 0) / len(x)


def mse_gradient_multiplied_out(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    x, y = x.double(), y.double()
    return (2 / len(x) * (x.T @ x @ w.double() - x.T @ y)).to(w.dtype)


def mse_gradient_with_numpy(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    error = x.numpy() @ w.numpy() - y.numpy()
    return torch.from_numpy((x.numpy().T @ error) * (2 / len(x)))


@torch.no_grad()
def momentum_of_scaled(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p.copy_(p - lr * momentum * v - lr * p.grad)
            v.copy_(torch.add(p.grad, v, alpha=momentum))


def ewma_by_powers(values: Tensor, beta: float) -> Tensor:
    n = len(values)
    t = torch.arange(n)
    weights = (1 - beta) * beta ** (t[:, None] - t).clamp(min=0).double() * (t[:, None] >= t)
    return (weights @ values.double()).to(values.dtype)


def ewma_by_lerp(values: Tensor, beta: float) -> Tensor:
    s, out = torch.zeros_like(values[0]), []
    for value in values:
        s = torch.lerp(s, value, 1 - beta)
        out.append(s)
    return torch.stack(out)


def ewma_by_steps(values: Tensor, beta: float) -> Tensor:
    out = torch.zeros_like(values)
    for t in range(len(values)):
        before = out[t - 1] if t else 0.0
        out[t] = before + (1 - beta) * (values[t] - before)
    return out


# Lesson 03


def linear_backward_by_terms(
    grad_out: Tensor, x: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        reversed_sum(grad_out[:, None, :] * weight.T),
        reversed_sum(grad_out[:, :, None] * x[:, None, :], 0),
        reversed_sum(grad_out, 0),
    )


def mse_backward_by_share(y_hat: Tensor, y: Tensor) -> Tensor:
    return (y_hat / y.numel() - y / y.numel()) * 2


def two_layer_by_autograd_order(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> dict[str, Tensor]:
    z = torch.addmm(b1, x, w1.T)
    h = (z + z.abs()) / 2
    g = (torch.addmm(b2, h, w2.T) - y) / (y.numel() / 2)
    gz = reversed_sum(g[:, None, :] * w2.T) * (z > 0)
    return {
        "w1": reversed_sum(gz[:, :, None] * x[:, None, :], 0),
        "b1": gz.new_ones(len(x)) @ gz,
        "w2": torch.einsum("no,nh->oh", g, h),
        "b2": reversed_sum(g, 0),
    }


def relative_error_by_quotient(a: Tensor, b: Tensor) -> float:
    scale = np.maximum(np.abs(a.double().numpy()) + np.abs(b.double().numpy()), 1e-8)
    return float(np.max(np.abs(a.double().numpy() - b.double().numpy()) / scale))


def numerical_by_midpoint(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    gradient = torch.zeros(x.shape, dtype=torch.float64)
    for i in range(x.numel()):
        up, down = x.double().clone(), x.double().clone()
        up.view(-1)[i] += eps
        down.view(-1)[i] -= eps
        gradient.view(-1)[i] = float(f(up) / (2 * eps) - f(down) / (2 * eps))
    return gradient


# Lesson 04


class Softmax(torch.autograd.Function):
    """The textbook's own backward: p * (g - sum(g * p))."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        e = (z - z.amax(-1, keepdim=True)).exp()
        p = e / e.sum(-1, keepdim=True)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(-1, keepdim=True))


class SoftmaxByJacobian(Softmax):
    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        jacobian = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
        return (jacobian @ g[..., None])[..., 0]


class LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        m = z.amax(-1, keepdim=True)
        log_p = z - m - (z - m).exp().sum(-1, keepdim=True).log()
        ctx.save_for_backward(log_p)
        return log_p

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (log_p,) = ctx.saved_tensors
        return g - log_p.exp() * g.sum(-1, keepdim=True)


def softmax_base_2(logits: Tensor) -> Tensor:
    e = torch.exp2((logits - logits.amax(-1, keepdim=True)) / math.log(2))
    return e / reversed_sum(e)[..., None]


def softmax_by_logs(logits: Tensor) -> Tensor:
    return (logits - torch.logsumexp(logits, -1, keepdim=True)).exp()


def log_softmax_by_logsumexp(logits: Tensor) -> Tensor:
    return logits - logits.logsumexp(-1, keepdim=True)


def log_softmax_base_2(logits: Tensor) -> Tensor:
    shifted = (logits - logits.amax(-1, keepdim=True)) / math.log(2)
    return (shifted - torch.exp2(shifted).sum(-1, keepdim=True).log2()) * math.log(2)


def nll_by_one_hot(log_probs: Tensor, targets: Tensor) -> Tensor:
    hot = (targets[:, None] == torch.arange(log_probs.shape[1])).to(log_probs.dtype)
    return reversed_sum(torch.where(hot > 0, -log_probs, 0.0).flatten()) / len(targets)


def cross_entropy_by_logsumexp(logits: Tensor, targets: Tensor) -> Tensor:
    picked = logits.gather(1, targets[:, None])[:, 0]
    return (logits.logsumexp(-1) - picked).sum() / len(targets)


def cross_entropy_of_differences(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits - logits.gather(1, targets[:, None])).logsumexp(-1).mean()


def cross_entropy_with_own_backward(logits: Tensor, targets: Tensor) -> Tensor:
    return -LogSoftmax.apply(logits)[range(len(targets)), targets].mean()


def cross_entropy_backward_in_place(logits: Tensor, targets: Tensor) -> Tensor:
    grad = softmax_base_2(logits) / len(targets)
    grad[torch.arange(len(targets)), targets] -= 1 / len(targets)
    return grad


def cross_entropy_backward_by_logs(logits: Tensor, targets: Tensor) -> Tensor:
    grad = (logits - logits.logsumexp(-1, keepdim=True)).exp()
    grad[torch.arange(len(targets)), targets] -= 1
    return grad.div(len(targets))


# Lesson 05


def normalize_with_numpy(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = (
        float(np.mean(train.double().numpy())),
        float(np.std(train.double().numpy(), ddof=1)),
    )
    return (train - mean) / std, (valid - mean) / std


def normalize_by_scale(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    mean = reversed_sum(train.float().flatten()) / train.numel()
    scale = ((train - mean).square().sum() / (train.numel() - 1)).rsqrt()
    return scale * (train - mean), scale * (valid - mean)


class SgdScaled(mnist.SGD):
    @torch.no_grad()
    def step(self) -> None:
        momentum_of_scaled(self.params, self.velocities, self.lr, self.momentum)


# Lesson 06


def l2_by_norms(params: Any, wd: float) -> Tensor:
    return sum((p.norm() ** 2 * wd for p in params), torch.zeros(()))


def l2_by_products(params: Any, wd: float) -> Tensor:
    return torch.cat([p.flatten() for p in params]).pow(2).mul(wd).flip(0).cumsum(0)[-1]


@torch.no_grad()
def l2_step_as_decay(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.mul_(1 - lr * wd).add_(p.grad, alpha=-lr)


@torch.no_grad()
def l2_step_as_torch(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.add_(p.grad.add(p, alpha=wd), alpha=-lr)


@torch.no_grad()
def decay_step_in_one(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * wd * p + lr * p.grad


@torch.no_grad()
def decay_step_by_subtracting(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.sub_(p * lr * wd)
            p.addcmul_(p.grad, torch.ones_like(p), value=-lr)


# Lesson 07


@torch.no_grad()
def rmsprop_by_lerp(
    params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for p, s in zip(params, squares, strict=True):
        if p.grad is not None:
            s.lerp_(p.grad.square(), 1 - alpha)
            p.sub_(lr / (s.sqrt() + eps) * p.grad)


@torch.no_grad()
def adam_as_torch(
    params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float
) -> None:
    for p, m, v in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - betas[0])
            v.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
            denominator = (v.sqrt() / (1 - betas[1] ** t) ** 0.5).add_(eps)
            p.addcdiv_(m, denominator, value=-lr / (1 - betas[0] ** t))


@torch.no_grad()
def adam_as_kingma_ends(
    params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float
) -> None:
    """Both corrections in the step size, and eps with them, as at the end of section 2 of the
    paper.
    """
    right = math.sqrt(1 - betas[1] ** t)
    for p, m, v in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m.add_((1 - betas[0]) * (p.grad - m))
            v.add_((1 - betas[1]) * (p.grad * p.grad - v))
            p.sub_(lr * right / (1 - betas[0] ** t) * m / (v.sqrt() + eps * right))


def _then_decay(adam: Callable[..., None]) -> Callable[..., None]:
    @torch.no_grad()
    def step(
        params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float, wd: float
    ) -> None:
        for p in params:
            if p.grad is not None:
                p.sub_(lr * wd * p)
        adam(params, means, squares, t, lr, betas, eps)

    step.__name__ = f"decay_then_{adam.__name__}"
    return step


@torch.no_grad()
def adamw_decay_of_old(
    params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float, wd: float
) -> None:
    old = [p.clone() for p in params]
    adam_as_torch(params, means, squares, t, lr, betas, eps)
    for p, before in zip(params, old, strict=True):
        if p.grad is not None:
            p.sub_(lr * wd * before)


@torch.no_grad()
def reborn_by_roots(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.addcdiv_(p.grad, (p.grad * p.grad).sqrt().add_(1e-8), value=-lr)


# Lesson 08


def anneal_in_float32(start: float, end: float, pct: float) -> float:
    weight = (1 + torch.cos(torch.tensor(math.pi * pct))) / 2
    return float(weight * start + (1 - weight) * end)


def anneal_by_half_angle(start: float, end: float, pct: float) -> float:
    return start * math.cos(math.pi * pct / 2) ** 2 + end * math.sin(math.pi * pct / 2) ** 2


# Lesson 09


def embedding_by_one_hot(weight: Tensor, idx: Tensor) -> Tensor:
    return (idx[..., None] == torch.arange(len(weight))).to(weight.dtype) @ weight


def embedding_backward_by_product(grad_out: Tensor, idx: Tensor, num_embeddings: int) -> Tensor:
    hot = (torch.arange(num_embeddings)[:, None] == idx.flatten()).to(grad_out.dtype)
    return reversed_sum(hot[:, :, None] * grad_out.reshape(-1, grad_out.shape[-1]), 1)


def sigmoid_by_tanh(x: Tensor, low: float, high: float) -> Tensor:
    return (high + low) / 2 + (high - low) / 2 * torch.tanh(x / 2)


def sigmoid_as_mix(x: Tensor, low: float, high: float) -> Tensor:
    return high * x.sigmoid() + low * (-x).sigmoid()


class DotProductByEinsum(embeddings.DotProductBias):
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        u, i = self.user_factors[users], self.item_factors[items]
        total = self.item_bias[items] + torch.einsum("nk,nk->n", u, i) + self.user_bias[users]
        return sigmoid_by_tanh(total, *self.y_range)


def pca_by_covariance(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    centred = (x - x.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    rows = vectors.flip(1).T[:k]
    shares = values.flip(0)[:k] / values.sum()
    return (centred @ rows.T).to(x.dtype), rows.to(x.dtype), shares.to(x.dtype)


ROUNDING: dict[str, list[Any]] = {
    "linear.relu": [lambda x: (x + x.abs()) / 2],
    "linear.My_Linear": [LinearBackwards, LinearByAddmm, LinearInDouble],
    "linear.collapse": [collapse_by_terms, collapse_with_one_column, in_double(linear.collapse)],
    "linear.two_layer_net": [NetBackwards],
    "sgd.mse": [mse_by_norm, mse_multiplied_out, mse_backwards, in_double(sgd.mse)],
    "sgd.mse_gradient": [
        mse_gradient_by_rows,
        mse_gradient_multiplied_out,
        mse_gradient_with_numpy,
        in_double(sgd.mse_gradient),
    ],
    "sgd.sgd_step": [step_in_double(sgd.sgd_step, 1)],
    "sgd.momentum_step": [momentum_of_scaled, step_in_double(sgd.momentum_step, 2)],
    "sgd.ewma": [ewma_by_powers, ewma_by_lerp, ewma_by_steps, in_double(sgd.ewma)],
    "backprop.numerical_gradient": [numerical_by_midpoint],
    "backprop.relative_error": [relative_error_by_quotient],
    "backprop.linear_backward": [linear_backward_by_terms, in_double(backprop.linear_backward)],
    "backprop.mse_backward": [mse_backward_by_share, in_double(backprop.mse_backward)],
    "backprop.two_layer_backward": [
        two_layer_by_autograd_order,
        in_double(backprop.two_layer_backward),
    ],
    "cross_entropy.softmax": [
        Softmax.apply,
        SoftmaxByJacobian.apply,
        softmax_base_2,
        softmax_by_logs,
        in_double(cross_entropy.softmax),
    ],
    "cross_entropy.log_softmax": [
        LogSoftmax.apply,
        log_softmax_by_logsumexp,
        log_softmax_base_2,
        in_double(cross_entropy.log_softmax),
    ],
    "cross_entropy.nll": [nll_by_one_hot, in_double(cross_entropy.nll)],
    "cross_entropy.cross_entropy": [
        cross_entropy_by_logsumexp,
        cross_entropy_of_differences,
        cross_entropy_with_own_backward,
        in_double(cross_entropy.cross_entropy),
    ],
    "cross_entropy.cross_entropy_backward": [
        cross_entropy_backward_in_place,
        cross_entropy_backward_by_logs,
        in_double(cross_entropy.cross_entropy_backward),
    ],
    "mnist.normalize": [normalize_with_numpy, normalize_by_scale],
    "mnist.SGD": [SgdScaled],
    "weight_decay.l2_penalty": [l2_by_norms, l2_by_products],
    "weight_decay.l2_gradient": [lambda p, wd: p * wd + wd * p],
    "weight_decay.sgd_l2_step": [
        l2_step_as_decay,
        l2_step_as_torch,
        step_in_double(weight_decay.sgd_l2_step, 1),
    ],
    "weight_decay.sgd_decay_step": [
        decay_step_in_one,
        decay_step_by_subtracting,
        step_in_double(weight_decay.sgd_decay_step, 1),
    ],
    "optimizers.rmsprop_step": [rmsprop_by_lerp, step_in_double(optimizers.rmsprop_step, 2)],
    "optimizers.adam_step": [
        adam_as_torch,
        adam_as_kingma_ends,
        step_in_double(optimizers.adam_step, 3),
    ],
    "optimizers.adamw_step": [
        _then_decay(adam_as_torch),
        _then_decay(adam_as_kingma_ends),
        adamw_decay_of_old,
        step_in_double(optimizers.adamw_step, 3),
    ],
    "optimizers.reborn_adam_step": [
        reborn_by_roots,
        step_in_double(optimizers.reborn_adam_step, 1),
    ],
    "one_cycle.anneal": [anneal_in_float32, anneal_by_half_angle],
    "embeddings.embedding_lookup": [embedding_by_one_hot],
    "embeddings.embedding_backward": [
        embedding_backward_by_product,
        in_double(embeddings.embedding_backward),
    ],
    "embeddings.sigmoid_range": [
        sigmoid_by_tanh,
        sigmoid_as_mix,
        in_double(embeddings.sigmoid_range),
    ],
    "embeddings.DotProductBias": [DotProductByEinsum],
    "embeddings.pca": [pca_by_covariance, in_double(embeddings.pca)],
}
