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
# # 07 · Optimizers: RMSProp, Adam, AdamW
#
# **You will build** optimizers that give every weight a step length of its own, race them against SGD, and take apart a bug that hides in a famous notebook.
#
# Besides, there are a momentum that looks ahead, and the ancestor of these optimizers. *(extra)*
#
# **Time:** about {{ time }}. **It builds on** SGD, momentum and moving averages (lesson 02), and weight decay (lesson 06). It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.
#
# {{ exercises }}

# %%
import math

import torch

from course_utils import check, explore, outcome, plots
from course_utils.data import load_mnist
from course_utils.mine import (
    cross_entropy,
    ewma,
    minibatches,
    momentum_step,
    normalize,
    sgd_step,
    two_layer_net,
)

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. An average with $\beta = 0.9$ starts from $S_0 = 0$, and the first value is 5. What is $S_1$?</summary>
#
# $0.1 \cdot 5 = 0.5$ (lesson 02).
#
# </details>
# <details><summary>2. What is the gradient of $\mathrm{wd} \sum w^2$, and what does torch's `weight_decay` add?</summary>
#
# $2\,\mathrm{wd}\,w$, entry by entry; torch adds $\mathrm{wd}\,w$, half of it (lesson 06).
#
# </details>
# <details><summary>3. When do L2 and decoupled decay take the same steps?</summary>
#
# For plain SGD. With momentum they part (lesson 06).
#
# </details>
# <details><summary>4. Why is an optimizer an object and not a function?</summary>
#
# It has to remember something from step to step: the velocities (lesson 05).
#
# </details>
# <details><summary>5. SGD fitted the slope of a line at once and left the intercept behind. Why?</summary>
#
# The gradient of the slope has the factor $x$, about 50, the other has not; one rate is too few for both (lesson 02).
#
# </details>

# %% [markdown]
# ## An average that starts at zero
#
# The exponentially weighted moving average of lesson 02 follows a noisy series:
#
# $$S_t = \beta \, S_{t-1} + (1 - \beta) \, a_t, \qquad S_0 = 0$$
#
# RMSProp and Adam, further down, keep such averages, and their first steps depend on what becomes of the start at 0. Say every $a_t$ is 5 and $\beta = 0.9$. On paper:
#
# | $t$ | $S_t$ | $1 - \beta^t$ | $S_t / (1 - \beta^t)$ |
# |---|---|---|---|
# | 1 | $0.1 \cdot 5 = 0.5$ | 0.1 | 5 |
# | 2 | $0.9 \cdot 0.5 + 0.5 = 0.95$ | 0.19 | 5 |
# | 3 | $0.9 \cdot 0.95 + 0.5 = 1.355$ | 0.271 | 5 |
#
# $S_t$ is far too small, because it starts at 0. The cure can be read off the table. The weights that $S_t$ gives to $a_1 \dots a_t$ add up to $1 - \beta^t$, not to 1. Divide by that, and the average is right from the first value on. This is the **bias correction**. Here it is for a noisy series.

# %% guess="optimizers.correction"

# %%
_ = torch.manual_seed(3)
t = torch.arange(1, 121)
values = 5 + 2 * torch.sin(t / 25) + torch.randn(120)

averages = {}
for beta in [0.9, 0.98]:
    plain = ewma(values, beta)
    averages[f"beta = {beta:g}"] = {"plain": plain, "corrected": plain / (1 - beta**t)}
plots.show(
    plots.side_by_side(
        *({"series": pair, "title": title} for title, pair in averages.items()),
        x=t,
        points={"values": values},
        xlabel="t",
        ylim=(0, None),
    ),
    "optimizers.correction",
)

# %% guard="optimizers.correction"
# change: [0.9, 0.98] -> [0.9, 0.95]
short, long = ([*pair.values()] for pair in averages.values())
assert (short[0] / short[1])[30] > 0.95, "with beta 0.9 the two meet after about 30 values"
assert (long[0] / long[1])[-1] < 0.95, "with 0.98 the plain average is too small after 120"

# %% [markdown]
# The longer the memory, the longer the plain average suffers from its start: with $\beta = 0.98$ more than a hundred values. With 0.999, which Adam uses, it would be thousands of steps. The corrected average is jumpy at first, as it is an average of few values. But it is not too small.
#
# ### A step that looks ahead · extra
#
# Lesson 02 told two forms of momentum apart. With the gradient $g$ and the momentum $\mu$ (the Greek letter "mu"; usually 0.9) they are torch's, $v \leftarrow \mu v + g$, and the average, $m \leftarrow \mu m + (1 - \mu) \, g$. The next exercise uses torch's; Adam, further down, the average.
#
# Momentum will carry $p$ on by $\mathrm{lr} \cdot \mu v$ whatever the slope says. So why read the slope here, and not where the ball is about to be? That is **Nesterov's** momentum: go ahead by $\mathrm{lr} \cdot \mu v$, read the gradient there, and correct. A ball that looks ahead brakes before it has overshot.
#
# Reading a gradient at another place than $p$ is awkward. So torch keeps the place ahead as its $p$. Written for that, the step needs the gradient at $p$ only:
#
# $$v \leftarrow \mu v + g \qquad\qquad p \leftarrow p - \mathrm{lr} \cdot (g + \mu v)$$
#
# with the *new* $v$ in the second formula. By hand: $p = 1$, $v = 2$, $g = 3$, $\mu = 0.5$, lr = 0.1. First $v \leftarrow 0.5 \cdot 2 + 3 = 4$, then $p \leftarrow 1 - 0.1 \cdot (3 + 0.5 \cdot 4) = 0.5$.

# %% [markdown]
# ### Exercise: `nesterov_step` · extra
#
# {{ nesterov_step }} Take one step with Nesterov's momentum, as `torch.optim.SGD(nesterov=True)` does it. What every step needs and you have written often enough is given from here on: `torch.no_grad()`, the loop, and passing over a parameter whose `.grad` is None, and over what is kept for it. Your lines stand in the loop and are about one parameter `p`. Work in place, leave `.grad` as it is, and keep nothing anywhere else. `torch.optim`, the functions inside it and the fused operators (`torch._fused_...`) are not allowed, in this and in the other exercises of this lesson. Parameters may be float64.


# %% exercise="nesterov_step" seed=705
def nesterov_step(params, velocities, lr, momentum):
    """One step with Nesterov's momentum, in place.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    velocities: a list of tensors of the same shapes, zeros before the first step.
    lr, momentum: floats.
    Returns nothing.

    >>> p, v = torch.tensor([1.0], requires_grad=True), torch.tensor([2.0])
    >>> p.grad = torch.tensor([3.0])
    >>> nesterov_step([p], [v], lr=0.1, momentum=0.5)
    >>> v, p
    (tensor([4.]), tensor([0.5000], requires_grad=True))
    """
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            v.mul_(momentum).add_(p.grad)
            p -= lr * (p.grad + momentum * v)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start from your `momentum_step` of lesson 02. The velocity is the same; only what is taken off $p$ differs.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The look-ahead is made for this step and forgotten. If the second step goes wrong and the first was right, did you write it into the velocity?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `AttributeError: 'list' object has no attribute 'mul_'`: `velocities` is the list of all buffers. Inside the loop the buffer of `p` is called `v`.
#
# </details>

# %% [markdown]
# ### What you should now see · extra
#
# A ball rolls from 1 towards 0 on the loss $w^2 / 2$, whose gradient is $w$ itself. How far does it overshoot, with plain momentum and with Nesterov's?


# %% guess="optimizers.nesterov"


# %%
def roll(step, steps=60):
    """The places of a ball on the loss w**2 / 2, from 1; returns (steps + 1,)."""
    p, v = torch.tensor([1.0], requires_grad=True), torch.zeros(1)
    places = [1.0]
    for _ in range(steps):
        p.grad = p.detach().clone()
        step([p], [v], 0.1, 0.9)
        places.append(p.item())
    return torch.tensor(places)


ways = {"momentum": roll(momentum_step), "Nesterov": roll(nesterov_step)}
for name, places in ways.items():
    print(f"{name:8}: overshoots to {places.min():.2f}, and is at {places[-1]:.3f} after 60 steps")
plots.show(plots.curves(ways, range(61), xlabel="step", ylabel="place"), "optimizers.nesterov")

# %% guard="optimizers.nesterov"
# change: roll(nesterov_step)} -> roll(momentum_step)}
plain, ahead = ways.values()
assert -0.7 < plain.min() < -0.5, "with plain momentum it swings to about -0.6"
assert ahead.min() > plain.min() + 0.1, "the one that looks ahead swings less far"
assert ahead[-20:].abs().max() < plain[-20:].abs().max(), "and loses its swing sooner"

# %% [markdown]
# Both oscillate, but the one that looks ahead loses its swing sooner: where the ball is about to go up the other side, the slope there already pushes back.
#
# ## One learning rate for all?
#
# SGD gives all weights the same lr. But gradients differ in size by orders of magnitude: between layers, between a pixel in the middle and one at the edge, between the bias of a frequent class and a rare one. A rate that is right for large gradients lets the weights with small ones stand still. A rate that moves those makes the others explode.
#
# **Adagrad** (2011) gives each weight a rate of its own. It adds up the squares of all gradients that the weight has ever had, and divides by the root of the sum:
#
# $$s \leftarrow s + g^2 \qquad\qquad p \leftarrow p - \mathrm{lr} \cdot \frac{g}{\sqrt{s} + \varepsilon}$$
#
# Everything is element by element: each single weight has its own $s$. The small number $\varepsilon$ (`eps`) keeps a weight with $s = 0$ from dividing by 0. An example with $g = 3$, $s = 7$, lr = 0.1 and $\varepsilon = 1$: the new $s$ is 16, its root 4, and the step $0.1 \cdot 3 / (4 + 1) = 0.06$.

# %% [markdown]
# ### Exercise: `adagrad_step` · extra
#
# {{ adagrad_step }} Take one step of Adagrad, as `torch.optim.Adagrad` does it, by the same rules. The *buffers* `sums` hold one tensor for each parameter. They start as zeros and must live on from step to step.


# %% exercise="adagrad_step" seed=706
def adagrad_step(params, sums, lr, eps):
    """One step of Adagrad, in place.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    sums: a list of tensors of the same shapes, the sums of the squared gradients so far.
    lr, eps: floats; eps is added to the root.
    Returns nothing.

    >>> p, s = torch.tensor([1.0], requires_grad=True), torch.tensor([7.0])
    >>> p.grad = torch.tensor([3.0])
    >>> adagrad_step([p], [s], lr=0.1, eps=1.0)
    >>> s, p
    (tensor([16.]), tensor([0.9400], requires_grad=True))
    """
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            s += p.grad**2
            p -= lr * p.grad / (s.sqrt() + eps)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# For each pair of parameter and buffer: first the buffer, then the parameter. The buffer remembers the sum of squares, nothing else.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The order of the divisor: sum of squares, root, and only then eps. Does one of your operations end in an underscore that should not?
#
# </details>

# %% [markdown]
# ### What you should now see · extra
#
# The gradient is always 3, and the first step is 0.1 long. How long are the later ones?

# %% guess="optimizers.hundredth_step"

# %%
p, s = torch.zeros(1, requires_grad=True), torch.zeros(1)
steps = {}
for t in range(1, 101):
    before, p.grad = p.item(), torch.tensor([3.0])
    adagrad_step([p], [s], lr=0.1, eps=1e-10)
    steps[t] = before - p.item()
for t in (1, 4, 25, 100):
    print(f"step {t:3}: {steps[t]:.3f}")
outcome("optimizers.hundredth_step")

# %% guard="optimizers.hundredth_step"
# change: torch.tensor([3.0]) -> torch.tensor([3.0 * t])
assert all(abs(steps[t] - 0.1 / t**0.5) < 1e-4 for t in steps), "step t is lr over the root of t"

# %% [markdown]
# The steps shrink like $\mathrm{lr} / \sqrt{t}$ while the gradients keep their size. For a problem that is soon solved this is a sensible schedule. A network whose gradients were huge in the beginning is left with tiny steps for good.
#
# ### An average that forgets
#
# Adagrad's sum only grows, so its steps only shrink. **RMSProp** forgets. It divides each gradient by its own typical size of late. The typical size is the root of the mean of the squares (RMS), with the mean taken over time as a moving average:
#
# $$s \leftarrow \alpha \, s + (1 - \alpha) \, g^2 \qquad\qquad p \leftarrow p - \mathrm{lr} \cdot \frac{g}{\sqrt{s} + \varepsilon}$$
#
# An example with $g = 3$, $s = 0$, $\alpha = 0.75$, lr = 0.1 and $\varepsilon = 0.5$: the new $s$ is $0.25 \cdot 9 = 2.25$, its root is 1.5, and the step is $0.1 \cdot 3 / (1.5 + 0.5) = 0.15$.

# %% [markdown]
# ### Exercise: `rmsprop_step`
#
# {{ rmsprop_step }} Take one step of RMSProp, as `torch.optim.RMSprop` does it. The *buffers* `squares` hold one tensor for each parameter. They start as zeros and must live on from step to step, so change them in place, like the parameters, and keep nothing anywhere else.
#
# What every step needs, and you have written often enough, is given: `torch.no_grad()`, the loop, and passing over a parameter whose `.grad` is None, together with its buffer. Your lines stand in the loop and are about one parameter `p` and its buffer `s`. Leave `.grad` as it is. `torch.optim`, the functions inside it and the fused operators (`torch._fused_...`) are not allowed, in this and in the other exercises of this lesson. Parameters may be float64.


