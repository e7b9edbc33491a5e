# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: exercise,seed,tags,guess,guard,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Weight decay: more parameters, kept small
#
# **You will build** the L2 penalty and its gradient, two training steps that keep weights small, and the list that says which parameters to spare. Then you cure a network that has learned 200 digits by heart.
#
# **Time:** about {{ time }}. **It builds on** the two-layer net (lesson 01), the SGD step (lesson 02), gradients and how to check them (lesson 03), cross-entropy (lesson 04) and the digits (lesson 05). It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.
#
# {{ exercises }}

# %%
import torch

from course_utils import check, explore, outcome, plots
from course_utils.data import load_mnist
from course_utils.mine import accuracy, cross_entropy, normalize, numerical_gradient, two_layer_net

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. Which four lines does a training loop have, and between which two must the gradients not be cleared?</summary>
#
# Forward, clear, backward, step. The gradients may be cleared anywhere but between backward and step (lessons 02 and 05).
#
# </details>
# <details><summary>2. Whose mean and standard deviation normalise the validation digits?</summary>
#
# Those of the training digits (lesson 05).
#
# </details>
# <details><summary>3. What does overfitting look like in the two losses?</summary>
#
# The training loss goes on falling, and the validation loss no longer does, or rises (lesson 05).
#
# </details>
# <details><summary>4. The gradient of cross-entropy by the logits, in one line?</summary>
#
# $(p - y)/n$ (lesson 04).
#
# </details>
# <details><summary>5. With a constant gradient $g$ and momentum 0.9, how large does the velocity become?</summary>
#
# $g / (1 - 0.9)$, ten times the gradient (lesson 02).
#
# </details>

# %% [markdown]
# ## Many parameters, and small ones
#
# Here are twelve points: a smooth curve plus some noise. A polynomial with twelve coefficients can pass through all of them. Should it?
#
# $$y = w_0 + w_1 x + w_2 x^2 + \dots + w_{11} x^{11}$$
#
# The usual answer is: take fewer coefficients. There is another one: keep all twelve, but let the fit pay for large ones. What is minimised is then not the loss alone but
#
# $$\text{loss} + \mathrm{wd} \cdot \sum_j w_j^2$$
#
# The number `wd` is a hyperparameter: the price of a large weight. For a polynomial the best coefficients can be computed directly, so the picture needs no training.

# %% guess="weight_decay.prices"

# %%
_ = torch.manual_seed(4)
x = torch.linspace(-1, 1, 12, dtype=torch.float64)
y = torch.sin(3 * x) + 0.3 * torch.randn(12, dtype=torch.float64)
fine = torch.linspace(-1, 1, 400, dtype=torch.float64)


def powers(x):
    """x: (n,). Returns (n, 12): 1, x, x**2 ... x**11."""
    return x[:, None] ** torch.arange(12)


def best_coefficients(x, y, wd):
    """The twelve coefficients with the least mean squared error + wd * sum of squares."""
    a = powers(x)
    return torch.linalg.solve(a.T @ a / len(x) + wd * torch.eye(12), a.T @ y / len(x))


fits = {wd: best_coefficients(x, y, wd) for wd in [0.0, 0.001, 1.0]}
charts = [
    {
        "series": {"fit": powers(fine) @ w},
        "points": {"data": (x, y)},
        "title": f"wd = {wd:g}, largest |w| = {w.abs().max():.1f}",
    }
    for wd, w in fits.items()
]
plots.show(plots.side_by_side(*charts, x=fine, xlabel="x", ylim=(-2.2, 2.2)), "weight_decay.prices")

# %% guard="weight_decay.prices"
# change: [0.0, 0.001, 1.0] -> [0.01, 0.001, 1.0]
free, priced, dear = fits.values()
assert free.abs().max() > 100, "without a price the largest coefficient is in the hundreds"
assert (powers(x) @ free - y).abs().max() < 1e-3, "and the curve passes through every point"
assert (powers(x) @ dear - y).abs().max() > 0.3, "with wd 1 the curve misses most points"

# %% [markdown]
# All three have the same number of parameters. On the left they are free: the curve visits every point, noise included, and to do so it needs enormous coefficients that nearly cancel each other. In the middle they have a price. On the right the price is so high that the points hardly matter.
#
# Fitting the noise of the training data is called *overfitting*. Holding a model back from it is called *regularisation*, and the term that is added is a *penalty*. This one, with squares, is the **L2 penalty**. So the number of parameters is not the measure of how complicated a model is. Keep many, and keep them small.

# %% [markdown]
# ### Exercise: `l2_penalty`
#
# {{ l2_penalty }} A network has not one vector of weights but a list of tensors of different shapes. The penalty is `wd` times the sum of the squares of all their entries:
#
# $$\mathrm{penalty} = \mathrm{wd} \cdot \sum_{\text{all } w} w^2$$
#
# For the weights $(3, -1, 2)$ and wd = 0.1 it is $0.1 \cdot (9 + 1 + 4) = 1.4$.


