"""The Python face of a ledger: open its folder, sign as a member, submit and get a receipt, look it up."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

from nacl import bindings

from ..base import keys
from ..base.codec import Record
from ..base.keys import KeyFileError, Signer, SigningKey
from ..engines.cometbft.engine import CometEngine
from ..engines.cometbft.homes import NETWORK, read_network
from ..engines.embedded.engine import EmbeddedEngine, wall_clock
from ..engines.embedded.reader import LedgerReader, open_reader
from ..engines.engine import Answer, Engine, EngineError, View
from ..engines.errors import ClientError, TransactionRefused
from ..engines.session import Session
from ..engines.values import UnsoundValue
from ..ledger import state as st
from ..ledger import transactions as tx
from ..ledger.genesis import Genesis, GenesisError, read_genesis
from ..ledger.handlers.members import possession_context
from ..ledger.views import reading
from .opened import OpenLedger

BLOCKS_KEY: Final = "blocks.key"  # signs the blocks of the ledger in whose folder it lies
GENESIS: Final = "genesis.toml"
HOUR: Final = 3_600_000
SHORTEST: Final = 8  # hexadecimal digits of an id that is shown or typed in short

R = TypeVar("R", bound=Record)
Password = str | Callable[[Path], str] | None


class Client:
    """A ledger as one member sees it: read by anyone, written with that member's key.

    Closing it closes the ledger too where it is the `owner`: where nobody else was to use the same.
    """

    def __init__(
        self,
        ledger: OpenLedger | View,
        key: Signer | None = None,
        clock: Callable[[], int] | None = None,
        *,
        owner: bool = True,
    ) -> None:
        self.ledger: OpenLedger = (
            ledger if isinstance(ledger, OpenLedger) else OpenLedger(ledger, clock=clock or wall_clock)
        )
        self.view, self.owner = self.ledger.view, owner
        self.key = key
        self.member = "" if key is None else self._member_of(key)
        self._session: Session | None = None
        if key is not None and isinstance(self.view, Engine):
            self._session = Session(self.view, key, self.member, self.ledger.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the ledger go, where nobody else uses it."""
        if self.owner:
            self.ledger.close()

    def as_member(self, key: Signer) -> "Client":
        """The same open ledger as another member writes it."""
        return Client(self.ledger, key, owner=self.owner)

    def now(self) -> int:
        """The time in milliseconds: the clock's, or the newest block's where that is later."""
        return self.ledger.now()

    @property
    def engine(self) -> Engine:
        """The ledger as one writes and follows it."""
        return self.session.engine

    # Writing

    def submit(self, body: tx.Transaction, *, valid_for: int = HOUR) -> Answer:
        """Sign what is asked, hand it in, and wait until a block with it is durable; a refusal is raised."""
        try:
            answer = self.session.send(body, valid_for)
        except UnsoundValue as unsound:
            raise ClientError(str(unsound)) from None
        if answer.receipt.code:
            raise TransactionRefused(answer.receipt)
        return answer

    @property
    def session(self) -> Session:
        """The member's writing to this ledger."""
        if self._session is None:
            raise ClientError("this ledger is open for reading; open it with the key of a member to write")
        return self._session

    def _member_of(self, key: Signer) -> str:
        use = self.find(st.KEYS, key.public.hex())
        if use is None:
            raise ClientError(
                f"key {key.public.hex()} belongs to no member of chain {self.view.status().chain!r}; "
                "use a member's key, or have its owner admitted"
            )
        return use.member

    # Reading

    def find(self, table: st.StateTable[R], *parts: str | int) -> R | None:
        """The record under this key, or None."""
        return reading.find(self.view, table, *parts)

    def get(self, table: st.StateTable[R], *parts: str | int) -> R:
        """The record under this key; that there is none is an error for people."""
        record = self.find(table, *parts)
        if record is None:
            name = "/".join(map(str, parts))
            raise ClientError(f"there is no {table.name} {name!r} on chain {self.view.status().chain!r}")
        return record

    @contextmanager
    def at_one_block(self) -> Iterator[Self]:
        """Answer everything within from the same block, while another process may be writing."""
        if isinstance(self.view, LedgerReader):
            with self.view.at_head():
                yield self
        else:
            yield self

    # Ids in short

    def whole(self, table: st.StateTable[R], text: str) -> str:
        """The id that a person means by its beginning, such as 3fa94c12 or unit-3fa94c12."""
        if self.view.get(table.key(text).encode()) is not None:
            return text
        kind = table.name
        beginning = text if text.startswith(f"{kind}-") else f"{kind}-{text}"
        if not re.fullmatch(rf"{kind}-[0-9a-f]{{4,32}}", beginning):
            raise ClientError(f"there is no {kind} {text!r}; its id looks like {kind}-3fa94c12")
        ids = [key for key, _ in self.view.scan(table.key(beginning).encode(), 2)]
        if not ids:
            raise ClientError(f"there is no {kind} {text!r} on chain {self.view.status().chain!r}")
        if len(ids) > 1:
            raise ClientError(f"more than one {kind} begins with {beginning!r}; give more of its id")
        return ids[0].decode().partition("/")[2]

    def short(self, table: st.StateTable[R], whole: str) -> str:
        """The beginning of an id that means no other record of its table."""
        kind, _, digits = whole.partition("-")
        for length in range(SHORTEST, len(digits), 4):
            beginning = f"{kind}-{digits[:length]}"
            if len(self.view.scan(table.key(beginning).encode(), 2)) == 1:
                return beginning
        return whole


