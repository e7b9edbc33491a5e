"""The tests run without root's rights over files, and so does what they start."""

import subprocess
import sys

import pytest


def test_what_is_read_only_cannot_be_written(tmp_path):
    path = tmp_path / "read-only"
    path.write_text("as it was")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        path.write_text("anew")
    command = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "PermissionError" in done.stderr
    assert path.read_text() == "as it was"
    path.chmod(0o644)
