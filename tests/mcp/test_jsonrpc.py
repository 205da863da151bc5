import json

import pytest
from msgspec import UNSET

from scaffold._mcp.jsonrpc import JsonRpcError, read_message, write_error_response, write_response


def test_a_request_is_read_with_its_arguments_untouched() -> None:
    arguments = b'{ "a" : 1.0, "b":[1e400] }'
    message = read_message(
        b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":'
        b'{"arguments":%b,"name":"t","more":[{}],"_meta":{"progressToken":3,"other":{}}}}'
        % arguments
    )
    assert message.id == "x"
    assert message.params is not UNSET
    assert message.params.arguments is not UNSET
    assert bytes(message.params.arguments) == arguments
    assert message.params.meta is not UNSET
    assert message.params.meta.progress_token == 3


@pytest.mark.parametrize(
    ("data", "code", "known"),
    [
        (b"{", -32700, None),
        (b"\xff", -32700, None),
        (b"[]", -32600, None),
        (b"7", -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"m"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', -32600, None),
        (b'{"jsonrpc":2,"id":1,"method":"m"}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":null}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":7}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":7}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":7}}', -32602, 1),
    ],
)
def test_what_is_no_message_is_refused_with_the_id_if_there_is_one(
    data: bytes, code: int, known: int | None
) -> None:
    with pytest.raises(JsonRpcError) as refusal:
        read_message(data)
    assert (refusal.value.code, refusal.value.id) == (code, known)


def test_a_notification_is_read_whatever_its_parameters_are() -> None:
    message = read_message(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":7}')
    assert message.id is UNSET
    assert message.params is UNSET


def test_an_error_without_a_known_id_has_none() -> None:
    assert "id" not in json.loads(write_error_response(JsonRpcError(-32700, "no")))
    assert json.loads(write_error_response(JsonRpcError(-32700, "no"), 0))["id"] == 0


def test_a_response_carries_its_result_as_it_is() -> None:
    assert write_response("a", b'{"x":1.0}') == b'{"jsonrpc":"2.0","id":"a","result":{"x":1.0}}'