# %% exercise="l2_penalty" seed=601
def l2_penalty(params, wd):
    """wd times the sum of the squares of all entries of all params.

    params: a list of tensors of any shapes, at least one; those that require no gradient count as well.
    wd: a float, at least 0.
    Returns a tensor of shape (). Gradients flow through it to every tensor of params.

    >>> l2_penalty([torch.tensor([[3.0, -1.0]]), torch.tensor([2.0])], wd=0.5)
    tensor(7.)
    """
    ### BEGIN SOLUTION
    return wd * sum(p.square().sum() for p in params)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# First do it for one tensor: one number, whatever its shape.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Square, then add up. The other order gives another number: $3$ and $-3$ would cancel.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Python's `sum` adds up anything that can be added, tensors too. Where does `wd` go so that it counts once?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (3) must match the size of tensor b (4)`: you add tensors of different shapes. Reduce each to one number first.
#
# `AttributeError: 'list' object has no attribute 'square'`: `params` is a list. Go through it.
#
# </details>

# %% [markdown]
# ## The slope of the penalty
#
# To make the penalty smaller, training needs its gradient: for every single weight, how fast does the penalty grow when this weight grows?
#
# Notes on this topic often get it wrong. Two recipes that you will meet for what to take off the weights:
#
# - **recipe A**: the penalty itself, `wd * sum(w**2)`,
# - **recipe B**: `2 * wd * sum(w)`.
#
# Both are *one number*, the same for all weights. Can that be right? Take the weights $(3, -1, 2)$ from above, and nudge the $-1$ by a little: only its own square changes. The nine and the four beside it stay what they are.

# %% [markdown]
# ### Exercise: `l2_gradient`
#
# {{ l2_gradient }} Write the gradient of `wd * sum(p**2)` by `p`, by hand. Work out on paper what one nudge does before you type.


# %% exercise="l2_gradient" seed=602
def l2_gradient(p, wd):
    """The gradient of wd * sum(p**2) by p.

    p: a tensor of any shape.
    wd: a float.
    Returns a new tensor of the same shape as p; whether it belongs to a graph does not matter.

    >>> l2_gradient(torch.tensor([3.0, -1.0, 2.0]), wd=0.5)
    tensor([ 3., -1.,  2.])
    """
    ### BEGIN SOLUTION
    return 2 * wd * p
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Take one entry and call it $w$. The others are constants. What is the slope of $\mathrm{wd} \cdot w^2$?
#
# </details>
# <details><summary>Hint 2</summary>
#
# There is no sum in the result: each entry has its own slope, so the result has the shape of `p`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The example in the docstring has wd = 0.5 on purpose. With that price the slope of an entry is the entry itself. What is it for wd = 1?
#
# </details>

# %% [markdown]
# ### Let the numbers decide
#
# Do not believe the recipes, and do not believe this lesson. The numerical gradient of lesson 03 nudges one weight after the other up and down and looks at what the penalty does. It knows no formula.

# %% guess="weight_decay.slopes"

# %%
w = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
wd = 0.1

measured = numerical_gradient(lambda w: wd * (w**2).sum(), w)
candidates = {
    "measured, by nudging": measured,
    "your l2_gradient": l2_gradient(w, wd),
    "recipe A: wd * sum(w**2)": (wd * (w**2).sum()).expand(3),
    "recipe B: 2 * wd * sum(w)": (2 * wd * w.sum()).expand(3),
}
for name, values in candidates.items():
    print(f"{name:28}", [round(value, 4) for value in values.tolist()])

plots.show(
    plots.grouped_bars(
        candidates,
        [f"w = {value:g}" for value in w],
        ylabel="slope of the penalty",
        ylim=(-0.3, 2.4),
    ),
    "weight_decay.slopes",
)

# %% guard="weight_decay.slopes"
# change: return 2 * wd * p -> return wd * p
measured_now, yours, a, b = candidates.values()
assert torch.allclose(measured_now, yours, atol=1e-6), "the measured slope is 2 * wd * w"
assert not torch.allclose(measured_now, a, atol=0.1), "recipe A is wrong"
assert not torch.allclose(measured_now, b, atol=0.1), "recipe B is wrong"

# %% [markdown]
# The measurement decides: the gradient is $2 \cdot \mathrm{wd} \cdot w$, entry by entry. What would the recipes do in training? Take 60 steps of gradient descent on the penalty alone, with learning rate 0.1 and wd = 0.5. All weights should go to 0.

# %% guess="weight_decay.recipes"

# %%
recipes = {
    "right: l2_gradient": l2_gradient,
    "recipe A: wd * sum(w**2)": lambda w, wd: wd * (w**2).sum(),
    "recipe B: 2 * wd * sum(w)": lambda w, wd: 2 * wd * w.sum(),
}
paths = {}
for name, recipe in recipes.items():
    path = [torch.tensor([3.0, -1.0, 2.0])]
    for _ in range(60):
        path.append(path[-1] - 0.1 * recipe(path[-1], 0.5))
    paths[name] = torch.stack(path)
charts = [
    {"series": {f"starts at {way[0]:g}": way for way in path.T}, "title": name}
    for name, path in paths.items()
]
plots.show(
    plots.side_by_side(
        *charts, x=range(61), xlabel="step", xlim=(0, 60), ylim=(-6, 3.4), level=0.0, width=9.5
    ),
    "weight_decay.recipes",
)

