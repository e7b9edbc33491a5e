"""Pictures that several lessons share: each function draws plain tensors and returns a matplotlib
Figure.

JupyterLab shows a PNG without any alt text, whatever its metadata says. So `show` gives every
picture its words twice: as `alt` in the metadata of the image (used by nbconvert, and looked at by
`course verify`), and as a line below the picture that opens to the same words, which every reader
and every screen reader finds. The figures are not pyplot's: a cell that fails half-way leaves no
empty figure behind.
"""

import base64
import html
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from IPython.display import HTML, DisplayHandle, display
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image
from torch import Tensor

from course_utils import experiments

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b2182b",
    "#aa4499",
    "#56b4e9",
)
COLOURS = (
    BLUE,
    ORANGE,
    GREEN,
    PURPLE,
    SKY,
    "#000000",
)  # Okabe and Ito: they differ for colour-blind readers too
DPI, SCREEN_DPI = 144, 96

Series = Tensor | Sequence[float]


def show(figure: Figure, key: str, **values: object) -> None:
    """Display the figure with its words, and with what was guessed of it.

    key: of the experiment (`course_utils/experiments`), such as "sgd.valley"; values: what fills
    the braces in its words.
    """
    _display(*_png(figure), key, values)


def bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure as data and metadata for `_repr_mimebundle_`; alt: its words."""
    png, width = _png(figure)
    return {"image/png": base64.b64encode(png).decode(), "text/plain": alt}, _metadata(width, alt)


def words(alt: str) -> str:
    """HTML for a line below a picture that opens to its words."""
    return (
        "<details><summary><small>This picture in "
        f"words</small></summary><p>{html.escape(alt)}</p></details>"
    )


class Live:
    """A picture that is drawn anew in one place: `with Live(key) as live:`, and in a loop
    `live.show(figure)`; the key is as for `plots.show`.

    Its words are shown at the end; the plain text that stands for the picture stays the same.
    """

    def __init__(self, key: str) -> None:
        self.handle, self.key, self.alt = DisplayHandle(), key, ""

    def __enter__(self) -> "Live":
        return self

    def show(self, figure: Figure, **values: object) -> None:
        """Put the figure in the place of the one before; values: as for `plots.show`."""
        alt = _words(self.key, values)
        draw = self.handle.update if self.alt else self.handle.display
        png, width = _png(figure)
        plain = "a picture that is drawn anew"
        draw({"image/png": png, "text/plain": plain}, raw=True, metadata=_metadata(width, alt))
        self.alt = alt

    def __exit__(self, *_: object) -> None:
        if self.alt:
            _display_words(self.key, self.alt)


def panels(
    columns: int, rows: int = 1, width: float = 7.0, height: float = 2.8
) -> tuple[Figure, list[Axes]]:
    """An empty figure of equal panels, width and height (of one row) in inches, and its panels row
    by row.
    """
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)


def curves(
    series: Mapping[str, Series],
    x: Series | None = None,
    *,
    points: Mapping[str, Series | tuple[Series, Series]] | None = None,
    log: str = "",
    dashed: str | None = None,
    marker: str = "",
    steps: bool = False,
    level: float | None = None,
    at: Series = (),
    axis: Axes | None = None,
    **settings: Any,
) -> Figure:
    """One line per name over x, all (n,); x counts from 1 when it is not given, as for losses step
    by step.

    points: drawn as dots over the same x, or over their own, as pairs (x, y). log: the axes with a
    logarithmic scale, such as "y" or "xy". dashed: the name of a line that covers another. steps:
    whether to draw level pieces with jumps between. level: a thin line at this height; at: dotted
    ones at these places of x. axis: a panel to draw into, else a new figure is made. settings: of
    the panel, such as xlabel, title or ylim.
    """
    axis = panels(1, width=6.0, height=3.2)[1][0] if axis is None else axis
    for name, values in (points or {}).items():
        xy = _xy(*values) if isinstance(values, tuple) else _xy(x, values)
        axis.plot(*xy, ".", color="0.55", markersize=4, label=name)
    for (name, values), colour in zip(series.items(), _cycled(len(series)), strict=True):
        style = "--" if name == dashed else "-"
        [line] = axis.plot(*_xy(x, values), style, color=colour, label=name, marker=marker)
        line.set_drawstyle("steps-mid" if steps else "default")
    for letter in log:
        getattr(axis, f"set_{letter}scale")("log")
    if level is not None:
        axis.axhline(level, color="0.6", linewidth=0.8)
    for place in torch.as_tensor(at).tolist():
        axis.axvline(place, color="0.6", linestyle=":")
    axis.set(**settings)
    if len(series) + len(points or {}) > 1:
        axis.legend(framealpha=0.85, edgecolor="none")
    axis.grid(alpha=0.25)
    return cast(Figure, axis.figure)


def side_by_side(
    *charts: Mapping[str, Any], width: float = 9.0, height: float = 3.0, **settings: Any
) -> Figure:
    """Charts in a row, each given by what `curves` takes; settings: those of all of them."""
    figure, axes = panels(len(charts), width=width, height=height)
    for axis, chart in zip(axes, charts, strict=True):
        curves(**{**settings, **chart}, axis=axis)
    return figure


def suggestions(groups: Mapping[str, Sequence[tuple[Series, Series, float]]]) -> Figure:
    """Losses against learning rates, in a panel for each name; each with a dot at the rate that was
    suggested: (rates, losses, suggestion).
    """
    figure, axes = panels(len(groups), width=9.0, height=3.2)
    for axis, (name, runs) in zip(axes, groups.items(), strict=True):
        for (rates, losses, rate), colour in zip(runs, _cycled(len(runs)), strict=True):
            x, y = _xy(rates, losses)
            axis.semilogx(x, y, color=colour, alpha=0.6)
            place = int((x - rate).abs().argmin())
            axis.plot(x[place], y[place], "o", color=colour, markersize=9)
        axis.set(title=name, xlabel="learning rate", ylabel="loss")
        axis.grid(alpha=0.25)
    return figure


def against(
    x: Mapping[str, Series], y: Mapping[str, Series], at: Series = (), **settings: Any
) -> Figure:
    """One line for each name, y over x, both by name; at, settings: as for `curves`."""
    figure, (axis,) = panels(1, width=6.0, height=3.2)
    for (name, values), colour in zip(y.items(), _cycled(len(y)), strict=True):
        axis.plot(*_xy(x[name], values), color=colour, label=name)
    for place in torch.as_tensor(at).tolist():
        axis.axvline(place, color="0.6", linestyle=":")
    axis.set(**settings)
    axis.legend(framealpha=0.85, edgecolor="none")
    axis.grid(alpha=0.25)
    return figure


def curve_with_names(
    x: Series, y: Series, named: Mapping[str, tuple[float, float]], **settings: Any
) -> Figure:
    """A line on logarithmic axes with some named points (x, y) on it; settings: of the panel."""
    figure = curves({"": y}, x, log="xy", **settings)
    axis = figure.axes[0]
    for place, (name, point) in enumerate(sorted(named.items(), key=lambda item: item[1])):
        offset, side = ((4, -10), "left") if place % 2 else ((-4, 5), "right")
        axis.plot(*point, "o", color=ORANGE)
        axis.annotate(name, point, offset, textcoords="offset points", ha=side, fontsize=8)
    return figure


def two_maps(names: Sequence[str], maps: Mapping[str, Tensor]) -> Figure:
    """The same named points (n, 2) on two maps side by side, each with its title."""
    figure, axes = panels(len(maps), width=10.0, height=5.0)
    for axis, (title, points) in zip(axes, maps.items(), strict=True):
        labelled(points, names, title=title, axis=axis)
    return figure


def spikes(values: Tensor, **settings: Any) -> Figure:
    """A thin upright line for each of many numbers (n,); settings: of the panel."""
    figure, (axis,) = panels(1, width=7.5, height=2.6)
    axis.vlines(range(len(values)), 0, values, color=BLUE)
    axis.set(**settings)
    return figure


def ratings(corner: Tensor, columns: Sequence[str], items: Tensor, users: Tensor) -> Figure:
    """A corner of a table of ratings as colours, and all of the table as dots at (item, user)."""
    figure, (left, right) = panels(2, width=9.0, height=4.6)
    drawn = left.imshow(corner, cmap="viridis", vmin=0.5, vmax=5)
    left.set_xticks(range(len(columns)), list(columns), rotation=90, fontsize=7)
    left.set(ylabel=f"{len(corner)} users", title="the fullest corner", yticks=[])
    figure.colorbar(drawn, ax=left, label="stars", shrink=0.7)
    right.plot(items, users, ",", color=BLUE, alpha=0.6)
    right.set(xlabel="item", ylabel="user", title="the whole table")
    return figure


def ranked(
    names: Sequence[str], scores: Tensor, means: Tensor, *, split: int, middle: float
) -> Figure:
    """Scores as bars, the first `split` blue and the others orange, beside the means of the same
    names as dots, with a dotted line at their middle.
    """
    places = [place + (place >= split) for place in range(len(names))]
    figure, (left, right) = panels(2, width=9.0, height=5.4)
    colours = [BLUE] * split + [ORANGE] * (len(names) - split)
    left.barh(places, scores, color=colours)
    left.set_yticks(places, list(names), fontsize=8)
    left.set(xlabel="bias in the model", title="highest and lowest bias")
    right.plot(means, places, "o", color="0.3")
    right.axvline(middle, color="0.5", linestyle=":")
    right.set(xlabel="mean rating in stars", title="mean rating", yticks=[], xlim=(0.5, 5))
    for axis in (left, right):
        axis.invert_yaxis()
        axis.grid(alpha=0.25)
    return figure


def coloured(
    points: Tensor,
    numbers: Tensor,
    named: Mapping[str, tuple[int, tuple[float, float]]],
    *,
    colours: str,
    **settings: Any,
) -> Figure:
    """Points (n, 2) coloured by numbers (n,) on a logarithmic scale, some of them with their names.

    named: by name the point's index and where the name stands from it, in dots. colours: what the
    numbers are; settings: of the panel.
    """
    figure, (axis,) = panels(1, width=6.5, height=4.2)
    x, y = points.T
    drawn = axis.scatter(x, y, c=numbers, s=8, cmap="viridis_r", norm="log")
    figure.colorbar(drawn, label=colours)
    line: dict[str, Any] = {"arrowstyle": "-", "color": "0.5"}
    for name, (index, offset) in named.items():
        axis.annotate(
            name,
            _pair(points[index]),
            offset,
            textcoords="offset points",
            ha="right",
            fontsize=8,
            arrowprops=line,
        )
    axis.set(**settings)
    axis.grid(alpha=0.25)
    return figure


def directions(cloud: Tensor, origins: Mapping[str, Tensor], ways: Mapping[str, Tensor]) -> Figure:
    """A cloud (n, 2) in a panel for each name, a double arrow from its origin along its way."""
    figure, axes = panels(len(origins), width=8.0, height=3.4)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": ORANGE, "lw": 2}
    for axis, (title, origin) in zip(axes, origins.items(), strict=True):
        axis.plot(*cloud.T, ".", color="0.6", markersize=4)
        for sign in (-1, 1):
            end = origin + 3 * sign * ways[title]
            axis.annotate("", xy=_pair(end), xytext=_pair(origin), arrowprops=arrow)
        axis.plot(*origin, "o", color=ORANGE)
        axis.set(aspect="equal", xlim=(-3.5, 5.5), ylim=(-3.5, 7), title=title)
        axis.grid(alpha=0.25)
    return figure


def clouds(
    groups: Mapping[str, Tensor],
    cross: Tensor | None = None,
    *,
    width: float = 9.5,
    **settings: Any,
) -> Figure:
    """Points (n, 2) in a panel for each name, with the same cross in all; settings: of the panels,
    such as xlabel or xlim.
    """
    figure, axes = panels(len(groups), width=width, height=3.0)
    for axis, (name, points) in zip(axes, groups.items(), strict=True):
        axis.plot(*points.detach().T, ".", color=BLUE, markersize=3)
        if cross is not None:
            axis.plot(*cross, "+", color=ORANGE, markersize=16, markeredgewidth=3)
        axis.set(title=name, **settings)
    for axis in axes[1:]:
        axis.set_ylabel("")
    return figure


def bars(values: Mapping[str, float], label: str = "{:.2f}", **settings: Any) -> Figure:
    """A bar from left to right for each name, with its number; settings: of the panel."""
    figure, (axis,) = panels(1, width=6.0, height=0.9 + 0.26 * len(values))
    drawn = axis.barh(list(values), list(values.values()), color=BLUE)
    axis.bar_label(drawn, fmt=label, padding=4)
    axis.set(**settings)
    axis.invert_yaxis()
    return figure


def grouped_bars(groups: Mapping[str, Tensor], names: Sequence[str], **settings: Any) -> Figure:
    """Upright bars (n,) of several groups side by side above n names; settings: of the panel."""
    figure, (axis,) = panels(1, width=6.5, height=3.0)
    width = 0.8 / len(groups)
    for place, ((name, values), colour) in enumerate(
        zip(groups.items(), _cycled(len(groups)), strict=True)
    ):
        x = torch.arange(len(names)) + width * (place - (len(groups) - 1) / 2)
        axis.bar(x, values, width=0.9 * width, color=colour, label=name)
    axis.axhline(0, color="0.5", linewidth=0.8)
    axis.set_xticks(range(len(names)), names)
    axis.set(**settings)
    axis.legend(frameon=False, ncols=2, fontsize=8)
    return figure


def by_class(
    rows: Mapping[str, Tensor], picture: Tensor | None = None, signed: str = "", **settings: Any
) -> Figure:
    """Numbers of some classes (c,) as bars, a panel for each title, beside a picture if there is
    one.

    The largest is orange; in the panel named `signed` the positive ones are. settings: of the
    panels.
    """
    figure, axes = panels(len(rows) + (picture is not None), height=1.9, width=7.4)
    if picture is not None:
        axes[0].imshow(picture, cmap="gray_r")
        axes[0].axis("off")
    for axis, (title, values) in zip(axes[-len(rows) :], rows.items(), strict=True):
        marked = values > 0 if title == signed else values == values.max()
        axis.bar(range(len(values)), values, color=[ORANGE if mark else BLUE for mark in marked])
        axis.axhline(0, color="0.5", linewidth=0.8)
        axis.set_title(title, fontsize=10)
        axis.set(**{"xticks": range(len(values)), **settings})
    return figure


def grid(cells: Tensor, *, rows: Sequence[object], xlabel: str = "", ylabel: str = "") -> Figure:
    """Numbers (rows, columns) from 0 to 1 as squares from white to dark, with the rows' names."""
    figure, (axis,) = panels(1, width=5.0, height=2.6)
    axis.imshow(cells, cmap="gray_r", vmax=1.4)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_xticks(range(cells.shape[1]))
    axis.set_yticks(range(len(rows)), [str(row) for row in rows])
    for edges, draw in ((len(rows), axis.axhline), (cells.shape[1], axis.axvline)):
        for edge in range(1, edges):
            draw(edge - 0.5, color="0.8", linewidth=0.8)
    return figure


