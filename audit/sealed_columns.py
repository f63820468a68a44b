"""Every column that holds sealed texts: where, bound to what, whose. What seals a new one must stand here.

Names of tables are all this room knows of those above. Rotation, resealing and retiring go by this list alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column of table `t`. `bound_to` and `merchant` are SQL for what its texts are sealed with.

    Without `bound_to` nobody but its reader knows it: such texts are not resealed, `lives` says how they end.
    """

    table: str
    column: str
    bound_to: str | None
    merchant: str = "NULL::uuid"
    key: str = "id"
    lives: str = ""
    # The text is kept as bytes, and of so many rows at once only.
    is_bytes: bool = False
    batch: int = 200

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def text(self) -> str:
        """SQL of what is stored, as text."""
        return f"convert_from(t.{self.column}, 'UTF8')" if self.is_bytes else f"t.{self.column}"

    @property
    def put(self) -> str:
        """SQL of a parameter that is a text, as it is stored."""
        return "convert_to(%s, 'UTF8')" if self.is_bytes else "%s"


OF_MERCHANT = "t.merchant_id"
SEALED_COLUMNS = (
    SealedColumn(
        table="webhooks_secret",
        column="ciphertext",
        bound_to="'webhooks_secret.ciphertext.' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="merchants_provider_account",
        column="secrets",
        bound_to="'merchants_provider_account.secrets.' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="merchants_provider_account",
        column="hook_token",
        bound_to="'merchants_provider_account.hook_token.' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="payout_destination",
        column="sealed",
        bound_to="'payout_destination.sealed:' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="payouts",
        column="destination_sealed",
        bound_to="'payouts.destination:' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(table="bank_file", column="sealed", bound_to="'bank_file.sealed:' || t.id"),
    SealedColumn(table="bank_result", column="sealed", bound_to="'bank_result.sealed:' || t.mode || ':' || t.sha256"),
    # Pieces of up to a mebibyte.
    SealedColumn(
        table="recon_file_part",
        column="body",
        bound_to="'recon_file_part.body:' || t.file_id || ':' || t.number",
        is_bytes=True,
        batch=8,
    ),
    SealedColumn(
        table="recon_run_part",
        column="body",
        bound_to="'recon_run_part.body:' || t.run_id || ':' || t.number",
        is_bytes=True,
        batch=8,
    ),
    # The keys of files that lie in KYC_ROOT.
    SealedColumn(
        table="merchants_kyc_document",
        column="data_key",
        bound_to="'merchants_kyc_document.data_key:' || t.merchant_id || ':' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="privacy_erasure",
        column="subject",
        bound_to="'privacy_erasure.subject:' || t.id",
        merchant=OF_MERCHANT,
    ),
    SealedColumn(
        table="merchants_totp",
        column="sealed_seed",
        bound_to="'merchants_totp.sealed_seed:' || t.id || ':' || t.user_id",
    ),
    SealedColumn(table="merchants_person_mail", column="sealed", bound_to="'merchants_person_mail.sealed:' || t.id"),
    SealedColumn(
        table="merchants_idempotency_key",
        column="body",
        bound_to=None,
        merchant=OF_MERCHANT,
        lives="answers of keys are deleted after seven days",
    ),
)
