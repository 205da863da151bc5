"""Repositories with all settings at once by which git would run programs, in every place."""

import shutil

from hostile_recipes import recipe

PROGRAMS = """\
[core]
\tfsmonitor = "{program}"
\tpager = "{program}"
\tsshCommand = "{program}"
\thooksPath = hooks
\teditor = "{program}"
[diff]
\texternal = "{program}"
[diff "all"]
\ttextconv = "{program}"
\tcommand = "{program}"
[filter "all"]
\tsmudge = "{program}"
\tclean = "{program}"
\tprocess = "{program}"
\trequired = true
[gpg]
\tprogram = "{program}"
[log]
\tshowSignature = true
[remote "origin"]
\turl = ext::{program}
\tuploadpack = "{program}"
\tpromisor = true
[extensions]
\tpartialClone = origin
[include]
\tpath = ../../victim/file
"""


def add_settings(repository, git):
    text = PROGRAMS.format(program=repository.program)
    config = git / "config"
    config.write_text(config.read_text() + text)


@recipe
def git_settings_that_run_programs(repository):
    add_settings(repository, repository.root / ".git")


@recipe
def git_filters(repository):
    repository.write(".gitattributes", "* filter=all diff=all\n")
    repository.write("hookspecs/.gitattributes", "* filter=all diff=all export-subst\n")
    add_settings(repository, repository.root / ".git")
    repository.write("README.md", "changed")


@recipe
def git_hooks(repository):
    for folder in (repository.root / ".git" / "hooks", repository.root / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("post-index-change", "post-checkout", "pre-commit", "reference-transaction"):
            (folder / name).write_text(f"#!/bin/sh\n{repository.program}\n")
            (folder / name).chmod(0o755)
    add_settings(repository, repository.root / ".git")


@recipe
def bare_repository_embedded(repository):
    for path in (repository.root / ".git").iterdir():
        path.rename(repository.root / path.name)
    (repository.root / ".git").rmdir()
    config = repository.root / "config"
    config.write_text(config.read_text().replace("bare = false", "bare = false\n\tworktree = ."))
    add_settings(repository, repository.root)


@recipe
def bare_repository_in_the_hookspecs(repository):
    shutil.copytree(repository.root / ".git", repository.root / "hookspecs", dirs_exist_ok=True)
    add_settings(repository, repository.root / "hookspecs")


@recipe
def git_folder_of_a_neighbour(repository):
    (repository.root / ".git").rename(repository.victim / "git")
    add_settings(repository, repository.victim / "git")
    repository.write(".git", "gitdir: ../victim/git\n")


@recipe
def git_that_is_garbage(repository):
    for name in ("HEAD", "index", "config", "packed-refs"):
        (repository.root / ".git" / name).write_bytes(b"\x00\xff[core\nfsmonitor" * 9)
