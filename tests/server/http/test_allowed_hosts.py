"""`MCP_ALLOWED_HOSTS`: what it takes, what it refuses at the start, and what is said of a 403."""

import json

import pytest
from http_requests import ask
from serving import Start

from scaffold.server._hostnames import HostPatterns, HostPort, parse_host_patterns
from scaffold.server._options import UsageError, read_options


@pytest.mark.parametrize(
    ("patterns", "allowed", "refused"),
    [
        ("mcp.example.com", ["mcp.example.com", "MCP.Example.com:8443", "mcp.example.com."], ["x"]),
        ("mcp.example.com.", ["mcp.example.com", "mcp.example.com."], ["example.com"]),
        ("a.example:8443", ["a.example:8443"], ["a.example", "a.example:443", "b.example:8443"]),
        ("a.example:443", ["a.example", "a.example:443"], ["a.example:80", "a.example:99999"]),
        ("a.example:*", ["a.example", "a.example:1"], ["b.example"]),
        ("*.example.com", ["a.example.com", "b.a.example.com:80"], ["example.com", "xexample.com"]),
        ("*.example.com:8443", ["a.example.com:8443"], ["a.example.com:8444"]),
        ("*", ["anything.at.all", "x:1"], [""]),
        ("a.example, b.example,", ["a.example", "b.example"], ["c.example"]),
        ("[2001:db8::7]:8443", ["[2001:DB8::7]:8443"], ["[2001:db8::7]:1"]),
        ("2001:db8::7", ["[2001:db8::7]:8443"], ["[2001:db8::8]"]),
    ],
)
def test_a_pattern_allows_what_it_says(
    patterns: str, allowed: list[str], refused: list[str]
) -> None:
    found = HostPatterns(parse_host_patterns(patterns))
    assert [host for host in allowed if not found.allows(HostPort.from_url(f"//{host}"))] == []
    assert [host for host in refused if found.allows(HostPort.from_url(f"//{host}"))] == []


@pytest.mark.parametrize(
    "value",
    [
        "https://mcp.example.com",
        "mcp.example.com/",
        "mcp.example.com/mcp",
        '["mcp.example.com"]',
        "mcp.example.com other.example.com",
        "mcp.example.com;other.example.com",
        " ",
        ",",
        "mcp.example.com:",
        "mcp.example.com:0",
        "mcp.example.com:65536",
        "mcp.example.com:http",
        "mcp.*.com",
        "*example.com",
        "*.",
        "mcp..example.com",
        "user@mcp.example.com",
        "[::1",
        "[mcp.example.com]",
        "m\u00fcnchen.example",
    ],
)
def test_what_can_never_match_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(UsageError, match="MCP_ALLOWED_HOSTS"):
        read_options([], {"MCP_ALLOWED_HOSTS": value})


def test_a_server_says_so_in_one_line_and_ends_with_status_2(start: Start) -> None:
    server = start("served:Plain", "--http", MCP_ALLOWED_HOSTS="https://mcp.example.com")
    assert server.process.wait(15) == 2
    (line,) = server.log.read_text().splitlines()
    assert "'https://mcp.example.com' is a URL or has a path" in line
    assert "*.example.com" in line


def test_a_refusal_names_the_variable_to_client_and_operator_once_a_minute(start: Start) -> None:
    server = start("served:Plain", "--http", "--port", "0")
    url = server.url()
    for number in range(5):
        host = f"mcp{number}.example.com"
        answer = ask(url, None, verb="DELETE", host=host)
        assert answer.status == 403
        assert "MCP_ALLOWED_HOSTS" in json.loads(answer.body)["error"]["message"]
    lines = [line for line in server.log.read_text().splitlines() if "MCP_ALLOWED_HOSTS" in line]
    assert len(lines) == 1
    assert "'mcp0.example.com' is not allowed" in lines[0]


def test_a_probe_asks_for_health_by_any_name(url: str) -> None:
    for host in ("plugin", "plugin.namespace.svc.cluster.local:8080", "evil.example"):
        answer = ask(url, None, verb="GET", path="/health", host=host)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert ask(url, None, verb="GET", path="/health", origin="http://evil.example").status == 403
