-- What becomes of a captured bill when its settlement is corrected or taken back. What was captured stays as it was; each correction adds.
CREATE TABLE bill_corrections (
    bill_id       uuid        NOT NULL REFERENCES bills (id),
    number        integer     NOT NULL CONSTRAINT bill_corrections_number_check CHECK (number > 0),
    region        text        NOT NULL CONSTRAINT bill_corrections_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind          text        NOT NULL CONSTRAINT bill_corrections_kind_check CHECK (kind IN ('CORRECTED', 'REVERSED')),
    settlement_id uuid        NOT NULL,
    claim_version integer     NOT NULL CONSTRAINT bill_corrections_version_check CHECK (claim_version > 0),
    receipt_id    uuid        NOT NULL,
    corrected_at  timestamptz NOT NULL,
    PRIMARY KEY (bill_id, number),
    -- A settlement corrects its bill once, and is taken back once.
    CONSTRAINT bill_corrections_settlement_key UNIQUE (settlement_id, kind)
);
CREATE INDEX bill_corrections_dated ON bill_corrections USING brin (corrected_at);

COMMENT ON TABLE  bill_corrections               IS 'Append-only. The last one of a bill is what its payers pay now.';
COMMENT ON COLUMN bill_corrections.settlement_id IS 'CORRECTED: the settlement that took the place; REVERSED: the one that was taken back.';
COMMENT ON COLUMN bill_corrections.claim_version IS 'Of that settlement: an older one than was followed before has no effect.';

