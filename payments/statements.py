"""The hot statements: one database function per commit of initiate, hand-over and callback receipt."""

# `p_limits` are the sums a merchant may not pass, NULL for none: then nobody waits and nothing is added up. They are asked
# after the key, so that a repeat meets none, and what they refuse leaves nothing behind. Who asks for an order that has a
# payment is told of that payment, limit or not.
BEGIN = """
CREATE FUNCTION payment_begin(p_payment jsonb, p_op jsonb, p_claim jsonb, p_event jsonb, p_limits jsonb,
    OUT outcome text, OUT earlier jsonb) LANGUAGE plpgsql AS $$
DECLARE taken uuid; reached jsonb; is_stored boolean := false;
BEGIN
  IF p_claim IS NOT NULL THEN
    INSERT INTO merchants_idempotency_key
        (merchant_id, mode, key, fingerprint, request_id, phase, object_id, lease_until, created_at)
      VALUES ((p_payment->>'merchant_id')::uuid, p_payment->>'mode', p_claim->>'key', p_claim->>'fingerprint',
        p_claim->>'request_id', 'claimed', (p_payment->>'id')::uuid, now() + interval '30 s', now())
      ON CONFLICT (merchant_id, mode, key) DO NOTHING;
    IF NOT FOUND THEN
      SELECT 'replay', to_jsonb(k) || jsonb_build_object('lease_is_dead', k.lease_until < now()) INTO outcome, earlier
        FROM merchants_idempotency_key k
        WHERE k.merchant_id = (p_payment->>'merchant_id')::uuid AND k.mode = p_payment->>'mode' AND k.key = p_claim->>'key';
      RETURN;
    END IF;
  END IF;
  IF p_limits IS NOT NULL THEN
    PERFORM payment_limits_wait(p_limits, (p_payment->>'merchant_id')::uuid, p_payment->>'mode', p_payment->>'phone');
    reached := payment_limit_reached(p_limits, (p_payment->>'merchant_id')::uuid, p_payment->>'mode',
      p_payment->>'currency', p_payment->>'phone', (p_payment->>'amount')::bigint, (p_payment->>'created_at')::timestamptz);
  END IF;
  IF reached IS NULL THEN
    INSERT INTO transactions SELECT * FROM jsonb_populate_record(NULL::transactions, p_payment) ON CONFLICT DO NOTHING;
    is_stored := FOUND;
  END IF;
  IF NOT is_stored THEN
    IF p_claim IS NOT NULL THEN
      DELETE FROM merchants_idempotency_key k WHERE k.merchant_id = (p_payment->>'merchant_id')::uuid
        AND k.mode = p_payment->>'mode' AND k.key = p_claim->>'key';
    END IF;
    SELECT t.id INTO taken FROM transactions t WHERE t.merchant_id = (p_payment->>'merchant_id')::uuid
      AND t.mode = p_payment->>'mode' AND t.merchant_reference = p_payment->>'merchant_reference'
      AND (t.reference_policy = 'unique' OR (t.status NOT IN ('failed', 'cancelled', 'expired') AND NOT t.surplus))
      AND 'any' NOT IN (t.reference_policy, p_payment->>'reference_policy')
      ORDER BY t.created_at DESC LIMIT 1;
    outcome := CASE WHEN taken IS NOT NULL THEN 'duplicate_reference' WHEN reached IS NOT NULL THEN 'limit_exceeded'
      ELSE 'collision' END;
    earlier := CASE outcome WHEN 'limit_exceeded' THEN reached ELSE jsonb_build_object('id', taken) END;
    RETURN;
  END IF;
  INSERT INTO money_op SELECT * FROM jsonb_populate_record(NULL::money_op, p_op);
  UPDATE money_op SET status = 'sending', sent_at = now() WHERE id = (p_op->>'id')::uuid;
  PERFORM webhook_publish((p_event->>'id')::uuid, p_event->>'key', (p_payment->>'merchant_id')::uuid, p_payment->>'mode',
    p_event->>'type', p_event->>'api_version', p_event->>'body', (p_payment->>'callback_endpoint')::uuid);
  outcome := 'begun';
END $$;
"""

# A callback may have been faster than the provider's own answer: then only what is missing is filled in.
HANDED_OVER = """
CREATE FUNCTION payment_handed_over(p_op uuid, p_provider_ref text, p_details jsonb, p_message text,
    p_next_check timestamptz, p_event jsonb, p_claim text, p_status int, p_body text,
    OUT moved boolean, OUT deliveries int) LANGUAGE plpgsql AS $$
DECLARE op money_op; pay transactions;
BEGIN
  SELECT * INTO STRICT op FROM money_op WHERE id = p_op FOR UPDATE;
  SELECT * INTO STRICT pay FROM transactions WHERE id = op.payment_id FOR UPDATE;
  UPDATE money_op SET provider_ref = coalesce(provider_ref, p_provider_ref),
      status = CASE op.status WHEN 'sending' THEN 'accepted' ELSE op.status END, lease_until = NULL,
      next_check = CASE op.status WHEN 'sending' THEN p_next_check ELSE next_check END
    WHERE id = p_op;
  -- A payment that was called off meanwhile is told of in other words than the caller has prepared.
  moved := pay.status = 'initiated' AND pay.cancel_requested_at IS NULL;
  deliveries := 0;
  IF NOT moved THEN
    UPDATE transactions SET provider_reference = coalesce(provider_reference, p_provider_ref),
        provider_details = p_details || provider_details, submitted_at = coalesce(submitted_at, now())
      WHERE id = pay.id;
    RETURN;
  END IF;
  UPDATE transactions SET status = 'pending', pending_reason = 'awaiting_customer', provider_reference = p_provider_ref,
      provider_details = p_details, customer_message = p_message, submitted_at = (p_event->>'at')::timestamptz,
      version = version + 1
    WHERE id = pay.id;
  deliveries := webhook_publish((p_event->>'id')::uuid, p_event->>'key', pay.merchant_id, pay.mode, p_event->>'type',
    p_event->>'api_version', p_event->>'body', pay.callback_endpoint);
  IF p_claim IS NOT NULL THEN
    UPDATE merchants_idempotency_key SET phase = 'answered', status = p_status, body = p_body
      WHERE merchant_id = pay.merchant_id AND mode = pay.mode AND key = p_claim;
  END IF;
END $$;
"""

