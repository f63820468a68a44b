"""The receipt code and amount in what a payer types or pastes: a code alone, or M-Pesa's SMS in English or Swahili."""

import re
import unicodedata
from dataclasses import dataclass

from onpoint_pay.kit.money import Money, MoneyError

# An SMS has hundreds of characters; a forwarded thread of them still fits.
LONGEST_TEXT = 4000
# Daraja: letters of year and month, the day as 1 to 9 or A to V, then seven random letters and digits.
_CODE = "[A-Z][A-L][1-9A-V][0-9A-Z]{7}"
_MODERN = re.compile(_CODE)
# Codes of the first years had nine characters and no date in them.
_OLDER = re.compile(r"(?=.*[0-9])[A-Z][0-9A-Z]{7,11}")
_SPACED = re.compile(r"[0-9A-Z](?:[^0-9A-Z]{0,3}[0-9A-Z]){9}")
_IN_TEXT = re.compile(rf"(?<![0-9A-Z])(?=[A-Z]*[0-9]){_CODE}(?![0-9A-Z])")
_SAYS_SO = "(?:CONFIRMED|IMETHIBITISHWA)"
_BEFORE_WORD = re.compile(rf"(?<![0-9A-Z])({_CODE}|(?=[A-Z]*[0-9])[A-Z][0-9A-Z]{{7,11}}(?=[\W_]))[\W_]*{_SAYS_SO}")
_SPACED_BEFORE_WORD = re.compile(rf"(?<![0-9A-Z])(?=[A-Z -]*[0-9])([A-Z](?:[ -]?[0-9A-Z]){{9}})[\W_]*{_SAYS_SO}")
_AMOUNT = re.compile(r"(.{0,80}?)\b(?:KSH|KES)S?[.:]?\s*([0-9][0-9,]*(?:\.[0-9]{1,2})?)(?!\.?[0-9])", re.DOTALL)
# Sums of the same SMS that are not what was paid.
_NOT_PAID = re.compile(r"\b(?:BALANCE|SALIO|COST|GHARAMA|FEE|ADA|FULIZA|LIMIT|KIKOMO|OUTSTANDING)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptClaim:
    """A receipt code somebody says they have. `amount` is what the SMS says was paid; None where it does not."""

    receipt: str
    amount: Money | None = None


def receipt_in(text: str) -> str | None:
    """The one receipt code in a text, upper case; None when there is none, or several and nothing says which."""
    claim = read_claim(text)
    return claim.receipt if claim else None


def read_claim(text: str) -> ReceiptClaim | None:
    """As receipt_in, with the amount of the SMS. It is what somebody says, and proves nothing."""
    plain = _plain(text)
    told = list(_BEFORE_WORD.finditer(plain)) or list(_SPACED_BEFORE_WORD.finditer(plain))
    if told:
        receipts = {_joined(each[1]) for each in told}
        return ReceiptClaim(receipt=receipts.pop(), amount=_amount(plain, told)) if len(receipts) == 1 else None
    receipt = _alone(plain) or _only(_IN_TEXT.findall(plain))
    return ReceiptClaim(receipt=receipt) if receipt else None


def _plain(text: str) -> str:
    """Upper case, one form of each letter, and none of the invisible characters that copying brings along."""
    normal = unicodedata.normalize("NFKC", text[:LONGEST_TEXT])
    return "".join(character for character in normal if unicodedata.category(character) != "Cf").upper().strip()


def _joined(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


def _alone(plain: str) -> str | None:
    """A text that is a code and nothing else; with blanks in it, it must look like a code and not like two words."""
    trimmed = plain.strip(" \t\r\n\"'“”‘’<>()[]*_.,:;!#-")
    if _OLDER.fullmatch(trimmed) or _MODERN.fullmatch(trimmed):
        return trimmed
    return _only(_IN_TEXT.findall(_joined(plain))) if _SPACED.fullmatch(trimmed) else None


def _only(found: list[str]) -> str | None:
    return found[0] if len(set(found)) == 1 else None


def _amount(plain: str, told: list[re.Match[str]]) -> Money | None:
    """What was paid, when every copy of the SMS that names an amount names the same."""
    amounts = {amount for each in told if (amount := _amount_after(plain, each.end())) is not None}
    return amounts.pop() if len(amounts) == 1 else None


def _amount_after(plain: str, start: int) -> Money | None:
    read = _AMOUNT.match(plain, start)
    if read is None or _NOT_PAID.search(read[1]):
        return None
    try:
        return Money.parse(read[2].replace(",", ""))
    except MoneyError:
        return None
