-- Slots and their places as they were published. How many places are taken moves with every booking and follows from the
-- appointments, which are digested: `booking_violations` compares the two. A digest with each would say the same a second time, in the
-- hottest row there is.
CALL audited('slots');
CALL audited('slot_pools', apart => '{taken}');
-- What a hold is refused for.
CALL audited('revoked_delegations');
