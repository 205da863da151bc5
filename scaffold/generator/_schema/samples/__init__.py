"""Valid values for schemas."""
