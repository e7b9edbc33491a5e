#!/bin/sh
# Makes .venv: a suitable Python, exactly the packages of requirements.lock, and this project in place.
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suitable "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11, 3.12, 3.13 or 3.14: name one that is, as in make lab PYTHON=python3.12."
        return
    fi
    for PYTHON in python3.13 python3.12 python3.11 python3.14 python3; do
        if suitable "$PYTHON"; then return; fi
    done
    die "No Python 3.11, 3.12, 3.13 or 3.14 was found: install one, or name it as in make lab PYTHON=/path/to/python3.12."
}

need_venv_module() {
    if "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then return; fi
    package=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    scripts/apt.sh "$package" || die "$PYTHON cannot make virtual environments: install its venv module ($package on Debian and Ubuntu) and run make again."
}

usable() { [ -e .venv/installed ] && [ -x .venv/bin/python ] && grep -qsF "$(pwd -P)/.venv" .venv/bin/activate; }
current() {
    for file in requirements.lock pyproject.toml scripts/venv.sh; do
        if [ "$file" -nt .venv/installed ]; then return 1; fi
    done
}

# The lock is the open file's, and so this shell's until it ends, however it ends; where a file cannot be locked, nobody waits.
lock='
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another make is installing into .venv: this one continues when that one has finished.", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
    sys.exit(1)
except OSError:
    pass
'
locker=.venv/bin/python
if ! suitable $locker; then
    find_python
    locker=$PYTHON
fi
exec 9>.venv.lock
if ! "$locker" -c "$lock" && usable && current; then exit; fi

# An unfinished installation holds half-written packages, which an installer takes for whole ones: start afresh.
if ! usable; then
    find_python
    need_venv_module
    say "Making .venv with $PYTHON"
    "$PYTHON" -m venv --clear .venv
fi
rm -f .venv/installed

trap 'exit 130' INT
trap 'exit 143' TERM
trap '[ $? = 0 ] || say "The installation is not finished: run make again, which keeps what was downloaded."' EXIT

say "Installing the packages of requirements.lock (the first time about 5 GB on Linux, a few minutes)"
awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock >.venv/uv.txt
.venv/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt
.venv/bin/uv pip sync --python .venv/bin/python --require-hashes --compile-bytecode requirements.lock
.venv/bin/uv pip install --python .venv/bin/python --no-deps --no-build-isolation --editable .
# Lab's news pop-up asks the network, which a classroom may not have.
said=$(.venv/bin/python -m jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements 2>&1) ||
    die "$said"
touch .venv/installed
