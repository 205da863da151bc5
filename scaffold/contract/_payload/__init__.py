"""Payloads: models, and how they are read, checked and written."""
