"""The Python face: opening, signing, numbers, refusals, short ids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.base.ids import ROLES
from tallystick.base.keys import KeyFileError, SigningKey, save_key
from tallystick.client import (
    BLOCKS_KEY,
    Client,
    ClientError,
    OpenLedger,
    TransactionRefused,
    connect,
    create,
    encryption_key,
    open_key,
    open_ledger,
    open_writer,
    papers,
)
from tallystick.engines.engine import EngineError, LedgerInUse
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.state import ACCOUNTS, GRANTS, MEMBERS, PROPOSALS, UNITS

START = 1_790_000_000_000
NAMES = ("ada", "bob")


class Clock:
    """A time that stands until it is moved."""

    now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys() -> dict[str, SigningKey]:
    return {name: SigningKey.generate() for name in NAMES}


@pytest.fixture
def folder(tmp_path: Path, keys: dict[str, SigningKey], clock: Clock) -> Path:
    """A ledger of two members with 1,000 tokens each."""
    blocks = SigningKey.generate()
    roles = tuple(ROLES)
    founders = tuple(
        Founder(name, key.public, encryption_key(key.public), roles, 1_000) for name, key in keys.items()
    )
    genesis = Genesis("small", START, 10_000, founders, validators=(blocks.public,))
    with create(tmp_path / "ledger", genesis, blocks, clock):
        save_key(tmp_path / "ledger" / BLOCKS_KEY, blocks, None)
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder: Path, clock: Clock) -> Iterator[OpenLedger]:
    with open_ledger(folder, clock=clock) as opened:
        yield opened


@pytest.fixture
def ada(ledger: OpenLedger, keys: dict[str, SigningKey]) -> Client:
    return connect(ledger, keys["ada"])


def balance(client: Client, member: str) -> int:
    return client.get(ACCOUNTS, member).balance


def test_a_key_says_who_one_is(ada: Client) -> None:
    assert ada.member == "ada"
    answer = ada.submit(tx.Transfer("bob", 5))
    assert (answer.receipt.member, answer.receipt.code, answer.height) == ("ada", 0, 2)
    assert (balance(ada, "ada"), balance(ada, "bob")) == (995, 1_005)


def test_what_is_acknowledged_is_there_after_opening_again(
    folder: Path, keys: dict[str, SigningKey], clock: Clock
) -> None:
    for _ in range(3):
        with connect(folder, keys["ada"], clock=clock) as client:
            client.submit(tx.Transfer("bob", 5))
    with connect(folder) as client:
        assert balance(client, "bob") == 1_015
        assert client.get(ACCOUNTS, "ada").low == 3


def test_two_members_of_one_open_ledger(ada: Client, keys: dict[str, SigningKey]) -> None:
    bob = ada.as_member(keys["bob"])
    bob.submit(tx.Transfer("ada", 7))
    ada.submit(tx.Transfer("bob", 2))
    assert balance(bob, "ada") == 1_005


def test_a_refusal_is_raised_with_its_receipt_and_uses_its_number(ada: Client) -> None:
    with pytest.raises(TransactionRefused, match="5000 tokens are needed, 1000 are there") as refused:
        ada.submit(tx.Transfer("bob", 5_000))
    assert refused.value.receipt.refusal == "NotEnoughTokens"
    assert ada.get(ACCOUNTS, "ada").low == 1
    ada.submit(tx.Transfer("bob", 5))
    assert balance(ada, "bob") == 1_005


def test_used_numbers_are_passed_over(ada: Client, keys: dict[str, SigningKey]) -> None:
    key = keys["ada"]
    ahead = tx.Envelope(tx.FORMAT, "small", "ada", key.public, 1, START + 10**7, tx.Transfer("bob", 1))
    engine = ada.view
    engine.wait(engine.submit(tx.seal(ahead, key.sign)))  # type: ignore[attr-defined]
    assert ada.get(ACCOUNTS, "ada").ahead == (1,)
    ada.submit(tx.Transfer("bob", 1))
    ada.submit(tx.Transfer("bob", 1))
    assert (ada.get(ACCOUNTS, "ada").low, balance(ada, "bob")) == (3, 1_003)


@pytest.mark.parametrize(
    "body, says",
    [
        (tx.Transfer("Bob!", 5), "to 'Bob!' will not do: a name has up to 48"),
        (tx.Transfer("bob", 0), "amount 0 will not do"),
        (tx.Transfer("bob", 2**60), "amount 1152921504606846976 will not do"),
        (tx.RevokeGrant("x"), "grant 'x' will not do: an id looks like"),
        (tx.Report(b"short"), "software 73686f7274 will not do"),
        (tx.GiveGrant("unit-" + "0" * 32, "A B", "p", 1, 1), "to 'A B' will not do: a name, or *"),
        (tx.Propose(tx.SetRoles("bob", ("king",))), "change roles 'king' will not do"),  # type: ignore[arg-type]
        (tx.Transfer("bob", 10**30), "will not do"),
    ],
)
def test_a_value_out_of_range_is_named_before_anything_is_signed(
    ada: Client, body: tx.Transaction, says: str
) -> None:
    before = ada.view.status().height
    with pytest.raises(ClientError) as error:
        ada.submit(body)
    assert says in str(error.value)
    assert ada.view.status().height == before


def test_a_transaction_ends_after_its_time(ada: Client, clock: Clock) -> None:
    with pytest.raises(TransactionRefused, match="valid until"):
        ada.submit(tx.Transfer("bob", 5), valid_for=-10)


def test_reading_needs_no_key_and_never_writes(folder: Path, keys: dict[str, SigningKey]) -> None:
    with connect(folder) as client:
        assert client.member == ""
        with pytest.raises(ClientError, match="open for reading"):
            client.submit(tx.Transfer("bob", 5))
        with pytest.raises(ClientError, match="open for reading"):
            client.as_member(keys["ada"]).submit(tx.Transfer("bob", 5))


def test_a_reader_stays_at_one_block_while_another_writes(ada: Client, folder: Path) -> None:
    with connect(folder) as reader:
        with reader.at_one_block():
            ada.submit(tx.Transfer("bob", 5))
            assert balance(reader, "bob") == 1_000
        assert balance(reader, "bob") == 1_005


def test_one_process_writes_at_a_time_and_shares_its_writer(
    ada: Client, ledger: OpenLedger, folder: Path, keys: dict[str, SigningKey]
) -> None:
    with connect(ledger, keys["bob"]) as bob:
        assert bob.view is ada.view
        bob.submit(tx.Transfer("ada", 1))
    ada.submit(tx.Transfer("bob", 1))
    with pytest.raises(LedgerInUse, match=r"which is this one; hand on what opened it \(`ts.open`\)"):
        connect(folder, keys["bob"])
    program = (
        "import sys; from tallystick.engines.embedded.engine import EmbeddedEngine as E; "
        "from tallystick.base.keys import SigningKey as K; E(sys.argv[1], keys=[K.generate()])"
    )
    said = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True)
    assert "LedgerInUse" in said.stderr


def test_strangers_are_told_so_and_the_ledger_is_let_go(folder: Path, clock: Clock) -> None:
    with pytest.raises(ClientError, match="belongs to no member of chain 'small'"):
        connect(folder, SigningKey.generate(), clock=clock)
    with open_writer(folder, None, clock=clock) as client:
        assert client.member == ""


def test_what_is_no_ledger(tmp_path: Path, keys: dict[str, SigningKey]) -> None:
    with pytest.raises(ClientError, match="tally ledger init"):
        connect(tmp_path / "none")
    for key in (None, keys["ada"]):
        with pytest.raises(EngineError, match="no ledger"):
            connect(tmp_path, key)
    assert list(tmp_path.iterdir()) == []


def test_what_came_due_is_served_before_anything_else(
    folder: Path, keys: dict[str, SigningKey], clock: Clock
) -> None:
    with connect(folder, keys["ada"], clock=clock) as client:
        made = client.submit(tx.Propose(tx.Mint("bob", 5))).receipt.notices[0].proposal
    clock.now += 30 * 86_400_000
    with connect(folder, keys["bob"], clock=clock) as client:
        assert client.get(PROPOSALS, made).stage == "lapsed"
        with pytest.raises(TransactionRefused, match="past its deadline"):
            client.submit(tx.Vote(made, True))


def registered(client: Client, name: str) -> str:
    number = name.encode().hex().rjust(64, "0")
    unit = tx.RegisterUnit(
        name,
        tx.Profile("wear", "table", 10, bytes(32)),
        bytes.fromhex(number),
        bytes.fromhex(number)[::-1],
        "",
        tx.Sketch(1, b""),
        tx.Terms(),
        tx.PrivacyBudget(10**9, 10**6, "record"),
    )
    return str(client.submit(unit).receipt.notices[0].unit)


def test_ids_in_short(ada: Client) -> None:
    units = [registered(ada, f"unit{number}") for number in range(3)]
    for unit in units:
        short = ada.short(UNITS, unit)
        assert len(short) == len("unit-") + 8
        assert ada.whole(UNITS, short) == ada.whole(UNITS, short[5:]) == ada.whole(UNITS, unit) == unit
    with pytest.raises(ClientError, match="there is no unit 'unit-00000000'"):
        ada.whole(UNITS, "unit-00000000")
    with pytest.raises(ClientError, match="looks like unit-3fa94c12"):
        ada.whole(UNITS, "../etc")
    with pytest.raises(ClientError, match="there is no grant"):
        ada.whole(GRANTS, units[0][5:13])


class Twins:
    """A view whose ids share their first digits."""

    ids = ("unit-" + "ab" * 16, "unit-" + "ab" * 6 + "cd" * 10)

    def get(self, key: bytes) -> bytes | None:
        return b"x" if key.decode().partition("/")[2] in self.ids else None

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        keys = (f"unit/{one}".encode() for one in self.ids)
        return [(key, b"") for key in keys if key.startswith(prefix)][:limit]


def test_an_id_is_never_shortened_to_what_means_two() -> None:
    client = Client(Twins())  # type: ignore[arg-type]
    first, second = Twins.ids
    assert client.short(UNITS, first) == first[: len("unit-") + 16]
    assert client.short(UNITS, second) == second[: len("unit-") + 16]
    with pytest.raises(ClientError, match="more than one unit begins with 'unit-abab'"):
        client.whole(UNITS, "abab")


def test_what_is_not_there_is_said(ada: Client) -> None:
    assert ada.find(MEMBERS, "nobody") is None
    with pytest.raises(ClientError, match="there is no member 'nobody' on chain 'small'"):
        ada.get(MEMBERS, "nobody")


def test_key_files_are_asked_for_only_when_they_are_protected(tmp_path: Path) -> None:
    key = SigningKey.generate()
    save_key(tmp_path / "plain.key", key, None)
    save_key(tmp_path / "safe.key", key, "pepper", operations=1, memory=2**20)
    asked: list[Path] = []

    def ask(path: Path) -> str:
        asked.append(path)
        return "pepper"

    assert open_key(tmp_path / "plain.key", ask).public == key.public
    assert asked == []
    assert open_key(tmp_path / "safe.key", ask).public == key.public
    assert asked == [tmp_path / "safe.key"]
    assert open_key(tmp_path / "safe.key", "pepper").public == key.public
    with pytest.raises(KeyFileError, match="password is wrong"):
        open_key(tmp_path / "safe.key", "salt")
    with pytest.raises(KeyFileError, match="protected by a password"):
        open_key(tmp_path / "safe.key")


class Token:
    """A signer whose private key nobody here has in hand."""

    def __init__(self, key: SigningKey) -> None:
        self.public, self._sign = key.public, key.sign
        self.signed = 0

    def sign(self, message: bytes) -> bytes:
        self.signed += 1
        return self._sign(message)


def test_whoever_can_sign_is_a_member(ledger: OpenLedger, keys: dict[str, SigningKey]) -> None:
    token = Token(keys["ada"])
    client = connect(ledger, token)
    assert client.member == "ada" and client.submit(tx.Transfer("bob", 5)).accepted and token.signed == 1
    shown = papers(token, "small", "ada")
    assert shown.key == token.public and token.signed == 2


def test_papers_are_what_admission_needs(ada: Client, keys: dict[str, SigningKey]) -> None:
    key = SigningKey.generate()
    shown = papers(key, "small", "cleo")
    change = tx.Admit(shown.member, shown.key, shown.possession, shown.encryption_key, ("owner",))
    made = ada.submit(tx.Propose(change)).receipt.notices[0].proposal
    for name in NAMES:
        ada.as_member(keys[name]).submit(tx.Vote(made, True))
    ada.as_member(key).submit(tx.Report(bytes(32)))
