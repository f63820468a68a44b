"""Sealed texts open for their own row and with a key of the ring, and for nobody else."""

import base64
import hashlib
import hmac

from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit.crypto import CannotOpen, KeyringInvalid, fingerprint, keyed_digest, same, seal, sha256, unseal
from onpoint_pay.kit.strict_json import DecimalText


def key(letter: str, *, name: str) -> str:
    return f"{name}:{base64.b64encode(letter.encode() * 32).decode()}"


OLD, NEW = key("a", name="k1"), key("b", name="k2")
PLACE = "webhooks_secret.ciphertext:1"


@override_settings(ENCRYPTION_KEYS=[OLD])
class Sealing(SimpleTestCase):
    def test_there_and_back(self) -> None:
        for plain in ("", "whsec_abc", "é😀", "x" * 100_000):
            sealed = seal(plain, bound_to=PLACE)
            self.assertRegex(sealed, r"^v1\.k1\.[A-Za-z0-9+/=]+$")
            self.assertEqual(unseal(sealed, bound_to=PLACE), plain)

    def test_twice_the_same_text_looks_different(self) -> None:
        self.assertNotEqual(seal("secret", bound_to=PLACE), seal("secret", bound_to=PLACE))
        self.assertNotIn("secret", seal("secret", bound_to=PLACE))

    def test_elsewhere_it_does_not_open(self) -> None:
        sealed = seal("secret", bound_to=PLACE)
        for place in ("", "webhooks_secret.ciphertext:2", PLACE + " "):
            with self.subTest(place=place), self.assertRaises(CannotOpen):
                unseal(sealed, bound_to=place)

    def test_changed_it_does_not_open(self) -> None:
        sealed = seal("secret", bound_to=PLACE)
        version, name, encoded = sealed.split(".")
        raw = bytearray(base64.b64decode(encoded))
        for position in (0, 12, len(raw) - 1):
            changed = raw.copy()
            changed[position] ^= 1
            with self.subTest(position=position), self.assertRaises(CannotOpen):
                unseal(f"{version}.{name}.{base64.b64encode(changed).decode()}", bound_to=PLACE)
        for text in (
            "",
            "v1",
            "v1.k1",
            "v1.k1.",
            "v1.k1.!!!",
            f"v2.{name}.{encoded}",
            f"v1.k9.{encoded}",
            encoded,
            "é.k1.AA",
        ):
            with self.subTest(text=text[:9]), self.assertRaises(CannotOpen):
                unseal(text, bound_to=PLACE)

    def test_keys_are_replaced_one_after_the_other(self) -> None:
        old = seal("secret", bound_to=PLACE)
        with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
            self.assertEqual(unseal(old, bound_to=PLACE), "secret")
            new = seal("secret", bound_to=PLACE)
            self.assertTrue(new.startswith("v1.k2."))
        with override_settings(ENCRYPTION_KEYS=[NEW]):
            self.assertEqual(unseal(new, bound_to=PLACE), "secret")
            with self.assertRaises(CannotOpen):
                unseal(old, bound_to=PLACE)

    def test_rings_that_cannot_be_read_are_named(self) -> None:
        for entries, words in (([], "empty"), (["k1"], "'k1'"), (["k1:xyz"], "'k1'"), ([key("a", name="")], "''")):
            refused = self.assertRaisesMessage(KeyringInvalid, words)
            with self.subTest(entries=entries), override_settings(ENCRYPTION_KEYS=entries), refused:
                seal("secret", bound_to=PLACE)
        short = f"k1:{base64.b64encode(b'a' * 31).decode()}"
        with override_settings(ENCRYPTION_KEYS=[short]), self.assertRaises(KeyringInvalid):
            seal("secret", bound_to=PLACE)


class Digests(SimpleTestCase):
    @override_settings(API_KEY_PEPPER="pepper")
    def test_a_key_is_digested_with_the_servers_pepper(self) -> None:
        digest = keyed_digest("sk_test_1")
        self.assertEqual(digest, hmac.new(b"pepper", b"sk_test_1", hashlib.sha256).digest())
        with override_settings(API_KEY_PEPPER="other"):
            self.assertNotEqual(keyed_digest("sk_test_1"), digest)

    def test_parts_cannot_flow_into_each_other(self) -> None:
        self.assertNotEqual(sha256(b"ab", b"c"), sha256(b"a", b"bc"))

    def test_same(self) -> None:
        self.assertTrue(same(b"a", b"a"))
        self.assertFalse(same(b"a", b"b") or same(b"a", b"aa"))

    def test_fingerprints(self) -> None:
        self.assertEqual(fingerprint({"a": 1, "b": [1, "x"]}), fingerprint({"b": [1, "x"], "a": 1}))
        for other in ({"a": 2}, {"a": "1"}, {"b": 1}, [["a", 1]], {"a": 1, "b": None}):
            self.assertNotEqual(fingerprint({"a": 1}), fingerprint(other))
        self.assertEqual(fingerprint(DecimalText("1.5")), fingerprint("1.5"))
        self.assertRegex(fingerprint(None), r"^[0-9a-f]{64}$")
