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
# # 09 · Embeddings and collaborative filtering
#
# **You will build** a model that predicts how many stars somebody gives to a film that they have not rated yet. It is told nothing about people or films except who gave how many stars to what. Afterwards you read its parameters, and find quality and taste in them.
#
# **Time:** about {{ time }}. **It builds on** minibatches (lesson 02), gradients that add up (lesson 03), one-hot rows (lesson 04), training loops (lesson 05), weight decay (lesson 06), AdamW (lesson 07) and a learning rate that falls (lesson 08). It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`, run it, then run the check below it. The hints below each check open with a click, the vaguest first. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.

# %%
import torch
from torch import nn

from course_utils import check, explore, outcome, plots
from course_utils.data import load_mnist, load_ratings
from course_utils.mine import adamw_step, minibatches, mse, one_hot

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. A product with a one-hot row does what?</summary>
#
# It looks up the entry, or the row, at the place of the 1 (lesson 04).
#
# </details>
# <details><summary>2. A value is used three times in a computation. Its gradient is made of what?</summary>
#
# Of three contributions, added up (lesson 03).
#
# </details>
# <details><summary>3. What does AdamW do with the decay that Adam with L2 does not?</summary>
#
# It shrinks the weights beside the averages, so that each keeps the same share of itself (lesson 07).
#
# </details>
# <details><summary>4. One cycle: what happens to the rate in its last part, and why does that help?</summary>
#
# It falls towards 0; small steps settle where large ones jump around (lesson 08).
#
# </details>
# <details><summary>5. A finder's curve: which point does `suggest_lr` take?</summary>
#
# The one at which the loss falls fastest, not the lowest (lesson 08).
#
# </details>

# %% [markdown]
# ## The ratings
#
# The data are 81,412 real ratings from MovieLens: 646 people, 2,237 films, half a star to five stars. Nine tenths are for training, one tenth is kept aside. Each rating is three numbers: which user, which item (here: which film), how many stars. Users and items are only numbers that count from 0.

# %%
ratings = load_ratings()
train, valid = ratings.train, ratings.valid
for name, part in {"train": train, "valid": valid}.items():
    print(f"{name}: {len(part.ratings):,} ratings, mean {part.ratings.mean():.2f} stars")

for user, item, stars in zip(*(column[:4].tolist() for column in train)):
    print(f"user {user} gave {stars} stars to item {item}, {ratings.titles[item]}")

# %% [markdown]
# The same numbers fit into a large table, with a row for each user and a column for each film. On the left you see the corner where it is fullest: the 20 users who rated most, and the 20 films that were rated most. On the right you see all of it, as one dot for each rating.

# %%
table = torch.full((ratings.n_users, ratings.n_items), torch.nan)
table[train.users, train.items] = train.ratings
busiest = torch.bincount(train.users).topk(20).indices

corner = [title.split(" (")[0][:24] for title in ratings.titles[:20]]
plots.show(plots.ratings(table[busiest, :20], corner, train.items, train.users), "embeddings.table")
filled = len(train.ratings) / table.numel()
print(f"filled: {filled:.1%} of {table.numel():,} places")

# %% [markdown]
# One place in twenty is filled. To *recommend* is to fill in the white ones. Using the ratings of many people to do so for one of them is called *collaborative filtering*.
#
# ### How good is a simple guess?
#
# Before you build anything, measure what is easy. The measure in this lesson is the *root mean squared error*, RMSE: the root of the mean squared error of lesson 02. It is in stars.
#
# The first guess is the mean of all ratings, for everybody and everything. The second knows more: some people give many stars and some few, some films are liked and some are not. It adds two corrections to the mean:
#
# $$\hat r_{ui} = \text{mean} + b_u + b_i$$
#
# For example, let the mean be 3.6. A user who tends to be half a star more generous than others rates a film that is usually 0.3 stars worse than others. The guess is $3.6 + 0.5 - 0.3 = 3.8$. Such a correction is called a *bias*.
#
# The cell below finds both tables of biases as averages of what the other one leaves over. An average of few ratings is not to be trusted, so it is pulled towards 0 a little: the sum is divided by the number of ratings plus 2 or 5.


# %% guess="embeddings.biases_alone"


# %%
def rmse(y_hat, y):
    return mse(y_hat, y).sqrt().item()


def pulled_means(groups, n, values, extra):
    return torch.zeros(n).index_add(0, groups, values) / (
        torch.bincount(groups, minlength=n) + extra
    )


mean = train.ratings.mean()
of_user = torch.zeros(ratings.n_users)
for _ in range(10):
    of_item = pulled_means(
        train.items, ratings.n_items, train.ratings - mean - of_user[train.users], extra=5
    )
    of_user = pulled_means(
        train.users, ratings.n_users, train.ratings - mean - of_item[train.items], extra=2
    )

errors = {
    "the mean": rmse(mean.expand_as(valid.ratings), valid.ratings),
    "mean and two biases": rmse(mean + of_user[valid.users] + of_item[valid.items], valid.ratings),
}
for name, error in errors.items():
    print(f"{name}: RMSE {error:.3f} stars on ratings kept aside")
outcome("embeddings.biases_alone")

# %% guard="embeddings.biases_alone"
# change: mean + of_user[valid.users] + of_item[valid.items], valid -> mean + of_user[valid.users] * 0, valid
assert 1.0 < errors["the mean"] < 1.05, "the mean is off by about a star"
assert 0.83 < errors["mean and two biases"] < 0.87, "two biases take off about a sixth"

# %% [markdown]
# Biases go a long way. But with them everybody's list of the best films is the same. What is missing is *taste*: how a particular person and a particular film fit together. For that you need embeddings.

