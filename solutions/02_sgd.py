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
# # 02 · Gradient descent by hand
#
# **You will build** the loop that trains every network in this course: a loss, its gradient, a step against it, minibatches, and momentum. With it you fit a line to a thousand points, and you watch it walk.
#
# **Time:** about {{ time }}. **It builds on** tensors, products of matrices, and the derivative of $x^2$. Lesson 01 is of use, but no code of it is needed.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`, run the cell (Shift+Enter), then run the check below it. The hints below each check open with a click, the vaguest first. A check calls your code several times, also with its arguments by name and with tensors that are stored in another order, as a transpose is. A result has the dtype of the inputs. Your code leaves its arguments, PyTorch's settings and its random numbers as they are, unless the exercise asks for a change, and keeps nothing from one call to the next.

# %%
import torch

from course_utils import check, explore, outcome, plots
from course_utils.exercises.sgd import ReproduceMomentumStep

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. A layer has 784 inputs and 10 outputs. Which shape has its weight matrix?</summary>
#
# `(10, 784)`: a row for each output, a column for each input (lesson 01).
#
# </details>
# <details><summary>2. `x` has shape `(64, 784)` and `weight` the shape above. What is the product for the whole batch?</summary>
#
# `x @ weight.T`, of shape `(64, 10)`. The two inner sizes agree and vanish.
#
# </details>
# <details><summary>3. Which of these are parameters, which are activations: weights, hidden numbers, biases, outputs?</summary>
#
# Weights and biases are parameters: they are stored and trained. Hidden numbers and outputs are activations: they are computed for each input.
#
# </details>
# <details><summary>4. Two affine maps in a row, nothing in between. What are they together?</summary>
#
# One affine map. Only something that is not affine between them, such as a ReLU, makes them worth more.
#
# </details>
# <details><summary>5. What is the derivative of $x^2$, and what does it say at $x = 3$?</summary>
#
# $2x$, so 6: where $x$ grows by a little, $x^2$ grows about six times as much.
#
# </details>

# %% [markdown]
# ## A line through a thousand points
#
# Here are a thousand *examples*. Each has one input number, between 0 and 2, and one number to be predicted, the *target* $y$. The points scatter around a line.

# %%
generator = torch.Generator().manual_seed(0)
inputs = 2 * torch.rand(1000, generator=generator)
y = 1.5 * inputs + 0.5 + 0.3 * torch.randn(len(inputs), generator=generator)

line = {"a bad guess: slope -1, intercept 1": 1 - inputs}
plots.show(
    plots.curves(line, inputs, points={"examples": y}, xlabel="input", ylabel="target y"),
    "sgd.cloud",
)

# %% [markdown]
# A line has two parameters: its *slope* and its *intercept*, the height at input 0. Its prediction is
#
# $$\hat y = \text{slope} \cdot \text{input} + \text{intercept}$$
#
# ($\hat y$ is read "y hat"; the hat says that it is a prediction, not the true $y$.) The blue line above is a guess. You will let the computer improve it.
#
# One trick makes the code shorter. Give every example a second input that is always 1. Then the intercept is a weight like any other: it multiplies the 1. So $x$ has shape `(n, 2)`, the parameters are one vector $w = (\text{slope}, \text{intercept})$ of shape `(2,)`, and all predictions together are the product `x @ w`, of shape `(n,)`.

# %%
x = torch.stack([inputs, torch.ones(len(inputs))], dim=1)
bad_guess = torch.tensor([-1.0, 1.0])

print("x:    ", tuple(x.shape))
print("w:    ", tuple(bad_guess.shape))
print("x @ w:", tuple((x @ bad_guess).shape))
print("y:    ", tuple(y.shape))

# %% [markdown]
# ## How wrong? The loss
#
# To improve the guess you must know how bad it is, as a single number. The usual one is the *mean squared error*, MSE for short: take the error $\hat y - y$ of every prediction, square it, average. Try it by hand for three predictions:
#
# | | first | second | third |
# |---|---|---|---|
# | prediction $\hat y$ | 1 | 2 | 5 |
# | target $y$ | 1 | 4 | 4 |
# | error $\hat y - y$ | 0 | −2 | 1 |
# | its square | 0 | 4 | 1 |
#
# The mean of the last row is $5/3 \approx 1.667$. Squaring does two things: errors of either sign count, and one large error counts more than two of half its size.
#
# Such a number, which training tries to make small, is called a *loss*.
#
# ### A trap: shapes that fit too well
#
# Suppose that your predictions come as a column, of shape `(3, 1)`, and the targets as a plain vector, of shape `(3,)`. What is their difference?

# %% guess="sgd.shapes"

# %%
predictions = torch.tensor([[1.0], [2.0], [5.0]])
targets = torch.tensor([1.0, 4.0, 4.0])

print("shape of the difference:", tuple((predictions - targets).shape))
print(predictions - targets)
outcome("sgd.shapes")

# %% guard="sgd.shapes"
# change: [[1.0], [2.0], [5.0]] -> [1.0, 2.0, 5.0]
assert (predictions - targets).shape == (3, 3), "the difference has shape (3, 3)"

# %% [markdown]
# Nine numbers from three predictions. PyTorch *broadcast* the two shapes to `(3, 3)`: every prediction against every target. No error is raised; a mean of these nine squares is a loss like any other, goes down in training like any other, and is wrong. So your loss function is going to refuse shapes that differ.

# %% [markdown]
# ### Exercise: `mse`
#
# {{ mse }} The mean is over all elements, whatever the shape. Unequal shapes are a `ValueError`. `F.mse_loss` and `nn.MSELoss` would do the work for you: they are not allowed.


# %% exercise="mse" seed=201
def mse(y_hat, y):
    """The mean of the squared differences over all elements.

    y_hat, y: tensors of the same shape, which may be any with at least one number in it.
    Returns a tensor of shape (), through which gradients flow.
    Raises ValueError where the shapes differ.

    >>> mse(torch.tensor([1.0, 2.0, 5.0]), torch.tensor([1.0, 4.0, 4.0]))
    tensor(1.6667)
    """
    ### BEGIN SOLUTION
    if y_hat.shape != y.shape:
        raise ValueError(f"y_hat has shape {tuple(y_hat.shape)}, y has shape {tuple(y.shape)}")
    return ((y_hat - y) ** 2).mean()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# No loop is needed: subtraction and squaring act on all elements at once. Which method takes the mean of all of them?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Shapes can be compared like numbers: `a.shape == b.shape`, `a.shape != b.shape`. An error is raised with `raise ValueError("what is wrong")`, before anything is computed.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (2) must match the size of tensor b (3)`: that is torch, refusing shapes that cannot be broadcast. Your own comparison has to come first, and has to raise a `ValueError`.
#
# `NameError: name 'mean' is not defined`: the mean is a method of tensors, as in `errors.mean()`, and a function of torch, `torch.mean`.
#
# `NotImplementedError: "bitwise_xor_cpu" not implemented for 'Float'`: a power is written `**` in Python; `^` is another operation.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# There is one loss for every choice of slope and intercept. Your `mse`, computed for 60 × 60 choices, gives a landscape. Here it is seen from above, like a map: along a line the loss is the same, dark is low. The star marks the lowest point, found with another method (`torch.linalg.lstsq`). The ring is the bad guess.

# %% guess="sgd.surface"

# %%
slopes, intercepts = torch.linspace(-1.5, 3.5, 60), torch.linspace(-1.5, 3.5, 60)
losses = torch.tensor(
    [[mse(x @ torch.tensor([slope, intercept]), y) for slope in slopes] for intercept in intercepts]
)
best = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]

