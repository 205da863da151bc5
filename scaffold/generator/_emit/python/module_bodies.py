"""The text of the modules `plugin`, `client` and `dispatch` of a kind's package.

What a dispatcher's method says follows from the dispatch class of its hook.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from scaffold.generator import ir
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, format_source
from scaffold.generator._emit.python.literals import docstring
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.template_views import HookView, KindView


@dataclass(frozen=True, slots=True)
class DispatcherMethodView:
    """One hook, as a method of the dispatchers."""

    binding: str
    """`self._execute = routes.singleton(EXECUTE)`."""
    signature: str
    """The method that waits."""
    async_signature: str
    """The method that is awaited."""
    docstring: str
    call: str
    """`self._execute(payload)`."""
    awaited: str
    """`await self._execute(payload)`."""


_SAYS: Final[dict[str, str]] = {
    "singleton": "Ask the active plugin.",
    "broadcast_collect": "Ask every plugin; the answers are in the order of priority.",
    "broadcast_notify": "Tell every plugin, and wait for none.",
    "chain": "Hand each plugin's answer to the next one.",
    "capability": "Ask the plugin that supports what is wanted.",
}


def dispatcher_views(names: PythonNames) -> list[DispatcherMethodView]:
    """Describe every hook of a kind."""
    return [_describe(hook, names) for hook in names.kind.hooks]


def _describe(hook: ir.Hook, names: PythonNames) -> DispatcherMethodView:
    constant, method = names.hooks[hook.name], names.methods[hook.name]
    taken, given = _type(hook.input, names), _type(hook.output, names)
    parameters = ["self"]
    arguments = ["None"]
    if hook.input.type is not None:
        parameters.append(f"payload: {taken}")
        arguments = ["payload"]
    match hook.dispatch:
        case "broadcast_collect":
            given = f"list[{given}]"
        case "broadcast_notify":
            given = "None"
        case "capability":
            parameters.append("wanted: Wanted")
            arguments.append("wanted")
        case _:
            pass
    private = f"self._{hook.name}"
    routed = Bracket(f"routes.{hook.dispatch}{'_stream' if hook.stream else ''}(", (constant,), ")")
    head = Bracket(f"def {method}(", tuple(parameters), ")")
    call = f"{private}({', '.join(arguments)})"
    plain, awaited = given, given
    if hook.stream:
        plain, awaited = f"Generator[{given}]", f"AsyncGenerator[{given}]"
    word, wait = ("", "") if hook.stream else ("async ", "await ")
    return DispatcherMethodView(
        binding=format_source(Concat((f"{private} = ", routed)), 8),
        signature=format_source(Concat((head, f" -> {plain}:")), 4),
        async_signature=format_source(Concat((word, head, f" -> {awaited}:")), 4),
        docstring=docstring(_SAYS[hook.dispatch], indent=8),
        call=call,
        awaited=f"{wait}{call}",
    )


def _type(payload: ir.Payload, names: PythonNames) -> str:
    return names.types[payload.type.name] if isinstance(payload.type, ir.Reference) else "None"


def plugin_module(names: PythonNames, kind: KindView, hooks: Sequence[HookView]) -> str:
    """Write what a plugin implements."""
    constants = "\n".join(hook.definition for hook in hooks)
    methods = "".join(
        f"""
    @{hook.constant}
    @abstractmethod
    {hook.abstract}
        {hook.docstring}
"""
        for hook in hooks
    )
    return f"""\
{constants}
{kind.definition}


class {names.plugin}(Plugin):
    {kind.docstring}

    kind: ClassVar[Kind] = {names.constant}
{methods}"""


def client_module(names: PythonNames, kind: KindView, hooks: Sequence[HookView]) -> str:
    """Write the two clients: the one that waits, and the one that is awaited."""
    bindings = "".join(f"        {hook.binding}\n" for hook in hooks)
    return f"""\
class {names.client}(Client, {names.plugin}):
    {kind.client}

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
{bindings}{_overridden((hook.signature, hook.call) for hook in hooks)}

class {names.async_client}(AsyncClient, {names.plugin}):
    {kind.async_client}

    def __init__(self, channel: AsyncChannel) -> None:
        super().__init__(channel)
{bindings}{_overridden((hook.async_signature, hook.awaited) for hook in hooks)}"""


def dispatch_module(names: PythonNames, hooks: Sequence[DispatcherMethodView]) -> str:
    """Write the two dispatchers, which call all plugins of a host."""
    bindings = "".join(f"        {hook.binding}\n" for hook in hooks)
    methods = ((hook.signature, hook.docstring, hook.call) for hook in hooks)
    async_methods = ((hook.async_signature, hook.docstring, hook.awaited) for hook in hooks)
    return f'''\
class {names.dispatcher}(Dispatcher):
    """Calls the plugins of a host, and waits for their answers."""

    kind: ClassVar[Kind] = {names.constant}
    client: ClassVar[type[Client]] = {names.client}

    @override
    def bind(self, routes: Routes) -> None:
{bindings}{_described(methods)}

class {names.async_dispatcher}(AsyncDispatcher):
    """Calls the plugins of a host from an event loop."""

    kind: ClassVar[Kind] = {names.constant}
    client: ClassVar[type[AsyncClient]] = {names.async_client}

    @override
    def bind(self, routes: AsyncRoutes) -> None:
{bindings}{_described(async_methods)}'''


def _overridden(methods: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f"""
    @override
    {signature}
        return {call}
"""
        for signature, call in methods
    )


def _described(methods: Iterable[tuple[str, str, str]]) -> str:
    return "".join(
        f"""
    {signature}
        {docstring}
        return {call}
"""
        for signature, docstring, call in methods
    )
