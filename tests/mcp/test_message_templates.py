import pytest

from scaffold._mcp.message_templates import TemplateCache

HEAD = b',"method":"tools/call","params":{"name":"echo","arguments":'


def _line(id: str, payload: str, head: bytes = HEAD) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b%b%b}}' % (id.encode(), head, payload.encode())


@pytest.fixture
def templates() -> TemplateCache[str]:
    cache: TemplateCache[str] = TemplateCache("arguments")
    cache.remember(_line("1", '{"a":1}'), b'{"a":1}', "echo")
    return cache


def test_a_line_with_a_known_head_is_taken_apart(templates: TemplateCache[str]) -> None:
    match = templates.match(_line("27", '{"arguments":{}}'))
    assert match is not None
    assert (match.id, match.value) == (27, "echo")
    assert match.payload == b'{"arguments":{}}'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"\xff" * 40,
        _line("0", "{}"),
        _line("07", "{}"),
        _line("-7", "{}"),
        _line("1.0", "{}"),
        _line('"7"', "{}"),
        _line("1" * 40, "{}"),
        _line("7", "{}", HEAD.replace(b"echo", b"other")),
        _line("7", "{}", HEAD.replace(b",", b", ")),
        _line("7", "{}")[:-2],
        b" " + _line("7", "{}"),
        _line("7", "{}") + b" ",
    ],
)
def test_any_other_line_must_be_read_in_full(templates: TemplateCache[str], line: bytes) -> None:
    assert templates.match(line) is None


@pytest.mark.parametrize(
    ("id", "head"),
    [
        ('"x', b'y"' + HEAD),
        ("0", HEAD),
        ("7", b',"id":7' + HEAD),
        ("7", HEAD.replace(b"echo", b"\\u0065cho")),
        ("7", HEAD.replace(b'"name"', b'"arguments":{},"name"')),
        ("7", HEAD.replace(b"echo", b"echo" * 300)),
        ("7", HEAD.replace(b"arguments", b"other")),
    ],
)
def test_a_head_that_could_mean_something_else_is_not_learnt(id: str, head: bytes) -> None:
    templates: TemplateCache[str] = TemplateCache("arguments")
    templates.remember(_line(id, "{}", head), b"{}", "echo")
    assert templates.match(_line(id, "{}", head)) is None
    assert templates.match(_line("8", "{}", head)) is None


def test_a_head_is_not_learnt_if_something_follows_the_payload() -> None:
    templates: TemplateCache[str] = TemplateCache("arguments")
    templates.remember(_line("7", '{},"more":1'), b"{}", "echo")
    assert templates.match(_line("7", "{}")) is None


def test_heads_that_always_differ_do_not_pile_up() -> None:
    templates: TemplateCache[int] = TemplateCache("arguments")
    lines = [_line("7", "{}", HEAD.replace(b"echo", b"%d" % n)) for n in range(1000)]
    for number, line in enumerate(lines):
        templates.remember(line, b"{}", number)
    assert sum(templates.match(line) is not None for line in lines) == 64
