-- What a visit of a session is usually billed: whoever books without saying anything else is quoted by it.

ALTER TABLE sessions ADD COLUMN expected_lines jsonb NOT NULL DEFAULT '[]'
    CONSTRAINT sessions_expected_lines_check CHECK (jsonb_typeof(expected_lines) = 'array');
ALTER TABLE session_templates ADD COLUMN expected_lines jsonb NOT NULL DEFAULT '[]'
    CONSTRAINT session_templates_expected_lines_check CHECK (jsonb_typeof(expected_lines) = 'array');

COMMENT ON COLUMN sessions.expected_lines          IS 'What a visit of it is usually billed: [{item_code, quantity, unit_price}]; empty says nothing.';
COMMENT ON COLUMN session_templates.expected_lines IS 'As of the sessions that come of it.';
COMMENT ON COLUMN appointments.expected_lines      IS 'What whoever booked expects to be billed: [{item_code, quantity, unit_price}]; empty: what its session says.';

CALL audited('sessions');
CALL audited('session_templates');
