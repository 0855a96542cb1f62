"""Each transaction's docstring lists exactly what it is refused for, and a test shows every line of the list.

What a handler can raise is read from the source: every refusal named in a function that the handler reaches,
by name, through the ledger's modules; not what is caught on the way. That finds all that could be raised.
That nothing else is listed is shown by the tests, each of which makes the ledger refuse for that reason.
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers import DEVICE_KINDS, HANDLERS
from tests.architecture.source import PACKAGE, ROOT, module_name
from tests.ledger.samples import sample
from tests.ledger.world import (
    DAY,
    REFUSED,
    START,
    World,
    ensure_refused,
    key_of,
    possession,
    shows,
)

LEDGER = PACKAGE / "ledger"
REFUSALS = {kind.name: kind for kind in no.all_refusals().values()}
NAMES = {kind.__name__: (kind.name,) for kind in REFUSALS.values()}  # class: as receipts have it
BY_TRANSITION = {"Suspended", "DeviceMayNot"}
BODIES = sorted(HANDLERS, key=lambda body: body.__name__)


def listed(body: type[tx.Body]) -> set[str]:
    """The refusals that a transaction's docstring names."""
    found = re.search(r"Refused: ([A-Za-z,\s]+)\.", body.__doc__ or "")
    assert found, f"{body.__name__} does not say when it is refused"
    names = [name.strip() for name in found.group(1).split(",")]
    assert len(set(names)) == len(names), f"{body.__name__} names a refusal twice"
    return set(names)


# --- what the source can raise ------------------------------------------------------------------------


@dataclass
class Function:
    """What a function names: refusals, and functions as (module, name)."""

    raises: set[str] = field(default_factory=set)
    reaches: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Module:
    """A module's functions, and what its names stand for elsewhere."""

    name: str
    functions: dict[str, Function] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # alias: module
    names: dict[str, tuple[str, str]] = field(default_factory=dict)  # alias: (module, name)


def read(path: Path, known: set[str]) -> Module:
    """The functions of one module and all that they name."""
    module = Module(module_name(path))
    tree = ast.parse(path.read_text())
    package = module.name if path.stem == "__init__" else module.name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            base = f"{base}.{node.module}" if node.module else base
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if inner in known:
                    module.modules[alias.asname or alias.name] = inner
                else:
                    module.names[alias.asname or alias.name] = (base, alias.name)
    read_functions(tree, module)
    return module


