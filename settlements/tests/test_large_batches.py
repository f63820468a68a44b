"""Batches of hundreds of lines: whole or not at all, every fault by its line, and no statement for each of them."""

import csv
import io
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from merchants.models import Role
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.ids import from_public, to_public
from settlements.models import LedgerTransfer, Payout, PayoutBatch
from settlements.serializers.payout_batches import MOST_LINES
from settlements.tests.payouts import BANK, PayoutTestCase, give, keyed
from webhooks.models import Event

LINES = 500


@override_settings(PAYOUT_FEE=1_00, PAYOUT_PER_DAY=0, PAYOUT_APPROVAL_ABOVE=0)
class Large(PayoutTestCase):
    def setUp(self) -> None:
        super().setUp()
        give(self.merchant, 1_000_000_00)
        self.kept = {"id": to_public("dst", self.destination().id)}

    def items(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        """To phones, to banks and to a kept destination in turn."""
        phones = [{"type": "mpesa_phone", "phone": f"2547120{number:05d}"} for number in range(count)]
        banks = [BANK | {"account_number": f"9{number:07d}"} for number in range(count)]
        places = [(phones[n], banks[n], self.kept)[n % 3] for n in range(count)]
        return [
            {"amount": 100 + n, "destination": place, "reason": "Earnings", "reference": f"E-{n}"} | fields
            for n, place in enumerate(places)
        ]

    def named(self, name: str, count: int) -> list[dict[str, Any]]:
        return [item | {"reference": f"{name}-{n}"} for n, item in enumerate(self.items(count))]

    def send(self, items: list[dict[str, Any]]) -> HttpResponse:
        return self.post("payout-batches/", {"description": "Riders", "items": items}, keyed(self.headers))

    def send_csv(self, items: list[dict[str, Any]]) -> HttpResponse:
        out = io.StringIO(newline="")
        names = ["amount", "reason", "reference", "type", "phone", "bank_code", "branch_code", "account_number"]
        sheet = csv.DictWriter(out, [*names, "account_name", "destination"])
        sheet.writeheader()
        for item in items:
            place = dict(item["destination"])
            cells = {"destination": place.pop("id")} if "id" in place else {}
            sheet.writerow({name: value for name, value in item.items() if name != "destination"} | place | cells)
        path = "/api/v1/payout-batches/?description=Riders"
        return self.client.post(path, out.getvalue(), "text/csv", headers=keyed(self.headers))

    def queries(self, work: Any, *arguments: Any) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = work(*arguments)
        self.assertIn(answer.status_code, (200, 201), answer.content)
        return len(captured)

    def batch(self, answer: HttpResponse) -> PayoutBatch:
        self.assertEqual(answer.status_code, 201, answer.content)
        return PayoutBatch.objects.get(id=from_public("bat", answer.json()["id"]))

    def test_five_hundred_lines_cost_as_many_statements_as_five(self) -> None:
        self.send(self.named("warm", 3))
        # The merchant's data key is as old as in any batch but a merchant's first: not of this test's own transaction.
        self.addCleanup(data_keys.forget)
        connection.__dict__.pop("onpoint_young_keys")
        self.send(self.named("again", 3))
        for send, size in ((self.send, LINES), (self.send_csv, 60)):
            with self.subTest(send=send.__name__):
                few, many = self.named(f"{send.__name__}-few", 5), self.named(f"{send.__name__}-many", size)
                wanted = self.queries(send, few)
                self.assertEqual(self.queries(send, many), wanted)
                self.assertLess(wanted, 40)
        self.assertEqual(Payout.objects.count(), LINES + 60 + 2 * (5 + 3))
        self.assertEqual(LedgerTransfer.objects.filter(kind="payout_hold").count(), LINES + 60 + 2 * (5 + 3))

    @override_settings(PAYOUT_APPROVAL_ABOVE=1)
    def test_so_do_their_approval_and_their_calling_off(self) -> None:
        counts: dict[str, list[int]] = {"approve": [], "cancel": []}
        self.get("payouts/", self.person(Role.ADMIN))
        for verb in counts:
            for size in (5, 60):
                batch = self.batch(self.send(self.named(f"{verb}-{size}", size)))
                path = f"payout-batches/{to_public('bat', batch.id)}/{verb}/"
                counts[verb].append(self.queries(self.post, path, {}, self.person(Role.ADMIN)))
                status = "pending" if verb == "approve" else "cancelled"
                self.assertEqual(set(batch.payouts.values_list("status", flat=True)), {status})
        self.assertEqual([few == many for few, many in counts.values()], [True, True], counts)

    def test_what_each_line_came_to(self) -> None:
        batch = self.batch(self.send(self.items(LINES)))
        whole = sum(100 + n for n in range(LINES)) * 100
        self.assertEqual((batch.lines, batch.amount, batch.fee), (LINES, whole, LINES * 1_00))
        rows = list(batch.payouts.order_by("line"))
        self.assertEqual([row.line for row in rows], list(range(1, LINES + 1)))
        self.assertEqual([row.amount for row in rows], [(100 + n) * 100 for n in range(LINES)])
        self.assertEqual({row.status for row in rows}, {"pending"})
        self.assertEqual(len({row.reference for row in rows}), LINES)
        self.assert_balances(payout_hold=whole, available=1_010_000_00 - whole - LINES * 1_00)
        for row in (rows[0], rows[1], rows[-1]):
            self.assert_told(row, "created")
            hold = {("payout_hold", "C"): row.amount, ("fee_income", "C"): 1_00}
            self.assert_posted(row, hold={("available", "D"): row.amount + 1_00} | hold)
        self.assertEqual(Event.objects.filter(type="payout.created").count(), LINES)
        links = list(
            AuditEvent.objects.filter(action="payout.created").order_by("seq").values_list("object", flat=True)
        )
        self.assertEqual(links, [to_public("pyt", row.id) for row in rows])

    def test_every_fault_by_its_line_and_nothing_stored(self) -> None:
        items = self.items(LINES)
        items[3]["amount"] = "1.50"
        items[7]["destination"] = {"id": to_public("dst", batch_key())}
        items[100]["reference"] = "E-99"
        items[LINES - 2]["amount"] = "5"
        items[LINES - 2]["destination"] = items[0]["destination"]
        for send, names in (
            (self.send, ("items[3]", "items[7]", "items[100]", f"items[{LINES - 2}]")),
            (self.send_csv, ("line[5]", "line[9]", "line[102]", f"line[{LINES}]")),
        ):
            with self.subTest(send=send.__name__):
                found = self.assert_problem(send(items), 400, "validation_failed")
                shown = {(fault["param"], fault["code"]) for fault in found["errors"]}
                codes = ("amount_not_whole", "resource_missing", "duplicate_reference", "amount_too_small")
                params = ("amount", "destination.id", "reference", "amount")
                wanted = {(f"{name}.{param}", code) for name, param, code in zip(names, params, codes, strict=True)}
                self.assertEqual(shown, wanted)
        self.assertFalse(PayoutBatch.objects.exists())
        self.assert_nothing_asked()

    def test_the_last_cent_too_many_stores_nothing(self) -> None:
        items = self.items(LINES)
        whole = sum(100 + n for n in range(LINES)) + LINES
        items[-1]["amount"] = items[-1]["amount"] + 1_010_000 - whole + 1
        self.assert_problem(self.send(items), 402, "insufficient_balance")
        self.assertFalse(PayoutBatch.objects.exists())
        self.assert_nothing_asked()
        self.assert_balances(available=1_010_000_00, payout_hold=0)

    def test_more_lines_than_are_taken(self) -> None:
        items = self.items(1) * (MOST_LINES + 1)
        self.assertEqual(self.send(items).status_code, 400)
        self.assert_problem(self.send_csv(items), 400, "parameter_invalid")
        self.assertFalse(PayoutBatch.objects.exists())


def batch_key() -> Any:
    """A key that names nothing."""
    return from_public("bat", "bat_01KAJ9B3D5F7H9K1M3P5R7T9VX")
