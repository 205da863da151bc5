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


PAYLOAD_RULES = (
    PayloadRule(
        "input",
        "old",
        Impact(Party.HOSTS, Bump.MAJOR, "what they send may be refused"),
        undeclared_bump=Bump.MINOR,
    ),
    PayloadRule(
        "input",
        "new",
        Impact(Party.PLUGINS, Bump.MINOR, "they do not expect what newer hosts may send"),
        undeclared_bump=Bump.MINOR,
    ),
    PayloadRule(
        "output",
        "new",
        Impact(Party.HOSTS, Bump.MAJOR, "they do not expect what newer plugins may answer"),
        undeclared_bump=Bump.MAJOR,
    ),
    PayloadRule(
        "output",
        "old",
        Impact(Party.PLUGINS, Bump.MAJOR, "what they answer may be refused"),
        undeclared_bump=Bump.MINOR,
    ),
)
"""The four questions about a hook's payloads. The host ignores the output of a notified hook."""

CHAIN_LINKS = (("new", "new"), ("old", "new"), ("new", "old"))
"""The links of a chain to look at: whose output becomes whose input."""

_HOSTS, _PLUGINS = Party.HOSTS, Party.PLUGINS

FLAG_IMPACTS: dict[tuple[str, Json], tuple[Impact, ...]] = {
    ("exposed", False): (Impact(_HOSTS, Bump.MAJOR, "they no longer reach it over MCP"),),
    ("exposed", True): (),
    ("idempotent", False): (Impact(_HOSTS, Bump.MAJOR, "they repeat calls that count twice now"),),
    ("idempotent", True): (Impact(_PLUGINS, Bump.MAJOR, "their calls may be repeated"),),
    ("read_only", False): (Impact(_HOSTS, Bump.MAJOR, "they call freely what changes things now"),),
    ("read_only", True): (Impact(_PLUGINS, Bump.MAJOR, "they may change what must stay"),),
    ("content", False): (Impact(_HOSTS, Bump.MAJOR, "they look for content blocks"),),
    ("content", True): (Impact(_HOSTS, Bump.MAJOR, "they look for the blocks in the result"),),
    ("best_effort", False): (
        Impact(_HOSTS, Bump.MAJOR, "one plugin's failure fails their call now"),
    ),
    ("best_effort", True): (Impact(_HOSTS, Bump.MAJOR, "they take what is left for all there is"),),
    ("stream", False): (
        Impact(_HOSTS, Bump.MAJOR, "they read items where one answer comes now"),
        Impact(_PLUGINS, Bump.MAJOR, "their method is a generator"),
    ),
    ("stream", True): (
        Impact(_HOSTS, Bump.MAJOR, "they read one answer where items come now"),
        Impact(_PLUGINS, Bump.MAJOR, "their method returns one answer"),
    ),
    ("in_process_only", True): (
        Impact(_HOSTS, Bump.MAJOR, "they can run it in processes of its own no more"),
        Impact(_PLUGINS, Bump.MAJOR, "they may be servers"),
    ),
    ("in_process_only", False): (),
    ("singleton_per_runtime", True): (Impact(_HOSTS, Bump.MAJOR, "they may load more than one"),),
    ("singleton_per_runtime", False): (),
}
"""What a flag means once it has this new value; a change of a flag without an impact is minor."""
