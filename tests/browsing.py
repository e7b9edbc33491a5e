"""A Jupyter server on this machine alone and a headless browser, for tests that look at pages."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]
PATIENCE = 60_000  # milliseconds; a busy machine starts a kernel slowly

expect.set_options(timeout=PATIENCE)


@contextmanager
def jupyter(command: str, root: Path, token: str, *settings: str) -> Iterator[str]:
    """Run `jupyter lab` or `jupyter server` over a folder, with settings of its own; gives its
    address.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable,
        "-m",
        "jupyter",
        command,
        "--no-browser",
        "--allow-root",
        f"--port={port}",
    ]
    words += [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
    ]
    words += [f"--IdentityProvider.token={token}", *settings]
    own = {
        f"JUPYTER_{kind}_DIR": str(root / ".jupyter" / kind.lower())
        for kind in ("CONFIG", "RUNTIME", "DATA")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (root / "server.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=root, env=os.environ | own | {"PATH": path}, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (root / "server.log").read_text()[-2000:]
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def chromium() -> str | None:
    """Where Chromium is, if it is there."""
    return (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = chromium()
    if program is None:
        pytest.fail(
            "The browser tests need the command chromium: run `make browser`, or install it.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def run(page: Page, code: Locator, source: str | None = None) -> None:
    """Click into the cell, type what it should say, as a person would, run it, and wait for its new
    number.

    JupyterLab loses a key press while it still draws the page, so the cell is run until its prompt
    changes.
    """
    prompt = code.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for _ in range(10):
        code.locator(".cm-content").click()
        if source is not None:
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(source)
        page.keyboard.press("Control+Enter")
        try:
            expect(prompt).not_to_have_text(before, timeout=3_000)
            break
        except AssertionError:
            continue
    expect(prompt).to_have_text(re.compile(r"\[\d+\]"))
