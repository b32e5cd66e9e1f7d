//! What stands in a calendar, for those who keep it.

use chrono::TimeDelta;
use proto::anjia::common::v1::PageRequest;
use proto::anjia::scheduling::v1::{
    DeclareExceptionRequest, ExceptionScope, GetExceptionRequest, GetReleaseLadderRequest, GetTemplateRequest,
    ListExceptionsRequest, ListReleaseLaddersRequest, ListTemplatesRequest, Pool, ReleaseStep, SessionTemplate,
    SetReleaseLadderRequest,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{ExceptionId, TemplateId};

use crate::calendar::{client, create, template};
use crate::town::{Town, field, now};

fn of_clinic() -> String {
    callers::CLINIC.to_string()
}

async fn declare(town: &Town, caller: &TestCaller, scope: ExceptionScope, subject_id: String, days: i64) -> String {
    let request = DeclareExceptionRequest {
        request_id: request_id(),
        scope: scope.into(),
        subject_id,
        since: Some(to_timestamp(now() + TimeDelta::days(days))),
        until: Some(to_timestamp(now() + TimeDelta::days(days + 1))),
        reason: "leave".to_owned(),
    };
    client(town).declare_exception(caller.request(request).await).await.unwrap().into_inner().exception_id
}

async fn get_template(town: &Town, caller: &TestCaller, id: &str) -> Result<SessionTemplate, Status> {
    let request = GetTemplateRequest { template_id: id.to_owned() };
    Ok(client(town).get_template(caller.request(request).await).await?.into_inner().template.unwrap())
}

async fn exceptions(town: &Town, caller: &TestCaller, request: ListExceptionsRequest) -> Result<Vec<String>, Status> {
    let listed = client(town).list_exceptions(caller.request(request).await).await?.into_inner();
    Ok(listed.exceptions.into_iter().map(|exception| exception.exception_id).collect())
}

#[tokio::test]
async fn sc_01_templates_are_seen_by_their_provider_page_by_page() {
    let town = Town::new().await;
    let first = create(&town, template()).await.unwrap();
    let second = create(&town, SessionTemplate { practitioner_id: String::new(), ..template() }).await.unwrap();
    assert_eq!(get_template(&town, &town.clinic, &first.template_id).await.unwrap(), first);
    let list = async |page_size, page_token: &str| {
        let page = Some(PageRequest { page_size, page_token: page_token.to_owned() });
        let request = ListTemplatesRequest { provider_organisation_id: of_clinic(), page };
        client(&town).list_templates(town.clinic.request(request).await).await.unwrap().into_inner()
    };
    let page = list(1, "").await;
    assert_eq!(page.templates, std::slice::from_ref(&first));
    let rest = list(1, &page.next_page_token).await;
    assert_eq!((rest.templates.as_slice(), rest.next_page_token.as_str()), (&[second][..], ""));

    let refusal = get_template(&town, &town.hospital, &first.template_id).await.unwrap_err();
    assert_ne!(refusal.code(), Code::Ok, "not the hospital's");
    let refusal = get_template(&town, &town.clinic, &TemplateId::generate().to_string()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "TEMPLATE_NOT_FOUND".to_owned()));
    let refusal = get_template(&town, &town.clinic, "x").await.unwrap_err();
    assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, "template_id"));
}

#[tokio::test]
async fn sc_01_what_stands_against_a_calendar_is_seen_whatever_it_is_about() {
    let town = Town::new().await;
    let template = create(&town, template()).await.unwrap();
    let ids = [
        declare(&town, &town.clinic, ExceptionScope::Template, template.template_id, 10).await,
        declare(&town, &town.clinic, ExceptionScope::Practitioner, callers::DOCTOR.to_string(), 20).await,
        declare(&town, &town.clinic, ExceptionScope::Organisation, of_clinic(), 30).await,
        declare(&town, &town.mesh.caller("operator"), ExceptionScope::Region, String::new(), 40).await,
    ];
    let of = |provider: uuid::Uuid| ListExceptionsRequest {
        provider_organisation_id: provider.to_string(),
        ..ListExceptionsRequest::default()
    };
    let clinics = of(callers::CLINIC);
    assert_eq!(exceptions(&town, &town.clinic, clinics.clone()).await.unwrap(), ids);
    assert_eq!(
        exceptions(&town, &town.hospital, of(callers::HOSPITAL)).await.unwrap(),
        ids[3..],
        "the region's is everybody's"
    );
    assert!(exceptions(&town, &town.hospital, clinics.clone()).await.is_err());
    let days = |from, until| ListExceptionsRequest {
        from: Some(to_timestamp(now() + TimeDelta::days(from))),
        until: Some(to_timestamp(now() + TimeDelta::days(until))),
        ..clinics.clone()
    };
    assert_eq!(exceptions(&town, &town.clinic, days(15, 35)).await.unwrap(), ids[1..3]);

    let get = async |caller: &TestCaller, id: &str| {
        let request = GetExceptionRequest { exception_id: id.to_owned() };
        client(&town).get_exception(caller.request(request).await).await.map(|answer| answer.into_inner().exception)
    };
    let leave = get(&town.clinic, &ids[1]).await.unwrap().unwrap();
    assert_eq!((leave.scope(), leave.subject_id), (ExceptionScope::Practitioner, callers::DOCTOR.to_string()));
    assert_eq!(get(&town.hospital, &ids[3]).await.unwrap().unwrap().scope(), ExceptionScope::Region);
    assert!(get(&town.hospital, &ids[1]).await.is_err());
    let refusal = get(&town.clinic, &ExceptionId::generate().to_string()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "EXCEPTION_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn sc_02_a_ladder_is_seen_as_it_was_set() {
    let town = Town::new().await;
    let get = async |caller: &TestCaller| {
        let request = GetReleaseLadderRequest { provider_organisation_id: of_clinic(), ..Default::default() };
        Ok::<_, Status>(
            client(&town).get_release_ladder(caller.request(request).await).await?.into_inner().ladder.unwrap(),
        )
    };
    assert!(get(&town.clinic).await.unwrap().steps.is_empty(), "nothing was set");
    let steps = vec![ReleaseStep { pool: Pool::Referral.into(), hours_before: 24, keep_percent: 50 }];
    let set = SetReleaseLadderRequest {
        request_id: request_id(),
        provider_organisation_id: of_clinic(),
        steps: steps.clone(),
        ..Default::default()
    };
    client(&town).set_release_ladder(town.clinic.request(set).await).await.unwrap();
    assert_eq!(get(&town.clinic).await.unwrap().steps, steps);
    assert!(get(&town.hospital).await.is_err());
    let request = ListReleaseLaddersRequest { provider_organisation_id: of_clinic(), page: None };
    let listed = client(&town).list_release_ladders(town.clinic.request(request).await).await.unwrap().into_inner();
    assert_eq!(listed.ladders, [get(&town.clinic).await.unwrap()]);
}
