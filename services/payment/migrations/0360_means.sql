-- What pays the person's share beside money: by adjudication's word, as the funds.
ALTER TABLE accounts
    DROP CONSTRAINT accounts_kind_check,
    ADD CONSTRAINT accounts_kind_check CHECK (kind IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT',
        'MUTUAL_AID', 'BANK_RECEIVABLE', 'BANK_CLEARING', 'DESK_COLLECTED', 'ARREARS', 'PROVIDER_PAYABLE', 'PROVIDER_PAID'));

ALTER TABLE bill_shares
    DROP CONSTRAINT bill_shares_payer_check,
    ADD CONSTRAINT bill_shares_payer_check CHECK (payer IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT',
        'MUTUAL_AID', 'CREDIT', 'DESK', 'ARREARS'));
