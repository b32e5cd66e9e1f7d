//! Quotes priced and stored a second, beside calls that only go there and back.

use std::sync::Arc;

use anyhow::{Result, ensure};
use chrono::NaiveDate;
use devstack::callers;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::{QuoteCareRequest, QuoteOutcome};
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::identity::v1::GetKeysRequest;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::convert::to_date;

use super::figure::Figure;
use super::progress;
use super::rate::{CALLERS, rate};
use super::town::{ITEM, Resident, Town, refused, request_id};

pub(super) async fn measure(town: &Town) -> Result<Figure> {
    progress("pricing");
    let workers = town.residents.iter().take(CALLERS).map(|resident| {
        let (client, resident) =
            (AdjudicationServiceClient::new(town.adjudication.clone()), Arc::new(resident.clone()));
        let today = town.today;
        move |_| quote(client.clone(), Arc::clone(&resident), today)
    });
    let ours = rate(workers.collect()).await?;
    progress("calling there and back");
    let workers = (0..CALLERS).map(|_| {
        let client = TokenServiceClient::new(town.identity.clone());
        move |_| keys(client.clone())
    });
    let reference = rate(workers.collect()).await?;
    Ok(Figure { bench: "adjudicate".to_owned(), ours, reference: Some(reference), unit: "quotes/s", goal: None })
}

async fn quote(
    mut client: AdjudicationServiceClient<chassis::channel::Channel>,
    resident: Arc<Resident>,
    today: NaiveDate,
) -> Result<bool> {
    let line = ExpectedLine { item_code: ITEM.to_owned(), quantity: "2".to_owned(), unit_price: "120".to_owned() };
    let request = QuoteCareRequest {
        request_id: request_id(),
        resident_id: resident.id.to_string(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        on: Some(to_date(today)),
        lines: vec![line],
        ..QuoteCareRequest::default()
    };
    let quoted = client.quote_care(resident.context.request(request)).await.map_err(refused("QuoteCare"))?;
    let outcome = quoted.into_inner().quote.map(|quote| quote.outcome());
    ensure!(outcome == Some(QuoteOutcome::Priced), "a quote without a price: {outcome:?}");
    Ok(true)
}

async fn keys(mut client: TokenServiceClient<chassis::channel::Channel>) -> Result<bool> {
    client.get_keys(GetKeysRequest {}).await.map_err(refused("GetKeys"))?;
    Ok(true)
}
