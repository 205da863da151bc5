"""The second year of a plugin: its contract grows, its template moves on, its author writes code.

After every step the author's files are as they were, the tests pass or fail with the one message
that says what to write, and git shows nothing but what changed in meaning.
"""

import os
import subprocess
import sys

import pytest
from aged_projects import commit, git, make, texts

pytestmark = pytest.mark.ci

SPEC = """\
kind: greeter
kind_api_version: "1.0.0"
description: Greets people.
hooks:
  - name: greet
    dispatch: singleton
    description: Greet somebody.
    input_schema: {type: object, required: [name], properties: {name: {type: string}}}
    output_schema: {type: object, required: [text], properties: {text: {type: string}}}
"""
PART = """\
  - name: part
    dispatch: singleton
    description: Say goodbye.
    input_schema: {type: object, required: [name], properties: {name: {type: string}}}
    output_schema: {type: object, required: [words], properties: {words: {type: string}}}
"""
OWN = """
    def _words(self, name: str) -> str:
        # Mine, and strangely   spaced.
        return f'Good day, {name}!'
"""
PLUGIN = "demo/plugin.py"
MANIFEST = "dagstack.toml"
HOOKSPEC = "hookspecs/greeter/v1.yaml"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def changed(folder):
    status = git(folder, "status", "--porcelain", "--no-renames", "-uall").splitlines()
    return {line[3:] for line in status}


def run_tests(folder):
    """Run the project's own tests; return what is wrong, in a word, or nothing."""
    plugins = ["-p", "scaffold.pytest_plugin", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = {line[4:] for line in ended.stdout.splitlines() if line.startswith("E   ")}
    assert bool(errors) == bool(ended.returncode), ended.stdout
    return {error.partition(": ")[2] for error in errors if ": " in error}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("life")
    spec = folder / "hookspecs" / "greeter" / "v1.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text(SPEC)
    made = make(folder / "demo", "greeter", version="v1", hookspecs=folder / "hookspecs")
    commit(made, "created")
    return made


def test_the_life_of_a_plugin(scaffold, project):
    # The author writes code, and edits a file of the template.
    plugin = project / PLUGIN
    edit(
        plugin,
        'return GreetOutput(text="example")\n',
        f"return GreetOutput(text=self._words(payload.name))\n{OWN}",
    )
    edit(project / "README.md", "# demo\n", "# demo\n\nGreets as people did.\n")
    commit(project, "code")
    mine = plugin.read_bytes()
    assert scaffold("generate", project).err == ""
    assert run_tests(project) == set()

    # The contract gains an optional property and a hook.
    edit(
        project / HOOKSPEC,
        "{name: {type: string}}",
        "{name: {type: string}, loud: {type: boolean}}",
    )
    edit(project / HOOKSPEC, '"1.0.0"', '"1.1.0"')
    (project / HOOKSPEC).write_text((project / HOOKSPEC).read_text() + PART)
    told = scaffold("generate", project)
    assert told.status == 0
    for line in (
        "demo/plugin.py:11: new: 'DemoPlugin' lacks 'def part(self, payload: PartInput)",
        "demo/plugin.py:15: changed: 'greet', what it takes; see 'docs/greeter_v1.md'",
        '  help: kind_api_version = "1.1.0"',
    ):
        assert line in told.err
    assert plugin.read_bytes() == mine
    assert run_tests(project) == {"demo: 'DemoPlugin' does not implement 'part'"}

    # What is missing is added, and nothing else.
    stubbed = scaffold("generate", project, "--stub")
    added = [line for line in stubbed.out.splitlines() if line[:1] in "+-"][2:]
    assert stubbed.status == 0
    assert not any(line.startswith("-") for line in added)
    lines = iter(plugin.read_bytes().splitlines())
    assert all(line in lines for line in mine.splitlines())
    edit(project / MANIFEST, '"1.0.0"', '"1.1.0"')
    assert run_tests(project) == set()
    assert scaffold("check", project).status == 0
    assert {path for path in changed(project) if "_generated" not in path} == {
        PLUGIN,
        MANIFEST,
        HOOKSPEC,
        "docs/greeter_v1.md",
        "docs/greeter_v1.openrpc.json",
        "tests/test_contract.py",
        "scaffold.lock",
    }
    commit(project, "1.1.0")
    mine = plugin.read_bytes()
    again = scaffold("generate", project, "--stub")
    assert (again.status, again.out, changed(project)) == (0, "", set())

    # A newer template.
    before = texts(project)
    assert scaffold("update", project).status == 0
    assert "Greets as people did." in (project / "README.md").read_text()
    assert run_tests(project) == set()
    assert all(
        texts(project)[path] == content
        for path, content in before.items()
        if path.startswith(("demo/", "docs/", "tests/", "hookspecs/")) or path == MANIFEST
    )
    commit(project, "template")

    # A contract of another major version: a hook is gone, an answer has another shape.
    old = project / HOOKSPEC
    new = old.with_name("v2.yaml")
    new.write_text(
        SPEC.replace('"1.0.0"', '"2.0.0"')
        .replace("[text]", "[text, mood]")
        .replace("{text: {type: string}}", "{text: {type: string}, mood: {type: string}}")
    )
    old.unlink()
    told = scaffold("generate", project)
    for line in (
        "demo/plugin.py:8: gone: 'greeter_v1'; import from 'greeter_v2'",
        "demo/plugin.py:9: gone: 'greeter_v1'; import from 'greeter_v2'",
        "demo/plugin.py:16: changed: 'greet', what it takes, what it answers; see",
        "demo/plugin.py:24: gone: no host calls 'part' any more",
        '  help: kind_api_version = "2.0.0"',
    ):
        assert line in told.err
    assert plugin.read_bytes() == mine
    assert not (project / "demo" / "_generated" / "greeter_v1").exists()
    problems = run_tests(project)
    assert len(problems) == 1, problems
    (message,) = problems
    assert "No module named 'demo._generated.greeter_v1' (demo/plugin.py:8)" in message

    # The author follows, and takes what the template says about the new version.
    text = plugin.read_text().replace("greeter_v1", "greeter_v2")
    text = text.replace("from ._generated.greeter_v2 import PartInput, PartOutput\n", "")
    text = text[: text.index("    @override\n    def part")].rstrip() + "\n"
    plugin.write_text(text.replace("(payload.name))", '(payload.name), mood="fine")'))
    edit(project / MANIFEST, '"1.1.0"', '"2.0.0"')
    assert run_tests(project) == set()
    assert scaffold("check", project).status == 0
    commit(project, "2.0.0")
    assert scaffold("update", project).err == "template v2.1: up to date\n"
    assert scaffold("status", project).status == 0
