"""Right and wrong answers to the exercises of lesson 12."""

import copy
from functools import reduce
from itertools import chain

import torch

from course_utils.reference.backprop import numerical_gradient, relative_error
from tests.answers import right, wrong


@right("library.Sequential")
class SequentialByReduce:
    def __init__(self, layers):
        self.all = tuple(layers)

    def forward(self, x):
        return reduce(lambda value, layer: layer.forward(value), self.all, x)

    def backward(self, grad_out):
        return reduce(lambda value, layer: layer.backward(value), self.all[::-1], grad_out)

    def parameters(self):
        return chain.from_iterable(layer.parameters() for layer in self.all)

    def gradients(self):
        return sum((list(layer.gradients()) for layer in self.all), [])


@right("library.Sequential")
class SequentialWithLoops:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        out = x
        for i in range(len(self.layers)):
            out = self.layers[i].forward(out)
        return out

    def backward(self, grad_out):
        g = grad_out
        for i in range(len(self.layers) - 1, -1, -1):
            g = self.layers[i].backward(g)
        return g

    def parameters(self):
        found = []
        for layer in self.layers:
            found.extend(layer.parameters())
        return found

    def gradients(self):
        found = []
        for layer in self.layers:
            found.extend(layer.gradients())
        return tuple(found)


@right("library.gradient_check")
def check_entry_by_entry(net, loss, x, y):
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    worst, eps = 0.0, 1e-6
    for p, g in zip(net.parameters(), list(net.gradients())):
        flat, grads = p.view(-1), g.reshape(-1)
        for i in range(len(flat)):
            old = flat[i].item()
            flat[i] = old + eps
            up = loss.forward(net.forward(x), y).item()
            flat[i] = old - eps
            down = loss.forward(net.forward(x), y).item()
            flat[i] = old
            slope, grad = (up - down) / (2 * eps), grads[i].item()
            worst = max(worst, abs(grad - slope) / max(abs(grad) + abs(slope), 1e-8))
    return worst


@right("library.gradient_check")
def check_as_a_tensor(net, loss, x, y):
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    errors = []
    for p, grad in zip(list(net.parameters()), [g.clone() for g in net.gradients()]):
        slope, start = torch.zeros_like(p), p.clone()
        for where in torch.cartesian_prod(*map(torch.arange, p.shape)).reshape(-1, p.ndim):
            step = torch.zeros_like(p)
            step[tuple(where)] = 1e-5
            p.copy_(start + step)
            above = loss.forward(net.forward(x), y)
            p.copy_(start - step)
            slope[tuple(where)] = (above - loss.forward(net.forward(x), y)) / 2e-5
        p.copy_(start)
        errors.append(((grad - slope).abs() / (grad.abs() + slope.abs()).clamp(min=1e-8)).max())
    return torch.stack(errors).max()


class Bare:
    """A net in plain tensors, trained by `trained`."""

    def __init__(self, sizes, generator):
        self.weights = [
            torch.randn(b, a, generator=generator) * (2 / a) ** 0.5
            for a, b in zip(sizes, sizes[1:])
        ]
        self.biases = [torch.zeros(b) for b in sizes[1:]]

    def forward(self, x):
        self.inputs = []
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = x.clamp(min=0) if i else x
            self.inputs.append(x)
            x = x @ w.T + b
        return x

    def parameters(self):
        return [*self.weights, *self.biases]


def trained(x, y, seed, sizes, epochs, lr, momentum=0.9, size=64, labels=lambda y: y):
    g = torch.Generator().manual_seed(seed)
    net = Bare(sizes, g)
    speeds = [torch.zeros_like(p) for p in net.parameters()]
    for _ in range(epochs):
        for idx in torch.randperm(len(x), generator=g).split(size):
            z = net.forward(x[idx])
            p = (z - z.amax(1, keepdim=True)).exp()
            d = p / p.sum(1, keepdim=True)
            d[torch.arange(len(idx)), labels(y[idx])] -= 1
            d = d / len(idx)
            grads_w, grads_b = [], []
            for i in reversed(range(len(net.weights))):
                grads_w.insert(0, d.T @ net.inputs[i])
                grads_b.insert(0, d.sum(0))
                d = (d @ net.weights[i]) * (net.inputs[i] > 0)
            for p, v, grad in zip(net.parameters(), speeds, grads_w + grads_b):
                v.mul_(momentum).add_(grad)
                p.sub_(lr * v)
    return net


