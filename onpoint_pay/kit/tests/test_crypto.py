"""Sealed texts open for their own row and with a key of the ring, and for nobody else."""

import base64
import hashlib
import hmac

from django.db import transaction
from django.test import SimpleTestCase, TestCase, override_settings

from onpoint_pay.kit import data_keys
from onpoint_pay.kit.crypto import CannotOpen, KeyringInvalid, fingerprint, keyed_digest, same, seal, sha256, unseal
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.keyring import close, keyring
from onpoint_pay.kit.strict_json import DecimalText


def key(letter: str, *, name: str) -> str:
    return f"{name}:{base64.b64encode(letter.encode() * 32).decode()}"


OLD, NEW = key("a", name="k1"), key("b", name="k2")
PLACE = "webhooks_secret.ciphertext:1"


@override_settings(ENCRYPTION_KEYS=[OLD])
class Sealing(TestCase):
    def setUp(self) -> None:
        data_keys.forget()

    def test_there_and_back(self) -> None:
        for merchant in (None, new_id()):
            for plain in ("", "whsec_abc", "é😀", "x" * 100_000):
                sealed = seal(plain, bound_to=PLACE, merchant_id=merchant)
                self.assertRegex(sealed, r"^v2\.[0-9]+\.[A-Za-z0-9+/=]+$")
                self.assertEqual(unseal(sealed, bound_to=PLACE, merchant_id=merchant), plain)

    def test_twice_the_same_text_looks_different(self) -> None:
        self.assertNotEqual(seal("secret", bound_to=PLACE), seal("secret", bound_to=PLACE))
        self.assertNotIn("secret", seal("secret", bound_to=PLACE))

    def test_elsewhere_it_does_not_open(self) -> None:
        merchant = new_id()
        sealed = seal("secret", bound_to=PLACE, merchant_id=merchant)
        for place, owner in (
            ("", merchant),
            ("webhooks_secret.ciphertext:2", merchant),
            ("webhooks_secret.last4:1", merchant),
            (PLACE + " ", merchant),
            (PLACE, new_id()),
            (PLACE, None),
        ):
            with self.subTest(place=place, owner=owner), self.assertRaises(CannotOpen):
                unseal(sealed, bound_to=place, merchant_id=owner)

    def test_it_does_not_open_as_another_merchants(self) -> None:
        """Not even when the number of the owner's key is put in front of a text of one's own."""
        owner, other = new_id(), new_id()
        theirs, mine = (seal("secret", bound_to=PLACE, merchant_id=each) for each in (owner, other))
        mixed = ".".join([*theirs.split(".")[:2], mine.split(".")[2]])
        for merchant in (owner, other):
            with self.assertRaises(CannotOpen):
                unseal(mixed, bound_to=PLACE, merchant_id=merchant)

    def test_changed_it_does_not_open(self) -> None:
        sealed = seal("secret", bound_to=PLACE)
        _, name, encoded = sealed.split(".")
        raw = bytearray(base64.b64decode(encoded))
        for position in (0, 12, len(raw) - 1):
            changed = raw.copy()
            changed[position] ^= 1
            with self.subTest(position=position), self.assertRaises(CannotOpen):
                unseal(f"v2.{name}.{base64.b64encode(changed).decode()}", bound_to=PLACE)
        for text in (
            "",
            "v2",
            f"v2.{name}",
            f"v2.{name}.",
            f"v2.{name}.!!!",
            f"v2.{name}.AAAA",
            f"v3.{name}.{encoded}",
            f"v1.{name}.{encoded}",
            f"v2.{2**70}.{encoded}",
            f"v2.{int(name) + 1000}.{encoded}",
            f"v2.-1.{encoded}",
            encoded,
            "é.k1.AA",
        ):
            with self.subTest(text=text[:9]), self.assertRaises(CannotOpen):
                unseal(text, bound_to=PLACE)

    def test_texts_of_the_first_version_still_open(self) -> None:
        old = f"v1.k1.{close(keyring()['k1'], b'secret', bound_to=PLACE)}"
        for merchant in (None, new_id()):
            self.assertEqual(unseal(old, bound_to=PLACE, merchant_id=merchant), "secret")
        with self.assertRaises(CannotOpen):
            unseal(old, bound_to=PLACE + "1")
        with override_settings(ENCRYPTION_KEYS=[NEW]), self.assertRaises(CannotOpen):
            unseal(old, bound_to=PLACE)

    def test_one_data_key_for_each_merchant(self) -> None:
        first, second = new_id(), new_id()
        names = [seal("x", bound_to=PLACE, merchant_id=each).split(".")[1] for each in (first, second, first, None)]
        self.assertEqual((names[0], len(set(names))), (names[2], 3))

    def test_without_the_key_that_seals_it_a_data_key_is_of_no_use(self) -> None:
        merchant = new_id()
        sealed = seal("secret", bound_to=PLACE, merchant_id=merchant)
        data_keys.forget()
        with override_settings(ENCRYPTION_KEYS=[NEW]), self.assertRaisesMessage(CannotOpen, "needs k1"):
            unseal(sealed, bound_to=PLACE, merchant_id=merchant)
        with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
            self.assertEqual(unseal(sealed, bound_to=PLACE, merchant_id=merchant), "secret")

    def test_a_key_that_was_undone_seals_nothing(self) -> None:
        merchant = new_id()
        try:
            with transaction.atomic():
                seal("x", bound_to=PLACE, merchant_id=merchant)
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        sealed = seal("secret", bound_to=PLACE, merchant_id=merchant)
        data_keys.forget()
        self.assertEqual(unseal(sealed, bound_to=PLACE, merchant_id=merchant), "secret")

    def test_rings_that_cannot_be_read_are_named(self) -> None:
        for entries, words in (([], "empty"), (["k1"], "'k1'"), (["k1:xyz"], "'k1'"), ([key("a", name="")], "''")):
            refused = self.assertRaisesMessage(KeyringInvalid, words)
            with self.subTest(entries=entries), override_settings(ENCRYPTION_KEYS=entries), refused:
                seal("secret", bound_to=PLACE, merchant_id=new_id())
        short = f"k1:{base64.b64encode(b'a' * 31).decode()}"
        with override_settings(ENCRYPTION_KEYS=[short]), self.assertRaises(KeyringInvalid):
            seal("secret", bound_to=PLACE, merchant_id=new_id())


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
