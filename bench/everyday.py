"""Run the commands of docs/everyday.md on the project's own corpus, and write down the output."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import labeltree

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "everyday.md"
CORPUS = Path(labeltree.__file__).parent / "corpus"


def main():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CORPUS, Path(folder) / "notes")
        page = re.sub(
            r"```console\n(.*?)```", lambda found: ran(found[1], folder), PAGE.read_text("utf8"),
            flags=re.DOTALL,
        )  # fmt: skip
        shutil.copy(Path(folder) / "tree.png", ROOT / "docs" / "everyday-tree.png")
    PAGE.write_text(page, "utf8")


def ran(block, folder):
    """Return a block with its commands, each followed by what it prints now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    printed = [f"{command}\n{output(command, folder)}" for command in commands]
    return f"```console\n{''.join(printed)}```"


def output(command, folder):
    words = shlex.split(command.removeprefix("$ labeltree "))
    done = subprocess.run(
        [sys.executable, "-m", "labeltree", *words],
        cwd=folder, capture_output=True, text=True, env=os.environ | {"COLUMNS": "100"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
