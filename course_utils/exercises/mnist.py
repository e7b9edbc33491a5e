"""Exercises of lesson 05: normalising, SGD as a class, an epoch of training, evaluation, a net that
reads digits.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Edit,
    Exercise,
    Mistake,
    Repair,
    Reproduce,
    Rng,
    Training,
    claim,
    edit,
    unguarded,
)
from course_utils.data import load_mnist
from course_utils.exercises._curves import REPRODUCE_TRAIN_STEP
from course_utils.exercises._forms import REPAIRING, REPRODUCING
from course_utils.exercises._steps import OPTIMIZERS, STEPS
from course_utils.exercises._suspects import TRAIN_STEP, TRAIN_STEP_RIGHT


def _things(answer: Any) -> str:
    """What was returned where two things are expected."""
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things"
    return "nothing" if answer is None else "a single thing"


class Normalize(Exercise):
    """(x - m) / s for both tensors, with the mean m and standard deviation s of all of train."""

    id, points = "mnist.normalize", 1
    minutes, lines, writes = 10, "two lines", "the scale of the pixels"
    without = {
        "float64": "pixels are float32, and so are the results by definition",
        "requires_grad": "a solution through NumPy is right, and NumPy takes no tensors that "
        "require a gradient",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n_train, n_valid, shift in (
            ("twelve and five rows of 784 numbers", 12, 5, 0.0),
            ("nine rows and a single one, all brighter", 9, 1, 3.0),
        ):
            brightness = torch.linspace(0.5, 2.0, 784)
            train = rng.uniform(0, 1, n_train, 784) * brightness
            train *= torch.linspace(0.4, 1.6, n_train)[:, None]  # no row is like the next
            train[train < 0.1] = 0  # paper counts as ink does
            yield Case(
                label, train=train, valid=rng.uniform(0, 1, n_valid, 784) * brightness * 0.7 + shift
            )
        # so small that what is added to the divisor shows, and digits that are rounded away
        yield Case(
            "numbers of about a thousandth",
            train=7e-4 * rng.uniform(0, 1, 10, 240),
            valid=7e-4 * rng.uniform(0.5, 1, 4, 240),
        )
        rows = torch.linspace(0.4, 1.6, 523)[:, None]  # the last are the brightest
        yield Case(
            "523 rows",
            axis="many",
            train=rng.uniform(0, 1, 523, 4) * rows,
            valid=rng.uniform(0, 1, 300, 4),
        )

    def probe(self, normalize: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        answer = normalize(case.train, case.valid)
        yield "number of results", _things(answer)
        train, valid = answer
        yield "train", train, 1e-3  # the standard deviation may be divided by n or by n - 1
        yield "valid", valid, 1e-3

    mistakes = (
        Mistake(
            "validation data scaled by itself",
            edit(
                "return",
                "m, s = _statistics(valid)\n    return",
                "(valid - mean) / std",
                "(valid - m) / s",
            ),
            "The validation data is scaled with its own mean and spread. The net learns from "
            "numbers scaled in one way, so everything it ever sees must be scaled in the same "
            "way.",
        ),
        *(
            Mistake(
                "validation data scaled by itself",
                change,
                f"valid is {done}. Everything that the net ever sees must go through one map, with "
                "the mean and the spread of the training data.",
            )
            for change, done in (
                (edit("(valid - mean)", "(valid - valid.mean())"), "shifted by its own mean"),
                (
                    edit("(valid - mean) / std", "(valid - mean) / valid.std()"),
                    "divided by its own spread",
                ),
            )
        ),
        Mistake(
            "statistics of both together",
            edit("_statistics(train)", "_statistics(torch.cat([train, valid]))"),
            "The mean and the spread come from both sets together. Validation data must not "
            "influence anything that training uses, not even two numbers.",
        ),
        Mistake(
            "statistics of the validation data",
            edit("_statistics(train)", "_statistics(valid)"),
            "The mean and the spread come from the validation data. They are part of what is "
            "learned, so they come from the training data.",
        ),
        Mistake(
            "each pixel scaled separately",
            edit(".mean()", ".mean(0)", ".std()", ".std(0)"),
            "You give each pixel its own mean and spread. A pixel at the border is 0 in every "
            "digit, so its spread is 0, and you cannot divide by that. Take one mean and one "
            "spread over all pixels.",
        ),
        Mistake(
            "each pixel scaled separately",
            edit(".mean()", ".mean(0)", ".std()", ".std(0, correction=0)"),
            "The mean and the spread are taken pixel by pixel (as batch normalisation does "
            "it). One mean and one spread for all pixels are enough, and then a pixel that "
            "never changes does no harm.",
        ),
        Mistake(
            "each pixel scaled separately",
            edit(
                "(train - mean) / std",
                "nn.functional.batch_norm(train, None, None, training=True)",
                "(valid - mean) / std",
                "nn.functional.batch_norm(valid, None, None, training=True)",
            ),
            "You give each pixel its own mean and spread, and valid different ones from train "
            "(as batch normalisation does it). Take one mean and one spread, over all pixels "
            "of train, for both.",
        ),
        Mistake(
            "each digit scaled separately",
            edit(
                "return",
                "m, s = _statistics(valid)\n    return",
                "(valid - mean) / std",
                "(valid - m) / s",
                ".mean()",
                ".mean(1, keepdim=True)",
                ".std()",
                ".std(1, keepdim=True)",
            ),
            "You give each digit its own mean and spread. Take one mean and one spread, over "
            "all pixels of all training digits.",
        ),
        Mistake(
            "divided by the variance",
            edit(".std()", ".var()"),
            "You divide by the variance. The standard deviation is its root.",
        ),
        *(
            Mistake(
                "a limit of the divisor",
                edit(".float().std()", f".float().std(){limit}"),
                "You add something to the standard deviation, or keep it above a limit, against a "
                "division by 0. Where the numbers of train are small, that counts, and their "
                "spread does not become 1. They are not all equal, so nothing is needed.",
            )
            for limit in (
                " + 1e-3",
                " + 1e-5",
                " + 1e-6",
                ".clamp(min=1e-2)",
                ".clamp(min=1e-3)",
                ".square().add(1e-5).sqrt()",
            )
        ),
        Mistake(
            "root mean square instead of standard deviation",
            edit("x.float().std()", "x.float().square().mean().sqrt()"),
            "You divide by the root of the mean square. The standard deviation measures "
            "distances from the mean: subtract the mean before you square.",
        ),
        Mistake(
            "zeros left out of the statistics",
            edit(
                "x.float().mean(), x.float().std()",
                "x[x != 0].float().mean(), x[x != 0].float().std()",
            ),
            "You leave out the pixels that are 0, the background, when you take mean and standard "
            "deviation. They are part of the data: after scaling, all numbers together should have "
            "mean 0 and standard deviation 1.",
        ),
        Mistake(
            "mean of the rows' spreads",
            edit("x.float().std()", "x.float().std(1).mean()"),
            "You take the spread of each digit by itself and average these. That leaves out how "
            "digits differ from each other: take one spread over all pixels of all digits.",
        ),
        Mistake(
            "not divided",
            edit("(train - mean) / std", "train - mean", "(valid - mean) / std", "valid - mean"),
            "The mean is gone, but the spread is not 1. Divide by the standard deviation.",
        ),
        Mistake(
            "validation data not divided",
            edit("(valid - mean) / std", "valid - mean"),
            "valid is shifted but keeps its spread. Is the division missing? Or is train "
            "overwritten first, so that its standard deviation is 1 when valid is divided by "
            "it? Compute both numbers before.",
        ),
        Mistake(
            "mean not subtracted",
            edit("(train - mean)", "train", "(valid - mean)", "valid"),
            "The mean is not 0. Subtract the mean before you divide.",
        ),
        Mistake(
            "squeezed between 0 and 1",
            edit(".mean()", ".min()", "x.float().std()", "x.max() - x.min()"),
            "You map the smallest number to 0 and the largest to 1. Here the mean should be 0 and "
            "the standard deviation 1.",
        ),
        *(
            Mistake(
                "divided before subtracting",
                edit(*brackets),
                "You divide only the mean by the standard deviation: division comes before "
                "subtraction. You need brackets.",
            )
            for brackets in (
                ("(train - mean)", "train - mean", "(valid - mean)", "valid - mean"),
                ("(train - mean)", "train - mean"),
                ("(valid - mean)", "valid - mean"),
            )
        ),
        Mistake(
            "each pixel's own mean",
            edit(".mean()", ".mean(0)"),
            "You subtract from each pixel its own mean over the digits, and divide by one spread. "
            "Take one mean too, over all pixels of all training digits.",
        ),
        Mistake(
            "multiplied by the standard deviation",
            edit("(train - mean) /", "(train - mean) *", "(valid - mean) /", "(valid - mean) *"),
            "You multiply by the standard deviation, so the spread is not 1. Divide by it.",
        ),
        Mistake(
            "validation data as it was",
            edit("(valid - mean) / std", "valid.clone()"),
            "valid comes back unchanged. Do you scale it at all? Or is train overwritten "
            "first, so that its mean is 0 and its standard deviation 1 when valid is scaled? "
            "Compute both numbers before.",
        ),
        Mistake(
            "validation data clipped",
            edit("(valid - mean)", "(valid.clamp(train.min(), train.max()) - mean)"),
            "Validation pixels beyond the smallest or largest training pixel are clipped. Scale "
            "them like all others.",
        ),
        Mistake(
            "numbers of another data set",
            edit("_statistics(train)", "0.1307, 0.3081"),
            "0.1307 and 0.3081 are the mean and the standard deviation of all of MNIST. Compute "
            "both from train, whatever it is.",
        ),
        Mistake(
            "returned None",
            None,
            "Your function returns nothing. Is a return missing?",
            sign=lambda e: e[0]["number of results"] == "nothing",
        ),
        Mistake(
            "not two things",
            None,
            "Return two tensors, train and valid, with a comma between them.",
            sign=lambda e: e[0]["number of results"] != "2 things",
        ),
    )


class Sgd(Exercise):
    """v <- momentum * v + g, then p <- p - lr * v, for every parameter p with gradient g; v starts
    at 0.
    """

    id, points = "mnist.SGD", 3
    minutes, lines, writes = 20, "about six lines", "an optimizer with momentum"
    along = {"again": 1}  # with momentum
    without = {
        "requires_grad": "parameters require a gradient in every case",
    }
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(
            label: str, shapes: list[tuple[int, ...]], missing: list[list[int]], **settings: Any
        ) -> Case:
            params = [rng.normal(*shape) for shape in shapes]
            grads = [
                [None if i in skip else rng.normal(*s) for i, s in enumerate(shapes)]
                for skip in missing
            ]
            return Case(label, params=params, grads=grads, generator=False, later={}, **settings)

        plain = case(
            "SGD(params, lr=0.1), three steps", [(3, 4), (3,)], [[], [], []], settings={"lr": 0.1}
        )
        for grads in plain.grads:  # as a ReLU leaves them
            grads[0][0] = 0.0
        plain.grads[1][0] *= 30.0  # no gradient is too large to be followed
        yield plain
        rolling = case(
            "SGD(params, lr=0.05, momentum=0.9), four steps",
            [(2, 3), (2,), (2, 3)],
            [[], [], [], []],
            settings={"lr": 0.05, "momentum": 0.9},
        )
        flat, level, _ = rolling.grads[3]  # where the velocity still carries the parameter on
        flat.zero_()
        level[1] = -level[0]
        yield rolling
        of_generator = case(
            "SGD(generator of params, lr=0.2, momentum=0.8), three steps",
            [(4, 2), (4,)],
            [[], [], []],
            settings={"lr": 0.2, "momentum": 0.8},
        )
        of_generator.inputs["generator"] = True
        yield of_generator
        yield case(
            "a parameter whose .grad is None in some steps, momentum=0.9",
            [(3,), (2, 2), (5,), ()],
            [[1], [1, 2], [1], [2]],
            settings={"lr": 0.1, "momentum": 0.9},
        )
        scheduled = case(
            "lr and momentum are changed after the second step, as a schedule does, and lr ends at "
            "0",
            [(2, 3), (2,)],
            [[], [], [], [], []],
            settings={"lr": 0.1, "momentum": 0.9},
        )
        scheduled.inputs["later"] = {"3": {"lr": 0.4, "momentum": 0.6}, "5": {"lr": 0.0}}
        yield scheduled

    def probe(self, SGD: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        params = [p.requires_grad_() for p in case.params]
        for p in params:
            p.grad = None
        optimizer = (
            SGD((p for p in params), **case.settings)
            if case.generator
            else SGD(params, **case.settings)
        )
        kept: list[Tensor] = []  # the gradients of the step before, and their values
        values_kept: list[Tensor] = []
        for number, grads in enumerate(case.grads, 1):
            for p, grad in zip(params, grads, strict=True):
                if grad is None:
                    p.grad = None
                else:
                    p.grad = (
                        grad.clone() if p.grad is None else p.grad + grad
                    )  # as backward() adds to it
            for name, value in case.later.get(str(number), {}).items():
                setattr(optimizer, name, value)
            before = [None if p.grad is None else p.grad.clone() for p in params]
            values = [p.detach().clone() for p in params]
            try:
                with torch.set_grad_enabled(not case.generator):
                    optimizer.step()
                    recorded = torch.is_grad_enabled()
            except RuntimeError as error:
                if "leaf" in str(error):  # other errors of this type have other causes
                    yield claim(f"step {number} is kept out of the graph", False)
                raise
            moved = sum(not torch.equal(p, value) for p, value in zip(params, values, strict=True))
            yield f"parameters that step {number} moves", moved
            for index, p in enumerate(params):
                yield f"params[{index}] after step {number}", p
            yield f"gradients after step {number}", _became(before, [p.grad for p in params])
            same = all(map(torch.equal, kept, values_kept))
            yield claim(f"the gradients of earlier steps are left alone by step {number}", same)
            yield claim(
                f"what PyTorch records is as it was after step {number}",
                recorded != case.generator,
            )
            kept = [p.grad for p in params if p.grad is not None]
            optimizer.zero_grad()
            values_kept = [grad.clone() for grad in kept]
            cleared = all(p.grad is None or not p.grad.any() for p in params)
            yield claim(f"the gradients are cleared by zero_grad after step {number}", cleared)
        for p in params:  # None and zeros are the same here
            p.grad = None

    mistakes = (
        Mistake(
            "generator used up",
            None,
            "Given a list, your optimizer moves its parameters. Given a generator, only its "
            "first loop finds them: `model.parameters()` can be iterated only once. Keep its "
            "items in a list.",
            sign=lambda e: (
                e[0]["parameters that step 1 moves"] == 2
                and 0 in [value for name, value in e[2].items() if "moves" in name]
            ),
        ),
        *(
            Mistake(
                "an attribute that is not there",
                change,
                f"Your code reads `self.{name}`, but nothing is stored under this name. What has "
                "to survive from call to call is stored as `self.something` in __init__, under "
                "the name that the methods use.",
            )
            for name, change in (
                (
                    "params",
                    edit("self.params, self.lr", "params, self.lr", "self.params]", "params]"),
                ),
                ("lr", edit("self.lr, ", "", "), lr, ", "), ")),
                ("momentum", edit(", self.momentum =", " =", ", lr, momentum\n", ", lr\n")),
                (
                    "velocities",
                    edit("self.velocities = [torch.zeros_like(p) for p in self.params]", "pass"),
                ),
            )
        ),
        Mistake(
            "lr is kept under another name",
            edit("self.lr, self", "self.rate, self", "self.lr * v", "self.rate * v"),
            "Changing `sgd.lr` between steps has no effect on your optimizer. A schedule (lesson "
            "08) does that: keep lr as self.lr, and read it in every step().",
        ),
        Mistake(
            "momentum is kept under another name",
            edit("self.momentum =", "self.mu =", "mul_(self.momentum)", "mul_(self.mu)"),
            "Changing `sgd.momentum` between steps has no effect on your optimizer. A schedule "
            "(lesson 08) does that: keep momentum as self.momentum, and read it in every step().",
        ),
        Mistake(
            "velocity in units of the step",
            edit("add_(p.grad)", "add_(self.lr * p.grad)", "self.lr * v", "v"),
            "Your velocity holds steps, with the learning rate inside. As long as lr stays the "
            "same, that makes no difference; when it changes, your old gradients keep the old "
            "rate. Let v hold gradients alone, and multiply by lr when p moves.",
        ),
        Mistake(
            "velocity is the gradient itself",
            edit(
                "[torch.zeros_like(p) for p in self.params]",
                "[None] * len(self.params)\n        self.own = {}",
                "v.mul_(self.momentum).add_(p.grad)",
                "v = self.own[p].mul_(self.momentum).add_(p.grad) if p in self.own else "
                "self.own.setdefault(p, p.grad)",
                "p.grad = None",
                "p.grad = None if p.grad is None else p.grad.zero_()",
            ),
            "After the first step the velocity is not a tensor of its own but the same object as "
            "`.grad`, so clearing the gradient clears the velocity too. Let the velocity start at "
            "0, or copy the gradient.",
        ),
        Mistake(
            "velocity is the gradient itself",
            edit(
                "[torch.zeros_like(p) for p in self.params]",
                "[None] * len(self.params)\n        self.own = {}",
                "v.mul_(self.momentum).add_(p.grad)",
                "v = self.own[p].mul_(self.momentum).add_(p.grad) if p in self.own else "
                "self.own.setdefault(p, p.grad)",
            ),
            "After the first step the velocity is the same tensor as `.grad`, so your next step "
            "changes a gradient that somebody may have kept. Let the velocity start at 0, or copy "
            "the gradient.",
        ),
        Mistake(
            "recording switched on",
            edit(
                "    @torch.no_grad()\n",
                "",
                "in zip(self",
                "in torch.set_grad_enabled(False) and () or zip(self",
                "p -= self.lr * v",
                "p -= self.lr * v\n        torch.set_grad_enabled(True)",
            ),
            "Recording is on when step() returns, also where the caller had switched it off. "
            "`with torch.no_grad():` leaves it as it was.",
        ),
        Mistake(
            "a rate of 0 replaced",
            edit("self.lr * v", "(self.lr or 0.01) * v"),
            "Where lr is 0, your parameters move all the same. `lr or ...` takes what stands "
            "behind it where lr is 0: schedules end there, and then nothing should move.",
        ),
        *(
            Mistake(
                "gradients clipped",
                edit("add_(p.grad)", f"add_({clipped})"),
                "Large gradients come out smaller: you clip them. That is a device of its own; "
                "here a step follows the gradient as it is.",
            )
            for clipped in (
                "p.grad.clamp(-1, 1)",
                "p.grad.clamp(-5, 5)",
                "p.grad.clamp(-10, 10)",
                "p.grad * (1 / (p.grad.norm() + 1e-6)).clamp(max=1)",
            )
        ),
        Mistake(
            "averaged momentum",
            edit("add_(p.grad)", "add_((1 - self.momentum) * p.grad)"),
            "You give the gradient the weight (1 - momentum), as an average does. torch's "
            "momentum adds the whole gradient: v <- momentum * v + g. Both are in use; they "
            "differ by a factor in the learning rate.",
        ),
        Mistake(
            "Nesterov momentum",
            edit("self.lr * v", "self.lr * (p.grad + self.momentum * v)"),
            "You step along the gradient plus momentum times the velocity, which is Nesterov's "
            "variant. Here the step follows the velocity alone.",
        ),
        Mistake(
            "no velocity is left for the next step",
            edit(".mul_(self.momentum)", ".zero_()"),
            "Every step follows the gradient alone. The velocity has to survive from step to step, "
            "as an attribute of the optimizer. Did you write `v = ...`? That only gives the name v "
            "to a new tensor; change the one that is kept. Or does zero_grad() clear it, because "
            "it says so or because v and `.grad` are one tensor?",
        ),
        Mistake(
            "velocity not multiplied by momentum",
            edit(".mul_(self.momentum)", ""),
            "You keep the old velocity in full, so it grows and grows. Multiply it by momentum "
            "first.",
        ),
        Mistake(
            "momentum on the gradient",
            edit("v.mul_(self.momentum).add_(p.grad)", "v.add_(self.momentum * p.grad)"),
            "You multiply the gradient by momentum. Momentum says how much of the old velocity "
            "remains.",
        ),
        Mistake(
            "momentum on both",
            edit("v.mul_(self.momentum).add_(p.grad)", "v.add_(p.grad).mul_(self.momentum)"),
            "You multiply the new gradient by momentum too. Only the old velocity is scaled down.",
        ),
        Mistake(
            "momentum on both",
            edit(
                "v.mul_(self.momentum).add_(p.grad)",
                "v.copy_(self.momentum * (v + p.grad) if self.momentum else p.grad)",
            ),
            "You multiply the new gradient by momentum too. Only the old velocity is scaled down.",
        ),
        Mistake(
            "another default for momentum",
            edit("momentum: float = 0.0", "momentum: float = 0.9"),
            "Where momentum is not given, you take 0.9. It should be 0 then: plain gradient "
            "descent.",
        ),
        Mistake(
            "only the first parameter moves",
            edit("p -= self.lr * v", "p -= self.lr * v\n                break"),
            "In each step only the first parameter with a gradient moves. A `return` or `break` "
            "inside a loop ends it in the first turn.",
        ),
        Mistake(
            "velocity added to itself",
            edit("v.mul_(self.momentum).add_(p.grad)", "v.add_(self.momentum * v + p.grad)"),
            "The old velocity stays in v in full, and momentum times it comes on top. In "
            "v <- momentum * v + g the new value takes the place of the old one.",
        ),
        Mistake(
            "one velocity for several parameters",
            edit(
                "not None:",
                "not None:\n                v = self.velocities[0] if self.velocities[0].shape == "
                "v.shape else v",
            ),
            "Two parameters share a velocity. Each parameter has its own.",
        ),
        Mistake(
            "one velocity for several parameters",
            edit(
                "v.mul_(self.momentum).add_(p.grad)",
                "self.v = v = self.momentum * getattr(self, 'v', 0.0) + p.grad",
            ),
            "All parameters share one velocity, and their shapes do not fit. Each parameter "
            "has its own.",
        ),
        Mistake(
            "velocities of the wrong parameters",
            edit(
                "zip(self.params, self.velocities, strict=True)",
                "zip([p for p in self.params if p.grad is not None], self.velocities)",
            ),
            "You drop the parameters without a gradient first and then go through the "
            "velocities from the start, so the others get their neighbours' velocities. Zip "
            "first, skip afterwards.",
        ),
        Mistake(
            "fails for a tensor of shape ()",
            edit("v.mul_(self.momentum).add_(p.grad)", "v[:] = self.momentum * v + p.grad"),
            "A tensor of shape () has no dimension to slice or loop over, so `v[:] = ...` fails. "
            "`-=`, `.mul_` and `.copy_` work for any shape.",
        ),
        Mistake(
            "single numbers skipped",
            edit("list(params)", "[p for p in params if p.ndim]"),
            "A parameter of shape () never moves. It is a parameter like any other.",
        ),
        Mistake(
            "no parameter moves",
            edit("p -= ", "p = p - "),
            "After step() every parameter is unchanged. Did you write `p = p - ...`? That only "
            "gives the name p to a new tensor, and the model keeps the old one. Change the "
            "tensor itself, as `p -= ...` does.",
        ),
        Mistake(
            "stops at the first None",
            edit(
                "if p.grad is not None:",
                "if p.grad is None:\n                break\n            else:",
            ),
            "Your loop ends at a parameter whose `.grad` is None, and the ones after it do not "
            "move. Skip this one and go on: `continue`, not `break` or `return`.",
        ),
        Mistake(
            "parameter before velocity",
            edit(
                "not None:",
                "not None:\n                p -= self.lr * v",
                "p -= self.lr * v",
                "pass",
            ),
            "The first step moves nothing: the parameter follows the velocity of the step "
            "before. Update the velocity with the gradient first, then the parameter with the "
            "velocity.",
        ),
        Mistake(
            "learning rate forgotten",
            edit("self.lr * v", "v"),
            "You subtract the velocity itself. Multiply it by lr.",
        ),
        Mistake(
            "learning rate twice",
            edit("add_(p.grad)", "add_(self.lr * p.grad)"),
            "The gradient is multiplied by lr on its way into the velocity, and again when the "
            "parameter moves. Once is enough.",
        ),
        Mistake(
            "lr and momentum swapped",
            edit("list(params), lr, momentum", "list(params), momentum, lr"),
            "You have swapped lr and momentum. lr multiplies the velocity in the step, "
            "momentum the old velocity.",
        ),
        Mistake(
            "velocity lost when skipped",
            edit(
                "if p.grad is not None:",
                "if p.grad is None:\n                v.zero_()\n            else:",
            ),
            "A parameter whose `.grad` is None loses its velocity. Skipping it means that its "
            "velocity stays, too.",
        ),
        Mistake(
            "parameters rebound",
            edit("p -= ", "self.params[[x is p for x in self.params].index(True)] = p - "),
            "You make new tensors, and the model keeps the old ones. `p = p - ...` only gives the "
            "name p to something else; change the tensor itself, as `p -= ...` does.",
        ),
        Mistake(
            "gradient cleared in step",
            edit("p -= self.lr * v", "p -= self.lr * v\n                p.grad = None"),
            "step() clears the gradients. That is zero_grad()'s job: someone may want to look "
            "at the gradients after the step.",
        ),
        Mistake(
            "gradient overwritten in step",
            edit("self.lr * v", "p.grad.copy_(self.lr * v)"),
            "step() changes the numbers in `.grad`: someone may want to look at the gradients "
            "after the step. Methods that end in _ change the tensor they are called on; make "
            "a new one instead.",
        ),
        Mistake(
            "gradient overwritten in step",
            edit(
                "v.mul_(self.momentum).add_(p.grad)",
                "v.copy_(p.grad.add_(v, alpha=self.momentum))",
            ),
            "step() adds the old velocity into `.grad`. Add the gradient to the velocity, not the "
            "other way round: a step only reads `.grad`.",
        ),
        Mistake(
            "uphill",
            edit("p -= self", "p += self"),
            "The parameters move along the gradient, where the loss grows. They have to move "
            "against it. If your velocity already points downhill, add it.",
        ),
        Mistake(
            "zero_grad does nothing",
            edit("p.grad = None", "pass"),
            "After zero_grad() the gradients are still there, and backward() adds the next ones "
            "to them.",
        ),
        *(
            Mistake(
                "zero_grad clears only some gradients",
                change,
                "zero_grad() leaves some gradients as they are, and backward() adds the next ones "
                "to them. Does its loop end early (`return`, `break`), leave out parameters, or "
                "go through an iterator that is used up? Or is there a condition too many?",
            )
            for change in (
                edit("p.grad = None", "p.grad = None\n            break"),
                edit("p.grad = None", "p.grad = None if p.ndim > 1 else p.grad"),
                edit(
                    "p.grad = None",
                    "p.grad = None if p.grad is not None and p.grad.all() else p.grad",
                ),
                edit(
                    "p.grad = None",
                    "if p.grad is None:\n                break\n            p.grad = None",
                ),
                edit(
                    "self.velocities = [",
                    "self.given = params\n        self.velocities = [",
                    "for p in self.params:",
                    "for p in self.given:",
                ),
            )
        ),
        Mistake(
            "every parameter needs a gradient",
            edit("p.grad is not None", "True"),
            "A parameter whose `.grad` is None stops your step. Such a parameter took no part in "
            "the loss: skip it.",
        ),
        Mistake(
            "moves without a gradient",
            edit(
                "if p.grad is not None:",
                "g = torch.zeros_like(p) if p.grad is None else p.grad\n            if True:",
                "add_(p.grad)",
                "add_(g)",
            ),
            "A parameter whose `.grad` is None goes on moving with its old velocity. torch skips "
            "it: parameter and velocity stay as they are.",
        ),
        Mistake(
            "graph recorded",
            edit("    @torch.no_grad()\n", ""),
            "PyTorch records operations on parameters, and refuses to change a parameter in "
            "place while it records. The step is not part of the model: run it under "
            "torch.no_grad().",
        ),
        Mistake(
            "zero_grad needs every gradient",
            edit("p.grad = None", "p.grad.zero_()"),
            "zero_grad() stops at a parameter whose `.grad` is None. It has nothing to clear "
            "there: skip it.",
        ),
    )


def _mode(module: nn.Module) -> str:
    return "training" if module.training else "eval"


def _became(before: Sequence[Tensor | None], now: Sequence[Tensor | None]) -> str:
    """What happened to the gradients, in words."""
    changed = [
        (a, b)
        for a, b in zip(before, now, strict=True)
        if (a is None) != (b is None) or (a is not None and b is not None and not torch.equal(a, b))
    ]
    if not changed:
        return "as they were"
    return "cleared" if all(b is None or not b.any() for _, b in changed) else "other numbers"


class _Line(nn.Module):
    """logits = x @ weight.T + bias with given parameters; it keeps in which modes it ran, and how
    often.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.modes = {"training"}
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.modes.add(_mode(self))
        self.runs += 1
        return x @ self.weight.T + self.bias