def grids(pictures: Mapping[str, Tensor]) -> Figure:
    """Grey pictures (height, width), each with a scale of its own beside it."""
    figure, axes = panels(len(pictures), width=2.6 * len(pictures), height=2.0)
    for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
        figure.colorbar(axis.imshow(picture, cmap="gray_r"), ax=axis)
        axis.set_title(name)
        axis.axis("off")
    return figure


def losses_and_metric(history: Mapping[str, Sequence[float]], epochs: int) -> Figure:
    """What a training has reached so far: the losses by epoch, and beside them the metric.

    history: names that end in "loss" go to the left, the others to the right.
    """
    charts: list[dict[str, Any]] = [
        {"series": {name: history[name] for name in history if name.endswith("loss") == losses}}
        for losses in (True, False)
    ]
    charts[0] |= {"ylabel": "loss", "ylim": (0, None)}
    charts[1] |= {"ylabel": ", ".join(charts[1]["series"])}
    return side_by_side(*charts, xlabel="epoch", xlim=(0.5, epochs + 0.5), marker="o")


def histograms(
    groups: Mapping[str, Tensor],
    bins: Sequence[float] | Tensor,
    *,
    before: Tensor | None = None,
    width: float = 9.0,
    **settings: Any,
) -> Figure:
    """A histogram for each name, in panels; before: numbers outlined in grey in all of them.

    settings: of the panels, such as xlabel or ylim; ylabel is that of the first.
    """
    figure, axes = panels(len(groups), width=width, height=2.8)
    edges = torch.as_tensor(bins).tolist()
    for axis, (name, values) in zip(axes, groups.items(), strict=True):
        if before is not None:
            axis.hist(before.numpy(), edges, histtype="step", color="0.5", label="at the start")
        axis.hist(values.flatten().numpy(), edges, color=BLUE, alpha=0.8, label="after training")
        axis.set(title=name, **settings)
    for axis in axes[1:]:
        axis.set_ylabel("")
    if before is not None:
        axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def with_spread(
    x: Sequence[float],
    *charts: Mapping[str, Tensor],
    titles: Sequence[str] = ("",),
    width: float = 7.0,
    **settings: Any,
) -> Figure:
    """Means over runs with their spread as bars; x is logarithmic.

    charts: a panel each, with the results (len(x), runs) by name. titles: of the panels; settings:
    of all of them, such as xlabel.
    """
    figure, axes = panels(len(charts), width=width, height=3.4)
    for axis, title, chart in zip(axes, titles, charts, strict=True):
        for shift, ((name, runs), colour) in enumerate(
            zip(chart.items(), _cycled(len(chart)), strict=True)
        ):
            places = [place * 1.05 ** (shift - (len(chart) - 1) / 2) for place in x]
            means, spreads = runs.mean(1), runs.std(1)
            axis.errorbar(places, means, spreads, marker="o", capsize=3, color=colour, label=name)
        axis.set(title=title, xscale="log", xticks=x, xticklabels=x, **settings)
        axis.minorticks_off()
        axis.grid(alpha=0.25)
    axes[0].legend(framealpha=0.85, edgecolor="none")
    return figure


