"""Operators' pages of money that payers were asked for: payments, refunds, callbacks, and money in doubt."""

from payments.admin import callbacks as callbacks
from payments.admin import decisions as decisions
from payments.admin import doubts as doubts
from payments.admin import payments as payments
from payments.admin import refunds as refunds
