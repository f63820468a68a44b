"""What tests of reconciliation share: statements in the portal's columns, written line by line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any

from merchants.models import Merchant
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.models import ReconException, ReconFile, ReconLine, ReconRun
from settlements.services.recon_import import Imported, import_statement

ACCOUNT = "daraja:174379"
DAY = datetime(2026, 11, 20, tzinfo=UTC) - timedelta(hours=3)
COLUMNS = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)
_codes = count(1)


def next_code() -> str:
    """A receipt that nobody has seen yet."""
    return f"UKS{next(_codes):07d}"


@dataclass(slots=True, kw_only=True)
class Paper:
    """An organisation statement being written; amounts in minor units."""

    shortcode: str = "174379"
    opening: int | None = 0
    start: datetime = DAY
    at: datetime | None = None
    days: int = 1
    balance: int = 0
    rows: list[str] = field(default_factory=list)

    def add(
        self,
        code: str,
        amount: int,
        *,
        reason: str = "Pay Bill Online",
        ref: str = "",
        party: str = "",
        linked: str = "",
        at: datetime | None = None,
        status: str = "Completed",
    ) -> str:
        """One movement, money out as a negative amount; the row."""
        self.at = at or (self.at or self.start) + timedelta(seconds=1)
        self.balance += amount
        stamp = f"{nairobi(self.at):%d-%m-%Y %H:%M:%S}"
        came, went = (units(amount), "") if amount > 0 else ("", f"-{units(-amount)}")
        cells = [
            code,
            stamp,
            stamp,
            reason,
            status,
            came,
            went,
            units(self.balance),
            "true",
            reason,
            party,
            linked,
            ref,
        ]
        self.rows.append(",".join(f'"{cell}"' if "," in cell else cell for cell in cells))
        return self.rows[-1]

    def text(
        self, rows: Sequence[str] | None = None, *, closing: int | None = None, opening: int | None = None
    ) -> bytes:
        start = nairobi(self.start)
        end = start + timedelta(days=self.days, seconds=-1)
        head = [
            f"Organization Name:,ONPOINT DEMO,Short Code:,{self.shortcode}",
            f"Time Period:,From {start:%d-%m-%Y %H:%M:%S} To {end:%d-%m-%Y %H:%M:%S}",
        ]
        if self.opening is not None:
            head.append(f"Opening Balance:,{units(self.opening if opening is None else opening)}")
            head.append(f"Closing Balance:,{units(self.balance if closing is None else closing)}")
        return "\n".join([*head, COLUMNS, *(self.rows if rows is None else rows)]).encode() + b"\n"


def units(minor: int) -> str:
    return Money(minor).decimal_text()


def bring(body: bytes, **more: Any) -> Imported:
    """The file, taken in for the tests' shortcode in test mode."""
    place = {"source": "mpesa_statement", "account": ACCOUNT, "mode": "test", "name": "statement.csv", "actor": "ops"}
    return import_statement(BytesIO(body), **(place | more))


def make_exception(merchant: Merchant | None = None, mode: str = "test", **facts: Any) -> ReconException:
    """An open exception on the merchant's own shortcode, or on the platform's."""
    usual = {
        "kind": "missing_here",
        "account": ACCOUNT,
        "name": f"tests:{new_id()}",
        "amount": 100_00,
        "currency": "KES",
        "occurred_at": now(),
        "float_effect": 0,
        "severity": "medium",
        "owner": "reconciliation",
        "detail": {},
        "posting": {},
    }
    return ReconException.objects.create(merchant=merchant, mode=mode, **(usual | facts))


def make_line(account: str, mode: str = "test", **facts: Any) -> ReconLine:
    """A receipt on a statement of this account, which nothing was matched to yet."""
    number = next(_codes)
    file = ReconFile.objects.create(
        source="mpesa_statement",
        account=account,
        mode=mode,
        currency="KES",
        name="statement.csv",
        sha256=f"{number:064d}",
        size=1,
        imported_by="tests",
    )
    usual = {
        "line_no": 1,
        "family": "statement",
        "natural_key": str(number).encode(),
        "nth": 1,
        "external_id": next_code(),
        "client_ref": "",
        "linked_id": "",
        "occurred_at": now(),
        "value_date": nairobi(now()).date(),
        "direction": "in",
        "amount": 100_00,
        "currency": "KES",
        "kind": "receipt",
        "narrative": "Pay Bill Online",
        "account_reference": "",
        "party": "",
    }
    return ReconLine.objects.create(file=file, account=account, mode=mode, **(usual | facts))


def make_run(merchant: Merchant, mode: str = "test", **facts: Any) -> ReconRun:
    """A comparison that is over."""
    usual = {"account": ACCOUNT, "status": "completed", "requested_by": "tests"}
    return ReconRun.objects.create(merchant=merchant, mode=mode, **(usual | facts))
