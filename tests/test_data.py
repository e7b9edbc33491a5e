"""The course's data: what is shipped, what is fetched, and what is said when it cannot be had."""

import gzip
import hashlib
import http.server
import os
import shutil
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torchvision.datasets import MNIST

from course_utils import data
from course_utils.data import DATA, DataError, load_flights, load_mnist, load_ratings

FOLDERS = ["emoji", "flights", "mnist", "movielens"]
RAW = "MNIST/raw"
COURSE_DATA = os.environ.get("COURSE_DATA", "")


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's own digits nor a proxy take part."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")


def rows(images: Tensor) -> list[bytes]:
    return [image.tobytes() for image in images.numpy()]


def sentence(error: pytest.ExceptionInfo[DataError]) -> str:
    """The message, one sentence that hides no second traceback."""
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message and ". " not in message
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return message


# ---------------------------------------------------------------- what is shipped


@pytest.mark.parametrize(
    ("part", "n", "expected"),
    [("train", 4_000, "87c7fa02c14a0744"), ("valid", 1_000, "b63b1421a87bc31c")],
)
def test_the_digits_are_stratified_and_their_split_is_fixed(
    part: str, n: int, expected: str
) -> None:
    mnist = load_mnist()
    x, y = getattr(mnist, f"x_{part}"), getattr(mnist, f"y_{part}")
    assert x.shape == (n, 28, 28) and x.dtype == torch.uint8 and (x.min(), x.max()) == (0, 255)
    assert y.shape == (n,) and y.dtype == torch.int64
    assert y.bincount().tolist() == [n // 10] * 10
    assert hashlib.sha256(x.numpy().tobytes() + bytes(y.tolist())).hexdigest().startswith(expected)


def test_no_digit_occurs_twice() -> None:
    mnist = load_mnist()
    assert len({*rows(mnist.x_train), *rows(mnist.x_valid)}) == 5_000


def test_each_load_gives_tensors_of_its_own() -> None:
    load_mnist().x_train.zero_()
    assert load_mnist().x_train.any()


@pytest.mark.skipif(
    not COURSE_DATA,
    reason="needs all 70,000 digits, which are not shipped; COURSE_DATA names their folder. The "
    "digests above hold the shipped ones to those that passed it",
)
def test_the_shipped_digits_are_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", COURSE_DATA)
    full, few = load_mnist(full=True), load_mnist()
    assert [len(part) for part in full] == [60_000, 60_000, 10_000, 10_000]
    known = dict(zip(rows(full.x_train), full.y_train.tolist(), strict=True))
    for x, y in (few.x_train, few.y_train), (few.x_valid, few.y_valid):
        assert [known.get(row) for row in rows(x)] == y.tolist()


def test_validation_digits_out_of_reach_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(DATA / "mnist", tmp_path / "mnist", ignore=shutil.ignore_patterns("valid-*"))
    monkeypatch.setattr(data, "DATA", tmp_path)
    with pytest.raises(DataError) as error:
        load_mnist()
    assert "valid-images.idx.gz is missing" in sentence(error)


def test_loading_digits_imports_neither_torchvision_nor_pandas() -> None:
    unwanted = "sys.exit('torchvision' in sys.modules or 'pandas' in sys.modules)"
    code = f"import sys; from course_utils.data import load_mnist; load_mnist(); {unwanted}"
    assert subprocess.run([sys.executable, "-c", code], cwd=DATA.parents[1]).returncode == 0


def test_ratings_are_the_dense_core_with_everyone_and_every_film_in_training() -> None:
    ratings = load_ratings()
    assert (ratings.n_users, ratings.n_items) == (646, 2_237)
    assert (len(ratings.train.users), len(ratings.valid.users)) == (73_271, 8_141)
    for part in ratings.train, ratings.valid:
        assert [column.dtype for column in part] == [torch.int64, torch.int64, torch.float32]
        assert set(part.ratings.tolist()) == {n / 2 for n in range(1, 11)}
    assert ratings.train.users.unique().tolist() == list(range(646))
    assert ratings.train.items.unique().tolist() == list(range(2_237))
    users, items = (
        torch.cat(pair) for pair in zip(ratings.train[:2], ratings.valid[:2], strict=True)
    )
    assert users.bincount().min() >= 20 and items.bincount().min() >= 10
    assert len({*zip(users.tolist(), items.tolist(), strict=True)}) == 81_412
    counts = items.bincount()
    assert (counts[1:] <= counts[:-1]).all()


@pytest.mark.parametrize(
    ("name", "expected"), [("ratings", "e5de82aa93ad1e2d"), ("flights", "2a233b7e8d147200")]
)
def test_the_split_is_fixed(name: str, expected: str) -> None:
    column = (
        load_ratings().valid.items.numpy()
        if name == "ratings"
        else load_flights().valid["air_time"].to_numpy()
    )
    assert hashlib.sha256(column.astype("<i8").tobytes()).hexdigest().startswith(expected)


def test_titles_are_one_a_film_and_end_in_their_year() -> None:
    ratings = load_ratings()
    assert len(ratings.titles) == len({*ratings.titles}) == len(ratings.genres) == ratings.n_items
    assert ratings.titles[0] == "Forrest Gump (1994)" and "The Matrix (1999)" in ratings.titles
    assert "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)" in ratings.titles
    assert all(pd.Series(ratings.titles).str.fullmatch(r".+ \((19|20)\d\d\)"))
    assert ratings.genres[0] == ["Comedy", "Drama", "Romance", "War"]


def test_biases_predict_ratings_better_than_the_mean() -> None:
    train, valid, *_ = ratings = load_ratings()
    mean = train.ratings.mean()
    user, item = torch.zeros(ratings.n_users), torch.zeros(ratings.n_items)
    for _ in range(10):
        rest = train.ratings - mean - item[train.items]
        user = torch.zeros_like(user).index_add(0, train.users, rest) / (train.users.bincount() + 5)
        rest = train.ratings - mean - user[train.users]
        item = torch.zeros_like(item).index_add(0, train.items, rest) / (train.items.bincount() + 3)
    rmse = {
        name: float((guess - valid.ratings).square().mean().sqrt())
        for name, guess in {
            "mean": mean,
            "biases": mean + user[valid.users] + item[valid.items],
        }.items()
    }
    assert 1.0 < rmse["mean"] < 1.06 and 0.83 < rmse["biases"] < 0.88, rmse


def test_flights_keep_their_missing_values_and_nothing_else_is_missing() -> None:
    train, valid, _ = load_flights()
    assert (len(train), len(valid)) == (48_000, 12_000)
    text = ["carrier", "origin", "destination", "maker"]
    numbers = ["month", "weekday", "hour", "built", "pressure", "distance", "air_time"]
    for part in train, valid:
        assert sorted(part) == sorted(text + numbers)
        assert all(pd.api.types.is_string_dtype(part[name]) for name in text)
        assert all(pd.api.types.is_numeric_dtype(part[name]) for name in numbers)
        missing = part.isna().mean()
        assert [*missing.index[missing > 0]] == ["maker", "built", "pressure"]
        assert missing[missing > 0].between(0.1, 0.2).all()


def test_no_flight_of_the_validation_set_is_in_training() -> None:
    train, valid, _ = load_flights()
    # Without tail number, flight number and date, two flights may agree by chance: one pair does.
    assert len(valid.merge(train.drop_duplicates())) <= 1


def test_airports_lie_where_the_distances_say() -> None:
    train, valid, airports = load_flights()
    places = airports.set_index("code")[["latitude", "longitude"]].apply(np.radians)
    flights = pd.concat([train, valid]).drop_duplicates(["origin", "destination"])
    assert {*flights["origin"], *flights["destination"]} == {*airports["code"]}
    a, b = (places.loc[flights[end]].to_numpy().T for end in ("origin", "destination"))
    h = (
        np.sin((b[0] - a[0]) / 2) ** 2
        + np.cos(a[0]) * np.cos(b[0]) * np.sin((b[1] - a[1]) / 2) ** 2
    )
    miles = 2 * 3958.8 * np.arcsin(np.sqrt(h))
    assert np.abs(miles / flights["distance"].to_numpy() - 1).max() < 0.02


def test_air_time_follows_distance_and_route() -> None:
    train, valid, _ = load_flights()

    def rmse(guess: np.ndarray | float) -> float:
        return float(((guess - valid["air_time"]) ** 2).mean() ** 0.5)

    route = ["origin", "destination"]
    means = (
        train.groupby(route, as_index=False)["air_time"]
        .mean()
        .rename(columns={"air_time": "guess"})
    )
    table = (
        valid[route].merge(means, how="left")["guess"].fillna(train["air_time"].mean()).to_numpy()
    )
    line = np.polyval(np.polyfit(train["distance"], train["air_time"], 1), valid["distance"])
    assert 85 < rmse(train["air_time"].mean()) < 100
    assert 12 < rmse(line) < 14
    assert 11 < rmse(table) < 13


@pytest.mark.parametrize(
    ("folder", "terms"),
    [
        ("mnist", ["LeCun", "https://creativecommons.org/licenses/by-sa/3.0/", "Changes:"]),
        (
            "movielens",
            ["GroupLens", "commercial or revenue-bearing", "same\n  license", "Harper", "Changes:"],
        ),
        ("flights", ["https://creativecommons.org/publicdomain/zero/1.0/", "Sources:", "Changes:"]),
        ("emoji", ["Noto Color Emoji", "Open Font\n  License", "Unicode License", "Changes:"]),
    ],
)
def test_each_set_stands_beside_its_terms(folder: str, terms: list[str]) -> None:
    notice = (DATA / folder / "NOTICE.md").read_text(encoding="utf-8")
    assert [term for term in terms if term not in notice] == []


def test_data_holds_nothing_else() -> None:
    assert {path.name for path in DATA.iterdir()} - {"__pycache__"} == {
        "__init__.py",
        "make.py",
        *FOLDERS,
    }
    files = [path for folder in FOLDERS for path in (DATA / folder).iterdir()]
    assert {"".join(path.suffixes) for path in files} == {
        ".md",
        ".csv",
        ".png",
        ".csv.gz",
        ".idx.gz",
    }
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_the_files_carry_no_time_of_their_making() -> None:
    assert {path.read_bytes()[4:8] for path in DATA.glob("*/*.gz")} == {bytes(4)}


def test_the_list_agrees_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "DOWNLOADS", tmp_path)
    ratings, flights = load_ratings(), load_flights()
    loaded = {
        "mnist": sum(len(part) for part in load_mnist()[1::2]),
        "mnist, full": 70_000,
        "movielens": len(ratings.train.users) + len(ratings.valid.users),
        "flights": len(flights.train) + len(flights.valid),
        "emoji": len(data.load_emoji().labels),
    }
    listed = data.describe_data()
    assert {entry.name: entry.rows for entry in listed} == loaded
    assert [entry.present for entry in listed] == [True, False, True, True, True]
    assert all(entry.where.is_relative_to(DATA) for entry in listed if entry.present)


