"""What a host gives to its plugins: resources, environment, the event bus."""
