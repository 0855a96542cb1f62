"""A node's RPC: JSON over HTTP on kept connections; what it says is not yet believed."""

import base64
import http.client
import json
from datetime import UTC, datetime
from typing import Any, Final, final
from urllib.parse import urlsplit

from ...base import light
from ..engine import EngineError, LedgerUnreachable

PATIENCE: Final = 10.0  # seconds
PER_PAGE: Final = 100


class NodeDeclined(EngineError):
    """A node answered that it will not or cannot."""


@final
class RpcNode:
    """One node of a network, by the address of its RPC."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        parts = urlsplit(url if "//" in url else f"//{url}", scheme="http")
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise EngineError(f"{url!r} is no node's address; one looks like http://127.0.0.1:26657")
        self.url, self._host, self._port = url, parts.hostname, parts.port
        self._patience = patience
        self._idle: list[http.client.HTTPConnection] = []

    def call(self, method: str, **parameters: object) -> Any:
        """The result of one call; a kept connection that was closed meanwhile is opened anew."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        while True:
            kept = bool(self._idle)
            connection = self._idle.pop() if kept else self._connection()
            try:
                connection.request("POST", "/", body, {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                if not kept:
                    raise LedgerUnreachable(f"{self.url} does not answer: {error}") from error
                continue
            self._idle.append(connection)
            return _result(self.url, answer)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=self._patience)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def query(self, path: str, data: bytes = b"") -> tuple[int, bytes, str, int]:
        """A question to the application: code, value, what it says of it, the height of its state."""
        response = self.call("abci_query", path=path, data=data.hex())["response"]
        value = base64.b64decode(response.get("value") or "")
        return response.get("code", 0), value, response.get("log", ""), int(response.get("height") or 0)

    def send(self, transaction: bytes) -> tuple[int, bytes, str]:
        """Hand in a transaction: code, data and words of its check."""
        result = self.call("broadcast_tx_sync", tx=base64.b64encode(transaction).decode())
        return result.get("code", 0), bytes.fromhex(result.get("data") or ""), result.get("log", "")

    def signed(self, height: int) -> light.SignedHeader:
        """A header, its commit and its validators, as this node tells them."""
        try:
            signed = self.call("commit", height=str(height))["signed_header"]
        except NodeDeclined as declined:
            if "lowest height" in str(declined):  # it began with a snapshot; another node may have it
                raise LedgerUnreachable(f"{self.url} does not keep header {height}") from None
            raise
        header, commit = signed["header"], signed["commit"]
        return light.SignedHeader(_header(header), _commit(commit), self.validators(height))

    def validators(self, height: int) -> tuple[light.Validator, ...]:
        members: list[light.Validator] = []
        while True:
            page = str(len(members) // PER_PAGE + 1)
            listed = self.call("validators", height=str(height), page=page, per_page=str(PER_PAGE))
            for validator in listed["validators"]:
                key = base64.b64decode(validator["pub_key"]["value"])
                members.append(light.Validator(key, int(validator["voting_power"])))
            if len(members) >= int(listed["total"]) or not listed["validators"]:
                return tuple(members)

    def block(self, height: int) -> tuple[bytes, ...]:
        """A block's transactions."""
        transactions = self.call("block", height=str(height))["block"]["data"]["txs"] or []
        return tuple(map(base64.b64decode, transactions))

    def height(self) -> int:
        return int(self.call("status")["sync_info"]["latest_block_height"])


def _result(url: str, answer: Any) -> Any:
    if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
        raise LedgerUnreachable(f"{url} does not answer as a node does")
    if "error" in answer:
        error = answer["error"]
        raise NodeDeclined(f"{url}: {error.get('message', '')} {error.get('data', '')}".strip())
    return answer["result"]


def time_of(text: str) -> int:
    """A time such as 2026-11-28T12:00:00.123456789Z in nanoseconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400 + moment.hour * 3600
    seconds += moment.minute * 60 + moment.second
    return seconds * 10**9 + int((fraction + "0" * 9)[:9])


def _block_id(block: Any) -> light.BlockId:
    parts = block["parts"]
    return light.BlockId(bytes.fromhex(block["hash"]), (int(parts["total"]), bytes.fromhex(parts["hash"])))


def _header(header: Any) -> light.Header:
    version = header["version"]
    return light.Header(
        version=(int(version["block"]), int(version.get("app", 0))),
        chain=header["chain_id"],
        height=int(header["height"]),
        time=time_of(header["time"]),
        last_block=_block_id(header["last_block_id"]),
        **{
            name: bytes.fromhex(header[name])
            for name in (
                "last_commit_hash", "data_hash", "validators_hash", "next_validators_hash",
                "consensus_hash", "app_hash", "last_results_hash", "evidence_hash",
            )
        },
        proposer=bytes.fromhex(header["proposer_address"]),
    )  # fmt: skip


def _commit(commit: Any) -> light.Commit:
    votes = tuple(
        light.CommitVote(
            int(vote["block_id_flag"]),
            bytes.fromhex(vote["validator_address"]),
            time_of(vote["timestamp"]),
            base64.b64decode(vote["signature"] or ""),
        )
        for vote in commit["signatures"]
    )
    return light.Commit(int(commit["height"]), int(commit["round"]), _block_id(commit["block_id"]), votes)
