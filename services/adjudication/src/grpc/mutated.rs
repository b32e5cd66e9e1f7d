//! 20 000 claims that are wrong in some way, of anybody and anywhere, from their bytes through the parser to the engine, the audit rules and
//! the provider's payment: an answer or a refusal with a reason, never a panic. `app/tried.rs` divides as the use case does; what it cannot
//! refuse, since nobody is asked and nothing is stored (`VISIT_NOT_FOUND`, `CLAIM_EXISTS`, `QUOTE_NOT_FOUND`, an open stay elsewhere), the
//! RPC refuses in `tests/it`.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use chrono::NaiveDate;
use proptest::prelude::*;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::google::r#type as google;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use types::care::CareKind;
use types::ids::{JourneyId, OrganisationId, ResidentId, VisitId};
use types::money::Money;
use types::scheme::Scheme;
use types::tier::Tier;

use super::convert;
use crate::app::{Documents, Tried, tried};
use crate::domain::circumstances::{Area, Circumstances, Group, Means, OwnClinic, YearTotals};
use crate::domain::claim::Item;
use crate::domain::coverage::{Basic, Coverage};
use crate::domain::input::{Accumulators, Chain, Direction};
use crate::domain::inspection::Sex;
use crate::domain::line::{Class, PriceLimit, Priced};
use crate::domain::visit::Visit;

#[path = "../../tests/it/mutations.rs"]
mod mutations;

use mutations::{Mutation, mutated, mutations};

const ITEMS: [&str; 5] = ["T-A", "T-B", "T-C", "T-LIMITED", "T-BED"];
const POLICIES: usize = 4;

fn catalogue() -> HashMap<String, Item> {
    let limit = |of, most: i64| Some(PriceLimit { of, unit_price_max: most.into() });
    let class_b = Class::B { first_self_pay: "0.1".parse().unwrap() };
    let items = [
        (Class::A, None),
        (class_b, None),
        (Class::C, None),
        (class_b, limit(Priced::Item, 50)),
        (Class::A, limit(Priced::BedDay, 0)),
    ];
    let item =
        |(code, (class, price_limit)): (&str, _)| (code.to_owned(), Item { name: code.to_owned(), class, price_limit });
    ITEMS.into_iter().zip(items).map(item).collect()
}

fn documents() -> &'static Documents {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    DOCUMENTS.get_or_init(|| Documents::read(catalogue()))
}

