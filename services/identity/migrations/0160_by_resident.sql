-- What is looked for by person when somebody is erased, exported or merged.
CREATE INDEX delegations_delegate       ON delegations (delegate);
CREATE INDEX continuations_resident     ON continuations (resident_id);
CREATE INDEX care_relations_resident_id ON care_relations (resident_id);
