"""The real socket: four connections at once, answers in order, and a halt that answers nothing."""

import asyncio
import socket
import threading

from tallystick.base import wire
from tallystick.engines.cometbft import abci
from tallystick.engines.cometbft.server import serving
from tests.engines.cometbft.driver import Driver, pay


def talk(driver, path, conversation):
    """Run a conversation with the served application; returns why it halted, if it did."""
    halted = []

    async def run():
        async with serving(driver.application, path, halted.append):
            await conversation(path)

    asyncio.run(asyncio.wait_for(run(), 20))
    return halted


async def answers(reader, count):
    buffer, found = bytearray(), []
    while len(found) < count:
        buffer += await reader.read(2**16)
        found += abci.frames(buffer)
    return [next(iter(wire.fields(frame))) for frame in found]


def test_four_connections_are_answered_in_order(tmp_path):
    driver = Driver(tmp_path)
    driver.begin()

    async def conversation(path):
        pairs = [await asyncio.open_unix_connection(path) for _ in range(4)]
        for _, writer in pairs:
            checks = b"".join(abci.asked("check_tx", wire.message({1: pay(n)})) for n in range(50))
            writer.write(abci.asked("echo", b"\x0a\x01x") + checks + abci.asked("flush"))
        for reader, writer in pairs:
            assert await answers(reader, 52) == [2, *[9] * 50, 3]
            writer.close()

    assert talk(driver, tmp_path / "app.sock", conversation) == []
    driver.close()


def test_what_cannot_be_executed_halts_without_an_answer(tmp_path):
    driver = Driver(tmp_path)
    driver.begin()

    async def conversation(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(abci.asked("finalize_block", wire.message({5: 7})) + abci.asked("flush"))
        try:
            await asyncio.wait_for(reader.read(1), 0.3)
        except TimeoutError:
            writer.close()
            return
        raise AssertionError("it was answered")

    (reason,) = talk(driver, tmp_path / "app.sock", conversation)
    assert "decided block 7" in reason
    driver.close()


def test_what_is_sent_while_the_application_is_busy_is_taken_off_the_socket(tmp_path, monkeypatch):
    driver = Driver(tmp_path)
    driver.begin()
    busy, free = threading.Event(), threading.Event()
    answer = driver.application.answer

    def slow(frame):
        busy.set()
        free.wait(10)
        return answer(frame)

    monkeypatch.setattr(driver.application, "answer", slow)
    many = 20_000
    path = tmp_path / "app.sock"

    def engine():
        with socket.socket(socket.AF_UNIX) as own:
            own.connect(str(path))
            own.sendall(abci.asked("flush"))
            busy.wait(10)
            for _ in range(many):  # far more than a socket holds, in writes as small as the engine's
                own.sendall(abci.asked("flush"))
            free.set()  # only now: nobody waited for an answer
            size = len(abci.frame(3, b""))
            found = 0
            while found < size * (many + 1):
                found += len(own.recv(2**16))
            return found

    async def conversation(_path):
        assert await asyncio.to_thread(engine) == len(abci.frame(3, b"")) * (many + 1)

    assert talk(driver, path, conversation) == []
    driver.close()
