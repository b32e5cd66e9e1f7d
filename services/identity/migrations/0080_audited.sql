-- Everything that identity says about anybody stands in the audit with a digest. Key versions
-- and blind indexes are apart: to seal anew changes nothing.
CALL audited('clients');
CALL audited('residents', sealed => '{name_sealed,birth_date_sealed,sex_sealed,mobile_sealed,address_sealed}', apart => '{key_version,name_birth_index,mobile_index,birth_year_index}');
CALL audited('identifiers', sealed => '{number_sealed}', apart => '{key_version,number_index}');
CALL audited('resident_changes', sealed => '{old_sealed}', apart => '{key_version}');
CALL audited('possible_duplicates');
CALL audited('organisations');
CALL audited('departments');
CALL audited('practitioners');
CALL audited('enrolments');
CALL audited('delegations');
CALL audited('continuations');
CALL audited('consents');
