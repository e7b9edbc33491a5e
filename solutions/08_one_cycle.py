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
# # 08 · The learning-rate finder and one cycle
#
# **You will build** a test that finds a good learning rate in a few seconds, and the schedule called *one cycle*, which changes learning rate and momentum at every step. Then you measure whether it is worth it.
#
# **Time:** about {{ time }}. **It builds on** the net of lesson 01, minibatches (lesson 02), cross-entropy (lesson 04), and `normalize`, the optimizer and the evaluation of lesson 05; lessons 06 and 07 come back in questions and in extra cells. It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.
#
# {{ exercises }}


# %%
import math

import torch

from course_utils import check, explore, outcome, plots
from course_utils.data import load_mnist
from course_utils.exercises.one_cycle import ReproduceOneCycle
from course_utils.mine import SGD, cross_entropy, evaluate, minibatches, normalize, two_layer_net

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. With momentum $\mu$, gradients that agree add up. To how many times a single one?</summary>
#
# $1/(1-\mu)$: ten times for 0.9 (lesson 02).
#
# </details>
# <details><summary>2. What does a steady gradient do to Adam's step?</summary>
#
# It makes it lr long, whatever the gradient's size (lesson 07).
#
# </details>
# <details><summary>3. 4,000 digits in batches of 64: how many batches are there, and how large is the last?</summary>
#
# 63; the last holds 32 (lesson 05).
#
# </details>
# <details><summary>4. At what size of step, compared with the weights, did the net of lesson 05 learn best?</summary>
#
# About a hundredth of the weights (lesson 05).
#
# </details>
# <details><summary>5. Which loss tells you whether weight decay helps, and why not the other?</summary>
#
# The validation loss. The training loss is higher with decay in any case (lesson 06).
#
# </details>

# %% [markdown]
# ## One number decides
#
# The *learning rate* says how far a step goes along the gradient. Of all hyperparameters it is often the one that matters most. Here is the same net on the same digits, three times, with constant learning rates of 0.002, 0.02 and 0.4.
#
# The function below is used in the whole lesson. It asks a *schedule* before every step: a function that gets the number of the step, from 0, and returns the pair (learning rate, momentum).


# %% guess="one_cycle.rates"

# %%
digits = load_mnist()
x_train, x_valid = normalize(digits.x_train.flatten(1) / 255, digits.x_valid.flatten(1) / 255)
y_train, y_valid = digits.y_train, digits.y_valid