landscape = {
    "x": slopes,
    "y": intercepts,
    "z": losses,
    "lowest": best,
    "xlabel": "slope",
    "ylabel": "intercept",
}
plots.show(
    plots.surface(**landscape, paths={"the bad guess": bad_guess[None]}),
    "sgd.surface",
)
print(
    "lowest loss:      ",
    f"{mse(x @ best, y):.3f}",
    "at slope",
    f"{best[0]:.2f}",
    "and intercept",
    f"{best[1]:.2f}",
)
print("loss of the guess:", f"{mse(x @ bad_guess, y):.2f}")

# %% guard="sgd.surface"
# change: torch.stack([inputs, torch.ones -> torch.stack([inputs - 1, torch.ones
curvatures = torch.linalg.eigvalsh(2 / len(x) * x.T @ x)
assert curvatures[1] > 10 * curvatures[0], "the valley is long and narrow"
assert (best - torch.tensor([1.5, 0.5])).abs().max() < 0.1, "the lowest point is near (1.5, 0.5)"
assert mse(x @ best, y) > 0.05, "the lowest loss is not 0"

# %% [markdown]
# The valley is long and narrow. A steeper line with a lower intercept fits nearly as well, so along the valley the loss changes little; across it, much. Remember the shape: it makes the trouble that momentum will cure. And the lowest loss is not 0, because the points scatter: no line goes through them all.

# %% [markdown]
# ## Which way is down? The gradient
#
# With two parameters you can draw the map and look. With 50,000 you cannot. What you can always do is ask at the place where you stand: if I change this one parameter a little, how does the loss change? That number is the *partial derivative* of the loss by the parameter. All of them together, one for each parameter, are the *gradient*. It points to where the loss grows fastest, so its opposite points downhill.
#
# Derive it on paper, in three steps. Number the examples $i = 1, \dots, n$ and the parameters $j = 1, \dots, d$; here $d = 2$. The prediction of example $i$ is $\hat y_i = w_1 x_{i1} + \dots + w_d x_{id}$.
#
# 1. The error of one example is $e_i = \hat y_i - y_i$. When $w_j$ grows by 1, $\hat y_i$ grows by $x_{ij}$, and so does $e_i$: the derivative of $e_i$ by $w_j$ is $x_{ij}$.
# 2. The derivative of $e_i^2$ by $e_i$ is $2 e_i$. One change drives the next, and rates multiply (the *chain rule*; lesson 03 is about nothing else): the derivative of $e_i^2$ by $w_j$ is $2 e_i x_{ij}$.
# 3. The loss is the mean of all $e_i^2$, so its derivative is the mean of theirs:
#
# $$g_j = \frac{2}{n} \sum_{i=1}^{n} e_i \, x_{ij}$$
#
# A worked example with $n = 3$ and $d = 2$. Take $w = (1, 0)$:
#
# | $i$ | $x_{i1}$ | $x_{i2}$ | $\hat y_i$ | $y_i$ | $e_i$ | $e_i x_{i1}$ | $e_i x_{i2}$ |
# |---|---|---|---|---|---|---|---|
# | 1 | 1 | 1 | 1 | 0 | 1 | 1 | 1 |
# | 2 | 2 | 1 | 2 | 2 | 0 | 0 | 0 |
# | 3 | 0 | 1 | 0 | 3 | −3 | 0 | −3 |
#
# The sums of the last two columns are 1 and −2, and so $g = \frac23 (1, -2) \approx (0.667, -1.333)$. In words: a larger slope would make the loss larger, a larger intercept would make it smaller.

# %% [markdown]
# ### Exercise: `mse_gradient`
#
# {{ mse_gradient }} Write the gradient of $\frac1n \sum_i (\hat y_i - y_i)^2$ with $\hat y$ = `x @ w`. Work with whole tensors. PyTorch could find the gradient by itself (*autograd*, further down); here you do it, so whatever finds gradients in PyTorch is not allowed. `w`, `x` and `y` have one dtype, and so has the gradient.


# %% exercise="mse_gradient" seed=202
def mse_gradient(w, x, y):
    """The gradient by w of the mean squared error of x @ w.

    w: the parameters, of shape (d,).
    x: the inputs, of shape (n, d). y: the targets, of shape (n,).
    Returns a tensor of shape (d,).

    >>> w = torch.tensor([1.0, 0.0])
    >>> x = torch.tensor([[1.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    >>> y = torch.tensor([0.0, 2.0, 3.0])
    >>> mse_gradient(w, x, y)
    tensor([ 0.6667, -1.3333])
    """
    ### BEGIN SOLUTION
    return 2 / len(x) * x.T @ (x @ w - y)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Begin with all the errors at once. Which shape do they have? It should be `(n,)`; if it is `(n, n)`, read the trap above again.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The sum over $i$ of $e_i x_{ij}$ is a product of a matrix and a vector: a sum over the index that both have in common. Which dimension of `x` is $i$? Does it have to be turned to meet the errors?
#
# </details>
# <details><summary>Hint 3</summary>
#
# Write the shapes down: something of shape `(d, n)` times something of shape `(n,)` gives `(d,)`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: size mismatch, got input (7), mat (7x3), vec (7)`: the sum has to run over the examples, and in `x` they come first. Turn `x`.
#
# `RuntimeError: inconsistent tensor size, expected tensor [3] and src [7] to have the same number of elements`: a product of two vectors of different lengths. One of them should be a matrix.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Next come arrows on the map: your gradient with its sign turned, the way down, at 64 places.

# %% guess="sgd.arrows"

# %%
places = torch.cartesian_prod(torch.linspace(-1.2, 3.2, 8), torch.linspace(-1.2, 3.2, 8))
down = torch.stack([-mse_gradient(place, x, y) for place in places])
plots.show(plots.arrows(landscape, places, down), "sgd.arrows")

# %% guard="sgd.arrows"
# change: -mse_gradient(place, x, y) for -> best - place for
to_the_star = torch.nn.functional.cosine_similarity(down, best - places)
assert (to_the_star > 0.95).float().mean() < 0.25, "hardly an arrow points at the star"

# %% [markdown]
# Every arrow stands at a right angle to its contour line. On the steep sides they are long and point across the valley. At its bottom they are almost too short to see. Hardly one of them points at the star: downhill is a local direction and knows nothing of the goal.

# %% [markdown]
# ## A step downhill
#
# *Gradient descent* is one line, done again and again. Take the gradient $g$ where you stand. Go a little way against it:
#
# $$w \leftarrow w - \mathrm{lr} \cdot g$$
#
# The arrow $\leftarrow$ means "becomes". The number lr is the *learning rate*: it says how far to go. You choose it, so it is a *hyperparameter*.
#
# In a network there are many parameter tensors. Each keeps its gradient in an attribute of its own: `p.grad` belongs to `p` and has the same shape. It is a place to put a tensor, no more: for now you fill it yourself, as in `w.grad = mse_gradient(w, x, y)`; further down PyTorch will. Where nobody has put a gradient, because the parameter took no part in computing the loss, `p.grad` is `None`.
#
# ### In place, or not at all
#
# The step must change the very tensors that the network holds. Look closely at the difference between these two:

# %%
model_weight = torch.tensor([1.0])
p = model_weight
p = p - 0.25
print("after p = p - 0.25: p is", p.item(), "and the model has", model_weight.item())

model_weight = torch.tensor([1.0])
p = model_weight
p -= 0.25
print("after p -= 0.25:    p is", p.item(), "and the model has", model_weight.item())

