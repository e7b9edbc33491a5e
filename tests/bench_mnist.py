"""Training on all of MNIST: the lessons' own parts against torch's, as ratios from one run; needs
COURSE_DATA.

`python -m tests.bench mnist`. Every side starts from the same parameters where the nets are alike,
and runs in this process with the same number of threads. Shorter runs that are compared with each
other take turns. Times are of the processor, which other work on the machine disturbs less, and in
brackets of the clock.
"""

import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils.data import Mnist, load_mnist
from course_utils.reference.backprop import linear_backward, relu_backward
from course_utils.reference.cross_entropy import accuracy, cross_entropy, cross_entropy_backward
from course_utils.reference.library import CrossEntropy, First, Linear, ReLU, Sequential, take_step
from course_utils.reference.linear import two_layer_net
from course_utils.reference.mnist import SGD, evaluate, normalize, train_epoch
from course_utils.reference.one_cycle import one_cycle, steps_per_fit
from course_utils.reference.sgd import minibatches, momentum_step

HIDDEN, BATCH, LR, MOMENTUM = 100, 64, 0.02, 0.9
ROUNDS, MOST_EPOCHS, TARGET = 3, 15, 0.97


class Took(NamedTuple):
    """Seconds of one run."""

    cpu: float
    wall: float


def timed(function: Callable[[], object]) -> Took:
    """The seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return Took(time.process_time() - cpu, time.perf_counter() - wall)


def median(times: list[Took]) -> Took:
    """The run in the middle by processor time."""
    return sorted(times)[len(times) // 2]


def batches(x: Tensor, y: Tensor, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    for idx in minibatches(len(x), BATCH, torch.Generator().manual_seed(seed)):
        yield x[idx], y[idx]


def own_net() -> nn.Module:
    torch.manual_seed(0)
    return two_layer_net(784, HIDDEN, 10)


def torch_net() -> nn.Module:
    """torch's layers with the parameters of own_net()."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    with torch.no_grad():
        for theirs, ours in zip(net.parameters(), own_net().parameters(), strict=True):
            theirs.copy_(ours)
    return net


def torch_epoch(model: nn.Module, loader: object, optimizer: torch.optim.Optimizer) -> None:
    for x, y in loader:  # type: ignore[attr-defined]
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def by_hand(x: Tensor, y: Tensor, params: list[Tensor], velocities: list[Tensor]) -> None:
    """One epoch of the lesson's backward pass without autograd, in the lessons' own functions."""
    w1, b1, w2, b2 = params
    for x_batch, y_batch in batches(x, y, 0):
        z = x_batch @ w1.T + b1
        h = z.clamp(min=0)
        grad_logits = cross_entropy_backward(h @ w2.T + b2, y_batch)
        grad_h, w2.grad, b2.grad = linear_backward(grad_logits, h, w2)
        grad_z = relu_backward(grad_h, z)
        w1.grad, b1.grad = grad_z.T @ x_batch, grad_z.sum(0)
        momentum_step(params, velocities, LR, MOMENTUM)


def datasets_of_torchvision(folder: Path) -> tuple[datasets.MNIST, datasets.MNIST]:
    """MNIST with the usual transforms, ToTensor and Normalize; torchvision wants the files
    unpacked, in `folder`.
    """
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (Path(os.environ["COURSE_DATA"]) / "MNIST" / "raw").glob("*-ubyte*"):
        data = path.read_bytes()
        (raw / path.name.removesuffix(".gz")).write_bytes(
            gzip.decompress(data) if path.suffix == ".gz" else data
        )
    usual = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    return datasets.MNIST(str(folder), True, usual), datasets.MNIST(str(folder), False, usual)


def epoch_against_torch(digits: tuple[Tensor, ...], train: datasets.MNIST) -> None:
    """One epoch: own layers, SGD and index-sliced batches against nn.Linear, torch.optim.SGD and
    DataLoader.
    """
    x, y, x_valid, y_valid = digits
    own, theirs, seconds = own_net(), torch_net(), []
    optimizer = SGD(own.parameters(), LR, MOMENTUM)
    seconds.append(timed(lambda: train_epoch(own, batches(x, y, 0), cross_entropy, optimizer)))
    reference = torch.optim.SGD(theirs.parameters(), LR, MOMENTUM)
    torch.manual_seed(0)
    seconds.append(
        timed(lambda: torch_epoch(theirs, DataLoader(train, BATCH, shuffle=True), reference))
    )
    reached = [evaluate(net, x_valid, y_valid)[1] for net in (own, theirs)]
    show(
        "one epoch: hand-written loop / nn.Linear + optim + DataLoader",
        seconds,
        reached,
        "at most 0.33",
    )


