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
# # 03 · Back-propagation and how to check it
#
# **You will build** what happens inside `loss.backward()`: first by hand, layer by layer, until a two-layer network learns without autograd. And you will build the tool that tells you whether a gradient is right.
#
# On the way comes a test that tells right backward functions from wrong ones, and at the end a tiny engine that finds the gradients of any computation by itself. *(extra)*
#
# **Time:** about {{ time }}. **It builds on** lesson 02 (loss, gradient, step) and on the affine map and the ReLU of lesson 01. It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`, run the cell (Shift+Enter), then run the check below it. The hints below each check open with a click, the vaguest first. A check calls your code several times, also with its arguments by name and with tensors that are stored in another order, as a transpose is. A result has the dtype of the inputs. Your code leaves its arguments and PyTorch's settings as they are, unless the exercise asks for a change, and keeps nothing from one call to the next.

# %%
import torch

from course_utils import check, explore, outcome, plots
from course_utils.mine import mse, relu

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. Which way does the gradient point, and which way goes a step?</summary>
#
# The gradient points to where the loss grows fastest; the step goes against it (lesson 02).
#
# </details>
# <details><summary>2. The gradient of a layer's weight of shape `(10, 784)` has which shape?</summary>
#
# `(10, 784)`: one entry for each parameter (lesson 02).
#
# </details>
# <details><summary>3. A prediction of shape `(n, 1)` minus a target of shape `(n,)`: what comes out, and does an error tell you?</summary>
#
# A tensor of shape `(n, n)`, without any error (lesson 02).
#
# </details>
# <details><summary>4. What is `relu` of −2, 0 and 3, and what is its slope at each?</summary>
#
# 0, 0 and 3. The slope is 0 at −2 and 1 at 3; at 0 it is a convention (lesson 01).
#
# </details>
# <details><summary>5. Why do parameters start as random numbers, and not all alike?</summary>
#
# Units that start alike get equal changes and stay alike (lesson 01).
#
# </details>

# %% [markdown]
# ## One change drives the next
#
# A network is a chain of simple steps: the result of one is the input of the next. Take a chain of three, with a single number going in, $x = 2$:
#
# $$u = 3x, \qquad v = u + 1, \qquad L = v^2$$
#
# How fast does $L$ change when $x$ does? Ask each step alone. When $x$ grows by a little, $u$ grows 3 times as much. When $u$ grows, $v$ grows as much: 1 times. When $v$ grows, $L = v^2$ grows $2v$ times as much, and $v$ is 7 here, so 14 times. One change drives the next, so the rates *multiply*: $3 \cdot 1 \cdot 14 = 42$. This is the *chain rule*. For a chain, it is all there is.
#
# The rate of one step, such as 14, is its *local derivative*. To know it, the step has to know only its own input.
#
# Which way should one multiply? *Back-propagation* starts at the end. The rate of $L$ by itself is 1. Going back over each step, multiply by its local derivative: 14 at $v$, 14 at $u$, 42 at $x$. On the way you get the derivative of $L$ by *every* number in the chain, not only by $x$. That is what you want from a network: its parameters come in at every step.

# %%
plots.show(
    plots.graph(
        {
            "x": (0, 0, "x\n2"),
            "u": (1, 0, "u = 3x\n6"),
            "v": (2, 0, "v = u + 1\n7"),
            "L": (3, 0, "L = v²\n49"),
        },
        [("x", "u", "42"), ("u", "v", "14"), ("v", "L", "14")],
        size=(8.0, 1.4),
    ),
    "backprop.chain",
)

# %% [markdown]
# Values go from left to right: the *forward pass*. Derivatives of $L$, in orange, go from right to left: the *backward pass*. An orange number on an arrow belongs to the box where the arrow begins.

# %% [markdown]
# ## A check that knows no calculus
#
# Formulas for gradients are easy to get wrong, and a wrong gradient raises no error: the loss may even go down, only worse. So before you write the first one, build a tool to check it. It should know nothing about the chain rule.
#
# The simplest idea is to try. Nudge $x$ up by a small number $\varepsilon$ (epsilon), nudge it down, and see how much the result has changed:
#
# $$\frac{f(x + \varepsilon) - f(x - \varepsilon)}{2\,\varepsilon}$$
#
# This is the *central difference*. For the chain above, with $\varepsilon = 0.001$: $f(2.001) = 49.042009$ and $f(1.999) = 48.958009$. The difference is 0.084, divided by 0.002 it is 42.
#
# When $x$ is a tensor, nudge *one* entry, keep the others, and get one slope; then the next entry. All slopes together have the shape of `x`. That takes two runs of $f$ for every single entry: much too slow for training, and good enough for a check.
#
# The two values of $f$ are nearly equal, and their difference has only the digits in which they are not. Therefore gradients are checked in `float64`, with its 16 digits, not in `float32` with 7.

# %% [markdown]
# ### Exercise: `numerical_gradient`
#
# {{ numerical_gradient }} Two things to watch. `x` may have any shape, also `()`. And afterwards `x` has to be what it was, to the last bit.


# %% exercise="numerical_gradient" seed=301
def numerical_gradient(f, x, eps=1e-6):
    """The gradient of f at x by central differences.

    f: a function from a tensor of the shape of x to one number: a float, or a tensor of shape () that
    is no view of its argument.
    x: a float64 tensor of any shape, stored in order, so that x.view(-1) works. It is afterwards
    as it was.
    eps: how far to step to either side.
    Returns a float64 tensor of the shape of x.

    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    >>> numerical_gradient(lambda x: (x**2).sum(), x).round(decimals=4)
    tensor([2., 4.], dtype=torch.float64)
    """
    ### BEGIN SOLUTION
    slopes = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = eps
        slopes.view(-1)[i] = (float(f(x + step)) - float(f(x - step))) / (2 * eps)
    return slopes
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write it for a vector first. What does one turn of the loop need: which two points?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The safest way not to change `x` is never to write into it. Make a tensor of zeros with the shape of `x`, put `eps` at one place, and add it or take it away.
#
# </details>
# <details><summary>Hint 3</summary>
#
# For any shape: `t.view(-1)` shows the same numbers as a vector, where `t` is a fresh tensor such as `torch.zeros_like(x)`. It is no copy: what you write into it, you write into `t`. `x.numel()` says how many entries there are; for shape `()` it is 1.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: invalid index of a 0-dim tensor`: `x` has shape `()` and no index. Go through `view(-1)`.
#
# `RuntimeError: view size is not compatible with input tensor's size and stride`: use `reshape(-1)` to read; to write, write into a fresh tensor of zeros.
#
# `TypeError: can't assign a ... to a torch.DoubleTensor`, or a number that will not fit: `f` may give a float or a tensor; `float(...)` takes both.
#
# `AttributeError: 'float' object has no attribute 'item'`: the same. `float(...)` takes both.
#
# </details>

