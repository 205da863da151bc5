"""Plugin projects that have a past: made by an older template, and kept in git."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from scaffold._project import new_project
from scaffold._project.config.hookspec_lookup import named_hookspec
from scaffold._project.files.atomic_write import create_project
from scaffold._project.template.template import bundled_versions

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": "me@localhost"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


@dataclass
class Result:
    status: int
    out: str
    err: str


def make(folder, kind, *, version, hookspecs=None):
    """Make a plugin project by one version of the template, as `new-plugin` would have."""
    template = bundled_versions("plugin")[version]
    usual, new_project.newest_bundled = new_project.newest_bundled, lambda _name: template
    try:
        made = new_project.new_project(
            folder.name,
            named_hookspec(kind, hookspecs),
            runtimes=(),
            language="python",
            answers={},
            defaults=True,
            interactive=False,
        )
    finally:
        new_project.newest_bundled = usual
    create_project(folder, made.files)
    return folder


def git(folder, *arguments):
    ended = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **GIT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0 or arguments[0] == "merge", ended.stderr
    return ended.stdout


def commit(folder, message="change"):
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)


def write_history(repository, versions):
    """Make a bare repository of a template's folders, oldest first, each with its tag."""
    work = repository.with_name(f"{repository.name}.work")
    git(repository.parent, "init", "-q", "-b", "main", work)
    for version, folder in versions.items():
        for old in work.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(folder, work, symlinks=True, dirs_exist_ok=True)
        git(work, "add", "--all", "--force")
        git(work, "commit", "-q", "--allow-empty", "-m", version)
        git(work, "tag", version)
    git(repository.parent, "clone", "-q", "--bare", work, repository)
    shutil.rmtree(work)


def history(third):
    """Make a repository of the versions that ship and a third one."""
    repository = third.with_name("template.git")
    write_history(repository, {**bundled_versions("plugin"), "v3": third})
    return repository


def scaffold(*arguments, **options):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "scaffold", *map(str, arguments)]
    options = {"stdin": subprocess.DEVNULL, "timeout": 120, **options}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    return Result(ended.returncode, ended.stdout, ended.stderr)


def texts(folder):
    """Return the bytes of every file, by path; what git and Python keep beside is left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not {".git", "__pycache__", ".scaffold", ".pytest_cache"} & set(path.parts)
    }
