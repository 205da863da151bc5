"""What others say of the changes in `tests/generator/compare/schemas.yaml`.

Each change asks two questions: does the new schema accept all that the old one does, and the
reverse? An answer is right, unsafe (yes, and it is not so), strict (no, and it is so) or none.

Peers are taken if they are there: `jsoncompat` from PyPI in this environment, `json-schema-diff`
from npm in the folder that `--node` names.
"""

import argparse
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from scaffold.generator._compare.subset.subset_check import check_subset
from scaffold.generator._source.yaml_text import read_yaml

Pair: TypeAlias = tuple[Any, Any]
"""Does the second schema accept all that the first does?"""

Answers: TypeAlias = list[bool | None]

TABLE = Path(__file__).parents[1] / "tests" / "compare" / "schemas.yaml"

NODE = """
const {diffSchemas} = require('json-schema-diff');
const pairs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const answers = [];
  for (const [sourceSchema, destinationSchema] of pairs) {
    try {
      answers.push(!(await diffSchemas({sourceSchema, destinationSchema})).removalsFound);
    } catch (error) {
      answers.push(null);
    }
  }
  console.log(JSON.stringify(answers));
})();
"""


def ours(pairs: list[Pair]) -> Answers:
    found = (check_subset(inner, outer) for inner, outer in pairs)
    return [True if each.proven else False if each.refuted else None for each in found]


def jsoncompat(pairs: list[Pair]) -> Answers:
    import jsoncompat

    def ask(inner: Any, outer: Any) -> bool | None:
        try:
            return bool(
                jsoncompat.check_compat(json.dumps(inner), json.dumps(outer), "deserializer")
            )
        except ValueError:
            return None

    return [ask(*pair) for pair in pairs]


def json_schema_diff(folder: Path) -> Callable[[list[Pair]], Answers]:
    def ask(pairs: list[Pair]) -> Answers:
        ended = subprocess.run(
            ["node", "-e", NODE],
            cwd=folder,
            input=json.dumps(pairs),
            capture_output=True,
            check=True,
            text=True,
            timeout=300,
        )
        answers: Answers = json.loads(ended.stdout)
        return answers

    return ask


def verdict(*, said: bool | None, true: bool) -> str:
    if said is None:
        return "none"
    if said == true:
        return "right"
    return "unsafe" if said else "strict"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, help="a folder with json-schema-diff installed")
    parser.add_argument("--all", action="store_true", help="print every question, not the sums")
    options = parser.parse_args()

    rows = read_yaml(TABLE, TABLE.name).value
    pairs, truths = [], []
    for row in rows:
        pairs += [(row["old"], row["new"]), (row["new"], row["old"])]
        truths += [row["means"] in ("widened", "same"), row["means"] in ("narrowed", "same")]

    judges: dict[str, Callable[[list[Pair]], Answers]] = {"ours": ours, "jsoncompat": jsoncompat}
    if options.node:
        judges["json-schema-diff"] = json_schema_diff(options.node)
    said: dict[str, list[str]] = {}
    for name, judge in judges.items():
        start = time.perf_counter()
        try:
            answers = judge(pairs)
        except ImportError:
            print(f"{name} is not installed")
            continue
        took = (time.perf_counter() - start) / len(pairs) * 1e3
        said[name] = [verdict(said=a, true=t) for a, t in zip(answers, truths, strict=True)]
        counts = Counter(said[name])
        sums = ", ".join(f"{counts[each]} {each}" for each in ("right", "unsafe", "strict", "none"))
        print(f"{name:>17}: {sums} of {len(pairs)}; {took:.1f} ms each")
    if options.all:
        for index, row in enumerate(rows):
            words = [
                f"{name}: {each[2 * index]}, {each[2 * index + 1]}" for name, each in said.items()
            ]
            print(f"{row['name']}\n    {'; '.join(words)}")


if __name__ == "__main__":
    main()
