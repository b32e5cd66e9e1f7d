-- Retention removes whole rows, once the period that law orders is over. One that is gone without an entry in the audit is found.
DO $$
BEGIN
    EXECUTE format('GRANT DELETE ON referrals, sagas, glass_reads TO %I', service_role());
END
$$;
