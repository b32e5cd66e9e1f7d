-- A consumer of one region reads past the events of all others by this.
CREATE INDEX events_region_position ON events (region, position) WHERE position IS NOT NULL;
