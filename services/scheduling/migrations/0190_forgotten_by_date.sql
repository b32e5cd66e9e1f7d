-- Rows about persons go by forget_rows and forget_overdue alone, which know when: the service's own role removes none.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON patients, appointments, visits, chosen_appointment_ids FROM %I', service_role());
END
$$;

-- Where retention finds what has had its time.
CREATE INDEX appointments_dated           ON appointments (region, ends_at);
CREATE INDEX visits_dated                 ON visits (region, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX chosen_appointment_ids_dated ON chosen_appointment_ids (region, claimed_at);
