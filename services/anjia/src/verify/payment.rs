//! Money: single charge (I2), balance (I3), derived equals source (I4).

use super::check::{
    Check, In,
    Invariant::{I2, I3, I4},
};

/// What each payer of adjudication's word pays by the shares of a bill, in the order in which [`DIVIDED`] names them.
macro_rules! by_payer {
    () => {
        "coalesce(sum(share.amount) FILTER (WHERE share.payer = 'POOLED_FUND'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'LARGE_AMOUNT_FUND'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'CRITICAL_ILLNESS_FUND'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'ASSISTANCE_FUND'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'TOP_UP'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'VOUCHER'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'PERSONAL_ACCOUNT'), 0.00), \
         coalesce(sum(share.amount) FILTER (WHERE share.payer = 'MUTUAL_AID'), 0.00)"
    };
}

/// The same as adjudication says it; with the total, which a bill's own share completes.
const DIVIDED: &str = "SELECT format('%s %s %s %s %s %s %s %s %s %s', id, total, pooled_fund, large_amount_fund, critical_illness_fund, \
     assistance_fund, top_up, voucher, account, mutual_aid) FROM settlements";

pub(super) const CHECKS: &[Check] = &[
    Check::rows(
        I2,
        "payment",
        "a bill is posted once for each purpose",
        "SELECT bill_id::text, format('%s transfers %s', count(*), purpose) FROM transfers WHERE order_id IS NULL \
         GROUP BY bill_id, purpose, number HAVING count(*) > 1 \
         UNION ALL \
         SELECT order_id::text, format('%s transfers of one bank order', count(*)) FROM transfers WHERE order_id IS NOT NULL \
         GROUP BY order_id HAVING count(*) > 1",
    ),
    Check::rows(
        I2,
        "payment",
        "a captured bill is charged, and no other",
        "SELECT bill.id::text, format('%s, but posted %s times', bill.state, posted.times) FROM bills bill \
         CROSS JOIN LATERAL (SELECT count(*) AS times FROM transfers \
             WHERE bill_id = bill.id AND purpose = 'BILL_CAPTURED') posted \
         WHERE bill.total > 0 AND posted.times <> (bill.state IN ('CAPTURED', 'SETTLED'))::integer \
         UNION ALL \
         SELECT id::text, 'posted for a bill that does not exist' FROM transfers \
         WHERE NOT EXISTS (SELECT FROM bills WHERE bills.id = transfers.bill_id)",
    ),
    Check::rows(
        I2,
        "payment",
        "what is charged is what the shares say",
        "SELECT bill.id::text, format('total %s, shares %s, charged %s', bill.total, reserved.amount, charged.amount) \
         FROM bills bill \
         CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM bill_shares WHERE bill_id = bill.id) reserved \
         CROSS JOIN LATERAL (SELECT sum(entry.amount) AS amount FROM entries entry \
             JOIN transfers transfer ON transfer.id = entry.transfer_id \
             WHERE transfer.bill_id = bill.id AND transfer.purpose = 'BILL_CAPTURED' AND entry.amount > 0) charged \
         WHERE reserved.amount <> bill.total OR charged.amount <> bill.total",
    ),
    Check::rows(
        I2,
        "payment",
        "a captured credit share is asked of its bank once",
        "SELECT share.bill_id::text, format('%s orders for the credit share of %s', asked.times, share.amount) \
         FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id AND bill.state IN ('CAPTURED', 'SETTLED') \
         CROSS JOIN LATERAL (SELECT count(*) AS times FROM bank_orders \
             WHERE bill_id = share.bill_id AND credit_line_id = share.credit_line_id AND amount = share.amount \
                 AND kind IS DISTINCT FROM 'REFUND') asked \
         WHERE share.payer = 'CREDIT' AND asked.times <> 1 \
         UNION ALL \
         SELECT id::text, 'asks a bank for a share that was not captured' FROM bank_orders \
         WHERE NOT EXISTS (SELECT FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id \
             WHERE share.bill_id = bank_orders.bill_id AND share.credit_line_id = bank_orders.credit_line_id \
                 AND bill.state IN ('CAPTURED', 'SETTLED'))",
    ),
    Check::rows(
        I2,
        "payment",
        "a bank's word is posted once, as it was said",
        "SELECT asked.id::text, format('%s, but posted as %s', asked.state, coalesce(posted.purposes, 'nothing')) \
         FROM bank_orders asked \
         CROSS JOIN LATERAL (SELECT string_agg(purpose, ', ' ORDER BY purpose) AS purposes FROM transfers \
             WHERE order_id = asked.id) posted \
         WHERE posted.purposes IS DISTINCT FROM \
             CASE WHEN asked.state IN ('SUCCEEDED', 'FAILED') THEN (CASE asked.kind WHEN 'REFUND' THEN 'REFUND' ELSE 'BANK' END) \
                 || (CASE asked.state WHEN 'SUCCEEDED' THEN '_CLEARED' ELSE '_DECLINED' END) END",
    ),
    Check::matched(
        I2,
        "a captured bill has its settlement confirmed",
        In(
            "payment",
            "SELECT id::text, concat_ws(' ', settlement_id, id, total), 'captured, but its settlement is not confirmed for it' \
             FROM bills WHERE state IN ('CAPTURED', 'SETTLED')",
        ),
        In(
            "adjudication",
            "SELECT concat_ws(' ', id, bill_id, total) FROM settlements WHERE state IN ('CONFIRMED', 'CORRECTED', 'REVERSED')",
        ),
    ),
    Check::matched(
        I2,
        "a confirmed settlement has its bill captured",
        In(
            "adjudication",
            "SELECT id::text, concat_ws(' ', id, bill_id), 'confirmed, but its bill is not being captured' \
             FROM settlements WHERE state = 'CONFIRMED'",
        ),
        In(
            "payment",
            // As captured, or as its last correction left it.
            "SELECT concat_ws(' ', coalesce(last.settlement_id, bill.settlement_id), bill.id) FROM bills bill \
             LEFT JOIN bill_corrections last ON last.bill_id = bill.id AND last.number = bill.correction \
             WHERE bill.state IN ('CAPTURING', 'CAPTURED', 'SETTLED') AND bill.refunded_at IS NULL",
        ),
    ),
    Check::matched(
        I2,
        "a settlement that was taken back has its bill refunded",
        In(
            "adjudication",
            "SELECT id::text, concat_ws(' ', id, bill_id), 'taken back, but its bill is not refunded' FROM settlements \
             WHERE state = 'REVERSED'",
        ),
        In(
            "payment",
            "SELECT concat_ws(' ', last.settlement_id, bill.id) FROM bills bill JOIN bill_corrections last \
             ON last.bill_id = bill.id AND last.number = bill.correction WHERE last.kind = 'REVERSED' AND bill.refunded_at IS NOT NULL",
        ),
    ),
    Check::matched(
        I2,
        "a corrected bill divides as the settlement says that corrected it",
        In(
            "payment",
            concat!(
                "SELECT correction.bill_id::text, format('%s %s %s %s %s %s %s %s %s %s', correction.settlement_id, \
                     coalesce(sum(share.amount), 0.00), ",
                by_payer!(),
                "), 'was corrected to something else than its settlement says' \
                 FROM bill_corrections correction LEFT JOIN corrected_shares share USING (bill_id, number) \
                 WHERE correction.kind <> 'REVERSED' GROUP BY correction.bill_id, correction.number"
            ),
        ),
        In("adjudication", DIVIDED),
    ),
    Check::rows(
        I2,
        "payment",
        "a corrected bill is charged what its last correction says, and so is what its provider was paid",
        "SELECT bill.id::text, format('%s of %s, but posted %s', due.amount, due.kind, posted.amount) FROM bills bill \
         CROSS JOIN LATERAL (SELECT fund.kind, (SELECT coalesce(sum(amount), 0) FROM corrected_shares \
                 WHERE bill_id = bill.id AND number = bill.correction AND payer = fund.kind) AS amount \
             FROM unnest(ARRAY['POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', \
                 'TOP_UP', 'VOUCHER', 'PERSONAL_ACCOUNT', 'MUTUAL_AID']) AS fund (kind) \
             UNION ALL SELECT 'PROVIDER_PAID', -coalesce(sum(amount), 0) FROM corrected_shares \
                 WHERE bill_id = bill.id AND number = bill.correction AND payer <> 'DESK') due \
         CROSS JOIN LATERAL (SELECT coalesce(sum(entry.amount), 0) AS amount FROM transfers transfer \
             JOIN entries entry ON entry.transfer_id = transfer.id JOIN accounts account ON account.id = entry.account_id \
             WHERE transfer.bill_id = bill.id AND transfer.purpose <> 'PROVIDER_WITHHELD' AND account.kind = due.kind) posted \
         WHERE bill.correction > 0 AND due.amount <> posted.amount",
    ),
    Check::rows(
        I2,
        "payment",
        "what a desk took or gave after the capture is posted once, as it was said",
        "SELECT row_id::text, violation FROM payment_violations WHERE violation IN \
             ('ARREARS_COLLECTED_OTHERWISE', 'ARREARS_OTHERWISE', 'PAYOUT_POSTED_OTHERWISE', 'PAYOUT_MISSING')",
    ),
    Check::rows(
        I2,
        "payment",
        "a bill is settled once no bank is awaited and nothing is owed that one declined, and not before",
        "SELECT row_id::text, violation FROM payment_violations WHERE violation IN ('SETTLED_UNPAID', 'PAID_UNSETTLED')",
    ),
    Check::matched(
        I2,
        "what findings withhold is withheld",
        In(
            "adjudication",
            "SELECT finding.id::text, concat_ws(' ', finding.id, settlement.bill_id, finding.withheld), 'not what payment withholds for it' \
             FROM findings finding JOIN settlements settlement ON settlement.id = finding.settlement_id \
             WHERE finding.state <> 'NOTED'",
        ),
        In("payment", "SELECT concat_ws(' ', finding_id, bill_id, amount) FROM withholdings"),
    ),
    Check::rows(
        I4,
        "payment",
        "a provider is not paid what findings withhold, and never less than nothing of the funds",
        "SELECT bill.id::text, format('withheld %s, of which cut %s; by its findings %s and %s', posted.withheld, posted.cut, \
             told.withheld, told.cut) \
         FROM bills bill \
         CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM present_shares \
             WHERE bill_id = bill.id AND payer LIKE '%FUND') funds \
         CROSS JOIN LATERAL (SELECT least(coalesce(sum(withheld), 0), funds.amount) AS withheld, \
                 least(coalesce(sum(cut), 0), funds.amount) AS cut FROM withheld_by_bill WHERE bill_id = bill.id) told \
         CROSS JOIN LATERAL (SELECT -coalesce(sum(entry.amount) FILTER (WHERE account.kind <> 'PROVIDER_PAID'), 0) AS withheld, \
                 -coalesce(sum(entry.amount) FILTER (WHERE account.kind LIKE '%FUND'), 0) AS cut \
             FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id \
             JOIN accounts account ON account.id = entry.account_id \
             WHERE transfer.bill_id = bill.id AND transfer.purpose = 'PROVIDER_WITHHELD') posted \
         WHERE posted.cut <> told.cut OR posted.withheld <> told.withheld",
    ),
    Check::matched(
        I2,
        "the funds are charged what was adjudicated",
        In(
            "payment",
            concat!(
                "SELECT bill.id::text, format('%s %s %s %s %s %s %s %s %s %s', bill.settlement_id, bill.total, ",
                by_payer!(),
                "), 'charges the funds something else than its settlement says' \
                 FROM bills bill LEFT JOIN bill_shares share ON share.bill_id = bill.id \
                 WHERE bill.state IN ('CAPTURED', 'SETTLED') GROUP BY bill.id"
            ),
        ),
        In("adjudication", DIVIDED),
    ),
    Check::rows(
        I3,
        "payment",
        "every transfer has two entries or more and sums to zero",
        "SELECT transfer.id::text, format('%s entries, sum %s', count(entry.amount), coalesce(sum(entry.amount), 0)) \
         FROM transfers transfer LEFT JOIN entries entry ON entry.transfer_id = transfer.id \
         GROUP BY transfer.id HAVING count(entry.amount) < 2 OR sum(entry.amount) <> 0",
    ),
    Check::rows(
        I3,
        "payment",
        "every entry belongs to a transfer and an account of its region",
        "SELECT transfer_id::text, format('entry %s of %s hangs in the air', line, amount) FROM entries \
         WHERE NOT EXISTS (SELECT FROM transfers WHERE id = entries.transfer_id AND region = entries.region) \
             OR NOT EXISTS (SELECT FROM accounts WHERE id = entries.account_id AND region = entries.region)",
    ),
    Check::rows(
        I3,
        "payment",
        "the ledger of a region sums to zero",
        "SELECT region, format('sums to %s', sum(amount)) FROM entries GROUP BY region HAVING sum(amount) <> 0",
    ),
    Check::rows(
        I4,
        "payment",
        "a balance is the sum of its entries",
        "SELECT account.id::text, format('shown as %s, is %s', shown.balance, summed.balance) FROM accounts account \
         LEFT JOIN account_balances shown ON shown.id = account.id \
         CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS balance FROM entries WHERE account_id = account.id) summed \
         WHERE shown.balance IS DISTINCT FROM summed.balance",
    ),
    Check::rows(
        I4,
        "payment",
        "no account is on the wrong side of zero",
        "SELECT account.id::text, format('%s stands at %s', account.kind, sum(entry.amount)) \
         FROM accounts account JOIN entries entry ON entry.account_id = account.id GROUP BY account.id \
         HAVING sum(entry.amount) * CASE WHEN account.kind IN ('PROVIDER_PAYABLE', 'PROVIDER_PAID', 'PROVIDER_WITHHELD', \
             'BANK_REFUNDABLE', 'RESIDENT_REFUNDABLE') THEN -1 ELSE 1 END < 0",
    ),
    Check::rows(
        I4,
        "payment",
        "what is drawn on a credit line is what its bills say",
        "SELECT line.id::text, format('used %s, by its bills %s; held %s, by its bills %s', \
             line.used, drawn.used, line.held, drawn.held) \
         FROM credit_lines line \
         CROSS JOIN LATERAL ( \
             SELECT coalesce(sum(share.amount) FILTER (WHERE bill.state IN ('CAPTURED', 'SETTLED') AND NOT EXISTS ( \
                        SELECT FROM bank_orders asked WHERE asked.bill_id = bill.id AND asked.credit_line_id = line.id \
                            AND asked.kind IS DISTINCT FROM 'REFUND' AND asked.state = 'FAILED')), 0) \
                        - (SELECT coalesce(sum(amount), 0) FROM bank_orders WHERE credit_line_id = line.id \
                            AND kind = 'REFUND' AND state = 'SUCCEEDED') AS used, \
                    coalesce(sum(share.amount) FILTER (WHERE bill.state IN ('AUTHORISED', 'CAPTURING')), 0) AS held \
             FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id WHERE share.credit_line_id = line.id) drawn \
         WHERE line.used <> drawn.used OR line.held <> drawn.held",
    ),
    Check::rows(
        I4,
        "payment",
        "a bank owes what it has not answered yet",
        "SELECT account.id::text, format('owes %s, but %s is unanswered', account.balance, asked.amount) \
         FROM (SELECT accounts.*, (SELECT coalesce(sum(amount), 0) FROM entries WHERE account_id = accounts.id) AS balance \
             FROM accounts WHERE kind = 'BANK_RECEIVABLE') account \
         CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM bank_orders \
             WHERE bank_id::text = account.holder AND region = account.region AND kind = 'CAPTURE' \
                 AND state IN ('INTENT', 'SENT', 'UNKNOWN')) asked \
         WHERE account.balance <> asked.amount",
    ),
    Check::rows(
        I4,
        "payment",
        "a bank is owed what it is still to put back",
        "SELECT account.id::text, format('is owed %s, but %s is unanswered', -account.balance, asked.amount) \
         FROM (SELECT accounts.*, (SELECT coalesce(sum(amount), 0) FROM entries WHERE account_id = accounts.id) AS balance \
             FROM accounts WHERE kind = 'BANK_REFUNDABLE') account \
         CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM bank_orders \
             WHERE bank_id::text = account.holder AND region = account.region AND kind = 'REFUND' \
                 AND state IN ('INTENT', 'SENT', 'UNKNOWN')) asked \
         WHERE -account.balance <> asked.amount",
    ),
];
