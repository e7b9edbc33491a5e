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


def show(figure: Figure, alt: str) -> None:
    """Display the figure with its words; alt: what it shows to somebody who cannot see it."""
    _display(*_png(figure), alt)


def bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure as data and metadata for `_repr_mimebundle_`; alt: as for `show`."""
    png, width = _png(figure)
    return {"image/png": base64.b64encode(png).decode(), "text/plain": alt}, _metadata(width, alt)


def words(alt: str) -> str:
    """HTML for a line below a picture that opens to its words."""
    return (
        "<details><summary><small>This picture in "
        f"words</small></summary><p>{html.escape(alt)}</p></details>"
    )


class Live:
    """A picture that is drawn anew in one place: `with Live() as live:`, and in a loop
    `live.show(figure, alt)`.

    Its words are shown at the end; the plain text that stands for the picture stays the same.
    """

    def __init__(self) -> None:
        self.handle, self.alt = DisplayHandle(), ""

    def __enter__(self) -> "Live":
        return self

    def show(self, figure: Figure, alt: str) -> None:
        """Put the figure in the place of the one before; alt: as for `show`."""
        draw = self.handle.update if self.alt else self.handle.display
        png, width = _png(figure)
        plain = "a picture that is drawn anew"
        draw({"image/png": png, "text/plain": plain}, raw=True, metadata=_metadata(width, alt))
        self.alt = alt

    def __exit__(self, *_: object) -> None:
        if self.alt:
            display(HTML(words(self.alt)))


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
    points: Mapping[str, Series] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log: str = "",
    axis: Axes | None = None,
) -> Figure:
    """One line per name over x, all (n,); x counts from 1 when it is not given, as for losses step
    by step.

    points: drawn as dots over the same x. log: the axes with a logarithmic scale, such as "y" or
    "xy". axis: a panel to draw into, else a new figure is made.
    """
    axis = panels(1, width=6.0, height=3.2)[1][0] if axis is None else axis
    for name, values in (points or {}).items():
        axis.plot(*_xy(x, values), ".", color="0.55", markersize=4, label=name)
    for (name, values), colour in zip(series.items(), _cycled(len(series)), strict=True):
        axis.plot(*_xy(x, values), color=colour, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    for letter in log:
        getattr(axis, f"set_{letter}scale")("log")
    if len(series) + len(points or {}) > 1:
        axis.legend(framealpha=0.85, edgecolor="none")
    axis.grid(alpha=0.25)
    return cast(Figure, axis.figure)


def images(
    pictures: Tensor,
    titles: Sequence[object] = (),
    *,
    columns: int = 10,
    signed: bool | Sequence[bool] = False,
    size: float = 0.8,
) -> Figure:
    """A grid of grey pictures (n, height, width), each with its title; size: the width of one in
    inches.

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
    height = size * pictures.shape[1] / pictures.shape[2] + 0.22 * lines
    figure, axes = panels(columns, rows, width=size * columns + 0.8 * any(with_sign), height=height)
    for axis in axes:
        axis.axis("off")
    scale = None
    for index, (axis, own) in enumerate(zip(axes, with_sign, strict=False)):
        colours: dict[str, Any] = (
            {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if own else {"cmap": "gray_r"}
        )
        drawn = axis.imshow(pictures[index], **colours)
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


def animate(
    figure: Figure, draw: Callable[[int], object], frames: int, alt: str, seconds: float = 0.15
) -> None:
    """Display a figure that moves once and stays at its last frame (animated PNG); alt: as for
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
    _display(buffer.getvalue(), round(figure.get_size_inches()[0] * SCREEN_DPI), alt)


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


def _display(png: bytes, width: int, alt: str) -> None:
    display({"image/png": png, "text/plain": alt}, raw=True, metadata=_metadata(width, alt))
    display(HTML(words(alt)))


def _metadata(width: int, alt: str) -> dict[str, Any]:
    return {"image/png": {"alt": alt, "width": width}}


def _cycled(n: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(n)]


def _xy(x: Series | None, values: Series) -> tuple[Tensor, Tensor]:
    y = torch.as_tensor(values, dtype=torch.float64).detach().flatten()
    return (torch.arange(1, len(y) + 1) if x is None else torch.as_tensor(x).detach().flatten()), y


def _table(values: Tensor) -> Tensor:
    return values.detach().float().reshape(len(values), -1)
