-- What banks are asked to do. A timeout is UNKNOWN, never a failure.
CREATE TABLE bank_orders (
    id             uuid          PRIMARY KEY,
    region         text          NOT NULL CONSTRAINT bank_orders_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bank_id        uuid          NOT NULL,
    bill_id        uuid          NOT NULL REFERENCES bills (id),
    credit_line_id uuid          NOT NULL REFERENCES credit_lines (id),
    kind           text          NOT NULL CONSTRAINT bank_orders_kind_check CHECK (kind IN ('CAPTURE')),
    state          text          NOT NULL CONSTRAINT bank_orders_state_check CHECK (state IN (
                       'INTENT', 'SENT', 'UNKNOWN', 'SUCCEEDED', 'FAILED')),
    amount         numeric(16,2) NOT NULL CONSTRAINT bank_orders_amount_check CHECK (amount > 0),
    bank_reference text          CONSTRAINT bank_orders_reference_check CHECK (length(bank_reference) BETWEEN 1 AND 64),
    created_at     timestamptz   NOT NULL,
    reported_at    timestamptz,
    -- Single charge: one order to a bill, line and kind.
    CONSTRAINT bank_orders_purpose_key UNIQUE (bill_id, credit_line_id, kind),
    CONSTRAINT bank_orders_succeeded_check CHECK (state <> 'SUCCEEDED' OR bank_reference IS NOT NULL)
);
CREATE INDEX bank_orders_bank ON bank_orders (bank_id, state, id);
CREATE INDEX bank_orders_awaiting ON bank_orders (bank_id, id) WHERE state IN ('INTENT', 'SENT', 'UNKNOWN');

COMMENT ON COLUMN bank_orders.id          IS 'The bank''s own key for the order. Ids are in order of creation.';
COMMENT ON COLUMN bank_orders.reported_at IS 'When it happened, by the word of the bank.';

CALL protect_by_region('bank_orders');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE ON bank_orders FROM %I', service_role());
END
$$;
