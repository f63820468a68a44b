"""The ledger, and what is owed and paid out on top of it."""

from settlements.models.exports import Export
from settlements.models.fees import FeePlan, FeePlanVersion, FeeRule
from settlements.models.ledger import LedgerAccount, LedgerEntry, LedgerKind, LedgerTransfer, mode_is_known
from settlements.models.payouts import BankFile, BankResult, Payout, PayoutBatch, PayoutDestination, PayoutPolicy
from settlements.models.recon import (
    FloatProof,
    ReconException,
    ReconFile,
    ReconFilePart,
    ReconLine,
    ReconMatch,
)
from settlements.models.recon_runs import ReconRun, ReconRunPart
from settlements.models.settlement import (
    BusinessHoliday,
    ClosedDay,
    DayStatement,
    Settlement,
    SettlementLine,
    SettlementMark,
    SettlementProfile,
)
from settlements.models.striping import PendingStriping

__all__ = [
    "BankFile",
    "BankResult",
    "BusinessHoliday",
    "ClosedDay",
    "DayStatement",
    "Export",
    "FeePlan",
    "FeePlanVersion",
    "FeeRule",
    "FloatProof",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerKind",
    "LedgerTransfer",
    "Payout",
    "PayoutBatch",
    "PayoutDestination",
    "PayoutPolicy",
    "PendingStriping",
    "ReconException",
    "ReconFile",
    "ReconFilePart",
    "ReconLine",
    "ReconMatch",
    "ReconRun",
    "ReconRunPart",
    "Settlement",
    "SettlementLine",
    "SettlementMark",
    "SettlementProfile",
    "mode_is_known",
]
