-- The ledger, the shares of bills, and how far each capture is. Balances stay derived. Who drives a capture, and how often in vain, is
-- not part of what it has come to.
CALL audited('accounts');
CALL audited('transfers');
CALL audited('entries');
CALL audited('bill_shares');
CALL audited('captures', apart => '{attempts,last_refusal,next_attempt_at,lease_until,fence}');
