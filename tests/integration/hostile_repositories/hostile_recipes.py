"""Repositories that mean harm: each recipe changes a sound plugin project named `demo`.

A recipe is a function that takes a `Repository`. Add one with `@recipe`; files of other members of
the family go into modules of their own, which `test_read_only.py` imports.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

__all__ = ["RECIPES", "Repository", "recipe"]

RECIPES: dict[str, Callable[["Repository"], None]] = {}


def recipe(function):
    """Add a recipe under its name."""
    RECIPES[function.__name__] = function
    return function


@dataclass
class Repository:
    """A project to change, and what an attacker would like to reach."""

    root: Path
    victim: Path
    """A folder next to it: nothing in it may be read into output, made or changed."""

    @property
    def mark(self) -> Path:
        """The file that every program of the repository makes."""
        return self.victim.parent / "EXECUTED"

    @property
    def program(self) -> str:
        """A shell command that leaves the mark."""
        return f"touch {self.mark}; cat"

    def file(self, path):
        """Return where a file is; whatever links were made before, nothing else is written to."""
        file = self.root / path
        world = self.victim.parent.resolve()
        # A link that leads to itself is an error for `Path.resolve`, and none here.
        if not Path(os.path.realpath(file.parent)).is_relative_to(world):
            raise OSError
        return file

    def write(self, path, text):
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file() or file.is_symlink():  # nothing may wait for the end of a pipe
            file.unlink(missing_ok=True)
        file.write_text(text)

    def link(self, path, target):
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_symlink() or file.is_file():
            file.unlink()
        elif file.is_dir():
            shutil.rmtree(file)
        file.symlink_to(target)

    def settings(self, before, after):
        file = self.root / "pyproject.toml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def targets(self, *pairs, hookspecs="hookspecs"):
        """Make it a repository of hookspecs."""
        text = f'[tool.scaffold]\nhookspecs = "{hookspecs}"\n'
        for emitter, out in pairs:
            text += f'[[tool.scaffold.targets]]\nemitter = "{emitter}"\nout = {json.dumps(out)}\n'
        self.write("pyproject.toml", text)

    def lock(self, path, content):
        """Have the lockfile call a file generated."""
        digest = sha256(content).hexdigest()
        line = f'{json.dumps(path)} = {{ owner = "generated", sha256 = "{digest}" }}\n'
        file = self.file("scaffold.lock")
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 1_000_000:
            raise OSError  # a recipe before this one has made it something else
        file.write_text(file.read_text() + line)

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)

    def git_says(self, *arguments):
        """Run git, and return what it prints."""
        command = ["git", *arguments]
        said = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return said.stdout.strip()


@recipe
def sound(repository):
    """Nothing is wrong."""


@recipe
def journal_of_the_old_form(repository):
    repository.write(".scaffold/old/0", "echo PWNED")
    repository.write(".scaffold/journal", '{"targets": [["../victim/file", true]], "folders": []}')


@recipe
def journal_that_deletes(repository):
    steps = [{"path": "../victim/file", "before": None, "written": True}]
    change = json.dumps({"steps": steps, "made": ["../victim"], "modes": {}})
    repository.write(".scaffold/journal", json.dumps({"change": change, "signature": "0" * 64}))
    repository.write(".scaffold/new/x", "")
    repository.write(".scaffold/old/x", "")


@recipe
def journal_that_is_a_link(repository):
    repository.link(".scaffold/journal", "../../victim/file")


@recipe
def journal_that_is_a_pipe(repository):
    (repository.root / ".scaffold").mkdir()
    os.mkfifo(repository.root / ".scaffold" / "journal")


@recipe
def work_folder_that_is_a_link(repository):
    repository.link(".scaffold", "../victim")


@recipe
def key_in_the_repository(repository):
    repository.write(".local/state/hookspec-scaffold/journal.key", "x" * 32)
    journal_that_deletes(repository)


@recipe
def lock_of_git(repository):
    repository.lock(".git/HEAD", b"ref: refs/heads/main\n")


@recipe
def lock_of_a_neighbour(repository):
    repository.lock("../victim/file", b"precious\n")


@recipe
def lock_of_the_author(repository):
    repository.lock("demo/plugin.py", (repository.root / "demo" / "plugin.py").read_bytes())


@recipe
def lock_behind_a_link(repository):
    repository.link("scaffold.lock", "../victim/file")


@recipe
def lock_behind_a_dangling_link(repository):
    repository.link("scaffold.lock", repository.victim / ".bash_profile")


@recipe
def lock_without_an_end(repository):
    repository.link("scaffold.lock", "/dev/zero")


@recipe
def lock_too_deep(repository):
    repository.write("scaffold.lock", "x = " + "[" * 100_000)


@recipe
def settings_without_an_end(repository):
    repository.link("pyproject.toml", "/dev/zero")


@recipe
def settings_in_a_circle(repository):
    repository.link("pyproject.toml", "pyproject.toml")


@recipe
def settings_that_are_a_pipe(repository):
    (repository.root / "pyproject.toml").unlink()
    os.mkfifo(repository.root / "pyproject.toml")


@recipe
def settings_that_are_a_socket(repository):
    (repository.root / "pyproject.toml").unlink()
    here = Path.cwd()
    os.chdir(repository.root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("pyproject.toml")
    os.chdir(here)


@recipe
def settings_of_ten_gigabytes(repository):
    with (repository.root / "pyproject.toml").open("wb") as file:
        file.truncate(10 * 1024**3)


@recipe
def settings_too_deep(repository):
    repository.write("pyproject.toml", "[tool.scaffold]\nx = " + "{a=" * 100_000)


@recipe
def hookspecs_of_a_neighbour(repository):
    repository.settings('hookspecs = "hookspecs"', 'hookspecs = "../victim"')


@recipe
def hookspecs_of_the_machine(repository):
    repository.settings('hookspecs = "hookspecs"', 'hookspecs = "/etc"')


@recipe
def hookspecs_behind_a_link(repository):
    repository.link("hookspecs", "../victim")


@recipe
def hookspec_behind_a_link(repository):
    repository.link("hookspecs/tool/v1.yaml", "../../../victim/secret.yaml")


@recipe
def hookspec_of_git(repository):
    repository.link("hookspecs/tool/v1.yaml", "../../.git/config")


@recipe
def hookspec_that_is_a_pipe(repository):
    (repository.root / "hookspecs" / "tool" / "v1.yaml").unlink()
    os.mkfifo(repository.root / "hookspecs" / "tool" / "v1.yaml")


@recipe
def schema_behind_a_link(repository):
    repository.link("hookspecs/tool/schemas/execute.input.json", "../../../../victim/secret.json")


@recipe
def schema_by_identifier_behind_a_link(repository):
    repository.link("hookspecs/tool/schemas/other.json", "../../../../victim/secret.json")
    repository.write(
        "hookspecs/tool/schemas/execute.input.json", '{"$ref": "https://secret.example/schema"}'
    )


@recipe
def schema_of_the_network(repository):
    repository.write(
        "hookspecs/tool/schemas/execute.input.json", '{"$ref": "http://127.0.0.1:9/schema.json"}'
    )


@recipe
def metaschema_of_the_network(repository):
    repository.write(
        "hookspecs/tool/schemas/execute.input.json",
        '{"type": "object", "properties": {"a": {"$schema": "http://127.0.0.1:9/meta"}}}',
    )


@recipe
def targets_in_git(repository):
    repository.targets(("markdown", ".git/hooks"), ("python", "GIT~1"), ("openrpc", ".git."))


@recipe
def target_of_a_neighbour(repository):
    repository.targets(("markdown", "../victim"))


@recipe
def target_behind_a_link(repository):
    repository.link("out", "../victim")
    repository.targets(("markdown", "out"))


@recipe
def target_behind_a_link_to_git(repository):
    repository.link("out", ".git/hooks")
    repository.targets(("markdown", "out"))


@recipe
def package_of_the_machine(repository):
    repository.settings('package = "demo"', 'package = "/"')


@recipe
def generated_file_behind_a_link(repository):
    repository.link("docs/tool_v1.md", "../../victim/file")


@recipe
def generated_folder_behind_a_link(repository):
    repository.link("demo/_generated", "../../victim")


@recipe
def manifest_behind_a_link(repository):
    repository.link("dagstack.toml", "../victim/secret.toml")


@recipe
def manifest_of_another_module(repository):
    file = repository.root / "dagstack.toml"
    file.write_text(file.read_text().replace("demo.plugin:", "/etc/passwd:"))


@recipe
def code_that_must_not_run(repository):
    code = f"open({str(repository.mark)!r}, 'w').close()\n"
    for path in (
        "demo/__init__.py",
        "demo/plugin.py",
        "yaml.py",
        "sitecustomize.py",
        "conftest.py",
    ):
        repository.write(path, code)
    repository.write(
        "evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
    )
    repository.write(
        "evil-1.0.dist-info/entry_points.txt", "[scaffold.emitters]\nevil = yaml:emit\n"
    )
    repository.targets(("evil", "out"))


@recipe
def answers_behind_a_link(repository):
    repository.link(".copier-answers.yml", "../victim/file")


@recipe
def answers_without_an_end(repository):
    repository.link(".copier-answers.yml", "/dev/zero")
