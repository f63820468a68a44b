"""Calls of the API in a partition per day: dropping one is how old calls are forgotten."""

from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role

TABLE = """
CREATE TABLE request_log (
  id uuid NOT NULL, at timestamptz NOT NULL, merchant_id uuid NOT NULL, mode text NOT NULL, actor text NOT NULL,
  method text NOT NULL, path text NOT NULL, status smallint NOT NULL, ms integer NOT NULL, address text NOT NULL,
  error_code text NOT NULL, idempotency_digest text NOT NULL, client_request_id text NOT NULL, request_body text,
  answer_body text, PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE request_log_rest PARTITION OF request_log DEFAULT;
CREATE INDEX request_log_list ON request_log (merchant_id, mode, id DESC);
CREATE TRIGGER request_log_keep BEFORE UPDATE ON request_log FOR EACH ROW EXECUTE FUNCTION append_only();
"""
DROP_TABLE = "DROP TABLE request_log;"

# Makes the partitions of today and the days ahead, forgets what is older than 30 days, and returns how many partitions
# it made and dropped. The application may call it and can drop nothing else with it.
TEND = """
CREATE FUNCTION request_log_tend(p_ahead integer) RETURNS TABLE (made integer, dropped integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  day date; name text; part record; today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
  made := 0; dropped := 0;
  PERFORM pg_advisory_xact_lock(hashtextextended('request_log_tend', 0));
  FOR day IN SELECT generate_series(today, today + p_ahead, interval '1 day')::date LOOP
    name := 'request_log_' || to_char(day, 'YYYYMMDD');
    IF to_regclass(name) IS NULL AND NOT EXISTS (SELECT 1 FROM request_log_rest
        WHERE at >= day::timestamp AT TIME ZONE 'UTC' AND at < (day + 1)::timestamp AT TIME ZONE 'UTC')
    THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF request_log FOR VALUES FROM (%L) TO (%L)', name,
        day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
      made := made + 1;
    END IF;
  END LOOP;
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'request_log'::regclass AND c.relname ~ '^request_log_[0-9]{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - 30 LOOP
    EXECUTE format('DROP TABLE %I', part.relname);
    dropped := dropped + 1;
  END LOOP;
  DELETE FROM request_log_rest WHERE at < (today - 30)::timestamp AT TIME ZONE 'UTC';
  RETURN NEXT;
END $$;
"""
DROP_TEND = "DROP FUNCTION request_log_tend(integer);"
FIRST_DAYS = "SELECT request_log_tend(7);"


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_checkpoints'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, DROP_TABLE)],
            state_operations=[
                migrations.CreateModel(
                    name='RequestLog',
                    fields=[
                        ('id', models.UUIDField(primary_key=True, serialize=False)),
                        ('at', models.DateTimeField()),
                        ('merchant_id', models.UUIDField()),
                        ('mode', models.TextField()),
                        ('actor', models.TextField()),
                        ('method', models.TextField()),
                        ('path', models.TextField()),
                        ('status', models.SmallIntegerField()),
                        ('ms', models.IntegerField()),
                        ('address', models.TextField(default='')),
                        ('error_code', models.TextField(default='')),
                        ('idempotency_digest', models.TextField(default='')),
                        ('client_request_id', models.TextField(default='')),
                        ('request_body', models.TextField(null=True)),
                        ('answer_body', models.TextField(null=True)),
                    ],
                    options={
                        'db_table': 'request_log',
                    },
                ),
            ],
        ),
        migrations.RunSQL(TEND, DROP_TEND),
        migrations.RunSQL(FIRST_DAYS, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
