"""What a payment or a refund would cost and which way it would go, before anybody is asked. Nothing is stored."""

from datetime import timedelta
from typing import Any

from merchants.services.provider_accounts import account_of, provider_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.selectors.find import payment_by_any_reference
from payments.services.initiate import ROUTES, check_amount
from payments.services.limits import check_size
from payments.services.refund_approval import needs_approval
from payments.services.refund_routes import choose_route
from payments.services.refund_rows import USUAL_MINUTES
from payments.services.refunds import amount_to_give_back, check_refundable
from settlements.fees import Terms
from settlements.services.fee_plans import fee_of


def quote(caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
    """The quote of QuoteSerializer's checked input; amounts are decimal texts in major units.

    Raises Invalid, NotFound, and Problem provider_not_configured, payment_not_refundable, refund_exceeds_payment,
    parameter_missing, reference_ambiguous, limit_exceeded.
    """
    return _refund_quote(caller, request) if "refund_of" in request else _payment_quote(caller, request)


def _payment_quote(caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
    code, channel = ROUTES[request["payment_method"]]
    amount: Money = request["money"]
    provider = provider_for(code, caller.mode, account_of(caller, code))
    check_amount(amount)
    check_size(amount, caller)
    own = Terms(bps=caller.merchant.fee_bps, flat=caller.merchant.fee_flat)
    price = fee_of(caller.merchant_id, method=request["payment_method"], amount=amount, at=now(), own=own)
    return _body(caller, amount, fee=price.fee + price.tax) | {
        "payment_method": request["payment_method"],
        "provider": provider.code,
        "route": channel,
        "simulated": provider.is_simulated,
    }


def _refund_quote(caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
    payment = payment_by_any_reference(caller, request["refund_of"], method=None)
    check_refundable(payment)
    amount = amount_to_give_back(payment, request.get("amount"))
    route = choose_route(payment, amount, destination=request.get("phone"))
    return _body(caller, amount, fee=Money(0, amount.currency)) | {
        "refund_of": to_public("pay", payment.id),
        "payment_method": payment.payment_method,
        "provider": payment.provider,
        "route": route.name,
        "simulated": payment.simulated,
        "expected_at": rfc3339(now() + timedelta(minutes=USUAL_MINUTES[route.name])),
        "requires_approval": needs_approval(caller, amount, route=route.name),
    }


def _body(caller: Caller, amount: Money, *, fee: Money) -> dict[str, Any]:
    return {
        "object": "quote",
        "livemode": caller.livemode,
        "amount": amount.decimal_text(),
        "currency": amount.currency,
        "fee": fee.decimal_text(),
        "net": (amount - fee).decimal_text(),
        "refund_of": None,
        "expected_at": None,
        "requires_approval": False,
    }