def images(
    pictures: Tensor,
    titles: Sequence[object] = (),
    *,
    columns: int = 10,
    signed: bool | Sequence[bool] = False,
    size: float = 0.8,
) -> Figure:
    """A grid of pictures, grey (n, height, width) or in colours from 0 to 1 (n, 3, height, width),
    each with its title; size: the width of one in inches.

    signed: all, or which of them, show negative numbers blue, positive ones red and 0 white, on one
    scale for all.
    """
    pictures = pictures.detach().float()
    with_sign = [signed] * len(pictures) if isinstance(signed, bool) else list(signed)
    limit = max(
        (float(p.abs().max()) for p, own in zip(pictures, with_sign, strict=True) if own),
        default=0.0,
    )
    rows = math.ceil(len(pictures) / columns)
    lines = max((str(title).count("\n") + 1 for title in titles), default=0)
    height = size * pictures.shape[-2] / pictures.shape[-1] + 0.22 * lines
    figure, axes = panels(columns, rows, width=size * columns + 0.8 * any(with_sign), height=height)
    for axis in axes:
        axis.axis("off")
    scale = None
    for index, (axis, own) in enumerate(zip(axes, with_sign, strict=False)):
        colours: dict[str, Any] = (
            {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if own else {"cmap": "gray_r"}
        )
        picture = pictures[index] if pictures.ndim == 3 else pictures[index].permute(1, 2, 0)
        drawn = axis.imshow(picture, **colours)
        axis.set_title(str(titles[index]) if titles else "", fontsize=9)
        scale = drawn if own else scale
    if scale is not None:
        figure.colorbar(scale, ax=axes, shrink=0.9, aspect=12 * rows)
    return figure


def matrices(*parts: tuple[str, Tensor] | str, size: float = 0.46) -> Figure:
    """Named tensors with the number of every entry, and signs between them: ("W", w), "@", ("x",
    x).

    A tensor is (n,), drawn as a column, or (rows, columns); its shape stands below it. size: of one
    entry in inches.
    """
    limit = max(float(part[1].abs().max()) for part in parts if not isinstance(part, str))
    tables = [part if isinstance(part, str) else _table(part[1]) for part in parts]
    widths = [1.0 if isinstance(table, str) else max(table.shape[1], 2.0) for table in tables]
    tallest = max(table.shape[0] for table in tables if not isinstance(table, str))
    figure = Figure(figsize=(size * sum(widths), size * (tallest + 1.7)), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    axis.set(xlim=(0, sum(widths)), ylim=(tallest + 0.8, -0.9), aspect="equal")
    left = 0.0
    for part, table, width in zip(parts, tables, widths, strict=True):
        if isinstance(part, str) or isinstance(table, str):
            axis.text(
                left + width / 2, tallest / 2, str(part), ha="center", va="center", fontsize=15
            )
        else:
            n_rows, n_columns = table.shape
            x, y = left + (width - n_columns) / 2, (tallest - n_rows) / 2
            extent = (x, x + n_columns, y + n_rows, y)
            axis.imshow(table, cmap="RdBu_r", vmin=-1.6 * limit, vmax=1.6 * limit, extent=extent)
            for row in range(n_rows):
                for column in range(n_columns):
                    value = f"{float(table[row, column]):.3g}"
                    axis.text(
                        x + column + 0.5,
                        y + row + 0.5,
                        value,
                        ha="center",
                        va="center",
                        fontsize=11,
                    )
            axis.text(
                left + width / 2,
                y - 0.35,
                part[0],
                ha="center",
                va="center",
                fontsize=12,
                weight="bold",
            )
            shape = str(tuple(part[1].shape))
            axis.text(
                left + width / 2,
                y + n_rows + 0.4,
                shape,
                ha="center",
                va="center",
                fontsize=9,
                color="0.35",
            )
        left += width
    axis.set(xlim=(0, sum(widths)), ylim=(tallest + 0.8, -0.9))
    return figure


def chain(steps: Sequence[tuple[str, str]]) -> Figure:
    """Boxes from left to right: (name, size) pairs, activations and what acts on them in turn,
    starting with the input.

    Activations are blue and round, what acts on them is orange; a name may have several lines.
    """
    figure = Figure(figsize=(min(1.3 * len(steps), 9.5), 1.2), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    axis.set(xlim=(-0.5, len(steps) - 0.5), ylim=(-0.6, 0.5))
    boxes: list[Any] = []
    for place, (name, size) in enumerate(steps):
        colour, style = (BLUE, "round,pad=0.45") if place % 2 == 0 else (ORANGE, "square,pad=0.45")
        look = {"boxstyle": style, "facecolor": "white", "edgecolor": colour, "linewidth": 2}
        text = axis.text(
            place, 0.1, name, ha="center", va="center", fontsize=10, color=colour, bbox=look
        )
        axis.text(place, -0.45, size, ha="center", va="center", fontsize=9, color="0.3")
        boxes.append(text.get_bbox_patch())
        if place:
            arrow = {"arrowstyle": "-|>", "color": "0.5", "patchA": boxes[-2], "patchB": boxes[-1]}
            axis.annotate("", xy=(place, 0.1), xytext=(place - 1, 0.1), arrowprops=arrow)
    return figure


def surface(
    x: Tensor,
    y: Tensor,
    z: Tensor,
    paths: Mapping[str, Tensor] | None = None,
    *,
    lowest: Sequence[float] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    axis: Axes | None = None,
) -> Figure:
    """A surface seen from above as contour lines, with paths over it; each path starts at its ring.

    x: (m,), y: (k,), z: (k, m), the height at every pair, above 0. paths: points (steps, 2) by
    name. lowest: a point to mark with a star. What leaves the surface is cut off.
    """
    axis = panels(1, width=5.4, height=4.0)[1][0] if axis is None else axis
    heights = z.detach().double()
    levels = torch.logspace(float(heights.min().log10()), float(heights.max().log10()), 16)
    axis.contourf(
        x,
        y,
        heights,
        levels=levels.tolist(),
        norm=LogNorm(),
        cmap="Greys_r",
        alpha=0.45,
        extend="both",
    )
    axis.contour(
        x, y, heights, levels=levels.tolist(), norm=LogNorm(), colors="0.6", linewidths=0.6
    )
    for (name, path), colour in zip((paths or {}).items(), _cycled(len(paths or {})), strict=True):
        points = path.detach()
        axis.plot(
            points[:, 0], points[:, 1], ".-", color=colour, linewidth=1.2, markersize=5, label=name
        )
        axis.plot(*points[0], "o", color=colour, markerfacecolor="white", markersize=7)
    if lowest is not None:
        axis.plot(*lowest, "*", color="black", markersize=11)
    axis.set(
        xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), xlabel=xlabel, ylabel=ylabel, title=title
    )
    if paths and (len(paths) > 1 or not title):
        axis.legend(frameon=True, framealpha=0.9, loc="best")
    return cast(Figure, axis.figure)


def surfaces(
    landscape: Mapping[str, Any],
    paths: Mapping[str, Tensor],
    *,
    width: float = 9.5,
) -> Figure:
    """The same surface in a panel for each path (steps, 2), with its name as the title.

    landscape: what `surface` takes.
    """
    figure, axes = panels(len(paths), width=width, height=3.3)
    for axis, (name, path) in zip(axes, paths.items(), strict=True):
        surface(**landscape, paths={name: path}, title=name, axis=axis)
    return figure


def valleys(maps: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Tensor]]]) -> Figure:
    """A surface and its paths in a panel for each title; the pairs are what `surface` takes."""
    figure, axes = panels(len(maps), width=9.5, height=3.6)
    for axis, (title, (landscape, paths)) in zip(axes, maps.items(), strict=True):
        surface(**landscape, paths=paths, title=title, axis=axis)
        axis.set_aspect("equal")
    return figure


