"""Whom a channel trusts, what it keeps to itself, which way it goes, and what it leaves behind."""

import contextlib
import datetime as dt
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from faulty_http_server import (
    EVERY_WAY,
    Exchange,
    FaultyServer,
    Script,
    behave,
    call_awaited,
    call_blocking,
    make_kind,
)

from scaffold.client._http import HttpChannel
from scaffold.contract._errors.errors import (
    ConnectFailed,
    ProtocolError,
    ScaffoldError,
    TransportError,
)

Call = Callable[..., Any]
SECRET = "s3cr3t-t0ken"
HEADERS = {"Authorization": f"Bearer {SECRET}", "X-Tenant": "acme"}


HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("elsewhere.test")


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the faulty_server")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = (
            self._begin(name, name, self._key)
            .add_extension(basic, critical=True)
            .add_extension(x509.SubjectAlternativeName([HERE]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.leaf = folder / "leaf.pem"
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(self._pem(self._certificate))

    def server(self, *names: x509.GeneralName, days: tuple[int, int] = (-1, 1)) -> ssl.SSLContext:
        """Return what a server with these names serves TLS with; `days` from now it is valid."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a beast")])
        certificate = (
            self._begin(subject, self._certificate.subject, key, days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        chain = self._folder / "server.pem"
        chain.write_bytes(self._private(key) + self._pem(certificate))
        self.leaf.write_bytes(self._pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def itself(self) -> ssl.SSLContext:
        """Return what a server serves TLS with that uses the self-signed certificate as its own."""
        chain = self._folder / "itself.pem"
        chain.write_bytes(self._private(self._key) + self._pem(self._certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _begin(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: tuple[int, int] = (-1, 1),
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=days[0]))
            .not_valid_after(now + dt.timedelta(days=days[1]))
        )

    def _private(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def _pem(self, certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@EVERY_WAY
def test_a_server_that_nobody_vouches_for_is_refused(authority: Authority, call: Call) -> None:
    with FaultyServer(tls=authority.server(HERE)) as faulty_server:
        with pytest.raises(
            ConnectFailed, match=r"no trusted authority has issued .*: UnknownIssuer$"
        ):
            call(faulty_server.url, timeout=5)
        assert faulty_server.requests == []


@EVERY_WAY
def test_a_bundle_vouches_for_a_server(authority: Authority, call: Call) -> None:
    with FaultyServer(tls=authority.server(HERE)) as faulty_server:
        assert call(faulty_server.url, timeout=5, tls_ca_bundle=authority.bundle) == {"got": {}}


@EVERY_WAY
def test_a_self_signed_certificate_that_is_pinned_is_trusted(
    authority: Authority, call: Call
) -> None:
    with FaultyServer(tls=authority.itself()) as faulty_server:
        assert call(faulty_server.url, timeout=5, tls_ca_bundle=authority.bundle) == {"got": {}}


@EVERY_WAY
def test_the_certificate_of_a_server_alone_can_be_pinned(authority: Authority, call: Call) -> None:
    with FaultyServer(tls=authority.server(HERE)) as faulty_server:
        assert call(faulty_server.url, timeout=5, tls_ca_bundle=authority.leaf) == {"got": {}}


@EVERY_WAY
def test_a_server_with_another_certificate_than_the_pinned_one_is_refused_in_words(
    authority: Authority, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    text = r"another certificate than the pinned ones.*not one of tls_ca_bundle '.*ca\.pem'"
    with (
        FaultyServer(tls=authority.itself()) as faulty_server,
        pytest.raises(ConnectFailed, match=text),
    ):
        call(faulty_server.url, timeout=5, tls_ca_bundle=other.bundle)


@EVERY_WAY
def test_a_server_of_another_name_is_refused(authority: Authority, call: Call) -> None:
    text = r"invalid peer certificate: the certificate is for another host .*127\.0\.0\.1"
    served = authority.server(ELSEWHERE)
    with FaultyServer(tls=served) as faulty_server, pytest.raises(ConnectFailed, match=text):
        call(faulty_server.url, timeout=5, tls_ca_bundle=authority.bundle)


@EVERY_WAY
@pytest.mark.parametrize(("days", "text"), [((-9, -1), "expired"), ((1, 9), "not valid yet")])
def test_a_certificate_of_another_time_is_refused(
    authority: Authority, call: Call, days: tuple[int, int], text: str
) -> None:
    served = authority.server(HERE, days=days)
    text = f"invalid peer certificate: .*{text}"
    with (
        FaultyServer(tls=served) as faulty_server,
        pytest.raises(ConnectFailed, match=text) as caught,
    ):
        call(faulty_server.url, timeout=5, tls_ca_bundle=authority.bundle)
    assert "tried" not in str(caught.value)


@EVERY_WAY
def test_no_certificate_is_looked_at_if_that_is_asked_for(authority: Authority, call: Call) -> None:
    with FaultyServer(tls=authority.server(ELSEWHERE)) as faulty_server:
        assert call(faulty_server.url, timeout=5, tls_verify=False) == {"got": {}}


@EVERY_WAY
def test_a_server_without_tls_is_told_apart(call: Call) -> None:
    with FaultyServer() as faulty_server, pytest.raises(ConnectFailed, match="handshake"):
        call(faulty_server.url.replace("http:", "https:"), timeout=1)


BUNDLES = {
    "missing": (None, "No such file"),
    "empty": (b"", "holds no PEM certificate"),
    "not PEM": (b"junk", "holds no PEM certificate"),
    "not a certificate": (
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "tls_ca_bundle: '.*': invalid peer certificate: BadEncoding",
    ),
}


@EVERY_WAY
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_cannot_be_used_is_named(name: str, tmp_path: Path, call: Call) -> None:
    content, text = BUNDLES[name]
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(ConnectFailed, match=text) as caught:
        call("https://127.0.0.1:1/mcp", tls_ca_bundle=bundle)
    assert "bundle.pem" in str(caught.value)


def echo(status: str, content_type: str) -> Script:
    """Answer with the credentials that came, as a careless server does."""

    def script(exchange: Exchange) -> None:
        headers = exchange.request.headers
        body = f"{headers['authorization']} {headers.get('x-tenant')}".encode()
        exchange.reply(body, status, content_type=content_type)

    return script


@EVERY_WAY
@pytest.mark.parametrize(
    "script",
    [
        echo("401 Unauthorized", "text/plain"),
        echo("403 Forbidden", "text/plain"),
        echo("500 Internal Server Error", "text/plain"),
        echo("418 I'm a Teapot", "text/plain"),
        echo("200 OK", "text/html"),
        echo("200 OK", "application/json"),
        Exchange.hang_up,
    ],
)
def test_a_secret_is_never_shown(
    script: Script, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyServer([script]) as faulty_server, caplog.at_level(logging.DEBUG):
        url = faulty_server.url.replace("//", "//user:pa55word@") + "?key=qu3ry"
        with pytest.raises(TransportError) as caught:
            call(url, timeout=5, headers=HEADERS)
        (sent,) = faulty_server.named("tools/call")
        assert sent.headers["x-tenant"] == "acme"
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__} {caplog.text}"
    assert str(caught.value).startswith(f"{faulty_server.url}: ")
    assert not [secret for secret in (SECRET, "pa55word", "qu3ry") if secret in shown]


def test_a_channel_does_not_show_its_headers() -> None:
    with FaultyServer() as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=make_kind(), plugin="faulty", headers=HEADERS)
        shown = [repr(channel), repr(vars(channel)), repr(vars(channel._driver))]
        channel.close()
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize("value", ["line\nbreak", "nul\0", "é"])
def test_a_secret_that_is_no_header_value_is_refused_unseen(value: str) -> None:
    with pytest.raises(ConnectFailed, match="value of the header 'authorization'") as caught:
        call_blocking("http://127.0.0.1:1/mcp", headers={"authorization": f"Bearer {value}"})
    assert value not in str(caught.value)


def test_a_header_name_that_is_none_is_refused() -> None:
    with pytest.raises(ConnectFailed, match="'no name' is not a valid header name"):
        call_blocking("http://127.0.0.1:1/mcp", headers={"no name": "x"})


URLS = [
    ("ftp://127.0.0.1/mcp", "'ftp://127.0.0.1/mcp' is not an http:// or https:// URL"),
    ("127.0.0.1:80", "is not an http:// or https:// URL"),
    ("http://", "is not an http:// or https:// URL"),
    ("http://[::1/mcp", "cannot be read"),
    ("http://127.0.0.1:99999/mcp", "cannot be read"),
    ("http://no such host/", "cannot be read"),
]


@pytest.mark.parametrize(("url", "text"), URLS)
def test_a_url_that_leads_nowhere_is_refused(url: str, text: str) -> None:
    with pytest.raises(ConnectFailed, match=text):
        call_blocking(url)


@EVERY_WAY
def test_a_redirect_is_not_followed_and_takes_no_credentials_away(call: Call) -> None:
    with FaultyServer() as other:

        def away(exchange: Exchange) -> None:
            exchange.reply(b"", "308 Permanent Redirect", location=other.url)

        with (
            FaultyServer([away]) as faulty_server,
            pytest.raises(ProtocolError, match="308 Permanent Redirect"),
        ):
            call(faulty_server.url, timeout=5, headers=HEADERS)
        assert other.connections == 0


@EVERY_WAY
def test_loopback_is_reached_past_any_proxy(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer() as proxy, FaultyServer() as faulty_server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        for host in ("127.0.0.1", "localhost"):
            assert call(faulty_server.url.replace("127.0.0.1", host), timeout=5) == {"got": {}}
        assert proxy.connections == 0


def test_other_hosts_are_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert call_blocking("http://plugin.test/mcp", timeout=5) == {"got": {}}


OURSELVES = Path("/proc/self")


def held() -> tuple[int, int]:
    """Return the numbers of open files and of threads."""
    return len([*OURSELVES.glob("fd/*")]), len([*OURSELVES.glob("task/*")])


@pytest.mark.skipif(not OURSELVES.exists(), reason="counts in /proc")
def test_nothing_is_left_behind() -> None:
    def break_off(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(b": wait\n\n")
        exchange.stay_silent()

    scripts: list[Script] = [behave, Exchange.hang_up, break_off, Exchange.stay_silent]

    def once() -> None:
        for script in scripts:
            for call in (call_blocking, call_awaited):
                with FaultyServer([script]) as faulty_server, contextlib.suppress(ScaffoldError):
                    call(faulty_server.url, timeout=0.05)
        for call in (call_blocking, call_awaited):
            with contextlib.suppress(ScaffoldError):
                call("http://127.0.0.1:1/mcp", timeout=0.05)

    once()
    before = held()
    for _ in range(5):
        once()
    # Sockets are closed by the library's own thread, a moment later.
    until = time.monotonic() + 20
    while held() != before and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert held() == before
