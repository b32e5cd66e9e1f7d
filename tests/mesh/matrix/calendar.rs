//! What a provider's calendar is made of, which nothing else in the matrix needs.

use chrono::Days;
use serde_json::json;
use uuid::Uuid;

use super::facts::{Story, date, facts, moment, text, today};
use super::requests::Facts;

/// Long after anything that happens here.
const FAR_MINUTES: i64 = 200 * 24 * 60;
const LEAVE_MINUTES: i64 = 2 * FAR_MINUTES;

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
        // These make nothing and stop nothing here.
        let mut later = template.clone();
        later["valid_from"] = json!(date(today() + Days::new(300)));
        let made = self.does(desk, "scheduling.CalendarService/CreateTemplate", json!({ "template": later })).await;
        let leave = json!({
            "scope": "EXCEPTION_SCOPE_ORGANISATION", "subject_id": organisation, "since": moment(LEAVE_MINUTES),
            "until": moment(LEAVE_MINUTES + 60), "reason": "moving",
        });
        let declared = self.does(desk, "scheduling.CalendarService/DeclareException", leave).await;
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
            ("template_id", json!(text(&made, "/template/template_id"))),
            ("exception_id", json!(text(&declared, "/exception_id"))),
            ("far_from", json!(from)),
            ("far_until", json!(until)),
        ])
    }
}
