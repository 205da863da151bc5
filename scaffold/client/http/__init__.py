"""Channels to plugins behind a URL: MCP over Streamable HTTP, blocking and awaited."""

from scaffold.client.http.channel import AsyncHttpChannel, HttpChannel

__all__ = ["AsyncHttpChannel", "HttpChannel"]
