"""Limits of what a merchant takes, kept by the database: whoever begins a payment waits here for whoever was before."""

# What may still bring money, or has, and was asked for in this time; of one payer where a phone is named. A payment
# that was asked for again counts from then on.
ASKED = """
CREATE FUNCTION payments_asked(p_merchant uuid, p_mode text, p_currency text, p_phone text, p_from timestamptz,
    p_to timestamptz, OUT amount bigint, OUT payments bigint) LANGUAGE plpgsql AS $$
DECLARE again_amount bigint; again_payments bigint;
BEGIN
  IF p_phone IS NULL THEN
    SELECT coalesce(sum(t.amount), 0), count(*) INTO amount, payments FROM transactions t
      WHERE t.merchant_id = p_merchant AND t.mode = p_mode AND t.created_at >= p_from AND t.created_at < p_to
        AND t.currency = p_currency AND t.status NOT IN ('failed', 'cancelled', 'expired');
  ELSE
    SELECT coalesce(sum(t.amount), 0), count(*) INTO amount, payments FROM transactions t
      WHERE t.merchant_id = p_merchant AND t.mode = p_mode AND t.phone = p_phone AND t.created_at >= p_from
        AND t.created_at < p_to AND t.currency = p_currency AND t.status NOT IN ('failed', 'cancelled', 'expired');
  END IF;
  SELECT coalesce(sum(t.amount), 0), count(*) INTO again_amount, again_payments FROM transactions t
    WHERE t.merchant_id = p_merchant AND t.mode = p_mode AND t.attempts > 1 AND t.created_at < p_from
      AND (p_phone IS NULL OR t.phone = p_phone)
      AND t.currency = p_currency AND t.status NOT IN ('failed', 'cancelled', 'expired')
      AND EXISTS (SELECT 1 FROM money_op o WHERE o.payment_id = t.id AND o.kind = 'charge'
        AND o.created_at >= p_from AND o.created_at < p_to);
  amount := amount + again_amount;
  payments := payments + again_payments;
END $$;
"""

# Held until the commit, for one merchant in one mode; for one payer of it where nothing else is limited.
WAIT = """
CREATE FUNCTION payment_limits_wait(p_limits jsonb, p_merchant uuid, p_mode text, p_phone text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE place text := 'payment-limits:' || p_merchant || ':' || p_mode;
BEGIN
  IF NOT p_limits ?| ARRAY['per_day', 'per_month'] THEN
    IF p_phone IS NULL THEN RETURN; END IF;
    place := place || ':' || p_phone;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(place, 0));
END $$;
"""

# Days and months are Nairobi's. Of several limits the one that opens last is told.
REACHED = """
CREATE FUNCTION payment_limit_reached(p_limits jsonb, p_merchant uuid, p_mode text, p_currency text, p_phone text,
    p_amount bigint, p_at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  today timestamp := date_trunc('day', p_at AT TIME ZONE 'Africa/Nairobi');
  first timestamp; beyond timestamp; name text; size bigint; used bigint; more bigint; asked record;
BEGIN
  FOR name, size IN SELECT l.key, l.value::bigint FROM jsonb_each_text(p_limits) l
      ORDER BY array_position(ARRAY['per_month', 'per_day', 'per_payer_day', 'payments_per_payer_day'], l.key) LOOP
    CONTINUE WHEN p_phone IS NULL AND name IN ('per_payer_day', 'payments_per_payer_day');
    first := CASE name WHEN 'per_month' THEN date_trunc('month', today) ELSE today END;
    beyond := first + CASE name WHEN 'per_month' THEN interval '1 month' ELSE interval '1 day' END;
    asked := payments_asked(p_merchant, p_mode, p_currency,
      CASE WHEN name IN ('per_payer_day', 'payments_per_payer_day') THEN p_phone END,
      first AT TIME ZONE 'Africa/Nairobi', beyond AT TIME ZONE 'Africa/Nairobi');
    used := CASE name WHEN 'payments_per_payer_day' THEN asked.payments ELSE asked.amount END;
    more := CASE name WHEN 'payments_per_payer_day' THEN 1 ELSE p_amount END;
    IF used + more > size THEN
      RETURN jsonb_build_object('name', name, 'size', size, 'used', used,
        'opens_at', extract(epoch FROM beyond AT TIME ZONE 'Africa/Nairobi')::bigint);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""

DROP_LIMITS = """
DROP FUNCTION IF EXISTS payment_limit_reached; DROP FUNCTION IF EXISTS payment_limits_wait;
DROP FUNCTION IF EXISTS payments_asked;
"""

CALL_WAIT = "SELECT payment_limits_wait(%(limits)s, %(merchant)s, %(mode)s, %(phone)s)"
CALL_REACHED = """
SELECT payment_limit_reached(%(limits)s, %(merchant)s, %(mode)s, %(currency)s, %(phone)s, %(amount)s, %(at)s) AS reached
"""
CALL_ASKED = """
SELECT amount, payments FROM payments_asked(%(merchant)s, %(mode)s, %(currency)s, %(phone)s, %(since)s, %(until)s)
"""
