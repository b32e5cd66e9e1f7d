-- Slots and pools follow from sessions and appointments (booking_violations) and are not digested.
CALL audited('sessions');
CALL audited('appointments');
CALL audited('visits');
CALL audited('chosen_appointment_ids');