# %% exercise="rmsprop_step" seed=701
def rmsprop_step(params, squares, lr, alpha, eps):
    """One step of RMSProp, in place.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    squares: a list of tensors of the same shapes, the moving averages of the squared gradients.
    lr, alpha, eps: floats. alpha is the share of the old average that stays; eps is added to the root.
    Returns nothing.

    >>> p, s = torch.tensor([1.0], requires_grad=True), torch.zeros(1)
    >>> p.grad = torch.tensor([3.0])
    >>> rmsprop_step([p], [s], lr=0.1, alpha=0.75, eps=0.5)
    >>> s, p
    (tensor([2.2500]), tensor([0.8500], requires_grad=True))
    """
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            s.mul_(alpha).add_((1 - alpha) * p.grad**2)
            p -= lr * p.grad / (s.sqrt() + eps)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# First the buffer, then the parameter.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `s = ...` would only give a name to a new tensor; the one in the list would stay 0. A tensor is changed in place by `s.mul_(...)`, `s.add_(...)`, `s.copy_(...)` or `s += ...`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The order of the divisor: mean of squares, root, and only then eps.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `AttributeError: 'list' object has no attribute 'mul_'`: `squares` is the list of all buffers. Inside the loop the buffer of `p` is called `s`.
#
# `IndexError: slice() cannot be applied to a 0-dim tensor.`: a parameter may be a single number. `s[:] = ...` needs a dimension, `s.copy_(...)` does not.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Three weights with noisy gradients. The second has gradients a hundred times as large as the first, the third a hundred times as small. How far does each of them get?

# %% guess="optimizers.scales"

# %%
_ = torch.manual_seed(0)
scales = torch.tensor([1.0, 100.0, 0.01])
noisy = (1 + 0.5 * torch.randn(100, 3)) * scales


def follow(step):
    """The path of three weights from 0 under 100 noisy gradients; step takes the parameter and t."""
    p = torch.zeros(3, requires_grad=True)
    path = [torch.zeros(3)]
    for t, gradient in enumerate(noisy, 1):
        p.grad = gradient.clone()
        step(p, t)
        path.append(p.detach().clone())
    return torch.stack(path)


s = torch.zeros(3)
paths = {
    "SGD, lr 0.01": follow(lambda p, t: sgd_step([p], lr=0.01)),
    "RMSProp, lr 0.01": follow(lambda p, t: rmsprop_step([p], [s], lr=0.01, alpha=0.9, eps=1e-8)),
}
names = [f"gradients around {scale:g}" for scale in scales.tolist()]
plots.show(
    plots.side_by_side(
        *({"series": dict(zip(names, way.T)), "title": title} for title, way in paths.items()),
        x=range(101),
        xlabel="step",
        ylabel="weight",
    ),
    "optimizers.scales",
)

# %% guard="optimizers.scales"
# change: alpha=0.9, eps=1e-8)) -> alpha=0.9, eps=1.0))
by_sgd, by_rms = (path[-1] for path in paths.values())
assert by_sgd[1] < -50 and by_sgd[[0, 2]].abs().max() < 2, "with SGD only one of the three moves"
assert by_rms.max() < -0.7 and by_rms.min() > -1.3, "with RMSProp all three travel together"

# %% [markdown]
# With SGD only one of the three visibly moves. With RMSProp all three travel together: the size of a gradient no longer matters, only its sign and how steady it is.
#
# ## Adam
#
# RMSProp follows the last gradient. **Adam** (*adaptive moment estimation*) follows the average of the gradients, as momentum does. And it corrects both averages for their start at 0:
#
# | | |
# |---|---|
# | average of the gradients | $m \leftarrow \beta_1 m + (1 - \beta_1) \, g$ |
# | average of their squares | $s \leftarrow \beta_2 s + (1 - \beta_2) \, g^2$ |
# | both corrected | $\hat m = m / (1 - \beta_1^t), \quad \hat s = s / (1 - \beta_2^t)$ |
# | step | $p \leftarrow p - \mathrm{lr} \cdot \hat m / (\sqrt{\hat s} + \varepsilon)$ |
#
# (A hat on an average marks the corrected one, as in the paper. It has nothing to do with the hat on a prediction, $\hat y$.) Here $t$ is the number of the step, counted **from 1**: with $t = 0$ you would divide by $1 - \beta^0 = 0$. The buffers keep the plain $m$ and $s$. Only the step uses the corrected ones. Usual values are $\beta_1 = 0.9$, $\beta_2 = 0.999$ and $\varepsilon = 10^{-8}$.
#
# Do the first step by hand, with $g = 3$: $m = 0.1 \cdot 3 = 0.3$ and $s = 0.001 \cdot 9 = 0.009$. Corrected with $t = 1$ they are $\hat m = 0.3 / 0.1 = 3$ and $\hat s = 0.009 / 0.001 = 9$. The step is $\mathrm{lr} \cdot 3 / 3 = \mathrm{lr}$. Keep that in mind for later.

# %% [markdown]
# ### Exercise: `adam_step`
#
# {{ adam_step }} Take one step of Adam, as `torch.optim.Adam` does it. The same rules as before; there are two buffers for each parameter now.


# %% exercise="adam_step" seed=702
def adam_step(params, means, squares, t, lr, betas, eps):
    """One step of Adam, in place.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    means, squares: lists of tensors of the same shapes, the moving averages of the gradients and of their squares.
    t: the number of this step, an int, 1 at the first, the same for all params (torch counts for each the steps
        in which it had a gradient). betas: a pair of floats, the mean's first. lr, eps: floats.
    Returns nothing.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> m, s = torch.zeros(1), torch.zeros(1)
    >>> p.grad = torch.tensor([3.0])
    >>> adam_step([p], [m], [s], t=1, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    >>> m, s, p
    (tensor([0.3000]), tensor([0.0090]), tensor([0.9000], requires_grad=True))
    """
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            beta1, beta2 = betas
            m.mul_(beta1).add_((1 - beta1) * p.grad)
            s.mul_(beta2).add_((1 - beta2) * p.grad**2)
            m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)
            p -= lr * m_hat / (s_hat.sqrt() + eps)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start from your `rmsprop_step`. Add the second buffer, then the corrections, and run the check after each: its message says which value is the first that differs.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The corrected averages are new tensors, made for this step and then forgotten. If the second step goes wrong and the first was right, look there.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `beta ** t` is a plain Python number. Each average is divided by 1 minus the power of its own beta.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `ZeroDivisionError: float division by zero`: is there a `t - 1` somewhere? t counts from 1 already.
