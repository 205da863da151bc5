"""`scaffold generate`, `check`, `--check` and `--diff`."""

import os
import shutil

import pytest
from projects import write

MODELS = "demo/_generated/tool_v1/models.py"


def bump(project):
    """Change the pinned hookspec, so that generated files are out of date."""
    spec = project / "hookspecs" / "tool" / "v1.yaml"
    spec.write_text(spec.read_text().replace("Run one function.", "Run one function now."))


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_unchanged_project_is_not_touched(scaffold, demo):
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}

    result = scaffold("generate", demo)

    assert (result.status, result.out, result.err) == (0, "", "")
    assert before == {path: path.stat().st_mtime_ns for path in demo.rglob("*")}


def test_a_changed_hookspec_drifts_until_it_is_generated(scaffold, demo):
    bump(demo)

    checked = scaffold("generate", demo, "--check")
    assert checked.status == 1
    assert "demo/_generated/tool_v1/plugin.py: outdated\n" in checked.out
    assert "scaffold.lock: outdated\n" in checked.out
    assert "demo/plugin.py" not in checked.out

    generated = scaffold("generate", demo)
    assert (generated.status, generated.out) == (0, "")
    assert "updated demo/_generated/tool_v1/plugin.py\n" in generated.err
    assert scaffold("generate", demo, "--check").status == 0


def test_the_diff_is_shown_and_nothing_written(scaffold, demo):
    bump(demo)
    before = snapshot(demo)

    result = scaffold("generate", demo, "--diff")

    assert result.status == 1
    assert "--- a/demo/_generated/tool_v1/plugin.py\n" in result.out
    assert "+        Run one function now." in result.out.replace('"""', "")
    assert snapshot(demo) == before


def test_a_deleted_file_comes_back(scaffold, demo):
    (demo / MODELS).unlink()

    assert scaffold("generate", demo, "--check").out == f"{MODELS}: missing\n"
    assert scaffold("generate", demo).err == f"created {MODELS}\n"
    assert (demo / MODELS).is_file()


def test_an_edit_is_refused_with_advice_and_nothing_is_written(scaffold, demo):
    bump(demo)
    write(demo / MODELS, (demo / MODELS).read_text() + "# mine\n")
    before = snapshot(demo)

    result = scaffold("generate", demo)

    assert result.status == 4
    assert f"edited by hand since scaffold wrote it: '{MODELS}'" in result.err
    assert "help: " in result.err
    assert snapshot(demo) == before
    assert f"{MODELS}: edited by hand\n" in scaffold("generate", demo, "--check").out


def test_a_file_of_a_kind_that_is_gone_is_removed(scaffold, demo):
    lock = demo / "scaffold.lock"
    stale = demo / "docs" / "old.md"
    write(stale, "")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    line = f'"docs/old.md" = {{ owner = "generated", sha256 = "{empty}" }}\n'
    lock.write_text(lock.read_text() + line)

    assert "docs/old.md: stale\n" in scaffold("generate", demo, "--check").out
    assert "removed docs/old.md\n" in scaffold("generate", demo).err
    assert not stale.exists()


def test_other_line_endings_are_named_as_what_they_are(scaffold, demo):
    (demo / MODELS).write_bytes((demo / MODELS).read_bytes().replace(b"\n", b"\r\n"))

    assert scaffold("generate", demo, "--check").out == f"{MODELS}: differs only in line endings\n"
    assert scaffold("generate", demo).status == 0
    assert scaffold("generate", demo, "--check").status == 0


def test_files_of_the_author_and_of_the_template_are_no_drift(scaffold, demo):
    for path in ("README.md", "demo/plugin.py", "demo/__init__.py"):
        write(demo / path, (demo / path).read_text() + "\n")

    assert scaffold("generate", demo, "--check").status == 0


def test_a_folder_that_is_no_project_is_refused(scaffold, tmp_path):
    for verb in ("generate", "check"):
        result = scaffold(verb, tmp_path)
        assert (result.status, "is not a scaffold project" in result.err) == (4, True)


def test_a_repository_of_hookspecs_fills_its_targets(scaffold, tmp_path, hookspecs):
    root = hookspecs.parent
    targets = ""
    for emitter, out in {"python": "src/kinds", "markdown": "docs"}.items():
        targets += f'[[tool.scaffold.targets]]\nemitter = "{emitter}"\nout = "{out}"\n'
    write(root / "pyproject.toml", f'[tool.scaffold]\nhookspecs = "hookspecs"\n{targets}')

    assert scaffold("generate", root).status == 0
    assert (root / "src" / "kinds" / "greeter_v1" / "models.py").is_file()
    assert (root / "docs" / "greeter_v1.md").is_file()
    assert scaffold("generate", root, "--check").status == 0
    checked = scaffold("check", root)
    assert (checked.status, checked.out) == (0, "hookspecs   ok\ngenerated   ok\n")


def test_an_unknown_emitter_is_refused_with_those_there_are(scaffold, hookspecs):
    root = hookspecs.parent
    text = '[tool.scaffold]\nhookspecs = "hookspecs"\n'
    text += '[[tool.scaffold.targets]]\nemitter = "cobol"\nout = "x"\n'
    write(root / "pyproject.toml", text)

    result = scaffold("generate", root)

    assert result.status == 4
    assert "there is no emitter 'cobol'" in result.err
    assert "'python'" in result.err


def test_a_target_outside_of_the_repository_is_refused(scaffold, hookspecs):
    root = hookspecs.parent
    text = '[tool.scaffold]\nhookspecs = "hookspecs"\n'
    text += '[[tool.scaffold.targets]]\nemitter = "markdown"\nout = "../x"\n'
    write(root / "pyproject.toml", text)

    assert "leads out of the project" in scaffold("generate", root).err
    assert not (root.parent / "x").exists()


