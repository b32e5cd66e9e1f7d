//! Reads. Whoever reads personal data leaves an entry in the audit.

use chassis::{Context, Guarded, Permitted};
use postgres::{
    Scope,
    paging::{Page, PageRequest},
};
use types::ids::{AppointmentId, OrganisationId, ResidentId, SessionId, VisitId};

use super::{
    Scheduling,
    records::{appointment_read, visit_read},
};
use crate::{
    domain::{
        appointment::{Appointment, Filter},
        error::SchedulingError,
        session::{Session, Slot},
        visit::Visit,
    },
    store::{
        appointments::{self, ListKey},
        sessions, slots, visits,
    },
};

/// A page of appointments.
pub type Listed = Page<Permitted<Appointment>>;

/// Whose appointments are listed: the list as a whole is permitted, or not.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Residents(ResidentId),
    Providers(OrganisationId),
}

impl Guarded for Whose {
    fn resident(&self) -> Option<ResidentId> {
        match self {
            Self::Residents(id) => Some(*id),
            Self::Providers(_) => None,
        }
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        match self {
            Self::Residents(_) => vec![],
            Self::Providers(id) => vec![*id],
        }
    }
}

impl Scheduling {
    pub async fn appointment(
        &self,
        ctx: &Context,
        id: AppointmentId,
    ) -> Result<Permitted<Appointment>, SchedulingError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let appointment = ctx.permit(appointments::find(&mut tx, id).await?)?;
        appointment_read(&mut tx, ctx, "scheduling.appointment.get", &appointment).await?;
        tx.commit().await?;
        Ok(appointment)
    }

    pub async fn appointments(
        &self,
        ctx: &Context,
        whose: Whose,
        filter: Filter,
        page: &PageRequest<ListKey>,
    ) -> Result<Listed, SchedulingError> {
        ctx.permit(whose)?;
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = appointments::list(&mut tx, filter, page.after(), page.limit()).await?;
        let page = page
            .page(rows, |last| (last.slot.starts_at, last.id))
            .map_err(|error| SchedulingError::field("page", error.to_string()))?;
        for appointment in &page.items {
            appointment_read(&mut tx, ctx, "scheduling.appointment.list", appointment).await?;
        }
        tx.commit().await?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }

    pub async fn session(
        &self,
        ctx: &Context,
        id: SessionId,
    ) -> Result<(Permitted<Session>, Vec<Slot>), SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let session = ctx.permit(sessions::find(&mut tx, id).await?)?;
        let slots = slots::of_session(&mut tx, id).await?;
        tx.commit().await?;
        Ok((session, slots))
    }

    pub async fn visit(&self, ctx: &Context, id: VisitId) -> Result<Permitted<Visit>, SchedulingError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let visit = ctx.permit(visits::find(&mut tx, id).await?)?;
        visit_read(&mut tx, ctx, "scheduling.visit.get", &visit).await?;
        tx.commit().await?;
        Ok(visit)
    }
}
