"""The reference answers of lesson 04 agree with torch in float64, and no road of torch's own to
them stays unseen.
"""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_utils.checking import judge
from course_utils.reference import cross_entropy as reference
from course_utils.reference.backprop import numerical_gradient, relative_error

LARGEST_ERROR = 1e-12


@st.composite
def batches(draw):
    n, c = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    logits = draw(st.sampled_from([0.1, 1, 30, 1000])) * torch.randn(
        n, c, generator=generator, dtype=torch.float64
    )
    logits += draw(st.sampled_from([0, 1000, -1000])) * torch.randn(
        n, 1, generator=generator, dtype=torch.float64
    )
    return logits.requires_grad_(), torch.randint(c, (n,), generator=generator)


def relative(ours, theirs):
    """Relative to the largest entry; what both say is exactly 0 counts as equal."""
    return float(
        (ours - theirs).detach().abs().max() / theirs.detach().abs().max().clamp(min=1e-300)
    )


def agree(ours, theirs, logits):
    cotangent = torch.randn_like(ours)
    grads = [torch.autograd.grad(y, logits, cotangent)[0] for y in (ours, theirs)]
    size = float(
        (cotangent.abs().sum() + grads[1].abs().max()).detach()
    )  # entries that cancel are rounded like these
    return (
        relative(ours, theirs) < LARGEST_ERROR
        and float((grads[0] - grads[1]).abs().max()) < LARGEST_ERROR * size
    )


@settings(deadline=None, derandomize=True, max_examples=150)
@given(batches())
def test_softmax_and_cross_entropy_equal_torch_in_values_and_gradients(batch):
    logits, targets = batch
    assert agree(reference.softmax(logits), F.softmax(logits, -1), logits)
    assert agree(reference.log_softmax(logits), F.log_softmax(logits, -1), logits)
    assert agree(reference.cross_entropy(logits, targets), F.cross_entropy(logits, targets), logits)
    log_probs = F.log_softmax(logits, -1).detach().requires_grad_()
    assert agree(reference.nll(log_probs, targets), F.nll_loss(log_probs, targets), log_probs)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(batches())
def test_the_backward_formula_equals_autograd(batch):
    logits, targets = batch
    expected = torch.autograd.grad(F.cross_entropy(logits, targets), logits)[0]
    assert (
        reference.cross_entropy_backward(logits.detach(), targets) - expected
    ).abs().max() < LARGEST_ERROR


def test_the_backward_formula_equals_central_differences():
    logits, targets = torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 4, 2, 2])
    expected = numerical_gradient(lambda z: reference.cross_entropy(z, targets), logits)
    assert (
        relative_error(reference.cross_entropy_backward(logits, targets).double(), expected) < 1e-7
    )


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.integers(6, 9))
def test_one_hot_equals_torch(labels, num_classes):
    labels = torch.tensor(labels)
    assert torch.equal(
        reference.one_hot(labels, num_classes), F.one_hot(labels, num_classes).float()
    )


@settings(deadline=None, derandomize=True, max_examples=50)
@given(batches())
def test_accuracy_counts_rows(batch):
    logits, targets = batch
    hits = [
        row.tolist().index(max(row.tolist())) == target
        for row, target in zip(logits, targets, strict=True)
    ]
    assert reference.accuracy(logits, targets) == pytest.approx(sum(hits) / len(hits))


def by_attention(z):
    eye = torch.eye(z.shape[-1]).expand(len(z), -1, -1)
    return F.scaled_dot_product_attention(torch.ones(len(z), 1, 1), z[:, :, None], eye, scale=1.0)[
        :, 0
    ]