# %% guard="weight_decay.recipes"
# change: lambda w, wd: 2 * wd * w.sum() -> lambda w, wd: 2 * wd * w
right, a, b = (path[-1] for path in paths.values())
assert right.abs().max() < 0.01, "with the right gradient all weights go to 0"
assert a.max() < -6 or a.isnan().any(), "recipe A pushes them below zero and explodes"
assert abs(b.sum()) < 0.01 < b.abs().min(), "recipe B stops where the sum of the weights is 0"

# %% [markdown]
# Recipe A takes the same number off every weight, pushes them below zero, and explodes. Recipe B stops where the *sum* of the weights is 0: the weight that started at −1 has been pushed *away* from 0. With the right gradient each weight shrinks in proportion to itself.
#
# ## The penalty in a training step
#
# ### torch's half
#
# The gradient of loss + penalty is `g + 2 * wd * p`, where `g` is the gradient of the loss. So a step could be $p \leftarrow p - \mathrm{lr} \cdot (g + 2 \, \mathrm{wd} \, p)$.
#
# PyTorch leaves out the 2. `torch.optim.SGD(..., weight_decay=wd)` adds `wd * p`. It is the same thing with another meaning of wd: the penalty behind it is $\frac{\mathrm{wd}}{2} \sum w^2$. When you read a wd somewhere, ask which of the two it is. From here on we write torch's.
#
# | | penalty | added to the gradient |
# |---|---|---|
# | written as a penalty | $\mathrm{wd} \sum w^2$ | $2 \, \mathrm{wd} \, w$ |
# | torch's `weight_decay` | $\frac{1}{2} \mathrm{wd} \sum w^2$ | $\mathrm{wd} \, w$ |
#
# An example: $p = 2$, $g = 0.5$, lr = 0.1 and wd = 0.5. The pull of the penalty is $0.5 \cdot 2 = 1$. The new weight is $2 - 0.1 \cdot (0.5 + 1) = 1.85$.

# %% [markdown]
# ### Exercise: `sgd_l2_step`
#
# {{ sgd_l2_step }} Take one step of SGD with torch's L2, in place, as in lesson 02 (`torch.optim` is not allowed): $p \leftarrow p - \mathrm{lr} \cdot (g + \mathrm{wd} \cdot p)$.
#
# What every step needs is given, here and below: `torch.no_grad()`, the loop, and passing over a parameter whose `.grad` is None. Your line stands in the loop. Change the tensor that came in, and leave `.grad` as it is.


# %% exercise="sgd_l2_step" seed=603
def sgd_l2_step(params, lr, wd):
    """One step of SGD on the loss with an L2 penalty, in torch's form, in place.

    params: a list of tensors of any shapes. Each with a gradient g in `.grad` becomes p - lr * (g + wd * p),
    whether or not it still requires one. lr, wd: floats; lr * wd may be above 1.
    Returns nothing.

    >>> p = torch.tensor([2.0], requires_grad=True)
    >>> p.grad = torch.tensor([0.5])
    >>> sgd_l2_step([p], lr=0.1, wd=0.5)
    >>> p
    tensor([1.8500], requires_grad=True)
    """
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            p -= lr * (p.grad + wd * p)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# It is `sgd_step` from lesson 02 with one more term.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Do not put the term into `.grad`. Make a new tensor out of the gradient and the parameter, and step along that.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `AttributeError: 'list' object has no attribute 'grad'`: `params` is the list of all parameters. Inside the loop one of them is called `p`.
#
# </details>

# %% [markdown]
# ### Decay
#
# Look at the step from another side. Before the gradient does anything, the weight loses the share lr · wd of itself:
#
# 1. **decay**: $p \leftarrow p \cdot (1 - \mathrm{lr} \cdot \mathrm{wd})$
# 2. **step**: $p \leftarrow p - \mathrm{lr} \cdot g$
#
# This is *weight decay*. A weight that the loss does not care about fades, like something radioactive. In the example: $2 \cdot (1 - 0.1 \cdot 0.5) = 1.9$, then $1.9 - 0.1 \cdot 0.5 = 1.85$.

# %% [markdown]
# ### Exercise: `sgd_decay_step`
#
# {{ sgd_decay_step }} Write the two lines above as a step, in place, in this order (one line that gives the same up to rounding will do); `torch.optim` is not allowed. The gradient is the one that was computed before the decay.


