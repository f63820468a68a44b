"""Registering C2B URLs: fields, sandbox and production, versions, and the odd answers of older platforms."""

from __future__ import annotations

import re
from typing import Any

import pytest

from simulator.stk_fields import RESERVED_WORDS
from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja, assert_shape

CLEAN = "https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20"


@pytest.fixture
def live(daraja: Daraja) -> C2bMerchant:
    """A production shortcode without URLs."""
    live = C2bMerchant(daraja, "600333")
    live.switch(production=True)
    daraja.control("DELETE", "shortcodes/c2b-urls", shortcode="600333")
    return live


def clean(**changes: Any) -> dict[str, Any]:
    return {"ConfirmationURL": f"{CLEAN}/confirm", "ValidationURL": f"{CLEAN}/validate"} | changes


def urls(merchant: C2bMerchant) -> dict[str, Any] | None:
    shown = merchant.daraja.control("GET", "shortcodes", shortcode=merchant.shortcode)
    found: dict[str, Any] | None = shown["c2b_urls"]
    return found


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_versions_are_served(merchant: C2bMerchant, version: str) -> None:
    response = merchant.register(version=version)
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == ["OriginatorCoversationID", "ResponseCode", "ResponseDescription"]
    assert re.fullmatch(r"[0-9a-f]{4}(-[0-9a-f]{4}){2}-[0-9a-f]{12}\d{3,8}", answer["OriginatorCoversationID"])
    assert (answer["ResponseCode"], answer["ResponseDescription"]) == ("0", "Success")
    assert urls(merchant) == {
        "shortcode": "174379",
        "version": version,
        "response_type": "Completed",
        "confirmation_url": merchant.daraja.receiver.url + merchant.confirm_path,
        "validation_url": merchant.daraja.receiver.url + merchant.validate_path,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ShortCode", None),
        ("ShortCode", "999999"),
        ("ResponseType", None),
        ("ResponseType", "completed"),
        ("ResponseType", "Canceled"),
        ("ConfirmationURL", None),
        ("ConfirmationURL", "pay.example.co.ke/confirm"),
        ("ValidationURL", "ftp://pay.example.co.ke/validate"),
        ("ValidationURL", 7),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_registered(merchant: C2bMerchant, name: str, value: Any) -> None:
    response = merchant.register(**{name: value})
    assert (response.status_code, response.json()["errorCode"]) == (400, "400.002.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {name}"
    assert urls(merchant) is None


def test_the_validation_url_may_be_left_out(merchant: C2bMerchant) -> None:
    assert merchant.register(ValidationURL=None).status_code == 200
    registered = urls(merchant)
    assert registered is not None
    assert registered["validation_url"] == ""


def test_the_token_is_checked(merchant: C2bMerchant) -> None:
    merchant.daraja.control("DELETE", "tokens")
    response = merchant.register()
    assert response.status_code == 400
    assert_shape(response.json(), "error_invalid_access_token_400_003_01.json")


def test_the_sandbox_overwrites_and_takes_any_word(merchant: C2bMerchant) -> None:
    merchant.registered()
    assert merchant.register(ConfirmationURL="http://127.0.0.1:9/mpesa/query", ResponseType="Cancelled").is_success
    registered = urls(merchant)
    assert registered is not None
    assert (registered["confirmation_url"], registered["response_type"]) == (
        "http://127.0.0.1:9/mpesa/query",
        "Cancelled",
    )


def test_production_registers_once(live: C2bMerchant) -> None:
    assert live.register(**clean()).status_code == 200
    again = live.register(**clean(ConfirmationURL=f"{CLEAN}/other"))
    assert again.status_code == 500
    assert {name: again.json()[name] for name in ("errorCode", "errorMessage")} == {
        "errorCode": "500.003.1001",
        "errorMessage": "Urls are already registered",
    }
    registered = urls(live)
    assert registered is not None
    assert registered["confirmation_url"] == f"{CLEAN}/confirm"


def test_production_registers_again_after_the_portal_removed_them(live: C2bMerchant) -> None:
    live.register(**clean())
    live.daraja.control("DELETE", "shortcodes/c2b-urls", shortcode=live.shortcode)
    assert live.register(**clean()).status_code == 200


@pytest.mark.parametrize("name", ["ConfirmationURL", "ValidationURL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.co.ke/confirm",
        "https://mpesa.example.co.ke/confirm",
        "https://pay.example.co.ke/hooks?next=SQL",
        *(f"https://pay.example.co.ke/a{word.title()}b/confirm" for word in RESERVED_WORDS),
    ],
)
def test_production_wants_https_and_clean_words(live: C2bMerchant, name: str, url: str) -> None:
    response = live.register(**clean(**{name: url}))
    assert (response.status_code, response.json()["errorCode"]) == (400, "400.002.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {name}"
    assert urls(live) is None


@pytest.mark.parametrize(("bought", "called"), [("v1", "v2"), ("v2", "v1")])
def test_the_wrong_version_has_no_product(merchant: C2bMerchant, bought: str, called: str) -> None:
    merchant.switch(c2b_version=bought)
    responses = [
        merchant.register(version=called),
        merchant.daraja.post(f"/mpesa/c2b/{called}/simulate", {"ShortCode": merchant.shortcode}),
    ]
    for response in responses:
        assert (response.status_code, response.json()["errorCode"]) == (401, "401.003.01")
        assert response.json()["errorMessage"].endswith("Invalid API call as no apiproduct match found")
    assert urls(merchant) is None
    assert merchant.register(version=bought).status_code == 200


def test_an_unknown_version_is_no_resource(merchant: C2bMerchant) -> None:
    assert merchant.register(version="v3").status_code == 404


@pytest.mark.parametrize(
    ("kind", "status"), [("legacy_registered", 200), ("duplicate_notification", 500), ("soap_fault", 500)]
)
def test_odd_answers_register_nothing(merchant: C2bMerchant, kind: str, status: int) -> None:
    merchant.switch(register_answer=kind)
    assert merchant.register().status_code == status
    assert urls(merchant) is None
    merchant.switch(register_answer=None)
    assert merchant.register().status_code == 200


def test_switches_go_with_a_reset_and_urls_stay(merchant: C2bMerchant) -> None:
    merchant.registered()
    merchant.switch(register_answer="soap_fault", msisdn="masked")
    merchant.daraja.control("POST", "reset")
    shown = merchant.daraja.control("GET", "shortcodes", shortcode=merchant.shortcode)
    assert (shown["register_answer"], shown["msisdn"]) == (None, None)
    assert urls(merchant) is not None


@pytest.mark.parametrize(
    "switches", [{"c2b_version": "v3"}, {"msisdn": True}, {"production": "yes"}, {"register_answer": "no"}]
)
def test_bad_switches_change_nothing(merchant: C2bMerchant, switches: dict[str, Any]) -> None:
    body = {"shortcode": merchant.shortcode, **switches}
    assert merchant.daraja.http.post("/control/shortcodes", json=body).status_code == 400
    shown = merchant.daraja.control("GET", "shortcodes", shortcode=merchant.shortcode)
    assert [shown[name] for name in switches] == [False if "production" in switches else None]


def test_what_a_change_leaves_out_stays(merchant: C2bMerchant) -> None:
    daraja = merchant.daraja
    first = {"shortcode": "600334", "passkey": "simulator-passkey", "tills": ["5204861"], "msisdn": "masked"}
    daraja.control("POST", "shortcodes", first)
    shown = daraja.control("POST", "shortcodes", {"shortcode": "600334", "nulls": True})
    assert (shown["tills"], shown["msisdn"], shown["nulls"]) == (["5204861"], "masked", True)
    assert daraja.push(BusinessShortCode="600334").status_code == 200


def test_an_unknown_shortcode_is_not_shown(daraja: Daraja) -> None:
    assert daraja.http.get("/control/shortcodes", params={"shortcode": "999999"}).status_code == 404
