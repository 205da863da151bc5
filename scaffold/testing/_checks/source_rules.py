"""Names that the code of a plugin must not use, as tables for the checks that read code.

Source: dagstack ADR-0003, invariants 1, 3, 4, 6 and 8.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.source_scan import MODULE_STATE, Use

When: TypeAlias = Callable[[Use, PluginUnderTest], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Names that must not be used, and under which condition."""

    names: tuple[str, ...]
    """Full names, or the first parts of dotted names."""
    when: When
    says: str
    """The text of the finding after the name."""
    help: str


def _always(_use: Use, _subject: PluginUnderTest) -> bool:
    return True


def _outside_setup(use: Use, _subject: PluginUnderTest) -> bool:
    return not use.scope.endswith(".setup")


def _before_setup(use: Use, _subject: PluginUnderTest) -> bool:
    return not use.scope or use.scope.endswith("__init__")


def _written_here(use: Use, _subject: PluginUnderTest) -> bool:
    return use.literal


def _holds_the_loop(use: Use, subject: PluginUnderTest) -> bool:
    """Return whether the use blocks the event loop, in which plain functions run by default."""
    cpu_bound = subject.manifest.execution_model.endswith("_cpu_bound")
    in_life = use.scope.endswith((".setup", ".teardown"))
    return use.awaits or not (cpu_bound or in_life)


AMBIENT: Final = (
    Rule(
        ("os.environ", "os.getenv", "os.putenv"),
        _outside_setup,
        "reads the environment outside of 'setup'",
        "read it in 'setup' and keep it, or take it from 'context.config'",
    ),
    Rule(
        ("os.getcwd", "os.chdir", "pathlib.Path.cwd"),
        _always,
        "depends on the current directory, which is another one in every host",
        "take folders from 'context.resources' or 'context.config'",
    ),
    Rule(
        (
            *("open", "io.open", "os.open", "os.listdir", "pathlib.Path().open"),
            *("pathlib.Path().read_text", "pathlib.Path().read_bytes", "pathlib.Path().mkdir"),
            *("pathlib.Path().write_text", "pathlib.Path().write_bytes", "pathlib.Path().unlink"),
        ),
        _written_here,
        "touches a file whose path is written in the code",
        "ask for 'tmpdir' under [plugin.resources], or take the path from 'context.config'",
    ),
    Rule(
        ("asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.current_task"),
        _before_setup,
        "takes the event loop before there is one to take",
        "take it in a hook; each host has its own",
    ),
    Rule(
        (MODULE_STATE, "threading.local"),
        _always,
        "is state of the process: another process, or a second plugin, sees other values",
        "keep it in 'self', or outside of the plugin where the host says",
    ),
)

RESOURCES: Final = (
    Rule(
        (
            *("requests", "httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession"),
            *("urllib.request", "urllib3.PoolManager", "http.client", "socket.socket"),
            *("socket.create_connection", "boto3", "sqlite3.connect", "sqlalchemy.create_engine"),
            *("psycopg.connect", "psycopg2.connect", "asyncpg.connect", "asyncpg.create_pool"),
            *("redis.Redis", "pymongo.MongoClient"),
        ),
        _always,
        "makes a connection of the plugin's own",
        "name what it needs under [plugin.resources], and take it from 'context.resources'",
    ),
    Rule(
        ("tempfile",),
        _always,
        "creates temporary files that the host does not remove",
        "ask for 'tmpdir' under [plugin.resources]",
    ),
)

BLOCKING: Final = (
    Rule(
        (
            *("time.sleep", "subprocess", "os.system", "os.popen", "os.wait", "input"),
            *("requests", "urllib.request", "http.client", "socket.create_connection"),
        ),
        _holds_the_loop,
        "blocks the thread that all plugins share",
        'await something that does not, or say execution_model = "thread_cpu_bound"',
    ),
    Rule(
        (
            *("concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor"),
            *("threading.Thread", "multiprocessing", "asyncio.run", "asyncio.new_event_loop"),
            "asyncio.to_thread",
        ),
        _always,
        "picks an executor of its own, which is the host's to pick",
        "say in the manifest what the hooks are, with 'execution_model'",
    ),
)

SINKS: Final = (
    Rule(
        ("print", "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"),
        _always,
        "writes to a stream of the host's",
        "use 'context.logger' for the log, and 'context.progress' for progress",
    ),
    Rule(
        ("logging.basicConfig", "logging.FileHandler", "logging.StreamHandler", "logging.disable"),
        _always,
        "decides where the host's log goes",
        "use 'context.logger', and leave the handlers to the host",
    ),
)

CHANCE: Final = (
    Rule(
        (
            *("time.time", "time.time_ns", "time.monotonic", "time.localtime", "time.gmtime"),
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
            "datetime.date.today",
        ),
        _always,
        "reads a clock that cannot be stopped",
        "ask for 'clock' under [plugin.resources]",
    ),
    Rule(
        ("random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom"),
        _always,
        "takes chance that cannot be repeated",
        "ask for 'rng' under [plugin.resources]",
    ),
    Rule(
        ("locale",),
        _always,
        "depends on the language of the machine",
        "format and compare without it",
    ),
)


def rule_violations(rules: tuple[Rule, ...], subject: PluginUnderTest) -> Iterator[Finding]:
    """Yield the uses of forbidden names, each rule once per line."""
    seen: set[tuple[str, str]] = set()
    for use in subject.source.uses:
        for rule in rules:
            if not _names(rule, use.name) or not rule.when(use, subject):
                continue
            if (use.place, rule.says) not in seen:
                seen.add((use.place, rule.says))
                yield Finding(
                    use.place, f"'{use.name.removeprefix(MODULE_STATE)}' {rule.says}", rule.help
                )


def _names(rule: Rule, name: str) -> bool:
    return any(
        name == one or name.startswith(f"{one}." if one != MODULE_STATE else MODULE_STATE)
        for one in rule.names
    )
