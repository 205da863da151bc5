"""What servers answer, read: which era they are of, what they list, what their errors mean."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from scaffold.contract.errors import ProtocolError
from scaffold.contract.values import Json, JsonObject
from scaffold.wire.eras import LEGACY, MODERN, MODERN_ERRORS, Code
from scaffold.wire.heads import Familiar
from scaffold.wire.messages import Message, WireError, encode, read

__all__ = ["Initialized", "Listed", "decode", "era", "in_full", "refusal", "result_of"]

_EXCERPT: Final = 200


class Initialized(msgspec.Struct, rename="camel"):
    """The answer to `initialize`."""

    protocol_version: str = ""


class Listed(msgspec.Struct, rename="camel"):
    """One page of the answer to `tools/list`."""

    tools: list[JsonObject]
    next_cursor: str | None = None


class _Discovered(msgspec.Struct, rename="camel"):
    supported_versions: list[str] = []


class _Unsupported(msgspec.Struct):
    supported: list[str] = []


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Json = None


def era(answer: Message | None) -> str:
    """Judge the answer to `server/discover`: the revision to speak, empty for 'ask initialize'.

    Only a list of versions or a recognised modern error is evidence of the modern era. Old servers
    answer with any error, with an empty result, with silence, or by dying.
    """
    if answer is None:
        return ""
    if answer.result is not UNSET:
        supported = _lenient(answer.result, _Discovered).supported_versions
        return _choose(supported) if supported else ""
    if answer.error is UNSET:
        return ""
    error = _lenient(answer.error, _Error)
    if error.code not in MODERN_ERRORS:
        return ""
    if error.code != Code.UNSUPPORTED_VERSION:
        raise ProtocolError(f"the server refused server/discover: {error.message}")
    return _choose(_lenient(Raw(encode(error.data)), _Unsupported).supported)


def decode(answer: Message | None, form: type[Any], method: str) -> Any:
    """Read the result of a response in a form; raise `ProtocolError`."""
    try:
        return msgspec.json.decode(result_of(answer, method), type=form)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the answer to {method} is malformed: {error}") from None


def in_full(familiar: Familiar[bool]) -> Message:
    """Read an answer in full whose payload is not what it should be."""
    try:
        return read(familiar.line)
    except WireError as error:
        excerpt = familiar.line[:_EXCERPT].decode(errors="backslashreplace")
        reason = f"the answer is no JSON-RPC answer, {error}: {excerpt}"
        raise ProtocolError(reason) from None


def result_of(answer: Message | None, what: str) -> Raw:
    """Return the result of a response; raise what its error means."""
    if answer is None or answer.result is UNSET:
        raise refusal(answer, what)
    return answer.result


def refusal(answer: Message | None, what: str) -> ProtocolError:
    """Say what a response means that has no result."""
    if answer is None:
        return ProtocolError(f"{what}: there was no answer")
    if answer.error is UNSET:
        return ProtocolError(f"{what}: the answer has neither result nor error")
    error = _lenient(answer.error, _Error)
    return ProtocolError(f"{what}: the server refused: {error.message} ({error.code})")


def _choose(supported: list[str]) -> str:
    chosen = next((ours for ours in (MODERN, *LEGACY) if ours in supported), None)
    if chosen is None:
        raise ProtocolError(f"no protocol revision in common; the server speaks {supported}")
    return chosen


def _lenient(raw: Raw, form: type[Any]) -> Any:
    try:
        return msgspec.json.decode(raw, type=form)
    except msgspec.DecodeError:
        return form()
