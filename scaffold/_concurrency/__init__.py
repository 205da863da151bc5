"""What everything that runs in several threads or processes shares: lock order, forks, results."""