# %% [markdown]
# ### What you should now see: the V
#
# How small should $\varepsilon$ be? Your function on $f(x) = e^{\sin x}$ at $x = 1$, where the derivative is known: $\cos(1)\, e^{\sin 1}$. The error is drawn against $\varepsilon$, both on logarithmic scales, together with two variants.


# %% guess="backprop.eps"


# %%
def f(x):
    return x.sin().exp()


x = torch.tensor(1.0, dtype=torch.float64)
exact = (x.cos() * x.sin().exp()).item()
steps = torch.logspace(-15, 0, 91, dtype=torch.float64).tolist()


def single_precision(eps):
    """The central difference with float32 numbers."""
    up, down = torch.tensor(1.0 + eps), torch.tensor(1.0 - eps)
    return (f(up).item() - f(down).item()) / (2 * eps)


errors = {
    "central (yours)": [abs(numerical_gradient(f, x, eps).item() - exact) for eps in steps],
    "one-sided": [abs((f(x + eps) - f(x)).item() / eps - exact) for eps in steps],
    "central, float32": [abs(single_precision(eps) - exact) for eps in steps],
}
errors = {name: [max(error, 1e-12) for error in values] for name, values in errors.items()}
plots.show(
    plots.curves(errors, steps, xlabel="eps", ylabel="error of the slope", log="xy"),
    "backprop.eps",
)

# %% guard="backprop.eps"
# change: float(f(x - step))) / (2 * eps) -> float(f(x))) / eps
least = {name: min(values) for name, values in errors.items()}
place = errors["central (yours)"].index(least["central (yours)"])
assert 1e-7 < steps[place] < 1e-4, "the error is least between 1e-6 and 1e-5"
assert least["central (yours)"] < 1e-10, "there nine or ten digits are right"
assert 1e-10 < least["one-sided"] < 1e-6, "one-sided it gets no lower than about 1e-8"
assert least["central, float32"] > 1e-7, "in float32 the lowest is about 1e-6"
assert errors["central (yours)"][-1] > 0.01 < errors["central (yours)"][0], "both arms rise"

# %% [markdown]
# Each curve is a V with two arms of different origin.
#
# - **On the right** the step is too large: the curve bends on the way. For the central difference this error shrinks with $\varepsilon^2$, for the one-sided difference $(f(x+\varepsilon) - f(x))/\varepsilon$ only with $\varepsilon$.
# - **On the left** the step is too small: $f(x+\varepsilon)$ and $f(x-\varepsilon)$ agree in nearly all digits, and what is left of the difference is rounding. This error grows with $1/\varepsilon$.
#
# In float64 the bottom lies between $10^{-6}$ and $10^{-5}$, and nine or ten digits of the slope are right there. In float32 there is no $\varepsilon$ that gives more than five or six, and with $10^{-6}$ hardly one: there $1 + \varepsilon$ is only a few rounding steps away from 1.

# %% [markdown]
# ## How far apart?
#
# A numerical gradient never equals the exact one. You need a number that says how far two gradients $a$ and $b$ are apart, and it should not depend on their size: 0.001 is much beside 0.002 and nothing beside 1000. So divide by the size, entry by entry, and take the worst entry:
#
# $$\max_i \; \frac{|a_i - b_i|}{\max(|a_i| + |b_i|,\; 10^{-8})}$$
#
# The $10^{-8}$ is a floor: where both entries are 0, the quotient is 0 and not $0/0$. By hand, for $a = (1, 100)$ and $b = (1, 101)$: the quotients are 0 and $1/201 \approx 0.005$, so the relative error is 0.005. The result lies between 0 (equal) and 1 (opposite signs, or one of the two 0, where the floor does not count).

# %% [markdown]
# ### Exercise: `relative_error`
#
# {{ relative_error }}


# %% exercise="relative_error" seed=302
def relative_error(a, b):
    """The largest relative difference between the entries of a and b.

    a, b: tensors of the same shape, which may be any with at least one number in it.
    Returns a float between 0 and 1.

    >>> a, b = torch.tensor([1.0, 100.0]), torch.tensor([1.0, 101.0])
    >>> round(relative_error(a, b), 4)
    0.005
    """
    ### BEGIN SOLUTION
    size = (a.abs() + b.abs()).clamp(min=1e-8)
    return ((a - b).abs() / size).max().item()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Do it entry by entry with whole tensors, and take the maximum last. Which brackets need an absolute value?
#
# </details>
# <details><summary>Hint 2</summary>
#
# "Not smaller than" for every entry of a tensor: which method keeps numbers within limits?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: Boolean value of Tensor with more than one value is ambiguous`: Python's `max(...)` wants one answer. Tensors have methods for this.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# As a rule of thumb for checks in float64: below $10^{-6}$ the gradient is right; above $10^{-3}$ it is wrong; in between, look closer. Here is a right gradient of $\sum_i x_i^3$, and one with a small mistake in one of its 20 entries.

# %% guess="backprop.one_percent"

# %%
x = torch.randn(4, 5, dtype=torch.float64)
numerical = numerical_gradient(lambda x: (x**3).sum(), x)
right = 3 * x**2
wrong = right.clone()
wrong[2, 3] *= 1.01

print("right, relative error below 1e-6:", relative_error(right, numerical) < 1e-6)
print("wrong, relative error:           ", f"{relative_error(wrong, numerical):.4f}")
outcome("backprop.one_percent")

# %% guard="backprop.one_percent"
# change: wrong[2, 3] *= 1.01 -> wrong[2, 3] *= 1.2
assert relative_error(right, numerical) < 1e-6, "the right gradient is within 1e-6"
assert 0.004 < relative_error(wrong, numerical) < 0.006, "one per cent gives an error of 0.005"

# %% [markdown]
# ### Where finite differences lie · extra
#
# The ReLU has a kink at 0: its slope jumps from 0 to 1. A central difference with one foot on either side of the kink sees a bit of both. The true slope at $x = 2 \cdot 10^{-7}$ is 1, because $x$ is positive. What does your tool say?

# %% guess="backprop.kink"

# %%
x = torch.tensor([2e-7], dtype=torch.float64)
at_kink = numerical_gradient(lambda x: relu(x).sum(), x).item()
print("numerical slope of relu at 2e-7:", round(at_kink, 2))

