-- Two registrations of one person. What is in force stands in `resident_aliases`, here and in every service that has heard of it; this is
-- who signed what.
CREATE TABLE resident_merges (
    id                               uuid        PRIMARY KEY,
    region                           text        NOT NULL CONSTRAINT resident_merges_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id                      uuid        NOT NULL REFERENCES residents (id),
    survivor_id                      uuid        NOT NULL REFERENCES residents (id),
    reason                           text        NOT NULL CONSTRAINT resident_merges_reason_check CHECK (length(reason) BETWEEN 1 AND 200),
    revision                         integer     NOT NULL CONSTRAINT resident_merges_revision_check CHECK (revision > 0),
    proposed_by                      text        NOT NULL,
    proposer_organisation_id         uuid,
    proposed_at                      timestamptz NOT NULL,
    proposal_evidence                text        NOT NULL CONSTRAINT resident_merges_proposal_evidence_check CHECK (length(proposal_evidence) BETWEEN 1 AND 200),
    merged_by                        text,
    merger_organisation_id           uuid,
    merged_at                        timestamptz,
    merge_evidence                   text        CONSTRAINT resident_merges_merge_evidence_check CHECK (length(merge_evidence) BETWEEN 1 AND 200),
    unmerge_proposed_by              text,
    unmerge_proposer_organisation_id uuid,
    unmerge_proposed_at              timestamptz,
    unmerge_proposal_evidence        text        CONSTRAINT resident_merges_unmerge_proposal_evidence_check CHECK (length(unmerge_proposal_evidence) BETWEEN 1 AND 200),
    unmerged_by                      text,
    unmerger_organisation_id         uuid,
    unmerged_at                      timestamptz,
    unmerge_evidence                 text        CONSTRAINT resident_merges_unmerge_evidence_check CHECK (length(unmerge_evidence) BETWEEN 1 AND 200),
    CONSTRAINT resident_merges_two CHECK (resident_id <> survivor_id),
    CONSTRAINT resident_merges_two_people CHECK (merged_by <> proposed_by AND unmerged_by <> unmerge_proposed_by),
    CONSTRAINT resident_merges_merged_whole CHECK (num_nulls(merged_by, merged_at, merge_evidence) IN (0, 3)),
    CONSTRAINT resident_merges_unmerge_proposed_whole CHECK (num_nulls(unmerge_proposed_by, unmerge_proposed_at, unmerge_proposal_evidence) IN (0, 3)),
    CONSTRAINT resident_merges_unmerged_whole CHECK (num_nulls(unmerged_by, unmerged_at, unmerge_evidence) IN (0, 3)),
    CONSTRAINT resident_merges_order CHECK (
        (unmerge_proposed_by IS NULL OR merged_by IS NOT NULL) AND (unmerged_by IS NULL OR unmerge_proposed_by IS NOT NULL))
);
-- Nobody is merged into two others.
CREATE UNIQUE INDEX resident_merges_in_force_key ON resident_merges (resident_id) WHERE merged_at IS NOT NULL AND unmerged_at IS NULL;
CREATE INDEX resident_merges_region ON resident_merges (region, id DESC);
CREATE INDEX resident_merges_survivor ON resident_merges (survivor_id);

COMMENT ON TABLE  resident_merges             IS 'Proposed, merged, proposed to be undone, undone: each step is signed, and two people sign.';
COMMENT ON COLUMN resident_merges.resident_id IS 'The registration given up; its rows stay as they are.';
COMMENT ON COLUMN resident_merges.revision    IS 'Raised by each step.';

CALL protect_by_region('resident_merges');
CALL audited('resident_merges');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON resident_merges FROM %I', service_role());
END
$$;
