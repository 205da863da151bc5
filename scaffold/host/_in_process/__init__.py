"""The in-process runtime: a hook call is a method call, with the guards of every other runtime.

Values of the plugin's own classes pass as they are, once their schema agrees; whatever is made for
somebody else's bindings of the same kind goes through JSON, as it would across a wire.
"""
