"""The three runtimes: which one is used, and how its channel is opened."""
