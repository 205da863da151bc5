"""A plugin whose bindings are copies of the host's gets the host's own modules."""

import asyncio
import importlib
import shutil
import sys
import threading
from pathlib import Path

import pytest

from scaffold import kinds
from scaffold.host import AsyncHost, Host
from scaffold.host._loading.shared_bindings import sharing_bindings
from scaffold.kinds import source_v1, text_processor_v1
from scaffold.kinds.source_v1 import ListItemsInput, SourceClient
from scaffold.kinds.text_processor_v1 import (
    TEXT_PROCESSOR,
    AsyncTextProcessorClient,
    ProcessInput,
    TextProcessorClient,
    TextProcessorDispatcher,
)

MANIFEST = """
[plugin]
name = "{name}"
kind = "{kind}"
runtime = "in_process"
entry_point = "{name}.plugin:Own"
"""
PROCESSOR = """
from ._generated.text_processor_v1 import ProcessInput, TextProcessorPlugin

class Own(TextProcessorPlugin):
    def process(self, payload):
        assert type(payload) is ProcessInput
        return ProcessInput(text=f"{type(payload).__module__} {payload.text}")
"""
SOURCE = """
from ._generated.source_v1 import Item, ListItemsOutput, SourcePlugin

class Own(SourcePlugin):
    def list_items(self, payload):
        return ListItemsOutput(items=[Item(uri="a:b", type="file", title=type(payload).__module__)])
"""
HOSTS_CLASS = "scaffold.kinds.text_processor_v1.models"


@pytest.fixture(autouse=True)
def _no_modules_left():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("sharing_"):
            del sys.modules[name]


