-- What was booked under which delegation: for its limits, and for when it is taken back.

CREATE INDEX appointments_by_delegation ON appointments (delegation_id) WHERE delegation_id IS NOT NULL;

CREATE TABLE revoked_delegations (
    delegation_id uuid        PRIMARY KEY,
    region        text        NOT NULL CONSTRAINT revoked_delegations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    revoked_at    timestamptz NOT NULL
);

COMMENT ON TABLE revoked_delegations IS 'As identity told. A hold that was vouched for before the revocation and comes after it finds itself here.';

CALL protect_by_region('revoked_delegations');
CALL append_only('revoked_delegations');

-- For the owner, as booking_violations.
CREATE VIEW delegation_violations AS
SELECT 'a place is held under a delegation that was taken back' AS violation, appointments.id AS row_id
FROM appointments
JOIN revoked_delegations ON revoked_delegations.delegation_id = appointments.delegation_id
WHERE appointments.state = 'HELD' AND appointments.booked_by NOT LIKE 'service:%';

COMMENT ON VIEW delegation_violations IS 'One row for every violation. A view sees what its owner sees, so nobody else may read it.';

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON delegation_violations FROM %I', service_role());
END
$$;
