-- Every step of an acceptance has its entry. Who drives it and when it is tried again are not part of what it has come to.
CALL audited('sagas', apart => '{tries,due_at,lease_owner,lease_until,fence}');