@pytest.mark.parametrize("name", ["ratings", "flights"])
def test_a_damaged_or_missing_table_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, load = {"ratings": ("movielens", load_ratings), "flights": ("flights", load_flights)}[
        name
    ]
    shutil.copytree(DATA / folder, tmp_path / folder)
    monkeypatch.setattr(data, "DATA", tmp_path)
    table = tmp_path / folder / "valid.csv.gz"
    table.write_bytes(table.read_bytes()[:5_000])
    with pytest.raises(DataError) as error:
        load()
    assert "valid.csv.gz cannot be read" in sentence(error)
    table.unlink()
    with pytest.raises(DataError) as error:
        load()
    assert "valid.csv.gz is missing" in sentence(error)


# ---------------------------------------------------------------- emoji and photographs


def test_emoji_are_small_pictures_with_names() -> None:
    emoji = data.load_emoji()
    assert emoji.images.shape == (404, 3, 64, 64) and emoji.images.dtype == torch.uint8
    assert emoji.labels.bincount().tolist() == [124, 28, 106, 72, 47, 27]
    assert emoji.classes == ["animal", "plant", "food", "transport", "clothing", "building"]
    assert len(set(emoji.names)) == len(emoji.names) == 404
    strawberry = emoji.images[emoji.names.index("strawberry")].float() / 255
    red = strawberry[:, (strawberry < 0.9).any(0)].mean(1)
    assert red[0] > 2 * red[2]
    assert (emoji.images[:, :, 0, 0] == 255).float().mean() > 0.8  # on white


