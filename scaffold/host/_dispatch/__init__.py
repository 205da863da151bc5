"""The five dispatch classes, blocking and awaited, over the plugins of a kind."""
