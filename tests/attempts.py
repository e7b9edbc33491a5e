"""Attempts at the exercises in finding mistakes, random and thoughtful; what each reaches is in the
table of its class: `python -m tests.attempts` measures all of them again.
"""

import ast
import doctest
import inspect
import math
from pathlib import Path

import torch

from course_utils.checking import Expose, Repair, TellApart, exercises, judge, lessons
from course_utils.checking.exercise import reference
from course_utils.checking.running import collect

t = torch.tensor
SEEDS = range(20)  # of random attempts, whose mean is given


def step(params, grads, lr=0.1):
    return {"params": params, "grads": grads, "lr": lr}


def scores(logits, targets):
    return {"logits": t(logits), "targets": t(targets)}


def decayed(params, grads, lr=0.1, wd=0.5):
    return {"params": params, "grads": grads, "lr": lr, "wd": wd}


def looked_up(grad_out, idx, n):
    return {"grad_out": t(grad_out), "idx": t(idx), "n": n}


def gaps(train, valid):
    return {"train": t(train), "valid": t(valid)}


NAN = math.nan
FOUR = scores([[2.0, 1, 0], [0, 1, 2.0], [-3, -1, -2.0], [1, 0, 3.0]], [0, 1, 2, 0])
TIES = scores([[1.0, 1, 0], [0, 2.0, 2.0], [-3, -1, -2.0]], [0, 2, 1])
ATTEMPTS = {  # in the order of the tables in the docstrings
    "sgd.expose_sgd_step": [
        [step([t([1.0])], [t([1.0])], 1.0)],
        [step([t([1.0, 2.0])], [t([3.0, -4.0])])],
        [step([t([1.0, 2.0]), t([5.0])], [t([3.0, -4.0]), t([2.0])])],
        [step([t([1.0, 2.0]), t([5.0])], [t([3.0, -4.0]), None])],
        [step([t([1.0, 2.0]), t([5.0])], [None, t([2.0])])],
        [step([t([1.0, 2.0]), t([5.0]), t(2.0)], [None, t([2.0]), t(1.0)])],
    ],
    "linear.expose_relu": [
        [{"x": t([1.0, 2.0])}],
        [{"x": t([1.0, -1.0])}],
        [{"x": t([-2.0, 0.0, 3.0])}],
        [{"x": t([[-2.0, 0.0], [3.0, -0.5]])}, {"x": t(-1.0)}],
        [{"x": t([[-2.0, 0.0], [7.0, -0.5]])}, {"x": t([1.0, 8.0])}],
    ],
    "cross_entropy.expose_accuracy": [
        [scores([[2.0, 1.0]], [0])],
        [scores([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]], [0, 1, 1])],
        [FOUR],
        [scores([[2.0, 2, 0], [0, 1, 1.0], [-3, -1, -2.0], [1, 0, 3.0]], [0, 2, 1, 0])],
        [FOUR, TIES],
        [
            scores([[2.0, 1, 0, -1], [0, 1, 2, 4], [1, 0, 3, -1]], [0, 3, 1]),
            TIES,
        ],
    ],
    "weight_decay.expose_sgd_decay_step": [
        [decayed([t([1.0])], [t([1.0])], 1.0)],
        [decayed([t([1.0, 2.0])], [t([0.0, 0.0])])],
        [decayed([t([1.0, 2.0])], [t([3.0, -4.0])])],
        [decayed([t([1.0, 2.0]), t([5.0])], [t([3.0, -4.0]), t([1.0])])],
        [decayed([t([1.0, 2.0]), t([5.0])], [None, t([1.0])])],
        [
            decayed([t([1.0, 2.0]), t([5.0, -3.0])], [None, t([1.0, -2.0])]),
            decayed([t(2.0)], [t(3.0)], 0.2, 0.3),
        ],
    ],
    "embeddings.expose_embedding_backward": [
        [looked_up([[1.0, 2.0], [3.0, 4.0]], [0, 1], 2)],
        [looked_up([[1.0, 2.0], [3.0, 4.0]], [0, 2], 3)],
        [looked_up([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [1, 0, 1], 3)],
        [
            looked_up([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [1, 0, 1], 3),
            looked_up([[[1.0], [2.0]], [[3.0], [5.0]]], [[0, 1], [1, 1]], 3),
        ],
    ],
    "tabular.expose_fill_missing": [
        [gaps([1.0, 2.0, 3.0], [4.0])],
        [gaps([1.0, NAN, 3.0], [4.0])],
        [gaps([1.0, NAN, 5.0, 2.0], [NAN, 7.0])],
        [gaps([1.0, NAN, 5.0, 2.0, 9.0], [NAN, 7.0, 100.0])],
    ],
}


# Tests of `backward` for y = x * scale, as students write them.
ROWS, SCALE = t([[2.3, -3.0, 0.7], [-1.6, 5.2, 4.0]]), t([-2.0, 0.3, 3.1])
GIVEN = t([[0.7, 2.0, -1.9], [-3.3, 0.4, 1.2]])


def close(found, grad_out, x, scale):
    """Whether the numbers are those of right code, whatever their shapes."""
    grad_x, grad_scale = found
    return torch.allclose(grad_x, grad_out * scale) and torch.allclose(
        grad_scale, (grad_out * x).sum(0), atol=1e-6
    )


def on(grad_out, x, scale):
    """A test with these inputs."""
    return lambda backward: close(
        backward(grad_out.clone(), x.clone(), scale.clone()), grad_out, x, scale
    )


def shapes_only(backward):
    grad_x, grad_scale = backward(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3))
    return grad_x.shape == (2, 3) and grad_scale.shape == (3,)


