"""What several emitters use: examples, manifests, JSON text."""
