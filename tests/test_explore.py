"""The explorers: small pages that work alone, with the arithmetic of torch."""

import base64
import io
import math
import pkgutil
import re
import subprocess

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from course_utils import explore
from course_utils.errors import CourseError
from course_utils.reference.one_cycle import one_cycle
from tests.browsing import browser  # noqa: F401
from tests.kernel import python

LIMIT = 10_000  # bytes
generator = torch.Generator().manual_seed(0)
INPUTS = 2 * torch.rand(200, generator=generator)
TARGETS = 1.5 * INPUTS + 0.5 + 0.3 * torch.randn(200, generator=generator)
X = torch.randint(1, 100, (30,), generator=generator).double()
WEIGHT = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
SENT = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
ASK = ("What will happen?", ["this", "that", "nothing"])
NAMES = ("SGD", "RMSProp", "Adam")

# The largest of each, as a lesson would write them.
EXPLORERS = {
    "valley": lambda: explore.valley(
        INPUTS, TARGETS, optimizers=NAMES, ask=("Is it so? " * 20, ["yes", "no"]), goal=(0.105, 15)
    ),
    "line": lambda: explore.line(X, 2 * X + 30, intercept=30, ask=ASK, goal=20),
    "line by a plan": lambda: explore.line(
        X,
        2 * X + 30,
        intercept=30,
        optimizer="Adam",
        plan=[one_cycle(t, 150, 5.0) for t in range(150)],
    ),
    "graph": lambda: explore.graph(
        {"x": 1, "w": 2, "b": -1},
        {"p": "w * x", "z": "p + b", "r": "relu(z)", "L": "square(r)"},
        ASK,
    ),
    "softmax": lambda: explore.softmax([0.1 * k for k in range(10)], 3, ask=ASK, goal=0.1),
    "one_cycle": lambda: explore.one_cycle(300, 0.1, one_cycle, ask=ASK, goal=4),
    "lookup": lambda: explore.lookup(WEIGHT, [3, 1, 3], SENT, ask=ASK),
    "decay": lambda: explore.decay(optimizers=("SGD", "Adam"), ask=ASK, goal=0.05),
}
every = pytest.mark.parametrize("make", EXPLORERS.values(), ids=EXPLORERS)


@every
def test_a_page_is_small_and_the_same_every_time(make):
    page = make()._repr_html_()
    assert page == make()._repr_html_()
    assert len(page.encode()) < LIMIT


@every
def test_a_page_asks_for_nothing(make):
    page = make()._repr_html_()
    assert not re.search(r"https?:|\bsrc=|\bimport\b|fetch\(|@import|url\(", page)


@every
def test_a_still_picture_with_words_stands_beside_the_page(make):
    made = make()
    data, metadata = made._repr_mimebundle_()
    assert set(data) == {"text/html", "image/png", "text/plain"}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width > 200 and len(picture.getcolors(10_000) or range(10_000)) > 3
    alt = metadata["image/png"]["alt"]
    assert len(alt) > 40 and alt == data["text/plain"] == repr(made)
    assert alt.split(":")[0] in data["text/html"]


