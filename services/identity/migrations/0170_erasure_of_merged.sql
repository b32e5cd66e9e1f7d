-- Erasure takes who merged a person's registrations, and with whom they lived, along; retention takes mandates when their time is over.
-- Whole rows: one that is gone without an entry in the audit is found.
DO $$
BEGIN
    EXECUTE format('GRANT DELETE ON resident_merges, household_members, mandates TO %I', service_role());
END
$$;
