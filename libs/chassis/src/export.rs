//! What a service has about one person, page by page: the answer of every `PrivacyService` to `ExportResident`.
//!
//! Every package declares a `PrivacyService` of its own; what is inside is the same, and so is who may ask: the person themself, and an
//! operator who says why. Whoever else acts for the person has no need of everything.

use postgres::{
    Database, Scope,
    audit::{self, Entry},
    paging::{Page, PageRequest},
    personal::{self, AUDIT, ExportKey, ExportedRow, PersonalTable},
};
use proto::{
    anjia::common::v1 as wire,
    convert::{self, FieldError},
};
use tonic::{Code, Status};
use types::{
    caller::Role,
    ids::{OrganisationId, ResidentId},
};

use crate::{Context, Guarded, error};

const REASON_LENGTH_MAX: usize = 200;

/// Everything about one person.
struct Everything(ResidentId);

impl Guarded for Everything {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

/// Answers `ExportResident`. `action` is `<service>.resident.export`, for the audit.
pub async fn page(
    db: &Database,
    ctx: &Context,
    action: &'static str,
    tables: &[PersonalTable],
    asked: Option<&wire::ExportRequest>,
) -> Result<wire::ExportPage, Status> {
    let (resident, request) = parse(ctx, asked).map_err(error::invalid)?;
    if ctx.caller.acted_for().is_some() {
        let message = "everything about a person is for the person, and for an operator who says why";
        return Err(error::status(error::DOMAIN, Code::PermissionDenied, "EXPORT_NOT_DELEGABLE", message));
    }
    let Everything(resident) = ctx.permit(Everything(resident))?.into_inner();
    let page = read(db, ctx, action, tables, resident, &request).await.map_err(|cause| error::storage(&cause))?;
    Ok(wire::ExportPage { rows: page.items.into_iter().map(to_wire).collect(), next_page_token: page.next_page_token })
}

fn parse(
    ctx: &Context,
    asked: Option<&wire::ExportRequest>,
) -> Result<(ResidentId, PageRequest<ExportKey>), FieldError> {
    let asked = convert::required("export", asked)?;
    let inside = |error: FieldError| error.within("export");
    let resident = convert::id("resident_id", &asked.resident_id).map_err(inside)?;
    let reason = convert::optional_text("reason", &asked.reason, REASON_LENGTH_MAX).map_err(inside)?;
    if reason.is_empty() && ctx.caller.roles.contains(&Role::Operator) {
        return Err(FieldError::new("export.reason", "an operator says why"));
    }
    let query = format!("{resident} {reason}");
    let request = PageRequest::parse(asked.page_size, &asked.page_token, query.as_bytes()).map_err(inside)?;
    Ok((resident, request))
}

async fn read(
    db: &Database,
    ctx: &Context,
    action: &'static str,
    tables: &[PersonalTable],
    resident: ResidentId,
    request: &PageRequest<ExportKey>,
) -> Result<Page<ExportedRow>, postgres::Error> {
    let tables: Vec<PersonalTable> = tables.iter().copied().chain([AUDIT]).collect();
    let mut tx = db.begin(Scope::of(&ctx.caller)).await?;
    let rows = personal::export(&mut tx, &tables, resident, request.after(), request.limit()).await?;
    audit::record(&mut tx, Entry::new(&ctx.caller, action).resident(resident).of_keeping()).await?;
    tx.commit().await?;
    let page = request.page(rows, |(place, row)| (*place, row.key.clone()))?;
    Ok(page.map(|(_, row)| row))
}

fn to_wire(exported: ExportedRow) -> wire::ExportedRow {
    let [title_zh, title_en] = exported.table.title;
    wire::ExportedRow {
        table: exported.table.table.name.to_owned(),
        title_zh: title_zh.to_owned(),
        title_en: title_en.to_owned(),
        retention_rule: exported.table.rule.to_owned(),
        key: exported.key,
        json: exported.row.expose().to_string(),
    }
}
