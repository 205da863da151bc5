"""`scaffold new-plugin`: create a plugin project that runs at once."""

import sys
from collections.abc import Sequence
from pathlib import Path

from scaffold._cli.reporting.output import print_lines, print_message
from scaffold._project.config.errors import UsageError
from scaffold._project.config.hookspec_lookup import kind_names, named_hookspec
from scaffold._project.files.atomic_write import check_vacant, create_project
from scaffold._project.generate.generation_cache import FULL_CACHE
from scaffold._project.new_project import new_project, package_name


def new_plugin(
    name: str,
    *,
    kind: str | None,
    hookspecs: Path | None,
    runtimes: Sequence[str],
    language: str,
    defaults: bool,
    data: Sequence[str],
    output: Path,
) -> int:
    """Write the project into `output/name`, all of it or nothing."""
    folder = output / name
    package_name(name)
    check_vacant(folder)
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not defaults
    answers = _answers(data)
    if kind is None:
        kind = _ask_kind(hookspecs, interactive=interactive)
    project = new_project(
        name,
        named_hookspec(kind, hookspecs),
        runtimes=runtimes,
        language=language,
        answers=answers,
        defaults=defaults,
        interactive=interactive,
    )
    create_project(folder, project.files)
    # The first 'scaffold generate' finds in the cache what was generated here.
    key = FULL_CACHE.key_of(folder / project.settings.hookspecs, project.settings, folder)
    FULL_CACHE.keep({key: project.generated})
    print_lines([f"{folder}"])
    print_message(
        f"created {folder} ({len(project.files)} files); next: read {folder / 'README.md'}"
    )
    return 0


def _answers(data: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in data]
    if bad := [key + equals for key, equals, _ in pairs if not (key and equals)]:
        raise UsageError("data", f"--data '{bad[0]}' has no value", "use --data NAME=VALUE")
    return {key: value for key, _, value in pairs}


def _ask_kind(hookspecs: Path | None, *, interactive: bool) -> str:
    listed = ", ".join(f"'{name}'" for name in kind_names(hookspecs))
    if not interactive:
        message = "no answer for 'kind'"
        raise UsageError("missing-answers", message, f"pass --kind with one of {listed}")
    import typer

    answer: str = typer.prompt(f"The plugin's kind, one of {listed}")
    return answer
