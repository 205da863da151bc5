import sys
from pathlib import Path

import pytest

from scaffold.contract._errors.errors import PluginError, PluginLoadError, RuntimeNotSupported
from scaffold.host import Host
from scaffold.kinds.tool_v1 import ExecuteInput, ToolClient

PLUGINS = Path(__file__).parent / "plugins"

BODY = """
from scaffold.contract import PluginContext
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

ANY = {"type": "object"}

class Demo(ToolPlugin):
    def get_schema(self):
        return [Function(name="where", description="Tells its module.", parameters=ANY)]

    def execute(self, payload):
        return ExecuteOutput(result=__name__)
"""


def plugin(folder: Path, source: str, *, module: str = "demo_plugin", **more: str) -> Path:
    """Write a plugin of one file and its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    keys = {
        "name": folder.name,
        "kind": "tool",
        "runtime": "in_process",
        "entry_point": f"{module}:Demo",
        **more,
    }
    lines = [f"{key} = {value!r}" for key, value in keys.items()]
    (folder / "dagstack.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


def where(host: Host, folder: Path) -> str:
    tool = host.load(folder, ToolClient)
    return str(tool.execute(ExecuteInput(function="where", args={})).result)


def refusal(folder: Path) -> str:
    before = set(sys.modules)
    with Host() as host, pytest.raises(PluginLoadError) as caught:
        host.load(folder, ToolClient)
    assert not host.plugins
    left = {name for name in set(sys.modules) - before if name.startswith("demo_plugin")}
    assert "cannot be imported" not in str(caught.value) or not left
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import json\n\ndef broken():\n    json.loads('{')\n\nbroken()\n",
            (
                "'demo_plugin' cannot be imported: JSONDecodeError: Expecting property name "
                "enclosed in double quotes: line 1 column 2 (char 1) (demo_plugin.py:4)"
            ),
        ),
        (
            "import surely_not_installed\n",
            (
                "'demo_plugin' cannot be imported: ModuleNotFoundError: "
                "No module named 'surely_not_installed' (demo_plugin.py:1)"
            ),
        ),
        (
            "x = 1\nclass\n",
            (
                "'demo_plugin' cannot be imported: SyntaxError: "
                "invalid syntax (demo_plugin.py, line 2) (demo_plugin.py:2)"
            ),
        ),
        (
            "raise SystemExit(3)\n",
            "'demo_plugin' cannot be imported: SystemExit: 3 (demo_plugin.py:1)",
        ),
        (BODY.replace("Demo", "Demon"), "'demo_plugin' has no 'Demo'; did you mean 'Demon'?"),
        ("Demo = 5\n", "'demo_plugin:Demo' is not a subclass of Plugin"),
        (
            "from scaffold.contract import Plugin\nclass Demo(Plugin): ...\n",
            "'Demo' has no kind: derive it from a kind's own base",
        ),
        (
            "from scaffold.kinds.tool_v1 import ToolPlugin\nclass Demo(ToolPlugin): ...\n",
            "'Demo' does not implement 'execute', 'get_schema'",
        ),
        (
            f"{BODY}\n    def __init__(self):\n        raise KeyError('token')\n",
            "'Demo' cannot be made: KeyError: 'token' (demo_plugin.py:15)",
        ),
        (
            f"{BODY}\n    def setup(self, context):\n        raise OSError('two\\nlines')\n",
            "setup failed: OSError: two (demo_plugin.py:15)",
        ),
        (
            f"{BODY}\n    async def setup(self, context):\n        raise OSError('no')\n",
            "setup failed: OSError: no (demo_plugin.py:15)",
        ),
        (
            f"{BODY}\n    def setup(self, context):\n        raise TimeoutError('theirs')\n",
            "setup failed: TimeoutError: theirs (demo_plugin.py:15)",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_in_one_line(tmp_path, source, reason):
    assert refusal(plugin(tmp_path / "demo", source)) == reason


def test_a_plugin_whose_setup_hangs_is_given_up(tmp_path):
    body = (
        f"{BODY}\n    def setup(self, context):\n        __import__('threading').Event().wait()\n"
    )
    folder = plugin(tmp_path / "demo", body)
    with (folder / "dagstack.toml").open("a", encoding="utf-8") as manifest:
        manifest.write("\nstartup_timeout_sec = 0.05\n")

    assert refusal(folder) == "setup failed: it did not end within 0.05 s"


def test_a_module_that_is_nowhere_is_named(tmp_path):
    folder = plugin(tmp_path / "demo", BODY, entry_point="not_there.at_all:Demo")

    assert refusal(folder) == (
        "module 'not_there.at_all' was found neither in its folder nor among installed packages"
    )


def test_a_plugin_of_another_kind_than_its_manifest_says_is_refused(tmp_path):
    folder = plugin(tmp_path / "demo", BODY, kind_api_version="2")
    with Host() as host, pytest.raises(PluginError, match="demo: it is of kind tool 2, and Tool"):
        host.load(folder, ToolClient)
    with Host() as host, pytest.raises(PluginError, match="nothing here tells what the kind tool"):
        host.open(folder)


def test_a_class_of_another_kind_than_its_manifest_says_is_refused(tmp_path):
    source = f"""{BODY}
