"""Uses what a plugin is lent."""
