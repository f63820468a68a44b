"""Security credentials: the published certificate, the right one, the wrong ones, the lock."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.config import Settings
from simulator.tests.harness import Daraja, Receiver, running
from simulator.tests.initiator_client import B2C_V3, BALANCE, PASSWORD, PATHS, InitiatorClient, seal

OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


def test_the_certificate_is_pem_of_a_2048_bit_key(caller: InitiatorClient) -> None:
    response = caller.daraja.http.get("/control/certificate")
    assert response.headers["content-type"] == "application/x-pem-file"
    certificate = x509.load_pem_x509_certificate(response.content)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    certificate.verify_directly_issued_by(certificate)
    assert len(caller.credential) == 344
    assert caller.certificate() == response.text


def test_the_certificate_survives_a_restart_and_a_reset(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"), result_seconds=0)
    with running(settings) as url:
        before = InitiatorClient(Daraja(url, receiver))
        published = before.certificate()
    with running(settings) as url:
        after = InitiatorClient(Daraja(url, receiver))
        assert after.certificate() == published
        after.daraja.control("POST", "reset")
        assert after.certificate() == published
        assert after.result_of(B2C_V3, SecurityCredential=before.credential)["ResultCode"] == 0


@pytest.mark.parametrize("path", PATHS[:2] + PATHS[3:])
def test_the_right_credential_is_taken_more_than_once(caller: InitiatorClient, path: str) -> None:
    changes = {"TransactionID": caller.pay_in()["receipt"]} if "status" in path else {}
    assert [str(caller.result_of(path, **changes)["ResultCode"]) for _ in range(2)] == ["0", "0"]


@pytest.mark.parametrize(
    "credential",
    [
        lambda pem: seal(pem, "another-password"),
        lambda pem: seal(pem, PASSWORD + "20261114103045"),
        lambda pem: seal(pem, PASSWORD, padded=OAEP),
        lambda pem: base64.b64encode(PASSWORD.encode()).decode(),
        lambda pem: "not base64!",
        lambda pem: seal(pem, PASSWORD)[:-8],
    ],
    ids=["password", "with a timestamp", "padding", "not encrypted", "not base64", "cut"],
)
def test_a_wrong_credential_is_accepted_and_ends_as_2001(caller: InitiatorClient, credential: object) -> None:
    held = caller.utility()
    result = caller.result_of(B2C_V3, SecurityCredential=credential(caller.certificate()))  # type: ignore[operator]
    assert (result["ResultCode"], result["ResultDesc"]) == (2001, "The initiator information is invalid.")
    assert caller.utility() == held


def test_a_wrong_name_ends_as_2001_at_every_api(caller: InitiatorClient) -> None:
    for path in PATHS:
        caller.daraja.control("POST", "reset")
        name = "InitiatorName" if "b2c" in path else "Initiator"
        result = caller.result_of(path, **{name: "somebody-else"}, **_original(path))
        assert str(result["ResultCode"]) == "2001", path


def _original(path: str) -> dict[str, str]:
    return {"TransactionID": "UKE7Q2M9XB"} if "reversal" in path or "status" in path else {}


def test_an_unknown_shortcode_has_no_initiator(caller: InitiatorClient) -> None:
    assert caller.result_of(B2C_V3, PartyA="999999")["ResultCode"] == 2001


def test_three_failures_lock_even_the_right_credential(caller: InitiatorClient) -> None:
    wrong = {"SecurityCredential": seal(caller.certificate(), "another-password")}
    assert [caller.result_of(B2C_V3, **wrong)["ResultCode"] for _ in range(4)] == [2001, 2001, 2001, 8006]
    held = caller.utility()
    result = caller.result_of(B2C_V3)
    assert (result["ResultCode"], result["ResultDesc"]) == (8006, "The security credential is locked.")
    assert caller.utility() == held
    caller.daraja.control("POST", "shortcodes", {"shortcode": "174379", "initiator_password": PASSWORD})
    assert caller.result_of(B2C_V3)["ResultCode"] == 0


def test_the_right_credential_forgets_the_failures_before_it(caller: InitiatorClient) -> None:
    wrong = {"SecurityCredential": seal(caller.certificate(), "another-password")}
    codes = [caller.result_of(B2C_V3, **changes)["ResultCode"] for changes in (wrong, wrong, {}, wrong, wrong, {})]
    assert codes == [2001, 2001, 0, 2001, 2001, 0]


def test_a_shortcode_with_its_own_initiator(caller: InitiatorClient) -> None:
    caller.daraja.control(
        "POST",
        "shortcodes",
        {"shortcode": "600996", "passkey": "p", "initiator": "till-clerk", "initiator_password": "till-clerk-password"},
    )
    own = {"Initiator": "till-clerk", "SecurityCredential": seal(caller.certificate(), "till-clerk-password")}
    assert caller.result_of(BALANCE, PartyA="600996", **own)["ResultCode"] == "0"
    assert caller.result_of(BALANCE, PartyA="600996")["ResultCode"] == "2001"
    caller.daraja.control("POST", "shortcodes", {"shortcode": "600996", "tills": ["5204861"]})
    assert caller.result_of(BALANCE, PartyA="600996", **own)["ResultCode"] == "0"


def test_a_shortcode_without_its_own_has_the_initiator_of_the_start(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "shortcodes", {"shortcode": "600997", "passkey": "p"})
    assert caller.result_of(BALANCE, PartyA="600997")["ResultCode"] == "0"


def test_the_initiator_of_the_start_is_a_setting(receiver: Receiver) -> None:
    settings = Settings(initiator="till-clerk", initiator_password="till-clerk-password", result_seconds=0)
    with running(settings) as url:
        caller = InitiatorClient(Daraja(url, receiver))
        own = {"Initiator": "till-clerk", "SecurityCredential": seal(caller.certificate(), "till-clerk-password")}
        assert caller.result_of(BALANCE, **own)["ResultCode"] == "0"
        assert caller.result_of(BALANCE)["ResultCode"] == "2001"
