"""Every setting, in the order of env.example: core, data, workers, API, security, providers, webhooks, mail, logs."""

import secrets
from datetime import timedelta
from pathlib import Path

from onpoint_pay import databases, env
from onpoint_pay.openapi_settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from onpoint_pay.operators.look import TEMPLATES as TEMPLATES
from onpoint_pay.operators.look import UNFOLD as UNFOLD
from onpoint_pay.silenced_checks import SILENCED_SYSTEM_CHECKS as SILENCED_SYSTEM_CHECKS

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = env.HOME
env.load_local(HOME / "local.env")

# --- core -------------------------------------------------------------------------------------------------------------
DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.text("SECRET_KEY", "DJANGO_SECRET_KEY")
SECRET_KEY_IS_SET = bool(SECRET_KEY)
# Commands such as makemigrations work without a key; servers refuse to start (see boot.py).
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(48)
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", default="127.0.0.1,localhost")
PORT = env.integer("PORT", default=8000)
BASE_URL = env.text("BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
ROOT_URLCONF = "onpoint_pay.urls"
WSGI_APPLICATION = "onpoint_pay.wsgi.application"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The path without its closing slash is served too, by onpoint_pay.middleware, and never redirected.
APPEND_SLASH = False

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces; its other card would put its own site in place of ours.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "onpoint_pay.operators.apps.OperatorsConfig",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "onpoint_pay",
    "audit",
    "webhooks",
    "merchants",
    "settlements",
    "payments",
]
MIDDLEWARE = [
    "onpoint_pay.response_headers.ResponseHeadersMiddleware",
    "onpoint_pay.middleware.RequestContextMiddleware",
    "onpoint_pay.request_log.RequestLogMiddleware",
    "onpoint_pay.cross_origin.CrossOriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Sessions, messages and the guard against forged requests, under /operators/ only.
    "onpoint_pay.operators.middleware.OperatorsMiddleware",
]
STATIC_URL = "/static/"
# Set where `collectstatic` has run (the image does); otherwise files are served from the packages they lie in.
STATIC_ROOT = env.text("STATIC_ROOT") or None
# Not under a folder that a web server serves. Web server and workers must see the same one.
EXPORTS_ROOT = BASE_DIR / env.text("EXPORTS_ROOT", default=".onpoint/exports")
# What businesses show of themselves, sealed. Like EXPORTS_ROOT in both.
KYC_ROOT = BASE_DIR / env.text("KYC_ROOT", default=".onpoint/kyc")
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- data -------------------------------------------------------------------------------------------------------------
RUNS_AS_OWNER = env.text("ONPOINT_DATABASE_ROLE") == "owner"
DATABASES = {
    "default": databases.configure(
        as_owner=RUNS_AS_OWNER,
        statement_timeout_ms=env.integer("STATEMENT_TIMEOUT_MS", default=5000),
    )
}
DATABASE_APP_ROLE = env.text("DATABASE_APP_ROLE", default="onpoint_app")
REDIS_URL = env.text("REDIS_URL", default="redis://127.0.0.1:6379/0")
VALKEY = {
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "onpoint",
    "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
}
CACHES = {
    "default": {"BACKEND": "onpoint_pay.kit.cache.KeptRedisCache", **VALKEY},
    "counters": {"BACKEND": "onpoint_pay.kit.cache.CountingCache", **VALKEY},
}

# --- workers ----------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "onpoint-queue:", "socket_timeout": 5}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
# Drains stay in their processes: nothing else may wait behind them.
CELERY_TASK_ROUTES = {"webhooks.drain": {"queue": "webhooks"}}
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Divides every wait of the recovery and webhook schedules; 1 in production, more in demonstrations and tests.
SWEEP_SPEED = env.decimal("SWEEP_SPEED", default=1.0)

