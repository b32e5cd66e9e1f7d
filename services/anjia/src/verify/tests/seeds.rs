//! The bugs: for each checker at least one, and what it must say. `md5('…')::uuid` stands for an id.

use crate::verify::check::{Check, Look};
use crate::verify::events::Times;

/// Checker, service (or two, `one|other`), how the bug is seeded (two parts, between them ` || ---- || `), what must be found.
pub(super) type Seed = (&'static str, &'static str, &'static str, &'static str);

/// A seed that follows from the checker.
pub(super) type Made = (&'static str, (&'static str, String, &'static str));

pub(super) const SEEDS: &[Seed] = &[
    // I1
    (
        "a key that was claimed was answered",
        "identity",
        "INSERT INTO requests (subject, request_id, method, actor, organisation) VALUES ('s', md5('r')::uuid, 'm', '', '')",
        "m claimed its key",
    ),
    (
        "what was answered is there",
        "payment",
        "INSERT INTO requests (subject, request_id, method, actor, organisation, response) VALUES ('s', md5('r')::uuid, \
         'anjia.payment.v1.BillService/AuthoriseBill', '', '', '\\x0a260a24'::bytea || convert_to(md5('b')::uuid::text, 'UTF8'))",
        "whose effect is not in bills",
    ),
    (
        "what was answered is there",
        "payment",
        "INSERT INTO requests (subject, request_id, method, actor, organisation, response) VALUES ('s', md5('r')::uuid, \
         'anjia.payment.v1.BillService/AuthoriseBill', '', '', '\\xff')",
        "cannot be read",
    ),
    // I2
    (
        "a bill is posted once for each purpose",
        "payment",
        "INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid), \
         (md5('2')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "2 transfers BILL_CAPTURED",
    ),
    (
        "a bill is posted once for each purpose",
        "payment",
        "INSERT INTO transfers (id, purpose, order_id) VALUES (md5('1')::uuid, 'BANK_CLEARED', md5('o')::uuid), \
         (md5('2')::uuid, 'BANK_DECLINED', md5('o')::uuid)",
        "2 transfers of one bank order",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24)",
        "CAPTURED, but posted 0 times",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CANCELLED', 24); \
         INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "CANCELLED, but posted 1 times",
    ),
    (
        "a captured bill is charged, and no other",
        "payment",
        "INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('1')::uuid, 'BILL_CAPTURED', md5('b')::uuid)",
        "a bill that does not exist",
    ),
    (
        "what is charged is what the shares say",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'AUTHORISED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'DESK', 23.99)",
        "total 24.00, shares 23.99",
    ),
    (
        "what is charged is what the shares say",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'DESK', 24); \
         INSERT INTO transfers (id, purpose, bill_id) VALUES (md5('t')::uuid, 'BILL_CAPTURED', md5('b')::uuid); \
         INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 25), (md5('t')::uuid, 2, -25)",
        "charged 25.00",
    ),
    (
        "a captured credit share is asked of its bank once",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'CAPTURED', 24); \
         INSERT INTO bill_shares (bill_id, line, payer, amount, credit_line_id) \
         VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid)",
        "0 orders for the credit share",
    ),
    (
        "a captured credit share is asked of its bank once",
        "payment",
        "INSERT INTO bills (id, state, total) VALUES (md5('b')::uuid, 'AUTHORISED', 24); \
         INSERT INTO bank_orders (id, bill_id, credit_line_id, amount) \
         VALUES (md5('o')::uuid, md5('b')::uuid, md5('l')::uuid, 24)",
        "a share that was not captured",
    ),
    (
        "a bank's word is posted once, as it was said",
        "payment",
        "INSERT INTO bank_orders (id, state) VALUES (md5('o')::uuid, 'SUCCEEDED')",
        "SUCCEEDED, but posted as nothing",
    ),
    (
        "a bank's word is posted once, as it was said",
        "payment",
        "INSERT INTO bank_orders (id, state) VALUES (md5('o')::uuid, 'FAILED'); \
         INSERT INTO transfers (id, purpose, order_id) VALUES (md5('t')::uuid, 'BANK_CLEARED', md5('o')::uuid)",
        "FAILED, but posted as BANK_CLEARED",
    ),
    (
        "a captured bill has its settlement confirmed",
        "payment|adjudication",
        "INSERT INTO bills (id, state, total, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', 24, md5('s')::uuid) \
         || ---- || INSERT INTO settlements (id, state, total) VALUES (md5('s')::uuid, 'DIVIDED', 24)",
        "its settlement is not confirmed",
    ),
    (
        "a captured bill has its settlement confirmed",
        "payment|adjudication",
        "INSERT INTO bills (id, state, total, settlement_id) VALUES (md5('b')::uuid, 'SETTLED', 24, md5('s')::uuid) || ---- || \
         INSERT INTO settlements (id, state, total, bill_id) VALUES (md5('s')::uuid, 'CONFIRMED', 24, md5('other')::uuid)",
        "its settlement is not confirmed",
    ),
    (
        "a confirmed settlement has its bill captured",
        "adjudication|payment",
        "INSERT INTO settlements (id, state, bill_id) VALUES (md5('s')::uuid, 'CONFIRMED', md5('b')::uuid) || ---- || \
         INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CANCELLED', md5('s')::uuid)",
        "its bill is not being captured",
    ),
    (
        "the funds are charged what was adjudicated",
        "payment|adjudication",
        "INSERT INTO bills (id, state, settlement_id) VALUES (md5('b')::uuid, 'CAPTURED', md5('s')::uuid); \
         INSERT INTO bill_shares (bill_id, line, payer, amount) VALUES (md5('b')::uuid, 1, 'POOLED_FUND', 216.01) || ---- || \
         INSERT INTO settlements (id, pooled_fund, large_amount_fund) VALUES (md5('s')::uuid, 216, 0)",
        "something else than its settlement says",
    ),
    // I3
    (
        "every transfer has two entries or more and sums to zero",
        "payment",
        "INSERT INTO transfers (id) VALUES (md5('t')::uuid); \
         INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 5), (md5('t')::uuid, 2, -4.99)",
        "2 entries, sum 0.01",
    ),
    (
        "every transfer has two entries or more and sums to zero",
        "payment",
        "INSERT INTO transfers (id) VALUES (md5('t')::uuid)",
        "0 entries",
    ),
    (
        "every entry belongs to a transfer and an account of its region",
        "payment",
        "INSERT INTO entries (transfer_id, line, amount) VALUES (md5('t')::uuid, 1, 5)",
        "hangs in the air",
    ),
    (
        "the ledger of a region sums to zero",
        "payment",
        "INSERT INTO entries (transfer_id, line, region, amount) VALUES (md5('t')::uuid, 1, '110000', 5)",
        "110000 sums to 5.00",
    ),
    // I4
    (
        "a balance is the sum of its entries",
        "payment",
        "CREATE OR REPLACE VIEW account_balances AS SELECT id, region, kind, holder, 1::numeric(16,2) AS balance, 0::bigint AS entries \
         FROM accounts; INSERT INTO accounts (id) VALUES (md5('a')::uuid)",
        "shown as 1.00, is 0",
    ),
    (
        "no account is on the wrong side of zero",
        "payment",
        "INSERT INTO accounts (id, kind) VALUES (md5('a')::uuid, 'PROVIDER_PAYABLE'); \
         INSERT INTO entries (transfer_id, line, account_id, amount) VALUES (md5('t')::uuid, 1, md5('a')::uuid, 5)",
        "PROVIDER_PAYABLE stands at 5.00",
    ),
    (
        "what is drawn on a credit line is what its bills say",
        "payment",
        "INSERT INTO credit_lines (id, used, held) VALUES (md5('l')::uuid, 0, 24); \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CAPTURED'); INSERT INTO bill_shares (bill_id, line, payer, amount, \
         credit_line_id) VALUES (md5('b')::uuid, 1, 'CREDIT', 24, md5('l')::uuid)",
        "used 0.00, by its bills 24.00; held 24.00, by its bills 0",
    ),
    (
        "a bank owes what it has not answered yet",
        "payment",
        "INSERT INTO accounts (id, kind, holder) VALUES (md5('a')::uuid, 'BANK_RECEIVABLE', md5('bank')::uuid::text); \
         INSERT INTO entries (transfer_id, line, account_id, amount) VALUES (md5('t')::uuid, 1, md5('a')::uuid, 5)",
        "owes 5.00, but 0 is unanswered",
    ),
    // I5
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO slot_pools (slot_id, pool, places, taken) VALUES (md5('s')::uuid, 'PUBLIC', 5, 1)",
        "places taken are not the appointments",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO slot_pools (slot_id, pool, places, taken) VALUES (md5('s')::uuid, 'PUBLIC', 1, 2)",
        "more is given than there are places",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, resident_id, state, starts_at, ends_at) SELECT md5(n::text)::uuid, md5('r')::uuid, 'CONFIRMED', \
         now() + n * interval '5 minutes', now() + interval '1 hour' FROM generate_series(1, 2) AS n",
        "a patient is booked twice",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO sessions (id, practitioner_id, starts_at, ends_at) SELECT md5(n::text)::uuid, md5('d')::uuid, \
         now(), now() + interval '1 hour' FROM generate_series(1, 2) AS n",
        "a doctor has two sessions",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, state, hold_expires_at) VALUES (md5('a')::uuid, 'HELD', now() - interval '6 seconds')",
        "outlived its end",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, held_at, hold_expires_at, confirmed_at) VALUES (md5('a')::uuid, now(), now(), now())",
        "confirmed without a hold",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'KEPT')",
        "kept without its visit",
    ),
    // I6
    (
        "a referral that has not ended has an owner and a deadline",
        "referral",
        "INSERT INTO referrals (id, state, owner_id) VALUES (md5('r')::uuid, 'SUBMITTED', md5('o')::uuid)",
        "SUBMITTED without an owner or a deadline",
    ),
    (
        "an acceptance under way has one saga, and the saga its referral",
        "referral",
        "INSERT INTO referrals (id, state) VALUES (md5('r')::uuid, 'ACCEPTING'); \
         INSERT INTO sagas (id, referral_id, state) SELECT md5(n::text)::uuid, md5('r')::uuid, 'RUNNING' FROM generate_series(1, 2) AS n",
        "ACCEPTING with 2 sagas",
    ),
    (
        "an acceptance under way has one saga, and the saga its referral",
        "referral",
        "INSERT INTO referrals (id, state) VALUES (md5('r')::uuid, 'BOOKED'); \
         INSERT INTO sagas (id, referral_id, state) VALUES (md5('s')::uuid, md5('r')::uuid, 'COMPENSATING')",
        "COMPENSATING, but its referral is BOOKED",
    ),
    (
        "a saga ends, in one state, within a minute of its deadline",
        "referral",
        "INSERT INTO sagas (id, state, deadline) VALUES (md5('s')::uuid, 'RUNNING', now() - interval '2 minutes')",
        "still RUNNING 00:02:00 after its deadline",
    ),
    (
        "a saga ends, in one state, within a minute of its deadline",
        "referral",
        "INSERT INTO sagas (id, state) VALUES (md5('s')::uuid, 'COMPLETED')",
        "COMPLETED, ended at no time",
    ),
    (
        "a booked referral was accepted by a completed saga",
        "referral",
        "INSERT INTO referrals (id, state, appointment_id) VALUES (md5('r')::uuid, 'BOOKED', md5('a')::uuid); \
         INSERT INTO sagas (id, referral_id, appointment_id, state) VALUES (md5('s')::uuid, md5('r')::uuid, md5('a')::uuid, 'COMPENSATED')",
        "BOOKED without a completed saga",
    ),
    (
        "an acceptance on credit reserved what is to be paid",
        "referral",
        "INSERT INTO referrals (id, payment) VALUES (md5('r')::uuid, 'CREDIT'); \
         INSERT INTO sagas (id, referral_id, state, own_share, authorised) VALUES (md5('s')::uuid, md5('r')::uuid, 'COMPLETED', 9, false)",
        "without a reservation of 9.00",
    ),
    (
        "a completed acceptance has its place",
        "referral|scheduling",
        "INSERT INTO sagas (id, appointment_id, state) VALUES (md5('s')::uuid, md5('a')::uuid, 'COMPLETED') || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'EXPIRED')",
        "its place was never confirmed",
    ),
    (
        "a completed acceptance has its reservation",
        "referral",
        "INSERT INTO sagas (id, bill_id, state, authorised) VALUES (md5('s')::uuid, md5('b')::uuid, 'COMPLETED', true)",
        "nothing was reserved",
    ),
    (
        "a compensated acceptance left no place taken",
        "referral|scheduling",
        "INSERT INTO sagas (id, appointment_id, state) VALUES (md5('s')::uuid, md5('a')::uuid, 'COMPENSATED') || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'HELD')",
        "its place is still taken",
    ),
    (
        "a compensated acceptance left no money reserved or charged",
        "referral|payment",
        "INSERT INTO sagas (id, bill_id, state) VALUES (md5('s')::uuid, md5('b')::uuid, 'COMPENSATED') || ---- || \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'AUTHORISED')",
        "its bill still stands",
    ),
    (
        "a place in a referral pool belongs to an acceptance",
        "scheduling",
        "INSERT INTO appointments (id, pool, state) VALUES (md5('a')::uuid, 'REFERRAL', 'CONFIRMED')",
        "no acceptance wants it",
    ),
    (
        "a booked referral has its appointment",
        "referral|scheduling",
        "INSERT INTO referrals (id, state, appointment_id) VALUES (md5('r')::uuid, 'BOOKED', md5('a')::uuid) || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'CANCELLED')",
        "BOOKED, but its appointment is not",
    ),
    (
        "a booked referral has its bill",
        "referral|payment",
        "INSERT INTO referrals (id, state, bill_id) VALUES (md5('r')::uuid, 'BOOKED', md5('b')::uuid) || ---- || \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CANCELLED')",
        "its bill does not stand",
    ),
    (
        "an attended referral has its visit",
        "referral|scheduling",
        "INSERT INTO referrals (id, state, appointment_id, visit_id) \
         VALUES (md5('r')::uuid, 'ATTENDED', md5('a')::uuid, md5('v')::uuid) || ---- || \
         INSERT INTO visits (id, appointment_id) VALUES (md5('v')::uuid, md5('other')::uuid)",
        "the visit is not there",
    ),
    (
        "a bill being captured has one attempt, a captured one the attempt that did it",
        "payment",
        "INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CAPTURING')",
        "CAPTURING with 0 attempts under way",
    ),
    (
        "a bill being captured has one attempt, a captured one the attempt that did it",
        "payment",
        "INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'AUTHORISED'); \
         INSERT INTO captures (id, bill_id, state) VALUES (md5('c')::uuid, md5('b')::uuid, 'COMPLETED')",
        "AUTHORISED with 0 attempts under way and 1 completed",
    ),
    (
        "a capture ends within a minute of its deadline",
        "payment",
        "INSERT INTO captures (id, state, deadline) VALUES (md5('c')::uuid, 'CONFIRMED', now() - interval '2 minutes')",
        "still CONFIRMED",
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
        "what is explained is what is paid",
        "adjudication",
        "INSERT INTO settlements (id, pooled_fund, adjudication) \
         VALUES (md5('s')::uuid, 216, '{\"shares\": {\"pooled_fund\": \"216.01\"}}')",
        "216.01",
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
        "audit_entries/1 not sealed",
    ),
    (
        "what is told is taken in within 30 s",
        "scheduling|payment",
        "UPDATE chain_heads SET position = 7 WHERE chain = 'events' || ---- || INSERT INTO cursors (source, position) VALUES ('scheduling/bills', 5)",
        "scheduling/bills at 5 of 7",
    ),
    (
        "an event that was refused waits for nobody",
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
        "visits row security lets the service see every region",
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

/// A change that is not told, one that is told twice, and one that is told and did not happen.
pub(super) fn of_events(check: &'static Check) -> Option<Vec<Made>> {
    let Look::Told(told) = &check.look else {
        return None;
    };
    let table = told.table;
    let change = match told.when {
        "true" => String::new(),
        "visit_id IS NOT NULL" => format!("UPDATE {table} SET visit_id = md5('v')::uuid;"),
        when if when.contains("sagas") => {
            "INSERT INTO sagas (id, referral_id, state) VALUES (md5('s')::uuid, md5('x')::uuid, 'COMPLETED');"
                .to_owned()
        }
        when => match (when.strip_suffix(" IS NOT NULL"), when.split_once(" IN ('")) {
            (Some(column), _) => format!("UPDATE {table} SET {column} = now();"),
            (_, Some((column, words))) => {
                format!("UPDATE {table} SET {column} = '{}';", words.split('\'').next().unwrap_or_default())
            }
            _ => format!("UPDATE {table} SET {when};"),
        },
    };
    let changed = format!("INSERT INTO {table} (id) VALUES (md5('x')::uuid); {change}");
    let event = |id: &str| {
        format!(
            "INSERT INTO events (id, kind, subject) VALUES (md5('{id}')::uuid, 'anjia.{}.{}.v1', md5('x')::uuid::text);",
            told.service, told.kind
        )
    };
    let mut made = vec![
        (check.name, (told.service, changed.clone(), "told 0 times")),
        (check.name, (told.service, event("1"), "tells of what did not happen")),
    ];
    if told.times == Times::Once {
        made.push((check.name, (told.service, format!("{changed} {} {}", event("1"), event("2")), "told 2 times")));
    }
    Some(made)
}
