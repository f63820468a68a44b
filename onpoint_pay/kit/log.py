"""Structured logs: one JSON object a line, phone numbers and secrets masked, the request id on every line."""

import logging
import logging.config
from typing import Any

import orjson
import structlog

from onpoint_pay.kit.redact import redact


def mask(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The last step before a line is written: nothing personal or secret goes past it."""
    masked = redact(dict(event))
    return masked if isinstance(masked, dict) else {"event": str(masked)}


def _render(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
]


def configure(options: dict[str, Any]) -> None:
    """Django calls this as LOGGING_CONFIG; `options` holds the level."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            mask,
            structlog.processors.JSONRenderer(serializer=_render),
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stream"], "level": options.get("level", "INFO")},
            "loggers": {
                # Refusals and crashes are in the access log; here they would show the secret part of a path.
                "django.request": {"level": "CRITICAL"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )
