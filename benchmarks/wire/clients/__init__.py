"""How each client calls the benchmarks' hook: a module for each library."""