def backward_against_torch(digits: tuple[Tensor, ...]) -> None:
    """One epoch without autograd against nn.Linear and torch.optim.SGD, on the same index-sliced
    batches.
    """
    x, y, x_valid, y_valid = digits
    seconds: tuple[list[Took], list[Took]] = ([], [])
    for _ in range(ROUNDS):
        params = [p.detach() for p in own_net().parameters()]
        velocities = [torch.zeros_like(p) for p in params]
        theirs = torch_net()
        reference = torch.optim.SGD(theirs.parameters(), LR, MOMENTUM)
        seconds[0].append(timed(lambda: by_hand(x, y, params, velocities)))  # noqa: B023
        seconds[1].append(timed(lambda: torch_epoch(theirs, batches(x, y, 0), reference)))  # noqa: B023
    w1, b1, w2, b2 = params
    reached = [
        accuracy((x_valid @ w1.T + b1).clamp(min=0) @ w2.T + b2, y_valid),
        evaluate(theirs, x_valid, y_valid)[1],
    ]
    medians = [median(times) for times in seconds]
    show(
        "one epoch: backward by hand / nn.Linear + optim, same batches",
        medians,
        reached,
        "at most 0.8",
    )


def library_net(first: type[Linear], hidden: list[int]) -> Sequential:
    """Lesson 12's net with hidden layers of these sizes; first: the kind of its first layer."""
    generator = torch.Generator().manual_seed(0)
    pairs = zip(hidden, [*hidden[1:], 10], strict=True)
    later = [layer for a, b in pairs for layer in (ReLU(), Linear(a, b, generator))]
    return Sequential([first(784, hidden[0], generator), *later])


def aside(x: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures moved by a pixel, to any side or not at all; x: (n, 784)."""
    by = torch.randint(-1, 2, (2,), generator=generator).tolist()
    return x.reshape(-1, 28, 28).roll(by, (1, 2)).flatten(1)


def library_epochs(
    x: Tensor, y: Tensor, net: Sequential, epochs: int, lr: float, size: int, moved: bool = False
) -> None:
    """Lesson 12's training: one cycle, weight decay; moved: each eighth of a batch goes a pixel
    aside at random.
    """
    generator = torch.Generator().manual_seed(0)
    loss, sgd, step = CrossEntropy(), SGD(net.parameters(), lr), 0
    total = steps_per_fit(len(x), size, epochs)
    for _ in range(epochs):
        for idx in minibatches(len(x), size, generator):
            some = x[idx]
            if moved:
                some = torch.cat([aside(part, generator) for part in some.chunk(8)])
            sgd.lr, sgd.momentum = one_cycle(step, total, lr)
            take_step(net, loss, sgd, some, y[idx])
            step += 1


def torch_cycle(x: Tensor, y: Tensor, net: nn.Module, epochs: int) -> None:
    """The same training with torch's optimizer, schedule and autograd."""
    generator = torch.Generator().manual_seed(0)
    sgd = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, weight_decay=1e-4)
    total = steps_per_fit(len(x), BATCH, epochs)
    cycle = torch.optim.lr_scheduler.OneCycleLR(sgd, 0.08, total)
    for _ in range(epochs):
        for idx in minibatches(len(x), BATCH, generator):
            sgd.zero_grad()
            F.cross_entropy(net(x[idx]), y[idx]).backward()
            sgd.step()
            cycle.step()


def library_against_torch(digits: tuple[Tensor, ...]) -> None:
    """Two epochs of lesson 12's library against nn.Linear, torch.optim.SGD and OneCycleLR."""
    x, y, x_valid, y_valid = digits
    seconds: tuple[list[Took], list[Took]] = ([], [])
    for _ in range(ROUNDS):
        ours, theirs = library_net(Linear, [HIDDEN]), torch_net()
        seconds[0].append(timed(lambda: library_epochs(x, y, ours, 2, 0.08, BATCH)))  # noqa: B023
        seconds[1].append(timed(lambda: torch_cycle(x, y, theirs, 2)))  # noqa: B023
    reached = [accuracy(ours.forward(x_valid), y_valid), evaluate(theirs, x_valid, y_valid)[1]]
    name = "two epochs: lesson 12's library / nn.Linear + optim + OneCycleLR, same batches"
    show(name, [median(times) for times in seconds], reached, "at most 1.0")


def library_to_99(digits: tuple[Tensor, ...], train: datasets.MNIST, valid: datasets.MNIST) -> None:
    """Lesson 12 with `FULL = True` against one epoch with the settings of pytorch/examples."""
    x, y, x_valid, y_valid = digits
    net, examples = library_net(First, [400, 100]), Examples(train, valid)
    took = [timed(lambda: library_epochs(x, y, net, 20, 0.15, 256, moved=True))]
    took.append(timed(examples.epoch))
    reached = [accuracy(net.forward(x_valid), y_valid), examples.accuracy()]
    name = "to 99 %: 784-400-100-10 of lesson 12, 20 epochs / pytorch/examples' settings, one epoch"
    show(name, took, reached, "at most 0.5")


