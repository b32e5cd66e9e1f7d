-- What pays the person's share beside money: by adjudication's word, as the funds.
ALTER TABLE accounts
    DROP CONSTRAINT accounts_kind_check,
    ADD CONSTRAINT accounts_kind_check CHECK (kind IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT',
        'MUTUAL_AID', 'BANK_RECEIVABLE', 'BANK_CLEARING', 'BANK_REFUNDABLE', 'DESK_COLLECTED', 'ARREARS', 'RESIDENT_REFUNDABLE',
        'PROVIDER_PAYABLE', 'PROVIDER_PAID', 'PROVIDER_WITHHELD'));

ALTER TABLE bill_shares
    DROP CONSTRAINT bill_shares_payer_check,
    ADD CONSTRAINT bill_shares_payer_check CHECK (payer IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT',
        'MUTUAL_AID', 'CREDIT', 'DESK', 'ARREARS'));

ALTER TABLE corrected_shares
    DROP CONSTRAINT corrected_shares_payer_check,
    ADD CONSTRAINT corrected_shares_payer_check CHECK (payer IN (
        'POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT',
        'MUTUAL_AID', 'CREDIT', 'DESK', 'ARREARS'));
