"""The pictures of the lessons: each draws plain tensors."""

import pytest
import torch
from matplotlib.figure import Figure

from course_utils import plots

generator = torch.Generator().manual_seed(0)


def rand(*shape):
    return torch.rand(*shape, generator=generator)


AXIS = torch.linspace(-2, 2, 21)
BOWL = {
    "x": AXIS,
    "y": AXIS,
    "z": 0.1 + AXIS[:, None] ** 2 + AXIS**2,
    "lowest": (0, 0),
    "xlabel": "slope",
}
PATH = torch.stack([torch.linspace(-1.5, 0, 8), torch.linspace(1, 0, 8)], dim=1)
DRAWN = {
    "curves": lambda: plots.curves(
        {"a": AXIS, "b": AXIS**2}, AXIS, points={"c": (AXIS, -AXIS)}, dashed="b", level=0, at=[1.0]
    ),
    "side_by_side": lambda: plots.side_by_side(
        {"series": {"a": AXIS}, "title": "one"}, {"series": {"a": -AXIS}}, x=AXIS, marker="o"
    ),
    "clouds": lambda: plots.clouds({"a": rand(50, 2), "b": rand(50, 2)}, rand(2), ylabel="y"),
    "bars": lambda: plots.bars({"first": 1.0, "second": 0.5}, xlim=(0, 1.2), xlabel="error"),
    "grouped_bars": lambda: plots.grouped_bars({"a": rand(3), "b": -rand(3)}, ["x", "y", "z"]),
    "by_class": lambda: plots.by_class(
        {"p": rand(10), "p - y": rand(10) - 0.5}, rand(8, 8), signed="p - y", ylim=(-1, 1)
    ),
    "grid": lambda: plots.grid(rand(4, 6), rows=[3, 1, 4, 1], xlabel="class", ylabel="label"),
    "grids": lambda: plots.grids({"before": rand(8, 8), "after": 3 * rand(8, 8)}),
    "losses_and_metric": lambda: plots.losses_and_metric(
        {"training loss": [2.0, 1.0], "validation loss": [1.5, 1.2], "accuracy": [0.5, 0.7]}, 4
    ),
    "histograms": lambda: plots.histograms(
        {"a": rand(99), "b": rand(99) ** 2}, torch.linspace(0, 1, 11), before=rand(99)
    ),
    "with_spread": lambda: plots.with_spread(
        [1, 10, 100], {"a": rand(3, 4), "b": rand(3, 4)}, {"a": rand(3, 4)}, titles=["l", "r"]
    ),
    "suggestions": lambda: plots.suggestions(
        {"runs": [([0.1, 1.0, 10.0], [2.0, 1.0, 3.0], 0.1)], "mean": [([0.1, 1.0], [2, 1], 1.0)]}
    ),
    "against": lambda: plots.against({"a": AXIS}, {"a": 4 - AXIS**2}, at=[1.5], xlabel="stars"),
    "curve_with_names": lambda: plots.curve_with_names(
        [1, 10, 100], [2, 5, 20], {"month": (12, 6), "hour": (24, 8)}, xlabel="categories"
    ),
    "two_maps": lambda: plots.two_maps(["A", "B", "C"], {"one": rand(3, 2), "two": rand(3, 2)}),
    "spikes": lambda: plots.spikes(rand(40), ylabel="gradient"),
    "ratings": lambda: plots.ratings(5 * rand(4, 5), list("abcde"), 100 * rand(50), 100 * rand(50)),
    "ranked": lambda: plots.ranked(list("abcd"), rand(4), 5 * rand(4), split=2, middle=3.0),
    "coloured": lambda: plots.coloured(
        rand(30, 2), 1 + 99 * rand(30), {"one": (3, (40.0, 0.0))}, colours="how many"
    ),
    "directions": lambda: plots.directions(
        rand(50, 2), {"centred": rand(2)}, {"centred": torch.tensor([1.0, 0.0])}
    ),
    "surfaces": lambda: plots.surfaces(BOWL, {"lr = 1": PATH, "lr = 2": PATH / 2}),
    "valleys": lambda: plots.valleys({"one": (BOWL, {"a": PATH, "b": PATH / 2})}),
    "arrows": lambda: plots.arrows(BOWL, PATH, -PATH),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_picture_is_drawn_with_something_on_every_panel(draw):
    figure = draw()
    assert isinstance(figure, Figure)
    picture = plots._picture(figure, 40)
    assert len(picture.getcolors(10**6)) > 10
    assert all(axis.has_data() or not axis.axison for axis in figure.axes)


def test_a_line_for_each_name_and_the_settings_of_the_panel():
    [axis] = plots.curves({"a": [1, 2], "b": [2, 3]}, ylim=(0, 4), dashed="b").axes
    assert [line.get_linestyle() for line in axis.lines] == ["-", "--"]
    assert axis.get_ylim() == (0, 4)


def test_unequal_lists_are_refused():
    with pytest.raises(ValueError, match="shorter|longer"):
        plots.with_spread([1, 10], {"a": rand(2, 3)}, titles=["one", "two"])


def test_a_race_ends_with_the_whole_paths(monkeypatch):
    ends = []

    def animate(figure, draw, frames, key):
        for frame in range(frames):
            draw(frame)
        ends.extend(line.get_xdata() for line in figure.axes[0].lines if line.get_label() == "a")

    monkeypatch.setattr(plots, "animate", animate)
    plots.race(BOWL, {"a": PATH}, "sgd.race")
    assert len(ends[0]) == len(PATH)


def test_no_line_is_dashed_that_was_not_named():
    [axis] = plots.curves({"": [1, 2]}).axes
    assert axis.lines[0].get_linestyle() == "-"
