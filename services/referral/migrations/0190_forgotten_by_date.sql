-- Rows about persons go by forget_overdue alone, which knows when: the service's own role removes none.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON referrals, sagas, glass_reads FROM %I', service_role());
END
$$;

-- Where retention finds what has had its time.
CREATE INDEX referrals_dated   ON referrals (region, changed_at);
CREATE INDEX sagas_dated       ON sagas (region, started_at);
CREATE INDEX glass_reads_dated ON glass_reads (region, first_read_at);

-- What is asked of a referral before it goes: whether another row refers to it.
CREATE INDEX referrals_previous   ON referrals (previous_referral_id) WHERE previous_referral_id IS NOT NULL;
CREATE INDEX glass_reads_referral ON glass_reads (referral_id);