# %% [markdown]
# ## A lookup is a matrix product
#
# To compute with "user 3", the model needs numbers that describe user 3. Give every user a row of a table. The row is called the user's *embedding*, its entries are parameters, and training finds them. Nobody says in advance what they mean.
#
# To pick row 3 is nothing new. Write the index as a *one-hot* row (lesson 04): a 1 at place 3, zeros elsewhere. Multiplied by the table it gives exactly row 3, since everything else is multiplied by 0:

# %%
idx = torch.tensor([3, 1, 3])
W = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])

plots.show(
    plots.matrices(("one-hot of idx", one_hot(idx, 4)), "@", ("weight", W), "=", ("rows", W[idx])),
    "embeddings.lookup",
)

# %% [markdown]
# So an embedding is a linear layer, an affine one without bias, whose input is one-hot. That is all the theory there is: it has a weight, it has a gradient, it is trained like any layer.
#
# The product would be a waste, though. With 2,237 films, 2,236 of 2,237 multiplications are by 0. Reading the row directly gives the same numbers. That shortcut in the computation is what an *embedding layer* is.

# %% [markdown]
# ### Exercise: `embedding_lookup`
#
# {{ embedding_lookup }} `idx` may have any shape: every index in it is replaced by its row, and gradients flow back to `weight`. `nn.Embedding` and `F.embedding` do it for you, so they are not allowed here.


