//! What a provider's calendar is made of, which nothing else in the matrix needs.

use serde_json::json;
use uuid::Uuid;

use super::facts::{Story, date, facts, moment, text, today};
use super::requests::Facts;

/// Long after anything that happens here.
const FAR_MINUTES: i64 = 200 * 24 * 60;

impl Story<'_> {
    /// A session that nobody needs, a surge, and what a calendar is made of.
    pub(super) async fn calendar(&self, desk: char, organisation: Uuid) -> Facts {
        let (from, until) = (moment(FAR_MINUTES), moment(FAR_MINUTES + 120));
        let session = json!({
            "session_id": Uuid::now_v7(), "provider_organisation_id": organisation, "kinds": ["CARE_KIND_OUTPATIENT"],
            "starts_at": from, "ends_at": until, "slot_length_minutes": 30, "pools": [{ "pool": "POOL_PUBLIC", "places": 1 }],
        });
        self.does(desk, "scheduling.SessionService/PublishSessions", json!({ "sessions": [session] })).await;
        let name = format!("s{}", &Uuid::now_v7().simple().to_string()[20..]);
        let surge = json!({
            "name": name, "kind": "CARE_KIND_OUTPATIENT", "provider_organisation_ids": [organisation], "starts_at": from,
            "ends_at": until, "slot_length_minutes": 60, "places": 1,
        });
        let surge = self.does('X', "scheduling.SurgeService/OpenSurge", surge).await;
        let template = json!({
            "provider_organisation_id": organisation, "weekday": 1, "from_minute": 540, "until_minute": 600,
            "kinds": ["CARE_KIND_OUTPATIENT"], "slot_length_minutes": 30, "pools": [{ "pool": "POOL_PUBLIC", "places": 1 }],
            "valid_from": date(today()),
        });
        facts(&[
            ("spare_session", session["session_id"].clone()),
            ("surge_id", json!(text(&surge, "/surge/surge_id"))),
            ("surge_name", json!(name)),
            (
                "room",
                json!({
                    "provider_organisation_id": organisation, "kind": "RESOURCE_KIND_ROOM", "name": "101",
                }),
            ),
            ("template", template),
            ("far_from", json!(from)),
            ("far_until", json!(until)),
        ])
    }
}