# %% exercise="sgd_decay_step" seed=604
def sgd_decay_step(params, lr, wd):
    """One step of SGD with weight decay, in place: first each parameter shrinks, then it follows its gradient.

    params: a list of tensors of any shapes, with gradients in `.grad`; one without a gradient does not decay either.
    lr, wd: floats. A parameter keeps 1 - lr * wd of itself, which may be negative.
    Returns nothing.

    >>> p = torch.tensor([2.0], requires_grad=True)
    >>> p.grad = torch.tensor([0.5])
    >>> sgd_decay_step([p], lr=0.1, wd=0.5)
    >>> p
    tensor([1.8500], requires_grad=True)
    """
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            p *= 1 - lr * wd
            p -= lr * p.grad
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two changes in place, one after the other, for every parameter that has a gradient.
#
# </details>
# <details><summary>Hint 2</summary>
#
# If nothing is left of the weights, look at the factor: it should be a little below 1.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The values are only slightly off? Is the order right? If the gradient is followed first, the fresh step decays as well. Is lr in the decay? It is scaled by lr like everything else in a step.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'`: after `p = p * ...` the name p belongs to a new tensor, which has no gradient. Change the tensor itself.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# A weight with gradient 0 fades: after $t$ steps $(1 - \mathrm{lr} \cdot \mathrm{wd})^t$ of it is left. Here with lr = 0.1 and three values of wd.

# %% guess="weight_decay.fading"

# %%
left = {}
for wd in [0.05, 0.5, 2.0]:
    p = torch.tensor([1.0], requires_grad=True)
    p.grad = torch.zeros(1)
    left[f"wd = {wd:g}"] = [1.0]
    for _ in range(60):
        sgd_decay_step([p], lr=0.1, wd=wd)
        left[f"wd = {wd:g}"].append(p.item())
plots.show(
    plots.curves(left, range(61), xlabel="step", ylabel="what is left of the weight"),
    "weight_decay.fading",
)

# %% guard="weight_decay.fading"
# change: sgd_decay_step([p], lr=0.1, wd=wd) -> sgd_decay_step([p], lr=0.05, wd=wd)
half = left["wd = 0.5"]
assert half[14] < 0.5 < half[13], "with wd 0.5, half is gone after 14 steps"

