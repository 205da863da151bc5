"""Fast reading of long payloads: msgspec decodes them, and models are built from the result."""
