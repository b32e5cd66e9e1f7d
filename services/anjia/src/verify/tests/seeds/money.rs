//! Acknowledgements and money: I1 to I4.

use super::Seed;

pub(super) const SEEDS: &[Seed] = &[
    // I1
    (
        "a key that was claimed was answered",
        "identity",
        "INSERT INTO requests (subject, request_id, method, actor, organisation) VALUES ('s', md5('r')::uuid, 'm', '', '')",
        "m claimed its key",
    ),
    (
        "what was answered is there",
        "payment",
        "INSERT INTO requests (subject, request_id, method, actor, organisation, response) VALUES ('s', md5('r')::uuid, \
         'anjia.payment.v1.BillService/AuthoriseBill', '', '', '\\x0a260a24'::bytea || convert_to(md5('b')::uuid::text, 'UTF8'))",
        "whose effect is not in bills",
    ),
    (
        "what was answered is there",
        "payment",
        "INSERT INTO requests (subject, request_id, method, actor, organisation, response) VALUES ('s', md5('r')::uuid, \
         'anjia.payment.v1.BillService/AuthoriseBill', '', '', '\\xff')",
        "cannot be read",
    ),
    // I2
    (
        "a bill is posted once for each purpose",
        "payment",
        "INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid), \
         (md5('2')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "2 transfers BILL_CAPTURED",
    ),
    (
        "a bill is posted once for each purpose",
        "payment",
        "INSERT INTO transfers (id, purpose, order_id) VALUES (md5('1')::uuid, 'BANK_CLEARED', md5('o')::uuid), \
         (md5('2')::uuid, 'BANK_DECLINED', md5('o')::uuid)",
        "2 transfers of one bank order",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24)",
        "CAPTURED, but posted 0 times",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CANCELLED', 24); \
         INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "CANCELLED, but posted 1 times",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "a bill that does not exist",
    ),
    (
        "what is charged is what the shares say",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'AUTHORISED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'DESK', 23.99)",
        "total 24.00, shares 23.99",
    ),
    (
        "what is charged is what the shares say",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'DESK', 24); \
         INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('t')::uuid, 'BILL_CAPTURED', md5('b')::uuid); \
         INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 25), (md5('t')::uuid, 2, -25)",
        "charged 25.00",
    ),
    (
        "a captured credit share is asked of its bank once",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount, credit_line_id) \
         VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid)",
        "0 orders for the credit share",
    ),
    (
        "a captured credit share is asked of its bank once",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'AUTHORISED', 24); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 24)",
        "a share that was not captured",
    ),
    (
        "a bank's word is posted once, as it was said",
        "payment",
        "INSERT INTO bank_orders (id, state) VALUES (md5('o')::uuid, 'SUCCEEDED')",
        "SUCCEEDED, but posted as nothing",
    ),
    (
        "a bank's word is posted once, as it was said",
        "payment",
        "INSERT INTO bank_orders (id, state) VALUES (md5('o')::uuid, 'FAILED'); \
         INSERT INTO transfers (id, purpose, order_id) VALUES (md5('t')::uuid, 'BANK_CLEARED', md5('o')::uuid)",
        "FAILED, but posted as BANK_CLEARED",
    ),
    (
        "a captured bill has its settlement confirmed",
        "payment|adjudication",
        "INSERT INTO bills (id, state, total, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', 24, md5('s')::uuid) \
         || ---- || INSERT INTO settlements (id, state, total) VALUES (md5('s')::uuid, 'DIVIDED', 24)",
        "its settlement is not confirmed",
    ),
    (
        "a captured bill has its settlement confirmed",
        "payment|adjudication",
        "INSERT INTO bills (id, state, total, settlement_id) VALUES (md5('b')::uuid, 'SETTLED', 24, md5('s')::uuid) || ---- || \
         INSERT INTO settlements (id, state, total, bill_id) VALUES (md5('s')::uuid, 'CONFIRMED', 24, md5('other')::uuid)",
        "its settlement is not confirmed",
    ),
    (
        "a confirmed settlement has its bill captured",
        "adjudication|payment",
        "INSERT INTO settlements (id, state, bill_id) VALUES (md5('s')::uuid, 'CONFIRMED', md5('b')::uuid) || ---- || \
         INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CANCELLED', md5('s')::uuid)",
        "its bill is not being captured",
    ),
    (
        "a confirmed settlement has its bill captured",
        "adjudication|payment",
        "INSERT INTO settlements (id, state, bill_id, corrects) \
         VALUES (md5('new')::uuid, 'CONFIRMED', md5('b')::uuid, md5('s')::uuid) || ---- || \
         INSERT INTO bills (id, state, settlement_id, correction) VALUES (md5('b')::uuid, 'SETTLED', md5('s')::uuid, 0)",
        "its bill is not being captured",
    ),
    (
        "a settlement that was taken back has its bill refunded",
        "adjudication|payment",
        "INSERT INTO settlements (id, state, bill_id) VALUES (md5('s')::uuid, 'REVERSED', md5('b')::uuid) || ---- || \
         INSERT INTO bills (id, state, settlement_id, correction) VALUES (md5('b')::uuid, 'SETTLED', md5('s')::uuid, 0)",
        "its bill is not refunded",
    ),
    (
        "a corrected bill divides as the settlement says that corrected it",
        "payment|adjudication",
        "INSERT INTO bill_corrections (bill_id, number, kind, settlement_id) VALUES (md5('b')::uuid, 1, 'CORRECTED', md5('s')::uuid); \
         INSERT INTO corrected_shares (bill_id, number, line, payer, amount) VALUES (md5('b')::uuid, 1, 1, 'POOLED_FUND', 216.01) || ---- || \
         INSERT INTO settlements (id, total, pooled_fund, large_amount_fund, critical_illness_fund, assistance_fund) \
         VALUES (md5('s')::uuid, 216.01, 216, 0, 0, 0)",
        "something else than its settlement says",
    ),
    (
        "a corrected bill is charged what its last correction says, and so is what its provider was paid",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'SETTLED', 24, 1); \
         INSERT INTO corrected_shares (bill_id, number, line, payer, amount) VALUES (md5('b')::uuid, 1, 1, 'ASSISTANCE_FUND', 24)",
        "24.00 of ASSISTANCE_FUND, but posted 0",
    ),
    (
        "what a desk took or gave after the capture is posted once, as it was said",
        "payment",
        "INSERT INTO payouts (id, bill_id, amount, state, number) VALUES (md5('p')::uuid, md5('b')::uuid, 5, 'PAID', 1)",
        "PAYOUT_POSTED_OTHERWISE",
    ),
    (
        "a bill is settled once no bank is awaited and nothing is owed that one declined, and not before",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'SETTLED', 24, 0); \
         INSERT INTO bill_shares (bill_id, line, payer, amount, credit_line_id) \
         VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, kind, state, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 'CAPTURE', 'SENT', 24)",
        "SETTLED_UNPAID",
    ),
    (
        "a bill is settled once no bank is awaited and nothing is owed that one declined, and not before",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'SETTLED', 24, 0); \
         INSERT INTO bill_shares (bill_id, line, payer, amount, credit_line_id) \
         VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, kind, state, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 'CAPTURE', 'FAILED', 24)",
        "SETTLED_UNPAID",
    ),
    (
        "a bill is settled once no bank is awaited and nothing is owed that one declined, and not before",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'CAPTURED', 24, 0); \
         INSERT INTO bill_shares (bill_id, line, payer, amount, credit_line_id) \
         VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, kind, state, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 'CAPTURE', 'SUCCEEDED', 24)",
        "PAID_UNSETTLED",
    ),
    (
        "a bill is settled once no bank is awaited and nothing is owed that one declined, and not before",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'CAPTURED', 24, 0); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, kind, state, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 'CAPTURE', 'FAILED', 24)",
        "PAID_UNSETTLED",
    ),
    (
        "what findings withhold is withheld",
        "adjudication|payment",
        "INSERT INTO settlements (id, bill_id) VALUES (md5('s')::uuid, md5('b')::uuid); \
         INSERT INTO findings (id, settlement_id, state, withheld) VALUES (md5('f')::uuid, md5('s')::uuid, 'OPEN', 24) || ---- || \
         INSERT INTO withholdings (finding_id, bill_id, amount) VALUES (md5('f')::uuid, md5('b')::uuid, 23)",
        "not what payment withholds",
    ),
    (
        "a provider is not paid what findings withhold, and never less than nothing of the funds",
        "payment",
        "INSERT INTO bills (id, state, total, correction) VALUES (md5('b')::uuid, 'SETTLED', 24, 0); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'POOLED_FUND', 20); \
         INSERT INTO withholdings (finding_id, bill_id, line, state, amount) VALUES (md5('f')::uuid, md5('b')::uuid, 1, 'QUESTIONED', 24)",
        "withheld 0, of which cut 0; by its findings 20.00 and 0",
    ),
    (
        "the funds are charged what was adjudicated",
        "payment|adjudication",
        "INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', md5('s')::uuid); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'POOLED_FUND', 216.01) || ---- || \
         INSERT INTO settlements (id, pooled_fund, large_amount_fund) VALUES (md5('s')::uuid, 216, 0)",
        "something else than its settlement says",
    ),
    (
        "the funds are charged what was adjudicated",
        "payment|adjudication",
        "INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', md5('s')::uuid); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'CRITICAL_ILLNESS_FUND', 20) || ---- || \
         INSERT INTO settlements (id, pooled_fund, large_amount_fund, assistance_fund) VALUES (md5('s')::uuid, 0, 0, 20)",
        "something else than its settlement says",
    ),
    (
        "the funds are charged what was adjudicated",
        "payment|adjudication",
        "INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', md5('s')::uuid); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'VOUCHER', 20) || ---- || \
         INSERT INTO settlements (id, pooled_fund, large_amount_fund, account) VALUES (md5('s')::uuid, 0, 0, 20)",
        "something else than its settlement says",
    ),
    // I3
    (
        "every transfer has two entries or more and sums to zero",
        "payment",
        "INSERT INTO transfers (id) VALUES (md5('t')::uuid); \
         INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 5), (md5('t')::uuid, 2, -4.99)",
        "2 entries, sum 0.01",
    ),
    (
        "every transfer has two entries or more and sums to zero",
        "payment",
        "INSERT INTO transfers (id) VALUES (md5('t')::uuid)",
        "0 entries",
    ),
    (
        "every entry belongs to a transfer and an account of its region",
        "payment",
        "INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 5)",
        "hangs in the air",
    ),
    (
        "the ledger of a region sums to zero",
        "payment",
        "INSERT INTO entries (transfer_id, line, region, amount) VALUES (md5('t')::uuid, 1, '110000', 5)",
        "110000 sums to 5.00",
    ),
    // I4
    (
        "a balance is the sum of its entries",
        "payment",
        "CREATE OR REPLACE VIEW account_balances AS SELECT id, region, kind, holder, 1::numeric(16,2) AS balance, 0::bigint AS entries \
         FROM accounts; INSERT INTO accounts (id) VALUES (md5('a')::uuid)",
        "shown as 1.00, is 0",
    ),
    (
        "no account is on the wrong side of zero",
        "payment",
        "INSERT INTO accounts (id, kind) VALUES (md5('a')::uuid, 'PROVIDER_PAYABLE'); \
         INSERT INTO entries (transfer_id, line, account_id, amount) VALUES (md5('t')::uuid, 1, md5('a')::uuid, 5)",
        "PROVIDER_PAYABLE stands at 5.00",
    ),
    (
        "what is drawn on a credit line is what its bills say",
        "payment",
        "INSERT INTO credit_lines (id, used, held) VALUES (md5('l')::uuid, 0, 24); \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CAPTURED'); INSERT INTO bill_shares (bill_id, line, payer, amount, \
         credit_line_id) VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid)",
        "used 0.00, by its bills 24.00; held 24.00, by its bills 0",
    ),
    (
        "a bank owes what it has not answered yet",
        "payment",
        "INSERT INTO accounts (id, kind, holder) VALUES (md5('a')::uuid, 'BANK_RECEIVABLE', md5('bank')::uuid::text); \
         INSERT INTO entries (transfer_id, line, account_id, amount) VALUES (md5('t')::uuid, 1, md5('a')::uuid, 5)",
        "owes 5.00, but 0 is unanswered",
    ),
    (
        "a bank is owed what it is still to put back",
        "payment",
        "INSERT INTO accounts (id, kind, holder) VALUES (md5('a')::uuid, 'BANK_REFUNDABLE', md5('bank')::uuid::text); \
         INSERT INTO entries (transfer_id, line, account_id, amount) VALUES (md5('t')::uuid, 1, md5('a')::uuid, -5)",
        "is owed 5.00, but 0 is unanswered",
    ),
];
