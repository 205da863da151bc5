"""The shipped kinds, kinds of dagstack's shape, and finding either."""

import time

import pytest
from specs import SHAPES, declared, field_types, record

from scaffold.generator import SpecError, compile_kind, find_kind, ir, list_kinds, shipped_hookspecs

FOLDERS = [shipped_hookspecs()]
KINDS = ["audit_logger", "chunker", "orchestrator", "source", "text_processor", "tool"]


def test_the_shipped_kinds_use_all_five_dispatch_classes():
    assert sorted(list_kinds(FOLDERS)) == KINDS
    kinds = [compile_kind(find_kind(name, FOLDERS)) for name in KINDS]
    assert {hook.dispatch for kind in kinds for hook in kind.hooks} == {
        "singleton",
        "broadcast_collect",
        "broadcast_notify",
        "chain",
        "capability",
    }
    assert [kind.name for kind in kinds] == KINDS


def test_a_shipped_kind_compiles_in_a_few_milliseconds():
    path = find_kind("chunker", FOLDERS)
    times = []
    for _ in range(5):
        start = time.process_time()
        compile_kind(path)
        times.append(time.process_time() - start)
    assert min(times) < 0.05


def test_the_union_of_a_chunk_is_told_apart_by_its_unit():
    span = declared(compile_kind(find_kind("chunker", FOLDERS)))["Span"]
    assert isinstance(span, ir.Alias)
    assert span.type == ir.Union((ir.Reference("LineSpan"), ir.Reference("PageSpan")), "unit")


def test_a_tool_of_dagstacks_shape_loads_unchanged():
    kind = compile_kind(SHAPES / "tool" / "v1.yaml")
    assert list(declared(kind)) == [
        "FunctionSchema",
        "GetSchemaOutput",
        "ExecuteInput",
        "ExecuteOutput",
    ]
    get_schema, execute = kind.hooks
    assert (get_schema.input.type, get_schema.exposed) == (None, False)
    assert execute.tool == "{kind}.{plugin}.{hook}.{function}"
    assert execute.functions == ir.Functions("get_schema", "function", "args")
    assert field_types(kind, "ExecuteInput") == {
        "function": ir.String(),
        "args": ir.Map(ir.Anything()),
    }
    assert record(kind, "ExecuteOutput").extra == "allow"


def test_an_orchestrator_of_dagstacks_shape_loads_unchanged():
    kind = compile_kind(SHAPES / "orchestrator" / "v1.yaml")
    assert (kind.in_process_only, kind.singleton_per_runtime) == (True, True)
    assert [hook.exposed for hook in kind.hooks] == [False, False]
    assert field_types(kind, "StatusOutput")["state"] == ir.Choice(("queued", "running", "failed"))
    states = ir.Array(ir.Choice(("failed", "cancelled")))
    assert field_types(kind, "BackfillInput")["states"] == states
    assert not any(hook.input.exact or hook.output.exact for hook in kind.hooks)


@pytest.fixture
def folders(tmp_path):
    text = 'kind: {}\nkind_api_version: "{}.0.0"\n'
    for place in ("a/demo/v1", "a/demo/v2", "a/demo/v10", "a/kinds/other/v1", "b/demo/v3", "b/x/y"):
        path = tmp_path / f"{place}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(path.parent.name, path.stem[1:]), "utf-8")
    (tmp_path / "single.yaml").write_text(text.format("single", 1), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo", "a/demo/v10.yaml"),
        ("demo@1", "a/demo/v1.yaml"),
        ("demo_v2", "a/demo/v2.yaml"),
        ("demo@v3", "b/demo/v3.yaml"),
        ("other", "a/kinds/other/v1.yaml"),
        ("single", "single.yaml"),
    ],
)
def test_a_kind_is_found_by_its_name_and_major_version(folders, name, expected):
    places = [folders / "a", folders / "b", folders / "single.yaml", folders / "missing"]
    assert find_kind(name, places) == folders / expected


def test_a_kinds_own_folder_will_do(folders):
    assert find_kind("demo", [folders / "a" / "demo"]).name == "v10.yaml"


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("dmo", "did you mean 'demo'? there is: 'demo', 'other'"),
        ("demo@7", "there is: 'demo@1', 'demo@2', 'demo@10'"),
        ("nothing_like_it", "there is: 'demo', 'other'"),
    ],
)
def test_an_unknown_kind_is_refused_with_what_there_is(folders, name, help):
    with pytest.raises(SpecError) as refusal:
        find_kind(name, [folders / "a"])
    (problem,) = refusal.value.diagnostics
    assert (problem.code, problem.message) == ("unknown-kind", f"there is no kind '{name}'")
    assert problem.hint == help
