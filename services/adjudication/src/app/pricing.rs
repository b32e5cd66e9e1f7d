//! The one way from a person, a place and lines to an answer, for quotes and claims alike.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{JourneyId, OrganisationId, PolicyId, ReferralId, ResidentId};
use types::{care::CareKind, expected::ExpectedLine, money::Money, region::RegionCode, scheme::Scheme, tier::Tier};

use super::{App, AtHand};
use crate::domain::account::Draw;
use crate::domain::chain::{self, ChainStay};
use crate::domain::circumstances::{Area, Circumstances};
use crate::domain::claim::{BilledLine, Claim, Item};
use crate::domain::coverage::{Basic, Coverage};
use crate::domain::document::Released;
use crate::domain::drift::{self, Drift, Quoted, Settled};
use crate::domain::engine::{self, Adjudication, Refusal};
use crate::domain::error::AdjudicationError;
use crate::domain::input::{Accumulators, Input, Person, age_on, counts_as_referred};
use crate::domain::line::Line;
use crate::domain::policy::Policy;
use crate::domain::provider::Provider;
use crate::domain::quote::Quote;
use crate::domain::remote_care::{self, Place, RemoteCare};
use crate::domain::replay::Replay;
use crate::domain::settlement::{Account, Cover, Settlement};
use crate::store::accumulators::{self, Standing};
use crate::store::{accounts, catalogue, chains, referrals};

/// What a claim finds before it.
#[derive(Clone, Copy)]
pub(super) enum History<'a> {
    /// The year as it stands.
    Stored,
    /// The year as a replay of its claims has come to.
    Replayed(&'a Replay),
}

impl History<'_> {
    async fn standing(self, conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
        match self {
            Self::Stored => accumulators::read(conn, account).await,
            Self::Replayed(replay) => {
                Ok(Standing { totals: replay.standing(account), year: replay.year(account), version: 0 })
            }
        }
    }

    /// The stays of the journey before this care, under the scheme that is to pay it.
    async fn stays(
        self,
        conn: &mut PgConnection,
        journey: JourneyId,
        scheme: Scheme,
        care: &Care,
    ) -> Result<Vec<ChainStay>, Error> {
        match self {
            Self::Stored => chains::of_journey(conn, journey, care.resident, scheme, care.from).await,
            Self::Replayed(replay) => Ok(replay.stays(journey, scheme)),
        }
    }
}

/// What an answer is for: by that goes what accounts may pay.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// What is free in them as they stand.
    Quote,
    /// The same, promised: they are locked until the division is written.
    Division,
    /// What they paid of the same claim before.
    Again(Draw),
}

/// What is to be priced.
pub(super) struct Care {
    pub purpose: Purpose,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub tier: Tier,
    /// The provider's contract pays for this kind of care on the day of service.
    pub is_designated: bool,
    pub kind: CareKind,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub lines: Vec<Line>,
    /// Expected, and in no catalogue: where there are any, there are no lines.
    pub unknown_items: Vec<String>,
    pub total: Money,
    pub referral: Option<ReferralId>,
    pub journey: Option<JourneyId>,
    pub region: RegionCode,
    /// When it is settled, or was first: what was filed by then is in time.
    pub settled_at: DateTime<Utc>,
}

impl Care {
    /// A claim as it was billed, to be judged again.
    pub(super) fn again(
        claim: &Claim,
        provider: &Provider,
        settled: &Settlement,
        first_settled_at: DateTime<Utc>,
    ) -> Self {
        let drawn = settled.cover.as_ref().map(|cover| cover.drawn).unwrap_or_default();
        Self {
            purpose: Purpose::Again(Draw::again(&settled.adjudication.shares, drawn)),
            resident: claim.resident,
            provider: claim.provider,
            tier: claim.tier,
            is_designated: provider.is_designated_for(claim.kind),
            kind: claim.kind,
            from: claim.from,
            until: claim.until,
            lines: claim.lines.iter().map(BilledLine::judged).collect(),
            unknown_items: Vec::new(),
            total: claim.total,
            referral: claim.referral,
            journey: Some(claim.journey),
            region: claim.care_region,
            settled_at: first_settled_at,
        }
    }
}

/// The answer, with what it was made from.
pub(super) struct Priced {
    pub input: Input,
    pub adjudication: Result<Adjudication, Refusal>,
    /// None for whom nobody insures, and where the provider is not designated.
    pub cover: Option<Cover>,
}

impl Priced {
    /// What it comes to, or why to nothing.
    pub(super) fn answer(&self) -> Result<Adjudication, AdjudicationError> {
        Ok(self.adjudication.clone()?)
    }

