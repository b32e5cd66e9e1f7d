-- Who asks again and again is one person who wants a place.

COMMENT ON COLUMN slot_refusals.refused IS 'Persons, each counted by a replica once a day and department, in one of the slots of that day that they asked for.';
