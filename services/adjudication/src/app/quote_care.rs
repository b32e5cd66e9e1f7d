use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use serde_json::json;
use types::care::CareKind;
use types::clock::local_date;
use types::expected::ExpectedLine;
use types::ids::{AppointmentId, JourneyId, OrganisationId, QuoteId, ReferralId, ResidentId};
use types::money::Money;
use types::region::RegionCode;

use super::App;
use super::pricing::{Care, History, Priced, Purpose, classify};
use crate::domain::appointment::Appointment;
use crate::domain::claim;
use crate::domain::coverage::Coverage;
use crate::domain::engine::{self, Refusal};
use crate::domain::error::AdjudicationError;
use crate::domain::mandate;
use crate::domain::provider::Provider;
use crate::domain::quote::{Price, Quote};
use crate::store::{documents, quotes};

/// What is to be quoted.
#[derive(Debug, Clone)]
pub struct QuoteCare {
    pub id: QuoteId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub kind: CareKind,
    pub on: NaiveDate,
    pub lines: Vec<ExpectedLine>,
    pub referral: Option<ReferralId>,
    pub appointment: Option<AppointmentId>,
    pub journey: Option<JourneyId>,
}

/// What becomes of a quote with an item that no catalogue knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// Whoever asks is told which.
    Refused,
    /// Nobody asks, and no booking is refused: it verifies cover alone, and says which.
    Named,
}

