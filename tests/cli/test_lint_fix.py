"""`scaffold lint --fix`, `--diff` and `scaffold explain`."""

import json
import re
from pathlib import Path

import pytest

SPEC = """\
# Ours.
kind: demo
kind_api_version: "1.0.0"
description: Demonstrates.
hooks:
  - name: run
    dispatch: {dispatch}   # by whom
    description: Runs.
    output_schema: {{{type}}}
"""


@pytest.fixture
def spec(tmp_path):
    def write(dispatch="singelton", type="type: objekt"):
        path = tmp_path / "hookspecs" / "demo" / "v1.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPEC.format(dispatch=dispatch, type=type), "utf-8")
        return path

    return write


def test_safe_fixes_are_applied_and_the_rest_is_reported(scaffold, spec):
    path = spec()
    result = scaffold("lint", path.parents[1], "--fix")
    assert path.read_text("utf-8") == SPEC.format(dispatch="singleton", type="type: object")
    assert (result.status, result.out) == (0, "")
    assert (
        len(re.findall(r"^fixed .*v1\.yaml:\d+:\d+: [a-z-]+: .*$", result.err, re.MULTILINE)) == 2
    )
    assert [each.name for each in path.parents[1].iterdir()] == ["demo"]


def test_errors_that_are_left_make_the_status_1(scaffold, spec):
    path = spec(type="type: thing")
    result = scaffold("lint", path, "--fix")
    assert (result.status, "no JSON type 'thing'" in result.out) == (1, True)
    assert "dispatch: singleton" in path.read_text("utf-8")


def test_a_diff_writes_nothing(scaffold, spec):
    path = spec()
    before = path.read_bytes()
    result = scaffold("lint", path, "--diff")
    assert (result.status, path.read_bytes()) == (1, before)
    assert (
        "-    dispatch: singelton   # by whom\n+    dispatch: singleton   # by whom\n" in result.out
    )
    scaffold("lint", path, "--fix")
    assert scaffold("lint", path, "--diff").status == 0


def test_a_byte_order_mark_stays(scaffold, spec):
    path = spec()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    scaffold("lint", path, "--fix")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf# Ours.\nkind: demo\n")


@pytest.mark.parametrize("options", [["--unsafe"], ["--fix", "--diff"]])
def test_options_that_contradict_each_other_are_refused(scaffold, spec, options):
    result = scaffold("lint", spec(), *options)
    assert (result.status, result.err[:14]) == (2, "contradiction:")


def test_findings_for_programs_say_what_can_be_fixed(scaffold, spec):
    found = json.loads(scaffold("lint", spec(), "--output-format", "json").out)
    assert [each["mend"] for each in found] == ["safe", "safe"]
    keys = {"file", "line", "column", "code", "message", "help", "severity", "mend"}
    assert [each.keys() for each in found] == [keys, keys]


def test_every_code_is_explained_as_the_manual_does(scaffold):
    manual = (Path(__file__).parents[2] / "docs" / "errors.md").read_text("utf-8")
    codes = re.findall(r"^### `(.+)`$", manual, re.MULTILINE)
    for code in codes:
        result = scaffold("explain", code)
        title, _, body = result.out.partition("\n\n")
        assert (result.status, title) == (0, code)
        assert body.split("\n")[0].split("[")[0] in manual
        assert "](" not in body
        assert "##" not in body


def test_a_code_that_is_none_is_refused_with_the_one_that_is_near(scaffold):
    result = scaffold("explain", "twin-property")
    assert (result.status, "did you mean 'twin-properties'?" in result.err) == (2, True)
