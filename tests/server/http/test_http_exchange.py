import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from scaffold.server._http.http_errors import HttpError
from scaffold.server._http.http_exchange import BodyBudget, HttpExchange, Receive


async def _ignore(_event: MutableMapping[str, Any]) -> None: ...


def test_a_client_that_leaves_before_its_body_is_refused() -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(HttpError) as refusal:
        asyncio.run(HttpExchange(receive, _ignore, BodyBudget(100)).read_body({}, 100))
    assert refusal.value.status == 400


def test_long_messages_share_a_room_and_short_ones_need_none() -> None:
    budget = BodyBudget(1_000_000)
    first, second, third = (HttpExchange(_sent(b"x" * 600_000), _ignore, budget) for _ in range(3))
    short = HttpExchange(_sent(b"x" * 200_000, b"x"), _ignore, budget)

    async def test() -> None:
        await first.read_body({}, 600_000)
        with pytest.raises(HttpError) as refusal:
            await second.read_body({}, 600_000)
        assert refusal.value.status == 503
        assert (b"retry-after", b"1") in refusal.value.headers
        assert len(await short.read_body({}, 600_000)) == 200_001
        first.release()
        second.release()
        assert len(await third.read_body({}, 600_000)) == 600_000

    asyncio.run(test())


def _sent(*parts: bytes) -> Receive:
    left = list(parts)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive
