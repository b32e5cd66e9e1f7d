-- Erasure and retention remove whole rows. One that is gone without an entry in the audit is found.
DO $$
BEGIN
    EXECUTE format('GRANT DELETE ON patients, appointments, visits, chosen_appointment_ids TO %I', service_role());
END
$$;
