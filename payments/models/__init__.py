"""Payments, refunds, C2B money, the tries made at a provider, and everything providers told us."""

from payments.models.bulk import BulkLine, BulkRun
from payments.models.c2b import C2bAccount, C2bAlias, C2bClaim, C2bReceipt
from payments.models.doubts import DoubtDecision
from payments.models.events import ProviderEvent
from payments.models.operations import MoneyOp
from payments.models.payments import REFERENCE_POLICIES, Payment
from payments.models.privacy import Erasure
from payments.models.questions import ProviderQuestion, ShortcodeHealth
from payments.models.refunds import Refund

__all__ = [
    "REFERENCE_POLICIES",
    "BulkLine",
    "BulkRun",
    "C2bAccount",
    "C2bAlias",
    "C2bClaim",
    "C2bReceipt",
    "DoubtDecision",
    "Erasure",
    "MoneyOp",
    "Payment",
    "ProviderEvent",
    "ProviderQuestion",
    "Refund",
    "ShortcodeHealth",
]
