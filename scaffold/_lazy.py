"""Public names of a package that are imported at their first use.

This module imports nothing, so that a package that uses it costs nothing until a name is used.
"""


def import_name(package: str, homes: dict[str, str], name: str) -> object:
    """Import a public name of a package from its module, and store it in the package.

    Args:
        package: The package whose `__getattr__` is called (PEP 562).
        homes: The module of each public name.
        name: The name.

    Raises:
        AttributeError: The package has no such name.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    import sys
    from importlib import import_module

    found: object = getattr(import_module(homes[name]), name)
    vars(sys.modules[package])[name] = found
    return found