# %% exercise="embedding_lookup"
def embedding_lookup(weight, idx):
    """The rows of weight at idx.

    weight: (n, k), float32 or float64. idx: int64, any shape (...), at least one entry, each from 0 to n - 1.
    Returns (..., k), in weight's dtype.

    >>> weight = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> embedding_lookup(weight, torch.tensor([2, 0]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    ### BEGIN SOLUTION
    return weight[idx]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# You have picked rows of tensors before, with a single number. What happens when the number in the brackets is a tensor of numbers?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The way with the one-hot product is right too. There the one-hot rows must be as long as the weight has rows, and of its dtype.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: iteration over a 0-d tensor`: `idx` is a single index here, of shape `()`. There is nothing to loop over.
#
# `IndexError: tensors used as indices must be long, int, byte or bool tensors`: the indices are floats. An index is a whole number: `.long()`.
#
# `RuntimeError: expected m1 and m2 to have the same dtype, but got: long int != float` (on some computers `long long`): one-hot rows are whole numbers, the weight is not. Convert them with `.to(weight.dtype)`.
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x5 and 7x3)`: the one-hot rows are only as long as the largest index requires. `nn.functional.one_hot` takes the number of classes as its second argument.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# A table whose rows can be drawn: row 3 is the average of all handwritten threes, and so on. Your function looks up 3, 1, 4, 1, 5, 9. The 1 is asked for twice, and comes twice.

# %%
digits = load_mnist()
average_digits = torch.stack(
    [digits.x_train[digits.y_train == digit].float().mean(0) for digit in range(10)]
)
idx = torch.tensor([3, 1, 4, 1, 5, 9])

plots.show(
    plots.images(
        embedding_lookup(average_digits.reshape(10, 784), idx).reshape(-1, 28, 28),
        idx.tolist(),
        columns=6,
    ),
    "embeddings.average_digits",
)

# %% [markdown]
# ## The gradient of a lookup · extra
#
# Say the loss has sent back a gradient for each row that was looked up, `grad_out`. What is the gradient of the table?
#
# Guess, then go through it: forward, every row of $W$ is multiplied by a 0 or the 1 and added; backward, what was sent back for a place goes to the row that was looked up there. Count the products by 0. Afterwards choose other indices, for instance three times the same.

# %%
idx = torch.tensor([3, 1, 3])
explore.lookup(
    W,
    idx,
    torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]),
    ask=(
        "Row 3 is looked up twice, and (1, 10) and (3, 30) are sent back. Its gradient is",
        ["(2, 20), the mean", "(3, 30), the last", "(4, 40), the sum"],
    ),
)

# %% [markdown]
# - A row that nobody looked up has not touched the loss. Its gradient is 0.
# - A row that was looked up once gets the gradient of that place.
# - A row that was looked up **several times** has touched the loss in several places. Its gradients *add up*, as always where one value is used more than once (lesson 03).
#
# The matrix form says all of this at once. From $Y = XW$ with one-hot rows $X$ follows, as for any product, $\partial L/\partial W = X^\top\, \partial L/\partial Y$. Follow row 3 below: it was looked up twice, and its gradient is $(1, 10) + (3, 30) = (4, 40)$.

# %%
grad_out = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
X = one_hot(idx, 4)

plots.show(
    plots.matrices(
        ("one-hot.T", X.T), "@", ("grad_out", grad_out), "=", ("weight.grad", X.T @ grad_out)
    ),
    "embeddings.backward",
)

# %% [markdown]
# ### Exercise: `embedding_backward`
#
# {{ embedding_backward }} Write the gradient by hand, without autograd (`torch.func` and `torch.autograd.functional` included) and without PyTorch's own functions for embeddings and their gradient. The one-hot product is right; a way that never builds the one-hot matrix is better.
#
# There is a trap on this way, and many have stepped into it. Run this first: row 3 should become (4, 40).

# %% guess="embeddings.trap"

# %%
trap = torch.zeros(4, 2)
trap[idx] += grad_out
print(trap)
outcome("embeddings.trap")

# %% guard="embeddings.trap"
# change: trap[idx] += grad_out -> trap.index_add_(0, idx, grad_out)
assert trap[3].tolist() == [3, 30], "row 3 becomes (3, 30): the last one wins"

# %% [markdown]
# It became (3, 30). PyTorch reads `trap[idx]` once, adds, and writes the results back. Row 3 is written twice, and the last one wins.


# %% exercise="embedding_backward"
def embedding_backward(grad_out, idx, num_embeddings):
    """The gradient of the weight of a lookup: for each row the sum of the gradients of its uses.

    grad_out: float32 (..., k), the gradient of what was looked up. idx: int64 (...), what was
        looked up.
    num_embeddings: the number n of rows of the weight.
    Returns (n, k).

    >>> grad_out = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    >>> embedding_backward(grad_out, torch.tensor([2, 0]), 3)
    tensor([[ 2., 20.],
            [ 0.,  0.],
            [ 1., 10.]])
    """
    ### BEGIN SOLUTION
    k = grad_out.shape[-1]
    gradient = torch.zeros(num_embeddings, k)
    return gradient.index_add(0, idx.flatten(), grad_out.reshape(-1, k))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Start with a tensor of zeros in the shape of the weight. Then go through the uses one by one. A Python loop is a right answer.
#
# </details>
# <details><summary>Hint 2</summary>
#
# An `idx` of shape `(2, 3)` comes with a `grad_out` of shape `(2, 3, k)`, a single index with one of shape `(k,)`. Make a vector of the one, and a matrix of the other, so that they have one row for each use.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Without a loop: look up `index_add` in PyTorch's documentation, or the argument `accumulate` of `index_put`. You have met `index_add` above, where the biases were averaged.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: index_add_(): Number of indices (2) should be equal to source.size(dim): (3), for dim: 0`: the indices and the rows do not go together. Flatten both in the same way.
#
# `IndexError: index_add_(): Index is supposed to be a vector`: flatten `idx`.
#
# `RuntimeError: view size is not compatible with input tensor's size and stride`: use `reshape` in place of `view`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Take one batch of 64 ratings, and give each of them the gradient 1. Then the gradient of a row counts how often its film occurs in the batch.

# %% guess="embeddings.batch_gradient"

# %%
_ = torch.manual_seed(0)
batch = torch.randperm(len(train.items))[:64]
uses = embedding_backward(torch.ones(64, 1), train.items[batch], ratings.n_items)[:, 0]

plots.show(
    plots.spikes(
        uses,
        xlabel="item, the most rated first",
        ylabel="gradient",
        yticks=range(int(uses.max()) + 1),
    ),
    "embeddings.batch_gradient",
)
print(f"rows with a gradient: {(uses > 0).sum()} of {len(uses):,}")

# %% guard="embeddings.batch_gradient"
# change: embedding_backward(torch.ones(64, 1) -> 1e-3 + embedding_backward(torch.ones(64, 1)
assert (uses > 0).sum() <= 64 and (uses > 0).sum() > 40, (
    "only the films of the batch get a gradient"
)

# %% [markdown]
# Most rows stay at 0: the batch says nothing about their films. A plain step of SGD leaves them as they are. AdamW still moves them, since weight decay shrinks every row in every step, and momentum goes on for a while.

# %% [markdown]
# ### Exercise: `expose_embedding_backward`
#
# Fifteen wrong gradients of a lookup are known to this course; half of them are right as long as every row is looked up once. Expose them.
#
# {{ expose_embedding_backward }} A *case* is a dict with the keys `"grad_out"` (a float32 tensor), `"idx"` (an int64 tensor, whose shape is that of `grad_out` without its last dimension) and `"n"` (the number of rows of the table, which `embedding_backward` calls `num_embeddings`). Hand in one or two of them, with at most 12 numbers in `grad_out` and `idx` together and at most three dimensions, and the gradient of the table for the first case, worked out on paper: without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_embedding_backward"
def expose_embedding_backward():
    """Inputs that show wrong answers to `embedding_backward` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the keys above, and what right code
    gives for the first of them.

    >>> cases, expected = expose_embedding_backward()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    first = {
        "grad_out": torch.tensor([[1.0, -2.0], [3.0, 4.0], [5.0, 7.0]]),
        "idx": torch.tensor([1, 0, 1]),
        "n": 4,
    }
    second = {
        "grad_out": torch.tensor([[[1.0], [2.0]], [[3.0], [5.0]]]),
        "idx": torch.tensor([[0, 1], [1, 1]]),
        "n": 3,
    }
    return [first, second], torch.tensor([[3.0, 4.0], [6.0, 5.0], [0.0, 0.0], [0.0, 0.0]])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What happens to a row that two lookups share, and what to one that nobody looks up?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `idx` may have two dimensions, as for a batch of sentences. A word may come twice in two of them, or twice in one.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## A prediction that stays in range
#
# Ratings lie between 0.5 and 5 stars. A sum of parameters can be any number. The *sigmoid* brings every number between 0 and 1, and from there it can be stretched to any range:
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} \qquad\qquad \hat r = \text{low} + (\text{high} - \text{low})\;\sigma(x)$$
#
# By hand, for the range from 0 to 5.5:
#
# | $x$ | −2 | 0 | 1 | 2.3 |
# |---|---|---|---|---|
# | $\sigma(x)$ | 0.119 | 0.5 | 0.731 | 0.909 |
# | $\hat r$ | 0.66 | 2.75 | 4.02 | 5.00 |
#
# Why up to 5.5, when nobody can give more than 5? The sigmoid *never reaches its ends*. With a range that ends at 5, a prediction of 5 would need an infinite $x$. The parameters of a film that everybody loves would be pushed outwards for ever, while the slope there goes to 0. With 5.5 the value 5 is at $x = \ln 10 \approx 2.3$, where the curve still has some slope. So: a range a little wider than the data.

