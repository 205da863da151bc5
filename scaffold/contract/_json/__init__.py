"""Types of JSON values, JSON Pointers, and a pause of the garbage collector."""
