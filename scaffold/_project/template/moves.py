"""Files that a template has moved: where the author's edits of them belong now.

`_moves` in `copier.yml` maps old paths to new ones; both may hold answers, as the names of template
files do. It is what a migration does elsewhere, without a command.
"""

from msgspec import ValidationError, convert

from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import Files
from scaffold._project.template.rendering import RenderedTemplate


def moved_files(base: Files, new: RenderedTemplate, name: str) -> dict[str, str]:
    """Return the old path of each file that the new version has under another name.

    Args:
        base: What the version of before makes.
        new: What the new version makes.
        name: What the person calls the new version, for messages.
    """
    try:
        listed = convert(new.config.get("moves", {}), dict[str, str])
    except ValidationError as error:
        raise _bad(name, str(error)) from error
    found = {_path(to, new, name): _path(old, new, name) for old, to in listed.items()}
    return {
        to: old
        for to, old in found.items()
        if old in base and to not in base and to in new.files and old not in new.files
    }


def _path(text: str, rendering: RenderedTemplate, name: str) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return SandboxedEnvironment().from_string(text).render(**rendering.answers)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise _bad(name, f"'{text}': {error}") from error


def _bad(name: str, reason: str) -> PreconditionError:
    return PreconditionError("template", f"{name}: '_moves' in its 'copier.yml': {reason}")
