//! Follows adjudication: a settlement that is corrected or taken back corrects its bill; a finding withholds what its provider is paid.

use std::sync::Arc;

use chassis::telemetry;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use types::ids::{BillId, FindingId, SettlementId};
use types::money::Money;

use crate::app::App;
use crate::domain::correction::Kind;
use crate::domain::withholding::Withholding;

const CORRECTED: &str = "anjia.adjudication.settlement.corrected.v1";
const REVERSED: &str = "anjia.adjudication.settlement.reversed.v1";
const RAISED: &str = "anjia.adjudication.finding.raised.v1";
const DECIDED: &str = "anjia.adjudication.finding.decided.v1";

struct Settlements(Arc<App>);

impl Handler for Settlements {
    const KINDS: &'static [&'static str] = &[CORRECTED, REVERSED, RAISED, DECIDED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let age = (self.0.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        let span = |name| telemetry::taking_in(name, event, age);
        match event.kind.as_str() {
            CORRECTED => {
                telemetry::within(
                    span("payment.settlement_corrected"),
                    None,
                    Box::pin(self.follow(event, Kind::Corrected, inbox)),
                )
                .await
            }
            REVERSED => {
                telemetry::within(
                    span("payment.settlement_reversed"),
                    None,
                    Box::pin(self.follow(event, Kind::Reversed, inbox)),
                )
                .await
            }
            RAISED | DECIDED => {
                telemetry::within(span("payment.finding_told"), None, Box::pin(self.withhold(event, inbox))).await
            }
            _ => Ok(inbox.skip()),
        }
    }
}

impl Settlements {
    async fn follow(&self, event: &Event, kind: Kind, inbox: Inbox) -> Result<Advanced, Failure> {
        let settlement: SettlementId = event.subject.parse().map_err(Failure::refused)?;
        let bill: BillId = told(event, "bill_id")?.parse().map_err(Failure::refused)?;
        self.0.follow_settlement(inbox, event.region, (kind, settlement), bill).await
    }

    async fn withhold(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let finding: FindingId = event.subject.parse().map_err(Failure::refused)?;
        let bill: BillId = told(event, "bill_id")?.parse().map_err(Failure::refused)?;
        let settlement: SettlementId = told(event, "settlement_id")?.parse().map_err(Failure::refused)?;
        let withheld: Money = told(event, "withheld")?.parse().map_err(Failure::refused)?;
        let state = told(event, "state")?;
        let unknown = || Failure::refused(format!("a finding that is {state} and withholds {withheld}"));
        let line = event.data.get("line").and_then(serde_json::Value::as_i64).and_then(|line| i32::try_from(line).ok());
        let told = Withholding::told((finding, settlement), line, state, withheld).ok_or_else(unknown)?;
        self.0.follow_finding(inbox, event.region, (bill, told), (event.position, event.occurred_at)).await
    }
}

fn told<'a>(event: &'a Event, field: &str) -> Result<&'a str, Failure> {
    let text = event.data.get(field).and_then(serde_json::Value::as_str);
    text.ok_or_else(|| Failure::refused(format!("no {field}")))
}

/// Runs until told to stop.
pub async fn run(app: Arc<App>, adjudication: impl Source, stop: CancellationToken) {
    consumer::run(app.db.clone(), adjudication, Settlements(app), stop).await;
}
