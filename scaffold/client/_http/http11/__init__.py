"""HTTP/1.1 to a server on this machine, over sockets of our own."""
