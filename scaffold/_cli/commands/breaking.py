"""`scaffold breaking`: report changes that break more than the version says."""

from collections.abc import Iterator

from scaffold._cli.commands.diff import print_reports
from scaffold._cli.reporting.hookspec_states import Comparison, compare_states, states_to_compare
from scaffold._cli.reporting.output import print_lines, print_messages
from scaffold.generator._compare import Bump, ContractChange, Effect, Verdict
from scaffold.generator._compare.render import summary_line, witness_line
from scaffold.generator._compile.compiler import CompiledKind
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import Pointer


def breaking(old: str, new: str | None, *, against: str | None, as_json: bool) -> int:
    """Print what breaks more than the version says; return 1 if anything does."""
    found = compare_states(*states_to_compare(old, new, against))
    if as_json:
        print_reports([each.report for each in found], "json")
    else:
        print_lines(str(each) for comparison in found for each in breaking_problems(comparison))
        print_messages(summary_line(each.report) for each in found)
    return 0 if all(each.report.is_sufficient for each in found) else 1


def breaking_problems(comparison: Comparison) -> list[Diagnostic]:
    """Return what asks for a greater step than the version made, at its place in the text."""
    report, kind = comparison.report, comparison.text
    if report.is_sufficient:
        return []
    found = [
        _complaint(kind, change, effect)
        for change in report.changes
        for effect in change.effects
        if effect.verdict is not Verdict.COMPATIBLE and effect.bump > report.actual_bump
    ]
    return comparison.named([*found, *_version(comparison)])


def _version(comparison: Comparison) -> Iterator[Diagnostic]:
    report, source = comparison.report, comparison.text.hookspec.source
    if report.new is None or report.old is None:
        message = f"the kind '{report.kind}' was removed"
        yield source.problem(("kind",), "kind-removed", message, "keep it, deprecated, for a while")
        return
    wanted = _after(report.old, report.required_bump)
    message = (
        f"'{report.new}' follows '{report.old}', and the changes ask for {report.required_bump}"
    )
    hint = f"make it '{wanted}'"
    if wanted.partition(".")[0] != report.old.partition(".")[0]:
        hint += f", in a file 'v{wanted.partition('.')[0]}.yaml'"
    yield source.problem(("kind_api_version",), "version-too-low", message, hint)


def _after(version: str, step: Bump) -> str:
    """Return the least version that is the step; of `0.y.z`, `y` is the one that breaks."""
    core = version.partition("+")[0].partition("-")[0]
    major, minor, patch = (int(number) for number in core.split("."))
    if major == 0:
        return f"0.{minor + 1}.0" if step is Bump.MAJOR else f"0.{minor}.{patch + 1}"
    match step:
        case Bump.MAJOR:
            return f"{major + 1}.0.0"
        case Bump.MINOR:
            return f"{major}.{minor + 1}.0"
        case _:
            return f"{major}.{minor}.{patch + 1}"


def _complaint(kind: CompiledKind, change: ContractChange, effect: Effect) -> Diagnostic:
    undecided = effect.verdict is Verdict.UNKNOWN
    code = "undecided" if undecided else f"breaks-{effect.party.value}"
    hook = f"'{change.hook}': " if change.hook else ""
    message = f"{hook}{change.what}; {effect.party.value}: {effect.why}"
    hint = f"if it breaks, it asks for {effect.bump}"
    if effect.witness is not None:
        hint = witness_line(effect.witness)
    source, at = kind.hookspec.source, _place(kind, change)
    document = kind.payloads.get((change.hook, change.subject))
    if document is not None:
        source = document.source
        at = (*document.at, *_steps(change))
    return source.problem(at, code, message, hint)


def _place(kind: CompiledKind, change: ContractChange) -> Pointer:
    for hook in kind.hookspec.hooks:
        if hook.name == change.hook:
            return (*hook.at, change.subject)
    return ("hooks",) if change.hook else ("constraints",)


def _steps(change: ContractChange) -> Pointer:
    """Read the pointer to the first change of a schema."""
    if not change.schema_changes:
        return ()
    parts = change.schema_changes[0].pointer.split("/")[1:]
    names = (part.replace("~1", "/").replace("~0", "~") for part in parts)
    return tuple(int(name) if name.isascii() and name.isdecimal() else name for name in names)
