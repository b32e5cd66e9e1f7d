//! Drives a capture that this process has taken: asks the state machine, does what it says, stores what came of it.

use std::time::Duration;

use postgres::audit::{self, Entry};
use postgres::{Error, Scope};

use super::{App, record};
use crate::domain::capture::{Capture, Effect, Event, State};
use crate::domain::error::PaymentError;
use crate::peers::adjudication::Confirmation;
use crate::store::{bills, captures};

/// Longest wait for adjudication; well within the lease.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
const SETBACK: &str = "SETBACK";
const CONTRADICTS: &str = "SETTLEMENT_CONTRADICTS_BILL";

impl App {
    /// Takes up to `max` captures that are due and that nobody works on.
    pub async fn take_captures(&self, max: i64) -> Result<Vec<Capture>, Error> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let taken = captures::take(&mut tx, self.durations.capture_lease, max).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Works on a capture until it ends or has to wait. An error leaves it to whoever takes it over when the lease ends.
    pub async fn run_capture(&self, mut capture: Capture) -> Result<(), Error> {
        let mut event = Event::TakenUp;
        let mut refusal = String::new();
        loop {
            let (state, effect) = capture.step(event, self.now());
            event = match effect {
                Effect::ConfirmSettlement => {
                    let (event, reason) = self.confirm(&capture).await;
                    refusal = reason;
                    event
                }
                Effect::PostShares => {
                    if state != capture.state {
                        self.store_state(&capture, state, None).await?;
                        capture.state = state;
                    }
                    match self.post_shares(&capture).await {
                        Ok(()) => return Ok(()),
                        Err(error) => setback(&capture, error, &mut refusal)?,
                    }
                }
                Effect::ReleaseBill => match self.release_bill(&capture, state, &refusal).await {
                    Ok(()) => return Ok(()),
                    Err(error) => setback(&capture, error, &mut refusal)?,
                },
                Effect::Wait(wait) => {
                    tracing::warn!(capture = %capture.id, reason = refusal, attempts = capture.attempts, "capture waits");
                    return self.store_wait(&capture, wait, &refusal).await;
                }
                Effect::Alert => {
                    tracing::error!(capture = %capture.id, bill = %capture.bill, reason = refusal, "capture needs a person");
                    return self.store_state(&capture, state, Some(&refusal)).await;
                }
                Effect::Rest => return Ok(()),
            };
        }
    }

    /// Asks adjudication in our own name and the bill's region; the intent is committed.
    async fn confirm(&self, capture: &Capture) -> (Event, String) {
        let own = match self.credentials.own_in(capture.region).await {
            Ok(own) => own.with_call_limit(CONFIRM_LIMIT),
            Err(status) => return (Event::Unanswered, format!("TOKEN_{:?}", status.code()).to_uppercase()),
        };
        match self.adjudication.confirm(&own, capture.id, capture.settlement, capture.bill).await {
            Confirmation::Otherwise(event, reason) => (event, reason),
            Confirmation::Confirmed(due) => match self.shares_of(capture).await {
                Ok(shares) if due.agrees_with(&shares) => (Event::SettlementConfirmed, String::new()),
                Ok(_) => (Event::SettlementContradicts, CONTRADICTS.to_owned()),
                Err(error) => {
                    tracing::warn!(capture = %capture.id, %error, "bill not read");
                    (Event::Setback, SETBACK.to_owned())
                }
            },
        }
    }

    async fn shares_of(&self, capture: &Capture) -> Result<Vec<crate::domain::shares::Share>, Error> {
        let mut tx = self.db.begin(Scope::Region(capture.region)).await?;
        let bill = bills::find(&mut tx, capture.bill).await?;
        tx.commit().await?;
        bill.map(|bill| bill.shares).ok_or_else(|| Error::row_invalid("captures", "bill_id", capture.id))
    }

    async fn store_state(&self, capture: &Capture, state: State, refusal: Option<&str>) -> Result<(), Error> {
        let mut tx = self.db.begin(Scope::Region(capture.region)).await?;
        captures::advance(&mut tx, capture, state, refusal, self.now()).await?;
        let bill = bills::find(&mut tx, capture.bill).await?;
        let bill = bill.ok_or_else(|| Error::row_invalid("captures", "bill_id", capture.id))?;
        let entry = Entry::by_service(record::SERVICE, "payment.capture.advance").resident(bill.resident);
        audit::record(&mut tx, record::with_capture(entry, capture)).await?;
        tx.commit().await
    }

    async fn store_wait(&self, capture: &Capture, wait: Duration, refusal: &str) -> Result<(), Error> {
        let mut tx = self.db.begin(Scope::Region(capture.region)).await?;
        captures::wait(&mut tx, capture, wait, refusal).await?;
        tx.commit().await
    }
}

/// A transaction of ours that did not happen. One that another owner prevented ends our work.
fn setback(capture: &Capture, error: PaymentError, refusal: &mut String) -> Result<Event, Error> {
    match error {
        PaymentError::Storage(lost @ Error::LeaseLost { .. }) => Err(lost),
        error => {
            tracing::warn!(capture = %capture.id, %error, "setback");
            SETBACK.clone_into(refusal);
            Ok(Event::Setback)
        }
    }
}
