"""What the tests of money in doubt share: tries nobody at the provider knows, and the statement of the day they left."""

from datetime import datetime, time, timedelta
from itertools import count
from urllib.parse import urlsplit

from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from payments.models import MoneyOp, ProviderEvent, ProviderQuestion
from payments.services.payout_start import start_payouts
from payments.services.questions import put_questions
from payments.services.sweep import sweep
from payments.tests.payout_base import SentPayoutCalls
from payments.tests.refund_base import RefundCalls
from payments.tests.results import NOBODY_KNOWS, result_body
from settlements.models import Payout
from settlements.tests.recon import Paper
from tests.simulator_process import simulator

# Noon, the day before yesterday: a day that is over, and a day ago by any clock.
DAY = nairobi(now()).date() - timedelta(days=2)
NOON = datetime.combine(DAY, time(12), NAIROBI)
_answers = count(1)


def paper(*, later: int = 0) -> Paper:
    """The statement of the day on which the money was sent, or of one after it."""
    return Paper(start=datetime.combine(DAY + timedelta(days=later), time(), NAIROBI))


class NotFoundCalls(RefundCalls):
    """The provider is asked, and knows no such transaction."""

    def doubt(self, **of: object) -> MoneyOp:
        """The try of a payout or refund as though its worker had died with it at noon."""
        for status in ("sending", "unknown"):
            MoneyOp.objects.filter(**of).update(status=status, sent_at=NOON, next_check=now())
        return MoneyOp.objects.get(**of)

    def not_found(self, op: MoneyOp, times: int = 2) -> list[ProviderEvent]:
        """Asked so many times; the answers as they were kept."""
        return [self._not_found(op) for _ in range(times)]

    def _not_found(self, op: MoneyOp) -> ProviderEvent:
        self.faults("status_lost")
        MoneyOp.objects.filter(id=op.id).update(next_check=now())
        sweep()
        put_questions()
        self.calm()
        question = ProviderQuestion.objects.filter(op=op).latest("created_at")
        names = (question.original_reference, question.receipt)
        sent = simulator().call("GET", "transfers", limit="1000", kind="status")["transfers"]
        door = [urlsplit(line["result_url"]).path for line in sent if line["original"] in names][-1]
        body = result_body("qst", f"AG_20261121_{next(_answers):020d}", code=25, text=NOBODY_KNOWS)
        self.assertEqual(self.bring(body, door).status_code, 200)  # type: ignore[attr-defined]
        self.apply()
        return ProviderEvent.objects.latest("id")


class DoubtCalls(NotFoundCalls, SentPayoutCalls):
    """The same for payouts."""

    def doubted(self, **fields: object) -> Payout:
        """A payout sent at noon as far as we know; nobody at the provider has ever heard of it."""
        payout = self.to_phone(**fields)
        start_payouts()
        self.doubt(payout=payout)
        return payout
