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
# # 04 · Softmax and cross-entropy
#
# **You will build** what turns the scores of a network into probabilities, the loss that trains nearly every classifier, and its gradient in one line. All of it will cope with a score of 1000.
#
# **Time:** about {{ time }}. **It builds on** affine maps and batches (lesson 01), gradient descent (lesson 02) and the chain rule (lesson 03). It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`. Run the cell (Shift+Enter), then run the check below it. The hints below each check open with a click, the vaguest first. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`; every batch has at least one example.

# %%
import math

import torch

from course_utils import check, explore, outcome, plots
from course_utils.data import load_mnist
from course_utils.mine import numerical_gradient, relative_error

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. A batch `x` of shape `(n, d)` goes through an affine map with a weight of shape `(c, d)`. How is it written, and which shape has the result?</summary>
#
# `x @ weight.T + bias`, of shape `(n, c)` (lesson 01).
#
# </details>
# <details><summary>2. What are the four lines of the training loop?</summary>
#
# Forward, backward, step, clear (lesson 02).
#
# </details>
# <details><summary>3. Four times as many examples in a batch: what becomes of the noise in its gradient?</summary>
#
# It halves: the spread shrinks with the root of the batch size (lesson 02).
#
# </details>
# <details><summary>4. How do you find out whether a gradient formula is right, without knowing calculus?</summary>
#
# Compare it with central differences in float64, at random points, by the relative error: below $10^{-6}$ it is right (lesson 03).
#
# </details>
# <details><summary>5. A value is used twice in a computation. What happens to its gradient?</summary>
#
# The two contributions add up (lesson 03).
#
# </details>

# %% [markdown]
# ## Scores
#
# A network that sorts digits into ten classes ends in ten numbers for every digit, one *score* a class. The scores are called **logits**. A larger logit means: more likely this class. A logit can be any number, positive or negative.
#
# To have some, let us make a first reader of digits without any training. For every class take the mean picture of its digits. Then score a digit by how near it is to each of the ten means, in squared distance. Multiplied out, that is an affine map of the pixels, like the layers of lesson 01.

# %%
digits = load_mnist()
x, labels = digits.x_train.reshape(-1, 784).float() / 255, digits.y_train
x_valid, labels_valid = digits.x_valid.reshape(-1, 784).float() / 255, digits.y_valid

means = torch.stack([x[labels == k].mean(0) for k in range(10)])


def scores(x):
    """-(squared distance to each mean) / 2, up to a constant of each digit; x: (n, 784).

    Returns (n, 10).
    """
    return x @ means.T - means.square().sum(1) / 2


example = 3
digit = x[example].reshape(28, 28)
logits = scores(x)
plots.show(
    plots.by_class({"logits": logits[example]}, digit),
    "cross_entropy.logits",
    label=labels[example],
    winner=logits[example].argmax(),
)

# %% [markdown]
# The orange bar is the largest: that class wins. But by how much, and how sure may one be? For that the scores have to become probabilities. And before any training there has to be one number that says how good they are. This lesson builds both.

# %% [markdown]
# ## Targets as rows: one-hot
#
# A label is a single whole number, say 3 out of the classes 0 to 9. As a row of ten numbers it is 1 at place 3 and 0 elsewhere. That is a *one-hot* vector: the best probabilities that one could ask for, everything on the right class.
#
# ### Exercise: `one_hot`
#
# {{ one_hot }} Turn a batch of labels into a batch of one-hot rows. `F.one_hot` is what you are building, so it is not allowed.


# %% exercise="one_hot" seed=401
def one_hot(labels, num_classes):
    """1 where a row meets its label's column, else 0.

    labels: whole numbers from 0 to num_classes - 1, int64 of shape (n,).
    Returns float32 numbers of shape (n, num_classes).

    >>> one_hot(torch.tensor([2, 0]), 4)
    tensor([[0., 0., 1., 0.],
            [1., 0., 0., 0.]])
    """
    ### BEGIN SOLUTION
    return (labels[:, None] == torch.arange(num_classes)).float()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start from zeros of the right shape. Which entries become 1? There is exactly one in each row.
#
# </details>
# <details><summary>Hint 2</summary>
#
# An index may be a pair of tensors: with `rows` and `columns` of shape `(n,)`, `y[rows, columns]` means n single entries, one for each pair.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Another way: compare. `labels[:, None]` has shape `(n, 1)` and broadcasts against the class numbers, of shape `(num_classes,)`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: index 3 is out of bounds for dimension 1 with size 3`: there are too few columns. Their number is `num_classes`, whatever labels occur.
#
# `RuntimeError: Index put requires the source and destination dtypes match`: the tensor of zeros and what you write into it have different dtypes.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Eight labels as rows. Each row has one dark place. And a fact that you will need twice below: a product with a one-hot row *looks something up*. It takes the entry at the label's place and forgets the others.

# %%
plots.show(
    plots.grid(one_hot(labels[:8], 10), xlabel="class", ylabel="label", rows=labels[:8].tolist()),
    "cross_entropy.one_hot",
    labels=labels[:8].tolist(),
)

by_product = (one_hot(labels[:3], 10) * logits[:3]).sum(1)
by_lookup = logits[torch.arange(3), labels[:3]]
print("one-hot product:", [round(v, 2) for v in by_product.tolist()])
print("lookup:         ", [round(v, 2) for v in by_lookup.tolist()])