#
# `TypeError: only integer tensors of a single element can be converted to an index`: `betas` holds both. Take them apart first, and give each a name.
#
# </details>

# %% [markdown]
# ### What you should now see: Adam's effective step
#
# How long are Adam's steps? Feed it gradients that you make yourself, and look at the length of each step divided by lr.


# %% guess="optimizers.effective_step"


# %%
def steps_of_adam(gradients, betas=(0.9, 0.999)):
    """The steps of Adam, divided by lr, for a series of gradients of one weight; gradients: (n,). Returns (n,)."""
    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    m, s = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    steps = []
    for t, gradient in enumerate(gradients.double(), 1):
        before = p.item()
        p.grad = gradient.reshape(1).clone()
        adam_step([p], [m], [s], t, lr=1.0, betas=betas, eps=1e-8)
        steps.append(before - p.item())
    return torch.tensor(steps)


_ = torch.manual_seed(1)
noise = torch.randn(300)
series = {
    "0.001, always": torch.full((300,), 0.001),
    "1000, always": torch.full((300,), 1000.0),
    "0.5 plus noise of spread 1": 0.5 + noise,
    "noise of spread 1": noise,
}
jumps = {
    "1, then 10": torch.cat([torch.ones(50), torch.full((250,), 10.0)]),
    "1, then 0.1": torch.cat([torch.ones(50), torch.full((250,), 0.1)]),
}
way = {name: -steps_of_adam(gradients).cumsum(0) for name, gradients in series.items()}
sizes = {name: steps_of_adam(gradients) for name, gradients in jumps.items()}
plots.show(
    plots.side_by_side(
        {"series": way, "ylabel": "way in units of lr", "dashed": "1000, always"},
        {"series": sizes, "ylabel": "step in units of lr", "level": 1.0},
        xlabel="step",
        width=9.5,
        height=3.2,
    ),
    "optimizers.effective_step",
)

# %% guard="optimizers.effective_step"
# change: p -= lr * m_hat / (s_hat.sqrt() + eps) -> p -= lr * m_hat
small, large, noisy, noise = (path[-1].item() for path in way.values())
assert abs(small + 300) < 3 and abs(large + 300) < 3, "a steady gradient gives a step of lr"
assert -200 < noisy < -100 and abs(noise) < 60, "a noisy gradient gives smaller steps"
up, down = sizes.values()
assert 1.5 < up[50:].max() < 1.8 and up[-1] < 1.2, "after a jump up the steps are too long"
assert down[60:150].min() < 0.2 and down[-1] < 0.4, "after a jump down they are too short"

# %% [markdown]
# Read three things from it.
#
# 1. **A steady gradient gives a step of lr**, whether it is 0.001 or 1000. So Adam's lr has the unit of a weight: it says how far a weight may move in one step. This is one reason why the same lr, 0.001, is a fair start for so many networks.
# 2. **A noisy gradient gives smaller steps.** The mean of the gradients is small against the root of the mean square, and the steps partly cancel. The quotient is something like signal over noise.
# 3. **The two averages have different memories.** On the right the gradient jumps at step 50. $m$ has followed after 10 to 20 steps, $s$ would take about a thousand, far beyond the picture. After a jump up the steps are too long for a while, after a jump down too short.

# %% [markdown]
# ### The slow intercept again · extra
#
# In lesson 02 SGD fitted a line to 30 points on $y = 2x + 30$, one point a step. The slope was at about 2.4 at once, and after five epochs the intercept stood at 1.2 instead of 30. Choose an optimizer and a learning rate for it, and run five epochs; RMSProp with 0.02 and Adam with 1 are good to begin with. (Momentum is Adam's $\beta_1$ here; RMSProp has none. $\alpha$ and $\beta_2$ are 0.99.)

# %%
column = torch.randint(1, 100, (30,), generator=torch.Generator().manual_seed(0))
explore.line(
    column,
    2 * column + 30,
    intercept=30,
    momentum=0.9,
    lr=1.0,
    optimizer="Adam",
    ask=(
        "Where will Adam's intercept be after five epochs with lr 1?",
        ["near 1, as with SGD", "about 10", "about 20", "near 30"],
    ),
    goal=25,
)

# %% guard="optimizers.slow_intercept"
# change: torch.randint(1, 100, (30,) -> torch.randint(1, 10, (30,)
from course_utils.explore.lines import walk


def ended(seed, name, plan):
    """Intercept and loss of all points after five epochs with another draw of the points."""
    x = torch.randint(1, 100, (30,), generator=torch.Generator().manual_seed(seed)).double()
    slope, at = walk(torch.stack([x, 2 * x + 30]), (1.0, 1.0), name, plan, 1)[-1]
    return at.item(), (slope * x + at - 2 * x - 30).square().mean().item()


points = torch.stack([column, 2 * column + 30]).double()
tried = {"RMSProp": [0.02], "Adam": [1.0, 5.0]}
plans = [(name, [(lr, 0.9)] * 150) for name, rates in tried.items() for lr in rates]
shown = [walk(points, (1.0, 1.0), name, plan, 1)[-1] for name, plan in plans]
loss = (shown[2][0] * points[0] + shown[2][1] - points[1]).square().mean()
for (_, at), about in zip(shown, (3.4, 20, 28)):
    assert abs(at - about) < 0.5, "the intercept gets to about 3, 20 and 28"
assert 4.5 < loss < 5.5, "with Adam and 5 the loss of all points is about 5"
rms, slow, fast = ([ended(seed, *plan) for seed in range(1, 21)] for plan in plans)
assert all(3 < at < 4.5 for at, _ in rms), "RMSProp gets to 3 or 4 with other points"
assert all(14 < at < 30 for at, _ in slow), "Adam with 1 gets to between 14 and 30"
losses = sorted(loss for _, loss in fast)
assert losses[0] < 5 and losses[-1] > 10_000, "with 5 the loss may be below 5 or above 10,000"
assert losses[10] > 100, "and is above 100 with half of the draws"

# %% [markdown]
# RMSProp with 0.02 gets to about 3, Adam with 1 to about 20, and with 5 to about 28. The columns of $v$ and $s$ tell why: the slope's gradients are some fifty times those of the intercept, and each is divided by its own root of $s$, so both parameters take steps of about lr.
#
# The price is that the slope, which was near its place long before, keeps shaking, the more the larger lr is, and where it stands after the last step is chance. Here Adam with 5 ends at a loss of 5. With 20 other draws of the points RMSProp came to 3 or 4 each time, and Adam with 1 to between 14 and 30; but with 5 the loss at the end was now below 5, now above 10,000, and above 100 with half of the draws.

