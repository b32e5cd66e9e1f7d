CREATE TABLE consents (
    id                        uuid        PRIMARY KEY,
    region                    text        NOT NULL CONSTRAINT consents_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id               uuid        NOT NULL REFERENCES residents (id),
    recipient_organisation_id uuid        NOT NULL REFERENCES organisations (id),
    purpose                   text        NOT NULL CONSTRAINT consents_purpose_check CHECK (purpose IN ('REFERRAL', 'TREATMENT', 'RESEARCH')),
    until                     timestamptz NOT NULL,
    granted_at                timestamptz NOT NULL
);
CREATE INDEX consents_resident ON consents (resident_id, recipient_organisation_id, purpose, until);

COMMENT ON TABLE consents IS 'Which organisation may see whose health data, what for and until when.';

CALL protect_by_region('consents');
CALL append_only('consents');
