CALL audited('referrals');
