"""The page for people with learners of their own, as something that runs."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-learner.md"
BLOCK = re.compile(r"(<!-- with torch(?:: (\S+))? -->\n)?```python\n(.*?)```", re.DOTALL)


def execute(torch: bool) -> int:
    """Run the page's blocks in order, in this folder; a block with a file's name is written there."""
    known: dict[str, object] = {"__name__": "own_learner_page"}
    ran = 0
    for marked, name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if marked and not torch:
            continue
        if name:
            Path(name).write_text(text, encoding="utf-8")
        else:
            exec(compile(text, str(PAGE), "exec"), known)
        ran += 1
    return ran