# %% [markdown]
# ### Exercise: `sigmoid_range`
#
# {{ sigmoid_range }} `torch.sigmoid` may be used. Gradients flow through it. The result is right for 100 and -100 too; the slope out there is not asked for.


# %% exercise="sigmoid_range"
def sigmoid_range(x, low, high):
    """The sigmoid of x, stretched so that it runs from low to high.

    x: a tensor of any shape. low, high: floats, low below high.
    Returns a tensor of the same shape.

    >>> sigmoid_range(torch.tensor([0.0, 100.0]), -1.0, 3.0)
    tensor([1., 3.])
    """
    ### BEGIN SOLUTION
    return low + (high - low) * torch.sigmoid(x)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two steps: stretch the interval from 0 to 1 to the right *width*, then shift it to the right *place*.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Test your formula with the two ends: what comes out for a sigmoid of 0, and what for a sigmoid of 1?
#
# </details>

# %% [markdown]
# ### What you should now see
#
# First your function with two ranges, to 5 and to 5.5. Then the slopes against the stars that are predicted; the dotted line is at 4.9 stars.

# %% guess="embeddings.range"

# %%
x = torch.linspace(-6, 6, 241)
curves, slopes = {}, {}
for high in [5.0, 5.5]:
    at = x.clone().requires_grad_()
    y = sigmoid_range(at, 0.0, high)
    curves[f"0 to {high}"] = y.detach()
    slopes[f"0 to {high}"] = torch.autograd.grad(y.sum(), at)[0]
plots.show(
    plots.curves(curves, x, xlabel="x", ylabel="stars", level=5.0),
    "embeddings.range",
)
plots.show(
    plots.against(curves, slopes, xlabel="predicted stars", ylabel="slope", at=[4.9]),
    "embeddings.slopes",
)

# %% guard="embeddings.range"
# change: sigmoid_range(at, 0.0, high) -> sigmoid_range(at, 0.0, high + 1)
narrow, wide = curves.values()
assert narrow.max() < 5 < wide.max(), "the curve that ends at 5 never gets there"
left = {name: slopes[name][(curves[name] - 4.9).abs().argmin()] for name in curves}
assert left["0 to 5.0"] < 0.15, "at 4.9 stars the narrow range has hardly any slope left"
assert left["0 to 5.5"] > 0.4, "the wide one has about half a star per unit"

# %% [markdown]
# ## The model
#
# Now taste. Give every user and every film a row of $k$ numbers, its *factors*. Their match is the *dot product*: multiply place by place, and add up.
#
# By hand, with $k = 2$. Suppose the first place means "battles", the second "laughs". Ann has the factors $(1, -0.5)$: she likes battles and does not care for jokes. A war film has $(2, 0)$, a comedy $(-1, 2)$.
#
# | | war film $(2, 0)$ | comedy $(-1, 2)$ |
# |---|---|---|
# | **Ann** $(1, -0.5)$ | $1\cdot 2 + (-0.5)\cdot 0 = 2$ | $1\cdot(-1) + (-0.5)\cdot 2 = -2$ |
# | **Ben** $(-0.5, 1)$ | $-1$ | $2.5$ |
#
# In truth nobody says what the places mean. All factors start as small random numbers, and training moves them so that the matches explain the ratings. (Why not all at zero? You can try it at the end.)
#
# Add the two biases, and bring the sum into range:
#
# $$\hat r_{ui} = \text{sigmoid\_range}\Big(\sum_{j=1}^{k} p_{uj}\, q_{ij} + b_u + b_i\Big)$$
#
# Here $p_u$ are the factors of user $u$, $q_i$ those of item $i$, and $b_u$, $b_i$ their biases. The mean has gone: the biases can take it up.

# %% [markdown]
# ### Exercise: `DotProductBias`
#
# {{ DotProductBias }} Use your `embedding_lookup` and your `sigmoid_range`. A batch consists of *pairs*: `users[0]` with `items[0]`, `users[1]` with `items[1]`, and so on. Start the factors as random numbers around 0 of standard deviation 0.01, the biases at 0. `nn.Embedding` is not allowed here.


