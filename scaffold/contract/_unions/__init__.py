"""Unions that would cost too much to try member by member: read by the member that fits."""