def arrows(landscape: Mapping[str, Any], places: Tensor, directions: Tensor) -> Figure:
    """A surface with an arrow (n, 2) at each of the places (n, 2); landscape: as for `surfaces`."""
    figure, (axis,) = panels(1, width=5.0, height=4.8)
    surface(**landscape, axis=axis)
    axis.set_aspect("equal")
    axis.quiver(*places.T, *directions.T, color=BLUE, angles="xy", width=0.004)
    return figure


def race(landscape: Mapping[str, Any], paths: Mapping[str, Tensor], key: str) -> None:
    """Display the paths (steps, 2) on a surface as they grow, step by step; key: as for `show`."""
    figure, (axis,) = panels(1, width=5.4, height=4.0)
    surface(**landscape, paths={name: path[:1] for name, path in paths.items()}, axis=axis)
    lines = [line for line in axis.lines if line.get_label() in paths]

    def draw(frame: int) -> None:
        for line, path in zip(lines, paths.values(), strict=True):
            line.set_data(*path[: frame + 1].T)

    animate(figure, draw, max(map(len, paths.values())), key)


def animate(
    figure: Figure, draw: Callable[[int], object], frames: int, key: str, seconds: float = 0.15
) -> None:
    """Display a figure that moves once and stays at its last frame (animated PNG); key: as for
    `show`.

    draw: changes the figure for frame number 0 ... frames - 1. A reader without animation sees the
    last frame.
    """
    pictures = []
    for frame in range(frames):
        draw(frame)
        pictures.append(_picture(figure, SCREEN_DPI))
    palette = pictures[-1].quantize(128, Image.Quantize.MAXCOVERAGE)
    first, *rest = [
        picture.quantize(palette=palette, dither=Image.Dither.NONE)
        for picture in (pictures[-1], *pictures)
    ]
    buffer = io.BytesIO()
    duration = round(1000 * seconds)
    first.save(
        buffer,
        "PNG",
        save_all=True,
        append_images=rest,
        default_image=True,
        duration=duration,
        loop=1,
    )
    _display(buffer.getvalue(), round(figure.get_size_inches()[0] * SCREEN_DPI), key, {})


