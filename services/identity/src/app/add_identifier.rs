use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::identifier::Identifier;
use types::ids::{IdentifierId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::identifier::{Document, Validity};
use crate::domain::resident::{Person, ShownResident};
use crate::store::{changes, identifiers, residents};

/// A document to add.
#[derive(Debug, Clone)]
pub struct NewIdentifier {
    pub id: IdentifierId,
    pub resident: ResidentId,
    pub identifier: Identifier,
    pub validity: Validity,
    pub evidence: String,
}

impl App {
    /// Adds a document that the desk has seen. A first number by GB 11643 registers who was provisional.
    pub async fn add_identifier(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownResident>>,
        new: NewIdentifier,
    ) -> Result<Reply<Permitted<ShownResident>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let Person { resident, mut documents } = self.locked_person(&mut tx, new.resident).await?;
        ctx.permit(Person { resident: resident.clone(), documents: vec![] }.shown_to(&ctx.caller))?;
        let document = Document {
            id: new.id,
            region: resident.region,
            resident: resident.id,
            identifier: new.identifier,
            validity: new.validity,
            evidence: new.evidence,
            adder: ctx.caller.organisation,
            added_at: self.now(),
            withdrawn: None,
        };
        let is_in_the_way = |held: &Document| {
            held.holds() && (held.identifier == document.identifier || held.is_national() && document.is_national())
        };
        if documents.iter().any(is_in_the_way) {
            return Err(IdentityError::IdentifierExists);
        }
        if !identifiers::insert(&mut tx, &self.vault, &document).await? {
            return Err(self.refuse_identifier(tx, ctx, &document).await?);
        }
        let mut entry = identifiers::audited(Entry::new(&ctx.caller, "identity.identifier.add"), &document);
        let resident = match document.identifier.says() {
            Some((birth_date, sex)) => {
                let (proven, replaced) = resident.proven(birth_date, sex);
                proven.check_born(document.added_at)?;
                let history = self.change(&mut tx, ctx, &proven, replaced, &document.evidence).await?;
                entry = history.iter().fold(residents::audited(entry, &proven), changes::audited);
                proven
            }
            None => resident,
        };
        audit::record(&mut tx, entry).await?;
        documents.push(document);
        let shown = ctx.permit(Person { resident, documents }.shown_to(&ctx.caller))?;
        Ok(call.commit(tx, shown).await?)
    }

    /// Somebody else is registered with it, perhaps in another region; or the id is taken.
    async fn refuse_identifier(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        document: &Document,
    ) -> Result<IdentityError, IdentityError> {
        let is_taken = identifiers::get(&mut tx, &self.vault, document.id).await?.is_some();
        let holder = identifiers::holder(&mut tx, &self.vault, &document.identifier).await?;
        tx.rollback().await?;
        if let Some(holder) = holder {
            self.record_collision(ctx, holder).await?;
        }
        Ok(if is_taken { IdentityError::IdentifierExists } else { IdentityError::IdentifierOfAnother })
    }
}
