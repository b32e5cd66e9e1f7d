-- What a delegation allows goes with the entry made under it; and a line that is over is left, so that the same one can be joined again.

ALTER TABLE wait_list_entries ADD COLUMN uses_max integer CONSTRAINT wait_list_entries_uses_max_check CHECK (uses_max >= 0);
ALTER TABLE wait_list_entries DROP CONSTRAINT wait_list_entries_state_check;
ALTER TABLE wait_list_entries ADD CONSTRAINT wait_list_entries_state_check CHECK (state IN ('WAITING', 'OFFERED', 'LEFT', 'LAPSED'));

COMMENT ON COLUMN wait_list_entries.uses_max IS 'How many bookings there may be under the delegation: what it allows or, after a place was taken back, as many as there were. None of the resident''s own act.';
COMMENT ON COLUMN wait_list_entries.until    IS 'When it is over. A row is LAPSED once its line is joined again; before that it may stand as WAITING.';

CALL audited('wait_list_entries');