def test_check_names_everything_that_is_wrong_in_one_go(scaffold, demo):
    bump(demo)
    manifest = demo / "dagstack.toml"
    text = manifest.read_text().replace('"1.0.0"', '"1.3.0"').replace("demo.plugin:", "demo.other:")
    manifest.write_text(text)

    result = scaffold("check", demo)

    assert result.status == 1
    assert "hookspecs   ok\n" in result.out
    assert "generated   wrong\n" in result.out
    assert "manifest    wrong\n" in result.out
    assert "kind_api_version is '1.3.0', and the hookspec's is '1.0.0'" in result.out
    assert "entry_point names the module 'demo.other', which is not in the project" in result.out
    assert "tools       ok\n" in result.out


def test_check_shows_a_broken_hookspec_and_a_broken_manifest(scaffold, demo):
    spec = demo / "hookspecs" / "tool" / "v1.yaml"
    spec.write_text(spec.read_text().replace("dispatch: singleton", "dispatch: singletom"))
    manifest = demo / "dagstack.toml"
    manifest.write_text(manifest.read_text() + "colour = 1\n")

    result = scaffold("check", demo)

    assert result.status == 1
    assert "hookspecs   wrong\n" in result.out
    assert "did you mean 'singleton'?" in result.out
    assert "colour" in result.out


def broken(root, how):
    file = root / "pyproject.toml"
    file.unlink()
    if how == "endless":
        file.symlink_to("/dev/zero")
    elif how == "circle":
        file.symlink_to("pyproject.toml")
    elif how == "folder":
        file.mkdir()
    elif how == "huge":
        with file.open("wb") as sparse:
            sparse.truncate(10 * 1024**3)
    elif how == "deep":
        file.write_text("x = " + "[" * 100_000)


@pytest.mark.parametrize("how", ["endless", "circle", "huge", "deep"])
def test_one_broken_project_does_not_end_the_status_of_a_tree(scaffold, demo, how):
    tree = demo.parent / "tree"
    for name in ("a", "b", "c"):
        shutil.copytree(demo, tree / name)
    broken(tree / "b", how)

    result = scaffold("status", "-r", tree)

    assert result.status == 1
    assert result.out.count("generated  ") == 2
    (line,) = (line for line in result.out.splitlines() if "unknown" in line)
    assert "pyproject.toml" in line


def test_what_a_moved_target_leaves_behind_is_named_once_and_stays(scaffold, hookspecs):
    root = hookspecs.parent
    text = '[tool.scaffold]\nhookspecs = "hookspecs"\n'
    text += '[[tool.scaffold.targets]]\nemitter = "markdown"\nout = "{}"\n'
    write(root / "pyproject.toml", text.format("old"))
    assert scaffold("generate", root).status == 0
    write(root / "pyproject.toml", text.format("new"))

    assert "left alone: old/greeter_v1.md\n" in scaffold("generate", root).err

    assert (root / "old" / "greeter_v1.md").is_file()
    assert (root / "new" / "greeter_v1.md").is_file()
    assert scaffold("generate", root).err == ""


def test_a_hookspec_behind_a_link_that_leads_out_is_neither_read_nor_shown(scaffold, demo):
    secret = demo.parent / "secret.yaml"
    secret.write_text("kind: tool\ns3cr3t: s3cr3t\n")
    spec = demo / "hookspecs" / "tool" / "v1.yaml"
    spec.unlink()
    spec.symlink_to(secret)

    for command in (
        ("lint", demo / "hookspecs"),
        ("check", demo),
        ("generate", demo),
        ("inspect", demo),
    ):
        result = scaffold(*command)
        assert result.status != 0
        assert "hookspec-outside" in result.out + result.err
        assert "s3cr3t" not in result.out + result.err


@pytest.mark.parametrize("command", ["lint", "inspect"])
def test_a_hookspec_that_is_named_and_leads_out_is_not_read(
    scaffold, demo, tmp_path, monkeypatch, command
):
    """A tool may name every file of a repository."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("kind: tool\ns3cr3t: s3cr3t\n")
    spec = demo / "hookspecs" / "tool" / "v1.yaml"
    spec.rename(demo / "shared.yaml")
    spec.symlink_to(secret)
    monkeypatch.chdir(demo)

    for name in (spec, spec.relative_to(demo)):
        result = scaffold(command, name)
        assert "hookspec-outside" in result.out + result.err
        assert "s3cr3t" not in result.out + result.err

    spec.unlink()
    spec.symlink_to(demo / "shared.yaml")
    assert "hookspec-outside" not in scaffold(command, spec).out


def test_a_language_that_no_emitter_writes_is_refused(scaffold, demo):
    file = demo / "pyproject.toml"
    file.write_text(file.read_text().replace('language = "python"', 'language = "cobol"'))

    result = scaffold("generate", demo)

    assert result.status == 4
    assert "there is no emitter 'cobol'" in result.err


def test_a_schema_in_a_circle_of_links_is_refused(scaffold, demo):
    schema = demo / "hookspecs" / "tool" / "schemas" / "execute.input.json"
    schema.unlink()
    schema.symlink_to(schema.name)

    for command in (("lint", demo / "hookspecs"), ("check", demo)):
        result = scaffold(*command)
        assert result.status == 1
        assert "v1.yaml" in result.out


def test_generate_check_pays_for_no_part_of_the_runtime(spawn, demo, tmp_path):
    env = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert spawn("generate", demo, env=env).status == 0

    result = spawn("generate", demo, "--check", env=env)

    imported = {line.rpartition("|")[2].strip() for line in result.err.splitlines()}
    assert "scaffold._project.generate.generation_plan" in imported
    assert not imported & {"scaffold.contract", "scaffold.generator", "jsonschema_rs"}
