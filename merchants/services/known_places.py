"""Where a person has signed in from before: a device or network that is new is told to them by mail."""

import re
from datetime import timedelta
from ipaddress import ip_network

from merchants.models import Session, User
from merchants.services.origins import Here
from onpoint_pay.kit.clock import now

# The network around an address, in bits of versions 4 and 6: phones and homes change theirs within it.
AROUND = {4: 24, 6: 48}
# Rows of sessions are kept for so long after their end.
REMEMBERED = timedelta(days=30)
LONGEST_DEVICE = 60


def is_strange(user: User, origin: Here) -> bool:
    """Whether no session that is remembered was at this device, or none in this network.

    The first sign-in of somebody who has just registered is no news.
    """
    if not origin.place:
        return False
    rows = Session.objects.filter(user=user).exclude(place="").values_list("device", "place")
    known = list(rows.order_by("-id")[:200])
    if not known:
        return user.created_at < now() - REMEMBERED
    devices, places = {device for device, _ in known}, {network_around(place) for _, place in known}
    return origin.device not in devices or network_around(origin.place) not in places


def network_around(place: str) -> str:
    """Of an address or network."""
    network = ip_network(place, strict=False)
    return str(network.supernet(new_prefix=min(AROUND[network.version], network.prefixlen)))


def shown_words(device: str) -> str:
    """A device as it names itself, without what makes a link: strangers choose the name."""
    plain = re.sub(r"[^A-Za-z0-9 .;()_-]|\.(?=[A-Za-z])", " ", device)
    return plain[:LONGEST_DEVICE].strip() or "a device without a name"
