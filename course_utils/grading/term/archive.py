"""Unpacks what a learning platform handed out: plain files of a limited size, under names of ours.

Nothing is written to a path that an archive names, no link is followed, and an archive that
unpacks to too much is left out as a whole.
"""

import os
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from course_utils.errors import CourseError
from course_utils.grading.outside.gate import printable
from course_utils.grading.outside.intake import open_plain
from course_utils.grading.outside.reading import LARGEST_FILE

JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__"}
OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
DEEPEST = 3  # archives in each other
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)


@dataclass
class Room:
    """How much may still be unpacked."""

    bytes: int
    entries: int

    def take(self, entries: int, size: int) -> None:
        """Use some of it up; raises TooMuch where it is gone."""
        self.entries, self.bytes = self.entries - entries, self.bytes - size
        if self.entries < 0 or self.bytes < 0:
            raise TooMuch


class TooMuch(Exception):
    """An archive unpacks to more than it may."""


WHOLE = (4 << 30, 100_000)  # bytes and entries of everything together
OF_ONE = (100 << 20, 1_000)  # of an archive in it, which is one student's


@dataclass(frozen=True)
class Found:
    """A file that came in: its names in the archive, folders first, and where its content is."""

    parts: tuple[str, ...]
    path: Path

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def shown(self) -> str:
        """Where it was, for people."""
        return printable("/".join(self.parts))


@dataclass
class Unpacked:
    """The files that came in, and a sentence for everything that was refused."""

    folder: Path  # for what is unpacked
    files: list[Found] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    placed: int = 0

    def refuse(self, parts: tuple[str, ...] | str, why: str) -> None:
        """Say why something was left out."""
        name = parts if isinstance(parts, str) else "/".join(parts)
        self.refused.append(f"{printable(name)} was left out: {why}.")

    def place(self) -> Path:
        """A new file for content."""
        self.placed += 1
        return self.folder / str(self.placed)


def unpack(source: Path, folder: Path) -> Unpacked:
    """The files of a zip archive or of a folder; raises CourseError where it is neither."""
    result = Unpacked(folder)
    try:
        if source.is_dir():
            _walk(source, result)
        elif not source.exists():
            raise CourseError(f"There is no {source}: name a zip archive or a folder.")
        else:
            with open_plain(source) as file:
                _unzip(file, (), result, Room(*WHOLE), depth=0)
    except TooMuch:
        raise CourseError(
            f"{source} unpacks to more than {WHOLE[0] >> 30} GB or {WHOLE[1]:,} files: "
            "it was not taken in."
        ) from None
    except BROKEN as error:
        raise CourseError(
            f"{source} is not a zip archive that can be read ({_why(error)})."
        ) from None
    return result


def _walk(source: Path, result: Unpacked) -> None:
    room = Room(*WHOLE)
    for folder, folders, names in os.walk(source):
        place = Path(folder)
        links = [name for name in folders if (place / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and name not in JUNK)
        for name in sorted([*names, *links]):
            parts = _plain_parts("/".join((place / name).relative_to(source).parts))
            if _is_junk(parts):
                continue
            # A zip file at the top is a platform's download; deeper down it is one student's.
            try:
                with open_plain(place / name) as file:
                    if name.lower().endswith(".zip") and len(parts) == 1:  # a download of its own
                        _unzip(file, (), result, room, depth=0)
                    elif name.lower().endswith(".zip"):
                        _inner(file, parts, result, room, depth=1)
                    else:
                        room.take(1, 0)
                        _admit(parts, place / name, os.fstat(file.fileno()).st_size, result)
            except BROKEN as error:
                link = (place / name).is_symlink()
                why = "it is a link" if link else f"it cannot be read ({_why(error)})"
                result.refuse(parts, why)


def _admit(parts: tuple[str, ...], path: Path, size: int, result: Unpacked) -> None:
    if parts[-1].lower().endswith(OTHER_ARCHIVES):
        result.refuse(parts, "the only archives that are read are zip files")
    elif size > LARGEST_FILE:
        result.refuse(parts, f"it has more than {LARGEST_FILE >> 20} MB")
    else:
        result.files.append(Found(parts, path))


def _unzip(
    file: BinaryIO, above: tuple[str, ...], result: Unpacked, room: Room, depth: int
) -> None:
    with zipfile.ZipFile(file) as archive:
        room.take(len(archive.infolist()), 0)
        for info in archive.infolist():
            parts = above + _plain_parts(_name(info))
            if info.is_dir() or _is_junk(parts):
                continue
            if why := _unwanted(info):
                result.refuse(parts, why)
                continue
            try:
                _entry(archive, info, parts, result, room, depth)
            except BROKEN as error:
                result.refuse(parts, f"it cannot be unpacked ({_why(error)})")


def _entry(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    parts: tuple[str, ...],
    result: Unpacked,
    room: Room,
    depth: int,
) -> None:
    """Unpack one file, and what is in it where it is an archive itself."""
    is_archive = parts[-1].lower().endswith(".zip")
    largest = OF_ONE[0] if is_archive else LARGEST_FILE
    path = result.place()
    size = 0
    with archive.open(info) as source, path.open("wb") as target:
        for chunk in iter(lambda: source.read(1 << 20), b""):
            size += len(chunk)
            room.take(0, len(chunk))
            if size > largest:
                break
            target.write(chunk)
    if size > largest:
        path.write_bytes(b"")
        result.refuse(parts, f"it has more than {largest >> 20} MB")
    elif is_archive:
        with path.open("rb") as file:
            _inner(file, parts, result, room, depth + 1)
    else:
        _admit(parts, path, size, result)


def _inner(
    file: BinaryIO, parts: tuple[str, ...], result: Unpacked, room: Room, depth: int
) -> None:
    """An archive in the archive: all of it or, where it unpacks to too much, nothing."""
    if depth > DEEPEST:
        result.refuse(parts, f"archives are nested more than {DEEPEST} deep")
        return
    known, own = len(result.files), Room(*OF_ONE)
    before = own.bytes
    try:
        _unzip(file, parts, result, own, depth)
    except TooMuch:
        del result.files[known:]
        limit = f"{OF_ONE[0] >> 20} MB or {OF_ONE[1]:,} files"
        result.refuse(parts, f"it unpacks to more than {limit}")
    except BROKEN as error:
        result.refuse(parts, f"it is not a zip archive that can be read ({_why(error)})")
    room.take(OF_ONE[1] - max(own.entries, 0), before - max(own.bytes, 0))


def _name(info: zipfile.ZipInfo) -> str:
    """The name of an entry; one that is not marked as UTF-8 may be so all the same."""
    if not info.flag_bits & 0x800:
        try:
            return info.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return info.filename


def _plain_parts(name: str) -> tuple[str, ...]:
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return tuple(part for part in parts if part not in ("", ".")) or ("(no name)",)


def _is_junk(parts: tuple[str, ...]) -> bool:
    return bool(JUNK & set(parts)) or parts[-1].startswith("._")


def _unwanted(info: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked, empty where it is."""
    name = _name(info).replace("\\", "/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith("/") or name[1:2] == ":":
        return "its path is absolute"
    if ".." in name.split("/"):
        return "its path climbs out of the archive"
    if kind == stat.S_IFLNK:
        return "it is a link"
    if kind not in (0, stat.S_IFREG):
        return "it is not a file"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def content(found: Found) -> bytes:
    """What is in a file that was found."""
    with open_plain(found.path) as file:
        return file.read(LARGEST_FILE + 1)
