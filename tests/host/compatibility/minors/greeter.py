"""A kind in two minor versions, and a plugin of each: what is added is what a minor may add."""

from typing import Any

from scaffold.contract import AsyncClient, Client, Kind, Plugin
from scaffold.contract._hooks.dispatcher import AsyncDispatcher, Dispatcher

TEXT = {"type": "string"}


def closed(required, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def payload(schema):
    return {"schema": schema, "object": True, "empty": False}


def hook(dispatch, input_, output):
    return {
        "description": "x",
        "dispatch": dispatch,
        "input": payload(input_),
        "output": payload(output),
        "exposed": True,
        "tool": "{kind}_{plugin}_{hook}",
        "functions": None,
        "content": False,
        "idempotent": True,
        "read_only": True,
        "timeout": 20.0,
    }


SAID = {"type": "object", "properties": {"text": TEXT}, "required": ["text"]}
LINE = closed(["text"], text=TEXT)
OLD = {
    "greet": hook("singleton", LINE, SAID),
    "gather": hook("broadcast_collect", LINE, SAID),
}
NEW = {
    "greet": hook("singleton", closed(["text"], text=TEXT, mood=TEXT), SAID),
    "gather": hook("broadcast_collect", LINE, SAID),
    "part": hook("singleton", LINE, SAID),
    "fit": hook("capability", LINE, SAID),
    "count": hook("broadcast_collect", LINE, SAID),
    "heard": hook("broadcast_notify", LINE, SAID),
    "polish": hook("chain", SAID, SAID),
}


def kind(version, hooks):
    return Kind.from_contract(
        {"kind": "greeter", "version": version, "digest": version, "hooks": hooks}
    )


KINDS = {"1.0.0": kind("1.0.0", OLD), "1.1.0": kind("1.1.0", NEW)}


def _method(name):
    def answer(self, payload):
        return {"text": f"{name} {payload['text']} {payload.get('mood', '')}".strip()}

    return answer


def plugin(version):
    """Return the class of a plugin that is written for a version of the kind."""
    methods = {name: _method(name) for name in KINDS[version].hooks}
    return type("Greeter", (Plugin,), {"kind": KINDS[version], **methods})


OldPlugin = plugin("1.0.0")
NewPlugin = plugin("1.1.0")


def host_side(version):
    """Return the dispatchers that a host of a version has: blocking and awaited."""
    ours = KINDS[version]

    def bind(self: Any, routes: Any) -> None:
        for name, one in ours.hooks.items():
            setattr(self, name, getattr(routes, one.dispatch)(one))

    def client(self: Any, channel: Any) -> None:
        self.channel = channel
        for name, one in ours.hooks.items():
            setattr(self, name, channel.bind(one))

    made = {}
    for base, client_base in ((Dispatcher, Client), (AsyncDispatcher, AsyncClient)):
        one = type("GreeterClient", (client_base,), {"kind": ours, "__init__": client})
        made[base] = type("Dispatcher", (base,), {"kind": ours, "client": one, "bind": bind})
    return made[Dispatcher], made[AsyncDispatcher]
