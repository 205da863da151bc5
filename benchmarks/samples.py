"""Measure for how many payload schemas of an API description `sample()` finds a valid value.

    python -m benchmarks.samples openapi.yaml [EVERY]

A payload is the JSON body of a request or an answer; with a number, one of so many is measured.
Prints the rate, and what has no sample.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.documents.reading import SchemaFiles
from scaffold.generator._schema.documents.references import bundle, check_references
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample
from scaffold.generator._source.diagnostics import SpecError
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.pointers import quote_fragment
from scaffold.generator._source.source_text import SourceFile
from scaffold.generator.ir import Json


def payloads(value: Json, at: str = "") -> Iterator[str]:
    """Yield the pointer of every schema of a body of type JSON."""
    parts = value.items() if is_object(value) else enumerate(value) if is_list(value) else ()
    for key, part in parts:
        here = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if "json" in str(key) and is_object(part) and is_object(part.get("schema")):
            yield f"{here}/schema"
        yield from payloads(part, here)


def main() -> None:
    path = Path(sys.argv[1])
    documents = Documents(SchemaFiles(path.parent), "https://hookspec.invalid/")
    source = documents.schema_files.read(type(path)(path.name))
    found = failed = 0
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for pointer in islice(payloads(source.value.get("paths", {}), "/paths"), 0, None, every):
        found += 1
        inline = SourceFile(
            "inline", {"$ref": f"{path.name}#{quote_fragment(pointer)}"}, source.find_positions
        )
        try:
            document = documents.inline(inline, (found,), inline.value)
            reason = "\n".join(map(str, check_references(documents, document)))
            sample(bundle(documents, document))
        except (NoSampleError, SpecError, ValueError) as error:
            reason = str(error)
        if reason:
            failed += 1
            print(pointer, json.dumps(reason)[:200])
    print(f"{found - failed} of {found}: {(found - failed) / max(found, 1):.2%}")


if __name__ == "__main__":
    main()
