"""The wire compared with its peers and its floors: `python -m benchmarks.wire`."""
