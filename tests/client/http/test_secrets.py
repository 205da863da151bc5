"""Credentials are hidden in every form in which a server may echo them."""

import base64
import html
import json
from urllib.parse import quote, quote_plus, unquote

import pytest

from scaffold.client._http.transport.server_address import ServerAddress

USER, PASSWORD = "robot", "p%40ss%2Fw0rd+x%2Fy"
PAIR = f"{USER}:{unquote(PASSWORD)}"
BASIC = base64.b64encode(PAIR.encode()).decode()
ADDRESS = ServerAddress(
    f"http://{USER}:{PASSWORD}@127.0.0.1:1/mcp?key=qu3ry%20value&token=t0ken-of-query",
    {
        "X-Api-Key": 'k3y/with+signs"and=more',
        "Cookie": "session=c00kie-value; theme=dark",
        "Proxy-Authorization": "Bearer b3arer-t0ken",
        "Accept": "text/plain",
    },
)
SECRETS = {
    "password as written": PASSWORD,
    "password": unquote(PASSWORD),
    "pair": PAIR,
    "Basic": f"Basic {BASIC}",
    "Base64": BASIC,
    "Base64 without padding": BASIC.rstrip("="),
    "value of the query": "qu3ry value",
    "other value of the query": "t0ken-of-query",
    "key": 'k3y/with+signs"and=more',
    "cookie": "c00kie-value",
    "bearer token": "b3arer-t0ken",
}
FORMS = {
    "plain": str,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON of PHP": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "URL": quote,
    "whole URL": lambda secret: quote(secret, ""),
    "whole URL in lower case": lambda secret: quote(secret, "").replace("%2F", "%2f"),
    "form": quote_plus,
    "HTML": html.escape,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_hidden_in_every_form(secret, form):
    assert ADDRESS.redact(f"denied: {form(secret)}, go away") == "denied: ***, go away"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_the_beginning_of_a_secret_that_was_cut_is_hidden(secret):
    for length in range(8, len(secret)):
        shown = ADDRESS.redact(f"denied: {secret[:length]}… (tried twice)")
        assert secret[:8] not in shown
        assert shown.endswith("(tried twice)")


def test_a_token_in_the_place_of_a_user_is_hidden():
    address = ServerAddress("http://gh0st-token@127.0.0.1/mcp", {})
    assert address.redact("no such user: gh0st-token") == "no such user: ***"


def test_a_basic_header_that_is_given_is_taken_apart():
    address = ServerAddress("http://127.0.0.1/mcp", {"authorization": f"Basic {BASIC}"})
    assert address.redact(f"{unquote(PASSWORD)} {PAIR}") == "*** ***"


def test_words_that_are_no_secrets_are_shown():
    text = f"{USER} asked for text/plain and application/json, dark"
    assert ADDRESS.redact(text) == f"{USER} asked for text/plain and application/json, ***"


def test_secrets_are_hidden_at_any_depth_of_data():
    data = {"why": [{BASIC: BASIC}, 7, None]}
    assert ADDRESS.secrets.redact_json(data) == {"why": [{"***": "***"}, 7, None]}


def test_an_address_and_its_secrets_do_not_show_them():
    shown = f"{ADDRESS} {ADDRESS!r} {ADDRESS.secrets!r}"
    assert not [secret for secret in SECRETS.values() if secret in shown]
