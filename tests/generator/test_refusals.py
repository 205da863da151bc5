"""Every folder in `refusals/` is a hookspec that is refused, with the words that say why.

To add one, write the hookspec into `refusals/<case>/demo/` and what is printed into `stderr.txt`.
"""

import re
from pathlib import Path

import pytest
from specs import write_spec

from scaffold.generator import SpecError, compile_kind

REFUSALS = Path(__file__).parent / "refusals"
CASES = sorted(folder.name for folder in REFUSALS.iterdir())
HOOK = """\
  - name: run
    dispatch: singleton
    input_schema: schemas/root.json
    output_schema: {}
"""


@pytest.mark.parametrize("case", CASES)
def test_a_bad_hookspec_is_refused_with_every_problem_in_its_place(case, monkeypatch):
    monkeypatch.chdir(REFUSALS / case)
    with pytest.raises(SpecError) as refusal:
        compile_kind(Path("demo/v1.yaml"))
    assert str(refusal.value) + "\n" == (REFUSALS / case / "stderr.txt").read_text("utf-8")


def test_every_problem_has_a_heading_in_the_page_of_errors():
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text("utf-8")
    headings = set(re.findall(r"^### `([a-z0-9-]+)`$", page, re.MULTILINE))
    printed = {
        code
        for case in CASES
        for code in re.findall(
            r"^\S+:\d+:\d+: ([a-z0-9-]+): ",
            (REFUSALS / case / "stderr.txt").read_text("utf-8"),
            re.MULTILINE,
        )
    }
    assert printed <= headings


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "- ", "? "])
def test_ten_thousand_levels_of_yaml_are_refused(tmp_path, opening):
    path = tmp_path / "v1.yaml"
    path.write_text(opening * 10_000, "utf-8")
    with pytest.raises(SpecError, match="too-deep"):
        compile_kind(path)


def test_two_hundred_levels_of_yaml_are_refused_at_the_first_that_is_too_deep(tmp_path):
    path = tmp_path / "v1.yaml"
    path.write_text("- " * 150 + "end", "utf-8")
    with pytest.raises(SpecError, match=r":1:259: too-deep: .*\n  help: use at most 128 levels"):
        compile_kind(path)


@pytest.mark.parametrize("depth", [150, 10_000, 200_000])
def test_a_schema_nested_without_end_is_refused(tmp_path, depth):
    text = '{"items":' * depth + "{}" + "}" * depth
    with pytest.raises(SpecError, match="too-deep"):
        compile_kind(write_spec(tmp_path, HOOK, root=text))


def test_a_thousand_references_in_a_row_are_refused_or_followed(tmp_path):
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5_000)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d5000": {"type": "object"}}}
    with pytest.raises(SpecError, match="too-deep"):
        compile_kind(write_spec(tmp_path, HOOK, root=schema))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text("{}", "utf-8")
    path = write_spec(tmp_path, HOOK)
    (path.parent / "schemas" / "root.json").symlink_to(secret)
    with pytest.raises(SpecError, match="schema-outside"):
        compile_kind(path)


def test_a_hookspec_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(SpecError, match="unreadable-file: the file cannot be read: no such file"):
        compile_kind(tmp_path / "v1.yaml")
