"""Threads and processes: lock order, forks, results between threads, safe imports."""
