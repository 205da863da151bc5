import pytest

from scaffold.server.http import sessions
from scaffold.server.http.refusal import Refusal
from scaffold.server.http.sessions import HttpSession, Sessions


def test_a_session_long_unused_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Sessions()
    name = known.open(HttpSession())
    known.find(name)
    monkeypatch.setattr(sessions, "_IDLE", -1.0)
    with pytest.raises(Refusal) as refusal:
        known.find(name)
    assert refusal.value.status == 404


def test_expired_sessions_are_dropped_when_another_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Sessions()
    name = known.open(HttpSession())
    with monkeypatch.context() as passing:
        passing.setattr(sessions, "_IDLE", -1.0)
        known.open(HttpSession())
    with pytest.raises(Refusal):
        known.find(name)


def test_the_session_unused_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST", 2)
    known = Sessions()
    first, second = known.open(HttpSession()), known.open(HttpSession())
    known.find(first)
    third = known.open(HttpSession())
    assert known.find(first) is not known.find(third)
    with pytest.raises(Refusal):
        known.find(second)