x = torch.linspace(-3e-6, 3e-6, 1201, dtype=torch.float64)
numerical = numerical_gradient(lambda x: relu(x).sum(), x)
plots.show(
    plots.curves(
        {"true slope": (x > 0).double(), "numerical, eps = 1e-6": numerical},
        x * 1e6,
        xlabel="x in millionths",
        ylabel="slope of relu",
    ),
    "backprop.kink",
)

# %% guard="backprop.kink"
# change: torch.tensor([2e-7] -> torch.tensor([2e-6]
assert abs(at_kink - 0.6) < 0.01, "at 2e-7 the numerical slope is 0.6"

# %% [markdown]
# Within $\varepsilon$ of the kink the numerical slope is wrong, and the formula is right. So check at random points, not at round ones such as 0, where kinks like to be; and if one entry out of many disagrees, ask whether a kink is near before you doubt the formula. A smaller $\varepsilon$ makes it rarer.

# %% [markdown]
# ## Back through the affine map
#
# Now the layers, one by one. Each gets a function `..._backward`. It is told `grad_out`, the gradient of the loss $L$ by the layer's *output*; that comes from above. It returns the gradient of $L$ by each of the layer's *inputs*; the one by $x$ is the `grad_out` of the layer below.

# %%
plots.show(
    plots.graph(
        {
            "x": (0, 0, "x\n(n, d_in)"),
            "w": (0, 1, "weight\n(d_out, d_in)"),
            "b": (0, 2, "bias\n(d_out,)"),
            "y": (2, 1, "y = x @ weight.T + bias\n(n, d_out)"),
            "L": (4, 1, "... the rest of the net,\nand the loss L"),
        },
        [
            ("x", "y", "grad_x"),
            ("w", "y", "grad_weight"),
            ("b", "y", "grad_bias"),
            ("y", "L", "grad_out"),
        ],
        size=(9.0, 2.6),
    ),
    "backprop.affine_graph",
)

# %% [markdown]
# A gradient has the shape of what it belongs to: `grad_out` that of $y$, `grad_weight` that of `weight`. Write $g$ for `grad_out`. In single entries the layer computes, for example $k$ and output $o$,
#
# $$y_{ko} = \sum_i x_{ki}\, w_{oi} + b_o$$
#
# where $i$ runs over the inputs. Ask of each input: which $y$ does it go into, and with which factor? The contributions of all of them add up.
#
# - $b_o$ goes into $y_{ko}$ of *every* example $k$, with the factor 1. So its gradient is $\sum_k g_{ko}$.
# - $w_{oi}$ goes into $y_{ko}$ of every example $k$, with the factor $x_{ki}$. So its gradient is $\sum_k g_{ko}\, x_{ki}$.
# - $x_{ki}$ goes into $y_{ko}$ of every *output* $o$ of its own example, with the factor $w_{oi}$. So its gradient is $\sum_o g_{ko}\, w_{oi}$.
#
# Two of the three are sums over an index that two tensors have in common, so they are matrix products; the shapes tell you which.
#
# Do it by hand for 2 examples, 2 inputs, 3 outputs:
#
# $$x = \begin{pmatrix} 1 & 2 \\ 0 & 1 \end{pmatrix} \qquad w = \begin{pmatrix} 1 & -1 \\ 2 & 0 \\ 0 & 3 \end{pmatrix} \qquad g = \begin{pmatrix} 1 & 0 & 2 \\ 0 & 1 & 0 \end{pmatrix}$$
#
# The bias: the columns of $g$ add up to $(1, 1, 2)$. The weight from input 1 to output 3: $2 \cdot 1 + 0 \cdot 0 = 2$. The first input of the first example: $1 \cdot 1 + 0 \cdot 2 + 2 \cdot 0 = 1$.

# %% [markdown]
# ### Exercise: `linear_backward`
#
# {{ linear_backward }} No autograd here (nor `torch.func`), and no loop is needed. Each gradient has the dtype of what came in: the cells below call your functions with float64 numbers.


# %% exercise="linear_backward" seed=303
def linear_backward(grad_out, x, weight):
    """The gradients by the inputs of y = x @ weight.T + bias.

    grad_out: the gradient by y, of shape (n, d_out).
    x: of shape (n, d_in). weight: of shape (d_out, d_in).
    Returns (grad_x, grad_weight, grad_bias), as a tuple or a list, of shapes (n, d_in), (d_out, d_in),
    (d_out,).

    >>> x = torch.tensor([[1.0], [4.0]])
    >>> weight = torch.tensor([[1.0], [2.0], [-3.0]])
    >>> grad_out = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    >>> for grad in linear_backward(grad_out, x, weight):
    ...     print(grad.tolist())
    [[-5.0], [2.0]]
    [[1.0], [4.0], [2.0]]
    [1.0, 1.0, 2.0]
    """
    ### BEGIN SOLUTION
    return grad_out @ weight, grad_out.T @ x, grad_out.sum(0)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write the three shapes of the results on paper, and beside them the shapes of the two tensors that each is made of.
#
# </details>
# <details><summary>Hint 2</summary>
#
# In a product `a @ b` the last dimension of `a` meets the first dimension of `b`, and both vanish. For each formula: which index vanishes? Does it stand at the right place, or does a tensor have to be transposed?
#
# </details>
# <details><summary>Hint 3</summary>
#
# The bias: forward, one number was given to all examples. Backward, one number comes back from each. What happens to them? Not their mean: the $1/n$ of a mean loss is already inside `grad_out`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x3 and 4x3)`: the dimensions that should meet do not. Look at which index has to vanish.
#
# `TypeError: cannot unpack non-iterable ...` or `ValueError: not enough values to unpack`: return three tensors, with commas between them.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Your formulas checked two ways, against autograd and against your own numerical gradient. A layer has no loss, so one is made up: every entry of `y` times a random number, all added up. Its gradient by `y` is those random numbers; they are the `grad_out`.


# %%
def both_ways(name, gradient, loss, x):
    """Compare a gradient of loss(x) with autograd's and with the numerical one."""
    leaf = x.clone().requires_grad_()
    by_autograd = torch.autograd.grad(loss(leaf), leaf)[0]
    numerical = numerical_gradient(loss, x)
    print(
        f"{name:12} equals autograd's to 1e-12: {relative_error(gradient, by_autograd) < 1e-12},",
        f"the numerical one to 1e-6: {relative_error(gradient, numerical) < 1e-6}",
    )


def draw(*shape):
    """Random numbers for a check: float64."""
    return torch.randn(*shape, dtype=torch.float64)


_ = torch.manual_seed(1)
x, weight, bias, grad_out = draw(5, 4), draw(3, 4), draw(3), draw(5, 3)
grad_x, grad_weight, grad_bias = linear_backward(grad_out, x, weight)

