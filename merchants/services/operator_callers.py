"""An operator as services know whoever asks: at one merchant, in one mode, with none of the merchant's own rights."""

from uuid import UUID

from merchants.models import Merchant
from merchants.selectors.records import merchant_card
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.operator import OperatorCard

OPERATOR = "operator"


def caller_for(card: OperatorCard, merchant_id: UUID, mode: str) -> Caller:
    """What the page has let the operator do is done as theirs: services that ask for scopes or a session refuse."""
    return Caller(
        merchant=merchant_card(Merchant.objects.get(id=merchant_id)),
        mode=mode,
        actor=card.actor,
        kind=OPERATOR,
        user_id=card.user_id,
    )
