"""Signatures of model bundles (Ed25519, RFC 8032; extra `sign`): who made a model, not only that it is whole.

The signature is over `manifest.json`, which holds the hash of every other file, and lies beside it as
`manifest.sig` (64 bytes). Keys are PEM files as `openssl genpkey -algorithm ed25519` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIGNATURE = "manifest.sig"
SIZE = 64
MAX_KEY_BYTES = 10_000
EXTRA = "spun-text-detector[sign]"


class SigningError(ValueError):
    """A key or signature can't be used; the message says which and what to do."""


def sign(data: bytes, private_key: Path) -> bytes:
    """The signature of `data`. Raises SigningError for a key that is none."""
    from_pem, kinds = _cryptography()
    key = _key(private_key, lambda pem: from_pem.load_pem_private_key(pem, None))
    if not isinstance(key, kinds.Ed25519PrivateKey):
        raise SigningError(f"{private_key} is not a private Ed25519 key; make one: {_HOW_PRIVATE}")
    return bytes(key.sign(data))


def check(data: bytes, signature: bytes, public_key: Path) -> None:
    """Raises SigningError unless `signature` was made of `data` with the key that belongs to `public_key`."""
    from_pem, kinds = _cryptography()
    key = _key(public_key, from_pem.load_pem_public_key)
    if not isinstance(key, kinds.Ed25519PublicKey):
        raise SigningError(f"{public_key} is not a public Ed25519 key; make one: {_HOW_PUBLIC}")
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, data)
    except InvalidSignature:
        raise SigningError(
            f"its signature was not made with the key of {public_key}, or it was changed since"
        ) from None


_HOW_PRIVATE = "openssl genpkey -algorithm ed25519 -out KEY.pem"
_HOW_PUBLIC = "openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"


def _key(path: Path, load: Any) -> Any:
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise SigningError(
            f"the key {path} can't be read: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        return load(pem)
    except (ValueError, TypeError) as error:  # TypeError: it is locked by a password
        raise SigningError(
            f"{path} is not a key in PEM form that can be used here: {str(error)[:100]}"
        ) from None


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise SigningError(f'signatures need an extra: pip install "{EXTRA}"') from None
    return serialization, ed25519
