"""What all HTTP transports share: requests as values, addresses, credentials, TLS."""
