"""Long payloads read by msgspec, and filled into the models that pydantic would make."""
