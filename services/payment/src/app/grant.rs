//! A bank grants a resident a credit line, or changes its limit and term.

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::CreditLineId;
use types::money::Money;
use types::national_id::NationalId;
use types::redacted::Redacted;
use types::region::RegionCode;

use super::{App, record};
use crate::domain::credit_line::{CreditLine, Standing};
use crate::domain::error::PaymentError;
use crate::store::credit_lines;

#[derive(Debug, Clone)]
pub struct Grant {
    pub id: Option<CreditLineId>,
    pub national_id: NationalId,
    pub name: Redacted<String>,
    pub agreement_sha256: String,
    pub limit: Money,
    pub until: DateTime<Utc>,
}

impl App {
    pub async fn grant(
        &self,
        ctx: &Context,
        call: &Call<Permitted<CreditLine>>,
        asked: Grant,
    ) -> Result<Reply<Permitted<CreditLine>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.now();
        if asked.until <= now {
            return Err(PaymentError::field("until", "must be in the future"));
        }
        let bank = ctx.caller.organisation.ok_or(PaymentError::OutsideScope)?;
        let own = self.own_in(ctx.caller.region).await?;
        let resident = self.identity.find_resident(&own, &asked.national_id, asked.name.expose()).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // One agreement is one line, also where it was granted under another id of the person's.
        let known = credit_lines::granted_to(&mut tx, bank, resident, &asked.agreement_sha256).await?;
        let resident = known.unwrap_or(resident);
        let line = CreditLine {
            id: asked.id.unwrap_or_else(CreditLineId::generate),
            bank,
            resident,
            agreement_sha256: asked.agreement_sha256,
            limit: asked.limit,
            used: Money::ZERO,
            held: Money::ZERO,
            valid_until: asked.until,
            standing: Standing::Active,
            granted_at: now,
            version: 1,
        };
        let chosen = asked.id;
        let region = tx.region()?;
        let line = credit_lines::grant(&mut tx, region, &line).await.map_err(id_taken)?;
        if let Some(chosen) = chosen.filter(|chosen| *chosen != line.id)
            && credit_lines::is_known(&mut tx, chosen).await?
        {
            return Err(of_another());
        }
        let line = ctx.permit(line)?;
        record::tell_granted(&mut tx, &line, now).await?;
        let entry = Entry::new(&ctx.caller, "payment.credit_line.grant").resident(resident);
        audit::record(&mut tx, record::with_line(entry, &line)).await?;
        Ok(call.commit(tx, line).await?)
    }

    pub(super) async fn own_in(&self, region: RegionCode) -> Result<Context, PaymentError> {
        self.credentials.own_in(region).await.map_err(|status| {
            tracing::warn!(code = ?status.code(), "no token of our own");
            PaymentError::PeerUnavailable { peer: "identity" }
        })
    }
}

fn id_taken(error: postgres::Error) -> PaymentError {
    match error.constraint() {
        Some("credit_lines_pkey") => of_another(),
        _ => error.into(),
    }
}

fn of_another() -> PaymentError {
    PaymentError::field("credit_line_id", "is the id of another line")
}