SOFTMAXES = {
    "torch.softmax": lambda z: torch.softmax(z, -1),
    "method": lambda z: z.softmax(-1),
    "functional": lambda z: F.softmax(z, dim=-1),
    "special": lambda z: torch.special.softmax(z, -1),
    "module": lambda z: nn.Softmax(-1)(z),
    "softmin": lambda z: F.softmin(-z, -1),
    "Softmin module": lambda z: nn.Softmin(-1)(-z),
    "Softmax2d": lambda z: nn.Softmax2d()(z.T[:, :, None]).squeeze(-1).T,
    "exp of log_softmax": lambda z: z.log_softmax(-1).exp(),
    "logsumexp": lambda z: (z - torch.logsumexp(z, -1, keepdim=True)).exp(),
    "method logsumexp": lambda z: (z - z.logsumexp(-1, keepdim=True)).exp(),
    "special logsumexp": lambda z: (z - torch.special.logsumexp(z, -1, keepdim=True)).exp(),
    "logcumsumexp": lambda z: (z - z.logcumsumexp(-1)[:, -1:]).exp(),
    "distribution": lambda z: torch.distributions.Categorical(logits=z).probs,
    "one-hot distribution": lambda z: torch.distributions.OneHotCategorical(logits=z).mean,
    "private": lambda z: torch._softmax(z, -1, False),
    "operator": lambda z: torch.ops.aten.softmax.int(z, -1),
    "sparse": lambda z: torch.sparse.softmax(z.to_sparse(), -1).to_dense(),
    "attention": by_attention,
    "gumbel": lambda z: F.gumbel_softmax(z, dim=-1),
    "vmapped": torch.func.vmap(lambda row: row.softmax(-1)),
}
LOG_SOFTMAXES = {
    "functional": lambda z: F.log_softmax(z, -1),
    "method": lambda z: z.log_softmax(-1),
    "special": lambda z: torch.special.log_softmax(z, -1),
    "module": lambda z: nn.LogSoftmax(-1)(z),
    "logaddexp": lambda z: z - torch.logaddexp(z[:, 0], z[:, 1])[:, None],
    "logaddexp2": lambda z: z - torch.logaddexp2(z[:, 0], z[:, 1])[:, None],
    "distribution": lambda z: torch.distributions.Categorical(logits=z).logits,
}
LOSSES = {
    "functional": F.cross_entropy,
    "module": lambda z, t: nn.CrossEntropyLoss()(z, t),
    "nll of log_softmax": lambda z, t: F.nll_loss(F.log_softmax(z, -1), t),
    "probabilities as targets": lambda z, t: F.cross_entropy(z, torch.eye(z.shape[1])[t]),
    "distribution": lambda z, t: -torch.distributions.Categorical(logits=z).log_prob(t).mean(),
    "operator": lambda z, t: torch.ops.aten.cross_entropy_loss(z, t),
    "linear": lambda z, t: F.linear_cross_entropy(z, torch.eye(z.shape[1]), t),
    "margin": lambda z, t: F.multi_margin_loss(z.log_softmax(-1), t),
}
NLLS = {
    "functional": F.nll_loss,
    "module": lambda lp, t: nn.NLLLoss()(lp, t),
    "divergence": lambda lp, t: F.kl_div(lp, torch.eye(lp.shape[1])[t], reduction="batchmean"),
    "cross_entropy": F.cross_entropy,
    "torch._C": lambda lp, t: torch._C._nn.nll_loss(lp, t),
}


def by_hand(z, t):
    shifted = z - z.amax(1, keepdim=True)
    return (shifted.exp().sum(1).log() - shifted[torch.arange(len(t)), t]).mean()


def by_backward(z, t, backward):
    z = z.clone().requires_grad_()
    backward(by_hand(z, t))
    return z.grad


def by_grad(z, t):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(by_hand(z, t), z)[0]


BACKWARDS = {
    "autograd.grad": by_grad,
    "backward": lambda z, t: by_backward(z, t, Tensor.backward),
    "autograd.backward": lambda z, t: by_backward(z, t, torch.autograd.backward),
    "func.grad": lambda z, t: torch.func.grad(by_hand)(z, t),
    "func.vjp": lambda z, t: torch.func.vjp(lambda x: by_hand(x, t), z)[1](torch.tensor(1.0))[0],
    "func.jacrev": lambda z, t: torch.func.jacrev(by_hand)(z, t),
    "jacobian": lambda z, t: torch.autograd.functional.jacobian(lambda x: by_hand(x, t), z),
    "softmax": lambda z, t: (z.softmax(-1) - torch.eye(z.shape[1])[t]) / len(t),
    "private backward": lambda z, t: torch._log_softmax_backward_data(
        -torch.eye(z.shape[1])[t] / len(t), z, 1, z.dtype
    ),
}
ROADS = [
    (f"cross_entropy.{name}", road, answer)
    for name, roads in (
        ("softmax", SOFTMAXES),
        ("log_softmax", LOG_SOFTMAXES),
        ("cross_entropy", LOSSES),
        ("nll", NLLS),
        ("cross_entropy_backward", BACKWARDS),
        (
            "one_hot",
            {"functional": lambda labels, c: F.one_hot(labels, c).float(), "itself": F.one_hot},
        ),
    )
    for road, answer in roads.items()
]


@pytest.mark.parametrize(
    ("id", "road", "answer"), ROADS, ids=[f"{id}-{road}" for id, road, _ in ROADS]
)
def test_every_road_of_torch_is_a_shortcut(id, road, answer):
    verdict = judge(id, answer)
    assert verdict.status == "shortcut", verdict.message
    assert verdict.score == 0