    /// Why it is not what was quoted.
    pub(super) async fn drift(
        &self,
        policies: &AtHand<Policy>,
        conn: &mut PgConnection,
        quote: &Quote,
        answer: &Adjudication,
    ) -> Result<Vec<Drift>, Error> {
        let quoted_by = match quote.price.policy() {
            Some((id, _)) => Some(policies.get(&mut *conn, id).await?),
            None => None,
        };
        let settled_by = match &self.cover {
            Some(cover) => Some(policies.get(conn, cover.policy).await?),
            None => None,
        };
        let quoted = Quoted { quote, policy: quoted_by.as_ref().map(|released| &released.content) };
        let policy = settled_by.as_ref().map(|released| (&released.content, released.digest.as_str()));
        Ok(drift::explain(quoted, Settled { input: &self.input, policy, answer }))
    }
}

/// What the catalogue of the place of care (就医地目录) says of items.
pub(super) async fn classify(
    conn: &mut PgConnection,
    region: RegionCode,
    codes: Vec<String>,
    on: NaiveDate,
) -> Result<Classes, Error> {
    Ok(Classes(catalogue::find(conn, region, &codes, on).await?))
}

/// The catalogue's word on the items of one request.
pub(super) struct Classes(pub(super) HashMap<String, Item>);

impl Classes {
    /// The item of a line, from 0. Nobody guesses what one is that no catalogue knows.
    pub(super) fn of(&self, line: usize, code: &str) -> Result<Item, AdjudicationError> {
        self.0.get(code).cloned().ok_or_else(|| AdjudicationError::UnknownItem { line, code: code.to_owned() })
    }

    /// Items of these lines that no catalogue knows, each once.
    pub(super) fn unknown(&self, lines: &[ExpectedLine]) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        for ExpectedLine { item_code, .. } in lines {
            if !self.0.contains_key(item_code) && !unknown.contains(item_code) {
                unknown.push(item_code.clone());
            }
        }
        unknown
    }

    /// The lines as billed, each with its item.
    pub(super) fn resolve(&self, lines: Vec<BilledLine>) -> Result<Vec<BilledLine>, AdjudicationError> {
        let lines = lines.into_iter().enumerate();
        lines.map(|(index, line)| Ok(BilledLine { item: self.of(index, &line.item_code)?, ..line })).collect()
    }
}

impl App {
    /// Prices care by the policy of the insured region (参保地政策) on the day that policy is judged by. `released` are
    /// the policies of that region and the person's scheme, latest first.
    pub(super) async fn price(
        &self,
        conn: &mut PgConnection,
        care: Care,
        coverage: &Coverage,
        released: &[PolicyId],
        history: History<'_>,
    ) -> Result<Priced, AdjudicationError> {
        let basic = match payer(&care, coverage) {
            Payer::Nobody(priced) => return Ok(*priced),
            Payer::Insurance(basic) => basic,
        };
        let Some(version) = self.judging(conn, &care, released).await? else {
            let input = input(&care, coverage, basic.retired, care.from, Accumulators::default());
            let refusal = Refusal::NoPolicyInForce { kind: care.kind, tier: care.tier, date: care.from };
            return Ok(Priced { input, adjudication: Err(refusal), cover: None });
        };

        let judged = version.content.judged_date(care.from, care.until);
        let account = account_under(&version.content, basic, &care);
        let standing = history.standing(conn, &account).await?;
        let mut input = input(&care, coverage, coverage.retired_on(judged, basic), judged, standing.totals);
        let away = remote_care(coverage, care.kind, care.region, (care.from, care.until), care.settled_at);
        input.circumstances = Circumstances {
            groups: coverage.groups_on(judged).clone(),
            area: away.map_or(Area::Home, RemoteCare::area),
            contracted: Some(coverage.family_doctor.is_some()),
            care_region: (care.region != version.content.region).then_some(care.region),
            topped_up: coverage.topped_up,
            year: standing.year,
            ..Circumstances::default()
        };
        let draw = draw(conn, &care, &version.content).await?;
        input.circumstances.means = draw.means;
        let cited = referrals::cited(conn, care.referral, care.resident).await?;
        input.referred = counts_as_referred(cited.leads_to(care.provider), care.kind);
        input.circumstances.own_clinic = cited.own_clinic(coverage.family_doctor, care.provider);
        input.circumstances.referred_on = cited.known(care.provider).map(|referral| referral.on);
        if let (Some(_), Some(journey), CareKind::Inpatient) = (care.referral, care.journey, care.kind) {
            let earlier = history.stays(conn, journey, basic.scheme, &care).await?;
            input.chain = chain::continued(&earlier, care.tier, account.year);
        }
        let adjudication = engine::adjudicate(&version.content, &input);
        let drawn = adjudication.as_ref().map(|judged| draw.drawn.by(&judged.shares)).unwrap_or_default();
        let Standing { version: account_version, .. } = standing;
        let cover =
            Cover { policy: version.id, policy_digest: version.digest.clone(), account, account_version, drawn };
        Ok(Priced { input, adjudication, cover: Some(cover) })
    }

