"""Whose money is it: which account or open payment a payer meant, from what they typed, who they are and how much.

Precision first: money is applied only when nothing speaks against it; everything else is listed for a person.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from payments.matching.evidence import Evidence, weigh
from payments.matching.payers import PayerFit, payer_fit, phone_digest
from payments.matching.rules import SCORES, Finding, best_rule, deciding
from payments.matching.typed_codes import code_keys, fold, search_keys
from payments.matching.types import (
    Candidate,
    Decision,
    Kind,
    LearnedAlias,
    Paid,
    Suggestion,
    payer_key,
    recognises,
)
from payments.matching.words import SEVERAL_OWNERS, Doubt, Rule, Words, in_words

__all__ = [
    "AUTO_MIN",
    "SCORES",
    "SUGGEST_MIN",
    "Candidate",
    "Decision",
    "Doubt",
    "Kind",
    "LearnedAlias",
    "Paid",
    "PayerFit",
    "Rule",
    "Suggestion",
    "code_keys",
    "decide",
    "fold",
    "payer_fit",
    "payer_key",
    "phone_digest",
    "recognises",
    "search_keys",
]

AUTO_MIN = Decimal("0.95")
SUGGEST_MIN = Decimal("0.60")
# What a hit is worth that something speaks against.
DOUBTFUL_SCORE = Decimal("0.70")
MOST_SUGGESTIONS = 10
_SURENESS = list(Rule)


def decide(
    paid: Paid,
    candidates: Iterable[Candidate],
    aliases: Iterable[LearnedAlias] = (),
    *,
    auto_min: Decimal = AUTO_MIN,
    suggest_min: Decimal = SUGGEST_MIN,
) -> Decision:
    """What becomes of money that came: applied to one candidate, suggested, or neither. Their order is no matter.

    `candidates` must hold every open account and payment of the shortcode that any rule could hit, each id once: those
    found by `search_keys`, those the learned aliases name, those with the payer's number and the amount, and those with
    a name on file and the amount. Closed ones of the same code are welcome: text that names one is then not taken for a
    slip of another's. A candidate is applied at a score of `auto_min` or more, and suggested from `suggest_min` on.
    """
    weighed = weigh(paid, candidates, aliases)
    finding = deciding(weighed)
    if finding and not finding.doubt and SCORES[finding.rule] >= auto_min:
        return _applied(paid, finding)
    offered = [_suggestion(paid, each, finding, near=sum(one.is_near for one in weighed)) for each in weighed]
    worth_it = [each for each in offered if each.rule is not Rule.NONE and each.score >= suggest_min]
    return _undecided(sorted(worth_it, key=lambda each: (-each.score, _SURENESS.index(each.rule))))


def _applied(paid: Paid, finding: Finding) -> Decision:
    hit = finding.hits[0]
    said = in_words(finding.rule, None, **_facts(paid, hit))
    return _decision(finding.rule, SCORES[finding.rule], said, candidate_id=hit.candidate.id)


def _suggestion(paid: Paid, evidence: Evidence, finding: Finding | None, *, near: int) -> Suggestion:
    """`near`: how many open codes are one slip away from what was typed."""
    own = finding if finding and evidence in finding.hits else None
    rule = own.rule if own else best_rule(evidence) or Rule.NONE
    doubt = evidence.obstacle or (own.doubt if own else _own_doubt(rule, evidence, near=near))
    count = len(own.hits) if own else near
    reason, reason_sw = in_words(rule, doubt, **_facts(paid, evidence), count=count)
    return Suggestion(
        candidate_id=evidence.candidate.id,
        merchant=evidence.candidate.merchant,
        rule=rule,
        score=SCORES[rule] if own and not doubt else min(SCORES[rule], DOUBTFUL_SCORE),
        reason=reason,
        reason_sw=reason_sw,
    )


def _facts(paid: Paid, evidence: Evidence) -> dict[str, object]:
    return {
        "typed": paid.typed,
        "code": evidence.code,
        "paid": paid.amount,
        "expected": evidence.candidate.expected_amount,
        "is_amount": evidence.is_amount,
        "is_payer": evidence.known >= PayerFit.COMPATIBLE,
    }


def _own_doubt(rule: Rule, evidence: Evidence, *, near: int) -> Doubt | None:
    """What speaks against a candidate that the deciding rule did not hit."""
    if rule is not Rule.ONE_EDIT:
        return None
    if near > 1:
        return Doubt.SEVERAL
    return None if evidence.is_confirmed else Doubt.UNCONFIRMED


def _undecided(suggestions: Sequence[Suggestion]) -> Decision:
    if not suggestions:
        return _decision(Rule.NONE, SCORES[Rule.NONE], in_words(Rule.NONE))
    best = suggestions[0]
    # One merchant's codes are not another's to read.
    is_shared = len({each.merchant for each in suggestions}) > 1
    said = SEVERAL_OWNERS if is_shared else (best.reason, best.reason_sw)
    return _decision(best.rule, best.score, said, suggestions=tuple(suggestions[:MOST_SUGGESTIONS]))


def _decision(
    rule: Rule,
    score: Decimal,
    said: Words,
    *,
    candidate_id: UUID | None = None,
    suggestions: tuple[Suggestion, ...] = (),
) -> Decision:
    return Decision(
        candidate_id=candidate_id,
        rule=rule,
        score=score,
        reason=said[0],
        reason_sw=said[1],
        suggestions=suggestions,
    )
