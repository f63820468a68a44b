"""Paths of merchants."""

from django.urls import path

from merchants.views.accounts import C2bRegistrationViewSet, ProviderAccountViewSet
from merchants.views.merchants import AccountViewSet, ApiKeyViewSet, MerchantViewSet, SignInViewSet
from merchants.views.team import TeamViewSet

urlpatterns = [
    path("auth/register/", SignInViewSet.as_view({"post": "register"}), name="register"),
    path("auth/login/", SignInViewSet.as_view({"post": "log_in"}), name="login"),
    path("auth/refresh/", SignInViewSet.as_view({"post": "refresh"}), name="refresh"),
    path("auth/logout/", SignInViewSet.as_view({"post": "log_out"}), name="logout"),
    path("auth/logout-all/", AccountViewSet.as_view({"post": "log_out_everywhere"}), name="logout-all"),
    path("auth/profile/", AccountViewSet.as_view({"get": "retrieve", "patch": "update"}), name="profile"),
    path("api-keys/", ApiKeyViewSet.as_view({"get": "list", "post": "create"}), name="api-keys"),
    path("api-keys/<str:key_id>/", ApiKeyViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="api-key"),
    path("api-keys/<str:key_id>/revoke/", ApiKeyViewSet.as_view({"post": "revoke"}), name="api-key-revoke"),
    path("merchant/", MerchantViewSet.as_view({"get": "retrieve", "patch": "update"}), name="merchant"),
    path(
        "merchant/rotate-webhook-secret/",
        MerchantViewSet.as_view({"post": "rotate_webhook_secret"}),
        name="rotate-webhook-secret",
    ),
    path("team/", TeamViewSet.as_view({"get": "list", "post": "create"}), name="team"),
    path(
        "team/<str:member_id>/",
        TeamViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="team-member",
    ),
    path(
        "provider-accounts/",
        ProviderAccountViewSet.as_view({"get": "list", "post": "create"}),
        name="provider-accounts",
    ),
    path(
        "provider-accounts/<str:account_id>/",
        ProviderAccountViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="provider-account",
    ),
    path(
        "provider-accounts/<str:account_id>/doctor/",
        ProviderAccountViewSet.as_view({"post": "doctor"}),
        name="provider-account-doctor",
    ),
    path(
        "provider-accounts/<str:account_id>/register-urls/",
        ProviderAccountViewSet.as_view({"post": "register_urls"}),
        name="provider-account-register",
    ),
    path("c2b/register-urls/", C2bRegistrationViewSet.as_view({"post": "register_urls"}), name="c2b-register-urls"),
]
