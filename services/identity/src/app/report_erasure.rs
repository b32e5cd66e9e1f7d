use chassis::Context;
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::caller::Party;
use types::ids::ErasureId;

use super::App;
use super::request_erasure::tell;
use crate::domain::IdentityError;
use crate::domain::erasure::{Report, State, Step};
use crate::store::erasures;

impl App {
    /// A service's word about a request of the region its token is for. Needs no key: the same word again changes nothing, and the next step is worked out anew. The word
    /// with which the last service closes carries the erasure out, in this transaction.
    pub async fn report_erasure(&self, ctx: &Context, id: ErasureId, report: Report) -> Result<Step, IdentityError> {
        let Party::Service(service) = &ctx.caller.subject else { return Err(IdentityError::ErasureNotFound) };
        let own = self.own_context().ok_or(IdentityError::ProviderUnavailable)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let before = erasures::lock(&mut tx, id).await?.ok_or(IdentityError::ErasureNotFound)?;
        let (was, now) = (before.state, self.now());
        let (mut erasure, step) = before.hear(service, report, now)?;
        let is_carried_out =
            matches!(erasure.state, State::Erased { at } if at == now && !matches!(was, State::Erased { .. }));
        if is_carried_out {
            erasure = self.carry_out(&mut tx, &own, erasure, now).await?;
        }
        if erasures::update(&mut tx, &erasure).await? {
            let kind = if is_carried_out {
                "anjia.identity.resident.erased.v1"
            } else {
                "anjia.identity.resident.erasure_moved.v1"
            };
            tell(&mut tx, &own, kind, &erasure, now).await?;
            let entry = Entry::new(&own.caller, "identity.erasure.move").of_keeping();
            audit::record(&mut tx, erasures::audited(entry, &erasure)).await?;
        }
        if is_carried_out {
            self.forget(&mut tx, &erasure).await?;
        }
        tx.commit().await?;
        if is_carried_out {
            self.revocations_due.notify_one();
        }
        Ok(step)
    }
}
