import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from scaffold.server._http.app.http_request import Exchange, Receive, Room
from scaffold.server._http.edge.http_errors import Refusal


async def _ignore(_event: MutableMapping[str, Any]) -> None: ...


def test_a_client_that_leaves_before_its_body_is_refused() -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(Refusal) as refusal:
        asyncio.run(Exchange(receive, _ignore, Room(100)).body({}, 100))
    assert refusal.value.status == 400


def test_long_messages_share_a_room_and_short_ones_need_none() -> None:
    room = Room(1_000_000)
    first, second, third = (Exchange(_sent(b"x" * 600_000), _ignore, room) for _ in range(3))
    short = Exchange(_sent(b"x" * 200_000, b"x"), _ignore, room)

    async def test() -> None:
        await first.body({}, 600_000)
        with pytest.raises(Refusal) as refusal:
            await second.body({}, 600_000)
        assert refusal.value.status == 503
        assert (b"retry-after", b"1") in refusal.value.headers
        assert len(await short.body({}, 600_000)) == 200_001
        first.leave()
        second.leave()
        assert len(await third.body({}, 600_000)) == 600_000

    asyncio.run(test())


def _sent(*parts: bytes) -> Receive:
    left = list(parts)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive
