"""Channels to plugins behind a URL: MCP over Streamable HTTP, blocking and awaited."""

from scaffold.client._http.async_channel import AsyncHttpChannel
from scaffold.client._http.channel import HttpChannel

__all__ = ["AsyncHttpChannel", "HttpChannel"]
