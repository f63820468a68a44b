"""Queries that must return no rows: together they are the proof that the books and the payments agree."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """A number to speak of, what a found row would mean, and the query that finds one."""

    name: str
    meaning: str
    sql: str


INVARIANTS = (
    Invariant(
        "I01",
        "transfer not balanced",
        """SELECT t.id FROM ledger_transfer t LEFT JOIN ledger_entry e ON e.transfer_id = t.id GROUP BY t.id
           HAVING count(e.id) < 2
             OR coalesce(sum(CASE e.side WHEN 'D' THEN e.amount ELSE -e.amount END), 1) <> 0""",
    ),
    Invariant(
        "I02",
        "account differs from its entries",
        """SELECT a.id FROM ledger_account a LEFT JOIN (SELECT account_id,
             coalesce(sum(amount) FILTER (WHERE side = 'D'), 0) d, coalesce(sum(amount) FILTER (WHERE side = 'C'), 0) c,
             count(*) n, max(account_version) v FROM ledger_entry GROUP BY 1) e ON e.account_id = a.id
           WHERE (a.debits, a.credits, a.version, a.version)
             <> (coalesce(e.d, 0), coalesce(e.c, 0), coalesce(e.n, 0), coalesce(e.v, 0))""",
    ),
    Invariant(
        "I03",
        "running balance broken inside an account",
        """SELECT id FROM (SELECT id, debits_after, credits_after,
             sum(CASE side WHEN 'D' THEN amount ELSE 0 END) OVER w d,
             sum(CASE side WHEN 'C' THEN amount ELSE 0 END) OVER w c
             FROM ledger_entry WINDOW w AS (PARTITION BY account_id ORDER BY account_version)) x
           WHERE debits_after <> d OR credits_after <> c""",
    ),
    Invariant(
        "I04",
        "whole book not at zero per currency and mode",
        "SELECT currency, mode FROM ledger_account GROUP BY 1, 2 HAVING sum(debits) <> sum(credits)",
    ),
    Invariant(
        "I05",
        "floored account below zero",
        """SELECT id FROM ledger_account WHERE floored
             AND CASE normal WHEN 'C' THEN credits - debits ELSE debits - credits END < 0""",
    ),
    Invariant(
        "I06",
        "paid payment without exactly one capture, or capture without a paid payment",
        """SELECT p.id AS payment, t.id AS transfer FROM transactions p
           FULL JOIN (SELECT * FROM ledger_transfer WHERE idem LIKE 'pay:%:capture') t
             ON t.idem = 'pay:' || p.id || ':capture'
           WHERE coalesce(p.status IN ('completed', 'reversed'), false) <> (t.id IS NOT NULL)
             OR p.id IS NULL OR p.capture_transfer_id IS DISTINCT FROM t.id""",
    ),
    Invariant(
        "I07",
        "capture posted for another amount, currency, mode or merchant",
        """SELECT p.id FROM transactions p JOIN ledger_transfer t ON t.id = p.capture_transfer_id
             JOIN ledger_entry e ON e.transfer_id = t.id
           GROUP BY p.id, t.id HAVING sum(e.amount) FILTER (WHERE e.side = 'D') <> p.amount
             OR min(t.currency) <> p.currency OR min(t.mode) <> p.mode OR t.merchant_id IS DISTINCT FROM p.merchant_id""",
    ),
    Invariant(
        "I08",
        "one receipt credited to two payments",
        """SELECT provider, mode, receipt FROM transactions WHERE receipt IS NOT NULL AND captured > 0
           GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    ),
    Invariant(
        "I09",
        "refund counters of a payment differ from its refunds",
        """SELECT p.id FROM transactions p LEFT JOIN refunds r ON r.payment_id = p.id GROUP BY p.id
           HAVING p.refunded <> coalesce(sum(r.amount) FILTER (WHERE r.status = 'completed'), 0)
             OR p.refund_held <> coalesce(sum(r.amount) FILTER (WHERE r.status IN ('requires_approval', 'pending')), 0)""",
    ),
    Invariant(
        "I10",
        "refunded more than came in",
        "SELECT id FROM transactions WHERE refund_held + refunded > captured",
    ),
    Invariant(
        "I11",
        "money held for refunds or payouts differs from the open ones, or money that left from the books",
        """SELECT coalesce(a.merchant_id, r.merchant_id) AS id
           FROM (SELECT merchant_id, mode, currency, kind, sum(credits - debits) AS held FROM ledger_account
                   WHERE kind IN ('refund_hold', 'payout_hold') GROUP BY 1, 2, 3, 4) a
           FULL JOIN (SELECT merchant_id, mode, currency, 'refund_hold' AS kind, sum(amount) AS open FROM refunds
                   WHERE status IN ('requires_approval', 'pending') GROUP BY 1, 2, 3
                 UNION ALL SELECT merchant_id, mode, currency, 'payout_hold', sum(amount - paid - released) FROM payouts
                   WHERE status IN ('requires_approval', 'pending') GROUP BY 1, 2, 3) r
             ON (r.merchant_id, r.mode, r.currency, r.kind) = (a.merchant_id, a.mode, a.currency, a.kind)
           WHERE coalesce(a.held, 0) <> coalesce(r.open, 0)
           UNION ALL SELECT r.id FROM refunds r WHERE (r.status = 'completed')
             <> EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.idem = 'ref:' || r.id || ':done')
           UNION ALL SELECT p.id FROM payouts p LEFT JOIN (SELECT split_part(t.idem, ':', 2) AS payout,
               sum(e.amount) FILTER (WHERE t.kind = 'payout_done') AS done,
               sum(e.amount) FILTER (WHERE t.kind = 'payout_return') AS back
             FROM ledger_transfer t JOIN ledger_entry e ON e.transfer_id = t.id
             WHERE t.kind IN ('payout_done', 'payout_return') AND e.side = 'D' GROUP BY 1) b ON b.payout = p.id::text
           WHERE p.paid <> coalesce(b.done, 0) OR p.given_back <> coalesce(b.back, 0)""",
    ),
    Invariant(
        "I12",
        "refund or part of a payout with two successes, or completed without one",
        """SELECT refund_id AS id FROM money_op WHERE refund_id IS NOT NULL AND status = 'succeeded'
             GROUP BY 1 HAVING count(*) > 1
           UNION ALL SELECT r.id FROM refunds r WHERE (r.status = 'completed')
             <> EXISTS (SELECT 1 FROM money_op o WHERE o.refund_id = r.id AND o.status = 'succeeded')
           UNION ALL SELECT payout_id FROM money_op WHERE payout_id IS NOT NULL AND status = 'succeeded'
             GROUP BY payout_id, part HAVING count(*) > 1
           UNION ALL SELECT p.id FROM payouts p LEFT JOIN money_op o ON o.payout_id = p.id AND o.status = 'succeeded'
             GROUP BY p.id HAVING p.paid <> coalesce(sum(o.amount), 0)""",
    ),
    Invariant(
        "I13",
        "history shows an illegal step",
        """SELECT h.id FROM state_history h LEFT JOIN state_rule s USING (entity, from_state, to_state)
           WHERE s.entity IS NULL""",
    ),
    Invariant(
        "I14",
        "current state is not the last step of its history",
        """SELECT p.id FROM transactions p WHERE p.status <> coalesce((SELECT to_state FROM state_history h
             WHERE h.entity = 'payment' AND h.entity_id = p.id ORDER BY h.id DESC LIMIT 1), 'initiated')
           UNION ALL SELECT o.id FROM money_op o WHERE o.status <> coalesce((SELECT to_state FROM state_history h
             WHERE h.entity = 'op' AND h.entity_id = o.id ORDER BY h.id DESC LIMIT 1), 'created')
           UNION ALL SELECT r.id FROM refunds r WHERE r.status <> coalesce((SELECT to_state FROM state_history h
             WHERE h.entity = 'refund' AND h.entity_id = r.id ORDER BY h.id DESC LIMIT 1), 'requires_approval')
           UNION ALL SELECT b.id FROM settlement b WHERE b.status <> coalesce((SELECT to_state FROM state_history h
             WHERE h.entity = 'settlement' AND h.entity_id = b.id ORDER BY h.id DESC LIMIT 1), 'open')
           UNION ALL SELECT o.id FROM payouts o WHERE o.status <> coalesce((SELECT to_state FROM state_history h
             WHERE h.entity = 'payout' AND h.entity_id = o.id ORDER BY h.id DESC LIMIT 1), 'requires_approval')""",
    ),
    Invariant(
        "I15",
        "operation not final and nobody will look at it",
        """SELECT id FROM money_op
           WHERE status IN ('created', 'sending', 'accepted', 'unknown') AND next_check IS NULL""",
    ),
    Invariant(
        "I16",
        "operation succeeded by the provider's word but its payment is not paid",
        """SELECT o.id FROM money_op o JOIN transactions p ON p.id = o.payment_id
           WHERE o.status = 'succeeded' AND p.status NOT IN ('completed', 'reversed')""",
    ),
    Invariant(
        "I17",
        "applied claim that changed nothing",
        """SELECT id FROM provider_event WHERE status = 'applied'
             AND NOT EXISTS (SELECT 1 FROM state_history h WHERE h.evidence_id = provider_event.id)
             AND NOT EXISTS (SELECT 1 FROM c2b_receipt r WHERE r.evidence_id = provider_event.id)
             AND NOT EXISTS (SELECT 1 FROM money_op o WHERE o.return_evidence_id = provider_event.id)
             AND NOT EXISTS (SELECT 1 FROM money_op o WHERE o.evidence_id = provider_event.id
               AND o.status = 'cancelled')
             AND NOT EXISTS (SELECT 1 FROM provider_question q WHERE q.answer_id = provider_event.id)""",
    ),
    Invariant(
        "I18",
        "audit chain broken",
        r"""SELECT stream, seq FROM (SELECT *, lag(hash, 1, '\x00'::bytea) OVER w AS want, row_number() OVER w AS rn
             FROM audit_event WINDOW w AS (PARTITION BY stream ORDER BY seq)) x
           WHERE prev <> want OR seq <> rn
             OR hash <> audit_hash(prev, stream, seq, at, actor, action, object, detail)""",
    ),
    Invariant(
        "I19",
        "audit head differs from the last link",
        """SELECT h.stream FROM audit_head h LEFT JOIN LATERAL (SELECT seq, hash FROM audit_event e
             WHERE e.stream = h.stream ORDER BY seq DESC LIMIT 1) e ON true
           WHERE h.seq <> coalesce(e.seq, 0) OR (e.hash IS NOT NULL AND h.hash <> e.hash)""",
    ),
    Invariant(
        "I21",
        "provider successes without as many postings",
        """SELECT payment_id FROM money_op WHERE payment_id IS NOT NULL AND status = 'succeeded' GROUP BY 1
           HAVING count(*) - count(surplus_payment_id)
             <> (SELECT count(*) FROM ledger_transfer t WHERE t.idem = 'pay:' || payment_id || ':capture')""",
    ),
    Invariant(
        "I22",
        "entry on another merchant's account",
        """SELECT e.id FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
             JOIN ledger_transfer t ON t.id = e.transfer_id
           WHERE a.merchant_id IS NOT NULL AND a.merchant_id IS DISTINCT FROM t.merchant_id""",
    ),
    Invariant(
        "I23",
        "transfer in two settlement lines, or in the line of another merchant",
        """SELECT transfer_id FROM settlement_line GROUP BY 1 HAVING count(*) > 1
           UNION ALL SELECT l.transfer_id FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id
             JOIN ledger_transfer t ON t.id = l.transfer_id
           WHERE (t.merchant_id, t.mode, t.currency) IS DISTINCT FROM (s.merchant_id, s.mode, s.currency)""",
    ),
    Invariant(
        "I24",
        "settlement's totals differ from its lines, or a line from its transfer",
        """SELECT s.id FROM settlement s LEFT JOIN settlement_line l ON l.settlement_id = s.id GROUP BY s.id
           HAVING s.total <> coalesce(sum(l.amount) FILTER (WHERE l.kind <> 'reserve_return'), 0)
             OR s.returned <> coalesce(sum(l.amount) FILTER (WHERE l.kind = 'reserve_return'), 0)
             OR s.fee <> coalesce(sum(l.fee), 0)
           UNION ALL SELECT l.transfer_id FROM settlement_line l JOIN ledger_entry e ON e.transfer_id = l.transfer_id
             JOIN ledger_account a ON a.id = e.account_id
               AND a.kind = CASE l.kind WHEN 'reserve_return' THEN 'available' ELSE 'pending' END
           GROUP BY l.id HAVING sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END) <> l.amount""",
    ),
    Invariant(
        "I25",
        "closed payment, refund or payout without its event",
        """SELECT p.id FROM transactions p WHERE p.status IN ('completed', 'failed', 'cancelled', 'expired')
             AND NOT EXISTS (SELECT 1 FROM webhooks_event e WHERE e.key = 'payment.' || p.status || ':' || p.id
               || CASE WHEN p.attempts > 1 THEN ':' || p.attempts ELSE '' END)
           UNION ALL SELECT r.id FROM refunds r WHERE r.status IN ('requires_approval', 'completed', 'failed', 'cancelled')
             AND NOT EXISTS (SELECT 1 FROM webhooks_event e WHERE e.key = 'refund.' || r.status || ':' || r.id)
           UNION ALL SELECT o.id FROM payouts o WHERE o.status IN ('completed', 'failed', 'returned', 'cancelled')
             AND NOT EXISTS (SELECT 1 FROM webhooks_event e WHERE e.key = 'payout.' || o.status || ':' || o.id)""",
    ),
    Invariant(
        "I26",
        "row of one mode tied to a credential of the other",
        """SELECT r.id, r.what FROM (
             SELECT id::text, 'payment' AS what, mode, provider_account_id AS account FROM transactions
             UNION ALL SELECT id::text, 'payout', mode, provider_account_id FROM payouts
             UNION ALL SELECT id::text, 'operation', mode, provider_account_id FROM money_op
             UNION ALL SELECT id::text, 'receipt', mode, provider_account_id FROM c2b_receipt
             UNION ALL SELECT id::text, 'question', mode, provider_account_id FROM provider_question
             UNION ALL SELECT id::text, 'claim of a provider', mode, provider_account_id FROM provider_event) r
           JOIN merchants_provider_account a ON a.id = r.account WHERE a.mode <> r.mode""",
    ),
    Invariant(
        "I27",
        "webhook neither delivered, nor scheduled, nor given up with a reason",
        """SELECT id FROM webhooks_delivery WHERE (state = 'open' AND next_attempt_at IS NULL)
             OR (state = 'failed' AND coalesce(last_error, '') = '' AND last_status IS NULL)""",
    ),
    Invariant(
        "I28",
        "a day's closing balance differs from the next day's opening, or from the ledger",
        """SELECT d.id FROM (SELECT *, lag(closing) OVER w AS before, lag(day) OVER w AS yesterday,
               row_number() OVER (PARTITION BY merchant_id, mode, currency ORDER BY day DESC) AS age
             FROM day_statement WINDOW w AS (PARTITION BY merchant_id, mode, currency ORDER BY day)) d
           WHERE (d.yesterday = d.day - 1 AND d.before <> d.opening)
             OR (d.age = 1 AND (d.closing->>'total')::bigint <> coalesce((
               SELECT sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END) FROM ledger_account a
                 JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_transfer t ON t.id = e.transfer_id
               WHERE a.merchant_id = d.merchant_id AND a.mode = d.mode AND a.currency = d.currency
                 AND t.posted_at < (d.day + 1)::timestamp AT TIME ZONE 'Africa/Nairobi'
                 AND coalesce(pg_visible_in_snapshot(t.xid, (SELECT c.snapshot FROM closed_day c WHERE c.day >= d.day
                   ORDER BY c.day LIMIT 1)::pg_snapshot), true)), 0))""",
    ),
    Invariant(
        "I29",
        "what a settlement was split into differs from what was released",
        """SELECT s.id FROM settlement s LEFT JOIN ledger_entry e ON e.transfer_id = s.release_transfer_id
             LEFT JOIN ledger_account a ON a.id = e.account_id
           WHERE s.closed_at IS NOT NULL GROUP BY s.id
           HAVING s.debt + s.reserve + s.available <> s.total
             OR s.total <> coalesce(sum(e.amount) FILTER (WHERE e.side = 'D' AND a.kind = 'pending'), 0)
             OR s.debt <> coalesce(sum(e.amount) FILTER (WHERE e.side = 'C' AND a.kind = 'owed'), 0)
             OR s.reserve <> coalesce(sum(e.amount) FILTER (WHERE e.side = 'C' AND a.kind = 'reserve'), 0)
             OR s.available <> coalesce(sum(e.amount) FILTER (WHERE e.side = 'C' AND a.kind = 'available'), 0)""",
    ),
    Invariant(
        "I30",
        "live payment completed by a callback alone although its merchant wants the provider asked",
        """SELECT p.id FROM transactions p JOIN provider_event v ON v.id = p.evidence_id
           WHERE p.mode = 'live' AND p.status = 'completed' AND p.confirmed_by = 'callback' AND v.door = 'collect'
             AND v.note <> 'believed unasked: so the merchant wants it' AND NOT EXISTS (
               SELECT 1 FROM provider_event q JOIN money_op o ON o.id = q.op_id
               WHERE p.id IN (o.payment_id, o.surplus_payment_id) AND q.door = 'query'
                 AND (q.status = 'applied' OR q.note = 'confirms the callback'))""",
    ),
    Invariant(
        "I31",
        "suspense differs from the receipts that wait in it",
        """SELECT a.id, r.sub FROM (SELECT * FROM ledger_account WHERE kind = 'suspense') a
           FULL JOIN (SELECT provider || ':' || shortcode AS sub, mode, currency, sum(amount) AS waiting FROM c2b_receipt
             WHERE state <> 'matched' AND suspense_transfer_id IS NOT NULL GROUP BY 1, 2, 3) r
             ON r.sub = a.sub AND r.mode = a.mode AND r.currency = a.currency
           WHERE coalesce(a.credits - a.debits, 0) <> coalesce(r.waiting, 0)""",
    ),
    Invariant(
        "I32",
        "receipt matched to a payment that has another",
        """SELECT r.id FROM c2b_receipt r JOIN transactions p ON p.id = r.payment_id
           WHERE r.state = 'matched' AND p.receipt IS DISTINCT FROM r.receipt""",
    ),
    Invariant(
        "I33",
        "receipt in suspense and captured from the float as well",
        """SELECT r.id FROM c2b_receipt r
             JOIN transactions p ON p.provider = r.provider AND p.mode = r.mode AND p.receipt = r.receipt
           WHERE p.captured > 0 AND r.suspense_transfer_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM ledger_transfer u WHERE u.reverses_id = r.suspense_transfer_id)
             AND EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
               WHERE e.transfer_id = p.capture_transfer_id AND a.kind = 'provider_float')""",
    ),
    Invariant(
        "I34",
        "one receipt of money that left booked twice",
        """SELECT merchant_id, provider, mode, receipt FROM (
             SELECT r.merchant_id, p.provider, r.mode, r.receipt FROM refunds r JOIN transactions p ON p.id = r.payment_id
               WHERE r.status = 'completed' AND r.receipt IS NOT NULL
             UNION ALL SELECT merchant_id, provider, mode, receipt FROM money_op
               WHERE status = 'succeeded' AND payout_id IS NOT NULL AND receipt IS NOT NULL) r
           GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    ),
    Invariant(
        "I35",
        "settlement's mark beyond an entry of pending that is not settled",
        """SELECT e.id FROM settlement_mark m
             JOIN ledger_entry e ON e.account_id = m.account_id AND e.account_version <= m.version
             JOIN ledger_transfer t ON t.id = e.transfer_id
             LEFT JOIN settlement_line l ON l.transfer_id = e.transfer_id
             LEFT JOIN settlement s ON s.id = l.settlement_id AND s.status <> 'open'
           WHERE s.id IS NULL AND t.kind <> 'settlement_release'
             AND (SELECT sum(CASE x.side WHEN 'C' THEN x.amount ELSE -x.amount END) FROM ledger_entry x
               JOIN ledger_account a ON a.id = x.account_id
               WHERE x.transfer_id = t.id AND a.kind = 'pending') <> 0
           UNION ALL SELECT a.id FROM settlement_mark m JOIN ledger_account a ON a.id = m.account_id
           WHERE m.version > a.version""",
    ),
    Invariant(
        "I36",
        "transfer says otherwise than its entries what is the merchant's, ours, or owed by a card provider",
        """SELECT t.id FROM ledger_transfer t JOIN (SELECT e.transfer_id AS id,
             sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END) FILTER (WHERE a.kind = 'pending') AS pending,
             sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END)
               FILTER (WHERE a.kind IN ('fee_income', 'tax_payable')) AS fee,
             bool_or(a.kind = 'provider_receivable') AS by_card
             FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id GROUP BY 1) x ON x.id = t.id
           WHERE (t.pending, t.fee, t.by_card) <> (coalesce(x.pending, 0), coalesce(x.fee, 0), x.by_card)""",
    ),
)
