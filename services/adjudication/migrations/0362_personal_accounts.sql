-- Personal accounts (个人账户): what the bureau credited and settlements have not taken. A division promises what it will take: no row says
-- so but the division itself, until it lapses.
CREATE TABLE personal_accounts (
    resident_id uuid           PRIMARY KEY,
    region      text           NOT NULL CONSTRAINT personal_accounts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    balance     numeric(16, 2) NOT NULL CONSTRAINT personal_accounts_balance_check CHECK (balance >= 0),
    moved_at    timestamptz    NOT NULL
);
CREATE INDEX personal_accounts_dated ON personal_accounts USING brin (moved_at);
COMMENT ON TABLE  personal_accounts          IS 'The sum of account_entries, never overdrawn; locked by whoever promises or takes.';
COMMENT ON COLUMN personal_accounts.moved_at IS 'When it last moved.';
CALL protect_by_region('personal_accounts');

CREATE TABLE account_entries (
    id            uuid           PRIMARY KEY,
    region        text           NOT NULL CONSTRAINT account_entries_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id   uuid           NOT NULL CONSTRAINT account_entries_account_fkey REFERENCES personal_accounts (resident_id),
    booking       text           NOT NULL CONSTRAINT account_entries_booking_check CHECK (booking IN ('CREDITED', 'TAKEN', 'RETURNED')),
    amount        numeric(16, 2) NOT NULL CONSTRAINT account_entries_amount_check CHECK (amount <> 0),
    settlement_id uuid           CONSTRAINT account_entries_settlement_fkey REFERENCES settlements (id),
    reference     text,
    booked_by     text,
    booked_at     timestamptz    NOT NULL,
    CONSTRAINT account_entries_sign CHECK ((booking = 'TAKEN') = (amount < 0)),
    CONSTRAINT account_entries_cause CHECK ((booking = 'CREDITED') = (settlement_id IS NULL)
        AND (booking = 'CREDITED') = (reference IS NOT NULL) AND (booking = 'CREDITED') = (booked_by IS NOT NULL)),
    CONSTRAINT account_entries_once UNIQUE (settlement_id, resident_id, booking)
);
CREATE INDEX account_entries_resident ON account_entries (resident_id, id);
CREATE INDEX account_entries_dated ON account_entries USING brin (booked_at);
COMMENT ON TABLE  account_entries               IS 'Append-only: what moved an account.';
COMMENT ON COLUMN account_entries.resident_id   IS 'Whose account.';
COMMENT ON COLUMN account_entries.settlement_id IS 'What took it or gave it back, of the holder or of one of the family; null for a credit.';
COMMENT ON COLUMN account_entries.reference     IS 'The bureau''s, of a credit.';
CALL protect_by_region('account_entries');
CALL append_only('account_entries');
CALL audited('account_entries');

-- Who of the family may be paid for from an account (家庭共济).
CREATE TABLE account_shares (
    id                 uuid        PRIMARY KEY,
    region             text        NOT NULL CONSTRAINT account_shares_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id        uuid        NOT NULL,
    member_resident_id uuid        NOT NULL,
    until              date,
    shared_at          timestamptz NOT NULL,
    CONSTRAINT account_shares_two CHECK (resident_id <> member_resident_id),
    CONSTRAINT account_shares_pair UNIQUE (resident_id, member_resident_id)
);
CREATE INDEX account_shares_member ON account_shares (member_resident_id);
CREATE INDEX account_shares_dated ON account_shares USING brin (shared_at);
COMMENT ON TABLE  account_shares             IS 'By the holder''s own word.';
COMMENT ON COLUMN account_shares.resident_id IS 'Whose account.';
COMMENT ON COLUMN account_shares.until       IS 'Last day; null until the holder says otherwise.';
CALL protect_by_region('account_shares');
CALL audited('account_shares');

-- By which means the person's share is paid, beside cash: payment charges each its own.
ALTER TABLE settlements
    ADD COLUMN top_up        numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT settlements_top_up_check CHECK (top_up >= 0),
    ADD COLUMN voucher       numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT settlements_voucher_check CHECK (voucher >= 0),
    ADD COLUMN account       numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT settlements_account_check CHECK (account >= 0),
    ADD COLUMN mutual_aid    numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT settlements_mutual_aid_check CHECK (mutual_aid >= 0),
    ADD COLUMN account_of    uuid,
    ADD COLUMN mutual_aid_of uuid,
    ADD CONSTRAINT settlements_means CHECK (top_up + voucher + account + mutual_aid <= fully_own + first_self_pay + deductible + pooled_own
        + large_amount_own + beyond_cover - critical_illness_fund - assistance_fund),
    ADD CONSTRAINT settlements_drawn CHECK ((account = 0 OR account_of IS NOT NULL) AND (mutual_aid = 0 OR mutual_aid_of IS NOT NULL));
CREATE INDEX settlements_account_promised ON settlements (account_of) WHERE state = 'DIVIDED' AND account > 0;
CREATE INDEX settlements_mutual_aid_promised ON settlements (mutual_aid_of) WHERE state = 'DIVIDED' AND mutual_aid > 0;

COMMENT ON COLUMN settlements.top_up        IS 'Of the person''s share, what a commercial top-up pays.';
COMMENT ON COLUMN settlements.voucher       IS 'Of the same, what a voucher pays.';
COMMENT ON COLUMN settlements.account       IS 'Of the same, what the personal account pays.';
COMMENT ON COLUMN settlements.mutual_aid    IS 'Of the same, what the account of one of the family pays.';
COMMENT ON COLUMN settlements.account_of    IS 'Whose account: of the ids of one person, the one that it stands under.';
COMMENT ON COLUMN settlements.mutual_aid_of IS 'Whose account of the family''s.';

UPDATE settlements
SET top_up     = coalesce((adjudication->'shares'->>'top_up')::numeric, 0),
    voucher    = coalesce((adjudication->'shares'->>'voucher')::numeric, 0)
WHERE adjudication->'shares' ?| ARRAY['top_up', 'voucher'];

CALL audited('settlements');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON personal_accounts, account_entries, account_shares FROM %I', service_role());
END
$$;
