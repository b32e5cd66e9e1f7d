-- An appointment that is forgotten, because its person was erased or its time to be kept has passed, is counted in no slot any more.
CREATE FUNCTION give_back_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE slot_pools SET taken = taken - 1 WHERE slot_id = OLD.slot_id AND pool = OLD.pool;
    RETURN NULL;
END
$$;

CREATE TRIGGER appointments_give_back_removed AFTER DELETE ON appointments
    FOR EACH ROW WHEN (OLD.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW')) EXECUTE FUNCTION give_back_removed();