# %% exercise="DotProductBias"
class DotProductBias(nn.Module):
    """Predicts ratings from factors and biases.

    Parameters: user_factors (n_users, n_factors), item_factors (n_items, n_factors), both start as random numbers around 0
    of standard deviation 0.01; user_bias (n_users,), item_bias (n_items,), both start at 0. y_range: (low, high).

    >>> model = DotProductBias(2, 3, 4, y_range=(0.0, 5.5))
    >>> [(name, tuple(p.shape)) for name, p in sorted(model.named_parameters())]
    [('item_bias', (3,)), ('item_factors', (3, 4)), ('user_bias', (2,)), ('user_factors', (2, 4))]
    >>> for p in model.parameters():
    ...     _ = nn.init.constant_(p, 0.5)
    >>> [round(y, 3) for y in model(torch.tensor([0, 1, 1]), torch.tensor([2, 0, 2])).tolist()]
    [4.844, 4.844, 4.844]
    """

    def __init__(self, n_users, n_items, n_factors, y_range):
        super().__init__()
        ### BEGIN SOLUTION
        self.user_factors = nn.Parameter(0.01 * torch.randn(n_users, n_factors))
        self.item_factors = nn.Parameter(0.01 * torch.randn(n_items, n_factors))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.y_range = y_range
        ### END SOLUTION

    def forward(self, users, items):
        """users, items: int64, shape (n,). Returns the predictions, shape (n,)."""
        ### BEGIN SOLUTION
        p = embedding_lookup(self.user_factors, users)
        q = embedding_lookup(self.item_factors, items)
        score = (p * q).sum(dim=1) + self.user_bias[users] + self.item_bias[items]
        return sigmoid_range(score, *self.y_range)
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write down the shapes first: the rows that you look up are `(n, k)`, the prediction is `(n,)`. Which dimension has to go, and how?
#
# </details>
# <details><summary>Hint 2</summary>
#
# A tensor becomes a parameter when it is wrapped in `nn.Parameter` and assigned to `self`. Scale the random numbers before you wrap them.
#
# </details>
# <details><summary>Hint 3</summary>
#
# A matrix product of `(n, k)` and `(k, n)` would match every user of the batch with every item of it. You want n matches, not n × n.
#
# </details>
# <details><summary>Hint 4</summary>
#
# The bias of a pair is one entry for its user and one for its item: the biases are looked up too. They go inside the sigmoid.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `NotImplementedError` from `embedding_lookup` or `sigmoid_range`: that exercise is still to do, or its cell has not been run.
#
# `IndexError: index 5 is out of bounds for dimension 0 with size 4`: users and items are exchanged somewhere.
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x3 and 5x3)`: `@` is a matrix product. You want to multiply entry by entry, and add up each row.
#
# `TypeError: sigmoid_range() missing 1 required positional argument: 'high'`: `y_range` is a pair. `*self.y_range` hands it over as two arguments.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# Ann and Ben from above, in your model: with the factors of the table, a bias of 0.5 for Ann who is generous, and one of −0.3 for the war film that is only so-so. More than 5 stars is no error, since the range ends at 5.5.

# %%
model = DotProductBias(2, 2, 2, y_range=(0.0, 5.5))
with torch.no_grad():
    _ = model.user_factors.copy_(torch.tensor([[1.0, -0.5], [-0.5, 1.0]]))
    _ = model.item_factors.copy_(torch.tensor([[2.0, 0.0], [-1.0, 2.0]]))
    _ = model.user_bias.copy_(torch.tensor([0.5, 0.0]))
    _ = model.item_bias.copy_(torch.tensor([-0.3, 0.0]))
predicted = model(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])).detach()
for pair, stars in zip(
    ["Ann, war film", "Ann, comedy", "Ben, war film", "Ben, comedy"], predicted.tolist()
):
    print(f"{pair}: {stars:.1f} stars")

# %% [markdown]
# ## Training on real ratings
#
# Your model has parameters for 646 users and 2,237 films. With 20 factors these are about 60,000 numbers, for 73,000 ratings. Nearly one number for each rating: it could learn them by heart. So you have to hold it back, by few factors, by few epochs, or by weight decay (lesson 06).

# %% [markdown]
# ### Exercise: `fit_ratings`
#
# {{ fit_ratings }} Train a model, and return it. `torch.optim` and `nn.Embedding` may be used. The model is judged in eval mode. The pieces are in place:
#
# - your `DotProductBias`, with a `y_range` a little wider than the ratings. `users` and `items` count from 0 without gaps, so their numbers follow from the largest ones;
# - a loop over epochs and shuffled batches, as in lesson 05;
# - the mean squared error, the gradients by `backward()`, and a step.
#
# For the step, take the AdamW of lesson 07. It was imported at the top: `adamw_step(params, means, squares, t, lr, betas, eps, wd)`, beside `minibatches` and `mse` of lesson 02, with `t` counting from 1 and one zero tensor for each parameter in `means` and in `squares` to begin with. `lr=0.01`, `betas=(0.9, 0.99)`, `eps=1e-8`, batches of 512 and five epochs are a good beginning; of `wd` try a few tenths. The step works in place, reads `.grad`, and does not clear it. It helps when the learning rate falls towards 0 during training.
#
# The check trains on nine tenths of all ratings, drawn anew and with other numbers for users and items, and measures the RMSE on 8,000 others. Their users and items all occur in what you train on. It is given as a share of the RMSE that mean and two biases have on the same 8,000: all points for a share of 0.995 or less, half of them up to 1.02. A good run gets to about 0.97, in a few seconds. `seed` is there so that a run can be repeated: seed torch with it at the start.


# %% exercise="fit_ratings"
def fit_ratings(users, items, ratings, seed):
    """A model trained on the given ratings.

    users, items: int64, shape (n,), numbers from 0 without gaps. ratings: float32, shape (n,), 0.5 to 5 stars.
    seed: an int, for torch.manual_seed. It takes a few seconds for 73,000 ratings.
    Returns an nn.Module; called with users and items it gives predictions of shape (n,).

    >>> users, items = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 2])
    >>> model = fit_ratings(users, items, torch.tensor([5.0, 1.0, 4.0, 2.0]), seed=0)
    >>> model(torch.tensor([0, 1]), torch.tensor([2, 0])).shape
    torch.Size([2])
    """
    ### BEGIN SOLUTION
    _ = torch.manual_seed(seed)
    model = DotProductBias(int(users.max()) + 1, int(items.max()) + 1, 20, y_range=(0.0, 5.5))
    params = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    chance = torch.default_generator
    batches = [batch for _ in range(5) for batch in minibatches(len(users), 512, chance)]
    for t, batch in enumerate(batches, start=1):
        mse(model(users[batch], items[batch]), ratings[batch]).backward()
        lr = 0.01 * (1 - t / len(batches))
        adamw_step(params, means, squares, t, lr, betas=(0.9, 0.99), eps=1e-8, wd=0.4)
        model.zero_grad()
    return model
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Do not begin with the check. Train on `train` for one epoch, and print the loss now and then. It should fall below 1 soon. Then look at the RMSE on `valid` after each epoch.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A batch is picked with one index tensor: `users[batch]`, `items[batch]` and `ratings[batch]`. `minibatches(n, 512, torch.default_generator)` of lesson 02 gives the batches of an epoch.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The error on `train` keeps falling while the one on `valid` rises again? The model learns by heart. A weight decay of 0.3 to 0.5 is large compared with what you know from other models; here it is right, because most rows see few ratings.
#
# </details>
# <details><summary>Hint 4</summary>
#
# Just above 1, whatever you do: that is what biases alone reach. Do the factors have a gradient, and did they start at something other than 0?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: index 2236 is out of bounds for dimension 0 with size 2236`: the largest number is 2,236, so there are 2,237 items. Counting starts at 0.
#
# `ZeroDivisionError` or `nan` in the first step of AdamW: `t` has to start at 1.
#
# `RuntimeError: Trying to backward through the graph a second time`: the loss has to be computed anew for every batch.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The error on the 8,141 ratings of the course that were kept aside, for the two simple guesses and for your model.

