"""Operators' pages of money that is owed and paid out: settlements, payouts, exceptions, proofs of the floats."""

from settlements.admin import exceptions as exceptions
from settlements.admin import floats as floats
from settlements.admin import payouts as payouts
from settlements.admin import settlements as settlements
from settlements.admin import statements as statements
