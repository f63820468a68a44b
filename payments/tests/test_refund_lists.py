"""Lists of refunds, and sending one now that waits."""

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import Refund
from payments.services.out_sending import send_out
from payments.tests.base import next_key
from payments.tests.refund_base import RefundTestCase, public


class Lists(RefundTestCase):
    def list(self, **query: str) -> list[str]:
        answer = self.client.get("/api/v1/refunds/", query, headers=self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return [row["id"] for row in answer.json()["data"]]

    def test_newest_first_in_pages(self) -> None:
        payment = self.paid()
        made = [public(self.refund(payment, amount=10)) for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = self.client.get("/api/v1/refunds/", query, headers=self.headers).json()
            seen += [row["id"] for row in page["data"]]
            self.assertEqual(page["has_more"], page["next_cursor"] is not None)
            cursor = page["next_cursor"]
        self.assertEqual(seen, made[::-1])

    def test_filters(self) -> None:
        first, second = self.paid(), self.paid()
        whole, part = self.sent(first), self.refund(second, amount=40)
        self.bring_results(whole)
        done, waiting = public(whole), public(part)
        for query, expected in (
            ({"status": "completed"}, [done]),
            ({"status": "pending,failed"}, [waiting]),
            ({"route": "b2c"}, [waiting]),
            ({"payment": to_public("pay", first.id)}, [done]),
            ({"payment": to_public("pay", new_id())}, []),
            ({"reference": part.reference}, [waiting]),
            ({"amount_min": "40.01"}, [done]),
            ({"created_after": now().isoformat()}, []),
            ({"date_from": "2020-01-01"}, [waiting, done]),
        ):
            with self.subTest(**query):
                self.assertEqual(self.list(**query), expected)

    def test_filters_that_make_no_sense(self) -> None:
        for query in (
            {"state": "x"},
            {"status": "refunded"},
            {"payment": "ref_1"},
            {"date_from": "soon"},
            {"cursor": "x"},
        ):
            with self.subTest(**query):
                answer = self.client.get("/api/v1/refunds/", query, headers=self.headers)
                self.assertEqual(answer.status_code, 400, answer.content)

    def test_a_cursor_belongs_to_its_filters(self) -> None:
        payment = self.paid()
        for _ in range(2):
            self.refund(payment, amount=10)
        cursor = self.client.get("/api/v1/refunds/", {"limit": "1"}, headers=self.headers).json()["next_cursor"]
        answer = self.client.get("/api/v1/refunds/", {"cursor": cursor, "status": "pending"}, headers=self.headers)
        self.assert_problem(answer, 400, "cursor_invalid")

    def test_others_see_nothing(self) -> None:
        refund = self.refund(self.paid())
        stranger = key_headers(make_api_key(make_merchant("Mama Mboga")))
        self.assertEqual(self.get("refunds/", stranger).json()["data"], [])
        self.assert_problem(self.get(f"refunds/{public(refund)}/", stranger), 404, "resource_missing")
        self.assert_problem(self.post(f"refunds/{public(refund)}/retry/", {}, stranger), 404, "resource_missing")


class Retrying(RefundTestCase):
    def retry(self, refund: Refund, **headers: str):  # type: ignore[no-untyped-def]
        return self.post(f"refunds/{public(refund)}/retry/", {}, self.headers | headers)

    def test_what_waits_is_sent_now(self) -> None:
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment)
        self.bring_results(refund)
        self.assert_refund(refund, "pending", pending_reason="insufficient_float", route="reversal")
        self.assertEqual(send_out(), 0)
        key = next_key()
        for _ in range(2):
            answer = self.retry(refund, **{"Idempotency-Key": key})
            self.assertEqual((answer.status_code, answer.json()["status"]), (200, "pending"))
        self.assertEqual(send_out(), 1)
        self.assert_ops(refund, ("reversal", "failed"), ("reversal", "accepted"))
        self.assert_refund(refund, "pending", pending_reason="awaiting_provider")

    def test_what_may_be_out_is_not_sent_again(self) -> None:
        for fault in ("", "send_reset"):
            with self.subTest(fault=fault):
                self.faults(fault) if fault else None
                refund = self.sent(self.paid(), amount=40)
                self.calm()
                found = self.assert_problem(self.retry(refund), 409, "state_conflict")
                self.assertIn("never sent a second time", found["detail"])
                self.assertEqual(send_out(), 0)
                self.assertEqual(len(self.lines(refund)), 1)

    def test_what_is_closed_stays_closed(self) -> None:
        refund = self.sent(self.paid(), amount=40)
        self.bring_results(refund)
        found = self.assert_problem(self.retry(refund), 409, "state_conflict")
        self.assertIn("is completed", found["detail"])
