"""What a project says of itself: settings, names, targets, the hookspec that it means."""
