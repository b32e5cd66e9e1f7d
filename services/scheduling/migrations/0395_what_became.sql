-- What became of those who were booked in a clinic of a surge that closed.

ALTER TABLE sessions
    ADD COLUMN closed_kept      integer,
    ADD COLUMN closed_moved     integer,
    ADD COLUMN closed_displaced integer,
    ADD COLUMN displaced_until  timestamptz CONSTRAINT sessions_closed_check CHECK (
        (closed_kept IS NULL) = (closed_moved IS NULL) AND (closed_kept IS NULL) = (closed_displaced IS NULL)
        AND (closed_kept IS NULL OR closed_at IS NOT NULL)
        AND (displaced_until IS NULL) = (coalesce(closed_displaced, 0) = 0));

COMMENT ON COLUMN sessions.closed_kept      IS 'How many bookings that were to come when it closed stayed there.';
COMMENT ON COLUMN sessions.closed_moved     IS 'How many of them got the same time elsewhere at the same provider.';
COMMENT ON COLUMN sessions.closed_displaced IS 'How many of them were offered another time or clinic.';
COMMENT ON COLUMN sessions.displaced_until  IS 'Until when the last of those offers stands.';

CALL audited('sessions');
