"""Starting, checking, reloading and closing plugins."""
