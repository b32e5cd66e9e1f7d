-- What must never be true, as rows: empty unless something is broken. Read by `anjia verify` and by tests, as the owner.
CREATE VIEW payment_violations WITH (security_invoker = true) AS
-- I3: every transfer sums to zero with at least two entries; so does the whole.
SELECT 'TRANSFER_UNBALANCED' AS violation, transfer.id AS row_id
FROM transfers transfer LEFT JOIN entries entry ON entry.transfer_id = transfer.id
GROUP BY transfer.id HAVING coalesce(sum(entry.amount), 0) <> 0 OR count(entry.amount) < 2
UNION ALL
SELECT 'LEDGER_UNBALANCED', NULL FROM entries HAVING coalesce(sum(amount), 0) <> 0
UNION ALL
-- I4: no account on the wrong side, no credit line that says other than its bills and orders.
SELECT 'ACCOUNT_BELOW_FLOOR', id FROM account_balances
WHERE CASE WHEN kind IN ('PROVIDER_PAYABLE', 'PROVIDER_PAID') THEN balance > 0 ELSE balance < 0 END
UNION ALL
SELECT 'CREDIT_HELD_DIFFERS', line.id FROM credit_lines line
WHERE line.held <> (SELECT coalesce(sum(share.amount), 0) FROM bill_shares share JOIN bills bill ON bill.id = share.bill_id
                    WHERE share.credit_line_id = line.id AND bill.state IN ('AUTHORISED', 'CAPTURING'))
UNION ALL
SELECT 'CREDIT_USED_DIFFERS', line.id FROM credit_lines line
WHERE line.used <> (SELECT coalesce(sum(amount), 0) FROM bank_orders
                    WHERE credit_line_id = line.id AND state <> 'FAILED')
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
  AND NOT EXISTS (SELECT FROM bank_orders ordered WHERE ordered.bill_id = bill.id
                  AND ordered.credit_line_id = share.credit_line_id AND ordered.amount = share.amount)
UNION ALL
SELECT 'SETTLED_UNPAID', bill.id FROM bills bill
WHERE (bill.state = 'SETTLED') AND EXISTS (SELECT FROM bank_orders WHERE bill_id = bill.id AND state <> 'SUCCEEDED')
UNION ALL
SELECT 'PAID_UNSETTLED', bill.id FROM bills bill
WHERE bill.state = 'CAPTURED' AND NOT EXISTS (SELECT FROM bank_orders WHERE bill_id = bill.id AND state <> 'SUCCEEDED')
UNION ALL
SELECT 'ORDER_POSTED_OTHERWISE', ordered.id FROM bank_orders ordered
LEFT JOIN transfers transfer ON transfer.order_id = ordered.id
WHERE transfer.purpose IS DISTINCT FROM
      CASE ordered.state WHEN 'SUCCEEDED' THEN 'BANK_CLEARED' WHEN 'FAILED' THEN 'BANK_DECLINED' END
UNION ALL
-- I6: a capture and its bill say the same.
SELECT 'CAPTURE_WITHOUT_SAGA', bill.id FROM bills bill
WHERE (bill.state = 'CAPTURING') <> EXISTS (
    SELECT FROM captures WHERE bill_id = bill.id AND state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN'))
UNION ALL
SELECT 'CAPTURED_WITHOUT_SAGA', bill.id FROM bills bill
WHERE (bill.state IN ('CAPTURED', 'SETTLED')) <> EXISTS (
    SELECT FROM captures WHERE bill_id = bill.id AND state = 'COMPLETED');

COMMENT ON VIEW payment_violations IS 'Violations of the invariants I2, I3, I4 and I6, named, with the row at fault. Always empty.';

CALL read_only('payment_violations');