both_ways("grad_x", grad_x, lambda x: (grad_out * (x @ weight.T + bias)).sum(), x)
both_ways(
    "grad_weight", grad_weight, lambda weight: (grad_out * (x @ weight.T + bias)).sum(), weight
)
both_ways("grad_bias", grad_bias, lambda bias: (grad_out * (x @ weight.T + bias)).sum(), bias)

# %% [markdown]
# ### Exercise: `repair_linear_backward` · extra
#
# With these gradients a network trains, only slowly, and a gradient check with a batch of one passes. One of the three results is wrong.
#
# ```python
# def linear_backward(grad_out, x, weight):
#     grad_x = grad_out @ weight
#     grad_weight = grad_out.T @ x
#     grad_bias = grad_out.mean(0)
#     return grad_x, grad_weight, grad_bias
# ```
#
# {{ repair_linear_backward }} Find an input on which these lines go wrong: a *witness*, a dict with the keys `"grad_out"`, `"x"` and `"weight"`, float32 tensors with two dimensions, with at most 12 numbers in all its tensors together. Then repair them. A witness earns half of the points, a repair without a witness nothing: who has not seen it fail does not know what was repaired. At most two lines may change; one that is added or taken away counts as one, and the line with `def` does not count.


# %% exercise="repair_linear_backward"
def repair_linear_backward():
    """A witness of the bug, and the lines without it.

    Returns (witness, repaired): a dict with the arguments, at most 12 numbers in all its tensors
    together, and a function with the signature of `linear_backward`.

    >>> witness, repaired = repair_linear_backward()
    >>> callable(repaired)
    True
    """
    ### BEGIN SOLUTION
    shown = {
        "grad_out": torch.tensor([[1.0], [2.0]]),
        "x": torch.tensor([[3.0], [4.0]]),
        "weight": torch.tensor([[5.0]]),
    }

    def repaired(grad_out, x, weight):
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.sum(0)
        return grad_x, grad_weight, grad_bias

    return shown, repaired
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Take two examples of small whole numbers, and work out all three results on paper.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Compare each line with what `numerical_gradient` says, for a batch of two.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The bias is added to every example of the batch. What does its gradient collect?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: hand back both at once, the witness and the function, whose name has no brackets after it. `should be a float32 tensor`: write at least one number with a point.
#
# </details>

# %% [markdown]
# ### A test that tells right from wrong · extra
#
# You checked each gradient once, with your own eyes. A *test* is a check that runs by itself: it calls the code, compares what comes back with what is due, and says yes or no. It is code, so it can be wrong too, in two ways: it lets a bug pass, or it rejects code that is right.
#
# Take a layer smaller than the affine map: every feature times a number of its own, $y_{ki} = x_{ki}\, s_i$, for example $k$ and feature $i$. With the same questions as above (which $y$ does each input go into, and with which factor?), its backward pass is
#
# $$\frac{\partial L}{\partial x_{ki}} = g_{ki}\, s_i \qquad \frac{\partial L}{\partial s_i} = \sum_k g_{ki}\, x_{ki}$$
#
# In code: `grad_out * scale`, of shape (n, d), and `(grad_out * x).sum(0)`, of shape (d,).

# %% [markdown]
# ### Exercise: `test` · extra
#
# Several dozen people wrote this `backward(grad_out, x, scale)`, which returns the tuple (grad_x, grad_scale). Some did it right, each in another way. Others forgot a factor, averaged where a sum is due, changed what they were given, or were right once and wrong when called again. Write the test that tells them apart.
#
# {{ test }} `test(backward)` returns True where it finds nothing wrong, and False where it does; a failed `assert` says False as well, and returning nothing says True. Any other exception on right code counts as a fault of the test. Right is what gives both gradients in these shapes and in the dtype of the arguments, up to rounding, and leaves its arguments alone. Call `backward` with three tensors, float32 or float64, without names, with at most 200 numbers in the three together and at most 50 calls. You get points only if *every right one is accepted*; then the share of wrong ones that you reject counts. The check tries three quarters of the wrong ones that are known. The others are withheld, and some of them count when your work is graded: a test that was made to fit those here may miss one of those there.


# %% exercise="test" seed=308
def test(backward):
    """Whether `backward` is a right backward pass of y = x * scale.

    backward(grad_out, x, scale): takes float tensors of shapes (n, d), (n, d), (d,), and returns
    (grad_x, grad_scale).
    Returns True or False, or fails an assert.

    >>> test(lambda grad_out, x, scale: (grad_out * scale, (grad_out * x).sum(0))) is not False
    True
    """
    ### BEGIN SOLUTION
    x = torch.tensor([[2.3, -3.0, 0.7], [-1.6, 5.2, 4.0]])
    scale = torch.tensor([-2.0, 0.3, 3.1])
    for grad_out in (torch.tensor([[0.7, 2.0, -1.9], [-3.3, 0.4, 1.2]]), 0.3 * x + 1):
        handed_over = [grad_out.clone(), x.clone(), scale.clone()]
        found = backward(*handed_over)
        for got, due in zip(found, (grad_out * scale, (grad_out * x).sum(0)), strict=True):
            assert got.shape == due.shape
            assert torch.allclose(got, due, rtol=1e-4, atol=1e-5)
        for after, before in zip(handed_over, (grad_out, x, scale), strict=True):
            assert torch.equal(after, before)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start with one call and one comparison, and make a list of what could go wrong unseen. With one example, a sum and a mean are the same. Where `grad_out` is 1, nobody notices that it was forgotten. With positive numbers, an absolute value does no harm.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `torch.allclose` stretches shapes that differ, as all operations do: (1, 3) passes for (3,). Ask for the shape as well. And right sums may round differently, so compare with a tolerance, but a small one.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Can the numbers be right and the function wrong all the same? It may have written into `x`: hand over copies, and compare them afterwards. It may remember: call it again with other numbers.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `it takes tensors of floats`: `torch.tensor([[1, 2]])` holds whole numbers. Write at least one of them with a point.
#
# `Boolean value of Tensor with more than one value is ambiguous`: `a == b` compares every entry. `torch.equal(a, b)` and `torch.allclose(a, b)` give one True or False.
#
# </details>

# %% [markdown]
# ## Back through the ReLU and the loss
#
# **The ReLU** takes every number by itself. Where its input was positive it passed the number on unchanged: local derivative 1. Where it was negative it gave 0 whatever came in: local derivative 0. So the gradient from above passes where the input was positive and is stopped elsewhere. (Exactly at 0 there is no slope; PyTorch takes 0 there, and the check does not look, whatever you return there.)
#
# | | | | |
# |---|---|---|---|
# | input $x$ | −1 | 2 | 3 |
# | $g$ from above | 10 | −20 | 30 |
# | gradient by $x$ | 0 | −20 | 30 |
#
# Note the −20: the sign of the *gradient* plays no part.

