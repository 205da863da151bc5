"""Repositories whose git or template means harm; `test_read_only.py` imports them."""

import json
import os
import shutil
import subprocess
from hashlib import sha256

from hostile_recipes import recipe


def _set(repository, *settings):
    for key, value in settings:
        repository.git("config", key, value)


def _touch_hookspec(repository):
    """Make git look into a file: it is newer than the index says."""
    file = repository.root / "hookspecs" / "tool" / "v1.yaml"
    file.write_text(file.read_text() + "\n")


@recipe
def git_with_a_monitor(repository):
    _set(repository, ("core.fsmonitor", f"{repository.program}; false"))


@recipe
def git_with_hooks(repository):
    folder = repository.root / ".git" / "hooks"
    for name in ("post-index-change", "post-checkout", "pre-commit", "reference-transaction"):
        (folder / name).write_text(f"#!/bin/sh\n{repository.program}\n")
        (folder / name).chmod(0o755)
    _set(repository, ("core.hooksPath", str(folder)))


@recipe
def git_with_filters(repository):
    repository.write("hookspecs/.gitattributes", "* filter=x diff=x\n")
    repository.write(".gitattributes", "* filter=x diff=x\n")
    _set(
        repository,
        ("filter.x.clean", repository.program),
        ("filter.x.smudge", repository.program),
        ("filter.x.required", "true"),
        ("diff.x.textconv", repository.program),
        ("diff.x.command", repository.program),
        ("diff.external", repository.program),
    )
    _touch_hookspec(repository)


@recipe
def git_with_programs(repository):
    _set(
        repository,
        ("core.pager", repository.program),
        ("pager.ls-tree", repository.program),
        ("core.editor", repository.program),
        ("core.sshCommand", repository.program),
        ("core.askPass", repository.program),
        ("core.alternateRefsCommand", repository.program),
        ("credential.helper", f"!{repository.program}"),
        ("gpg.program", repository.program),
        ("log.showSignature", "true"),
        ("alias.ls-tree", f"!{repository.program}"),
        ("alias.rev-parse", f"!{repository.program}"),
    )


@recipe
def git_with_settings_of_others(repository):
    included = repository.root / "settings"
    included.write_text(f"[core]\n\tfsmonitor = {repository.program}; false\n")
    _set(repository, ("include.path", str(included)), ("core.excludesFile", "/dev/zero"))


@recipe
def git_that_lacks_an_object(repository):
    """A partial clone: git would fetch what is missing, by a program of the repository."""
    _set(
        repository,
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", str(repository.root)),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", repository.program),
    )
    name = repository.git_says("rev-parse", "HEAD:hookspecs/tool/v1.yaml")
    blob = repository.root / ".git" / "objects" / name[:2] / name[2:]
    blob.chmod(0o600)
    blob.unlink()


@recipe
def git_of_another_folder(repository):
    _set(repository, ("core.worktree", str(repository.victim)))


@recipe
def git_committed_as_files(repository):
    """A bare repository that a clone brings as a folder."""
    git = repository.root / ".git"
    for name in ("HEAD", "config", "index", "objects", "refs"):
        shutil.move(git / name, repository.root / name)
    shutil.rmtree(git)
    for key, value in (
        ("core.bare", "false"),
        ("core.worktree", "."),
        ("core.fsmonitor", f"{repository.program}; false"),
    ):
        repository.git("config", "--file", "config", key, value)


@recipe
def git_with_a_submodule(repository):
    """A submodule with settings of its own, into which git would look."""
    inner = repository.root / "vendor"
    inner.mkdir()
    for arguments in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        ["config", "core.fsmonitor", f"{repository.program}; false"],
    ):
        subprocess.run(["git", *arguments], cwd=inner, check=True, capture_output=True)
    repository.git("add", "vendor")


@recipe
def git_that_shows_another_history(repository):
    """Replaced objects and attributes that hide what is compared."""
    repository.write(".gitattributes", "hookspecs export-ignore\n* export-subst\n")
    said = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=repository.root, input=b"kind: [", check=True, capture_output=True,
    )  # fmt: skip
    repository.git("replace", "HEAD:hookspecs/tool/v1.yaml", said.stdout.decode().strip())


@recipe
def git_that_waits_for_settings(repository):
    os.mkfifo(repository.root / "pipe")
    _set(repository, ("include.path", "../pipe"))


@recipe
def git_with_ignored_files_in_a_pipe(repository):
    os.mkfifo(repository.root / "pipe")
    _set(repository, ("core.excludesFile", "pipe"))


@recipe
def git_with_a_branch_of_ten_gigabytes(repository):
    with (repository.root / ".git" / "refs" / "heads" / "main").open("wb") as file:
        file.truncate(10 * 1024**3)


@recipe
def git_with_objects_of_a_neighbour(repository):
    git = repository.root / ".git"
    shutil.move(git / "objects", repository.victim / "objects")
    (git / "objects" / "info").mkdir(parents=True)
    (git / "objects" / "info" / "alternates").write_text("../../../victim/objects\n")


@recipe
def git_with_the_record_of_an_update(repository):
    """What an update of this user would leave, by which files would be removed."""
    _set(repository, ("user.name", "a"), ("user.email", "a@b"))
    head = repository.git_says("rev-parse", "HEAD")
    files = {"../victim/file": None, "demo/plugin.py": None, ".git/config": "x"}
    record = {"head": head, "files": files, "conflicts": ["\x1b]0;x"], "executable": {}}
    prefix = sha256(b"\n").hexdigest()[:12]
    text = f"{'0' * 64}\n{json.dumps(record)}"
    repository.write(f".git/scaffold-update-{prefix}", text)
    _touch_hookspec(repository)


def _template(repository, source):
    file = repository.root / ".copier-answers.yml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("_")]
    file.write_text("\n".join([f"_src_path: {source}", "_commit: v1", *lines, ""]))
    repository.git("add", "--all")
    repository.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "template")


@recipe
def template_in_the_project(repository):
    for version in ("v1", "v2"):
        repository.write(f"tpl/{version}/copier.yml", f"_tasks:\n  - {repository.program}\n")
        repository.link(f"tpl/{version}/tpl", "..")
    _template(repository, "scaffold:/proc/self/cwd/tpl")


@recipe
def template_of_the_network(repository):
    _template(repository, "http://127.0.0.1:9/evil.git")


@recipe
def template_that_is_a_program(repository):
    _template(repository, f'"ext::sh -c {repository.program}"')


@recipe
def template_that_is_an_option(repository):
    _template(repository, f'"--upload-pack={repository.program}"')
