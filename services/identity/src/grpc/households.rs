use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::household_service_server::HouseholdService;
use proto::convert::{self, FieldError, to_date};
use tonic::{Request, Response, Status};
use types::ids::{HouseholdId, OrganisationId};

use super::convert::{optional_household_relation, said, to_household_relation};
use super::{Grpc, answer, communities, people};
use crate::app::{Leaving, NewHousehold, NewMember, ShownHousehold};
use crate::domain::household::{MEMBERS_MAX, Member};

#[tonic::async_trait]
impl HouseholdService for Grpc {
    async fn form_household(
        &self,
        request: Request<wire::FormHouseholdRequest>,
    ) -> Result<Response<wire::FormHouseholdResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.HouseholdService/FormHousehold";
        let call =
            Call::new(&ctx.caller, method, &message, |row| formed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("household", message.household.as_ref())
            .and_then(|new| new_household(new).map_err(|wrong| wrong.within("household")))
            .map_err(error::invalid)?;
        let reply = self.0.form_household(&ctx, &call, new).await?;
        answer(reply, |row| formed(&row))
    }

    async fn add_household_member(
        &self,
        request: Request<wire::AddHouseholdMemberRequest>,
    ) -> Result<Response<wire::AddHouseholdMemberResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.HouseholdService/AddHouseholdMember";
        let call =
            Call::new(&ctx.caller, method, &message, |row| added(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_member(&message).map_err(error::invalid)?;
        let reply = self.0.add_household_member(&ctx, &call, new).await?;
        answer(reply, |row| added(&row))
    }

    async fn remove_household_member(
        &self,
        request: Request<wire::RemoveHouseholdMemberRequest>,
    ) -> Result<Response<wire::RemoveHouseholdMemberResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.HouseholdService/RemoveHouseholdMember";
        let call =
            Call::new(&ctx.caller, method, &message, |row| removed(row).encode_to_vec()).map_err(error::invalid)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let leaving =
            leaving(&message.household_id, message.until.as_ref(), &message.reason).map_err(error::invalid)?;
        let reply = self.0.remove_household_member(&ctx, &call, resident, leaving).await?;
        answer(reply, |row| removed(&row))
    }

    async fn end_household(
        &self,
        request: Request<wire::EndHouseholdRequest>,
    ) -> Result<Response<wire::EndHouseholdResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.HouseholdService/EndHousehold";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let leaving =
            leaving(&message.household_id, message.until.as_ref(), &message.reason).map_err(error::invalid)?;
        let reply = self.0.end_household(&ctx, &call, leaving).await?;
        answer(reply, |row| ended(&row))
    }

    async fn get_household(
        &self,
        request: Request<wire::GetHouseholdRequest>,
    ) -> Result<Response<wire::GetHouseholdResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let on = convert::optional_date("on", message.on.as_ref()).map_err(error::invalid)?;
        let found = self.0.get_household(&ctx, resident, on).await?;
        Ok(Response::new(wire::GetHouseholdResponse { household: Some(to_household(&found)) }))
    }
}

fn formed(shown: &Permitted<ShownHousehold>) -> wire::FormHouseholdResponse {
    wire::FormHouseholdResponse { household: Some(to_household(shown)) }
}

fn added(shown: &Permitted<ShownHousehold>) -> wire::AddHouseholdMemberResponse {
    wire::AddHouseholdMemberResponse { household: Some(to_household(shown)) }
}

fn removed(shown: &Permitted<ShownHousehold>) -> wire::RemoveHouseholdMemberResponse {
    wire::RemoveHouseholdMemberResponse { household: Some(to_household(shown)) }
}

fn ended(shown: &Permitted<ShownHousehold>) -> wire::EndHouseholdResponse {
    wire::EndHouseholdResponse { household: Some(to_household(shown)) }
}

fn new_household(message: &wire::Household) -> Result<NewHousehold, FieldError> {
    if message.members.len() > MEMBERS_MAX {
        return Err(FieldError::new("members", format!("must be at most {MEMBERS_MAX}")));
    }
    let members = message.members.iter().enumerate().map(|(i, member)| {
        let resident = convert::id("resident_id", &member.resident_id);
        let relation = optional_household_relation("relation", member.relation).and_then(|word| said("relation", word));
        resident.and_then(|resident| Ok((resident, relation?))).map_err(|wrong| wrong.within(&format!("members[{i}]")))
    });
    Ok(NewHousehold {
        id: convert::optional_id("household_id", &message.household_id)?.unwrap_or_else(HouseholdId::generate),
        community: communities::code("community_code", &message.community_code)?,
        from: convert::date("from", message.from.as_ref())?,
        members: members.collect::<Result<_, _>>()?,
    })
}

fn new_member(message: &wire::AddHouseholdMemberRequest) -> Result<NewMember, FieldError> {
    Ok(NewMember {
        household: convert::id("household_id", &message.household_id)?,
        resident: convert::id("resident_id", &message.resident_id)?,
        relation: said("relation", optional_household_relation("relation", message.relation)?)?,
        from: convert::date("from", message.from.as_ref())?,
    })
}

fn leaving(id: &str, until: Option<&proto::google::r#type::Date>, reason: &str) -> Result<Leaving, FieldError> {
    Ok(Leaving {
        household: convert::id("household_id", id)?,
        until: convert::date("until", until)?,
        reason: people::evidence("reason", reason)?,
    })
}

fn to_household(shown: &Permitted<ShownHousehold>) -> wire::Household {
    let household = &shown.household;
    let ended = household.ended.as_ref();
    wire::Household {
        household_id: household.id.to_string(),
        community_code: household.community.to_string(),
        from: Some(to_date(household.from)),
        until: ended.map(|ended| to_date(ended.with)),
        members: household.members.iter().map(to_member).collect(),
        registrar_organisation_id: household.registrar.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        end_reason: ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
    }
}

fn to_member(member: &Member) -> wire::HouseholdMember {
    wire::HouseholdMember {
        resident_id: member.resident.to_string(),
        relation: to_household_relation(member.relation),
        from: Some(to_date(member.from)),
        until: member.ended.as_ref().map(|ended| to_date(ended.with)),
    }
}
