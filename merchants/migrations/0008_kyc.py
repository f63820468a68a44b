"""KYC documents, what more was asked for, and what owners were told of it."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from audit.guards import fixed, guard_trigger, rules_sql, stays
from merchants.states import KYC_DOCUMENT_MOVES, UPLOADED
from onpoint_pay.kit.db import grant_application_role

TABLE = "merchants_kyc_document"
WHAT_WAS_SENT = ("merchant_id", "type", "file_name", "content_type", "size", "sha256", "sent_sha256", "replaces_id")
RULES = rules_sql("kyc_document", KYC_DOCUMENT_MOVES) + guard_trigger(TABLE, "kyc_document", UPLOADED)
NO_RULES = f"DROP TRIGGER {TABLE}_state ON {TABLE}; DELETE FROM state_rule WHERE entity = 'kyc_document';"
KEPT = fixed(TABLE, *WHAT_WAS_SENT, "uploaded_by", "created_at") + stays(TABLE)


class Migration(migrations.Migration):
    dependencies = [
        ("merchants", "0007_team"),
        ("audit", "0001_initial"),
        # It has the function that refuses changes of what is fixed.
        ("settlements", "0007_striped_pending"),
    ]

    operations = [
        migrations.CreateModel(
            name="KycDocument",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("business_registration", "Business Registration"),
                            ("kra_pin", "Kra Pin"),
                            ("director_id", "Director Id"),
                            ("bank_letter", "Bank Letter"),
                            ("permit", "Permit"),
                            ("cr12", "Cr12"),
                            ("proof_of_address", "Proof Of Address"),
                        ],
                        max_length=24,
                    ),
                ),
                ("status", models.CharField(db_default="uploaded", default="uploaded", max_length=12)),
                ("file_name", models.CharField(max_length=120)),
                ("content_type", models.CharField(max_length=20)),
                ("size", models.IntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("sent_sha256", models.CharField(max_length=64)),
                ("data_key", models.TextField(null=True)),
                ("expires_on", models.DateField(null=True)),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24), default=list, size=None
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("uploaded_by", models.TextField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("submitted_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.TextField(blank=True, default="")),
                ("evidence_id", models.BigIntegerField(null=True)),
                ("version", models.IntegerField(default=1)),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kyc_documents",
                        to="merchants.merchant",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="merchants.kycdocument",
                    ),
                ),
            ],
            options={
                "db_table": "merchants_kyc_document",
            },
        ),
        migrations.CreateModel(
            name="KycNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("verified", "Verified"),
                            ("rejected", "Rejected"),
                            ("asked", "Asked"),
                            ("expiring", "Expiring"),
                            ("expired", "Expired"),
                        ],
                        max_length=12,
                    ),
                ),
                ("days", models.SmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "document",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="merchants.kycdocument",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="merchants.merchant"
                    ),
                ),
            ],
            options={
                "db_table": "merchants_kyc_notice",
            },
        ),
        migrations.CreateModel(
            name="KycRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("business_registration", "Business Registration"),
                            ("kra_pin", "Kra Pin"),
                            ("director_id", "Director Id"),
                            ("bank_letter", "Bank Letter"),
                            ("permit", "Permit"),
                            ("cr12", "Cr12"),
                            ("proof_of_address", "Proof Of Address"),
                        ],
                        max_length=24,
                    ),
                ),
                ("note", models.CharField(max_length=500)),
                ("asked_by", models.TextField()),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kyc_requests",
                        to="merchants.merchant",
                    ),
                ),
            ],
            options={
                "db_table": "merchants_kyc_request",
            },
        ),
        migrations.AddIndex(
            model_name="kycdocument",
            index=models.Index(fields=["merchant", "-id"], name="kyc_document_list"),
        ),
        migrations.AddIndex(
            model_name="kycdocument",
            index=models.Index(
                condition=models.Q(("status", "approved")), fields=["expires_on"], name="kyc_document_expiry"
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "business_registration",
                            "kra_pin",
                            "director_id",
                            "bank_letter",
                            "permit",
                            "cr12",
                            "proof_of_address",
                        ],
                    )
                ),
                name="kyc_document_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["uploaded", "in_review", "approved", "rejected", "expired", "withdrawn"])
                ),
                name="kyc_document_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("content_type__in", ["application/pdf", "image/jpeg", "image/png"])),
                name="kyc_document_content",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(condition=models.Q(("size__gte", 1)), name="kyc_document_size"),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="kyc_document_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("sent_sha256__regex", "^[0-9a-f]{64}$")), name="kyc_document_sent"
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("data_key", None), ("status", "withdrawn")),
                    models.Q(("data_key__isnull", False), ("status__in", ["in_review", "uploaded", "approved"])),
                    ("status__in", ["rejected", "expired"]),
                    _connector="OR",
                ),
                name="kyc_document_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", False), ("status__in", ["approved", "rejected", "expired"])),
                    models.Q(("decided_at", None), ("status__in", ["in_review", "uploaded", "withdrawn"])),
                    _connector="OR",
                ),
                name="kyc_document_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reasons__len__gt", 0), ("status", "rejected")),
                    models.Q(models.Q(("status", "rejected"), _negated=True), ("reasons__len", 0)),
                    _connector="OR",
                ),
                name="kyc_document_reasons",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycnotice",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["verified", "rejected", "asked", "expiring", "expired"])),
                name="kyc_notice_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycnotice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "expiring")), fields=("document", "kind", "days"), name="kyc_notice_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="kycrequest",
            constraint=models.UniqueConstraint(fields=("merchant", "type"), name="kyc_request_once"),
        ),
        migrations.RunSQL(RULES, NO_RULES),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
