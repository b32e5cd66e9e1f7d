use chassis::auth::Revoked;
use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Basis;
use crate::domain::revocation::{Revocation, Target};
use crate::store::{delegations, revocations};

impl App {
    /// Takes tokens back before their time. Every verifier hears of it within two seconds; this replica's own at once.
    pub async fn revoke_token(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Revocation>>,
        target: Target,
        lasting: bool,
        reason: String,
    ) -> Result<Reply<Permitted<Revocation>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let is_guardian = self.is_guardian(&mut tx, ctx).await?;
        if !target.is_for(&ctx.caller, lasting, is_guardian) {
            return Err(IdentityError::NotTheirTokens);
        }
        let revocation = self.take_tokens_back(&mut tx, ctx, target.of(&ctx.caller), lasting, reason).await?;
        let reply = call.commit(tx, ctx.permit(revocation)?).await?;
        self.revocations_due.notify_one();
        Ok(reply)
    }

    /// Writes it, tells of it and records it. Whoever commits wakes `revocations_due`.
    pub(super) async fn take_tokens_back(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        of: Revoked,
        lasting: bool,
        reason: String,
    ) -> Result<Revocation, IdentityError> {
        revocations::hold_back_tokens(tx).await?;
        let mut revocation = Revocation {
            id: Uuid::now_v7(),
            revision: 0,
            of,
            lasting,
            reason,
            revoked_by: ctx.caller.acting().clone(),
            revoked_at: self.now(),
            lifted: None,
        };
        revocation.revision = revocations::insert(tx, &revocation).await?;
        let event =
            NewEvent::new("anjia.identity.token.revoked.v1", revocation.id, told(&revocation), revocation.revoked_at);
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.token.revoke");
        audit::record(tx, revocations::audited(entry, &revocation)).await?;
        Ok(revocation)
    }

    /// Whether the caller acts for the resident as their guardian.
    pub(super) async fn is_guardian(&self, tx: &mut Transaction, ctx: &Context) -> Result<bool, IdentityError> {
        let (Some(resident), Some(id)) = (ctx.caller.acted_for(), ctx.caller.delegation) else {
            return Ok(false);
        };
        let Some(delegation) = delegations::get(tx, id).await? else {
            return Ok(false);
        };
        let is_in_force = delegation.check_delegate(resident, ctx.caller.acting(), self.now()).is_ok();
        Ok(is_in_force && delegation.basis == Basis::Guardian)
    }
}

fn told(revocation: &Revocation) -> Value {
    let lasting = revocation.lasting;
    match &revocation.of {
        Revoked::Token(id) => json!({ "token_id": id, "lasting": lasting }),
        Revoked::Party(party) => json!({ "party": party, "lasting": lasting }),
        Revoked::Client(id) => json!({ "client_id": id, "lasting": lasting }),
    }
}
