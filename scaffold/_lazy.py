"""Names of a package that are imported when they are first used.

This module imports nothing, so that a package which uses it costs nothing until a name is used.
"""

__all__ = ["import_name"]


def import_name(package: str, homes: dict[str, str], name: str) -> object:
    """Import one of a package's names from its module, and keep it in the package.

    `homes` has the module of each name. Raises `AttributeError` for any other name, as PEP 562 asks
    of a module's `__getattr__`.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    import sys
    from importlib import import_module

    found: object = getattr(import_module(homes[name]), name)
    vars(sys.modules[package])[name] = found
    return found