def test_ipython_shows_a_page_without_a_word_on_stderr():
    """In a process of its own, where warnings go where a student would see them."""
    code = """
from IPython.core.interactiveshell import InteractiveShell
from course_utils import explore
display = InteractiveShell.instance().display_formatter
for made in (explore.valley([0, 1, 2], [1, 2, 4]), explore.softmax([1, 2], 0), explore.decay()):
    print(*sorted(display.format(made)[0]))
"""
    run = subprocess.run([*python(), "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert run.stdout.splitlines() == ["image/png text/html text/plain"] * 3


WRONG = {
    "x has 3 numbers and y 2": lambda: explore.valley([1, 2, 3], [1, 2]),
    "x has 201 numbers; it should have 2 to 200": lambda: explore.valley([*range(201)], [0] * 201),
    "x should be a vector": lambda: explore.valley(torch.ones(3, 2), [1, 2, 3]),
    "y holds a number that is not finite": lambda: explore.valley([1, 2], [1, math.nan]),
    "All x are the same": lambda: explore.valley([1, 1], [1, 2]),
    "'adam' is no optimizer here": lambda: explore.valley([1, 2], [1, 2], optimizers=["adam"]),
    "learning rate: 3 is not between 0.01 and 0.6": lambda: explore.valley([1, 2], [1, 2], lr=3),
    "batch_size is 5; for 2 points it should be 1 to 2": lambda: explore.valley(
        [1, 2], [1, 2], batch_size=5
    ),
    "ask should be a question": lambda: explore.valley([1, 2], [1, 2], ask="Which?"),
    "plan has 1 pairs; five epochs have 10": lambda: explore.line(
        [1, 2], [1, 2], intercept=1, plan=[(1, 0)]
    ),
    "intercept is -1": lambda: explore.line([1, 2], [1, 2], intercept=-1),
    "'a / b' is not one operation": lambda: explore.graph({"a": 1, "b": 2}, {"c": "a / b"}),
    "'a * d' is not one operation": lambda: explore.graph({"a": 1, "b": 2}, {"c": "a * d"}),
    "'a *' is not one operation": lambda: explore.graph({"a": 1, "b": 2}, {"c": "a *"}),
    "Two nodes are named 'a'": lambda: explore.graph({"a": 1}, {"a": "a * a"}),
    "at most 16 nodes": lambda: explore.graph({"a": 1}, {}),
    "a: 9 is not between -6 and 6": lambda: explore.graph({"a": 9}, {"b": "a + a"}),
    "target is 3; it should be a class from 0 to 1": lambda: explore.softmax([1, 2], 3),
    "names should be 2 different names": lambda: explore.softmax([1, 2], 0, names=["a", "a"]),
    "logits has 1 numbers": lambda: explore.softmax([1], 0),
    "total is 3": lambda: explore.one_cycle(3),
    "lr_max is -1": lambda: explore.one_cycle(60, -1),
    "mine should return the pair": lambda: explore.one_cycle(60, 0.1, lambda *_: 0.1),
    "mine returns lr 0.1 and momentum 1": lambda: explore.one_cycle(60, 0.1, lambda *_: (0.1, 1)),
    "idx holds 4; the weight has the rows 0 to 3": lambda: explore.lookup(WEIGHT, [4], [[1, 1]]),
    "grad_out has shape (3, 2)": lambda: explore.lookup(WEIGHT, [1], SENT),
    "weight should be a matrix": lambda: explore.lookup([1, 2], [1], SENT),
    "rows of equal length": lambda: explore.lookup([[1], [1, 2]], [1], [[1]]),
    "target is -1": lambda: explore.decay(target=-1),
    "start is 99": lambda: explore.decay(start=99),
    "steps is 3": lambda: explore.decay(steps=3),
    "choose from SGD and Adam": lambda: explore.decay(optimizers=["RMSProp"]),
}


@pytest.mark.parametrize("said", WRONG)
def test_wrong_arguments_get_one_sentence(said):
    with pytest.raises(CourseError, match=re.escape(said)) as caught:
        WRONG[said]()
    assert str(caught.value).endswith(".") or str(caught.value).endswith('"]).')
    assert "\n" not in str(caught.value)


# In the browser.


class Opened:
    """An explorer seen as in a notebook's output, in the browser's one page: a new one takes a
    second.
    """

    def __init__(self, browser, made, theme="light"):  # noqa: F811
        self.page = browser.contexts[0].pages[0] if browser.contexts else browser.new_page()
        self.page.goto("about:blank")
        self.page.emulate_media(color_scheme=theme)
        self.troubles: list[str] = []
        self.heard = {
            "pageerror": lambda error: self.troubles.append(str(error)),
            "console": lambda message: self.troubles.append(message.text),
            "request": lambda request: self.troubles.append(request.url),
        }
        for event, listener in self.heard.items():
            self.page.on(event, listener)
        self.page.set_content(f"<!doctype html><body>{made._repr_html_()}</body>")
        self.frame = self.page.frames[1]
        self.frame.wait_for_selector("tbody", state="attached")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for event, listener in self.heard.items():
            self.page.remove_listener(event, listener)

    def guess(self):
        if self.frame.locator("#q button").count():
            self.frame.locator("#q button").first.click()

    def put(self, **values):
        """Choose values as a person does."""
        for name, value in values.items():
            control = self.frame.locator(f"#k-{name}")
            if control.evaluate("e => e.tagName") == "SELECT":
                control.select_option(self.frame.evaluate("String", value))
            else:
                control.fill(str(value))

    def press(self, label):
        self.frame.get_by_role("button", name=label, exact=True).click()

    def state(self, what):
        return self.frame.evaluate(what)


def near(got, due):
    """Equal to 1e-6, of their size where they are large."""
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64),
        torch.as_tensor(due, dtype=torch.float64),
        rtol=1e-6,
        atol=1e-6,
    )


