-- As before, but for when a bill is settled: its orders succeeded, or what a bank declined is nobody's present share of credit any more, since
-- a desk took it or a correction let it fall away. Bills whose declined share was paid before this are not moved to SETTLED: nothing is
-- released yet, so there are none to keep.
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
SELECT CASE bill.state WHEN 'SETTLED' THEN 'SETTLED_UNPAID' ELSE 'PAID_UNSETTLED' END, bill.id FROM bills bill
WHERE bill.state IN ('CAPTURED', 'SETTLED')
  AND (bill.state = 'CAPTURED') <> EXISTS (
      SELECT FROM bank_orders ordered WHERE ordered.bill_id = bill.id AND ordered.kind = 'CAPTURE'
      AND (ordered.state IN ('INTENT', 'SENT', 'UNKNOWN')
           OR ordered.state = 'FAILED' AND EXISTS (
               SELECT FROM present_shares WHERE bill_id = bill.id AND credit_line_id = ordered.credit_line_id)))
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
       OR -(posted.cut + posted.questioned) <> least(coalesce(told.withheld, 0), funds.amount))
UNION ALL
-- What desks took and gave is what was posted.
SELECT 'ARREARS_COLLECTED_OTHERWISE', correction.bill_id FROM bill_corrections correction
LEFT JOIN collections taken USING (bill_id, number)
LEFT JOIN transfers transfer ON transfer.bill_id = correction.bill_id AND transfer.purpose = 'ARREARS_COLLECTED'
    AND transfer.number = correction.number
LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM entries WHERE transfer_id = transfer.id AND amount > 0) posted ON true
WHERE CASE WHEN correction.kind = 'COLLECTED' THEN taken.amount IS NULL OR posted.amount IS DISTINCT FROM taken.amount
           ELSE taken.amount IS NOT NULL OR posted.amount IS NOT NULL END
UNION ALL
SELECT 'PAYOUT_POSTED_OTHERWISE', payout.id FROM payouts payout
LEFT JOIN transfers transfer ON transfer.bill_id = payout.bill_id AND transfer.purpose = 'DESK_REFUNDED' AND transfer.number = payout.number
LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM entries WHERE transfer_id = transfer.id AND amount > 0) posted ON true
WHERE posted.amount IS DISTINCT FROM CASE payout.state WHEN 'PAID' THEN payout.amount END
   OR payout.state = 'PAID' AND NOT EXISTS (SELECT FROM receipts WHERE id = payout.receipt_id AND payout_id = payout.id)
UNION ALL
SELECT 'PAYOUT_MISSING', transfer.id FROM transfers transfer
WHERE transfer.purpose = 'DESK_REFUNDED' AND NOT EXISTS (
    SELECT FROM payouts WHERE bill_id = transfer.bill_id AND number = transfer.number)
UNION ALL
SELECT 'ARREARS_OTHERWISE', bill.id FROM bills bill
WHERE bill.state IN ('CAPTURED', 'SETTLED')
  AND (SELECT coalesce(sum(amount), 0) FROM present_shares WHERE bill_id = bill.id AND payer = 'ARREARS')
      > (SELECT coalesce(sum(entry.amount), 0) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id
         JOIN accounts account ON account.id = entry.account_id
         WHERE transfer.bill_id = bill.id AND account.kind = 'ARREARS');
