"""The installation is locked, says what is wrong in one sentence, and names no machine."""

import fcntl
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
BLOCKS = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
EXTRAS = sum(PROJECT["optional-dependencies"].values(), [])
DIRECT = [Requirement(line) for line in dict.fromkeys([*PROJECT["dependencies"], *EXTRAS])]

FAKE_UV = "uv==0 \\\n    --hash=sha256:0\n"


def pins() -> dict[str, list[str]]:
    """Locked versions by package; several where they depend on the Python."""
    found: dict[str, list[str]] = {}
    for block in BLOCKS:
        name, version = re.match(r"([a-z0-9.-]+)==(\S+)", block).groups()
        found.setdefault(name, []).append(version)
    return found


def unhashed(blocks: list[str]) -> list[str]:
    return [
        b.split()[0]
        for b in blocks
        if not re.match(r"[a-z0-9.-]+==\S+( ; .+)? \\\n +--hash=sha256:[0-9a-f]{64}", b)
    ]


def test_every_locked_package_has_a_version_and_a_hash():
    assert len(BLOCKS) > 100
    assert unhashed(BLOCKS) == []


def test_the_lock_names_no_option_and_no_address():
    assert re.findall(r"^-.*|.*://.*", LOCK, flags=re.MULTILINE) == []


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_the_lock_satisfies_every_direct_dependency(requirement):
    versions = pins()[canonicalize_name(requirement.name)]
    assert [v for v in versions if v not in requirement.specifier] == []


def test_the_lock_holds_no_direct_dependency_that_the_project_has_dropped():
    direct = {b.split("==")[0] for b in BLOCKS if "course-utils (pyproject.toml)" in b}
    assert direct == {canonicalize_name(r.name) for r in DIRECT}


def test_conda_installs_the_lock_on_the_projects_python():
    text = (ROOT / "environment.yml").read_text()
    python, pip, lock = yaml.safe_load(text)["dependencies"]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    assert (pip, lock) == ("pip", {"pip": ["-r requirements.lock"]})
    assert "pip install --no-deps --no-build-isolation -e ." in text


def test_the_devcontainer_installs_what_the_project_declares_on_its_python():
    said = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert said["image"].rpartition(":")[2] in SpecifierSet(PROJECT["requires-python"])
    installs = re.fullmatch(
        r"python -m pip install --editable '\.\[(.+)\]'", said["postCreateCommand"]
    )
    assert (
        {*installs[1].split(",")} == {"lab", "photographs"} <= {*PROJECT["optional-dependencies"]}
    )


def test_continuous_integration_tries_every_python_and_both_ends_of_torch():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    allowed = SpecifierSet(PROJECT["requires-python"])
    every = [python for python in (f"3.{minor}" for minor in range(40)) if python in allowed]
    (torch,) = (one.specifier for one in DIRECT if one.name == "torch")
    (lowest,) = (one.version for one in torch if one.operator == ">=")
    wheel = jobs["wheel"]["strategy"]["matrix"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == every
    assert wheel["python"] == [every[0], every[-1]]
    assert wheel["torch"] == [f"torch=={lowest}.*", "torch"]


@pytest.fixture
def checkout(tmp_path):
    """The files that an installation needs, with a lock that cannot be installed."""
    for name in ["Makefile", "pyproject.toml", "scripts"]:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "requirements.lock").write_text(FAKE_UV)
    return tmp_path


def python_that(tmp_path: Path, name: str, code: str) -> Path:
    """A command that is this Python, except that `code` has run before what it is given with -c."""
    path = tmp_path / name
    path.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] || exec \'{sys.executable}\' "$@"\n'
        f"exec '{sys.executable}' -c 'import sys; {code}; exec(sys.argv[2])' \"$@\"\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        k: v for k, v in os.environ.items() if k not in {"PYTHON", "MAKEFLAGS", "MAKELEVEL"}
    }
    return subprocess.run(
        ["make", "--no-print-directory", "lab", *arguments],
        cwd=checkout,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def sentences(result: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said, without make's own closing line."""
    return [
        line
        for line in (result.stdout + result.stderr).splitlines()
        if not line.startswith("make: ")
    ]


@pytest.mark.parametrize("version", [(3, 10), (3, 15)])
def test_a_wrong_python_gets_one_sentence(checkout, version):
    python = python_that(
        checkout, "wrong", f"sys.version_info = {(*version, 0, 'final', 0)}".replace("'", '"')
    )
    result = make(checkout, f"PYTHON={python}")
    assert result.returncode != 0
    assert sentences(result) == [
        f"PYTHON={python} is not Python 3.11, 3.12, 3.13 or 3.14: name one that is, as in make lab "
        "PYTHON=python3.12."
    ]
    assert not (checkout / ".venv").exists()


def test_no_python_gets_one_sentence(checkout):
    tools = checkout / "bin"
    tools.mkdir()
    for name in ["sh", "make", "rm", "grep", "env"]:
        (tools / name).symlink_to(shutil.which(name))
    result = make(checkout, PATH=str(tools))
    assert result.returncode != 0
    assert sentences(result) == [
        "No Python 3.11, 3.12, 3.13 or 3.14 was found: install one, or name it as in make lab "
        "PYTHON=/path/to/python3.12."
    ]


def test_a_python_without_venv_gets_one_sentence(checkout):
    python = python_that(checkout, "bare", 'sys.modules["ensurepip"] = None')
    tools = checkout / "bin"
    tools.mkdir()
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    (tools / "id").chmod(0o755)
    result = make(checkout, f"PYTHON={python}", PATH=f"{tools}:{os.environ['PATH']}")
    package = f"python3.{sys.version_info.minor}-venv"
    assert result.returncode != 0
    assert sentences(result) == [
        f"{python} cannot make virtual environments: install its venv module ({package} on Debian "
        "and Ubuntu) and run make again."
    ]


def test_an_installation_that_failed_does_not_look_finished_and_starts_afresh(checkout):
    for _ in range(2):
        result = make(checkout, f"PYTHON={sys.executable}", PIP_NO_INDEX="1")
        assert result.returncode != 0
        assert sentences(result)[-1] == (
            "The installation is not finished: run make again, which keeps what was downloaded."
        )
        assert (checkout / ".venv/bin/python").exists()
        assert not (checkout / ".venv/installed").exists()
        assert not (checkout / ".venv/half-written").exists()
        (checkout / ".venv/half-written").touch()


@pytest.fixture
def busy(checkout):
    """What begins scripts/venv.sh while another holds the lock, and the lock's file."""
    with open(checkout / ".venv.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(
            ["scripts/venv.sh"],
            cwd=checkout,
            env=os.environ | {"PYTHON": sys.executable, "PIP_NO_INDEX": "1"},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process, held
            process.kill()


def test_two_at_once_install_one_after_the_other(checkout, busy):
    process, held = busy
    assert process.stderr.readline() == (
        "Another make is installing into .venv: this one continues when that one has finished.\n"
    )
    assert not (checkout / ".venv").exists()
    fcntl.flock(held, fcntl.LOCK_UN)
    assert process.wait(120) != 0
    assert (checkout / ".venv/bin/python").exists(), "it did not go on"


def test_what_the_other_installed_is_not_installed_again(checkout, busy):
    process, held = busy
    process.stderr.readline()
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    (checkout / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={checkout}/.venv\n")
    (checkout / ".venv/installed").touch()
    fcntl.flock(held, fcntl.LOCK_UN)
    assert (process.wait(120), process.stderr.read()) == (0, "")


def test_no_file_names_a_registry_or_a_machine():
    hosts = rb"pyp[i]\.org|pythonhoste[d]\.org|anaconda\.or[g]|npmjs\.or[g]|debian\.or[g]"
    names = re.compile(hosts + rb"|(?<![\w.*-])/(work|root|home|Users)[/]\w")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line[:80]!r}"
        for path in files
        if path.is_file()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if names.search(line)
    ]
    assert len(files) > 10
    assert found == []
