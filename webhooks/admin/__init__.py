"""Operators' pages of what merchants are told: endpoints with their lanes, events, deliveries."""

from webhooks.admin import deliveries as deliveries
from webhooks.admin import endpoints as endpoints
from webhooks.admin import events as events
