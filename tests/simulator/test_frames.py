"""Frames as the server writes them, read back by a decoder of another make."""

import aiohttp
import pytest
from aiohttp import web

from microstream_sim.streaming.frames import PING, close_frame, text_frame

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]


async def test_frames_are_read_back(http: aiohttp.ClientSession) -> None:
    """Every form of length, a ping and a close come through aiohttp's reader as they were meant."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, autoclose=False)
        await socket.prepare(request)
        assert request.transport is not None
        for size in SIZES:
            request.transport.write(text_frame(b"x" * size))
        request.transport.write(PING + close_frame(4004, "é" * 100))
        await socket.receive()
        return socket

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
        async with http.ws_connect(url, autoping=False) as socket:
            assert [len(await socket.receive_str(timeout=3)) for _ in SIZES] == SIZES
            assert (await socket.receive(3)).type is aiohttp.WSMsgType.PING
            assert (await socket.receive(3)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4004
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("size", [0, 60, 123, 124, 400])
def test_a_close_frame_holds_a_control_frame(size: int) -> None:
    """The body never exceeds 125 bytes."""
    frame = close_frame(1001, "r" * size)
    assert frame[0] == 0x88
    assert frame[1] == len(frame) - 2 == min(size, 123) + 2
