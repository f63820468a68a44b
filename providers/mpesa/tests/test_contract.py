"""M-Pesa keeps the promises every provider makes."""

from unittest import mock

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tests.local_server import answer
from onpoint_pay.kit.tokens import TokenStore
from providers import registry
from providers.base import Provider
from providers.mpesa.tests.shapes import CHECKOUT_ID, make_config, shape
from providers.tests.contract import ProviderContract, Replies


class MpesaContractTests(ProviderContract):
    __test__ = True
    code = "daraja"
    door = "collect"
    replies = Replies(
        accepting=answer(200, shape("stk_push_response_accepted")),
        refusing=answer(500, shape("stk_push_error_merchant_does_not_exist")),
        still_pending=answer(500, shape("stk_query_pending_500")),
        paid=answer(200, shape("stk_query_success")),
        not_paid=answer(200, shape("stk_query_cancelled")),
        before=(answer(200, shape("oauth_generate_success")),),
        accepting_order=answer(200, shape("async_accepted_response")),
    )
    provider_reference = CHECKOUT_ID
    callback_paid = shape("stk_callback_success")
    callback_not_paid = shape("stk_callback_failed_cancelled")

    def setUp(self) -> None:
        super().setUp()
        # How long it waits between two tries of a page is not what is promised.
        self.enterContext(mock.patch("providers.mpesa.provider.PAGE_PAUSES", (0, 0)))

    def make_provider(self, base_url: str, *, tokens: TokenStore, http: HttpClient) -> Provider:
        return registry.get(self.code, make_config(base_url), tokens=tokens, http=http)
