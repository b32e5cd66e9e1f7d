-- A provider that is not designated for the care is no want of cover: an outcome of its own. What was stored before keeps its word.
ALTER TABLE quotes
    DROP CONSTRAINT quotes_outcome_check,
    ADD CONSTRAINT quotes_outcome_check CHECK (outcome IN ('PRICED', 'NOT_ENROLLED', 'NOT_DESIGNATED', 'NO_POLICY'));
ALTER TABLE settlements
    DROP CONSTRAINT settlements_outcome_check,
    ADD CONSTRAINT settlements_outcome_check CHECK (outcome IN ('PRICED', 'NOT_ENROLLED', 'NOT_DESIGNATED'));
