"""Mends of hookspecs and schemas: what to change, and how to do it without touching the rest."""
