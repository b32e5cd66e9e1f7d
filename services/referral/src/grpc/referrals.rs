use std::pin::Pin;

use chassis::{Context, Permitted, error, telemetry};
use postgres::Call;
use prost::Message as _;
use proto::{
    Idempotent,
    anjia::referral::v1::{self as wire, referral_service_server::ReferralService},
    convert::{self as common, FieldError},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{convert, parse};
use crate::app::{App, Sight};

/// Referrals.
pub struct Referrals {
    app: App,
}

impl Referrals {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

/// What is stored of an answer, to be given again: the response message, whole.
macro_rules! answer {
    ($response:ident) => {
        |sight: Permitted<Sight>| wire::$response { referral: Some(convert::to_referral(&sight)) }
    };
}

fn call<M: Idempotent>(
    ctx: &Context,
    method: &'static str,
    message: &M,
    encode: fn(&Permitted<Sight>) -> Vec<u8>,
) -> Result<Call<Permitted<Sight>>, Status> {
    Call::new(&ctx.caller, method, message, encode).map_err(error::invalid)
}

#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(unreadable)`")]
fn unreadable(error: prost::DecodeError) -> Status {
    error::internal(&error)
}

#[tonic::async_trait]
impl ReferralService for Referrals {
    async fn propose_targets(
        &self,
        request: Request<wire::ProposeTargetsRequest>,
    ) -> Result<Response<wire::ProposeTargetsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = parse::asked(request.get_ref()).map_err(error::invalid)?;
        let proposal = self.app.propose(&ctx, asked).await?;
        Ok(Response::new(wire::ProposeTargetsResponse { targets: convert::to_targets(proposal) }))
    }

    async fn submit_referral(
        &self,
        request: Request<wire::SubmitReferralRequest>,
    ) -> Result<Response<wire::SubmitReferralResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = call(&ctx, "anjia.referral.v1.ReferralService/SubmitReferral", &message, |sight| {
            wire::SubmitReferralResponse { referral: Some(convert::to_referral(sight)) }.encode_to_vec()
        })?;
        let submission = parse::submission(&message).map_err(error::invalid)?;
        if let Some(journey) = submission.journey {
            telemetry::journey(journey);
        }
        let reply = self.app.submit(&ctx, &call, submission).await?;
        reply.into_message(answer!(SubmitReferralResponse)).map(Response::new).map_err(unreadable)
    }

    type WatchWorkListStream = Pin<Box<dyn Stream<Item = Result<wire::WatchWorkListResponse, Status>> + Send>>;

    async fn watch_work_list(
        &self,
        request: Request<wire::WatchWorkListRequest>,
    ) -> Result<Response<Self::WatchWorkListStream>, Status> {
        let ctx = Context::of(&request)?;
        let lines = ReceiverStream::new(self.app.watch_work_list(&ctx)?).map(|line| {
            line.map(|sight| wire::WatchWorkListResponse { referral: Some(convert::to_referral(&sight)) })
                .map_err(Status::from)
        });
        Ok(Response::new(Box::pin(lines)))
    }

    async fn accept_referral(
        &self,
        request: Request<wire::AcceptReferralRequest>,
    ) -> Result<Response<wire::AcceptReferralResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = call(&ctx, "anjia.referral.v1.ReferralService/AcceptReferral", &message, |sight| {
            wire::AcceptReferralResponse { referral: Some(convert::to_referral(sight)) }.encode_to_vec()
        })?;
        let acceptance = parse::acceptance(&message).map_err(error::invalid)?;
        let reply = self.app.accept(&ctx, &call, acceptance).await?;
        reply.into_message(answer!(AcceptReferralResponse)).map(Response::new).map_err(unreadable)
    }

    async fn return_referral(
        &self,
        request: Request<wire::ReturnReferralRequest>,
    ) -> Result<Response<wire::ReturnReferralResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = call(&ctx, "anjia.referral.v1.ReferralService/ReturnReferral", &message, |sight| {
            wire::ReturnReferralResponse { referral: Some(convert::to_referral(sight)) }.encode_to_vec()
        })?;
        let (id, version) = decided(&message.referral_id, message.version).map_err(error::invalid)?;
        let returned = parse::returned(message.returned.as_ref()).map_err(error::invalid)?;
        let reply = self.app.return_to_referrer(&ctx, &call, id, version, returned).await?;
        reply.into_message(answer!(ReturnReferralResponse)).map(Response::new).map_err(unreadable)
    }

    async fn close_referral(
        &self,
        request: Request<wire::CloseReferralRequest>,
    ) -> Result<Response<wire::CloseReferralResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = call(&ctx, "anjia.referral.v1.ReferralService/CloseReferral", &message, |sight| {
            wire::CloseReferralResponse { referral: Some(convert::to_referral(sight)) }.encode_to_vec()
        })?;
        let (id, version) = decided(&message.referral_id, message.version).map_err(error::invalid)?;
        let reply = self.app.close(&ctx, &call, id, version).await?;
        reply.into_message(answer!(CloseReferralResponse)).map(Response::new).map_err(unreadable)
    }

    async fn get_referral(
        &self,
        request: Request<wire::GetReferralRequest>,
    ) -> Result<Response<wire::GetReferralResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = common::id("referral_id", &request.get_ref().referral_id).map_err(error::invalid)?;
        let sight = self.app.referral(&ctx, id).await?;
        Ok(Response::new(wire::GetReferralResponse { referral: Some(convert::to_referral(&sight)) }))
    }

    async fn list_referrals(
        &self,
        request: Request<wire::ListReferralsRequest>,
    ) -> Result<Response<wire::ListReferralsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = parse::list(request.get_ref()).map_err(error::invalid)?;
        let page = self.app.referrals(&ctx, asked).await?;
        Ok(Response::new(wire::ListReferralsResponse {
            referrals: page.items.iter().map(convert::to_referral).collect(),
            next_page_token: page.next_page_token,
        }))
    }
}

fn decided(id: &str, version: i64) -> Result<(types::ids::ReferralId, i64), FieldError> {
    Ok((common::id("referral_id", id)?, parse::version(version)?))
}
