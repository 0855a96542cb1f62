"""The project speaks of itself alone: no path of one machine, no address of a package registry."""

from __future__ import annotations

import re

from tests.architecture.source import shown, tracked_files

# Put together from halves, so that this file does not find itself.
FOLDERS = "|".join(("work", "root", "farm", "home", "Users", "tmp", "opt"))
MACHINE_PATH = re.compile(rf"(?<![\w.)}}\]/*-])/({FOLDERS})/[\w.]")
REGISTRY = re.compile(
    "|".join(
        (
            r"--(extra-)?index" r"-url\b",
            r"--trusted" r"-host\b",
            r"--find" r"-links\b",
            r"python" r"hosted\.org",
            r"py" r"pi\.org",
            r"registry\.npm" r"js",
            r"proxy\.go" r"lang",
            r'"resolved": "ht' r"tp",
        )
    )
)  # fmt: skip


def private(name: str, text: str) -> list[str]:
    """The lines of a file that only make sense on one machine."""
    lines = enumerate(text.splitlines(), 1)
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for number, line in lines
        if MACHINE_PATH.search(line) or REGISTRY.search(line)
    ]


def test_no_file_names_this_machine():
    found = []
    for path in tracked_files():
        try:
            found += private(shown(path), path.read_text())
        except UnicodeDecodeError:
            continue  # a picture or other bytes
    assert found == []


def test_a_machine_path_is_seen():
    for planted in ("cd /work/main", 'open("/root/x")', "see /home/me/x", "/tmp/a.db"):
        assert private("x", planted), planted
    for harmless in ("docs/work/x", "../shared/root/x", "{base}/tmp/x"):
        assert not private("x", harmless), harmless


def test_a_registry_address_is_seen():
    assert private("x", "--index-url https://example.org/simple")
    assert private("x", "https://files.pythonhosted.org/packages/")