# %% [markdown]
# ## Scores to probabilities: softmax
#
# Ten logits $z_0, \dots, z_9$ of one digit are to become ten probabilities: none negative, all together 1, a larger logit a larger probability. Two steps do it.
#
# 1. $e^{z}$ makes every number positive and keeps the order.
# 2. Dividing by the sum makes them add up to 1.
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# Try it on paper for the logits 0, 0 and $\log 2$. Their exponentials are 1, 1 and 2, their sum is 4, and the probabilities are 0.25, 0.25 and 0.5.
#
# This is the **softmax**. The sum runs over the classes of *one* example; every row of a batch gets its own.
#
# ### What a computer makes of it
#
# float32, the usual kind of number in PyTorch, ends at $3.4 \cdot 10^{38}$. Beyond that it says `inf`. And $e^{z}$ grows fast.

# %% guess="cross_entropy.overflow"

# %%
z = torch.tensor([-1000.0, -104.0, -100.0, 0.0, 88.0, 89.0, 1000.0])
for number, exponential in zip(z.tolist(), z.exp().tolist()):
    print(f"exp({number:6.0f}) = {exponential:.3g}")

row = torch.tensor([1000.0, 999.0])
by_formula = row.exp() / row.exp().sum()
print("softmax by the formula:", by_formula.tolist())
outcome("cross_entropy.overflow")

# %% guard="cross_entropy.overflow"
# change: row = torch.tensor([1000.0, 999.0]) -> row = torch.tensor([10.0, 9.0])
assert by_formula.isnan().all(), "the formula gives nan for logits near 1000"

# %% [markdown]
# From 89 on, $e^z$ is `inf`, and `inf / inf` is `nan`: not a number. From −104 down, $e^z$ is 0, and a row of nothing but such logits gives `0 / 0`, which is `nan` too. Logits of this size do occur in training, and one `nan` in a loss makes every parameter `nan` in the next step.
#
# ### The cure
#
# Subtract the same number $m$ from all logits of a row. The factor $e^{-m}$ cancels, so the probabilities stay the same:
#
# $$\frac{e^{z_k - m}}{\sum_j e^{z_j - m}} = \frac{e^{-m}\, e^{z_k}}{e^{-m} \sum_j e^{z_j}} = p_k$$
#
# You may choose $m$ as you like. Which choice makes it impossible that an exponential is too large, and impossible that all of them are 0?

# %% [markdown]
# ### Exercise: `softmax`
#
# {{ softmax }} Turn a batch of logits into a batch of probabilities, right for logits of any size. torch has this under many names (`torch.softmax`, `F.softmax`, `logsumexp`, distributions, attention); the check counts none of them.


# %% exercise="softmax" seed=402
def softmax(logits):
    """The probabilities of the classes, for every row by itself.

    logits: (n, c), float32 or float64, of any size, such as 1000 or -1000. They stay as they are.
    Returns p: (n, c), every row adds up to 1. Gradients flow back through it.

    >>> softmax(torch.tensor([[0.0, 0.0, math.log(2)], [1000.0, 1000.0, -1000.0]]))
    tensor([[0.2500, 0.2500, 0.5000],
            [0.5000, 0.5000, 0.0000]])
    """
    ### BEGIN SOLUTION
    exp = (logits - logits.amax(-1, keepdim=True)).exp()
    return exp / exp.sum(-1, keepdim=True)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Take the formula apart: a row of exponentials, and their sum. Then think about $m$: after the shift, how large may the largest logit of a row be?
#
# </details>
# <details><summary>Hint 2</summary>
#
# With $m$ the largest logit of the row, the largest exponential is $e^0 = 1$. None is larger, and the sum is at least 1.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Every row has its own $m$. `sum` and `amax` take a dimension to work along, and `keepdim=True` keeps it with size 1, so that the result of shape `(n, 1)` broadcasts against `(n, c)`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1`: a row of n numbers met a matrix of n rows. Was `keepdim=True` forgotten?
#
# `TypeError: unsupported operand type(s) for -: 'Tensor' and 'torch.return_types.max'`: `max` along a dimension returns two things, `.values` and `.indices`. `amax` returns only the values.
#
# `RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.`: `-=` changes the tensor that came in. Make a new one.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The logits of the digit above as probabilities, and beside them the softmax of the same logits with 1000 added to each.

# %% guess="cross_entropy.shifted"

# %%
p = softmax(logits)
shifted = softmax(logits + 1000)
plots.show(
    plots.by_class(
        {"softmax(logits)": p[example], "softmax(logits + 1000)": shifted[example]},
        digit,
        ylim=(0, 1),
    ),
    "cross_entropy.shifted",
    label=labels[example],
    winner=p[example].argmax(),
)

# %% guard="cross_entropy.shifted"
# change: softmax(logits + 1000) -> softmax(logits * 3)
assert torch.allclose(p, shifted, atol=1e-3), "adding 1000 to all logits changes no probability"

# %% [markdown]
# The shift changes nothing. A maximum of the whole batch, instead of one for each row, would also keep the exponentials from overflowing. Will it do? Here is a batch of two rows, one near 1000 and one near −1000.

# %% guess="cross_entropy.one_maximum"

# %%
batch = torch.tensor([[1000.0, 999.0], [-1000.0, -1001.0]])
exp = (batch - batch.max()).exp()
with_one = exp / exp.sum(1, keepdim=True)
for name, result in {"one maximum for all": with_one, "one for each row": softmax(batch)}.items():
    print(f"{name}:", [[round(v, 3) for v in row] for row in result.tolist()])