impl Guarded for QuoteCare {
    const NOT_FOUND: &'static str = Quote::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl Guarded for Quote {
    const NOT_FOUND: &'static str = "QUOTE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl App {
    /// Quotes care for a caller who may see the answer.
    pub async fn quote_care(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Quote>>,
        asked: QuoteCare,
    ) -> Result<Reply<Permitted<Quote>>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        // Before anybody is asked about anybody: who may not ask learns nothing.
        let asked = ctx.permit(asked)?.into_inner();
        mandate::check(&ctx.caller, asked.referral)?;
        let provider = self.identity.provider(asked.provider, asked.on).await?;
        let coverage = self.identity.coverage(ctx.caller.region, asked.resident, asked.on).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let facts = (&provider, &coverage);
        let quote =
            self.make_quote(&mut tx, asked, facts, ctx.caller.region, Unknown::Refused, ctx.traceparent()).await?;
        let quote = ctx.permit(quote)?;
        audit::record(&mut tx, described(Entry::new(&ctx.caller, "adjudication.quote.make"), &quote)).await?;
        Ok(call.commit(tx, quote).await?)
    }

    /// Quotes a confirmed appointment, in the transaction that moves the cursor past the event that told of it: once.
    pub async fn quote_appointment(
        &self,
        tx: &mut Transaction,
        appointment: &Appointment,
        lines: Vec<ExpectedLine>,
        facts: &(Provider, Coverage),
        traceparent: Option<String>,
    ) -> Result<(), AdjudicationError> {
        let asked = QuoteCare {
            id: QuoteId::generate(),
            resident: appointment.resident,
            provider: appointment.provider,
            kind: appointment.kind,
            on: appointment.on,
            lines,
            referral: appointment.referral,
            appointment: Some(appointment.id),
            journey: appointment.journey,
        };
        let region = tx.region()?;
        let facts = (&facts.0, &facts.1);
        let quote = self.make_quote(tx, asked, facts, region, Unknown::Named, traceparent).await?;
        let entry = described(Entry::by_service("adjudication", "adjudication.quote.make"), &quote);
        audit::record(tx, entry).await?;
        Ok(())
    }

    async fn make_quote(
        &self,
        tx: &mut Transaction,
        asked: QuoteCare,
        (provider, coverage): (&Provider, &Coverage),
        region: RegionCode,
        unknown: Unknown,
        traceparent: Option<String>,
    ) -> Result<Quote, AdjudicationError> {
        let codes = asked.lines.iter().map(|line| line.item_code.clone()).collect();
        let classes = classify(tx, region, codes, asked.on).await?;
        let unknown_items = match unknown {
            Unknown::Refused => Vec::new(),
            Unknown::Named => classes.unknown(&asked.lines),
        };
        let expected: &[ExpectedLine] = if unknown_items.is_empty() { &asked.lines } else { &[] };
        let mut lines = Vec::with_capacity(expected.len());
        let mut total = Money::ZERO;
        for (index, line) in expected.iter().enumerate() {
            let amount = line.amount().ok_or(Refusal::TotalTooLarge)?;
            total = total.checked_add(amount).ok_or(Refusal::TotalTooLarge)?;
            lines.push(claim::expected(line, amount, classes.of(index, &line.item_code)?));
        }
        let care = Care {
            purpose: Purpose::Quote,
            resident: asked.resident,
            provider: asked.provider,
            tier: provider.tier,
            is_designated: provider.is_designated_for(asked.kind),
            kind: asked.kind,
            from: asked.on,
            until: asked.on,
            lines,
            unknown_items,
            total,
            referral: asked.referral,
            journey: asked.journey,
            region,
            settled_at: self.clock.now(),
        };
        let days = (asked.on, local_date(care.settled_at));
        let in_force = documents::in_force(tx, coverage.basic, region, days).await?;
        let priced = self.price(tx, care, coverage, &in_force.policies, History::Stored).await?;
        let basis = priced.input.clone();
        let price = outcome(priced)?;
        let quote = Quote {
            id: asked.id,
            resident: asked.resident,
            provider: asked.provider,
            kind: asked.kind,
            on: asked.on,
            total,
            basis,
            price,
            referral: asked.referral,
            appointment: asked.appointment,
            journey: asked.journey,
            quoted_at: self.clock.now(),
        };
        quotes::insert(tx, region, &quote).await.map_err(|error| match error.constraint() {
            Some("quotes_pkey") => AdjudicationError::QuoteExists(quote.id),
            _ => error.into(),
        })?;
        let data = json!({
            "resident_id": quote.resident,
            "provider_organisation_id": quote.provider,
            "appointment_id": quote.appointment,
            "journey_id": quote.journey,
            "outcome": quote.price.outcome(),
            "total": quote.total,
            "own_share": quote.priced().map(|priced| priced.shares.own()),
        });
        let made = NewEvent::new("anjia.adjudication.quote.made.v1", quote.id, data, quote.quoted_at);
        events::append(tx, made.traceparent(traceparent)).await?;
        Ok(quote)
    }

    /// One quote.
    pub async fn quote(&self, ctx: &Context, id: QuoteId) -> Result<Permitted<Quote>, AdjudicationError> {
        self.check_view_or_pay(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let quote = quotes::find(&mut tx, id).await?.ok_or(AdjudicationError::QuoteNotFound(id))?;
        let quote = ctx.permit(quote)?;
        audit::record(&mut tx, described(Entry::new(&ctx.caller, "adjudication.quote.read"), &quote)).await?;
        tx.commit().await?;
        Ok(quote)
    }
}

/// The entry with the quote as it stands.
fn described(entry: Entry, quote: &Quote) -> Entry {
    entry.resident(quote.resident).row("quotes", quote.id)
}

/// Pricing never refuses for cover or policy.
fn outcome(priced: Priced) -> Result<Price, AdjudicationError> {
    match (priced.adjudication, priced.cover) {
        (Ok(adjudication), Some(cover)) => Ok(Price::Priced {
            policy: cover.policy,
            policy_digest: cover.policy_digest,
            adjudication: Box::new(adjudication),
        }),
        (Ok(adjudication), None) if adjudication.is_not_designated() => {
            Ok(Price::NotDesignated { adjudication: Box::new(adjudication) })
        }
        (Ok(adjudication), None) => Ok(Price::NotEnrolled { adjudication: Box::new(adjudication) }),
        (Err(refusal), _) if refusal.is_no_price() => {
            // Nothing that is divided comes to a number that is not published: it can only be that no policy is in force.
            let steps = if priced.input.lines.is_empty() { engine::no_policy(&priced.input) } else { Vec::new() };
            Ok(Price::NoPolicy { why: refusal.to_string(), steps })
        }
        (Err(refusal), _) => Err(refusal.into()),
    }
}
