//! What providers say of their calendar: rooms and equipment, weekly templates, leave and holidays, ladders of release.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Days, NaiveDate, Utc};
use postgres::{Begun, Call, Reply, Scope, audit};
use types::{
    clock::local_date,
    ids::{DepartmentId, ExceptionId, LadderId, OrganisationId, PractitionerId, ResidentId, TemplateId},
};

use super::{Scheduling, calendar::Generated, publish::known_capabilities, records::By};
use crate::{
    domain::{
        calendar::{DAYS_AHEAD_MAX, Exception, Resource, Scope as About, Template},
        error::SchedulingError,
        ladder::{self, Ladder, Step},
        session::Session,
    },
    store::{exceptions, ladders, resources, templates},
};

/// Whose calendar it is; nobody's where it is the region's.
pub(super) struct Whose(pub(super) Option<OrganisationId>);

impl Guarded for Whose {
    const NOT_FOUND: &'static str = "ORGANISATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.0.into_iter().collect()
    }
}

impl Guarded for Resource {
    const NOT_FOUND: &'static str = "RESOURCE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Template {
    const NOT_FOUND: &'static str = "TEMPLATE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Ladder {
    const NOT_FOUND: &'static str = "ORGANISATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

/// Leave or a holiday, as it is declared.
#[derive(Debug, Clone)]
pub struct Declared {
    pub about: About,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub reason: String,
}

/// Whose reserved places fall back, and when.
#[derive(Debug, Clone)]
pub struct LadderWish {
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub steps: Vec<Step>,
}

impl Scheduling {
    pub async fn register_resource(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Resource>>,
        resource: Resource,
    ) -> Result<Reply<Permitted<Resource>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let resource = ctx.permit(resource)?;
        self.identity.provider(ctx, resource.organisation).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        resources::insert(&mut tx, &resource, ctx.caller.acting(), self.clock.now()).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.resource.register").row("resources", resource.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, resource).await?)
    }

    /// `template` is as its provider describes it; tier, place and capabilities are filled in from identity.
    pub async fn create_template(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Template>>,
        template: Template,
    ) -> Result<Reply<Permitted<Template>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose(Some(template.organisation)))?;
        template.check()?;
        let template = self.complete_template(ctx, template).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if !resources::are_of(&mut tx, template.organisation, &template.resources).await? {
            return Err(SchedulingError::ResourceNotFound);
        }
        templates::insert(&mut tx, &template, ctx.caller.acting(), self.clock.now()).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.template.create").row("session_templates", template.id);
        audit::record(&mut tx, entry).await?;
        let template = ctx.permit(template)?;
        Ok(call.commit(tx, template).await?)
    }

    async fn complete_template(&self, ctx: &Context, template: Template) -> Result<Template, SchedulingError> {
        let provider = self.identity.provider(ctx, template.organisation).await?;
        self.check_employed(ctx, template.practitioner, template.organisation).await?;
        let capabilities = known_capabilities(&provider, template.department, &template.capabilities)?;
        Ok(Template { tier: provider.tier, place: provider.place, capabilities, ..template })
    }

    pub(super) async fn check_employed(
        &self,
        ctx: &Context,
        practitioner: Option<PractitionerId>,
        organisation: OrganisationId,
    ) -> Result<(), SchedulingError> {
        match practitioner {
            Some(practitioner) if self.identity.employer(ctx, practitioner).await? != organisation => {
                Err(SchedulingError::PractitionerNotFound)
            }
            _ => Ok(()),
        }
    }

    pub async fn declare_exception(
        &self,
        ctx: &Context,
        call: &Call<ExceptionId>,
        declared: Declared,
    ) -> Result<Reply<ExceptionId>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let whose = match declared.about {
            About::Template(id) => Some(self.template_of(ctx, id).await?),
            About::Practitioner(id) => Some(self.identity.employer(ctx, id).await?),
            About::Organisation(id) => Some(id),
            About::Region => None,
        };
        ctx.permit(Whose(whose))?;
        if let About::Organisation(id) = declared.about {
            self.identity.provider(ctx, id).await?;
        }
        let now = self.clock.now();
        let span = Exception::check_span((declared.since, declared.until), now)?;
        let exception = Exception {
            id: ExceptionId::generate(),
            scope: declared.about,
            organisation: whose,
            span,
            reason: declared.reason,
        };
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        exceptions::insert(&mut tx, &exception, ctx.caller.acting(), now).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.exception.declare");
        audit::record(&mut tx, entry.row("calendar_exceptions", exception.id)).await?;
        Ok(call.commit(tx, exception.id).await?)
    }

    async fn template_of(&self, ctx: &Context, id: TemplateId) -> Result<OrganisationId, SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let template = templates::find(&mut tx, id).await?;
        tx.commit().await?;
        Ok(template.organisation)
    }

    pub async fn generate_sessions(
        &self,
        ctx: &Context,
        call: &Call<Generated<Permitted<Session>>>,
        (organisation, until): (OrganisationId, NaiveDate),
    ) -> Result<Reply<Generated<Permitted<Session>>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose(Some(organisation)))?;
        let today = local_date(self.clock.now());
        if until < today || until > today + Days::new(DAYS_AHEAD_MAX) {
            let description = format!("must not be past, and at most {DAYS_AHEAD_MAX} days ahead");
            return Err(SchedulingError::field("until", description));
        }
        self.identity.provider(ctx, organisation).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let made = self.calendar.generate(&mut tx, By::Caller(ctx), organisation, (today, until)).await?;
        let made = Generated { sessions: ctx.permit_all(made.sessions)?, clashes: made.clashes };
        Ok(call.commit(tx, made).await?)
    }

    pub async fn set_ladder(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Ladder>>,
        wish: LadderWish,
    ) -> Result<Reply<Permitted<Ladder>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let LadderWish { organisation, department, steps } = wish;
        ctx.permit(Whose(Some(organisation)))?;
        ladder::check(&steps)?;
        let provider = self.identity.provider(ctx, organisation).await?;
        known_capabilities(&provider, department, &[])?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let ladder = Ladder { id: LadderId::generate(), organisation, department, steps };
        let id = ladders::set(&mut tx, &ladder, ctx.caller.acting(), self.clock.now()).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.release_ladder.set").row("release_ladders", id);
        audit::record(&mut tx, entry).await?;
        let ladder = ctx.permit(Ladder { id, ..ladder })?;
        Ok(call.commit(tx, ladder).await?)
    }
}
