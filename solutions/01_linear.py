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
# # 01 · Parameters, activations and the affine map
#
# **You will build** the layer that most of a neural network consists of, the bend that makes two such layers worth more than one, and from these parts a first network.
#
# **Time:** about {{ time }}. **It builds on** Python functions and classes, and on tensors: making one, indexing it, reading its shape. No earlier lesson is needed.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`. Run the cell (Shift+Enter), then run the check below it. A card says what is right, or what differs first and where to look. A check never changes your code; run it as often as you like. The hints below each check open with a click, the vaguest first.

# %%
import math

import torch
from torch import nn

from course_utils import check, outcome, plots
from course_utils.data import load_mnist

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. `x` has shape `(3, 4)`. What are `x[0]`, `x[:, 1]` and `x.T` in shape?</summary>
#
# `(4,)`, `(3,)` and `(4, 3)`.
#
# </details>
# <details><summary>2. `a` has shape `(2, 4)` and `b` shape `(4, 3)`. Which shape has `a @ b`, and what about `b @ a`?</summary>
#
# `(2, 3)`: the inner sizes agree and vanish. `b @ a` is an error, because 3 is not 2.
#
# </details>
# <details><summary>3. What is the difference between `a * b` and `a @ b` for two tensors?</summary>
#
# `*` multiplies entry by entry, `@` is the product of matrices.
#
# </details>
# <details><summary>4. What does a class's `__init__` do, and when does it run?</summary>
#
# It sets up a new object, when the class is called, as in `Layer(4, 3)`.
#
# </details>
# <details><summary>5. What is the mean of 2, 4 and 9, and which of these numbers lies furthest from it?</summary>
#
# 5; the 9, which lies 4 away.
#
# </details>

# %% [markdown]
# ## Two kinds of numbers
#
# A neural network deals with two kinds of numbers.
#
# - **Parameters** are stored. Training changes them, and saving a network means saving them.
# - **Activations** are computed: the input, every result on the way, and the output. They are made anew for each input.
#
# The picture shows a small network that reads a digit. Activations are blue, what turns one into the next is orange.

# %%
plots.show(
    plots.chain(
        [
            ("input", "784 numbers"),
            ("affine map", "39,250 parameters"),
            ("activations", "50 numbers"),
            ("ReLU", "no parameters"),
            ("activations", "50 numbers"),
            ("affine map", "510 parameters"),
            ("output", "10 numbers"),
        ]
    ),
    "linear.two_kinds",
)

# %% [markdown]
# Two kinds of steps alternate: *affine maps*, which have parameters, and *activation functions* such as the ReLU, which have none. You will write both.
#
# The sizes 784, 50 and 10 belong to neither kind. You choose them before training starts. Such a choice is called a *hyperparameter*.
#
# The input here is a picture of a handwritten digit: 28 rows of 28 pixels, from 0 for paper to 1 for ink. Written one row after the other they are 28 × 28 = 784 numbers.

# %%
digits = load_mnist()
images = digits.x_train.float() / 255
x_digits = images.reshape(-1, 784)
labels = digits.y_train

print("as pictures: ", tuple(images.shape))
print("as rows:     ", tuple(x_digits.shape))
print("their labels:", tuple(labels.shape))

one_of_each = [int((labels == digit).nonzero()[1]) for digit in range(10)]
plots.show(
    plots.images(images[one_of_each], list(range(10))),
    "linear.digits",
)

# %% [markdown]
# A *batch* is a number of inputs that are computed together. It comes first in every shape: `(4000, 784)` is a batch of 4,000 inputs with 784 numbers each.

# %% [markdown]
# ## The bend: ReLU
#
# An *activation function* takes every number of a tensor by itself and bends it. (Take care: *an activation* is a number, *an activation function* is what makes it.) The most common one is the *rectified linear unit*, ReLU for short:
#
# $$\mathrm{relu}(x) = \max(x, 0)$$
#
# A positive number passes unchanged. A negative one becomes 0. For example:
#
# | $x$ | −2 | −0.5 | 0 | 3 |
# |---|---|---|---|---|
# | $\mathrm{relu}(x)$ | 0 | 0 | 0 | 3 |

# %% [markdown]
# ### Exercise: `relu`
#
# {{ relu }} Write the ReLU from simpler operations. `torch.relu`, `nn.ReLU` and their relatives, such as `F.elu` or `F.hardtanh`, would do the work for you: they are not allowed.
#
# For this and for every later exercise: a check calls your function several times, also with its arguments by name, and with tensors that are stored in another order, as a transpose is. The result has the dtype of the inputs. Your code leaves its arguments and the settings of PyTorch as they are, calls no `torch.manual_seed` unless it is handed a seed, and keeps nothing from one call to the next.


# %% exercise="relu"
def relu(x):
    """The larger of x and 0, element by element.

    x: a tensor of any shape, of finite numbers. It stays as it is.
    Returns a new tensor of the same shape. Gradients flow through it; at 0, any slope from 0 to 1 will do.

    >>> relu(torch.tensor([-2.0, -0.5, 0.0, 3.0]))
    tensor([0., 0., 0., 3.])
    """
    ### BEGIN SOLUTION
    return x.clamp(min=0)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Do not think of a loop. Which operations act on every entry of a tensor at once?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Nothing below 0 may come out. Does a tensor have a method that keeps numbers within limits?
#
# </details>
# <details><summary>Hint 3</summary>
#
# Another way: `x > 0` has the shape of `x` and says for every entry whether it passes. What is a number times `True`, what times `False`?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: Boolean value of Tensor with more than one value is ambiguous`: Python's `max` and `if` ask for one answer, and the tensor has one for each entry. Use an operation of tensors.
#
# `TypeError: maximum(): argument 'other' (position 2) must be Tensor, not int`: `torch.maximum` compares two tensors. A tensor of shape `()` that holds 0 will do.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Your function, drawn from 601 numbers between −3 and 3: flat on the left, a ramp on the right, and one bend at 0. On the right is its *slope*: how much `relu(x)` grows when `x` grows by a little. Training will need it (lesson 03). PyTorch finds it from your code.

# %%
x = torch.linspace(-3, 3, 601, requires_grad=True)
y = relu(x)
y.sum().backward()

figure, (left, right) = plots.panels(2)
plots.curves({"relu": y}, x, xlabel="x", title="relu(x)", axis=left)
plots.curves({"slope of relu": x.grad}, x, xlabel="x", title="its slope", axis=right)
plots.show(
    figure,
    "linear.relu",
)

# %% [markdown]
# ### Exercise: `expose_relu` · extra
#
# Eleven people wrote a `relu` that is wrong: one lets a little of the negative numbers through, one cuts off at 6, one hands back its own argument. On many inputs you would not notice. Which inputs tell them all apart from a right one?
#
# {{ expose_relu }} A *case* is a dict with the key `"x"`, a float32 tensor of any shape. Hand in one or two of them, with at most 12 numbers in the tensors of each, and the tensor that a right `relu` gives for the first case, worked out on paper: without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_relu"
def expose_relu():
    """Inputs that show wrong answers to `relu` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the arguments, and what right code
    gives for the first of them.

    >>> cases, expected = expose_relu()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    first = {"x": torch.tensor([[-2.0, 0.0], [7.0, -0.5]])}
    second = {"x": torch.tensor([1.0, 8.0])}
    return [first, second], torch.tensor([[0.0, 0.0], [7.0, 0.0]])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What does a ReLU do with a negative number, with 0, with a small positive number, with a large one? A wrong answer differs in at least one of these.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Some wrong answers hand back the argument itself where nothing is to be done. That shows only where no number is negative, so it needs a case of its own.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## The affine map
#
# ### One output: multiply, add up, shift
#
# Take one digit $x$, with its 784 numbers $x_0, \dots, x_{783}$. Give every pixel a *weight* $w_j$ and multiply. Add everything up. Add one more number $b$, the *bias*:
#
# $$y = w_0 x_0 + w_1 x_1 + \dots + w_{783} x_{783} + b$$
#
# The result $y$ is a single number, large where there is ink at pixels of large weight. Since there is one weight for each pixel, the weights can be drawn as a picture too.
#
# As an example let us make weights by hand: the average three minus the average of all digits. Where threes have more ink than others the weight is positive (red), where they have less it is negative (blue).

# %%
weights = x_digits[labels == 3].mean(0) - x_digits.mean(0)
bias = -8.0

three, seven = x_digits[labels == 3][2], x_digits[labels == 7][6]
score_three = (weights * three).sum() + bias
score_seven = (weights * seven).sum() + bias

pictures = {
    "weights $w$": weights,
    "a three $x$": three,
    f"products, $y$ = {score_three:.1f}": weights * three,
    "a seven $x$": seven,
    f"products, $y$ = {score_seven:.1f}": weights * seven,
}
plots.show(
    plots.images(
        torch.stack(list(pictures.values())).reshape(5, 28, 28),
        list(pictures),
        signed=[True, False, True, False, True],
        columns=5,
        size=1.3,
    ),
    "linear.template",
    three=score_three,
    seven=score_seven,
)

# %% [markdown]
# Red products push $y$ up, blue ones push it down. One output is a *score*: how much the input looks like the weights. For ten classes you need ten such scores.
#
# ### Many outputs: a matrix
#
# Write the weights of each output as one row. The rows together are the *weight matrix* $W$. It has shape `(out_features, in_features)`: one row for each output, one column for each input. The biases are a vector $b$ of shape `(out_features,)`. Then
#
# $$y = W x + b$$
#
# does all outputs at once. Trace it by hand for 4 inputs and 3 outputs. The first output is $1 \cdot 2 + 2 \cdot 0 + 0 \cdot 1 + (-1) \cdot 1 + 2 = 3$. Work out the other two, then compare.

# %%
x = torch.tensor([1.0, 2.0, 0.0, -1.0])
W = torch.tensor([[2.0, 0, 1, 1], [0, 1, -1, 3], [-1, 1, 1, 0]])
b = torch.tensor([2.0, 5.0, -3.0])

plots.show(
    plots.matrices(("W", W), "@", ("x", x), "+", ("b", b), "=", ("y", W @ x + b)),
    "linear.product",
)

# %% [markdown]
# A map of the form $Wx$, without $b$, is called *linear*. With the constant $b$ it is *affine*. Many people, and PyTorch's `nn.Linear`, say linear for both. The difference matters at one place: a linear map always takes 0 to 0, an affine one takes it to $b$.
#
# ### A batch: the transpose
#
# In a batch every *row* is one input. So that the last dimension of `x` meets the last dimension of `W`, the matrix is transposed: `x @ W.T + b`.

# %%
x = torch.tensor([[1.0, 2.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0]])

plots.show(
    plots.matrices(("x", x), "@", ("W.T", W.T), "+", ("b", b), "=", ("y", x @ W.T + b)),
    "linear.batch_product",
)

# %% [markdown]
# Read the shapes below the matrices: `(2, 4) @ (4, 3)` gives `(2, 3)`. The two inner sizes must agree, and they vanish.
#
# Then `b`, of shape `(3,)`, is added to a result of shape `(2, 3)`. PyTorch *broadcasts*: it adds the same `b` to every row. It compares shapes from the right, so the rule does not care how many batch dimensions stand on the left. `(8, 5, 4) @ (4, 3)` gives `(8, 5, 3)`, and `b` fits as before.
#
# ### Where the parameters start
#
# Training changes parameters step by step. It has to start somewhere, and zero is a bad place: inside a network, all outputs of a layer would be equal, get equal changes, and stay equal. So parameters start as random numbers. How large?
#
# An output is a sum of `in_features` products. A sum of $n$ independent random numbers has a spread that grows like $\sqrt{n}$. (The *spread* is the standard deviation: how far from their mean the values typically lie.) If the spread of the outputs is not to depend on $n$, the weights have to shrink by the same root. The usual choice is to draw weights and biases uniformly between $-1/\sqrt{n}$ and $1/\sqrt{n}$.

# %% guess="linear.spread"

# %%
_ = torch.manual_seed(0)
sizes = [1, 3, 10, 30, 100, 300, 1000, 3000]
unscaled, scaled = [], []
for n in sizes:
    x = torch.randn(500, n)
    bound = 1 / math.sqrt(n)
    unscaled.append((x @ torch.randn(n, 20)).std().item())
    scaled.append((x @ torch.empty(n, 20).uniform_(-bound, bound)).std().item())

plots.show(
    plots.curves(
        {"weights of spread 1": unscaled, "weights within ±1/√n": scaled},
        torch.tensor(sizes),
        xlabel="number of inputs n",
        ylabel="spread of the outputs",
        log="xy",
    ),
    "linear.spread",
)

# %% guard="linear.spread"
# change: torch.randn(n, 20)) -> torch.randn(n, 20) / math.sqrt(n))
assert 45 < unscaled[-1] < 65, "with weights of spread 1 the outputs of 3000 inputs spread by 55"
assert all(0.4 < spread < 0.8 for spread in scaled), "within 1/root(n) the spread stays near 0.6"

# %% [markdown]
# ### Exercise: `My_Linear`
#
# {{ My_Linear }} Write the affine map as a layer: a class built on `nn.Module`, PyTorch's base class for everything that has parameters.
#
# You need three facts about it.
#
# - `super().__init__()` comes first. It is there already.
# - A tensor becomes a parameter when it is wrapped: `self.weight = nn.Parameter(...)`. The module then finds it by itself, and `layer.parameters()` lists it.
# - Calling `layer(x)` calls your `forward(x)`.
#
# `nn.Linear` and `F.linear` are what you are building, so they are not allowed. Two layers start with different numbers.


# %% exercise="My_Linear"
class My_Linear(nn.Module):
    """y = x @ weight.T + bias.

    in_features, out_features: the sizes of the last dimension of x and of y.
    weight: an nn.Parameter of shape (out_features, in_features).
    bias: an nn.Parameter of shape (out_features,), or None with bias=False; made after weight.
    Both start uniform between -1/sqrt(in_features) and 1/sqrt(in_features).

    >>> layer = My_Linear(3, 2)
    >>> layer.weight.shape, layer.bias.shape
    (torch.Size([2, 3]), torch.Size([2]))
    >>> _ = nn.init.constant_(layer.weight, 2.0)
    >>> _ = nn.init.constant_(layer.bias, 0.5)
    >>> layer(torch.tensor([1.0, 10.0, 100.0])).tolist()
    [222.5, 222.5]
    """

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        ### BEGIN SOLUTION
        bound = 1 / math.sqrt(in_features)
        weight = torch.empty(out_features, in_features).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))
        ### END SOLUTION

    def forward(self, x):
        """x: (..., in_features), with any shape for the dots; y: (..., out_features)."""
        ### BEGIN SOLUTION
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Begin with `__init__`. Which two tensors does the layer keep, and which shapes do they have? Write the shapes down before the code.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For random numbers: `torch.rand(...)` is uniform between 0 and 1. Stretch and shift it. Or make a tensor with `torch.empty(...)` and fill it with `.uniform_(low, high)`. Wrap it in `nn.Parameter` when it is finished.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `forward` is the formula from the section on batches. When `self.bias` is `None` there is nothing to add.
#
# </details>
# <details><summary>Hint 4</summary>
#
# When the card says that a gradient is missing: somewhere you compute with the numbers of a parameter and not with the parameter itself. `.data`, `.detach()` and `torch.tensor(...)` cut the connection.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x4 and 3x4)`: the inner sizes, 4 and 3, do not agree. One of the two has to be transposed. Which one keeps the batch first?
#
# `RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1`: the bias has the size of the input. It needs one entry for each output.
#
# `AttributeError: cannot assign parameters before Module.__init__() call`: the line `super().__init__()` is missing, or it comes too late.
#
# `RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.`: you fill a parameter after wrapping it. Fill the tensor first, wrap it then.
#
# `TypeError: sqrt(): argument 'input' (position 1) must be Tensor, not int`: `torch.sqrt` takes tensors. For a Python number there is `math.sqrt`.
#
# `TypeError: unsupported operand type(s) for +: 'Tensor' and 'NoneType'`: `forward` adds a bias that is `None`.
#
# `RuntimeError: expected m1 and m2 to have the same dtype, but got: unsigned char != float`: the pixels are still whole numbers. Convert them with `.float()`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Make a layer with 784 inputs and 10 outputs. Its weight matrix has 10 rows of 784 numbers, so each row can be drawn as a picture of 28 × 28. At the start it is noise.
#
# Then train it. The loop below is complete. Lessons 02 to 05 build it line by line; for now read it as "change every parameter a little, so that the loss gets smaller". The *loss* is one number that says how wrong the outputs are.


# %% guess="linear.rows"


# %%
def train(model, x, y, loss_function, steps, lr):
    """Change the model's parameters step by step; returns the loss before each step."""
    losses = []
    for _ in range(steps):
        loss = loss_function(model(x), y)
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= lr * parameter.grad
                parameter.grad = None
        losses.append(loss.item())
    return losses


