-- What a desk takes and gives after a bill was captured. Arrears that were taken are a correction of who pays the bill; what is given back is a
-- payout, which another one of the desk has witnessed.
ALTER TABLE bill_corrections
    DROP CONSTRAINT bill_corrections_kind_check,
    ADD CONSTRAINT bill_corrections_kind_check CHECK (kind IN ('CORRECTED', 'REVERSED', 'COLLECTED')),
    DROP CONSTRAINT bill_corrections_settlement_key,
    ADD COLUMN collected numeric(16,2) NOT NULL DEFAULT 0 CONSTRAINT bill_corrections_collected_check CHECK (collected >= 0);
-- A settlement corrects its bill once, and is taken back once; arrears are taken as often as somebody comes to pay.
CREATE UNIQUE INDEX bill_corrections_settlement_key ON bill_corrections (settlement_id, kind) WHERE kind <> 'COLLECTED';

COMMENT ON COLUMN bill_corrections.settlement_id IS 'CORRECTED: the settlement that took the place; REVERSED: the one that was taken back; COLLECTED: the one in force.';
COMMENT ON COLUMN bill_corrections.collected     IS 'What desks have taken of the share of ARREARS so far.';

CREATE TABLE collections (
    bill_id      uuid          NOT NULL,
    number       integer       NOT NULL,
    region       text          NOT NULL CONSTRAINT collections_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    amount       numeric(16,2) NOT NULL CONSTRAINT collections_amount_check CHECK (amount > 0),
    means        text          NOT NULL CONSTRAINT collections_means_check CHECK (means IN ('CASH', 'CARD')),
    reference    text          NOT NULL CONSTRAINT collections_reference_check CHECK (length(reference) <= 64),
    collected_by text          NOT NULL,
    collected_at timestamptz   NOT NULL,
    PRIMARY KEY (bill_id, number),
    CONSTRAINT collections_correction_fkey FOREIGN KEY (bill_id, number) REFERENCES bill_corrections (bill_id, number),
    CONSTRAINT collections_card_check CHECK ((means = 'CARD') = (reference <> ''))
);
CREATE INDEX collections_dated ON collections USING brin (collected_at);

COMMENT ON TABLE  collections        IS 'Append-only. Arrears that the payee''s desk took; `number` is that of the correction.';
COMMENT ON COLUMN collections.amount IS 'CNY.';

CREATE TABLE payouts (
    id           uuid          PRIMARY KEY,
    region       text          NOT NULL CONSTRAINT payouts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bill_id      uuid          NOT NULL REFERENCES bills (id),
    amount       numeric(16,2) NOT NULL CONSTRAINT payouts_amount_check CHECK (amount > 0),
    means        text          NOT NULL CONSTRAINT payouts_means_check CHECK (means IN ('CASH', 'CARD')),
    reference    text          NOT NULL CONSTRAINT payouts_reference_check CHECK (length(reference) <= 64),
    state        text          NOT NULL CONSTRAINT payouts_state_check CHECK (state IN ('OPEN', 'PAID', 'REPLACED')),
    opened_by    text          NOT NULL,
    opened_at    timestamptz   NOT NULL,
    witnessed_by text,
    paid_at      timestamptz,
    receipt_id   uuid,
    number       integer,
    CONSTRAINT payouts_card_check CHECK ((means = 'CARD') = (reference <> '')),
    CONSTRAINT payouts_paid_check CHECK (
        (state = 'PAID') = (witnessed_by IS NOT NULL) AND num_nulls(witnessed_by, paid_at, receipt_id, number) IN (0, 4)),
    CONSTRAINT payouts_witness_check CHECK (witnessed_by <> opened_by),
    CONSTRAINT payouts_number_key UNIQUE (bill_id, number)
);
CREATE UNIQUE INDEX payouts_open_key ON payouts (bill_id) WHERE state = 'OPEN';
CREATE INDEX payouts_dated ON payouts USING brin (opened_at);

COMMENT ON TABLE  payouts        IS 'What desks give back. Of a bill one is open at most.';
COMMENT ON COLUMN payouts.amount IS 'CNY.';
COMMENT ON COLUMN payouts.number IS 'Which of the bill''s that were paid, from 1.';

ALTER TABLE bills ADD COLUMN collected_at timestamptz;

COMMENT ON COLUMN bills.collected_at IS 'When a desk last took arrears of it.';

