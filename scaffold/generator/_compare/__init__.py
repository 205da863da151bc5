"""The judge: two versions of a kind compared in meaning, for hosts, for plugins and for chains.

Pure: two kinds in, a report out. What asks for which version is in `policy`.
"""

from scaffold.generator._compare.kinds import compare, kind_added, kind_removed
from scaffold.generator._compare.report import (
    Bump,
    ContractChange,
    Direction,
    Effect,
    Party,
    Report,
    SchemaChange,
    Verdict,
    Witness,
)

__all__ = [
    "Bump",
    "ContractChange",
    "Direction",
    "Effect",
    "Party",
    "Report",
    "SchemaChange",
    "Verdict",
    "Witness",
    "compare",
    "kind_added",
    "kind_removed",
]
