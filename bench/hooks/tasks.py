"""The other control: a Celery task per delivery, thrown away after. It loads the delivery, sends it and writes the
result, committed; nothing of it is in the product."""

from celery import shared_task
from django.db import transaction
from django.db.models import F

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.channels import Outgoing, request_headers, send
from webhooks.models import AUTO, DELIVERED, OPEN, Attempt, Delivery, Secret
from webhooks.services.secrets import open_secret
from webhooks.signing import sign_headers

UNSENT = "webhook-signature"


@shared_task(name="bench.deliver_one")
def deliver_one(delivery_id: int) -> None:
    delivery = Delivery.objects.select_related("event", "endpoint").get(pk=delivery_id)
    event, endpoint, started_at = delivery.event, delivery.endpoint, now()
    live = Secret.objects.filter(endpoint=endpoint, expires_at=None)
    signature = sign_headers(
        to_public("evt", event.pk), event.body, signing_secrets=[open_secret(each) for each in live], at=started_at
    )
    headers = request_headers(signature, attempt=delivery.tries + 1)
    result = send(Outgoing(url=endpoint.url, headers=headers, body=event.body.encode(), mode=delivery.mode))
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery,
            endpoint=endpoint,
            n=delivery.tries + 1,
            trigger=AUTO,
            started_at=started_at,
            connect_ms=result.connect_ms,
            total_ms=result.total_ms,
            status=result.status,
            error_code=result.error,
            request_headers={name: value for name, value in headers.items() if name != UNSENT},
            response_headers=dict(result.headers),
            response_excerpt=result.excerpt,
            ip=result.ip or None,
        )
        Delivery.objects.filter(pk=delivery.pk, state=OPEN).update(
            state=DELIVERED if result.is_success else OPEN,
            tries=F("tries") + 1,
            last_status=result.status,
            last_error=result.error,
            delivered_at=now(),
        )
