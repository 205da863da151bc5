"""What a request must satisfy before its body is read: origins, names, headers."""
