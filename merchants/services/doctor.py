"""Whether a provider account can work: one small check after another, each with its fix in words. No money moves."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import asdict

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import transaction

from audit.services import record
from merchants.models import ProviderAccount
from merchants.services.findings import FAILED, OK, SKIPPED, WARNING, Finding, finding_of, words_of, worst
from merchants.services.hooks import all_urls
from merchants.services.own_address import check_place, check_reachable
from merchants.services.provider_accounts import config_of, provider_of
from merchants.services.registration import NO_PULL_PHONE, pull_phone_of
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import CannotOpen
from providers.base import Provider
from providers.errors import ProviderUnavailable
from providers.mpesa.config import MpesaConfig

OFF_WITHOUT_INITIATOR = "Without one reversals, payouts and questions about transactions and balances stay off."
# Daraja: an RSA key of 2048 bits, so a finished credential has 256 bytes.
KEY_BITS = 2048
# What the other checks need first.
NEEDS_CREDENTIALS = "The consumer key and secret have to be right first."


def check_account(account: ProviderAccount, *, actor: str) -> ProviderAccount:
    """Examine the account and keep what was found in its `check_report`. Call it with no transaction open."""
    findings = examine(account)
    report = {"status": worst(findings), "findings": [asdict(finding) for finding in findings]}
    with transaction.atomic():
        row: ProviderAccount = ProviderAccount.objects.select_for_update().get(id=account.id)
        # What became of the last registration is no finding of ours to forget.
        kept = {name: value for name, value in (row.check_report or {}).items() if name == "registration"}
        row.check_report, row.checked_at = kept | report, now()
        row.save(update_fields=["check_report", "checked_at"])
        record(
            merchant_id=row.merchant_id,
            actor=actor,
            action="provider_account.checked",
            object_id=row.public_id,
            detail={"status": report["status"], "failed": [each.check for each in findings if each.status == FAILED]},
        )
    return row


def examine(account: ProviderAccount) -> list[Finding]:
    """Every finding, in the order in which faults are best mended. Stores nothing."""
    try:
        config, provider = config_of(account), provider_of(account)
    except CannotOpen:
        return [_cannot_open()]
    return [*_at_the_provider(account, config, provider), *_around(account, config, provider)]


def _cannot_open() -> Finding:
    return Finding(
        check="secrets",
        status=FAILED,
        detail="The stored credentials do not open with this installation's keys.",
        fix="Put the earlier key back into ENCRYPTION_KEYS, or send the account's credentials anew.",
    )


def _at_the_provider(account: ProviderAccount, config: MpesaConfig, provider: Provider) -> Iterator[Finding]:
    credentials = finding_of(
        "credentials", provider.check_credentials, good="The provider takes the consumer key and secret."
    )
    yield credentials
    yield check_shortcode(config, provider, may_ask=credentials.status != FAILED)


def _around(account: ProviderAccount, config: MpesaConfig, provider: Provider) -> Iterator[Finding]:
    yield check_words(account, provider)
    yield check_place(is_simulated=config.simulated, needs_https=config.environment == "production")
    yield check_reachable()
    yield check_c2b(account, version=config.c2b_version)
    yield check_pull(account)
    yield check_initiator(config)
    yield check_certificate(config)


def check_shortcode(config: MpesaConfig, provider: Provider, *, may_ask: bool) -> Finding:
    """Shortcode and passkey together, by a question about a payment that never was."""
    if not may_ask:
        return Finding(check="shortcode", status=SKIPPED, detail=NEEDS_CREDENTIALS)
    if not config.passkey:
        fix = "Set the passkey that came with the shortcode, if payers shall be prompted on their phones."
        return Finding(check="shortcode", status=WARNING, detail="No passkey is set: prompts are refused.", fix=fix)
    good = "The provider takes the shortcode and its passkey."
    return finding_of("shortcode", provider.check_shortcode, good=good, unclear=WARNING)


def check_words(account: ProviderAccount, provider: Provider) -> Finding:
    """What the provider would object to in any address it is ever given for this account, the host name included."""
    urls = all_urls(account)
    objections = list(dict.fromkeys(provider.check_addresses(urls)))
    if not objections:
        return Finding(check="addresses", status=OK, detail=f"None of the {len(urls)} addresses would be refused.")
    more = f" ({len(objections) - 1} more of the kind.)" if len(objections) > 1 else ""
    return Finding(
        check="addresses",
        status=FAILED,
        detail=f"{objections[0]}{more}",
        fix="Change BASE_URL, or the MPESA_…_URL setting that names the address, and register again.",
    )


def check_c2b(account: ProviderAccount, *, version: str) -> Finding:
    """Whether the addresses for payers' own payments are registered, and what the last try was told.

    `version` is that of the credentials: the platform's own is a setting, whatever its row says.
    """
    refused = (account.check_report or {}).get("registration")
    if refused:
        other = "v1" if version == "v2" else "v2"
        name = "MPESA_C2B_VERSION" if account.merchant_id is None else "c2b_version"
        fix = f"{refused['fix']} If the app has the other C2B product, set {name} to {other}. Then register again."
        return Finding(check="c2b_registration", status=FAILED, detail=refused["detail"], fix=fix)
    if account.urls_registered_at is None:
        return Finding(
            check="c2b_registration",
            status=WARNING,
            detail="No addresses are registered: payments that payers start by themselves are not told to us.",
            fix="Register them: POST /api/v1/c2b/register-urls/, or manage.py register_callbacks.",
        )
    detail = f"Registered with C2B {version} on {account.urls_registered_at:%Y-%m-%d}."
    return Finding(check="c2b_registration", status=OK, detail=detail)


def check_pull(account: ProviderAccount) -> Finding:
    """Whether the provider's list of money received may be read, which finds what no callback told."""
    if account.pull_registered_at is not None:
        detail = f"Enrolled on {account.pull_registered_at:%Y-%m-%d}."
        return Finding(check="pull_registration", status=OK, detail=detail)
    missing = not pull_phone_of(account)
    return Finding(
        check="pull_registration",
        status=WARNING,
        detail=NO_PULL_PHONE if missing else "The account is not enrolled for the list of money received.",
        fix="Set pull_phone (MPESA_PULL_PHONE for the platform) and register again." if missing else "Register again.",
    )