# %% [markdown]
# `p = p - ...` computes a *new* tensor and lets the name `p` point to it. The model keeps the old one and learns nothing, without any error. `p -= ...` changes the tensor *in place*. So does every method whose name ends in an underscore, such as `p.sub_(...)`.
#
# One more thing. PyTorch records what you compute with parameters, so that it can find gradients later. The update is no part of the model, so it must not be recorded, and PyTorch refuses to change a recorded parameter in place. Inside `with torch.no_grad():` nothing is recorded.

# %% [markdown]
# ### Exercise: `sgd_step`
#
# {{ sgd_step }} The step for a list of parameters. (SGD stands for *stochastic gradient descent*; where chance comes in, you will see below.) It reads `.grad` and leaves it as it is, skips parameters whose `.grad` is `None`, and returns nothing. The optimizers of `torch.optim` and the functions inside them are not allowed. Parameters may be float64.


# %% exercise="sgd_step" seed=203
def sgd_step(params, lr):
    """Move every parameter against its gradient, in place.

    params: a list of tensors of any shape; the .grad of each has its shape, or is None.
    lr: the learning rate, a float.
    Returns nothing.

    >>> p = torch.tensor([1.0, 2.0])
    >>> p.grad = torch.tensor([10.0, -20.0])
    >>> sgd_step([p], lr=0.25)
    >>> p
    tensor([-1.5000,  7.0000])
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A loop over the parameters is right here; there are few, and each is a whole tensor. What do you do when there is no gradient?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The formula is above; write it in place. Where does `with torch.no_grad():` have to stand so that every update is inside?
#
# </details>
# <details><summary>Hint 3</summary>
#
# If the card says that the gradient has changed: `g.mul_(lr)` and `g *= lr` write into the gradient. `lr * g` makes a new tensor.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.`: a *leaf* is a parameter. PyTorch is recording; use `torch.no_grad()`.
#
# `TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'`: a parameter has no gradient. Skip it.
#
# `RuntimeError: Boolean value of Tensor with more than one value is ambiguous`: `if p.grad:` asks whether all the numbers are true. Ask whether there is a gradient: `is None`, `is not None`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The function `walk` below takes your steps with your gradient and writes down every place. Three learning rates, 25 steps each, all from the bad guess:


# %%
def plain(lr):
    """Your step with this learning rate."""
    return lambda params: sgd_step(params, lr)


def walk(take_step, steps):
    """The places (steps + 1, 2) on the way from the bad guess; take_step moves a list of parameters."""
    w = bad_guess.clone()
    places = [w.clone()]
    for _ in range(steps):
        w.grad = mse_gradient(w, x, y)
        take_step([w])
        places.append(w.clone())
    return torch.stack(places)


def losses_on(path):
    """The loss at every place of a path (steps + 1, 2)."""
    return [mse(x @ w, y).item() for w in path]


# %% guess="sgd.rates_loss"

# %%
paths = {f"lr = {lr}": walk(plain(lr), steps=25) for lr in [0.02, 0.2, 0.45]}
ways = {name: losses_on(path) for name, path in paths.items()}
plots.show(plots.surfaces(landscape, paths), "sgd.rates")
plots.show(
    plots.curves(ways, range(26), xlabel="steps", ylabel="loss", log="y"),
    "sgd.rates_loss",
)

# %% guard="sgd.rates_loss"
# change: [0.02, 0.2, 0.45] -> [0.02, 0.2, 0.3]
small, middle, large = (losses[-1] for losses in ways.values())
assert small > 2 * middle, "the small rate is still far up after 25 steps"
assert large > 2 * middle, "the large rate falls slowly"

# %% [markdown]
# A small learning rate is safe and slow. A large one jumps across the valley from side to side; a little larger still, and every jump ends higher than it began. In between you reach the bottom of the valley soon. But along the bottom every step is short, because the gradient is.

# %% [markdown]
# ### How large may a step be? · extra
#
# Stand at the distance $r$ from the lowest point, along the valley or straight across it. There the loss gets steeper evenly with the distance: the gradient is $c \, r$, with a number $c$ that is called the *curvature* of this direction. A step makes $r - \mathrm{lr} \cdot c \, r$ of $r$, so each step multiplies the distance by
#
# $$1 - \mathrm{lr} \cdot c$$
#
# A factor between 0 and 1 creeps, one between −1 and 0 jumps from side to side and still comes closer, and beyond −1 every jump is longer than the last. That is at $\mathrm{lr} = 2 / c$, and the largest $c$, across the valley, decides for all. The smallest one, along it, decides how long you wait.
#
# Where do the curvatures come from? The second derivatives of the loss, by every two of the parameters, form a symmetric matrix with a row and a column for each parameter, the *Hessian*. On its diagonal stand the curvatures along single parameters. But the valley need not run along a parameter. The directions in which the formula above holds are the Hessian's *eigenvectors*, and their curvatures its *eigenvalues*. By hand:
#
# $$H = \begin{pmatrix} 3 & 1 \\ 1 & 3 \end{pmatrix} \qquad H \begin{pmatrix} 1 \\ 1 \end{pmatrix} = 4 \begin{pmatrix} 1 \\ 1 \end{pmatrix} \qquad H \begin{pmatrix} 1 \\ -1 \end{pmatrix} = 2 \begin{pmatrix} 1 \\ -1 \end{pmatrix}$$
#
# Where both parameters move together the curvature is 4, more than either has alone, and 2 where they move against each other. So the edge is at 2 / 4 = 0.5.

# %% [markdown]
# ### Exercise: `largest_lr` · extra
#
# {{ largest_lr }} The learning rate from which on gradient descent no longer comes closer to the lowest point of a bowl with this Hessian. `torch.linalg.eigvalsh` gives the eigenvalues of a symmetric matrix, and you may use it, or whatever else you find.


# %% exercise="largest_lr" seed=209
def largest_lr(hessian):
    """The learning rate at the edge between coming closer and flying off.

    hessian: the second derivatives of the loss, a symmetric tensor of shape (d, d); at least one
    of its eigenvalues is positive; none is negative, but rounding may bring a 0 a little below 0.
    Returns a float.

    >>> largest_lr(torch.tensor([[3.0, 0.0], [0.0, 8.0]]))
    0.25
    """
    ### BEGIN SOLUTION
    return 2 / torch.linalg.eigvalsh(hessian).max().item()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A step multiplies the distance in each direction by $1 - \mathrm{lr} \cdot c$. Which of the directions is the first to reach −1 as lr grows?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Solve $1 - \mathrm{lr} \cdot c = -1$ for lr, with the curvature that decides. Not every function that finds eigenvalues returns them in order.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `a Tensor with 2 elements cannot be converted to Scalar`: there is one eigenvalue for each direction, and one learning rate for all of them. `.item()` makes a number of a tensor that holds a single one.
#
# </details>

# %% [markdown]
# ### What you should now see · extra
#
# The loss of the line is a bowl too. Its Hessian is $\frac2n x^T x$: the derivative of the gradient above by $w$. (It does not depend on $w$, so the bowl is equally curved everywhere.) Your edge, and your steps a little below it and a little above:

# %% guess="sgd.edge"

# %%
edge = largest_lr(2 / len(x) * x.T @ x)
print(f"the edge is at lr = {edge:.3f}")
near = {share: losses_on(walk(plain(share * edge), steps=40)) for share in [0.97, 1.03]}
for share, losses in near.items():
    print(
        f"lr = {share} * edge: loss {losses[0]:.1f} at first, {losses[20]:.2f} after 20 steps,",
        f"{losses[40]:.2f} after 40",
    )
outcome("sgd.edge")

# %% guard="sgd.edge"
# change: [0.97, 1.03] -> [0.97, 0.98]
# change: torch.linalg.eigvalsh(hessian).max() -> torch.linalg.eigvalsh(hessian).min()
below, above = near.values()
assert below[40] < below[20] < below[0], "a little below the edge the loss falls"
assert above[40] > above[20] > above[0], "a little above it grows"

# %% [markdown]
# ### Exercise: `expose_sgd_step` · extra
#
# Nineteen wrong `sgd_step`s are known to this course. With one parameter, one gradient and a rate of 1 most of them look right. A good test is not a long one, it is one in which something can go wrong.
#
# {{ expose_sgd_step }} A *case* is a dict with the keys `"params"` (a list of tensors), `"grads"` (a list with the gradient of each, or None) and `"lr"` (a number). Hand in one or two of them, with at most 12 numbers in the tensors of each case, gradients included, and what `params[0]` is after the step for the first case, worked out on paper: without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_sgd_step"
def expose_sgd_step():
    """Inputs that show wrong answers to `sgd_step` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the arguments, and what right code
    gives for the first of them.

    >>> cases, expected = expose_sgd_step()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    first = {
        "params": [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])],
        "grads": [None, torch.tensor([-4.0, 2.0])],
        "lr": 0.5,
    }
    second = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(3.0)], "lr": 0.1}
    return [first, second], torch.tensor([1.0, 2.0])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which inputs are special for a step? Think of how many parameters there are, of their shapes, and of gradients that are not there.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A parameter whose gradient is None ends some steps, and others never come to the parameters after it. Where in the list should it stand?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## The training loop
