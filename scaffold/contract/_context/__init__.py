"""What a plugin can use during a call: metadata, progress, events, storage, telemetry."""
