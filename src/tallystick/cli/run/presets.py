"""`tally presets`: the schemes that can be chosen, each with its paper, what it needs, and its phases."""

import inspect
from typing import TYPE_CHECKING, Any

from .. import output
from ..command import argument, command
from ..context import Context, learning_parts, stop

if TYPE_CHECKING:
    from ...protocols.vocabulary import PhasePlan, Protocol

NEEDS = {
    "parameters": "models of one task have one shape and may be averaged",
    "continues": "training goes on from a received model",
    "per_example_gradients": "gradients of single rows can be clipped",
    "predictions": "predictions of several models may be averaged",
}
TURNS = {
    "everyone": "everyone",
    "leader": "the leader",
    "in_order": "one after the other",
    "present": "those who did {of}",
    "drawn": "drawn judges of {of}",
}


@command("tally presets", "tally presets mutual")
@argument("name", "A preset; without it, all are listed.", required=False)
def presets(at: Context, name: str | None) -> None:
    """Say which schemes there are: what each is, its paper, what it needs, its phases."""
    with learning_parts("schemes"):
        from ...protocols import presets as there

        if name is not None and name not in there.names():
            stop(f"there is no preset {name!r}; choose one of {', '.join(there.names())}")
        chosen = [described(each) for each in ([name] if name else there.names())]
    if name:
        at.show(chosen[0], _whole(chosen[0]))
        return
    lines = [line for each in chosen for line in (*_brief(each), "")]
    at.show(chosen, [*lines, "tally presets NAME says more of one"])


def described(name: str) -> dict[str, Any]:
    """A preset as a document."""
    from ...protocols import presets as there
    from ...protocols.composing import settings_of

    make = there.preset(name)
    made = make()
    module = inspect.getmodule(make)
    paper = getattr(module, "PAPER", "")
    return {
        "name": name,
        "version": made.version,
        "says": summary(inspect.getdoc(module) or "", paper),
        "paper": paper,
        "how": inspect.getdoc(make) or "",
        "needs": {need: NEEDS.get(need, need) for need in made.needs},
        "phases": [_phase(phase, where) for phase, where in _phases(made)],
        "settings": {
            known.name: {"default": known.shown(), "values": known.wants, "says": known.about.help}
            for known in settings_of(name).values()
        },
    }


def summary(text: str, paper: str) -> str:
    """A text's first sentence, without the paper that it names in brackets at its end."""
    sentence = " ".join(text.split("\n\n", 1)[0].split())
    return sentence.removesuffix(f" ({paper}).").rstrip(".") + "."


def turn(rule: str) -> str:
    """Whose turn it is, in words."""
    kind, _, of = rule.partition(":")
    return TURNS.get(kind, kind).format(of=of.partition(":")[0])


def _phases(protocol: "Protocol") -> "list[tuple[PhasePlan, str]]":
    parts = (
        (protocol.opening, "before the first round"),
        (protocol.phases, "each round"),
        (protocol.closing, "after the last"),
    )
    return [(phase, where) for phases, where in parts for phase in phases]


def _phase(phase: "PhasePlan", where: str) -> dict[str, str]:
    sealed = ", sealed until all are in" if phase.sealed else ""
    rows = "" if phase.do.rows == "none" else f", from {phase.do.rows} rows"
    posts = f"{phase.do.content}{rows}{sealed}"
    return {"name": phase.name, "when": where, "who": turn(phase.turn), "posts": posts}


def _brief(preset: dict[str, Any]) -> list[str]:
    phases = ", ".join(phase["name"] for phase in preset["phases"])
    rows = [("what", preset["says"]), ("paper", preset["paper"]), ("needs", ", ".join(preset["needs"]))]
    return output.pairs([("preset", preset["name"]), *rows, ("phases", phases)])


def _whole(preset: dict[str, Any]) -> list[str]:
    about = [("what", preset["says"]), ("paper", preset["paper"]), ("how", preset["how"])]
    needs = [("needs", f"{need}: {means}") for need, means in preset["needs"].items()]
    phases = [tuple(phase.values()) for phase in preset["phases"]]
    settings = [(name, known["default"], known["says"]) for name, known in preset["settings"].items()]
    return [
        *output.pairs([("preset", preset["name"]), *about, *needs]),
        "",
        *output.table(("phase", "when", "who", "posts"), phases, "no phases"),
        "",
        *output.table(("settings", "default", "what it says"), settings, "no settings"),
    ]


app = presets
