"""The version step that each change requires; `docs/compatibility.md` explains the table.

A change is major if an unchanged party may fail and the other side can neither know nor prevent it.
It is minor if the other side decides: a host knows the version of the plugin that it calls, and
need not send what the plugin does not know.
"""

from dataclasses import dataclass

from scaffold.generator._compare.report import Bump, Party
from scaffold.generator.ir import Json


@dataclass(frozen=True, slots=True)
class Impact:
    """The party that a change breaks, the version step that it requires, and why."""

    party: Party
    bump: Bump
    why: str


@dataclass(frozen=True, slots=True)
class PayloadRule:
    """One way in which a payload can change: values that are valid on one side only."""

    side: str
    """`input` or `output`."""
    inner: str
    """The version whose values must all be valid for the other one: `old` or `new`."""
    harm: Impact
    undeclared_bump: Bump
    """The version step if only undeclared properties are affected."""

    @property
    def outer(self) -> str:
        """The other version."""
        return "new" if self.inner == "old" else "old"

    @property
    def name(self) -> str:
        """`narrowed` if values of the old version are gone, `widened` if the new one has more."""
        return "narrowed" if self.inner == "old" else "widened"


_HOSTS, _PLUGINS = Party.HOSTS, Party.PLUGINS
_MAJOR, _MINOR = Bump.MAJOR, Bump.MINOR

_ROWS = (
    ("input", "old", _HOSTS, _MAJOR, _MINOR, "what they send may be refused"),
    ("input", "new", _PLUGINS, _MINOR, _MINOR, "they do not expect what newer hosts may send"),
    ("output", "new", _HOSTS, _MAJOR, _MAJOR, "they do not expect what newer plugins may answer"),
    ("output", "old", _PLUGINS, _MAJOR, _MINOR, "what they answer may be refused"),
)
PAYLOAD_RULES = tuple(
    PayloadRule(side, inner, Impact(party, bump, why), undeclared_bump)
    for side, inner, party, bump, undeclared_bump, why in _ROWS
)
"""The four questions about a hook's payloads. The host ignores the output of a notified hook."""

CHAIN_LINKS = (("new", "new"), ("old", "new"), ("new", "old"))
"""The links of a chain to look at: whose output becomes whose input."""

FLAG_IMPACTS: dict[tuple[str, Json], tuple[Impact, ...]] = {
    ("exposed", False): (Impact(_HOSTS, _MAJOR, "they no longer reach it over MCP"),),
    ("exposed", True): (),
    ("idempotent", False): (Impact(_HOSTS, _MAJOR, "they repeat calls that count twice now"),),
    ("idempotent", True): (Impact(_PLUGINS, _MAJOR, "their calls may be repeated"),),
    ("read_only", False): (Impact(_HOSTS, _MAJOR, "they call freely what changes things now"),),
    ("read_only", True): (Impact(_PLUGINS, _MAJOR, "they may change what must stay"),),
    ("content", False): (Impact(_HOSTS, _MAJOR, "they look for content blocks"),),
    ("content", True): (Impact(_HOSTS, _MAJOR, "they look for the blocks in the result"),),
    ("best_effort", False): (Impact(_HOSTS, _MAJOR, "one plugin's failure fails their call now"),),
    ("best_effort", True): (Impact(_HOSTS, _MAJOR, "they take what is left for all there is"),),
    ("stream", False): (
        Impact(_HOSTS, _MAJOR, "they read items where one answer comes now"),
        Impact(_PLUGINS, _MAJOR, "their method is a generator"),
    ),
    ("stream", True): (
        Impact(_HOSTS, _MAJOR, "they read one answer where items come now"),
        Impact(_PLUGINS, _MAJOR, "their method returns one answer"),
    ),
    ("in_process_only", True): (
        Impact(_HOSTS, _MAJOR, "they can run it in processes of its own no more"),
        Impact(_PLUGINS, _MAJOR, "they may be servers"),
    ),
    ("in_process_only", False): (),
    ("singleton_per_runtime", True): (Impact(_HOSTS, _MAJOR, "they may load more than one"),),
    ("singleton_per_runtime", False): (),
}
"""What a flag means once it has this new value; a change of a flag without an impact is minor."""
