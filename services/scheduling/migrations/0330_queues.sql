-- Queues on the day: who checked in, in which line, and whose turn is when.

CREATE TABLE queue_lines (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT queue_lines_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id uuid        NOT NULL,
    practitioner_id uuid,
    room            text        NOT NULL DEFAULT '' CONSTRAINT queue_lines_room_check CHECK (length(room) <= 40),
    called_with     uuid        CONSTRAINT queue_lines_called_with_fkey REFERENCES queue_lines,
    CONSTRAINT queue_lines_called_with_check CHECK (called_with <> id)
);
CREATE INDEX queue_lines_called_with ON queue_lines (called_with) WHERE called_with IS NOT NULL;

COMMENT ON TABLE  queue_lines                 IS 'A line of people who checked in: a session''s, or a provider''s own for walk-ins to none. Locked while somebody is called from it.';
COMMENT ON COLUMN queue_lines.id              IS 'Of the session, or of the provider.';
COMMENT ON COLUMN queue_lines.practitioner_id IS 'Whom they will see: the session''s doctor, or who took over.';
COMMENT ON COLUMN queue_lines.called_with     IS 'The line it is called with since its doctor moved; null: by itself.';

CREATE TABLE queue_tickets (
    id              uuid        PRIMARY KEY,
    number          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    region          text        NOT NULL CONSTRAINT queue_tickets_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    line_id         uuid        NOT NULL CONSTRAINT queue_tickets_line_id_fkey REFERENCES queue_lines,
    class           text        NOT NULL CONSTRAINT queue_tickets_class_check CHECK (class IN (
        'EMERGENCY', 'ELDERLY_80', 'DISABLED', 'PREGNANT', 'ELDERLY_65', 'REFERRAL', 'RETURNING', 'ORDINARY')),
    due_at          timestamptz,
    joined_at       timestamptz NOT NULL,
    turn_at         timestamptz NOT NULL,
    state           text        NOT NULL CONSTRAINT queue_tickets_state_check CHECK (state IN ('WAITING', 'CALLED', 'SERVED', 'LEFT')),
    calls           integer     NOT NULL DEFAULT 0 CONSTRAINT queue_tickets_calls_check CHECK (calls >= 0),
    passes          integer     NOT NULL DEFAULT 0 CONSTRAINT queue_tickets_passes_check CHECK (passes >= 0),
    called_at       timestamptz,
    called_by       text,
    ended_at        timestamptz,
    CONSTRAINT queue_tickets_called_check CHECK (
        (called_at IS NULL) = (called_by IS NULL) AND (state <> 'CALLED' OR called_at IS NOT NULL) AND (state <> 'WAITING' OR called_at IS NULL)),
    CONSTRAINT queue_tickets_ended_check CHECK ((state IN ('SERVED', 'LEFT')) = (ended_at IS NOT NULL))
);
CREATE INDEX queue_tickets_line ON queue_tickets (line_id, joined_at);
CREATE INDEX queue_tickets_dated ON queue_tickets (region, joined_at);
CREATE INDEX queue_tickets_by_resident ON queue_tickets (resident_id);

COMMENT ON TABLE  queue_tickets           IS 'Somebody''s place in the queue of a day.';
COMMENT ON COLUMN queue_tickets.id        IS 'Of the visit.';
COMMENT ON COLUMN queue_tickets.number    IS 'Order of checking in, which decides between equal turns.';
COMMENT ON COLUMN queue_tickets.class     IS 'Why they go before others.';
COMMENT ON COLUMN queue_tickets.turn_at   IS 'What they are ordered by within their class.';
COMMENT ON COLUMN queue_tickets.called_by IS 'The party that called them.';

CALL protect_by_region('queue_lines');
CALL protect_by_region('queue_tickets');
CALL audited('queue_lines');
CALL audited('queue_tickets');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON queue_lines, queue_tickets FROM %I', service_role());
END
$$;