@right("library.fit_digits")
def fit_plainly(x, y, seed):
    return trained(x, y, seed, [784, 100, 10], 12, 0.02)


@right("library.fit_digits")
def fit_deeper(x, y, seed):
    return trained(x, y, seed, [784, 128, 64, 10], 10, 0.02)


@wrong("library.Sequential", "backward in the order of forward")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in self.layers:
            grad_out = layer.backward(grad_out)
        return grad_out


@wrong("library.Sequential", "every layer gets the gradient of the output")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        results = [layer.backward(grad_out) for layer in self.layers[::-1]]
        return results[-1]


@wrong("library.Sequential", "every layer gets x")
class Sequential(SequentialWithLoops):
    def forward(self, x):
        for layer in self.layers:
            result = layer.forward(x)
        return result


@wrong("library.Sequential", "backward returns nothing", "returned None")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in self.layers[::-1]:
            grad_out = layer.backward(grad_out)


@wrong("library.Sequential", "gradients in the order of backward")
class Sequential(SequentialWithLoops):
    def gradients(self):
        grads = []
        for layer in reversed(self.layers):
            for g in layer.gradients():
                grads.append(g)
        return grads


@wrong("library.Sequential", "copies of the parameters")
class Sequential(SequentialWithLoops):
    def parameters(self):
        return [p.detach().clone() for layer in self.layers for p in layer.parameters()]


@wrong("library.Sequential", "gradients of the first call")
class Sequential(SequentialWithLoops):
    cached = None

    def gradients(self):
        if self.cached is None:
            self.cached = list(super().gradients())
        return self.cached


@wrong("library.Sequential", "parameters in lists of their own")
class Sequential(SequentialWithLoops):
    def parameters(self):
        found = []
        for layer in self.layers:
            found.append(layer.parameters())
        return found


@wrong("library.Sequential", "gradients in lists of their own")
class Sequential(SequentialWithLoops):
    def gradients(self):
        found = []
        for layer in self.layers:
            found.append(list(layer.gradients()))
        return found


@wrong(
    "library.Sequential",
    ("lists of lists", "parameters in lists of their own"),
    ("lists of lists", "gradients in lists of their own"),
)
class Sequential(SequentialWithLoops):
    def parameters(self):
        return [layer.parameters() for layer in self.layers]

    def gradients(self):
        return [layer.gradients() for layer in self.layers]


@wrong("library.gradient_check", ("the parameters stay moved", "changed its input"))
def gradient_check(net, loss, x, y):
    error = check_entry_by_entry(net, loss, x, y)
    for p in net.parameters():
        p.view(-1)[-1] += 1e-6
    return error


def _errors(net, loss, x, y, relative=True, start=None):
    loss.forward(net.forward(x), y)
    if start is None:
        net.backward(loss.backward())
    else:
        start(net)
    errors = []
    for p, g in zip(net.parameters(), [g.clone() for g in net.gradients()]):
        slope = torch.zeros(p.numel(), dtype=torch.float64)
        for i in range(p.numel()):
            old = float(p.view(-1)[i])
            for sign in (1, -1):
                p.view(-1)[i] = old + sign * 1e-6
                slope[i] += sign * float(loss.forward(net.forward(x), y)) / 2e-6
            p.view(-1)[i] = old
        gap, size = (g.reshape(-1) - slope).abs(), g.reshape(-1).abs() + slope.abs()
        errors.append(float((gap / size.clamp(min=1e-8) if relative else gap).max()))
    return errors


