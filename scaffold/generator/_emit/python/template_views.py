"""What the templates print of a kind: every decision taken, every word made safe."""

from dataclasses import dataclass, replace

from scaffold.generator import ir
from scaffold.generator._compile.function_tools import USUAL_ARGUMENTS, USUAL_NAME
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, Source, format_source
from scaffold.generator._emit.python.literals import docstring, python_literal, string_literal
from scaffold.generator._emit.python.names import PythonNames, pascal_case
from scaffold.generator._hookspec.semantic_checks import DEFAULT_TOOL_TEMPLATE


@dataclass(frozen=True, slots=True)
class HookView:
    """One hook, as a constant, an abstract method and two lines of a client."""

    constant: str
    method: str
    definition: str
    """`EXECUTE = Hook[ExecuteInput, ExecuteOutput](…)`."""
    abstract: str
    """The method of the plugin's base class, up to its docstring."""
    docstring: str
    binding: str
    """`self._execute = channel.bind(EXECUTE)`."""
    stub: str
    """The method of a plugin, as its author writes it."""
    signature: str
    """The method of the client that waits."""
    async_signature: str
    """The method of the client that is awaited."""
    call: str
    """`self._execute(payload)`."""
    awaited: str
    """The same for the client that is awaited: `await self._execute(payload)`."""


@dataclass(frozen=True, slots=True)
class _HookStyle:
    """How a hook is written that answers in one piece, or in items."""

    hook: str
    bind: str
    abstract: str
    """The result of the plugin's method, whichever way it is written."""
    stub: str
    given: str
    """The result of the client that waits."""
    word: str
    """How a method of the client that is awaited begins."""
    awaited: str
    """The result of that method."""
    await_: str


_PLAIN = _HookStyle(
    hook="Hook",
    bind="bind",
    abstract="MaybeAwaitable[{}]",
    stub="{}",
    given="{}",
    word="async def",
    awaited="{}",
    await_="await ",
)
_STREAM = _HookStyle(
    hook="StreamHook",
    bind="stream",
    abstract="MaybeAsyncIterator[{}]",
    stub="Iterator[{}]",
    given="Generator[{}]",
    word="def",
    awaited="AsyncGenerator[{}]",
    await_="",
)


@dataclass(frozen=True, slots=True)
class KindView:
    """A kind, as the modules of its package name it."""

    definition: str
    """`TOOL = Kind(…)`."""
    docstring: str
    client: str
    """The docstring of the client that waits."""
    async_client: str
    """The docstring of the client that is awaited."""


def with_named_payloads(kind: ir.Kind) -> ir.Kind:
    """Give every payload a declared name: `ExecuteOutput`."""
    taken = {item.name for item in kind.types}
    aliases: list[ir.Alias] = []

    def name(payload: ir.Payload, hook: ir.Hook, role: str) -> ir.Payload:
        if payload.type is None or isinstance(payload.type, ir.Reference):
            return payload
        free = f"{pascal_case(hook.name)}{role}"
        while free in taken:
            free += "Payload"
        taken.add(free)
        aliases.append(ir.Alias(free, "", payload.type))
        return replace(payload, type=ir.Reference(free))

    hooks = tuple(
        replace(
            hook, input=name(hook.input, hook, "Input"), output=name(hook.output, hook, "Output")
        )
        for hook in kind.hooks
    )
    return replace(kind, hooks=hooks, types=(*kind.types, *aliases))


def kind_view(names: PythonNames) -> KindView:
    """Describe the kind as a whole."""
    kind = names.kind
    constants = tuple(names.hooks.values())
    call = Bracket(
        "Kind(",
        (
            string_literal(kind.name),
            string_literal(kind.version),
            Bracket("(", constants, ")") if len(constants) != 1 else f"({constants[0]},)",
            f"digest={string_literal(kind.digest)}",
            'contract=Path(__file__).with_name("contract.json")',
        ),
        ")",
    )
    return KindView(
        format_source(Concat((f"{names.constant} = ", call))),
        docstring(
            kind.description, indent=4, otherwise=f"What a plugin of kind `{kind.name}` does."
        ),
        docstring(f"Calls a plugin of kind `{kind.name}` and waits for its answers.", indent=4),
        docstring(f"Calls a plugin of kind `{kind.name}` from an event loop.", indent=4),
    )