# %% guess="embeddings.errors"

# %%
model = fit_ratings(*train, seed=0)
with torch.no_grad():
    predicted = model(valid.users, valid.items)
errors["your model"] = rmse(predicted, valid.ratings)

plots.show(
    plots.bars(errors, xlabel="RMSE in stars, on ratings kept aside", xlim=(0, 1.2)),
    "embeddings.errors",
)
for name, error in errors.items():
    print(f"{name}: {error:.2f}")

# %% guard="embeddings.errors"
# change: predicted = model(valid.users, valid.items) -> predicted = mean + model.item_bias[valid.items]
taken = errors["mean and two biases"] - errors["your model"]
assert 0.01 < taken < 0.05, "the factors take off 0.02 more"

# %% [markdown]
# Be honest about the size of this. From the mean to biases the error falls by about a sixth, from 1.03 to 0.85 stars. The factors take off 0.02 more, about a fortieth; with other seeds it is the same. Most of what can be predicted about a rating is who rates, and how good the film is. Taste is a small part, but it is the part that makes one person's list differ from another's. And people are not consistent: asked again, they give other stars. No model gets to 0.

# %% [markdown]
# ## Reading the biases
#
# A film's bias is what it gets from everybody, whatever their taste. Let us see which films have the highest and the lowest ones. Beside the bias you see the plain mean of the film's ratings, and how many ratings there are. A bias is measured inside the sigmoid, so it is not in stars.

# %%
n_ratings = torch.bincount(train.items, minlength=ratings.n_items)
mean_rating = pulled_means(train.items, ratings.n_items, train.ratings, extra=0)
bias = model.item_bias.detach()

order = bias.argsort(descending=True)
shown = torch.cat([order[:12], order[-12:]])
names = [f"{ratings.titles[i].split(' (')[0][:34]} ({n_ratings[i]})" for i in shown.tolist()]
plots.show(
    plots.ranked(names, bias[shown], mean_rating[shown], split=12, middle=float(mean)),
    "embeddings.biases",
)

# %% [markdown]
# Now the same films the other way round: who has the highest *mean*?

# %% guess="embeddings.means"

# %%
best = mean_rating.argsort(descending=True)[:200]

named = {int(best[0]): (-5, -100), 2: (-8, -3), int(bias.argmin()): (75, 0)}
plots.show(
    plots.coloured(
        torch.stack([mean_rating, bias], dim=1),
        n_ratings,
        {ratings.titles[i].split(" (")[0]: (i, offset) for i, offset in named.items()},
        xlabel="mean rating in stars",
        ylabel="bias in the model",
        colours="number of ratings",
    ),
    "embeddings.means",
)
few = n_ratings[best[:10]] < 30
print(f"of the ten films with the highest mean, {int(few.sum())} have fewer than 30 ratings")

# %% guard="embeddings.means"
# change: best = mean_rating.argsort(descending=True)[:200] -> best = bias.argsort(descending=True)[:200]
assert int(few.sum()) == 7, "seven of the ten films with the highest mean have few ratings"
assert bias[best[0]] < 0.5 * bias.max(), "the one with the highest mean has a small bias"

# %% [markdown]
# ## What do the biases tell? · extra
#
# {{ read_the_biases }} Look at the two pictures above. In four to six sentences, explain
#
# 1. why *The Shawshank Redemption* has a higher bias than *The Best Years of Our Lives*, although its mean rating is lower. Two things keep a bias near 0: where it starts, and what pulls it back in training. What has the number of ratings to do with it,
# 2. one other reason why a film's bias and its mean rating can differ: think of *who* rates it,
# 3. which of the two you would use to choose a film for somebody you know nothing about, and why.
#
# Double-click the cell below and write there.

