"""The bundled kinds, compared with themselves in other words."""

import shutil
from pathlib import Path

import pytest

from scaffold.generator import compile_kind
from scaffold.generator._compare.compare_kinds import compare
from scaffold.generator._compare.report import Party, Verdict

HOOKSPECS = Path(__file__).parents[3] / "hookspecs"
KINDS = sorted(path.parent.name for path in HOOKSPECS.glob("*/v1.yaml"))


@pytest.mark.parametrize("name", KINDS)
def test_other_words_in_the_schemas_of_a_kind_break_nobody(name, tmp_path):
    folder = shutil.copytree(HOOKSPECS / name, tmp_path / name)
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace('"description": "', '"description": "Now: '))
    old, new = (compile_kind(each / "v1.yaml") for each in (HOOKSPECS / name, folder))
    report = compare(old, new)
    assert report.changes
    assert {report.verdict(party) for party in Party} == {Verdict.COMPATIBLE}