def project(root: Path, name: str, kind: str = "text_processor", source: str = PROCESSOR) -> Path:
    """Write a plugin with a copy of the bindings, as `scaffold new-plugin` lays it out."""
    folder = root / name
    copy = folder / name / "_generated" / f"{kind}_v1"
    shutil.copytree(
        Path(*kinds.__path__, f"{kind}_v1"), copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    for package in (folder / name, copy.parent):
        (package / "__init__.py").touch()
    (folder / name / "plugin.py").write_text(source)
    (folder / "dagstack.toml").write_text(MANIFEST.format(name=name, kind=kind))
    return folder


def change_copy(folder: Path) -> None:
    """Make the copy of the bindings another text, with the same contract."""
    models = folder / folder.name / "_generated" / "text_processor_v1" / "models.py"
    models.write_text(models.read_text() + "\n# another version of the generator\n")


def processed(client: TextProcessorClient, text: str = "hello") -> str:
    answer = client.process(ProcessInput(text=text))
    assert type(answer) is ProcessInput
    return answer.text


def test_a_plugin_and_its_host_have_the_same_classes(tmp_path):
    with Host() as host:
        client = host.load(project(tmp_path, "sharing_one"), TextProcessorClient)
        assert processed(client) == f"{HOSTS_CLASS} hello"
        package = importlib.import_module("sharing_one._generated.text_processor_v1")
        models = importlib.import_module("sharing_one._generated.text_processor_v1.models")
        assert package is text_processor_v1
        assert models is sys.modules[HOSTS_CLASS]
        assert sys.modules["sharing_one._generated"].text_processor_v1 is text_processor_v1
        assert text_processor_v1.__spec__.name == "scaffold.kinds.text_processor_v1"


def test_a_payload_is_handed_over_as_it_is(tmp_path):
    source = PROCESSOR.replace('return ProcessInput(text=f"{', "return payload\n#")
    with Host() as host:
        client = host.load(project(tmp_path, "sharing_same", source=source), TextProcessorClient)
        payload = ProcessInput(text="hello")
        assert client.process(payload) is payload


def test_an_async_host_shares_its_bindings_too(tmp_path):
    async def call() -> str:
        async with AsyncHost() as host:
            folder = project(tmp_path, "sharing_async")
            client = await host.load(folder, AsyncTextProcessorClient)
            return (await client.process(ProcessInput(text="hello"))).text

    assert asyncio.run(call()) == f"{HOSTS_CLASS} hello"


def test_several_plugins_of_a_kind_share_with_the_host_and_so_with_each_other(tmp_path):
    folders = [project(tmp_path, f"sharing_{name}") for name in ("first", "second")]
    with Host() as host:
        chain = host.kind(TextProcessorDispatcher)
        for folder in folders:
            host.register(folder)
        host.start()
        answer = chain.process(ProcessInput(text="hello"))
    assert answer.text == f"{HOSTS_CLASS} {HOSTS_CLASS} hello"


def test_plugins_of_two_kinds_share_each_their_own(tmp_path):
    with Host() as host:
        processor = host.load(project(tmp_path, "sharing_text"), TextProcessorClient)
        folder = project(tmp_path, "sharing_source", "source", SOURCE)
        source = host.load(folder, SourceClient)
        assert processed(processor) == f"{HOSTS_CLASS} hello"
        items = source.list_items(ListItemsInput()).items
        assert items[0].title == "scaffold.kinds.source_v1.models"
        assert type(items[0]) is source_v1.Item


def test_bindings_that_differ_stay_the_plugins_own_and_values_are_converted(tmp_path):
    folder = project(tmp_path, "sharing_other")
    change_copy(folder)
    with Host() as host:
        client = host.load(folder, TextProcessorClient)
        own = "sharing_other._generated.text_processor_v1.models"
        assert processed(client) == f"{own} hello"


def test_an_untyped_host_that_gets_its_bindings_later_has_the_plugins_classes(tmp_path):
    with Host() as host:
        host.open(project(tmp_path, "sharing_untyped"))
        client = host.client("sharing_untyped", TextProcessorClient)
        assert processed(client) == f"{HOSTS_CLASS} hello"


def test_a_module_that_was_imported_before_is_left_as_it_is(tmp_path, monkeypatch):
    folder = project(tmp_path, "sharing_early")
    monkeypatch.syspath_prepend(str(folder))
    own = importlib.import_module("sharing_early._generated.text_processor_v1")
    with Host() as host:
        client = host.load(folder, TextProcessorClient)
        assert processed(client) == "sharing_early._generated.text_processor_v1.models hello"
    assert sys.modules[own.__name__] is own


def test_a_reload_shares_again_and_leaves_the_hosts_modules_alone(tmp_path, caplog):
    folder = project(tmp_path, "sharing_again")
    compiled = Path(sys.modules[HOSTS_CLASS].__cached__)
    with Host() as host:
        client = host.load(folder, TextProcessorClient)
        existed = compiled.exists()
        assert processed(client) == f"{HOSTS_CLASS} hello"
        plugin = folder / "sharing_again" / "plugin.py"
        plugin.write_text(PROCESSOR.replace("{payload.text}", "{payload.text}, again"))
        host.reload("sharing_again")
        assert processed(client) == f"{HOSTS_CLASS} hello, again"
        assert compiled.exists() == existed
        assert sys.modules[HOSTS_CLASS].ProcessInput is ProcessInput
        assert "left behind" not in caplog.text


def test_a_reload_with_changed_bindings_gives_the_plugin_its_own(tmp_path):
    folder = project(tmp_path, "sharing_changed")
    with Host() as host:
        client = host.load(folder, TextProcessorClient)
        assert processed(client) == f"{HOSTS_CLASS} hello"
        change_copy(folder)
        host.reload("sharing_changed")
        own = "sharing_changed._generated.text_processor_v1.models"
        assert processed(client) == f"{own} hello"


def test_a_plugin_that_cannot_be_imported_leaves_nothing_of_it_behind(tmp_path):
    folder = project(tmp_path, "sharing_broken", source=PROCESSOR + "\nraise RuntimeError\n")
    before = set(sys.modules)
    with Host() as host, pytest.raises(Exception, match="RuntimeError"):
        host.load(folder, TextProcessorClient)
    assert not {name for name in set(sys.modules) - before if name.startswith("sharing_broken")}
    assert sys.modules[HOSTS_CLASS].ProcessInput is ProcessInput


def test_imports_of_other_threads_meanwhile_are_their_own_business(tmp_path, monkeypatch):
    folder = project(tmp_path, "sharing_thread")
    monkeypatch.syspath_prepend(str(folder))
    name = "sharing_thread._generated.text_processor_v1"
    with sharing_bindings([TEXT_PROCESSOR]):
        thread = threading.Thread(target=importlib.import_module, args=[name])
        thread.start()
        thread.join()
    assert sys.modules[name] is not text_processor_v1


def test_nothing_stays_on_the_path_of_imports(tmp_path):
    before = list(sys.meta_path)
    with Host() as host:
        host.load(project(tmp_path, "sharing_path"), TextProcessorClient)
        assert sys.meta_path == before
