"""The contract of a plugin whose host has no bindings of its kind."""

from pathlib import Path

from pydantic_core import from_json

from scaffold import kinds
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.hook import Kind
from scaffold.manifest._model import Manifest


def untyped_kind(manifest: Manifest) -> Kind:
    """Return the plugin's kind, untyped: from its own generated contract, or from those shipped.

    Raises `PluginError` if neither is there.
    """
    name = f"{manifest.kind}_v{manifest.major}"
    own = sorted(manifest.folder.glob(f"*/_generated/{name}/contract.json"))
    for file in [*own, Path(*kinds.__path__) / name / "contract.json"]:
        if file.is_file():
            return Kind.from_contract(from_json(file.read_bytes()))
    raise PluginError(
        manifest.name,
        f"nothing here tells what the kind {manifest.kind} {manifest.kind_api_version} is: "
        f"no '_generated/{name}/contract.json' in its folder, and none is shipped",
    )
