-- Records opened in an emergency, without consent.

CREATE TABLE break_glasses (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT break_glasses_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL REFERENCES residents (id),
    organisation_id uuid        NOT NULL,
    opened_by       text        NOT NULL,
    reason          text        NOT NULL CONSTRAINT break_glasses_reason_check CHECK (reason IN ('LIFE_AT_RISK', 'CANNOT_CONSENT', 'PUBLIC_HEALTH')),
    justification   text        NOT NULL CONSTRAINT break_glasses_justification_check CHECK (length(justification) BETWEEN 1 AND 200),
    opened_at       timestamptz NOT NULL,
    closes_at       timestamptz NOT NULL,
    verdict         text        CONSTRAINT break_glasses_verdict_check CHECK (verdict IN ('JUSTIFIED', 'UNJUSTIFIED')),
    reviewed_by     text,
    reviewed_at     timestamptz,
    CONSTRAINT break_glasses_term_check CHECK (closes_at > opened_at),
    CONSTRAINT break_glasses_review_check CHECK (
        (verdict IS NULL) = (reviewed_by IS NULL) AND (verdict IS NULL) = (reviewed_at IS NULL)),
    CONSTRAINT break_glasses_reviewer_is_another CHECK (reviewed_by <> opened_by)
);
CREATE INDEX break_glasses_resident ON break_glasses (resident_id, opened_at DESC, id DESC);
CREATE INDEX break_glasses_organisation ON break_glasses (organisation_id, opened_at DESC, id DESC);
CREATE INDEX break_glasses_unreviewed ON break_glasses (opened_at, id) WHERE verdict IS NULL;

COMMENT ON TABLE break_glasses IS 'Whose records an organisation''s clinicians could read when. A row changes once at most, when it is reviewed.';

CREATE TABLE break_glass_days (
    opened_by text    NOT NULL,
    day       date    NOT NULL,
    region    text    NOT NULL CONSTRAINT break_glass_days_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    opened    integer NOT NULL CONSTRAINT break_glass_days_opened_check CHECK (opened > 0),
    PRIMARY KEY (opened_by, day)
);

COMMENT ON TABLE  break_glass_days     IS 'How many a clinician opened on a day: the limit is counted here, one at a time.';
COMMENT ON COLUMN break_glass_days.day IS 'Local day.';

CALL protect_by_region('break_glasses');
CALL protect_by_region('break_glass_days');
CALL audited('break_glasses');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON break_glasses FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (verdict, reviewed_by, reviewed_at) ON break_glasses TO %I', service_role());
END
$$;