def hook_view(hook: ir.Hook, names: PythonNames) -> HookView:
    """Describe one hook."""
    constant, method = names.hooks[hook.name], names.methods[hook.name]
    taken, given = _type(hook.input, names), _type(hook.output, names)
    parameters = ("self", f"payload: {taken}") if hook.input.type else ("self",)
    private = f"self._{hook.name}"
    form = _STREAM if hook.stream else _PLAIN
    call = f"{private}({'payload' if hook.input.type else 'None'})"
    made = (f"{constant} = {form.hook}", Bracket("[", (taken, given), "]"))
    bound = Bracket(f"channel.{form.bind}(", (constant,), ")")
    return HookView(
        constant=constant,
        method=method,
        definition=format_source(Concat((*made, _arguments(hook, names)))),
        abstract=_function(method, parameters, form.abstract.format(given)),
        docstring=docstring(_prose(hook), indent=8, otherwise=f"Answer `{hook.name}`."),
        binding=format_source(Concat((f"{private} = ", bound)), 8),
        stub=_function(method, parameters, form.stub.format(given)),
        signature=_function(method, parameters, form.given.format(given)),
        async_signature=_function(method, parameters, form.awaited.format(given), word=form.word),
        call=call,
        awaited=f"{form.await_}{call}",
    )


def _function(name: str, parameters: tuple[str, ...], result: str, *, word: str = "def") -> str:
    return format_source(
        Concat((f"{word} {name}", Bracket("(", parameters, ")"), f" -> {result}:")), 4
    )


def _type(payload: ir.Payload, names: PythonNames) -> str:
    return names.types[payload.type.name] if isinstance(payload.type, ir.Reference) else "None"


def _arguments(hook: ir.Hook, names: PythonNames) -> Bracket:
    options: tuple[tuple[str, bool, Source], ...] = (
        ("input", hook.input.type is not None, _type(hook.input, names)),
        ("output", hook.output.type is not None, _type(hook.output, names)),
        ("exact_input", hook.input.exact, "True"),
        ("exact_output", hook.output.exact, "True"),
        ("exposed", not hook.exposed, "False"),
        ("tool", hook.tool != DEFAULT_TOOL_TEMPLATE, string_literal(hook.tool)),
        ("functions", hook.functions is not None, _functions(hook.functions)),
        ("content", hook.content, "True"),
        ("best_effort", hook.best_effort, "True"),
        ("idempotent", hook.idempotent, "True"),
        ("read_only", hook.read_only, "True"),
        ("timeout", hook.timeout is not None, python_literal(hook.timeout)),
    )
    said = tuple(Concat((f"{name}=", value)) for name, needed, value in options if needed)
    return Bracket(
        "(", (string_literal(hook.name), f"Dispatch.{hook.dispatch.upper()}", *said), ")"
    )


def _functions(functions: ir.Functions | None) -> Source:
    if functions is None:
        return "None"
    options = [f"catalogue={string_literal(functions.catalogue)}"]
    if functions.name != USUAL_NAME:
        options.append(f"name={string_literal(functions.name)}")
    if functions.arguments != USUAL_ARGUMENTS:
        options.append(f"arguments={string_literal(functions.arguments)}")
    return Bracket("Functions(", tuple(options), ")")


def _prose(hook: ir.Hook) -> str:
    said = [hook.description or f"Answer `{hook.name}`."]
    if hook.errors:
        *others, last = (f"`{error.code}`" for error in hook.errors)
        listed = f"{', '.join(others)} or {last}" if others else last
        said.append(f"Raises `HookError` with {listed}.")
    if hook.deprecated is not None:
        said.append(f"Deprecated: {hook.deprecated}")
    return "\n\n".join(said)
