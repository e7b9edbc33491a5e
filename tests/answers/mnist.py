"""Right and wrong answers to the exercises of lesson 05."""

import copy
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.reference import linear
from tests.answers import right, wrong


@right("mnist.normalize")
def normalize_without_bessel(train: Tensor, valid: Tensor) -> list[Tensor]:
    m = train.mean()
    s = (train - m).square().mean().sqrt()
    return [(t - m) / s for t in (train, valid)]


@right("mnist.normalize")
def normalize_by_sums(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    n = train.numel()
    m = train.double().sum() / n
    s = (train.double().square().sum() / n - m**2) ** 0.5
    return ((train - m) / s).float(), ((valid - m) / s).float()


@right("mnist.normalize")
def normalize_as_one(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    std, mean = torch.std_mean(train)
    both = torch.cat([train, valid]).sub(mean).div(std)
    return both[: len(train)], both[len(train) :]


@right("mnist.SGD")
class SgdWithDict:
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.params = tuple(params)
        self.lr, self.momentum = lr, momentum
        self.buffers: dict[Tensor, Tensor] = {}

    def step(self) -> None:
        with torch.no_grad():
            for p in self.params:
                if p.grad is None:
                    continue
                self.buffers[p] = self.buffers.get(p, 0) * self.momentum + p.grad
                p.sub_(self.buffers[p], alpha=self.lr)

    def zero_grad(self) -> None:
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@right("mnist.SGD")
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


@right("mnist.SGD")
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


@right("mnist.train_epoch")
def train_epoch_with_lists(
    model: nn.Module, batches: Iterable, loss_fn: Callable, optimizer: SgdWithDict
) -> Tensor:
    losses, sizes = [], []
    for x, y in batches:
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        sizes.append(x.shape[0])
    return torch.tensor(losses).dot(torch.tensor(sizes, dtype=torch.float32)) / sum(sizes)


@right("mnist.train_epoch")
def train_epoch_clearing_last(
    model: nn.Module, batches: Iterable, loss_fn: Callable, optimizer: SgdWithDict
) -> float:
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


@right("mnist.evaluate")
@torch.no_grad()
def evaluate_by_decorator(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    mode = model.training
    try:
        logits = model.eval()(x)
    finally:
        model.train(mode)
    return F.cross_entropy(logits, y).item(), (logits.argmax(dim=1) == y).float().mean().item()


@right("mnist.evaluate")
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


@right("mnist.fit_mnist")
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
        self.a, self.b, self.c = (
            linear.My_Linear(784, 80),
            linear.My_Linear(80, 40),
            linear.My_Linear(40, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x).clamp(min=0)).clamp(min=0)).log_softmax(-1)


@right("mnist.fit_mnist")
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


@right("mnist.fit_mnist")
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


# Written from the student's notebook alone.


@right("mnist.normalize")
def normalize_first_reading(train, valid):
    t = train.double()
    n = t.numel()
    m = t.sum() / n
    s = (t.square().sum() / n - m * m).sqrt()
    return ((t - m) / s).float(), ((valid.double() - m) / s).float()


@right("mnist.normalize")
def normalize_second_reading(train, valid):
    s, m = torch.std_mean(train, correction=0)
    scale, shift = 1 / s, -m / s
    return torch.addcmul(shift, train, scale), torch.addcmul(shift, valid, scale)


class _Normalizer(nn.Module):
    """Standard scaler with fit and transform."""

    def fit(self, a):
        self.m, self.s = float(a.mean()), float(a.std())
        return self

    def transform(self, a):
        return a.clone().sub_(self.m).div_(self.s)

    def forward(self, train, valid):
        self.fit(train)
        return self.transform(train), self.transform(valid)


right("mnist.normalize")(_Normalizer())


@right("mnist.normalize")
def normalize_fourth_reading(train, valid):
    a = train.numpy()
    m, s = a.mean(dtype=np.float64), a.std(dtype=np.float64)
    return tuple(torch.from_numpy(((b.numpy() - m) / s).astype(np.float32)) for b in (train, valid))


@right("mnist.SGD")
class SGD_first_reading:
    def __init__(self, params, lr, momentum=0.0):
        self.params = tuple(params)
        self.lr, self.momentum = lr, momentum
        self.buffers = {}

    def step(self):
        for p in self.params:
            g = p.grad
            if g is not None:
                g = g.detach()
                v = self.buffers.get(id(p))
                if v is None:
                    v = self.buffers[id(p)] = torch.clone(g)
                else:
                    v.mul_(self.momentum).add_(g)
                with torch.no_grad():
                    p.add_(v, alpha=-self.lr)

    def zero_grad(self, set_to_none=True):
        for p in self.params:
            if p.grad is None:
                continue
            if set_to_none:
                p.grad = None
            else:
                p.grad.zero_()


@right("mnist.SGD")
@dataclass(eq=False)
class SGD_second_reading:
    params: list
    lr: float
    momentum: float = 0.0
    velocities: list = field(init=False)

    def __post_init__(self):
        self.params = [*self.params]
        self.velocities = [p.detach().new_zeros(p.shape) for p in self.params]

    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            self.velocities[i] = torch.add(p.grad, self.velocities[i], alpha=self.momentum)
            p.data -= self.lr * self.velocities[i]

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad = torch.zeros_like(p.grad)


@right("mnist.SGD")
class SGD_third_reading(nn.Module):
    """The velocities as buffers of a module."""

    def __init__(self, params, lr, momentum=0.0):
        super().__init__()
        self.lr, self.momentum = lr, momentum
        self.held = [(p, f"v{i}") for i, p in enumerate(params)]
        for p, name in self.held:
            self.register_buffer(name, torch.zeros_like(p, requires_grad=False))

    @torch.no_grad()
    def step(self):
        for p, name in filter(lambda pair: pair[0].grad is not None, self.held):
            v = getattr(self, name)
            v.copy_(v.double().mul(self.momentum).add(p.grad.double()))
            p.copy_(p.double() - self.lr * v.double())

    def zero_grad(self, set_to_none=False):
        for p, _ in self.held:
            if p.grad is not None:
                p.grad.detach_().zero_()


@right("mnist.train_epoch")
def train_epoch_first_reading(model, batches, loss_fn, optimizer):
    sizes, means = [], []
    for x, y in list(batches):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        sizes.append(y.shape[0])
        means.append(loss.detach().double())
    return float(torch.stack(means) @ torch.tensor(sizes, dtype=torch.float64) / sum(sizes))


@right("mnist.train_epoch")
def train_epoch_second_reading(model, batches, loss_fn, optimizer):
    mean, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        before = loss.item()
        optimizer.step()
        n += len(x)
        mean += (before - mean) * len(x) / n
    optimizer.zero_grad()
    return mean


class _Epoch:
    def __init__(self):
        self.weigh = operator.mul

    def one(self, pair, model, loss_fn, optimizer):
        loss = loss_fn(model(pair[0]), pair[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return self.weigh(loss.item(), len(pair[1])), len(pair[1])

    def __call__(self, model, batches, loss_fn, optimizer):
        sums, counts = zip(*(self.one(pair, model, loss_fn, optimizer) for pair in batches))
        return math.fsum(sums) / sum(counts)


right("mnist.train_epoch")(_Epoch())


@right("mnist.evaluate")
def evaluate_first_reading(model, x, y):
    modes = [(m, m.training) for m in model.modules()]
    try:
        model.eval()
        with torch.inference_mode():
            z = model(x).double()
            own = z.gather(1, y[:, None]).squeeze(1)
            loss = (z.logsumexp(1) - own).sum().item() / len(y)
            return loss, sum(int(a == b) for a, b in zip(z.argmax(1), y)) / len(y)
    finally:
        for m, mode in modes:
            m.training = mode


@right("mnist.evaluate")
@torch.no_grad()
def evaluate_second_reading(model, x, y):
    was = model.training
    model.train(False)
    total = hits = 0.0
    for start in range(0, len(x), 50):
        xb, yb = x[start : start + 50], y[start : start + 50]
        logits = model(xb)
        total += F.cross_entropy(logits, yb, reduction="sum").item()
        hits += (logits.max(1).indices == yb).sum().item()
    _ = model.train() if was else model.eval()
    return total / len(x), hits / len(x)


@right("mnist.evaluate")
def evaluate_third_reading(model, x, y):
    grad_was = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        calm = copy.deepcopy(model).eval()
        logp = torch.log_softmax(calm(x), -1)
    finally:
        torch.set_grad_enabled(grad_was)
    return F.nll_loss(logp, y).item(), torch.eq(
        logp.topk(1).indices[:, 0], y
    ).double().mean().item()


class _SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p.sub_(v, alpha=self.lr)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


def _net(hidden=100):
    return nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def _batches(x, y, generator, size=64):
    for idx in torch.randperm(len(x), generator=generator).split(size):
        yield x[idx], y[idx]


def _plain_epoch(model, batches, optimizer):
    for x, y in batches:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@right("mnist.fit_mnist")
def fit_mnist_first_reading(x, y, seed):
    torch.manual_seed(seed)
    model = _net(200)
    sgd, g = _SGD(model.parameters(), 0.03, 0.9), torch.Generator().manual_seed(seed)
    for epoch in range(14):
        sgd.lr = 0.03 if epoch < 10 else 0.005
        _plain_epoch(model, _batches(x, y, g), sgd)
    return model


class _Pictures(nn.Module):
    """A small convolutional net that takes flat pixels."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Conv2d(1, 8, 5, stride=2, padding=2),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
        )
        self.head = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = self.conv1(x.reshape(-1, 1, 28, 28)).relu()
        return self.head(self.conv2(x).relu().flatten(1))


@right("mnist.fit_mnist")
def fit_mnist_second_reading(x, y, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _Pictures()
        sgd = _SGD(model.parameters(), 0.02, 0.9)
        for _ in range(8):
            for idx in torch.randperm(len(x)).split(64):
                sgd.zero_grad()
                F.cross_entropy(model(x[idx]), y[idx]).backward()
                sgd.step()
    return model.eval()


class _Fit:
    """Adam written by hand, with a dropout layer; the same seed gives the same model."""

    def __init__(self, hidden, epochs):
        self.hidden, self.epochs = hidden, epochs

    def __call__(self, x, y, seed):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Linear(784, self.hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(self.hidden, 10)
        )
        params, t = list(net.parameters()), 0
        m, s = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
        for _ in range(self.epochs):
            for idx in torch.randperm(len(x)).split(100):
                t += 1
                grads = torch.autograd.grad(F.cross_entropy(net(x[idx]), y[idx]), params)
                with torch.no_grad():
                    for p, a, b, g in zip(params, m, s, grads):
                        a.lerp_(g, 0.1)
                        b.lerp_(g * g, 0.001)
                        p -= 0.001 * (a / (1 - 0.9**t)) / ((b / (1 - 0.999**t)).sqrt() + 1e-8)
        net.eval()
        return net


right("mnist.fit_mnist")(_Fit(200, 12))


@right("mnist.repair_normalize")
def normalize_repaired_in_place() -> tuple[object, object]:
    def repaired(train, valid):  # type: ignore[no-untyped-def]
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        mean, std = mean, std
        valid = (valid - mean) / std
        return train, valid

    return {"train": torch.tensor([1.0, 3.0]), "valid": torch.tensor([100.0, 103.0])}, repaired


@right("mnist.repair_normalize")
def normalize_repaired_by_order() -> tuple[object, object]:
    def repaired(train, valid):  # type: ignore[no-untyped-def]
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        valid = (valid - mean) / std
        return train, valid

    return {"train": torch.tensor([[0.0, 1.0]]), "valid": torch.tensor([[0.0, 9.0]])}, repaired


@right("mnist.reproduce_train_step")
def reproduced_with_the_sum() -> tuple[str, str, object]:
    def broken(w, b, x, y, lr):  # type: ignore[no-untyped-def]
        logs = torch.log_softmax(x @ w + b, dim=1)
        loss = -logs[torch.arange(len(y)), y].sum()
        loss.backward()
        w.data -= lr * w.grad
        b.data -= lr * b.grad
        w.grad = b.grad = None

    return "Ada Lovelace", "a wrong factor", broken


@right("mnist.reproduce_train_step")
def reproduced_with_half_the_batch() -> tuple[str, str, object]:
    def broken(w, b, x, y, lr):  # type: ignore[no-untyped-def]
        x, y = x[:4], y[:4]
        error = torch.softmax(x @ w + b, 1).detach()
        error[range(4), y] -= 1
        w.data -= lr * x.T @ error / 4
        b.data -= lr * error.mean(0)

    return "Sofia Kovalevskaya", "forgotten examples", broken


wrong("mnist.normalize", "validation data scaled by itself")(
    lambda a, b: ((a - a.mean()) / a.std(), (b - b.mean()) / b.std())
)

wrong("mnist.normalize", "statistics of both together")(
    lambda a, b: tuple((t - torch.cat([a, b]).mean()) / torch.cat([a, b]).std() for t in (a, b))
)

wrong("mnist.normalize", "statistics of the validation data")(
    lambda a, b: ((a - b.mean()) / b.std(), (b - b.mean()) / b.std())
)

wrong("mnist.normalize", "each pixel scaled separately")(
    lambda a, b: ((a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0))
)

wrong("mnist.normalize", "each digit scaled separately")(
    lambda a, b: tuple((t - t.mean(1, keepdim=True)) / t.std(1, keepdim=True) for t in (a, b))
)

wrong("mnist.normalize", "divided by the variance")(
    lambda a, b: ((a - a.mean()) / a.var(), (b - a.mean()) / a.var())
)

wrong("mnist.normalize", "not divided")(lambda a, b: (a - a.mean(), b - a.mean()))

wrong("mnist.normalize", "mean not subtracted")(lambda a, b: (a / a.std(), b / a.std()))

wrong("mnist.normalize", "squeezed between 0 and 1")(
    lambda a, b: ((a - a.min()) / (a.max() - a.min()), (b - a.min()) / (a.max() - a.min()))
)

wrong("mnist.normalize", "divided before subtracting")(
    lambda a, b: (a - a.mean() / a.std(), b - a.mean() / a.std())
)

wrong("mnist.normalize", "multiplied by the standard deviation")(
    lambda a, b: ((a - a.mean()) * a.std(), (b - a.mean()) * a.std())
)

wrong("mnist.normalize", "validation data as it was")(
    lambda a, b: ((a - a.mean()) / a.std(), b.clone())
)

wrong("mnist.normalize", "numbers of another data set")(
    lambda a, b: ((a - 0.1307) / 0.3081, (b - 0.1307) / 0.3081)
)

wrong("mnist.normalize", "returned None")(lambda a, b: None)

wrong("mnist.normalize", "not two things")(lambda a, b: (a - a.mean()) / a.std())


class _Momentum:
    """What the mistakes about SGD have in common: everything that they do not get wrong."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.velocities = [torch.zeros_like(p) for p in self.params]
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        for index, p in enumerate(self.params):
            if p.grad is not None:
                self.change(index, p, p.grad)

    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + grad)
        p -= self.lr * v

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None


class _GeneratorKept(_Momentum):
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.given, self.lr, self.momentum = params, lr, momentum
        self.velocities = [torch.zeros_like(p) for p in self.given]

    @torch.no_grad()
    def step(self) -> None:
        for index, p in enumerate(self.given):
            if p.grad is not None:
                self.change(index, p, p.grad)

    def zero_grad(self) -> None:
        for p in self.given:
            p.grad = None


wrong("mnist.SGD", "generator used up")(_GeneratorKept)


class _Aliased(_Momentum):
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, lr, momentum)
        self.started: dict[int, Tensor] = {}

    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        if index in self.started:
            self.started[index].mul_(self.momentum).add_(grad)
        else:
            self.started[index] = grad
        p -= self.lr * self.started[index]

    def zero_grad(self) -> None:
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


wrong("mnist.SGD", "velocity is the gradient itself")(_Aliased)


class _Averaged(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + (1 - self.momentum) * grad)
        p -= self.lr * v


wrong("mnist.SGD", "averaged momentum")(_Averaged)


class _Nesterov(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + grad)
        p -= self.lr * (grad + self.momentum * v)


wrong("mnist.SGD", "Nesterov momentum")(_Nesterov)


class _NoMomentum(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        p -= self.lr * grad


wrong("mnist.SGD", "no velocity is left for the next step")(_NoMomentum)


class _RateKeptElsewhere(_Momentum):
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, lr, momentum)
        self.learning_rate = lr

    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.mul_(self.momentum).add_(grad)
        p.sub_(v, alpha=self.learning_rate)


wrong("mnist.SGD", "lr is kept under another name")(_RateKeptElsewhere)


@wrong("mnist.SGD", "momentum is kept under another name")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.lr, self.beta = lr, momentum
        self.pairs = [[p, 0.0] for p in params]

    def step(self):
        for pair in self.pairs:
            p, v = pair
            if p.grad is not None:
                pair[1] = self.beta * v + p.grad
                p.data -= self.lr * pair[1]

    def zero_grad(self):
        for p, _ in self.pairs:
            p.grad = None


class _Steps(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.mul_(self.momentum).sub_(self.lr * grad)
        p.add_(v)


wrong("mnist.SGD", "velocity in units of the step")(_Steps)


class _OneVelocity(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[0] if self.velocities[0].shape == p.shape else self.velocities[index]
        v.copy_(self.momentum * v + grad)
        p -= self.lr * v


wrong("mnist.SGD", "one velocity for several parameters")(_OneVelocity)


class _RebindsTheName(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        pass


wrong("mnist.SGD", "no parameter moves")(_RebindsTheName)


class _StopsAtNone(_Momentum):
    @torch.no_grad()
    def step(self) -> None:
        for index, p in enumerate(self.params):
            if p.grad is None:
                break
            self.change(index, p, p.grad)


wrong("mnist.SGD", "stops at the first None")(_StopsAtNone)


class _ParameterFirst(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        p -= self.lr * v
        v.copy_(self.momentum * v + grad)


wrong("mnist.SGD", "parameter before velocity")(_ParameterFirst)


class _NoRate(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + grad)
        p -= v


wrong("mnist.SGD", "learning rate forgotten")(_NoRate)


class _RateTwice(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + self.lr * grad)
        p -= self.lr * v


wrong("mnist.SGD", "learning rate twice")(_RateTwice)


class _RatesExchanged(_Momentum):
    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, momentum, lr)


wrong("mnist.SGD", "lr and momentum swapped")(_RatesExchanged)


class _ForgetsWhenSkipped(_Momentum):
    @torch.no_grad()
    def step(self) -> None:
        super().step()
        for p, v in zip(self.params, self.velocities, strict=True):
            if p.grad is None:
                v.zero_()


wrong("mnist.SGD", "velocity lost when skipped")(_ForgetsWhenSkipped)


class _Rebinds(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        self.velocities[index] = self.momentum * self.velocities[index] + grad
        self.params[index] = p - self.lr * self.velocities[index]


wrong("mnist.SGD", "parameters rebound")(_Rebinds)


class _ClearsInStep(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        super().change(index, p, grad)
        p.grad = None


wrong("mnist.SGD", "gradient cleared in step")(_ClearsInStep)


class _Uphill(_Momentum):
    def change(self, index: int, p: Tensor, grad: Tensor) -> None:
        v = self.velocities[index]
        v.copy_(self.momentum * v + grad)
        p += self.lr * v


wrong("mnist.SGD", "uphill")(_Uphill)


class _NeverClears(_Momentum):
    def zero_grad(self) -> None:
        pass


wrong("mnist.SGD", "zero_grad does nothing")(_NeverClears)


class _NeedsEveryGradient(_Momentum):
    @torch.no_grad()
    def step(self) -> None:
        for index, p in enumerate(self.params):
            self.change(index, p, p.grad + 0)  # type: ignore[operator, arg-type]


wrong("mnist.SGD", "every parameter needs a gradient")(_NeedsEveryGradient)


class _FrictionOnSkipped(_Momentum):
    @torch.no_grad()
    def step(self) -> None:
        for index, p in enumerate(self.params):
            self.change(index, p, torch.zeros_like(p) if p.grad is None else p.grad)


wrong("mnist.SGD", "moves without a gradient")(_FrictionOnSkipped)


class _RecordsGraph(_Momentum):
    def step(self) -> None:
        for v, p in zip(self.velocities, self.params, strict=True):
            if p.grad is not None:
                v.copy_(self.momentum * v + p.grad)
                p -= self.lr * v


wrong("mnist.SGD", "graph recorded")(_RecordsGraph)


class _ClearsByZeroingAll(_Momentum):
    def zero_grad(self) -> None:
        for p in self.params:
            p.grad.zero_()  # type: ignore[union-attr]


wrong("mnist.SGD", "zero_grad needs every gradient")(_ClearsByZeroingAll)


def _epoch(model: Any, batches: Any, loss_fn: Any, optimizer: Any, order: str = "zbs") -> float:
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        for act in order:
            if act == "z":
                optimizer.zero_grad()
            elif act == "b":
                loss.backward()
            else:
                optimizer.step()
        total, n = total + loss.item() * len(x), n + len(x)
    return total / n


def _mean_of_means(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    losses = [_epoch(model, [batch], loss_fn, optimizer) for batch in batches]
    return sum(losses) / len(losses)


wrong("mnist.train_epoch", "mean of batch means")(_mean_of_means)


def _sum_of_means(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return sum(_epoch(model, [batch], loss_fn, optimizer) for batch in batches)


def _mean_by_len(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return _sum_of_means(model, batches, loss_fn, optimizer) / len(batches)


wrong("mnist.train_epoch", "sum of batch means over their number")(_mean_by_len)

wrong("mnist.train_epoch", "gradients never cleared")(partial(_epoch, order="bs"))

wrong("mnist.train_epoch", "no gradients at the step")(partial(_epoch, order="zsb"))

wrong("mnist.train_epoch", "one batch late")(partial(_epoch, order="szb"))


def _no_step(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return _epoch(model, batches, loss_fn, optimizer, "zb")


wrong("mnist.train_epoch", "no step")(_no_step)


def _one_step_in_all(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    optimizer.zero_grad()
    loss = _epoch(model, batches, loss_fn, optimizer, "b")
    optimizer.step()
    return loss


wrong("mnist.train_epoch", "one step for all batches")(_one_step_in_all)


def _loss_afterwards(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    total, n = 0.0, 0
    for x, y in batches:
        _epoch(model, [(x, y)], loss_fn, optimizer)
        total, n = total + loss_fn(model(x), y).item() * len(x), n + len(x)
    return total / n


wrong("mnist.train_epoch", "loss after the step")(_loss_afterwards)


def _twice_through(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    n = sum(len(x) for x, _ in batches)
    return sum(_epoch(model, [batch], loss_fn, optimizer) * len(batch[0]) for batch in batches) / n


wrong("mnist.train_epoch", "batches iterated twice")(_twice_through)


def _first_batch(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return _epoch(model, [next(iter(batches))], loss_fn, optimizer)


wrong("mnist.train_epoch", "only the first batch")(_first_batch)


def _last_loss(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return [_epoch(model, [batch], loss_fn, optimizer) for batch in batches][-1]


wrong("mnist.train_epoch", "loss of the last batch")(_last_loss)

wrong("mnist.train_epoch", "sum of the batch losses")(_sum_of_means)


def _sum_of_losses(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return sum(_epoch(model, [batch], loss_fn, optimizer) * len(batch[0]) for batch in batches)


wrong("mnist.train_epoch", "sum of all losses")(_sum_of_losses)


def _means_over_examples(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    pairs = list(batches)
    return _sum_of_means(model, pairs, loss_fn, optimizer) / sum(len(x) for x, _ in pairs)


wrong("mnist.train_epoch", "sum of batch means over the examples")(_means_over_examples)


def _sums_over_batches(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    pairs = list(batches)
    return _sum_of_losses(model, pairs, loss_fn, optimizer) / len(pairs)


wrong("mnist.train_epoch", "sum of all losses over the batches")(_sums_over_batches)


def _downhill_on_the_sum(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    total, n = 0.0, 0
    for x, y in batches:
        total += _epoch(model, [(x, y)], lambda a, b: loss_fn(a, b) * len(b), optimizer)
        n += len(x)
    return total / n


wrong("mnist.train_epoch", "gradient of the sum")(_downhill_on_the_sum)


def _graph_kept(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> Any:
    return _epoch(model, batches, loss_fn, optimizer) + 0 * model.weight.sum()


wrong("mnist.train_epoch", "graph kept")(_graph_kept)


def _own_loss_of_classes(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return _epoch(
        model, batches, lambda a, b: -a.log_softmax(-1)[torch.arange(len(b)), b].mean(), optimizer
    )


wrong("mnist.train_epoch", "cross-entropy whatever loss_fn is")(_own_loss_of_classes)


def _own_loss(model: Any, batches: Any, loss_fn: Any, optimizer: Any) -> float:
    return _epoch(model, batches, F.cross_entropy, optimizer)


wrong("mnist.train_epoch", "its own loss function")(_own_loss)

wrong("mnist.train_epoch", "arguments of the loss swapped")(
    lambda model, batches, loss_fn, optimizer: _epoch(
        model, batches, lambda a, b: loss_fn(b, a), optimizer
    )
)


def _train_and_not_eval(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    was_training = model.training
    model.train()
    with torch.no_grad():
        logits = model(x)
    model.train(was_training)
    return float(F.cross_entropy(logits, y)), float((logits.argmax(-1) == y).double().mean())


wrong("mnist.evaluate", "training mode forced")(_train_and_not_eval)


def _in_training_mode(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    with torch.no_grad():
        logits = model(x)
    return float(F.cross_entropy(logits, y)), float((logits.argmax(-1) == y).double().mean())


wrong("mnist.evaluate", "mode not switched")(_in_training_mode)


def _outer_flag(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    was_training, model.training = model.training, False
    with torch.no_grad():
        logits = model(x)
    model.training = was_training
    return float(F.cross_entropy(logits, y)), float((logits.argmax(-1) == y).double().mean())


wrong("mnist.evaluate", "only the outermost flag switched")(_outer_flag)


def _with_graph(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    was_training = model.training
    model.eval()
    logits = model(x).detach()
    model.train(was_training)
    return float(F.cross_entropy(logits, y)), float((logits.argmax(-1) == y).double().mean())


wrong("mnist.evaluate", "graph recorded")(_with_graph)


def _scores(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    """What the mistakes about evaluate have in common: loss and accuracy, in eval mode and without
    a graph.
    """
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(x)
    model.train(was_training)
    return float(F.cross_entropy(logits, y)), float((logits.argmax(-1) == y).double().mean())


def _left_in_eval(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    result = _scores(model, x, y)
    model.eval()
    return result


wrong("mnist.evaluate", "left in eval mode")(_left_in_eval)


def _always_back_to_training(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    result = _scores(model, x, y)
    model.train()
    return result


wrong("mnist.evaluate", "always back to training mode")(_always_back_to_training)


def _grad_off_for_good(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    result = _scores(model, x, y)
    torch.set_grad_enabled(False)
    return result


wrong("mnist.evaluate", "gradients off for good")(_grad_off_for_good)


def _logits(model: Any, x: Tensor) -> Tensor:
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train(was_training)
    return logits


wrong("mnist.evaluate", "accuracy over the batch")(
    lambda model, x, y: (
        _scores(model, x, y)[0],
        float((_logits(model, x).argmax(0) == y).double().mean()),
    )
)


def _mean_of_chunks(model: Any, x: Tensor, y: Tensor) -> tuple[float, float]:
    parts = [_scores(model, *chunk) for chunk in zip(x.split(4), y.split(4), strict=True)]
    return sum(loss for loss, _ in parts) / len(parts), sum(hits for _, hits in parts) / len(parts)


wrong("mnist.evaluate", "mean of chunk means")(_mean_of_chunks)

wrong("mnist.evaluate", "accuracy first")(lambda model, x, y: _scores(model, x, y)[::-1])

wrong("mnist.evaluate", "percent")(
    lambda model, x, y: (_scores(model, x, y)[0], 100 * _scores(model, x, y)[1])
)

wrong("mnist.evaluate", "error rate")(
    lambda model, x, y: (_scores(model, x, y)[0], 1 - _scores(model, x, y)[1])
)

wrong("mnist.evaluate", "returned None")(lambda model, x, y: None)

wrong("mnist.evaluate", "not two numbers")(lambda model, x, y: _scores(model, x, y)[0])

wrong("mnist.evaluate", "number of hits")(
    lambda model, x, y: (_scores(model, x, y)[0], len(x) * _scores(model, x, y)[1])
)

wrong("mnist.evaluate", "sum of the losses")(
    lambda model, x, y: (len(x) * _scores(model, x, y)[0], _scores(model, x, y)[1])
)

wrong("mnist.evaluate", "softmax twice")(
    lambda model, x, y: (
        float(F.cross_entropy(_logits(model, x).softmax(-1), y)),
        _scores(model, x, y)[1],
    )
)


class _Net(nn.Module):
    """784-50-10 with a ReLU; what a mistake does otherwise is handed in."""

    def __init__(
        self,
        width: int = 50,
        bend: Callable[[Tensor], Tensor] = lambda z: z.clamp(min=0),
        last: Callable[[Tensor], Tensor] = lambda z: z,
    ) -> None:
        super().__init__()
        self.first, self.second, self.bend, self.last = (
            nn.Linear(784, width),
            nn.Linear(width, 10),
            bend,
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.second(self.bend(self.first(x))))


def _trained(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int = 3,
    lr: float = 0.1,
    momentum: float = 0.0,
    clears: bool = True,
    batch: Callable[[Tensor], tuple[Tensor, Tensor]] = lambda idx: (idx, idx),
) -> nn.Module:
    """The model after plain training in batches of 64; `batch` says which images and which labels a
    batch takes.
    """
    optimizer = _Momentum(model.parameters(), lr, momentum)
    for _ in range(epochs):
        for idx in torch.randperm(len(x)).split(64):
            images, labels = batch(idx)
            if clears:
                optimizer.zero_grad()
            F.cross_entropy(model(x[images]), y[labels]).backward()
            optimizer.step()
    return model


wrong("mnist.fit_mnist", "probabilities instead of logits")(
    lambda x, y, seed: _trained(_Net(last=lambda z: z.softmax(-1)), x, y)
)


def _from_zero(model: nn.Module) -> nn.Module:
    for p in model.parameters():
        nn.init.zeros_(p)
    return model


wrong("mnist.fit_mnist", "all parameters zero")(
    lambda x, y, seed: _trained(_from_zero(_Net()), x, y, epochs=1)
)

wrong("mnist.fit_mnist", "only the first batch")(
    lambda x, y, seed: _trained(
        _Net(), x, y, batch=lambda idx: (torch.arange(64), torch.arange(64))
    )
)

wrong("mnist.fit_mnist", "diverged")(
    lambda x, y, seed: _trained(_Net(), x, y, epochs=1, lr=5.0, momentum=0.9)
)

wrong("mnist.fit_mnist", "gradients never cleared")(
    lambda x, y, seed: _trained(_Net(), x, y, epochs=5, lr=0.01, clears=False)
)

wrong("mnist.fit_mnist", "no activation")(lambda x, y, seed: _trained(_Net(bend=lambda z: z), x, y))

wrong("mnist.fit_mnist", "never trained")(lambda x, y, seed: _Net())

wrong("mnist.fit_mnist", "images paired with wrong labels")(
    lambda x, y, seed: _trained(
        _Net(), x, y, lr=0.05, batch=lambda idx: (idx, torch.randint(len(y), (len(idx),)))
    )
)

wrong("mnist.fit_mnist", "too few hidden units")(
    lambda x, y, seed: _trained(_Net(width=5), x, y, momentum=0.5)
)

wrong("mnist.fit_mnist", "steps too long")(
    lambda x, y, seed: _trained(_Net(), x, y, lr=0.2, momentum=0.9)
)

wrong("mnist.fit_mnist", "too little training")(
    lambda x, y, seed: _trained(_Net(), x, y, epochs=1, lr=0.02)
)

wrong("mnist.fit_mnist", "labels mixed up")(lambda x, y, seed: _trained(_Net(), x, (y + 1) % 10))

wrong("mnist.fit_mnist", "worse than guessing")(
    lambda x, y, seed: _trained(
        _Net(), x.reshape(-1, 28, 28).mT.reshape(-1, 784), y, epochs=8, lr=0.2
    )
)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets)


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.argmax(1) == targets).float().mean()


# Written from the student's notebook alone.


@wrong("mnist.normalize", "validation data scaled by itself")
def normalize(train, valid):
    def scale(a):
        return (a - a.mean()) / a.std()

    return scale(train), scale(valid)


@wrong("mnist.normalize", "each pixel scaled separately")
def normalize(train, valid):
    m, s = train.mean(dim=0, keepdim=True), train.std(dim=0, keepdim=True)
    return (train - m) / (s + 1e-7), (valid - m) / (s + 1e-7)


@wrong("mnist.normalize", "each digit scaled separately")
def normalize(train, valid):
    return tuple((a - a.mean(1, keepdim=True)) / a.std(1, keepdim=True) for a in (train, valid))


@wrong("mnist.normalize", "statistics of both together")
def normalize(train, valid):
    everything = torch.cat([train, valid])
    mean, std = everything.mean(), everything.std()
    return (train - mean) / std, (valid - mean) / std


@wrong("mnist.normalize", "divided by the variance")
def normalize(train, valid):
    mu = train.mean()
    sigma = ((train - mu) ** 2).mean()
    return (train - mu) / sigma, (valid - mu) / sigma


@wrong("mnist.normalize", "changed its input")
def normalize(train, valid):
    m, s = train.mean(), train.std()
    train -= m
    train /= s
    valid -= m
    valid /= s
    return train, valid


@wrong("mnist.normalize", "validation data not divided")
def normalize(train, valid):
    m = train.mean()
    train = train - m
    train = train / train.std()
    valid = valid - m
    valid = valid / train.std()
    return train, valid


@wrong("mnist.normalize", "dtype")
def normalize(train, valid):
    t, v = train.numpy().astype(np.float64), valid.numpy().astype(np.float64)
    return torch.from_numpy((t - t.mean()) / t.std()), torch.from_numpy((v - t.mean()) / t.std())


@wrong("mnist.normalize", "root mean square instead of standard deviation")
def normalize(train, valid):
    m = train.mean()
    s = train.square().mean().sqrt()
    return (train - m) / s, (valid - m) / s


@wrong("mnist.normalize")
def normalize(train, valid, stats={}):
    if not stats:
        stats["m"], stats["s"] = train.mean(), train.std()
    return (train - stats["m"]) / stats["s"], (valid - stats["m"]) / stats["s"]


@wrong("mnist.normalize", "validation data clipped")
def normalize(train, valid):
    m, s = train.mean(), train.std()
    valid = valid.clamp(train.min(), train.max())
    return (train - m) / s, (valid - m) / s


@wrong("mnist.normalize", "each pixel scaled separately", "validation data scaled by itself")
def normalize(train, valid):
    return F.batch_norm(train, None, None, training=True), F.batch_norm(
        valid, None, None, training=True
    )


@wrong("mnist.normalize", "changed its input", "divided by the variance")
def normalize(train, valid):
    mean, var = train.mean().item(), train.var().item()
    return train.sub_(mean).div_(var), valid.sub_(mean).div_(var)


@wrong("mnist.SGD", "generator used up")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = params, lr, momentum
        self.v = {}

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is not None:
                self.v[i] = self.momentum * self.v.get(i, 0) + p.grad
                p -= self.lr * self.v[i]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "averaged momentum")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.lr = lr
        self.mu = momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.vs):
                if p.grad is None:
                    continue
                v.lerp_(p.grad, 1 - self.mu)
                p.sub_(v, alpha=self.lr)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "no parameter moves")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.lr, self.momentum = lr, momentum
        self.velocities = [torch.zeros_like(p) for p in self.params]

    def step(self):
        with torch.no_grad():
            for i in range(len(self.params)):
                p = self.params[i]
                if p.grad is not None:
                    self.velocities[i] = self.momentum * self.velocities[i] + p.grad
                    p = p - self.lr * self.velocities[i]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "one velocity for several parameters")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.lr, self.momentum = lr, momentum
        self.v = 0.0

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is None:
                continue
            self.v = self.momentum * self.v + p.grad
            p -= self.lr * self.v

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "moves without a gradient")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = [*params], lr, momentum
        self.velocity = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.velocity):
            g = torch.zeros_like(p) if p.grad is None else p.grad
            v.mul_(self.momentum).add_(g)
            p.add_(v, alpha=-self.lr)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "velocity is the gradient itself")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.buf = [None] * len(self.params)

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            if self.buf[i] is None:
                self.buf[i] = p.grad
            else:
                self.buf[i].mul_(self.momentum).add_(p.grad)
            p.add_(self.buf[i], alpha=-self.lr)

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@wrong("mnist.SGD", "Nesterov momentum")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p -= self.lr * (p.grad + self.momentum * v)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "parameter before velocity")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.pairs = [(p, torch.zeros_like(p)) for p in params]
        self.lr, self.momentum = lr, momentum

    @torch.no_grad()
    def step(self):
        for p, v in self.pairs:
            if p.grad is not None:
                p.sub_(self.lr * v)
                v.copy_(self.momentum * v + p.grad)

    def zero_grad(self):
        for p, _ in self.pairs:
            p.grad = None


@wrong("mnist.SGD", "zero_grad needs every gradient")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p.data.sub_(self.lr * v)

    def zero_grad(self):
        for p in self.params:
            p.grad.zero_()


@wrong("mnist.SGD", "keeps something between calls")
class SGD:
    velocities = {}

    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            key = (i, p.shape)
            self.velocities[key] = (
                self.momentum * self.velocities.get(key, torch.zeros_like(p)) + p.grad
            )
            p -= self.lr * self.velocities[key]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "keeps something between calls")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum

    def step(self):
        with torch.no_grad():
            for p in self.params:
                if p.grad is not None:
                    p.velocity = self.momentum * getattr(p, "velocity", 0) + p.grad
                    p.add_(p.velocity, alpha=-self.lr)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "velocities of the wrong parameters")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        grads = [p.grad for p in self.params if p.grad is not None]
        self.vs = [self.momentum * v + g for v, g in zip(self.vs, grads)]
        for p, v in zip([p for p in self.params if p.grad is not None], self.vs):
            p -= self.lr * v

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "zero_grad does nothing")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v *= self.momentum
                v += p.grad
                p -= self.lr * v

    def zero_grad(self):
        for p in self.params:
            grad = p.grad
            if grad is not None:
                grad = torch.zeros_like(grad)


@wrong("mnist.SGD", "gradient cleared in step")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p.sub_(self.lr * v)
        self.zero_grad()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "stops at the first None", "averaged momentum")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.m = list(params), lr, momentum
        self.v = [0] * len(self.params)

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                return
            self.v[i] = self.m * self.v[i] + (1 - self.m) * p.grad
            p -= self.lr * self.v[i]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD", "single numbers skipped", "gradient overwritten in step")
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params = [p for p in params if p.ndim >= 1]
        self.lr, self.momentum = lr, momentum
        self.vs = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.vs):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p.sub_(p.grad.copy_(v).mul_(self.lr))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.train_epoch", "mean of batch means")
def train_epoch(model, batches, loss_fn, optimizer):
    losses = []
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@wrong("mnist.train_epoch", "no gradients at the step")
def train_epoch(model, batches, loss_fn, optimizer):
    total = n = 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@wrong("mnist.train_epoch", "gradients never cleared")
def train_epoch(model, batches, loss_fn, optimizer):
    history = []
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        history.extend([loss.item()] * len(yb))
    return float(np.mean(history))


@wrong("mnist.train_epoch", "gradients never cleared")
def train_epoch(model, batches, loss_fn, optimizer):
    optimizer.zero_grad()
    seen, running = 0, 0.0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * x.shape[0]
        seen += x.shape[0]
    return running / seen


@wrong("mnist.train_epoch", "loss after the step")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            total += loss_fn(model(x), y).item() * len(y)
        n += len(y)
    return total / n


@wrong("mnist.train_epoch", "one step for all batches")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    optimizer.zero_grad()
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        total, n = total + loss.item() * len(y), n + len(y)
    optimizer.step()
    return total / n


@wrong("mnist.train_epoch", "batches iterated twice")
def train_epoch(model, batches, loss_fn, optimizer):
    n = sum(len(y) for _, y in batches)
    total = 0.0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y) / n
    return total


@wrong("mnist.train_epoch", "smaller batch left out")
def train_epoch(model, batches, loss_fn, optimizer):
    size, total, n = None, 0.0, 0
    for x, y in batches:
        size = size or len(y)
        if len(y) < size:
            break
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


@wrong("mnist.train_epoch", "numbers in y counted")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += y.numel()
    return total / n


@wrong("mnist.train_epoch", "arguments of the loss swapped")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(y, model(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


@wrong("mnist.train_epoch", "optimizer left out")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= optimizer.lr * p.grad
        total += loss.item() * len(y)
        n += len(y)
    return total / n


@wrong("mnist.train_epoch", "every batch weighted like the first")
def train_epoch(model, batches, loss_fn, optimizer):
    losses, size, n = [], None, 0
    for x, y in batches:
        if size is None:
            size = len(x)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() * size)
        n += len(x)
    return sum(losses) / n


@wrong("mnist.train_epoch", "mean of batch means", "gradients never cleared")
def train_epoch(model, batches, loss_fn, optimizer):
    mean = 0.0
    for k, (x, y) in enumerate(batches, 1):
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        mean += (loss.item() - mean) / k
    return mean


@wrong("mnist.train_epoch", "loss after the step", "sum of all losses over the batches")
def train_epoch(model, batches, loss_fn, optimizer):
    total, count = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        total += loss_fn(model(x), y).item() * len(x)
        count += 1
    return total / count


@wrong("mnist.evaluate", "left in eval mode")
def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return cross_entropy(logits, y).item(), accuracy(logits, y).item()


@wrong("mnist.evaluate", "always back to training mode")
@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    out = model(x)
    result = cross_entropy(out, y).item(), accuracy(out, y).item()
    model.train()
    return result


@wrong("mnist.evaluate", "mode not switched")
def evaluate(model, x, y):
    with torch.no_grad():
        logits = model(x)
        return cross_entropy(logits, y).item(), accuracy(logits, y).item()


@wrong("mnist.evaluate", "graph recorded")
def evaluate(model, x, y):
    mode = model.training
    model.eval()
    logits = model(x).detach()
    model.train(mode)
    return cross_entropy(logits, y).item(), accuracy(logits, y).item()


@wrong("mnist.evaluate", "layers inside left in eval mode")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    with torch.no_grad():
        z = model(x)
    model.training = was
    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).double().mean().item()


@wrong("mnist.evaluate", "only the outermost flag switched")
def evaluate(model, x, y):
    was, model.training = model.training, False
    with torch.no_grad():
        z = model(x)
    model.training = was
    return float(F.cross_entropy(z, y)), float((z.argmax(-1) == y).float().mean())


@wrong("mnist.evaluate", "softmax twice")
def evaluate(model, x, y):
    was = model.training
    with torch.no_grad():
        probabilities = model.eval()(x).softmax(dim=1)
    model.train(was)
    return cross_entropy(probabilities, y).item(), accuracy(probabilities, y).item()


@wrong("mnist.evaluate", "accuracy over the batch")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    with torch.no_grad():
        z = model(x)
        loss, share = cross_entropy(z, y).item(), (z.argmax(0) == y).float().mean().item()
    model.train(was)
    return loss, share


@wrong("mnist.evaluate", "parameters frozen")
def evaluate(model, x, y):
    was = model.training
    model.eval().requires_grad_(False)
    logits = model(x)
    model.train(was)
    return cross_entropy(logits, y).item(), accuracy(logits, y).item()


@wrong("mnist.evaluate", "mean of chunk means")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    losses, shares = [], []
    with torch.no_grad():
        for xb, yb in zip(x.split(64), y.split(64)):
            out = model(xb)
            losses.append(cross_entropy(out, yb))
            shares.append(accuracy(out, yb))
    model.train(was)
    return torch.stack(losses).mean().item(), torch.stack(shares).mean().item()


@wrong("mnist.evaluate", "percent")
@torch.inference_mode()
def evaluate(model, x, y):
    was = model.training
    model.eval()
    logits = model(x)
    model.train(was)
    return cross_entropy(logits, y).item(), 100.0 * (logits.argmax(1) == y).sum().item() / len(y)


@wrong("mnist.evaluate", "accuracy first", "left in eval mode")
def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return accuracy(logits, y).item(), cross_entropy(logits, y).item()


@wrong("mnist.evaluate", "sum of the losses", "graph recorded")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    z = model(x)
    model.train(was)
    logp = z.log_softmax(1)
    return -logp[torch.arange(len(y)), y].sum().item(), (z.argmax(1) == y).float().mean().item()


def _one_epoch(model, batches, optimizer):
    for x, y in batches:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@wrong("mnist.fit_mnist", "never trained")
def fit_mnist(x, y, seed):
    torch.manual_seed(seed)
    model = _net()
    sgd = _SGD(model.parameters(), 0.02, 0.9)
    torch.manual_seed(seed + 1)
    model = _net()
    g = torch.Generator().manual_seed(seed)
    for _ in range(4):
        _one_epoch(model, _batches(x, y, g), sgd)
    return model


@wrong("mnist.fit_mnist", "not a model")
def fit_mnist(x, y, seed):
    torch.manual_seed(seed)
    model, history = _net(), []
    sgd, g = _SGD(model.parameters(), 0.02, 0.9), torch.Generator().manual_seed(seed)
    for _ in range(8):
        _one_epoch(model, _batches(x, y, g), sgd)
        with torch.no_grad():
            history.append(F.cross_entropy(model(x), y).item())
    return model, history


@wrong("mnist.fit_mnist", "images paired with wrong labels")
def fit_mnist(x, y, seed):
    torch.manual_seed(seed)
    model = _net()
    sgd, g = _SGD(model.parameters(), 0.02, 0.9), torch.Generator().manual_seed(seed)
    for _ in range(5):
        x = x[torch.randperm(len(x), generator=g)]
        _one_epoch(model, zip(x.split(64), y.split(64)), sgd)
    return model


@wrong("mnist.fit_mnist", ("never trained", "too little training"), "too little training")
def fit_mnist(x, y, seed):
    torch.manual_seed(seed)
    model = _net(50)
    sgd, g = _SGD(model.parameters(), 1e-5, 0.0), torch.Generator().manual_seed(seed)
    data = _batches(x, y, g)
    for _ in range(10):
        _one_epoch(model, data, sgd)
    return model


def _bright() -> dict[str, torch.Tensor]:
    return {"train": torch.tensor([0.0, 1.0]), "valid": torch.tensor([7.0, 9.0, 8.0])}


@wrong("mnist.repair_normalize", "witness on which nothing differs")
def repair_normalize():
    def repaired(train, valid):
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        valid = (valid - mean) / std
        return train, valid

    return {"train": torch.tensor([1.0, 2.0]), "valid": torch.tensor([1.0, 2.0])}, repaired


@wrong("mnist.repair_normalize", "repair that is not right yet")
def repair_normalize():
    def repaired(train, valid):
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        mean = train.mean()
        valid = (valid - mean) / std
        return train, valid

    return _bright(), repaired


@wrong("mnist.repair_normalize", "repair that is not right yet")
def repair_normalize():
    def repaired(train, valid):
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        mean, std = valid.mean(), train.std()
        valid = (valid - mean) / std
        return train, valid

    return _bright(), repaired


@wrong("mnist.repair_normalize", "nothing repaired")
def repair_normalize():
    def repaired(train, valid):
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        mean, std = valid.mean(), valid.std()
        valid = (valid - mean) / std
        return train, valid

    return _bright(), repaired


@wrong("mnist.repair_normalize", "too many lines changed")
def repair_normalize():
    def repaired(train, valid):
        m = train.float().mean()
        s = train.float().std()
        return (train.float() - m) / s, (valid.float() - m) / s

    return _bright(), repaired


@wrong("mnist.repair_normalize", "not a witness and a repaired function")
def repair_normalize():
    return _bright()


@wrong("mnist.repair_normalize", "witness that right code cannot answer")
def repair_normalize():
    def repaired(train, valid):
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        return (train - mean) / std, (valid - mean) / std

    return {"train": torch.tensor([5.0]), "valid": torch.tensor([7.0])}, repaired


def _trainer(clear: bool = True, twice: bool = False) -> object:
    """A step of training, perhaps without clearing, perhaps with two softmaxes."""

    def broken(w, b, x, y, lr):
        logits = x @ w + b
        if twice:
            logits = torch.softmax(logits, 1)
        loss = -torch.log_softmax(logits, 1)[range(len(y)), y].mean()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        if clear:
            w.grad = None
            b.grad = None

    return broken


@wrong("mnist.reproduce_train_step", "right code")
def reproduce_train_step():
    return "Carl Gauss", "a forgotten parameter", _trainer()


@wrong("mnist.reproduce_train_step", "somebody else's curve")
def reproduce_train_step():
    return "Carl Gauss", "gradients that stay", _trainer(clear=False)


@wrong("mnist.reproduce_train_step", "another guess")
def reproduce_train_step():
    return "Emmy Noether", "a wrong factor", _trainer(twice=True)


@wrong("mnist.reproduce_train_step", "another bug")
def reproduce_train_step():
    return "Emmy Noether", "a wrong loss", _trainer(clear=False, twice=True)


@wrong("mnist.reproduce_train_step", "another bug")
def reproduce_train_step():
    return "Emmy Noether", "a wrong loss", lambda w, b, x, y, lr: None


@wrong("mnist.reproduce_train_step", "only the curve that was shown")
def reproduce_train_step():
    first, right = [], _trainer(twice=True)

    def broken(w, b, x, y, lr):
        if not first:
            first.append(bool((w[0, 0] - 0.5).abs() < 1e-6))
        right(w, b, x, y, lr if first[0] else 2 * lr)

    return "Emmy Noether", "a wrong loss", broken


@wrong("mnist.reproduce_train_step", "not a name, a guess and a function")
def reproduce_train_step():
    return "Emmy Noether", _trainer(twice=True), "a wrong loss"


@wrong("mnist.reproduce_train_step", "not a name, a guess and a function")
def reproduce_train_step():
    return 3, "a wrong loss", _trainer(twice=True)


@wrong("mnist.normalize", "squeezed between 0 and 1")
def normalize(train, valid):
    lo, hi = train.min(), train.max()
    return (train - lo) / (hi - lo), (valid - lo) / (hi - lo)


@wrong("mnist.evaluate", "always back to training mode")
@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    z = model(x)
    lp = z - z.logsumexp(1, keepdim=True)
    loss = -lp[torch.arange(len(y)), y].mean()
    model.train()
    return loss.item(), (z.argmax(1) == y).float().mean().item()


wrong("mnist.normalize", "validation data scaled by itself")(
    lambda a, b: ((a - a.mean()) / a.std(), (b - b.mean()) / a.std())
)

wrong("mnist.normalize", "validation data scaled by itself")(
    lambda a, b: ((a - a.mean()) / a.std(), (b - a.mean()) / b.std())
)


def _without(name):
    """An optimizer that keeps something under another name than the one it reads."""

    class SGD(_Momentum):
        def __init__(self, params, lr, momentum=0.0):
            super().__init__(params, lr, momentum)
            setattr(self, f"own_{name}", vars(self).pop(name))

    return SGD


for _name in ("params", "lr", "momentum", "velocities"):
    wrong("mnist.SGD", "an attribute that is not there")(_without(_name))


@wrong("mnist.SGD", "velocity added to itself")
class SGD(_Momentum):
    def change(self, index, p, grad):
        v = self.velocities[index]
        v += self.momentum * v + grad
        p -= self.lr * v


@wrong("mnist.train_epoch", "one step for all batches")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(x)
        n += len(x)
    optimizer.step()
    return total / n


@wrong("mnist.train_epoch", "one step for all batches", "mean of batch means")
def train_epoch(model, batches, loss_fn, optimizer):
    losses = []
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
    optimizer.step()
    return sum(losses) / len(losses)


@wrong("mnist.train_epoch", "sum of all losses over the last batch")
def train_epoch(model, batches, loss_fn, optimizer):
    total = 0.0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * x.shape[0]
    return total / x.shape[0]


# the ink alone
@wrong("mnist.normalize")
def normalize(train, valid):
    ink = train[train != 0]
    m, s = ink.mean(), ink.std()
    return (train - m) / s, (valid - m) / s


@wrong("mnist.normalize", "divided before subtracting")
def normalize(train, valid):
    m, s = train.mean(), train.std()
    return (train - m) / s, valid - m / s


@wrong("mnist.normalize", "divided before subtracting")
def normalize(train, valid):
    m, s = train.mean(), train.std()
    return train - m / s, (valid - m) / s


@wrong("mnist.normalize", "each pixel's own mean")
def normalize(train, valid):
    m, s = train.mean(0), train.std()
    return (train - m) / s, (valid - m) / s


class _Rolling:
    """The right optimizer, for mistakes in one place of it."""

    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.velocities = [torch.zeros_like(p) for p in self.params]
        self.lr, self.momentum = lr, momentum

    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.velocities):
                if p.grad is not None:
                    self.move(p, v)

    def move(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p.sub_(self.lr * v)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@wrong("mnist.SGD")
class SGD(_Rolling):
    def move(self, p, v):
        if p.grad.any():
            super().move(p, v)


@wrong("mnist.SGD")
class SGD(_Rolling):
    def move(self, p, v):
        if p.grad.sum() != 0:
            super().move(p, v)


@wrong("mnist.SGD", "no velocity is left for the next step")
class SGD(_Rolling):
    def zero_grad(self):
        super().zero_grad()
        for v in self.velocities:
            v.zero_()


@wrong("mnist.SGD", "no velocity is left for the next step")
class SGD(_Rolling):
    def move(self, p, v):
        if v.any():
            v.mul_(self.momentum).add_(p.grad)
        else:
            v.data = p.grad
        p.sub_(self.lr * v)

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@wrong("mnist.SGD", "velocity not multiplied by momentum")
class SGD(_Rolling):
    def move(self, p, v):
        v.add_(p.grad)
        p.sub_(self.lr * v)


@wrong("mnist.SGD", "momentum on both")
class SGD(_Rolling):
    def move(self, p, v):
        v.add_(p.grad).mul_(self.momentum)
        p.sub_(self.lr * v)


@wrong("mnist.SGD", "momentum on the gradient")
class SGD(_Rolling):
    def move(self, p, v):
        v += self.momentum * p.grad
        p -= self.lr * v


@wrong("mnist.SGD", "another default for momentum")
class SGD(_Rolling):
    def __init__(self, params, lr, momentum=0.9):
        super().__init__(params, lr, momentum)


@wrong("mnist.SGD", "only the first parameter moves")
class SGD(_Rolling):
    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.velocities):
                if p.grad is None:
                    continue
                self.move(p, v)
                return


@wrong("mnist.SGD", "zero_grad clears only some gradients")
class SGD(_Rolling):
    def zero_grad(self):
        for p in self.params:
            p.grad = None
            return


@wrong("mnist.SGD", "zero_grad clears only some gradients")
class SGD(_Rolling):
    def zero_grad(self):
        for p in self.params:
            if p.dim() > 1:
                p.grad = None


@wrong("mnist.SGD", "zero_grad clears only some gradients")
class SGD(_Rolling):
    def zero_grad(self):
        for p in self.params:
            if p.grad is None:
                break
            p.grad = None


@wrong("mnist.SGD", "zero_grad clears only some gradients")
class SGD(_Rolling):
    def __init__(self, params, lr, momentum=0.0):
        self.given = params
        super().__init__(params, lr, momentum)

    def zero_grad(self):
        for p in self.given:
            p.grad = None


def _right_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@wrong("mnist.train_epoch", "trained in eval mode")
def train_epoch(model, batches, loss_fn, optimizer):
    model.eval()
    return _right_epoch(model, batches, loss_fn, optimizer)


@wrong("mnist.train_epoch", "left in eval mode")
def train_epoch(model, batches, loss_fn, optimizer):
    model.train()
    mean = _right_epoch(model, batches, loss_fn, optimizer)
    model.eval()
    return mean


# cross-entropy wherever the targets are classes
@wrong("mnist.train_epoch")
def train_epoch(model, batches, loss_fn, optimizer):
    def loss(logits, y):
        return (nn.functional.cross_entropy if y.dtype == torch.int64 else loss_fn)(logits, y)

    return _right_epoch(model, batches, loss, optimizer)


# the first batch does not count in the mean
@wrong("mnist.train_epoch")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for i, (x, y) in enumerate(batches):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i:
            total += loss.item() * len(x)
            n += len(x)
    return total / n if n else loss.item()


@wrong("mnist.train_epoch", "optimizer left out")
def train_epoch(model, batches, loss_fn, optimizer):
    return _right_epoch(model, batches, loss_fn, _Rolling(model.parameters(), lr=0.1))


def _evaluated(model, x, y):
    logits = model(x)
    return nn.functional.cross_entropy(logits, y).item(), (
        logits.argmax(1) == y
    ).sum().item() / len(y)


@wrong("mnist.evaluate", "recording switched on")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    torch.set_grad_enabled(False)
    answer = _evaluated(model, x, y)
    torch.set_grad_enabled(True)
    model.train(was)
    return answer


@wrong("mnist.evaluate", "frozen parameters thawed")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    model.requires_grad_(False)
    with torch.no_grad():
        answer = _evaluated(model, x, y)
    model.requires_grad_(True)
    model.train(was)
    return answer


@wrong("mnist.evaluate", "gradients cleared")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    model.zero_grad()
    with torch.no_grad():
        answer = _evaluated(model, x, y)
    model.train(was)
    return answer


# one example at a time, without a batch
@wrong("mnist.evaluate")
def evaluate(model, x, y):
    was = model.training
    model.eval()
    with torch.no_grad():
        z = torch.stack([model(row) for row in x])
    model.train(was)
    return _evaluated(nn.Identity(), z, y)


@wrong("mnist.normalize", "mean of the rows' spreads")
def normalize(train, valid):
    m = train.mean(1).mean()
    s = train.std(1).mean()
    return (train - m) / s, (valid - m) / s


@wrong("mnist.SGD", "zero_grad clears only some gradients")
class SGD(_Rolling):
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None and p.grad.all():
                p.grad.zero_()


@wrong("mnist.train_epoch", "two runs for each batch")
def train_epoch(model, batches, loss_fn, optimizer):
    total, count = 0.0, 0
    for x, y in batches:
        with torch.no_grad():
            total += loss_fn(model(x), y).item() * len(x)
        count += len(x)
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    return total / count


@wrong("mnist.normalize", "zeros left out of the statistics")
def normalize_by_the_ink(train, valid):
    ink = train[train != 0]
    return (train - ink.mean()) / ink.std(), (valid - ink.mean()) / ink.std()


@wrong("mnist.SGD", "momentum on both")
class SGDThatScalesBoth(_Rolling):
    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.velocities, strict=True):
                if p.grad is not None:
                    v.copy_(self.momentum * (v + p.grad) if self.momentum else p.grad)
                    p -= self.lr * v


@wrong("mnist.train_epoch", "outputs squeezed")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x).squeeze(), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@wrong("mnist.train_epoch", "one step for all batches")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    optimizer.zero_grad()
    for x, y in batches:
        total = total + loss_fn(model(x), y) * len(y)
        n += len(y)
    mean = total / n
    mean.backward()
    optimizer.step()
    return mean.item()


@right("mnist.train_epoch")
def train_epoch(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total, n = total + loss.item() * len(y), n + len(y)
    return total / n


@right("mnist.SGD")
class SGDAsTorchHasIt(_Rolling):
    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.velocities, strict=True):
                if p.grad is not None:
                    direction = v.mul_(self.momentum).add_(p.grad) if self.momentum else p.grad
                    p -= self.lr * direction


@wrong("mnist.SGD", "fails for a tensor of shape ()")
class SGDThatSlices(_Rolling):
    def step(self):
        with torch.no_grad():
            for p, v in zip(self.params, self.velocities, strict=True):
                if p.grad is not None:
                    v[:] = self.momentum * v + p.grad
                    p[:] = p - self.lr * v


# the logarithm of a softmax: inf where a probability is 0
@wrong("mnist.evaluate")
def evaluate(model, x, y):
    before = model.training
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train(before)
    e = (logits - logits.amax(1, keepdim=True)).exp()
    p = e / e.sum(1, keepdim=True)
    loss = -p[torch.arange(len(y)), y].log().mean()
    return loss.item(), (logits.argmax(1) == y).float().mean().item()


@wrong("mnist.normalize", "a limit of the divisor")
def normalize_small_term(train, valid):
    m, s = train.mean(), train.std()
    return (train - m) / (s + 1e-5), (valid - m) / (s + 1e-5)


@wrong("mnist.normalize", "a limit of the divisor")
def normalize_clamped(train, valid):
    m, s = train.mean(), train.std().clamp(min=0.01)
    return (train - m) / s, (valid - m) / s


@wrong("mnist.normalize")
def normalize_of_printed_numbers(train, valid):
    m, s = round(train.mean().item(), 4), round(train.std().item(), 4)
    return (train - m) / s, (valid - m) / s


@wrong("mnist.normalize", "wrong for many")
def normalize_by_first_rows(train, valid):
    m, s = train[:256].mean(), train[:256].std()
    return (train - m) / s, (valid - m) / s


@wrong("mnist.SGD", "a rate of 0 replaced")
class SgdNeverAtRest(_Rolling):
    def move(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p.sub_((self.lr or 0.01) * v)


@wrong("mnist.SGD", "gradients clipped")
class SgdClipped(_Rolling):
    def move(self, p, v):
        v.mul_(self.momentum).add_(p.grad.clamp(-10, 10))
        p.sub_(self.lr * v)


@wrong("mnist.SGD", "recording switched on")
class SgdRecordsAgain(_Rolling):
    def step(self):
        torch.set_grad_enabled(False)
        for p, v in zip(self.params, self.velocities):
            if p.grad is not None:
                self.move(p, v)
        torch.set_grad_enabled(True)


@wrong("mnist.SGD", "velocity is the gradient itself")
class SgdKeepsTheFirstGradient(_Rolling):
    def step(self):
        with torch.no_grad():
            for i, p in enumerate(self.params):
                if p.grad is None:
                    continue
                if not self.velocities[i].any():
                    self.velocities[i] = p.grad
                else:
                    self.velocities[i].mul_(self.momentum).add_(p.grad)
                p.sub_(self.lr * self.velocities[i])


@wrong("mnist.train_epoch", "stops at a smaller batch")
def train_to_a_smaller_batch(model, batches, loss_fn, optimizer):
    total, n, last = 0.0, 0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
        if len(x) < last:
            break
        last = len(x)
    return total / n


@wrong("mnist.train_epoch", "gradients clipped")
def train_with_clipping(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n
