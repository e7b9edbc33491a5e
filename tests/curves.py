"""What known mistakes do to the loss curve of lesson 02's line: `python -m tests.curves`."""

import math

import torch

from course_utils.checking import find
from course_utils.checking.exercise import reference
from course_utils.checking.naming import wrong_answer
from course_utils.checking.world import fixed_world
from course_utils.reference import sgd

STEPS, LR, MOMENTUM, CLOSE = 60, 0.1, 0.7, 1.05


def line():
    """The lesson's thousand points and its bad guess."""
    generator = torch.Generator().manual_seed(0)
    inputs = 2 * torch.rand(1000, generator=generator)
    y = 1.5 * inputs + 0.5 + 0.3 * torch.randn(1000, generator=generator)
    return torch.stack([inputs, torch.ones(1000)], dim=1), y, torch.tensor([-1.0, 1.0])


def trained(gradient=None, step=None, loss=None):
    """The loss after the last step, with one function of the lesson in place of a right one."""
    x, y, guess = line()
    w = guess.clone().requires_grad_()
    for _ in range(STEPS):
        w.grad = None
        if gradient:
            w.grad = gradient(w.detach(), x, y)
        else:
            (loss or sgd.mse)(x @ w, y).backward()
        (step or sgd.sgd_step)([w], LR)
    return float(sgd.mse(x @ w.detach(), y))


def moving(momentum_step):
    """A step with momentum as a step that remembers its velocity."""
    velocities = [torch.zeros(2)]
    return lambda params, lr: momentum_step(params, velocities, lr, MOMENTUM)


USES = {
    "sgd.mse_gradient": lambda f: trained(gradient=f),
    "sgd.sgd_step": lambda f: trained(step=f),
    "sgd.mse": lambda f: trained(loss=f),
    "sgd.momentum_step": lambda f: trained(step=moving(f)),
}


def as_low():
    """How many known mistakes train the line about as low as right code, and how many there are."""
    low, all_of_them = 0, 0
    for id, use in USES.items():
        exercise = find(id)
        right = use(reference(exercise))
        for mistake in {m.name: m for m in exercise.mistakes if m.sign is None}.values():
            all_of_them += 1
            with fixed_world():
                try:
                    loss = use(wrong_answer(exercise, mistake))
                except Exception:  # a mistake that ends the training shows itself
                    loss = math.inf
            low += loss < CLOSE * right
    return low, all_of_them


if __name__ == "__main__":
    print("{} of {} wrong answers train the line about as low as right code".format(*as_low()))
