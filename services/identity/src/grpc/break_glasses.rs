use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::break_glass_service_server::BreakGlassService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::BreakGlassId;
use types::redacted::Redacted;

use super::convert::{optional_reason, optional_verdict, said, to_break_glass};
use super::{Grpc, answer, page};
use crate::app::{BreakGlassQuestion, NewBreakGlass, Whose};
use crate::domain::break_glass::BreakGlass;

/// Fewer words than this are no reason.
const JUSTIFICATION_MIN: usize = 10;

#[tonic::async_trait]
impl BreakGlassService for Grpc {
    async fn open_break_glass(
        &self,
        request: Request<wire::OpenBreakGlassRequest>,
    ) -> Result<Response<wire::OpenBreakGlassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.BreakGlassService/OpenBreakGlass";
        let call =
            Call::new(&ctx.caller, method, &message, |row| opened(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_break_glass(&message).map_err(error::invalid)?;
        let reply = self.0.open_break_glass(&ctx, &call, new).await?;
        answer(reply, |row| opened(&row))
    }

    async fn check_break_glass(
        &self,
        request: Request<wire::CheckBreakGlassRequest>,
    ) -> Result<Response<wire::CheckBreakGlassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let question = question(request.get_ref()).map_err(error::invalid)?;
        let open = self.0.check_break_glass(&ctx, question).await?;
        // It is open: that is what was asked.
        let now = open.opened_at;
        Ok(Response::new(wire::CheckBreakGlassResponse { break_glass: Some(to_break_glass(&open, now)) }))
    }

    async fn list_break_glass(
        &self,
        request: Request<wire::ListBreakGlassRequest>,
    ) -> Result<Response<wire::ListBreakGlassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let whose = whose(&message).map_err(error::invalid)?;
        let (found, now) = self.0.list_break_glass(&ctx, whose, &page).await?;
        let found = found.map(|row| to_break_glass(&row, now));
        Ok(Response::new(wire::ListBreakGlassResponse {
            break_glasses: found.items,
            next_page_token: found.next_page_token,
        }))
    }

    async fn list_unreviewed_break_glass(
        &self,
        request: Request<wire::ListUnreviewedBreakGlassRequest>,
    ) -> Result<Response<wire::ListUnreviewedBreakGlassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let (found, now) = self.0.list_unreviewed_break_glass(&ctx, &page).await?;
        let found = found.map(|row| to_break_glass(&row, now));
        Ok(Response::new(wire::ListUnreviewedBreakGlassResponse {
            break_glasses: found.items,
            next_page_token: found.next_page_token,
        }))
    }

    async fn review_break_glass(
        &self,
        request: Request<wire::ReviewBreakGlassRequest>,
    ) -> Result<Response<wire::ReviewBreakGlassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.BreakGlassService/ReviewBreakGlass";
        let call =
            Call::new(&ctx.caller, method, &message, |row| reviewed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("break_glass_id", &message.break_glass_id).map_err(error::invalid)?;
        let verdict = optional_verdict("verdict", message.verdict).and_then(|word| said("verdict", word));
        let reply = self.0.review_break_glass(&ctx, &call, id, verdict.map_err(error::invalid)?).await?;
        answer(reply, |row| reviewed(&row))
    }
}

/// Open from the moment it was opened.
fn opened(row: &Permitted<BreakGlass>) -> wire::OpenBreakGlassResponse {
    wire::OpenBreakGlassResponse { break_glass: Some(to_break_glass(row, row.opened_at)) }
}

/// As it stood when it was reviewed.
fn reviewed(row: &Permitted<BreakGlass>) -> wire::ReviewBreakGlassResponse {
    let now = row.review.as_ref().map_or(row.opened_at, |review| review.at);
    wire::ReviewBreakGlassResponse { break_glass: Some(to_break_glass(row, now)) }
}

fn new_break_glass(message: &wire::OpenBreakGlassRequest) -> Result<NewBreakGlass, FieldError> {
    let justification = convert::text("justification", &message.justification, 200)?;
    if justification.chars().count() < JUSTIFICATION_MIN {
        return Err(FieldError::new(
            "justification",
            format!("must say why in {JUSTIFICATION_MIN} characters or more"),
        ));
    }
    Ok(NewBreakGlass {
        id: convert::optional_id("break_glass_id", &message.break_glass_id)?.unwrap_or_else(BreakGlassId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        reason: said("reason", optional_reason("reason", message.reason)?)?,
        justification: Redacted::new(justification),
        minutes: message.minutes,
    })
}

fn question(message: &wire::CheckBreakGlassRequest) -> Result<BreakGlassQuestion, FieldError> {
    Ok(BreakGlassQuestion {
        resident: convert::id("resident_id", &message.resident_id)?,
        organisation: convert::id("organisation_id", &message.organisation_id)?,
    })
}

fn whose(message: &wire::ListBreakGlassRequest) -> Result<Whose, FieldError> {
    let resident = convert::optional_id("resident_id", &message.resident_id)?;
    let organisation = convert::optional_id("organisation_id", &message.organisation_id)?;
    match (resident, organisation) {
        (Some(id), None) => Ok(Whose::Resident(id)),
        (None, Some(id)) => Ok(Whose::Organisation(id)),
        _ => Err(FieldError::new("resident_id", "this or `organisation_id` is required, not both")),
    }
}
