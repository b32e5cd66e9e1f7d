//! Sessions made of templates, some days ahead: once for each template and day, whoever makes them.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use postgres::{Scope, Transaction, audit};
use types::{
    caller::Party,
    clock::{local_date, start_of_local_day},
    ids::{OrganisationId, SessionId, SlotId, TemplateId},
    region::RegionCode,
};

use super::{Calendar, Where};
use crate::{
    app::records::By,
    domain::{
        calendar::{Exception, Template},
        error::SchedulingError,
        notice::{self, Closed},
        session::Session,
    },
    store::{
        exceptions, resources,
        sessions::{self, Origin},
        slots, templates,
    },
};

/// A day of a template that has no session yet.
type Missing = (Template, NaiveDate);

/// What came of templates.
#[derive(Debug, Clone)]
pub struct Generated<S> {
    pub sessions: Vec<S>,
    /// Where the doctor, a room or a piece of equipment is elsewhere.
    pub clashes: Vec<(TemplateId, NaiveDate)>,
}

/// What came of one.
enum Made {
    Session(Box<Session>),
    /// It is there, or nothing of it may be.
    Nothing,
    Clash,
}

impl Calendar {
    /// Makes what is missing up to the days that are usual, each session by itself; answers how many.
    pub async fn generate_due(&self) -> Result<usize, SchedulingError> {
        let mut made = 0;
        for region in self.regions(Where::Templates).await? {
            let today = local_date(self.clock.now());
            let days = (today, today + Days::new(self.days_ahead));
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let (missing, exceptions) = missing(&mut tx, None, days).await?;
            tx.commit().await?;
            for missing in missing {
                made += usize::from(self.generate_one(region, &missing, &exceptions).await?);
            }
        }
        Ok(made)
    }

    async fn generate_one(
        &self,
        region: RegionCode,
        missing: &Missing,
        exceptions: &[Exception],
    ) -> Result<bool, SchedulingError> {
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        match self.make(&mut tx, By::Service, missing, exceptions).await {
            Ok(Made::Session(_)) => {
                tx.commit().await?;
                Ok(true)
            }
            Ok(Made::Nothing) => Ok(false),
            Ok(Made::Clash) | Err(SchedulingError::DoctorConflict | SchedulingError::ResourceConflict) => {
                let (template, day) = missing;
                tracing::warn!(template_id = %template.id, %day, "no session can be made: doctor, room or equipment is elsewhere");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The same for one provider, in the transaction of whoever asks.
    pub(in crate::app) async fn generate(
        &self,
        tx: &mut Transaction,
        by: By<'_>,
        organisation: OrganisationId,
        days: (NaiveDate, NaiveDate),
    ) -> Result<Generated<Session>, SchedulingError> {
        let (missing, exceptions) = missing(tx, Some(organisation), days).await?;
        let mut generated = Generated { sessions: vec![], clashes: vec![] };
        for missing in missing {
            match self.make(tx, by, &missing, &exceptions).await? {
                Made::Session(session) => generated.sessions.push(*session),
                Made::Nothing => {}
                Made::Clash => generated.clashes.push((missing.0.id, missing.1)),
            }
        }
        Ok(generated)
    }

    async fn make(
        &self,
        tx: &mut Transaction,
        by: By<'_>,
        (template, day): &Missing,
        exceptions: &[Exception],
    ) -> Result<Made, SchedulingError> {
        let now = self.clock.now();
        let id = (SessionId::generate(), *day);
        let Some((session, slots)) = template.session(id, exceptions, now, SlotId::generate)? else {
            return Ok(Made::Nothing);
        };
        // Another replica may have made it since it was missing: that is no clash, but nothing left to do.
        if !sessions::is_free(tx, &session, &template.resources, (template.id, *day)).await? {
            return Ok(Made::Clash);
        }
        let party = match by {
            By::Caller(ctx) => ctx.caller.acting().clone(),
            By::Service => Party::Service("scheduling".to_owned()),
        };
        if !sessions::insert(tx, &session, Origin::Template(template.id, *day), &party, now).await? {
            return Ok(Made::Nothing);
        }
        resources::take(tx, &session, &template.resources).await?;
        let of_region = exceptions.iter().filter(|exception| exception.is_of_region());
        let closed = Closed::of(of_region.map(|exception| exception.span));
        let cancel_until = |starts_at| session.terms.cancel_until(starts_at, &closed);
        slots::insert_all(tx, &slots, &session.pools, cancel_until).await?;
        let entry = by.entry("scheduling.session.generate").row("sessions", session.id);
        let entry = template
            .resources
            .iter()
            .fold(entry, |entry, resource| entry.row("session_resources", audit::id(&[&session.id, resource])));
        audit::record(tx, slots::audited(entry, &slots, &session.pools)).await?;
        self.passing.pass_on_new(tx, &session, &slots, now).await?;
        Ok(Made::Session(Box::new(session)))
    }
}

/// What has no session yet, and what stands against it or against working days before it.
async fn missing(
    tx: &mut Transaction,
    organisation: Option<OrganisationId>,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<(Vec<Missing>, Vec<Exception>), SchedulingError> {
    let in_force = templates::in_force(tx, organisation, (first, last)).await?;
    let made: BTreeSet<(TemplateId, NaiveDate)> = templates::made(tx, (first, last)).await?.into_iter().collect();
    let span = (start_of_local_day(first), start_of_local_day(last + Days::new(1)));
    let looked_at = notice::looked_at(in_force.iter().map(|template| (template.terms.cancel_notice, span)));
    let exceptions = exceptions::within(tx, looked_at.unwrap_or(span)).await?;
    let missing = in_force.iter().flat_map(|template| {
        let open = template.days(first, last).filter(|day| !made.contains(&(template.id, *day)));
        open.map(|day| (template.clone(), day)).collect::<Vec<_>>()
    });
    Ok((missing.collect(), exceptions))
}