def optimizer_of(name, params, lr, momentum):
    """torch's optimizer with the settings that the explorers use."""
    if name == "SGD":
        return torch.optim.SGD(params, lr, momentum=momentum)
    if name == "RMSProp":
        return torch.optim.RMSprop(params, lr, alpha=0.99)
    return torch.optim.Adam(params, lr, betas=(momentum, 0.99))


def fitted(x, y, start, name, settings, batch):
    """The parameters (steps + 1, 2) by torch's own optimizer; settings: of each step."""
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_of(name, [w], *settings[0])
    places, n = [w.detach().clone()], len(x)
    for step, (lr, momentum) in enumerate(settings):
        group = optimizer.param_groups[0]
        group["lr"] = lr
        if name == "SGD":
            group["momentum"] = momentum
        elif name == "Adam":
            group["betas"] = (momentum, 0.99)
        first = step % math.ceil(n / batch) * batch
        a, b = x[first : first + batch], y[first : first + batch]
        optimizer.zero_grad()
        ((w[0] * a + w[1] - b) ** 2).mean().backward()
        optimizer.step()
        places.append(w.detach().clone())
    return torch.stack(places)


@pytest.mark.browser
@pytest.mark.parametrize("batch", [1, 100, 200])
@pytest.mark.parametrize(
    ("name", "lr", "momentum"),
    [("SGD", 0.1, 0.0), ("SGD", 0.05, 0.7), ("RMSProp", 0.05, 0.0), ("Adam", 0.1, 0.9)],
)
def test_the_valley_steps_as_torch_does(browser, name, lr, momentum, batch):  # noqa: F811
    with Opened(browser, explore.valley(INPUTS, TARGETS, optimizers=NAMES)) as opened:
        opened.put(optimizer=name, lr=lr, momentum=momentum, batch=batch)
        opened.press("1 step")
        opened.press("10 steps")
        x, y = torch.tensor(opened.state("D"), dtype=torch.float64).T
        torch.testing.assert_close(x, INPUTS.double(), atol=3e-4, rtol=0)
        torch.testing.assert_close(y, TARGETS.double(), atol=6e-4, rtol=0)
        due = fitted(x, y, [-1.0, 1.0], name, [(lr, momentum)] * 11, batch)
        near(opened.state("S.path"), due)
        losses = ((due[1:, :1] * x + due[1:, 1:] - y) ** 2).mean(1)
        near(opened.state("S.rows.map(r => r.at(-1))"), losses)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "lr", "momentum"),
    [("SGD", 0.0001, 0.0), ("SGD", 0.00001, 0.9), ("RMSProp", 0.02, 0.0), ("Adam", 1.0, 0.9)],
)
def test_the_line_is_fitted_as_by_torch(browser, name, lr, momentum):  # noqa: F811
    with Opened(browser, explore.line(X, 2 * X + 30, intercept=30)) as opened:
        opened.put(optimizer=name, lr=lr, momentum=momentum)
        opened.press("5 epochs")
        due = fitted(X, 2 * X + 30, [1.0, 1.0], name, [(lr, momentum)] * 150, 1)
        near(opened.state("S.rows.map(r => r.slice(-2))"), due[1:])
        errors = due[:-1, 0] * X.repeat(5) + due[:-1, 1] - (2 * X + 30).repeat(5)
        near(opened.state("S.rows.map(r => r[6])"), errors**2)
        near(opened.state("S.rows.map(r => r[7])"), 2 * errors * X.repeat(5))


