"""Training on all of MNIST: the lessons' own parts against torch's, as ratios from one run; needs
COURSE_DATA.

`python -m tests.bench mnist`. Every side starts from the same parameters where the nets are alike,
and runs in this process with the same number of threads. Shorter runs that are compared with each
other take turns.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils.data import Mnist, load_mnist
from course_utils.reference.backprop import linear_backward, relu_backward
from course_utils.reference.cross_entropy import accuracy, cross_entropy, cross_entropy_backward
from course_utils.reference.linear import two_layer_net
from course_utils.reference.mnist import SGD, evaluate, normalize, train_epoch
from course_utils.reference.sgd import minibatches, momentum_step

HIDDEN, BATCH, LR, MOMENTUM = 100, 64, 0.02, 0.9
ROUNDS, MOST_EPOCHS, TARGET = 3, 15, 0.97


def timed(function: Callable[[], object]) -> float:
    """Wall time of one call, in seconds."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


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
    seconds: tuple[list[float], list[float]] = ([], [])
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
    medians = [statistics.median(times) for times in seconds]
    show(
        "one epoch: backward by hand / nn.Linear + optim, same batches",
        medians,
        reached,
        "at most 0.8",
    )


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


def time_to_target(
    digits: tuple[Tensor, ...], train: datasets.MNIST, valid: datasets.MNIST
) -> None:
    """Training time, without evaluation, until an epoch ends at 97 % or more of the 10,000
    validation digits.

    The other side has the settings of pytorch/examples, mnist/main.py: batches of 64 from a
    shuffling DataLoader, Adadelta with lr 1.0, multiplied by 0.7 after each epoch, F.nll_loss.
    """
    x, y, x_valid, y_valid = digits
    own = own_net()
    optimizer = SGD(own.parameters(), LR, MOMENTUM)
    ours = until_target(
        lambda epoch: train_epoch(own, batches(x, y, epoch), cross_entropy, optimizer),
        lambda: evaluate(own, x_valid, y_valid)[1],
    )
    torch.manual_seed(1)
    net = ExamplesNet()
    adadelta = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(adadelta, step_size=1, gamma=0.7)
    loader = DataLoader(train, BATCH, shuffle=True)

    def epoch_of_examples(epoch: int) -> None:
        net.train()
        for images, labels in loader:
            adadelta.zero_grad()
            F.nll_loss(net(images), labels).backward()
            adadelta.step()
        schedule.step()

    @torch.no_grad()
    def accuracy_of_examples() -> float:
        net.eval()
        hits = sum(
            int((net(images).argmax(1) == labels).sum())
            for images, labels in DataLoader(valid, 1000)
        )
        return hits / len(valid)

    theirs = until_target(epoch_of_examples, accuracy_of_examples)
    names = (
        f"to {TARGET:.0%}: the lesson's net ({ours[2]} epochs) / "
        f"pytorch/examples' settings ({theirs[2]})"
    )
    show(names, [ours[0], theirs[0]], [ours[1], theirs[1]])


def until_target(
    train: Callable[[int], object], measure: Callable[[], float]
) -> tuple[float, float, int]:
    """Seconds of training, accuracy and number of epochs when the target is reached, or when it is
    given up.
    """
    seconds = 0.0
    for epoch in range(1, MOST_EPOCHS + 1):
        seconds += timed(lambda: train(epoch))  # noqa: B023
        reached = measure()
        if reached >= TARGET:
            break
    return seconds, reached, epoch


def show(name: str, seconds: list[float], reached: list[float], due: str = "") -> None:
    """One line, ours first: both times, their ratio, both accuracies."""
    ours, theirs = seconds
    print(
        f"{name}\n  {ours:.1f} s / {theirs:.1f} s = {ours / theirs:.2f}{due and f' ({due})'}, "
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
    time_to_target(digits, train, valid)
