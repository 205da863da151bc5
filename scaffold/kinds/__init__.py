"""Bindings of the kinds that ship with scaffold, generated from `hookspecs/`."""
