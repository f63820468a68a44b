"""Paths of merchants."""

from django.urls import path

from merchants.views.accounts import C2bRegistrationViewSet, ProviderAccountViewSet
from merchants.views.invitations import AcceptInvitationViewSet, InvitationViewSet
from merchants.views.keys import AllowedIpsViewSet, ApiKeyViewSet, KeyReportViewSet
from merchants.views.kyc import KycViewSet
from merchants.views.merchants import MerchantViewSet
from merchants.views.people import AccountViewSet, SessionViewSet, TwoFactorViewSet
from merchants.views.requests import RequestViewSet
from merchants.views.roles import RoleViewSet
from merchants.views.sign_in import SignInViewSet
from merchants.views.team import TeamViewSet

urlpatterns = [
    path("auth/register/", SignInViewSet.as_view({"post": "register"}), name="register"),
    path("auth/login/", SignInViewSet.as_view({"post": "log_in"}), name="login"),
    path("auth/refresh/", SignInViewSet.as_view({"post": "refresh"}), name="refresh"),
    path("auth/logout/", SignInViewSet.as_view({"post": "log_out"}), name="logout"),
    path("auth/logout-all/", AccountViewSet.as_view({"post": "log_out_everywhere"}), name="logout-all"),
    path("auth/verify-email/", SignInViewSet.as_view({"post": "verify_email"}), name="verify-email"),
    path("auth/verify-email/resend/", AccountViewSet.as_view({"post": "mail_again"}), name="verify-email-resend"),
    path("auth/email/change/", AccountViewSet.as_view({"post": "change_email"}), name="email-change"),
    path("auth/email/confirm/", SignInViewSet.as_view({"post": "confirm_email"}), name="email-confirm"),
    path("auth/password/forgot/", SignInViewSet.as_view({"post": "forgot_password"}), name="password-forgot"),
    path("auth/password/reset/", SignInViewSet.as_view({"post": "reset_password"}), name="password-reset"),
    path("auth/password/change/", AccountViewSet.as_view({"post": "change_password"}), name="password-change"),
    path("auth/2fa/verify/", SignInViewSet.as_view({"post": "answer_challenge"}), name="two-factor-verify"),
    path("auth/2fa/setup/", TwoFactorViewSet.as_view({"post": "begin_setup"}), name="two-factor-setup"),
    path("auth/2fa/enable/", TwoFactorViewSet.as_view({"post": "enable"}), name="two-factor-enable"),
    path("auth/2fa/disable/", TwoFactorViewSet.as_view({"post": "disable"}), name="two-factor-disable"),
    path(
        "auth/2fa/recovery-codes/", TwoFactorViewSet.as_view({"post": "renew_codes"}), name="two-factor-recovery-codes"
    ),
    path("auth/invitations/accept/", AcceptInvitationViewSet.as_view({"post": "accept"}), name="invitation-accept"),
    path("auth/step-up/", AccountViewSet.as_view({"post": "step_up"}), name="step-up"),
    path("auth/sessions/", SessionViewSet.as_view({"get": "list"}), name="sessions"),
    path("auth/sessions/<str:session_id>/", SessionViewSet.as_view({"delete": "destroy"}), name="session"),
    path("auth/profile/", AccountViewSet.as_view({"get": "retrieve", "patch": "update"}), name="profile"),
    path("api-keys/", ApiKeyViewSet.as_view({"get": "list", "post": "create"}), name="api-keys"),
    path("api-keys/report/", KeyReportViewSet.as_view({"post": "report"}), name="api-key-report"),
    path(
        "api-keys/<str:key_id>/",
        ApiKeyViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="api-key",
    ),
    path("api-keys/<str:key_id>/rotate/", ApiKeyViewSet.as_view({"post": "rotate"}), name="api-key-rotate"),
    path("api-keys/<str:key_id>/revoke/", ApiKeyViewSet.as_view({"post": "revoke"}), name="api-key-revoke"),
    path("merchant/", MerchantViewSet.as_view({"get": "retrieve", "patch": "update"}), name="merchant"),
    path(
        "merchant/allowed-ips/",
        AllowedIpsViewSet.as_view({"get": "retrieve", "patch": "update"}),
        name="merchant-allowed-ips",
    ),
    path("requests/", RequestViewSet.as_view({"get": "list"}), name="requests"),
    path("requests/<str:request_id>/", RequestViewSet.as_view({"get": "retrieve"}), name="request"),
    path(
        "merchant/rotate-webhook-secret/",
        MerchantViewSet.as_view({"post": "rotate_webhook_secret"}),
        name="rotate-webhook-secret",
    ),
    path("roles/", RoleViewSet.as_view({"get": "list", "post": "create"}), name="roles"),
    path(
        "roles/<str:role_id>/",
        RoleViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="role",
    ),
    path("team/", TeamViewSet.as_view({"get": "list", "post": "create"}), name="team"),
    path("team/invitations/", InvitationViewSet.as_view({"get": "list", "post": "create"}), name="invitations"),
    path(
        "team/invitations/<str:invitation_id>/",
        InvitationViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="invitation",
    ),
    path(
        "team/<str:member_id>/",
        TeamViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
        name="team-member",
    ),
    path("kyc/", KycViewSet.as_view({"get": "standing"}), name="kyc"),
    path("kyc/submit/", KycViewSet.as_view({"post": "submit"}), name="kyc-submit"),
    path("kyc/documents/", KycViewSet.as_view({"get": "list", "post": "create"}), name="kyc-documents"),
    path(
        "kyc/documents/<str:document_id>/",
        KycViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="kyc-document",
    ),
    path("kyc/documents/<str:document_id>/file/", KycViewSet.as_view({"get": "download"}), name="kyc-document-file"),
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
