"""TLS for sockets of our own: whom they trust, and why a certificate is refused, in words.

OpenSSL takes any certificate of `tls_ca_bundle` for trusted, be it an authority's, the server's own
or a self-signed one: the library of `remote` refuses to take an authority for a server.
"""

import re
import socket
import ssl
from typing import Final

from scaffold.client._http.transport.io_requests import Failure, RequestFailed, not_sent
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.contract._errors.errors import ConnectFailed

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)
_UNKNOWN: Final = "the issuer of the certificate is not trusted: UnknownIssuer"
_WORDS: Final = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: _UNKNOWN,
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    62: "the certificate is for another host",
    64: "the certificate is for another host",
}
"""Codes of OpenSSL (X509_V_ERR_…, x509_vfy.h), said in words."""


def tls_context(address: ServerAddress) -> ssl.SSLContext:
    """Return what connections to an address are secured with; raise `ConnectFailed`."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not address.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if address.tls_ca_bundle is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # A certificate that is pinned need not have all that an authority must write into it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        for certificate in certificates(address):
            try:
                context.load_verify_locations(cadata=certificate.decode("ascii") + "\n")
            except (ssl.SSLError, ValueError):
                reason = f"'{address.tls_ca_bundle}': invalid peer certificate: BadEncoding"
                raise ConnectFailed(f"{address}: tls_ca_bundle: {reason}") from None
    return context


def certificates(address: ServerAddress) -> list[bytes]:
    """Return the certificates of `tls_ca_bundle`, in PEM; raise `ConnectFailed`."""
    bundle = address.tls_ca_bundle
    assert bundle is not None
    try:
        found = _CERTIFICATE.findall(bundle.read_bytes())
    except OSError as error:
        raise ConnectFailed(f"{address}: tls_ca_bundle: {error}") from None
    if not found:
        raise ConnectFailed(f"{address}: tls_ca_bundle: '{bundle}' holds no PEM certificate")
    return found


def wrap_socket(
    opened: socket.socket, address: ServerAddress, context: ssl.SSLContext
) -> ssl.SSLSocket:
    """Return a socket with TLS; raise `RequestFailed` if the server is not trusted."""
    try:
        return context.wrap_socket(opened, server_hostname=address.host)
    except ssl.SSLError as error:
        opened.close()
        raise handshake_failed(address, error) from None
    except OSError as error:
        opened.close()
        raise not_sent(error) from None


def handshake_failed(address: ServerAddress, error: ssl.SSLError) -> RequestFailed:
    """Say in words why a connection could not be secured."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return RequestFailed(Failure.UNSENT, f"the TLS handshake failed: {error.reason or error}")
    words = _WORDS.get(error.verify_code, "the certificate is refused")
    detail = error.verify_message
    if words == _UNKNOWN and address.tls_ca_bundle is not None:
        detail = f"it is not one of tls_ca_bundle '{address.tls_ca_bundle}', nor issued by one"
        words = "the server has another certificate than the pinned ones: UnknownIssuer"
    return RequestFailed(Failure.UNTRUSTED, f"invalid peer certificate: {words} ({detail})")