def graph(
    nodes: Mapping[str, tuple[float, float, str]],
    edges: Sequence[tuple[str, str, str]],
    *,
    size: tuple[float, float] = (9.0, 3.0),
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """A computation graph: boxes at (column, row) with their text, and arrows between them with the
    edge's text.

    edges: (from, to, text); the text stands beside the arrow, in orange, because it belongs to the
    way back.
    """
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    columns, rows = zip(*((column, row) for column, row, _ in nodes.values()), strict=True)
    axis.set(xlim=(min(columns) - 0.5, max(columns) + 0.5), ylim=(max(rows) + 0.5, min(rows) - 0.5))
    boxes = {}
    for name, (column, row, text) in nodes.items():
        colour = (colours or {}).get(name, BLUE)
        look = {
            "boxstyle": "round,pad=0.4",
            "facecolor": "white",
            "edgecolor": colour,
            "linewidth": 1.8,
        }
        drawn = axis.text(
            column, row, text, ha="center", va="center", fontsize=10, bbox=look, zorder=5
        )
        boxes[name] = drawn.get_bbox_patch()
    for source, target, text in edges:
        start, end = nodes[source][:2], nodes[target][:2]
        arrow = {
            "arrowstyle": "-|>",
            "color": "0.45",
            "patchA": boxes[source],
            "patchB": boxes[target],
        }
        axis.annotate("", xy=end, xytext=start, arrowprops=arrow)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axis.text(
            *middle, text, ha="center", va="center", fontsize=9, color=ORANGE, bbox=white, zorder=4
        )
    return figure


def labelled(
    points: Tensor,
    labels: Sequence[str],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    axis: Axes | None = None,
) -> Figure:
    """Dots (n, 2) with their names, the most important first: a name that would cover an earlier
    one is left out.

    axis: a panel to draw into, else a new figure is made. Set the panel's limits before, where it
    matters.
    """
    axis = panels(1, width=7.0, height=6.0)[1][0] if axis is None else axis
    figure = cast(Figure, axis.figure)
    x, y = points.detach().double().T.tolist()
    axis.plot(x, y, ".", color=BLUE, markersize=4)
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axis.margins(0.08)
    axis.grid(alpha=0.25)
    figure.draw_without_rendering()  # settles the layout, so the boxes of the names are final
    taken: list[Bbox] = []
    for place in zip(x, y, labels, strict=True):
        for offset, side in (
            ((4, 0), "left"),
            ((-4, 0), "right"),
            ((0, 6), "center"),
            ((0, -6), "center"),
        ):
            name = axis.annotate(
                place[2],
                place[:2],
                offset,
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=7.5,
            )
            name.set_in_layout(False)
            box = name.get_window_extent()
            inside = axis.bbox.x0 < box.x0 and box.x1 < axis.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            name.remove()
    return figure


def _picture(figure: Figure, dpi: int) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return Image.open(buffer).convert("RGB")


def _png(figure: Figure) -> tuple[bytes, int]:
    """The figure as PNG and its width on the screen."""
    picture = _picture(figure, DPI)
    buffer = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue(), round(figure.get_size_inches()[0] * SCREEN_DPI)


def _display(png: bytes, width: int, key: str, values: Mapping[str, object]) -> None:
    alt = _words(key, values)
    display({"image/png": png, "text/plain": alt}, raw=True, metadata=_metadata(width, alt))
    _display_words(key, alt)


def _display_words(key: str, alt: str) -> None:
    """The line that opens to the words of a picture, and what was guessed of it."""
    display(HTML(words(alt)))
    if experiments.find(key).ask:
        display(experiments.outcome(key))


def _words(key: str, values: Mapping[str, object]) -> str:
    return experiments.find(key).alt.format(**values)


def _metadata(width: int, alt: str) -> dict[str, Any]:
    return {"image/png": {"alt": alt, "width": width}}


def _pair(point: Tensor) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _cycled(n: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(n)]


def _xy(x: Series | None, values: Series) -> tuple[Tensor, Tensor]:
    y = torch.as_tensor(values, dtype=torch.float64).detach().flatten()
    return (torch.arange(1, len(y) + 1) if x is None else torch.as_tensor(x).detach().flatten()), y


def _table(values: Tensor) -> Tensor:
    return values.detach().float().reshape(len(values), -1)
