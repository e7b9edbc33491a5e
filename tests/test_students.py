"""What a student meets in a real kernel: restarts, magics, debuggers, answers that use other
answers.
"""

import pytest

from tests.kernel import Kernel, cells

RIGHT = "def relu(x):\n    return x.clamp(min=0)"
CHECK = 'check("linear.relu", relu)'
LINEAR, SOLVED = cells("01_linear"), cells("01_linear", "solutions")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesson")
    with Kernel(folder, "01_linear") as kernel:
        kernel.run(LINEAR["first"])
        yield kernel


def test_after_a_restart_the_check_cell_says_which_cell_to_run_first(tmp_path):
    with Kernel(tmp_path, "01_linear") as kernel:
        said = kernel.run(LINEAR["check-relu"])
        assert 'relu is not defined yet: run code cell 4, under "Exercise: `relu`", first' in said
        assert "relu(" not in kernel.run(
            "%debug", "p 1 + 1", "q"
        )  # it stands in the check cell, and not in another


def test_an_answer_that_misses_a_cell_says_which(kernel):
    kernel.run("for name in ('relu', 'My_Linear'): globals().pop(name, None)")
    kernel.run(SOLVED["two_layer_net"])
    said = kernel.run(LINEAR["check-two_layer_net"])
    assert "`My_Linear` is not defined yet: run code cell" in said


@pytest.mark.parametrize("magic", ["%%time", "%%capture", "%%prun", "%%capture out"])
def test_magics_on_the_cell_of_an_answer(kernel, magic):
    kernel.run("globals().pop('relu', None)")
    kernel.run(f"{magic}\n{RIGHT}")
    assert "Right" in kernel.run(CHECK)


@pytest.mark.parametrize(
    "measured", [f"%prun -l 3 {CHECK}", f"import cProfile\ncProfile.run('{CHECK}')"]
)
def test_a_check_can_be_profiled(kernel, measured):
    kernel.run(RIGHT)
    said = kernel.run(measured)
    assert "Right" in said
    assert "Right" in kernel.run(CHECK)
    assert "This is a shortcut" in kernel.run(
        'check("linear.relu", lambda x: torch.ops.aten.relu(x))'
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            'check(relu, "linear.relu")',
            'The two are the wrong way round: write check("linear.relu", relu), the id first.',
        ),
        ("check(relu)", 'The id is missing: write check("linear.relu", relu).'),
        ('check("linear.relu")', 'The answer is missing: write check("linear.relu", relu).'),
        ('check("relu", relu)', "There is no exercise 'relu'. Did you mean 'linear.relu'?"),
        ('check("linear.relu", "linear.relu")', "Pass relu itself, without quotes."),
        ('check("linear.relu", relu(torch.ones(2)))', "Pass relu itself, without calling it."),
        (
            'check("linear.My_Linear", nn.Linear(3, 2))',
            "Pass My_Linear itself, without brackets after it.",
        ),
        ('check("linear.My_Linear", relu)', "You passed `relu`, which has a check of its own."),
        (
            'check("linear.My_Linear", lambda i, o: i)',
            "`My_Linear` should be a class: `class My_Linear`.",
        ),
        (
            'check("linear.relu", int)',
            "You passed a class. `relu` should be a function: `def relu(...)`.",
        ),
    ],
)
def test_what_is_no_answer_gets_its_own_sentence(kernel, call, said):
    kernel.run(RIGHT)
    shown = kernel.run(call)
    assert said in shown
    assert "Traceback" not in shown


def test_breakpoint_in_an_answer_stops_there_during_a_check(kernel):
    kernel.run(RIGHT.replace("return", "breakpoint()\n    return"))
    said = kernel.run(CHECK, "p ('x is', x.shape)", "c", *["c"] * 60)
    assert "('x is', torch.Size([7]))" in said
    assert said.index("----> 3") < said.index("Right") and "Printed" not in said


def test_the_time_at_a_debugger_does_not_count(kernel):
    slow = "course_utils.checking.exercise.find('linear.relu').__class__.seconds"
    kernel.run(f"import course_utils.checking.exercise\n{slow} = 1.5")
    kernel.run(
        "import pdb\n"
        + RIGHT.replace("return", "pdb.set_trace() if x.numel() == 7 else 0\n    return")
    )
    assert "Right" in kernel.run(CHECK, "p x.shape", *["c"] * 60, thinks=0.5)
    kernel.run(RIGHT.replace("return", "while True: pass\n    return"))
    assert "Stopped: too slow" in kernel.run(CHECK)
    kernel.run(f"{slow} = 10.0")


def test_a_debugger_where_nobody_can_type_is_a_sentence(kernel):
    for line in ("breakpoint()", "__import__('pdb').set_trace()", "input('?')"):
        kernel.run(RIGHT.replace("return", f"{line}\n    return"))
        assert "and nobody can here: remove that line" in kernel.run(CHECK)
    kernel.run(RIGHT)
    assert "Right" in kernel.run(CHECK)


