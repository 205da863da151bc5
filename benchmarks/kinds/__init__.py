"""Every shipped kind, over every runtime, called the way the README shows."""