outcome("cross_entropy.one_maximum")

# %% guard="cross_entropy.one_maximum"
# change: batch.max()) -> batch.amax(1, keepdim=True))
assert with_one[1].isnan().all(), "with one maximum for all, the second row is nan"

# %% [markdown]
# After subtracting 1000 from both rows, the second is near −2000, and all its exponentials are 0.
#
# Only *differences* of logits count. If all logits are doubled, their differences double, and the softmax becomes surer: the largest takes more. From nearly equal to nearly all or nothing:

# %%
factors = [0.1, 0.5, 1.0, 3.0]
rows = {f"logits × {factor:g}": softmax(factor * logits)[example] for factor in factors}
plots.show(plots.by_class(rows, ylim=(0, 1), xticks=[0, 5, 9]), "cross_entropy.sharper")

# %% [markdown]
# ## Logarithms of probabilities
#
# The loss below needs $\log p$, not $p$. The plain way, `softmax(...).log()`, has a trap of its own: a probability below $10^{-45}$ is rounded to 0, and the logarithm of 0 is `-inf`. But nothing forces you to go through $p$. Write the logarithm of the fraction as a difference:
#
# $$\log p_k = \log \frac{e^{z_k - m}}{\sum_j e^{z_j - m}} = (z_k - m) - \log \sum_j e^{z_j - m}$$
#
# The exponential of the numerator has gone. What is left of the sum is safe, because it is at least 1 when $m$ is the row's maximum. (The expression $m + \log \sum_j e^{z_j - m}$ is known as *log-sum-exp*. Subtracting all of it from $z_k$ is right too, with fewer digits where $m$ is near 1000.)
#
# ### Exercise: `log_softmax`
#
# {{ log_softmax }} Write it from the formula. What torch has of this kind (`F.log_softmax`, `logsumexp`, `F.nll_loss`, `F.cross_entropy` and others) is not allowed, here and in the exercises below.


