use std::collections::BTreeSet;

use chassis::{Context, Permitted, error};
use chrono::NaiveDate;
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::organisation_service_server::OrganisationService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::credit_code::CreditCode;
use types::ids::{DepartmentId, OrganisationId, PractitionerId};

use super::convert::{optional_kind, said, to_organisation, to_practitioner};
use super::{Grpc, answer, page};
use crate::app::{NewOrganisation, NewPractitioner, OrganisationUpdate};
use crate::domain::IdentityError;
use crate::domain::organisation::{Campus, Change, Department, Filter, Organisation};
use crate::domain::practitioner::Practitioner;

const DEPARTMENTS_MAX: usize = 200;
const CAMPUSES_MAX: usize = 50;
const CAPABILITIES_MAX: usize = 200;

#[tonic::async_trait]
impl OrganisationService for Grpc {
    async fn register_organisation(
        &self,
        request: Request<wire::RegisterOrganisationRequest>,
    ) -> Result<Response<wire::RegisterOrganisationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.OrganisationService/RegisterOrganisation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| registered(row).encode_to_vec()).map_err(error::invalid)?;
        let organisation = convert::required("organisation", message.organisation.as_ref()).map_err(error::invalid)?;
        let reply = self.0.register_organisation(&ctx, &call, new_organisation(organisation)?).await?;
        answer(reply, |row| registered(&row))
    }

    async fn get_organisation(
        &self,
        request: Request<wire::GetOrganisationRequest>,
    ) -> Result<Response<wire::GetOrganisationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let id = convert::id("organisation_id", &message.organisation_id).map_err(error::invalid)?;
        let on = convert::optional_date("on", message.on.as_ref()).map_err(error::invalid)?;
        let organisation = self.0.get_organisation(&ctx, id, on).await?;
        Ok(Response::new(wire::GetOrganisationResponse { organisation: Some(to_organisation(&organisation)) }))
    }

    async fn list_organisations(
        &self,
        request: Request<wire::ListOrganisationsRequest>,
    ) -> Result<Response<wire::ListOrganisationsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let filter = filter(&message).map_err(error::invalid)?;
        let found = self.0.list_organisations(&ctx, &filter, &page).await?.map(|row| to_organisation(&row));
        Ok(Response::new(wire::ListOrganisationsResponse {
            organisations: found.items,
            next_page_token: found.next_page_token,
        }))
    }

    async fn update_organisation(
        &self,
        request: Request<wire::UpdateOrganisationRequest>,
    ) -> Result<Response<wire::UpdateOrganisationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.OrganisationService/UpdateOrganisation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| updated(row).encode_to_vec()).map_err(error::invalid)?;
        let update = update(&message).map_err(error::invalid)?;
        let reply = self.0.update_organisation(&ctx, &call, update).await?;
        answer(reply, |row| updated(&row))
    }

    async fn register_practitioner(
        &self,
        request: Request<wire::RegisterPractitionerRequest>,
    ) -> Result<Response<wire::RegisterPractitionerResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.OrganisationService/RegisterPractitioner";
        let call =
            Call::new(&ctx.caller, method, &message, |row| employed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("practitioner", message.practitioner.as_ref())
            .and_then(|practitioner| new_practitioner(practitioner).map_err(|wrong| wrong.within("practitioner")))
            .map_err(error::invalid)?;
        let reply = self.0.register_practitioner(&ctx, &call, new).await?;
        answer(reply, |row| employed(&row))
    }

    async fn get_practitioner(
        &self,
        request: Request<wire::GetPractitionerRequest>,
    ) -> Result<Response<wire::GetPractitionerResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("practitioner_id", &request.get_ref().practitioner_id).map_err(error::invalid)?;
        let practitioner = self.0.get_practitioner(&ctx, id).await?;
        Ok(Response::new(wire::GetPractitionerResponse { practitioner: Some(to_practitioner(&practitioner)) }))
    }
}

fn registered(organisation: &Permitted<Organisation>) -> wire::RegisterOrganisationResponse {
    wire::RegisterOrganisationResponse { organisation: Some(to_organisation(organisation)) }
}

fn updated(organisation: &Permitted<Organisation>) -> wire::UpdateOrganisationResponse {
    wire::UpdateOrganisationResponse { organisation: Some(to_organisation(organisation)) }
}

fn employed(practitioner: &Permitted<Practitioner>) -> wire::RegisterPractitionerResponse {
    wire::RegisterPractitionerResponse { practitioner: Some(to_practitioner(practitioner)) }
}

fn new_organisation(message: &wire::Organisation) -> Result<NewOrganisation, IdentityError> {
    let parse = || -> Result<NewOrganisation, IdentityError> {
        Ok(NewOrganisation {
            id: convert::optional_id("organisation_id", &message.organisation_id)?
                .unwrap_or_else(OrganisationId::generate),
            kind: said("kind", optional_kind("kind", message.kind)?)?,
            name: convert::text("name", &message.name, 200)?,
            credit_code: credit_code(&message.credit_code)?,
            tier: convert::optional_tier("tier", message.tier)?,
            region_code: convert::region("region_code", &message.region_code)?,
            place: message.place.as_ref().map(|place| convert::place("place", Some(place))).transpose()?,
            designated: designated(message)?,
            departments: departments(&message.departments)?,
            campuses: campuses(&message.campuses)?,
        })
    };
    parse().map_err(|refusal| match refusal {
        IdentityError::Field(wrong) => wrong.within("organisation").into(),
        other => other,
    })
}

