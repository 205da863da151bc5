"""One connection over pipes: calls in flight, writing, reading, deadlines."""
