"""Businesses: how they stand, who and what works for them; suspended, restored, asked for papers."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from audit.operators import cells, shown
from audit.operators.deeds import Deed, WhyForm
from audit.operators.filters import one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from merchants.models import ApiKey, KycDocument, Membership, Merchant, ProviderAccount
from merchants.selectors.find import members_for, with_two_factor
from merchants.services import kyc, standing
from onpoint_pay.kit.operator import OperatorCard
from onpoint_pay.kit.redact import MASK

# Lines of one table: enough for any shop, and no page of thousands.
MOST = 100


class MoreForm(forms.Form):
    """What a business is asked to show besides the usual."""

    types = forms.MultipleChoiceField(
        choices=KycDocument.Type.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    note = forms.CharField(max_length=500, help_text="For the business to read.", widget=UnfoldAdminTextareaWidget())


def _why(given: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (given["reason"], given["ticket"])))


def _suspend(card: OperatorCard, merchant: Merchant, given: Mapping[str, Any]) -> str:
    standing.suspend_merchant(merchant_id=merchant.id, actor=card.actor, reason=_why(given))
    return "Suspended: from the next request on, every key and person of it is refused."


def _restore(card: OperatorCard, merchant: Merchant, given: Mapping[str, Any]) -> str:
    standing.restore_merchant(merchant_id=merchant.id, actor=card.actor, reason=_why(given))
    return "Restored."


def _ask(card: OperatorCard, merchant: Merchant, given: Mapping[str, Any]) -> str:
    kyc.ask_for_more(merchant.id, actor=card.actor, types=given["types"], note=given["note"])
    return "The owners are told."


@admin.register(Merchant)
class MerchantPage(OperatorPage):
    """A business. What tells of people is masked."""

    heading = "Merchants"
    sees = Right.MERCHANTS
    prefix = "mer"
    list_display = ("shown_id", "business_name", "status", "kyc_status", "live_enabled", "shown_created")
    list_filter = (one_of("status", Merchant.Status.values), one_of("kyc_status", Merchant.Kyc.values, title="KYC"))
    fieldsets = (
        (None, {"fields": ("shown_id", "business_name", "status", "kyc_status", "live_enabled", "shown_created")}),
        (
            "The business",
            {"fields": ("business_type", "website", "shown_email", "shown_phone", "shown_pin", "shown_place")},
        ),
        (
            "What it agreed to",
            {
                "fields": (
                    "reference_policy",
                    "confirm_policy",
                    "fee_bps",
                    "shown_fee",
                    "shown_ceiling",
                    "shown_approval",
                    "shown_addresses",
                )
            },
        ),
    )
    shown_id = shown.public_id("mer")
    shown_created = shown.moment("created_at", label="registered")
    shown_email = shown.email("email")
    shown_phone = shown.phone("phone")
    shown_fee = shown.money("fee_flat")
    shown_ceiling = shown.money("max_payment")
    shown_approval = shown.money("refund_approval_above")
    personal = {
        "e-mail": lambda row: row.email,
        "phone": lambda row: row.phone,
        "KRA PIN": lambda row: row.kra_pin,
        "registration number": lambda row: row.registration_number,
        "address": lambda row: row.address,
    }
    deeds = (
        Deed(
            name="suspend",
            label="Suspend",
            needs=Right.MERCHANTS_SUSPEND,
            do=_suspend,
            form=WhyForm,
            when=lambda row: row.status == Merchant.Status.ACTIVE,
            note="Nothing comes in and nothing goes out by its keys and people until it is restored.",
        ),
        Deed(
            name="restore",
            label="Restore",
            needs=Right.MERCHANTS_SUSPEND,
            do=_restore,
            form=WhyForm,
            when=lambda row: row.status == Merchant.Status.SUSPENDED,
        ),
        Deed(name="ask", label="Ask for papers", needs=Right.KYC_REVIEW, do=_ask, form=MoreForm),
    )

    @admin.display(description="KRA PIN and registration number")
    def shown_pin(self, row: Merchant) -> str:
        return MASK if row.kra_pin or row.registration_number else shown.NOTHING

    @admin.display(description="address")
    def shown_place(self, row: Merchant) -> str:
        return MASK if row.address else shown.NOTHING

    @admin.display(description="keys work from")
    def shown_addresses(self, row: Merchant) -> str:
        return ", ".join(row.allowed_ips) or "anywhere"

    def merchant_of(self, row: Merchant) -> UUID:
        return row.id

    def note_list(self, request: HttpRequest, rows: Any) -> None:
        """A list of businesses is nobody's own data, even when one alone was found."""
        super().note_list(request, [])

    def sections(self, request: HttpRequest, row: Merchant) -> list[Section]:
        return [_people(row), _keys(row), _accounts(row), _papers(row)]


def _people(merchant: Merchant) -> Section:
    places = list(members_for(merchant.id)[:MOST])
    secured = with_two_factor([place.user_id for place in places])
    headers = ("person", "name", "e-mail", "role", "two-factor", "open")
    return Section(title="People", headers=headers, rows=[_person(each, secured) for each in places])


def _person(place: Membership, secured: Collection[UUID]) -> list[Any]:
    user = place.user
    name = shown.mask_name(f"{user.first_name} {user.last_name}")
    factor = "on" if user.id in secured else "off"
    state = "yes" if user.is_active else "closed"
    return [user.public_id, name, shown.mask_email(user.email), place.role_name, factor, state]


def _keys(merchant: Merchant) -> Section:
    found = ApiKey.objects.filter(merchant=merchant).order_by("mode", "-id")[:MOST]
    headers = ("key", "mode", "kind", "begins and ends", "made", "last used", "from", "expires", "revoked")
    return Section(title="API keys", headers=headers, rows=[_key(each) for each in found])


def _key(key: ApiKey) -> list[Any]:
    return [
        key.public_id,
        key.mode,
        key.kind,
        f"{key.prefix}…{key.last4}",
        cells.at(key.created_at),
        cells.at(key.last_used_at),
        ", ".join(key.allowed_ips) or "anywhere",
        cells.at(key.expires_at),
        cells.at(key.revoked_at),
    ]


def _accounts(merchant: Merchant) -> Section:
    found = ProviderAccount.objects.filter(merchant=merchant).order_by("mode", "-id")[:MOST]
    headers = ("account", "mode", "provider", "environment", "kind", "shortcode", "till", "in use", "checked")
    return Section(title="Accounts at providers", headers=headers, rows=[_account(each) for each in found])


def _account(account: ProviderAccount) -> list[Any]:
    return [
        account.public_id,
        account.mode,
        account.provider,
        account.environment,
        account.kind,
        account.shortcode,
        account.till or shown.NOTHING,
        "no" if not account.is_active else "by default" if account.is_default else "yes",
        cells.at(account.checked_at),
    ]


def _papers(merchant: Merchant) -> Section:
    found = KycDocument.objects.filter(merchant=merchant).order_by("-id")[:MOST]
    headers = ("document", "type", "state", "sent", "decided", "ends")
    return Section(title="Papers", headers=headers, rows=[_paper(each) for each in found])


def _paper(document: KycDocument) -> list[Any]:
    return [
        shown.link(document.public_id, "merchants_kycdocument", document.id),
        document.type,
        document.status,
        cells.at(document.created_at),
        cells.at(document.decided_at),
        document.expires_on or shown.NOTHING,
    ]
