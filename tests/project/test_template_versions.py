"""The versions of the templates that ship."""

from hashlib import sha256

from scaffold._project.template import template
from scaffold._project.template.template import bundled_templates, bundled_versions, question_names

RELEASED = {
    "v1": "09c7daa94be4c5f0dfeb8e8e49fb1e751fd5a65885ee9e53f707936bf79d5d7a",
    "v2": "6d9cc95631a4e3a0bd9251e085107b600a1ea4d374fa3e9f078d1d2bcb2e6a0f",
    "v2.1": "d1ee2f61248fba7e9f1366570462ea4d34d70e1edda4400bfc01802447cfd813",
}
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
    versions = bundled_versions("plugin")

    assert {name: digest(folder) for name, folder in versions.items()} == RELEASED


def test_a_newer_version_asks_for_all_that_an_older_one_was_told():
    first, *later = bundled_versions("plugin").values()

    assert all(set(question_names(first)) <= set(question_names(each)) for each in later)


def test_versions_are_ordered_by_number(tmp_path, monkeypatch):
    for name in ("v10", "v2", "v2.1", "v1", "v2.10", "v2.9", "vnext", "v3.old", "x4"):
        (tmp_path / "plugin" / name).mkdir(parents=True)
    monkeypatch.setattr(template, "_templates", lambda: tmp_path)

    assert list(bundled_versions("plugin")) == ["v1", "v2", "v2.1", "v2.9", "v2.10", "v10"]


def test_the_answers_of_a_version_name_it():
    for version, folder in bundled_versions("plugin").items():
        (answers,) = (folder / "template").glob("*answers_file*")
        assert f"\n_commit: {version}\n" in answers.read_text()


def test_only_the_name_of_a_template_that_ships_has_versions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v1").mkdir()

    assert bundled_templates() == {"plugin"}
    for name in ("", ".", "plugin/", "plugin/.", "../templates/plugin", str(tmp_path), "Plugin"):
        assert bundled_versions(name) == {}


def test_actions_are_named_by_digest_and_get_no_credentials():
    folder = list(bundled_versions("plugin").values())[-1]
    (workflow,) = folder.rglob("check.yml")
    text = workflow.read_text()
    used = [line.split("uses: ")[1] for line in text.splitlines() if "uses: " in line]

    assert len(used) == 2
    assert all(len(each.split("@")[1].split(" ")[0]) == 40 for each in used)
    assert "persist-credentials: false" in text
    assert "--upgrade" not in text
    assert "permissions:\n  contents: read\n" in text