_ = torch.manual_seed(0)
layer = My_Linear(784, 10)
before = layer.weight.detach().clone().reshape(10, 28, 28)

losses = train(layer, x_digits, labels, nn.functional.cross_entropy, steps=100, lr=0.5)
after = layer.weight.detach().reshape(10, 28, 28)

plots.show(
    plots.images(before, list(range(10)), signed=True, columns=5, size=1.2),
    "linear.before_training",
)
plots.show(
    plots.images(after, list(range(10)), signed=True, columns=5, size=1.2),
    "linear.rows",
)
border = [f"{weights[:, 0].abs().max().item():.3f}" for weights in (before, after)]
print("largest weight of the uppermost pixels:", border[0], "before and", border[1], "after")

# %% guard="linear.rows"
# change: steps=100, lr=0.5) -> steps=0, lr=0.5)
moved = (after - before).abs()
assert moved[:, 10:18, 10:18].mean() > 0.02, "in the middle of each row shapes have appeared"
assert moved[:, 0].max() == 0, "along the border the noise has stayed"
reach = after.abs().max() / before.abs().max()
assert 8 < reach < 13, "the second picture's colours reach about ten times as far"

# %% [markdown]
# Each row has become a blurred template for its digit: red where ink speaks for it, blue where ink speaks against it. Compare the 3 with the weights that were made by hand above.
#
# Look closely along the border: the noise has stayed. It looks paler only because the colours of the second picture reach about ten times as far; the printed line compares the numbers. Those pixels are never inked, so their products are always 0, and no change of their weights would change the loss.
#
# The digit with the largest of the ten scores is the layer's answer. Does it read digits that it has never seen?

# %% guess="linear.unseen"

# %%
x_unseen = digits.x_valid.float().reshape(-1, 784) / 255
scores = layer(x_unseen).detach()
answers = scores.argmax(dim=1)

shown = list(range(0, 1000, 100))
titles = []
for answer, label in zip(answers[shown].tolist(), digits.y_valid[shown].tolist()):
    titles.append(f"{answer}" if answer == label else f"{answer}, not {label}")
plots.show(
    plots.images(digits.x_valid[shown], titles),
    "linear.unseen",
    answers="; ".join(titles),
)
print("scores of the first:", [round(score, 1) for score in scores[0].tolist()])
share = (answers == digits.y_valid).float().mean().item()
print(f"right answers of 1,000: about {round(share, 1):.0%}")

# %% guard="linear.unseen"
# change: scores = layer(x_unseen) -> scores = My_Linear(784, 10)(x_unseen)
assert 0.85 < share < 0.95, "about nine of ten unseen digits are read rightly"

# %% [markdown]
# The scores are neither probabilities nor losses. They may be negative, and they do not add up to 1. Their name is *logits*. Lesson 04 turns the logits of one digit into probabilities that do add up to 1.

# %% [markdown]
# ## Counting parameters
#
# How large is a network? One says how many numbers its parameters hold. Take a layer from 784 to 50 and one from 50 to 10:
#
# | tensor | shape | numbers |
# |---|---|---|
# | first weight | (50, 784) | 39,200 |
# | first bias | (50,) | 50 |
# | second weight | (10, 50) | 500 |
# | second bias | (10,) | 10 |
# | **together** | | **39,760** |
#
# A module can hold other modules. `module.parameters()` walks through all of them and gives every parameter once, even one that two layers share. A parameter whose `requires_grad` is `False` is *frozen*: training leaves it alone.

# %% [markdown]
# ### Exercise: `count_parameters`
#
# {{ count_parameters }}


# %% exercise="count_parameters"
def count_parameters(module):
    """How many numbers the trainable parameters of a module hold.

    module: an nn.Module. Frozen parameters do not count, a shared one counts once.
    Returns an int.

    >>> count_parameters(nn.Sequential(nn.Linear(784, 50), nn.Linear(50, 10)))
    39760
    """
    ### BEGIN SOLUTION
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# There is one loop: over the parameters. What do you add for each of them?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `len(p)` is the number of rows, `p.shape` lists all sizes. Is there a method for the number of entries (*elements*)?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: unsupported operand type(s) for +: 'int' and 'builtin_function_or_method'`: the brackets are missing after a method's name, as in `p.numel`.
#
# `AttributeError: 'generator' object has no attribute ...`: `module.parameters()` is something to loop over, not a tensor.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The parameters of your own layer, for 1 to 200 hidden units. The number grows in a straight line: every hidden unit brings 784 weights, one bias, and 10 weights to the outputs.

# %%
hidden_sizes = list(range(1, 201))
counts = []
for n in hidden_sizes:
    first, second = My_Linear(784, n), My_Linear(n, 10)
    counts.append(count_parameters(first) + count_parameters(second))

plots.show(
    plots.curves({"parameters": counts}, hidden_sizes, xlabel="hidden units"),
    "linear.hidden_units",
)
print(f"784 → {hidden_sizes[49]} → 10 has {counts[49]:,} parameters")

# %% [markdown]
# ## Two affine maps are one affine map
#
# If one layer is good, are two better? Try it with single numbers. The first map is $h = 2x + 1$, the second $y = -3h + 4$. Put the first into the second:
#
# $$y = -3\,(2x + 1) + 4 = -6x - 3 + 4 = -6x + 1$$
#
# Again a number times $x$ plus a constant: one affine map. The two have *collapsed*. Note the way of the constant 1: it went through the second map and came out as −3.
#
# With matrices it is the same. The first map has the weight $W_1$ and the bias $b_1$, the second $W_2$ and $b_2$:
#
# $$y = W_2\,(W_1 x + b_1) + b_2$$

# %% [markdown]
# ### Exercise: `collapse`
#
# {{ collapse }} Multiply out on paper first, then write the code.


# %% exercise="collapse"
def collapse(w1, b1, w2, b2):
    """The one affine map that equals first (w1, b1), then (w2, b2).

    w1: (hidden, in), b1: (hidden,), w2: (out, hidden), b2: (out,).
    Returns w: (out, in) and b: (out,), so that for every x
    w @ x + b = w2 @ (w1 @ x + b1) + b2.

    >>> w1, b1 = torch.tensor([[2.0]]), torch.tensor([1.0])
    >>> w2, b2 = torch.tensor([[-3.0]]), torch.tensor([4.0])
    >>> collapse(w1, b1, w2, b2)
    (tensor([[-6.]]), tensor([1.]))
    """
    ### BEGIN SOLUTION
    return w2 @ w1, w2 @ b1 + b2
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Use the formula above. Multiply out the bracket. Which terms contain $x$, and which do not?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Matrices do not commute: the order matters. The map that acts first stands next to $x$. Check with the shapes: which order of `(hidden, in)` and `(out, hidden)` gives `(out, in)`?
#
# </details>
# <details><summary>Hint 3</summary>
#
# For the constant ask: what does the pair of maps give when $x$ is 0?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x4 and 3x5)`: the two matrices stand in the wrong order.
#
# `RuntimeError: The size of tensor a (5) must match the size of tensor b (3) at non-singleton dimension 0`: two biases of different sizes are added. One of them has to go through a map first.
#
# `ValueError: not enough values to unpack (expected 2, got 1)`: return two things, with a comma between them.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# On the left, two maps one after the other: from 1 number to 3 hidden ones, and from 3 to 1 (dots). The line is the single map that your `collapse` returns. On the right the same two maps with your `relu` in between.

# %% guess="linear.bend"

# %%
w1, b1 = torch.tensor([[1.0], [-1.0], [2.0]]), torch.tensor([2.0, -0.5, -3.0])
w2, b2 = torch.tensor([[1.5, 2.5, -1.75]]), torch.tensor([0.5])

x = torch.linspace(-3, 3, 61)[:, None]
hidden = x @ w1.T + b1
w, b = collapse(w1, b1, w2, b2)

two_maps = hidden @ w2.T + b2
bent = relu(hidden) @ w2.T + b2
plots.show(
    plots.side_by_side(
        {
            "series": {"your collapse": x @ w.T + b},
            "points": {"two maps": two_maps},
            "title": "nothing in between",
        },
        {"series": {"two maps": bent}, "title": "relu in between", "at": -b1 / w1[:, 0]},
        x=x,
        xlabel="x",
        width=7.0,
    ),
    "linear.bend",
)

# %% guard="linear.bend"
# change: bent = relu(hidden) @ -> bent = hidden @
# change: return w2 @ w1, w2 @ b1 + b2 -> return w2 @ w1, b1.sum() + b2
assert torch.allclose(x @ w.T + b, two_maps, atol=1e-5), "your line runs through every dot"
bends = (bent[2:] - 2 * bent[1:-1] + bent[:-2]).abs() > 1e-3
assert bends.sum() == 3, "with relu in between the curve bends three times"

# %% [markdown]
# Your line runs through every dot: three hidden units in between have brought nothing. With `relu` each hidden unit bends the line once, at the place where its input passes 0 (dotted). No single affine map can do that.

# %% [markdown]
# ## A network from your own parts
#
# Two affine maps with a ReLU in between are the smallest network worth the name:
#
# $$y = W_2\,\mathrm{relu}(W_1 x + b_1) + b_2$$
#
# The numbers after the ReLU are called *hidden*, because they are neither input nor output. There are as many as you like: `n_hidden` is a hyperparameter.
#
# By hand, with one input, two hidden units and one output: let $h_0 = \mathrm{relu}(x)$, $h_1 = \mathrm{relu}(x - 1)$ and $y = h_0 - 2 h_1$.
#
# | $x$ | −1 | 0 | 0.5 | 1 | 2 | 3 |
# |---|---|---|---|---|---|---|
# | $h_0$ | 0 | 0 | 0.5 | 1 | 2 | 3 |
# | $h_1$ | 0 | 0 | 0 | 0 | 1 | 2 |
# | $y$ | 0 | 0 | 0.5 | 1 | 0 | −1 |
#
# The line rises, turns at 1, and falls: two units, two bends.

# %% [markdown]
# ### Exercise: `two_layer_net`
#
# {{ two_layer_net }} Build the network from your own parts: your `My_Linear` and your `relu` will do. `nn.Linear` and `nn.ReLU` are not allowed. A module may hold other modules: assign them to attributes in `__init__`, and their parameters become the network's parameters, in the order in which you assign them.


