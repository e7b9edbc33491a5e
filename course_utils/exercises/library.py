"""Exercises of lesson 12: layers in a row, a check of their gradients, digits read with them."""

from collections.abc import Iterable, Iterator
from functools import reduce
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, Mistake, Rng, claim, edit
from course_utils.exercises._steps import OPTIMIZERS
from course_utils.exercises.mnist import FitMnist

AUTOGRAD = (torch.autograd.backward, torch.autograd.grad, Tensor.backward)


class Linear:
    """A layer of the judge's, called as a student's for the sake of messages. Its attributes have
    other names, and it hands out lists that it keeps.

    off: factors on the smallest entry of each of its gradients, which no size of a whole tensor
    shows.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.numbers, self.off = [weight, bias], [1.0, 1.0]
        self.slopes = [torch.zeros_like(weight), torch.zeros_like(bias)]

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return torch.addmm(self.numbers[1], x, self.numbers[0].T)

    def backward(self, grad_out: Tensor) -> Tensor:
        self.slopes = [grad_out.T @ self.x, grad_out.sum(0)]
        for slope, factor in zip(self.slopes, self.off, strict=True):
            slope.view(-1)[slope.abs().argmin()] *= factor
        return grad_out @ self.numbers[0]

    def parameters(self) -> list[Tensor]:
        return self.numbers

    def gradients(self) -> list[Tensor]:
        return self.slopes


class _Bend:
    """A smooth layer of the judge's without parameters: no kink lies in the way of differences."""

    def forward(self, x: Tensor) -> Tensor:
        self.y = torch.tanh(x)
        return self.y

    def backward(self, grad_out: Tensor) -> Tensor:
        return grad_out * (1 - self.y.square())

    def parameters(self) -> list[Tensor]:
        return []

    def gradients(self) -> list[Tensor]:
        return []


class _Loss:
    """Mean cross-entropy of the judge's; off: a factor on its gradient."""

    def __init__(self, off: float) -> None:
        self.off = off

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.logits, self.targets = logits, targets
        return F.cross_entropy(logits, targets)

    def backward(self) -> Tensor:
        hot = torch.eye(self.logits.shape[1], dtype=self.logits.dtype)[self.targets]
        return self.off * (torch.softmax(self.logits, -1) - hot) / len(self.targets)


def _layers(case: Case) -> list[Any]:
    """Affine layers with a bend between each two."""
    layers: list[Any] = []
    for number, (weight, bias) in enumerate(zip(case.weights, case.biases, strict=True)):
        layers += [_Bend()] * bool(number) + [Linear(weight, bias)]
    return layers


def _net(case: Case) -> SimpleNamespace:
    """The case's layers in a row, some with wrong gradients: neither a class that a student's code
    finds nor a function of layers, which would be an answer to Sequential.
    """
    layers = _layers(case)
    for number, layer in enumerate(layers[::2]):
        layer.off = case.factors[2 * number : 2 * number + 2]

    def forward(x: Tensor) -> Tensor:
        return reduce(lambda value, layer: layer.forward(value), layers, x)

    def backward(grad_out: Tensor) -> None:  # the gradient of data is nobody's business
        reduce(lambda value, layer: layer.backward(value), layers[::-1], grad_out)

    return SimpleNamespace(
        forward=forward,
        backward=backward,
        parameters=lambda: [p for layer in layers for p in layer.parameters()],
        gradients=lambda: [g for layer in layers for g in layer.gradients()],
    )


def _tensors(value: Any, name: str) -> Iterator[tuple[Any, ...]]:
    """How many tensors a list holds, and each of them."""
    items = list(value)
    yield f"length of {name}()", len(items)
    for number, item in enumerate(items):
        yield f"{name}()[{number}]", item