# %% exercise="log_softmax" seed=403
def log_softmax(logits):
    """The logarithms of the softmax, for every row by itself.

    logits: (n, c), float32 or float64, of any size, such as 1000 or -1000. They stay as they are.
    Returns log p: (n, c), no number above 0. Gradients flow back through it.

    >>> log_softmax(torch.tensor([[1000.0, 0.0]]))
    tensor([[    0., -1000.]])
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# There is one `exp` and one `log` in it, and the `log` is outside of the sum.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Give $z - m$ a name. It appears twice.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The order for the second term is: shifted logits, `exp`, sum along the classes, `log`. Keep the dimension, so that it can be subtracted from every entry of the row.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1`: the sum has shape `(n,)`. With `keepdim=True` it is `(n, 1)`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Two classes, whose logits lie further and further apart. The logarithm of the losing probability should simply fall, step by step with the distance. Your function, and the plain way, `softmax(...).log()`:

# %% guess="cross_entropy.logarithm"

# %%
gap = torch.arange(0.0, 201.0)
pairs = torch.stack([-gap, torch.zeros(201)], dim=1)
plain = softmax(pairs)[:, 0].log()

plots.show(
    plots.curves(
        {
            "log_softmax": log_softmax(pairs)[:, 0],
            "log of softmax": torch.where(plain.isinf(), torch.nan, plain),
        },
        gap,
        dashed="log of softmax",
        xlabel="how far the logit is below the other",
        ylabel="log p",
    ),
    "cross_entropy.logarithm",
)
print("the plain way is finite up to a distance of", int(gap[plain.isfinite()].max()))

# %% guard="cross_entropy.logarithm"
# change: plain = softmax(pairs) -> plain = softmax(pairs.double())
assert int(gap[plain.isfinite()].max()) == 103, "the plain way breaks off at 104"
assert torch.allclose(log_softmax(pairs)[5:, 0], -gap[5:], atol=0.01), "log_softmax is a line"

# %% [markdown]
# Your function goes on for ever. The plain way breaks off where the probability is rounded to 0.

# %% [markdown]
# ## The loss
#
# ### How surprised is the model?
#
# A model gives the right class the probability $p$. How bad is that? If $p = 1$ nothing is wrong. If $p = 0.5$, a little. If $p = 0.01$ the model was nearly sure of something else, and wrong. The usual measure is
#
# $$-\log p$$
#
# which is 0 for $p = 1$ and grows without end as $p$ goes to 0. It has a second virtue. The probability of *all* labels together, for independent examples, is the product of the single ones. Its logarithm is a sum. So the $p$ that make the whole data most likely are those that make the mean of $-\log p$ least: the **negative log-likelihood**.

# %%
probability = torch.linspace(0.005, 1, 200)
plots.show(
    plots.curves(
        {"-log p": -probability.log()},
        probability,
        xlabel="probability that the model gives to the right class",
        ylabel="loss",
    ),
    "cross_entropy.surprise",
)
for p_right in [0.99, 0.5, 0.1, 0.01]:
    print(f"p = {p_right:<4}  -log p = {-math.log(p_right):.3f}")

# %% [markdown]
# ### Exercise: `nll`
#
# {{ nll }} For every row of log-probabilities look up the one of its target. Then take the mean over the batch, with a minus sign:
#
# $$\mathrm{nll} = -\frac{1}{n} \sum_{i=1}^{n} \log p_{i,\,t_i}$$
#
# where $t_i$ is the target of example $i$.


# %% exercise="nll" seed=404
def nll(log_probs, targets):
    """The negative log-likelihood, a mean over the batch.

    log_probs: (n, c), logarithms of probabilities, float32 or float64, finite. targets: (n,), the right classes, int64.
    Returns a tensor of shape (). Gradients flow back through it.

    >>> nll(torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log(), torch.tensor([0, 0]))
    tensor(1.0397)
    """
    ### BEGIN SOLUTION
    return -log_probs[torch.arange(len(targets)), targets].mean()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# In the example: the first row's target is class 0, with $\log 0.5 = -0.6931$; the second row's too, with $\log 0.25 = -1.3863$. Their mean is −1.0397.
#
# </details>
# <details><summary>Hint 2</summary>
#
# You looked something up by two index tensors under `one_hot`, above: one for the rows and one for the columns.
#
# </details>
# <details><summary>Hint 3</summary>
#
# A product with your `one_hot` does it as well, since log-probabilities are finite here (0 times `-inf` would be `nan`). Then mind what you divide by: there are n examples, not n times c.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: tensors used as indices must be long, int, byte or bool tensors`: an index tensor holds whole numbers.
#
# `RuntimeError: Index tensor must have the same number of dimensions as input tensor`: `gather` wants the targets with shape `(n, 1)`.
#
# </details>

# %% [markdown]
# ### Exercise: `cross_entropy`
#
# {{ cross_entropy }} Now put your parts together: from logits to the loss. The result is called **cross-entropy**, because between the one-hot row $y$ and the probabilities $p$ it is $-\sum_k y_k \log p_k$, of which one term survives. It is right in float64 too: a numerical gradient will ask for it.


# %% exercise="cross_entropy" seed=405
def cross_entropy(logits, targets):
    """The mean of -log p[target], with p the softmax of the logits.

    logits: (n, c), of any size. targets: (n,), the right classes, int64.
    Returns a tensor of shape (). Gradients flow back through it.

    >>> cross_entropy(torch.zeros(1, 10), torch.tensor([3]))
    tensor(2.3026)
    """
    ### BEGIN SOLUTION
    return nll(log_softmax(logits), targets)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two of your functions, one inside the other.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `nll` expects logarithms of probabilities. Which of your functions makes them from logits, safely?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: nll() missing 1 required positional argument: 'targets'`: the targets go to `nll`, not to the softmax.
#
# </details>

# %% [markdown]
# The worked number is worth remembering. Ten equal logits give every class the probability 0.1, and $-\log 0.1 = \log 10 = 2.303$. A network of ten classes that has learned nothing has a loss of about 2.3. If yours starts far above it, or stays there, something is wrong.

# %% [markdown]
# ### What you should now see: sure and wrong
#
# Why not the squared distance between $p$ and the one-hot row, which you know from lesson 02? Take two classes, and let the logit of the right one run from −12 (sure and wrong) to 12 (sure and right) while the other stays at 0.
#
# On the left are both losses, on the right their slopes: what gradient descent gets to feel.

# %% guess="cross_entropy.sure_mistake"

# %%
z = torch.linspace(-12, 12, 241, requires_grad=True)
pairs = torch.stack([z, torch.zeros(241)], dim=1)
right_class = torch.zeros(241, dtype=torch.int64)

cross = -log_softmax(pairs)[:, 0]
squared = (softmax(pairs) - one_hot(right_class, 2)).square().sum(1)
slopes = {
    name: torch.autograd.grad(loss.sum(), z, retain_graph=True)[0]
    for name, loss in {"cross-entropy": cross, "squared error": squared}.items()
}

losses = {"cross-entropy": cross, "squared error": squared}
plots.show(
    plots.side_by_side(
        {"series": losses, "title": "loss"},
        {"series": slopes, "title": "slope of the loss"},
        x=z,
        xlabel="logit of the right class",
    ),
    "cross_entropy.sure_mistake",
)
for name, slope in slopes.items():
    print(f"{name}: slope for a sure mistake (logit -12): {slope[0]:.2g}")

# %% guard="cross_entropy.sure_mistake"
# change: (softmax(pairs) - one_hot(right_class, 2)).square() -> (pairs - one_hot(right_class, 2)).square()
assert -1 <= slopes["cross-entropy"][0] < -0.99, "the slope of cross-entropy is -1"
assert abs(slopes["squared error"][0]) < 1e-3, "the squared error is flat for a sure mistake"

# %% [markdown]
# A sure mistake is where a lot should be learned. There the squared error is flat: its slope is nearly 0, so a step of gradient descent changes nearly nothing. The slope of cross-entropy is −1. The logarithm undoes the flattening of the softmax.

# %% [markdown]
# ## The gradient, by hand
#
# Take one example with logits $z$ and target $t$. Its loss is
#
# $$L = -\log p_t = -z_t + \log \sum_j e^{z_j}$$
#
# Now the derivative by a logit $z_k$. The first term gives $-1$ if $k = t$, else 0: that is $-y_k$ of the one-hot row. For the second term use the chain rule: the derivative of $\log s$ is $1/s$, times the derivative of the sum by $z_k$, of which one term depends on $z_k$. Carry it out on paper before you read on.
#
# <details><summary>The result</summary>
#
# $$\frac{\partial L}{\partial z_k} = \frac{e^{z_k}}{\sum_j e^{z_j}} - y_k = p_k - y_k$$
#
# </details>
#
# So simple a result deserves a second look. Each logit is pushed by the difference between the probability that it got and the one that it should have got. The differences of a row add up to 0.
#
# The loss of a batch is a *mean*. What does that do to every row's share?
#
# ### Exercise: `cross_entropy_backward`
#
# {{ cross_entropy_backward }} The gradient of `cross_entropy(logits, targets)` with respect to the logits, from your own softmax, without autograd or `torch.func`. The result has the dtype of the logits, be it float32 or float64.


# %% exercise="cross_entropy_backward" seed=406
def cross_entropy_backward(logits, targets):
    """The gradient of the mean cross-entropy with respect to the logits.

    logits: (n, c), of any size. targets: (n,), the right classes, int64.
    Returns the gradient: (n, c).

    >>> cross_entropy_backward(torch.zeros(2, 2), torch.tensor([0, 1]))
    tensor([[-0.2500,  0.2500],
            [ 0.2500, -0.2500]])
    """
    ### BEGIN SOLUTION
    return (softmax(logits) - one_hot(targets, logits.shape[-1])) / len(targets)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# In the example all probabilities are one half. Which number is subtracted where? And where does the other factor of one half come from?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The two matrices, $p$ and $y$, are both results of functions that you have written.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The number of columns of the one-hot matrix is the number of classes, the last size of the logits.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1`: the one-hot matrix has not as many columns as the logits.
#
# The check says that each row is right for its own loss: the loss is a mean over n rows, and a derivative of a mean has a factor too.
#
# </details>

# %% [markdown]
# ### Drag the logits · extra
#
# A digit that the nearest mean gets wrong, with its ten logits: drag the bars, or move the sliders with the arrow keys. Guess first. Then take it back to the start and let *1 step* move the logits against the gradient. What happens to the steps as the loss goes to 0?

# %%
explore.softmax(
    logits[23],
    int(labels[23]),
    ask=(
        "You raise only the logit of the right class. Which other probabilities change?",
        ["none", "only the largest", "all of them"],
    ),
    goal=0.1,
)

# %% [markdown]
# When one logit alone is dragged up, all other bars of $p$ fall, and by the same factor, because they share one sum. The step is longest where the model is sure and wrong. Near the goal $p - y$ is small and so are the steps: the loss never reaches 0.

# %% [markdown]
# ### What you should now see
#
# Lesson 03's referee agrees: central differences in float64 give the same numbers. And for a digit that the nearest mean gets wrong you can see what the gradient asks for. Gradient descent moves *against* the gradient, so in the picture of $p - y$ it raises the logits under blue bars and lowers those under orange ones. (In the other two, orange marks the largest.)

# %% guess="cross_entropy.push"

# %%
# a tenth of the logits: so that no probability is so near 0 that rounding hides its slope
few, few_targets = logits[:5].double() / 10, labels[:5]
by_differences = numerical_gradient(lambda z: cross_entropy(z, few_targets), few)
error = relative_error(cross_entropy_backward(few, few_targets), by_differences)
print("largest relative error below 1e-6:", error < 1e-6)

wrong = 23
one, one_target = logits[wrong : wrong + 1], labels[wrong : wrong + 1]
rows = {
    "p": softmax(one)[0],
    "y": one_hot(one_target, 10)[0],
    "p - y": cross_entropy_backward(one, one_target)[0],
}
plots.show(
    plots.by_class(
        rows, x[wrong].reshape(28, 28), signed="p - y", ylim=(-1.05, 1.05), xticks=[0, 5, 9]
    ),
    "cross_entropy.push",
    digit=labels[wrong],
    taken=logits[wrong].argmax(),
)

# %% guard="cross_entropy.push"
# change: cross_entropy_backward(one, one_target) -> cross_entropy_backward(one, one.argmax(1))
negative = (rows["p - y"] < 0).nonzero().flatten()
assert negative.tolist() == [int(one_target)], "only the logit of the right class will rise"

# %% [markdown]
# ## Two classes, and classes that do not exclude each other · extra
#
# Is this a 7 or not? With two classes one logit is enough, since only differences count: take $z$ for "yes" and 0 for "no". The softmax of the two is
#
# $$p = \frac{e^z}{e^z + e^0} = \frac{1}{1 + e^{-z}}$$
#
# for "yes", which is called the **sigmoid**, and $1 - p$ for "no". With $y = 1$ for "yes" and 0 for "no", the cross-entropy of these two is
#
# $$-y \log p - (1 - y) \log (1 - p)$$
#
# the **binary cross-entropy** (in torch `binary_cross_entropy_with_logits`, which is written without overflow, as your log_softmax is). It is no new loss, and its gradient by $z$ is what you know: $p - y$.
#
# The sigmoid has a use of its own where classes do not exclude each other. A softmax shares a single 1 among all classes: exactly one of them is right. Where several may be, or none, each class gets a sigmoid, that is a question with yes and no of its own.

# %% guess="cross_entropy.two_classes"

# %%
_ = torch.manual_seed(0)
one_logit, yes = 3 * torch.randn(6), torch.tensor([1, 0, 1, 1, 0, 0])
two_logits = torch.stack([torch.zeros(6), one_logit], dim=1)
ours = cross_entropy(two_logits, yes)
torchs = torch.nn.functional.binary_cross_entropy_with_logits(one_logit, yes.float())
print(f"two logits, your cross_entropy: {ours:.4f}; one logit, torch's binary one: {torchs:.4f}")

animals = torch.tensor([[8.0, 8.0, -8.0, -8.0]])  # cat, dog, horse, cow
shared, own = softmax(animals)[0, 0], torch.sigmoid(animals)[0, 0]
print(f"the cat: {shared:.2f} by softmax, {own:.2f} by a sigmoid of its own")
outcome("cross_entropy.two_classes")

# %% guard="cross_entropy.two_classes"
# change: [torch.zeros(6), one_logit] -> [one_logit, torch.zeros(6)]
# change: [[8.0, 8.0, -8.0, -8.0]] -> [[8.0, -8.0, -8.0, -8.0]]
assert abs(ours - torchs) < 1e-5, "binary cross-entropy is cross-entropy with a second logit of 0"
assert 0.49 < shared < 0.51 and own > 0.99, "softmax has to share, a sigmoid has not"

# %% [markdown]
# The same loss twice. And the softmax has to share: two animals in one picture get a half each, however sure the model is of both.

# %% [markdown]
# ## Train with it
#
# With the gradient of the logits you can train an affine map. From $z = xW^T + b$ follows, by `linear_backward` of lesson 03, that the gradient of the weights is `grad.T @ x` and that of the bias the sum of the rows. That is enough for 150 steps of plain gradient descent on all 4,000 digits, at the rate 0.5, without autograd. (A linear map with softmax and cross-entropy is called *logistic regression*.) One thing is missing before they are taken.
#
# ### The metric
#
# The loss is for the optimizer. People want to know: how many are right? That is the **accuracy**. The prediction is the class with the largest logit. Since softmax keeps the order, it is the class with the largest probability too, so no softmax is needed.
#
# ### Exercise: `accuracy`
#
# {{ accuracy }}


# %% exercise="accuracy" seed=407
def accuracy(logits, targets):
    """The share of the examples whose largest logit is their target's. Of equal ones, one counts as the largest, whichever.

    logits: (n, c). targets: (n,), the right classes, int64.
    Returns a float between 0 and 1.

    >>> accuracy(torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]]), torch.tensor([0, 2]))
    0.5
    """
    ### BEGIN SOLUTION
    return (logits.argmax(-1) == targets).float().mean().item()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which *column* holds the largest number of a row? There is a method for the place of a maximum.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Comparing two tensors of shape `(n,)` gives n times True or False. The mean of ones and zeros is the part of ones.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Bool`: True and False have no mean. Turn them into numbers first.
#
# `RuntimeError: The size of tensor a (4) must match the size of tensor b (9)`: the maximum was taken along the batch, so that there is one for each class.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Loss and accuracy, step by step, on the digits of the training and on 1,000 digits that take no part in it. The weights start at zero here, which lesson 01 warned about. In a single layer it does no harm: each class gets a gradient of its own.

# %% guess="cross_entropy.training"

# %%
weight, bias = torch.zeros(10, 784), torch.zeros(10)
history = {
    name: []
    for name in ["training loss", "validation loss", "training accuracy", "validation accuracy"]
}
for _ in range(150):
    train_logits, valid_logits = x @ weight.T + bias, x_valid @ weight.T + bias
    history["training loss"].append(cross_entropy(train_logits, labels).item())
    history["validation loss"].append(cross_entropy(valid_logits, labels_valid).item())
    history["training accuracy"].append(accuracy(train_logits, labels))
    history["validation accuracy"].append(accuracy(valid_logits, labels_valid))
    grad = cross_entropy_backward(train_logits, labels)
    weight -= 0.5 * grad.T @ x
    bias -= 0.5 * grad.sum(0)

halves = [
    {name: values for name, values in history.items() if kind in name}
    for kind in ("loss", "accuracy")
]
plots.show(
    plots.side_by_side(
        {"series": halves[0], "ylabel": "loss"},
        {"series": halves[1], "ylabel": "accuracy"},
        xlabel="step",
    ),
    "cross_entropy.training",
    training=history["training loss"][-1],
    validation=history["validation loss"][-1],
)
print(f"nearest mean:        {accuracy(scores(x_valid), labels_valid):.3f}")
print(f"logistic regression: {accuracy(x_valid @ weight.T + bias, labels_valid):.3f}")

# %% guard="cross_entropy.training"
# change: torch.zeros(10, 784) -> torch.randn(10, 784)
# change: weight -= 0.5 * grad.T @ x -> weight += 0.5 * grad.T @ x
assert abs(history["training loss"][0] - math.log(10)) < 0.01, "the losses start at log 10"
reached = history["validation accuracy"]
assert reached[-1] > accuracy(scores(x_valid), labels_valid) + 0.05, "it beats the nearest mean"
assert reached[10] > 0.6, "the accuracy jumps up within a few steps"

# %% [markdown]
# Logits of zero give every class the same probability, so the losses start at $\log 10$. The loss falls smoothly. The accuracy jumps up at once and then climbs in small steps.
#
# ### Loss and metric
#
# Could one train on the accuracy itself? Look at both while a single weight runs through a range of values and everything else stays fixed.

# %% guess="cross_entropy.staircase"

# %%
values = torch.linspace(-6, 6, 241)
pixel = 14 * 28 + 14
losses, accuracies = [], []
for value in values:
    moved = weight.clone()
    moved[8, pixel] = value
    losses.append(cross_entropy(x[:200] @ moved.T + bias, labels[:200]).item())
    accuracies.append(accuracy(x[:200] @ moved.T + bias, labels[:200]))

plots.show(
    plots.side_by_side(
        {"series": {"loss": losses}, "title": "loss of 200 digits"},
        {"series": {"accuracy": accuracies}, "title": "accuracy of 200 digits", "steps": True},
        x=values,
        xlabel="one weight",
    ),
    "cross_entropy.staircase",
)

# %% guard="cross_entropy.staircase"
# change: accuracy(x[:200] @ moved.T + bias, labels[:200]) -> -losses[-1]
level = sum(a == b for a, b in zip(accuracies, accuracies[1:]))
assert level > 150, "the accuracy is level over most of the way, with jumps between"
assert len({*losses}) > 200, "the loss changes with every change of the weight"

# %% [markdown]
# ### Loss or metric? · extra
#
# {{ loss_or_metric }} In three to six sentences:
#
# 1. Why can gradient descent not train on the accuracy? Use the picture.
# 2. Two models get the same 90 of 100 digits right, and yet their cross-entropies differ. How can that be?
# 3. During training the validation loss rises while the validation accuracy stays the same, or even rises a little. What does the model do to its predictions?
#
# Double-click the cell below and write there.

# %% [markdown] exercise="loss_or_metric"
# <!-- ### BEGIN SOLUTION -->
# The accuracy is a staircase: a small change of a weight changes no prediction, so its slope is 0 wherever there is one, and gradient descent would not move. The cross-entropy changes smoothly with every weight.
#
# The accuracy only asks which logit is the largest. The cross-entropy also asks how sure the model was: one may get its 90 with probability 0.99 and the other with 0.4, and one may be nearly undecided about its ten errors while the other is sure of them.
#
# The model becomes surer of all its predictions, also of the wrong ones. The right ones gain little, because their loss is nearly 0 already; the wrong ones cost more and more. The number of right answers need not change.
#
# *Points: 1 for the slope of 0, 1 for being sure, in the second or third answer.*
# <!-- ### END SOLUTION -->

# %% [markdown]
# ### Exercise: `expose_accuracy` · extra
#
# The accuracy looks too simple to be wrong, and twenty-four wrong ones are known to this course. Most of them are right for a batch of one. Which small batches tell them from a right one?
#
# {{ expose_accuracy }} A *case* is a dict with the keys `"logits"` (a float32 tensor of shape `(n, classes)`) and `"targets"` (an int64 tensor of shape `(n,)`). Hand in one or two of them, with at most 20 numbers in both tensors of each together. Hand in as well the accuracy of the first case, a float worked out on paper (here, of equal logits the first one counts as the largest): without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_accuracy"
def expose_accuracy():
    """Inputs that show wrong answers to `accuracy` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the arguments, and what right code
    gives for the first of them.

    >>> cases, expected = expose_accuracy()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    logits = [[2.0, 1, 0, -1], [0, 1, 2, 4], [1, 0, 3, -1]]
    first = {"logits": torch.tensor(logits), "targets": torch.tensor([0, 3, 1])}
    ties = [[1.0, 1.0, 0.0], [0.0, 2.0, 2.0], [-3.0, -1.0, -2.0]]
    second = {"logits": torch.tensor(ties), "targets": torch.tensor([0, 2, 1])}
    return [first, second], torch.tensor(2 / 3)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# With half of the predictions right, the share of hits and the share of errors are equal. Which other numbers could be equal by accident: examples and classes, perhaps?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Let one row have only negative logits and another one two logits that are equal and largest (`argmax` takes the first of them). Use more classes than two.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## What you have now
