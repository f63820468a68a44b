"""The tree over the heads: every path leads to the root, and nothing else does."""

from dataclasses import replace
from hashlib import sha256

from django.test import SimpleTestCase

from audit.merkle import Head, climb, leaf, path, root


def heads(count: int) -> list[Head]:
    return [Head(stream=f"m{number:03d}", seq=number + 1, hash=f"{number:064x}") for number in range(count)]


class Trees(SimpleTestCase):
    def test_every_path_leads_to_the_root(self) -> None:
        for count in (1, 2, 3, 4, 5, 7, 8, 9, 31, 100):
            known = heads(count)
            for head in known:
                with self.subTest(count=count, stream=head.stream):
                    self.assertEqual(climb(head, path(known, head.stream)), root(known))

    def test_the_order_in_which_heads_are_given_counts_for_nothing(self) -> None:
        self.assertEqual(root(heads(9)), root(reversed(heads(9))))

    def test_another_head_leads_elsewhere(self) -> None:
        known = heads(9)
        way = path(known, "m004")
        for other in (replace(known[4], seq=99), replace(known[4], hash="f" * 64), replace(known[4], stream="m999")):
            self.assertNotEqual(climb(other, way), root(known))

    def test_a_node_cannot_pass_for_a_leaf(self) -> None:
        pair = heads(2)
        inner = leaf(pair[0]) + leaf(pair[1])
        self.assertNotEqual(sha256(inner).hexdigest(), root(pair))

    def test_no_heads_at_all(self) -> None:
        self.assertEqual(root([]), sha256(b"").hexdigest())
        with self.assertRaises(ValueError):
            path([], "m001")
