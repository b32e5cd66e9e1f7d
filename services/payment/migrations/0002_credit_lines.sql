-- What banks lend residents for care.
CREATE TABLE credit_lines (
    id               uuid          PRIMARY KEY,
    region           text          NOT NULL CONSTRAINT credit_lines_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bank_id          uuid          NOT NULL,
    resident_id      uuid          NOT NULL,
    agreement_sha256 text          NOT NULL CONSTRAINT credit_lines_agreement_check CHECK (agreement_sha256 ~ '^[0-9a-f]{64}$'),
    limit_amount     numeric(16,2) NOT NULL CONSTRAINT credit_lines_limit_check CHECK (limit_amount > 0),
    used             numeric(16,2) NOT NULL DEFAULT 0 CONSTRAINT credit_lines_used_floor CHECK (used >= 0),
    held             numeric(16,2) NOT NULL DEFAULT 0 CONSTRAINT credit_lines_held_floor CHECK (held >= 0),
    valid_until      timestamptz   NOT NULL,
    state            text          NOT NULL CONSTRAINT credit_lines_state_check CHECK (state IN ('ACTIVE', 'SUSPENDED')),
    granted_at       timestamptz   NOT NULL,
    version          bigint        NOT NULL DEFAULT 1,
    CONSTRAINT credit_lines_agreement_key UNIQUE (region, bank_id, resident_id, agreement_sha256)
);

COMMENT ON TABLE  credit_lines              IS 'One line per bank, resident and agreement.';
COMMENT ON COLUMN credit_lines.limit_amount IS 'Binds new authorisations: a lower one leaves what is used and held.';
COMMENT ON COLUMN credit_lines.used         IS 'Sum of captured credit shares the bank has not declined.';
COMMENT ON COLUMN credit_lines.held         IS 'Sum of credit shares of authorised bills and bills being captured.';

-- The last guard against an overdraft: whatever raises what is drawn must fit the limit.
CREATE FUNCTION check_credit_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.used + NEW.held > OLD.used + OLD.held AND NEW.used + NEW.held > NEW.limit_amount THEN
        RAISE EXCEPTION 'credit line % would be overdrawn', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_lines_never_overdrawn', TABLE = 'credit_lines';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_lines_never_overdrawn BEFORE UPDATE ON credit_lines
    FOR EACH ROW EXECUTE FUNCTION check_credit_limit();

CALL protect_by_region('credit_lines');
