"""Paths of audit."""

from django.urls import path

from audit.views import AuditViewSet

urlpatterns = [
    path("audit/records/", AuditViewSet.as_view({"get": "list"}), name="audit-records"),
    path("audit/records/<str:pk>/", AuditViewSet.as_view({"get": "retrieve"}), name="audit-record"),
    path("audit/checkpoints/", AuditViewSet.as_view({"get": "checkpoints"}), name="audit-checkpoints"),
    path("audit/checkpoints/receipt/", AuditViewSet.as_view({"get": "receipt"}), name="audit-receipt"),
    path("audit/verify/", AuditViewSet.as_view({"get": "verify"}), name="audit-verify"),
]