def _skewed(y_hat: Tensor, y: Tensor) -> Tensor:
    """A loss that is not symmetric, so that its arguments cannot be swapped unnoticed."""
    error = y_hat - y
    return torch.where(error < 0, 3 * error.square(), error.square()).mean(1).mean()


def _doubled(y_hat: Tensor, y: Tensor) -> Tensor:
    """A loss for classes that is not the cross-entropy."""
    return 2 * F.cross_entropy(y_hat, y)


LOSSES = {
    "cross-entropy": F.cross_entropy,
    "doubled cross-entropy": _doubled,
    "another loss": _skewed,
}


class _Descent:
    """An optimizer that counts its steps, with a rule of its own: it adds half the previous
    gradient.
    """

    def __init__(self, params: Iterable[Tensor]) -> None:
        self.params = list(params)
        self.before = [torch.zeros_like(p) for p in self.params]
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        for p, before in zip(self.params, self.before, strict=True):
            if p.grad is not None:
                p -= 0.05 * (p.grad + 0.5 * before)
                before.copy_(p.grad)

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None


class TrainEpoch(Exercise):
    """One step per batch; returns the mean over all examples of the loss before each step."""

    id, points = "mnist.train_epoch", 2
    minutes, lines, writes = 15, "about eight lines", "the loop"
    without = {
        "float64": "the digits and the losses are float32",
        "requires_grad": "the parameters require a gradient in every case, and digits do not",
    }
    shortcuts = OPTIMIZERS

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, sizes: list[int], loss: str, n_out: int = 3, **settings: Any) -> Case:
            n_in = n_out + 1
            x = [rng.normal(n, n_in) * (1 + i) for i, n in enumerate(sizes)]
            y = [
                2 * rng.normal(n, n_out) if loss == "another loss" else rng.integers(0, n_out, n)
                for n in sizes
            ]
            return Case(
                f"{label}, {loss}",
                x=x,
                y=y,
                loss=loss,
                weight=rng.normal(n_out, n_in),
                bias=rng.normal(n_out),
                **settings,
            )

        yield case("a list of three batches of four", [4, 4, 4], "cross-entropy", generator=False)
        yield case(
            "a list of batches of 5, 2 and 3", [5, 2, 3], "doubled cross-entropy", generator=False
        )
        yield case(
            "a generator of batches of 4, 4 and 1", [4, 4, 1], "another loss", 2, generator=True
        )
        yield case("a single batch", [6], "another loss", 1, generator=False)

    def probe(self, train_epoch: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = _Line(case.weight, case.bias)
        batches: Any = list(zip(case.x, case.y, strict=True))
        loss_fn = LOSSES[case.loss]
        optimizer = _Descent(model.parameters())
        loss = train_epoch(model, iter(batches) if case.generator else batches, loss_fn, optimizer)
        yield "steps taken", optimizer.steps
        yield claim(
            "the mean loss is without a graph",
            not (isinstance(loss, Tensor) and loss.requires_grad),
        )
        yield "mean loss", loss
        yield "weight after the epoch", model.weight
        yield "bias after the epoch", model.bias
        yield claim("the model is in training mode while it trains", "eval" not in model.modes)
        yield "runs of the model", model.runs
        yield "mode afterwards", _mode(model)

    mistakes = (
        Mistake(
            "mean of batch means",
            edit("loss.item() * len(y)", "loss.item()", "n += len(y)", "n += 1"),
            "You average the losses of the batches, each with the same weight. The last batch may "
            "be smaller; its examples would count more than the others. Weight each batch by its "
            "number of examples.",
        ),
        Mistake(
            "sum of batch means over their number",
            edit("loss.item() * len(y)", "loss.item()", "total / n", "total / len(batches)"),
            "You divide the sum of the batches' losses by len(batches). The last batch may be "
            "smaller, so this is not the mean over the examples; and a generator of batches has "
            "no len. Add up examples in the loop.",
        ),
        Mistake(
            "gradients never cleared",
            edit("        optimizer.zero_grad()\n", ""),
            "backward() adds to `.grad`. Unless you clear the gradients before each "
            "backward(), a step also follows those of earlier batches.",
        ),
        Mistake(
            "no gradients at the step",
            edit(
                "optimizer.zero_grad()\n        loss.backward()",
                "loss.backward()\n        optimizer.zero_grad()",
            ),
            "There are no gradients when you take the step: you have cleared them and not "
            "computed them again. First clear, then backward(), then the step.",
        ),
        Mistake(
            "one batch late",
            edit(
                "optimizer.zero_grad()",
                "optimizer.step()\n        optimizer.zero_grad()",
                "        optimizer.step()\n",
                "",
            ),
            "Each step uses the gradients of the batch before, and those of the last batch are "
            "never used. First backward(), then the step.",
        ),
        Mistake(
            "no step",
            edit("        optimizer.step()\n", ""),
            "The optimizer never takes a step. Call its step() after each backward().",
        ),
        Mistake(
            "optimizer left out",
            edit(
                "optimizer.zero_grad()",
                "model.zero_grad()",
                "optimizer.step()",
                "[p.data.sub_(optimizer.lr * p.grad) for p in model.parameters()]",
            ),
            "You take the step yourself, and the optimizer is never called: its momentum is lost. "
            "Call optimizer.step().",
        ),
        Mistake(
            "optimizer left out",
            None,
            "The optimizer that was passed in takes no step: its step() is never called. Whatever "
            "else moves the parameters does not follow its rule.",
            sign=lambda e: not any(values["steps taken"] for values in e),
        ),
        Mistake(
            "trained in eval mode",
            None,
            "You train the model in eval mode, in which dropout and the like do nothing. eval() is "
            "for measuring.",
            sign=lambda e: not e[0]["the model is in training mode while it trains"],
        ),
        Mistake(
            "left in eval mode",
            None,
            "The model arrives in training mode and leaves in eval mode: in the next epoch dropout "
            "and the like do nothing, and nobody notices.",
            sign=lambda e: e[0]["mode afterwards"] == "eval",
        ),
        Mistake(
            "one step for all batches",
            edit(
                "n = 0.0, 0",
                "n = 0.0, 0\n    optimizer.zero_grad()",
                "        optimizer.zero_grad()\n",
                "",
                "        optimizer.step()\n",
                "",
                "    return",
                "    optimizer.step()\n    return",
            ),
            "There is one step at the end of the epoch. Take one step for every batch.",
        ),
        Mistake(
            "one step for all batches",
            edit(
                "n = 0.0, 0",
                "n = 0.0, 0\n    optimizer.zero_grad()",
                "        optimizer.zero_grad()\n        loss.backward()\n"
                "        optimizer.step()\n",
                "",
                "loss.item()",
                "loss",
                "return total / n",
                "(total / n).backward()\n    optimizer.step()\n    return (total / n).item()",
            ),
            "You add the losses up and take one step at the end of the epoch. Take one step for "
            "every batch.",
        ),
        Mistake(
            "outputs squeezed",
            edit("model(x)", "model(x).squeeze()"),
            "`squeeze()` drops every dimension of size 1. Outputs of shape (n, 1) become (n,), and "
            "with y of shape (n, 1) they broadcast to (n, n). Hand the model's outputs to loss_fn "
            "as they are.",
        ),
        Mistake(
            "one step for all batches",
            edit(
                "        optimizer.step()\n", "", "    return", "    optimizer.step()\n    return"
            ),
            "There is one step at the end of the epoch, and it follows the last batch alone. Take "
            "one step for every batch, inside the loop.",
        ),
        Mistake(
            "loss after the step",
            edit("loss.item()", "loss_fn(model(x), y).item()"),
            "You compute the loss again after the step. That costs another forward pass and "
            "flatters the model, which has just seen this batch. Use the loss whose gradient "
            "you took.",
        ),
        Mistake(
            "two runs for each batch",
            edit("loss.backward()", "loss_fn(model(x), y).backward()"),
            "You run the model twice for each batch, once for the report and once for the "
            "gradient. That takes twice as long, and with dropout the two losses differ. One run "
            "gives both.",
        ),
        Mistake(
            "batches iterated twice",
            edit("n = 0.0, 0", "n = 0.0, sum(len(y) for _, y in batches)", "n += len(y)", "pass"),
            "You go through the batches twice. They may come from a generator, which is then "
            "used up: count the examples in the training loop.",
        ),
        Mistake(
            "only the first batch",
            edit("    return", "        return"),
            "Only the first batch is used. Does the loop return too early?",
        ),
        Mistake(
            "smaller batch left out",
            edit(
                "n = 0.0, 0",
                "n, size = 0.0, 0, 0",
                "        loss = ",
                "        size = size or len(y)\n        if len(y) < size:\n            "
                "continue\n        loss = ",
            ),
            "The last batch is smaller, and you leave it out. Its examples count like all the "
            "others.",
        ),
        Mistake(
            "stops at a smaller batch",
            edit(
                "n = 0.0, 0",
                "n, size = 0.0, 0, 0",
                "n += len(y)",
                "n += len(y)\n        if len(y) < size:\n            break\n        size = len(y)",
            ),
            "You take a batch that is smaller than the one before for the last. Only the iteration "
            "itself knows where it ends: go on until it does.",
        ),
        *(
            Mistake(
                "gradients clipped",
                edit(
                    "optimizer.step()",
                    f"nn.utils.{clip}(model.parameters(), 1.0)\n        optimizer.step()",
                ),
                "You clip the gradients before the step, so the steps are shorter than the "
                "optimizer wants. Whoever wants that says so; here the gradients stay as "
                "backward() left them.",
            )
            for clip in ("clip_grad_norm_", "clip_grad_value_")
        ),
        Mistake(
            "loss of the last batch",
            edit("total / n", "loss.item()"),
            "You return the loss of the last batch. It should be the mean over all examples of "
            "the epoch.",
        ),
        Mistake(
            "sum of the batch losses",
            edit("loss.item() * len(y)", "loss.item()", "total / n", "total"),
            "You add up the losses of the batches. It should be the mean over all examples.",
        ),
        Mistake(
            "sum of all losses",
            edit("total / n", "total"),
            "You return the sum over all examples. Divide it by their number.",
        ),
        Mistake(
            "sum of batch means over the examples",
            edit("loss.item() * len(y)", "loss.item()"),
            "You add up the mean losses of the batches and divide by the number of examples. A "
            "mean times the size of its batch is the sum over the batch; add up those.",
        ),
        Mistake(
            "every batch weighted like the first",
            edit(
                "n = 0.0, 0",
                "n, size = 0.0, 0, 0",
                "        loss = ",
                "        size = size or len(y)\n        loss = ",
                "loss.item() * len(y)",
                "loss.item() * size",
            ),
            "You multiply every mean by the size of the first batch. The last batch may be "
            "smaller: multiply by its own size.",
        ),
        Mistake(
            "numbers in y counted",
            edit("n += len(y)", "n += y.numel()"),
            "You count the numbers in y. Where an example has several targets, that is more than "
            "there are examples: take len(y).",
        ),
        Mistake(
            "sum of all losses over the batches",
            edit("n += len(y)", "n += 1"),
            "You divide the sum over all examples by the number of batches. Divide it by the "
            "number of examples.",
        ),
        Mistake(
            "sum of all losses over the last batch",
            edit("total / n", "total / len(y)"),
            "You divide the sum over all examples by the size of the last batch. Divide it by the "
            "number of all examples.",
        ),
        Mistake(
            "gradient of the sum",
            edit("loss.backward()", "(loss * len(y)).backward()"),
            "The mean of the batch is multiplied by its size before backward(), so the gradients "
            "are too large by that factor. Take the gradient of the mean; multiply afterwards, "
            "for the report.",
        ),
        Mistake(
            "graph kept",
            None,
            "The loss that you return still belongs to a graph, and a graph keeps the tensors of "
            "its batches in memory. Return a number: `.item()` takes it out of each loss.",
            sign=lambda e: not e[0]["the mean loss is without a graph"],
        ),
        Mistake(
            "cross-entropy whatever loss_fn is",
            edit(
                "loss_fn(model(x), y)", "-model(x).log_softmax(-1)[torch.arange(len(y)), y].mean()"
            ),
            "You compute the cross-entropy whatever loss_fn is, and here the targets are not "
            "classes. Call loss_fn.",
        ),
        Mistake(
            "its own loss function",
            edit("loss_fn(model(x), y)", "nn.functional.cross_entropy(model(x), y)"),
            "You compute the cross-entropy whatever loss_fn is. Call loss_fn.",
        ),
        Mistake(
            "arguments of the loss swapped",
            edit("loss_fn(model(x), y)", "loss_fn(y, model(x))"),
            "loss_fn gets the targets first. It takes the model's outputs first, then the targets.",
        ),
    )


class _Watched(nn.Module):
    """An affine map that doubles its logits in training mode and records how it was called."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.inner = _Line(weight, bias)
        self.calls: list[tuple[bool, bool, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ValueError(f"the model takes x of shape (n, d), not {tuple(x.shape)}")
        self.calls.append((self.training, self.inner.training, torch.is_grad_enabled()))
        return self.inner(x) * (2 if self.training else 1)


def _means_of_chunks(size: int) -> Edit:
    chunks = f"zip(logits.split({size}), y.split({size}))"
    return edit(
        "cross_entropy(logits, y).item()",
        f"torch.stack([cross_entropy(*chunk) for chunk in {chunks}]).mean().item()",
        "accuracy(logits, y)",
        f"torch.tensor([accuracy(*chunk) for chunk in {chunks}]).mean().item()",
    )


class Evaluate(Exercise):
    """(mean cross-entropy, accuracy) in eval mode, without a graph; restores the mode."""

    id, points = "mnist.evaluate", 2
    minutes, lines, writes = 15, "about six lines", "loss and accuracy of a model"
    without = {
        "float64": "the digits and the losses are float32",
        "requires_grad": "the parameters require a gradient in every case, and digits do not",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, c, training in (
            ("nine examples, four classes, a model in training mode", 9, 4, True),
            ("a model that is in eval mode already, logits of hundreds", 5, 3, False),
            ("a single example", 1, 6, True),
            ("1,033 examples", 1033, 3, True),
        ):
            x, weight, bias = rng.normal(n, 4), rng.normal(c, 4), rng.normal(c)
            x *= torch.linspace(1, 4, n)[
                :, None
            ]  # so that the last part of any size has another mean
            x *= 100 if not training else 1  # exp of these logits is 0 or inf
            best, index = (x @ weight.T + bias).argmax(-1), torch.arange(n)
            right = index % 3 == 0
            if n > 1000:
                right[-9:] = True  # and another accuracy
            y = torch.where(right, best, (best + 1 + index % (c - 1)) % c)
            axis = "many" if n > 1000 else ""
            yield Case(label, axis=axis, x=x, y=y, weight=weight, bias=bias, training=training)

    def probe(self, evaluate: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = _Watched(case.weight, case.bias).train(case.training)
        params = list(model.parameters())
        if case.training:
            params[0].grad = torch.ones_like(params[0])
        else:
            params[1].requires_grad_(False)
        trainable = [p.requires_grad for p in params]
        grads = [None if p.grad is None else p.grad.clone() for p in params]
        with torch.set_grad_enabled(case.training):
            answer = evaluate(model, case.x, case.y)
            recording = torch.is_grad_enabled()
        yield "number of results", _things(answer)
        yield claim(
            "the model is in eval mode while it runs", not any(mode for mode, _, _ in model.calls)
        )
        yield claim(
            "the layers inside are in eval mode too",
            not any(inside for _, inside, _ in model.calls),
        )
        yield claim(
            "the run is without a graph", not any(recording for _, _, recording in model.calls)
        )
        yield "mode afterwards", _mode(model)
        yield "mode of the layers inside afterwards", _mode(model.inner)
        loss, accuracy = answer
        yield "loss", loss
        yield "accuracy", accuracy
        yield "gradients afterwards", _became(grads, [p.grad for p in params])
        yield claim(
            "every requires_grad is as it was", trainable == [p.requires_grad for p in params]
        )
        yield claim("recording is on or off as it was", recording == case.training)

    mistakes = (
        Mistake(
            "training mode forced",
            None,
            "The model runs in training mode. `model.train()` switches it on; `model.eval()` "
            "switches it off.",
            sign=lambda e: not e[1]["the model is in eval mode while it runs"],
        ),
        Mistake(
            "mode not switched",
            None,
            "The model runs in the mode it came in. In training mode layers such as dropout "
            "behave differently; call model.eval() first.",
            sign=lambda e: not e[0]["the model is in eval mode while it runs"],
        ),
        Mistake(
            "only the outermost flag switched",
            None,
            "You set only the outer model's flag `training`; the layers inside it keep theirs. "
            "model.eval() clears it in all of them.",
            sign=lambda e: not e[0]["the layers inside are in eval mode too"],
        ),
        Mistake(
            "parameters frozen",
            None,
            "Your function sets requires_grad to False and leaves it that way: the model can "
            "no longer be trained. Run it under torch.no_grad() instead; that changes nothing "
            "for good.",
            sign=lambda e: not e[0]["every requires_grad is as it was"],
        ),
        Mistake(
            "frozen parameters thawed",
            None,
            "A parameter that was frozen comes back trainable. Evaluation has no need to touch "
            "requires_grad: under torch.no_grad() nothing is recorded.",
            sign=lambda e: not e[1]["every requires_grad is as it was"],
        ),
        Mistake(
            "gradients cleared",
            edit("model.eval()", "model.eval()\n    model.zero_grad()"),
            "The gradients are gone when your function returns. Whoever evaluates between "
            "backward() and the step still needs them.",
        ),
        Mistake(
            "recording switched on",
            edit(
                "model.train(was_training)",
                "model.train(was_training)\n    torch.set_grad_enabled(True)",
            ),
            "Recording is on when your function returns, also where the caller had switched it "
            "off. `with torch.no_grad():` leaves it as it was.",
        ),
        Mistake(
            "graph recorded",
            None,
            "PyTorch recorded a graph while the model ran, which takes memory for a backward "
            "pass that never comes. Run the model under torch.no_grad().",
            sign=lambda e: not e[0]["the run is without a graph"],
        ),
        Mistake(
            "left in eval mode",
            None,
            "The model arrives in training mode and leaves in eval mode. From then on it "
            "trains without dropout and the like, and nobody notices. Remember model.training "
            "before you switch.",
            sign=lambda e: e[0]["mode afterwards"] == "eval",
        ),
        Mistake(
            "layers inside left in eval mode",
            None,
            "You restore only the outer model's flag `training`, and the layers inside it stay "
            "in eval mode. model.train(mode) sets it in all of them.",
            sign=lambda e: (
                e[0]["mode afterwards"] == "training"
                and e[0]["mode of the layers inside afterwards"] == "eval"
            ),
        ),
        Mistake(
            "always back to training mode",
            None,
            "A model that arrives in eval mode leaves in training mode. Restore the mode that "
            "you found.",
            sign=lambda e: e[1]["mode afterwards"] == "training",
        ),
        Mistake(
            "gradients off for good",
            edit(
                "model.train(was_training)",
                "model.train(was_training)\n    torch.set_grad_enabled(False)",
            ),
            "Recording is still switched off when your function returns, so nothing can be "
            "trained any more. `with torch.no_grad():` switches it back on by itself.",
        ),
        Mistake(
            "accuracy over the batch",
            edit("accuracy(logits, y)", "(logits.argmax(0) == y).float().mean().item()"),
            "`argmax(0)` asks which example has the largest logit of each class. Ask each row for "
            "its largest class.",
        ),
        Mistake(
            "mean of chunk means",
            _means_of_chunks(4),
            "You give every chunk the same weight, and the last one is smaller. Weight them by "
            "their size, or take all at once.",
        ),
        Mistake(
            "mean of chunk means",
            _means_of_chunks(64),
            "You average over chunks of 64, and the last one is smaller: its examples count for "
            "more than the others. Weight the chunks by their size, or take all at once.",
        ),
        Mistake(
            "accuracy first",
            edit("return loss, share", "return share, loss"),
            "Loss and accuracy are swapped: the loss comes first.",
        ),
        Mistake(
            "percent",
            edit("accuracy(logits, y)", "100 * accuracy(logits, y)"),
            "The accuracy is in percent. It should be a number between 0 and 1.",
        ),
        Mistake(
            "error rate",
            edit("accuracy(logits, y)", "1 - accuracy(logits, y)"),
            "You return the share that is wrong. The accuracy is the share that is right.",
        ),
        Mistake(
            "returned None",
            None,
            "Your function returns nothing. Is a return missing?",
            sign=lambda e: e[0]["number of results"] == "nothing",
        ),
        Mistake(
            "not two numbers",
            None,
            "Return two numbers, the loss and the accuracy, with a comma between them.",
            sign=lambda e: e[0]["number of results"] != "2 things",
        ),
        Mistake(
            "number of hits",
            edit("accuracy(logits, y)", "len(y) * accuracy(logits, y)"),
            "You count the hits. The accuracy is their share of all examples.",
        ),
        Mistake(
            "sum of the losses",
            edit("cross_entropy(logits, y).item()", "len(y) * cross_entropy(logits, y).item()"),
            "You return the sum of the losses. It should be the mean over the examples.",
        ),
        Mistake(
            "softmax twice",
            edit("cross_entropy(logits, y)", "cross_entropy(logits.softmax(-1), y)"),
            "The loss is computed from probabilities. cross_entropy takes logits; its softmax is "
            "inside.",
        ),
    )


N_TRAIN, N_UNSEEN, FURTHEST = 4000, 1000, 3.0  # digits, digits, pixels


@cache
def _digits() -> tuple[Tensor, Tensor]:
    digits = load_mnist()
    images, labels = (
        torch.cat(parts) for parts in ((digits[0], digits[2]), (digits[1], digits[3]))
    )
    return images[:, None].float() / 255, labels


def _moved(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Pictures (n, 1, 28, 28) moved by fractions of pixels, right and down (n,), as rows of 784."""
    where = torch.eye(2, 3).repeat(len(images), 1, 1)
    where[:, 0, 2], where[:, 1, 2] = -right / 14, -down / 14
    grid = F.affine_grid(where, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False).flatten(1)


def _renamed(guesses: Tensor, labels: Tensor) -> float:
    """The best share of right guesses over all ways to rename the ten digits."""
    counts = torch.zeros(10, 10).index_put(
        (labels, guesses), torch.ones(len(labels)), accumulate=True
    )
    names = counts.argmax(1)
    return float(counts.amax(1).sum() / len(labels)) if len(names.unique()) == 10 else 0.0


def _largest_logit(evidence: list[dict[str, Any]]) -> float:
    return float(evidence[0]["logits of the unseen digits"].abs().max())


class FitMnist(Training):
    """A model trained on 4,000 digits x: (n, 784), y: (n,), that turns rows of 784 pixels into 10
    logits.

    It is measured on 1,000 digits that it never sees. Which of the 5,000 shipped digits these are
    is drawn from the seed, and every digit, training digits too, is moved by up to 3 pixels each
    way, by fractions of pixels drawn from the seed. So no unseen picture is in the shipped
    files pixel by pixel, and a table of these files does not help. What remains possible: an answer
    may search the files for the nearest digit under all moves, or train on them besides what it is
    given. The judge sees the outputs of a model, not how it came by them.

    Accuracy over 20 seeds:                         least   median  most
        784-100-10, 12 epochs, momentum 0.9         0.886   0.899   0.920
        784-100-10, backward by hand, 8 epochs      0.876   0.888   0.904
        784-64-10, 8 epochs, no momentum            0.850   0.869   0.878
        three layers, 6 epochs                      0.825   0.865   0.874
        784-50-10, 5 epochs, momentum 0.9           0.825   0.852   0.875
        784-50-10, 5 epochs, lr 0.1                 0.771   0.826   0.859
        784-50-10, 3 epochs, momentum 0.9           0.802   0.823   0.855
        784-50-10, 2 epochs, momentum 0.9           0.755   0.782   0.807
        784-100-10, 10 epochs, lr 0.02              0.769   0.776   0.803
      full 0.75
        784-50-10, 3 epochs, lr 0.1                 0.715   0.764   0.809
        784-50-10, 5 epochs, lr 0.1, momentum 0.9   0.698   0.756   0.806
        784-50-10, 2 epochs, lr 0.1                 0.593   0.731   0.767
        784-10, 6 epochs, momentum 0.9              0.643   0.665   0.717
        784-10, 5 epochs                            0.600   0.646   0.700
        no activation, 3 epochs                     0.541   0.618   0.718
        784-50-10, 1 epoch, lr 0.1                  0.584   0.632   0.697
        softmax before the loss                     0.469   0.563   0.609
      part 0.55
        784-50-10, 5 epochs, lr 0.2, momentum 0.9   0.312   0.434   0.514
        gradients never cleared                     0.426   0.528   0.577
        5 hidden units                              0.439   0.515   0.568

    Where lr and momentum are not given, momentum 0.9 goes with lr 0.02. Full points lie above all
    maps without a hidden layer and below all that train a hidden layer for long enough. Three
    epochs at lr 0.1 without momentum are on the border, so one draw of digits may give them
    all points and another half; the lesson advises a reserve.
    """

    id, points = "mnist.fit_mnist", 5
    minutes, lines = 30, "about eight lines"
    writes = "a reader of digits, judged on digits it never saw"
    shortcuts = OPTIMIZERS
    metric = "accuracy on digits it never saw"
    full, part = 0.75, 0.55

    def cases(self, rng: Rng) -> Iterable[Case]:
        images, labels = _digits()
        n = N_TRAIN + N_UNSEEN
        drawn = rng.permutation(len(images))[:n]
        x = _moved(
            images[drawn], rng.uniform(-FURTHEST, FURTHEST, n), rng.uniform(-FURTHEST, FURTHEST, n)
        )
        x, y = (x - x[:N_TRAIN].mean()) / x[:N_TRAIN].std(), labels[drawn]
        yield Case(
            "4,000 digits, each moved a little",
            hidden={"labels": y[N_TRAIN:]},
            x=x[:N_TRAIN],
            y=y[:N_TRAIN],
            unseen=x[N_TRAIN:],
            seed=rng.integer(0, 1_000_000),
        )

    def probe(self, fit_mnist: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = fit_mnist(case.x, case.y, case.seed)
        yield (
            "what is returned",
            "an nn.Module" if isinstance(model, nn.Module) else f"a {type(model).__name__}",
        )
        model.eval()
        with torch.no_grad():
            logits = model(case.unseen)
            yield "shape of the logits", str(tuple(logits.shape))
            yield "logits of the unseen digits", logits
            yield from self.signs(model, logits, case)
        numbers = torch.cat([p.detach().flatten() for p in model.parameters()] or [torch.zeros(0)])
        yield "number of parameters", numbers.numel()
        yield "part of the parameters that is 0", float((numbers == 0).double().mean())

    def signs(self, model: Any, logits: Tensor, case: Case) -> Iterator[tuple[Any, ...]]:
        """What known mistakes show in; logits: those of the unseen digits."""
        yield "spread of a logit over the digits", float(logits.std(0).max())
        trained = model(case.x)
        with unguarded():
            loss = F.cross_entropy(trained, case.y)
            first = F.cross_entropy(trained[:64], case.y[:64])
        yield "loss on the training digits", float(loss)
        guesses = trained.argmax(-1)
        yield "accuracy on the training digits", float((guesses == case.y).double().mean())
        yield "accuracy with the digits renamed", _renamed(guesses, case.y)
        yield "digits that are guessed at all", len(guesses.unique())
        yield "loss on the first 64", float(first)
        a, b = case.unseen[:200], case.unseen[200:400]
        bend = (model((a + b) / 2) - (model(a) + model(b)) / 2).abs().mean() / logits.std()
        yield "bend of the map", float(bend)

    def expected(self, case: Case) -> dict[str, Any]:
        return {
            "what is returned": "an nn.Module",
            "shape of the logits": f"({len(case.hidden['labels'])}, 10)",
        }

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        return float(
            (evidence["logits of the unseen digits"].argmax(-1) == case.hidden["labels"])
            .double()
            .mean()
        )

    mistakes: ClassVar[Sequence[Mistake]] = (
        Mistake(
            "not a model",
            None,
            "Return the model alone: an nn.Module, without a history or anything else beside "
            "it, and an instance, not the class.",
            sign=lambda e: e[0]["what is returned"] != "an nn.Module",
        ),
        Mistake(
            "probabilities instead of logits",
            None,
            "Your model gives probabilities: numbers that are not negative and add up to 1. "
            "cross_entropy takes logits and has its own softmax inside: a second one makes the "
            "gradients small. Let the last layer be an affine map.",
            sign=lambda e: bool(
                (e[0]["logits of the unseen digits"] >= 0).all()
                and (e[0]["logits of the unseen digits"].sum(-1) - 1).abs().max() < 1e-3
            ),
        ),
        Mistake(
            "all parameters zero",
            None,
            "Nearly all parameters are exactly 0. From 0 the hidden units all compute the same "
            "and no gradient reaches the weights. Let them start from small random numbers.",
            sign=lambda e: e[0]["part of the parameters that is 0"] > 0.9,
        ),
        Mistake(
            "only the first batch",
            None,
            "The model knows the first digits by heart, and the others hardly at all. Does "
            "every step see the same batch, or does a loop end too early?",
            sign=lambda e: (
                e[0]["loss on the first 64"] < 0.05 and e[0]["loss on the training digits"] > 1
            ),
        ),
        Mistake(
            "labels mixed up",
            None,
            "Your model tells the digits apart, but gives most of them the wrong names. Do the "
            "labels that you train with belong to these digits (shifted by one, sorted, counted "
            "from 1)?",
            sign=lambda e: (
                e[0]["accuracy with the digits renamed"] > 0.5
                and e[0]["accuracy on the training digits"]
                < e[0]["accuracy with the digits renamed"] - 0.3
            ),
        ),
        Mistake(
            "diverged",
            None,
            "The logits are not finite, far too large, or the same for every digit, as happens "
            "when training blows up or every hidden unit is dead. Print the loss of every "
            "epoch, and try a smaller learning rate; momentum 0.9 makes steps ten times as "
            "long. Or is the step uphill?",
            sign=lambda e: (
                not math.isfinite(e[0]["loss on the training digits"])
                or _largest_logit(e) > 0
                and e[0]["spread of a logit over the digits"] < 0.003
                or (_largest_logit(e) > 25 and e[0]["digits that are guessed at all"] < 8)
            ),
        ),
        Mistake(
            "gradients never cleared",
            None,
            "The logits are huge, hundreds where tens would do. That happens when gradients add "
            "up from batch to batch: clear them before each backward(). If you do, the learning "
            "rate or the momentum is too large.",
            sign=lambda e: _largest_logit(e) > 200,
        ),
        Mistake(
            "no activation",
            None,
            "Your model is an affine map: halfway between two digits it gives exactly the mean "
            "of their logits. One layer cannot do more than that, and two layers without a "
            "ReLU between them are only one.",
            sign=lambda e: e[0]["bend of the map"] < 1e-3,
        ),
        Mistake(
            "never trained",
            None,
            "The loss is still near 2.3, which is log 10: as good as guessing. Do the steps reach "
            "this model? Clear, backward, step, in this order, and an optimizer that holds this "
            "model's parameters. Or are the steps far too few or too small?",
            sign=lambda e: (
                2.1 < e[0]["loss on the training digits"] < 3
                and 0.12 < e[0]["spread of a logit over the digits"] < 0.35
                and e[0]["accuracy on the training digits"] < 0.18
            ),
        ),
        Mistake(
            "images paired with wrong labels",
            None,
            "The model gives nearly the same answer for every digit, and the loss is near 2.3, "
            "which is log 10, as if there were nothing to learn. Do you shuffle images and "
            "labels with the same indices? Or does the last layer start from 0 and never move?",
            sign=lambda e: (
                2.1 < e[0]["loss on the training digits"] < 3
                and e[0]["spread of a logit over the digits"] <= 0.12
            ),
        ),
        Mistake(
            "too few hidden units",
            None,
            "Your model has few parameters and does badly even on the training digits. Give it "
            "more hidden units: 50 to 200 are a good size here.",
            sign=lambda e: (
                e[0]["number of parameters"] < 12_000 and e[0]["loss on the training digits"] > 0.4
            ),
        ),
        Mistake(
            "worse than guessing",
            None,
            "The loss on the training digits is above 3, and guessing gives 2.3. Do you train "
            "on pictures or labels that you changed (transposed, scaled again, moved), or walk "
            "uphill?",
            sign=lambda e: (
                e[0]["loss on the training digits"] > 3
                and e[0]["accuracy on the training digits"] < 0.3
            ),
        ),
        Mistake(
            "steps too long",
            None,
            "Your model does badly on the training digits, and yet its logits are large. "
            "Usually that means that the steps are too long, and each undoes part of the one "
            "before. Take a smaller learning rate; momentum 0.9 makes steps ten times as long. "
            "Or do gradients add up because nothing clears them? Or do you train on different "
            "pictures from the ones passed in?",
            sign=lambda e: (
                e[0]["loss on the training digits"] > 0.35
                and (
                    _largest_logit(e) > 25
                    or (
                        e[0]["spread of a logit over the digits"] > 1
                        and e[0]["accuracy on the training digits"] < 0.4
                    )
                )
            ),
        ),
        Mistake(
            "too little training",
            None,
            "Your model does not do well even on the training digits yet, so it can learn much "
            "more from them: more epochs, a larger learning rate, or momentum. Does every "
            "epoch get new batches? A generator of batches that was made before the loop is "
            "empty after the first. And are these the digits that you train on, or others?",
            sign=lambda e: e[0]["loss on the training digits"] > 0.4,
        ),
    )


class RepairNormalize(Repair):
    """A witness on which the normalization shown goes wrong, and the lines repaired.

    Of 20 random witnesses 20 show the bug (`python -m tests.attempts` counts them again).
    """

    id, points = "mnist.repair_normalize", 2
    minutes, lines = 10, "a witness and one changed line"
    writes = "a bug found and mended"
    extra = True
    of = Normalize
    takes = {"train": "tensor", "valid": "tensor"}
    shapes = "train should hold at least two different numbers."
    buggy = """
def normalize(train, valid):
    train, valid = train.float(), valid.float()
    mean, std = train.mean(), train.std()
    train = (train - mean) / std
    mean, std = valid.mean(), valid.std()
    valid = (valid - mean) / std
    return train, valid
"""

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether train has a spread."""
        return bool((given["train"] != given["train"].flatten()[:1]).any())

    mistakes = REPAIRING


class ReproduceTrainStep(Reproduce):
    """A step of training with the bug that gave a loss curve, and the kind of the bug."""

    id, points = "mnist.reproduce_train_step", 3
    minutes, lines = 20, "a guess and a wrong step"
    writes = "the bug behind a loss curve"
    extra = True
    right_code = TRAIN_STEP_RIGHT
    kinds: ClassVar = {
        "a wrong factor": "the right loss, multiplied by a number",
        "a wrong loss": "another function of the logits, and no multiple of the right one",
        "gradients that stay": "they are not cleared after a step",
        "a forgotten parameter": "one of the two never moves",
        "forgotten examples": "some of the batch never count, and the mean is over the others",
    }
    start = (0.5, -0.5, 0.0, 0.2, 0.0, -0.3, 0.0, 0.1, -0.1)
    steps = 30
    curves = REPRODUCE_TRAIN_STEP
    suspects = TRAIN_STEP

    def train(self, broken: Any, start: Sequence[float] | Tensor, steps: int) -> list[float]:
        """The losses of an affine map on 24 examples of 3 classes, 8 at a time, lr 0.3."""
        noise = torch.Generator().manual_seed(5)
        y = torch.arange(24) % 3
        centres = torch.tensor([[1.0, 3.0], [3.0, 2.0], [2.0, 0.0]])
        x = centres[y] + 0.8 * torch.randn(24, 2, generator=noise)
        numbers = torch.as_tensor(start)
        w = numbers[:6].reshape(2, 3).clone().requires_grad_()
        b = numbers[6:].clone().requires_grad_()
        losses = []
        for step in range(steps):
            with torch.no_grad():
                losses.append(torch.nn.functional.cross_entropy(x @ w + b, y).item())
            some = slice(8 * (step % 3), 8 * (step % 3) + 8)
            broken(w, b, x[some], y[some], 0.3)
        return losses

    mistakes = REPRODUCING
