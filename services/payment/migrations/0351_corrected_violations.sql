-- Who pays how much of each bill as things stand: as captured, or as its last correction left it.
CREATE VIEW present_shares WITH (security_invoker = true) AS
SELECT share.bill_id, share.region, share.payer, share.amount, share.credit_line_id
FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id WHERE bill.correction = 0
UNION ALL
SELECT share.bill_id, share.region, share.payer, share.amount, share.credit_line_id
FROM corrected_shares share JOIN bills bill ON bill.id = share.bill_id AND bill.correction = share.number;

COMMENT ON VIEW present_shares IS 'Derived. With the reader''s own rights: a region sees its own.';

CALL read_only('present_shares');

-- As adjudication's books have it: of each line the most that any finding withholds. What the funds pay of the bill is the limit.
CREATE VIEW withheld_by_bill WITH (security_invoker = true) AS
SELECT bill_id,
       greatest(coalesce(sum(withheld) FILTER (WHERE line > 0), 0), coalesce(max(withheld) FILTER (WHERE line = 0), 0)) AS withheld,
       greatest(coalesce(sum(cut) FILTER (WHERE line > 0), 0), coalesce(max(cut) FILTER (WHERE line = 0), 0)) AS cut
FROM (SELECT bill_id, line, max(amount) AS withheld, max(amount) FILTER (WHERE state = 'CUT') AS cut
      FROM withholdings GROUP BY bill_id, line) by_line
GROUP BY bill_id;

COMMENT ON VIEW withheld_by_bill IS 'Derived: what findings say is not paid of a bill, and what of that is cut.';

CALL read_only('withheld_by_bill');

-- As before, and what corrections and findings must come to.
CREATE OR REPLACE VIEW payment_violations WITH (security_invoker = true) AS
-- I3: every transfer sums to zero with at least two entries; so does the whole.
SELECT 'TRANSFER_UNBALANCED' AS violation, transfer.id AS row_id
FROM transfers transfer LEFT JOIN entries entry ON entry.transfer_id = transfer.id
GROUP BY transfer.id HAVING coalesce(sum(entry.amount), 0) <> 0 OR count(entry.amount) < 2
UNION ALL
SELECT 'LEDGER_UNBALANCED', NULL FROM entries HAVING coalesce(sum(amount), 0) <> 0
UNION ALL
-- I4: no account on the wrong side, no credit line that says other than its bills and orders.
SELECT 'ACCOUNT_BELOW_FLOOR', id FROM account_balances
WHERE CASE WHEN kind IN ('PROVIDER_PAYABLE', 'PROVIDER_PAID', 'PROVIDER_WITHHELD', 'BANK_REFUNDABLE', 'RESIDENT_REFUNDABLE')
           THEN balance > 0 ELSE balance < 0 END
UNION ALL
SELECT 'CREDIT_HELD_DIFFERS', line.id FROM credit_lines line
WHERE line.held <> (SELECT coalesce(sum(share.amount), 0) FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id
                    WHERE share.credit_line_id = line.id AND bill.state IN ('AUTHORISED', 'CAPTURING'))
UNION ALL
SELECT 'CREDIT_USED_DIFFERS', line.id FROM credit_lines line
WHERE line.used <> (SELECT coalesce(sum(CASE kind WHEN 'CAPTURE' THEN amount ELSE -amount END), 0) FROM bank_orders
                    WHERE credit_line_id = line.id AND (kind = 'CAPTURE' AND state <> 'FAILED' OR kind = 'REFUND' AND state = 'SUCCEEDED'))
UNION ALL
-- I2: what was captured is what was reserved, posted once, with a receipt; nothing else is posted.
SELECT 'BILL_TOTAL_DIFFERS', bill.id FROM bills bill
WHERE bill.total <> (SELECT coalesce(sum(amount), 0) FROM bill_shares WHERE bill_id = bill.id)
UNION ALL
SELECT 'BILL_POSTED_OTHERWISE', bill.id FROM bills bill
WHERE (CASE WHEN bill.state IN ('CAPTURED', 'SETTLED') THEN bill.total ELSE 0 END)
      <> (SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
          WHERE transfer.bill_id = bill.id AND transfer.purpose = 'BILL_CAPTURED' AND entry.amount > 0)
UNION ALL
SELECT 'PROVIDER_SETTLED_OTHERWISE', bill.id FROM bills bill
WHERE (CASE WHEN bill.state IN ('CAPTURED', 'SETTLED') THEN bill.total ELSE 0 END)
      <> (SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
          WHERE transfer.bill_id = bill.id AND transfer.purpose = 'PROVIDER_SETTLED' AND entry.amount > 0)
UNION ALL
SELECT 'TRANSFER_WITHOUT_BILL', transfer.id FROM transfers transfer
WHERE NOT EXISTS (SELECT FROM bills WHERE id = transfer.bill_id)
UNION ALL
SELECT 'RECEIPT_MISSING', bill.id FROM bills bill
WHERE bill.receipt_id IS NOT NULL AND NOT EXISTS (SELECT FROM receipts WHERE id = bill.receipt_id AND bill_id = bill.id)
UNION ALL
SELECT 'CREDIT_SHARE_WITHOUT_ORDER', bill.id FROM bills bill JOIN bill_shares share ON share.bill_id = bill.id
WHERE bill.state IN ('CAPTURED', 'SETTLED') AND share.payer = 'CREDIT'
  AND NOT EXISTS (SELECT FROM bank_orders ordered WHERE ordered.bill_id = bill.id AND ordered.kind = 'CAPTURE'
                  AND ordered.credit_line_id = share.credit_line_id AND ordered.amount = share.amount)
