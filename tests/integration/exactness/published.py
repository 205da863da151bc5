"""Schemas that others publish, and values to try on them."""

import copy
import json
import random
import zipfile
from itertools import islice
from pathlib import Path

from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.samples.sample_values import likely_values

__all__ = ["names", "published", "values"]

STORE = Path(__file__).parent / "schemastore" / "schemas.zip"
KINDS = (None, True, 7, -1.5, "", "text", "é", [], [{}], {}, {"unheard of": 1})


def names():
    """Name all schemas of the store."""
    with zipfile.ZipFile(STORE) as store:
        return sorted(name.removesuffix(".json") for name in store.namelist())


def published(name):
    """Return the text of one schema."""
    with zipfile.ZipFile(STORE) as store:
        return store.read(f"{name}.json").decode("utf-8-sig")


def values(schema, many):
    """Make values that a schema may accept, and values near them: the same each time."""
    documents = Documents.of_schema(schema)
    chance = random.Random(len(json.dumps(schema)))
    begun = list(islice(likely_values(documents, documents.root), many // 2)) or [{}]
    found = {_text(value): value for value in (*begun, *KINDS)}
    for _ in range(20 * many):
        if len(found) >= many:
            break
        changed = _changed(chance.choice(begun), chance)
        found.setdefault(_text(changed), changed)
    return list(found.values())


def _text(value):
    return json.dumps(value, sort_keys=True)


def _changed(value, chance):
    """Change one place of a value: drop it, add to it, or make it another."""
    value = copy.deepcopy(value)
    holder = {"": value}
    key = ""
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
        holder = holder[key]
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match chance.randrange(4):
        case 0 if key != "":
            del holder[key]
        case 1 if isinstance(holder[key], dict):
            holder[key][f"key_{chance.randrange(9)}"] = chance.choice(KINDS)
        case 2 if isinstance(holder[key], list):
            holder[key].append(chance.choice(KINDS))
        case _:
            holder[key] = chance.choice(KINDS)
    return value if key != "" else holder.get("", {})