#
# - **Logits** are scores, any numbers. Only their differences within a row count.
# - **softmax** turns each row of logits into probabilities. Subtract the row's own maximum first.
# - **log_softmax** is a difference, not the logarithm of a finished softmax.
# - **Cross-entropy** is the mean of $-\log p$ of the right class: a lookup in log_softmax. A model that knows nothing of ten classes has 2.303.
# - Its **gradient** by the logits is $(p - y)/n$. It does not vanish where the model is sure and wrong.
# - With two classes the softmax is a **sigmoid**, and cross-entropy the **binary** one. Sigmoids of their own are for classes that do not exclude each other. *(extra)*
# - The **loss** is for the optimizer, and smooth. The **metric** is for people, and a staircase.
#
# Lesson 05 puts a hidden layer before the logits and reads digits with it.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like. Double-click the cells in italics to write.


# %%
x_some, labels_some = x[:1000], labels[:1000]  # a quarter of the digits: no cell takes long


def train(loss_function, steps=150, lr=0.5, start=0.0):
    """An affine map trained on 1,000 digits by autograd.

    Returns its accuracy on 1,000 others after each step, and its logits for them at the end.
    """
    _ = torch.manual_seed(0)
    weight = (start * torch.randn(10, 784)).requires_grad_()
    bias = torch.zeros(10, requires_grad=True)
    reached = []
    for _ in range(steps):
        gradients = torch.autograd.grad(loss_function(x_some @ weight.T + bias), [weight, bias])
        with torch.no_grad():
            for parameter, gradient in zip([weight, bias], gradients):
                parameter -= lr * gradient
            valid_logits = x_valid @ weight.T + bias
            reached.append(accuracy(valid_logits, labels_valid))
    return reached, valid_logits


