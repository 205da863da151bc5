import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from scaffold.server.http.exchange import Exchange
from scaffold.server.http.refusal import Refusal


async def _ignore(_event: MutableMapping[str, Any]) -> None: ...


def test_a_client_that_leaves_before_its_body_is_refused() -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(Refusal) as refusal:
        asyncio.run(Exchange(receive, _ignore).body({}, 100))
    assert refusal.value.status == 400
