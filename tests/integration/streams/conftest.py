"""One plugin that streams, behind every runtime, for hosts of both sorts."""

import os
from contextlib import ExitStack

import pytest
import streaming_plugins
from ways_to_streams import WAYS


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder in which plugins leave words."""
    folder = tmp_path_factory.mktemp("notes")
    os.environ["NOTES"] = str(folder)
    streaming_plugins.NOTES = folder
    return folder


@pytest.fixture
def notes(folder):
    """The same, empty."""
    for word in folder.iterdir():
        word.unlink()
    return folder


@pytest.fixture(scope="session", params=["Plain", "Awaited"])
def plugin(request):
    """A plugin of plain generators, and one of asynchronous ones."""
    return getattr(streaming_plugins, request.param)


@pytest.fixture(scope="session", params=WAYS)
def _opened(request, plugin, folder):
    with ExitStack() as stack:
        yield WAYS[request.param](plugin, stack)


@pytest.fixture
def reader(_opened, notes):
    """A client of the plugin, over each runtime, for hosts of both sorts."""
    return _opened