def train(schedule, epochs, seed):
    """Train a 784-50-10 net in batches of 64; returns the loss of each step and the net."""
    _ = torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = two_layer_net(784, 50, 10)
    optimizer = SGD(net.parameters(), lr=0.0)
    losses = []
    for _ in range(epochs):
        for indices in minibatches(len(x_train), 64, generator):
            optimizer.lr, optimizer.momentum = schedule(len(losses))
            loss = cross_entropy(net(x_train[indices]), y_train[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, net


curves = {}
for lr in [0.002, 0.02, 0.4]:
    losses, _ = train(lambda step, lr=lr: (lr, 0.9), epochs=2, seed=0)
    curves[f"lr {lr}"] = [float(part.mean()) for part in torch.tensor(losses).split(9)]
plots.show(
    plots.curves(curves, [9 * i for i in range(1, 15)], xlabel="step", ylabel="training loss"),
    "one_cycle.rates",
)

# %% guard="one_cycle.rates"
# change: [0.002, 0.02, 0.4] -> [0.002, 0.02, 0.05]
slow, fast, wild = curves.values()
assert fast[-1] < 0.5 * slow[-1], "0.02 falls fast and far, 0.002 slowly"
assert min(wild[3:]) > 1, "with 0.4 the loss stays high"

# %% [markdown]
# Too small wastes time, too large spoils the net. How do you find the right size without trying ten values to the end?
#
# ## The finder
#
# Leslie Smith's idea (2017): try all rates in a single short run. Start with a rate that is surely too small. Take one step, note the loss, make the rate a little larger, take the next step, and so on, until the loss blows up. Then look at the curve.
#
# Rates are compared by ratio: from 0.001 to 0.01 is as far as from 0.1 to 1. So each rate is the one before times a fixed factor $q$. From $\eta_{\min}$ to $\eta_{\max}$ in $n$ rates there are $n - 1$ gaps:
#
# $$\eta_i = \eta_{\min}\, q^{\,i}, \qquad q = \left(\frac{\eta_{\max}}{\eta_{\min}}\right)^{1/(n-1)}, \qquad i = 0, \dots, n-1$$
#
# By hand: three rates from 0.01 to 1 are 0.01, 0.1 and 1, because $q = 100^{1/2} = 10$.
#
# ### When to stop
#
# Once the rate is far too large, the loss jumps up and everything after it is rubbish. We stop at the first loss that is more than 4 times the smallest one so far, or not finite. Take care with `nan`, which is "not a number": whether you ask `<`, `>` or `==`, a comparison with it is false.


# %% guess="one_cycle.nan"

# %%
nan = float("nan")
answers = {"nan > 4": nan > 4, "nan < 4": nan < 4, "math.isfinite(nan)": math.isfinite(nan)}
print(answers)
outcome("one_cycle.nan")

# %% guard="one_cycle.nan"
# change: nan = float("nan") -> nan = float("inf")
assert not any(answers.values()), "every comparison with nan is false"

# %% [markdown]
# ### Exercise: `lr_range_test`
#
# {{ lr_range_test }} The function does not know what is trained. It gets `loss_at`: a function that takes one training step with the learning rate that you hand in, and returns the loss that its batch had before the step. Each call changes the net, so call it once for each rate, and not at all after the end. A loss of exactly 4 times the smallest is not over it; after a loss of 0 every larger one is.


# %% exercise="lr_range_test"
def lr_range_test(loss_at, lr_min, lr_max, steps):
    """The losses at rates that grow from lr_min to lr_max by equal ratios.

    loss_at: a function from a learning rate to the loss, a float of 0 or more and of any size, which
        may become inf or nan; each call takes one training step.
    steps: how many rates there are, at least 2; lr_min and lr_max are the first and the last, and
        the digits of float32 will do.
    Returns (lrs, losses), two lists of equal length. The test ends early at a loss that is
    not finite or over 4 times the smallest so far; that loss and its rate are not in the lists.

    >>> lrs, losses = lr_range_test(lambda lr: 1 / lr, 0.01, 1.0, 3)
    >>> [round(lr, 6) for lr in lrs], [round(loss, 4) for loss in losses]
    ([0.01, 0.1, 1.0], [100.0, 10.0, 1.0])
    """
    ### BEGIN SOLUTION
    lrs, losses = [], []
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A loop over the rates. In it, in this order: the rate, the loss, the question whether to stop, the record.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The formula for the rates stands above. With $i$ from 0 to `steps - 1` the power goes from 0 to 1.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The best loss so far is the smallest of those recorded. Before the first there is none: start with infinity (`math.inf`), or give `min` a `default`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `ValueError: min() arg is an empty sequence` or `min() iterable argument is empty`: before the first loss there is no best one.
#
# `ZeroDivisionError: float division by zero` and `TypeError: 'float' object cannot be interpreted as an integer`: check the brackets in the formula of the rates; `range` takes whole numbers only.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# The finder on real digits: a hundred rates from 0.0001 to 10.


# %%
def finder(seed):
    """lr_range_test on a fresh net and freshly shuffled digits."""
    _ = torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = two_layer_net(784, 50, 10)
    optimizer = SGD(net.parameters(), lr=0.0, momentum=0.9)
    batches = [*minibatches(len(x_train), 64, generator), *minibatches(len(x_train), 64, generator)]

    def loss_at(lr):
        indices = batches.pop()
        loss = cross_entropy(net(x_train[indices]), y_train[indices])
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = lr
        optimizer.step()
        return loss.item()

    return lr_range_test(loss_at, 1e-4, 10.0, 100)


# %% guess="one_cycle.finder"

# %%
lrs, losses = finder(seed=0)
plots.show(
    plots.curves(
        {"loss": losses}, lrs, xlabel="learning rate", ylabel="loss of one batch", log="x"
    ),
    "one_cycle.finder",
)

# %% guard="one_cycle.finder"
# change: 1e-4, 10.0, 100) -> 1e-4, 1e-2, 100)
assert len(lrs) < 100 and lrs[-1] < 5, "it ends by itself long before 10"
flat = [loss for lr, loss in zip(lrs, losses) if lr < 0.001]
assert max(flat) - min(flat) < 0.5, "up to about 0.001 the curve is flat"
assert 0.01 < lrs[losses.index(min(losses))] < 0.3, "the lowest loss is between 0.02 and 0.1"

# %% [markdown]
# It ends by itself long before 10. From left to right: flat, because the steps are too small to matter; falling; a lowest place; and then up.

# %% [markdown]
# ## Which point to take
#
# Not the lowest! There the loss has just stopped falling: it is the edge of the cliff, and a rate that is right for one step is often too large for hundreds. Take the place where the loss falls *fastest*. On the logarithmic axis all neighbours have the same distance, so the steepest fall is where the difference to the next loss is most negative:
#
# | rate | 0.001 | 0.01 | 0.1 | 1 |
# |---|---|---|---|---|
# | loss | 2.3 | 2.1 | 0.8 | 0.7 |
# | next minus this | −0.2 | **−1.3** | −0.1 | |
#
# The step from 2.1 to 0.8 was taken with the rate 0.01, because each loss is measured before its step: that is the suggestion.
#
# ### Exercise: `suggest_lr`
#
# {{ suggest_lr }}


# %% exercise="suggest_lr"
def suggest_lr(lrs, losses):
    """The rate lrs[i] at which losses[i + 1] - losses[i] is least, the first where two are exactly equal.

    lrs, losses: lists of equal length, at least 2; all of them count. The rates grow by equal ratios.
    Returns a number; the digits of float32 will do.

    >>> suggest_lr([0.001, 0.01, 0.1, 1.0], [2.3, 2.1, 0.8, 0.7])
    0.01
    """
    ### BEGIN SOLUTION
    differences = [after - before for before, after in zip(losses, losses[1:])]
    return lrs[differences.index(min(differences))]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Make a list of the differences first. It is one shorter than the losses.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A fall is a negative difference, so the steepest fall is the smallest number, not the largest. A list knows the place of a value: `index`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: list index out of range`: the last loss has no next one.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# On the left four runs of the finder, each with its suggestion as a dot, and on the right the mean of eight runs, with its own.

# %% guess="one_cycle.suggestions"

# %%
runs = [finder(seed) for seed in range(8)]
shortest = min(len(losses) for _, losses in runs)
lrs = runs[0][0][:shortest]
mean = [sum(losses[i] for _, losses in runs) / len(runs) for i in range(shortest)]
suggested = [suggest_lr(*run) for run in runs]
suggestion = suggest_lr(lrs, mean)
plots.show(
    plots.suggestions(
        {
            "four single runs": [(*run, lr) for run, lr in zip(runs[:4], suggested)],
            "mean of eight runs": [(lrs, mean, suggestion)],
        }
    ),
    "one_cycle.suggestions",
)

# %% guard="one_cycle.suggestions"
# change: finder(seed) for seed -> finder(0) for seed
assert max(suggested) > 5 * min(suggested), "the suggestions of single runs differ by several times"
assert 0.003 < suggestion < 0.05, "that of the mean lies in the middle of the long fall"
assert suggestion < lrs[mean.index(min(mean))], "to the left of the lowest place"

# %% [markdown]
# The suggestions on the left differ a lot, and most lie in the jagged part at the right, where nobody would look for them. The reason is that each loss comes from another batch. Where the rate is too large already, the losses jump from batch to batch, and the largest jump down wins. On the right the noise is smaller, and the suggestion lies in the middle of the long fall, where the eye would put it too. (In practice one smooths a single curve, or simply looks at it.)

# %% tags=["nbval-ignore-output"]
print("suggestions of the eight runs:", sorted(round(lr, 3) for lr in suggested))
print("suggestion of their mean:     ", round(suggestion, 3))

# %% [markdown]
# Print what the runs suggest before you trust one of them. The finder tells you the order of magnitude, and that is what it is for.
#
# ## What a fit's first argument means
#
# Libraries train with calls such as `fit(5, lr)` or `fit_one_cycle(5, lr)`. The 5 is the number of *epochs*: how often every example is seen. It is neither the number of steps nor the number of cycles. The five epochs together make one cycle.
#
# An epoch is cut into batches, and each batch is one step. 4,000 digits in batches of 64 are 62 full batches and one with the remaining 32: 63 steps an epoch. Every epoch ends with that smaller batch.
#
# ### Exercise: `steps_per_fit`
#
# {{ steps_per_fit }}


# %% exercise="steps_per_fit"
def steps_per_fit(n, batch_size, epochs):
    """The number of steps in so many epochs over n examples; the last batch of an epoch may be smaller.

    n, batch_size, epochs: whole numbers, 1 or more.
    Returns an int.

    >>> steps_per_fit(4000, 64, 5)
    315
    """
    ### BEGIN SOLUTION
    return epochs * math.ceil(n / batch_size)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# First one epoch. When does the division leave a remainder, and what happens with it?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `math.ceil` rounds up. Is it the same to round up each epoch or the whole fit?
#
# </details>


# %% [markdown]
# ## Changing the rate while training
#
# Why should one rate be right from the first step to the last? In the beginning the net is raw, and large steps throw it about. In the middle large steps make progress. At the end they only jump around the goal, and small ones settle. So: start small, go up, come down, and end very small. That is *one cycle* (Smith and Topin, 2018).
#
# ### From one number to another along a cosine
#
# The way from $a$ to $b$ shall begin and end gently. Half a cosine does it: $\cos(\pi p)$ goes from 1 to −1 while $p$ goes from 0 to 1. Shifted and halved, $\frac{1}{2}(1 + \cos(\pi p))$ goes from 1 to 0. That is the part of the difference $a - b$ that is left:
#
# $$\mathrm{anneal}(a, b, p) = b + \frac{a - b}{2}\,\bigl(1 + \cos(\pi p)\bigr)$$
#
# From 10 to 2, a quarter of the way: $2 + 4\,(1 + \cos 45°) = 2 + 4 \cdot 1.7071 = 8.83$. A straight line would be at 8 already.
#
# ### Exercise: `anneal`
#
# {{ anneal }}


# %% exercise="anneal"
def anneal(start, end, pct):
    """From start at pct = 0 to end at pct = 1, along half a cosine.

    start, end, pct: numbers; pct is between 0 and 1.
    Returns a number; the digits of float32 will do.

    >>> round(anneal(10.0, 2.0, 0.25), 4)
    8.8284
    """
    ### BEGIN SOLUTION
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Put in `pct = 0` and `pct = 1` by hand. What has to come out, and what does your formula give?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `math.cos` takes an angle in radians: half a turn is `math.pi`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: cos(): argument 'input' (position 1) must be Tensor, not float`: `torch.cos` is for tensors; `math.cos` is for a number.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Your cosine beside a straight line. It leaves late, is ahead of the line after the middle, and arrives gently.


# %%
p = torch.linspace(0, 1, 101)
plots.show(
    plots.curves(
        {
            "anneal(10, 2, p)": [anneal(10.0, 2.0, float(q)) for q in p],
            "a straight line": 10 - 8 * p,
        },
        p,
        xlabel="p",
    ),
    "one_cycle.anneal",
)

# %% [markdown]
# ### The cycle
#
# One cycle has two phases, and both use `anneal`.
#
# | | from step 0 | to the peak | to the last step |
# |---|---|---|---|
# | learning rate | `lr_max / div` | `lr_max` | `lr_max / div / final_div` |
# | momentum | high | low | high |
#
# `momentums` is the pair (low, high): the first is for the peak, the second for both ends. Momentum does the opposite of the rate: where steps are large, less of the old direction is kept.
#
# Where exactly is the peak? The first phase takes the part `pct_start` of all steps. Steps are counted from 0, so the peak is at
#
# $$\text{peak} = \text{pct\_start} \cdot \text{total\_steps} - 1$$
#
# and the last step is `total_steps - 1`. For 10 steps and `pct_start=0.3` the peak is at step 2, and the last is step 9. The peak may lie between two steps: for 15 steps it is at 3.5. Do not round it. (PyTorch's `OneCycleLR` counts in this way, and we follow it to the letter.)
#
# In each phase `pct` says how much of *this* phase is done:
#
# $$p = \frac{\text{step}}{\text{peak}} \quad\text{up to the peak, then}\quad p = \frac{\text{step} - \text{peak}}{\text{last} - \text{peak}}$$
#
# For 10 steps with `lr_max=1` and the defaults, step 0 has the rate 1/25 = 0.04, step 2 has 1, and step 9 has 0.04/10,000 = 0.000004.
#
# ### Exercise: `one_cycle`
#
# {{ one_cycle }} `torch.optim.lr_scheduler` is not allowed.


# %% exercise="one_cycle"
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    """Learning rate and momentum at one step of one cycle.

    step: from 0 to total_steps - 1. The peak is at step pct_start * total_steps - 1, which is
    greater than 0, less than total_steps - 1, and need not be whole.
    The rate goes from lr_max / div up to lr_max, then down to lr_max / div / final_div.
    momentums: (at the peak, at both ends), called (low, high) whichever is larger.
    Returns the pair (lr, momentum), right to six digits: near the end, float32 has too few on the way.

    >>> [round(value, 4) for value in one_cycle(0, 10, 1.0)]
    [0.04, 0.95]
    >>> [round(value, 4) for value in one_cycle(1, 10, 1.0)]
    [0.52, 0.9]
    >>> [round(value, 4) for value in one_cycle(2, 10, 1.0)]
    [1.0, 0.85]
    >>> [round(value, 4) for value in one_cycle(4, 10, 1.0)]
    [0.8117, 0.8688]
    """
    ### BEGIN SOLUTION
    low, high = momentums
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        pct = step / peak
        return anneal(lr_max / div, lr_max, pct), anneal(high, low, pct)
    pct = (step - peak) / (last - peak)
    return anneal(lr_max, lr_max / div / final_div, pct), anneal(low, high, pct)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# First decide in which phase the step is. Then `pct`, then `anneal` twice: for the rate and for momentum.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Four calls of `anneal` in all. Copy start and end of each from the table.
#
# </details>
# <details><summary>Hint 3</summary>
#
# When the check says that a rate after the peak is wrong: in the second phase `pct` starts at 0 again. When it is the last rate: is it divided by `div` and by `final_div`?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: 'float' object is not iterable` or `cannot unpack non-iterable float object`: return two numbers, with a comma between them.
#
# `NotImplementedError` from `anneal`: that exercise is still to do, or its cell has not been run.
#
# </details>


# %% [markdown]
# ### Walk along the cycle · extra
#
# The dots are your `one_cycle` with its defaults, the lines are what the controls say; at the start both are the same. Guess, then walk through the 60 steps and read the table. The lowest curve is the rate divided by $1 - \text{momentum}$: how far a steady gradient carries you. Then try to reach the goal by the two momentums.

# %%
explore.one_cycle(
    60,
    0.1,
    one_cycle,
    ask=(
        "The rate grows to 25 times its start. And rate / (1 - momentum)?",
        ["by more than 25 times", "25 times as well", "by less"],
    ),
    goal=4,
)

# %% [markdown]
# ### What you should now see
#
# One cycle of 300 steps with the peak 0.1. Compare the left picture with the middle one: they mirror each other.
#
# The right one shows what the two do together. With momentum $\mu$, gradients that agree add up: $1 + \mu + \mu^2 + \dots = 1/(1 - \mu)$. So a step becomes up to $\eta/(1-\mu)$ long. At the start that is 20 times the rate, at the peak less than 7 times. The rate rises by a factor of 25, and the reach of a step by only 8.


# %%
total = 300
pairs = [one_cycle(step, total, 0.1) for step in range(total)]
rates, momenta = zip(*pairs)
reach = [lr / (1 - momentum) for lr, momentum in pairs]
charts = {"learning rate": rates, "momentum": momenta, "rate / (1 - momentum)": reach}
plots.show(
    plots.side_by_side(
        *({"series": {title: values}, "title": title} for title, values in charts.items()),
        x=range(total),
        xlabel="step",
    ),
    "one_cycle.cycle",
)

# %% guard="one_cycle.cycle"
# change: anneal(high, low, pct) -> anneal(high, high, pct)
assert rates.index(max(rates)) == 89, "the peak is at step 89"
assert abs(max(rates) / rates[0] - 25) < 0.1, "the rate rises by a factor of 25"
assert 7.5 < max(reach) / reach[0] < 9, "and the reach of a step by only 8"

# %% [markdown]
# Is it what PyTorch does? Ask it at every step. (The first use of `torch.optim` takes a few seconds.)


# %%
optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=total)
largest = 0.0
for lr, momentum in pairs:
    group = optimizer.param_groups[0]
    largest = max(largest, abs(group["lr"] / lr - 1), abs(group["momentum"] / momentum - 1))
    optimizer.step()
    scheduler.step()
print("largest relative difference below 1e-5:", bool(largest < 1e-5))

# %% [markdown]
# ### Exercise: `reproduce_one_cycle` · extra
#
# Somebody's schedule has a bug, and all that is left are the losses of a training under it: a line through 20 points, 5 at a time, 40 steps, SGD with momentum, a rate of up to 0.05. Below you see them beside those under your `one_cycle`.

# %%
NAME = "your name"  # write yours
case = ReproduceOneCycle()
plots.show(
    plots.curves(
        {
            "somebody's": case.shown(NAME),
            "under your one_cycle": case.train(one_cycle, case.start, case.steps),
        },
        xlabel="steps",
        ylabel="loss",
        title="A schedule with a bug",
        log="y",
    ),
    "one_cycle.reproduce",
)

# %% [markdown]
# {{ reproduce_one_cycle }} Look at the curve first and commit yourself: which kind of bug is it?
#
# - *a wrong shape*: the right numbers at the ends, and another curve between them
# - *a wrong peak*: the largest rate comes too early or too late
# - *a wrong end*: the last rates are too large or too small
# - *a wrong momentum*: it moves the wrong way, or not at all
#
# Then write the function with that bug, `broken(step, total_steps, lr_max)`. Its losses must agree to four digits with the curve that you see, and with one from a start that you do not see. The bug with another kind earns half of the points. With another name comes another curve; the name that you return is the one that counts.


# %% exercise="reproduce_one_cycle"
def reproduce_one_cycle():
    """Somebody's bug, found from a loss curve.

    Returns (name, kind, broken): your name as above, the kind of the bug as it is written above, such as "a wrong
    end", and the function with it, `broken(step, total_steps, lr_max)`.

    >>> name, kind, broken = reproduce_one_cycle()
    >>> callable(broken)
    True
    """

    ### BEGIN SOLUTION
    def broken(step, total_steps, lr_max):
        return one_cycle(step, total_steps, lr_max, momentums=(0.95, 0.85))

    return "Carl Gauss", "a wrong momentum", broken
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# From which step on do the curves differ? The warm-up, the peak and the end of the cycle each have their place.
#
# </details>
# <details><summary>Hint 2</summary>
#
# What would each of the four kinds do to the curve, and from which step on? Write one of each kind, and draw it beside somebody's.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Your `one_cycle` has arguments that `broken` may set, to round numbers. Only a wrong shape needs more: it puts something else in the place of `anneal`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return three things`: the function ends with `return NAME, kind, broken`, and `broken` has no brackets after it. `The first 1 of ... losses agree`: the first loss depends on the start alone, so your very first step is another one.
#
# </details>

# %% [markdown]
# ## Is it worth it?
#
# Now measure. Three epochs, five peak rates, four seeds each: once with a constant rate and momentum 0.9, once with one cycle of the same peak. Both take 189 steps.


# %% guess="one_cycle.worth"

# %%
epochs, seeds, peaks = 3, range(4), [0.01, 0.02, 0.05, 0.1, 0.2]
total = steps_per_fit(len(x_train), 64, epochs)


def measured(schedule):
    """(loss, accuracy) on the validation digits after training by this schedule, (seeds, 2)."""
    return torch.tensor(
        [evaluate(train(schedule, epochs, seed)[1], x_valid, y_valid) for seed in seeds]
    )


constant = [measured(lambda step, lr=lr: (lr, 0.9)) for lr in peaks]

# %%
cycled = [measured(lambda step, lr=lr: one_cycle(step, total, lr)) for lr in peaks]

# %%
both = {"constant": torch.stack(constant), "one cycle": torch.stack(cycled)}
plots.show(
    plots.with_spread(
        peaks,
        *({name: found[:, :, column] for name, found in both.items()} for column in (0, 1)),
        titles=["validation loss", "validation accuracy"],
        xlabel="constant or largest rate",
    ),
    "one_cycle.worth",
)

# %% guard="one_cycle.worth"
# change: cycled = [measured(lambda step, lr=lr: one_cycle(step, total, lr)) for lr in peaks] -> cycled = constant
of_constant, of_cycle = (found[:, :, 0].mean(1) for found in both.values())
assert of_constant[0] < of_cycle[0] - 0.02, "at 0.01 the constant rate is better"
assert (of_cycle[2:] < of_constant[2:] - 0.02).all(), "from 0.05 on one cycle is better"
assert of_cycle.min() < of_constant.min() - 0.01, "each at its best, one cycle is ahead"
assert of_cycle[-1] < of_constant[-1] / 2, "at 0.2 the constant rate has failed, one cycle has not"

# %% tags=["nbval-ignore-output"]
print("rate     constant: loss, accuracy          one cycle: loss, accuracy")
for lr, a, b in zip(peaks, constant, cycled):
    cells = [
        f"{r[:, 0].mean():.2f} ± {r[:, 0].std():.2f}, {r[:, 1].mean():.1%} ± {r[:, 1].std():.1%}"
        for r in (a, b)
    ]
    print(f"{lr:<6}   " + "     ".join(cells))

# %% [markdown]
# As it came out:
#
# - **At the same peak the answer depends on the peak.** One cycle spends most of its steps well below the peak. With a small peak it is simply too slow, and the constant rate wins.
# - **Each at its best rate, one cycle is ahead**: in the loss by more than the spread over seeds, in accuracy by about a point, which is hardly more than the spread. That is a small gain, not a miracle. "Super-convergence", training ten times as fast, is not what this shows: net and task are small.
# - **One cycle forgives.** At rates where the constant one has long failed it still trains well. The finder's guess may be wrong by several times, so that is worth more than the last point. (The mean of eight runs suggested somewhat less than the best rate of either.)
# - The best peak for one cycle is larger than the best constant rate. A rate that was tuned for one is not right for the other.
#
# ### The slow intercept, for the last time · extra
#
# The line of lessons 02 and 07, whose intercept SGD left at 1.2 and Adam with a constant rate of 5 brought to about 28. But it kept shaking: in the last ten steps the intercept still moved by 0.4. Here Adam follows your cycle with the peak 5, momentum as its $\beta_1$.

# %%
column = torch.randint(1, 100, (30,), generator=torch.Generator().manual_seed(0))
plan = [one_cycle(step, 150, 5.0) for step in range(150)]
explore.line(
    column,
    2 * column + 30,
    intercept=30,
    optimizer="Adam",
    optimizers=("Adam",),
    plan=plan,
    ask=(
        "In the last ten steps the intercept moved by 0.4 with the constant rate. With the cycle?",
        ["by 0.4 as well", "by 0.1", "by 0.01"],
    ),
)

# %% guard="one_cycle.slow_intercept"
# change: plan = [one_cycle(step, 150, 5.0) -> plan = [(5.0, 0.9)
from course_utils.explore.lines import walk


def ended(seed, plan):
    """Intercept, loss of all points and the last ten steps' range, after five epochs."""
    x = torch.randint(1, 100, (30,), generator=torch.Generator().manual_seed(seed)).double()
    path = walk(torch.stack([x, 2 * x + 30]), (1.0, 1.0), "Adam", plan, 1)
    slope, at = path[-1]
    loss = (slope * x + at - 2 * x - 30).square().mean()
    return at.item(), loss.item(), (path[-10:, 1].max() - path[-10:, 1].min()).item()


flat = [(5.0, 0.9)] * 150
assert 0.35 < ended(0, flat)[2] < 0.45, "with the constant rate the intercept moves by 0.4"
at, loss, moved = ended(0, plan)
assert moved < 0.02, "under the cycle it moves by 0.01"
assert 26 < at < 27.5 and 2.5 < loss < 3.5, "the intercept is at about 27 and the loss about 3"
both = torch.tensor([[ended(seed, way) for seed in range(1, 21)] for way in (plan, flat)])
assert (both[0, :, 2] < both[1, :, 2] / 5).all(), "with other points it is calm at the end, too"
lower = int((both[0, :, 1] < both[1, :, 1]).sum())
assert abs(lower - 15) < 2, "the loss was lower with 15 of 20 draws"
half_cycle, half_flat = both[:, :, 1].quantile(0.5, dim=1)
assert 20 < half_cycle < 40 and 150 < half_flat < 220, "about 30 in the middle, against 180"

# %% [markdown]
# By 0.01: at the end the rate is almost 0, and the line stays where it is. Watch the last epoch in the table. *Where* it stays is another question. Here the intercept is at about 27 and the loss about 3. With 20 other draws of the points the loss was lower than with the constant rate in 15, with a median of about 30 against 180. The cycle ends calmly, and that helps more often than not; one short run is still a single run.

# %% [markdown]
# ## What you have now
#
# - The **finder** runs once through all rates by equal ratios. Take the place where the loss falls fastest, not the lowest; and do not trust a single noisy run to more than its order of magnitude.
# - A fit's first argument is **epochs**. Steps are epochs times batches in an epoch, the last smaller one included.
# - **One cycle**: the rate up and down along half a cosine, momentum down and up. Count from 0: the peak is at `pct_start * total_steps - 1`.
# - **Compare fairly**: equal steps, several seeds, each at its best rate.
#
# Lesson 09 trains something that is not a picture: tastes.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did.
#
# ### Should I leave out the warm-up, or the way down?
#
# The whole cycle, only its way down, only its way up, and no change at all, at the best peak and at one that is too large. (The whole cycle and the constant rate were measured above.)


# %% guess="one_cycle.halves"


# %% tags=["nbval-ignore-output"]
def halves(lr):
    """Four ways to use the rate lr, and what each of them reaches, (seeds, 2)."""
    down = measured(lambda step: (anneal(lr, 0.0, step / (total - 1)), 0.9))
    up = measured(lambda step: (anneal(lr / 25, lr, step / (total - 1)), 0.9))
    whole, flat = cycled[peaks.index(lr)], constant[peaks.index(lr)]
    return {"whole cycle": whole, "only down": down, "only up": up, "constant": flat}


by_part = {lr: halves(lr) for lr in [0.05, 0.2]}
for lr, parts in by_part.items():
    for name, result in parts.items():
        loss, spread, right = result[:, 0].mean(), result[:, 0].std(), result[:, 1].mean()
        print(f"peak {lr:<4} {name:<12} loss {loss:.2f} ± {spread:.2f}   accuracy {right:.1%}")

# %%
mean = {(lr, name): r[:, 0].mean() for lr, parts in by_part.items() for name, r in parts.items()}
gap = abs(mean[0.05, "whole cycle"] - mean[0.05, "only down"])
print("at 0.05, only down is within 0.02 of the whole cycle:", bool(gap < 0.02))
ahead = mean[0.2, "whole cycle"] < mean[0.2, "only down"] < mean[0.2, "constant"]
print("at 0.2, the whole cycle is ahead of only down, and that of the constant rate:", bool(ahead))
outcome("one_cycle.halves")

# %% guard="one_cycle.halves"
# change: down = measured(lambda step: (anneal(lr, 0.0, step / (total - 1)), 0.9)) -> down = constant[peaks.index(lr)]
assert gap < 0.02, "at 0.05, only down is within 0.02 of the whole cycle"
assert ahead, "at 0.2 the whole cycle is ahead of only down, and that of the constant rate"
assert mean[0.05, "only up"] > mean[0.05, "whole cycle"] + 0.03, "only up is far behind"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# So be careful what you praise. At the best peak the gain over a constant rate comes from the way down; the warm-up adds nothing that can be seen. It earns its place where the peak is too large. (With eight seeds the losses at 0.2 were 0.44 for the whole cycle, 0.52 for only down, and 1.10 for the constant rate.)


# %% [markdown]
# ### Should I let momentum follow the rate?
#
# The same cycle of the rate, three times: with momentum opposite, constant, and rising and falling with the rate.


# %% guess="one_cycle.together"

# %% tags=["nbval-ignore-output"]
kinds = {
    "opposite": lambda step: one_cycle(step, total, 0.1),
    "constant": lambda step: (one_cycle(step, total, 0.1)[0], 0.9),
    "together": lambda step: one_cycle(step, total, 0.1, momentums=(0.95, 0.85)),
}
reached = {name: measured(schedule) for name, schedule in kinds.items()}
for name, result in reached.items():
    loss, spread, right = result[:, 0].mean(), result[:, 0].std(), result[:, 1].mean()
    print(f"{name:<10} loss {loss:.2f} ± {spread:.2f}   accuracy {right:.1%}")
outcome("one_cycle.together")

# %% guard="one_cycle.together"
# change: one_cycle(step, total, 0.1, momentums=(0.95, 0.85)) -> one_cycle(step, total, 0.1)
opposite, constant_one, together = (result[:, 0].mean() for result in reached.values())
assert abs(opposite - constant_one) < 0.05, "opposite and constant momentum do about as well"
assert together > opposite + 0.08, "momentum that rises with the rate does harm"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the part on learning rates of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). If you read that lesson or notes about it, take care at these places.
#
# - **`fit_one_cycle(5, lr)`**, as in `nbs/dl1/lesson4-collab.ipynb`. The 5 is the number of epochs, not of cycles, although the name invites that reading. There is one cycle, however many epochs it spans.
# - **Which momentum?** An average $m \leftarrow \mu m + (1-\mu) g$ and PyTorch's $v \leftarrow \mu v + g$ differ by the factor $1-\mu$ in the learning rate as long as nothing changes. In one cycle both $\eta$ and $\mu$ change, and then the two are different methods. The formulas here are PyTorch's.
# - **"Pick the lowest point", "a tenth of it", "the steepest place".** All three rules are about. They agree within a factor of ten, like the finder itself. `suggest_lr` takes the steepest place.
# - **The library's finder smooths** its losses before it draws them, and so looks calmer than yours.
# - **"With a single epoch a net cannot overfit, since it sees every example once."** It is less likely, not impossible: the first examples are learned as much as the last, and a large rate can follow single batches. Watch the validation loss.
# - **The library's own one cycle** is the same in other words: its default ends at `lr_max / div / 1e4` too, also where later versions call `div * 1e4` their `final_div`. It rounds the peak to a whole step, and until release 1.0.29 (November 2018, the weeks of the lecture) its way up was a straight line. Comparing numbers needs the formula, not the name.
