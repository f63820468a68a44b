"""Who is calling: one shape for API keys and dashboard users, known to every room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

LIVE = "live"
TEST = "test"
MODES = (LIVE, TEST)
# The kind of a key that stands in a browser, where anybody may read it.
PUBLISHABLE = "publishable"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCard:
    """The account of a merchant's own that serves one provider in one mode; each change of it raises `version`."""

    provider: str
    mode: str
    id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsCard:
    """What one merchant may take in one mode, in minor units by kind, and the policies that differ for it."""

    mode: str
    own: Mapping[str, int | None] = field(default_factory=dict)
    cap: Mapping[str, int | None] = field(default_factory=dict)
    rates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantCard:
    """The few facts about a merchant that hot requests need; at most a minute old."""

    id: UUID
    business_name: str
    status: str = "active"
    live_enabled: bool = False
    kyc_status: str = "unverified"
    reference_policy: str = "unique_unless_failed"
    fee_bps: int = 0
    fee_flat: int = 0
    accounts: tuple[AccountCard, ...] = ()
    limits: tuple[LimitsCard, ...] = ()

    def limits_in(self, mode: str) -> LimitsCard:
        """Empty where nothing was ever set."""
        return next((card for card in self.limits if card.mode == mode), None) or LimitsCard(mode=mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller. `actor` is the public id that audit and timelines show."""

    merchant: MerchantCard
    mode: str
    actor: str
    kind: str
    scopes: frozenset[str] = field(default_factory=frozenset)
    key_id: UUID | None = None
    user_id: UUID | None = None
    role: str | None = None
    session: str | None = None

    is_authenticated = True

    @property
    def merchant_id(self) -> UUID:
        return self.merchant.id

    @property
    def livemode(self) -> bool:
        return self.mode == LIVE

    @property
    def rates(self) -> Mapping[str, str]:
        """The rate policies in which this merchant differs from the installation."""
        return self.merchant.limits_in(self.mode).rates

    def may(self, scope: str) -> bool:
        return scope in self.scopes