# %% [markdown]
# ### Should I put a softmax at the end of the model as well?
#
# It looks harmless: the model then gives probabilities, and the loss is still cross-entropy. Many programs contain this line. Does it harm at every learning rate? (150 steps each.)

# %% guess="cross_entropy.two_softmaxes"

# %% tags=["nbval-ignore-output"]
losses = {
    "logits into the loss": lambda z: cross_entropy(z, labels_some),
    "softmax, then the loss": lambda z: cross_entropy(softmax(z), labels_some),
}
rates = [0.1, 0.5, 2.0]
runs = {name: [train(loss, lr=lr)[0] for lr in rates] for name, loss in losses.items()}
for name, reached in runs.items():
    ends = ", ".join(f"{curve[-1]:.2f} at lr {lr:g}" for lr, curve in zip(rates, reached))
    print(f"{name:<23} accuracy {ends}")
plots.show(
    plots.side_by_side(
        {"series": {name: reached[0] for name, reached in runs.items()}, "title": "lr = 0.1"},
        {"series": {name: reached[2] for name, reached in runs.items()}, "title": "lr = 2"},
        xlabel="step",
        ylabel="validation accuracy",
    ),
    "cross_entropy.two_softmaxes",
)

# %%
ends = torch.tensor([[curve[-1] for curve in reached] for reached in runs.values()])
behind = dict(zip(rates, (ends[0] - ends[1]).tolist()))
print("lr 0.1: the second softmax costs more than 0.1 of accuracy:", behind[0.1] > 0.1)
print("lr 2: it costs less than 0.02:", behind[2.0] < 0.02)
print(f"least loss that two softmaxes allow: {cross_entropy(torch.eye(10), torch.arange(10)):.3f}")

