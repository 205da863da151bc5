"""The golden kinds, and everything that is written of them."""

from pathlib import Path

from scaffold.generator import compile_kind
from scaffold.generator._emit import emit
from scaffold.generator._emit.python.plugin_project import contract_test, manifest, plugin_stub

ROOT = Path(__file__).parents[3]


def golden():
    return sorted(path for path in ROOT.glob("tests/generator/golden/*/v*.yaml"))


def shipped():
    return sorted(ROOT.glob("hookspecs/*/v*.yaml"))


def everything(hookspec):
    """Write all files of a kind, as those of a plugin project whose package is named after it."""
    kind = compile_kind(hookspec)
    package, made = kind.name, "ExamplePlugin"
    return {
        f"{package}/plugin.py": plugin_stub(kind, package=package, class_name=made),
        **{f"{package}/_generated/{path}": text for path, text in emit(kind).items()},
        **{f"docs/{path}": text for path, text in emit(kind, "openrpc").items()},
        **{f"docs/{path}": text for path, text in emit(kind, "markdown").items()},
        f"tests/test_{package}.py": contract_test(kind, package=package, class_name=made),
        f"{package}.toml": manifest(kind, plugin=package, package=package, class_name=made),
    }


def write(folder, files):
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
