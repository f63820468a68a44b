"""Connecting shortcodes: the answer, the sealed row, the trail, and whose credentials serve whom from when on."""

from typing import Any

from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import ApiKey, IdempotencyKey, ProviderAccount, Role
from merchants.permissions import ALL_SCOPES
from merchants.serializers.accounts import (
    HeldCredentialsSerializer,
    ProviderAccountListSerializer,
    ProviderAccountSerializer,
)
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import provider_for
from merchants.tests.accounts import (
    ACCOUNTS,
    PAYBILL,
    SECRETS,
    TILL,
    AccountCalls,
    account_of,
    make_account,
    make_certificate,
    make_elliptic_certificate,
)
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.errors import Problem


class Connecting(AccountCalls, ApiTestCase):
    def test_the_answer_and_the_row(self) -> None:
        answer = self.connect(certificate=make_certificate(), initiator_name="shop-api", pull_phone="0712345678")
        self.assertEqual(answer.status_code, 201, answer.content)
        found, row = answer.json(), account_of(answer)
        self.assertEqual(list(found), list(ProviderAccountSerializer().fields))
        self.assertEqual(list(found["credentials"]), list(HeldCredentialsSerializer().fields))
        self.assertEqual(answer["Location"], f"/api/v1/provider-accounts/{row.public_id}/")
        self.assertEqual(
            found["credentials"],
            {
                "consumer_key": "…shop",
                "consumer_secret": True,
                "passkey": True,
                "initiator_password": True,
                "security_credential": False,
                "certificate": True,
                "pull_phone": "2547****5678",
            },
        )
        self.assertEqual((found["livemode"], found["simulated"], found["is_default"]), (False, True, True))
        self.assertEqual((row.merchant_id, row.mode, row.created_by), (self.merchant.id, "test", self.owner.public_id))
        self.assertEqual(row.open_secrets(), SECRETS | {"pull_phone": "254712345678"})
        self.assertRegex(row.open_hook_token(), "^[0-9a-f]{32}$")

    def test_the_environment_follows_the_mode(self) -> None:
        self.assertEqual(self.connect(environment=None).json()["environment"], "sandbox")
        live = person_headers(self.owner, mode="live")
        found = self.post(ACCOUNTS, PAYBILL, live).json()
        self.assertEqual((found["environment"], found["livemode"], found["simulated"]), ("production", True, False))
        self.headers = live
        for environment in ("sandbox", "simulator"):
            refused = self.assert_problem(self.connect(environment=environment), 400, "parameter_invalid")
            self.assertEqual(refused["param"], "environment")

    def test_a_till_has_a_store_number_and_a_number_of_its_own(self) -> None:
        found = self.connect(**TILL).json()
        self.assertEqual((found["kind"], found["shortcode"], found["till"]), ("till", "600124", "5123456"))
        for fields, code in (
            ({"till": None}, "parameter_missing"),
            ({"till": TILL["shortcode"]}, "parameter_invalid"),
            ({"kind": "paybill"}, "parameter_invalid"),
            ({"till": "12"}, "parameter_invalid"),
        ):
            with self.subTest(fields=fields):
                refused = self.assert_problem(self.connect(**(TILL | fields)), 400, code)
                self.assertEqual(refused["param"], "till")

    def test_faults_come_together_in_the_usual_shape(self) -> None:
        body = {
            "kind": "bank",
            "shortcode": "17-43",
            "certificate": "no certificate",
            "c2b_version": "v3",
            "pull_phone": "911",
            "consumer_secert": "x",
        }
        found = self.assert_problem(self.post(ACCOUNTS, body, self.headers), 400, "validation_failed")
        self.assertEqual(
            {(fault["param"], fault["code"]) for fault in found["errors"]},
            {
                ("name", "parameter_missing"),
                ("kind", "parameter_invalid"),
                ("shortcode", "parameter_invalid"),
                ("certificate", "parameter_invalid"),
                ("c2b_version", "parameter_invalid"),
                ("pull_phone", "phone_invalid"),
                ("consumer_secert", "unknown_parameter"),
            },
        )
        self.assertEqual(ProviderAccount.objects.count(), 0)

    def test_credentials_are_needed_everywhere_but_at_the_simulator(self) -> None:
        nothing = dict.fromkeys(SECRETS)
        found = self.assert_problem(self.connect(environment="sandbox", **nothing), 400, "validation_failed")
        self.assertEqual([fault["param"] for fault in found["errors"]], ["consumer_key", "consumer_secret"])
        self.assertEqual(self.connect(**nothing).json()["credentials"]["consumer_key"], None)

    def test_a_certificate_must_be_one_with_an_rsa_key(self) -> None:
        for text in ("x" * 40, make_certificate()[:200], make_elliptic_certificate(), 5):
            with self.subTest(text=str(text)[:20]):
                self.assert_problem(self.connect(certificate=text), 400, "parameter_invalid")
        old = make_certificate(days=-10)
        self.assertEqual(self.connected(certificate=old.replace("\n", "\r\n")).certificate, old.strip())

    def test_a_repeat_connects_once(self) -> None:
        self.headers |= {"Idempotency-Key": "connect-in-november"}
        first, again = self.connect(), self.connect()
        self.assertEqual((first.content, again["Idempotent-Replayed"]), (again.content, "true"))
        self.assertEqual(ProviderAccount.objects.count(), 1)
        kept = IdempotencyKey.objects.get()
        self.assertFalse([value for value in SECRETS.values() if value in str(kept.__dict__)])

    def test_a_shortcode_has_one_owner_and_nobody_is_told_which(self) -> None:
        make_account(make_merchant("Mama Mboga"))
        theirs = self.assert_problem(self.connect(), 409, "state_conflict")
        self.connected(shortcode="600125")
        mine = self.assert_problem(self.connect(shortcode="600125"), 409, "state_conflict")
        self.assertEqual(theirs["detail"], mine["detail"])
        self.assertNotIn("Mboga", str(theirs))
        self.assertEqual(ProviderAccount.objects.filter(merchant=self.merchant).count(), 1)
        # The same number elsewhere is another one, and so is a till behind the same store.
        self.connected(environment="sandbox")
        self.connected(**(TILL | {"shortcode": "600123"}))

    def test_the_platforms_simulated_shortcode_leaves_the_sandbox_free(self) -> None:
        self.assertEqual(platform_account("daraja", "test").shortcode, "174379")
        self.assert_problem(self.connect(shortcode="174379"), 409, "state_conflict")
        self.connected(shortcode="174379", environment="sandbox")


