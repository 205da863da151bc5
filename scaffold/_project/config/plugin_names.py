"""The names of a plugin: of its distribution, its package and its class."""

import keyword
import re
import sys

from scaffold._project.config.errors import UsageError

# A distribution's name as the Python packaging specification has it, short enough for the names of
# MCP tools: clients take 64 characters, and a function's name must fit next to it.
_NAME = re.compile(r"[a-z0-9]|[a-z0-9][a-z0-9._-]{0,38}[a-z0-9]", re.IGNORECASE)

RESERVED = frozenset(
    {
        # what a plugin imports: `python -m` puts the project's folder first on the path
        "httptools",
        "jsonschema_rs",
        "mcp",
        "msgspec",
        "packaging",
        "pydantic",
        "pydantic_core",
        "pyreqwest",
        "pytest",
        "scaffold",
        "typing_extensions",
        "uvicorn",
        # the other folders of the project
        "docs",
        "hookspecs",
        "tests",
    }
)


def package_name(name: str) -> str:
    """Return the package of the plugin `name`; raise `UsageError` if the name cannot be used."""
    help_ = "use letters, digits, '-', '_' and '.', with a letter or a digit at both ends"
    if not _NAME.fullmatch(name):
        message = f"'{name}' is not a plugin name of 1 to 40 characters"
        raise UsageError("invalid-name", message, help_)
    package = re.sub(r"[-_.]+", "_", name).lower()
    if (reason := _refusal(package)) is not None:
        message = f"a plugin cannot be called '{name}': its package '{package}' {reason}"
        raise UsageError("invalid-name", message, "choose another name, such as 'my-plugin'")
    return package


def _refusal(package: str) -> str | None:
    if not package.isidentifier():
        return "would start with a digit"
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        return "is a keyword of Python"
    if package in sys.stdlib_module_names:
        return "would hide a module of the standard library"
    if package in RESERVED:
        return "would hide a package that the plugin needs"
    return None


def class_name(package: str, contract: str) -> str:
    """Return the name of the plugin's class, other than that of its `contract` class."""
    words = "".join(word.capitalize() for word in package.removesuffix("_plugin").split("_"))
    name = f"{words}Plugin"
    return f"My{name}" if name == contract else name
