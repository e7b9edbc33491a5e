"""Other right answers to the exercises of lesson 05."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.reference import linear


def normalize_without_bessel(train: Tensor, valid: Tensor) -> list[Tensor]:
    m = train.mean()
    s = (train - m).square().mean().sqrt()
    return [(t - m) / s for t in (train, valid)]


def normalize_by_sums(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    n = train.numel()
    m = train.double().sum() / n
    s = (train.double().square().sum() / n - m**2) ** 0.5
    return ((train - m) / s).float(), ((valid - m) / s).float()


def normalize_as_one(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    std, mean = torch.std_mean(train)
    both = torch.cat([train, valid]).sub(mean).div(std)
    return both[: len(train)], both[len(train) :]


class SgdWithDict:
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.params = tuple(params)
        self.lr, self.mu = lr, momentum
        self.buffers: dict[Tensor, Tensor] = {}

    def step(self) -> None:
        with torch.no_grad():
            for p in self.params:
                if p.grad is None:
                    continue
                self.buffers[p] = self.buffers.get(p, 0) * self.mu + p.grad
                p.sub_(self.buffers[p], alpha=self.lr)

    def zero_grad(self) -> None:
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


class SgdWithData:
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.slots = [(p, torch.zeros_like(p.data)) for p in params]
        self.lr, self.momentum = lr, momentum

    def step(self) -> None:
        for p, v in self.slots:
            if p.grad is not None:
                v *= self.momentum
                v += p.grad.data
                p.data = p.data - self.lr * v

    def zero_grad(self) -> None:
        for p, _ in self.slots:
            p.grad = None


class SgdFromFirstGradient(SgdWithData):
    """The first velocity is a copy of the first gradient, as torch has it."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.params = [p for p in params]
        self.slots = [(p, p) for p in self.params]
        self.lr, self.momentum = lr, momentum
        self.velocities: list[Tensor | None] = [None for _ in self.params]

    @torch.no_grad()
    def step(self) -> None:
        for index, p in enumerate(self.params):
            if p.grad is not None:
                v = self.velocities[index]
                self.velocities[index] = p.grad.clone() if v is None else self.momentum * v + p.grad
                p.copy_(p - self.lr * self.velocities[index])


class SgdOfSteps(SgdWithData):
    """The velocity in units of the step: the same as long as the learning rate stays."""

    def step(self) -> None:
        for p, v in self.slots:
            if p.grad is not None:
                v.mul_(self.momentum).sub_(self.lr * p.grad)
                p.data.add_(v)


def train_epoch_with_lists(model: nn.Module, batches: Iterable, loss_fn: Callable, optimizer: SgdWithDict) -> Tensor:
    losses, sizes = [], []
    for x, y in batches:
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        sizes.append(x.shape[0])
    return torch.tensor(losses).dot(torch.tensor(sizes, dtype=torch.float32)) / sum(sizes)


def train_epoch_clearing_last(model: nn.Module, batches: Iterable, loss_fn: Callable, optimizer: SgdWithDict) -> float:
    model.train()
    optimizer.zero_grad()
    mean, seen = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen += len(x)
        mean += (loss.item() - mean) * len(x) / seen
    return mean


@torch.no_grad()
def evaluate_by_decorator(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    mode = model.training
    try:
        logits = model.eval()(x)
    finally:
        model.train(mode)
    return F.cross_entropy(logits, y).item(), (logits.argmax(dim=1) == y).float().mean().item()


def evaluate_in_chunks(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    loss, hits = torch.zeros(()), torch.zeros(())
    with torch.inference_mode():
        for x_chunk, y_chunk in zip(x.split(4), y.split(4), strict=True):
            log_p = model(x_chunk).log_softmax(-1)
            loss = loss - log_p.gather(1, y_chunk[:, None]).sum()
            hits = hits + (log_p.argmax(-1) == y_chunk).sum()
    for module, mode in modes.items():
        module.training = mode
    return [loss / len(x), hits / len(x)]


def fit_with_plain_sgd(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((torch.rand(p.shape, generator=generator) - 0.5) * 2 * p.shape[-1] ** -0.5)
    optimizer = SgdWithData(model.parameters(), lr=0.1)
    for _ in range(8):
        for idx in torch.randperm(len(x), generator=generator).split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(x[idx]), y[idx]).backward()
            optimizer.step()
    return model


class OwnNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = linear.My_Linear(784, 80), linear.My_Linear(80, 40), linear.My_Linear(40, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x).clamp(min=0)).clamp(min=0)).log_softmax(-1)


def fit_three_layers(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = OwnNet()
    optimizer = SgdWithDict(model.parameters(), 0.03, 0.9)
    for _ in range(6):
        order = torch.randperm(len(x))
        train_epoch_clearing_last(
            model, zip(x[order].split(64), y[order].split(64), strict=True), F.nll_loss, optimizer
        )
    return model


def fit_without_autograd(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
    w1, b1, w2, b2 = (p.data for p in model.parameters())
    for epoch in range(8):
        for idx in torch.randperm(len(x)).split(32):
            batch = x[idx]
            z = batch @ w1.T + b1
            h = z.clamp(min=0)
            g = (h @ w2.T + b2).softmax(-1)
            g[torch.arange(len(idx)), y[idx]] -= 1
            g *= 0.1 * (1 - epoch / 8) / len(idx)
            back = g @ w2 * (z > 0)
            w2 -= g.T @ h
            b2 -= g.sum(0)
            w1 -= back.T @ batch
            b1 -= back.sum(0)
    return model


ANSWERS = {
    "mnist.normalize": [normalize_without_bessel, normalize_by_sums, normalize_as_one],
    "mnist.SGD": [SgdWithDict, SgdWithData, SgdFromFirstGradient, SgdOfSteps],
    "mnist.train_epoch": [train_epoch_with_lists, train_epoch_clearing_last],
    "mnist.evaluate": [evaluate_by_decorator, evaluate_in_chunks],
    "mnist.fit_mnist": [fit_with_plain_sgd, fit_three_layers, fit_without_autograd],
}
