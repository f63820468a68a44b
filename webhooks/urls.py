"""Paths of webhooks."""

from django.urls import path

from webhooks.views.deliveries import DeliveryViewSet, EventViewSet, NoticeViewSet, RecoveryViewSet
from webhooks.views.endpoints import EndpointViewSet

endpoint, event, delivery = EndpointViewSet.as_view, EventViewSet.as_view, DeliveryViewSet.as_view
recovery, notice = RecoveryViewSet.as_view, NoticeViewSet.as_view

urlpatterns = [
    path("webhook-endpoints/", endpoint({"get": "list", "post": "create"}), name="webhook-endpoints"),
    path(
        "webhook-endpoints/<str:pk>/",
        endpoint({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="webhook-endpoint",
    ),
    path(
        "webhook-endpoints/<str:pk>/rotate-secret/", endpoint({"post": "rotate_secret"}), name="webhook-endpoint-rotate"
    ),
    path("webhook-endpoints/<str:pk>/statistics/", endpoint({"get": "statistics"}), name="webhook-endpoint-statistics"),
    path("webhook-endpoints/<str:pk>/test/", endpoint({"post": "test"}), name="webhook-endpoint-test"),
    path("webhook-endpoints/<str:pk>/recover/", endpoint({"post": "recover"}), name="webhook-endpoint-recover"),
    path("webhook-endpoints/<str:pk>/recoveries/", endpoint({"get": "recoveries"}), name="webhook-endpoint-recoveries"),
    path("webhook-recoveries/<str:pk>/", recovery({"get": "retrieve"}), name="webhook-recovery"),
    path("webhook-notices/", notice({"get": "list"}), name="webhook-notices"),
    path("webhook-deliveries/", delivery({"get": "list"}), name="webhook-deliveries"),
    path("webhook-deliveries/<str:pk>/", delivery({"get": "retrieve"}), name="webhook-delivery"),
    path("webhook-deliveries/<str:pk>/resend/", delivery({"post": "resend"}), name="webhook-delivery-resend"),
    path("events/", event({"get": "list"}), name="events"),
    path("events/<str:pk>/", event({"get": "retrieve"}), name="event"),
]
