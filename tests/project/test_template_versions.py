"""The versions of the templates that ship."""

from hashlib import sha256

from scaffold._project.template.template import questions, shipped_templates, shipped_versions

RELEASED = {"v1": "09c7daa94be4c5f0dfeb8e8e49fb1e751fd5a65885ee9e53f707936bf79d5d7a"}
"""Projects are made from these: they are never edited again. A change is a new folder."""


def digest(folder):
    """Return a digest of the files of a folder, with their paths."""
    found = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + b"\0")
            found.update(path.read_bytes() + b"\0")
    return found.hexdigest()


def test_a_released_version_is_as_it_was():
    versions = shipped_versions("plugin")

    assert {name: digest(versions[name]) for name in RELEASED} == RELEASED


def test_a_newer_version_asks_for_all_that_an_older_one_was_told():
    first, *later = shipped_versions("plugin").values()

    assert all(set(questions(first)) <= set(questions(each)) for each in later)


def test_versions_are_counted_from_one():
    versions = list(shipped_versions("plugin"))

    assert versions == [f"v{number}" for number in range(1, len(versions) + 1)]


def test_only_the_name_of_a_template_that_ships_has_versions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v1").mkdir()

    assert shipped_templates() == {"plugin"}
    for name in ("", ".", "plugin/", "plugin/.", "../templates/plugin", str(tmp_path), "Plugin"):
        assert shipped_versions(name) == {}


def test_actions_are_named_by_digest_and_get_no_credentials():
    folder = list(shipped_versions("plugin").values())[-1]
    (workflow,) = folder.rglob("check.yml")
    text = workflow.read_text()
    used = [line.split("uses: ")[1] for line in text.splitlines() if "uses: " in line]

    assert len(used) == 2
    assert all(len(each.split("@")[1].split(" ")[0]) == 40 for each in used)
    assert "persist-credentials: false" in text
    assert "--upgrade" not in text
    assert "permissions:\n  contents: read\n" in text
