use proto::anjia::referral::v1::{GetReferralRequest, Mandate, PaymentArrangement, SubmitReferralRequest};
use testkit::reason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::{World, desk, referral};

fn field(status: &Status) -> String {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    status.get_details_bad_request().unwrap().field_violations[0].field.clone()
}

#[tokio::test]
async fn rf_01_a_wrong_field_is_named() {
    let world = World::start().await;
    let resident = world.caller("resident");
    let with = |change: fn(&mut SubmitReferralRequest)| {
        let mut message = referral(desk());
        change(&mut message);
        message
    };
    for (expected, message) in [
        ("request_id", with(|message| message.request_id.clear())),
        ("resident_id", with(|message| message.resident_id = "x".to_owned())),
        ("direction", with(|message| message.direction = 0)),
        ("kind", with(|message| message.kind = 99)),
        ("from_organisation_id", with(|message| message.from_organisation_id.clear())),
        ("to_organisation_id", with(|message| message.to_organisation_id = message.from_organisation_id.clone())),
        ("diagnoses", with(|message| message.diagnoses.clear())),
        ("diagnoses[0].icd10_code", with(|message| message.diagnoses[0].icd10_code = "heart".to_owned())),
        ("urgency", with(|message| message.urgency = 0)),
        ("clinical_summary", with(|message| message.clinical_summary = "长".repeat(4_001))),
        ("mandate", with(|message| message.mandate = None)),
        ("mandate.payment", with(|message| message.mandate = Some(Mandate::default()))),
        (
            "mandate.credit_line_id",
            with(|message| {
                message.mandate = Some(Mandate { payment: PaymentArrangement::Credit.into(), ..Mandate::default() });
            }),
        ),
        ("journey_id", with(|message| message.journey_id = "j".to_owned())),
    ] {
        assert_eq!(field(&world.submit(&resident, message).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn id_07_nobody_in_particular_is_refused() {
    let world = World::start().await;
    let message = GetReferralRequest { referral_id: uuid::Uuid::now_v7().to_string() };
    let nobody = world.referrals().get_referral(tonic::Request::new(message.clone())).await.unwrap_err();
    assert_eq!((nobody.code(), reason(&nobody).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
    let bank = world.referrals().get_referral(world.caller("bank").request(message).await).await.unwrap_err();
    assert_eq!((bank.code(), reason(&bank).as_str()), (Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
}
