-- One row per id of a person: all of one request are found together.
CREATE INDEX erasures_request ON erasures (erasure_id);

COMMENT ON TABLE  erasures        IS 'One row per id of a person who asked, in every service. What is recorded about a person locks it, so that nothing begins while it closes.';
COMMENT ON COLUMN erasures.due_at IS 'When to tell identity again; null: there is nothing left to tell, or the row of another id of the person says when.';
