-- What somebody let one of our services go on doing in a resident's name: the evidence of work in the background.
CREATE TABLE mandates (
    id             uuid          PRIMARY KEY,
    region         text          NOT NULL CONSTRAINT mandates_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id    uuid          NOT NULL REFERENCES residents (id),
    given_by       text          NOT NULL,
    delegation_id  uuid          REFERENCES delegations (id),
    service        text          NOT NULL,
    work           text          NOT NULL CONSTRAINT mandates_work_check CHECK (length(work) BETWEEN 1 AND 100),
    credit_line_id uuid,
    own_share_max  numeric(16,2) CONSTRAINT mandates_own_share_max_check CHECK (own_share_max >= 0),
    given_at       timestamptz   NOT NULL,
    until          timestamptz   NOT NULL,
    ended_as       text          CONSTRAINT mandates_ended_as_check CHECK (ended_as IN ('REVOKED', 'DONE')),
    ended_at       timestamptz,
    CONSTRAINT mandates_ends_after CHECK (until > given_at),
    CONSTRAINT mandates_credit_whole CHECK (num_nulls(credit_line_id, own_share_max) IN (0, 2)),
    CONSTRAINT mandates_ended_whole CHECK (num_nulls(ended_as, ended_at) IN (0, 2)),
    -- Who gave it for somebody else did so under a delegation.
    CONSTRAINT mandates_rests_on CHECK (delegation_id IS NOT NULL OR given_by = 'resident:' || resident_id)
);
CREATE INDEX mandates_work ON mandates (work) WHERE ended_at IS NULL;
CREATE INDEX mandates_resident ON mandates (resident_id);

COMMENT ON TABLE  mandates               IS 'One row per RecordMandate; changes once at most, when it ends. No continuation token without one.';
COMMENT ON COLUMN mandates.given_by      IS 'Who gave it, as tokens name parties: the resident, or the delegate who acted.';
COMMENT ON COLUMN mandates.service       IS 'The service over whose connection it was recorded, and which alone may use it.';
COMMENT ON COLUMN mandates.work          IS 'The one piece of work it is for, such as referral:<id>.';
COMMENT ON COLUMN mandates.own_share_max IS 'CNY: the highest own share that may be committed on the credit line; both null: nothing may be paid.';
COMMENT ON COLUMN mandates.ended_as      IS 'REVOKED by the resident, their guardian or who gave it; DONE: the work has ended.';

CALL protect_by_region('mandates');
CALL audited('mandates');
DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON mandates FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (ended_as, ended_at) ON mandates TO %I', service_role());
END
$$;

ALTER TABLE continuations ADD COLUMN mandate_id uuid REFERENCES mandates (id);

COMMENT ON COLUMN continuations.mandate_id IS 'Under which it went on; null for uses from before mandates were recorded.';

CALL audited('continuations');
