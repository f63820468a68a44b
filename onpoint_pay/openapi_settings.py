"""What drf-spectacular is told: nothing of it depends on the environment."""

from typing import Any

from onpoint_pay import __version__

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "OnPoint Pay",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # No validator badge: it would tell an outside host where this installation is.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "REDOC_DIST": "SIDECAR",
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "PREPROCESSING_HOOKS": ["onpoint_pay.openapi.only_public_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "onpoint_pay.openapi.finish_document",
        "webhooks.serializers.sent.describe_webhooks",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ApiKeyKindEnum": ["secret", "restricted", "publishable"],
        "ProviderAccountKindEnum": ["paybill", "till"],
        "ScopesEnum": "merchants.models.roles.SCOPES",
        "RoleScopesEnum": "merchants.models.roles.GRANTABLE",
        "RefundStatusEnum": "payments.states.REFUND_STATES",
        "PaymentRefundStatusEnum": ["none", "pending", "partial", "full"],
        "PaymentStatusEnum": "payments.states.PAYMENT_STATES",
        "PaymentPendingReasonEnum": "payments.states.PENDING_REASONS",
        "WebhookRecoverableEnum": "webhooks.models.words.RECOVERABLE",
        "StandingEnum": ["operational", "degraded", "down"],
        "LanguageEnum": ["en", "sw"],
        "LedgerSideEnum": ["debit", "credit"],
        "PayoutDestinationTypeEnum": "settlements.states.DESTINATION_TYPES",
        "DestinationStatusEnum": "settlements.states.DESTINATION_STATES",
        "ReportNameEnum": ["payments", "failures", "refunds", "payouts"],
        "ReportPeriodEnum": ["day", "week", "month"],
        "StatementSourceEnum": "settlements.states.RECON_SOURCES",
        "ExportTypeEnum": "settlements.states.EXPORT_TYPES",
        "ExportFormatEnum": "settlements.states.EXPORT_FORMATS",
        "ExportStatusEnum": "settlements.states.EXPORT_STATES",
        "ErasureStatusEnum": "payments.models.privacy.ERASURE_STATES",
        "KycStatusEnum": ["unverified", "pending", "verified", "rejected"],
        "KycDocumentTypeEnum": "merchants.states.KYC_DOCUMENT_TYPES",
        "KycDocumentStatusEnum": "merchants.states.KYC_DOCUMENT_STATES",
    },
    "GET_LIB_DOC_EXCLUDES": "onpoint_pay.openapi.no_library_words",
    "LICENSE": {"name": "MIT"},
}