#
# You derived the gradient of a line. For a network nobody wants to do that by hand every time. PyTorch records the computation of the loss; `loss.backward()` then goes back through the record and leaves the gradient in the `.grad` of every parameter. (How it does that is lesson 03.) A tensor is recorded when it is made with `requires_grad=True`.
#
# Does it find what you found?

# %% guess="sgd.accumulate"

# %%
w = bad_guess.clone().requires_grad_()
loss = mse(x @ w, y)
loss.backward()
print("by autograd:", [round(g, 3) for g in w.grad.tolist()])
print("by you:     ", [round(g, 3) for g in mse_gradient(bad_guess, x, y).tolist()])

mse(x @ w, y).backward()
print("after a second backward:", [round(g, 3) for g in w.grad.tolist()])
outcome("sgd.accumulate")

# %% guard="sgd.accumulate"
# change: mse(x @ w, y).backward() -> w.grad = None; mse(x @ w, y).backward()
once = mse_gradient(bad_guess, x, y)
assert torch.allclose(w.grad, 2 * once, rtol=1e-4), "a second backward adds to the gradient"

# %% [markdown]
# The same. And look at the last line: a second `backward` did not replace the gradient, it *added* to it. Gradients accumulate until somebody clears them, so the loop has to. These four lines are how nearly every network is trained:

# %%
w = bad_guess.clone().requires_grad_()
history = []
for _ in range(100):
    loss = mse(x @ w, y)  # forward: how wrong?
    loss.backward()  # backward: which way?
    sgd_step([w], lr=0.3)  # step
    w.grad = None  # clear
    history.append(loss.item())

print(
    "slope", f"{w[0].item():.2f}", "intercept", f"{w[1].item():.2f}", "loss", f"{history[-1]:.3f}"
)
line = {"after 100 steps": (x @ w).detach()}
plots.show(plots.curves(line, inputs, points={"examples": y}, xlabel="input"), "sgd.loop")
plots.show(plots.curves({"loss": history}, xlabel="steps", ylabel="loss", log="y"), "sgd.loop_loss")

# %% [markdown]
# ## Minibatches
#
# Each step above looked at all 1,000 examples. With 60,000 images that is slow, and it is not needed: a few examples already say roughly where down is. Such a handful is a *minibatch*, or just *batch*; how many it holds is the *batch size*. One pass over all examples, batch by batch, is an *epoch*.
#
# So that an epoch sees each example exactly once, and every epoch in another order: shuffle the numbers 0 to $n - 1$, and cut the row into pieces. With $n = 10$ and a batch size of 4:
#
# | shuffled | 7 2 9 0 | 4 8 1 3 | 6 5 |
# |---|---|---|---|
# | batch | first | second | third, with what is left |
#
# A tensor of such numbers picks examples: `x[idx]` are the rows of `x` that `idx` names, `y[idx]` their targets.
#
# ### Chance that can be repeated
#
# Numbers drawn by chance come from a *generator*. A generator made with the same seed gives the same numbers again, so a result can be repeated. Functions such as `torch.randperm` (a random order) and `torch.rand` take one as the argument `generator=`.

# %%
generator = torch.Generator().manual_seed(7)
print("a random order:  ", torch.randperm(5, generator=generator).tolist())
print("the next one:    ", torch.randperm(5, generator=generator).tolist())
generator = torch.Generator().manual_seed(7)
print("same seed, again:", torch.randperm(5, generator=generator).tolist())

# %% [markdown]
# ### Exercise: `minibatches`
#
# {{ minibatches }} Give the batches one after the other, either with `yield` or as a list or tuple. Any random order will do, as long as all chance in it comes from `generator`. `DataLoader` and the samplers of `torch.utils.data` are not allowed.
#
# A function with `yield` in place of `return` is a *generator function*: it hands out one value at a time, and a `for` loop takes them. (It shares its name with the generator of random numbers and has nothing to do with it.)


# %% exercise="minibatches" seed=204
def minibatches(n, batch_size, generator):
    """The numbers 0 to n - 1 in random order, batch_size at a time; the last batch may be smaller.

    n, batch_size: whole numbers, 1 or more.
    generator: a torch.Generator; all chance comes from it, and it moves on, so that the next epoch has another order.
    Gives int64 tensors, one by one or in a list or tuple: of shape (batch_size,), the last of shape (what is left,).

    >>> [len(idx) for idx in minibatches(10, 4, torch.Generator())]
    [4, 4, 2]
    >>> sorted(torch.cat(list(minibatches(5, 2, torch.Generator()))).tolist())
    [0, 1, 2, 3, 4]
    """
    ### BEGIN SOLUTION
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two things happen: the order is drawn once, then it is cut. Which of them needs the generator?
#
# </details>
# <details><summary>Hint 2</summary>
#
# For the cutting, `range` takes a step: `range(0, 10, 4)` gives 0, 4, 8. Where does the piece that begins at 4 end? A slice that goes past the end is no error; it is just shorter.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Tensors also have a method that cuts them into pieces of a given size.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: randperm() received an invalid combination of arguments - got (int, torch._C.Generator)`: hand the generator on by name, `generator=generator`.
#
# `TypeError: 'int' object is not iterable`: a loop over a number. Loop over a `range`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# First the noise. All these gradients are taken at the same place, $w = (0, 0)$, each with your `mse_gradient` from one of your batches. The cross is the gradient from all examples. The *spread* in the printed lines is the standard deviation: roughly, how far a typical gradient by the slope lies from the mean of all.

# %% guess="sgd.batch_noise"


# %%
def gradients(batch_size, n=300):
    """Gradients (n, 2) at w = (0, 0), each from one batch of this size."""
    found = []
    while len(found) < n:
        for idx in minibatches(len(x), batch_size, generator):
            if len(idx) == batch_size:
                found.append(mse_gradient(torch.zeros(2), x[idx], y[idx]))
    return torch.stack(found[:n])


generator = torch.Generator().manual_seed(1)
noisy = {size: gradients(size) for size in [4, 16, 64]}
for size, cloud in noisy.items():
    spread = cloud[:, 0].std().item()
    print(
        f"batch size {size:2}: spread {spread:.1f},",
        f"times the root of the batch size {spread * size**0.5:.0f}",
    )
