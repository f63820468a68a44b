"""Lists of addresses of a key and of its merchant: forged headers, both families, who may change them, who is told."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core import mail
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import ApiKey, Merchant, Session
from merchants.serializers.keys import AddressesSerializer
from merchants.tests.base import AWAY, ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from merchants.tests.people import mailed
from onpoint_pay.kit.clock import now

HOME, OFFICE, STRANGER, PROXY = "198.51.100.7", "203.0.113.9", "192.0.2.66", "10.1.2.3"
MANY = {name: "9999/1m" for name in settings.RATE_LIMITS}
REFUSED = "An API key was used from an address that is not allowed"


@override_settings(RATE_LIMITS=MANY)
class AddressTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        self.headers = person_headers(self.owner)

    def limit(self, *networks: str) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(allowed_ips=list(networks))

    def status(self, key: str, peer: str, **more: Any) -> tuple[int, str | None]:
        answer = self.get("merchant/", key_headers(key) | more.pop("headers", {}), REMOTE_ADDR=peer)
        return answer.status_code, answer.json().get("code")


class Refusing(AddressTestCase):
    def test_both_lists_must_let_an_address_in(self) -> None:
        self.limit("198.51.100.0/24", "203.0.113.0/24")
        key = make_api_key(self.merchant, allowed_ips=["198.51.100.7/32", "192.0.2.0/24"])
        self.assertEqual(self.status(key, HOME), (200, None))
        for peer in (OFFICE, STRANGER):  # only one of the two holds it
            self.assertEqual(self.status(key, peer), (403, "ip_not_allowed"))
        self.assertEqual(self.status(make_api_key(self.merchant), OFFICE), (200, None))
        self.assertEqual(self.status(make_api_key(self.merchant), STRANGER), (403, "ip_not_allowed"))
        self.assertEqual(self.status(make_api_key(make_merchant()), STRANGER), (200, None))

    def test_addresses_of_version_six(self) -> None:
        key = make_api_key(self.merchant, allowed_ips=["2001:db8:7::/48", "198.51.100.0/24"])
        for peer in ("2001:db8:7::1", "2001:DB8:7:ffff::2", f"::ffff:{HOME}"):
            self.assertEqual(self.status(key, peer), (200, None))
        for peer in ("2001:db8:8::1", f"::ffff:{OFFICE}", "::1", "", "nonsense"):
            self.assertEqual(self.status(key, peer), (403, "ip_not_allowed"))

    def test_forged_headers_change_nothing(self) -> None:
        key = make_api_key(self.merchant, allowed_ips=[HOME])
        forged = {name: HOME for name in ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP")}
        forged |= {"Forwarded": f"for={HOME}"}
        self.assertEqual(self.status(key, STRANGER, headers=forged), (403, "ip_not_allowed"))
        with override_settings(TRUSTED_PROXIES=[ip_network("10.0.0.0/8")]):
            self.assertEqual(self.status(key, STRANGER, headers=forged), (403, "ip_not_allowed"))
            told = {"X-Forwarded-For": HOME}
            self.assertEqual(self.status(key, PROXY, headers=told), (200, None))
            # What stands left of the last stranger was written by that stranger.
            for chain in (f"{HOME}, {STRANGER}", f"{HOME}, {STRANGER}, {PROXY}", f"{HOME}, nonsense", ""):
                self.assertEqual(self.status(key, PROXY, headers={"X-Forwarded-For": chain}), (403, "ip_not_allowed"))

    def test_the_lists_hold_with_the_cache_away_and_warm(self) -> None:
        key = make_api_key(self.merchant, allowed_ips=[HOME])
        for _ in range(2):
            self.assertEqual(self.status(key, HOME), (200, None))
            self.assertEqual(self.status(key, STRANGER), (403, "ip_not_allowed"))
        with override_settings(CACHES=AWAY):
            self.assertEqual(self.status(key, STRANGER), (403, "ip_not_allowed"))

    def test_it_is_audited_and_owners_are_told_once_an_hour(self) -> None:
        keys = [make_api_key(self.merchant, allowed_ips=[HOME]) for _ in range(2)]
        for key in keys * 3:
            self.status(key, STRANGER)
        links = AuditEvent.objects.filter(action="permission.refused")
        self.assertEqual([link.detail["code"] for link in links], ["ip_not_allowed"] * 2)
        (message,) = mailed(REFUSED)
        self.assertEqual(message.to, [self.owner.email])
        self.assertIn(STRANGER, str(message.body))
        self.assertNotIn(keys[0][8:20], str(message.body))

    def test_people_are_not_held_to_it(self) -> None:
        self.limit(HOME)
        self.assertEqual(self.get("merchant/", self.headers, REMOTE_ADDR=STRANGER).status_code, 200)


class Changing(AddressTestCase):
    def change(self, networks: Any, headers: dict[str, str] | None = None) -> Any:
        with self.captureOnCommitCallbacks(execute=True):
            return self.patch("merchant/allowed-ips/", {"allowed_ips": networks}, headers or self.headers)

    def change_key(self, key: ApiKey, headers: dict[str, str] | None = None, **body: Any) -> Any:
        with self.captureOnCommitCallbacks(execute=True):
            return self.patch(f"api-keys/{key.public_id}/", body, headers or self.headers)

    def test_the_merchants_list_holds_from_the_next_request_on(self) -> None:
        key = make_api_key(self.merchant)
        self.assertEqual(self.status(key, STRANGER), (200, None))
        found = self.change(["198.51.100.7", "2001:DB8::/32", "::ffff:203.0.113.0/120"]).json()
        self.assertEqual(list(found), list(AddressesSerializer().fields))
        self.assertEqual(found["allowed_ips"], ["198.51.100.7/32", "2001:db8::/32", "203.0.113.0/24"])
        self.assertEqual(self.get("merchant/allowed-ips/", self.headers).json(), found)
        self.assertEqual(self.status(key, STRANGER), (403, "ip_not_allowed"))
        self.assertEqual(self.status(key, HOME), (200, None))
        self.change([])
        self.assertEqual(self.status(key, STRANGER), (200, None))
        self.assertEqual(AuditEvent.objects.filter(action="merchant.addresses_changed").count(), 2)
        self.assertEqual(len(mailed("Where your API keys may be used from was changed")), 2)

    def test_the_same_again_tells_nobody(self) -> None:
        self.assertEqual(self.change([]).status_code, 200)
        self.assertEqual(AuditEvent.objects.filter(action="merchant.addresses_changed").count(), 0)
        self.assertEqual((mailed("Where your API keys may be used from was changed"), mail.outbox), ([], []))

    def test_a_keys_list_holds_from_the_next_request_on(self) -> None:
        clear = make_api_key(self.merchant)
        key = ApiKey.objects.get()
        self.assertEqual(self.status(clear, STRANGER), (200, None))
        found = self.change_key(key, name="Till 2", allowed_ips=[HOME]).json()
        self.assertEqual((found["name"], found["allowed_ips"]), ("Till 2", [f"{HOME}/32"]))
        self.assertEqual(self.status(clear, STRANGER), (403, "ip_not_allowed"))
        link = AuditEvent.objects.get(action="api_key.addresses_changed")
        self.assertEqual((link.object, link.detail["before"], link.detail["after"]), (key.public_id, 0, 1))
        self.assertNotIn(HOME, str(link.detail))
        (message,) = mailed("Where an API key may be used from was changed")
        self.assertNotIn("Till 2", str(message.body))

    def test_it_needs_somebody_who_has_just_proved_themselves(self) -> None:
        make_api_key(self.merchant)
        key = ApiKey.objects.get()
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.change([HOME]), 403, "step_up_required")
        self.assert_problem(self.change_key(key, allowed_ips=[HOME]), 403, "step_up_required")
        self.assertEqual(self.change_key(key, name="Till 2").status_code, 200)
        strong = key_headers(make_api_key(self.merchant, scopes=["keys:write"]))
        self.assert_problem(self.change_key(key, strong, allowed_ips=[HOME]), 403, "permission_denied")
        self.assert_problem(self.change([HOME], strong), 403, "insufficient_scope")
        self.assertEqual(list(ApiKey.objects.filter(allowed_ips__len__gt=0)), [])
        self.assertEqual(Merchant.objects.get(id=self.merchant.id).allowed_ips, [])

    def test_who_may_not(self) -> None:
        make_api_key(self.merchant)
        key = ApiKey.objects.get()
        for role in ("finance", "developer", "support", "viewer"):
            headers = person_headers(make_member(self.merchant, role))
            self.assert_problem(self.change([HOME], headers), 403, "insufficient_scope")
            if role != "developer":
                self.assert_problem(self.change_key(key, headers, allowed_ips=[HOME]), 403, "insufficient_scope")
        stranger = person_headers(make_member(make_merchant()))
        self.assert_problem(self.change_key(key, stranger, allowed_ips=[HOME]), 404, "resource_missing")
        self.change([HOME], stranger)
        self.assertEqual(Merchant.objects.get(id=self.merchant.id).allowed_ips, [])

    def test_faults(self) -> None:
        for networks, param in (
            (["home"], "allowed_ips[0]"),
            ([HOME, "::/0"], "allowed_ips[1]"),
            (["198.51.100.7/33"], "allowed_ips[0]"),
            ([HOME] * 51, "allowed_ips"),
            (None, "allowed_ips"),
        ):
            answer = self.change(networks)
            self.assertEqual((answer.status_code, answer.json()["param"]), (400, param), answer.content)

    def test_a_revoked_key_changes_no_more(self) -> None:
        make_api_key(self.merchant)
        ApiKey.objects.update(revoked_at=now())
        self.assert_problem(self.change_key(ApiKey.objects.get(), name="x"), 409, "state_conflict")