# %% [markdown]
# ### Exercise: `repair_adam_step` · extra
#
# After some thousand steps these lines do what Adam does, to three digits. At the beginning they do not.
#
# ```python
# @torch.no_grad()
# def adam_step(params, means, squares, t, lr, betas, eps):
#     b1, b2 = betas
#     for p, m, s in zip(params, means, squares):
#         if p.grad is None:
#             continue
#         m.copy_(b1 * m + (1 - b1) * p.grad)
#         s.copy_(b2 * s + (1 - b2) * p.grad**2)
#         m_hat, root = m / (1 - b1**t), s.sqrt() / (1 - b2**t)
#         p -= lr * m_hat / (root + eps)
# ```
#
# {{ repair_adam_step }} Find an input on which these lines go wrong: a *witness*, a dict with the keys `"params"`, `"grads"`, `"means"`, `"squares"` (lists of tensors), `"t"` (a whole number), `"lr"`, `"eps"` (numbers) and `"betas"` (two numbers), with at most 12 numbers in its tensors. Then repair them. A witness earns half of the points, a repair without a witness nothing: who has not seen it fail does not know what was repaired. At most two lines may change; one that is added or taken away counts as one.


# %% exercise="repair_adam_step"
def repair_adam_step():
    """A witness of the bug, and the lines without it.

    Returns (witness, repaired): a dict with the arguments, and a function with the signature of
    `adam_step`.

    >>> witness, repaired = repair_adam_step()
    >>> callable(repaired)
    True
    """
    ### BEGIN SOLUTION
    shown = {
        "params": [torch.tensor([1.0])],
        "grads": [torch.tensor([2.0])],
        "means": [torch.tensor([0.0])],
        "squares": [torch.tensor([0.0])],
        "t": 1,
        "lr": 0.1,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
    }

    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), (s / (1 - b2**t)).sqrt()
            p -= lr * m_hat / (root + eps)

    return shown, repaired
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What does the correction of a mean undo, and how large is it at $t = 1$? Do it by hand for one gradient of 2.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Compare the formula of $\hat s$ with the line: what is corrected, $s$ or its root?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: hand back both at once, the witness and the function, whose name has no brackets after it. `should be a float32 tensor`: write at least one number with a point.
#
# </details>

# %% [markdown]
# ## AdamW: where the decay belongs
#
# Lesson 06 had two roads for weight decay: through the gradient (L2), or beside it. For Adam the difference matters most. With L2 the gradient is $g + \mathrm{wd} \cdot p$, and Adam divides it by the typical size of the gradients. A weight with large gradients then hardly decays, and one with small gradients decays strongly. Nobody asked for that.
#
# **AdamW** keeps the decay out of the averages:
#
# 1. $p \leftarrow p \cdot (1 - \mathrm{lr} \cdot \mathrm{wd})$
# 2. Adam's step, with the gradient of the loss alone.
#
# An example: $p = 2$, $g = 3$, $t = 1$, lr = 0.1, wd = 0.5. The decay gives $2 \cdot 0.95 = 1.9$, Adam's first step takes off 0.1, and the result is 1.8.

# %% [markdown]
# ### Exercise: `adamw_step`
#
# {{ adamw_step }} Take one step of AdamW, as `torch.optim.AdamW` does it. You may call your `adam_step`. A parameter without a gradient does not decay: the loop passes over it.


# %% exercise="adamw_step" seed=703
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    """One step of Adam with decoupled weight decay, in place.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    means, squares: lists of tensors of the same shapes; they know nothing of the decay.
    t: the number of this step, an int, 1 at the first, the same for all params. betas: a pair of floats, the mean's first.
    lr, eps, wd: floats.
    Returns nothing.

    >>> p = torch.tensor([2.0], requires_grad=True)
    >>> p.grad = torch.tensor([3.0])
    >>> adamw_step([p], [torch.zeros(1)], [torch.zeros(1)], t=1, lr=0.1, betas=(0.9, 0.999), eps=1e-8, wd=0.5)
    >>> p
    tensor([1.8000], requires_grad=True)
    """
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            p *= 1 - lr * wd
            ### END SOLUTION
    ### BEGIN SOLUTION
    adam_step(params, means, squares, t=t, lr=lr, betas=betas, eps=eps)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two parts, one after the other. The second you have written already.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The first part is the first line of `sgd_decay_step` of lesson 06. The second comes after the loop, once for all parameters.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Take weights that all start at 1 and whose gradients are pure noise: the loss does not care about them, and they should fade. The noise has spread 0.1, 1 or 10. The picture shows the mean of 500 such weights each, with lr = 0.01 and wd = 0.1.

# %% guess="optimizers.fading"

# %%
spreads = [0.1, 1.0, 10.0]


def fade(decoupled, steps=400, lr=0.01, wd=0.1, n=500):
    """The mean of n weights for each spread of their noise, step by step; returns (steps + 1, 3)."""
    generator = torch.Generator().manual_seed(0)
    p = torch.ones(n, 3, requires_grad=True)
    m, s = torch.zeros(n, 3), torch.zeros(n, 3)
    path = [p.detach().mean(0)]
    for t in range(1, steps + 1):
        p.grad = torch.randn(n, 3, generator=generator) * torch.tensor(spreads)
        if decoupled:
            adamw_step([p], [m], [s], t, lr, (0.9, 0.999), 1e-8, wd)
        else:
            p.grad += wd * p.detach()
            adam_step([p], [m], [s], t, lr, (0.9, 0.999), 1e-8)
        path.append(p.detach().mean(0))
    return torch.stack(path)


paths = {"Adam with L2": fade(decoupled=False), "AdamW": fade(decoupled=True)}
names = [f"noise of spread {spread:g}" for spread in spreads]
plots.show(
    plots.side_by_side(
        *({"series": dict(zip(names, path.T)), "title": title} for title, path in paths.items()),
        x=range(401),
        xlabel="step",
        ylabel="mean weight",
        ylim=(0, 1.5),
    ),
    "optimizers.fading",
)

# %% guard="optimizers.fading"
# change: if decoupled: -> if True:
l2, decoupled = (path[-1] for path in paths.values())
assert l2[0] < 0.1 and 0.55 < l2[1] < 0.8 and l2[2] > 0.9, "with L2 the weights decay unevenly"
assert (decoupled - 0.67).abs().max() < 0.05, "with AdamW each keeps 0.67 of itself"

