"""HTTP/1.1 to a server on this machine, over sockets of our own.

Source: RFC 9110, RFC 9112.
"""
