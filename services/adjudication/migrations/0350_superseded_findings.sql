-- A corrected claim is inspected anew: what a rule no longer asks about it withholds nothing.
ALTER TABLE findings
    DROP CONSTRAINT findings_state_check,
    ADD CONSTRAINT findings_state_check CHECK (
        state IN ('NOTED', 'OPEN', 'ASKED', 'CLEARED', 'CUT', 'APPEALED', 'UPHELD', 'SUPERSEDED'));

COMMENT ON COLUMN findings.settlement_id IS 'That of the claim version it is about: the one it was noted at, or a later one of which the rule asks the same.';
