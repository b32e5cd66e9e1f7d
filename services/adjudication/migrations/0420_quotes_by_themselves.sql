-- Appointments are quoted by a consumer of their own, from where the one stands that now follows stays alone: nothing is passed over. While an old
-- replica still runs, both may quote an appointment; the later quote stands. What was parked stays under its old name: a quote goes by the
-- appointment as it stands, so that its later events may overtake.
INSERT INTO cursors (source, position) SELECT 'scheduling/appointments', position FROM cursors WHERE source = 'scheduling';
