//! The one way from a person, a place and lines to an answer, for quotes and claims alike.

use std::collections::HashMap;

use chrono::{Datelike as _, NaiveDate};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{JourneyId, OrganisationId, ReferralId, ResidentId};
use types::{care::CareKind, money::Money, region::RegionCode, tier::Tier};

use crate::domain::chain;
use crate::domain::circumstances::Circumstances;
use crate::domain::claim::Item;
use crate::domain::coverage::{Basic, Coverage};
use crate::domain::engine::{self, Adjudication, Refusal};
use crate::domain::error::AdjudicationError;
use crate::domain::input::{Accumulators, Input, Person, age_on};
use crate::domain::line::Line;
use crate::domain::release::PolicyVersion;
use crate::domain::settlement::{Account, Cover};
use crate::store::{accumulators, catalogue, policies, settlements};

/// What is to be priced.
pub(super) struct Care {
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub tier: Tier,
    /// The provider's contract pays for this kind of care on the day of service.
    pub is_designated: bool,
    pub kind: CareKind,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub lines: Vec<Line>,
    pub total: Money,
    pub referral: Option<ReferralId>,
    pub journey: Option<JourneyId>,
}

/// The answer, with what it was made from.
pub(super) struct Priced {
    pub input: Input,
    pub adjudication: Result<Adjudication, Refusal>,
    /// None for whom nobody insures, and where the provider is not designated.
    pub cover: Option<Cover>,
}

/// The classes of items in the catalogue of the place of care (就医地目录). An item it does not know is the patient's own.
pub(super) async fn classify(
    conn: &mut PgConnection,
    region: RegionCode,
    codes: Vec<String>,
    on: NaiveDate,
) -> Result<Classes, Error> {
    Ok(Classes(catalogue::find(conn, region, &codes, on).await?))
}

/// The catalogue's word on the items of one request.
pub(super) struct Classes(HashMap<String, Item>);

impl Classes {
    pub(super) fn of(&self, code: &str) -> Item {
        self.0.get(code).cloned().unwrap_or_else(|| Item::not_in_catalogue(code))
    }
}

/// Prices care by the policy of the insured region (参保地政策) on the day that policy is judged by.
pub(super) async fn price(
    conn: &mut PgConnection,
    care: Care,
    coverage: &Coverage,
) -> Result<Priced, AdjudicationError> {
    let Some(basic) = coverage.basic else {
        let input = input(&care, coverage, false, care.from, Accumulators::default());
        let adjudication = engine::not_enrolled(care.from, care.total, &care.lines);
        return Ok(Priced { input, adjudication, cover: None });
    };
    if !care.is_designated {
        let input = input(&care, coverage, basic.retired, care.from, Accumulators::default());
        let adjudication = engine::not_designated(care.from, care.total, &care.lines);
        return Ok(Priced { input, adjudication, cover: None });
    }
    let Some(version) = policy(conn, basic, &care).await? else {
        let input = input(&care, coverage, basic.retired, care.from, Accumulators::default());
        let refusal = Refusal::NoPolicyInForce { kind: care.kind, tier: care.tier, date: care.from };
        return Ok(Priced { input, adjudication: Err(refusal), cover: None });
    };

    let judged = version.policy.judged_date(care.from, care.until);
    // Other care that outpatient rules judge counts in the outpatient year.
    let kind = version.policy.account_kind(care.kind).unwrap_or(care.kind);
    let account = Account { resident: care.resident, year: judged.year(), scheme: basic.scheme, kind };
    let standing = accumulators::read(conn, &account).await?;
    let mut input = input(&care, coverage, basic.retired, judged, standing.totals);
    if let (Some(_), Some(journey), CareKind::Inpatient) = (care.referral, care.journey, care.kind) {
        let earlier = settlements::chain(conn, journey, care.resident).await?;
        input.chain = chain::continued(&earlier, care.tier, account.year);
    }
    let adjudication = engine::adjudicate(&version.policy, &input);
    let cover = Cover { policy: version.id, policy_digest: version.digest, account, account_version: standing.version };
    Ok(Priced { input, adjudication, cover: Some(cover) })
}

/// The policy that judges this care: of those released, the latest that has rules for it on its own day of judgement.
async fn policy(conn: &mut PgConnection, basic: Basic, care: &Care) -> Result<Option<PolicyVersion>, Error> {
    let released = policies::released(conn, basic.insured_region, basic.scheme, care.until).await?;
    Ok(released
        .into_iter()
        .find(|version| version.policy.in_force_on(version.policy.judged_date(care.from, care.until))))
    .map(|version| {
        version.filter(|version| version.policy.rules(care.kind, care.tier, care.from, care.until).is_some())
    })
}

fn input(care: &Care, coverage: &Coverage, retired: bool, judged: NaiveDate, before: Accumulators) -> Input {
    Input {
        person: Person { retired, age: age_on(coverage.birth_date, judged) },
        tier: care.tier,
        kind: care.kind,
        from: care.from,
        to: care.until,
        total: care.total,
        lines: care.lines.clone(),
        before,
        chain: None,
        referred: care.referral.is_some(),
        family_doctor: coverage.family_doctor == Some(care.provider),
        circumstances: Circumstances::default(),
    }
}
