"""The wire beside its peers and its floors: `python -m benchmarks.wire`."""