# %% [markdown]
# ### Exercise: `expose_sgd_decay_step` · extra
#
# More can go wrong in a step that also decays: forty wrong ones are known. Find two cases that expose them.
#
# {{ expose_sgd_decay_step }} A *case* is a dict with the keys `"params"` (a list of tensors), `"grads"` (a list with the gradient of each, or None), `"lr"` and `"wd"` (numbers). Hand in one or two of them, with at most 12 numbers in the tensors of each case, gradients included. Hand in as well what `params[0]` is after the step for the first case, worked out on paper: without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_sgd_decay_step"
def expose_sgd_decay_step():
    """Inputs that show wrong answers to `sgd_decay_step` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the arguments, and what right code
    gives for the first of them.

    >>> cases, expected = expose_sgd_decay_step()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    first = {
        "params": [torch.tensor([1.0, 2.0]), torch.tensor([5.0, -3.0])],
        "grads": [None, torch.tensor([1.0, -2.0])],
        "lr": 0.1,
        "wd": 0.5,
    }
    second = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(3.0)], "lr": 0.2, "wd": 0.3}
    return [first, second], torch.tensor([1.0, 2.0])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Choose numbers that nothing happens to by accident: a rate other than 1, a `wd` other than 0 and 1, a gradient that is not 0, weights whose sum is not one of them.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A parameter without a gradient is skipped: it does not decay either. Where in the list should it stand so that a step which ends there is seen?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## Two roads: when do they agree?
#
# In the example both steps gave 1.85. Multiply out: $p - \mathrm{lr} \cdot (g + \mathrm{wd} \, p) = p \, (1 - \mathrm{lr} \cdot \mathrm{wd}) - \mathrm{lr} \cdot g$. For **plain SGD** the two are the same formula. Only rounding can differ, because the operations come in another order. Check it over 200 steps with changing gradients and learning rates.

# %%
for dtype, limit in [(torch.float32, 1e-6), (torch.float64, 1e-14)]:
    generator = torch.Generator().manual_seed(0)
    p = torch.randn(1000, generator=generator, dtype=dtype).requires_grad_()
    q = p.detach().clone().requires_grad_()
    for t in range(200):
        p.grad = torch.randn(1000, generator=generator, dtype=dtype)
        q.grad = p.grad.clone()
        lr = 0.2 / (1 + t % 10)
        sgd_l2_step([p], lr, wd=0.3)
        sgd_decay_step([q], lr, wd=0.3)
    gap = ((p - q).abs().max() / p.abs().max()).item()
    print(f"{str(dtype):14} the same to within {limit:g} of the largest weight: {gap < limit}")

# %% [markdown]
# ### And when not?
#
# With **momentum** there are two places for the pull of the decay. Write $v$ for the velocity and $\mu$ for the momentum.
#
# - **L2**: the pull is part of the gradient and goes through the velocity. $v \leftarrow \mu v + (g + \mathrm{wd} \, w)$, then $w \leftarrow w - \mathrm{lr} \, v$.
# - **Decoupled decay**: the velocity knows only the loss. $w \leftarrow w \, (1 - \mathrm{lr} \, \mathrm{wd})$, then $v \leftarrow \mu v + g$ and $w \leftarrow w - \mathrm{lr} \, v$.
#
# Try it with a single weight that starts at 0. The loss alone would bring it to 4. Guess, then go to the end. Afterwards set momentum to 0, and back to 0.9: can you choose the two wd so that both rest at the same place?

# %%
explore.decay(
    momentum=0.9,
    ask=(
        "Momentum 0.9 and the same wd, 0.5, for both. Which comes to rest nearer to 4?",
        ["L2", "decoupled decay", "both at the same place"],
    ),
    goal=0.05,
)

# %% [markdown]
# Here are both in code, for the loss $\frac{1}{2}(w - 4)^2$, whose gradient is $w - 4$. Without decay, $w$ goes to 4 (the grey line).


# %%
def descend(momentum, wd, decoupled, steps=120, lr=0.05):
    """The path of one weight from 0 on the loss (w - 4)**2 / 2, with decay in the gradient or beside it."""
    w, v, path = 0.0, 0.0, [0.0]
    for _ in range(steps):
        gradient = w - 4
        if decoupled:
            w = w * (1 - lr * wd)
        else:
            gradient = gradient + wd * w
        v = momentum * v + gradient
        w = w - lr * v
        path.append(w)
    return path


ways = {}
for momentum in [0.0, 0.9]:
    l2, decay = descend(momentum, 0.5, decoupled=False), descend(momentum, 0.5, decoupled=True)
    ways[f"momentum {momentum:g}"] = {"L2": l2, "decoupled": decay}
    print(f"momentum {momentum:g}: L2 ends at {l2[-1]:.2f}, decoupled decay at {decay[-1]:.2f}")
plots.show(
    plots.side_by_side(
        *({"series": pair, "title": title} for title, pair in ways.items()),
        x=range(121),
        xlabel="step",
        level=4.0,
        ylim=(0, 7),
        dashed="decoupled",
    ),
    "weight_decay.at_rest",
)

# %% guard="weight_decay.at_rest"
# change: gradient = gradient + wd * w -> w = w * (1 - lr * wd)
plain, rolling = ([way[-1] for way in pair.values()] for pair in ways.values())
assert abs(plain[0] - 2.67) < 0.01 and abs(plain[1] - 2.67) < 0.01, (
    "without momentum both rest at 2.67"
)
assert abs(rolling[0] - 2.67) < 0.02, "with momentum L2 rests at 2.67 again"
assert abs(rolling[1] - 3.81) < 0.02, "and decoupled decay at 3.81"

# %% [markdown]
# On the right the two do not even come to rest at the same place. The reason can be worked out.
#
# - L2 is part of what is minimised. At rest the gradient of loss + penalty is 0: $(w - 4) + 0.5 \, w = 0$, so $w = 2.67$. Momentum changes the way there, not the goal.
# - Momentum 0.9 makes the steps along the *loss* ten times as long in the long run, because $1 + 0.9 + 0.9^2 + \dots = 10$. The decoupled decay does not get this factor. Against the loss it is ten times weaker: $10 \, (w - 4) + 0.5 \, w = 0$, so $w = 3.81$.
#
# Neither is wrong. But the same wd does not mean the same thing, so a wd that you found for one is not a wd for the other. Here a decoupled wd of 5 would rest at 2.67 too.
#
# With **Adam** they part further: it divides every gradient by its typical size, and with L2 the pull of the decay is divided along with it. That is why AdamW exists. You will write both in lesson 07.
#
# (A warning about names: many people say *weight decay* and *L2* for the same thing, and torch's `weight_decay` argument means L2 in `SGD` and in `Adam`, but decoupled decay in `AdamW`.)

# %% [markdown]
# ## What to decay, and what to spare
#
# A layer has weights and biases. A large weight makes the output react strongly to small changes of the input: that is what overfitting needs. A bias only shifts the output, whatever the input is. There are few of them (in the network below, 60 of 39,760 parameters), and pulling them to 0 holds the model back without making it smoother. The same goes for the scale of a normalisation layer (it brings the numbers inside a network to one scale, as `normalize` does for its inputs), a vector that is called `weight` and starts at 1: 0 is no natural place for it.
#
# So it is usual to decay what has **two dimensions or more** (matrices, and the weights of convolutions and embeddings, which lessons 09 and 10 meet) and to spare the rest. Optimizers take parameters in *groups* for this: a list of dictionaries, each with its own settings.

# %% [markdown]
# ### Exercise: `decay_groups`
#
# {{ decay_groups }} Sort the trainable parameters of a model into two groups. The format is the one that every optimizer in `torch.optim` understands.


# %% exercise="decay_groups" seed=605
def decay_groups(model, wd):
    """Two groups of parameters: those that decay, and those that do not.

    model: an nn.Module. wd: a float.
    Returns a list of two dictionaries with the keys "params" (a list of parameters) and "weight_decay":
    first the trainable parameters of 2 or more dimensions, whatever their names, with wd, for example one of shape (50, 784);
    then the other trainable ones, with 0.0. Frozen parameters are in neither.

    >>> first, second = decay_groups(torch.nn.Linear(3, 2), wd=0.1)
    >>> [tuple(p.shape) for p in first["params"]], first["weight_decay"]
    ([(2, 3)], 0.1)
    >>> [tuple(p.shape) for p in second["params"]], second["weight_decay"]
    ([(2,)], 0.0)
    """
    ### BEGIN SOLUTION
    params = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in params if p.ndim >= 2], "weight_decay": wd},
        {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0},
    ]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Go by the number of dimensions, not by the name: the scale of a normalisation layer is called `weight` as well.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `model.parameters()` gives every parameter once, also a shared one. `p.ndim` is its number of dimensions, and `p.requires_grad` says whether it is trained.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Collect two lists first. Build the two dictionaries at the end; both are always there, even if a list is empty.
#
# </details>

# %% [markdown]
# ## Two hundred digits
#
# Now the real thing. Take only 200 of the digits for training, and a network with 39,760 parameters: 199 for every example. It can learn all of them by heart. The 1,000 validation digits, which it never trains on, tell whether it learned more than that.
#
# With so few digits every step can use all of them, so there are no minibatches. `train` uses your groups and your step.

# %% guess="weight_decay.overfitting"

# %%
digits = load_mnist()
x_all, x_valid = normalize(digits.x_train.flatten(1) / 255, digits.x_valid.flatten(1) / 255)
y_valid = digits.y_valid


def train(wd, seed=0, n_hidden=50, steps=300, lr=0.15):
    """Train 784-n_hidden-10 on 200 digits.

    Returns the net and, for every 10th step, the loss on the training and on the validation digits.
    """
    _ = torch.manual_seed(seed)
    few = torch.randperm(len(x_all))[:200]
    x, y = x_all[few], digits.y_train[few]
    net = two_layer_net(784, n_hidden, 10)
    groups = decay_groups(net, wd)
    train_losses, valid_losses = [], []
    for t in range(1, steps + 1):
        loss = cross_entropy(net(x), y)
        for p in net.parameters():
            p.grad = None
        loss.backward()
        for group in groups:
            sgd_decay_step(group["params"], lr, group["weight_decay"])
        if t % 10 == 0:
            train_losses.append(loss.item())
            with torch.no_grad():
                valid_losses.append(cross_entropy(net(x_valid), y_valid).item())
    return net, train_losses, valid_losses


runs = {wd: train(wd) for wd in [0.0, 0.03, 0.3]}

charts = [
    {
        "series": {"training": train_losses, "validation": valid_losses},
        "title": f"wd = {wd:g}",
        "level": min(valid_losses),
    }
    for wd, (_, train_losses, valid_losses) in runs.items()
]
plots.show(
    plots.side_by_side(
        *charts, x=range(10, 301, 10), xlabel="step", ylabel="cross-entropy", ylim=(0, 1.6)
    ),
    "weight_decay.overfitting",
)

# %% guard="weight_decay.overfitting"
# change: for wd in [0.0, 0.03, 0.3]} -> for wd in [0.0, 0.03, 0.05]}
(_, free, free_valid), (_, right, right_valid), (_, dear, dear_valid) = runs.values()
best = 10 * (free_valid.index(min(free_valid)) + 1)
assert 30 <= best <= 80, "with wd 0 the validation loss is best after about 50 steps"
assert free[-1] < 0.01 and free_valid[-1] > 1.08 * min(free_valid), "from there on it overfits"
assert right_valid[-1] < 1.03 * min(right_valid), "with wd 0.03 it comes down and stays down"
assert dear[-1] > 0.3 and dear_valid[-1] > free_valid[-1], "with wd 0.3 both stop high up"

# %% [markdown]
# Read them from left to right.
#
# - **wd = 0: overfitting.** The training loss goes to 0. The validation loss has its best value after about 50 of the 300 steps. From there on the network fits the 200 digits ever better, and its loss on all others grows.
# - **wd = 0.03: about right.** The training loss cannot reach 0, since that would take large weights. The validation loss comes down and stays down.
# - **wd = 0.3: too large.** Both losses stop high up. The weights may not become large enough to say anything with confidence. This is *underfitting*, and its validation loss is worse than without any decay.
#
# The right wd is found by trying, on the validation set. Where to begin? Try 0.01 and 0.1, as the source does, and go on from the better one by factors of about 3. Here are more values, each with three sets of 200 digits and three starts.

# %%
wds = [0.0, 0.01, 0.03, 0.1, 0.3]
results = {(wd, seed): train(wd, seed) for wd in runs for seed in [1, 2]} | {
    (wd, 0): runs[wd] for wd in runs
}

# %%
results |= {(wd, seed): train(wd, seed) for wd in wds if wd not in runs for seed in range(3)}

# %% guess="weight_decay.choice"

# %%
end, correct = {}, {}
for wd in wds:
    three = [results[wd, seed] for seed in range(3)]
    end[wd] = torch.tensor([valid_losses[-1] for _, _, valid_losses in three])
    with torch.no_grad():
        correct[wd] = torch.tensor([accuracy(net(x_valid), y_valid) for net, _, _ in three])
    print(f"wd {wd:4g}: validation loss {end[wd].mean():.2f}, accuracy {correct[wd].mean():.2f}")
charts = [
    {
        "series": {f"digits {k + 1}": [values[wd][k] for wd in wds] for k in range(3)},
        "ylabel": f"validation {name}",
    }
    for name, values in {"loss": end, "accuracy": correct}.items()
]
plots.show(
    plots.side_by_side(
        charts[0],
        charts[1] | {"ylim": (0.5, 1)},
        x=range(5),
        marker="o",
        xlabel="wd",
        xticks=range(5),
        xticklabels=wds,
    ),
    "weight_decay.choice",
)

# %% guard="weight_decay.choice"
# change: [valid_losses[-1] for -> [min(valid_losses) for
gain = 1 - end[0.03] / end[0.0]
assert gain.min() > 0.09 and gain.max() < 0.18, "wd 0.03 lowers each loss by 11 to 15 %"
assert (correct[0.03] - correct[0.0]).mean().abs() < 0.02, "the accuracy hardly moves"

# %% [markdown]
# The best wd was chosen *because* its loss on these 1,000 digits is low, so that loss flatters it a little. An honest number comes from digits that had no part in the choice, a *test set*. Choose on the validation set, look at the test set once, at the end, and report that. Here 1,000 digits are left over, for each of the three sets other ones.

# %%
chosen = min(wds, key=lambda wd: end[wd].mean())
on_test = []
for seed in range(3):
    _ = torch.manual_seed(seed)
    unused = torch.randperm(len(x_all))[-1000:]  # the first 200 of this order were trained on
    with torch.no_grad():
        logits = results[chosen, seed][0](x_all[unused])
    on_test.append(cross_entropy(logits, digits.y_train[unused]).item())
    gain = 1 - end[0.03][seed] / end[0.0][seed]
    print(f"digits {seed + 1}: the loss with wd 0.03 is {gain:.0%} lower than with wd 0")
print(f"chosen: wd {chosen:g}, validation loss {end[chosen].mean():.2f}, test loss", end=" ")
print(f"{sum(on_test) / 3:.2f}")

# %% [markdown]
# (The test loss agrees with the validation loss to about what another thousand digits change. With only five values to choose among, the flattery is too small to be seen.)
#
# Look at both panels, and do not be told more than they show. The validation *loss* at the end improves for each of the three sets of digits, by between 11 and 15 %. (For ten sets it was between 10 and 16 %, an eighth on average.) The *accuracy* hardly moves: it is near 80 % with and without decay. A network that overfits here is still right about as often. It is wrong with too much confidence, and the cross-entropy makes it pay for that. If you need probabilities that can be trusted, weight decay helped. If you need only the label, on this task it did not; more digits would.

# %% [markdown]
# ### What happened to the weights · extra
#
# The first layer has 39,200 weights. Their histogram before training and after, for the three runs, on a logarithmic scale:

# %% guess="weight_decay.histogram"

# %%
_ = torch.manual_seed(0)
_ = torch.randperm(len(x_all))
start = next(two_layer_net(784, 50, 10).parameters()).detach().flatten()

after, tiny = {}, {}
for wd, (net, _, _) in runs.items():
    weights = next(net.parameters()).detach().flatten()
    after[f"wd = {wd:g}"], tiny[wd] = weights, (weights.abs() < 0.005).float().mean().item()
    print(f"wd {wd:4g}: spread of the weights {weights.std():.4f}, below 0.005: {tiny[wd]:.0%}")
plots.show(
    plots.histograms(
        after,
        torch.linspace(-0.12, 0.12, 81),
        before=start,
        xlabel="weight",
        ylabel="number of weights",
        yscale="log",
        ylim=(1, 40000),
    ),
    "weight_decay.histogram",
)

# %% guard="weight_decay.histogram"
# change: next(net.parameters()).detach().flatten() -> next(runs[0.0][0].parameters()).detach().flatten()
assert 0.1 < tiny[0.0] < 0.17, "without decay, 13 % of the weights are closer to 0 than 0.005"
assert 0.3 < tiny[0.03] < 0.5 and tiny[0.3] > 0.65, "with decay far more are"

# %% [markdown]
# Without decay the weights keep the box shape of their random start: training only adds what it needs. With decay everything that the loss does not hold on to fades, the random start included.
#
# You can see it in the weights themselves. Here are eight hidden units of the first layer as pictures, without decay above and with wd = 0.03 below, one scale for all.

# %%
rows = [next(runs[wd][0].parameters()).detach()[:8].reshape(8, 28, 28) for wd in [0.0, 0.03]]
plots.show(
    plots.images(torch.cat(rows), ["wd 0"] * 8 + ["wd 0.03"] * 8, columns=8, signed=True),
    "weight_decay.units",
)

# %% [markdown]
# The snow in the upper row is the random start. The network never had a reason to remove it, and every validation digit is seen through it.

# %% [markdown]
# ## When do they differ? · extra
#
# {{ when_do_they_differ }} A friend trains with plain SGD and found wd = 0.01 to be best. Now your friend turns on momentum 0.9 and keeps everything else. In three to six sentences, explain
#
# 1. why it made no difference before whether the library used L2 or decoupled decay,
# 2. why it makes one now, and in which of the two the decay has become weaker compared with the pull of the loss,
# 3. what your friend should do about wd.
#
# Double-click the cell below and write there.

# %% [markdown] exercise="when_do_they_differ"
# <!-- ### BEGIN SOLUTION -->
# In plain SGD, $p - \mathrm{lr}(g + \mathrm{wd}\,p)$ and $p(1 - \mathrm{lr}\,\mathrm{wd}) - \mathrm{lr}\,g$ are the same expression multiplied out, so the two libraries take the same steps up to rounding.
#
# With momentum, L2 puts the pull wd·p into the velocity, where it is accumulated together with the gradient of the loss: both grow by the factor 1/(1 − 0.9) = 10 in the long run, and the point of rest stays the minimum of loss + penalty. Decoupled decay leaves the velocity alone, so only the pull of the loss grows tenfold, and the decay has become ten times weaker compared with it.
#
# With L2 the same wd is a good start. With decoupled decay about 10 times the wd (0.1) is the place to start. Either way the validation loss has to be looked at again.
#
# *Points: 1 for the equality with its reason, 1 for the velocity and the direction of the difference.*
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## What you have now
#
# - The **L2 penalty** is wd times the sum of all squared weights. Its gradient is $2 \, \mathrm{wd} \, w$, entry by entry. torch's `weight_decay` is half of that: $\mathrm{wd} \, w$.
# - **Weight decay** shrinks each weight by the factor $1 - \mathrm{lr} \cdot \mathrm{wd}$ before the step.
# - For **plain SGD** L2 and weight decay are the same. With momentum, and more so with Adam, they are not.
# - **Overfitting**: the training loss falls, the validation loss rises. wd is chosen on the validation set; too much of it is worse than none.
# - **Biases and the scales of normalisation layers** are usually spared: decay what has two dimensions or more.
#
# Lesson 07 lets each weight have a step length of its own, and asks again where the decay belongs.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like.
#
# ### Should I use a smaller network instead?

# %% guess="weight_decay.smaller"

# %%
ends = {}
for n_hidden, wd in [(5, 0.0), (50, 0.0), (150, 0.0), (150, 0.03)]:
    _, train_losses, valid_losses = train(wd, n_hidden=n_hidden)
    ends[n_hidden, wd] = valid_losses[-1]
    print(f"{n_hidden:3} hidden, wd {wd:4g}: training loss {train_losses[-1]:.2f},", end=" ")
    print(f"validation loss {valid_losses[-1]:.2f}")
outcome("weight_decay.smaller")

# %% guard="weight_decay.smaller"
# change: train(wd, n_hidden=n_hidden) -> train(wd, n_hidden=5)
five, fifty, many, decayed = ends.values()
assert five > 2 * fifty, "five hidden units do far worse than fifty"
assert decayed < many < fifty, "many units do better, and best with decay"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I stop early instead?
#
# With wd = 0 the validation loss had its best value after about 50 steps. Stopping there is a form of regularisation too. Which of the two gives the lower loss here, and what does each of them cost you?

# %% guess="weight_decay.early"

# %%
stopped = [min(results[0.0, seed][2]) for seed in range(3)]
decayed = [results[0.03, seed][2][-1] for seed in range(3)]
for seed in range(3):
    print(f"digits {seed + 1}: wd 0 stopped at its best step {stopped[seed]:.2f},", end=" ")
    print(f"at the end {results[0.0, seed][2][-1]:.2f}; wd 0.03 at the end {decayed[seed]:.2f}")
outcome("weight_decay.early")

# %% guard="weight_decay.early"
# change: [min(results[0.0, seed][2]) for -> [results[0.0, seed][2][-1] for
gaps = torch.tensor(stopped) / torch.tensor(decayed) - 1
assert gaps.abs().max() < 0.06, "the two differ by a few per cent at most"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# Three sets are few. Over ten of them, weight decay ended 1 % below the stopped runs on average, for single sets between 3 % above and 5 % below: so little that you cannot count on it. And the stopped runs are flattered, since their step was chosen on the very digits that judge them.

# %% [markdown]
# ### Should I decay the biases as well?
#
# Write a function `decay_everything` that puts everything into the first group. `train` calls whatever is named `decay_groups`: keep yours under another name, set `decay_groups = decay_everything`, train with wd = 0.03, and put yours back. How large is the difference, compared with that between two seeds?

# %%
# decay_everything = ...

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the part on weight decay of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). Its point is the first picture: do not use fewer parameters, keep them small. The notebook `nbs/dl1/lesson5-sgd-mnist.ipynb` adds `w2*wd` to the loss, with `w2` the sum of the squares of all parameters, and gets the gradient right because autograd finds it. If you read notes about it, take care in these places.
#
# - **"The gradient is `wd * sum(w**2)`", or `2 * wd * sum(w)`.** It is $2 \, \mathrm{wd} \, w$, element by element, and lr multiplies it in the step. You measured it.
# - **`weight_decay=wd` and `wd * sum(w**2)` side by side**, as if they were one. The first is half of the second.
# - **"L2 regularisation and weight decay are the same thing."** For plain SGD. With momentum they part, with Adam more so (I. Loshchilov and F. Hutter, *Decoupled Weight Decay Regularization*, 2019).
# - **"We train for one epoch, so we cannot overfit."** One pass over the data makes it unlikely, not impossible. Look at the validation loss, always.
