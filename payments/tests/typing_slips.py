"""A town of payers with slow thumbs: open accounts and payments, and confirmations typed with slips, from one seed."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from onpoint_pay.kit.ids import ALPHABET
from onpoint_pay.kit.money import Money
from payments.account_codes import new_code
from payments.matching import Candidate, Kind, Paid, code_keys, fold, recognises, search_keys
from payments.matching.payers import is_same_name, phone_digest

NOW = datetime(2026, 11, 14, 9, 0, tzinfo=UTC)
FIRST = [
    "AMINA", "BRIAN", "CAROLINE", "DENNIS", "ESTHER", "FAITH", "GEORGE", "HASSAN",
    "IRENE", "JOHN", "KEVIN", "LUCY", "MERCY", "NANCY", "OTIS", "PETER",
]  # fmt: skip
LAST = [
    "OTIENO", "KAMAU", "WANJIRU", "MUTUA", "KIPROTICH", "ODHIAMBO", "NJOROGE",
    "ACHIENG", "CHEBET", "MWANGI", "HASSAN", "KILONZO", "BARASA",
]  # fmt: skip
# Shops have price lists: many payments ask for the same.
PRICES = [50_000, 50_000, 100_000, 150_000, 250_000, 250_000, 120_000]
ALIKE = {"0": "O", "O": "0", "1": "I", "I": "1", "L": "1", "5": "S", "S": "5"}
NUMBER_FORMS = ("clear", "clear", "masked", "hashed", "none")


@dataclass(frozen=True)
class Customer:
    phone: str
    name: str


@dataclass(frozen=True)
class Confirmation:
    """Money that came, by which slip, and what it was truly for."""

    paid: Paid
    slip: str
    meant: Candidate
    spells_another: bool


@dataclass
class Shortcode:
    """What is open on one shortcode, and the index a database would keep of it. `merchant` None: it is shared."""

    merchant: UUID | None
    candidates: list[Candidate] = field(default_factory=list)
    index: dict[str, set[Candidate]] = field(default_factory=lambda: defaultdict(set))

    def open(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)
        for code in (candidate.code, *candidate.aliases):
            for key in code_keys(code):
                self.index[key].add(candidate)

    def search(self, paid: Paid) -> set[Candidate]:
        """As the database will: by key, by number and amount, by name and amount."""
        by_key = {each for key in search_keys(paid.typed) for each in self.index[key]}
        of_amount = [each for each in self.candidates if each.expected_amount == paid.amount]
        return by_key | {
            each for each in of_amount if recognises(paid, each.phone) or is_same_name(paid.payer_name, each.payer_name)
        }


class Town:
    """Five merchants on four shortcodes, the fourth shared by two, and some five hundred open accounts and payments.

    Codes repeat where they do in life: prompts for an account, rent of one month, bills of two merchants, paid orders.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.customers = [self._customer() for _ in range(160)]
        merchants = [self._id() for _ in range(5)]
        self.shortcodes = [Shortcode(merchants[0]), Shortcode(merchants[1]), Shortcode(merchants[2]), Shortcode(None)]
        self.redrawn: list[str] = []
        self._fill_school(merchants[0])
        self._fill_landlord(merchants[1])
        self._fill_shop(merchants[2])
        for merchant, prefix in zip(merchants[3:], ("ORD", "SOL"), strict=True):
            self._fill_shared(merchant, prefix)

    def confirmations(self, count: int) -> Iterator[Confirmation]:
        """Slips only. A text that happens to be another's code, with nothing to tell whose, is a payer's own error."""
        made = 0
        while made < count:
            shortcode = self.dice.choice(self.shortcodes)
            drawn = self._confirmation(shortcode)
            if drawn.spells_another and not self._can_be_told(drawn, shortcode):
                self.redrawn.append(drawn.slip)
                continue
            made += 1
            yield drawn

    def shortcode_of(self, confirmation: Confirmation) -> Shortcode:
        return next(each for each in self.shortcodes if confirmation.meant in each.candidates)

    # --- the open accounts and payments -------------------------------------------------------------------------------

    def _fill_school(self, merchant: UUID) -> None:
        for _ in range(90):
            self._account(self.shortcodes[0], merchant, self._gateway_code())

    def _fill_landlord(self, merchant: UUID) -> None:
        landlord = self.shortcodes[1]
        for house in range(60):
            self._account(landlord, merchant, f"{'ABS'[house // 20]}{house % 20 + 101}-PLOT5")
        for rented in landlord.candidates[:15]:
            self._payment(landlord, merchant, rented.code, customer=self._owner(rented), has_prompt=True)

    def _fill_shop(self, merchant: UUID) -> None:
        for order in range(140):
            self._payment(self.shortcodes[2], merchant, f"INV-{20381 + order}", is_open=order >= 20)
        for _ in range(60):
            self._payment(self.shortcodes[2], merchant, "".join(self.dice.choices(ALPHABET, k=12)))
        for _ in range(8):
            self._payment(self.shortcodes[2], merchant, "RENT-NOV")

    def _fill_shared(self, merchant: UUID, prefix: str) -> None:
        for bill in range(5):
            self._payment(self.shortcodes[3], merchant, f"BILL-{7000 + bill * 37}")
        for _ in range(40):
            self._account(self.shortcodes[3], merchant, self._gateway_code())
            self._payment(self.shortcodes[3], merchant, f"{prefix}/{self.dice.randrange(10_000, 100_000)}")

    def _id(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128))

    def _customer(self) -> Customer:
        phone = f"254{self.dice.choice('71')}{self.dice.randrange(10**8):08d}"
        return Customer(phone, " ".join([self.dice.choice(FIRST), *self.dice.sample(LAST, 2)]))

    def _gateway_code(self) -> str:
        taken = {each.code for shortcode in self.shortcodes for each in shortcode.candidates}
        return next(code for code in iter(lambda: new_code(draw=self.dice.randrange), "") if code not in taken)

    def _account(self, shortcode: Shortcode, merchant: UUID, code: str) -> None:
        customer = self.dice.choice(self.customers)
        shortcode.open(
            Candidate(
                id=self._id(), merchant=merchant, kind=Kind.ACCOUNT, code=code, payer_name=customer.name,
                expected_amount=Money(self.dice.choice(PRICES)) if self.dice.random() < 0.5 else None,
                phone=customer.phone if self.dice.random() < 0.7 else None, opened_at=NOW - timedelta(days=30),
            )
        )  # fmt: skip

    def _payment(
        self, shortcode: Shortcode, merchant: UUID, code: str, *, customer: Customer | None = None, **other: bool
    ) -> None:
        asked = customer or self.dice.choice(self.customers)
        is_known = bool(customer) or self.dice.random() < 0.8
        prompt = {"has_prompt": is_known and self.dice.random() < 0.5}
        shortcode.open(
            Candidate(
                id=self._id(), merchant=merchant, kind=Kind.PAYMENT, code=code, payer_name=asked.name,
                expected_amount=Money(self.dice.choice(PRICES)), phone=asked.phone if is_known else None,
                opened_at=NOW - timedelta(hours=2), **(prompt | other),
            )
        )  # fmt: skip

    def _owner(self, candidate: Candidate) -> Customer:
        return next(each for each in self.customers if candidate.payer_name == each.name)

    # --- the money ----------------------------------------------------------------------------------------------------

    def _confirmation(self, shortcode: Shortcode) -> Confirmation:
        meant = self.dice.choice([each for each in shortcode.candidates if each.is_open])
        payer = self._customer() if self.dice.random() < 0.1 else self._owner(meant)
        amount = meant.expected_amount or Money(self.dice.choice(PRICES))
        if meant.kind is Kind.ACCOUNT and self.dice.random() < 0.3:
            amount = Money(self.dice.randrange(100, 500_000, 100))
        meant = self._prompt_for(shortcode, meant, amount) or meant
        slip = self.dice.choice(list(SLIPS))
        typed = SLIPS[slip](self.dice, meant.code, payer)[:20]
        paid = Paid(
            receipt=f"UKE{self.dice.randrange(10**7):07d}", amount=amount, typed=typed, at=NOW,
            merchant=shortcode.merchant, **self._who(payer),
        )  # fmt: skip
        return Confirmation(paid, slip, meant, bool(self._spelled(paid, shortcode, meant)))

    def _prompt_for(self, shortcode: Shortcode, meant: Candidate, amount: Money) -> Candidate | None:
        """Money for an account, of just the amount that a prompt on the tenant's phone asks for, is for that prompt."""
        alike = [each for each in shortcode.candidates if each.code == meant.code and each.has_prompt]
        is_account = meant.kind is Kind.ACCOUNT
        return next((each for each in alike if is_account and each.expected_amount == amount), None)

    def _spelled(self, paid: Paid, shortcode: Shortcode, meant: Candidate) -> list[Candidate]:
        """Whose code the typed text is, letter for letter or folded, when it is not the one meant."""
        typed = fold(paid.typed)
        return [each for each in shortcode.candidates if fold(each.code) == typed != fold(meant.code)]

    def _who(self, payer: Customer) -> dict[str, str | None]:
        form, phone = self.dice.choice(NUMBER_FORMS), payer.phone
        first_name = payer.name.split()[0]
        return {
            "clear": {"phone": phone, "payer_name": payer.name},
            "masked": {
                "phone_masked": self.dice.choice([f"{phone[:4]} ***** {phone[-3:]}", f"{phone[:5]}****{phone[-3:]}"]),
                "payer_name": first_name,
            },
            "hashed": {"phone_hash": phone_digest(phone), "payer_name": payer.name},
            "none": {"payer_name": self.dice.choice([None, first_name, payer.name.title()])},
        }[form]

    def _can_be_told(self, drawn: Confirmation, shortcode: Shortcode) -> bool:
        """The payer's number is shown, in whatever form, and stands on file where it was meant and not where it went."""
        paid, meant = drawn.paid, drawn.meant
        shows_number = paid.phone or paid.phone_hash or paid.phone_masked
        is_on_file = meant.phone and recognises(paid, meant.phone) is not False
        went = self._spelled(paid, shortcode, meant)
        return bool(shows_number and is_on_file and all(each.phone != meant.phone for each in went))