plots.show(
    plots.clouds(
        {f"batch size {size}": cloud for size, cloud in noisy.items()},
        cross=mse_gradient(torch.zeros(2), x, y),
        xlim=(-15, 1),
        ylim=(-8, 0),
        xlabel="gradient by the slope",
        ylabel="by the intercept",
    ),
    "sgd.batch_noise",
)

# %% guard="sgd.batch_noise"
# change: [4, 16, 64] -> [4, 8, 16]
spreads = [cloud[:, 0].std() for cloud in noisy.values()]
assert 1.7 < spreads[0] / spreads[1] < 2.3, "four times the examples halve the spread"
assert 1.7 < spreads[1] / spreads[2] < 2.3, "and halve it again"

# %% [markdown]
# A batch's gradient points nearly the right way, and is right on average. Four times the examples halve its spread: it shrinks with the *square root* of the batch size. So a batch of 64 costs 16 times as much as a batch of 4 and is only 4 times as exact. That is why small batches pay. The chance in them is what the S in SGD stands for.
#
# Now let it walk. Each path below is *one epoch*: 1,000 examples seen, with the same learning rate.


# %%
def epoch_path(batch_size, lr, seed=0):
    """The places (steps + 1, 2) during one epoch from the bad guess."""
    w = bad_guess.clone()
    places = [w.clone()]
    for idx in minibatches(len(x), batch_size, torch.Generator().manual_seed(seed)):
        w.grad = mse_gradient(w, x[idx], y[idx])
        sgd_step([w], lr)
        places.append(w.clone())
    return torch.stack(places)


# %% guess="sgd.epochs"

# %%
paths = {}
for batch_size in [1000, 100, 10]:
    path = epoch_path(batch_size, lr=0.1)
    paths[f"batch size {batch_size}, steps: {len(path) - 1}"] = path
plots.show(plots.surfaces(landscape, paths), "sgd.epochs")

# %% guard="sgd.epochs"
# change: lr=0.1) -> lr=0.1 * batch_size / 1000)
ends = [(path[-1] - best).norm() for path in paths.values()]
assert ends[0] > ends[1] > ends[2], "small batches get further in an epoch"
assert ends[2] < 0.3, "with batches of 10 the path ends near the star"

# %% [markdown]
# For the same number of examples, the small batches get much further. They also never come to rest: near the star the path trembles, because the batches disagree about where down is. A smaller learning rate towards the end calms it (lesson 08).

# %% [markdown]
# ## A moving average
#
# With minibatches the loss that you watch is noisy too: every batch has its own. To see where it is going, smooth it. The *exponentially weighted moving average*, EWMA for short, needs one number of memory, $S$, and starts from $S_0 = 0$:
#
# $$S_t = \beta \, S_{t-1} + (1 - \beta) \, a_t$$
#
# Here $a_t$ is the $t$-th value, and $\beta$ (beta), between 0 and 1, says how much of the old average is kept. With $\beta = 0.9$ the newest value counts 10 %, the one before 9 %, the one before that 8.1 %: the weights fade away like $\beta^k$. As a rule of thumb it averages over the last $1/(1-\beta)$ values.
#
# By hand, for the values 1, 1, 1 and $\beta = 0.5$: $S_1 = 0 + 0.5 = 0.5$, then $S_2 = 0.25 + 0.5 = 0.75$, then $S_3 = 0.375 + 0.5 = 0.875$. All values are 1 and yet the average begins at 0.5: it has to get away from the 0 that it started from.

# %% [markdown]
# ### Exercise: `ewma`
#
# {{ ewma }} All the averages $S_1, \dots, S_n$, not only the last. Compute with the tensors themselves, so that gradients can flow through the average. The averages have the dtype of `values`.


# %% exercise="ewma" seed=205
def ewma(values, beta):
    """The exponentially weighted moving averages after each value, started from 0 and not corrected for it.

    values: a tensor of shape (n,), n at least 1.
    beta: a float, 0 or more and less than 1; how much of the old average is kept.
    Returns a tensor of shape (n,).

    >>> ewma(torch.tensor([1.0, 1.0, 1.0]), beta=0.5)
    tensor([0.5000, 0.7500, 0.8750])
    """
    ### BEGIN SOLUTION
    average, averages = 0.0, []
    for value in values:
        average = beta * average + (1 - beta) * value
        averages.append(average)
    return torch.stack(averages)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Here a loop is right: each average needs the one before. What do you carry from one turn to the next, and what do you keep for the end?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Collect the averages in a list. `torch.stack` makes one tensor of a list of tensors, and unlike `torch.tensor` it keeps the connection to where they came from.
#
# </details>
# <details><summary>Hint 3</summary>
#
# If all your entries come out alike: `s *= beta` changes the one tensor that is in your list many times over. Compute a new one.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: expected Tensor as element 0 in argument 0, but got float`: `torch.stack` wants tensors. Looping over `values` gives tensors; `.tolist()` and `.item()` make plain numbers of them.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The loss of each batch of 10 on the way through one epoch, and your average of it with three memories.

# %% guess="sgd.ewma"

# %%
w = torch.zeros(2)
batch_losses = []
for idx in minibatches(len(x), 10, torch.Generator().manual_seed(3)):
    batch_losses.append(mse(x[idx] @ w, y[idx]))
    w.grad = mse_gradient(w, x[idx], y[idx])
    sgd_step([w], lr=0.005)
batch_losses = torch.stack(batch_losses)

averages = {f"beta = {beta}": ewma(batch_losses, beta) for beta in [0.5, 0.9, 0.98]}
plots.show(
    plots.curves(
        averages,
        points={"loss of each batch": batch_losses},
        xlabel="steps",
        ylabel="loss",
    ),
    "sgd.ewma",
)

# %% guard="sgd.ewma"
# change: ewma(batch_losses, beta) for -> ewma(batch_losses, beta) / (1 - beta ** torch.arange(1, 101)) for
slow = averages["beta = 0.98"]
assert slow[0] < 0.2 * batch_losses[0], "the average with the longest memory begins near 0"
assert slow[-1] > 1.5 * batch_losses[-20:].mean(), "and is far above the losses at the end"

# %% [markdown]
# A long memory is smooth, and late. And every curve begins too low, because it starts from 0; the longer the memory, the longer it takes to forget that. Lesson 07 corrects for it. (Why not plot the mean over the whole epoch? You can, but take care: if the last batch is smaller, the average of the batches' means is not the mean over the examples.)

# %% [markdown]
# ## Momentum
#
# Back to the narrow valley. Across it the gradient is large and changes sign with every jump; along it the gradient is small and always points the same way. An average over the last few gradients would cancel the first and keep the second. That is *momentum*: a ball that rolls down the valley instead of a walker who asks anew at every step.
#
# Give every parameter $p$ a companion $v$ of the same shape, its *velocity*, which starts at 0. With the gradient $g$ of this step and a number called momentum, usually 0.9,
#
# $$v \leftarrow \text{momentum} \cdot v + g, \qquad p \leftarrow p - \mathrm{lr} \cdot v$$
#
# By hand: $p = 1$, $v = 2$, $g = 3$, momentum 0.5, lr 0.1. First $v \leftarrow 0.5 \cdot 2 + 3 = 4$, then $p \leftarrow 1 - 0.1 \cdot 4 = 0.6$. If the gradient stays the same for long, the velocity grows to $g / (1 - \text{momentum})$: ten times the gradient for a momentum of 0.9.
#
# ### Two conventions
#
# There are two formulas under this name. What stands above is PyTorch's (`torch.optim.SGD`), and it is what you are asked for. The other one is an EWMA of the gradients:
#
# $$m \leftarrow \text{momentum} \cdot m + (1 - \text{momentum}) \cdot g, \qquad p \leftarrow p - \mathrm{lr} \cdot m$$
#
# The only difference is the factor $(1 - \text{momentum})$ before $g$, so while momentum stays the same, $m$ is $(1 - \text{momentum})$ times $v$. With a learning rate that is larger by $1 / (1 - \text{momentum})$, the second takes exactly the steps of the first. Which one a book or a program uses you have to look up; a good learning rate for one is ten times off for the other.

