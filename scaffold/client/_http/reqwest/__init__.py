"""HTTP to servers elsewhere, by a library: TLS, HTTP/2, proxies, names."""
