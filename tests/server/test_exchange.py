import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from scaffold.server.http import exchange
from scaffold.server.http.refusal import Refusal


async def _ignore(_event: MutableMapping[str, Any]) -> None: ...


def test_a_body_that_does_not_come_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_BODY_SECONDS", 0.01)
    parts = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> MutableMapping[str, Any]:
        for part in parts:
            return part
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Refusal) as refusal:
        asyncio.run(exchange.Exchange(receive, _ignore).body({}, 100))
    assert refusal.value.status == 408


def test_a_client_that_leaves_before_its_body_is_refused() -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(Refusal) as refusal:
        asyncio.run(exchange.Exchange(receive, _ignore).body({}, 100))
    assert refusal.value.status == 400