# %% [markdown]
# ### Exercise: `relu_backward`
#
# {{ relu_backward }} Without autograd, as in the two exercises after it.


# %% exercise="relu_backward" seed=304
def relu_backward(grad_out, x):
    """The gradient by x of y = relu(x).

    grad_out: the gradient by y. x: what went into the ReLU, of the same shape, which may be any.
    Returns a new tensor of this shape.

    >>> relu_backward(torch.tensor([10.0, -20.0, 30.0]), torch.tensor([-1.0, 2.0, 3.0]))
    tensor([  0., -20.,  30.])
    """
    ### BEGIN SOLUTION
    return grad_out * (x > 0)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A comparison of a tensor with a number gives `True` and `False`, entry by entry. In a product they count as 1 and 0.
#
# </details>
# <details><summary>Hint 2</summary>
#
# If the card says that `grad_out` has changed: `grad_out[...] = 0` writes into the tensor that belongs to somebody else.
#
# </details>

# %% [markdown]
# **The loss** begins the backward pass, so its function has no `grad_out`: the derivative of $L$ by itself is 1. The mean squared error of $m$ elements is
#
# $$L = \frac1m \sum (\hat y - y)^2$$
#
# Each element of $\hat y$ appears in one of the squares. By hand for $\hat y = \begin{pmatrix} 1 & 2 \\ 5 & 0 \end{pmatrix}$ and $y = \begin{pmatrix} 1 & 4 \\ 4 & 0 \end{pmatrix}$: $m$ is 4, the errors are 0, −2, 1, 0, and the gradient is $\frac24$ times them: 0, −1, 0.5, 0.

# %% [markdown]
# ### Exercise: `mse_backward`
#
# {{ mse_backward }} The mean is over all elements, whatever the shape.


# %% exercise="mse_backward" seed=305
def mse_backward(y_hat, y):
    """The gradient of the mean squared error by y_hat.

    y_hat, y: tensors of the same shape, which may be any with at least one number in it.
    Returns a tensor of this shape.

    >>> mse_backward(torch.tensor([[1.0, 2.0], [5.0, 0.0]]), torch.tensor([[1.0, 4.0], [4.0, 0.0]]))
    tensor([[ 0.0000, -1.0000],
            [ 0.5000,  0.0000]])
    """
    ### BEGIN SOLUTION
    return 2 * (y_hat - y) / y.numel()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# The derivative of a square, times the share that each element has in the mean. How many elements are there? `len` counts the rows only.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Both checked two ways.

# %%
_ = torch.manual_seed(2)
x, grad_out = draw(4, 3), draw(4, 3)
both_ways("relu", relu_backward(grad_out, x), lambda x: (grad_out * relu(x)).sum(), x)

y_hat, y = draw(4, 3), draw(4, 3)
both_ways("mse", mse_backward(y_hat, y), lambda y_hat: mse(y_hat, y), y_hat)

# %% [markdown]
# ## A whole network
#
# Put the pieces together: an affine map, a ReLU, an affine map, and the loss. The results on the way have names: $z$ goes into the ReLU, $h$ (for *hidden*) comes out of it.


# %%
def two_layer_forward(x, w1, b1, w2, b2):
    """x: (n, d_in) -> z: (n, d_hidden), h: (n, d_hidden), y_hat: (n, d_out)."""
    z = x @ w1.T + b1
    h = relu(z)
    return z, h, h @ w2.T + b2


plots.show(
    plots.graph(
        {
            "x": (0, 1, "x\n(n, d_in)"),
            "w1": (0, 0, "w1\n(d_hidden, d_in)"),
            "b1": (0, 2, "b1\n(d_hidden,)"),
            "z": (1.5, 1, "z\n(n, d_hidden)"),
            "h": (3, 1, "h = relu(z)\n(n, d_hidden)"),
            "w2": (3, 0, "w2\n(d_out, d_hidden)"),
            "b2": (3, 2, "b2\n(d_out,)"),
            "y_hat": (4.5, 1, "y_hat\n(n, d_out)"),
            "y": (4.5, 2, "y\n(n, d_out)"),
            "L": (6, 1, "L = mse\n()"),
        },
        [
            ("x", "z", "not needed"),
            ("w1", "z", "grad_w1"),
            ("b1", "z", "grad_b1"),
            ("z", "h", "grad_z"),
            ("h", "y_hat", "grad_h"),
            ("w2", "y_hat", "grad_w2"),
            ("b2", "y_hat", "grad_b2"),
            ("y_hat", "L", "grad_y_hat"),
            ("y", "L", ""),
        ],
        size=(10.0, 3.4),
    ),
    "backprop.net_graph",
)

# %% [markdown]
# Forward, follow the arrows. Backward, start at $L$ and go against them: every orange name is the result of one of your three functions, and what it needs stands right beside it.
#
# Here is one example in full, with 2 inputs, 2 hidden units and 1 output. Forward:
#
# $$x = (1, 2), \quad w_1 = \begin{pmatrix} 1 & 1 \\ 1 & -1 \end{pmatrix}, \quad b_1 = (0, 0) \quad\Rightarrow\quad z = (3, -1), \quad h = (3, 0)$$
#
# $$w_2 = (2, 1), \quad b_2 = -1 \quad\Rightarrow\quad \hat y = 2 \cdot 3 + 1 \cdot 0 - 1 = 5, \qquad y = 1, \qquad L = (5 - 1)^2 = 16$$
#
# Backward: `grad_y_hat` is $2 \cdot (5 - 1) = 8$. Then `grad_b2` is 8, `grad_w2` is $8 \cdot h = (24, 0)$, and `grad_h` is $8 \cdot w_2 = (16, 8)$. The second hidden unit was off, so `grad_z` is $(16, 0)$. Then `grad_b1` is $(16, 0)$, and `grad_w1` has the rows $16 \cdot x = (16, 32)$ and $(0, 0)$. A unit that is off learns nothing from this example.
#
# ### When the result is wrong: find the first wrong step
#
# An error at the end of the backward pass says little about where it came from. So compare every step on the way, in the order of the backward pass; the first one that differs is where the mistake is, and what follows it only inherits it. PyTorch keeps the gradients of intermediate results when asked (`retain_grad`):


