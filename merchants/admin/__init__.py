"""Operators' pages of this room: businesses, their papers, and the operators themselves."""

from merchants.admin import kyc as kyc
from merchants.admin import merchants as merchants
from merchants.admin import operators as operators