# --- the slips --------------------------------------------------------------------------------------------------------


def _look_alike(dice: random.Random, code: str, payer: Customer) -> str:
    """O for 0, I for 1, S for 5 and back, in some or all places; a code without such letters is typed as it is."""
    return "".join(ALIKE.get(letter, letter) if dice.random() < 0.6 else letter for letter in code)


def _spaced(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.randrange(1, len(code))
    return f"{dice.choice(['', ' '])}{code[:place]} {code[place:]}{dice.choice(['', ' '])}"


def _dashed(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.randrange(1, len(code))
    return dice.choice([code.replace("-", "").replace("/", ""), f"{code[:place]}-{code[place:]}", f"#{code}."])


def _cased(dice: random.Random, code: str, payer: Customer) -> str:
    return dice.choice([code.lower(), code.title(), code.swapcase()])


def _wrong_digit(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.choice([index for index, letter in enumerate(code) if letter.isdigit()] or [0])
    return code[:place] + dice.choice([digit for digit in "0123456789" if digit != code[place]]) + code[place + 1 :]


def _swapped(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.choice([index for index in range(len(code) - 1) if code[index] != code[index + 1]])
    return code[:place] + code[place + 1] + code[place] + code[place + 2 :]


def _missing(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.randrange(len(code))
    return code[:place] + code[place + 1 :]


def _extra(dice: random.Random, code: str, payer: Customer) -> str:
    place = dice.randrange(len(code) + 1)
    return code[:place] + dice.choice("0123456789" + code) + code[place:]


def _several(dice: random.Random, code: str, payer: Customer) -> str:
    return _spaced(dice, _look_alike(dice, _cased(dice, code, payer), payer), payer)


SLIPS = {
    "none": lambda dice, code, payer: code,
    "case": _cased,
    "spaces": _spaced,
    "dashes": _dashed,
    "look-alike letters": _look_alike,
    "case, spaces, letters": _several,
    "wrong digit": _wrong_digit,
    "swapped neighbours": _swapped,
    "missing character": _missing,
    "extra character": _extra,
    "name typed": lambda dice, code, payer: payer.name,
    "number typed": lambda dice, code, payer: f"0{payer.phone[3:]}",
    "nothing typed": lambda dice, code, payer: dice.choice(["", " ", "-"]),
}
# Slips that folding undoes: these alone can be matched without a person.
UNDONE = ("none", "case", "spaces", "dashes", "look-alike letters", "case, spaces, letters")
