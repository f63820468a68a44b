"""What an operator may see of a body that a provider sent."""

import json

from payments.models import ProviderEvent
from providers.errors import NotSupported
from providers.registry import parser_for


def shown_body(event: ProviderEvent) -> str:
    """Codes, ids, amounts and times, indented; what may name a person is null. Empty where nothing can be shown."""
    try:
        left = parser_for(event.provider).without_personal(bytes(event.body))
    except NotSupported:
        return ""
    return json.dumps(json.loads(left), indent=2, ensure_ascii=False) if left else ""
