//! Claims, events, audit, isolation: I7 to I10.

use super::Seed;

pub(super) const SEEDS: &[Seed] = &[
    // I4 and I9, of persons
    (
        "every service takes the same ids for one person",
        "scheduling",
        "INSERT INTO resident_aliases (resident_id, survivor_id, since) VALUES (md5('r')::uuid, md5('s')::uuid, now())",
        "which identity does not say",
    ),
    (
        "every service takes the same ids for one person",
        "identity",
        "INSERT INTO resident_aliases (resident_id, survivor_id, since) VALUES (md5('r')::uuid, md5('s')::uuid, now() - interval '1 hour')",
        "and not here",
    ),
    (
        "a person's key was destroyed by an erasure that identity decided",
        "scheduling",
        "INSERT INTO audit_entries (resident_id, action) VALUES (md5('r')::uuid, 'scheduling.person_key.destroy')",
        "identity decided no erasure",
    ),
    (
        "a person's key was destroyed by an erasure that identity decided",
        "identity|payment",
        "INSERT INTO erasure_requests (id, resident_id, state) VALUES (md5('e')::uuid, md5('r')::uuid, 'CLOSING') || ---- || \
         INSERT INTO audit_entries (resident_id, action) VALUES (md5('r')::uuid, 'payment.person_key.destroy')",
        "identity decided no erasure",
    ),
    // I7
    (
        "shares add up to the billed amount, to the fen",
        "adjudication",
        "INSERT INTO settlements (id, total, fully_own, first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, \
         large_amount_own, beyond_cover) VALUES (md5('s')::uuid, 240, 0, 0, 240, 0, 216, 23.99, 0, 0, 0)",
        "its shares 239.99",
    ),
    (
        "shares add up to the billed amount, to the fen",
        "adjudication",
        "INSERT INTO settlements (id, total, fully_own, first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, \
         large_amount_own, beyond_cover, critical_illness_fund, assistance_fund) \
         VALUES (md5('s')::uuid, 240, 0, 0, 240, 0, 216, 24, 0, 0, 0, 20, 4.01)",
        "left to the person 24.00, of which funds take 24.01",
    ),
    (
        "shares add up to the billed amount, to the fen",
        "adjudication",
        "INSERT INTO settlements (id, total, fully_own, first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, \
         large_amount_own, beyond_cover, critical_illness_fund, assistance_fund, adjudication) \
         VALUES (md5('s')::uuid, 240, 0, 0, 240, 0, 216, 24, 0, 0, 0, 20, 0, '{\"settlement\": {\"fund_pay_sumamt\": \"216.00\"}}')",
        "of which funds take 20.00",
    ),
    (
        "a settlement divides what the lines of its claim sum to",
        "adjudication",
        "INSERT INTO settlements (id, claim_id, claim_version, total) VALUES (md5('s')::uuid, md5('c')::uuid, 1, 240); \
         INSERT INTO claim_lines (claim_id, claim_version, line_number, amount) VALUES (md5('c')::uuid, 1, 1, 24)",
        "the lines sum to 24.00",
    ),
    (
        "a claim version is adjudicated once, and its claim says by which settlement",
        "adjudication",
        "INSERT INTO settlements (id, claim_id, claim_version) SELECT md5(n::text)::uuid, md5('c')::uuid, 1 FROM generate_series(1, 2) AS n",
        "version 1 was adjudicated 2 times",
    ),
    (
        "a claim version is adjudicated once, and its claim says by which settlement",
        "adjudication",
        "INSERT INTO claims (id, version, settlement_id, total) VALUES (md5('c')::uuid, 2, md5('s')::uuid, 5); \
         INSERT INTO settlements (id, claim_id, claim_version, total) VALUES (md5('s')::uuid, md5('c')::uuid, 1, 5)",
        "names a settlement that is not of this version",
    ),
    (
        "one settlement of a claim is in force",
        "adjudication",
        "INSERT INTO settlements (id, claim_id, claim_version, state) SELECT md5(n::text)::uuid, md5('c')::uuid, n, 'CONFIRMED' \
         FROM generate_series(1, 2) AS n",
        "2 settlements are confirmed",
    ),
    (
        "a year's accumulators are the sum of what was confirmed",
        "adjudication",
        "INSERT INTO accumulators (resident_id, year, scheme, kind, in_scope, deductible, pooled_fund, large_amount_fund, stays, version) \
         VALUES (md5('r')::uuid, 2026, 'EMPLOYEE', 'INPATIENT', 9, 0, 9, 0, 1, 1)",
        "counted 9.00/0.00/9.00/0.00 in 1, confirmed nothing",
    ),
    (
        "a year's accumulators are the sum of what was confirmed",
        "adjudication",
        "INSERT INTO settlements (id, state, policy_id, resident_id, year, scheme, kind, in_scope, deductible, pooled_fund, large_amount_fund) \
         VALUES (md5('s')::uuid, 'CONFIRMED', md5('p')::uuid, md5('r')::uuid, 2026, 'EMPLOYEE', 'INPATIENT', 9, 0, 9, 0)",
        "counted nothing, confirmed 9.00",
    ),
    (
        "a year's totals above basic insurance are the sum of what was confirmed",
        "adjudication",
        "INSERT INTO accumulators (resident_id, year, scheme, kind, own_in_scope, assistance_fund) \
         VALUES (md5('r')::uuid, 2026, 'EMPLOYEE', 'OUTPATIENT', 20, 9); \
         INSERT INTO settlements (id, state, policy_id, resident_id, year, scheme, kind, adjudication) \
         VALUES (md5('s')::uuid, 'CONFIRMED', md5('p')::uuid, md5('r')::uuid, 2026, 'EMPLOYEE', 'OUTPATIENT', \
             '{\"year_after\": {\"own_in_scope\": \"20.00\", \"assistance_fund\": \"9.01\"}}')",
        "assistance_fund: counted 9.00, confirmed 9.01",
    ),
    (
        "a year's totals above basic insurance are the sum of what was confirmed",
        "adjudication",
        "INSERT INTO accumulators (resident_id, year, scheme, kind, voucher) VALUES (md5('r')::uuid, 2026, 'EMPLOYEE', 'OUTPATIENT', 5)",
        "voucher: counted 5.00, confirmed 0",
    ),
    (
        "no voucher is used beyond what a policy gives in a year",
        "adjudication",
        "INSERT INTO accumulators (resident_id, year, scheme, kind, voucher) VALUES (md5('r')::uuid, 2026, 'RESIDENT', 'OUTPATIENT', 500.01); \
         INSERT INTO policies (id, document) VALUES (md5('p')::uuid, '{\"voucher\": {\"per_year\": \"500.00\"}}'); \
         INSERT INTO settlements (id, state, policy_id, resident_id, year, scheme) \
         VALUES (md5('s')::uuid, 'CONFIRMED', md5('p')::uuid, md5('r')::uuid, 2026, 'RESIDENT')",
        "used 500.01 of 500.00",
    ),
    (
        "a personal account is the sum of its entries, and promises no more than it holds",
        "adjudication",
        "INSERT INTO personal_accounts (resident_id, balance) VALUES (md5('r')::uuid, 100); \
         INSERT INTO account_entries (id, resident_id, booking, amount) VALUES (md5('e')::uuid, md5('r')::uuid, 'CREDITED', 99)",
        "holds 100.00, moved by 99.00",
    ),
    (
        "a personal account is the sum of its entries, and promises no more than it holds",
        "adjudication",
        "INSERT INTO personal_accounts (resident_id, balance) VALUES (md5('r')::uuid, 100); \
         INSERT INTO account_entries (id, resident_id, booking, amount) VALUES (md5('e')::uuid, md5('r')::uuid, 'CREDITED', 100); \
         INSERT INTO settlements (id, state, lapses_at, account, account_of, mutual_aid, mutual_aid_of) VALUES \
             (md5('s')::uuid, 'DIVIDED', now() + interval '1 hour', 60, md5('r')::uuid, 0, NULL), \
             (md5('t')::uuid, 'DIVIDED', now() + interval '1 hour', 0, NULL, 41, md5('r')::uuid), \
             (md5('u')::uuid, 'DIVIDED', now() - interval '1 hour', 60, md5('r')::uuid, 0, NULL)",
        "holds 100.00, promised 101.00",
    ),
    (
        "a settlement in force has taken what its accounts pay, and no other has",
        "adjudication",
        "INSERT INTO settlements (id, state, account, account_of) VALUES (md5('s')::uuid, 'CONFIRMED', 60, md5('r')::uuid)",
        "60.00 of an account",
    ),
    (
        "a settlement in force has taken what its accounts pay, and no other has",
        "adjudication",
        "INSERT INTO settlements (id, state, mutual_aid, mutual_aid_of) VALUES (md5('s')::uuid, 'REVERSED', 60, md5('r')::uuid); \
         INSERT INTO account_entries (id, resident_id, booking, amount, settlement_id) \
         VALUES (md5('e')::uuid, md5('r')::uuid, 'TAKEN', -60, md5('s')::uuid)",
        "REVERSED, 60.00 of an account",
    ),
    (
        "a settlement in force has taken what its accounts pay, and no other has",
        "adjudication",
        "INSERT INTO account_entries (id, resident_id, booking, amount, settlement_id) \
         VALUES (md5('e')::uuid, md5('r')::uuid, 'TAKEN', -60, md5('s')::uuid)",
        "draws on none such",
    ),
    (
        "what is explained is what is paid",
        "adjudication",
        "INSERT INTO settlements (id, pooled_fund, adjudication) \
         VALUES (md5('s')::uuid, 216, '{\"shares\": {\"pooled_fund\": \"216.01\"}}')",
        "216.01",
    ),
    (
        "what is explained is what is paid",
        "adjudication",
        "INSERT INTO settlements (id, assistance_fund, adjudication) VALUES (md5('s')::uuid, 9.50, '{\"shares\": {}}')",
        "9.50",
    ),
    (
        "a correction is the difference to what it takes the place of, and a reversal all of it",
        "adjudication",
        "INSERT INTO settlements (id, claim_id, state, total, adjudication) \
         VALUES (md5('s')::uuid, md5('c')::uuid, 'CORRECTED', 9, '{\"settlement\": {\"fund_pay_sumamt\": \"4.00\"}}'); \
         INSERT INTO settlements (id, claim_id, state, total, adjudication, corrects, adjustment_total, adjustment_fund) \
         VALUES (md5('t')::uuid, md5('c')::uuid, 'CONFIRMED', 9, '{\"settlement\": {\"fund_pay_sumamt\": \"5.00\"}}', md5('s')::uuid, 0, 2)",
        "the difference is 0.00 and 1.00",
    ),
    (
        "a correction is the difference to what it takes the place of, and a reversal all of it",
        "adjudication",
        "INSERT INTO settlements (id, state, total, adjustment_total) VALUES (md5('s')::uuid, 'REVERSED', 9, 9)",
        "gives back 9.00 of 9.00",
    ),
    (
        "regions owe one another what is settled and not taken back",
        "adjudication",
        "INSERT INTO settlements (id, state) VALUES (md5('s')::uuid, 'REVERSED'); \
         INSERT INTO clearing_entries (id, settlement_id, amount) VALUES (md5('e')::uuid, md5('s')::uuid, 7)",
        "7.00 is owed for what is REVERSED",
    ),
    (
        "the same input under the same policy gives the same answer",
        "adjudication",
        "INSERT INTO settlements (id, basis, policy_digest, adjudication) SELECT md5(n::text)::uuid, '{}', 'd', to_jsonb(n) \
         FROM generate_series(1, 2) AS n",
        "2 answers to one input",
    ),
    (
        "the same input under the same policy gives the same answer",
        "adjudication",
        "INSERT INTO quotes (id, basis, policy_digest, outcome, price) SELECT md5(n::text)::uuid, '{}', 'd', 'PRICED', to_jsonb(n) \
         FROM generate_series(1, 2) AS n",
        "2 prices for one input",
    ),
    (
        "the same input under the same policy gives the same answer",
        "adjudication",
        "INSERT INTO quotes (id, basis, outcome, price) SELECT md5(n::text)::uuid, '{\"lines\": [1]}', 'NO_POLICY', to_jsonb(n) \
         FROM generate_series(1, 2) AS n",
        "2 prices for one input",
    ),
    (
        "a policy says what was released, and only released ones are applied",
        "adjudication",
        "INSERT INTO policies (id, document, digest) VALUES (md5('p')::uuid, '{}', repeat('0', 64))",
        "not what its digest says",
    ),
    (
        "a policy says what was released, and only released ones are applied",
        "adjudication",
        "INSERT INTO settlements (id, policy_id, policy_digest) VALUES (md5('s')::uuid, md5('p')::uuid, 'd'); \
         INSERT INTO policies (id, state) VALUES (md5('p')::uuid, 'PROPOSED')",
        "was not released as such",
    ),
    (
        "a claim cites a visit of its person",
        "adjudication|scheduling",
        "INSERT INTO claims (id, visit_id, resident_id) VALUES (md5('c')::uuid, md5('v')::uuid, md5('r')::uuid) || ---- || \
         INSERT INTO visits (id, resident_id) VALUES (md5('v')::uuid, md5('other')::uuid)",
        "cites no visit",
    ),
    // I8
    (
        "what is committed is sealed within 5 s",
        "referral",
        "INSERT INTO audit_entries (region) VALUES ('110000')",
        "not sealed after 0 s",
    ),
    (
        "what is told is taken in within 30 s",
        "scheduling|payment",
        "UPDATE chain_heads SET position = 7 WHERE chain = 'events' || ---- || INSERT INTO cursors (source, position) VALUES ('scheduling/bills', 5)",
        "scheduling/bills at 5 of 7",
    ),
    (
        "no event is parked",
        "payment",
        "INSERT INTO parked_events (source, position, cause) VALUES ('scheduling', 3, 'refused: no such bill')",
        "scheduling/3 parked: refused: no such bill",
    ),
    // I9
    (
        "what was told stands in the audit",
        "payment",
        "INSERT INTO events (id, kind, subject) VALUES (md5('e')::uuid, 'bill.captured', md5('b')::uuid::text); \
         INSERT INTO audit_entries (action, rows) \
         VALUES ('payment.bill.read', jsonb_build_array(jsonb_build_object('id', md5('b')::uuid::text)))",
        "has no audit entry",
    ),
    // I10
    (
        "a table with a region shows only that region",
        "scheduling",
        "ALTER TABLE visits DISABLE ROW LEVEL SECURITY",
        "visits has a region, but no row security",
    ),
    (
        "a table with a region shows only that region",
        "scheduling",
        "CREATE POLICY open ON visits TO scheduling USING (true)",
        "visits row security lets the service reach every region",
    ),
    (
        "a table about a resident has a region",
        "scheduling",
        "CREATE TABLE diagnoses (resident_id uuid)",
        "diagnoses has a resident, but no region",
    ),
    (
        "a view shows no more than its reader may see",
        "payment",
        "CREATE VIEW all_bills AS SELECT * FROM bills",
        "all_bills shows every region",
    ),
    (
        "no role of a service stands above row security",
        "identity",
        "RESET SESSION AUTHORIZATION; ALTER ROLE identity_worker BYPASSRLS; SET SESSION AUTHORIZATION identity_owner",
        "identity_worker is a superuser, bypasses",
    ),
    (
        "no role of a service stands above row security",
        "identity",
        "RESET SESSION AUTHORIZATION; ALTER TABLE residents OWNER TO identity; SET SESSION AUTHORIZATION identity_owner; \
         ",
        "residents is owned by identity",
    ),
    (
        "no identification number, token or key can be read",
        "referral",
        "INSERT INTO events (id, data) VALUES (md5('e')::uuid, '{\"note\": \"Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJyZXNpZGVudCJ9.c2ln\"}')",
        "a token or private key",
    ),
    (
        "no identification number, token or key can be read",
        "identity",
        "INSERT INTO clients (client_id, public_key_pem) VALUES ('c', '-----BEGIN PRIVATE KEY-----')",
        "clients.public_key_pem",
    ),
];
