"""Which paths of a repository may be used."""

import pytest

from scaffold._filesystem.project_tree import reason_to_refuse


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b.txt",
        "./a",
        "a/./b",
        "",
        ".",
        ".github/workflows/check.yml",
        ".gitattributes",
        ".gitignore",
        "digit/x",
        "mein Ordner/名前.txt",
        "a b/c",
        "..a",
        "a..b",
        "git",
        "scaffold.lock",
        "x~1",
    ],
)
def test_a_path_inside_may_be_used(path):
    assert reason_to_refuse(path) is None


@pytest.mark.parametrize("path", ["/a", "//a", "\\a", "C:/a", "c:a", "\\\\server\\share"])
def test_an_absolute_path_is_refused_on_every_system(path):
    assert "absolute" in (reason_to_refuse(path) or "")


@pytest.mark.parametrize(
    "path", ["..", "../a", "a/..", "a/../b", "a\\..\\b", ".. /a", "a/.. ", "a/.../b", ". ./a"]
)
def test_a_path_that_steps_out_is_refused_in_every_spelling(path):
    assert "'..'" in (reason_to_refuse(path) or "")


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".Git",
        ".git.",
        ".git ",
        ".git . ",
        ".git::$INDEX_ALLOCATION",
        ".git:stream",
        "git~1",
        "GIT~1",
        "git~2",
        ".g\u200cit",
        "\ufeff.git",
        ".gi\u202et",
        ".\uff47it",
    ],
)
def test_git_is_found_in_every_spelling_and_at_every_depth(name):
    for path in (name, f"{name}/hooks/post-checkout", f"a/{name}", f"a/{name}/config"):
        assert "'.git'" in (reason_to_refuse(path) or "")
    assert "'.git'" in (reason_to_refuse(f"a\\{name}\\config") or "")


@pytest.mark.parametrize("name", [".scaffold", ".SCAFFOLD", ".scaffold.", "scaffo~1", ".Scaffold "])
def test_the_folder_of_the_journal_is_refused_too(name):
    assert "'.scaffold'" in (reason_to_refuse(f"{name}/journal") or "")


@pytest.mark.parametrize("path", ["a\0b", "a/\ud800"])
def test_what_no_path_can_hold_is_refused(path):
    assert "character" in (reason_to_refuse(path) or "")