wrong("library.gradient_check", "the smallest error")(
    lambda net, loss, x, y: min(_errors(net, loss, x, y))
)
wrong("library.gradient_check", "the last parameter alone")(
    lambda net, loss, x, y: _errors(net, loss, x, y).pop()
)
wrong("library.gradient_check", "the first parameter alone")(
    lambda net, loss, x, y: next(iter(_errors(net, loss, x, y)))
)
wrong("library.gradient_check", "not relative")(
    lambda net, loss, x, y: max(_errors(net, loss, x, y, relative=False))
)


@wrong("library.gradient_check", "the mean error")
def gradient_check(net, loss, x, y):
    errors = torch.tensor(_errors(net, loss, x, y))
    return errors.mean().item()


@wrong("library.gradient_check", "one side 0 or of the opposite sign")
def gradient_check(net, loss, x, y):
    return max(_errors(net, loss, x, y, start=lambda net: None))


class _Changed:
    """A trained net whose logits are changed."""

    def __init__(self, net, change):
        self.net, self.change = net, change

    def forward(self, x):
        return self.change(self.net.forward(x))

    def parameters(self):
        return self.net.parameters()


SIZES = [784, 60, 10]
wrong("library.fit_digits", "not a net")(
    lambda x, y, seed: trained(x, y, seed, SIZES, 1, 0.02).parameters()
)
wrong("library.fit_digits", "probabilities instead of logits")(
    lambda x, y, seed: _Changed(trained(x, y, seed, SIZES, 3, 0.004), lambda z: z.softmax(-1))
)


@wrong("library.fit_digits", "all parameters zero")
def fit_digits(x, y, seed):
    net = Bare(SIZES, torch.Generator())
    for w in net.weights:
        w.zero_()
    return net


wrong("library.fit_digits", "only the first batch")(
    lambda x, y, seed: trained(x[:64], y[:64], seed, SIZES, 300, 0.02)
)
wrong("library.fit_digits", "labels mixed up")(
    lambda x, y, seed: trained(x, y, seed, SIZES, 6, 0.02, labels=lambda y: (y + 3) % 10)
)
wrong("library.fit_digits", "diverged")(lambda x, y, seed: trained(x, y, seed, SIZES, 1, 1e4))
wrong("library.fit_digits", "no activation")(
    lambda x, y, seed: trained(x, y, seed, [784, 10], 5, 0.01)
)
wrong("library.fit_digits", "too few hidden units")(
    lambda x, y, seed: trained(x, y, seed, [784, 4, 10], 6, 0.01)
)
wrong("library.fit_digits", "too little training")(
    lambda x, y, seed: trained(x, y, seed, SIZES, 1, 0.004)
)
wrong("library.fit_digits", "worse than guessing")(
    lambda x, y, seed: trained(
        x.reshape(-1, 28, 28).mT.reshape(-1, 784), y, seed, [784, 100, 10], 12, 0.02
    )
)


@wrong("library.fit_digits", "never trained")
def fit_digits(x, y, seed):
    net = Bare(SIZES, torch.Generator().manual_seed(seed))
    for w in net.weights:
        w.mul_(0.4)
    return net


@wrong("library.gradient_check", "gradients twice as large as the differences")
def gradient_check(net, loss, x, y):
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    worst = 0.0
    for p, g in zip(net.parameters(), [g.clone() for g in net.gradients()]):
        kept = p.clone()

        def f(v, p=p):
            p.copy_(v)
            return loss.forward(net.forward(x), y)

        worst = max(worst, relative_error(g, numerical_gradient(f, p)))
        p.copy_(kept)
    return worst


@wrong("library.gradient_check", "one side 0 or of the opposite sign")
def gradient_check(net, loss, x, y):
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    grads = [g.clone() for g in net.gradients()]
    errors = [
        relative_error(g, numerical_gradient(lambda v: loss.forward(net.forward(x), y), p.clone()))
        for p, g in zip(net.parameters(), grads)
    ]
    return max(errors)


