-- Organisations and departments are public knowledge: people travel for care, so every region may read them.
CREATE TABLE organisations (
    id               uuid             PRIMARY KEY,
    region           text             NOT NULL CONSTRAINT organisations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind             text             NOT NULL CONSTRAINT organisations_kind_check CHECK (kind IN ('PROVIDER', 'INSURER', 'BANK', 'COMMITTEE')),
    name             text             NOT NULL CONSTRAINT organisations_name_check CHECK (length(name) BETWEEN 1 AND 200),
    credit_code      text             NOT NULL CONSTRAINT organisations_credit_code_check CHECK (length(credit_code) = 18),
    tier             text             CONSTRAINT organisations_tier_check CHECK (tier IN ('COMMUNITY', 'DISTRICT', 'TERTIARY')),
    region_code      text             NOT NULL CONSTRAINT organisations_region_code_check CHECK (region_code ~ '^[1-9][0-9]{5}$'),
    latitude         double precision,
    longitude        double precision,
    alliance         text             NOT NULL,
    designated_from  date,
    designated_until date,
    registered_at    timestamptz      NOT NULL,
    CONSTRAINT organisations_credit_code_key UNIQUE (credit_code),
    CONSTRAINT organisations_provider_has_tier CHECK ((kind = 'PROVIDER') = (tier IS NOT NULL)),
    CONSTRAINT organisations_place_whole CHECK (num_nulls(latitude, longitude) IN (0, 2)),
    CONSTRAINT organisations_designated_order CHECK (designated_until IS NULL OR designated_until >= designated_from)
);
CREATE INDEX organisations_name ON organisations (region, name, id);

COMMENT ON TABLE  organisations             IS 'Hospitals, clinics, insurers, banks, committees.';
COMMENT ON COLUMN organisations.region      IS 'The tenant that registered it; lists go by it.';
COMMENT ON COLUMN organisations.region_code IS 'Where it stands, which may be a district of the tenant.';

CREATE TABLE departments (
    id              uuid    PRIMARY KEY,
    organisation_id uuid    NOT NULL REFERENCES organisations (id),
    place           integer NOT NULL,
    code            text    NOT NULL,
    name            text    NOT NULL,
    capabilities    text[]  NOT NULL,
    CONSTRAINT departments_place_key UNIQUE (organisation_id, place)
);

COMMENT ON TABLE  departments              IS 'Departments of providers.';
COMMENT ON COLUMN departments.place        IS 'Order in which the organisation lists them.';
COMMENT ON COLUMN departments.capabilities IS 'ICD-10 prefixes; a code is covered when it starts with one.';

CREATE TABLE practitioners (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT practitioners_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id uuid        NOT NULL REFERENCES organisations (id),
    name            text        NOT NULL,
    title           text        NOT NULL,
    department_ids  uuid[]      NOT NULL,
    registered_at   timestamptz NOT NULL
);

COMMENT ON TABLE  practitioners      IS 'Who works where, under the name shown on the door.';

CALL protect_by_region('practitioners');
