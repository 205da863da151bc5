"""Emitters are functions: rows of a table, the same text on every run."""

import ast
import os
import subprocess
import sys
import tomllib

import pytest
from emitted_files import ROOT, golden, shipped

from scaffold.generator import compile_kind
from scaffold.generator._emit import emit, languages
from scaffold.generator._emit.python.plugin_project import manifest

CODE = """
import hashlib, sys
from pathlib import Path
from emitted_files import everything
text = repr([everything(Path(path)) for path in sys.argv[1:]])
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_text_comes_out_under_every_hash_seed():
    cases = [str(path) for path in golden()[:4]]
    seen = set()
    for seed in ("0", "1"):
        env = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(ROOT / "tests" / "generator" / "emit"),
        }
        done = subprocess.run(
            [sys.executable, "-c", CODE, *cases], env=env, capture_output=True, check=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_files_come_sorted_by_their_paths():
    files = emit(compile_kind(golden()[0]))
    assert list(files) == sorted(files)


def test_an_emitter_that_nobody_offers_is_named_with_those_there_are():
    with pytest.raises(LookupError, match="no emitter named 'cobol'; there are markdown, openrpc"):
        emit(compile_kind(golden()[0]), "cobol")


def test_another_distribution_may_offer_an_emitter(tmp_path, monkeypatch):
    (tmp_path / "shout.py").write_text(
        "def emit(kind):\n    return {'name.txt': kind.name.upper()}\n"
    )
    info = tmp_path / "shout-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shout\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[scaffold.emitters]\nshout = shout:emit\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "shout" in languages()
    kind = compile_kind(golden()[0])
    assert emit(kind, "shout") == {"name.txt": kind.name.upper()}


@pytest.mark.parametrize("hookspec", shipped(), ids=lambda path: path.parent.name)
def test_the_bindings_that_ship_are_those_of_their_hookspecs(hookspec):
    for path, text in emit(compile_kind(hookspec)).items():
        assert (ROOT / "scaffold" / "kinds" / path).read_bytes().decode() == text, path


def test_a_manifest_lists_what_it_is_given_in_the_order_of_preference():
    kind = compile_kind(shipped()[0])
    text = manifest(
        kind, plugin='a "b"', package="a_b", class_name="X", runtimes=["mcp_http", "in_process"]
    )
    plugin = tomllib.loads(text)["plugin"]
    assert plugin["name"] == 'a "b"'
    assert plugin["runtime"] == ["in_process", "mcp_http"]
    assert plugin["entry_point"] == "a_b.plugin:X"
    assert "mcp_stdio" not in plugin


def test_a_word_in_a_text_or_in_a_name_is_not_imported(tmp_path):
    hookspec = tmp_path / "v1.yaml"
    hookspec.write_text(WORDS, "utf-8")
    models = emit(compile_kind(hookspec))["k_v1/models.py"]
    imported = {
        alias.name
        for node in ast.walk(ast.parse(models))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"Annotated", "Literal", "ABSENT", "Field", "Maybe", "Model"}


WORDS = """\
kind: k
kind_api_version: "1.0.0"
hooks:
  - name: h
    dispatch: broadcast_notify
    input_schema:
      type: object
      properties:
        override: {type: string}
        path: {enum: [Json, Any, "Number one"]}
        text: {type: string, pattern: "^Integer$", default: Path}
"""
