"""Storage that outlives a call: blobs of bytes, and checkpoints of long work."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pydantic_core import from_json, to_json

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._json import JsonObject, is_object


class BlobStore(Protocol):
    """Bytes by key (ADR-0003 §3). Thread-safe.

    A key is a text of 1 to 150 bytes; `/` has no meaning. Several plugins may share a store, so
    begin a key with the name of the plugin.
    """

    def put(self, key: str, data: bytes) -> None:
        """Store the data, and replace earlier data atomically."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the stored data, or `None`."""
        ...

    def list(self, prefix: str = "") -> Sequence[str]:
        """Return the keys that begin with a prefix, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key, if it exists."""
        ...


class Checkpoint(NamedTuple):
    """The saved state of a piece of work."""

    state: JsonObject | None
    """The state, or `None` if nothing was saved."""
    version: str
    """A digest of the state: equal states have equal versions. Empty if there is no state."""


class CheckpointStore(Protocol):
    """Saved states from which long work can resume (ADR-0003 §6). Thread-safe."""

    def save(self, key: str, state: JsonObject) -> str:
        """Save a state, replace the last one, and return its version.

        Args:
            key: Names a piece of work. Derive it from the input, for example from a partition or
                an idempotency key.
            state: A JSON object.

        Raises:
            TypeError: The state is not a JSON object.
        """
        ...

    def load(self, key: str) -> Checkpoint:
        """Return the last saved state."""
        ...

    def list(self, prefix: str = "") -> Sequence[tuple[str, str]]:
        """Return the keys that begin with a prefix, and their versions, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key when its work is done."""
        ...


class Blobs:
    """A blob store in memory. Its content is lost when the process ends."""

    def __init__(self) -> None:
        self._reset_lock()
        self._blobs: dict[str, bytes] = {}
        reset_after_fork(self._reset_lock)

    def put(self, key: str, data: bytes) -> None:
        """Store the data; raise `ValueError` for an invalid key."""
        check_key(key)
        with self._lock:
            self._blobs[key] = bytes(data)

    def get(self, key: str) -> bytes | None:
        """Return the stored data, or `None`."""
        return self._blobs.get(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        """Return the keys that begin with a prefix, sorted."""
        with self._lock:
            return sorted(key for key in self._blobs if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove a key, if it exists."""
        with self._lock:
            self._blobs.pop(key, None)

    def _reset_lock(self) -> None:
        # Reentrant: a signal handler may use the store while its thread is in the store.
        self._lock = reentrant_lock(Rank.STORE)


class Checkpoints:
    """A checkpoint store that writes JSON into a blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def save(self, key: str, state: JsonObject) -> str:
        """Save a state, replace the last one, and return its version."""
        data = _encode_state(state)
        self._blobs.put(key, data)
        return _version_of(data)

    def load(self, key: str) -> Checkpoint:
        """Return the last saved state."""
        data = self._blobs.get(key)
        return (
            Checkpoint(None, "") if data is None else Checkpoint(from_json(data), _version_of(data))
        )

    def list(self, prefix: str = "") -> Sequence[tuple[str, str]]:
        """Return the keys that begin with a prefix, and their versions, sorted."""
        return [(key, self.load(key).version) for key in self._blobs.list(prefix)]

    def delete(self, key: str) -> None:
        """Remove a key when its work is done."""
        self._blobs.delete(key)


_MAX_KEY_BYTES: Final = 150


def check_key(key: str) -> None:
    """Raise `ValueError` for a key that is empty or longer than 150 bytes."""
    if not 0 < len(key.encode()) <= _MAX_KEY_BYTES:
        raise ValueError(f"a key must have 1 to {_MAX_KEY_BYTES} bytes, found {len(key.encode())}")


def _encode_state(state: object) -> bytes:
    try:
        data = to_json(state)
        lossless = is_object(state) and from_json(data, allow_inf_nan=False) == state
    except ValueError as error:
        raise TypeError(f"a checkpoint must be a JSON object: {error}") from None
    if not lossless:
        raise TypeError("a checkpoint must be a JSON object that is the same after a round trip")
    return data


def _version_of(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()[:16]