@wrong("library.Sequential", "every layer gets the gradient of the output")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in reversed(self.layers):
            layer.backward(grad_out)
        return grad_out


@wrong("library.Sequential", "forward ends after one layer")
class Sequential(SequentialWithLoops):
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
            return x


@wrong("library.Sequential", "backward ends after one layer")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
            return grad_out


@wrong("library.Sequential", "layers reversed for good")
class Sequential(SequentialWithLoops):
    def __init__(self, layers):
        self.layers = layers

    def backward(self, grad_out):
        self.layers.reverse()
        for layer in self.layers:
            grad_out = layer.backward(grad_out)
        return grad_out


@wrong("library.Sequential", "layers reversed for good")
class Sequential(SequentialWithLoops):
    def __init__(self, layers):
        self.layers = list(layers)

    def backward(self, grad_out):
        self.layers.reverse()
        for layer in self.layers:
            grad_out = layer.backward(grad_out)
        return grad_out


wrong("library.gradient_check", "the sum of the errors")(
    lambda net, loss, x, y: sum(_errors(net, loss, x, y))
)
wrong("library.gradient_check", "true or false")(
    lambda net, loss, x, y: max(_errors(net, loss, x, y)) < 1e-4
)


@wrong("library.Sequential", "backward leaves out a layer")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        i = len(self.layers) - 1
        while i > 0:
            grad_out = self.layers[i].backward(grad_out)
            i -= 1
        return grad_out


@wrong("library.Sequential", "backward leaves out a layer")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for i in range(2, len(self.layers) + 1):
            grad_out = self.layers[-i].backward(grad_out)
        return grad_out


@wrong("library.Sequential", "forward leaves out a layer")
class Sequential(SequentialWithLoops):
    def forward(self, x):
        for i in range(len(self.layers) - 1):
            x = self.layers[i].forward(x)
        return x


@wrong("library.Sequential", "forward leaves out a layer")
class Sequential(SequentialWithLoops):
    def forward(self, x):
        for i in range(1, len(self.layers)):
            x = self.layers[i].forward(x)
        return x


@wrong("library.Sequential", "attributes in place of gradients()")
class Sequential(SequentialWithLoops):
    def gradients(self):
        return [
            g
            for layer in self.layers
            if hasattr(layer, "grad_weight")
            for g in (layer.grad_weight, layer.grad_bias)
        ]


@wrong("library.Sequential", "attributes in place of gradients()")
class Sequential(SequentialWithLoops):
    def gradients(self):
        out = []
        for layer in self.layers:
            if hasattr(layer, "layers"):
                out += layer.gradients()
            elif hasattr(layer, "weight"):
                out += [layer.grad_weight, layer.grad_bias]
        return out


@wrong("library.Sequential", "attributes in place of parameters()")
class Sequential(SequentialWithLoops):
    def parameters(self):
        return [
            p
            for layer in self.layers
            if hasattr(layer, "weight")
            for p in (layer.weight, layer.bias)
        ]


@wrong("library.Sequential", "parameters kept from the start")
class Sequential(SequentialWithLoops):
    def __init__(self, layers):
        super().__init__(layers)
        self.params = []
        for layer in layers:
            self.params.extend(layer.parameters())

    def parameters(self):
        return self.params


@wrong("library.Sequential", "a layer's list gets longer")
class Sequential(SequentialWithLoops):
    def parameters(self):
        out = self.layers[0].parameters()
        for layer in self.layers[1:]:
            out += layer.parameters()
        return out


@wrong("library.Sequential", "a layer's list gets longer")
class Sequential(SequentialWithLoops):
    def gradients(self):
        first, *others = [layer.gradients() for layer in self.layers]
        for more in others:
            first.extend(more)
        return first


@wrong("library.Sequential", "parameters of one layer alone")
class Sequential(SequentialWithLoops):
    def parameters(self):
        for layer in self.layers:
            return list(layer.parameters())