fn good() -> wire::DivideClaimRequest {
    let money = google::Money { currency_code: "CNY".to_owned(), units: 240, nanos: 0 };
    wire::DivideClaimRequest {
        request_id: "01890a5d-ac96-774b-bcce-b302099a805a".to_owned(),
        visit_id: "01890a5d-ac96-774b-bcce-b302099a805b".to_owned(),
        diagnoses: vec![common::Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
        lines: vec![wire::ClaimLine {
            item_code: "T-A".to_owned(),
            quantity: "2".to_owned(),
            unit_price: "120".to_owned(),
            amount: Some(money.clone()),
            on: Some(google::Date { year: 2026, month: 3, day: 2 }),
        }],
        total: Some(money),
        case_record: Some(wire::CaseRecord { sex_code: 1, ..Default::default() }),
        ..Default::default()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A retired man in hospital, insured by the first policy.
fn usual() -> Tried {
    Tried {
        policy: 0,
        visit: Visit {
            id: VisitId::generate(),
            resident: ResidentId::generate(),
            provider: OrganisationId::generate(),
            tier: Tier::Tertiary,
            kind: CareKind::Inpatient,
            from: day("2026-03-01"),
            until: Some(day("2026-03-05")),
            identity_proven: true,
            is_seen: true,
            referral: None,
            journey: JourneyId::generate(),
        },
        coverage: Coverage {
            birth_date: day("1954-01-01"),
            sex: Some(Sex::Male),
            basic: Some(Basic { scheme: Scheme::Employee, insured_region: "110000".parse().unwrap(), retired: true }),
            waiting_until: None,
            topped_up: false,
            family_doctor: None,
            groups: BTreeSet::new(),
            filings: vec![],
            last_day: None,
        },
        is_designated: true,
        before: Accumulators::default(),
        chain: None,
        is_referred: true,
        circumstances: Circumstances::default(),
        region: "110000".parse().unwrap(),
        now: "2026-03-06T04:00:00Z".parse().unwrap(),
    }
}

fn money() -> impl Strategy<Value = Money> {
    prop_oneof![Just(0), 0_i64..3_000_000, 0_i64..100_000_000_000].prop_map(Money::from_fen)
}

fn circumstances() -> impl Strategy<Value = Circumstances> {
    let groups = prop::sample::subsequence(Group::ALL.to_vec(), 0..=2);
    let areas: Vec<Area> = [Area::Home].into_iter().chain(Area::AWAY).collect();
    let own_clinics = vec![OwnClinic::Elsewhere, OwnClinic::Here, OwnClinic::ReferredBy];
    let place = (prop::sample::select(areas), prop::sample::select(own_clinics), prop::option::of(0_u64..400));
    let amounts = || prop::collection::vec(money(), 7);
    (groups, place, any::<bool>(), amounts(), amounts()).prop_map(
        |(groups, (area, own_clinic, referred), topped_up, year, means)| Circumstances {
            groups: groups.into_iter().collect(),
            area,
            care_region: (area != Area::Home).then(|| "440300".parse().unwrap()),
            own_clinic,
            contracted: Some(own_clinic != OwnClinic::Elsewhere),
            referred_on: referred.map(|days| day("2026-03-01") - chrono::Days::new(days)),
            topped_up,
            year: YearTotals {
                own_in_scope: year[0],
                critical_illness_fund: year[1],
                assistance_base: year[2],
                assistance_fund: year[3],
                top_up_base: year[4],
                top_up: year[5],
                voucher: year[6],
            },
            means: Means { account: means[0], mutual_aid: means[1], voucher: topped_up.then_some(means[2]) },
        },
    )
}

fn history() -> impl Strategy<Value = (Accumulators, Option<Chain>)> {
    let directions = prop::sample::select(vec![Direction::Up, Direction::Down, Direction::Lateral]);
    let chain = prop::option::of((directions, money(), 0_u32..4));
    (prop::collection::vec(money(), 4), 0_u32..4, chain).prop_map(|(totals, stays, chain)| {
        let before = Accumulators {
            in_scope: totals[0],
            deductible: totals[1],
            pooled_fund: totals[2],
            large_amount_fund: totals[3],
            stays,
        };
        let chain = chain.map(|(direction, deductible_borne, earlier)| Chain {
            direction,
            deductible_borne,
            stays: earlier,
            stays_this_year: earlier.min(stays),
        });
        (before, chain)
    })
}

/// Whoever comes, wherever, for whatever.
fn anybody() -> impl Strategy<Value = Tried> {
    let care = (prop::sample::select(CareKind::ALL.to_vec()), prop::sample::select(Tier::ALL.to_vec()));
    let person = (0_u64..36_000, prop::option::of(any::<bool>()), any::<bool>());
    // Seldom what keeps a claim from being divided at all.
    let rarely = || prop::bool::weighted(0.03);
    let bars = (rarely(), rarely(), rarely(), rarely(), rarely(), rarely());
    (0..POLICIES, care, person, bars, history(), circumstances(), any::<bool>()).prop_map(
        |(policy, (kind, tier), (days, male, retired), bars, (before, chain), circumstances, is_referred)| {
            let (unproven, unseen, open, uninsured, waiting, undesignated) = bars;
            let usual = usual();
            let basic = usual.coverage.basic.map(|basic| Basic { retired, ..basic });
            Tried {
                policy,
                visit: Visit {
                    kind,
                    tier,
                    identity_proven: !unproven,
                    is_seen: !unseen,
                    until: usual.visit.until.filter(|_| !open),
                    ..usual.visit
                },
                coverage: Coverage {
                    birth_date: day("2026-02-28") - chrono::Days::new(days),
                    sex: male.map(|male| if male { Sex::Male } else { Sex::Female }),
                    basic: basic.filter(|_| !uninsured && !waiting),
                    waiting_until: waiting.then(|| day("2026-05-31")),
                    groups: circumstances.groups.clone(),
                    ..usual.coverage
                },
                is_designated: !undesignated,
                before,
                chain,
                is_referred,
                circumstances,
                ..usual
            }
        },
    )
}

/// Findings there are and whether a payment is expected; or the refusal as it goes out.
fn handled(whose: &Tried, bytes: &[u8]) -> Result<(usize, bool), Status> {
    let message = wire::DivideClaimRequest::decode(bytes).map_err(|_| Status::invalid_argument("malformed"))?;
    let claim = convert::claim(&message).map_err(chassis::error::invalid)?;
    let outcome = tried(documents(), whose, claim)?;
    Ok((outcome.findings, outcome.is_paid))
}

fn reason(refused: &Status) -> String {
    refused.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ad_03_twenty_thousand_mutated_claims_of_anybody_are_answered_or_refused(
        whose in anybody(),
        changes in mutations(),
    ) {
        if let Err(refused) = handled(&whose, &mutated(&good(), &ITEMS, &changes)) {
            let is_callers = matches!(refused.code(), Code::InvalidArgument | Code::FailedPrecondition);
            prop_assert!(is_callers, "{refused:?}");
        }
    }
}

#[test]
fn ad_03_the_claim_that_is_mutated_is_good_and_its_mutations_reach_every_refusal_of_a_claim_by_itself() {
    let usual = usual();
    let (findings, is_paid) = handled(&usual, &mutated(&good(), &ITEMS, &[])).unwrap();
    assert!(findings > 0 && is_paid, "{findings} findings, paid: {is_paid}");
    let of = |mutation: Mutation| reason(&handled(&usual, &mutated(&good(), &ITEMS, &[mutation])).unwrap_err());
    assert_eq!(of(Mutation::Quantity("-1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Currency("1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Sex(13)), "INVALID_FIELD");
    assert_eq!(of(Mutation::Units(1)), "LINES_DO_NOT_SUM");
    assert_eq!(of(Mutation::Total(1)), "LINES_DO_NOT_SUM");
    assert_eq!(of(Mutation::ItemCode("1")), "ITEM_NOT_IN_CATALOGUE");
    assert_eq!(of(Mutation::Day(13)), "DATE_OUTSIDE_STAY");
    assert_eq!(handled(&usual, &[0x0a, 0xff]).unwrap_err().message(), "malformed");

    let whose = |whose: Tried| reason(&handled(&whose, &mutated(&good(), &ITEMS, &[])).unwrap_err());
    let visit = usual.visit.clone();
    let at = |visit: Visit| Tried { visit, ..usual.clone() };
    assert_eq!(whose(at(Visit { identity_proven: false, ..visit.clone() })), "IDENTITY_NOT_PROVEN");
    assert_eq!(whose(at(Visit { is_seen: false, ..visit.clone() })), "LEFT_UNSEEN");
    assert_eq!(whose(at(Visit { until: None, ..visit.clone() })), "OPEN_STAY");
    assert_eq!(whose(at(Visit { kind: CareKind::Vaccination, ..visit })), "NO_POLICY_IN_FORCE");
    let operated = mutated(&good(), &ITEMS, &[Mutation::Procedure("68.4100")]);
    assert!(handled(&usual, &operated).unwrap().0 > findings, "an operation that men do not have");
}
