-- Until when a patient may give a confirmed place up goes by the working day, too: "14:00 on the previous working day", as the Beijing
-- appointment platform publishes it. Which instant that is, is reckoned when a slot is made and kept with it, and with a slot of the
-- same start that replaces it: whoever books there is promised that, whatever holiday is declared later, and a booking reads it without
-- looking at any calendar.

ALTER TABLE sessions ADD COLUMN cancel_notice_time time
    CONSTRAINT sessions_cancel_notice_time_check CHECK (cancel_notice_time IS NULL
        OR cancel_notice_minutes = 0 AND cancel_notice_time < '24:00' AND extract(second FROM cancel_notice_time) = 0);
ALTER TABLE session_templates ADD COLUMN cancel_notice_time time
    CONSTRAINT session_templates_cancel_notice_time_check CHECK (cancel_notice_time IS NULL
        OR cancel_notice_minutes = 0 AND cancel_notice_time < '24:00' AND extract(second FROM cancel_notice_time) = 0);
ALTER TABLE slots ADD COLUMN cancel_until timestamptz
    CONSTRAINT slots_cancel_until_check CHECK (cancel_until <= starts_at);

UPDATE slots SET cancel_until = slots.starts_at - sessions.cancel_notice_minutes * interval '1 minute'
FROM sessions WHERE sessions.id = slots.session_id AND sessions.cancel_notice_minutes > 0;

COMMENT ON COLUMN sessions.cancel_notice_minutes          IS 'A patient gives a confirmed place up, or moves it, at the latest so long before its start; 0: not said so.';
COMMENT ON COLUMN sessions.cancel_notice_time             IS 'At the latest at that time, in the region, of the last working day before the day of the place; null: not said so.';
COMMENT ON COLUMN session_templates.cancel_notice_minutes IS 'As of the sessions that come of it; 0: not said so.';
COMMENT ON COLUMN session_templates.cancel_notice_time    IS 'As of the sessions that come of it; null: not said so.';
COMMENT ON COLUMN slots.cancel_until                      IS 'What its session said came to when it was made, or the slot of that start that it replaced; null: nothing is said.';

CALL audited('sessions');
CALL audited('session_templates');
CALL audited('slots');