def check_initiator(config: MpesaConfig) -> Finding:
    """Whether an API user is set; only its first use shows whether the provider takes it."""
    if not config.initiator_name:
        fix = "Set initiator_name with initiator_password and certificate, or with security_credential."
        detail = f"No API user is set. {OFF_WITHOUT_INITIATOR}"
        return Finding(check="initiator", status=SKIPPED, detail=detail, fix=fix)
    if not config.security_credential and not config.initiator_password:
        fix = "Set initiator_password with certificate, or security_credential."
        return Finding(check="initiator", status=FAILED, detail="The API user has no password.", fix=fix)
    if config.security_credential and not _is_finished(config.security_credential):
        fix = "Copy all 344 characters of the credential, or set initiator_password and certificate instead."
        detail = "The security credential is not the base64 of 256 bytes."
        return Finding(check="initiator", status=FAILED, detail=detail, fix=fix)
    detail = "An API user is set; its first use shows whether the provider takes it."
    return Finding(check="initiator", status=OK, detail=detail)


def _is_finished(credential: str) -> bool:
    try:
        return len(base64.b64decode(credential, validate=True)) == KEY_BITS // 8
    except binascii.Error:
        return False


def check_certificate(config: MpesaConfig) -> Finding:
    """The certificate the API user's password is encrypted with; its dates are told and decide nothing."""
    if not config.initiator_name or config.security_credential:
        return Finding(check="certificate", status=SKIPPED, detail="None is needed.")
    fix = "Set certificate to the PEM file from the provider's portal, of the right environment."
    try:
        pem = config.certificate() if callable(config.certificate) else config.certificate
    except ProviderUnavailable as error:
        return Finding(check="certificate", status=FAILED, detail=words_of(error), fix="Start the simulator.")
    if not pem:
        return Finding(check="certificate", status=FAILED, detail="None is set.", fix=fix)
    try:
        return _judge_certificate(x509.load_pem_x509_certificate(pem.encode()), fix=fix)
    except Exception:  # noqa: BLE001 - whatever cannot be read is no certificate
        return Finding(check="certificate", status=FAILED, detail="It is not an X.509 certificate in PEM.", fix=fix)


def _judge_certificate(certificate: x509.Certificate, *, fix: str) -> Finding:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        return Finding(check="certificate", status=FAILED, detail="It has no RSA key.", fix=fix)
    if key.key_size != KEY_BITS:
        detail = f"Its RSA key has {key.key_size} bits; the provider's has {KEY_BITS}."
        return Finding(check="certificate", status=FAILED, detail=detail, fix=fix)
    ends = certificate.not_valid_after_utc
    if ends < now():
        # Daraja: the certificates in use are long past their dates.
        detail = f"It ended on {ends:%Y-%m-%d}, as the provider's own have; it is used all the same."
        return Finding(check="certificate", status=WARNING, detail=detail)
    return Finding(check="certificate", status=OK, detail=f"RSA {KEY_BITS} bits, until {ends:%Y-%m-%d}.")
