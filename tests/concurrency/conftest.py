"""What happens when a system has no room."""

import threading

import pytest


@pytest.fixture
def no_threads(monkeypatch):
    """Lets no thread be started, as long as it is set."""
    start, full = threading.Thread.start, threading.Event()

    def refuse(thread):
        if full.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return full
