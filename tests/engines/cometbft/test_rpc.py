"""What a node's RPC says, read from the JSON that CometBFT v0.38.25 writes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tallystick.engines.cometbft.rpc import NodeDeclined, RpcNode, time_of
from tallystick.engines.engine import LedgerUnreachable


@pytest.fixture
def served():
    """A server that answers each call with the next result; what was asked is kept."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(answers.pop(0)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    node = RpcNode(f"http://127.0.0.1:{server.server_port}", 5)
    yield node, answers, asked
    node.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_a_check_says_is_in_hexadecimal(served):
    node, answers, asked = served
    answers.append({"result": {"code": 4, "data": "0AFF", "log": "expired", "hash": "00"}})
    assert node.send(b"tx") == (4, b"\x0a\xff", "expired")
    assert asked[0]["params"] == {"tx": "dHg="}


def test_what_a_query_says_is_in_base64(served):
    node, answers, asked = served
    answers.append({"result": {"response": {"value": "Cv8=", "height": "7"}}})
    assert node.query("/get", b"\x01") == (0, b"\x0a\xff", "", 7)
    assert asked[0]["params"] == {"path": "/get", "data": "01"}


def test_errors_are_told_from_silence(served):
    node, answers, _ = served
    answers += [
        {"error": {"code": -32603, "message": "Internal error", "data": "tx already exists in cache"}},
        {"error": {"message": "Internal error", "data": "height 1 is not available, lowest height is 21"}},
        {"nonsense": 1},
    ]
    with pytest.raises(NodeDeclined, match="already exists in cache"):
        node.send(b"tx")
    with pytest.raises(LedgerUnreachable, match="does not keep header 1"):
        node.signed(1)
    with pytest.raises(LedgerUnreachable, match="as a node does"):
        node.height()


def test_nobody_there():
    with pytest.raises(LedgerUnreachable, match="does not answer"):
        RpcNode("http://127.0.0.1:1", 1).height()


@pytest.mark.parametrize(
    "text, time",
    [
        ("2019-10-13T16:14:44Z", 1_570_983_284_000_000_000),
        ("2026-11-28T21:16:14.699000001Z", 1_795_900_574_699_000_001),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000_000),
    ],
)
def test_times(text, time):
    assert time_of(text) == time
