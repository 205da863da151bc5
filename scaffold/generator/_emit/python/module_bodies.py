"""The text of the modules `plugin`, `client` and `dispatch` of a kind's package."""

from collections.abc import Iterable, Sequence

from scaffold.generator._emit.python.dispatcher_views import DispatcherMethodView
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.template_views import HookView, KindView


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