/// First and last day of what registration says; later contracts are made for one kind of care each.
fn designated(message: &wire::Organisation) -> Result<Option<(NaiveDate, Option<NaiveDate>)>, FieldError> {
    let from = convert::optional_date("designated_from", message.designated_from.as_ref())?;
    let until = convert::optional_date("designated_until", message.designated_until.as_ref())?;
    match (from, until) {
        (None, Some(_)) => Err(FieldError::new("designated_from", "is required with designated_until")),
        (Some(from), Some(until)) if until < from => {
            Err(FieldError::new("designated_until", "must not be before designated_from"))
        }
        (from, until) => Ok(from.map(|from| (from, until))),
    }
}

fn credit_code(value: &str) -> Result<CreditCode, IdentityError> {
    if value.is_empty() {
        return Err(FieldError::new("credit_code", "is required").into());
    }
    Ok(CreditCode::parse(value)?)
}

/// Only what the mask names is looked at.
fn update(message: &wire::UpdateOrganisationRequest) -> Result<OrganisationUpdate, FieldError> {
    let new = convert::required("organisation", message.organisation.as_ref())?;
    let mask = convert::required("update_mask", message.update_mask.as_ref())?;
    let id = convert::id("organisation_id", &new.organisation_id).map_err(|wrong| wrong.within("organisation"))?;
    if mask.paths.is_empty() {
        return Err(FieldError::new("update_mask", "must name a field"));
    }
    let mut change = Change::default();
    for path in &mask.paths {
        read(new, path, &mut change)?;
    }
    Ok(OrganisationUpdate { id, revision: new.revision, change })
}

fn read(new: &wire::Organisation, path: &str, change: &mut Change) -> Result<(), FieldError> {
    let within = |wrong: FieldError| wrong.within("organisation");
    let place = || new.place.as_ref().map(|place| convert::place("place", Some(place))).transpose();
    match path {
        "name" => change.name = Some(convert::text("name", &new.name, 200).map_err(within)?),
        "tier" => change.tier = Some(convert::optional_tier("tier", new.tier).map_err(within)?),
        "region_code" => {
            change.region_code = Some(convert::region("region_code", &new.region_code).map_err(within)?);
        }
        "place" => change.place = Some(place().map_err(within)?),
        "campuses" => change.campuses = Some(campuses(&new.campuses).map_err(within)?),
        "departments" => change.departments = Some(departments(&new.departments).map_err(within)?),
        _ => return Err(FieldError::new("update_mask", format!("{path:?} cannot be changed"))),
    }
    Ok(())
}

fn departments(messages: &[wire::Department]) -> Result<Vec<Department>, FieldError> {
    let numbered = at_most("departments", DEPARTMENTS_MAX, messages.iter().enumerate())?;
    numbered.map(|(i, row)| department(row).map_err(|wrong| wrong.within(&format!("departments[{i}]")))).collect()
}

fn campuses(messages: &[wire::Campus]) -> Result<Vec<Campus>, FieldError> {
    let numbered = at_most("campuses", CAMPUSES_MAX, messages.iter().enumerate())?;
    numbered.map(|(i, row)| campus(row).map_err(|wrong| wrong.within(&format!("campuses[{i}]")))).collect()
}

fn campus(message: &wire::Campus) -> Result<Campus, FieldError> {
    let place = convert::place("place", message.place.as_ref())?;
    Ok(Campus {
        name: convert::text("name", &message.name, 100)?,
        region_code: convert::region("region_code", &message.region_code)?,
        latitude: place.latitude,
        longitude: place.longitude,
    })
}

fn department(message: &wire::Department) -> Result<Department, FieldError> {
    let capabilities = at_most("capabilities", CAPABILITIES_MAX, message.capabilities.iter().enumerate())?;
    Ok(Department {
        id: convert::optional_id("department_id", &message.department_id)?.unwrap_or_else(DepartmentId::generate),
        code: convert::text("code", &message.code, 20)?,
        name: convert::text("name", &message.name, 100)?,
        capabilities: capabilities
            .map(|(i, prefix)| convert::icd10_prefix(&format!("capabilities[{i}]"), prefix))
            .collect::<Result<_, _>>()?,
    })
}

fn at_most<I: ExactSizeIterator>(field: &str, length_max: usize, items: I) -> Result<I, FieldError> {
    if items.len() > length_max {
        return Err(FieldError::new(field, format!("must be at most {length_max}")));
    }
    Ok(items)
}

fn filter(message: &wire::ListOrganisationsRequest) -> Result<Filter, FieldError> {
    let capability = Some(message.capability.as_str()).filter(|code| !code.is_empty());
    Ok(Filter {
        kind: optional_kind("kind", message.kind)?,
        tier: convert::optional_tier("tier", message.tier)?,
        capability: capability.map(|code| convert::icd10_prefix("capability", code)).transpose()?,
        region_code: match message.region_code.as_str() {
            "" => None,
            code => Some(convert::region("region_code", code)?),
        },
        alliance: convert::optional_id("alliance_id", &message.alliance_id)?,
    })
}

fn new_practitioner(message: &wire::Practitioner) -> Result<NewPractitioner, FieldError> {
    let departments = at_most("department_ids", DEPARTMENTS_MAX, message.department_ids.iter().enumerate())?;
    let departments: Result<BTreeSet<DepartmentId>, _> =
        departments.map(|(i, id)| convert::id(&format!("department_ids[{i}]"), id)).collect();
    Ok(NewPractitioner {
        id: convert::optional_id("practitioner_id", &message.practitioner_id)?.unwrap_or_else(PractitionerId::generate),
        organisation: convert::id("organisation_id", &message.organisation_id)?,
        name: convert::text("name", &message.name, 100)?,
        title: convert::optional_text("title", &message.title, 100)?,
        departments: departments?,
    })
}
