"""`scaffold test`: test a plugin against its contract."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from scaffold._cli.reporting.output import flush, print_json_text, print_lines, print_message
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._json import Json
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.samples.sample_values import NoSampleError, likely_values, sample
from scaffold.generator._source.diagnostics import SpecError
from scaffold.manifest._secrets import Secrets
from scaffold.testing._checks.check import Result, Suite
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._suites import checks_of, run_check


def test(folder: Path, suites: Sequence[str], *, secrets: Sequence[str], as_json: bool) -> int:
    """Print what came of every check; 1 if a plugin breaks an invariant, 5 if it cannot be tried.

    Raises `ManifestInvalid`.
    """
    subject = subject_in(folder, secrets)
    # What hooks raise is judged by the checks; its tracebacks would bury their findings.
    logging.getLogger("plugin").addHandler(logging.NullHandler())
    results: list[Result] = []
    for check in checks_of([Suite(suite) for suite in suites]):
        result = run_check(check, subject)
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        print_json_text(json.dumps({"checks": [one.as_json() for one in results]}))
    counts = Counter(result.outcome for result in results)
    summary = ", ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items()))
    print_message(f"{subject.manifest.name}: {summary}")
    return 5 if counts["failed"] else 1 if counts["wrong"] else 0


def subject_in(folder: Path, secrets: Sequence[str] = ()) -> PluginUnderTest:
    """Return the plugin in a folder, to be tried with samples of its schemas."""
    return PluginUnderTest(folder, _variants, Secrets(secrets or None))


def _variants(schema: Json) -> Iterator[Json]:
    try:
        documents = Documents.of_schema(schema)
        return chain([sample(schema)], likely_values(documents, documents.root))
    except (NoSampleError, SpecError) as error:
        raise ScaffoldError(f"no input can be made: {error}") from None


def _print(result: Result) -> None:
    check = result.check
    print_lines([f"{check.suite:<8}  {check.name:<18}  {result.outcome:<7}  by {check.how}"])
    print_lines(f"  {line}" for line in str(result).splitlines())
    flush()