ALTER TABLE receipts
    ADD COLUMN payout_id uuid CONSTRAINT receipts_payout_fkey REFERENCES payouts (id),
    DROP CONSTRAINT receipts_bill_key,
    DROP CONSTRAINT receipts_corrects_check,
    ADD CONSTRAINT receipts_corrects_check CHECK (
        CASE WHEN payout_id IS NULL THEN (correction = 0) = (corrects_id IS NULL) ELSE corrects_id IS NULL END);
CREATE UNIQUE INDEX receipts_bill_key ON receipts (bill_id, correction) WHERE payout_id IS NULL;
CREATE UNIQUE INDEX receipts_payout_key ON receipts (payout_id) WHERE payout_id IS NOT NULL;

COMMENT ON COLUMN receipts.payout_id IS 'Of what was given back; null: of the bill itself.';

ALTER TABLE transfers
    DROP CONSTRAINT transfers_purpose_check,
    ADD CONSTRAINT transfers_purpose_check CHECK (purpose IN (
        'BILL_CAPTURED', 'PROVIDER_SETTLED', 'BILL_REVERSED', 'BILL_CORRECTED', 'PROVIDER_WITHHELD', 'ARREARS_COLLECTED', 'DESK_REFUNDED',
        'BANK_CLEARED', 'BANK_DECLINED', 'REFUND_CLEARED', 'REFUND_DECLINED'));

COMMENT ON COLUMN transfers.number IS 'Of BILL_REVERSED, BILL_CORRECTED and ARREARS_COLLECTED: by which correction; of PROVIDER_WITHHELD and DESK_REFUNDED: which of the bill''s.';

CALL protect_by_region('collections');
CALL protect_by_region('payouts');
CALL append_only('collections');
CALL audited('bills');
CALL audited('receipts');
CALL audited('bill_corrections');
CALL audited('collections');
CALL audited('payouts');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON payouts FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (state, witnessed_by, paid_at, receipt_id, number) ON payouts TO %I', service_role());
    -- As before, and that what desks took and gave is what was posted.
    EXECUTE 'CREATE OR REPLACE VIEW payment_violations WITH (security_invoker = true) AS '
        || rtrim(pg_get_viewdef('payment_violations'::regclass), ';') || $view$
        UNION ALL
        SELECT 'ARREARS_COLLECTED_OTHERWISE', correction.bill_id FROM bill_corrections correction
        LEFT JOIN collections taken USING (bill_id, number)
        LEFT JOIN transfers transfer ON transfer.bill_id = correction.bill_id AND transfer.purpose = 'ARREARS_COLLECTED'
            AND transfer.number = correction.number
        LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM entries WHERE transfer_id = transfer.id AND amount > 0) posted ON true
        WHERE CASE WHEN correction.kind = 'COLLECTED' THEN taken.amount IS NULL OR posted.amount IS DISTINCT FROM taken.amount
                   ELSE taken.amount IS NOT NULL OR posted.amount IS NOT NULL END
        UNION ALL
        SELECT 'PAYOUT_POSTED_OTHERWISE', payout.id FROM payouts payout
        LEFT JOIN transfers transfer ON transfer.bill_id = payout.bill_id AND transfer.purpose = 'DESK_REFUNDED' AND transfer.number = payout.number
        LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM entries WHERE transfer_id = transfer.id AND amount > 0) posted ON true
        WHERE posted.amount IS DISTINCT FROM CASE payout.state WHEN 'PAID' THEN payout.amount END
           OR payout.state = 'PAID' AND NOT EXISTS (SELECT FROM receipts WHERE id = payout.receipt_id AND payout_id = payout.id)
        UNION ALL
        SELECT 'PAYOUT_MISSING', transfer.id FROM transfers transfer
        WHERE transfer.purpose = 'DESK_REFUNDED' AND NOT EXISTS (
            SELECT FROM payouts WHERE bill_id = transfer.bill_id AND number = transfer.number)
        UNION ALL
        SELECT 'ARREARS_OTHERWISE', bill.id FROM bills bill
        WHERE bill.state IN ('CAPTURED', 'SETTLED')
          AND (SELECT coalesce(sum(amount), 0) FROM present_shares WHERE bill_id = bill.id AND payer = 'ARREARS')
              > (SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
                 JOIN accounts account ON account.id = entry.account_id
                 WHERE transfer.bill_id = bill.id AND account.kind = 'ARREARS')$view$;
END
$$;
