"""A plugin that cannot be used says why: once in the log, and with every call that misses it."""

import asyncio
import logging

import pytest

from scaffold.contract._errors.errors import HookError, NoCapableHandler, PluginError
from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorDispatcher,
    ProcessInput,
    TextProcessorClient,
    TextProcessorDispatcher,
)
from scaffold.kinds.tool_v1 import ExecuteInput, ToolDispatcher

BROKEN = """
[plugin]
name = "broken"
kind = "{kind}"
runtime = "in_process"
entry_point = "broken_plugin:Broken"
"""
CODE = "raise ImportError('libfoo.so is missing')\n"


@pytest.fixture
def folder(tmp_path):
    def make(kind):
        (tmp_path / "dagstack.toml").write_text(BROKEN.format(kind=kind))
        (tmp_path / "broken_plugin.py").write_text(CODE)
        return tmp_path

    return make


def errors(caplog):
    return [
        (record.name, record.getMessage())
        for record in caplog.records
        if record.levelno >= logging.ERROR
    ]


def test_a_plugin_that_cannot_start_is_logged_once_and_every_call_repeats_the_reason(
    folder, caplog
):
    with Host() as host:
        texts = host.kind(TextProcessorDispatcher)
        host.register(folder("text_processor"))
        host.start()
        for _ in range(2):
            with pytest.raises(
                NoCapableHandler, match=r"'broken' is unavailable: .*libfoo\.so is missing"
            ):
                texts.process(ProcessInput(text="a"))
    [(name, message)] = errors(caplog)
    assert name == "plugin.broken"
    assert "libfoo.so is missing" in message


def test_an_exception_that_cannot_tell_its_message_is_named_all_the_same(folder):
    path = folder("text_processor")
    (path / "broken_plugin.py").write_text(
        "class Wordless(Exception):\n"
        "    def __str__(self):\n"
        "        raise ValueError('no words')\n"
        "raise Wordless\n"
    )
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.register(path)
        host.start()
        assert host.status["broken"].reason == (
            "'broken_plugin' cannot be imported: Wordless: its message cannot be read "
            "(broken_plugin.py:4)"
        )


def test_who_asks_for_a_client_of_a_plugin_that_cannot_start_is_told_the_reason(folder):
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.register(folder("text_processor"))
        host.start()
        with pytest.raises(
            PluginError, match=r"broken: it is unavailable: .*libfoo\.so is missing"
        ):
            host.client("broken", TextProcessorClient)


def test_a_function_that_no_plugin_has_says_which_plugins_cannot_be_used(folder):
    with Host() as host:
        tools = host.kind(ToolDispatcher)
        host.register(folder("tool"))
        host.start()
        with pytest.raises(HookError, match=r"'broken' is unavailable: .*libfoo\.so is missing"):
            tools.execute(ExecuteInput(function="greet", args={}))


def test_an_event_loop_is_told_the_same(folder, caplog):
    async def run():
        async with AsyncHost() as host:
            texts = host.kind(AsyncTextProcessorDispatcher)
            host.register(folder("text_processor"))
            await host.start()
            with pytest.raises(NoCapableHandler, match=r"libfoo\.so is missing"):
                await texts.process(ProcessInput(text="a"))

    asyncio.run(run())
    assert [name for name, _ in errors(caplog)] == ["plugin.broken"]


def test_a_manifest_that_cannot_be_used_is_logged(tmp_path, caplog):
    (tmp_path / "dagstack.toml").write_text('[plugin]\nname = "broken"\nkind = 1\n')
    with Host() as host:
        host.register(tmp_path)
    [(_name, message)] = errors(caplog)
    assert "wrong-type" in message