# %% guard="cross_entropy.two_softmaxes"
# change: cross_entropy(softmax(z), labels_some), -> cross_entropy(z, labels_some),
assert behind[0.1] > 0.1, "at a small rate the second softmax costs more than 0.1 of accuracy"
assert behind[2.0] < 0.02, "at a large rate it costs less than 0.02"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# The harm depends on the rate. The second softmax makes the gradient small, so at a small rate the net hardly learns. A larger rate makes up for most of it, and then the mistake is hard to see in the accuracy. That is why it survives in programs. What stays is a loss that never gets below 1.461, and that asks for logits other than those whose softmax are the best probabilities.

# %% [markdown]
# ### Should I use the squared error after all?
#
# From a good start it may do well. Here both start from large random weights: sure, and mostly wrong.

# %% guess="cross_entropy.squared_start"

# %%
targets = one_hot(labels_some, 10)
runs = {
    "cross-entropy": train(lambda z: cross_entropy(z, labels_some), start=1.0)[0],
    "squared error": train(lambda z: (softmax(z) - targets).square().sum(1).mean(), start=1.0)[0],
}
plots.show(
    plots.curves(runs, xlabel="step", ylabel="validation accuracy"),
    "cross_entropy.squared_start",
    cross_entropy=runs["cross-entropy"][-1],
    squared_error=runs["squared error"][-1],
)

