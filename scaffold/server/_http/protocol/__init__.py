"""uvicorn's protocol with stricter parsing, limits, and a fast path for repeated calls."""