@wrong("library.Sequential", "gradients of one layer alone")
class Sequential(SequentialWithLoops):
    def gradients(self):
        found = []
        for layer in self.layers:
            for g in layer.gradients():
                found.append(g)
            return found


@wrong("library.Sequential", "parameters in the order of backward")
class Sequential(SequentialWithLoops):
    def parameters(self):
        return [p for layer in self.layers[::-1] for p in layer.parameters()]


@wrong("library.Sequential", "both lists in the order of backward")
class Sequential(SequentialWithLoops):
    def parameters(self):
        return [p for layer in self.layers[::-1] for p in layer.parameters()]

    def gradients(self):
        return [g for layer in self.layers[::-1] for g in layer.gradients()]


def _compared(
    net,
    loss,
    x,
    y,
    start=lambda net, loss: net.backward(loss.backward()),
    order=1,
    pairs=slice(None),
    value=lambda v: v,
    error=relative_error,
    kept=lambda p: True,
):
    """The largest error by numerical_gradient, with one part written otherwise."""
    loss.forward(net.forward(x), y)
    start(net, loss)
    gradients = [g.clone() for g in net.gradients()][::order]
    errors = []
    for p, g in list(zip(net.parameters(), gradients))[pairs]:
        before = p.clone()

        def f(values, p=p):
            p.copy_(values)
            return value(loss.forward(net.forward(x), y))

        if kept(p):
            slopes = numerical_gradient(f, before.clone())
            p.copy_(before)
            errors.append(error(g, slopes))
    return max(errors)


def _ones(net, loss):
    net.backward(torch.ones_like(loss.backward()))


for _name, _part in (
    ("one side 0 or of the opposite sign", dict(error=lambda g, s: relative_error(g, -s))),
    ("one side 0 or of the opposite sign", dict(start=_ones)),
    ("gradients in the opposite order", dict(order=-1)),
    (
        "gradients twice as large as the differences",
        dict(start=lambda net, loss: net.backward(2 * loss.backward())),
    ),
    (
        "gradients half as large as the differences",
        dict(start=lambda net, loss: net.backward(loss.backward() / 2)),
    ),
    ("compared with itself", dict(error=lambda g, s: relative_error(g, g))),
    ("differences in float32", dict(value=torch.Tensor.float)),
    ("offsets left out", dict(kept=lambda p: p.dim() > 1)),
    ("the first parameter left out", dict(pairs=slice(1, None))),
    ("the first layer alone", dict(pairs=slice(0, 2))),
):
    wrong("library.gradient_check", _name)(
        lambda net, loss, x, y, part=_part: _compared(net, loss, x, y, **part)
    )


def _by_parameter(net, loss, x, y):
    """By parameter: the gradients on the way back, and those by differences."""
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    gradients = [gradient.clone() for gradient in net.gradients()]
    for p, g in zip(net.parameters(), gradients):

        def f(values, p=p):
            kept = p.clone()
            p.copy_(values)
            result = loss.forward(net.forward(x), y)
            p.copy_(kept)
            return result

        yield g, numerical_gradient(f, p.clone())


# without the absolute value
@wrong("library.gradient_check", "without the absolute value")
def gradient_check(net, loss, x, y):
    worst = 0.0
    for g, s in _by_parameter(net, loss, x, y):
        worst = max(worst, ((g - s) / (g.abs() + s.abs()).clamp(min=1e-8)).max().item())
    return worst


# entries whose gradient is 0 are passed over
@wrong("library.gradient_check", "zero gradients passed over")
def gradient_check(net, loss, x, y):
    worst = 0.0
    for g, s in _by_parameter(net, loss, x, y):
        if (some := g != 0).any():
            worst = max(worst, relative_error(g[some], s[some]))
    return worst


# whoever goes through the parameters a second time finds none
@wrong("library.Sequential", "parameters only once")
class Sequential(SequentialWithLoops):
    def __init__(self, layers):
        super().__init__(layers)
        self.found = (p for layer in layers for p in layer.parameters())

    def parameters(self):
        return self.found


