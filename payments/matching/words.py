"""Why money was matched, or was not: the rules, the doubts, and their words in English and Swahili."""

from enum import StrEnum


class Rule(StrEnum):
    """How a payment and an account or open payment were brought together; the first that hits decides."""

    EXACT = "exact"
    FOLDED = "folded"
    LEARNED = "learned"
    ONE_EDIT = "one_edit"
    PAYER_AND_AMOUNT = "payer_and_amount"
    NAME_AND_AMOUNT = "name_and_amount"
    NONE = "none"


class Doubt(StrEnum):
    """Why a hit is not applied by itself."""

    SEVERAL = "several"
    AMOUNT = "amount"
    CLOSED = "closed"
    EARLY = "early"
    OUTDONE = "outdone"
    UNCONFIRMED = "unconfirmed"
    CONTRADICTED = "contradicted"
    OTHER_NUMBER = "other_number"


Words = tuple[str, str]

_LONGEST_TYPED = 40

_RULES: dict[Rule, Words] = {
    Rule.EXACT: ("The payer typed {code} exactly.", "Mlipaji aliandika {code} sawasawa."),
    Rule.FOLDED: (
        "The payer typed “{typed}”: {code}, apart from case, spaces, punctuation or look-alike letters.",
        "Mlipaji aliandika “{typed}”: ni {code}, ila herufi kubwa au ndogo, nafasi, alama au herufi zinazofanana.",
    ),
    Rule.LEARNED: (
        "A person matched “{typed}” of this payer to {code} before.",
        "Mtu aliwahi kuoanisha “{typed}” ya mlipaji huyu na {code}.",
    ),
    Rule.ONE_EDIT: (
        "The payer typed “{typed}”, one slip away from {code}.",
        "Mlipaji aliandika “{typed}”, kosa moja tu kutoka {code}.",
    ),
    Rule.PAYER_AND_AMOUNT: (
        "The payer's number was asked for {paid} by {code}.",
        "Nambari ya mlipaji iliombwa {paid} kwa {code}.",
    ),
    Rule.NAME_AND_AMOUNT: (
        "The payer's name and the amount {paid} are those of {code}.",
        "Jina la mlipaji na kiasi {paid} ni vya {code}.",
    ),
    Rule.NONE: (
        "Nothing open fits what was typed, the payer or the amount.",
        "Hakuna kilicho wazi kinacholingana na kilichoandikwa, mlipaji au kiasi.",
    ),
}

# What confirms a slip: whether the amount does, and whether the payer does.
_CONFIRMED: dict[tuple[bool, bool], Words] = {
    (True, True): ("Amount and payer agree.", "Kiasi na mlipaji vinalingana."),
    (True, False): ("The amount agrees.", "Kiasi kinalingana."),
    (False, True): ("The payer agrees.", "Mlipaji analingana."),
    (False, False): ("Neither amount nor payer confirms it.", "Kiasi na mlipaji havithibitishi hivyo."),
}

_DOUBTS: dict[Doubt, Words] = {
    Doubt.SEVERAL: ("{count} fit, so a person decides.", "Zinazolingana ni {count}, hivyo mtu ataamua."),
    Doubt.AMOUNT: ("It asked for {expected}, but {paid} came.", "Iliomba {expected}, lakini {paid} zimekuja."),
    Doubt.CLOSED: ("It is no longer open.", "Haiko wazi tena."),
    Doubt.EARLY: ("The money came before it was asked for.", "Pesa zilikuja kabla ya kuombwa."),
    Doubt.OUTDONE: (
        "But the payer is known from another code, one slip away.",
        "Lakini mlipaji anajulikana kwa nambari nyingine, kosa moja tu kutoka hii.",
    ),
    Doubt.UNCONFIRMED: _CONFIRMED[False, False],
    Doubt.CONTRADICTED: ("But what was typed points elsewhere.", "Lakini kilichoandikwa kinaelekeza kwingine."),
    Doubt.OTHER_NUMBER: ("But the payer's number is another one.", "Lakini nambari ya mlipaji ni nyingine."),
}

SEVERAL_OWNERS: Words = (
    "What was typed or who paid fits more than one merchant, so a person decides.",
    "Kilichoandikwa au mlipaji analingana na wafanyabiashara kadhaa, hivyo mtu ataamua.",
)


def in_words(rule: Rule, doubt: Doubt | None = None, **facts: object) -> Words:
    """English and Swahili. `facts`: typed, code, paid; count and expected for doubts; is_amount, is_payer for slips."""
    facts["typed"] = _shown(str(facts.get("typed", "")))
    parts = [_RULES[rule]]
    if doubt:
        parts.append(_DOUBTS[doubt])
    elif rule is Rule.ONE_EDIT:
        parts.append(_CONFIRMED[bool(facts["is_amount"]), bool(facts["is_payer"])])
    english, swahili = (" ".join(part[language].format(**facts) for part in parts) for language in (0, 1))
    return english, swahili


def _shown(typed: str) -> str:
    """Text of a stranger, fit to be shown: one line, no control characters, not endless."""
    printable = "".join(character if character.isprintable() else " " for character in typed)
    return " ".join(printable.split())[:_LONGEST_TYPED]
