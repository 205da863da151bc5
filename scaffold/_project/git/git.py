"""Git as this project runs it: the only module that starts it.

A repository decides a lot about the git that works in it: its settings name programs (hooks, file
system monitors, filters, pagers), and its objects may be fetched from elsewhere. There are three
uses, and each turns off as much of that as it can:

- `run_read_only` reads a repository of other people. Nothing in the repository runs a program,
  writes a file or reaches a network. The user's own settings apply: they say which folders of
  other users are safe (`safe.directory`), and which files git never shows (`core.excludesFile`).
- `run_isolated` runs on repositories and files of this program. No settings apply.
- `clone` reaches a repository that the user has named, with the user's own access: credentials,
  proxies, keys, certificates, other names of addresses. The copy has none of it.

`docs/decisions/0030-git-and-templates.md` has the reasons, and which version of git knows what.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from scaffold._project.config.errors import PreconditionError
from scaffold._project.git.special_files import refuse_special

LEAST: Final = (2, 30)
"""The oldest version of git that is run: that of Debian 11."""
_SECONDS: Final = 120.0
"""How long git may read a repository of other people; its settings may name a pipe."""

_CONFLICTS: Final = range(128)
"""The exit status of `git merge-file`: how many conflicts there are, at most 127."""

_OFF: Final = {
    "core.alternateRefsCommand": "false",
    "core.askPass": "",
    "core.attributesFile": os.devnull,
    "core.editor": "false",
    # Not "false": git before 2.36 takes that for the name of a program.
    "core.fsmonitor": "",
    "core.gitProxy": "",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.untrackedCache": "false",
    "credential.helper": "",
    "diff.external": "",
    "gc.auto": "0",
    "gpg.program": "false",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
"""Settings by which a repository could run a program, reach a network or lead elsewhere."""
_OFF_FOR_CLONES: Final = {
    key: _OFF[key] for key in ("core.fsmonitor", "core.hooksPath", "gc.auto", "maintenance.auto")
}
"""The same for a clone, which has the person's access: it must neither start nor change more."""

_QUIET: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}
_OFFLINE: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
}
_NO_OWNER: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    # Git before 2.32 does not know GIT_CONFIG_GLOBAL.
    "HOME": os.devnull,
    "XDG_CONFIG_HOME": os.devnull,
    # Whatever repository is around a temporary folder is not the one that is meant.
    "GIT_DIR": os.devnull,
}
_OF_THE_PERSON: Final = re.compile(
    r"GIT_(CONFIG_(COUNT|KEY_\d+|VALUE_\d+|PARAMETERS|GLOBAL|SYSTEM|NOSYSTEM)"
    r"|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH)"
)
"""Variables that say how a person's git is set up. All others speak of one repository."""
_ACCESS: Final = re.compile(
    _OF_THE_PERSON.pattern
    + r"|GIT_(ASKPASS|SSH|SSH_COMMAND|SSH_VARIANT|PROXY_COMMAND|PROXY_SSL_.*|SSL_.*"
    r"|HTTP_.*|ALLOW_PROTOCOL|PROTOCOL|TRACE.*|CURL_VERBOSE|TERMINAL_PROMPT)"
)


