"""Access tokens and the bearer check."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.config import Settings
from simulator.tests.harness import PUSH_PATH, QUERY_PATH, Daraja, Receiver, assert_shape, running


def test_token_is_given_for_key_and_secret(daraja: Daraja) -> None:
    response = daraja.fetch_token()
    assert response.status_code == 200
    assert_shape(response.json(), "oauth_generate_success.json")


@pytest.mark.parametrize("auth", [("simulator-consumer-key", "wrong"), ("wrong", "simulator-consumer-secret")])
def test_wrong_credentials_answer_400_without_a_body(daraja: Daraja, auth: tuple[str, str]) -> None:
    response = daraja.fetch_token(auth=auth)
    assert (response.status_code, response.content) == (400, b"")


def test_undecodable_credentials_answer_400_without_a_body(daraja: Daraja) -> None:
    response = daraja.http.get(
        "/oauth/v1/generate?grant_type=client_credentials", headers={"Authorization": "Basic ***"}
    )
    assert (response.status_code, response.content) == (400, b"")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer abc"}])
def test_missing_or_other_authorization(daraja: Daraja, header: dict[str, str]) -> None:
    response = daraja.http.get("/oauth/v1/generate?grant_type=client_credentials", headers=header)
    assert response.status_code == 400
    assert_shape(response.json(), "oauth_error_invalid_auth_type.json")


def test_other_grant_type(daraja: Daraja) -> None:
    response = daraja.fetch_token(grant="password")
    assert response.status_code == 400
    assert_shape(response.json(), "oauth_error_invalid_grant_type.json")


@pytest.mark.parametrize("path", [PUSH_PATH, QUERY_PATH])
def test_unknown_token(daraja: Daraja, path: str) -> None:
    daraja.token = "unknown"
    response = daraja.post(path, daraja.order())
    assert response.status_code == 401
    assert_shape(response.json(), "error_invalid_access_token_404_001_03.json")


@pytest.mark.parametrize("path", [PUSH_PATH, QUERY_PATH])
def test_no_bearer(daraja: Daraja, path: str) -> None:
    response = daraja.http.post(path, json=daraja.order())
    assert response.status_code == 404
    assert_shape(response.json(), "error_invalid_authentication_header_404_001_04.json")


def test_ended_tokens_are_refused_and_a_new_one_works(slow: Daraja) -> None:
    slow.control("DELETE", "tokens")
    assert slow.push().status_code == 401
    slow.token = slow.fetch_token().json()["access_token"]
    assert slow.push().status_code == 200


def test_tokens_coexist_by_default(slow: Daraja) -> None:
    slow.fetch_token()
    assert slow.push().status_code == 200


def test_a_new_token_can_end_the_earlier_one(receiver: Receiver) -> None:
    with running(Settings(single_token=True)) as url:
        daraja = Daraja(url, receiver)
        daraja.fetch_token()
        assert daraja.push().json()["errorCode"] == "404.001.03"
        daraja.close()


def test_tokens_survive_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"), approve_seconds=3600)
    with running(settings) as url:
        before = Daraja(url, receiver)
    with running(settings) as url:
        after = Daraja(url, receiver)
        after.token = before.token
        assert after.push().status_code == 200
        after.close()
    before.close()
