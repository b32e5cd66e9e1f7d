//! What every service's `AuditService` does alike. Packages have requests and responses of their own; the words inside are shared.

use postgres::{
    Database, Scope,
    audit::{self, Access, AccessKey, Entry},
    paging::PageRequest,
};
use proto::{
    anjia::common::v1 as wire,
    convert::{self, FieldError, to_timestamp},
};
use tonic::{Code, Status};
use types::ids::{OrganisationId, ResidentId};

use crate::{Context, Guarded, error};

/// Whose accesses are asked for, and which page of them.
#[derive(Debug, Clone)]
pub struct Asked {
    resident: ResidentId,
    page: PageRequest<AccessKey>,
}

struct Whose(ResidentId);

impl Guarded for Whose {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

/// The newest checkpoint.
pub async fn checkpoint(db: &Database) -> Result<wire::Checkpoint, Status> {
    let mut tx = db.begin(Scope::Worker).await.map_err(storage)?;
    let latest = audit::latest(&mut tx).await.map_err(storage)?;
    tx.commit().await.map_err(storage)?;
    let (size, note) = latest
        .ok_or_else(|| error::status(error::DOMAIN, Code::NotFound, "CHECKPOINT_NOT_FOUND", "nothing is signed yet"))?;
    Ok(wire::Checkpoint { note, size: i64::try_from(size).unwrap_or(i64::MAX) })
}

/// What this service saw of the audit that it witnesses.
pub async fn witnessed(db: &Database, ctx: &Context) -> Result<wire::WitnessedCheckpoint, Status> {
    let mut tx = db.begin(Scope::of(&ctx.caller)).await.map_err(storage)?;
    let seen = audit::witnessed(&mut tx).await.map_err(storage)?;
    tx.commit().await.map_err(storage)?;
    let seen = seen.ok_or_else(|| {
        error::status(error::DOMAIN, Code::NotFound, "NOTHING_WITNESSED", "no checkpoint was seen yet")
    })?;
    Ok(wire::WitnessedCheckpoint {
        origin: seen.origin,
        note: seen.note,
        size: seen.size,
        witnessed_at: Some(to_timestamp(seen.witnessed_at)),
        refused: seen.refused.unwrap_or_default(),
    })
}

/// That an entry is among those of a tree. Made of hashes of all regions, which tell nothing about their entries.
pub async fn prove_inclusion(db: &Database, position: i64, size: i64) -> Result<wire::TreeProof, Status> {
    let (position, size) = (count("position", position)?, count("size", size)?);
    let mut tx = db.begin(Scope::Worker).await.map_err(storage)?;
    let proof = audit::prove_inclusion(&mut tx, position, size).await.map_err(storage)?;
    tx.commit().await.map_err(storage)?;
    proved(proof)
}

/// That an older tree is the beginning of a newer one.
pub async fn prove_consistency(db: &Database, old: i64, new: i64) -> Result<wire::TreeProof, Status> {
    let (old, new) = (count("old_size", old)?, count("new_size", new)?);
    let mut tx = db.begin(Scope::Worker).await.map_err(storage)?;
    let proof = audit::prove_consistency(&mut tx, old, new).await.map_err(storage)?;
    tx.commit().await.map_err(storage)?;
    proved(proof)
}

/// Reads a request for accesses and refuses whoever may not see those of this resident.
pub fn asked(ctx: &Context, resident_id: &str, page: Option<&wire::PageRequest>) -> Result<Asked, Status> {
    let resident: ResidentId = convert::id("resident_id", resident_id).map_err(error::invalid)?;
    ctx.permit(Whose(resident))?;
    let (size, token) = page.map_or((0, ""), |page| (page.page_size, page.page_token.as_str()));
    let page = PageRequest::parse(size, token, resident.to_string().as_bytes());
    Ok(Asked { resident, page: page.map_err(|wrong| error::invalid(wrong.within("page")))? })
}

/// A page of who looked. The look is recorded as `action`.
pub async fn list_access(
    db: &Database,
    ctx: &Context,
    action: &'static str,
    asked: Asked,
) -> Result<wire::AccessPage, Status> {
    let Asked { resident, page } = asked;
    let mut tx = db.begin(Scope::of(&ctx.caller)).await.map_err(storage)?;
    let found = audit::accesses(&mut tx, resident, page.after().copied(), page.limit()).await.map_err(storage)?;
    audit::record(&mut tx, Entry::new(&ctx.caller, action).resident(resident).of_keeping()).await.map_err(storage)?;
    tx.commit().await.map_err(storage)?;
    let found = page.page(found, |access| (access.occurred_at, access.sequence));
    let found = found.map_err(|cause| error::internal(&cause))?;
    Ok(wire::AccessPage {
        accesses: found.items.into_iter().map(to_wire).collect(),
        next_page_token: found.next_page_token,
    })
}

fn to_wire(access: Access) -> wire::Access {
    let text = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    wire::Access {
        accessed_at: Some(to_timestamp(access.occurred_at)),
        action: access.action,
        actor: access.actor,
        subject: access.subject,
        organisation_id: text(access.organisation_id),
        delegation_id: text(access.delegation_id),
        position: access.position.unwrap_or_default(),
    }
}

fn count(field: &str, number: i64) -> Result<u64, Status> {
    let counted = u64::try_from(number).ok().filter(|number| *number > 0);
    counted.ok_or_else(|| error::invalid(FieldError::new(field, "must be 1 or more")))
}

fn proved(proof: Option<Vec<audit::merkle::Hash>>) -> Result<wire::TreeProof, Status> {
    let proof = proof.ok_or_else(|| {
        error::status(error::DOMAIN, Code::FailedPrecondition, "ENTRY_NOT_COVERED", "no checkpoint covers that")
    })?;
    Ok(wire::TreeProof { hashes: proof.iter().map(|hash| hash.to_vec()).collect() })
}

#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(storage)`")]
fn storage(cause: postgres::Error) -> Status {
    error::storage(&cause)
}