from scaffold.contract import Kind
class Other(Demo):
    kind = Kind("chunker", "1.0.0", (), digest="", contract={{}})
"""
    folder = plugin(tmp_path / "demo", source, entry_point="demo_plugin:Other")

    assert refusal(folder) == "'Other' is of kind chunker 1.0.0, not tool 1"


def test_modules_of_one_name_in_two_plugins_do_not_meet(tmp_path):
    first = plugin(tmp_path / "first", BODY, module="twin_package.inner")
    second = plugin(
        tmp_path / "second",
        "from .constants import ANSWER\n" + BODY.replace("__name__", "ANSWER"),
        module="twin_package.inner",
    )
    for folder in (first, second):
        (folder / "twin_package/__init__.py").write_text("", encoding="utf-8")
    (second / "twin_package/constants.py").write_text("ANSWER = __name__\n", encoding="utf-8")
    path = list(sys.path)

    with Host() as host:
        assert where(host, first) == "twin_package.inner"
        mangled = where(host, second)

    assert mangled.startswith("twin_package_")
    assert mangled.endswith(".constants")
    assert sys.path == path
    assert sys.modules["twin_package"].__file__ == str(first / "twin_package/__init__.py")


def test_a_plugin_does_not_take_the_name_of_an_installed_module(tmp_path):
    folder = plugin(tmp_path / "demo", BODY, module="pluggy")

    with Host() as host:
        assert where(host, folder).startswith("pluggy_")


def test_a_folder_without_an_init_file_is_a_package_too(tmp_path):
    with Host() as host:
        folder = plugin(tmp_path / "demo", BODY, module="bare_package.inner.deep")
        assert where(host, folder) == "bare_package.inner.deep"


def test_one_folder_is_imported_once(tmp_path):
    folder = plugin(tmp_path / "demo", BODY + "\nTOKEN = object()\n", module="imported_once")
    with Host() as host:
        where(host, folder)
        token = sys.modules["imported_once"].TOKEN
    with Host() as host:
        where(host, folder)
        assert sys.modules["imported_once"].TOKEN is token


def test_a_module_that_fails_half_way_can_be_loaded_once_it_is_mended(tmp_path):
    folder = plugin(tmp_path / "demo", BODY, module="half_way.inner")
    (folder / "half_way/__init__.py").write_text("", encoding="utf-8")
    (folder / "half_way/inner.py").write_text("from . import sibling\n1 / 0\n", encoding="utf-8")
    (folder / "half_way/sibling.py").write_text("", encoding="utf-8")

    assert refusal(folder).endswith("ZeroDivisionError: division by zero (half_way/inner.py:2)")
    assert not [name for name in sys.modules if name.startswith("half_way")]

    (folder / "half_way/inner.py").write_text(BODY + "\n# mended\n", encoding="utf-8")
    with Host() as host:
        assert where(host, folder) == "half_way.inner"


def test_an_installed_package_serves_a_folder_that_has_only_a_manifest(tmp_path, monkeypatch):
    plugin(tmp_path / "site", BODY, module="installed_demo.plugin")
    folder = plugin(tmp_path / "demo", "", entry_point="installed_demo.plugin:Demo")
    monkeypatch.syspath_prepend(tmp_path / "site")

    with Host() as host:
        assert where(host, folder) == "installed_demo.plugin"


def test_an_entry_point_in_another_language_is_not_for_this_host(tmp_path):
    folder = plugin(tmp_path / "demo", "", entry_point="./dist/index.js")

    with Host() as host, pytest.raises(RuntimeNotSupported) as caught:
        host.load(folder, ToolClient)
    assert caught.value.reason == "the manifest offers in_process; this host can use none of them"


def test_a_system_without_posix_reaches_no_processes(monkeypatch):
    monkeypatch.setattr("scaffold.manifest._compatibility.HAS_PIPES", False)
    with Host() as host, pytest.raises(RuntimeNotSupported) as caught:
        host.load(PLUGINS / "teller", ToolClient, runtime="mcp_stdio")
    assert "this host can use in_process, and was asked for mcp_stdio" in caught.value.reason


def test_a_runtime_that_the_manifest_does_not_offer_is_refused():
    with Host() as host, pytest.raises(RuntimeNotSupported) as caught:
        host.load(PLUGINS / "echo", ToolClient, runtime="mcp_http")
    assert caught.value.reason == (
        "the manifest offers in_process; this host can use in_process, and was asked for mcp_http"
    )