# %% [markdown]
# ### Exercise: `momentum_step`
#
# {{ momentum_step }} As `sgd_step`, with PyTorch's momentum. The velocities change in place too, because the next call needs them. It may be given other velocities for the same parameters, so keep nothing anywhere else. `torch.optim` is not allowed. Where `.grad` is `None`, both the parameter and its velocity stay.


# %% exercise="momentum_step" seed=206
def momentum_step(params, velocities, lr, momentum):
    """One step of SGD with momentum, in place: first the velocity, then the parameter.

    params: a list of tensors of any shape; the .grad of each has its shape, or is None.
    velocities: a list as long; the velocity of each parameter, of its shape.
    lr, momentum: floats.
    Returns nothing.

    >>> p, v = torch.tensor([1.0]), torch.tensor([2.0])
    >>> p.grad = torch.tensor([3.0])
    >>> momentum_step([p], [v], lr=0.1, momentum=0.5)
    >>> v, p
    (tensor([4.]), tensor([0.6000]))
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is not None:
                v.mul_(momentum).add_(p.grad)
                p.sub_(lr * v)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start from your `sgd_step`. `zip` goes through two lists side by side.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The velocity comes first, and the step uses the new one. Where does the learning rate appear in the formulas? Only once.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `v = momentum * v + g` makes a new tensor and forgets it at the end of the loop. In place there are `v *= ...` and `v += ...`, or `v.mul_(...)` and `v.add_(...)`.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.`: as in `sgd_step`, the update belongs inside `torch.no_grad()`.
#
# `TypeError: unsupported operand type(s) for +: 'Tensor' and 'NoneType'`: a parameter without gradient. Skip it together with its velocity.
#
# `IndexError: slice() cannot be applied to a 0-dim tensor.`: `v[:]` means all along the first dimension, and a single number has none. `v[...]` and `v.copy_(...)` work for every shape.
#
# </details>

# %% [markdown]
# ### Walk in the valley yourself · extra
#
# The valley below belongs to 200 of the points; its lowest loss is 0.082. Answer the question, then look for a learning rate that reaches the goal without momentum, and after that use both. Read the column of the velocity: along the valley it grows, across it the signs change. With batches of 1 or 10 the same settings look different.

# %%
few, their_y = inputs[400:600], y[400:600]
explore.valley(
    few,
    their_y,
    start=bad_guess,
    ask=(
        "Can 15 steps get below 0.09 with the learning rate alone, momentum 0?",
        ["yes, easily", "yes, with exactly the right one", "no"],
    ),
    goal=(0.09, 15),
)


# %% guard="sgd.valley"
# change: inputs[400:600], y[400:600] -> inputs[400:600] - 1, y[400:600]
def lowest_in_15(lr, momentum):
    """The lowest loss within 15 steps on these points from the bad guess."""
    rows, w, losses = torch.stack([few, torch.ones(200)], dim=1), bad_guess.clone(), []
    v = torch.zeros(2)
    for _ in range(15):
        w.grad = mse_gradient(w, rows, their_y)
        momentum_step([w], [v], lr, momentum)
        losses.append(mse(rows @ w, their_y).item())
    return min(losses)


alone = {lr / 100: lowest_in_15(lr / 100, 0.0) for lr in range(1, 61)}
best_rate = min(alone, key=alone.get)
assert 0.0913 < alone[best_rate] < 0.0923, "with the rate alone 15 steps get to about 0.092"
assert 0.38 <= best_rate <= 0.40, "near lr 0.39"
assert lowest_in_15(0.3, 0.5) < 0.085, "lr 0.3 and momentum 0.5 reach the goal"

# %% [markdown]
# Without momentum the best that 15 steps can do is about 0.092, near lr 0.39: a larger rate swings from side to side, a smaller one creeps along. With momentum many settings get there; lr 0.3 and momentum 0.5 is one.

# %% [markdown]
# ### What you should now see
#
# Thirty steps from the bad guess with the same learning rate, 0.1: your `sgd_step`, and your `momentum_step` with momentum 0.7.


# %% guess="sgd.momentum_loss"


# %%
def with_momentum(lr, momentum):
    """Your step with momentum, from rest."""
    velocities = [torch.zeros(2)]
    return lambda params: momentum_step(params, velocities, lr, momentum)


paths = {
    "plain": walk(plain(lr=0.1), steps=30),
    "momentum 0.7": walk(with_momentum(lr=0.1, momentum=0.7), steps=30),
}
plots.show(
    plots.surface(**landscape, paths=paths),
    "sgd.momentum",
)
plots.show(
    plots.curves(
        {name: losses_on(path) for name, path in paths.items()},
        range(31),
        xlabel="steps",
        ylabel="loss",
        log="y",
    ),
    "sgd.momentum_loss",
)

# %% guard="sgd.momentum_loss"
# change: momentum=0.7), -> momentum=0.0),
rolled, walked = losses_on(paths["momentum 0.7"]), losses_on(paths["plain"])
assert min(rolled[:21]) < 0.1, "with momentum the loss is below 0.1 within 20 steps"
assert any(b > a for a, b in zip(rolled, rolled[1:])), "on the way it rises"
assert walked[-1] > 0.15, "plain descent is at about 0.2 after 30 steps"

# %% [markdown]
# The ball overshoots: it has to turn, and on the way its loss even rises. But once it rolls along the valley it takes long steps where the walker takes short ones, and it arrives first.
#
# The same as a moving picture. It plays once; run the cell to play it again.

# %%
plots.race(landscape, paths, "sgd.race")

# %% [markdown]
# And the two conventions, once with momentum 0.7 throughout, and once with momentum 0.9 for ten steps and 0.5 from then on. The learning rate of the EWMA form is either the same, 0.1, or follows as $0.1 / (1 - \text{momentum})$.


# %%
def average_step(params, averages, lr, momentum):
    """The other convention: step with an EWMA of the gradients."""
    with torch.no_grad():
        for p, s in zip(params, averages):
            s.lerp_(p.grad, 1 - momentum)
            p.sub_(lr * s)


def walk_with(take, lr, momentums):
    """The losses on the way, with another momentum at each step; lr is a function of the momentum."""
    memory, plan = [torch.zeros(2)], iter(momentums)

    def take_step(params):
        momentum = next(plan)
        take(params, memory, lr(momentum), momentum)

    return losses_on(walk(take_step, len(momentums)))


def three_ways(momentums):
    """The losses of torch's form, and of the EWMA form with two rates."""
    return {
        "torch's form, lr 0.1": walk_with(momentum_step, lambda m: 0.1, momentums),
        "EWMA, lr 0.1": walk_with(average_step, lambda m: 0.1, momentums),
        "EWMA, lr 0.1 / (1 - momentum)": walk_with(
            average_step, lambda m: 0.1 / (1 - m), momentums
        ),
    }


# %% guess="sgd.two_forms"

# %%
constant = three_ways([0.7] * 30)
changing = three_ways([0.9] * 10 + [0.5] * 20)
plots.show(
    plots.side_by_side(
        {"series": constant, "title": "momentum 0.7 throughout"},
        {"series": changing, "title": "momentum 0.9, then 0.5"},
        x=range(31),
        log="y",
        xlabel="steps",
        ylim=(None, 60),
        dashed="EWMA, lr 0.1 / (1 - momentum)",
    ),
    "sgd.two_forms",
)