def test_a_debugger_after_an_error_stands_in_the_answer(kernel):
    kernel.run("def relu(x):\n    y = x.undefined_thing\n    return y")
    kernel.run(CHECK)
    said = kernel.run("%debug", "p ('here', x.shape)", "u", "p ('there', expected is None)", "q")
    assert "('here', torch.Size([7]))" in said
    assert "('there', True)" in said


def test_a_debugger_after_a_wrong_value_has_the_case(kernel):
    kernel.run("def relu(x):\n    return x.abs()")
    kernel.run(CHECK)
    said = kernel.run(
        "%debug",
        "p ('case', x.shape, bool((got == x.abs()).all()), bool((relu(x) == got).all()))",
        "q",
    )
    assert "('case', torch.Size([7]), True, True)" in said


def test_the_failing_case_can_be_replayed(kernel):
    kernel.run("def relu(x):\n    return x.abs()")
    said = kernel.run(CHECK)
    line = (
        next(line for line in said.splitlines() if "Replay:" in line)
        .partition("Replay:")[2]
        .strip()
    )
    shown = kernel.run(line)
    assert "  x = [" in shown and "  expected = [" in shown and "  got = [" in shown
    kernel.run("c = case('linear.relu')\n(x,) = c")
    assert "True" in kernel.run("torch.equal(c.x, x) and torch.equal(c.got, x.abs())")
    assert "No check has failed" in kernel.run("case('linear.collapse')")


def test_an_answer_that_uses_another_stub_says_so(kernel):
    kernel.run(SOLVED["relu"])
    kernel.run(LINEAR["My_Linear"])
    kernel.run(SOLVED["two_layer_net"])
    said = kernel.run(LINEAR["check-two_layer_net"])
    assert (
        "`two_layer_net` uses your `My_Linear`, in which nothing is written yet: start there."
        in said
    )
    assert "Not attempted" not in said


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("My_Linear", "return y if self.bias is None else y + self.bias", "return y"),
        ("relu", "return x.clamp(min=0)", "return x.abs()"),
    ],
)
def test_an_answer_that_uses_a_wrong_one_names_it(kernel, name, old, new):
    for other in ("relu", "My_Linear", "two_layer_net"):
        kernel.run(SOLVED[other])
    assert old in SOLVED[name]
    kernel.run(SOLVED[name].replace(old, new))
    said = kernel.run(LINEAR["check-two_layer_net"])
    assert (
        f"`two_layer_net` uses your `{name}`, which does not pass its own check yet: start there."
        in said
    )


def test_a_wrong_answer_is_found_behind_another(kernel):
    lesson, solved = cells("04_cross_entropy"), cells("04_cross_entropy", "solutions")
    kernel.run(lesson["first"])
    for name in ("nll", "log_softmax", "cross_entropy"):
        kernel.run(solved[name])
    kernel.run(
        "def log_softmax(logits):\n    return logits - logits.exp().sum(1, keepdim=True).log()"
    )
    said = kernel.run(lesson["check-cross_entropy"])
    assert (
        "`cross_entropy` uses your `log_softmax`, which does not pass its own check yet: start "
        "there." in said
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "def mse_gradient(w, x, y):\n    return 2 / n * x.T @ (x @ w - y)",
            "reads `n` from the notebook, where it is",
        ),
        (
            "def mse_gradient(w, X, y):\n    return 2 / len(x) * x.T @ (x @ w - y)",
            "reads `x` from the notebook, where it is a tensor of shape (1000, 2)",
        ),
    ],
)
def test_data_of_the_notebook_that_an_answer_reads_is_named(kernel, code, said):
    kernel.run("n = 1000\nx = torch.randn(1000, 2)\ny = torch.randn(1000)")
    kernel.run(code)
    assert f"Your code {said}" in kernel.run(cells("02_sgd")["check-mse_gradient"])


def test_a_stub_with_something_written_is_attempted(kernel):
    stub = LINEAR["relu"]
    kernel.run(stub)
    assert "Not attempted" in kernel.run(CHECK)
    for written in ("y = x.clamp(min=0)", "# YOUR CODE HERE\n    y = x.clamp(min=0)"):
        kernel.run(stub.replace("# YOUR CODE HERE", written))
        assert "or not removed its last line?" in kernel.run(CHECK)


IN_FLOAT32 = """def linear_backward(grad_out, x, weight):
    gx, gw, gb = torch.zeros(x.shape), torch.zeros(weight.shape), torch.zeros(weight.shape[0])
    for i in range(len(x)):
        gw += torch.outer(grad_out[i], x[i])
        gb += grad_out[i]
        gx[i] = grad_out[i] @ weight
    return gx, gw, gb
"""


def test_an_answer_that_the_next_cell_cannot_use_is_not_right(kernel):
    lesson = cells("03_backprop")  # whose next cell compares with autograd in float64
    kernel.run(lesson["first"])
    kernel.run(IN_FLOAT32)
    assert (
        "Not yet" in (said := kernel.run(lesson["check-linear_backward"])) and "in float64" in said
    )