CREATE TABLE corrected_shares (
    bill_id        uuid          NOT NULL,
    number         integer       NOT NULL,
    line           smallint      NOT NULL CONSTRAINT corrected_shares_line_check CHECK (line > 0),
    region         text          NOT NULL,
    payer          text          NOT NULL CONSTRAINT corrected_shares_payer_check CHECK (payer IN (
                       'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'CREDIT', 'DESK', 'ARREARS')),
    amount         numeric(16,2) NOT NULL CONSTRAINT corrected_shares_amount_check CHECK (amount > 0),
    credit_line_id uuid          REFERENCES credit_lines (id),
    PRIMARY KEY (bill_id, number, line),
    CONSTRAINT corrected_shares_correction_fkey FOREIGN KEY (bill_id, number) REFERENCES bill_corrections (bill_id, number),
    CONSTRAINT corrected_shares_credit_check CHECK ((payer = 'CREDIT') = (credit_line_id IS NOT NULL))
);

COMMENT ON TABLE corrected_shares IS 'Append-only. Who pays how much from a correction on; none where the settlement was taken back.';

ALTER TABLE bills
    ADD COLUMN correction   integer NOT NULL DEFAULT 0 CONSTRAINT bills_correction_check CHECK (correction >= 0),
    ADD COLUMN corrected_at timestamptz,
    ADD COLUMN refunded_at  timestamptz;

COMMENT ON COLUMN bills.correction   IS 'Number of the last correction; 0: what was captured stands.';
COMMENT ON COLUMN bills.corrected_at IS 'When its settlement was last replaced.';
COMMENT ON COLUMN bills.refunded_at  IS 'When its settlement was taken back: everything goes back.';

-- A corrected bill has a receipt for each correction; it names the one before.
ALTER TABLE receipts
    DROP CONSTRAINT receipts_bill_key,
    ADD COLUMN correction  integer NOT NULL DEFAULT 0,
    ADD COLUMN corrects_id uuid CONSTRAINT receipts_corrects_fkey REFERENCES receipts (id),
    ADD CONSTRAINT receipts_bill_key UNIQUE (bill_id, correction),
    ADD CONSTRAINT receipts_corrects_check CHECK ((correction = 0) = (corrects_id IS NULL));

COMMENT ON TABLE  receipts             IS 'Append-only. The rest of a receipt is its bill as captured, or as a correction left it; neither changes.';
COMMENT ON COLUMN receipts.correction  IS 'Of which correction of the bill; 0: of its capture.';
COMMENT ON COLUMN receipts.corrects_id IS 'The receipt that it takes the place of.';

-- What goes back to a bank.
ALTER TABLE bank_orders
    DROP CONSTRAINT bank_orders_kind_check,
    ADD CONSTRAINT bank_orders_kind_check CHECK (kind IN ('CAPTURE', 'REFUND')),
    ADD COLUMN correction integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT bank_orders_purpose_key,
    ADD CONSTRAINT bank_orders_purpose_key UNIQUE (bill_id, credit_line_id, kind, correction),
    ADD CONSTRAINT bank_orders_correction_check CHECK ((kind = 'REFUND') = (correction > 0));

COMMENT ON COLUMN bank_orders.correction IS 'Of a REFUND: by which correction of the bill.';

ALTER TABLE accounts
    DROP CONSTRAINT accounts_kind_check,
    ADD CONSTRAINT accounts_kind_check CHECK (kind IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'BANK_RECEIVABLE', 'BANK_CLEARING',
        'BANK_REFUNDABLE', 'DESK_COLLECTED', 'ARREARS', 'RESIDENT_REFUNDABLE', 'PROVIDER_PAYABLE', 'PROVIDER_PAID',
        'PROVIDER_WITHHELD'));

ALTER TABLE transfers
    ADD COLUMN number integer NOT NULL DEFAULT 0 CONSTRAINT transfers_number_check CHECK (number >= 0),
    DROP CONSTRAINT transfers_purpose_check,
    ADD CONSTRAINT transfers_purpose_check CHECK (purpose IN (
        'BILL_CAPTURED', 'PROVIDER_SETTLED', 'BILL_REVERSED', 'BILL_CORRECTED', 'PROVIDER_WITHHELD',
        'BANK_CLEARED', 'BANK_DECLINED', 'REFUND_CLEARED', 'REFUND_DECLINED')),
    DROP CONSTRAINT transfers_order_check,
    ADD CONSTRAINT transfers_order_check CHECK (
        (order_id IS NOT NULL) = (purpose IN ('BANK_CLEARED', 'BANK_DECLINED', 'REFUND_CLEARED', 'REFUND_DECLINED')));
DROP INDEX transfers_bill_purpose_key;
CREATE UNIQUE INDEX transfers_bill_purpose_key ON transfers (bill_id, purpose, number) WHERE order_id IS NULL;

COMMENT ON COLUMN transfers.number IS 'Of BILL_REVERSED and BILL_CORRECTED: by which correction; of PROVIDER_WITHHELD: which of the bill''s.';

-- What audit rules withhold of what the provider is paid, as adjudication told it last.
CREATE TABLE withholdings (
    finding_id    uuid          PRIMARY KEY,
    region        text          NOT NULL CONSTRAINT withholdings_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bill_id       uuid          NOT NULL REFERENCES bills (id),
    settlement_id uuid          NOT NULL,
    line          integer       NOT NULL CONSTRAINT withholdings_line_check CHECK (line >= 0),
    state         text          NOT NULL CONSTRAINT withholdings_state_check CHECK (state IN ('QUESTIONED', 'CUT', 'RELEASED')),
    amount        numeric(16,2) NOT NULL CONSTRAINT withholdings_amount_check CHECK (amount >= 0),
    position      bigint        NOT NULL CONSTRAINT withholdings_position_check CHECK (position > 0),
    told_at       timestamptz   NOT NULL,
    CONSTRAINT withholdings_released_check CHECK ((state = 'RELEASED') = (amount = 0))
);
CREATE INDEX withholdings_bill ON withholdings (bill_id);
CREATE INDEX withholdings_dated ON withholdings USING brin (told_at);

COMMENT ON TABLE  withholdings          IS 'One row a finding.';
COMMENT ON COLUMN withholdings.line     IS 'Of the claim, from 1; 0: about the claim as a whole.';
COMMENT ON COLUMN withholdings.amount   IS 'QUESTIONED: withheld until a reviewer decides; CUT: back with the funds.';
COMMENT ON COLUMN withholdings.position IS 'In adjudication''s feed: what was told before that has no effect any more.';

CREATE TRIGGER bill_corrections_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bill_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER corrected_shares_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON corrected_shares
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CALL protect_by_region('bill_corrections');
CALL protect_by_region('corrected_shares');
CALL protect_by_region('withholdings');
CALL append_only('bill_corrections');
CALL append_only('corrected_shares');
CALL audited('bills');
CALL audited('receipts');
CALL audited('bank_orders');
CALL audited('transfers');
CALL audited('bill_corrections');
CALL audited('corrected_shares');
CALL audited('withholdings');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON withholdings FROM %I', service_role());
END
$$;
