//! Claims divided and confirmed a second, two calls each, with everything that belongs to it: the visit asked of scheduling, the cover of
//! identity, the explanation, the audit rules of a city, audit and events. Beside pgbench, which writes the same rows by two statements and judges nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{Days, NaiveDate};
use devstack::{Mesh, callers};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::inspection_service_client::InspectionServiceClient;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::{
    CatalogueItem, ClaimLine, ConfirmSettlementRequest, DivideClaimRequest, ProposeRuleBookRequest,
    PutCatalogueRequest, ReleaseRuleBookRequest,
};
use proto::anjia::common::v1::{CatalogueClass, Diagnosis};
use proto::convert::{to_date, to_money};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use types::clock::start_of_local_day;
use types::ids::{BillId, ResidentId};
use types::money::Money;
use uuid::Uuid;

use super::bare_claims;
use super::figure::{Figure, Goal};
use super::progress;
use super::rate::{CALLERS, rate_for};
use super::town::{RESIDENTS, Town, context, refused, request_id};

/// Each of them for residents of their own: as many calls are in flight.
const IN_FLIGHT: usize = 64;
const RULES: &str = include_str!("../../../adjudication/rules/demonstration-city.json");
const LINES: u32 = 20;
/// Whose databases a claim reads or writes.
const ASKED: [&str; 3] = ["adjudication", "identity", "scheduling"];
/// Whom each of them bills for, and how often everybody was seen: nobody has hundreds of claims to look back on.
const PEOPLE_EACH: usize = 40;
const VISITS_OF_A_PERSON: i32 = 15;
/// The first of them was so long ago: claims come while they are fresh, as a city's rules want it, and none is suspected for its age.
const FIRST_VISIT_DAYS_AGO: u64 = 29;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED_FOR: Duration = Duration::from_secs(12);
const GOAL_P99_MS: i64 = 50;

/// Half of what the same rows cost in two bare transactions.
fn goal() -> Goal {
    Goal::RatioAtLeast(Decimal::new(5, 1))
}

pub(super) async fn measure(town: &Town, mesh: &Mesh) -> Result<Vec<Figure>> {
    progress("dividing and confirming claims");
    put_items(town, mesh).await?;
    release_rules(town, mesh).await?;
    let billers = billers(town, mesh).await?;
    rate_for(WARM_UP, workers(&billers)).await?;
    analyse(mesh).await?;
    let ours = rate_for(MEASURED_FOR, workers(&billers)).await?;
    progress("the same at half of that load");
    let p99 = p99_at(&billers, ours / Decimal::TWO).await?;
    progress("writing the same rows with pgbench");
    let last = billers.first().and_then(|biller| biller.visits.first()).context("nobody bills")?;
    let reference = bare_claims::rate(mesh, last.resident_id, IN_FLIGHT, MEASURED_FOR).await?;
    let divided =
        Figure { bench: "claims".to_owned(), ours, reference: Some(reference), unit: "claims/s", goal: Some(goal()) };
    let latency = Figure {
        bench: "claims p99 of a call".to_owned(),
        ours: p99,
        reference: None,
        unit: "ms",
        goal: Some(Goal::AtMost(Decimal::from(GOAL_P99_MS))),
    };
    Ok(vec![divided, latency])
}

/// Who bills for some residents in turn, visit after visit.
struct Biller {
    desk: Context,
    payment: Context,
    client: AdjudicationServiceClient<Channel>,
    visits: Vec<Visited>,
    billed: AtomicUsize,
}

#[derive(sqlx::FromRow)]
struct Visited {
    id: Uuid,
    resident_id: Uuid,
    day: NaiveDate,
}

fn workers(billers: &[Arc<Biller>]) -> Vec<impl Fn(usize) -> BillOne + Send + 'static + use<>> {
    let worker = |biller: &Arc<Biller>| {
        let biller = Arc::clone(biller);
        move |_| -> BillOne { Box::pin(Arc::clone(&biller).bill_one()) }
    };
    billers.iter().map(worker).collect()
}

type BillOne = std::pin::Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

impl Biller {
    async fn bill_one(self: Arc<Self>) -> Result<bool> {
        let settlement_id = self.divide().await?;
        self.confirm(settlement_id).await?;
        Ok(true)
    }

    async fn divide(&self) -> Result<String> {
        let number = self.billed.fetch_add(1, Ordering::Relaxed);
        let visit = self.visits.get(number).context("there are too few visits")?;
        let request = self.desk.request(claim(visit));
        let answer = self.client.clone().divide_claim(request).await.map_err(refused("DivideClaim"))?.into_inner();
        let settlement = answer.settlement.context("a division without a settlement")?;
        ensure!(settlement.explanation.len() > LINES as usize, "a division without its explanation");
        Ok(settlement.settlement_id)
    }

