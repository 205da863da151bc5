import pytest

from scaffold.server._http import session_tokens
from scaffold.server._http.http_errors import HttpError
from scaffold.server._http.session_tokens import SessionTokens
from scaffold.server._protocol.calls import Session


def refused(tokens: SessionTokens, name: str | None) -> int:
    with pytest.raises(HttpError) as refusal:
        tokens.find(name)
    return refusal.value.status


def test_a_session_knows_its_revision_and_differs_from_every_other() -> None:
    tokens = SessionTokens()
    one, other = (tokens.open(Session("2025-06-18")) for _ in range(2))
    assert one != other
    assert tokens.find(one).version == "2025-06-18"


def test_an_id_is_visible_ascii() -> None:
    """As the specification demands of a session's id."""
    name = SessionTokens().open(Session("2025-11-25"))
    assert all("!" <= letter <= "~" for letter in name)


def test_an_old_session_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = SessionTokens()
    name = tokens.open(Session("2025-06-18"))
    monkeypatch.setattr(session_tokens, "_LIFETIME", -1)
    assert refused(tokens, name) == 404


def test_an_ended_session_is_unknown_and_others_are_not() -> None:
    tokens = SessionTokens()
    ended, other = (tokens.open(Session("2025-06-18")) for _ in range(2))
    tokens.close(ended)
    assert refused(tokens, ended) == 404
    assert tokens.find(other).version == "2025-06-18"
    with pytest.raises(HttpError):
        tokens.close(ended)


def test_an_id_that_was_tampered_with_or_is_of_another_server_is_unknown() -> None:
    tokens = SessionTokens()
    name = tokens.open(Session("2025-06-18"))
    for place in range(len(name)):
        letter = "A" if name[place] != "A" else "Q"
        assert refused(tokens, name[:place] + letter + name[place + 1 :]) == 404
    assert refused(SessionTokens(), name) == 404


@pytest.mark.parametrize("name", ["", "x", "stale", "=" * 9, "é", "A" * 22, "A" * 10_000])
def test_what_is_no_id_is_unknown(name: str) -> None:
    assert refused(SessionTokens(), name) == 404


def test_a_request_without_an_id_is_told_to_begin() -> None:
    assert refused(SessionTokens(), None) == 400
