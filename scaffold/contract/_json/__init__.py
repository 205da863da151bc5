"""JSON values as types, JSON Pointers, and how long texts are read."""
