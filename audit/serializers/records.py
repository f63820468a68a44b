"""Links of the chain, checkpoints and receipts as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from audit.models import AuditCheckpoint
from audit.selectors.receipts import Receipt
from audit.selectors.records import Record, record_key
from onpoint_pay import openapi_texts_audit as texts
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from onpoint_pay.kit.redact import redact, redact_text

ACTOR_TYPES = ("user", "key", "operator", "system", "anonymous")


def actor_type(actor: str) -> str:
    """Who that is: a person, a key, the operator's own hand, the gateway by itself, or nobody who is known."""
    if actor.startswith("usr_"):
        return "user"
    if actor.startswith("key_"):
        return "key"
    return actor if actor in ("system", "anonymous") else "operator"


def record_body(record: Record) -> dict[str, Any]:
    """The record as its merchant sees it; `hashed` only where nothing had to be masked."""
    link, origin = record.link, record.origin
    source = link.detail.get("origin")
    return {
        "id": to_public("aud", record_key(link)),
        "object": "audit_record",
        "created_at": rfc3339(link.at),
        "number": link.seq,
        "actor": link.actor,
        "actor_type": actor_type(link.actor),
        "action": link.action,
        "object_id": link.object or None,
        "detail": redact(link.told),
        "address": origin.address if origin else None,
        "user_agent": redact_text(origin.user_agent) if origin else None,
        "request_id": source.get("request") if isinstance(source, dict) else None,
        "previous_hash": bytes(link.prev).hex(),
        "hash": bytes(link.hash).hex(),
        "hashed": record.hashed if redact(link.detail) == link.detail else None,
    }


def checkpoint_body(checkpoint: AuditCheckpoint) -> dict[str, Any]:
    return {
        "object": "audit_checkpoint",
        "number": checkpoint.number,
        "created_at": rfc3339(checkpoint.at),
        "statement": checkpoint.statement,
        "signature": checkpoint.signature,
        "public_key": checkpoint.public_key,
    }


def receipt_body(receipt: Receipt) -> dict[str, Any]:
    """All that is needed to prove it elsewhere."""
    return checkpoint_body(receipt.checkpoint) | {
        "object": "audit_receipt",
        "head": {"stream": receipt.head.stream, "number": receipt.head.seq, "hash": receipt.head.hash},
        "path": [{"side": step.side, "hash": step.hash} for step in receipt.path],
    }


@extend_schema_serializer(examples=[OpenApiExample("A new key", value=texts.RECORD_EXAMPLE)])
class AuditRecordSerializer(serializers.Serializer[Any]):
    """Something that was done. Records are numbered without gaps, each holds the hash of the one before, none is ever
    changed or removed.
    """

    id = serializers.CharField()
    object = serializers.CharField(default="audit_record")
    created_at = serializers.DateTimeField()
    number = serializers.IntegerField(help_text="Its place in your chain, from 1.")
    actor = serializers.CharField(help_text="usr_… or key_…, system, anonymous, or the operator's name for itself.")
    actor_type = serializers.ChoiceField(choices=ACTOR_TYPES)
    action = serializers.CharField(help_text="Such as payment.completed, api_key.revoked, session.refused.")
    object_id = serializers.CharField(allow_null=True)
    detail = serializers.DictField(help_text="What was before and after, as far as it is no secret.")
    address = serializers.CharField(allow_null=True, help_text="Where the request came from; forgotten after a while.")
    user_agent = serializers.CharField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    previous_hash = serializers.CharField()
    hash = serializers.CharField(help_text="SHA-256 of the bytes of previous_hash and then of `hashed`, hex.")
    hashed = serializers.CharField(
        allow_null=True, help_text="The exact text that was hashed; null where something in it had to be masked."
    )


@extend_schema_serializer(many=False)
class AuditRecordListSerializer(PageSerializer):
    """A page of records."""

    data = AuditRecordSerializer(many=True)  # type: ignore[assignment]


@extend_schema_serializer(examples=[OpenApiExample("The seventh", value=texts.CHECKPOINT_EXAMPLE)])
class AuditCheckpointSerializer(serializers.Serializer[Any]):
    """Where every chain of the installation stood, signed with a key that its database never sees."""

    object = serializers.CharField(default="audit_checkpoint")
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    statement = serializers.CharField(help_text="The exact text that is signed: JSON with `root` and `previous`.")
    signature = serializers.CharField(help_text="Ed25519, base64.")
    public_key = serializers.CharField(help_text="Base64. Compare it with the one you were given once, by another way.")


@extend_schema_serializer(many=False)
class AuditCheckpointListSerializer(PageSerializer):
    """A page of checkpoints."""

    data = AuditCheckpointSerializer(many=True)  # type: ignore[assignment]


class AuditHeadSerializer(serializers.Serializer[Any]):
    """The last record of your chain at that time."""

    stream = serializers.CharField()
    number = serializers.IntegerField()
    hash = serializers.CharField()


class AuditStepSerializer(serializers.Serializer[Any]):
    """A neighbour on the way to the root."""

    side = serializers.ChoiceField(choices=("left", "right"))
    hash = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("Among two streams", value=texts.RECEIPT_EXAMPLE)])
class AuditReceiptSerializer(AuditCheckpointSerializer):
    """A checkpoint with what proves that your chain is in it: hash `head`, climb `path`, and you are at its root."""

    object = serializers.CharField(default="audit_receipt")
    head = AuditHeadSerializer()
    path = AuditStepSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Whole", value=texts.VERIFICATION_EXAMPLE)])
class AuditVerificationSerializer(serializers.Serializer[Any]):
    """What was recomputed just now. `fault` names the first record that is not what it must be."""

    object = serializers.CharField(default="audit_verification")
    ok = serializers.BooleanField()
    first = serializers.IntegerField(allow_null=True)
    last = serializers.IntegerField(allow_null=True)
    checkpoint = serializers.IntegerField(allow_null=True, help_text="The newest one it was compared with.")
    fault = serializers.IntegerField(allow_null=True)
    words = serializers.CharField(allow_null=True)