def test_a_damaged_sheet_of_emoji_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(DATA / "emoji", tmp_path / "emoji")
    monkeypatch.setattr(data, "DATA", tmp_path)
    (tmp_path / "emoji" / "emoji.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as error:
        data.load_emoji()
    assert "emoji.png cannot be read" in sentence(error)


def test_the_net_of_photographs_knows_what_it_has_seen() -> None:
    net, emoji = data.load_photograph_net(), data.load_emoji()
    strawberry = emoji.names.index("strawberry")
    with torch.no_grad():
        logits = net(data.photograph_input(emoji.images[strawberry : strawberry + 1]))
    assert not net.training and logits.argmax().item() == 949  # ImageNet's number of a strawberry


def test_without_the_weights_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(DataError) as error:
        data.load_photograph_net()
    assert "course-utils[photographs]" in sentence(error)


# ---------------------------------------------------------------- all of MNIST, here in small


def small_mnist() -> dict[str, bytes]:
    """Five and three random digits as MNIST's four files hold them, unpacked."""
    draw = torch.Generator().manual_seed(0)
    files = {}
    for part, n in ("train", 5), ("t10k", 3):
        for kind, shape, high in ("images-idx3", (n, 28, 28), 256), ("labels-idx1", (n,), 10):
            values = torch.randint(high, shape, generator=draw, dtype=torch.uint8)
            header = bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
            files[f"{part}-{kind}-ubyte"] = header + values.numpy().tobytes()
    return files


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    files = small_mnist()
    monkeypatch.setattr(
        data, "MNIST_SHA256", {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()}
    )
    return files


@pytest.fixture
def course_data(
    unpacked: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder as torchvision lays it out, named by COURSE_DATA."""
    raw = tmp_path / RAW
    raw.mkdir(parents=True)
    for name, content in unpacked.items():
        (raw / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return raw


def assert_small(mnist: data.Mnist, files: dict[str, bytes]) -> None:
    assert [part.shape for part in mnist] == [(5, 28, 28), (5,), (3, 28, 28), (3,)]
    assert [part.dtype for part in mnist] == [torch.uint8, torch.int64] * 2
    for part, content in zip(mnist, files.values(), strict=True):
        assert content.endswith(part.to(torch.uint8).numpy().tobytes())


def test_all_digits_come_from_course_data(course_data: Path, unpacked: dict[str, bytes]) -> None:
    assert_small(load_mnist(full=True), unpacked)


def test_unpacked_files_serve_as_well(course_data: Path, unpacked: dict[str, bytes]) -> None:
    for path in course_data.iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert_small(load_mnist(full=True), unpacked)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "cannot be read"),
        (lambda path: path.write_bytes(b""), "SHA-256 differs"),
        (lambda path: path.write_bytes(b"<html>"), "cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b"\0\0\10\1\0\0\0\1\7")), "SHA-256 differs"),
        (lambda path: path.with_suffix("").write_bytes(b"\0"), "SHA-256 differs"),
        (lambda path: path.unlink(), "no MNIST/raw/t10k-labels-idx1-ubyte.gz in it"),
    ],
    ids=["truncated", "empty", "no gzip", "other digits", "unpacked in part", "missing"],
)
def test_a_bad_file_in_course_data_is_named(course_data: Path, damage, said: str) -> None:
    damage(course_data / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(DataError) as error:
        load_mnist(full=True)
    assert said in sentence(error) and "t10k-labels-idx1-ubyte" in str(error.value)


def test_a_wrong_course_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as error:
        load_mnist(full=True)
    assert sentence(error).startswith(f"COURSE_DATA is {tmp_path / 'nowhere'}")


# ---------------------------------------------------------------- downloads, from a server on this
# machine


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``, ranges if ``ranges``; hangs up after ``breaks`` bytes, once; keeps what was
    asked and sent.
    """

    files: dict[str, bytes]
    ranges, breaks = True, 0
    asked: list[tuple[str, str | None]]
    sent = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name, span = self.path.lstrip("/"), self.headers["Range"]
        self.server.asked.append((name, span))
        body = self.server.files.get(name)
        if body is None:
            return self.send_error(404)
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.server.ranges else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:][: self.server.breaks or None]
        self.server.breaks = 0
        self.server.sent += len(
            rest
        )  # before it is sent, because the test goes on as soon as it has arrived
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.files, server.asked = {}, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def mirror(
    server: Server, unpacked: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Server:
    """torchvision's address and sums, replaced by this server's."""
    server.files = {f"{name}.gz": gzip.compress(content) for name, content in unpacked.items()}
    sums = [(name, hashlib.md5(content).hexdigest()) for name, content in server.files.items()]
    monkeypatch.setattr(MNIST, "mirrors", [server.address])
    monkeypatch.setattr(MNIST, "resources", sums)
    monkeypatch.setattr(data, "DOWNLOADS", tmp_path)
    return server


FIRST = "train-images-idx3-ubyte.gz"


def test_digits_that_are_not_there_are_downloaded_once(
    mirror: Server, unpacked: dict[str, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert_small(load_mnist(full=True), unpacked)
    assert [name for name, _ in mirror.asked] == [*mirror.files]
    assert {path.name: path.read_bytes() for path in (tmp_path / RAW).iterdir()} == mirror.files
    assert FIRST in capfd.readouterr().err, "no progress bar"
    assert_small(load_mnist(full=True), unpacked)
    assert len(mirror.asked) == 4


def test_a_download_goes_on_where_it_broke_off(
    mirror: Server, unpacked: dict[str, bytes], tmp_path: Path
) -> None:
    part = tmp_path / RAW / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(mirror.files[FIRST][:1_000])
    assert_small(load_mnist(full=True), unpacked)
    assert mirror.asked[0] == (FIRST, "bytes=1000-")
    assert mirror.sent == sum(map(len, mirror.files.values())) - 1_000


def test_a_line_that_breaks_is_taken_up_again(mirror: Server, unpacked: dict[str, bytes]) -> None:
    mirror.breaks = 700
    assert_small(load_mnist(full=True), unpacked)
    assert mirror.asked[:2] == [(FIRST, None), (FIRST, "bytes=700-")]


def test_a_server_that_cannot_resume_starts_again(
    mirror: Server, unpacked: dict[str, bytes]
) -> None:
    mirror.breaks, mirror.ranges = 700, False
    assert_small(load_mnist(full=True), unpacked)
    assert mirror.asked[:2] == [(FIRST, None), (FIRST, "bytes=700-")]


@pytest.mark.parametrize("size", [10, 100_000], ids=["shorter", "longer than the file"])
def test_a_part_that_is_no_good_is_thrown_away(
    mirror: Server, unpacked: dict[str, bytes], tmp_path: Path, size: int
) -> None:
    part = tmp_path / RAW / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(size))
    assert_small(load_mnist(full=True), unpacked)
    assert mirror.asked[:2] == [(FIRST, f"bytes={size}-"), (FIRST, None)]


def test_a_file_with_a_wrong_sum_never_arrives(mirror: Server, tmp_path: Path) -> None:
    mirror.files[FIRST] = mirror.files[FIRST][:-1] + b"x"
    with pytest.raises(DataError) as error:
        load_mnist(full=True)
    assert "what arrived is damaged" in sentence(error)
    assert [*(tmp_path / RAW).iterdir()] == []


def test_offline_the_message_says_how_to_get_the_digits(
    mirror: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError) as error:
        load_mnist(full=True)
    assert "could not be downloaded" in sentence(error) and "COURSE_DATA" in str(error.value)


def test_a_folder_that_cannot_be_written_is_no_traceback(
    mirror: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(data, "DOWNLOADS", tmp_path / "file")
    with pytest.raises(DataError) as error:
        load_mnist(full=True)
    assert "could not be downloaded" in sentence(error)


# ---------------------------------------------------------------- the current MovieLens set


@pytest.fixture
def movielens(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """60 people who rated 30 films each, and a film and two people that go only one after the
    other.
    """
    monkeypatch.setattr(data, "MOVIELENS", f"{server.address}small.zip")
    pairs = [(user, film) for user in range(1, 61) for film in range(1, 31)]
    pairs += [
        (user, 31) for user in range(1, 9)
    ]  # and two more, of which the first rated 19 films and the second 20
    pairs += [(98, film) for film in (31, *range(1, 19))] + [
        (99, film) for film in (31, *range(1, 20))
    ]
    ratings = pd.DataFrame(pairs, columns=["userId", "movieId"]).assign(rating=3.5, timestamp=0)
    titles = [f"Film {n:02}, The (Étude) (1999)" for n in range(1, 32)]
    films = pd.DataFrame({"movieId": range(1, 32), "title": titles, "genres": "Drama|War"})
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("small/ratings.csv", ratings.to_csv(index=False))
        archive.writestr("small/movies.csv", films.to_csv(index=False))
    server.files["small.zip"] = (tmp_path / "made.zip").read_bytes()
    return server


def test_the_current_ratings_are_fetched_cut_and_split_alike(
    movielens: Server, tmp_path: Path
) -> None:
    ratings = load_ratings(data.fetch_movielens(tmp_path))
    assert (ratings.n_users, ratings.n_items) == (60, 30)
    assert (len(ratings.train.users), len(ratings.valid.users)) == (1_620, 180)
    assert ratings.titles[0] == "The Film 01 (Étude) (1999)" and ratings.genres[0] == [
        "Drama",
        "War",
    ]
    assert len(ratings.train.users.unique()) == 60 and len(ratings.train.items.unique()) == 30


@pytest.mark.parametrize("content", ["<html>", "changed"])
def test_an_archive_that_is_there_stays_when_the_new_one_is_no_good(
    movielens: Server, tmp_path: Path, content: str
) -> None:
    path = data.fetch_movielens(tmp_path)
    good = movielens.files["small.zip"]
    movielens.files["small.zip"] = (
        good.replace(b"Film 07", b"Film 70") if content == "changed" else b"<html>"
    )
    with pytest.raises(DataError) as error:
        data.fetch_movielens(tmp_path)
    assert "damaged" in sentence(error) and "load_ratings()" in str(error.value)
    assert path.read_bytes() == good


@pytest.mark.parametrize("content", [b"<html>", None], ids=["no archive", "missing"])
def test_an_archive_without_ratings_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_ratings(path)
    assert str(path) in sentence(error)


def test_no_person_and_no_film_is_left_to_validation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the validation tenth, drawn freely, would hold all ratings of a film."""
    frame = pd.DataFrame(
        [(user, film) for user in range(20) for film in range(20)], columns=["userId", "movieId"]
    )
    frame = frame.assign(rating=4.0, title="A (2000)", genres="War")
    sample = pd.DataFrame.sample

    def last_film_first(table: pd.DataFrame, **how: object) -> pd.DataFrame:
        return sample(table, **how).sort_values("item", ascending=False, kind="stable")

    monkeypatch.setattr(pd.DataFrame, "sample", last_film_first)
    train, valid, _ = data.split_ratings(frame)
    assert len(valid) == 40 and valid["item"].min() >= 16
    assert {*train["item"]} == {*range(20)} == {*train["user"]}