    async fn confirm(&self, settlement_id: String) -> Result<()> {
        let bill_id = BillId::generate().to_string();
        let confirm = ConfirmSettlementRequest { request_id: request_id(), settlement_id, bill_id };
        let request = self.payment.request(confirm);
        self.client.clone().confirm_settlement(request).await.map_err(refused("ConfirmSettlement"))?;
        Ok(())
    }
}

fn item(number: u32) -> String {
    format!("BENCH1{number:02}")
}

fn price(number: u32) -> Money {
    Money::from_fen(i64::from(number) * 137 + 250)
}

fn claim(visit: &Visited) -> DivideClaimRequest {
    let line = |number: u32| ClaimLine {
        item_code: item(number),
        quantity: "1".to_owned(),
        unit_price: price(number).to_string(),
        amount: Some(to_money(price(number))),
        on: Some(to_date(visit.day)),
    };
    let total: Money = (0..LINES).map(price).sum();
    DivideClaimRequest {
        request_id: request_id(),
        visit_id: visit.id.to_string(),
        diagnoses: vec![Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
        lines: (0..LINES).map(line).collect(),
        total: Some(to_money(total)),
        ..DivideClaimRequest::default()
    }
}

async fn put_items(town: &Town, mesh: &Mesh) -> Result<()> {
    let classes = [CatalogueClass::A, CatalogueClass::A, CatalogueClass::B, CatalogueClass::C];
    let item = |number: u32| {
        let class = classes[number as usize % classes.len()];
        CatalogueItem {
            item_code: item(number),
            name: format!("测试项目{number}"),
            catalogue_class: class.into(),
            first_self_pay_ratio: if class == CatalogueClass::B { "0.10".to_owned() } else { String::new() },
            price_limit: None,
        }
    };
    let request = PutCatalogueRequest {
        request_id: request_id(),
        region_code: callers::REGION.to_owned(),
        effective_from: Some(to_date(town.first_of_january())),
        items: (0..LINES).map(item).collect(),
    };
    let request = context(mesh, "insurer-proposer").await?.request(request);
    let mut policies = PolicyServiceClient::new(town.adjudication.clone());
    policies.put_catalogue(request).await.map_err(refused("PutCatalogue"))?;
    Ok(())
}

/// Who bills for whom: everybody was seen a few times lately. The visits are put where scheduling keeps them, since it is not
/// scheduling that is measured.
async fn billers(town: &Town, mesh: &Mesh) -> Result<Vec<Arc<Biller>>> {
    let (desk, payment) = (context(mesh, "clinic").await?, context(mesh, "payment").await?);
    let record = mesh.record(true)?;
    let scheduling = record.services.get("scheduling").context("scheduling is not up")?;
    let mut owner = PgConnection::connect(&scheduling.owner_database_url).await?;
    let mut billers = vec![];
    for residents in register(town, mesh).await?.chunks(PEOPLE_EACH) {
        billers.push(Arc::new(Biller {
            desk: desk.clone(),
            payment: payment.clone(),
            client: AdjudicationServiceClient::new(town.adjudication.clone()),
            visits: open_visits(&mut owner, residents, town.today - Days::new(FIRST_VISIT_DAYS_AGO)).await?,
            billed: AtomicUsize::new(0),
        }));
    }
    Ok(billers)
}

/// Insured people that only this measurement knows.
async fn register(town: &Town, mesh: &Mesh) -> Result<Vec<Uuid>> {
    progress("registering those who are billed for");
    let (worker, officer) = (context(mesh, "worker").await?, context(mesh, "insurer-proposer").await?);
    let ids: Vec<ResidentId> = (0..IN_FLIGHT * PEOPLE_EACH).map(|_| ResidentId::generate()).collect();
    let numbered = stream::iter(ids.iter().enumerate());
    numbered
        .map(Ok)
        .try_for_each_concurrent(CALLERS, |(number, id)| town.register_one(&worker, &officer, RESIDENTS + number, *id))
        .await?;
    Ok(ids.into_iter().map(ResidentId::uuid).collect())
}

/// Visits of each of these residents, every other day; the residents take turns.
async fn open_visits(owner: &mut PgConnection, residents: &[Uuid], since: NaiveDate) -> Result<Vec<Visited>> {
    let visits = sqlx::query_as(
        "WITH seen AS (INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, journey_id, present, identity_proof, \
             checked_in_by, opened_at, state, ended_at, outcome) \
             SELECT gen_random_uuid(), $1, resident_id, $3, 'COMMUNITY', 'OUTPATIENT', gen_random_uuid(), 'SELF', 'ID_CARD', 'client:bench', \
             at, 'ENDED', at + interval '20 minutes', 'COMPLETED' \
             FROM unnest($2::uuid[]) AS resident_id, generate_series(0, $4 - 1) AS number, \
             LATERAL (SELECT $5 + number * interval '2 days' + interval '2 hours' AS at) AS morning \
             RETURNING id, resident_id, opened_at) \
         SELECT id, resident_id, (opened_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM seen ORDER BY day, resident_id",
    )
    .bind(callers::REGION)
    .bind(residents)
    .bind(callers::CLINIC)
    .bind(VISITS_OF_A_PERSON)
    .bind(start_of_local_day(since))
    .fetch_all(owner)
    .await?;
    Ok(visits)
}

/// The audit rules of a city, by each of which every claim is inspected.
async fn release_rules(town: &Town, mesh: &Mesh) -> Result<()> {
    let mut document: Value = serde_json::from_str(RULES)?;
    document["region"] = json!(callers::REGION);
    let mut rules = InspectionServiceClient::new(town.adjudication.clone());
    let proposal = ProposeRuleBookRequest {
        request_id: request_id(),
        rule_book_id: String::new(),
        document_json: document.to_string(),
    };
    let proposal = context(mesh, "insurer-proposer").await?.request(proposal);
    let proposed = rules.propose_rule_book(proposal).await.map_err(refused("ProposeRuleBook"))?.into_inner();
    let rule_book_id = proposed.rule_book.context("a proposal without a rule book")?.rule_book_id;
    let release = ReleaseRuleBookRequest { request_id: request_id(), rule_book_id };
    let release = context(mesh, "insurer-releaser").await?.request(release);
    rules.release_rule_book(release).await.map_err(refused("ReleaseRuleBook"))?;
    Ok(())
}

/// As databases that have run for a while know their tables.
async fn analyse(mesh: &Mesh) -> Result<()> {
    let record = mesh.record(true)?;
    for service in ASKED {
        let asked = record.services.get(service).with_context(|| format!("{service} is not up"))?;
        let mut owner = PgConnection::connect(&asked.owner_database_url).await?;
        sqlx::raw_sql("ANALYZE").execute(&mut owner).await?;
    }
    Ok(())
}

/// Milliseconds within which 99 of 100 calls are answered while so many claims begin a second, at times fixed beforehand: who waits for a
/// call before is not measured any later.
async fn p99_at(billers: &[Arc<Biller>], claims_per_s: Decimal) -> Result<Decimal> {
    let micros = (Decimal::from(1_000_000) / claims_per_s.max(Decimal::ONE)).round();
    let apart = Duration::from_micros(u64::try_from(micros)?);
    let rounds = MEASURED_FOR.as_micros() / (apart.as_micros() * billers.len() as u128).max(1);
    let begins_at = Instant::now() + Duration::from_millis(100);
    let mut running = JoinSet::new();
    for (number, biller) in (0_u32..).zip(billers) {
        let biller = Arc::clone(biller);
        let everybody = u32::try_from(billers.len())?;
        running.spawn(async move {
            let mut waits = vec![];
            for round in 0..u32::try_from(rounds)? {
                let at = begins_at + apart * (round * everybody + number);
                sleep_until(at).await;
                let settlement_id = biller.divide().await?;
                waits.push(at.elapsed());
                let confirmed_from = Instant::now();
                biller.confirm(settlement_id).await?;
                waits.push(confirmed_from.elapsed());
            }
            anyhow::Ok(waits)
        });
    }
    let mut waits: Vec<Duration> = vec![];
    while let Some(waited) = running.join_next().await {
        waits.extend(waited??);
    }
    Ok(Decimal::from(p99(waits).context("no call was made")?.as_micros()) / Decimal::from(1000))
}

fn p99(mut waits: Vec<Duration>) -> Option<Duration> {
    waits.sort_unstable();
    waits.get((waits.len() * 99).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_in_a_hundred_may_be_later() {
        let millis = |count: u64| (1..=count).map(Duration::from_millis).collect::<Vec<_>>();
        assert_eq!(p99(millis(100)), Some(Duration::from_millis(99)));
        assert_eq!(p99(millis(1000)), Some(Duration::from_millis(990)));
        assert_eq!((p99(millis(1)), p99(vec![])), (Some(Duration::from_millis(1)), None));
    }

    #[test]
    fn a_claim_adds_up() {
        let claim = claim(&Visited { id: Uuid::nil(), resident_id: Uuid::nil(), day: NaiveDate::MIN });
        let sum: Money = (0..LINES).map(price).sum();
        assert_eq!((claim.lines.len(), claim.total), (20, Some(to_money(sum))));
    }
}