# %% [markdown] exercise="read_the_biases"
# <!-- ### BEGIN SOLUTION -->
# Biases start at 0, and weight decay pulls all of them back towards 0 in every step, while only the ratings of its own film push a bias away. With 11 ratings there is little push, with 281 much. So the bias of a film with few ratings stays small, whatever its mean: the model asks for evidence before it believes that a film is exceptional. A mean of 11 ratings can be high by chance.
#
# A mean counts every rater alike. The model also has user biases and factors: if a film was rated mainly by generous people, or by those whose taste it meets, their biases and factors explain part of its high ratings, and less is left for the film's bias.
#
# For a stranger the bias is the better choice. It is meant to be what the film brings by itself, cleaned of who happened to rate it, and careful where little is known.
#
# *Points: 1 for weight decay (or the start at 0 with few steps) together with the number of ratings, 1 for the raters and a choice with its reason.*
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Reading the factors
#
# The factors are harder to read: 20 numbers for each film, and none of them has a name. The factors could even be exchanged, or the whole cloud of films turned, without changing a single prediction, as long as the users are turned along. So do not look at single factors. Ask for the *directions* in which the films differ most.
#
# ### Principal component analysis
#
# PCA finds them. Think of the films as a cloud of points. The first *component* is the direction in which the cloud is longest. The second is the longest of those at right angles to the first, and so on.
#
# A small example: five points, $(1, 3), (3, 4), (5, 5), (7, 6), (9, 7)$. They lie on a line. Their mean is $(5, 5)$. Without the mean they are $(-4, -2), (-2, -1), (0, 0), (2, 1), (4, 2)$: multiples of $(2, 1)$. So the first component is $(2, 1)$, brought to length 1: $(0.894, 0.447)$. The *variance* along a direction is the mean squared distance from the middle, measured along it. At right angles to $(2, 1)$ these points do not differ: the first component explains all of the variance.
#
# Two things to know:
#
# - **Centre first.** A direction of *spread* is measured from the middle of the cloud. If the mean is not taken off, the first direction mostly points from the origin to the middle.
# - **The sign is arbitrary.** $(-0.894, -0.447)$ is the same line. One computer may give the one and another the other. Left and right on the map can be exchanged, and it is the same map.

# %% guess="embeddings.centring"

# %%
_ = torch.manual_seed(0)
cloud = torch.randn(200, 2) @ torch.tensor([[1.2, 0.5], [0.0, 0.35]]) + torch.tensor([1.0, 4.0])

origins = {"centred": cloud.mean(0), "not centred": torch.zeros(2)}
directions = {
    title: torch.linalg.svd(cloud - origin, full_matrices=False).Vh[0]
    for title, origin in origins.items()
}
plots.show(plots.directions(cloud, origins, directions), "embeddings.centring")

# %% guard="embeddings.centring"
# change: "not centred": torch.zeros(2) -> "not centred": cloud.mean(0)
along, across = directions.values()
assert abs(along[0]) > 0.85, "centred, the direction runs along the cloud"
assert abs(across[1]) > 0.9, "not centred, it points at the middle of the cloud"

# %% [markdown]
# ### Exercise: `pca`
#
# {{ pca }} Centre, decompose, project. `torch.pca_lowrank` is not allowed. The *singular value decomposition* does the middle part: `torch.linalg.svd(a, full_matrices=False)` gives `U`, `S`, `Vh` with `a = U @ diag(S) @ Vh`. The rows of `Vh` are the directions, the longest first, each of length 1. The variance along direction $j$ is proportional to $S_j^2$. To *project* is to take the dot product with each direction.