# %% exercise="two_layer_net"
class two_layer_net(nn.Module):
    """An affine map, relu, an affine map: n_in numbers, n_hidden, n_out.

    parameters() gives, in this order, w1: (n_hidden, n_in), b1: (n_hidden,),
    w2: (n_out, n_hidden), b2: (n_out,).

    >>> net = two_layer_net(4, 6, 3)
    >>> [tuple(p.shape) for p in net.parameters()]
    [(6, 4), (6,), (3, 6), (3,)]
    >>> for p in net.parameters():
    ...     _ = nn.init.constant_(p, 1.0)
    >>> x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> net(torch.stack([x, -x])).tolist()
    [[67.0, 67.0, 67.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = My_Linear(n_in, n_hidden)
        self.second = My_Linear(n_hidden, n_out)
        ### END SOLUTION

    def forward(self, x):
        """x: (..., n_in). Returns y: (..., n_out)."""
        ### BEGIN SOLUTION
        return self.second(relu(self.first(x)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Look at the picture with the boxes at the top. Which boxes have parameters? These are made in `__init__`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `forward` uses what `__init__` made, in the order of the picture. It makes nothing new.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The worked number: with all parameters 1 and the input (1, 2, 3, 4) every hidden unit is 11. What does the output add up?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `NotImplementedError` from `relu` or `My_Linear`: that exercise is still to do, or its cell has not been run.
#
# `NameError: name 'My_Linear' is not defined`: run the cell of that exercise first.
#
# `AttributeError: 'two_layer_net' object has no attribute 'first'`: `forward` uses a name that `__init__` did not assign to `self`.
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x6 and 4x3)`: the second map has to take as many inputs as the first has outputs.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Grey dots of a wave, and two attempts at it, both trained by the same loop as above. One has your two layers without anything in between, the other is your `two_layer_net`. Both have 20 hidden units and the same 61 parameters. The loss here is the mean squared distance to the dots; lesson 02 is about it.


# %% guess="linear.wave"


# %%
def squared_distance(y_hat, y):
    return ((y_hat - y) ** 2).mean()


x = torch.linspace(-3, 3, 121)[:, None]
wave = torch.sin(1.5 * x - 1) + 0.5

_ = torch.manual_seed(1)
without = nn.Sequential(My_Linear(1, 20), My_Linear(20, 1))
bending = two_layer_net(1, 20, 1)
how = {"loss_function": squared_distance, "steps": 1500, "lr": 0.05}
losses = {
    "nothing in between": train(without, x, wave, **how),
    "relu in between": train(bending, x, wave, **how),
}

fits = {"nothing in between": without(x), "relu in between": bending(x)}
plots.show(plots.curves(fits, x, points={"wave": wave}, xlabel="x"), "linear.wave")
plots.show(plots.curves(losses, xlabel="step", ylabel="loss", log="y"), "linear.wave_loss")

# %% guard="linear.wave"
# change: bending = two_layer_net(1, 20, 1) -> bending = nn.Sequential(My_Linear(1, 20), My_Linear(20, 1))
ends = {name: values[-1] for name, values in losses.items()}
assert ends["relu in between"] < ends["nothing in between"] / 10, "relu gets to a small fraction"
steps = without(x).diff(dim=0)
assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-4), (
    "without it the fit is straight"
)

# %% [markdown]
# The same class, with other sizes, reads digits. Trace the shapes of a batch of 64 through it.

# %%
_ = torch.manual_seed(0)
net = two_layer_net(784, 50, 10)
batch = x_digits[:64]
print("input: ", tuple(batch.shape))
for parameter, name in zip(net.parameters(), ["w1", "b1", "w2", "b2"]):
    print(f"{name}:    ", tuple(parameter.shape))
print("output:", tuple(net(batch).shape))

# %% [markdown]
# ## Why the bend? · extra
#
# {{ why_nonlinear }} A friend stacks ten affine layers, without activation functions, and is surprised: the network is no better than one layer. In three to five sentences, explain
#
# 1. what the ten layers compute together, and why,
# 2. what changes when a ReLU stands between the layers,
# 3. whether it would help to multiply by 2 between the layers instead.
#
# Double-click the cell below and write there.

# %% [markdown] exercise="why_nonlinear"
# <!-- ### BEGIN SOLUTION -->
# The first two layers compute $W_2(W_1x + b_1) + b_2 = (W_2W_1)x + (W_2b_1 + b_2)$, which is again affine, so two layers can be replaced by one. Repeat this nine times, and the ten layers are one affine map with one matrix and one bias.
#
# A ReLU between the layers is not affine: it bends at 0. Each hidden unit then brings a bend at a place of its own, the pieces no longer collapse, and with more units the network can follow more complicated curves.
#
# Multiplying by 2 does not help. It is itself a linear map, so everything still collapses into one.
#
# *Points: 1 for the collapse with its reason, 1 for the ReLU together with the reason why multiplying does not help.*
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## What you have now
#
# - **Parameters** are stored and trained, **activations** are computed anew, **hyperparameters** are chosen by you.
# - An **affine map** is `x @ weight.T + bias`, with `weight` of shape `(out_features, in_features)`. A row of the weight matrix is the template of one output.
# - A **batch** comes first in every shape. In a product the inner sizes agree and vanish.
# - Parameters **start random**, within $\pm 1/\sqrt{n}$ for $n$ inputs, so that the spread of the outputs does not depend on the layer's size.
# - Affine maps in a row **collapse** into one. An activation function between them prevents it.
#
# Lesson 02 asks how the loop changes the parameters, and writes it by hand.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like. Double-click the cells in italics to write.
#
# ### Should I start all parameters at the same number?

# %% guess="linear.equal_start"

# %%
fits, different = {}, {}
for start in [0.0, 0.1]:
    net = two_layer_net(1, 20, 1)
    for parameter in net.parameters():
        _ = nn.init.constant_(parameter, start)
    _ = train(net, x, wave, **how)
    name = f"all start at {start}"
    fits[name], different[name] = net(x), len(next(net.parameters()).unique())
    print(f"{name}: different weights of the 20 hidden units: {different[name]}")
plots.show(plots.curves(fits, x, points={"wave": wave}, xlabel="x"), "linear.equal_start")

# %% guard="linear.equal_start"
# change: nn.init.constant_(parameter, start) -> nn.init.uniform_(parameter, -0.5, 0.5)
assert [*different.values()] == [1, 1], "all hidden units stay alike"
assert fits["all start at 0.0"].std() < 1e-6, "from 0 the fit is a level line"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I use more hidden units?

# %% guess="linear.hidden"

# %%
fits = {}
for n_hidden in [1, 2, 5, 50]:
    _ = torch.manual_seed(2)  # try others: a small network sometimes gets stuck
    net = two_layer_net(1, n_hidden, 1)
    _ = train(net, x, wave, **how)
    fits[f"{n_hidden} hidden"] = net(x)
plots.show(
    plots.curves(fits, x, points={"wave": wave}, xlabel="x"),
    "linear.hidden",
)

# %% guard="linear.hidden"
# change: [1, 2, 5, 50] -> [1, 2, 5, 3]
off = [squared_distance(fit, wave).item() for fit in fits.values()]
assert off[0] > off[1] > off[2] > off[3], "each time, more units come closer"
falls = [bool(fit[-1] < fit[-9]) for fit in fits.values()]
assert falls == [False, False, True, True], "with 5 units the fit falls at the right end"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I use another function in place of the ReLU?


# %% guess="linear.activation"


# %%
class Bend(nn.Module):
    """A function as a module, so that it can stand in an nn.Sequential."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, h):
        return self.function(h)