# %% guard="sgd.two_forms"
# change: [0.9] * 10 + [0.5] * 20 -> [0.9] * 30
ours, _, scaled = (torch.tensor(losses) for losses in constant.values())
assert torch.allclose(ours, scaled, rtol=1e-3), "with constant momentum the two forms agree"
ours, _, scaled = (torch.tensor(losses) for losses in changing.values())
assert torch.allclose(ours[:11], scaled[:11], rtol=1e-3), "and they agree up to the change"
assert not torch.allclose(ours[12:], scaled[12:], rtol=0.1), "after the change they part"

# %% [markdown]
# On the left, the EWMA form with the same learning rate lags behind, and with the larger one it lands on the same points. On the right the two part at the change: $v$ keeps what it had gathered under the old momentum, and $m$ had scaled it by the old factor. In lesson 08 momentum does change during training.

# %% [markdown]
# ### A slow intercept
#
# A line once more, with batches of one: 30 points on $y = 2x + 30$, with $x$ between 1 and 99, from slope 1 and intercept 1. Every row of the table is one step, as in a spreadsheet. Guess first; then go through five epochs, and try other learning rates and some momentum.

# %%
column = torch.randint(1, 100, (30,), generator=torch.Generator().manual_seed(0))
heights = 2 * column + 30
explore.line(
    column,
    heights,
    intercept=30,
    optimizers=("SGD",),
    ask=(
        "After five epochs, 150 steps with lr 0.0001, where is the intercept, from 1 on to 30?",
        ["near 30", "about half way", "still near 1"],
    ),
)


# %% guard="sgd.slow_intercept"
# change: torch.randint(1, 100, -> torch.randint(1, 4,
# change: 2 * column + 30 -> 2 * column + 1
def fitted(lr):
    """Slope and intercept (151, 2) over five epochs with batches of one, from slope 1 and intercept 1."""
    w = torch.tensor([1.0, 1.0])
    places = [w.clone()]
    for a, height in [*zip(column.float(), heights.float())] * 5:
        w.grad = mse_gradient(w, torch.stack([a, torch.tensor(1.0)])[None], height[None])
        sgd_step([w], lr)
        places.append(w.clone())
    return torch.stack(places)


slow = fitted(0.0001)
assert 2.3 < slow[30:, 0].mean() < 2.5, "the slope is soon about 2.4"
assert slow[30:, 0].std() > 0.1, "and keeps jumping"
assert 1.1 < slow[-1, 1] < 1.3, "after five epochs the intercept is about 1.2"
best_for_1 = (column * (heights - 1)).sum() / (column**2).sum()
assert 2.35 < best_for_1 < 2.5, "2.4 is the best slope that goes with an intercept of 1"
assert not fitted(0.001)[:31, 0].abs().max() < 1e6, "ten times the rate: the slope explodes"
said = repr(explore.line(column, heights, intercept=30, optimizers=("SGD",)))
drawn = f"the slope is {slow[-1, 0]:.1f} and the intercept {slow[-1, 1]:.1f}"
assert drawn in said, "the picture shows these steps"

# %% [markdown]
# The intercept has hardly moved, to about 1.2. The slope was soon at about 2.4, where it keeps jumping: steeper than 2, because it makes up for the intercept that is missing. Look at the columns of the gradients. The one of the slope has the factor $x$, about 50, and the other has not. A learning rate ten times as large would move the intercept, and makes the slope explode. One number is too few for two parameters of so different a scale; lesson 07 gives each parameter a rate of its own and comes back to this line.

# %% [markdown]
# ### Exercise: `repair_momentum_step` · extra
#
# Somebody trained a network with these lines. The loss fell, the line fitted, nobody complained. One word is wrong.
#
# ```python
# @torch.no_grad()
# def momentum_step(params, velocities, lr, momentum):
#     for p, v in zip(params, velocities):
#         if p.grad is None:
#             break
#         v *= momentum
#         v += p.grad
#         p -= lr * v
# ```
#
# {{ repair_momentum_step }} Find an input on which these lines go wrong: a *witness*, a dict with the keys `"params"`, `"grads"`, `"velocities"` (lists of tensors, where a gradient may be None), `"lr"` and `"momentum"` (numbers), with at most 12 numbers in all its tensors together. Then repair them. A witness earns half of the points, a repair without a witness nothing: who has not seen it fail does not know what was repaired. At most two lines may change; one that is added or taken away counts as one.