@pytest.mark.browser
def test_the_line_follows_a_plan_as_torch_would(browser):  # noqa: F811
    plan = [one_cycle(t, 150, 5.0) for t in range(150)]
    with Opened(browser, EXPLORERS["line by a plan"]()) as opened:
        opened.press("5 epochs")
        settings = opened.state("plan[0].map((lr, k) => [lr, plan[1][k]])")
        torch.testing.assert_close(torch.tensor(settings), torch.tensor(plan), rtol=0, atol=1e-3)
        w = [1.0, 1.0]
        means, squares = torch.zeros(2).double(), torch.zeros(2).double()
        p = torch.tensor(w, dtype=torch.float64)
        for step, (lr, momentum) in enumerate(settings):
            x = X[step % 30]
            error = p[0] * x + p[1] - (2 * x + 30)
            g = 2 * error * torch.stack([x, torch.ones_like(x)])
            means = momentum * means + (1 - momentum) * g
            squares = 0.99 * squares + 0.01 * g**2
            t = step + 1
            p = p - lr * means / (1 - momentum**t) / ((squares / (1 - 0.99**t)).sqrt() + 1e-8)
        near(opened.state("S.w"), p)


@pytest.mark.browser
@pytest.mark.parametrize("a", [2, -1, 0.5])
def test_the_graph_has_autograds_gradients(browser, a):  # noqa: F811
    formulas = {"p": "a * b", "u": "p - a", "r": "relu(u)", "s": "square(r)", "out": "s + p"}
    with Opened(browser, explore.graph({"a": 2, "b": 3}, formulas)) as opened:
        opened.put(a=a)
        for _ in range(14):
            opened.press("next node")
        leaves = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in (a, 3)]
        p = leaves[0] * leaves[1]
        u = p - leaves[0]
        r = torch.relu(u)
        s = r**2
        nodes = [*leaves, p, u, r, s, s + p]
        for node in nodes:
            node.retain_grad()
        nodes[-1].backward()
        near(opened.state("S.v"), [node.item() for node in nodes])
        near(opened.state("S.g"), [node.grad.item() for node in nodes])
        assert opened.frame.get_by_role("button", name="next node").is_disabled()


@pytest.mark.browser
@pytest.mark.parametrize("logits", [[2.0, 1.0, -1.0], [0.3, -800.0, 800.0, 799.5]])
def test_softmax_steps_as_autograd_does(browser, logits):  # noqa: F811
    with Opened(browser, explore.softmax(logits, 1)) as opened:
        opened.put(z0=1.5, lr=2)
        z = torch.tensor([1.5, *logits[1:]], dtype=torch.float64, requires_grad=True)
        for _ in range(11):
            loss = F.cross_entropy(z[None], torch.tensor([1]))
            (gradient,) = torch.autograd.grad(loss, z)
            near(opened.state("loss()"), loss.item())
            near(opened.state("slopes()"), gradient)
            near(opened.state("probabilities()[1]"), torch.softmax(z, 0).detach())
            opened.press("1 step")
            z = (z - 2 * gradient).detach().requires_grad_()
        near(opened.state("S.z"), z.detach())


@pytest.mark.browser
@pytest.mark.parametrize(
    ("total", "pct", "div"), [(60, 0.3, 25), (60, 0.5, 10), (15, 0.3, 4), (300, 0.25, 100)]
)
def test_one_cycle_is_torchs(browser, total, pct, div):  # noqa: F811
    with Opened(browser, explore.one_cycle(total, 0.1)) as opened:
        opened.put(pct=pct, div=div)
        opened.press("to the end")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0, momentum=0.9)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.1, total_steps=total, pct_start=pct, div_factor=div
        )
        due = []
        for _ in range(total):
            due.append([optimizer.param_groups[0][key] for key in ("lr", "momentum")])
            optimizer.step()
            if len(due) < total:
                cycle.step()
        near(opened.state("S.rows.map(r => r.slice(3, 5))"), due)


