"""What a stranger could ask of keys and of the request log."""

from audit.models import RequestLog
from merchants.models import Merchant
from merchants.services.api_keys import create_api_key
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from tests.outsider_cases import Case, ListCase, ObjectCase


def api_key(merchant: Merchant, mode: str) -> str:
    return create_api_key(merchant_id=merchant.id, mode=mode, name="Till", created_by="tests")[0].public_id


def call(merchant: Merchant, mode: str) -> str:
    row = RequestLog.objects.create(
        id=new_id(),
        at=now(),
        merchant_id=merchant.id,
        mode=mode,
        actor="tests",
        method="POST",
        path="/api/v1/payments/initiate/",
        status=201,
        ms=9,
        request_body='{"reference":"ORDER-1"}',
    )
    return to_public("req", row.id)


KEY = ObjectCase(make=api_key, nonsense=lambda: to_public("key", new_id()), bodies={"patch": {"name": "mine now"}})

KEY_CASES: dict[str, Case] = {
    "api-key": KEY,
    "api-key-rotate": KEY,
    "api-key-revoke": KEY,
    "api-keys": ListCase(make=api_key),
    "request": ObjectCase(make=call, nonsense=lambda: to_public("req", new_id()), in_person=True),
    "requests": ListCase(make=call, filters=lambda name: {"actor": "tests"}, in_person=True),
}
KEYS_WITHOUT_NAMES: dict[str, str] = {
    "api-key-report": "proven by the key itself; answers the same for every text",
    "merchant-allowed-ips": "takes no name: always the caller's merchant; tested on its own",
}
