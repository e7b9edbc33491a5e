"""Tests of `backward` for y = x * scale, as students write them: what each rejects is measured."""

import torch

t = torch.tensor
ROWS, SCALE = t([[2.3, -3.0, 0.7], [-1.6, 5.2, 4.0]]), t([-2.0, 0.3, 3.1])
GIVEN = t([[0.7, 2.0, -1.9], [-3.3, 0.4, 1.2]])


def close(found, grad_out, x, scale):
    """Whether the numbers are those of right code, whatever their shapes."""
    grad_x, grad_scale = found
    return torch.allclose(grad_x, grad_out * scale) and torch.allclose(
        grad_scale, (grad_out * x).sum(0), atol=1e-6
    )


def on(grad_out, x, scale):
    """A test with these inputs."""
    return lambda backward: close(
        backward(grad_out.clone(), x.clone(), scale.clone()), grad_out, x, scale
    )


def shapes_only(backward):
    grad_x, grad_scale = backward(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3))
    return grad_x.shape == (2, 3) and grad_scale.shape == (3,)


def first_result_only(backward):
    return torch.allclose(backward(GIVEN, ROWS, SCALE)[0], GIVEN * SCALE)


def loosely(backward):
    grad_x, grad_scale = backward(GIVEN.clone(), ROWS.clone(), SCALE)
    near = torch.allclose(grad_x, GIVEN * SCALE, rtol=0.1, atol=0.5)
    return near and torch.allclose(grad_scale, (GIVEN * ROWS).sum(0), rtol=0.1, atol=0.5)


def by_autograd(backward):
    torch.manual_seed(0)
    x, scale = torch.randn(4, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    grad_out = torch.randn(4, 3)
    (x * scale).backward(grad_out)
    grad_x, grad_scale = backward(grad_out.clone(), x.detach().clone(), scale.detach().clone())
    assert grad_x.shape == x.shape and grad_scale.shape == scale.shape
    assert torch.allclose(grad_x, x.grad, atol=1e-5)
    assert torch.allclose(grad_scale, scale.grad, atol=1e-5)


def arguments_too(backward):
    given = [GIVEN.clone(), ROWS.clone(), SCALE.clone()]
    right = close(backward(*given), GIVEN, ROWS, SCALE)
    return right and all(map(torch.equal, given, (GIVEN, ROWS, SCALE)))


def called_twice(backward):
    return arguments_too(backward) and on(GIVEN + 1, ROWS, SCALE)(backward)


def everything(backward):
    return called_twice(backward) and backward(GIVEN, ROWS, SCALE)[1].shape == SCALE.shape


# In the order of the table in backprop.Test's docstring.
TESTS = [
    shapes_only,
    on(torch.ones(1, 3), torch.ones(1, 3), torch.ones(3)),
    on(torch.ones(2, 2), t([[1.0, 2.0], [3.0, 4.0]]), t([5.0, 6.0])),
    on(t([[1.0, 2.0]]), t([[3.0, 4.0]]), t([5.0, 6.0])),
    first_result_only,
    on(t([[1.0, 2.0], [3.0, 4.0]]), t([[1.0, 2.0], [3.0, 4.0]]), t([2.0, 3.0])),
    loosely,
    on(GIVEN, ROWS, SCALE),
    by_autograd,
    arguments_too,
    called_twice,
    everything,
]
