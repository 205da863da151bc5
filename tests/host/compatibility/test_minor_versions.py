"""Hosts and plugins of two minor versions of a kind, in pairs, over every runtime."""

import asyncio
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from minors.greeter import host_side
from served_plugin import served

from scaffold.contract._errors.errors import InvalidInput, NoCapableHandler, UnsupportedHook
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import TextProcessorDispatcher

HERE = Path(__file__).parent
CLASSES = {"1.0.0": "OldPlugin", "1.1.0": "NewPlugin"}
RUNTIMES = ("in_process", "mcp_stdio", "mcp_http")
WANTED = Wanted("", "", "")


@contextmanager
def manifest(folder, version, runtime, name="p"):
    """Write the manifest of a plugin of a version, and serve it if it is for HTTP."""
    entry = f"minors.greeter:{CLASSES[version]}"
    arguments = ["-m", "scaffold.server", entry, "--name", name]
    with ExitStack() as stack:
        sections = f'entry_point = "{entry}"\n'
        if runtime == "mcp_stdio":
            command = ", ".join(f'"{word}"' for word in ("python", *arguments))
            sections = f'[mcp_stdio]\ncommand = [{command}]\nworking_dir = "{HERE}"\n'
        if runtime == "mcp_http":
            url = stack.enter_context(served(HERE, arguments))
            sections = f'[mcp_http]\nurl = "{url}"\n'
        file = folder / name / "dagstack.toml"
        file.parent.mkdir()
        file.write_text(
            f'name = "{name}"\nkind = "greeter"\nkind_api_version = "{version}"\n'
            f'runtime = "{runtime}"\n{sections}'
        )
        yield file.parent


def text(content, **more):
    return {"text": content, **more}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_newer_host_uses_an_older_plugin(tmp_path, runtime):
    with manifest(tmp_path, "1.0.0", runtime) as folder, Host() as host:
        calls = host.kind(host_side("1.1.0")[0])
        host.register(folder)
        host.start()
        assert (host.status["p"].state, host.status["p"].kind_version) == ("ready", "1.0.0")
        assert calls.greet(text("ann")) == text("greet ann")
        assert calls.gather(text("ann")) == [text("gather ann")]
        # The hooks that it lacks are absent, or say so.
        assert calls.count(text("ann")) == []
        calls.heard(text("ann"))
        with pytest.raises(NoCapableHandler):
            calls.polish(text("ann"))
        refused = "p: it has no hook 'part': it implements version 1.0.0 .* host has version 1.1.0"
        with pytest.raises(UnsupportedHook, match=refused) as caught:
            calls.part(text("ann"))
        assert caught.value.code == "unsupported_hook"
        with pytest.raises(UnsupportedHook, match="it has no hook 'fit'"):
            calls.fit(text("ann"), WANTED)
        # An optional property that the older contract forbids is refused when it is set.
        with pytest.raises(InvalidInput, match="mood"):
            calls.greet(text("ann", mood="glad"))
        host.check()
        assert host.status["p"].state == "ready"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_older_host_uses_a_newer_plugin(tmp_path, runtime):
    with manifest(tmp_path, "1.1.0", runtime) as folder, Host() as host:
        calls = host.kind(host_side("1.0.0")[0])
        host.register(folder)
        host.start()
        assert (host.status["p"].state, host.status["p"].kind_version) == ("ready", "1.1.0")
        assert calls.greet(text("ann")) == text("greet ann")
        assert calls.gather(text("ann")) == [text("gather ann")]


@pytest.mark.parametrize("runtime", ["in_process", "mcp_stdio"])
def test_an_event_loop_uses_plugins_of_both_versions(tmp_path, runtime):
    async def main(old, new):
        async with AsyncHost() as host:
            calls = host.kind(host_side("1.1.0")[1])
            host.register(old)
            host.register(new)
            host.configure("old", {})
            await host.start()
            assert {status.state for status in host.status.values()} == {"ready"}
            assert await calls.gather(text("ann")) == [text("gather ann")] * 2
            assert await calls.count(text("ann")) == [text("count ann")]
            assert await calls.polish(text("ann")) == text("polish ann")
            await calls.heard(text("ann"))
            client = host.client("old", host_side("1.1.0")[1].client)
            with pytest.raises(UnsupportedHook, match="old: it has no hook 'part'"):
                await client.part(text("ann"))

    with (
        manifest(tmp_path, "1.0.0", runtime, "old") as old,
        manifest(tmp_path, "1.1.0", runtime, "new") as new,
    ):
        for folder, priority in ((old, 1), (new, 2)):
            file = folder / "dagstack.toml"
            file.write_text(f"priority = {priority}\n{file.read_text()}")
        asyncio.run(main(old, new))


def test_a_plugin_that_lacks_a_hook_of_its_own_version_is_refused(tmp_path):
    """The manifest says the host's version: then the plugin is wrong, and it is not older."""
    with manifest(tmp_path, "1.0.0", "mcp_stdio") as folder, Host() as host:
        file = folder / "dagstack.toml"
        file.write_text(file.read_text().replace('"1.0.0"', '"1.1.0"'))
        host.kind(host_side("1.1.0")[0])
        host.register(folder)
        host.start()
        assert "the server offers no tool for hook 'part'" in host.status["p"].reason


@pytest.mark.parametrize("runtime", ["mcp_stdio", "mcp_http"])
def test_a_plugin_that_has_no_hook_of_the_kind_is_of_another_kind(tmp_path, runtime):
    with manifest(tmp_path, "1.0.0", runtime) as folder, Host() as host:
        file = folder / "dagstack.toml"
        text_processor = file.read_text().replace('"greeter"', '"text_processor"')
        file.write_text(text_processor.replace('"1.0.0"', '"1"'))
        host.kind(TextProcessorDispatcher)
        host.register(folder)
        host.start()
        assert "no hook of the kind text_processor 1.0.0" in host.status["p"].reason