# %% [markdown]
# With L2 the same wd is almost everything for one weight and almost nothing for another. With AdamW each weight keeps $0.999^{400} = 0.67$ of itself, as wd says. (In torch, `Adam(weight_decay=...)` is the left picture, `AdamW(weight_decay=...)` the right one.)
#
# ## A race
#
# Four optimizers on one surface: a long valley, 50 times as steep across as along. To be fair, each gets the learning rate that suits it best out of the same list of 13: the one with the lowest mean loss over the last 10 of 100 steps. Momentum is 0.9, RMSProp's alpha is 0.99, and Adam has the betas 0.9 and 0.99.
#
# Then the same race again in the same valley, turned by 45°, with the same learning rates.


# %% guess="optimizers.race"


# %%
def valley(angle):
    """A loss of p: (2,), with curvature 1 along the valley and 50 across; the valley is turned by the angle."""
    c, s = math.cos(angle), math.sin(angle)

    def loss(p):
        along, across = c * p[..., 0] + s * p[..., 1], c * p[..., 1] - s * p[..., 0]
        return (along**2 + 50 * across**2) / 2

    return loss, torch.tensor([-4 * c - 1.5 * s, -4 * s + 1.5 * c])


steps_by_name = {
    "SGD": lambda p, a, b, t, lr: sgd_step([p], lr),
    "momentum": lambda p, a, b, t, lr: momentum_step([p], [a], lr, 0.9),
    "RMSProp": lambda p, a, b, t, lr: rmsprop_step([p], [b], lr, 0.99, 1e-8),
    "Adam": lambda p, a, b, t, lr: adam_step([p], [a], [b], t, lr, (0.9, 0.99), 1e-8),
}


def drive(name, lr, angle, steps=100):
    """The path (steps + 1, 2) of one optimizer, and its loss at each point."""
    loss, start = valley(angle)
    p = start.clone().requires_grad_()
    a, b = torch.zeros(2), torch.zeros(2)
    path = [start]
    for t in range(1, steps + 1):
        p.grad = None
        loss(p).backward()
        steps_by_name[name](p, a, b, t, lr)
        path.append(p.detach().clone())
    return torch.stack(path), loss(torch.stack(path))


rates = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 1.0]


def final_loss(name, lr):
    """The mean loss over the last 10 steps in the valley along the axes."""
    return drive(name, lr, angle=0.0)[1][-10:].mean().nan_to_num(torch.inf)


best = {name: min(rates, key=lambda lr: final_loss(name, lr)) for name in steps_by_name}

names = {0.0: "along the axes", math.pi / 4: "turned by 45°"}
driven = {
    title: {f"{name}, lr {lr:g}": drive(name, lr, angle) for name, lr in best.items()}
    for angle, title in names.items()
}
for title, runs in driven.items():
    print(title)
    for name, (_, losses) in runs.items():
        low = (losses < 1e-7).nonzero()
        said = f"below 1e-07 from step {int(low[0])}" if len(low) else f"{losses[-10:].mean():.0e}"
        print(f"  {name:<17} {said}")


def map_of(angle):
    """The valley as `plots.surface` draws it."""
    grid = torch.cartesian_prod(torch.linspace(-4, 3, 141), torch.linspace(-5, 4, 181)).flip(1)
    heights = valley(angle)[0](grid).reshape(141, 181).clamp(min=0.2)
    return {"x": grid[:181, 0], "y": grid[::181, 1], "z": heights, "lowest": (0, 0)}


ways = {title: {name: run[0] for name, run in runs.items()} for title, runs in driven.items()}
plots.show(
    plots.valleys({title: (map_of(angle), ways[title]) for angle, title in names.items()}),
    "optimizers.race",
)
charts = [
    {"series": {name: run[1] for name, run in runs.items()}, "title": title}
    for title, runs in driven.items()
]
plots.show(
    plots.side_by_side(
        *charts, x=range(101), xlabel="step", ylabel="loss", log="y", ylim=(1e-7, 300)
    ),
    "optimizers.race_losses",
)

# %% guard="optimizers.race"
# change: (1 - alpha) * p.grad**2) -> (1 - alpha) * p.grad.square().mean())
aligned, turned = ([run[1] for run in runs.values()] for runs in driven.values())
for one, other in zip(aligned[:2], turned[:2]):
    assert torch.allclose(one, other, rtol=0.01, atol=1e-4), (
        "SGD and momentum do not notice the turn"
    )
assert aligned[2][20:].max() < 1e-6, "RMSProp wins along the axes by far"
assert turned[2][-10:].mean() > 1e-3, "turned, it creeps like SGD"
assert turned[3][-10:].mean() > 2 * aligned[3][-10:].mean(), "Adam loses by the turn too"
assert aligned[3][-10:].mean() < 2 * aligned[1][-10:].mean(), "Adam keeps up along the axes"
assert turned[3][-10:].mean() < turned[2][-10:].mean() / 2, "turned, it ends ahead of RMSProp"

# %% [markdown]
# The ring is the start, the star the lowest point. What the run shows:
#
# - **SGD and momentum do not notice the turn.** Their losses are the same in both valleys. A gradient turns with the valley, and so does everything made of gradients by adding and scaling.
# - **RMSProp wins the first race by far, and it is luck of the axes.** With the valley along the axes, one weight is steep and the other is flat. Dividing each by its own typical gradient makes the valley round. In the turned valley both weights have gradients of the same size. Dividing by it changes the step length and nothing else: RMSProp creeps like SGD.
# - **Adam** keeps up with momentum along the axes. It loses by the turn too, but ends well ahead of RMSProp: its momentum carries it.
# - Nobody wins everywhere. In real networks the scales do differ from weight to weight, which is where Adam helps. And Adam needs less searching for a rate. But well-tuned SGD with momentum is often as good.
#
# Race them yourself, in the valley of lesson 02: the loss of a line, long and narrow, and turned. Change one thing at a time, and see who needs which learning rate and whom a batch of 1 disturbs. Then compare the first steps of RMSProp and Adam with the same lr and momentum 0: one is ten times as long as the other. Which line of Adam's table is the reason?

# %%
inputs = 2 * torch.rand(200, generator=torch.Generator().manual_seed(0))
spread = torch.randn(200, generator=torch.Generator().manual_seed(1))
explore.valley(
    inputs,
    1.5 * inputs + 0.5 + 0.3 * spread,
    optimizers=("SGD", "RMSProp", "Adam"),
    ask=(
        "With lr 0.1 for all and momentum 0: which is nearest to the star after ten steps?",
        ["SGD", "RMSProp", "Adam"],
    ),
)

