"""What a plugin is lent by name (ADR-0003 §3), made by its host or by the server around it."""

from scaffold.contract._context.storage import (
    Blobs,
    BlobStore,
    Checkpoint,
    Checkpoints,
    CheckpointStore,
)
from scaffold.resources._clock import Clock, FrozenClock
from scaffold.resources._scope import Loan

__all__ = [
    "BlobStore",
    "Blobs",
    "Checkpoint",
    "CheckpointStore",
    "Checkpoints",
    "Clock",
    "FrozenClock",
    "Loan",
]
