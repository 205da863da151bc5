"""The resources that a plugin gets by name (ADR-0003 §3); its host or its server makes them."""

from scaffold.contract._context.storage import (
    Blobs,
    BlobStore,
    Checkpoint,
    Checkpoints,
    CheckpointStore,
)
from scaffold.resources._scope import ResourceScope
from scaffold.resources._standard import Clock, FrozenClock

__all__ = [
    "BlobStore",
    "Blobs",
    "Checkpoint",
    "CheckpointStore",
    "Checkpoints",
    "Clock",
    "FrozenClock",
    "Loan",
    "ResourceScope",
]

Loan = ResourceScope
"""The name of `ResourceScope` in earlier versions."""