class ExamplesNet(nn.Module):
    """The net of pytorch/examples, mnist/main.py: two convolutions, dropout, 128 hidden units,
    log-probabilities.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, 1), nn.Conv2d(32, 64, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = self.dropout1(F.max_pool2d(x, 2)).flatten(1)
        return F.log_softmax(self.fc2(self.dropout2(F.relu(self.fc1(x)))), dim=1)


class Examples:
    """The settings of pytorch/examples, mnist/main.py: batches of 64 from a shuffling DataLoader,
    Adadelta with lr 1.0, multiplied by 0.7 after each epoch, F.nll_loss.
    """

    def __init__(self, train: datasets.MNIST, valid: datasets.MNIST) -> None:
        torch.manual_seed(1)
        self.net, self.valid = ExamplesNet(), valid
        self.adadelta = torch.optim.Adadelta(self.net.parameters(), lr=1.0)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.adadelta, step_size=1, gamma=0.7)
        self.loader = DataLoader(train, BATCH, shuffle=True)

    def epoch(self) -> None:
        """Train for one epoch."""
        self.net.train()
        for images, labels in self.loader:
            self.adadelta.zero_grad()
            F.nll_loss(self.net(images), labels).backward()
            self.adadelta.step()
        self.schedule.step()

    @torch.no_grad()
    def accuracy(self) -> float:
        """On the 10,000 validation digits."""
        self.net.eval()
        hits = sum(
            int((self.net(images).argmax(1) == labels).sum())
            for images, labels in DataLoader(self.valid, 1000)
        )
        return hits / len(self.valid)


def time_to_target(
    digits: tuple[Tensor, ...], train: datasets.MNIST, valid: datasets.MNIST
) -> None:
    """Training time, without evaluation, until an epoch ends at 97 % or more of the 10,000
    validation digits.
    """
    x, y, x_valid, y_valid = digits
    own, examples = own_net(), Examples(train, valid)
    optimizer = SGD(own.parameters(), LR, MOMENTUM)
    ours = until_target(
        lambda epoch: train_epoch(own, batches(x, y, epoch), cross_entropy, optimizer),
        lambda: evaluate(own, x_valid, y_valid)[1],
    )
    theirs = until_target(lambda epoch: examples.epoch(), examples.accuracy)  # noqa: ARG005
    names = (
        f"to {TARGET:.0%}: the lesson's net ({ours[2]} epochs) / "
        f"pytorch/examples' settings ({theirs[2]})"
    )
    show(names, [ours[0], theirs[0]], [ours[1], theirs[1]])


def until_target(
    train: Callable[[int], object], measure: Callable[[], float]
) -> tuple[Took, float, int]:
    """Seconds of training, accuracy and number of epochs when the target is reached, or when it is
    given up.
    """
    cpu = wall = 0.0
    for epoch in range(1, MOST_EPOCHS + 1):
        took = timed(lambda: train(epoch))  # noqa: B023
        cpu, wall = cpu + took.cpu, wall + took.wall
        reached = measure()
        if reached >= TARGET:
            break
    return Took(cpu, wall), reached, epoch


def show(name: str, seconds: list[Took], reached: list[float], due: str = "") -> None:
    """One line, ours first: both times, their ratio, both accuracies."""
    ours, theirs = seconds
    print(
        f"{name}\n  {ours.cpu:.1f} s / {theirs.cpu:.1f} s = {ours.cpu / theirs.cpu:.2f}"
        f"{due and f' ({due})'}, by the clock {ours.wall:.1f} s / {theirs.wall:.1f} s, "
        f"accuracy {reached[0]:.4f} / {reached[1]:.4f}",
        flush=True,
    )


def main() -> None:
    if not Path(os.environ.get("COURSE_DATA", ""), "MNIST", "raw").is_dir():
        sys.exit(
            "This benchmark needs all of MNIST: set COURSE_DATA to a folder with MNIST/raw in it."
        )
    full: Mnist = load_mnist(full=True)
    flat = [images.reshape(-1, 784).float() / 255 for images in (full.x_train, full.x_valid)]
    x, x_valid = normalize(*flat)
    digits = x, full.y_train, x_valid, full.y_valid
    torch.optim.SGD(
        [torch.zeros(1, requires_grad=True)], lr=0.1
    )  # the first optimizer imports for seconds
    with tempfile.TemporaryDirectory() as folder:
        train, valid = datasets_of_torchvision(Path(folder))
    print(
        f"MNIST, 60,000 digits, 784-{HIDDEN}-10, batches of {BATCH}, {torch.get_num_threads()} "
        "threads; ours / theirs"
    )
    epoch_against_torch(digits, train)
    backward_against_torch(digits)
    library_against_torch(digits)
    time_to_target(digits, train, valid)
    library_to_99(digits, train, valid)
