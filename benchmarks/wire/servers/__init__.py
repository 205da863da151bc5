"""The servers that are called: the floors, the peers, and a plugin of ours."""
