-- Business rows for the tests of this crate.
CREATE TABLE notes (
    id     uuid   PRIMARY KEY,
    region text   NOT NULL,
    text   text   NOT NULL CONSTRAINT notes_text_check CHECK (text <> '')
);
CALL protect_by_region('notes');
CALL audited('notes');

-- A queue that loops look through across regions.
CREATE TABLE chores (
    id     uuid   PRIMARY KEY,
    region text   NOT NULL
);
CALL protect_by_region('chores');
CALL open_to_worker('chores');

-- What is named by two columns, sealed in one and derived in another.
CREATE TABLE leaves (
    book     text  NOT NULL,
    number   int   NOT NULL,
    region   text  NOT NULL,
    sealed   bytea NOT NULL,
    readers  int   NOT NULL DEFAULT 0,
    key_version int NOT NULL DEFAULT 1,
    PRIMARY KEY (book, number)
);
CALL protect_by_region('leaves');
CALL audited('leaves', sealed => '{sealed}', apart => '{readers,key_version}');

CREATE TABLE secrets (
    id          uuid    PRIMARY KEY,
    region      text    NOT NULL,
    text_sealed bytea   NOT NULL,
    more_sealed bytea,
    key_version integer NOT NULL
);
CALL protect_by_region('secrets');
