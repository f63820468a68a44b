"""Whose statements are whose: the accounts that are a merchant's own and nobody else's."""

from django.db import connection

from merchants.models import ProviderAccount
from merchants.services.provider_accounts import platform_config
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.errors import Problem

# Of these the settings name a shortcode of the platform's own.
PLATFORM_PROVIDERS = ("daraja",)
OWN = """
SELECT provider, shortcode FROM merchants_provider_account WHERE mode = %(mode)s GROUP BY 1, 2
HAVING bool_and(merchant_id IS NOT DISTINCT FROM %(merchant)s::uuid) ORDER BY 1, 2
"""


def own_accounts(caller: Caller) -> list[str]:
    """`provider:shortcode` of each account that the caller's merchant shares with nobody, not with the platform either.

    Their statements are the merchant's to bring and to see.
    """
    with connection.cursor() as cursor:
        cursor.execute(OWN, {"merchant": caller.merchant_id, "mode": caller.mode})
        rows = cursor.fetchall()
    return [
        f"{provider}:{shortcode}"
        for provider, shortcode in rows
        if shortcode != platform_shortcode(provider, caller.mode)
    ]


def is_live(account: str) -> bool:
    """Whether anybody, or the platform, uses this shortcode in live mode."""
    provider, _, shortcode = account.partition(":")
    rows = ProviderAccount.objects.filter(provider=provider, shortcode=shortcode, mode=LIVE)
    return rows.exists() or shortcode == platform_shortcode(provider, LIVE)


def platform_shortcode(provider: str, mode: str) -> str | None:
    """The shortcode that settings name, whether or not anything has used it yet."""
    if provider not in PLATFORM_PROVIDERS:
        return None
    try:
        return platform_config(mode).shortcode
    except Problem:
        return None