class Sequential(Exercise):
    """forward(x) goes through the layers in order, backward(grad_out) in the opposite order and
    gives the gradient of x; parameters() and gradients() are those of all layers, in order.
    """

    id, points = "library.Sequential", 3
    minutes, lines, writes = 20, "about ten lines", "layers in a row, forward and backward"
    shortcuts = (nn.Module, *AUTOGRAD)
    without = {
        "requires_grad": "nothing here has a gradient by autograd",
        "views": "layers are handed over, and what they hold is theirs",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, sizes in (
            ("one affine layer", [4, 3]),
            ("three layers", [5, 4, 3]),
            ("five layers, all of one width, biases that start at 0", [3, 3, 3, 3]),
            ("a single row, seven layers", [2, 5, 4, 6, 3]),
        ):
            pairs = list(zip(sizes, sizes[1:], strict=False))
            n = 1 if "single" in label else 6
            yield Case(
                label,
                weights=[rng.normal(b, a) for a, b in pairs],
                biases=[rng.normal(b) if len(pairs) != 3 else torch.zeros(b) for _, b in pairs],
                x=rng.normal(n, sizes[0]),
                grad_out=rng.normal(n, sizes[-1]),
                nested=sizes[0] == 5,
            )

    def probe(self, Sequential: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        layers = _layers(case)
        net = Sequential(layers)
        layers[0].numbers[0] = 2 * layers[0].numbers[0]  # as where a layer goes to float64 later
        own = [p for layer in layers for p in layer.parameters()]
        yield "forward", net.forward(case.x)
        yield "backward", net.backward(case.grad_out)
        yield from _tensors(net.parameters(), "parameters")
        same = all(a is b for a, b in zip(net.parameters(), own, strict=False))
        yield claim("the parameters are the layers' own tensors", same)
        yield "length of parameters(), again", len(list(net.parameters()))
        yield from _tensors(net.gradients(), "gradients")
        _ = net.forward(2 * case.x)
        yield "backward, the second time", net.backward(-case.grad_out)
        yield from ((f"{name}, again", x) for name, x in _tensors(net.gradients(), "gradients"))
        _ = net.forward(case.x)
        layers[-1].numbers[1].sub_(1.0)  # as a step does
        yield "forward after a step", net.forward(case.x)
        kept = [*layers[0].parameters(), *layers[0].gradients()]
        yield claim("the first layer's own lists are as long as before", len(kept) == 4)
        if case.nested:
            outer = Sequential([Sequential(layers[:1]), Sequential(layers[1:])])
            yield "forward of two in one", outer.forward(case.x)
            yield "backward of two in one", outer.backward(case.grad_out)
            yield "parameters of two in one", len(list(outer.parameters()))
            yield "gradients of two in one", len(list(outer.gradients()))
            _ = outer.backward(0 * case.grad_out)
            yield "gradients of two in one, all of them 0", len(list(outer.gradients()))

    mistakes = (
        Mistake(
            "backward in the order of forward",
            edit("reversed(self.layers)", "self.layers"),
            "Your backward goes through the layers in the same order as forward. The gradient "
            "comes from the loss, so it meets the last layer first.",
        ),
        Mistake(
            "every layer gets the gradient of the output",
            edit(
                "            grad_out = layer.backward(grad_out)\n        return grad_out",
                "            grad_x = layer.backward(grad_out)\n        return grad_x",
            ),
            "Every layer gets the gradient of the whole net's output. What one layer gives back is "
            "the gradient of its input, and that is the output of the layer before.",
        ),
        Mistake(
            "every layer gets the gradient of the output",
            edit("grad_out = layer.backward(grad_out)", "layer.backward(grad_out)"),
            "What a layer's backward gives is lost: every layer gets the gradient of the whole "
            "net's output, and so does whoever called. It is the gradient of the layer's input, "
            "which is the output of the layer before: pass it on.",
        ),
        Mistake(
            "every layer gets x",
            edit(
                "            x = layer.forward(x)\n        return x",
                "            y = layer.forward(x)\n        return y",
            ),
            "Every layer gets the input of the net. Each should get what the layer before it gave.",
        ),
        Mistake(
            "forward ends after one layer",
            edit("            x = layer.forward(x)\n", "            return layer.forward(x)\n"),
            "Your forward gives what the first layer gives. Is the return inside the loop?",
        ),
        Mistake(
            "backward ends after one layer",
            edit(
                "            grad_out = layer.backward(grad_out)\n",
                "            return layer.backward(grad_out)\n",
            ),
            "Your backward gives what the last layer gives. Is the return inside the loop?",
        ),
        *(
            Mistake(
                "forward leaves out a layer",
                edit("in self.layers:\n            x", f"in self.layers{part}:\n            x"),
                "Your forward leaves out the first or the last layer. x goes through every layer.",
            )
            for part in ("[1:]", "[:-1]")
        ),
        *(
            Mistake(
                "backward leaves out a layer",
                edit("reversed(self.layers)", f"reversed(self.layers{part})"),
                "Your backward leaves out the first or the last layer, which then gets no "
                "gradient. Try it with one layer: where does your loop begin, and where does it "
                "end?",
            )
            for part in ("[1:]", "[:-1]")
        ),
        *(
            Mistake(
                "layers reversed for good",
                edit(
                    "in reversed(self.layers):",
                    "in self.layers.reverse() or self.layers:",
                    "= list(layers)",
                    f"= {own}",
                ),
                "Your backward reverses the list of layers for good: `reverse()` changes the list "
                "itself. The next call meets the layers in the opposite order. `reversed(...)` "
                "goes through them backwards and changes nothing.",
            )
            for own in ("layers", "[*layers]")
        ),
        Mistake(
            "backward returns nothing",
            edit("return grad_out", "pass"),
            "Your backward returns nothing. A net can itself be a layer of another one, which "
            "needs the gradient of x from it.",
        ),
        Mistake(
            "gradients in the order of backward",
            edit(
                "for layer in self.layers for g in",
                "for layer in reversed(self.layers) for g in",
            ),
            "gradients() begins with the last layer, as backward does, and parameters() with the "
            "first. An optimizer pairs the two lists, so they need the same order.",
        ),
        Mistake(
            "parameters in the order of backward",
            edit(
                "for layer in self.layers for p in",
                "for layer in reversed(self.layers) for p in",
            ),
            "parameters() begins with the last layer. Parameters and gradients are lists in the "
            "order of the layers, whatever the order of backward is: an optimizer pairs the two.",
        ),
        Mistake(
            "both lists in the order of backward",
            edit(
                "for layer in self.layers for p in",
                "for layer in reversed(self.layers) for p in",
                "for layer in self.layers for g in",
                "for layer in reversed(self.layers) for g in",
            ),
            "parameters() and gradients() begin with the last layer. Both are lists in the order "
            "of the layers.",
        ),
        *(
            Mistake(
                f"{what} of one layer alone",
                edit(
                    f"return [{v} for layer in self.layers for {v} in layer.{what}()]",
                    f"for layer in self.layers:\n            return layer.{what}()",
                ),
                f"{what}() gives those of the first layer alone. Is the return inside the loop? "
                "Put those of all layers into one list.",
            )
            for what, v in (("parameters", "p"), ("gradients", "g"))
        ),
        *(
            Mistake(
                f"attributes in place of {what}()",
                edit(f"for {v} in layer.{what}()", f"for {v} in getattr(layer, 'grad_weight', [])"),
                f"{what}() finds nothing in these layers. Does it look for attributes such as "
                f"`weight` or `grad_weight`? Not every layer has them; each has {what}().",
            )
            for what, v in (("parameters", "p"), ("gradients", "g"))
        ),
        *(
            Mistake(
                "a layer's list gets longer",
                edit(
                    f"return [{v} for layer in self.layers for {v} in layer.{what}()]",
                    f"found = self.layers[0].{what}()\n        for layer in self.layers[1:]:\n"
                    f"            found += layer.{what}()\n        return found",
                ),
                f"{what}() puts those of the other layers into the list that the first layer gave. "
                "A layer may keep that list, and then it has become longer: begin with a list of "
                "your own.",
            )
            for what, v in (("parameters", "p"), ("gradients", "g"))
        ),
        Mistake(
            "parameters kept from the start",
            edit(
                "= list(layers)",
                "= list(layers)\n        self.kept = [p for layer in layers for p in "
                "layer.parameters()]",
                "[p for layer in self.layers for p in layer.parameters()]",
                "self.kept",
            ),
            "parameters() gives the tensors that the layers had when the net was made. A layer may "
            "get another weight later, such as one in float64: ask the layers each time.",
        ),
        Mistake(
            "output kept",
            edit(
                "        for layer in self.layers:\n            x = layer.forward(x)\n"
                "        return x",
                "        if getattr(self, 'given', None) is not x:\n"
                "            self.given = y = x\n"
                "            for layer in self.layers:\n                y = layer.forward(y)\n"
                "            self.kept = y\n        return self.kept",
            ),
            "For the same x your forward gives what it gave before, also after a step that changed "
            "the parameters. Go through the layers at each call.",
        ),
        Mistake(
            "equal parameters listed once",
            edit(
                "return [p for layer in self.layers for p in layer.parameters()]",
                "found = []\n        for layer in self.layers:\n"
                "            for p in layer.parameters():\n"
                "                if not any(torch.equal(p, q) for q in found):\n"
                "                    found.append(p)\n        return found",
            ),
            "A parameter with the same numbers as an earlier one is left out: two biases of zeros, "
            "say. Then the list no longer fits that of the gradients. `in` and `==` compare "
            "numbers; every layer's parameters are in the list.",
        ),
        Mistake(
            "gradients of zeros left out",
            edit("for g in layer.gradients()]", "for g in layer.gradients() if g.any()]"),
            "gradients() leaves out a gradient that is 0 everywhere, and then parameters and "
            "gradients are paired wrongly. Each parameter has a gradient in the list, whatever its "
            "numbers.",
        ),
        Mistake(
            "parameters only once",
            edit(
                "= list(layers)",
                "= list(layers)\n        self.kept = (p for layer in layers for p in "
                "layer.parameters())",
                "[p for layer in self.layers for p in layer.parameters()]",
                "self.kept",
            ),
            "The first call of parameters() finds them, and the next finds none: a generator, or "
            "any other iterator, is used up once somebody has gone through it. Make a list, at "
            "each call.",
        ),
        Mistake(
            "copies of the parameters",
            edit("[p for", "[p.clone() for"),
            "parameters() gives copies. An optimizer changes what it is given, in place, and the "
            "layers would not notice.",
        ),
        Mistake(
            "layers copied",
            edit("= list(layers)", "= __import__('copy').deepcopy(list(layers))"),
            "Your net works with copies of the layers. Whoever made the layers and changes one of "
            "them later changes nothing in the net: keep the layers themselves.",
        ),
        Mistake(
            "backward goes through once",
            edit(
                "= list(layers)",
                "= list(layers)\n        self.back = reversed(self.layers)",
                "in reversed(self.layers)",
                "in self.back",
            ),
            "The first backward goes through the layers, and the next finds none: `reversed(...)` "
            "gives an iterator, which is used up once. Make it anew in each backward.",
        ),
        Mistake(
            "gradients add up",
            edit(
                "return grad_out",
                "new = [g for layer in self.layers for g in layer.gradients()]\n"
                "        sums = getattr(self, 'kept', None) or [0] * len(new)\n"
                "        self.kept = [a + b for a, b in zip(sums, new)]\n"
                "        return grad_out",
                "return [g for layer in self.layers for g in layer.gradients()]",
                "return self.kept",
            ),
            "gradients() gives the sum over all calls of backward. autograd adds up like that, and "
            "then somebody has to set the sums to zero; here each backward makes new ones.",
        ),
        Mistake(
            "lists of lists",
            edit(
                "[p for layer in self.layers for p in layer.parameters()]",
                "[layer.parameters() for layer in self.layers]",
                "[g for layer in self.layers for g in layer.gradients()]",
                "[layer.gradients() for layer in self.layers]",
            ),
            "parameters() and gradients() give lists of lists, one for each layer. An optimizer "
            "goes through tensors: put those of all layers into one list.",
        ),
        Mistake(
            "parameters in lists of their own",
            edit(
                "[p for layer in self.layers for p in layer.parameters()]",
                "[layer.parameters() for layer in self.layers]",
            ),
            "parameters() gives a list of lists, one for each layer. An optimizer goes through "
            "tensors: put those of all layers into one list.",
        ),
        Mistake(
            "gradients in lists of their own",
            edit(
                "[g for layer in self.layers for g in layer.gradients()]",
                "[layer.gradients() for layer in self.layers]",
            ),
            "gradients() gives a list of lists, one for each layer. An optimizer pairs them with "
            "the parameters: put those of all layers into one list.",
        ),
        Mistake(
            "gradients pile up",
            edit(
                "= list(layers)",
                "= list(layers)\n        self.kept = []",
                "grad_out = layer.backward(grad_out)",
                "grad_out = layer.backward(grad_out)\n            self.kept = layer.gradients() + "
                "self.kept",
                "[g for layer in self.layers for g in layer.gradients()]",
                "self.kept",
            ),
            "After the second backward, gradients() holds those of the first as well: the list "
            "only grows. An optimizer pairs gradients with parameters, so there must be one for "
            "each.",
        ),
        Mistake(
            "layers without parameters passed over",
            edit(
                "            grad_out = layer.backward(grad_out)",
                "            if layer.parameters():\n                grad_out = "
                "layer.backward(grad_out)",
            ),
            "On the way back you pass over layers that have no parameters. A ReLU has none, and "
            "still changes the gradient that flows through it.",
        ),
        Mistake(
            "gradients of the first call",
            edit(
                "return [g for layer in self.layers for g in layer.gradients()]",
                "self.kept = getattr(self, 'kept', None) or "
                "[g for layer in self.layers for g in layer.gradients()]\n        return self.kept",
            ),
            "gradients() gives those of the first backward for ever. Each backward makes new ones: "
            "ask the layers each time.",
        ),
    )


class GradientCheck(Exercise):
    """The largest relative error between the net's gradients and central differences of the loss,
    over all parameters.
    """

    id, points = "library.gradient_check", 2
    extra = True
    minutes, lines, writes = 20, "about eight lines", "every gradient of a net against differences"
    shortcuts = AUTOGRAD
    without = {
        "requires_grad": "nothing here has a gradient by autograd",
        "views": "layers are handed over, and what they hold is theirs",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        double = torch.float64
        high, low = rng.number(1.5, 2.5), rng.number(0.3, 0.5)
        for label, sizes, factors in (
            ("a right net", [2, 1, 2], [1.0, 1.0, 1.0, 1.0]),
            ("one gradient of the first layer is off", [3, 1, 2], [high, 1.0, 1.0, 1.0]),
            ("one gradient of the last layer has another sign", [2, 1, 2], [1.0, 1.0, -low, 1.0]),
            (
                "the last bias's gradient is off, and the first layer has no effect",
                [1, 1, 2],
                [1.0, 1.0, 1.0, low],
            ),
            ("the first bias's gradient is left at 0", [1, 1, 2], [1.0, 0.0, 1.0, 1.0]),
            (
                "one entry of every gradient is off, and so is the loss's backward",
                [2, 2, 2],
                [0.7, 2 * high, 0.9, low + 0.2],
            ),
        ):
            pairs = list(zip(sizes, sizes[1:], strict=False))
            case = Case(
                label,
                weights=[rng.normal(b, a, dtype=double) for a, b in pairs],
                biases=[rng.normal(b, dtype=double) for _, b in pairs],
                factors=factors,
                x=rng.normal(5, sizes[0], dtype=double),
                y=rng.integers(0, sizes[-1], 5),
                loss_off=1.2 if "loss" in label else 1.0,
            )
            if "no effect" in label:  # so that gradients and differences are 0
                case.weights[1].zero_()
            if factors[0] > 1:  # small numbers, so small gradients
                case.inputs["x"] *= 0.02
            yield case
            if factors[0] > 1:  # too small in the same place, so that one of both has each sign
                missing = {**case.inputs, "factors": [0.0, *factors[1:]]}
                yield Case("the same gradient left at 0", **missing)

    def probe(self, gradient_check: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        before = [p.clone() for p in [*case.weights, *case.biases]]
        error = float(gradient_check(_net(case), _Loss(case.loss_off), case.x, case.y))
        if all(factor == 1 for factor in case.factors):
            yield claim("the error of a right net is below 1e-4", error < 1e-4)
            if not error < 1e-4:
                yield "error of a right net", error, 1e-3
        else:
            # What rounding leaves, where no gradient looked at is off, is no number to compare.
            yield "largest relative error", 0.0 if error < 1e-6 else error, 1e-3
        after = [*case.weights, *case.biases]
        moves = [float((a - b).abs().max()) for a, b in zip(before, after, strict=True)]
        yield claim("the parameters are as they were, up to rounding", max(moves) < 1e-12)
        yield claim("the parameters are exactly as they were", max(moves) == 0)

    mistakes = (
        Mistake(
            "the parameters stay moved",
            edit("        p.copy_(before)\n", ""),
            "After your check the parameters are not what they were. A check moves each entry up "
            "and down; put back what was there before.",
        ),
        Mistake(
            "the parameters put back up to rounding",
            None,
            "After your check the parameters differ from what they were in the last digits: going "
            "up, down and up again leaves rounding behind. Keep a copy and put that back.",
            sign=lambda evidence: any(
                e.get("the parameters are as they were, up to rounding") is True
                and e.get("the parameters are exactly as they were") is False
                for e in evidence
            ),
        ),
        Mistake(
            "the smallest error",
            edit("max(errors)", "min(errors)"),
            "You return the smallest error of all parameters. One wrong gradient spoils the net, "
            "so the largest counts.",
        ),
        Mistake(
            "stops at the first wrong gradient",
            edit(
                "errors.append(relative_error(grad, slopes))",
                "errors.append(relative_error(grad, slopes))\n        if errors[-1] > 1e-4:\n"
                "            break",
            ),
            "You stop at the first gradient that is off. A later one may be off by more: look at "
            "all of them before you take the largest.",
        ),
        Mistake(
            "the mean error",
            edit("max(errors)", "sum(errors) / len(errors)"),
            "You return the mean over the parameters. One wrong gradient among many right ones "
            "then hardly shows: the largest counts.",
        ),
        Mistake(
            "the sum of the errors",
            edit("max(errors)", "sum(errors)"),
            "You return the sum over the parameters. Many small errors then look like a large one: "
            "the largest counts.",
        ),
        Mistake(
            "true or false",
            edit("return max(errors)", "return max(errors) < 1e-4"),
            "You return True or False. Return the error itself, as a float: how large it is says "
            "what kind of mistake it may be.",
        ),
        Mistake(
            "the last parameter alone",
            edit("max(errors)", "errors[-1]"),
            "Only the last parameter counts in your check. Go through all of them.",
        ),
        Mistake(
            "the first parameter alone",
            edit("max(errors)", "errors[0]"),
            "Only the first parameter counts in your check. Is a return inside the loop?",
        ),
        Mistake(
            "not relative",
            edit("relative_error(grad, slopes)", "float((grad - slopes).abs().max())"),
            "You return the difference itself. How large a difference may be depends on how large "
            "the gradient is: relative_error of lesson 03 divides by it.",
        ),
        Mistake(
            "signs left out",
            edit("relative_error(grad, slopes)", "relative_error(grad.abs(), slopes.abs())"),
            "You compare sizes alone, so a gradient of the opposite sign passes. A step along it "
            "goes uphill.",
        ),
        *(
            Mistake(
                "too high a limit of the divisor",
                edit(
                    "relative_error(grad, slopes)",
                    f"float(((grad - slopes).abs() / {size}).max())",
                ),
                "Errors of small gradients look smaller than they are: you keep the divisor above "
                "a limit that is too high, or add something to it. The limit is there for 0/0 "
                "alone: relative_error of lesson 03 has 1e-8.",
            )
            for size in (
                "(grad.abs() + slopes.abs()).clamp(min=1e-2)",
                "(grad.abs() + slopes.abs()).clamp(min=1e-3)",
                "(grad.abs() + slopes.abs() + 1e-2)",
                "(grad.abs() + slopes.abs() + 1e-3)",
            )
        ),
        Mistake(
            "no limit of the divisor",
            edit(
                "relative_error(grad, slopes)",
                "float(((grad - slopes).abs() / (grad.abs() + slopes.abs())).max())",
            ),
            "Where a gradient and its difference are both 0, you divide 0 by 0, and the result is "
            "nan. relative_error of lesson 03 keeps the divisor above 1e-8.",
        ),
        Mistake(
            "its own loss",
            edit(
                "net.backward(loss.backward())",
                "net.backward(cross_entropy_backward(net.forward(x), y))",
            ),
            "You do not ask the loss for its gradient, so a mistake in its backward() stays "
            "hidden, and with another loss your check is wrong. Use the loss that is passed in, "
            "for both ways.",
        ),
        Mistake(
            "without the absolute value",
            edit(
                "relative_error(grad, slopes)",
                "float(((grad - slopes) / (grad.abs() + slopes.abs()).clamp(min=1e-8)).max())",
            ),
            "You take the largest difference with its sign, so a gradient that is too small counts "
            "as less than no error. An error has a size, whichever way it goes.",
        ),
        *(
            Mistake(
                "divided by one side alone",
                edit(
                    "relative_error(grad, slopes)",
                    f"float(((grad - slopes).abs() / {side}.abs().clamp(min=1e-8)).max())",
                ),
                "You divide the difference by the size of one side. Then an error counts "
                "differently upwards and downwards: relative_error of lesson 03 divides by the "
                "sizes of both.",
            )
            for side in ("grad", "slopes")
        ),
        *(
            Mistake(
                "one size for a whole tensor",
                edit("relative_error(grad, slopes)", error),
                "You divide by one number for a whole tensor, so that a wrong entry which is small "
                "itself hardly shows. Each entry is compared with its own size.",
            )
            for error in (
                "float((grad - slopes).norm() / (grad.norm() + slopes.norm()))",
                "float((grad - slopes).abs().max() / (grad.abs() + slopes.abs()).max())",
                "float((grad - slopes).abs().max() / max(grad.abs().max(), slopes.abs().max()))",
            )
        ),
        Mistake(
            "lengths compared",
            edit("relative_error(grad, slopes)", "relative_error(grad.norm(), slopes.norm())"),
            "You compare the lengths of gradient and differences. Two tensors of one length can "
            "point in different directions: compare entry by entry.",
        ),
        Mistake(
            "zero gradients passed over",
            edit(
                "relative_error(grad, slopes)",
                "relative_error(grad[grad != 0], slopes[grad != 0]) if grad.any() else 0.0",
            ),
            "You pass over entries whose gradient is 0. Whether it should be 0 is what the "
            "differences say; where both are 0, the lower limit of the divisor helps.",
        ),
        Mistake(
            "zero gradients passed over",
            edit(
                "relative_error(grad, slopes)",
                "relative_error(grad, slopes) if grad.any() else 0.0",
            ),
            "You pass over a parameter whose gradient is 0 everywhere. Whether it should be is "
            "what the differences say: a gradient that was forgotten is 0, too.",
        ),
        Mistake(
            "gradients twice as large as the differences",
            edit("numerical_gradient(loss_at, before)", "numerical_gradient(loss_at, p)"),
            "Your differences are half as large as the gradients. Does numerical_gradient get the "
            "parameter itself, which your function overwrites while the differences are taken? "
            "Then hand over a copy. Or are the gradients doubled: does the net's backward start "
            "from what the loss's backward gives, as it is?",
        ),
        Mistake(
            "one side 0 or of the opposite sign",
            edit("    net.backward(loss.backward())\n", ""),
            "The relative error is 1, as it is where one side is 0, or where the two have opposite "
            "signs. Is backward called before you read the gradients, on the loss and then on the "
            "net, with what the loss gave? Does your function write the values that "
            "numerical_gradient hands it into the net's parameter? Is one side negated?",
        ),
        Mistake(
            "gradients in the opposite order",
            edit("for g in net.gradients()]", "for g in net.gradients()][::-1]"),
            "Each parameter is compared with the gradient of another one: the gradients come in "
            "the opposite order. net.parameters() and net.gradients() have the same order.",
        ),
        Mistake(
            "gradients half as large as the differences",
            edit("net.backward(loss.backward())", "net.backward(0.5 * loss.backward())"),
            "Your gradients are half as large as the differences. The net's backward starts from "
            "what the loss's backward gives, as it is; a difference is divided by twice the step.",
        ),
        Mistake(
            "compared with itself",
            edit("relative_error(grad, slopes)", "relative_error(grad, grad)"),
            "Your check finds no error in a net whose gradients are wrong: the error is 0. Do both "
            "sides of your comparison hold the same tensor?",
        ),
        Mistake(
            "differences in float32",
            edit(
                "return loss.forward(net.forward(x), y)",
                "return loss.forward(net.forward(x), y).float()",
            ),
            "The loss goes through float32 on its way into the differences. They are so small that "
            "they drown in its rounding: keep float64.",
        ),
        Mistake(
            "offsets left out",
            edit(
                "        before = p.clone()",
                "        if p.ndim < 2:\n            continue\n        before = p.clone()",
            ),
            "The largest error is that of an offset, and your check returns a smaller one. Do you "
            "pass over parameters of one dimension, or stop at the first error that is too large? "
            "Every parameter counts.",
        ),
        *(
            Mistake(
                name,
                edit("in zip(", "in list(zip(", "strict=True):", f"strict=True))[{part}]:"),
                hint,
            )
            for name, part, hint in (
                (
                    "the first parameter left out",
                    "1:",
                    "The first parameter is not checked. Go through all of them.",
                ),
                (
                    "the first layer alone",
                    ":2",
                    "You check the parameters of the first layer alone. Go through all of them.",
                ),
            )
        ),
    )


_OF_MNIST = {mistake.name: mistake for mistake in FitMnist.mistakes}
_SHARED = (
    "probabilities instead of logits",
    "all parameters zero",
    "only the first batch",
    "labels mixed up",
    "diverged",
    "no activation",
    "too few hidden units",
    "worse than guessing",
)


class FitDigits(FitMnist):
    """An object with forward(x) that turns rows of 784 pixels into 10 logits, trained without
    torch.nn, torch.optim and autograd.

    It is measured as mnist.fit_mnist is.

    Accuracy over 20 seeds:                         least   median  most
        784-100-10, one cycle, 8 epochs             0.869   0.895   0.909
        784-100-10, 12 epochs, momentum 0.9         0.872   0.885   0.907
        784-50-10, 5 epochs, momentum 0.9           0.821   0.839   0.874
      full 0.80
        784-50-10, 3 epochs, momentum 0.9           0.798   0.814   0.842
        784-50-10, one cycle, 2 epochs              0.778   0.814   0.840
        784-50-10, 3 epochs, lr 0.1                 0.732   0.798   0.824
        784-50-10, 2 epochs, momentum 0.9           0.752   0.792   0.820
      part 0.72
        784-50-10, one cycle, 1 epoch               0.676   0.722   0.753
        784-50-10, 1 epoch, momentum 0.9            0.669   0.706   0.733
        784-10, one cycle to 0.02, 8 epochs         0.661   0.675   0.705
        784-10, one cycle, 8 epochs                 0.627   0.654   0.678
        784-10, 6 epochs, momentum 0.9              0.570   0.619   0.666
        5 hidden units, 6 epochs                    0.168   0.296   0.521

    Where lr is not given, momentum 0.9 goes with lr 0.02, and one cycle to 0.08. Full points lie
    0.02 below all nets of 50 units or more that train for five epochs with momentum; two and three
    epochs stand on the border. Half of them lie 0.015 above the best map without a hidden layer and
    0.01 below all nets of 50 units that train for two epochs or more; one epoch is on the border.
    """

    id, points = "library.fit_digits", 5
    minutes, lines = 25, "about ten lines"
    writes = "digits, read with nothing but your own parts"
    shortcuts = (
        *OPTIMIZERS,
        *AUTOGRAD,
        nn.Module,
        F.linear,
        F.relu,
        F.cross_entropy,
        F.softmax,
        F.log_softmax,
        F.nll_loss,
    )
    full, part = 0.80, 0.72

    @property
    def builds(self) -> bool:
        """False: what comes back is no module of torch."""
        return False

    def probe(self, fit_digits: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        net = fit_digits(case.x, case.y, case.seed)
        forward = callable(getattr(net, "forward", None))
        yield (
            "what is returned",
            "an object with forward" if forward else f"a {type(net).__name__}",
        )
        logits = net.forward(case.unseen)
        yield "shape of the logits", str(tuple(logits.shape))
        yield "logits of the unseen digits", logits
        yield from self.signs(net.forward, logits, case)
        params = [p.flatten() for p in getattr(net, "parameters", list)()]
        numbers = torch.cat([*params, torch.zeros(0)])
        yield "number of parameters", numbers.numel()
        yield "part of the parameters that is 0", float((numbers == 0).double().mean())

    def expected(self, case: Case) -> dict[str, Any]:
        """What holds whatever was learned."""
        shape = f"({len(case.hidden['labels'])}, 10)"
        return {"what is returned": "an object with forward", "shape of the logits": shape}

    mistakes = (
        Mistake(
            "not a net",
            None,
            "Return the trained net: an object whose forward(x) gives the logits.",
            sign=lambda e: e[0]["what is returned"] != "an object with forward",
        ),
        *(_OF_MNIST[name] for name in _SHARED),
        Mistake(
            "never trained",
            None,
            "The loss is still near 2.3, which is log 10: as good as guessing. Does each step run "
            "forward, the loss, both backward passes and the update, and do the gradients reach "
            "the parameters that the net uses?",
            sign=_OF_MNIST["never trained"].sign,
        ),
        Mistake(
            "too little training",
            None,
            "Your net does not do well even on the training digits yet, so it can learn much more "
            "from them: more epochs, or a larger learning rate. Print the rate at the first step, "
            "in the middle and at the last one. One cycle ends near 0, so does the number of all "
            "steps belong to these epochs? At hardly more than 0.1: does every picture of a batch "
            "have its own label?",
            sign=_OF_MNIST["too little training"].sign,
        ),
    )
