"""Threads, loops and waiting of a host: pools, background calls, cancellation."""
