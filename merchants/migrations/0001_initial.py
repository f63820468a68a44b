"""People, merchants, API keys and idempotency keys."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import merchants.models
import onpoint_pay.kit.clock
import onpoint_pay.kit.ids
from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("first_name", models.CharField(max_length=100)),
                ("last_name", models.CharField(max_length=100)),
                ("phone", models.CharField(blank=True, default="", max_length=12)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=onpoint_pay.kit.clock.now)),
            ],
            options={
                "db_table": "merchants_user",
                "constraints": [
                    models.UniqueConstraint(fields=("email",), name="user_email_once"),
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="user_email_lower",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("merchant_id", models.UUIDField()),
                ("mode", models.CharField(choices=[("test", "test"), ("live", "live")], max_length=4)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("request_id", models.CharField(max_length=64)),
                (
                    "phase",
                    models.CharField(
                        choices=[("claimed", "Claimed"), ("answered", "Answered")], db_default="claimed", max_length=16
                    ),
                ),
                ("object_id", models.UUIDField(blank=True, null=True)),
                ("status", models.SmallIntegerField(blank=True, null=True)),
                ("body", models.TextField(blank=True, null=True)),
                ("lease_until", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "merchants_idempotency_key",
                "indexes": [models.Index(fields=["created_at"], name="idempotency_key_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("merchant_id", "mode", "key"), name="idempotency_key_once"),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["test", "live"])), name="idempotency_key_mode"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")), name="idempotency_key_fingerprint"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("body", None), ("phase", "claimed"), ("status", None)),
                            models.Q(("body__isnull", False), ("phase", "answered"), ("status__range", (100, 599))),
                            _connector="OR",
                        ),
                        name="idempotency_key_answer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Merchant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("business_name", models.CharField(max_length=120)),
                ("email", models.EmailField(max_length=254)),
                ("phone", models.CharField(blank=True, default="", max_length=12)),
                ("registration_number", models.CharField(blank=True, default="", max_length=40)),
                ("kra_pin", models.CharField(blank=True, default="", max_length=11)),
                ("address", models.CharField(blank=True, default="", max_length=255)),
                ("business_type", models.CharField(blank=True, default="", max_length=60)),
                ("website", models.CharField(blank=True, default="", max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("suspended", "Suspended")], default="active", max_length=16
                    ),
                ),
                (
                    "kyc_status",
                    models.CharField(
                        choices=[
                            ("unverified", "Unverified"),
                            ("pending", "Pending"),
                            ("verified", "Verified"),
                            ("rejected", "Rejected"),
                        ],
                        default="unverified",
                        max_length=16,
                    ),
                ),
                ("live_enabled", models.BooleanField(default=False)),
                (
                    "reference_policy",
                    models.CharField(
                        choices=[
                            ("unique_unless_failed", "Unique Unless Failed"),
                            ("unique", "Unique"),
                            ("any", "Any"),
                        ],
                        default="unique_unless_failed",
                        max_length=24,
                    ),
                ),
                (
                    "confirm_policy",
                    models.CharField(
                        choices=[("default", "Default"), ("always", "Always"), ("never", "Never")],
                        default="default",
                        max_length=16,
                    ),
                ),
                ("fee_bps", models.IntegerField(default=merchants.models.default_fee_bps)),
                ("fee_flat", models.BigIntegerField(default=merchants.models.default_fee_flat)),
                ("max_payment", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ("version", models.IntegerField(default=1)),
            ],
            options={
                "db_table": "merchants_merchant",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "suspended"])), name="merchant_status"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kyc_status__in", ["unverified", "pending", "verified", "rejected"])),
                        name="merchant_kyc_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reference_policy__in", ["unique_unless_failed", "unique", "any"])),
                        name="merchant_reference_policy",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("confirm_policy__in", ["default", "always", "never"])),
                        name="merchant_confirm_policy",
                    ),
                    models.CheckConstraint(condition=models.Q(("fee_bps__range", (0, 10000))), name="merchant_fee_bps"),
                    models.CheckConstraint(condition=models.Q(("fee_flat__gte", 0)), name="merchant_fee_flat"),
                    models.CheckConstraint(
                        condition=models.Q(("max_payment__isnull", True), ("max_payment__gt", 0), _connector="OR"),
                        name="merchant_max_payment",
                    ),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="merchant_version"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("finance", "Finance"),
                            ("developer", "Developer"),
                            ("support", "Support"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="merchants.merchant"
                    ),
                ),
            ],
            options={
                "db_table": "merchants_membership",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "merchant"), name="membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["owner", "admin", "finance", "developer", "support", "viewer"])
                        ),
                        name="membership_role",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(choices=[("test", "test"), ("live", "live")], max_length=4)),
                ("kind", models.CharField(choices=[("secret", "Secret"), ("restricted", "Restricted")], max_length=16)),
                ("name", models.CharField(max_length=80)),
                ("digest", models.BinaryField(unique=True)),
                ("prefix", models.CharField(max_length=16)),
                ("last4", models.CharField(max_length=4)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), size=None),
                ),
                (
                    "allowed_ips",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=49), blank=True, default=list, size=None
                    ),
                ),
                ("created_by", models.TextField()),
                ("created_at", models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="api_keys", to="merchants.merchant"
                    ),
                ),
            ],
            options={
                "db_table": "merchants_api_key",
                "indexes": [models.Index(fields=["merchant", "mode", "-id"], name="api_key_list")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("mode__in", ["test", "live"])), name="api_key_mode"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["secret", "restricted"])), name="api_key_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "scopes__contained_by",
                                [
                                    "payments:read",
                                    "payments:write",
                                    "refunds:read",
                                    "refunds:write",
                                    "refunds:approve",
                                    "payouts:read",
                                    "payouts:write",
                                    "payouts:approve",
                                    "customers:read",
                                    "customers:write",
                                    "checkout:write",
                                    "links:read",
                                    "links:write",
                                    "invoices:read",
                                    "invoices:write",
                                    "c2b:read",
                                    "c2b:write",
                                    "disputes:read",
                                    "disputes:write",
                                    "balance:read",
                                    "settlements:read",
                                    "ledger:read",
                                    "webhooks:read",
                                    "webhooks:write",
                                    "events:read",
                                    "exports:write",
                                    "audit:read",
                                    "keys:write",
                                    "test:write",
                                ],
                            )
                        ),
                        name="api_key_scopes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("created_at")), _connector="OR"
                        ),
                        name="api_key_expires_later",
                    ),
                ],
            },
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop, elidable=False),
    ]