# Opening


def connect(
    ledger: OpenLedger | str | Path,
    key: str | Path | Signer | None = None,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Client:
    """A ledger, by its folder or as it is open here: for reading, or with a member's key for writing."""
    if isinstance(ledger, OpenLedger):
        return Client(ledger, None if key is None else _signer(key, password), owner=False)
    folder = _folder(ledger)
    signer = None if key is None else _signer(key, password)
    reads = signer is None and not (folder / NETWORK).is_file()
    view = open_reader(folder, check=False) if reads else _engine(folder, password, clock)
    return _owned(OpenLedger(view, folder, clock or wall_clock), signer)


@contextmanager
def spoken_plainly() -> Iterator[None]:
    """Whatever keeps a ledger from being opened, its key file or its folder, is an error of one kind."""
    try:
        yield
    except (KeyFileError, EngineError, GenesisError, OSError) as error:
        raise ClientError(" ".join(str(error).split())) from None


def open_ledger(
    folder: str | Path, password: Password = None, clock: Callable[[], int] | None = None
) -> OpenLedger:
    """The ledger in a folder, for all who are to use it in this process: `connect` and `join` take it.

    One process at a time writes a ledger in a folder; `password` opens the key that signs its blocks. The
    ledger of a network is reached by way of any of its nodes that the folder's settings name.
    """
    home = _folder(folder)
    return OpenLedger(_engine(home, password, clock), home, clock or wall_clock)


def open_writer(
    folder: Path,
    key: Signer | None,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Client:
    """The ledger in a folder, written by this process; what came due while nobody wrote is served first."""
    return _owned(open_ledger(folder, password, clock), key)


def create(
    folder: str | Path, genesis: Genesis, blocks: Signer, clock: Callable[[], int] | None = None
) -> Client:
    """A new ledger, open for reading until `as_member` gives it a key."""
    home = Path(folder)
    engine = EmbeddedEngine(home, keys=[blocks], genesis=genesis, clock=clock)
    return Client(OpenLedger(engine, home, clock or wall_clock))


def _folder(given: str | Path) -> Path:
    folder = Path(given)
    if not folder.is_dir():
        raise ClientError(f"there is no ledger folder {folder}; make one with `tally ledger init {folder}`")
    return folder


def _owned(opened: OpenLedger, key: Signer | None) -> Client:
    try:
        return Client(opened, key)
    except BaseException:
        opened.close()
        raise


def _engine(folder: Path, password: Password, clock: Callable[[], int] | None) -> Engine:
    """The engine that writes the ledger in a folder, everything served that came due meanwhile."""
    if (folder / NETWORK).is_file():
        settings = read_network(folder)
        genesis = read_genesis((folder / GENESIS).read_text(encoding="utf-8"))
        if genesis.chain != settings.chain:
            raise ClientError(f"{folder} names chain {settings.chain!r}, its genesis {genesis.chain!r}")
        return CometEngine(settings.nodes, genesis, prove=settings.prove, anchor=settings.anchor)
    signs = folder / BLOCKS_KEY
    if not signs.exists():
        with open_reader(folder, check=False):  # where there is no ledger it says so
            pass
        raise ClientError(
            f"the key that signs the blocks of this ledger is not in {signs}; put it there, or read only"
        )
    engine = EmbeddedEngine(folder, keys=[open_key(signs, password)], clock=clock)
    try:
        engine.tick()
    except BaseException:
        engine.close()
        raise
    return engine


# Keys


class Papers(NamedTuple):
    """What another organisation needs to know of a key: the proof holds for one member of one chain."""

    member: str
    key: bytes
    possession: bytes
    encryption_key: bytes


def papers(key: Signer, chain: str, member: str) -> Papers:
    """The proof that `member` holds this key, for one chain."""
    proof = keys.prove_possession(key, possession_context(chain, member))
    return Papers(member, key.public, proof, encryption_key(key.public))


def encryption_key(public: bytes) -> bytes:
    """The X25519 key that belongs to an Ed25519 key, so that one file and one backup hold both."""
    return bindings.crypto_sign_ed25519_pk_to_curve25519(public)


def _signer(key: str | Path | Signer, password: Password) -> Signer:
    return open_key(key, password) if isinstance(key, str | Path) else key


def open_key(path: str | Path, password: Password = None) -> SigningKey:
    """The key in a key file; `password` is asked for only where the file is protected by one."""
    if callable(password):
        password = password(Path(path)) if keys.protected(path) else None
    return keys.load_key(path, password)
