use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::adjudication::v1::account_service_server::AccountService;
use proto::anjia::adjudication::v1::{
    CreditAccountRequest, CreditAccountResponse, GetAccountRequest, GetAccountResponse, ShareAccountRequest,
    ShareAccountResponse,
};
use proto::convert::{id, to_date, to_money, to_timestamp};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert;
use super::policies::answer;
use crate::app::App;
use crate::domain::account::{AccountShare, Standing};

const CREDIT: &str = "anjia.adjudication.v1.AccountService/CreditAccount";
const SHARE: &str = "anjia.adjudication.v1.AccountService/ShareAccount";

/// `AccountService`.
pub(super) struct Accounts(pub(super) App);

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn credit_account(
        &self,
        request: Request<CreditAccountRequest>,
    ) -> Result<Response<CreditAccountResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CREDIT, &message, |id| credited(id).encode_to_vec()).map_err(error::invalid)?;
        let asked = convert::credit(&message).map_err(error::invalid)?;
        let reply = self.0.credit_account(&ctx, &call, asked).await?;
        answer(reply.into_message(|id| credited(&id)))
    }

    async fn share_account(
        &self,
        request: Request<ShareAccountRequest>,
    ) -> Result<Response<ShareAccountResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, SHARE, &message, |standing| shared(standing).encode_to_vec())
            .map_err(error::invalid)?;
        let asked = convert::share(&message).map_err(error::invalid)?;
        let reply = self.0.share_account(&ctx, &call, asked).await?;
        answer(reply.into_message(|standing| shared(&standing)))
    }

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Result<Response<GetAccountResponse>, Status> {
        let ctx = Context::of(&request)?;
        let holder = id("resident_id", &request.get_ref().resident_id).map_err(error::invalid)?;
        let standing = self.0.account(&ctx, holder).await?;
        Ok(Response::new(GetAccountResponse { account: Some(account(&standing)) }))
    }
}

fn credited(id: &Uuid) -> CreditAccountResponse {
    CreditAccountResponse { account_entry_id: id.to_string() }
}

fn shared(standing: &Permitted<Standing>) -> ShareAccountResponse {
    ShareAccountResponse { account: Some(account(standing)) }
}

fn account(standing: &Standing) -> wire::PersonalAccount {
    wire::PersonalAccount {
        resident_id: standing.holder.to_string(),
        balance: Some(to_money(standing.balance)),
        free: Some(to_money(standing.free)),
        shares: standing.shares.iter().map(share).collect(),
    }
}

fn share(share: &AccountShare) -> wire::AccountShare {
    wire::AccountShare {
        member_resident_id: share.member.to_string(),
        until: share.until.map(to_date),
        shared_at: Some(to_timestamp(share.at)),
    }
}
