-- What a line has used and held follows from bills and orders (payment_violations), and accounts follow from the ledger.
CALL audited('credit_lines', apart => '{used,held,version}');
CALL audited('bill_ids');
CALL audited('bills');
CALL audited('receipts');
CALL audited('bank_orders');