def run_read_only(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """Read the repository that a folder of other people lies in.

    Args:
        folder: Where git starts to look for the repository.
        arguments: The subcommand, which must not write, filter or compare files, and its options.
        given: What git reads from its standard input.

    Returns:
        What git prints, or None if it refuses.

    Raises:
        PreconditionError: `no-git` or `git-version` if there is no usable git; `git` if it does
            not end in two minutes; `bare-repository` if a folder around is one; `special-file` if
            the repository has a file that git would wait for.
    """
    _refuse_embedded(folder)
    environment = {**_environment(_OF_THE_PERSON), **_QUIET, **_OFFLINE}
    ended = _run(folder, arguments, given, environment=environment, settings=_OFF)
    return None if ended.returncode else ended.stdout


def run_isolated(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """Run git on a bare repository of this program, which `--git-dir` names.

    Args:
        folder: Where git runs.
        arguments: The subcommand and its options.
        given: What git reads from its standard input.

    Returns:
        What git prints, or None if it refuses.
    """
    ended = _alone(folder, arguments, given)
    return None if ended.returncode else ended.stdout


def merge_files(
    folder: Path, names: tuple[str, str, str], labels: tuple[str, str, str]
) -> tuple[bytes, bool]:
    """Merge the lines of three files in a folder of this program: ours, base and theirs.

    Args:
        folder: Where the files are.
        names: The names of the files.
        labels: What conflict markers call them.

    Returns:
        The merged text, and False if there are conflicts in it.

    Raises:
        PreconditionError: `git` if git fails.
    """
    marks = [part for label in labels for part in ("-L", label)]
    ended = _alone(folder, ("merge-file", "-p", "-q", *marks, *names))
    if ended.returncode not in _CONFLICTS:
        raise PreconditionError("git", f"'git merge-file' failed: {_reason(ended)}")
    return ended.stdout, ended.returncode == 0


def _alone(
    folder: Path, arguments: tuple[str, ...], given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    environment = {**_environment(None), **_QUIET, **_OFFLINE, **_NO_OWNER}
    return _run(folder, arguments, given, environment=environment, settings=_OFF)


def clone(source: str, target: Path) -> None:
    """Copy a repository that the person has named into a new bare one, with all its tags.

    The person's settings apply, as if they had run `git clone`; no submodule is fetched.

    Raises:
        PreconditionError: `template` with what git says if the source cannot be read.
    """
    options = ("--bare", "--quiet", "--no-local", "--template=", "--no-recurse-submodules")
    environment = {**_environment(_ACCESS), **_QUIET}
    ended = _run(
        target.parent,
        ("clone", *options, "--", source, str(target)),
        environment=environment,
        settings=_OFF_FOR_CLONES,
        seconds=None,  # the network's affair
    )
    if ended.returncode:
        message = f"'{source}' cannot be fetched: {_reason(ended)}"
        advice = "name what 'git clone' can read; your own settings of git apply"
        raise PreconditionError("template", message, advice)


def _environment(kept: "re.Pattern[str] | None") -> dict[str, str]:
    """Return the environment without what it says of git, but for the variables that are kept."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or (kept is not None and kept.fullmatch(key))
    }


def _run(
    folder: Path,
    arguments: tuple[str, ...],
    given: bytes = b"",
    *,
    environment: Mapping[str, str],
    settings: Mapping[str, str],
    seconds: float | None = _SECONDS,
) -> "subprocess.CompletedProcess[bytes]":
    switches = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    program = _program()
    try:
        return subprocess.run(
            [program, *switches, *arguments],
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        message = f"'git {arguments[0]}' did not end in {_SECONDS:.0f} seconds in '{folder}'"
        raise PreconditionError("git", message, "look at the settings in '.git/config'") from error


def _reason(ended: "subprocess.CompletedProcess[bytes]") -> str:
    return " ".join(os.fsdecode(ended.stderr).split()) or f"status {ended.returncode}"


def _program() -> str:
    """Return where git is; never in the folder that it reads."""
    places = [
        each for each in os.environ.get("PATH", "").split(os.pathsep) if Path(each).is_absolute()
    ]
    found = shutil.which("git", path=os.pathsep.join(places))
    if found is None or not Path(found).is_absolute():
        message = "there is no 'git' on this machine"
        raise PreconditionError("no-git", message, "install git")
    _check_version(found)
    return found


@cache
def _check_version(program: str) -> None:
    said = subprocess.run(
        [program, "--version"], capture_output=True, check=False, text=True
    ).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < LEAST:
        message = f"'{program}' is too old: '{said.strip()}'"
        least = ".".join(map(str, LEAST))
        raise PreconditionError("git-version", message, f"install git {least} or newer")


def _refuse_embedded(folder: Path) -> None:
    """Refuse a parent folder that git would use as the repository without the name `.git`.

    A bare repository can be committed as plain files, with settings of its own. Git from 2.38 on
    passes over it by `safe.bareRepository`; older ones do not know the setting.
    """
    for level in _levels(folder):
        if all((level / name).exists() for name in ("HEAD", "objects", "refs")):
            message = f"'{level}' holds the files of a git repository: HEAD, objects, refs"
            advice = "remove them, or name folders outside: what it holds may be somebody else's"
            raise PreconditionError("bare-repository", message, advice)


def _levels(folder: Path) -> Iterator[Path]:
    top = folder.resolve()
    for level in (top, *top.parents):
        yield level
        if (level / ".git").exists():
            refuse_special(level)
            return