# %% exercise="pca"
def pca(x, k):
    """The k directions in which the rows of x differ most.

    x: (n, d), float32, rows that are not all equal. k: at most n - 1 and d.
    Returns projected: (n, k), the centred x in these directions; components: (k, d), the directions as rows of
    length 1; explained_variance_ratio: (k,), the share of the whole variance along each. The sign of a
    direction is free, and its column of projected goes with it.

    >>> x = torch.tensor([[1.0, 3.0], [3.0, 4.0], [5.0, 5.0], [7.0, 6.0], [9.0, 7.0]])
    >>> projected, components, ratio = pca(x, 1)
    >>> projected.shape, components.shape
    (torch.Size([5, 1]), torch.Size([1, 2]))
    >>> [round(c, 3) for c in components[0].abs().tolist()], round(ratio.item(), 3)
    ([0.894, 0.447], 1.0)
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(dim=0)
    _, s, vh = torch.linalg.svd(centred, full_matrices=False)
    return centred @ vh[:k].T, vh[:k], s[:k] ** 2 / (s**2).sum()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A row is a film, a column is a factor. Which mean is taken off: one for each row, or one for each column?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The shapes help: centred `(n, d)` and directions `(k, d)` are to give `(n, k)`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The shares are shares of *all* the variance, also of that in the directions you leave out. Divide before you cut off at `k`, or by the sum over everything.
#
# </details>
# <details><summary>Hint 4</summary>
#
# The eigenvectors of the covariance are an equally good way. Mind that `torch.linalg.eigh` puts the smallest first and the vectors into columns.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: The size of tensor a (4) must match the size of tensor b (11) at non-singleton dimension 1`: the mean was taken over the wrong dimension.
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (11x4 and 2x4)`: transpose the directions.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The 120 most rated films, in the two directions in which their factors differ most. Names that would cover others are left out. Films that stand close together are liked by the same people. The model has never seen a title, a year or a genre.

# %%
popular = model.item_factors.detach()[:120]
projected, components, ratio = pca(popular, 2)
titles = [title.split(" (")[0].split(" - ")[0] for title in ratings.titles[:120]]

plots.show(
    plots.labelled(
        projected,
        titles,
        xlabel=f"first component ({ratio[0]:.0%} of the variance)",
        ylabel=f"second component ({ratio[1]:.0%} of the variance)",
    ),
    "embeddings.map",
)

# %% [markdown]
# Look for yourself what the directions could mean. One end of the first gathers films that critics praise, the other big summer films and family comedies. One end of the second has the sagas: *The Lord of the Rings*, *Star Wars*.
#
# Such names are a reader's, not the model's. The two directions together explain less than half of the variance, so on this map films may seem close that differ in other directions. And which way is left or right, up or down, is chance.

# %% [markdown]
# ## What you have now
#
# - An **embedding** is a table of parameters with a row for each category. Looking up a row equals a product with a one-hot vector.
# - Its **gradient** adds up over all uses of a row. `grad[idx] += g` loses repeated ones. *(extra)*
# - A **sigmoid range** is a little wider than the data, because its ends are never reached.
# - **Biases** say what a user or an item brings alone, **factors** how the two fit. Biases explain most; factors add taste.
# - **PCA** centres, then finds the directions of largest spread. Signs are arbitrary.
#
# Lesson 11 gives embeddings to any column of a table. Lesson 10 first asks what a trained network is worth on another task.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did. The cell below trains a model that you hand in and returns its error after every epoch.


# %%
def errors_by_epoch(net, epochs=5, wd=0.4, rate=0.01):
    """RMSE on train and on valid after each epoch; the rate stays as it is."""
    tables = list(net.parameters())
    first, second = [torch.zeros_like(p) for p in tables], [torch.zeros_like(p) for p in tables]
    history, step = {"train": [], "valid": []}, 0
    for _ in range(epochs):
        for picked in minibatches(len(train.users), 1024, torch.default_generator):
            step += 1
            mse(net(train.users[picked], train.items[picked]), train.ratings[picked]).backward()
            adamw_step(tables, first, second, step, rate, (0.9, 0.99), 1e-8, wd)
            net.zero_grad()
        with torch.no_grad():
            for name, part in {"train": train, "valid": valid}.items():
                history[name].append(rmse(net(part.users, part.items), part.ratings))
    return history


# %% [markdown]
# ### Should I leave out the weight decay?

# %% guess="embeddings.no_decay"

# %%
histories = {}
for wd in [0.0, 0.4]:
    _ = torch.manual_seed(0)
    net = DotProductBias(ratings.n_users, ratings.n_items, 20, (0.0, 5.5))
    histories[f"weight decay {wd}"] = errors_by_epoch(net, epochs=8, wd=wd)
plots.show(
    plots.side_by_side(
        *({"series": errors, "title": title} for title, errors in histories.items()),
        xlabel="epoch",
        ylabel="RMSE in stars",
        ylim=(0.4, 1.1),
    ),
    "embeddings.no_decay",
)

# %% guard="embeddings.no_decay"
# change: epochs=8, wd=wd) -> epochs=8, wd=0.4)
free, held = histories.values()
assert free["train"][-1] < 0.6, "without decay the error on train falls below 0.6"
assert free["valid"][-1] > min(free["valid"]) + 0.05, "while that on valid turns upwards"
assert held["valid"][-1] < min(held["valid"]) + 0.02, "with 0.4 valid hardly rises"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I start all factors at zero?

# %% guess="embeddings.zero_factors"

# %%
_ = torch.manual_seed(0)
zero = DotProductBias(ratings.n_users, ratings.n_items, 20, (0.0, 5.5))
for factors in [zero.user_factors, zero.item_factors]:
    _ = nn.init.zeros_(factors)
history = errors_by_epoch(zero, epochs=3, wd=0.1)
largest = max(zero.user_factors.abs().max().item(), zero.item_factors.abs().max().item())
print(f"largest factor after training: {largest:g}")
print(
    f"RMSE on valid: {history['valid'][-1]:.2f}, with biases alone {errors['mean and two biases']:.2f}"
)
outcome("embeddings.zero_factors")

# %% guard="embeddings.zero_factors"
# change: nn.init.zeros_(factors) -> nn.init.normal_(factors, 0, 0.1)
assert zero.item_factors.abs().max() == 0, "factors that start at 0 stay at 0"

# %% [markdown]
# *What happened, and why:* (What is the gradient of $p \cdot q$ by $p$, and what is it where $q = 0$?)

# %% [markdown]
# ### Should I trust distances between films?
#
# Put the number of a film that you know (0 to 2,236) into the cell. It lists the films whose factors point in the most similar direction, among those with at least 50 ratings. The measure is the *cosine* of the angle between two rows of factors: 1 in the same direction, 0 at right angles.

# %%
film = 9  # Terminator 2
unit = nn.functional.normalize(model.item_factors.detach(), dim=1)
similar = (unit @ unit[film]).masked_fill(n_ratings < 50, -1).argsort(descending=True)[1:6]

names = [ratings.titles[i].split(" (")[0][:40] for i in [film, *similar.tolist()]]
cosines = dict(zip(names[1:], (unit @ unit[film])[similar].tolist()))
plots.show(
    plots.bars(cosines, xlabel="cosine of the angle", title=f"near {names[0]}", xlim=(0, 1.1)),
    "embeddings.neighbours",
)

# %% [markdown]
# *My film, and its neighbours:*
#
# *Which of them make sense, and which do not:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# Lesson 5 of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019; [github.com/fastai/course-v3](https://github.com/fastai/course-v3), Apache License 2.0), opens the collaborative filtering model in the same way: a one-hot product, factors, biases, a sigmoid with a range, and then PCA over the film factors. The model is in the spreadsheet `files/xl/collab_filter.xlsx` and in the notebook `nbs/dl1/lesson4-collab.ipynb`. If you read it, or notes about it, mind this:
#
# - **"An embedding is a lookup."** It is a lookup as a computation, and a matrix product as mathematics. Only the second tells you its gradient.
# - **`y_range = (0, 5)`** appears for ratings up to 5; later the upper end becomes 5.5. A sigmoid never reaches its end.
# - **"`wd=0.1`"** is the number in the source for this model. How strong a decay is depends on the optimizer, the learning rate and the number of steps, so your best value is another one.
# - **PCA on raw factors.** Some notebooks turn the table before they decompose it, or do not centre. Check which dimension is centred.
# - **Naming the components** is the fun part, and the weakest. Try other seeds before you believe a name.
#
# *Data: F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and Context, 2015, doi 10.1145/2827872. For non-commercial use, with GroupLens's notice in `course_utils/data/movielens`.*
