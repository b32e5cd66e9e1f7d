//! Who is vulnerable: set and ended on documents, for days that may be past.

use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope};
use types::ids::{FlagId, ResidentId};
use uuid::Uuid;

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::vulnerability::{Ended, Flag, Kind};
use crate::store::{flags, residents};

/// A flag to set.
#[derive(Debug, Clone)]
pub struct NewFlag {
    pub id: FlagId,
    pub resident: ResidentId,
    pub kind: Kind,
    pub document_reference: String,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
}

impl App {
    /// Sets a flag, also for days that are past.
    pub async fn set_flag(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Flag>>,
        new: NewFlag,
    ) -> Result<Reply<Permitted<Flag>>, IdentityError> {
        let flag = ctx.permit(Flag {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            kind: new.kind,
            document_reference: new.document_reference,
            from: new.from,
            until: new.until,
            setter: ctx.caller.organisation,
            set_at: self.now(),
            ended: None,
        })?;
        flag.check()?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // Whoever sets another for the same resident waits here, so that what is looked at next still holds when it is written.
        if !residents::lock(&mut tx, flag.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if flags::overlaps(&mut tx, &flag).await? {
            return Err(IdentityError::FlagOverlaps);
        }
        if !flags::insert(&mut tx, &flag).await? {
            return Err(IdentityError::FlagExists);
        }
        coverage_changed::tell(&mut tx, ctx, flag.resident, flag.from, flag.set_at).await?;
        let entry = Entry::new(&ctx.caller, "identity.flag.set");
        audit::record(&mut tx, flags::audited(entry, &flag)).await?;
        Ok(call.commit(tx, flag).await?)
    }

    /// Ends a flag with a day; again changes nothing and answers the same.
    pub async fn end_flag(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Flag>>,
        id: FlagId,
        last_day: NaiveDate,
        reason: String,
    ) -> Result<Reply<Permitted<Flag>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = flags::get(&mut tx, id).await?.ok_or(IdentityError::FlagNotFound)?;
        let found = ctx.permit(found)?;
        let ended = Ended { with: last_day, at: self.now(), reason };
        let flag = ctx.permit(found.into_inner().end(ended.clone())?)?;
        if !flags::end(&mut tx, id, &ended).await? {
            let known = flags::get(&mut tx, id).await?.ok_or(IdentityError::FlagNotFound)?;
            let known = ctx.permit(known)?;
            return Ok(call.commit(tx, known).await?);
        }
        let changed_from = last_day.succ_opt().unwrap_or(last_day);
        coverage_changed::tell(&mut tx, ctx, flag.resident, changed_from, ended.at).await?;
        let entry = Entry::new(&ctx.caller, "identity.flag.end");
        audit::record(&mut tx, flags::audited(entry, &flag)).await?;
        Ok(call.commit(tx, flag).await?)
    }

    /// All that were ever set of a resident and that the caller may see, newest first.
    pub async fn list_flags(
        &self,
        ctx: &Context,
        resident: ResidentId,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<Permitted<Flag>>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        if !residents::exists(&mut tx, resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let rows = flags::list(&mut tx, resident, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let items = ctx.only_permitted(page.items);
        let entry = Entry::new(&ctx.caller, "identity.flag.list").resident(resident);
        let audited = |entry, flag: &Permitted<Flag>| flags::audited(entry, flag);
        audit::record(&mut tx, items.iter().fold(entry, audited)).await?;
        tx.commit().await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}
