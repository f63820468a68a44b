"""Statements of banks read into lines: CSV by a mapping of columns, MT940, camt.053."""

from settlements.statements.bank_csv import Columns, read_bank_csv
from settlements.statements.camt053 import read_camt053
from settlements.statements.mt940 import read_mt940

__all__ = ["Columns", "read_bank_csv", "read_camt053", "read_mt940"]