# --- API --------------------------------------------------------------------------------------------------------------
API_VERSION = "2026-11-21"
ERROR_DOCS_URL = env.text("ERROR_DOCS_URL", default=f"{BASE_URL}/docs/errors/")
MAX_BODY_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# The largest file that is taken over HTTP, in bytes.
MAX_FILE_BYTES = env.integer("MAX_FILE_BYTES", default=10_485_760)
# A scanner that speaks clamd's protocol, tcp://host:3310 or unix:///path; without it files are not scanned.
UPLOAD_SCANNER = env.text("UPLOAD_SCANNER")
# Only these take a file: as a multipart form, with a few fields beside it.
FILE_PATHS = ("/api/v1/kyc/documents/", "/api/v1/reconciliation/runs/")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["merchants.authentication.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["merchants.permissions.HasRequiredScope"],
    "DEFAULT_PARSER_CLASSES": ["onpoint_pay.kit.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["onpoint_pay.kit.strict_json.FastJSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "onpoint_pay.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "audit.services.answers.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
IDEMPOTENCY_KEEP_DAYS = 7
# A repeat that arrives while the first is at work waits this long for its answer before it is told to come back.
IDEMPOTENCY_WAIT_SECONDS = env.decimal("IDEMPOTENCY_WAIT_SECONDS", default=3.0)
RATE_LIMITS = {
    "api": env.rate("RATE_LIMIT_API", default="600/1m"),
    "initiate": env.rate("RATE_LIMIT_INITIATE", default="120/1m"),
    "status": env.rate("RATE_LIMIT_STATUS", default="300/1m"),
    "auth": env.rate("RATE_LIMIT_AUTH", default="10/1m"),
    "checkout": env.rate("RATE_LIMIT_CHECKOUT", default="60/1m"),
    "login": env.rate("RATE_LIMIT_LOGIN", default="5/15m"),
    "login_address": env.rate("RATE_LIMIT_LOGIN_ADDRESS", default="50/15m"),
    "code": env.rate("RATE_LIMIT_CODE", default="10/15m"),
    "prompt": env.rate("RATE_LIMIT_PROMPT", default="3/5m"),
    "prompt_day": env.rate("RATE_LIMIT_PROMPT_DAY", default="10/1d"),
    "provider": env.rate("RATE_LIMIT_PROVIDER", default="10/1m"),
    "export": env.rate("RATE_LIMIT_EXPORT", default="10/1h"),
    "statement": env.rate("RATE_LIMIT_STATEMENT", default="30/1h"),
    "upload": env.rate("RATE_LIMIT_UPLOAD", default="60/1h"),
    # Links of the audit trail that refusals may add, per merchant: who is refused a million times fills no disk.
    "audit_refusals": "120/1h",
}
# A payer's phone is spared in live mode always; in test mode no phone rings, and tests ask the same one all day.
PROMPT_LIMITS_IN_TEST_MODE = env.boolean("PROMPT_LIMITS_IN_TEST_MODE")
# Prompts of bulk runs handed over in a second, per account at a provider.
BULK_PER_SECOND = env.integer("BULK_PER_SECOND", default=5)

# --- security ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "merchants.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "AUDIENCE": "onpoint-api",
    "ISSUER": "onpoint-pay",
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "typ",
}
# Keeps a stolen table of API keys useless without the server's own secret.
API_KEY_PEPPER = env.text("API_KEY_PEPPER", default=SECRET_KEY)
# `id:base64 of 32 bytes`, comma separated, the newest first: it seals, all of them open.
ENCRYPTION_KEYS = env.items("ENCRYPTION_KEYS")
# Signs the hourly checkpoints of the audit trail. The database never sees it; without it none are made.
AUDIT_SIGNING_KEY = env.text("AUDIT_SIGNING_KEY")
# Public halves of earlier signing keys, or of the only one where checkpoints are just verified.
AUDIT_PUBLIC_KEYS = env.items("AUDIT_PUBLIC_KEYS")
CHECKPOINTS_ROOT = BASE_DIR / env.text("CHECKPOINTS_ROOT", default=".onpoint/checkpoints")
CHECKPOINT_EMAILS = env.items("CHECKPOINT_EMAILS")
# Networks of our own reverse proxies: only what they say about who is calling, and how, is believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
HAS_HTTPS = BASE_URL.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
# Written by onpoint_pay.middleware from what a trusted proxy said; no header of a request can have this name.
SECURE_PROXY_SSL_HEADER = ("onpoint.scheme", "https")
SECURE_HSTS_SECONDS = 31_536_000 if HAS_HTTPS else 0
# Operators alone have cookies, and the API never sees them. The browser takes a __Secure- cookie over https only; the
# stricter __Host- would have to be sent everywhere.
SESSION_COOKIE_NAME = "__Secure-onpoint-session" if HAS_HTTPS else "onpoint-session"
CSRF_COOKIE_NAME = "__Secure-onpoint-csrf" if HAS_HTTPS else "onpoint-csrf"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/operators/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HAS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
# How long operators may stay in all, and how long without a click.
OPERATOR_SESSION_HOURS = env.integer("OPERATOR_SESSION_HOURS", default=8)
OPERATOR_IDLE_MINUTES = env.integer("OPERATOR_IDLE_MINUTES", default=20)
SESSION_COOKIE_AGE = OPERATOR_SESSION_HOURS * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_ENGINE = "merchants.services.operator_store"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_COOKIE_AGE = None
CSRF_FAILURE_VIEW = "onpoint_pay.operators.answers.forged"
RATELIMIT_FAIL_OPEN = True
RATELIMIT_USE_CACHE = "counters"

# --- providers --------------------------------------------------------------------------------------------------------
SIMULATOR_PORT = env.integer("SIMULATOR_PORT", default=9000)
SIMULATOR_URL = env.text("SIMULATOR_URL", default=f"http://127.0.0.1:{SIMULATOR_PORT}").rstrip("/")
SIMULATOR_CONSUMER_KEY = env.text("SIMULATOR_CONSUMER_KEY", default="simulator-consumer-key")
SIMULATOR_CONSUMER_SECRET = env.text("SIMULATOR_CONSUMER_SECRET", default="simulator-consumer-secret")
SIMULATOR_PASSKEY = env.text("SIMULATOR_PASSKEY", default="simulator-passkey")
SIMULATOR_INITIATOR = env.text("SIMULATOR_INITIATOR", default="simulator-initiator")
SIMULATOR_INITIATOR_PASSWORD = env.text("SIMULATOR_INITIATOR_PASSWORD", default="simulator-initiator-password")
# Without it the simulator is asked for its own.
SIMULATOR_CERTIFICATE = env.pem("SIMULATOR_CERTIFICATE")
MPESA_ENVIRONMENT = env.text("MPESA_ENVIRONMENT", "MPESA_ENV", default="sandbox")
MPESA_BASE_URL = env.text("MPESA_BASE_URL")
MPESA_CONSUMER_KEY = env.text("MPESA_CONSUMER_KEY")
MPESA_CONSUMER_SECRET = env.text("MPESA_CONSUMER_SECRET")
MPESA_SHORTCODE = env.text("MPESA_SHORTCODE", "MPESA_BUSINESS_SHORT_CODE")
MPESA_PASSKEY = env.text("MPESA_PASSKEY", "MPESA_PASS_KEY")
MPESA_TILL = env.text("MPESA_TILL")
MPESA_CALLBACK_URL = env.text("MPESA_CALLBACK_URL")
MPESA_CONFIRMATION_URL = env.text("MPESA_CONFIRMATION_URL")
MPESA_VALIDATION_URL = env.text("MPESA_VALIDATION_URL")
MPESA_INITIATOR_NAME = env.text("MPESA_INITIATOR_NAME")
MPESA_INITIATOR_PASSWORD = env.text("MPESA_INITIATOR_PASSWORD")
MPESA_SECURITY_CREDENTIAL = env.text("MPESA_SECURITY_CREDENTIAL")
MPESA_CERTIFICATE = env.pem("MPESA_CERTIFICATE")
MPESA_C2B_VERSION = env.choice("MPESA_C2B_VERSION", among=("v1", "v2"), default="v2")
MPESA_PULL_PHONE = env.text("MPESA_PULL_PHONE")
MPESA_FORCE_SIMULATOR = env.boolean("MPESA_DEBUG")
PAYSTACK_PUBLIC_KEY = env.text("PAYSTACK_PUBLIC_KEY")
PAYSTACK_SECRET_KEY = env.text("PAYSTACK_SECRET_KEY")
PROVIDER_CONNECT_SECONDS = env.decimal("PROVIDER_CONNECT_SECONDS", default=3.0)
PROVIDER_DEADLINE_SECONDS = env.decimal("PROVIDER_DEADLINE_SECONDS", default=20.0)
# Between two questions about one payment that somebody waits for, in seconds.
PROVIDER_QUERY_FLOOR_SECONDS = env.integer("PROVIDER_QUERY_FLOOR_SECONDS", default=5)
MPESA_MIN_AMOUNT = env.integer("MPESA_MIN_AMOUNT", default=1)
MPESA_MAX_AMOUNT = env.integer("MPESA_MAX_AMOUNT", default=250_000)
# What merchants may take in each mode, in cents and (the last) payments; 0: no cap. Operators give merchants caps of
# their own with `manage.py limits`. One payment is never larger than MPESA_MAX_AMOUNT.
PAYMENT_CAPS = {
    "per_day": env.integer("PAYMENT_PER_DAY", default=0),
    "per_month": env.integer("PAYMENT_PER_MONTH", default=0),
    "per_payer_day": env.integer("PAYMENT_PER_PAYER_DAY", default=0),
    "payments_per_payer_day": env.integer("PAYMENTS_PER_PAYER_DAY", default=0),
}
# The addresses providers call from; anybody else may leave only so many claims without a token of ours.
CALLBACK_ADDRESSES = env.items("CALLBACK_ADDRESSES")
# Seconds between two readings of an account's list of money received.
STATEMENT_EVERY_SECONDS = env.integer("STATEMENT_EVERY_SECONDS", default=600)
# What a bank calls the columns of its CSV statement, where it differs: `debit=Money Out|credit=Money In|separator=;`.
BANK_CSV_COLUMNS = env.text("BANK_CSV_COLUMNS")
# Prompts found out by asking, and none told by callback, after which a shortcode counts as silent.
CALLBACK_SILENCE_AFTER = env.integer("CALLBACK_SILENCE_AFTER", default=5)
STRANGE_CALLBACKS_PER_MINUTE = env.integer("STRANGE_CALLBACKS_PER_MINUTE", default=120)
DEFAULT_FEE_BPS = env.integer("DEFAULT_FEE_BPS", default=0)
DEFAULT_FEE_FLAT = env.integer("DEFAULT_FEE_FLAT", default=0)
# How long a process may remember fee plans; a new version begins this much later at the earliest.
FEE_PLAN_CACHE_SECONDS = env.integer("FEE_PLAN_CACHE_SECONDS", default=5)
# Cents above which refunds of new merchants wait for a second person; 0: none do.
REFUND_APPROVAL_ABOVE = env.integer("REFUND_APPROVAL_ABOVE", default=0)
# Payouts, in cents; 0 in a limit means that there is none. Merchants may have limits of their own.
PAYOUT_FEE = env.integer("PAYOUT_FEE", default=0)
PAYOUT_APPROVAL_ABOVE = env.integer("PAYOUT_APPROVAL_ABOVE", default=5_000_000)
PAYOUT_LARGEST = env.integer("PAYOUT_LARGEST", default=100_000_000)
PAYOUT_PER_DAY = env.integer("PAYOUT_PER_DAY", default=500_000_000)
# What the network sends to a phone at once: larger payouts go in parts.
PAYOUT_PART_LIMIT = env.integer("PAYOUT_PART_LIMIT", default=25_000_000)
# How long each live payout to a new destination needs a second person.
PAYOUT_DESTINATION_HOURS = env.integer("PAYOUT_DESTINATION_HOURS", default=72)
# The name of the bank account that payouts to banks leave from.
PAYOUT_BANK_ACCOUNT = env.text("PAYOUT_BANK_ACCOUNT", default="main")

# --- settlement -------------------------------------------------------------------------------------------------------
# The time in Nairobi at which the day before is settled.
SETTLEMENT_HOUR = env.integer("SETTLEMENT_HOUR", default=6)
# A day's books may be taken for complete this long after midnight: no transaction that began before is still open.
SETTLEMENT_OPENS_MINUTES = env.integer("SETTLEMENT_OPENS_MINUTES", default=15)
# Business days until money falls due, by class of method.
SETTLEMENT_DAYS = {
    "mobile": env.integer("SETTLEMENT_DAYS_MOBILE", default=1),
    "card": env.integer("SETTLEMENT_DAYS_CARD", default=2),
}
SETTLEMENT_SCHEDULE = env.choice("SETTLEMENT_SCHEDULE", among=("daily", "weekly", "monthly", "manual"), default="daily")
# The least that is paid out by itself, in cents; less rolls on to the next day.
SETTLEMENT_MINIMUM = env.integer("SETTLEMENT_MINIMUM", default=10_000)
# Whether live batches also wait until a statement proves the floats of their day; what is red always holds them.
SETTLEMENT_NEEDS_STATEMENT = env.boolean("SETTLEMENT_NEEDS_STATEMENT")
# What must find nothing before money is released: a function of a room above, which returns what it found in words.
SETTLEMENT_PROOF = "payments.services.proof.what_is_broken"

# --- KYC --------------------------------------------------------------------------------------------------------------
# Documents that every business must show before it may work in live mode.
KYC_REQUIRED = env.items("KYC_REQUIRED", default="business_registration,kra_pin,director_id")
# How many days before a document ends its owners are told.
KYC_WARN_DAYS = (30, 7, 1)

# --- webhooks ---------------------------------------------------------------------------------------------------------
# Lets webhooks reach loopback and private addresses: for a developer's own machine, never for production.
WEBHOOK_ALLOW_PRIVATE = env.boolean("WEBHOOK_ALLOW_PRIVATE")
WEBHOOK_CONNECT_SECONDS = env.decimal("WEBHOOK_CONNECT_SECONDS", default=3.0)
WEBHOOK_DEADLINE_SECONDS = env.decimal("WEBHOOK_DEADLINE_SECONDS", default=15.0)
WEBHOOK_EGRESS_PROXY = env.text("WEBHOOK_EGRESS_PROXY").rstrip("/")
# This installation's own public addresses, beside the private ones, which are refused anyway.
WEBHOOK_REFUSED_NETWORKS = env.networks("WEBHOOK_REFUSED_NETWORKS")
# How long an endpoint belongs to the process that serves it; longer than the longest try.
WEBHOOK_LEASE_SECONDS = env.decimal("WEBHOOK_LEASE_SECONDS", default=45.0)
# How long one run of the delivering job lives before the next takes over.
WEBHOOK_DRAIN_SECONDS = env.decimal("WEBHOOK_DRAIN_SECONDS", default=60.0)
# How long whoever sends a test waits for the receiver's answer before they are told to look later.
WEBHOOK_TEST_WAIT_SECONDS = env.decimal("WEBHOOK_TEST_WAIT_SECONDS", default=10.0)
# Recovered deliveries fall due at this pace for each endpoint, so that live ones are not behind them.
WEBHOOK_RECOVER_PER_SECOND = env.decimal("WEBHOOK_RECOVER_PER_SECOND", default=50.0)
WEBHOOK_ATTEMPTS_KEPT_DAYS = env.integer("WEBHOOK_ATTEMPTS_KEPT_DAYS", default=30)

# --- mail -------------------------------------------------------------------------------------------------------------
EMAIL_WAY = env.choice("EMAIL_BACKEND", among=("smtp", "console"), default="smtp")
EMAIL_BACKEND = f"django.core.mail.backends.{EMAIL_WAY}.EmailBackend"
# Without a host nothing is sent by smtp: notices wait until there is one.
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
# The pages people use; mails link there. Our own are where there are no others.
DASHBOARD_URL = env.text("DASHBOARD_URL", default=f"{BASE_URL}/account").rstrip("/")
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", default="OnPoint Pay <onpoint@localhost>")

# --- logs -------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", default="INFO").upper()
LOGGING_CONFIG = "onpoint_pay.kit.log.configure"
LOGGING = {"level": LOG_LEVEL}