@wrong("library.Sequential", "gradients pile up")
class Sequential(SequentialWithLoops):
    def __init__(self, layers):
        super().__init__(layers)
        self.grads = []

    def backward(self, grad_out):
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
            self.grads = layer.gradients() + self.grads
        return grad_out

    def gradients(self):
        return self.grads


@wrong("library.Sequential", "layers without parameters passed over")
class Sequential(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in reversed([layer for layer in self.layers if layer.parameters()]):
            grad_out = layer.backward(grad_out)
        return grad_out


def _worst(error):
    """A check with another error of two tensors."""

    def gradient_check(net, loss, x, y):
        return max(float(error(g, s)) for g, s in _by_parameter(net, loss, x, y))

    return gradient_check


wrong("library.gradient_check", "divided by one side alone")(
    _worst(lambda g, s: ((g - s).abs() / g.abs().clamp(min=1e-8)).max())
)
wrong("library.gradient_check", "divided by one side alone")(
    _worst(lambda g, s: (1 - g / s).abs().max())
)
wrong("library.gradient_check", "one size for a whole tensor")(
    _worst(lambda g, s: torch.dist(g, s) / (g.norm() + s.norm()))
)
wrong("library.gradient_check", "one size for a whole tensor")(
    _worst(lambda g, s: (g - s).abs().max() / (g.abs() + s.abs()).max().clamp(min=1e-8))
)
wrong("library.gradient_check", "lengths compared")(
    _worst(lambda g, s: (g.norm() - s.norm()).abs() / (g.norm() + s.norm()))
)


# comes back with the first error that is too large, not with the largest
@wrong("library.gradient_check", "stops at the first wrong gradient")
def gradient_check(net, loss, x, y):
    error = 0.0
    for g, s in _by_parameter(net, loss, x, y):
        error = max(error, relative_error(g, s))
        if error > 1e-4:
            break
    return error


@wrong("library.Sequential", "lists of lists", "backward in the order of forward")
class BackwardAsForwardWithListsOfLists(SequentialWithLoops):
    def backward(self, grad_out):
        for layer in self.layers:
            grad_out = layer.backward(grad_out)
        return grad_out

    def parameters(self):
        return [layer.parameters() for layer in self.layers]

    def gradients(self):
        return [layer.gradients() for layer in self.layers]


@wrong("library.Sequential", "layers copied")
class SequentialOfCopies(SequentialWithLoops):
    def __init__(self, layers):
        self.layers = [copy.deepcopy(layer) for layer in layers]


@wrong("library.Sequential", "backward goes through once")
class SequentialWithAnIterator(SequentialWithLoops):
    def __init__(self, layers):
        self.layers = layers
        self.backwards = reversed(layers)

    def backward(self, grad_out):
        for layer in self.backwards:
            grad_out = layer.backward(grad_out)
        return grad_out


@wrong("library.Sequential", "gradients add up")
class SequentialWithSums(SequentialWithLoops):
    total = None

    def backward(self, grad_out):
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
        new = [g for layer in self.layers for g in layer.gradients()]
        self.total = new if self.total is None else [t + g for t, g in zip(self.total, new)]
        return grad_out

    def gradients(self):
        return self.total


@right("library.Sequential")
class SequentialWithYield(SequentialWithLoops):
    def parameters(self):
        for layer in self.layers:
            yield from layer.parameters()

    def gradients(self):
        for layer in self.layers:
            yield from layer.gradients()


@wrong("library.gradient_check", "the parameters put back up to rounding")
def up_and_down_and_up_again(net, loss, x, y, eps=1e-6):
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    worst = 0.0
    for p, g in zip(net.parameters(), [g.clone() for g in net.gradients()]):
        flat, slopes = p.view(-1), torch.zeros_like(p.view(-1))
        for i in range(len(flat)):
            flat[i] += eps
            up = loss.forward(net.forward(x), y)
            flat[i] -= 2 * eps
            down = loss.forward(net.forward(x), y)
            flat[i] += eps
            slopes[i] = (up - down) / (2 * eps)
        worst = max(worst, relative_error(g.view(-1), slopes))
    return worst


@wrong("library.gradient_check", "one size for a whole tensor")
def largest_difference_over_the_largest_size(net, loss, x, y):
    def error(a, b):
        return ((a - b).abs().max() / max(a.abs().max(), b.abs().max(), torch.tensor(1e-8))).item()

    errors = []
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    for p, g in zip(net.parameters(), [g.clone() for g in net.gradients()]):
        start = p.clone()

        def f(values, p=p):
            p.copy_(values)
            return loss.forward(net.forward(x), y)

        errors.append(error(g, numerical_gradient(f, start.clone())))
        p.copy_(start)
    return max(errors)


class _Row:
    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_out):
        for layer in self.layers[::-1]:
            grad_out = layer.backward(grad_out)
        return grad_out

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]

    def gradients(self):
        return [g for layer in self.layers for g in layer.gradients()]


@wrong("library.Sequential", "output kept")
class SequentialWithMemory(_Row):
    def forward(self, x):
        if not hasattr(self, "last") or self.last[0] is not x:
            self.last = x, super().forward(x)
        return self.last[1]


@wrong("library.Sequential", "equal parameters listed once")
class SequentialOfDifferentParameters(_Row):
    def parameters(self):
        found = []
        for layer in self.layers:
            for p in layer.parameters():
                if not any(p.shape == q.shape and (p == q).all() for q in found):
                    found.append(p)
        return found


@wrong("library.Sequential", "gradients of zeros left out")
class SequentialWithoutDeadGradients(_Row):
    def gradients(self):
        return [g for g in super().gradients() if bool((g != 0).any())]


def _slopes(net, loss, x, y):
    """Pairs of a gradient and its differences."""
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    pairs = []
    for p, g in zip(net.parameters(), [g.clone() for g in net.gradients()]):
        old, slope = p.clone(), torch.zeros_like(p)
        for i in range(p.numel()):
            ends = []
            for move in (1e-6, -1e-6):
                p.copy_(old)
                p.view(-1)[i] += move
                ends.append(float(loss.forward(net.forward(x), y)))
            slope.view(-1)[i] = (ends[0] - ends[1]) / 2e-6
        p.copy_(old)
        pairs.append((g, slope))
    return pairs


@wrong("library.gradient_check", "signs left out")
def check_of_sizes(net, loss, x, y):
    pairs = [(a.abs(), b.abs()) for a, b in _slopes(net, loss, x, y)]
    return max(float(((a - b).abs() / (a + b).clamp(min=1e-8)).max()) for a, b in pairs)


@wrong("library.gradient_check", "too high a limit of the divisor")
def check_with_a_high_floor(net, loss, x, y):
    pairs = _slopes(net, loss, x, y)
    return max(float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-2)).max()) for a, b in pairs)


@wrong("library.gradient_check", "no limit of the divisor")
def check_without_a_floor(net, loss, x, y):
    pairs = _slopes(net, loss, x, y)
    return max(float(((a - b).abs() / (a.abs() + b.abs())).max()) for a, b in pairs)


@wrong("library.gradient_check", "zero gradients passed over")
def check_of_gradients_that_are_there(net, loss, x, y):
    return max(
        float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max())
        for a, b in _slopes(net, loss, x, y)
        if a.any()
    )


@wrong("library.gradient_check", "its own loss")
def check_with_its_own_loss(net, loss, x, y):
    class Own:
        def forward(self, logits, targets):
            self.p = torch.softmax(logits, 1)
            return -self.p[range(len(targets)), targets].log().mean()

        def backward(self):
            g = self.p.clone()
            g[range(len(y)), y] -= 1
            return g / len(y)

    pairs = _slopes(net, Own(), x, y)
    return max(float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max()) for a, b in pairs)
