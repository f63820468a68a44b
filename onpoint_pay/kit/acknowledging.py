"""What a worker does when it cannot tell the broker that a job is done: it takes the next one all the same."""

from celery.worker.request import Request
from kombu.transport.virtual import QoS


class JobRequest(Request):
    """A worker holds only so many messages at once, and Kombu counts one whose acknowledgement was lost for ever.

    A broker that is silent for longer than its timeout would leave workers that listen to nobody. Jobs may be repeated:
    the broker will hand out the message once more, and it is worthless by then.
    """

    def acknowledge(self) -> None:
        is_first = not self.acknowledged
        super().acknowledge()
        held = getattr(self.message.channel, "qos", None)
        tag = self.message.delivery_tag
        if is_first and isinstance(held, QoS) and tag in (held._delivered or ()) and tag not in (held._dirty or ()):
            QoS.ack(held, tag)
