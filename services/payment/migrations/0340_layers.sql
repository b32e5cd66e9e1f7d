-- The funds above basic insurance pay shares of their own.
ALTER TABLE accounts
    DROP CONSTRAINT accounts_kind_check,
    ADD CONSTRAINT accounts_kind_check CHECK (kind IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'BANK_RECEIVABLE', 'BANK_CLEARING',
        'DESK_COLLECTED', 'ARREARS', 'PROVIDER_PAYABLE', 'PROVIDER_PAID'));

ALTER TABLE bill_shares
    DROP CONSTRAINT bill_shares_payer_check,
    ADD CONSTRAINT bill_shares_payer_check CHECK (payer IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'CREDIT', 'DESK', 'ARREARS'));
