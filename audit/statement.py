"""What is signed at a checkpoint, and the file that it is written to: plain JSON lines and an Ed25519 signature."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.merkle import Head, ordered, root

FORMAT = 1
# What the first statement names as the one before it.
NOTHING_BEFORE = "0" * 64


class CheckpointInvalid(Exception):
    """A key, statement or file cannot be read, or is not what a key of ours has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One checkpoint: `previous` is the SHA-256 of the statement's text before it, `root` that of the tree of heads."""

    number: int
    at: str
    installation: str
    previous: str
    streams: int
    root: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement as it was signed: `text` is the exact bytes, `heads` are there only when the whole file was read."""

    statement: Statement
    text: str
    signature: str
    heads: tuple[Head, ...] = ()

    @property
    def digest(self) -> str:
        """What the next statement says of this one."""
        return sha256(self.text.encode()).hexdigest()


def private_key(encoded: str) -> Ed25519PrivateKey:
    """From the base64 of any 32 random bytes. Raises CheckpointInvalid."""
    return Ed25519PrivateKey.from_private_bytes(_bytes(encoded, length=32, what="The signing key"))


def public_text(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(
    key: Ed25519PrivateKey, heads: Iterable[Head], *, number: int, at: str, installation: str, previous: str
) -> Signed:
    """The statement over these heads, signed."""
    known = tuple(ordered(heads))
    statement = Statement(
        number=number,
        at=at,
        installation=installation,
        previous=previous,
        streams=len(known),
        root=root(known),
        public_key=public_text(key),
    )
    text = orjson.dumps({"object": "audit_checkpoint", "format": FORMAT} | _facts(statement)).decode()
    signature = base64.b64encode(key.sign(text.encode())).decode()
    return Signed(statement=statement, text=text, signature=signature, heads=known)


def _facts(statement: Statement) -> dict[str, str | int]:
    return {name: getattr(statement, name) for name in Statement.__slots__}


def read(text: str, signature: str, *, trusted: Sequence[str]) -> Signed:
    """The statement in a text that one of the `trusted` public keys has signed. Raises CheckpointInvalid."""
    try:
        facts = orjson.loads(text)
        statement = Statement(**{name: facts[name] for name in Statement.__slots__})
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise CheckpointInvalid("The statement cannot be read.") from None
    if facts.get("format") != FORMAT or statement.public_key not in trusted:
        raise CheckpointInvalid("The statement names another format, or a key that is not trusted.")
    _refuse_forged(text, signature, statement.public_key)
    return Signed(statement=statement, text=text, signature=signature)


def _refuse_forged(text: str, signature: str, key: str) -> None:
    public = Ed25519PublicKey.from_public_bytes(_bytes(key, length=32, what="The public key"))
    try:
        public.verify(_bytes(signature, length=64, what="The signature"), text.encode())
    except InvalidSignature:
        raise CheckpointInvalid("The signature is not of this statement.") from None


def _bytes(encoded: str, *, length: int, what: str) -> bytes:
    try:
        found = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != length:
        raise CheckpointInvalid(f"{what} is not the base64 of {length} bytes.")
    return found


# --- the file ---------------------------------------------------------------------------------------------------------


def heads_text(heads: Iterable[Head]) -> str:
    """A JSON line for each head."""
    return "".join(orjson.dumps([head.stream, head.seq, head.hash]).decode() + "\n" for head in heads)


def file_text(signed: Signed) -> str:
    """The whole file: statement and signature on the first line, then the heads."""
    return joined_text(signed.text, signed.signature, heads=heads_text(signed.heads))


def joined_text(statement: str, signature: str, *, heads: str) -> str:
    first = orjson.dumps({"statement": statement, "signature": signature}).decode()
    return f"{first}\n{heads}"


def read_first_line(line: str, *, trusted: Sequence[str]) -> Signed:
    """The signed statement alone. Raises CheckpointInvalid."""
    try:
        found = orjson.loads(line)
        text, signature = found["statement"], found["signature"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise CheckpointInvalid("The file does not begin with a statement.") from None
    return read(text, signature, trusted=trusted)


def read_heads(text: str) -> tuple[Head, ...]:
    """Raises CheckpointInvalid."""
    try:
        rows = [orjson.loads(line) for line in text.splitlines()]
        return tuple(Head(stream=stream, seq=seq, hash=digest) for stream, seq, digest in rows)
    except (orjson.JSONDecodeError, TypeError, ValueError):
        raise CheckpointInvalid("The heads cannot be read.") from None


def read_file(text: str, *, trusted: Sequence[str]) -> Signed:
    """Statement and heads, which must be those of its root. Raises CheckpointInvalid."""
    first, _, rest = text.partition("\n")
    signed = read_first_line(first, trusted=trusted)
    heads = read_heads(rest)
    if len(heads) != signed.statement.streams or root(heads) != signed.statement.root:
        raise CheckpointInvalid("The heads are not those that were signed.")
    return Signed(statement=signed.statement, text=signed.text, signature=signed.signature, heads=heads)