class Changing(AccountCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.account = self.connected()
        self.path = f"{ACCOUNTS}{self.account.public_id}/"

    def change(self, **changes: Any) -> Any:
        return self.patch(self.path, changes, self.headers)

    def test_reading_shows_the_same_as_connecting(self) -> None:
        one = self.get(self.path, self.headers).json()
        page = self.get(ACCOUNTS, self.headers).json()
        self.assertEqual(set(page), set(ProviderAccountListSerializer().fields) - {"total", "total_is_estimate"})
        self.assertEqual(page["data"], [one])

    def test_absent_fields_stay_and_null_clears(self) -> None:
        found = self.change(passkey=None, name="Duka Kuu", validation_default="reject").json()
        row = self.account
        row.refresh_from_db()
        self.assertEqual(
            (found["name"], found["validation_default"], found["version"]), ("Duka Kuu", "reject", row.version)
        )
        self.assertEqual(row.open_secrets(), {name: SECRETS[name] for name in SECRETS if name != "passkey"})
        self.assertEqual(row.version, 2)
        self.assertEqual(self.change(passkey="another-passkey").json()["credentials"]["passkey"], True)

    def test_what_does_not_differ_is_no_change(self) -> None:
        same = {"consumer_key": SECRETS["consumer_key"], "name": "Duka Bora", "c2b_version": "v2"}
        self.assertEqual(self.change(**same).json()["version"], 1)
        self.assertFalse(AuditEvent.objects.filter(action="provider_account.changed").exists())

    def test_what_never_changes_is_refused(self) -> None:
        for name in ("shortcode", "till", "kind", "environment", "provider"):
            self.assert_problem(self.change(**{name: "600124"}), 400, "unknown_parameter")

    def test_new_credentials_make_the_last_check_void(self) -> None:
        stale = {"check_report": {"status": "failed", "findings": []}, "checked_at": self.account.created_at}
        for changes, is_void in (({"name": "Other"}, False), ({"consumer_secret": "another-secret"}, True)):
            ProviderAccount.objects.update(**stale)
            self.change(**changes)
            self.account.refresh_from_db()
            self.assertEqual((self.account.check_report is None, self.account.checked_at is None), (is_void, is_void))

    def test_an_account_out_of_use_frees_its_shortcode_and_comes_back(self) -> None:
        for _ in range(2):
            answer = self.delete(self.path, self.headers)
            self.assertEqual(
                (answer.status_code, answer.json()["is_active"], answer.json()["version"]), (200, False, 2)
            )
        self.assertEqual(self.change(is_active=True).json()["is_active"], True)
        self.delete(self.path, self.headers)
        make_account(make_merchant("Mama Mboga"))
        self.assert_problem(self.change(is_active=True), 409, "state_conflict")
        self.assertFalse(ProviderAccount.objects.get(id=self.account.id).is_active)

    def test_one_account_serves_and_the_others_step_back(self) -> None:
        second = self.connected(shortcode="600125")
        self.account.refresh_from_db()
        self.assertEqual((self.account.is_default, self.account.version, second.is_default), (False, 2, True))
        third = self.connected(shortcode="600126", is_default=False)
        self.assertFalse(third.is_default)
        self.change(is_default=True)
        second.refresh_from_db()
        self.account.refresh_from_db()
        self.assertEqual((self.account.is_default, second.is_default), (True, False))

    def test_each_change_is_told_without_any_value(self) -> None:
        self.change(consumer_secret="another-secret", initiator_name="shop-api")
        self.delete(self.path, self.headers)
        rows = AuditEvent.objects.filter(action__startswith="provider_account.").order_by("seq")
        told = [(row.actor, row.action, row.object, row.told) for row in rows]
        self.assertEqual(
            [(action, detail) for _, action, _, detail in told],
            [
                (
                    "provider_account.connected",
                    {"livemode": False, "provider": "daraja", "shortcode": "600123", "environment": "simulator"},
                ),
                ("provider_account.changed", {"livemode": False, "fields": ["consumer_secret", "initiator_name"]}),
                ("provider_account.disconnected", {"livemode": False}),
            ],
        )
        self.assertEqual(
            {(actor, name) for actor, _, name, _ in told}, {(self.owner.public_id, self.account.public_id)}
        )


class Secrets(AccountCalls, ApiTestCase):
    def test_they_are_in_no_answer_no_trail_and_no_log(self) -> None:
        fields = {"security_credential": "finished-credential-of-the-shop", "initiator_name": "shop-api"}
        with self.assertLogs("access", "INFO") as logs:
            answers = [self.connect(**fields)]
            path = f"{ACCOUNTS}{answers[0].json()['id']}/"
            answers += [
                self.get(path, self.headers),
                self.get(ACCOUNTS, self.headers),
                self.patch(path, {"passkey": "passkey-of-the-shop-2"}, self.headers),
                self.post(f"{path}doctor/", headers=self.headers),
                self.post(f"{path}register-urls/", headers=self.headers),
                self.connect(consumer_secret="short"),
                self.delete(path, self.headers),
            ]
        row = ProviderAccount.objects.get()
        hidden = [*SECRETS.values(), *fields.values(), row.open_hook_token()]
        hidden.remove("shop-api")
        seen = [answer.content.decode() for answer in answers] + logs.output
        seen += [str(event) for event in AuditEvent.objects.values()] + [str(row.check_report)]
        for value in hidden:
            self.assertFalse([text for text in seen if value in text], value)
        self.assertFalse([value for value in hidden if value in str(row.__dict__)])

    def test_a_sealed_text_opens_in_its_own_row_only(self) -> None:
        mine, theirs = self.connected(), make_account(make_merchant(), shortcode="600126")
        mine.secrets, mine.hook_token = theirs.secrets, theirs.hook_token
        for opening in (mine.open_secrets, mine.open_hook_token):
            with self.assertRaises(CannotOpen):
                opening()
        mine.save()
        with self.assertRaisesMessage(Problem, "provider_not_configured"):
            provider_for("daraja", "test", mine.id)
        shown = self.get(f"{ACCOUNTS}{mine.public_id}/", self.headers).json()
        self.assertFalse(shown["credentials"]["consumer_secret"])

    def test_after_the_loss_of_a_key_new_credentials_mend_it(self) -> None:
        account = self.connected(environment="sandbox")
        ProviderAccount.objects.update(secrets="v1.gone.AAAA")
        path = f"{ACCOUNTS}{account.public_id}/"
        found = self.assert_problem(self.patch(path, {"passkey": "new"}, self.headers), 400, "validation_failed")
        self.assertEqual([fault["param"] for fault in found["errors"]], ["consumer_key", "consumer_secret"])
        whole = {name: SECRETS[name] for name in ("consumer_key", "consumer_secret")}
        self.assertTrue(self.patch(path, whole, self.headers).json()["credentials"]["consumer_secret"])
        self.assertEqual(provider_for("daraja", "test", account.id).float_name, "600123")


class Rights(AccountCalls, ApiTestCase):
    def calls(self, headers: dict[str, str], path: str) -> list[Any]:
        return [
            self.get(ACCOUNTS, headers),
            self.post(ACCOUNTS, PAYBILL, headers),
            self.get(path, headers),
            self.patch(path, {"name": "Mine"}, headers),
            self.delete(path, headers),
            self.post(f"{path}doctor/", headers=headers),
            self.post(f"{path}register-urls/", headers=headers),
        ]

    def test_owners_and_admins_in_person_and_nobody_else(self) -> None:
        path = f"{ACCOUNTS}{self.connected().public_id}/"
        refused = [key_headers(make_api_key(self.merchant, scopes=sorted(ALL_SCOPES)))]
        roles = [role for role in Role.values if role not in ("owner", "admin")]
        refused += [person_headers(make_member(self.merchant, role)) for role in roles]
        for headers in refused:
            for answer in self.calls(headers, path):
                found = self.assert_problem(answer, 403, "insufficient_scope")
                self.assertEqual(found["required_scope"], "accounts:write")
        self.headers = person_headers(make_member(self.merchant, "admin"))
        self.assertEqual(self.get(path, self.headers).status_code, 200)
        self.connected(shortcode="600125")

    def test_no_key_can_be_given_the_right(self) -> None:
        body = {"name": "Till", "kind": "restricted", "scopes": ["accounts:write"]}
        self.assert_problem(self.post("api-keys/", body, self.headers), 400, "parameter_invalid")
        self.assertFalse(ApiKey.objects.exists())

    def test_the_account_of_another_merchant_and_the_platforms_are_not_there(self) -> None:
        theirs = make_account(make_merchant("Mama Mboga"))
        for account in (theirs, platform_account("daraja", "test")):
            before = ProviderAccount.objects.values().get(id=account.id)
            path = f"{ACCOUNTS}{account.public_id}/"
            for answer in self.calls(self.headers, path)[2:]:
                self.assert_problem(answer, 404, "resource_missing")
            self.assertEqual(ProviderAccount.objects.values().get(id=account.id), before)

    def test_checks_and_registrations_are_counted(self) -> None:
        path = f"{ACCOUNTS}{self.connected().public_id}/doctor/"
        with override_settings(RATE_LIMITS={"api": "600/1m", "provider": "1/1m"}):
            self.assertEqual(self.post(path, headers=self.headers).status_code, 200)
            self.assert_problem(self.post(path, headers=self.headers), 429, "rate_limited")