# %% exercise="repair_momentum_step"
def repair_momentum_step():
    """A witness of the bug, and the lines without it.

    Returns (witness, repaired): a dict with the arguments, at most 12 numbers in all its tensors
    together, and a function with the signature of `momentum_step`.

    >>> witness, repaired = repair_momentum_step()
    >>> callable(repaired)
    True
    """
    ### BEGIN SOLUTION
    shown = {
        "params": [torch.tensor([1.0]), torch.tensor([2.0])],
        "grads": [None, torch.tensor([1.0])],
        "velocities": [torch.tensor([0.0]), torch.tensor([0.0])],
        "lr": 0.1,
        "momentum": 0.8,
    }

    @torch.no_grad()
    def repaired(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v *= momentum
            v += p.grad
            p -= lr * v

    return shown, repaired
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Read the lines as the computer does, with two or three parameters. In which order are they visited, and when does the loop end?
#
# </details>
# <details><summary>Hint 2</summary>
#
# What should happen to a parameter that comes after one without a gradient?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: hand back both at once, the witness and the function, whose name has no brackets after it. `should be a float32 tensor`: write at least one number with a point.
#
# </details>

# %% [markdown]
# ### Exercise: `reproduce_momentum_step` · extra
#
# Somebody trained a line with a `momentum_step` that has a bug, and all that is left is the curve of its losses. Which bug was it? Below you see it beside yours: 20 points, two parameters of shape `()`, learning rate 0.1, momentum 0.4, 30 steps.

# %%
NAME = "your name"  # write yours
case = ReproduceMomentumStep()
plots.show(
    plots.curves(
        {
            "somebody's": case.shown(NAME),
            "your momentum_step": case.train(momentum_step, case.start, case.steps),
        },
        xlabel="steps",
        ylabel="loss",
        title="A step with a bug",
        log="y",
    ),
    "sgd.reproduce",
)

# %% [markdown]
# {{ reproduce_momentum_step }} Look at the curve first and commit yourself: which kind of bug is it?
#
# - *a wrong factor*: a product has a number too many, or one too few
# - *a wrong order*: the lines are right, and stand in another order
# - *a wrong sign*: something is added that should be taken away, or the other way round
# - *a forgotten memory*: nothing is left of the steps before
# - *a forgotten parameter*: one of the two never moves
#
# Then write the function with that bug, `broken(params, velocities, lr, momentum)`. Its losses must agree to four digits with the curve that you see, and with one from a start that you do not see. The bug with another guess earns half of the points. With another name comes another curve; the name that you return is the one that counts.


# %% exercise="reproduce_momentum_step"
def reproduce_momentum_step():
    """Somebody's bug, found from a loss curve.

    Returns (name, guess, broken): your name as above, the kind of the bug in the words above, and the function with
    it, `broken(params, velocities, lr, momentum)`.

    >>> name, guess, broken = reproduce_momentum_step()
    >>> callable(broken)
    True
    """

    ### BEGIN SOLUTION
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):
        for p in params:
            p -= lr * p.grad

    return "Grace Hopper", "a forgotten memory", broken
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Does the curve fall faster or slower than yours, from the first step or only later? A bug in the memory of the step cannot show in the first step, when there is nothing to remember.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Print the losses of both, `case.shown(NAME)` beside those of your function, and change one thing at a time. A wrong factor may stand at the gradient or at the rate.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return three things`: the function ends with `return NAME, guess, broken`, and `broken` has no brackets after it. `The first 1 of ... losses agree`: the first loss depends on the start alone, so your very first step is another one.
#
# </details>

# %% [markdown]
# ### The curve cannot tell · extra
#
# You knew that there was a bug, and had right code to compare with. Usually you have neither. This course put each of the wrong answers that it knows to `mse`, `mse_gradient`, `sgd_step` and `momentum_step` into a training of the line at the beginning, for 60 steps with learning rate 0.1. 57 of the 110 wrong answers end with a loss at most 5 % above that of right code (`python -m tests.curves` in the course's repository trains them all again and counts). Some scale the step, some do nothing wrong as long as there is one parameter, some even get lower. A loss that falls is no proof.
#
# What would tell? A small case with a result that you worked out by hand, as in `expose_sgd_step`; a gradient check (lesson 03); and the question what each line should do to a parameter without a gradient, a single number, a batch of one.

# %% [markdown]
# ## What you have now
#
# - A **loss** is one number that says how wrong the predictions are; `mse` refuses shapes that differ, because broadcasting would hide the mistake.
# - The **gradient** has one entry for each parameter and points uphill. For a line it is $\frac2n \sum_i e_i x_i$.
# - A **step** goes against it, in place, outside of what PyTorch records. The **learning rate** is the one number that decides between creeping, arriving and flying off.
# - The edge is at 2 divided by the largest **curvature**. *(extra)*
# - The **loop**: forward, backward, step, clear. `backward` adds to `.grad`.
# - A **minibatch** gives a noisy gradient cheaply. The noise shrinks with the root of the batch size.
# - An **EWMA** smooths; a **velocity** is the same idea for gradients, in one of two conventions.
#
# Lesson 03 opens `loss.backward()`.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did, and change it as you like. Double-click the cells in italics to write.
#
# ### Should I take a still larger learning rate?

# %% guess="sgd.larger_rate"

# %%
trials = {f"lr = {lr}": losses_on(walk(plain(lr), steps=20)) for lr in [0.4, 0.45, 0.46, 0.5]}
plots.show(
    plots.curves(trials, range(21), xlabel="steps", ylabel="loss", log="y"),
    "sgd.larger_rate",
)

# %% guard="sgd.larger_rate"
# change: 0.45, 0.46, 0.5] -> 0.45, 0.44, 0.5]
fast, slow, edge, over = (losses[-1] / losses[0] for losses in trials.values())
assert fast < slow < 1, "0.4 falls fast and 0.45 slowly"
assert 1 < edge < over, "0.46 grows slowly and 0.5 without end"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# 0.45 and 0.46 lie on two sides of your `largest_lr`. Below, your own first step is measured against the factor $1 - \mathrm{lr} \cdot c$, in the direction along the valley and in the one across it: the distance from the lowest point before and after.

# %%
curvatures, directions = torch.linalg.eigh(2 / len(x) * x.T @ x)
print("curvature along the valley {:.3f}, across it {:.2f}".format(*curvatures.tolist()))
print(f"the edge is at lr = 2 / {curvatures[1]:.2f} = {2 / curvatures[1]:.3f}")
for lr in [0.2, 0.4, 0.45, 0.46, 0.5]:
    distances = (walk(plain(lr), steps=1) - best) @ directions
    along, across = (distances[1] / distances[0]).tolist()
    print(
        f"lr {lr:<4}: one step multiplies the distance by {along:.3f} along, {across:6.3f} across;"
        f" 1 - lr * c = {1 - lr * curvatures[0]:.3f} and {1 - lr * curvatures[1]:6.3f}"
    )

# %% [markdown]
# ### Should I leave out `w.grad = None`?

# %% guess="sgd.clearing"

# %%
trials = {}
for clear in [True, False]:
    w = bad_guess.clone().requires_grad_()
    trials["cleared" if clear else "never cleared"] = history = []
    for _ in range(60):
        loss = mse(x @ w, y)
        loss.backward()
        sgd_step([w], lr=0.05)
        if clear:
            w.grad = None
        history.append(loss.item())
plots.show(
    plots.curves(trials, xlabel="steps", ylabel="loss", ylim=(None, 9)),
    "sgd.clearing",
)

# %% guard="sgd.clearing"
# change: if clear: -> if True:
cleared, never = trials["cleared"], trials["never cleared"]
assert cleared[-1] < 0.2, "cleared, the loss falls smoothly"
assert max(never[-20:]) > 1, "never cleared, it swings to the end"

# %% [markdown]
# *What happened, and why:* (Compare "never cleared" with a velocity. Which momentum does it have?)

# %% [markdown]
# ### Should I take much more momentum?

# %% guess="sgd.more_momentum"

# %%
momentums = [0.0, 0.5, 0.7, 0.9, 0.99]
trials = {
    f"momentum {m}": losses_on(walk(with_momentum(lr=0.1, momentum=m), steps=60)) for m in momentums
}
plots.show(
    plots.curves(trials, range(61), xlabel="steps", ylabel="loss", log="y", ylim=(None, 150)),
    "sgd.more_momentum",
)


# %% guard="sgd.more_momentum"
# change: 0.9, 0.99] -> 0.9, 0.8]
def settled(losses, limit=0.1):
    """The first step from which on the loss stays below the limit."""
    return max(t for t, loss in enumerate(losses) if loss >= limit) + 1


first = sorted(trials, key=lambda name: settled(trials[name]))
assert first[:2] == ["momentum 0.7", "momentum 0.5"], "0.7 settles first, then 0.5"
assert max([*trials.values()][-1][-20:]) > 1, "0.99 swings on to the end"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I use a batch of one?

# %% guess="sgd.batch_of_one"

# %%
paths = {f"batch size 1, lr = {lr}": epoch_path(1, lr) for lr in [0.02, 0.1, 0.3]}
plots.show(plots.surfaces(landscape, paths), "sgd.batch_of_one")

# %% guard="sgd.batch_of_one"
# change: epoch_path(1, lr) -> epoch_path(1, 0.02)
wide = [(path[-500:] - best).norm(dim=1).mean() for path in paths.values()]
assert wide[0] < 0.3, "with lr 0.02 it trembles a little at the star"
assert wide[2] > 2 * wide[0], "with lr 0.3 it jumps all over the valley"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows fast.ai's *Practical Deep Learning for Coders*, version 3 (2019), in which gradient descent is written by hand (lesson 2, notebook `nbs/dl1/lesson2-sgd.ipynb`) and then accelerated (lesson 5, spreadsheet `files/xl/graddesc.xlsm`). Both are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0). In the lessons and in notes about them you will meet a few things that are said differently.
#
# - **Momentum as an average.** The spreadsheet steps with the average, as `0.1*g + 0.9*m`. PyTorch's optimizer does not have the factor before `g`. When you copy a learning rate from one to the other, multiply or divide by $1 - \text{momentum}$. Where momentum changes during training, no single factor helps.
# - **Shapes.** `mse` in the notebook subtracts predictions and targets without looking at the shapes. With `(n, 1)` against `(n,)` that gives `(n, n)`, and the loss still goes down.
# - **The average of batch losses.** Progress bars show it, smoothed. If the last batch is smaller, it is not the mean over the examples. Lesson 05 does it right.
# - **`with torch.no_grad(): a.sub_(lr * a.grad); a.grad.zero_()`**, in the notebook's `update`. There the step clears the gradient as well. Here, as in `torch.optim`, clearing is done by the loop.
