"""The rules, from the surest down: the first that hits decides, and whatever leaves a doubt forbids to apply it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from payments.matching.evidence import Evidence
from payments.matching.payers import PayerFit
from payments.matching.typed_codes import Closeness
from payments.matching.words import Doubt, Rule

SCORES = {
    Rule.EXACT: Decimal("1.00"),
    Rule.FOLDED: Decimal("0.97"),
    Rule.LEARNED: Decimal("0.95"),
    Rule.ONE_EDIT: Decimal("0.90"),
    Rule.PAYER_AND_AMOUNT: Decimal("0.88"),
    Rule.NAME_AND_AMOUNT: Decimal("0.80"),
    Rule.NONE: Decimal("0.00"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The rule that decides and what it hit. Without a doubt there is exactly one hit, and it can take the money."""

    rule: Rule
    hits: Sequence[Evidence]
    doubt: Doubt | None = None


def deciding(weighed: Sequence[Evidence]) -> Finding | None:
    """The first rule that hits. Text that names only something closed leaves room for what a person taught, no more."""
    for rule, nearness in ((Rule.EXACT, Closeness.EXACT), (Rule.FOLDED, Closeness.FOLDED)):
        named = [each for each in weighed if each.closeness is nearness]
        if any(each.is_open for each in named):
            return _by_code(rule, named, weighed)
        if named:
            return _learned(weighed) or Finding(rule=rule, hits=named, doubt=Doubt.CLOSED)
    return _learned(weighed) or _one_edit(weighed) or _by_payer(weighed) or _by_name(weighed)


def best_rule(evidence: Evidence) -> Rule | None:
    """The surest rule that hits this candidate, looked at alone."""
    rules = (
        (Rule.EXACT, evidence.closeness is Closeness.EXACT),
        (Rule.FOLDED, evidence.closeness is Closeness.FOLDED),
        (Rule.LEARNED, evidence.is_learned),
        (Rule.ONE_EDIT, evidence.is_near),
        (Rule.PAYER_AND_AMOUNT, evidence.is_by_payer),
        (Rule.NAME_AND_AMOUNT, evidence.is_by_name),
    )
    return next((rule for rule, hits in rules if hits), None)


# --- by what was typed ------------------------------------------------------------------------------------------------


def _by_code(rule: Rule, named: Sequence[Evidence], weighed: Sequence[Evidence]) -> Finding:
    meant = _meant(named)
    if meant is None:
        return Finding(rule=rule, hits=named, doubt=Doubt.SEVERAL)
    outdone = any(_outdoes(rival, meant) for rival in weighed)
    return Finding(rule=rule, hits=[meant], doubt=meant.obstacle or (Doubt.OUTDONE if outdone else None))


def _meant(named: Sequence[Evidence]) -> Evidence | None:
    """The one that is meant by a code which several may have; None when only a person can tell.

    What is closed gives way to what is open, but not across merchants. An account takes what the payments of its code
    did not ask for, and gives way to a prompt for the very amount.
    """
    if len({each.candidate.merchant for each in named}) > 1:
        return None
    hits = [each for each in named if each.is_open]
    accounts = [each for each in hits if not each.is_payment]
    if len(accounts) != 1 or len(hits) == 1:
        return hits[0] if len(hits) == 1 else None
    fitting = [each for each in hits if each.is_payment and not each.obstacle]
    if not fitting:
        return accounts[0]
    is_prompt = fitting[0].candidate.has_prompt and fitting[0].payer is not PayerFit.DIFFERENT
    return fitting[0] if is_prompt and len(fitting) == 1 else None


def _outdoes(rival: Evidence, meant: Evidence) -> bool:
    """Whether the typed code may be a slip from the rival's, which the payer fits better: slips spell other codes too.

    Of a payment whose payer is known to be another, a neighbour of the same amount is enough.
    """
    is_neighbour = rival.is_open and meant.closeness < rival.closeness < Closeness.APART
    if not is_neighbour or meant.known >= PayerFit.COMPATIBLE:
        return False
    if rival.known >= PayerFit.COMPATIBLE:
        return not (rival.obstacle and meant.is_amount)
    is_foreign = meant.is_payment and meant.known is PayerFit.DIFFERENT
    return is_foreign and rival.known is PayerFit.UNKNOWN and rival.is_amount and not rival.obstacle


def _one_edit(weighed: Sequence[Evidence]) -> Finding | None:
    near = _near(weighed)
    is_hit = len(near) == 1 and near[0].is_confirmed and not near[0].obstacle
    return _finding(Rule.ONE_EDIT, near) if is_hit else None


# --- by who paid ------------------------------------------------------------------------------------------------------


def _learned(weighed: Sequence[Evidence]) -> Finding | None:
    return _finding(Rule.LEARNED, [each for each in weighed if each.is_learned and not each.obstacle])


def _by_payer(weighed: Sequence[Evidence]) -> Finding | None:
    hits = [each for each in weighed if each.is_by_payer and not each.obstacle]
    return _finding(Rule.PAYER_AND_AMOUNT, hits, doubt=_typed_elsewhere(hits, weighed))


def _by_name(weighed: Sequence[Evidence]) -> Finding | None:
    hits = [each for each in weighed if each.is_by_name and not each.obstacle]
    is_other = any(each.payer is PayerFit.DIFFERENT for each in hits)
    doubt = Doubt.OTHER_NUMBER if is_other else _typed_elsewhere(hits, weighed)
    return _finding(Rule.NAME_AND_AMOUNT, hits, doubt=doubt)


def _finding(rule: Rule, hits: Sequence[Evidence], *, doubt: Doubt | None = None) -> Finding | None:
    if not hits:
        return None
    return Finding(rule=rule, hits=hits, doubt=Doubt.SEVERAL if len(hits) > 1 else doubt)


def _typed_elsewhere(hits: Sequence[Evidence], weighed: Sequence[Evidence]) -> Doubt | None:
    """What was typed is a slip away from codes, and from none of those the payer points to."""
    near = _near(weighed)
    return Doubt.CONTRADICTED if near and not any(each in near for each in hits) else None


def _near(weighed: Sequence[Evidence]) -> list[Evidence]:
    return [each for each in weighed if each.is_near]
