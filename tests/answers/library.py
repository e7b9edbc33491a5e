"""Other right answers to the exercises of lesson 12."""

from functools import reduce
from itertools import chain

import torch


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


def fit_plainly(x, y, seed):
    return trained(x, y, seed, [784, 100, 10], 12, 0.02)


def fit_deeper(x, y, seed):
    return trained(x, y, seed, [784, 128, 64, 10], 10, 0.02)


ANSWERS = {
    "library.Sequential": [SequentialByReduce, SequentialWithLoops],
    "library.gradient_check": [check_entry_by_entry, check_as_a_tensor],
    "library.fit_digits": [fit_plainly, fit_deeper],
}
