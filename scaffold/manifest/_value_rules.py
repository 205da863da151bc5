"""The rules that a manifest's values obey, beyond their types."""

import os
import re
from typing import Annotated, Any, Final, Literal, LiteralString, NoReturn, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

from scaffold._printable import printable_line

CORE_VERSION: Final = "0.4.1"
"""The release of dagstack's plugin system whose manifests and lifecycle this host follows.

A manifest's `core_version` is a range of these, not of scaffold's own versions, so that one
manifest serves both hosts.
"""

_LONGEST_NAME: Final = 214
"""Characters: the limit of the registry of npm, whose `package.json` may be a manifest."""

Runtime: TypeAlias = Literal["in_process", "mcp_stdio", "mcp_http"]
"""How a plugin is reached: in this process, as a child process, or at a URL."""


def _refuse(code: LiteralString, message: str, help_: str) -> NoReturn:
    raise PydanticCustomError(code, "{message}", {"message": message, "help": help_})


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _no_twins(runtimes: tuple[Runtime, ...]) -> tuple[Runtime, ...]:
    for runtime in runtimes:
        if runtimes.count(runtime) > 1:
            _refuse("duplicate", f"'{runtime}' is listed twice", "list each runtime once")
    return runtimes


def _plugin_name(name: str) -> str:
    # Names are shown on terminals and are parts of names of loggers.
    if name != name.strip() or name != printable_line(name) or "\t" in name:
        help_ = "a short word, such as 'demo'"
        message = f"'{printable_line(name)}' has characters that a name may not have"
        _refuse("invalid-plugin-name", message, help_)
    return name


def _schema_version(version: str) -> str:
    if not re.fullmatch(r"1(\.\d+){0,2}", version):
        _refuse(
            "schema-version", f"'{version}' is not a known version of the manifest format", "'1'"
        )
    return version


def _version(version: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?)?", version):
        help_ = "a major version, such as '1', or all of it, such as '1.0.0'"
        _refuse("invalid-version", f"'{version}' is not a version of a kind", help_)
    return version


def _core_range(wanted: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(wanted).contains(CORE_VERSION, prereleases=True)
    except InvalidSpecifier:
        help_ = "a range as PEP 440 writes it, such as '>=0.4,<1'"
        _refuse("invalid-range", f"'{wanted}' is not a range of versions", help_)
    if not fits:
        help_ = "widen the range if the plugin works here, or take another release of the plugin"
        message = f"the plugin needs core version '{wanted}', and this host has {CORE_VERSION}"
        _refuse("core-version", message, help_)
    return wanted


def _entry_point(entry: str) -> str:
    # Other languages name a file: such an entry point is not for this host, and no mistake.
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", entry) and "/" not in entry:
        help_ = "'module:Class', such as 'demo.plugin:DemoPlugin'"
        _refuse("invalid-entry-point", f"'{entry}' names no class in a module", help_)
    return entry


def _url(url: str) -> str:
    # The URL is not repeated in a message: it may hold a password.
    help_ = "such as 'http://127.0.0.1:8080/mcp'"
    try:
        parts = urlsplit(url)
        host, password = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError as error:
        _refuse("invalid-url", f"it is not a URL: {error}", help_)
    if parts.scheme not in {"http", "https"} or not host:
        _refuse("invalid-url", "it is not an http or https URL", help_)
    if password:
        help_ = "name the variable that holds the secret with 'auth_secret_env'"
        _refuse("secret-in-url", "the URL holds a user name or a password", help_)
    return url


def _tls_verify(verify: object) -> object:
    if verify is False and os.environ.get("SCAFFOLD_ENV") != "development":
        help_ = "name your authority with 'tls_ca_bundle', or set SCAFFOLD_ENV=development"
        _refuse("tls-verify-off", "certificates are left unchecked in development only", help_)
    return verify


Strings: TypeAlias = Annotated[tuple[str, ...], Strict(strict=False)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
PluginName: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_plugin_name)
]
Seconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Runtimes: TypeAlias = Annotated[
    tuple[Runtime, ...],
    Strict(strict=False),
    Field(min_length=1),
    AfterValidator(_no_twins),
    BeforeValidator(_one_or_many),
]
SchemaVersion: TypeAlias = Annotated[str, AfterValidator(_schema_version)]
Version: TypeAlias = Annotated[str, AfterValidator(_version)]
CoreRange: TypeAlias = Annotated[str, AfterValidator(_core_range)]
EntryPoint: TypeAlias = Annotated[str, AfterValidator(_entry_point)]
Url: TypeAlias = Annotated[str, AfterValidator(_url)]
TlsVerify: TypeAlias = Annotated[bool, AfterValidator(_tls_verify)]
