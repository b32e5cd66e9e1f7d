use postgres::audit::{self, Entry};
use postgres::consumer::{Advanced, Failure, Inbox};
use postgres::events::Event;
use postgres::{Scope, Transaction};
use types::ids::ReferralId;
use types::mandate::Work;
use uuid::Uuid;

use super::App;
use super::end_mandate::work_ended;
use crate::domain::care::{self, Change};
use crate::store::care_relations;

impl App {
    /// Takes in what scheduling or referral tells: a visit or a referral opens the resident to its providers, its end closes it, and ends
    /// what was mandated for it.
    pub async fn follow_care(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let Some(change) = read(event)? else { return Ok(inbox.skip()) };
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        take_in(&mut tx, event, change).await?;
        inbox.commit(tx).await.map_err(Failure::from)
    }
}

async fn take_in(tx: &mut Transaction, event: &Event, change: Change) -> Result<(), postgres::Error> {
    let by_itself = |action| Entry::by_service("identity", action);
    match change {
        Change::Opened(relations) => {
            for relation in relations {
                if let Some(id) = care_relations::open(tx, event.region, &relation, event.occurred_at).await? {
                    let entry = by_itself("identity.care_relation.open");
                    audit::record(tx, care_relations::audited(entry, id, relation.resident)).await?;
                }
            }
        }
        Change::Closed { kind, source } => {
            for (id, resident) in care_relations::close(tx, kind, source, event.occurred_at).await? {
                let entry = by_itself("identity.care_relation.close");
                audit::record(tx, care_relations::audited(entry, id, resident)).await?;
            }
            if kind == care::Kind::Referral {
                work_ended(tx, Work::Referral(ReferralId::from_uuid(source)), event.occurred_at).await?;
            }
        }
    }
    Ok(())
}

fn read(event: &Event) -> Result<Option<Change>, Failure> {
    let source = || event.subject.parse::<Uuid>().map_err(|_| Failure::refused("the subject is no id"));
    match event.kind.as_str() {
        "anjia.scheduling.visit.opened.v1" | "anjia.scheduling.visit.ended.v1" => {
            let ended = event.kind.contains("ended");
            let (resident, provider) = (id(event, "resident_id")?, id(event, "provider_organisation_id")?);
            Ok(Some(care::visited(source()?, resident, provider, ended)))
        }
        kind if kind.starts_with("anjia.referral.referral.") => {
            let sides = [id(event, "from_organisation_id")?, id(event, "to_organisation_id")?];
            let state = event.data["state"].as_str().ok_or_else(|| Failure::refused("no `state`"))?;
            Ok(Some(care::referred(source()?, id(event, "resident_id")?, sides, state)))
        }
        _ => Ok(None),
    }
}

fn id<T: std::str::FromStr>(event: &Event, key: &str) -> Result<T, Failure> {
    let text = event.data[key].as_str().unwrap_or_default();
    text.parse().map_err(|_| Failure::refused(format!("`{key}` is no id")))
}
