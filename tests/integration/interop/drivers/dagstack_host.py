"""A host on dagstack-plugin-system: tries plugins of ours in process, and prints JSON.

Takes the folder with the projects, and the one with the plugin that is for both hosts.
"""

import asyncio
import json
import logging
import sys
import tomllib
from pathlib import Path
from typing import Any

from dagstack.plugin_system import PluginRegistry
from dagstack.plugin_system.context import PluginContext
from dagstack.plugin_system.dispatch import BroadcastCollectDispatcher, ChainDispatcher
from dagstack.plugin_system.errors import PluginRegistryError
from dagstack.plugin_system.manifest import load_manifest, load_manifest_from_dict

ROOT = Path(sys.argv[1])
FOLDERS = sorted(path.parent for path in ROOT.glob("*/dagstack.toml"))
KEPT = ("name", "kind", "kind_api_version", "entry_point")
"""What it takes of our manifests as it is."""


class Refusals(logging.Handler):
    """Keeps what is logged: what the package leaves out it does not raise."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


def refused(call: Any) -> str:
    """Return what a call raises."""
    try:
        call()
    except (PluginRegistryError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def main() -> None:
    refusals = Refusals()
    logging.getLogger("dagstack").addHandler(refusals)
    registry = PluginRegistry()
    found: dict[str, Any] = {
        "discovered": [one.name for one in registry.discover(ROOT)],
        "skipped": refusals.told[:],
    }
    for folder in FOLDERS:
        ours = tomllib.loads((folder / "dagstack.toml").read_text("utf-8"))["plugin"]
        plain = {
            **{key: ours[key] for key in KEPT},
            "schema_version": "1",
            "core_version": ">=0.4",
            "runtime": "in_process",
        }
        if folder == FOLDERS[0]:
            refusals.told.clear()
            (ROOT / "plain" / ours["name"]).mkdir(parents=True)
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
            (ROOT / "plain" / ours["name"] / "dagstack.toml").write_text(lines)
            registry.discover(ROOT / "plain")
            found["dotted"] = refusals.told[:]
        sys.path.insert(0, str(folder))
        registry.register_manifest(load_manifest_from_dict(plain))
    found["loaded"] = sorted(one.name for one in registry.list_manifests())

    context = PluginContext(config={}, logger=logging.getLogger("host"), registry=registry)
    refusals.told.clear()
    await registry.setup_all(context)
    found["setup"] = refusals.told[:]

    from my_tool._generated.tool_v1 import ExecuteInput

    tool = registry.get_plugin("tool")
    found["functions"] = [one.name for one in tool.get_schema()]
    found["answer"] = tool.execute(ExecuteInput(function="greet", args={"name": "Ada"})).result
    found["unchecked"] = refused(lambda: tool.execute({"function": "greet"}))

    collect = BroadcastCollectDispatcher(registry)
    found["collect"] = str(collect.dispatch("tool", "get_schema", context)[1])
    found["other_kinds"] = refused(
        lambda: ChainDispatcher(registry).dispatch("text_processor", "process", context)
    )
    await registry.teardown_all()
    both = PluginRegistry()
    both.discover(sys.argv[2])
    found["both"] = both.get_plugin("tool", "both").get_schema()[0].name
    found["project"] = refused(lambda: load_manifest(FOLDERS[0] / "pyproject.toml"))
    print(json.dumps(found))


asyncio.run(main())
