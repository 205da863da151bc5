"""copier, run as on a machine without an owner: no settings, no questions, no hooks of git."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaffold.project.errors import PreconditionError
from scaffold.project.git import ISOLATED

__all__ = ["merge", "pristine"]


def merge(scratch: Path, facts: Mapping[str, str], *, to: str | None, trusted: bool) -> None:
    """Merge a version of the template into a project; `facts` are answers that are given anew.

    Commands of the template are run if it is `trusted`. Raises `PreconditionError`.
    """
    from copier import Settings, run_update

    with _copier():
        run_update(
            scratch,
            dict(facts),
            vcs_ref=to,
            settings=Settings(),
            defaults=True,
            overwrite=True,
            quiet=True,
            # Migrations are commands: those of our own templates are run, nobody else's.
            unsafe=trusted,
        )


def pristine(folder: Path, template: str, version: str, answers: dict[str, Any]) -> None:
    """Fill a folder with what a version of the template writes, to compare with.

    Raises `PreconditionError`.
    """
    from copier import Settings, run_copy

    with _copier():
        run_copy(
            template,
            folder,
            answers,
            vcs_ref=version,
            settings=Settings(),
            defaults=True,
            quiet=True,
            skip_tasks=True,
        )


@contextmanager
def _copier() -> Generator[None]:
    """Run copier as on a machine without an owner, and explain what it refuses."""
    from copier.errors import CopierError
    from plumbum import ProcessExecutionError, local

    try:
        with local.env(**ISOLATED):
            yield
    except (CopierError, ProcessExecutionError, ValueError) as error:
        message = f"the template cannot be merged: {' '.join(str(error).split())}"
        mend = "see what the template's repository says, or name another with --template"
        raise PreconditionError("template", message, mend) from error
