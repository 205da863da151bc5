"""Each of the eight invariants is broken by a plugin, and each break is caught by name."""

import re

import pytest

from scaffold._cli.commands.test import subject_in
from scaffold.testing._checks.check import Suite
from scaffold.testing._suites import checks_of, run_check

UNIT = "unit_of_work = {{ declared = true, {} }}"
HASHED = UNIT.format('idempotency_mode = "output_hash"')

BROKEN = [
    ("here", "three-hosts", (), "here.py:9"),
    ("counting", "three-hosts", (), "counting.py:9"),
    ("here", "ambient-state", (), "here.py:10: ambient-state: 'pathlib.Path.cwd'"),
    ("counting", "ambient-state", (), "counting.py:10: ambient-state: 'calls'"),
    ("environment", "ambient-state", (), "environment.py:10: ambient-state: 'os.environ.get'"),
    ("early_loop", "ambient-state", (), "early_loop.py:10: ambient-state: 'asyncio."),
    ("own_file", "ambient-state", (), "own_file.py:10: ambient-state: 'pathlib.Path().write_text'"),
    ("foreign_values", "json-boundaries", (), "holds a datetime at '/result/now'"),
    ("own_client", "injected-resources", (), "own_client.py:10: "),
    ("sleeper", "free-loop", ('execution_model = "async"',), "process held the event loop for 0.3"),
    ("sleeper", "blocking-calls", (), "sleeper.py:10: blocking-calls: 'time.sleep'"),
    ("own_executor", "blocking-calls", (), "own_executor.py:10: "),
    ("echo", "unit-of-work", (UNIT.format('partition_key = "no_such"'),), "'no_such' is in no"),
    ("echo", "unit-of-work", ("unit_of_work = { checkpointable = true }",), "nothing is declared"),
    ("backwards", "progress", (), "process reports 3 after 5"),
    ("printing", "sinks", (), "printing.py:8: sinks: 'print'"),
    ("forgetful", "idempotency", (), "forgetful.py:10"),
    ("unordered", "determinism", (HASHED,), "unordered.py:7"),
    ("dice", "time-and-chance", (HASHED,), "dice.py:10: time-and-chance: 'random.randint'"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[f"{one[0]}-{one[1]}" for one in BROKEN])
def test_a_plugin_that_breaks_an_invariant_is_caught_by_its_name(plugin, tried, broken):
    name, check, keys, said = broken
    kind = "tool" if name == "foreign_values" else "text_processor"
    result = tried(plugin(name, *keys, kind=kind), check)

    assert result.outcome == "wrong", result
    first, invariant, mend = str(result).splitlines()[:3]
    assert re.match(r"\w+\.(py:\d+|toml): ", first)
    assert (said in first, f": {check}: " in first) == (True, True), first
    assert re.match(r"  invariant: .* \(ADR-0003 §[1-8]\)$", invariant)
    assert mend.startswith("  help: ")


def test_a_plugin_that_takes_everything_from_its_context_passes(plugin):
    resources = 'resources = { required = ["clock", "rng"] }'
    unit = UNIT.format('idempotency_mode = "output_hash", partition_key = "language"')
    subject = subject_in(plugin("sound", resources, unit, 'execution_model = "async"'))
    results = [run_check(check, subject) for check in checks_of([Suite.contract])]

    # Lent a real source of chance it is not idempotent, as its kind would have it be.
    said = {one.check.name: one.outcome for one in results if one.outcome != "ok"}
    assert said == {"idempotency": "wrong"}, [str(one) for one in results]


def test_a_plugin_that_may_keep_a_processor_busy_may_sleep(plugin, tried):
    folder = plugin("sleeper", 'execution_model = "thread_cpu_bound"')
    (folder / "sleeper.py").write_text(
        (folder / "sleeper.py").read_text().replace("async def", "def")
    )

    assert tried(folder, "blocking-calls").outcome == "ok"
    assert tried(folder, "free-loop").outcome == "ok"


@pytest.mark.parametrize("check", ["three-hosts", "determinism", "json-boundaries"])
def test_what_stays_in_process_is_exempt_or_is_no_chain(plugin, tried, check):
    result = tried(plugin("echo", "in_process_only = true"), check)

    expected = "wrong" if check == "json-boundaries" else "skipped"
    assert result.outcome == expected, result


def test_a_plugin_that_cannot_be_loaded_fails_its_checks_with_the_reason(plugin, tried):
    folder = plugin("echo")
    (folder / "echo.py").write_text("import no_such_module\n")

    for check in ("three-hosts", "progress", "idempotency", "free-loop"):
        result = tried(folder, check)
        assert (result.outcome, "no_such_module" in str(result)) == ("failed", True), check


def test_names_that_only_look_like_what_is_forbidden_are_left_alone(plugin, tried):
    folder = plugin("echo")
    code = (folder / "echo.py").read_text()
    innocent = [
        "        open = payload.text",
        "        input = open.replace('time.sleep(1)', '')",
        "        calls = []",
        "        calls.append(input)",
        "        return payload",
    ]
    (folder / "echo.py").write_text(code.replace("        return payload", "\n".join(innocent)))

    for check in ("ambient-state", "blocking-calls", "injected-resources", "sinks"):
        assert tried(folder, check).outcome == "ok", check
