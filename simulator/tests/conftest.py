"""One fast simulator and one receiver for the whole run; each test starts with an empty book."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from simulator.config import Settings
from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja, Receiver, running
from simulator.tests.initiator_client import InitiatorClient

FAST = Settings(approve_seconds=0.05, result_seconds=0.05, hang_seconds=1.0, validation_seconds=0.5, speed=1.0)


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    with running(FAST) as url:
        yield url


@pytest.fixture
def daraja(simulator_url: str, receiver: Receiver) -> Iterator[Daraja]:
    httpx.post(f"{simulator_url}/control/reset", trust_env=False)
    client = Daraja(simulator_url, receiver)
    receiver.answers = [200]
    receiver.replies.clear()
    yield client
    client.close()


@pytest.fixture
def merchant(daraja: Daraja) -> Iterator[C2bMerchant]:
    """The shortcode of the start, without URLs; those of other tests are taken away."""
    daraja.control("DELETE", "shortcodes/c2b-urls")
    yield C2bMerchant(daraja)
    daraja.control("DELETE", "shortcodes/c2b-urls")


@pytest.fixture
def caller(daraja: Daraja) -> InitiatorClient:
    """An initiator of the shortcode of the start, which holds a million shillings."""
    return InitiatorClient(daraja)


@pytest.fixture
def slow(daraja: Daraja) -> Daraja:
    """A simulator whose payers take an hour, so that prompts stay open while a test looks at them."""
    daraja.control("POST", "speed", {"approve_seconds": 3600})
    return daraja
