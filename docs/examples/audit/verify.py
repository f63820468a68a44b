"""Prove an audit trail by yourself: python verify.py receipt.json records.json PUBLIC_KEY. Needs `cryptography`."""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def require(fits: bool, words: str) -> None:
    if not fits:
        raise SystemExit(words)


def check_statement(receipt: dict, public_key: str) -> dict:
    """What was signed, once the signature is right; the key is the one you were given, not the one in the receipt."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    key.verify(base64.b64decode(receipt["signature"]), receipt["statement"].encode())
    return json.loads(receipt["statement"])


def check_path(receipt: dict, root: str) -> None:
    """Your head is one of those that were signed."""
    head = receipt["head"]
    reached = sha256(b"\x00", f"{head['stream']}\n{head['number']}\n{head['hash']}".encode())
    for step in receipt["path"]:
        beside = bytes.fromhex(step["hash"])
        pair = (beside, reached) if step["side"] == "left" else (reached, beside)
        reached = sha256(b"\x01", *pair)
    require(reached.hex() == root, "the path does not lead to the root")


def check_records(records: list[dict], head: dict) -> None:
    """Every record fits the one before it, from the first to the head, and says what was hashed."""
    before = b"\x00".hex()
    for number, record in enumerate(sorted(records, key=lambda each: each["number"]), 1):
        require(record["number"] == number, f"record {number} is missing")
        require(record["previous_hash"] == before, f"record {number} does not hold the one before it")
        if record["hashed"] is not None:
            hashed = sha256(bytes.fromhex(before), record["hashed"].encode()).hex()
            require(hashed == record["hash"], f"record {number} was changed")
            said = json.loads(record["hashed"])
            shown = [record["actor"], record["action"], record["object_id"] or ""]
            require(said[3:6] == shown, f"record {number} shows something else than was hashed")
        before = record["hash"]
        if number == head["number"]:
            require(before == head["hash"], "the trail is not the one that was signed")
            return
    require(False, "the trail ends before the head that was signed")


def main() -> None:
    receipt, records = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    statement = check_statement(receipt, sys.argv[3])
    check_path(receipt, statement["root"])
    check_records(records, receipt["head"])
    sys.stdout.write(f"whole: {receipt['head']['number']} records, checkpoint {statement['number']}\n")


if __name__ == "__main__":
    main()
