use std::collections::BTreeSet;

use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::family_doctor_service_server::FamilyDoctorService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::ContractId;

use super::cover::{to_contract, to_package};
use super::{Grpc, answer, page};
use crate::app::{ContractEnding, NewContract};
use crate::domain::family_doctor::Contract;

const TEAM_MAX: usize = 10;

#[tonic::async_trait]
impl FamilyDoctorService for Grpc {
    async fn list_service_packages(
        &self,
        request: Request<wire::ListServicePackagesRequest>,
    ) -> Result<Response<wire::ListServicePackagesResponse>, Status> {
        let mut message = request.into_inner();
        let page: PageRequest<String> = page(message.page.take(), &message)?;
        let follows = |code: &str| page.after().is_none_or(|after| code > after.as_str());
        let rest = self.0.service_packages.all().iter().filter(|package| follows(&package.code));
        let page = page.page(rest.collect(), |last| last.code.clone()).map_err(|wrong| error::internal(&wrong))?;
        Ok(Response::new(wire::ListServicePackagesResponse {
            packages: page.items.into_iter().map(to_package).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn sign_family_doctor_contract(
        &self,
        request: Request<wire::SignFamilyDoctorContractRequest>,
    ) -> Result<Response<wire::SignFamilyDoctorContractResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.FamilyDoctorService/SignFamilyDoctorContract";
        let call =
            Call::new(&ctx.caller, method, &message, |row| signed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_contract(&message).map_err(error::invalid)?;
        let reply = self.0.sign_family_doctor_contract(&ctx, &call, new).await?;
        answer(reply, |row| signed(&row))
    }

    async fn renew_family_doctor_contract(
        &self,
        request: Request<wire::RenewFamilyDoctorContractRequest>,
    ) -> Result<Response<wire::RenewFamilyDoctorContractResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.FamilyDoctorService/RenewFamilyDoctorContract";
        let call =
            Call::new(&ctx.caller, method, &message, |row| renewed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("contract_id", &message.contract_id).map_err(error::invalid)?;
        let until = convert::date("until", message.until.as_ref()).map_err(error::invalid)?;
        let reply = self.0.renew_family_doctor_contract(&ctx, &call, id, until).await?;
        answer(reply, |row| renewed(&row))
    }

    async fn end_family_doctor_contract(
        &self,
        request: Request<wire::EndFamilyDoctorContractRequest>,
    ) -> Result<Response<wire::EndFamilyDoctorContractResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.FamilyDoctorService/EndFamilyDoctorContract";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let ending = ending(&message).map_err(error::invalid)?;
        let reply = self.0.end_family_doctor_contract(&ctx, &call, ending).await?;
        answer(reply, |row| ended(&row))
    }

    async fn get_family_doctor_contract(
        &self,
        request: Request<wire::GetFamilyDoctorContractRequest>,
    ) -> Result<Response<wire::GetFamilyDoctorContractResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("contract_id", &request.get_ref().contract_id).map_err(error::invalid)?;
        let contract = self.0.get_family_doctor_contract(&ctx, id).await?;
        Ok(Response::new(wire::GetFamilyDoctorContractResponse { contract: Some(to_contract(&contract)) }))
    }
}

fn signed(contract: &Permitted<Contract>) -> wire::SignFamilyDoctorContractResponse {
    wire::SignFamilyDoctorContractResponse { contract: Some(to_contract(contract)) }
}

fn renewed(contract: &Permitted<Contract>) -> wire::RenewFamilyDoctorContractResponse {
    wire::RenewFamilyDoctorContractResponse { contract: Some(to_contract(contract)) }
}

fn ended(contract: &Permitted<Contract>) -> wire::EndFamilyDoctorContractResponse {
    wire::EndFamilyDoctorContractResponse { contract: Some(to_contract(contract)) }
}

fn new_contract(message: &wire::SignFamilyDoctorContractRequest) -> Result<NewContract, FieldError> {
    let id = convert::optional_id("contract_id", &message.contract_id)?.unwrap_or_else(ContractId::generate);
    let resident = convert::id("resident_id", &message.resident_id)?;
    let organisation = convert::id("organisation_id", &message.organisation_id)?;
    if !(1..=TEAM_MAX).contains(&message.practitioner_ids.len()) {
        return Err(FieldError::new("practitioner_ids", format!("must be 1 to {TEAM_MAX}")));
    }
    let team = message.practitioner_ids.iter().enumerate();
    let team: Result<BTreeSet<_>, _> = team.map(|(i, id)| convert::id(&format!("practitioner_ids[{i}]"), id)).collect();
    Ok(NewContract {
        id,
        resident,
        organisation,
        team: team?,
        package_code: convert::text("package_code", &message.package_code, 40)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::date("until", message.until.as_ref())?,
    })
}

fn ending(message: &wire::EndFamilyDoctorContractRequest) -> Result<ContractEnding, FieldError> {
    Ok(ContractEnding {
        id: convert::id("contract_id", &message.contract_id)?,
        last_day: convert::date("last_day", message.last_day.as_ref())?,
        reason: convert::text("reason", &message.reason, 200)?,
    })
}
