//! Claims (I7): what adjudication divided, confirmed and counted; and personal accounts (I4).

use super::check::{
    Check, In,
    Invariant::{I4, I7},
};

pub(super) const CHECKS: &[Check] = &[
    Check::rows(
        I7,
        "adjudication",
        "shares add up to the billed amount, to the fen",
        "SELECT id::text, format('total %s, shares %s; in scope %s, its shares %s; left to the person %s, of which funds take %s', \
             total, fully_own + first_self_pay + in_scope, in_scope, \
             deductible + pooled_fund + pooled_own + large_amount_fund + large_amount_own + beyond_cover, \
             deductible + pooled_own + large_amount_own + beyond_cover, critical_illness_fund + assistance_fund) \
         FROM settlements WHERE total <> fully_own + first_self_pay + in_scope \
             OR in_scope <> deductible + pooled_fund + pooled_own + large_amount_fund + large_amount_own + beyond_cover \
             OR critical_illness_fund + assistance_fund > deductible + pooled_own + large_amount_own + beyond_cover \
             OR pooled_fund + large_amount_fund + critical_illness_fund + assistance_fund \
                 <> (adjudication->'settlement'->>'fund_pay_sumamt')::numeric",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a settlement divides what the lines of its claim sum to",
        "SELECT settlement.id::text, format('divides %s, but the lines sum to %s', settlement.total, billed.amount) \
         FROM settlements settlement CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM claim_lines line \
             WHERE line.claim_id = settlement.claim_id AND line.claim_version = settlement.claim_version) billed \
         WHERE settlement.total <> billed.amount",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a claim version is adjudicated once, and its claim says by which settlement",
        "SELECT claim_id::text, format('version %s was adjudicated %s times', claim_version, count(*)) FROM settlements \
         GROUP BY claim_id, claim_version HAVING count(*) > 1 \
         UNION ALL \
         SELECT claim.id::text, 'names a settlement that is not of this version, person and total' FROM claims claim \
         WHERE NOT EXISTS (SELECT FROM settlements settlement WHERE settlement.id = claim.settlement_id \
             AND settlement.claim_id = claim.id AND settlement.claim_version = claim.version \
             AND settlement.resident_id = claim.resident_id AND settlement.total = claim.total)",
    ),
    Check::rows(
        I7,
        "adjudication",
        "one settlement of a claim is in force",
        "SELECT claim_id::text, format('%s settlements are confirmed', count(*)) FROM settlements \
         WHERE state = 'CONFIRMED' GROUP BY claim_id HAVING count(*) > 1",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a year's accumulators are the sum of what was confirmed",
        "SELECT concat_ws(' ', resident_id, year, scheme, kind), format('counted %s, confirmed %s', \
             coalesce(counted.sums, 'nothing'), coalesce(confirmed.sums, 'nothing')) \
         FROM (SELECT resident_id, year, scheme, kind, \
                   format('%s/%s/%s/%s in %s', in_scope, deductible, pooled_fund, large_amount_fund, stays) AS sums \
               FROM accumulators WHERE version > 0 \
                   AND (in_scope, deductible, pooled_fund, large_amount_fund, stays) IS DISTINCT FROM (0, 0, 0, 0, 0)) counted \
         FULL JOIN (SELECT resident_id, year, scheme, kind, format('%s/%s/%s/%s in %s', sum(in_scope), sum(deductible), \
                   sum(pooled_fund), sum(large_amount_fund), count(*)) AS sums FROM settlements \
               WHERE state = 'CONFIRMED' AND policy_id IS NOT NULL GROUP BY resident_id, year, scheme, kind) confirmed \
             USING (resident_id, year, scheme, kind) \
         WHERE counted.sums IS DISTINCT FROM confirmed.sums",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a year's totals above basic insurance are the sum of what was confirmed",
        "WITH moved AS ( \
             SELECT resident_id, year, scheme, kind, total.name, \
                 sum(coalesce((adjudication->'year_after'->>total.name)::numeric, 0) \
                     - coalesce((adjudication->'year_before'->>total.name)::numeric, 0)) AS amount \
             FROM settlements CROSS JOIN (VALUES ('own_in_scope'), ('critical_illness_fund'), ('assistance_base'), ('assistance_fund'), \
                 ('top_up_base'), ('top_up'), ('voucher')) AS total (name) \
             WHERE state = 'CONFIRMED' AND policy_id IS NOT NULL GROUP BY resident_id, year, scheme, kind, total.name \
         ), counted AS ( \
             SELECT resident_id, year, scheme, kind, total.name, total.amount FROM accumulators CROSS JOIN LATERAL (VALUES \
                 ('own_in_scope', own_in_scope), ('critical_illness_fund', critical_illness_fund), ('assistance_base', assistance_base), \
                 ('assistance_fund', assistance_fund), ('top_up_base', top_up_base), ('top_up', top_up), ('voucher', voucher)) \
                 AS total (name, amount) \
         ) \
         SELECT concat_ws(' ', resident_id, year, scheme, kind), format('%s: counted %s, confirmed %s', name, \
             coalesce(counted.amount, 0), coalesce(moved.amount, 0)) \
         FROM counted FULL JOIN moved USING (resident_id, year, scheme, kind, name) \
         WHERE coalesce(counted.amount, 0) <> coalesce(moved.amount, 0)",
    ),
    Check::rows(
        I7,
        "adjudication",
        "no voucher is used beyond what a policy gives in a year",
        "SELECT concat_ws(' ', used.resident_id, used.year, used.scheme), format('used %s of %s', used.amount, coalesce(given.amount, 0)) \
         FROM (SELECT resident_id, year, scheme, sum(voucher) AS amount FROM accumulators GROUP BY resident_id, year, scheme) used \
         CROSS JOIN LATERAL (SELECT max((policy.document::jsonb->'voucher'->>'per_year')::numeric) AS amount FROM settlements settlement \
             JOIN policies policy ON policy.id = settlement.policy_id \
             WHERE settlement.resident_id = used.resident_id AND settlement.year = used.year AND settlement.scheme = used.scheme \
                 AND settlement.state = 'CONFIRMED') given \
         WHERE used.amount > coalesce(given.amount, 0)",
    ),
    Check::rows(
        I4,
        "adjudication",
        "a personal account is the sum of its entries, and promises no more than it holds",
        "SELECT account.resident_id::text, format('holds %s, moved by %s', account.balance, coalesce(moved.amount, 0)) \
         FROM personal_accounts account \
         CROSS JOIN LATERAL (SELECT sum(amount) AS amount FROM account_entries WHERE resident_id = account.resident_id) moved \
         WHERE account.balance IS DISTINCT FROM coalesce(moved.amount, 0) OR account.balance < 0 \
         UNION ALL \
         SELECT account.resident_id::text, format('holds %s, promised %s', account.balance, promised.amount) \
         FROM personal_accounts account \
         CROSS JOIN LATERAL (SELECT coalesce(sum(settlement.account) FILTER (WHERE account_of = account.resident_id), 0) \
                 + coalesce(sum(mutual_aid) FILTER (WHERE mutual_aid_of = account.resident_id), 0) AS amount FROM settlements settlement \
             WHERE state = 'DIVIDED' AND lapses_at > now() \
                 AND account.resident_id IN (settlement.account_of, settlement.mutual_aid_of)) promised \
         WHERE promised.amount > account.balance",
    ),
    Check::rows(
        I4,
        "adjudication",
        "a settlement in force has taken what its accounts pay, and no other has",
        "SELECT due.id::text, format('%s, %s of an account is %s, its entries %s', due.state, due.amount, due.holder, \
             coalesce(booked.amount, 0)) \
         FROM (SELECT id, state, account_of AS holder, account AS amount FROM settlements WHERE account > 0 \
               UNION ALL SELECT id, state, mutual_aid_of, mutual_aid FROM settlements WHERE mutual_aid > 0) due \
         CROSS JOIN LATERAL (SELECT sum(amount) AS amount FROM account_entries \
             WHERE settlement_id = due.id AND resident_id = due.holder) booked \
         WHERE coalesce(booked.amount, 0) <> CASE due.state WHEN 'CONFIRMED' THEN -due.amount ELSE 0 END \
         UNION ALL \
         SELECT entry.id::text, 'moves an account for a settlement that draws on none such' FROM account_entries entry \
         WHERE settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements WHERE id = entry.settlement_id \
             AND (account_of = entry.resident_id AND account > 0 OR mutual_aid_of = entry.resident_id AND mutual_aid > 0))",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a correction is the difference to what it takes the place of, and a reversal all of it",
        "SELECT due.id::text, format('adjusted by %s, of which the funds %s; the difference is %s and %s', due.adjustment_total, \
             due.adjustment_fund, due.total - paid.total, due.fund - paid.fund) \
         FROM (SELECT *, (adjudication->'settlement'->>'fund_pay_sumamt')::numeric AS fund FROM settlements) due \
         JOIN (SELECT *, (adjudication->'settlement'->>'fund_pay_sumamt')::numeric AS fund FROM settlements) paid \
             ON paid.id = due.corrects \
         WHERE paid.state <> 'CORRECTED' OR paid.claim_id <> due.claim_id \
             OR due.state <> 'REVERSED' AND (due.adjustment_total IS DISTINCT FROM due.total - paid.total \
                 OR due.adjustment_fund IS DISTINCT FROM due.fund - paid.fund) \
         UNION ALL \
         SELECT id::text, format('gives back %s of %s', adjustment_total, total) FROM settlements \
         WHERE state = 'REVERSED' AND (adjustment_total IS DISTINCT FROM -total \
             OR adjustment_fund IS DISTINCT FROM -(adjudication->'settlement'->>'fund_pay_sumamt')::numeric)",
    ),
    Check::rows(
        I7,
        "adjudication",
        "regions owe one another what is settled and not taken back",
        "SELECT settlement.id::text, format('%s is owed for what is %s', owed.amount, settlement.state) FROM settlements settlement \
         JOIN (SELECT settlement_id, sum(amount) AS amount FROM clearing_entries GROUP BY settlement_id) owed \
             ON owed.settlement_id = settlement.id \
         CROSS JOIN LATERAL (SELECT (settlement.adjudication->'settlement'->>'fund_pay_sumamt')::numeric AS fund) paid \
         LEFT JOIN withheld_by_claim found ON found.settlement_id = settlement.id \
         WHERE owed.amount IS DISTINCT FROM CASE settlement.state \
             WHEN 'CONFIRMED' THEN paid.fund - least(coalesce(found.cut, 0), paid.fund) ELSE 0 END",
    ),
    Check::rows(
        I7,
        "adjudication",
        "what is explained is what is paid",
        "SELECT id::text, format('%s by the explanation, %s by the settlement', adjudication->'shares', ARRAY[total, fully_own, \
             first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, large_amount_own, beyond_cover, \
             critical_illness_fund, assistance_fund, top_up, voucher, account, mutual_aid]) \
         FROM settlements WHERE EXISTS ( \
             SELECT FROM jsonb_each_text(to_jsonb(settlements)) AS paid (share, amount) \
             JOIN jsonb_each_text(adjudication->'shares') AS explained (share, amount) USING (share) \
             WHERE paid.amount::numeric <> explained.amount::numeric) \
             OR critical_illness_fund <> coalesce((adjudication->'shares'->>'critical_illness_fund')::numeric, 0) \
             OR assistance_fund <> coalesce((adjudication->'shares'->>'assistance_fund')::numeric, 0) \
             OR top_up <> coalesce((adjudication->'shares'->>'top_up')::numeric, 0) \
             OR voucher <> coalesce((adjudication->'shares'->>'voucher')::numeric, 0) \
             OR account <> coalesce((adjudication->'shares'->>'account')::numeric, 0) \
             OR mutual_aid <> coalesce((adjudication->'shares'->>'mutual_aid')::numeric, 0) \
             OR adjudication->'shares' IS NULL",
    ),
    Check::rows(
        I7,
        "adjudication",
        "the same input under the same policy gives the same answer",
        // Everybody who books may be told of cover alone; without a policy that says who waits and until when, of which the input knows nothing.
        "SELECT min(id::text), format('%s answers to one input', count(DISTINCT adjudication)) FROM settlements \
         GROUP BY basis, policy_digest HAVING count(DISTINCT adjudication) > 1 \
         UNION ALL \
         SELECT min(id::text), format('%s prices for one input', count(DISTINCT price)) FROM quotes \
         WHERE basis->'lines' <> '[]' OR policy_digest IS NOT NULL \
         GROUP BY basis, policy_digest, outcome HAVING count(DISTINCT price) > 1",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a policy says what was released, and only released ones are applied",
        "SELECT id::text, 'its document is not what its digest says' FROM policies \
         WHERE digest <> encode(sha256(convert_to(document, 'UTF8')), 'hex') \
         UNION ALL \
         SELECT settlement.id::text, 'rests on a policy that was not released as such' FROM settlements settlement \
         WHERE settlement.policy_id IS NOT NULL AND NOT EXISTS (SELECT FROM policies policy \
             WHERE policy.id = settlement.policy_id AND policy.digest = settlement.policy_digest AND policy.state <> 'PROPOSED')",
    ),
    Check::matched(
        I7,
        "a claim cites a visit of its person",
        In(
            "adjudication",
            "SELECT id::text, concat_ws(' ', visit_id, resident_id, provider_organisation_id, journey_id), \
                 'cites no visit of this person, provider and journey' FROM claims",
        ),
        In("scheduling", "SELECT concat_ws(' ', id, resident_id, organisation_id, journey_id) FROM visits"),
    ),
];
