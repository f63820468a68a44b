"""What a check of a provider account found, and a provider's refusals in words for the one who has to mend them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from providers.errors import NotSupported, ProviderError, ProviderRejected, ProviderTimeout

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: `ok`, `warning`, `failed`, or `skipped` when there was nothing to look at.

    `fix` says what to do; every failed finding has one.
    """

    check: str
    status: str
    detail: str
    fix: str = ""


def worst(findings: Iterable[Finding]) -> str:
    """`failed`, `warning` or `ok` for all of them together."""
    seen = {finding.status for finding in findings}
    return next((status for status in (FAILED, WARNING) if status in seen), OK)


def finding_of(check: str, call: Callable[[], None], *, good: str, unclear: str = FAILED) -> Finding:
    """The finding of one call at the provider that changes nothing; `unclear` is its status when no answer came."""
    try:
        call()
    except NotSupported:
        return Finding(check=check, status=SKIPPED, detail="This provider cannot be asked.")
    except ProviderRejected as refusal:
        return Finding(check=check, status=FAILED, detail=words_of(refusal), fix=refusal.failure.merchant_action)
    except ProviderError as error:
        fix = "Check again in a moment; see that this server may reach the provider's host."
        return Finding(check=check, status=unclear, detail=words_of(error), fix=fix)
    return Finding(check=check, status=OK, detail=good)


def words_of(error: ProviderError) -> str:
    """What went wrong, with the provider's own words in brackets; nothing of our network is told."""
    if isinstance(error, ProviderTimeout):
        return "The provider gave no clear answer."
    if not isinstance(error, ProviderRejected):
        return "The provider could not be reached."
    said = ": ".join(part for part in (error.provider_code, error.provider_message) if part)
    return f"{error.failure.reason} ({said})" if said else error.failure.reason
