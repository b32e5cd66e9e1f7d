-- Business rows for the tests of this crate.
CREATE TABLE notes (
    id     uuid   PRIMARY KEY,
    region text   NOT NULL,
    text   text   NOT NULL CONSTRAINT notes_text_check CHECK (text <> '')
);
CALL protect_by_region('notes');

-- A queue that loops look through across regions.
CREATE TABLE chores (
    id     uuid   PRIMARY KEY,
    region text   NOT NULL
);
CALL protect_by_region('chores');
CALL open_to_worker('chores');