# %% [markdown]
# ## Adam reborn
#
# The MNIST notebook of this course's source (named at the end) updates its weights in a function that is called for every batch:
#
# ```python
# def update(x, y, lr):
#     opt = optim.Adam(model.parameters(), lr)
#     loss = loss_func(model(x), y)
#     loss.backward()
#     opt.step()
#     opt.zero_grad()
#     return loss.item()
# ```
#
# It runs, the loss falls, and it is not Adam. Do you see why? A new optimizer is made in every call. Its buffers are zeros and its $t$ is 1, every time. All the memory that Adam is about is thrown away after one step.
#
# What is left? You did the first step of Adam by hand, with $g = 3$. What would it be for $g = 0.003$? For $g = -70$?

# %% [markdown]
# ### Exercise: `reborn_adam_step`
#
# {{ reborn_adam_step }} Write the step that this function really takes, without any buffers. Put $m = s = 0$ and $t = 1$ into Adam's formulas, with $\varepsilon = 10^{-8}$, and simplify on paper as far as you can. The betas drop out. (A weight whose gradient is exactly 0 stays where it is. All other gradients in the check are far larger than $\varepsilon$.)


# %% exercise="reborn_adam_step" seed=704
def reborn_adam_step(params, lr):
    """One step of an Adam that was made just now, in place: its buffers are zero, and t is 1.

    params: a list of tensors of any shapes, with gradients in `.grad`.
    lr: a float.
    Returns nothing.

    >>> p = torch.tensor([1.0, 1.0], requires_grad=True)
    >>> p.grad = torch.tensor([3.0, -0.5])
    >>> reborn_adam_step([p], lr=0.1)
    >>> p
    tensor([0.9000, 1.1000], requires_grad=True)
    """
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            ### BEGIN SOLUTION
            p -= lr * p.grad / (p.grad.abs() + 1e-8)
            ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# At $t = 1$ the corrections divide by $1 - \beta_1$ and $1 - \beta_2$. What are $m$ and $s$ before that, when they start at 0?
#
# </details>
# <details><summary>Hint 2</summary>
#
# What is the root of $g^2$? (It is not always $g$.)
#
# </details>
# <details><summary>Hint 3</summary>
#
# The docstring moves one weight by 0.1 for a gradient of 3, and the other by 0.1 for a gradient of −0.5. What survives of a gradient?
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Take real gradients: a small network after 60 batches of digits, trained with your Adam. Then take one more step in two ways, with the Adam that remembers and with the reborn one. The histogram shows the steps of the 39,200 weights of the first layer, in units of lr.

# %% guess="optimizers.steps"

# %%
digits = load_mnist()
x_train, x_valid = normalize(digits.x_train.flatten(1) / 255, digits.x_valid.flatten(1) / 255)
y_train, y_valid = digits.y_train, digits.y_valid


class Adam:
    """Your adam_step with the memory that it needs."""

    def __init__(self, params, lr, eps=1e-8, t=0):
        self.params, self.lr, self.eps, self.t = list(params), lr, eps, t
        self.means, self.squares = ([torch.zeros_like(p) for p in self.params] for _ in range(2))

    def step(self):
        self.t += 1
        adam_step(self.params, self.means, self.squares, self.t, self.lr, (0.9, 0.999), self.eps)


class RebornAdam:
    """Your reborn_adam_step, which needs no memory."""

    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def step(self):
        reborn_adam_step(self.params, self.lr)


def train(optimizer_class, n_batches, **settings):
    """Train 784-50-10 on batches of 64 digits, with an optimizer made once, from the parameters and the settings.

    Returns the net, the optimizer, and the validation loss after every 10th batch.
    """
    _ = torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = two_layer_net(784, 50, 10)
    optimizer = optimizer_class(net.parameters(), **settings)
    losses, done = [], 0
    while done < n_batches:
        for idx in list(minibatches(len(x_train), 64, generator))[: n_batches - done]:
            for p in net.parameters():
                p.grad = None
            cross_entropy(net(x_train[idx]), y_train[idx]).backward()
            optimizer.step()
            done += 1
            if done % 10 == 0:
                with torch.no_grad():
                    losses.append(cross_entropy(net(x_valid), y_valid).item())
    return net, optimizer, losses


net, adam, _ = train(Adam, 60, lr=0.001)
weight = next(net.parameters())
for p in net.parameters():
    p.grad = None
cross_entropy(net(x_train[:64]), y_train[:64]).backward()
before, gradient = weight.detach().clone(), weight.grad.clone()

adam.step()
remembered = (weight.detach() - before) / 0.001
with torch.no_grad():
    _ = weight.copy_(before)
reborn_adam_step([weight], lr=0.001)
reborn = (weight.detach() - before) / 0.001

anew = before.clone().requires_grad_()
anew.grad = gradient
adam_step(
    [anew], [torch.zeros_like(before)], [torch.zeros_like(before)], 1, 0.001, (0.9, 0.999), 1e-8
)
large = gradient.abs() > 1e-6
gap = ((weight - anew).detach() / 0.001)[large].abs().max()
as_sign = (reborn[large] + gradient[large].sign()).abs().max()
print(f"gradients larger than 1e-6: {large.float().mean():.0%}. There, within 2 %,")
print("the reborn step is that of your adam_step with empty buffers:", bool(gap < 0.02))
print("the reborn step is -lr * sign(g):", bool(as_sign < 0.02))

plots.show(
    plots.histograms(
        {"Adam that remembers": remembered, "Adam reborn": reborn},
        torch.linspace(-1.525, 1.525, 62),
        xlabel="step in units of lr",
        ylabel="number of weights",
    ),
    "optimizers.steps",
)

# %% guard="optimizers.steps"
# change: reborn_adam_step([weight], lr=0.001) -> sgd_step([weight], lr=0.001)
assert bool(gap < 0.02) and bool(as_sign < 0.02), "the reborn step is -lr * sign(g)"
assert (reborn.abs() > 0.9).float().mean() > 0.9, "it moves nearly every weight by the full lr"
assert (remembered.abs() < 0.6).float().mean() > 0.95, "Adam that remembers takes small steps"

# %% [markdown]
# The Adam that remembers takes many small steps, because most gradients are noise, and a few larger ones. The reborn Adam moves nearly *every* weight by the full lr, by $\mathrm{lr} \cdot \mathrm{sign}(g)$, whether its gradient is large or tiny, steady or noise. (The column at 0 belongs to gradients that are 0, for example those of hidden units that were off for all 64 digits, and to those far below eps, if your formula has one.)
#
# Does it do harm? Train with both, at two learning rates.

# %% guess="optimizers.reborn"

# %% tags=["nbval-ignore-output"]
curves = {}
for lr in [0.001, 0.01]:
    for name, optimizer_class in [("Adam", Adam), ("reborn", RebornAdam)]:
        curves[f"{name}, lr {lr:g}"] = train(optimizer_class, 250, lr=lr)[2]
        print(f"{name:6} lr {lr:g}: validation loss {curves[f'{name}, lr {lr:g}'][-1]:.2f}")