fits = {}
for name, function in {
    "h * h": lambda h: h * h,
    "sin(h)": torch.sin,
    "2 * h": lambda h: 2 * h,
}.items():
    _ = torch.manual_seed(0)
    net = nn.Sequential(My_Linear(1, 20), Bend(function), My_Linear(20, 1))
    _ = train(net, x, wave, squared_distance, steps=1500, lr=0.02)
    fits[name] = net(x)
plots.show(
    plots.curves(fits, x, points={"wave": wave}, xlabel="x"),
    "linear.activation",
)

# %% guard="linear.activation"
# change: "2 * h": lambda h: 2 * h -> "2 * h": lambda h: torch.relu(2 * h)
off = {name: squared_distance(fit, wave).item() for name, fit in fits.items()}
assert off["sin(h)"] < 0.02, "sin(h) runs through the dots"
steps = fits["2 * h"].diff(dim=0)
assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-4), "2 * h gives a straight line"
assert off["h * h"] > 5 * off["sin(h)"], "h * h is a single parabola"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the start of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). If you read that lesson or notes about it, you will meet a few things that are said differently.
#
# - **"Affine is the same as linear."** Nearly. An affine map is a linear one plus a constant. And as you have seen, many affine maps in a row are still one affine map.
# - **"The last layer gives losses", or probabilities.** It gives scores, the logits. Softmax (lesson 04) turns the logits of one example into probabilities over the classes; for each example they add up to 1.
# - **Weights that start at zero.** Small examples in books start so, and in a single layer that is trained on its own it does no harm. (The source does not: the line of its notebook `nbs/dl1/lesson2-sgd.ipynb` starts at −1 and 1.) In a network zeros keep all hidden units identical, as in the first experiment. They also hide errors: with a second weight of zero, the first layer's gradient is zero whether it was computed rightly or not (lesson 03).
# - **`nn.Linear`**, as in the class `Mnist_Logistic` of `nbs/dl1/lesson5-sgd-mnist.ipynb`. From here on you may use it, because you know what is inside. It stores `(out_features, in_features)` as you do, and starts within the same bounds.