# %% guard="cross_entropy.squared_start"
# change: start=1.0) -> start=0.0)
assert runs["cross-entropy"][-1] > runs["squared error"][-1] + 0.2, "cross-entropy is far ahead"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I ask for a little less than certainty?
#
# Cross-entropy wants $p = 1$ for the right class, which no finite logit reaches, so the logits keep growing. *Label smoothing* asks for 0.91 there and 0.01 for each other class. Does it change what is right, or how sure the model is?

# %% guess="cross_entropy.smoothing"

# %%
smooth = 0.9 * one_hot(labels_some, 10) + 0.01
right, sure = {}, {}
for name, targets in {"one-hot": one_hot(labels_some, 10), "smoothed": smooth}.items():
    reached, z = train(lambda z, targets=targets: -(targets * log_softmax(z)).sum(1).mean())
    right[name], sure[name] = reached[-1], softmax(z).amax(1).mean().item()
    print(f"{name:8}  accuracy {right[name]:.3f}, largest probability {sure[name]:.3f} on average")
outcome("cross_entropy.smoothing")

# %% guard="cross_entropy.smoothing"
# change: 0.9 * one_hot(labels_some, 10) + 0.01 -> one_hot(labels_some, 10)
assert abs(right["one-hot"] - right["smoothed"]) < 0.01, "smoothing hardly changes what is right"
assert sure["smoothed"] < sure["one-hot"] - 0.05, "smoothing makes the model less sure"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the cross-entropy part of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). Softmax and cross-entropy are built up there in the spreadsheet `files/xl/entropy_example.xlsx`, for cats and dogs. What you may read there, or elsewhere, and what to think of it:
#
# - **"Softmax of the losses."** The inputs of a softmax are logits: scores of the classes, before any loss. The sum in the denominator runs over the classes of one example, never over the batch, so the probabilities of *each example* add up to 1.
# - **`F.cross_entropy` takes logits.** It holds log-softmax and the lookup, as yours does. `F.nll_loss` is the lookup alone and takes log-probabilities, although its name speaks of a logarithm. Nothing warns you when a model that ends in a softmax is trained with `F.cross_entropy`.
# - **A small number inside the logarithm**, as in `log(p + 1e-7)`. It hides `-inf` and puts a ceiling of about 16 on the loss, with hardly any gradient above it. A log-softmax needs no such help.
# - **Squared error or cross-entropy?** For one label among several classes, cross-entropy: the picture of the sure mistake shows why. For a number, such as a price, the squared error.
# - **Bits.** With logarithms to base 2 the cross-entropy is measured in bits. PyTorch uses the natural logarithm.
