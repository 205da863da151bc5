"""What a project says of itself: settings, names, targets, allowed template sources."""
