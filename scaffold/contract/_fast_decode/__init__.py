"""Long payloads: msgspec decodes them, and models are filled from what it returns."""