# %%
def ask_autograd(x, y, w1, b1, w2, b2):
    """All gradients of the two-layer net's loss by name, in the order of the backward pass."""
    w1, b1, w2, b2 = (p.clone().requires_grad_() for p in (w1, b1, w2, b2))
    z, h, y_hat = two_layer_forward(x, w1, b1, w2, b2)
    for result in (z, h, y_hat):
        result.retain_grad()
    mse(y_hat, y).backward()
    tensors = {"y_hat": y_hat, "b2": b2, "w2": w2, "h": h, "z": z, "b1": b1, "w1": w1}
    return {name: tensor.grad for name, tensor in tensors.items()}


example = {
    "x": torch.tensor([[1.0, 2.0]]),
    "y": torch.tensor([[1.0]]),
    "w1": torch.tensor([[1.0, 1.0], [1.0, -1.0]]),
    "b1": torch.tensor([0.0, 0.0]),
    "w2": torch.tensor([[2.0, 1.0]]),
    "b2": torch.tensor([-1.0]),
}
for name, gradient in ask_autograd(**example).items():
    print(f"grad_{name:5} =", gradient.tolist())

# %% [markdown]
# ### Exercise: `two_layer_backward`
#
# {{ two_layer_backward }} Use your three functions, last step first, or write it out; again without autograd. The forward pass is there already. If the check says no, print your own steps for `example` and lay them beside the list above.


# %% exercise="two_layer_backward" seed=306
def two_layer_backward(x, y, w1, b1, w2, b2):
    """The gradients of the mean squared error of the two-layer net by its parameters.

    x: (n, d_in). y: (n, d_out).
    w1: (d_hidden, d_in). b1: (d_hidden,). w2: (d_out, d_hidden). b2: (d_out,).
    Returns a dict with the keys "w1", "b1", "w2", "b2"; each gradient has the shape of its parameter.

    >>> gradients = two_layer_backward(**example)
    >>> gradients["b2"], gradients["w2"]
    (tensor([8.]), tensor([[24.,  0.]]))
    >>> gradients["w1"]
    tensor([[16., 32.],
            [ 0.,  0.]])
    >>> two_outputs = {"w2": torch.ones(2, 2), "b2": torch.zeros(2), "y": torch.tensor([[0.0, -1.0]])}
    >>> gradients = two_layer_backward(**example | {"b1": torch.tensor([-4.0, 2.0])} | two_outputs)
    >>> gradients["b1"], gradients["b2"]
    (tensor([0., 3.]), tensor([1., 2.]))
    """
    z, h, y_hat = two_layer_forward(x, w1, b1, w2, b2)
    ### BEGIN SOLUTION
    grad_y_hat = mse_backward(y_hat, y)
    grad_h, grad_w2, grad_b2 = linear_backward(grad_y_hat, h, w2)
    grad_z = relu_backward(grad_h, z)
    _, grad_w1, grad_b1 = linear_backward(grad_z, x, w1)
    return {"w1": grad_w1, "b1": grad_b1, "w2": grad_w2, "b2": grad_b2}
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Walk through the picture from right to left. Which of your functions goes back over the last arrow, and what does it need?
#
# </details>
# <details><summary>Hint 2</summary>
#
# What a backward function calls `x` is what its layer received on the way forward. For the second affine map that is not the `x` of the net.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Each function's result is the next one's `grad_out`: the loss gives one for $\hat y$, the second map turns it into one for $h$, the ReLU into one for $z$.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied`: one of the layers got the input or the weight of the other.
#
# `KeyError: 'w1'`: the dict needs the four keys as texts: "w1", "b1", "w2", "b2".
#
# `NotImplementedError` from `linear_backward` or another: that exercise above is not done yet.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# A network that learns without autograd. It fits a wave with 40 hidden units, by 3,000 plain steps with your gradients. Beside it runs the same training with autograd, from the same start.

# %% guess="backprop.wave"

# %%
_ = torch.manual_seed(3)
x_wave = torch.linspace(-3, 3, 80)[:, None]
y_wave = torch.sin(2 * x_wave)
start = {
    "w1": torch.randn(40, 1),
    "b1": torch.randn(40),
    "w2": 0.3 * torch.randn(1, 40),
    "b2": torch.zeros(1),
}


def train(gradients_of, start, steps=3000, lr=0.02):
    """Plain gradient descent on the wave; returns the parameters and the losses."""
    params = {name: p.clone() for name, p in start.items()}
    losses = []
    for _ in range(steps):
        losses.append(mse(two_layer_forward(x_wave, **params)[2], y_wave).item())
        gradients = gradients_of(x_wave, y_wave, **params)
        for name, p in params.items():
            p -= lr * gradients[name]
    return params, losses


params, by_hand = train(two_layer_backward, start)
_, by_autograd = train(ask_autograd, start)

fit = two_layer_forward(x_wave, **params)[2]
wave = {"wave": y_wave}
plots.show(plots.curves({"your network": fit}, x_wave, points=wave, xlabel="x"), "backprop.wave")
losses = {"your gradients": by_hand, "autograd": by_autograd}
plots.show(
    plots.curves(losses, dashed="autograd", log="y", xlabel="steps", ylabel="loss"),
    "backprop.wave_loss",
)

# %% guard="backprop.wave"
# change: grad_z = relu_backward(grad_h, z) -> grad_z = grad_h
ours, theirs = torch.tensor(by_hand), torch.tensor(by_autograd)
assert torch.allclose(ours, theirs, rtol=0.02), "both trainings have the same losses"
assert by_hand[-1] < by_hand[0] / 20, "the network follows the wave"

# %% [markdown]
# ### A trap: zeros hide mistakes
#
# It is tempting to test a backward pass with simple numbers, and zero is the simplest. Watch. The function below has a mistake: it forgets the ReLU on the way back. It is compared with autograd twice: with $w_2$ full of zeros, and with random $w_2$.


# %% guess="backprop.zeros"


# %%
def without_relu(x, y, w1, b1, w2, b2):
    """A wrong gradient of w1: the ReLU is left out on the way back."""
    y_hat = two_layer_forward(x, w1, b1, w2, b2)[2]
    return (mse_backward(y_hat, y) @ w2).T @ x


_ = torch.manual_seed(4)
case = {
    "x": draw(6, 3),
    "y": draw(6, 2),
    "w1": draw(4, 3),
    "b1": draw(4),
    "w2": torch.zeros(2, 4).double(),
    "b2": draw(2),
}
hidden_by_zero = relative_error(without_relu(**case), ask_autograd(**case)["w1"])
case["w2"] = draw(2, 4)
seen = relative_error(without_relu(**case), ask_autograd(**case)["w1"])
print("with w2 = 0:      relative error", round(hidden_by_zero, 2))
print("with random w2:   relative error", round(seen, 2))
outcome("backprop.zeros")