def first_result_only(backward):
    return torch.allclose(backward(GIVEN, ROWS, SCALE)[0], GIVEN * SCALE)


def loosely(backward):
    grad_x, grad_scale = backward(GIVEN.clone(), ROWS.clone(), SCALE)
    near = torch.allclose(grad_x, GIVEN * SCALE, rtol=0.1, atol=0.5)
    return near and torch.allclose(grad_scale, (GIVEN * ROWS).sum(0), rtol=0.1, atol=0.5)


def by_autograd(backward):
    torch.manual_seed(0)
    x, scale = torch.randn(4, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    grad_out = torch.randn(4, 3)
    (x * scale).backward(grad_out)
    grad_x, grad_scale = backward(grad_out.clone(), x.detach().clone(), scale.detach().clone())
    assert grad_x.shape == x.shape and grad_scale.shape == scale.shape
    assert torch.allclose(grad_x, x.grad, atol=1e-5)
    assert torch.allclose(grad_scale, scale.grad, atol=1e-5)


def arguments_too(backward):
    given = [GIVEN.clone(), ROWS.clone(), SCALE.clone()]
    right = close(backward(*given), GIVEN, ROWS, SCALE)
    return right and all(map(torch.equal, given, (GIVEN, ROWS, SCALE)))


def called_twice(backward):
    return arguments_too(backward) and on(GIVEN + 1, ROWS, SCALE)(backward)


def everything(backward):
    return called_twice(backward) and backward(GIVEN, ROWS, SCALE)[1].shape == SCALE.shape


# In the order of the table in backprop.Test's docstring.
TESTS = [
    shapes_only,
    on(torch.ones(1, 3), torch.ones(1, 3), torch.ones(3)),
    on(torch.ones(2, 2), t([[1.0, 2.0], [3.0, 4.0]]), t([5.0, 6.0])),
    on(t([[1.0, 2.0]]), t([[3.0, 4.0]]), t([5.0, 6.0])),
    first_result_only,
    on(t([[1.0, 2.0], [3.0, 4.0]]), t([[1.0, 2.0], [3.0, 4.0]]), t([2.0, 3.0])),
    loosely,
    on(GIVEN, ROWS, SCALE),
    by_autograd,
    arguments_too,
    called_twice,
    everything,
]


# Random inputs of the form that an exercise asks for.


def noise(seed, *shape):
    """Normal numbers, one number for the empty shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def whole(seed, high, *shape):
    """Whole numbers below a bound."""
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


def holes(seed, n):
    """Random numbers, each of which is missing with probability 1/4."""
    return noise(seed, n).masked_fill(whole(seed + 99, 4, n) == 0, NAN)


RANDOM = {
    "sgd.expose_sgd_step": lambda s: step([noise(s, 3)], [noise(s + 50, 3)]),
    "linear.expose_relu": lambda s: {"x": noise(s, 5)},
    "cross_entropy.expose_accuracy": lambda s: {
        "logits": noise(s, 4, 3),
        "targets": whole(s, 3, 4),
    },
    "weight_decay.expose_sgd_decay_step": lambda s: decayed([noise(s, 3)], [noise(s + 50, 3)]),
    "embeddings.expose_embedding_backward": lambda s: {
        "grad_out": noise(s, 3, 2),
        "idx": whole(s, 3, 3),
        "n": 3,
    },
    "tabular.expose_fill_missing": lambda s: {"train": holes(s, 5), "valid": holes(s + 7, 3)},
    "sgd.repair_momentum_step": lambda s: {
        "params": [noise(s, 2), noise(s + 1, 2)],
        "grads": [noise(s + 2, 2), noise(s + 3, 2)],
        "velocities": [torch.zeros(2), torch.zeros(2)],
        "lr": 0.1,
        "momentum": 0.9,
    },
    "backprop.repair_linear_backward": lambda s: {
        "grad_out": noise(s, 2, 1),
        "x": noise(s + 1, 2, 2),
        "weight": noise(s + 2, 1, 2),
    },
    "mnist.repair_normalize": lambda s: {"train": noise(s, 4), "valid": noise(s + 1, 4)},
    "optimizers.repair_adam_step": lambda s: {
        "params": [noise(s, 3)],
        "grads": [noise(s + 1, 3)],
        "means": [torch.zeros(3)],
        "squares": [torch.zeros(3)],
        "t": 1 + s,
        "lr": 0.1,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
    },
    "transfer.repair_discriminative_lrs": lambda s: {
        "start": 10.0 ** -(1 + s % 4),
        "stop": 0.1,
        "n_groups": 1 + s % 5,
    },
}

# What the arguments in an example of a lesson are as a case.
AS_CASE = {
    "sgd.sgd_step": lambda params, lr: step(params, [p.grad for p in params], lr),
    "weight_decay.sgd_decay_step": lambda params, lr, wd: decayed(
        params, [p.grad for p in params], lr, wd
    ),
    "embeddings.embedding_backward": lambda grad_out, idx, num_embeddings: {
        "grad_out": grad_out,
        "idx": idx,
        "n": num_embeddings,
    },
}


def share(exercise, cases):
    """The share of all known mistakes that some cases expose."""
    [drawn] = exercise.own_cases(0)
    drawn.hidden["mutants"] = range(len(exercise.mutants))
    return exercise.weigh([drawn], collect(exercise, handed_in(exercise, cases), [drawn]), 0)[
        "value"
    ]


def handed_in(exercise, cases):
    """An answer with these cases, and what right code gives for the first."""
    first = exercise.as_case("the first", cases[0])
    [right] = collect(exercise.subject, reference(exercise.subject), [first], guarded=False)
    return lambda: (cases, right.values[exercise.asks])


def random_share(exercise):
    """The mean share that one random case exposes."""
    return sum(share(exercise, [RANDOM[exercise.id](seed)]) for seed in SEEDS) / len(SEEDS)


def random_witnesses(exercise):
    """How many of the random witnesses show the bug."""
    handed = [RANDOM[exercise.id](seed) for seed in SEEDS]
    scores = [judge(exercise.id, lambda w=w: (w, exercise.buggy_answer)).score for w in handed]
    return sum(score == 0.5 for score in scores)


def examples(exercise):
    """The cases that the example in the stub of the exercise `of` holds."""
    subject = exercise.subject
    [path] = (Path(__file__).parents[1] / "solutions").glob(f"*_{exercise.lesson}.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {node.name: ast.get_docstring(node) for node in tree.body if hasattr(node, "name")}
    found, right = [], reference(subject)
    names = list(inspect.signature(right).parameters)

    def record(*args, **kwargs):
        given = inspect.signature(right).bind(*args, **kwargs).arguments
        found.append(AS_CASE.get(subject.id, dict)(**given))
        return right(*args, **kwargs)

    space = {"torch": torch, subject.name: record}
    for example in doctest.DocTestParser().get_examples(docs[subject.name]):
        exec(example.source, space)
    assert found and names, f"the stub of {subject.id} has no example"
    return found[: exercise.most]


def table(exercise):
    """What the attempts at an exercise reach, in the order of the table in its class."""
    if isinstance(exercise, TellApart):
        cases = exercise.own_cases(0)
        left = [
            exercise.weigh(cases, collect(exercise, test, cases, guarded=False), 0)["all"]
            for test in TESTS
        ]
        return [f"{value:.2f}" for value in left]
    if isinstance(exercise, Repair):
        return [str(random_witnesses(exercise))]
    shares = [random_share(exercise), share(exercise, examples(exercise))]
    shares += [share(exercise, cases) for cases in ATTEMPTS[exercise.id]]
    return [f"{value:.2f}" for value in shares]


if __name__ == "__main__":
    for item in [item for lesson in lessons() for item in exercises(lesson)]:
        if isinstance(item, Expose | Repair | TellApart):
            print(item.id, *table(item), flush=True)
