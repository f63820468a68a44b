"""No known body of Daraja is forgotten: each is sent or read by the product, or named here with the reason why not."""

import unittest

from providers.errors import CallbackMalformed
from providers.mpesa import results
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.tests import test_c2b_shapes, test_order_shapes, test_registration_shapes, test_result_shapes
from providers.mpesa.tests.shapes import FOLDER, shape
from providers.mpesa.tests.test_shapes import PLAYED_HERE
from providers.types import InboundRequest

MODULES = (test_order_shapes, test_result_shapes, test_c2b_shapes, test_registration_shapes)
B2B = "payments from business to business are not a product of this gateway"
BILLS = "the bill manager is not a product of this gateway"
STANDING_ORDERS = "standing orders are not a product of this gateway"
NOT_OURS = {
    "b2b_buygoods_request": B2B,
    "b2b_paybill_request": B2B,
    "b2b_result_success": B2B,
    "b2b_result_failed_receiver_invalid": B2B,
    "b2b_result_failed_single_parameter": B2B,
    "b2b_express_request": B2B,
    "b2b_express_response": B2B,
    "b2b_express_callback_success": B2B,
    "b2b_express_callback_cancelled": B2B,
    "b2c_account_topup_request": "the paying account is filled in the M-Pesa portal, not a product of this gateway",
    "b2c_v1_request": "payouts go through v3, which alone guards against sending twice",
    "bill_manager_optin_request": BILLS,
    "bill_manager_optin_response": BILLS,
    "bill_manager_single_invoice_request": BILLS,
    "bill_manager_invoice_response": BILLS,
    "bill_manager_payment_push": BILLS,
    "c2b_simulate_request_paybill": "only the sandbox plays the payer, the product never does",
    "c2b_simulate_request_till": "only the sandbox plays the payer, the product never does",
    "c2b_simulate_response": "only the sandbox plays the payer, the product never does",
    "c2b_validation_accept_with_reference": "a payment is known by its receipt, so we give it no second name",
    "ratiba_request": STANDING_ORDERS,
    "ratiba_response": STANDING_ORDERS,
    "ratiba_callback_success": STANDING_ORDERS,
    "ratiba_callback_failed": STANDING_ORDERS,
    "tax_remittance_request": "paying taxes is not a product of this gateway",
}
DOORS = ("collect", "confirm", "validate", *results.DOORS, *results.NOTICE_DOORS)


def names_of_tests() -> set[str]:
    """The shapes that have a test of their name."""
    cases = [case for module in MODULES for case in vars(module).values() if isinstance(case, type)]
    names = {name for case in cases if issubclass(case, unittest.TestCase) for name in dir(case)}
    return {name.removeprefix("test_") for name in names if name.startswith("test_")}


class CoverTests(unittest.TestCase):
    def test_every_shape_is_used_or_left_out_for_a_reason(self) -> None:
        files = {path.stem for path in FOLDER.glob("*.json")}
        ours = PLAYED_HERE | (names_of_tests() & files)
        self.assertEqual(ours | NOT_OURS.keys(), files)
        self.assertEqual(ours & NOT_OURS.keys(), set())

    def test_callbacks_of_other_products_are_read_at_no_door(self) -> None:
        for name in NOT_OURS:
            if "callback" not in name and name != "bill_manager_payment_push":
                continue
            for door in DOORS:
                inbound = InboundRequest(body=shape(name), headers={}, token=None, source_ip=None, door=door)
                with self.subTest(name=name, door=door), self.assertRaises(CallbackMalformed):
                    MpesaCallbacks().parse_callback(inbound)