def read_functions(tree: ast.AST, module: Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found = module.functions.setdefault(node.name, Function())
            for statement in node.body:
                collect(statement, module, found)


def collect(node: ast.AST, module: Module, found: Function) -> None:
    """Note what this part of a function names; what is caught below does not leave it."""
    if isinstance(node, ast.Try) and any(catches(handler) for handler in node.handlers):
        rest = [*node.orelse, *node.finalbody, *(part for handler in node.handlers for part in handler.body)]
        for part in rest:
            collect(part, module, found)
        return
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        target = module.modules.get(node.value.id)
        if target == "tallystick.ledger.rejections":
            found.raises.update(NAMES.get(node.attr, ()))
        elif target:
            found.reaches.add((target, node.attr))
    elif isinstance(node, ast.Name):
        if node.id in module.names:
            base, name = module.names[node.id]
            if base == "tallystick.ledger.rejections":
                found.raises.update(NAMES.get(name, ()))
            found.reaches.add((base, name))
        else:
            found.reaches.add((module.name, node.id))
    for child in ast.iter_child_nodes(node):
        collect(child, module, found)


def catches(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and "Refusal" in ast.unparse(handler.type)


def ledger_modules() -> dict[str, Module]:
    paths = sorted(LEDGER.rglob("*.py"))
    known = {module_name(path) for path in paths}
    return {module_name(path): read(path, known) for path in paths}


MODULES = ledger_modules()


def raisable(module: str, function: str, modules: dict[str, Module] = MODULES) -> set[str]:
    """Every refusal that a function can raise, itself or by what it reaches."""
    waiting, seen, found = [(module, function)], set(), set()
    while waiting:
        where = waiting.pop()
        if where in seen or where[0] not in modules:
            continue
        seen.add(where)
        if where[1] in modules[where[0]].names:
            waiting.append(modules[where[0]].names[where[1]])
        known = modules[where[0]].functions.get(where[1])
        if known is not None:
            found |= known.raises
            waiting += sorted(known.reaches)
    return found


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_the_list_is_complete(body):
    handler = HANDLERS[body]
    by_transition = {"Suspended"} | (set() if body in DEVICE_KINDS else {"DeviceMayNot"})
    assert listed(body) == raisable(handler.__module__, handler.__name__) | by_transition


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_the_list_names_refusals_that_there_are(body):
    assert listed(body) <= set(REFUSALS)


def test_every_refusal_of_authentic_transactions_is_listed_somewhere():
    everywhere = set().union(*(listed(body) for body in BODIES))
    assert everywhere == {name for name, kind in REFUSALS.items() if 20 <= kind.code < 99} | {"UnknownMember"}


PLANTED = """
def direct(draft):
    raise no.BadTeam(reason="")
def indirect(draft):
    direct(draft)
def passed_on(draft):
    return {"x": direct}
def caught(draft):
    try:
        direct(draft)
    except no.Refusal:
        raise no.BenchFull(request="", size=0)
def elsewhere(draft):
    seat(draft)
"""


def test_the_search_sees_what_is_raised_and_not_what_is_caught():
    module = Module("x", modules={"no": "tallystick.ledger.rejections"}, names={"seat": ("y", "seat")})
    read_functions(ast.parse(PLANTED), module)
    modules = {"x": module, "y": Module("y", {"seat": Function({"NotGranted"})})}
    assert raisable("x", "direct", modules) == {"BadTeam"}
    assert raisable("x", "indirect", modules) == raisable("x", "passed_on", modules) == {"BadTeam"}
    assert raisable("x", "caught", modules) == {"BenchFull"}
    assert raisable("x", "elsewhere", modules) == {"NotGranted"}


# --- what the tests show ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_suspended_member_does_nothing(body):
    world = World()
    world.decide(tx.Suspend("dan"))
    ensure_refused(world, "dan", sample(body), no.Suspended)


NOT_BY_DEVICE = [body for body in BODIES if body not in DEVICE_KINDS]


@pytest.mark.parametrize("body", NOT_BY_DEVICE, ids=lambda body: body.__name__)
def test_a_device_does_only_what_devices_may(body):
    world = World()
    world.did("ada", tx.AddDevice(key_of("phone").public, possession("ada", "phone"), START + DAY))
    ensure_refused(world, "ada", sample(body), no.DeviceMayNot, signer=key_of("phone"))


for _body in BODIES:
    shows(_body, no.Suspended, "test_a_suspended_member_does_nothing")
for _body in NOT_BY_DEVICE:
    shows(_body, no.DeviceMayNot, "test_a_device_does_only_what_devices_may")


def test_every_line_of_every_list_has_its_test():
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    wanted = {(body.__name__, name) for body in BODIES for name in listed(body)}
    assert sorted(wanted - set(REFUSED)) == []
    assert sorted(set(REFUSED) - wanted) == []


def test_every_refusal_of_the_envelope_has_its_test():
    here = Path(__file__).parent
    texts = [(here / name).read_text() for name in ("transactions/test_envelope.py", "test_transition.py")]
    for name, kind in REFUSALS.items():
        if kind.code < 20 or kind.code == 99:
            assert any(re.search(rf'no\.{kind.__name__}\b|"{name}"', text) for text in texts), name


def test_codes_are_stable_and_their_own():
    assert len(no.all_refusals()) == len(no.Refusal.__subclasses__())
    assert {name: kind.code for name, kind in REFUSALS.items()} == CODES


CODES = {
    "Malformed": 1, "WrongChain": 2, "UnknownVersion": 3, "Expired": 4, "UnknownMember": 5, "NotYourKey": 6,
    "BadSignature": 7, "NumberUsed": 8, "NumberTooFar": 9, "OverQuota": 10, "BlockFull": 11, "Suspended": 20,
    "DeviceMayNot": 21, "WrongRole": 22, "UnknownRecord": 23, "AlreadyExists": 24, "NotYours": 25,
    "NotEnoughTokens": 26, "NotEnoughCredit": 27, "WrongStage": 28, "KeyRefused": 29, "NotEligible": 30,
    "AlreadyDone": 31, "OutOfRange": 32, "SelfDealing": 33, "OverCap": 34, "BadUnit": 35, "NotForYou": 36,
    "BadRules": 37, "NotReusable": 38, "BadTeam": 39, "BadReveal": 40, "NotGranted": 41, "EventRefused": 42,
    "OverBudget": 43, "BadApplication": 44, "BenchFull": 45, "WrongPhase": 46, "NotYourTurn": 47,
    "WrongContent": 48, "BadRecord": 49, "NotProven": 50, "BadMessage": 51, "StaleView": 52, "Internal": 99,
}  # fmt: skip
