-- Until when a patient may give up a confirmed place: a clinic that is told too late has an empty chair.

ALTER TABLE sessions ADD COLUMN cancel_notice_minutes integer NOT NULL DEFAULT 0
    CONSTRAINT sessions_cancel_notice_check CHECK (cancel_notice_minutes BETWEEN 0 AND 43200);
ALTER TABLE session_templates ADD COLUMN cancel_notice_minutes integer NOT NULL DEFAULT 0
    CONSTRAINT session_templates_cancel_notice_check CHECK (cancel_notice_minutes BETWEEN 0 AND 43200);

COMMENT ON COLUMN sessions.cancel_notice_minutes          IS 'A patient gives a confirmed place up, or moves it, at the latest so long before its start; 0: nothing is said.';
COMMENT ON COLUMN session_templates.cancel_notice_minutes IS 'As of the sessions that come of it.';

CALL audited('sessions');
CALL audited('session_templates');
