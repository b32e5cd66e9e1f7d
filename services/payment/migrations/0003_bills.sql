-- Bills and who pays them.

-- Every bill id ever named, so that a cancel which overtakes its authorisation is remembered, and the two cannot both win.
CREATE TABLE bill_ids (
    bill_id      uuid        PRIMARY KEY,
    region       text        NOT NULL CONSTRAINT bill_ids_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id  uuid        NOT NULL,
    cancelled_at timestamptz
);

COMMENT ON COLUMN bill_ids.cancelled_at IS 'Set where the id was cancelled before a bill was opened under it.';

CREATE TABLE bills (
    id             uuid          PRIMARY KEY CONSTRAINT bills_id_fkey REFERENCES bill_ids (bill_id),
    region         text          NOT NULL CONSTRAINT bills_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id    uuid          NOT NULL,
    payee_id       uuid          NOT NULL,
    state          text          NOT NULL CONSTRAINT bills_state_check CHECK (state IN (
                       'AUTHORISED', 'CAPTURING', 'CAPTURED', 'SETTLED', 'CANCELLED')),
    total          numeric(16,2) NOT NULL CONSTRAINT bills_total_check CHECK (total >= 0),
    quote_id       uuid,
    settlement_id  uuid,
    appointment_id uuid,
    journey_id     uuid,
    opened_at      timestamptz   NOT NULL,
    expires_at     timestamptz   NOT NULL,
    captured_at    timestamptz,
    receipt_id     uuid,
    version        bigint        NOT NULL,
    CONSTRAINT bills_basis_check CHECK (quote_id IS NOT NULL OR settlement_id IS NOT NULL),
    CONSTRAINT bills_capture_check CHECK (state NOT IN ('CAPTURING', 'CAPTURED', 'SETTLED') OR settlement_id IS NOT NULL),
    CONSTRAINT bills_captured_check CHECK (
        (state IN ('CAPTURED', 'SETTLED')) = (captured_at IS NOT NULL) AND (captured_at IS NULL) = (receipt_id IS NULL))
);
-- A settlement is paid once.
CREATE UNIQUE INDEX bills_settlement_key ON bills (settlement_id) WHERE state <> 'CANCELLED';
-- A quote holds credit once.
CREATE UNIQUE INDEX bills_quote_key ON bills (quote_id) WHERE state <> 'CANCELLED' AND quote_id IS NOT NULL;
CREATE INDEX bills_resident ON bills (resident_id, opened_at DESC, id DESC);
CREATE INDEX bills_payee ON bills (payee_id, opened_at DESC, id DESC);
CREATE INDEX bills_appointment ON bills (appointment_id) WHERE state = 'AUTHORISED' AND appointment_id IS NOT NULL;
CREATE INDEX bills_expiry ON bills (expires_at, id) WHERE state = 'AUTHORISED';

COMMENT ON TABLE  bills         IS 'What is owed to a provider for one piece of care. Whoever opens one may choose its id.';
COMMENT ON COLUMN bills.total   IS 'Sum of bill_shares; from a quote the own share alone.';
COMMENT ON COLUMN bills.version IS 'Raised by each change.';

CREATE TABLE bill_shares (
    bill_id        uuid          NOT NULL REFERENCES bills (id),
    line           smallint      NOT NULL CONSTRAINT bill_shares_line_check CHECK (line > 0),
    region         text          NOT NULL,
    payer          text          NOT NULL CONSTRAINT bill_shares_payer_check CHECK (payer IN (
                       'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CREDIT', 'DESK', 'ARREARS')),
    amount         numeric(16,2) NOT NULL CONSTRAINT bill_shares_amount_check CHECK (amount > 0),
    credit_line_id uuid          REFERENCES credit_lines (id),
    PRIMARY KEY (bill_id, line),
    CONSTRAINT bill_shares_credit_check CHECK ((payer = 'CREDIT') = (credit_line_id IS NOT NULL))
);
CREATE UNIQUE INDEX bill_shares_payer_key ON bill_shares (bill_id, payer, credit_line_id) NULLS NOT DISTINCT;

COMMENT ON TABLE bill_shares IS 'Replaced as a whole when a bill is re-based; fixed from its capture on.';

CREATE TABLE receipts (
    id            uuid        PRIMARY KEY,
    region        text        NOT NULL CONSTRAINT receipts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bill_id       uuid        NOT NULL CONSTRAINT receipts_bill_key UNIQUE REFERENCES bills (id),
    issued_at     timestamptz NOT NULL,
    hash          text        NOT NULL CONSTRAINT receipts_hash_check CHECK (hash ~ '^[0-9a-f]{64}$')
);

COMMENT ON TABLE  receipts      IS 'Append-only. The rest of a receipt is its bill, which no longer changes.';
COMMENT ON COLUMN receipts.hash IS 'As anjia.payment.v1.Receipt.hash says; its salted digest stands in the audit entry of the capture.';

CREATE TRIGGER receipts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CALL protect_by_region('bill_ids');
CALL protect_by_region('bills');
CALL protect_by_region('bill_shares');
CALL protect_by_region('receipts');
CALL append_only('receipts');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON bill_ids FROM %I', service_role());
    EXECUTE format('REVOKE DELETE ON bills FROM %I', service_role());
    -- The expiry loop finds due bills in all regions and learns nothing else about them.
    EXECUTE format('GRANT SELECT (id, region, state, expires_at) ON bills TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON bills FOR SELECT TO %I USING (true)', worker_role());
END
$$;
