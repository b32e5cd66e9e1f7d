CREATE TABLE enrolments (
    id                    uuid        PRIMARY KEY,
    region                text        NOT NULL CONSTRAINT enrolments_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id           uuid        NOT NULL REFERENCES residents (id),
    scheme                text        NOT NULL CONSTRAINT enrolments_scheme_check CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    insured_region        text        NOT NULL CONSTRAINT enrolments_insured_region_check CHECK (insured_region ~ '^[1-9][0-9]{5}$'),
    layer                 text        NOT NULL
        CONSTRAINT enrolments_layer_check CHECK (layer IN ('BASIC', 'CRITICAL_ILLNESS', 'ASSISTANCE', 'COMMERCIAL')),
    payer_organisation_id uuid        REFERENCES organisations (id),
    in_force_from         date        NOT NULL,
    in_force_until        date,
    retired               boolean     NOT NULL,
    recorder_organisation_id uuid,
    recorded_at           timestamptz NOT NULL,
    CONSTRAINT enrolments_order CHECK (in_force_until IS NULL OR in_force_until >= in_force_from)
);
CREATE INDEX enrolments_resident ON enrolments (resident_id, layer, in_force_from);

COMMENT ON TABLE  enrolments                          IS 'Who is insured how. Of one layer only one is in force a day: the resident''s row is locked while that is checked.';
COMMENT ON COLUMN enrolments.in_force_until           IS 'Last day in force; null is open.';
COMMENT ON COLUMN enrolments.payer_organisation_id    IS 'Who pays; null is the insured region''s own fund.';
COMMENT ON COLUMN enrolments.recorder_organisation_id IS 'Organisation that recorded it.';

CALL protect_by_region('enrolments');