plots.show(
    plots.curves(
        curves, range(10, 251, 10), xlabel="batch", ylabel="validation loss", ylim=(0, 2.2)
    ),
    "optimizers.reborn",
)

# %% guard="optimizers.reborn"
# change: ("reborn", RebornAdam) -> ("reborn", Adam)
ends = {name: losses[-1] for name, losses in curves.items()}
assert abs(ends["reborn, lr 0.001"] - ends["Adam, lr 0.001"]) < 0.1, "at 0.001 there is no harm"
assert min(curves["reborn, lr 0.01"][-8:]) > 1.3 * ends["Adam, lr 0.01"], (
    "at 0.01 it does not settle"
)

# %% [markdown]
# With lr = 0.001 there is hardly a difference, and that is why such a bug can live in a notebook for years: the loss falls, so nobody looks. With lr = 0.01 Adam still works, and the reborn one does not settle: its steps cannot become smaller than lr, and nothing averages out the noise of the batches.
#
# The lesson goes beyond Adam. An optimizer has *state*. Make it once, before the loop. When you save a model in order to go on training later, save the optimizer's buffers and its $t$ as well. And stepping by the sign of the gradient is not nonsense: it is known as *signSGD*. But choose it, do not get it by accident.

# %% [markdown]
# ## What you have now
#
# - A **moving average that starts at 0** is too small at first. Divide by $1 - \beta^t$, with $t$ from 1.
# - **Nesterov's** momentum steps by the gradient plus the share of the new velocity that will carry on anyway. *(extra)*
# - **Adagrad** divides each gradient by the root of the sum of all its squares, so its steps only shrink.
# - **RMSProp** divides each gradient by the root of the moving average of its square: the size of the gradients no longer matters.
# - **Adam** is momentum, as an average, divided by the same root, both corrected. A steady gradient gives a step of lr.
# - **AdamW** shrinks the weights beside the averages; L2 in Adam decays unevenly.
# - **The buffers are the optimizer.** Without them Adam is $\mathrm{lr} \cdot \mathrm{sign}(g)$.
#
# Lesson 08 changes lr and momentum while training runs.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like.
#
# ### Should I leave out the bias correction?
#
# A trick: with $t$ = 1,000,000 both corrections are 1, so an Adam that starts counting there has none. Compare the two learning rates before you conclude anything.

# %% guess="optimizers.uncorrected"

# %%
reached = {}
for lr in [0.001, 0.01]:
    for name, t in [("corrected", 0), ("not corrected", 1_000_000)]:
        losses = reached[name, lr] = train(Adam, 60, lr=lr, t=t)[2]
        said = " ".join(f"{losses[i]:.2f}" for i in (0, 2, 5))
        print(f"lr {lr:5g}, {name:13} validation loss after 10, 30, 60 batches: {said}")

ratio = (1 - 0.9 ** torch.arange(1, 1001)) / (1 - 0.999 ** torch.arange(1, 1001)).sqrt()
plots.show(
    plots.curves({"step": ratio}, xlabel="step number t", ylabel="times too long", log="x"),
    "optimizers.uncorrected",
)

# %% guard="optimizers.uncorrected"
# change: ("not corrected", 1_000_000) -> ("not corrected", 0)
ends = {name: losses[-1] for name, losses in reached.items()}
assert ends["not corrected", 0.001] < 0.9 * ends["corrected", 0.001], "at 0.001 it gets further"
assert ends["not corrected", 0.01] > 1.5 * ends["corrected", 0.01], "at 0.01 it does harm"
assert 6 < ratio.max() < 7 and 3 < ratio[0] < 3.4, "the first steps are 3 to 7 times too long"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I make eps larger?
#
# It looks like a detail. But with eps = 1, which of the two terms of the divisor wins? What does Adam become?

# %% guess="optimizers.larger_eps"

# %%
ends = {eps: train(Adam, 60, lr=0.001, eps=eps)[2][-1] for eps in [1e-8, 1e-3, 1.0]}
for eps, end in ends.items():
    print(f"eps {eps:g}: validation loss after 60 batches {end:.2f}")
outcome("optimizers.larger_eps")

# %% guard="optimizers.larger_eps"
# change: [1e-8, 1e-3, 1.0] -> [1e-8, 1e-3, 1e-2]
small, middle, large = ends.values()
assert middle < 1.2 * small, "with 1e-3 there is hardly a difference"
assert large > 2, "with eps 1 it hardly learns"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I give Adam the learning rate of SGD?
#
# In an experiment of lesson 05, SGD with momentum got furthest with lr = 0.05. Think of what one step of Adam may then do to a weight that starts within ±0.036, as one with 784 inputs does ($1/\sqrt{784}$). Is 0.05 too large, and if so, by how much?

# %% guess="optimizers.larger_rate"

# %%
rates = [0.0001, 0.001, 0.01, 0.05, 0.2]
curves = {f"lr {lr:g}": train(Adam, 100, lr=lr)[2] for lr in rates}
plots.show(
    plots.curves(
        curves, range(10, 101, 10), xlabel="batch", ylabel="validation loss", ylim=(0, 4.5)
    ),
    "optimizers.larger_rate",
)

# %% guard="optimizers.larger_rate"
# change: 0.01, 0.05, 0.2] -> 0.01, 0.05, 0.02]
_, small, middle, sgds, large = curves.values()
assert sgds[-1] > 1.3 * max(small[-1], middle[-1]), "0.05 ends worse than 0.001 and 0.01"
assert min(large) > 1.5, "0.2 never comes below 1.5"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the second half of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). The spreadsheet `files/xl/graddesc.xlsm` builds these optimizers. If you read that lesson or notes about it, take care in these places.
#
# - **Adam inside the update function.** The notebook `nbs/dl1/lesson5-sgd-mnist.ipynb` builds its optimizer anew for every batch. You have seen what is left of it.
# - **"Adam is RMSProp plus momentum."** Yes, and the bias correction with $t$ from 1 (D. P. Kingma and J. Ba, *Adam*, 2015). Simple versions leave it out; then the first steps are several times too long.
# - **Momentum as an average.** The spreadsheet uses $m \leftarrow \mu m + (1 - \mu) g$, torch's SGD uses $v \leftarrow \mu v + g$. With constant momentum they differ by the factor $1 - \mu$ in lr, with varying momentum in kind.
# - **`weight_decay` in Adam.** In torch's `Adam` it is L2 through the gradient. In `AdamW` it is decoupled, and its default is 0.01, not 0 (I. Loshchilov and F. Hutter, 2019).
# - **Where eps stands.** torch adds it after the root, and in Adam after the correction. Other libraries put it inside the root, or use 1e-7.