    /// The year in which care counts that is to be judged: none where no policy of the person's judges it.
    pub(super) async fn year_of(
        &self,
        conn: &mut PgConnection,
        care: &Care,
        coverage: &Coverage,
        released: &[PolicyId],
    ) -> Result<Option<Account>, Error> {
        let Some(basic) = coverage.basic.filter(|_| care.is_designated) else { return Ok(None) };
        let version = self.judging(conn, care, released).await?;
        Ok(version.map(|version| account_under(&version.content, basic, care)))
    }

    /// The policy that judges this care, if it has rules for it.
    async fn judging(
        &self,
        conn: &mut PgConnection,
        care: &Care,
        released: &[PolicyId],
    ) -> Result<Option<Arc<Released<Policy>>>, Error> {
        let judging = self.policies.judging(conn, released, (care.from, care.until)).await?;
        let has_rules = |policy: &Policy| policy.rules(care.kind, care.tier, care.from, care.until).is_some();
        Ok(judging.filter(|released| has_rules(&released.content)))
    }
}

pub(super) fn account_under(policy: &Policy, basic: Basic, care: &Care) -> Account {
    let judged = policy.judged_date(care.from, care.until);
    // Other care that outpatient rules judge counts in the outpatient year.
    let kind = policy.account_kind(care.kind).unwrap_or(care.kind);
    Account { resident: care.resident, year: judged.year(), scheme: basic.scheme, kind }
}

/// What accounts may pay. Nobody looks at them where the policy has no word for them.
async fn draw(conn: &mut PgConnection, care: &Care, policy: &Policy) -> Result<Draw, Error> {
    let purses = match care.purpose {
        Purpose::Again(draw) => return Ok(draw),
        Purpose::Quote | Purpose::Division if policy.above.account.is_none() => return Ok(Draw::default()),
        Purpose::Quote => accounts::purses(conn, care.resident, care.until, care.settled_at).await?,
        // In a statement of its own: what others promised meanwhile is seen once they are done.
        Purpose::Division if accounts::lock_purses(conn, care.resident, care.until).await? => {
            accounts::purses(conn, care.resident, care.until, care.settled_at).await?
        }
        Purpose::Division => return Ok(Draw::default()),
    };
    Ok(Draw::from_purses(&purses))
}

/// Who pays a share of care.
pub(super) enum Payer {
    /// All of it is the person's.
    Nobody(Box<Priced>),
    /// Whoever a policy says.
    Insurance(Basic),
}

pub(super) fn payer(care: &Care, coverage: &Coverage) -> Payer {
    match (coverage.basic, coverage.waiting_until) {
        (Some(basic), _) if care.is_designated => Payer::Insurance(basic),
        (Some(basic), _) => all_own(care, coverage, basic.retired, engine::not_designated),
        (None, Some(until)) => all_own(care, coverage, false, |input| engine::waiting(input, until)),
        (None, None) => all_own(care, coverage, false, engine::not_enrolled),
    }
}

fn all_own(
    care: &Care,
    coverage: &Coverage,
    retired: bool,
    judge: impl FnOnce(&Input) -> Result<Adjudication, Refusal>,
) -> Payer {
    let input = input(care, coverage, retired, care.from, Accumulators::default());
    let adjudication = judge(&input);
    Payer::Nobody(Box::new(Priced { input, adjudication, cover: None }))
}

/// Where a person is insured.
pub(super) fn insured_region(coverage: &Coverage) -> Option<RegionCode> {
    coverage.basic.map(|basic| basic.insured_region)
}

/// How care away from the insured region was filed; none within it, and of whom nobody insures.
pub(super) fn remote_care(
    coverage: &Coverage,
    kind: CareKind,
    care_region: RegionCode,
    days: (NaiveDate, NaiveDate),
    settled_at: DateTime<Utc>,
) -> Option<RemoteCare> {
    let insured_region = insured_region(coverage)?;
    remote_care::class(Place { kind, care_region, insured_region, days, settled_at }, &coverage.filings)
}

pub(super) fn input(care: &Care, coverage: &Coverage, retired: bool, judged: NaiveDate, before: Accumulators) -> Input {
    Input {
        person: Person { retired, age: age_on(coverage.birth_date, judged) },
        tier: care.tier,
        kind: care.kind,
        from: care.from,
        to: care.until,
        total: care.total,
        lines: care.lines.clone(),
        unknown_items: care.unknown_items.clone(),
        before,
        chain: None,
        referred: counts_as_referred(care.referral.is_some(), care.kind),
        family_doctor: coverage.family_doctor == Some(care.provider),
        circumstances: Circumstances::default(),
    }
}