# %% guard="backprop.zeros"
# change: torch.zeros(2, 4).double() -> torch.ones(2, 4).double()
assert hidden_by_zero == 0, "with zeros the wrong formula gives no error"
assert seen > 0.5, "with random numbers the mistake is seen"

# %% [markdown]
# With zeros in $w_2$ nothing comes through to the first layer. Its gradient is 0, and 0 is also what the wrong formula gives. Check gradients with random numbers, with shapes whose sizes all differ, and with more than one example; every equality that you allow by chance can hide a mistake.

# %% [markdown]
# ## An engine that finds gradients by itself · extra
#
# You went backward through one particular network and wrote down every step. PyTorch does it for any computation, because it records the computation as a *graph* while you compute. The same, for single numbers, fits into a few lines.
#
# A `Node` is one number of the computation. Beside its value it keeps its `parents`, the nodes that it was computed from, and its `local_grads`: its local derivative by each parent, in the same order. Its own gradient starts at 0.


# %%
class Node:
    """A number in a computation, with what it was computed from."""

    def __init__(self, data, parents=(), local_grads=()):
        self.data = data  # the value
        self.grad = 0.0  # the derivative of the result by this node, to be filled in
        self.parents = parents
        self.local_grads = local_grads  # the derivative of this node by each parent

    def __add__(self, other):
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Node(self.data * other.data, (self, other), (other.data, self.data))


a, b = Node(2.0), Node(3.0)
p = a * b
u = p * a
out = u + p
print("p =", p.data, " u =", u.data, " out =", out.data)
print("u has the local derivatives", u.local_grads, "by its parents p and a")

# %% [markdown]
# With `__add__` and `__mul__` Python's `+` and `*` work on nodes, and every result remembers where it came from. Look at the formula for `*`: the local derivative of $a \cdot b$ by $a$ is $b$.
#
# The graph of this computation is not a chain. Two nodes are used twice: $a$ goes into $p$ and $u$, and $p$ goes into $u$ and `out`. For such a graph the chain rule has a second half: along a path the rates multiply, and **over all paths they add up**. Two things follow for the code.
#
# - **Add, do not assign.** A node that is used twice receives two contributions.
# - **Wait until a node is complete.** $p$ hears from `out` directly ($1$) and by way of $u$ ($1 \cdot a = 2$). Together that is 3, and 3 is what it must pass on to $a$ and $b$. If it passes on the 1 before the 2 has come, part of the gradient is lost.
#
# So go through the nodes in an order in which each comes *after everything that was computed from it*: here `out`, $u$, $p$, then $a$ and $b$. That is called a *topological order*, read from the end.
#
# Guess how large the gradient of $a$ will be, then fill the graph one node at a time: first the values, then the gradients. The column *came back* shows what a node has received; in orange on an arrow stands what came over it. Afterwards choose other values for $a$ and $b$. For which $a$ is its gradient 0 while $b = 3$? (The answer is below.)

# %%
explore.graph(
    {"a": 2, "b": 3},
    {"p": "a * b", "u": "p * a", "out": "u + p"},
    ask=("The gradient of a, which is used twice:", ["6", "9", "15", "18"]),
)

# %% [markdown]
# By hand: `out` gets 1. It gives $1 \cdot 1$ to $u$ and to $p$. Then $u$ gives $1 \cdot a = 2$ to $p$ (now 3) and $1 \cdot p = 6$ to $a$. Then $p$ gives $3 \cdot b = 9$ to $a$ (now 15) and $3 \cdot a = 6$ to $b$. Compare with the formula: $\text{out} = a^2 b + ab$ has the derivative $2ab + b = 15$ by $a$ and $a^2 + a = 6$ by $b$. The first is $(2a + 1)\,b$, which is 0 at $a = -0.5$.

# %% [markdown]
# ### Exercise: `backward`
#
# {{ backward }} Fill the `.grad` of every node of the graph. Gradients accumulate, as in PyTorch: what a leaf already holds from an earlier graph stays, and the new is added. Inner nodes belong to one graph, which is gone through once, so their `.grad` is 0 when you come. Leave everything else of the graph as it is. The check has graphs of about ten nodes.


# %% exercise="backward" seed=307
def backward(node):
    """Add to n.grad, for every node n that `node` was computed from, the derivative of `node` by n.

    node: a Node; also its own grad grows, by 1.
    Returns nothing.

    >>> a = Node(3.0)
    >>> backward(a * a)
    >>> a.grad
    6.0
    """
    ### BEGIN SOLUTION
    order, seen = [], set()

    def visit(n):
        if n not in seen:
            seen.add(n)
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    node.grad += 1.0
    for n in reversed(order):
        for parent, local_grad in zip(n.parents, n.local_grads):
            parent.grad += local_grad * n.grad
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two separate parts: first find the order, then go through it once. The second part is a short loop.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For the second part: when it is a node's turn, its `grad` is complete. What does it add to each of its parents?
#
# </details>
# <details><summary>Hint 3</summary>
#
# For the order: a function that visits a node first visits all its parents, and only then writes the node down. A set of nodes already seen keeps it from writing one down twice. In the list that results, parents come before what was computed from them; you need it the other way round.
#
# </details>
# <details><summary>Hint 4</summary>
#
# Nothing moves unless somebody starts. What is the derivative of `node` by itself?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RecursionError: maximum recursion depth exceeded`: your function visits the same node again and again. It has to go on to the node's parents; a leaf has none, and there it ends.
#
# `UnboundLocalError: cannot access local variable 'order'`: an inner function assigns to a name of the outer one. Lists have a method `append`, which changes them without assigning anew.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The graph from above after your `backward`. In each box: value and gradient. On each arrow: what came back over it. What arrives at a box adds up to its gradient.

# %%
for node in [a, b, p, u, out]:
    node.grad = 0.0  # so that you may run this cell again
backward(out)

places = {"a": (0, 0), "b": (0, 2), "p": (1.2, 1.4), "u": (2.4, 0.4), "out": (3.6, 1)}
nodes = {"a": a, "b": b, "p": p, "u": u, "out": out}
formulas = {"a": "a", "b": "b", "p": "p = a b", "u": "u = p a", "out": "out = u + p"}
names = {node: name for name, node in nodes.items()}
plots.show(
    plots.graph(
        {
            name: (*places[name], f"{formulas[name]}\n{node.data:g}, grad {node.grad:g}")
            for name, node in nodes.items()
        },
        [
            (names[parent], name, f"{local_grad * node.grad:g}")
            for name, node in nodes.items()
            for parent, local_grad in zip(node.parents, node.local_grads)
        ],
        size=(8.5, 3.0),
    ),
    "backprop.filled_graph",
)