@pytest.mark.browser
def test_the_lookup_is_torchs(browser):  # noqa: F811
    with Opened(browser, explore.lookup(WEIGHT, [3, 1, 3], SENT)) as opened:
        opened.put(i1=0)
        opened.press("to the end")
        weight = torch.tensor(WEIGHT, requires_grad=True)
        rows = F.embedding(torch.tensor([3, 0, 3]), weight)
        rows.backward(torch.tensor(SENT))
        near(opened.state("S.out"), rows.detach())
        near(opened.state("S.grad"), weight.grad)
        assert "12 of 12 rows multiplied, 9 of them by 0" not in opened.frame.inner_text("#say")
        assert len(opened.state("S.rows")) == 15


@pytest.mark.browser
@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weights_decay_as_in_torch(browser, name, momentum):  # noqa: F811
    made = explore.decay(optimizers=("SGD", "Adam"), curvature=2.0)
    with Opened(browser, made) as opened:
        opened.put(optimizer=name, momentum=momentum, wd=0.5, wd2=2)
        opened.press("to the end")
        for column, wd, decoupled in ((3, 0.5, False), (6, 2.0, True)):
            w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
            if decoupled and name == "Adam":
                optimizer = torch.optim.AdamW([w], 0.05, (momentum, 0.99), weight_decay=wd)
            else:
                optimizer = optimizer_of(name, [w], 0.05, momentum)
                optimizer.param_groups[0]["weight_decay"] = 0.0 if decoupled else wd
            due = []
            for _ in range(120):
                w.grad = 2.0 * (w.detach() - 4)
                if decoupled and name == "SGD":
                    w.data.mul_(1 - 0.05 * wd)
                optimizer.step()
                due.append(w.item())
            near(opened.state(f"S.rows.map(r => r[{column}])"), due)


@pytest.mark.browser
@every
def test_a_page_works_in_silence_from_the_keyboard_alone(browser, make):  # noqa: F811
    """No click: the guess first, then every control."""
    with Opened(browser, make()) as opened:
        frame, keyboard = opened.frame, opened.page.keyboard
        asked = frame.locator("#q button").count() > 0
        locked = "document.getElementById('c').disabled"
        assert frame.evaluate(locked) == asked
        if asked:
            frame.locator("#q button").first.focus()
            keyboard.press("Enter")
            assert "Your guess: " in frame.inner_text("#q")
            assert frame.evaluate("document.activeElement.className") == "n"
        assert not frame.evaluate(locked)
        before = frame.inner_html("#s")
        frame.locator("#c select, #c input, #c button").first.focus()
        reached, stops = set(), frame.locator("#c input, #c select, #c button:enabled").count()
        for _ in range(stops):
            reached.add(
                frame.evaluate("document.activeElement.id || document.activeElement.textContent")
            )
            keyboard.press("Tab")
        assert len(reached) == stops
        assert frame.evaluate("document.activeElement.id") == "r"
        frame.locator(".n").first.focus()
        keyboard.press("Space")
        assert frame.inner_html("#s") != before and frame.inner_text("#say")
        assert opened.state("S.k") == 1 and frame.locator("tbody tr").count() > 0
        frame.locator("#back").focus()
        keyboard.press("Enter")
        assert frame.inner_html("#s") == before
        assert opened.troubles == []