UNION ALL
SELECT 'SETTLED_UNPAID', bill.id FROM bills bill
WHERE (bill.state = 'SETTLED') AND EXISTS (SELECT FROM bank_orders WHERE bill_id = bill.id AND kind = 'CAPTURE' AND state <> 'SUCCEEDED')
UNION ALL
SELECT 'PAID_UNSETTLED', bill.id FROM bills bill
WHERE bill.state = 'CAPTURED'
  AND NOT EXISTS (SELECT FROM bank_orders WHERE bill_id = bill.id AND kind = 'CAPTURE' AND state <> 'SUCCEEDED')
UNION ALL
SELECT 'ORDER_POSTED_OTHERWISE', ordered.id FROM bank_orders ordered
LEFT JOIN transfers transfer ON transfer.order_id = ordered.id
WHERE transfer.purpose IS DISTINCT FROM
      CASE WHEN ordered.state IN ('SUCCEEDED', 'FAILED')
           THEN (CASE ordered.kind WHEN 'CAPTURE' THEN 'BANK' ELSE 'REFUND' END)
             || (CASE ordered.state WHEN 'SUCCEEDED' THEN '_CLEARED' ELSE '_DECLINED' END) END
UNION ALL
-- I6: a capture and its bill say the same.
SELECT 'CAPTURE_WITHOUT_SAGA', bill.id FROM bills bill
WHERE (bill.state = 'CAPTURING') <> EXISTS (
    SELECT FROM captures WHERE bill_id = bill.id AND state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN'))
UNION ALL
SELECT 'CAPTURED_WITHOUT_SAGA', bill.id FROM bills bill
WHERE (bill.state IN ('CAPTURED', 'SETTLED')) <> EXISTS (
    SELECT FROM captures WHERE bill_id = bill.id AND state = 'COMPLETED')
UNION ALL
-- I2, of corrections: only of captured bills, numbered without a gap, each with its receipt.
SELECT 'CORRECTION_MISCOUNTED', bill.id FROM bills bill
WHERE bill.correction <> (SELECT count(*) FROM bill_corrections WHERE bill_id = bill.id)
   OR bill.correction <> (SELECT coalesce(max(number), 0) FROM bill_corrections WHERE bill_id = bill.id)
   OR bill.correction > 0 AND bill.state NOT IN ('CAPTURED', 'SETTLED')
UNION ALL
SELECT 'RECEIPT_MISSING', correction.bill_id FROM bill_corrections correction
WHERE NOT EXISTS (SELECT FROM receipts WHERE id = correction.receipt_id AND bill_id = correction.bill_id AND receipts.correction = correction.number)
UNION ALL
-- I2, I4: what the funds are charged for a bill, and what its provider is paid, is what its present shares say.
SELECT 'FUND_CHARGED_OTHERWISE', bill.id FROM bills bill
CROSS JOIN unnest(ARRAY['POOLED_FUND', 'LARGE_AMOUNT_FUND', 'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'TOP_UP', 'VOUCHER',
    'PERSONAL_ACCOUNT', 'MUTUAL_AID']) AS fund (kind)
WHERE bill.state IN ('CAPTURED', 'SETTLED')
  AND (SELECT coalesce(sum(amount), 0) FROM present_shares WHERE bill_id = bill.id AND payer = fund.kind)
      <> (SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
          JOIN accounts account ON account.id = entry.account_id
          WHERE transfer.bill_id = bill.id AND transfer.purpose <> 'PROVIDER_WITHHELD' AND account.kind = fund.kind)
UNION ALL
SELECT 'PROVIDER_PAID_OTHERWISE', bill.id FROM bills bill
WHERE bill.state IN ('CAPTURED', 'SETTLED')
  AND (SELECT coalesce(sum(amount), 0) FROM present_shares WHERE bill_id = bill.id AND payer <> 'DESK')
      <> -(SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
           JOIN accounts account ON account.id = entry.account_id
           WHERE transfer.bill_id = bill.id AND transfer.purpose <> 'PROVIDER_WITHHELD' AND account.kind = 'PROVIDER_PAID')
UNION ALL
-- What is withheld of a provider is what findings say, and never more than the funds pay.
SELECT 'PROVIDER_WITHHELD_OTHERWISE', bill.id FROM bills bill
CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM present_shares
    WHERE bill_id = bill.id AND payer LIKE '%\_FUND') funds
LEFT JOIN withheld_by_bill told ON told.bill_id = bill.id
CROSS JOIN LATERAL (SELECT coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'PROVIDER_WITHHELD'), 0) AS questioned,
                           coalesce(sum(entry.amount) FILTER (WHERE account.kind LIKE '%\_FUND'), 0) AS cut
    FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id JOIN accounts account ON account.id = entry.account_id
    WHERE transfer.bill_id = bill.id AND transfer.purpose = 'PROVIDER_WITHHELD') posted
WHERE bill.state IN ('CAPTURED', 'SETTLED')
  AND (-posted.cut <> least(coalesce(told.cut, 0), funds.amount)
       OR -(posted.cut + posted.questioned) <> least(coalesce(told.withheld, 0), funds.amount));
