-- The double-entry ledger. Debits are positive, credits negative, CNY. What every transfer means stands in the README.
CREATE TABLE accounts (
    id        uuid        PRIMARY KEY,
    region    text        NOT NULL CONSTRAINT accounts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind      text        NOT NULL CONSTRAINT accounts_kind_check CHECK (kind IN (
                  'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'BANK_RECEIVABLE', 'BANK_CLEARING', 'DESK_COLLECTED', 'ARREARS',
                  'PROVIDER_PAYABLE', 'PROVIDER_PAID')),
    holder    text        NOT NULL CONSTRAINT accounts_holder_check CHECK (length(holder) BETWEEN 1 AND 64),
    opened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_holder_key UNIQUE (region, kind, holder),
    CONSTRAINT accounts_region_key UNIQUE (id, region)
);

COMMENT ON TABLE  accounts        IS 'Who owes or is owed. Keeps no balance: a row that every payment wrote would queue the whole city behind it.';
COMMENT ON COLUMN accounts.holder IS 'Id of the organisation or resident; for funds the region code.';

CREATE TABLE transfers (
    id          uuid        PRIMARY KEY,
    region      text        NOT NULL CONSTRAINT transfers_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    purpose     text        NOT NULL CONSTRAINT transfers_purpose_check CHECK (purpose IN (
                    'BILL_CAPTURED', 'PROVIDER_SETTLED', 'BANK_CLEARED', 'BANK_DECLINED')),
    bill_id     uuid        NOT NULL,
    order_id    uuid,
    posted_at   timestamptz NOT NULL,
    -- Legs are written with their transfer or never.
    transaction xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT transfers_region_key UNIQUE (id, region),
    CONSTRAINT transfers_order_check CHECK ((order_id IS NOT NULL) = (purpose IN ('BANK_CLEARED', 'BANK_DECLINED')))
);
-- Single charge: one posting to a bill and purpose, one word of the bank to an order.
CREATE UNIQUE INDEX transfers_bill_purpose_key ON transfers (bill_id, purpose) WHERE order_id IS NULL;
CREATE UNIQUE INDEX transfers_order_key ON transfers (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX transfers_bill ON transfers (bill_id);

COMMENT ON TABLE transfers IS 'Append-only. A correction is another transfer.';

CREATE TABLE entries (
    transfer_id uuid          NOT NULL,
    line        smallint      NOT NULL CONSTRAINT entries_line_check CHECK (line > 0),
    region      text          NOT NULL,
    account_id  uuid          NOT NULL,
    amount      numeric(16,2) NOT NULL CONSTRAINT entries_amount_check CHECK (amount <> 0),
    PRIMARY KEY (transfer_id, line),
    CONSTRAINT entries_transfer_fkey FOREIGN KEY (transfer_id, region) REFERENCES transfers (id, region),
    CONSTRAINT entries_account_fkey FOREIGN KEY (account_id, region) REFERENCES accounts (id, region)
);
CREATE INDEX entries_account ON entries (account_id) INCLUDE (amount);

COMMENT ON TABLE  entries        IS 'Append-only legs of transfers; those of one transfer sum to zero.';
COMMENT ON COLUMN entries.amount IS 'CNY. Debit positive, credit negative.';

-- Runs as the owner, so that row security hides no leg from the sum. pg_temp comes last: first, as it is unless named, a temporary
-- table of whoever inserts would be read in place of the ledger.
CREATE FUNCTION check_transfer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    checked uuid := CASE TG_TABLE_NAME WHEN 'transfers' THEN (to_jsonb(NEW)->>'id')::uuid ELSE (to_jsonb(NEW)->>'transfer_id')::uuid END;
    legs    bigint;
    total   numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO legs, total FROM entries WHERE transfer_id = checked;
    IF legs < 2 THEN
        RAISE EXCEPTION 'transfer % has % entries, at least 2 are needed', checked, legs
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_at_least_two', TABLE = 'entries';
    END IF;
    IF total <> 0 THEN
        RAISE EXCEPTION 'transfer % does not sum to zero', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero', TABLE = 'entries';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER transfers_balanced AFTER INSERT ON transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_transfer();
CREATE CONSTRAINT TRIGGER entries_balanced AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_transfer();

-- A balanced pair added later would change what a posted transfer says.
CREATE FUNCTION check_same_transaction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM transfers WHERE id = NEW.transfer_id AND transaction <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'transfer % is posted', NEW.transfer_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_with_their_transfer', TABLE = 'entries';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER entries_with_their_transfer BEFORE INSERT ON entries
    FOR EACH ROW EXECUTE FUNCTION check_same_transaction();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER accounts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Balances are derived, never kept. With the reader's own rights: a region sees its own.
CREATE VIEW account_balances WITH (security_invoker = true) AS
SELECT account.id, account.region, account.kind, account.holder,
       coalesce(sum(entry.amount), 0)::numeric(16,2) AS balance, count(entry.amount) AS entries
FROM accounts account LEFT JOIN entries entry ON entry.account_id = account.id
GROUP BY account.id;

COMMENT ON VIEW account_balances IS 'Balance = sum of entries. Debit positive, credit negative.';

CALL protect_by_region('accounts');
CALL protect_by_region('transfers');
CALL protect_by_region('entries');
CALL append_only('accounts');
CALL append_only('transfers');
CALL append_only('entries');
CALL read_only('account_balances');
