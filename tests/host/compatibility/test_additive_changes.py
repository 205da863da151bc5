"""Every change that `breaking` calls minor, as pairs of real plugins and hosts over every runtime.

The table is `minors/changes.yaml`: one kind has a hook for each row, in two minor versions.
"""

import asyncio
import inspect
import json
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from minors.pairs import VERSIONS, answer, bindings, rows, write_bindings
from served_plugin import served

from scaffold.contract._errors.errors import (
    HookError,
    InvalidInput,
    NoCapableHandler,
    RuntimeNotSupported,
    ScaffoldError,
    UnsupportedHook,
)
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.generator._compare.compare_kinds import compare
from scaffold.generator._compare.report import Bump
from scaffold.host import AsyncHost, Host

HERE = Path(__file__).parent
OTHERS = [("new", "old"), ("old", "new")]
SAME = [("old", "old"), ("new", "new")]
"""The version of a host, and that of its plugin."""
ABSENT = {"broadcast_collect": [], "broadcast_notify": None, "chain": NoCapableHandler}
"""What a call gets of a hook that the plugin lacks; of all other hooks it is `UnsupportedHook`."""


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Write the bindings of both versions; return their folder, and the kinds."""
    folder = tmp_path_factory.mktemp("sides")
    kinds = write_bindings(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", f"{folder}:{HERE}")
        yield SimpleNamespace(folder=folder, **kinds)
        for name in [name for name in sys.modules if name.startswith(("old_side", "new_side"))]:
            del sys.modules[name]


@contextmanager
def manifest(sides, tmp_path, side, runtime):
    """Write the manifest of a plugin of a version, and serve it if it is for HTTP."""
    entry = f"{side}_side.answers:Answers"
    command = ["-m", "scaffold.server", entry, "--name", "p"]
    with ExitStack() as stack:
        section = f'entry_point = "{entry}"\n'
        if runtime == "mcp_stdio":
            section = f"[mcp_stdio]\ncommand = {json.dumps(['python', *command])}\n"
        if runtime == "mcp_http":
            section = f'[mcp_http]\nurl = "{stack.enter_context(served(sides.folder, command))}"\n'
        file = tmp_path / side / "dagstack.toml"
        file.parent.mkdir()
        file.write_text(
            f'name = "p"\nkind = "pairs"\nkind_api_version = "{VERSIONS[side]}"\n'
            f'runtime = "{runtime}"\n{section}'
        )
        yield file.parent


def test_every_change_of_the_table_is_minor(sides):
    judged = {}
    for change in compare(sides.old, sides.new).changes:
        judged[change.hook] = max(judged.get(change.hook, Bump.NONE), change.bump)
    assert {name: bump for name, bump in judged.items() if bump > Bump.MINOR} == {}
    assert judged.keys() >= {name for name, row in rows().items() if "old" not in row}


def inputs(row, host, plugin):
    """Yield each input that a host of a version may send, and whether the plugin accepts it."""
    yield row.get("sends", {}), True
    if host == "new" and "newer" in row:
        yield row["newer"], plugin == "new"


def expected(row, host, plugin, runtime, *, accepted):
    """Return the answer of a call as JSON, or the class or code of its error."""
    dispatch = row.get("dispatch", "singleton")
    if row.get("lists_functions"):
        absent = UnsupportedHook if runtime == "in_process" else []  # `tools/list` is never absent
        return answer(row, plugin) if plugin in row else absent
    if plugin not in row and "catalogue" in row[host]:
        return "unknown_function"
    if runtime != "in_process" and not row[host].get("mcp_exposed", True):
        return ABSENT.get(dispatch, RuntimeNotSupported)
    if plugin not in row:
        return ABSENT.get(dispatch, UnsupportedHook)
    if runtime != "in_process" and not row[plugin].get("mcp_exposed", True):
        return UnsupportedHook
    if not accepted:
        return InvalidInput
    if plugin == "new" and "raises" in row:
        return row["raises"]
    if dispatch == "broadcast_notify":
        return None
    told = answer(row, plugin)
    return [told] if dispatch == "broadcast_collect" else told


def arguments(hook, value):
    """Return what a dispatcher's method takes."""
    payload = [] if hook.input.python_type is None else [hook.input.load(json.dumps(value))]
    return payload if hook.dispatch != "capability" else [*payload, Wanted()]


def as_json(hook, result):
    """Return an answer as JSON, or what tells an error from others."""
    if isinstance(result, Exception):
        told = type(result)
        return result.code if told is HookError else told
    if isinstance(result, list) and (hook.streams or hook.dispatch == "broadcast_collect"):
        return [json.loads(hook.output.dump(item)) for item in result]
    if hook.dispatch == "broadcast_notify":
        return result
    return json.loads(hook.output.dump(result))


def wrong(host, plugin, runtime, call):
    """Make all calls of a pair; return those that have not ended as expected."""
    found = {}
    for name, hook in bindings(host).kind.hooks.items():
        row = rows()[name]
        for value, accepted in inputs(row, host, plugin):
            want = expected(row, host, plugin, runtime, accepted=accepted)
            got = as_json(hook, call(name, arguments(hook, value)))
            if got != want:
                found[name, accepted] = (got, want)
    return found


def pairs(runtimes, few, many):
    """Parametrise by pairs and runtimes; those over other runtimes than `runtimes` are slow."""
    cases = [(*pair, runtime) for pair in few for runtime in runtimes]
    slow = [(*pair, one) for pair in many for one in ("in_process", "mcp_stdio", "mcp_http")]
    rest = [pytest.param(*case, marks=pytest.mark.slow) for case in slow if case not in cases]
    return pytest.mark.parametrize(("host", "plugin", "runtime"), [*cases, *rest])


@pairs(["in_process", "mcp_stdio"], few=OTHERS, many=[*OTHERS, *SAME])
def test_a_host_calls_a_plugin_of_another_minor_version(sides, tmp_path, host, plugin, runtime):
    with manifest(sides, tmp_path, plugin, runtime) as folder, Host() as ours:
        calls = ours.kind(bindings(host).dispatcher)

        def call(name, given):
            try:
                result = getattr(calls, name)(*given)
                return list(result) if inspect.isgenerator(result) else result
            except ScaffoldError as error:
                return error

        ours.register(folder)
        ours.start()
        status = ours.status["p"]
        assert (status.state, status.reason) == ("ready", "")
        assert status.kind_version == VERSIONS[plugin]
        assert wrong(host, plugin, runtime, call) == {}
        ours.check()
        assert (ours.status["p"].state, ours.status["p"].reason) == ("ready", "")


@pairs(["mcp_stdio"], few=OTHERS[:1], many=OTHERS)
def test_an_event_loop_calls_a_plugin_of_another_minor_version(
    sides, tmp_path, host, plugin, runtime
):
    with manifest(sides, tmp_path, plugin, runtime) as folder, asyncio.Runner() as loop:
        ours = AsyncHost()
        calls = ours.kind(bindings(host).async_dispatcher)

        async def made(name, given):
            try:
                result = getattr(calls, name)(*given)
                return [one async for one in result] if inspect.isasyncgen(result) else await result
            except ScaffoldError as error:
                return error

        ours.register(folder)
        loop.run(ours.start())
        assert ours.status["p"].state == "ready", ours.status["p"].reason
        assert wrong(host, plugin, runtime, lambda name, given: loop.run(made(name, given))) == {}
        loop.run(ours.aclose())