# %% [markdown]
# One more function, the ReLU, and the engine can do the network of the worked example. Every weight is a node of its own here. The gradients are those that you found by hand, and those of autograd.


# %%
def relu_node(n):
    return Node(max(n.data, 0.0), (n,), (1.0 if n.data > 0 else 0.0,))


x1, x2, minus_y = Node(1.0), Node(2.0), Node(-1.0)
w1 = [[Node(1.0), Node(1.0)], [Node(1.0), Node(-1.0)]]
w2, b2 = [Node(2.0), Node(1.0)], Node(-1.0)

hidden = [relu_node(row[0] * x1 + row[1] * x2) for row in w1]
error = w2[0] * hidden[0] + w2[1] * hidden[1] + b2 + minus_y
loss = error * error
backward(loss)

print("loss:   ", loss.data)
print("grad_b2:", b2.grad)
print("grad_w2:", [weight.grad for weight in w2])
print("grad_w1:", [[weight.grad for weight in row] for row in w1])

# %% [markdown]
# PyTorch's autograd is this, with tensors in place of numbers: each operation brings its own backward function, such as your `linear_backward`, and one walk in topological order calls them all.

# %% [markdown]
# ## What you have now
#
# - The **chain rule**: rates multiply along a path and add up over paths.
# - **Back-propagation** starts with 1 at the loss and goes back over each step with its local derivative. One backward pass gives the gradients of all parameters.
# - Each **backward function** needs the gradient by its output and what it received on the way forward, nothing else. A gradient has the shape of what it belongs to.
# - What was **broadcast** forward is **summed** backward; what was used twice receives twice.
# - A **numerical gradient** checks any formula: central differences, float64, random points away from kinks. Too large an eps and too small an eps are both wrong.
# - A **test** is code that says yes or no. It has to accept everything that is right, and to look where something can go wrong. *(extra)*
# - When a result is wrong, compare every intermediate step; the **first** that differs is the mistake.
#
# Lesson 04 puts another loss at the end, the one for classes, and its gradient turns out to be the simplest of all.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like. Double-click the cells in italics to write.
#
# ### Should I start all parameters alike, at zero or at 0.1?

# %% guess="backprop.zero_start"

# %%
ends, different = {}, {}
for name, value in {"zero": 0.0, "0.1": 0.1}.items():
    equal = {key: torch.full_like(p, value) for key, p in start.items()}
    params, losses = train(two_layer_backward, equal)
    units = torch.cat([params["w1"], params["b1"][:, None], params["w2"].T], dim=1)
    ends[name], different[name] = losses[-1], len(units.round(decimals=3).unique(dim=0))
    print(f"all start at {name}: loss {losses[0]:.2f} -> {losses[-1]:.2f},", end=" ")
    print(f"different hidden units: {different[name]}")
print(f"random start: loss {by_hand[0]:.2f} -> {by_hand[-1]:.2f}")
outcome("backprop.zero_start")

# %% guard="backprop.zero_start"
# change: torch.full_like(p, value) for -> p + value for
assert [*different.values()] == [1, 1], "all hidden units stay alike"
assert min(ends.values()) > 5 * by_hand[-1], "the loss hardly falls"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I check a network with a larger eps?

# %% guess="backprop.net_eps"

# %%
_ = torch.manual_seed(5)
case = {
    "x": draw(500, 3),
    "y": draw(500, 2),
    "w1": draw(20, 3),
    "b1": draw(20),
    "w2": draw(2, 20),
    "b2": draw(2),
}
exact = two_layer_backward(**case)["w1"]


def loss_of_w1(w1):
    return mse(
        two_layer_forward(**{key: case[key] for key in ("x", "b1", "w2", "b2")}, w1=w1)[2],
        case["y"],
    )


steps = torch.logspace(-10, -1, 28).tolist()
errors = [
    (numerical_gradient(loss_of_w1, case["w1"], eps) - exact).abs().max().item() for eps in steps
]
plots.show(
    plots.curves(
        {"largest error in grad_w1": errors}, steps, xlabel="eps", ylabel="error", log="xy"
    ),
    "backprop.net_eps",
)

# %% guard="backprop.net_eps"
# change: "b1": draw(20), -> "b1": draw(20) + 100,
jumps = [after / before for before, after in zip(errors, errors[1:])]
assert max(jumps) > 1e4, "the error jumps up by many powers of ten at once"
assert 1e-6 < steps[errors.index(min(errors))] < 1e-3, "it is least near eps 5e-5"

# %% [markdown]
# *What happened, and why:* (With 500 examples and 20 hidden units there are 10,000 places where a kink may be near. Between kinks this loss is a parabola in each weight, and for a parabola the central difference is exact.)

# %% [markdown]
# ### Should I do without the topological order?
#
# One can also walk down every path separately, multiply along it and add at its end. That gives the right gradients. What does it cost? In the graph below every node is used twice by the next, so that a few nodes have very many paths.


# %% guess="backprop.paths"


# %%
def visits_by_paths(node):
    """How many visits it takes to walk down every path."""
    return 1 + sum(visits_by_paths(parent) for parent in node.parents)


visits = {}
for rungs in [5, 10, 15]:
    node = Node(1.0)
    for _ in range(rungs):
        node = node + node
    visits[rungs + 1] = visits_by_paths(node)
    print(f"{rungs + 1:2} nodes: {rungs + 1} visits in topological order,", end=" ")
    print(f"{visits[rungs + 1]:,} by paths")
outcome("backprop.paths")

# %% guard="backprop.paths"
# change: node = node + node -> node = node + Node(1.0)
assert visits == {6: 63, 11: 2047, 16: 65535}, "the visits by paths double with every node"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson belongs to lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). The lecture introduces back-propagation in a few sentences: compute the loss, take its derivative by every weight with the chain rule, subtract. Here are a few things that you will meet said differently.
#
# - **"Back-propagation" for the whole of training.** It is the way to compute the gradient, and nothing more. What is done with the gradient, the step, is lesson 02.
# - **Weights that start at zero**, as in small examples of some books. Then the first layer's gradient is zero whether it was computed rightly or not, and hidden units that start alike stay alike (see the first experiment).
# - **Gradients judged by "not None", or by a loss that goes down.** A wrong gradient often still points roughly downhill. Compare values.
# - **Other tiny engines.** The idea of an engine for single numbers is best known from Andrej Karpathy's *micrograd*. There each node carries a function that goes back over its own step; here it carries the numbers that such a function would use. The walk is the same.
