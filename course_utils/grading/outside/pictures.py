"""Pictures that a student pasted or wrote into markdown: what is kept of them, and under which
names.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

Attachments = dict[str, dict[str, str]]

LARGEST = 10 << 20  # characters of base64, all pictures of a notebook together
KINDS = {
    "image/png": ("png", b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": ("jpeg", b"\xff\xd8\xff"),
    "image/gif": ("gif", b"GIF8"),
    "image/webp": ("webp", b"RIFF"),
}
_OF_SUFFIX = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}
_OF_SUFFIX |= {"gif": "image/gif", "webp": "image/webp"}
_PLACE = re.compile(r"(?:(?<=\]\()|(?<=\]\(<)|(?<=src=[\"'])|(?<=\]: ))[^\s<)>\"':]{1,200}")
_REFERENCE = re.compile(r"(?:(?<=[(<\"'=])|(?<=\]: ))(?:attachment:|data:image/)[^\s)>\"']*")


def is_picture(kind: str, data: Any) -> bool:
    """Whether this is a raster picture in base64; SVG is not, because it can hold scripts."""
    if kind not in KINDS or not isinstance(data, str):
        return False
    try:
        return base64.b64decode(data, validate=True).startswith(KINDS[kind][1])
    except (binascii.Error, ValueError):
        return False


def of_files(files: Mapping[str, bytes]) -> Attachments:
    """The files that are pictures, in the form of attachments."""
    attachments: Attachments = {}
    for name, content in files.items():
        kind = _OF_SUFFIX.get(name.rpartition(".")[2].lower(), "")
        if is_picture(kind, data := base64.b64encode(content).decode()):
            attachments[name] = {kind: data}
    return attachments


def near(text: str, files: Attachments, room: int) -> tuple[str, Attachments]:
    """The text with every picture from beside the notebook as an attachment, and these.

    room: how many characters of base64 one may have.
    """
    attachments: Attachments = {}

    def attached(match: re.Match[str]) -> str:
        name = unquote(match[0].removeprefix("./"))
        if name not in files or size({name: files[name]}) > room:
            return match[0]
        attachments[name] = files[name]
        return f"attachment:{quote(name)}"

    return (_PLACE.sub(attached, text) if files else text), attachments


def take(text: str, attachments: Any, room: int) -> tuple[str, Attachments]:
    """The text with every picture as an attachment with a name of ours, and these attachments.

    room: how many characters of base64 they may have together.
    """
    known: dict[str, str] = {}
    kept: Attachments = {}

    def named(reference: str) -> str:
        nonlocal room
        for kind, data in _candidates(reference, attachments):
            # A picture counts once against the room, however often it is shown.
            if is_picture(kind, data):
                name = f"{hashlib.sha256(data.encode()).hexdigest()[:16]}.{KINDS[kind][0]}"
                if name not in kept and len(data) > room:
                    return "attachment:too-large"
                room -= 0 if name in kept else len(data)
                kept[name] = {kind: data}
                return f"attachment:{name}"
        return "attachment:missing"

    def replaced(match: re.Match[str]) -> str:
        if match[0] not in known:
            known[match[0]] = named(match[0])
        return known[match[0]]

    return _REFERENCE.sub(replaced, text), kept


def _candidates(reference: str, attachments: Any) -> list[tuple[str, str]]:
    """The pictures that a reference may mean, as kind and base64."""
    place, _, rest = reference.partition(":")
    if place == "data":
        kind, _, data = rest.partition(";base64,")
        return [(kind.replace("jpg", "jpeg"), unquote(data))]
    bundle = (
        attachments.get(unquote(rest)) or attachments.get(rest)
        if isinstance(attachments, dict)
        else None
    )
    pairs = bundle.items() if isinstance(bundle, dict) else ()
    return [(kind, "".join(data.split())) for kind, data in pairs if isinstance(data, str)]


def size(attachments: Attachments) -> int:
    """How many characters of base64 these have."""
    return sum(len(data) for bundle in attachments.values() for data in bundle.values())


def address(attachments: Attachments) -> Callable[[str], str | None]:
    """Gives the data address of an attached picture by its `attachment:` address, until a page has
    each three times.
    """
    room = 3 * size(attachments)

    def look_up(reference: str) -> str | None:
        nonlocal room
        for kind, data in attachments.get(reference.removeprefix("attachment:"), {}).items():
            room -= len(data)
            return f"data:{kind};base64,{data}" if room >= 0 else None
        return None

    return look_up
