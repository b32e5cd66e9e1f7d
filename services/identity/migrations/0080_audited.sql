-- Everything that identity says about anybody stands in the audit with a digest. Key versions
-- and blind indexes are apart: to seal anew changes nothing.
CALL audited('clients');
CALL audited('residents', sealed => '{name_sealed,national_id_sealed,mobile_sealed}', apart => '{key_version,national_id_index}');
CALL audited('organisations');
CALL audited('departments');
CALL audited('practitioners');
CALL audited('enrolments');
CALL audited('delegations');
CALL audited('continuations');
CALL audited('consents');
