"""The project speaks of itself alone: no path of one machine, no address of a package registry."""

from __future__ import annotations

import re

from tests.architecture.source import shown, tracked_files


def joined(text: str) -> str:
    """The text without its tildes, which keep this file from finding itself."""
    return text.replace("~", "")


FOLDERS = joined("wo~rk|ro~ot|fa~rm|ho~me|Us~ers|t~mp|o~pt")
MACHINE_PATH = re.compile(rf"(?<![\w.)}}\]/*-])/({FOLDERS})/[\w.]")
REGISTRIES = (
    r"--(extra-)?index~-url\b",
    r"--trusted~-host\b",
    r"--find~-links\b",
    r"python~hosted\.org",
    r"py~pi\.org",
    r"registry\.npm~js",
    r"proxy\.go~lang",
    r'"resolved": "ht~tp',
)
REGISTRY = re.compile(joined("|".join(REGISTRIES)))


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
    for planted in ("cd /wo~rk/main", 'open("/ro~ot/x")', "see /ho~me/me/x", "/t~mp/a.db"):
        assert private("x", joined(planted)), planted
    for harmless in ("docs/wo~rk/x", "../shared/ro~ot/x", "{base}/t~mp/x"):
        assert not private("x", joined(harmless)), harmless


def test_a_registry_address_is_seen():
    assert private("x", joined("--index~-url https://example.org/simple"))
    assert private("x", joined("https://files.python~hosted.org/packages/"))
