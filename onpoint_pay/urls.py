"""The map of addresses."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from onpoint_pay import errors_page, mailed_links
from onpoint_pay.health import HealthViewSet

handler400 = "onpoint_pay.middleware.bad_request"
handler404 = "onpoint_pay.middleware.route_not_found"
handler500 = "onpoint_pay.middleware.crashed"

api: list[URLPattern | URLResolver] = [
    path("", include("audit.urls")),
    path("", include("merchants.urls")),
    path("", include("webhooks.urls")),
    path("", include("settlements.urls")),
    path("", include("payments.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="onpoint_pay/docs.html"),
        name="docs",
    ),
    path("health/live/", HealthViewSet.as_view({"get": "live"}), name="health-live"),
    path("health/ready/", HealthViewSet.as_view({"get": "ready"}), name="health-ready"),
]
urlpatterns = [
    path("api/v1/", include(api)),
    path("account/<path:deed>", mailed_links.show, name="mailed-link"),
    path("docs/errors/<slug:code>", errors_page.show, name="error-page"),
    path("operators/", admin.site.urls),
]
