-- A provider looks through what its desk gave back.
ALTER TABLE payouts ADD COLUMN payee_id uuid;
UPDATE payouts SET payee_id = bills.payee_id FROM bills WHERE bills.id = payouts.bill_id;
ALTER TABLE payouts ALTER COLUMN payee_id SET NOT NULL;
CREATE INDEX payouts_payee ON payouts (payee_id, opened_at DESC, id DESC);

COMMENT ON COLUMN payouts.payee_id IS 'That of the bill, which never changes.';

CALL audited('payouts');