# Trusted claims and strangers' claims have separate doors: a forged claim cannot occupy the place of a true one.
# A token opens its own door only: an operation's the one its result comes to, an account's the two that payers' money
# comes to, a question's the one its answer comes to.
RECEIVED = """
CREATE FUNCTION callback_received(p_provider text, p_door text, p_dedupe text, p_reference text, p_body bytea,
    p_headers jsonb, p_source inet, p_token_hash bytea, p_strangers int, OUT event_id bigint, OUT outcome text, OUT token_ok boolean)
  LANGUAGE plpgsql AS $$
DECLARE op money_op; account merchants_provider_account; question provider_question; v_door text; v_mode text; kept bytea;
BEGIN
  IF p_door IN ('confirm', 'validate') THEN
    SELECT * INTO account FROM merchants_provider_account
      WHERE hook_token_hash = p_token_hash AND provider = p_provider AND is_active;
    token_ok := FOUND;
  ELSE
    SELECT * INTO op FROM money_op WHERE token_hash = p_token_hash AND provider = p_provider
      AND CASE kind WHEN 'charge' THEN p_door = 'collect' ELSE p_door IN ('result-' || kind, 'timeout-' || kind) END;
    token_ok := FOUND;
    IF NOT token_ok AND p_door LIKE ANY (ARRAY['result-%', 'timeout-%']) THEN
      SELECT * INTO question FROM provider_question WHERE token_hash = p_token_hash AND provider = p_provider
        AND p_door LIKE '%-' || CASE kind WHEN 'balance' THEN 'balance' ELSE 'status' END;
      token_ok := FOUND;
    END IF;
  END IF;
  IF NOT token_ok THEN
    IF (SELECT count(*) FROM provider_event e WHERE e.source_ip = p_source AND NOT e.token_ok
          AND e.received_at > now() - interval '1 min') >= p_strangers THEN
      outcome := 'refused';
      RETURN;
    END IF;
    SELECT * INTO op FROM money_op WHERE provider = p_provider AND provider_ref = p_reference LIMIT 1;
  END IF;
  v_door := p_door || CASE WHEN token_ok THEN '' ELSE ':claim' END;
  v_mode := coalesce(op.mode, account.mode, question.mode, 'live');
  INSERT INTO provider_event (provider, door, dedupe, mode, body, headers, source_ip, token_ok, op_id, question_id,
      provider_account_id, received_at, status, tries, next_try, note)
    VALUES (p_provider, v_door, p_dedupe, v_mode, p_body, p_headers, p_source, token_ok, op.id, question.id, account.id,
      now(), 'new', 0, now(), '')
    ON CONFLICT (provider, mode, door, dedupe) DO NOTHING RETURNING id INTO event_id;
  IF event_id IS NOT NULL THEN outcome := 'new'; RETURN; END IF;
  SELECT e.id, coalesce(e.body_sha256, sha256(e.body)) INTO event_id, kept FROM provider_event e
    WHERE e.provider = p_provider AND e.mode = v_mode AND e.door = v_door AND e.dedupe = p_dedupe;
  IF kept = sha256(p_body) THEN outcome := 'repeat'; RETURN; END IF;
  outcome := 'differs';
  INSERT INTO provider_event (provider, door, dedupe, mode, body, headers, source_ip, token_ok, op_id, question_id,
      provider_account_id, received_at, status, tries, next_try, note)
    VALUES (p_provider, v_door, p_dedupe || ':' || encode(sha256(p_body), 'hex'), v_mode, p_body, p_headers, p_source,
      token_ok, op.id, question.id, account.id, now(), 'quarantined', 0, now(),
      'another body under a used key; first ' || encode(kept, 'hex'))
    ON CONFLICT DO NOTHING;
END $$;
"""

DROP_ALL = """
DROP FUNCTION IF EXISTS payment_begin; DROP FUNCTION IF EXISTS payment_handed_over;
DROP FUNCTION IF EXISTS callback_received;
"""

CALL_BEGIN = "SELECT outcome, earlier FROM payment_begin(%(payment)s, %(op)s, %(claim)s, %(event)s, %(limits)s)"
CALL_HANDED_OVER = """
SELECT moved, deliveries FROM payment_handed_over(%(op)s, %(provider_ref)s, %(details)s, %(message)s, %(next_check)s,
  %(event)s, %(claim)s, %(status)s, %(body)s)
"""
CALL_RECEIVED = """
SELECT event_id, outcome, token_ok FROM callback_received(%(provider)s, %(door)s, %(dedupe)s, %(reference)s, %(body)s,
  %(headers)s, %(source)s, %(token_hash)s, %(strangers)s)
"""
