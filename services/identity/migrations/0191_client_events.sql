-- Systems that follow what happens: of which events each is told, by every service.
ALTER TABLE clients ADD COLUMN events text[] NOT NULL DEFAULT '{}'
    CONSTRAINT clients_events_check CHECK (cardinality(events) <= 32 AND array_position(events, NULL) IS NULL);

COMMENT ON COLUMN clients.events IS
    'Types of events it may pull: whole ones, or what they begin with, up to a full stop (anjia.scheduling.); empty: none.';

CALL audited('clients');
