"""A long statement has its lines counted anew: the planner would go by a table that was as good as empty."""

from django.db import migrations

from onpoint_pay.kit.db import grant_application_role

# Only an owner may count a table's rows for the planner.
COUNT_LINES = """
CREATE FUNCTION recon_count_lines() RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  ANALYZE recon_line;
END $$;
REVOKE EXECUTE ON FUNCTION recon_count_lines FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("settlements", "0011_transfer_sums")]
    operations = [
        migrations.RunSQL(COUNT_LINES, "DROP FUNCTION recon_count_lines"),
        migrations.RunPython(grant_application_role(doors=("recon_count_lines",)), migrations.RunPython.noop),
    ]
