"""The manifest of a plugin: its model, its file, its checks, and what it allows a host to do."""

from scaffold._lazy import import_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scaffold.manifest._model import CORE_VERSION, Manifest, Runtime, read_manifest

__all__ = [
    "CORE_VERSION",
    "Manifest",
    "Runtime",
    "read_manifest",
]

_HOMES = {
    "CORE_VERSION": "scaffold.manifest._model",
    "Manifest": "scaffold.manifest._model",
    "Runtime": "scaffold.manifest._model",
    "read_manifest": "scaffold.manifest._model",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        return import_name(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*__all__]