@pytest.mark.browser
@every
def test_every_part_of_a_page_has_a_name_and_a_role(browser, make):  # noqa: F811
    with Opened(browser, make()) as opened:
        opened.guess()
        frame = opened.frame
        assert frame.evaluate("document.documentElement.lang") == "en" and frame.title()
        assert opened.page.locator("iframe").get_attribute("title") == frame.title()
        assert frame.get_by_role("img", name=frame.title()).count() == 1
        assert frame.get_by_role("status").count() == 1
        assert frame.get_by_role("region", name="all numbers").count() == 1
        assert (
            frame.locator("th:not([scope=col])").count() == 0 and frame.locator("caption").count()
        )
        for control in frame.locator("#c input, #c select").all():
            labels = control.evaluate(
                "e => [...e.labels].map(l => l.querySelector('span').textContent)"
            )
            assert len(labels) == 1 and labels[0].strip()
        assert frame.locator("button").count() == sum(
            bool(text.strip()) for text in frame.locator("button").all_inner_texts()
        )
        ids = frame.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


# The luminance of a colour and the contrast of two, as WCAG 2 defines them.
CONTRAST = """() => {
const canvas = document.createElement('canvas').getContext('2d');
const part = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => {
  canvas.fillStyle = c;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(part);
  return .2126 * r + .7152 * g + .0722 * b };
const back = light(getComputedStyle(document.body).backgroundColor);
const words = [...document.querySelectorAll('p, b, legend, label, th, td, caption, text')];
return words.filter(e => e.textContent.trim()).map(e => {
  const own = light(getComputedStyle(e)[e.tagName == 'text' ? 'fill' : 'color']);
  return (Math.max(own, back) + .05) / (Math.min(own, back) + .05) }) }"""


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@every
def test_words_stand_out_in_light_and_dark(browser, make, theme):  # noqa: F811
    with Opened(browser, make(), theme) as opened:
        opened.guess()
        opened.frame.locator(".n").first.click()
        assert min(opened.frame.evaluate(CONTRAST)) >= 4.5
        colour = opened.frame.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == ("rgb(17, 17, 17)" if theme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.browser
def test_a_page_follows_the_theme_of_the_page_around_it(browser):  # noqa: F811
    def background():
        return opened.frame.evaluate("getComputedStyle(document.body).backgroundColor")

    with Opened(browser, EXPLORERS["graph"](), "light") as opened:
        opened.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
        opened.frame.wait_for_function("document.documentElement.style.colorScheme == 'dark'")
        assert background() == "rgb(17, 17, 17)"
        opened.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
        opened.frame.wait_for_function("document.documentElement.style.colorScheme == 'light'")
        assert background() == "rgb(255, 255, 255)"


@pytest.mark.browser
def test_a_goal_is_reached_or_it_is_not(browser):  # noqa: F811
    with Opened(browser, EXPLORERS["valley"]()) as opened:
        opened.guess()
        opened.press("10 steps")
        assert "Reached" not in opened.frame.inner_text("#goal")
        opened.put(lr=0.5, momentum=0.5)
        opened.press("10 steps")
        assert re.search(r"Reached at step \d+", opened.frame.inner_text("#goal"))


@pytest.mark.browser
def test_what_is_asked_cannot_be_read_before_the_guess(browser):  # noqa: F811
    with Opened(browser, EXPLORERS["one_cycle"]()) as opened:
        assert opened.frame.locator("polyline").count() == 0
        assert not re.search(r"\d", opened.frame.inner_text("#say"))
        opened.guess()
        assert opened.frame.locator("polyline").count() > 0
        assert "times its start" in opened.frame.inner_text("#say")


@pytest.mark.browser
def test_a_logit_can_be_dragged(browser):  # noqa: F811
    with Opened(browser, explore.softmax([0.0, 0.0], 0)) as opened:
        box = opened.frame.locator("#s").bounding_box()
        scale = box["width"] / 350
        x, y = box["x"] + 250 * scale, box["y"] + 100 * scale
        opened.page.mouse.move(x, y)
        opened.page.mouse.down()
        opened.page.mouse.move(x, box["y"] + 30 * scale)
        opened.page.mouse.up()
        assert opened.state("S.z[1]") > 1.5
        assert opened.frame.locator("#k-z1").input_value() == f"{opened.state('S.z[1]'):g}"


def test_no_module_has_the_name_of_an_explorer():
    """Whoever imports such a module puts it in the explorer's place."""
    assert not {item.name for item in pkgutil.iter_modules(explore.__path__)} & {*explore._MODULES}
