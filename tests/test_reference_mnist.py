"""The reference answers of lesson 05 agree with torch.optim and torch's losses in float64, over
many steps.
"""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.exercises.mnist import FitMnist
from course_utils.reference import mnist
from course_utils.reference.sgd import minibatches

LARGEST_ERROR = 1e-10


def relative(ours, theirs):
    return float((ours - theirs).detach().abs().max() / theirs.detach().abs().max())


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Dropout(0.5), nn.Linear(7, 3)).double()


@settings(deadline=None, derandomize=True, max_examples=12)
@given(st.floats(0.001, 0.1), st.sampled_from([0.0, 0.5, 0.9, 0.99]), st.integers(0, 99))
def test_sgd_equals_torch_over_200_steps(lr, momentum, seed):
    generator = torch.Generator().manual_seed(seed)
    start = [
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((3, 4), (3,), (2, 3))
    ]
    ours, theirs = ([nn.Parameter(p.clone()) for p in start] for _ in range(2))
    optimizers = mnist.SGD(iter(ours), lr, momentum), torch.optim.SGD(theirs, lr, momentum)
    for step in range(200):
        for params, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            target = torch.linspace(-step, step, 4, dtype=torch.float64)
            loss = (params[0] @ target / 200 + params[1] - 1).square().sum()
            if step % 3:
                loss = loss + (params[2] - 1).square().mean()
            loss.backward()
            optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        assert relative(a, b) < LARGEST_ERROR


def test_an_epoch_equals_one_with_torch():
    x, y = torch.randn(23, 5, dtype=torch.float64), torch.randint(3, (23,))
    ours, theirs = net().eval(), net().eval()
    optimizer, reference = (
        mnist.SGD(ours.parameters(), 0.1, 0.9),
        torch.optim.SGD(theirs.parameters(), 0.1, 0.9),
    )
    for epoch in range(20):
        batches = [
            (x[idx], y[idx]) for idx in minibatches(23, 5, torch.Generator().manual_seed(epoch))
        ]
        loss, losses = mnist.train_epoch(ours, iter(batches), F.cross_entropy, optimizer), []
        for x_batch, y_batch in batches:
            losses.append(F.cross_entropy(theirs(x_batch), y_batch, reduction="none"))
            reference.zero_grad()
            losses[-1].mean().backward()
            reference.step()
        assert loss == pytest.approx(torch.cat(losses).mean().item(), rel=LARGEST_ERROR)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert relative(a, b) < LARGEST_ERROR


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_equals_torch_and_puts_the_mode_back(training):
    model = net().train(training)
    x, y = torch.randn(23, 5, dtype=torch.float64), torch.randint(3, (23,))
    loss, accuracy = mnist.evaluate(model, x, y)
    assert all(module.training is training for module in model.modules())
    model.eval()
    assert loss == pytest.approx(F.cross_entropy(model(x), y).item(), rel=LARGEST_ERROR)
    assert accuracy == pytest.approx((model(x).argmax(1) == y).double().mean().item())


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(2, 9), st.integers(1, 9), st.floats(-3, 3))
def test_normalize_gives_mean_0_and_spread_1(n, m, shift):
    train, valid = torch.rand(n, 784) + shift, torch.rand(m, 784) + shift
    a, b = mnist.normalize(train, valid)
    assert a.dtype == b.dtype == torch.float32
    assert abs(a.mean()) < 1e-4 and abs(a.std() - 1) < 1e-4
    assert torch.allclose(b * train.std() + train.mean(), valid, atol=1e-5)
    assert torch.equal(mnist.normalize(train, train)[1], a)


def test_fit_mnist_repeats_itself():
    case = FitMnist().draw(0)[0]
    models = [mnist.fit_mnist(case.x, case.y, case.seed) for _ in range(2)]
    assert torch.equal(*(model(case.unseen) for model in models))


def test_no_unseen_digit_stands_in_the_training_digits_or_in_another_draw():
    (case,), (other,) = (FitMnist().draw(seed) for seed in (0, 1))
    assert torch.cdist(case.unseen, case.x).min() > 1
    assert not torch.equal(case.hidden["labels"], other.hidden["labels"])


def test_digits_move_by_whole_pixels_as_they_should():
    from course_utils.exercises.mnist import _moved

    picture = torch.zeros(1, 1, 28, 28)
    picture[0, 0, 10, 12] = 1
    moved = _moved(picture, torch.tensor([2.0]), torch.tensor([-3.0])).reshape(28, 28)
    assert moved[7, 14] == pytest.approx(1, abs=1e-4)
    assert moved.sum() == pytest.approx(1, abs=1e-4)
