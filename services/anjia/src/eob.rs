//! `anjia eob`: the explanation of benefits of one settlement, as JSON for programs and as a page to print.

mod page;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::{Explanation, GetExplanationRequest};
use types::ids::SettlementId;

use crate::{Root, login, print, refused};

const MESSAGE: &str = "anjia.adjudication.v1.Explanation";

/// Explain what insurance paid for one settlement, and why, to the fen.
///
/// Writes `explanation.json` and `index.html`, a page in Chinese and English that is fit to print, for nobody's eyes but your own
/// account's. Reading it leaves an entry in the audit.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The settlement.
    settlement: SettlementId,
    /// Folder to write into; made if it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Who asks: the person, or the desk of the provider whose settlement it is, as `anjia token` knows them.
    #[arg(long = "as", default_value = "hospital", value_name = "CALLER")]
    caller: String,
    #[command(flatten)]
    root: Root,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    let (everybody, context) = login::context(&record, &args.caller, None).await?;
    let url = &record.services.get("adjudication").context("it is not up")?.url;
    let request = context.request(GetExplanationRequest { settlement_id: args.settlement.to_string() });
    let answer = AdjudicationServiceClient::new(everybody.channel("adjudication", url)?).get_explanation(request).await;
    let answer = answer.map_err(|status| refused(&status))?;
    let explanation = answer.into_inner().explanation.context("an answer without an explanation")?;
    write(&args.out, &explanation)?;
    print(&args.out.join("index.html").display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, explanation: &Explanation) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    let file = |name: &str, text: &str| -> Result<()> {
        let path = folder.join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
    };
    file("explanation.json", &json(explanation)?)?;
    file("index.html", &page::render(explanation))
}

/// As the contract has it (proto3 JSON), names as they stand there.
fn json(explanation: &Explanation) -> Result<String> {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET)?;
    let kind = pool.get_message_by_name(MESSAGE).context("it is in the contracts")?;
    let message = DynamicMessage::decode(kind, explanation.encode_to_vec().as_slice())?;
    let mut written = Vec::new();
    let mut serializer = serde_json::Serializer::pretty(&mut written);
    message.serialize_with_options(&mut serializer, &SerializeOptions::new().use_proto_field_name(true))?;
    Ok(String::from_utf8(written)?)
}

#[cfg(test)]
mod tests {
    use proto::anjia::adjudication::v1::{Counterfactual, Division, ExplanationStep, Settlement, SettlementField};
    use proto::anjia::common::v1::Localized;
    use proto::google::r#type::Money;

    use super::*;

    fn explanation() -> Explanation {
        let money = |units, nanos| Some(Money { currency_code: "CNY".to_owned(), units, nanos });
        let text = |zh: &str, en: &str| Some(Localized { zh: zh.to_owned(), en: en.to_owned() });
        let step = ExplanationStep {
            rule: "DEDUCTIBLE".to_owned(),
            clause: "outpatient.deductible".to_owned(),
            amount: money(1300, 0),
            own: money(1300, 0),
            text: text("起付线<1300>", "Deductible"),
            accumulator: "DEDUCTIBLE".to_owned(),
            accumulator_before: money(0, 0),
            accumulator_after: money(1300, 0),
            ..Default::default()
        };
        Explanation {
            settlement: Some(Settlement {
                settlement_id: "s-1".to_owned(),
                policy_digest: "d1".to_owned(),
                explanation: vec![step],
                division: Some(Division {
                    total: money(1500, 0),
                    fund_total: money(180, 0),
                    person_total: money(1320, 500_000_000),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            fields: vec![SettlementField {
                code: "hifp_pay".to_owned(),
                name: text("统筹基金支出", "Pooled fund"),
                amount: money(180, 0),
                ratio: String::new(),
            }],
            counterfactual: Some(Counterfactual { text: text("少付", "less"), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn ad_04_the_explanation_is_a_page_fit_to_print_in_two_languages() {
        let page = page::render(&explanation());
        for shown in [
            "起付线&lt;1300&gt;",
            "Deductible",
            "outpatient.deductible",
            "hifp_pay",
            "1,320.50",
            "少付",
            "@media print",
        ] {
            assert!(page.contains(shown), "{shown}");
        }
        assert!(
            !page.contains("<script") && !page.contains("http"),
            "nothing runs, and nothing is loaded from elsewhere"
        );
    }

    #[test]
    fn ad_04_the_explanation_is_json_by_the_names_of_the_contract() {
        let value: serde_json::Value = serde_json::from_str(&json(&explanation()).unwrap()).unwrap();
        assert_eq!(value["settlement"]["explanation"][0]["accumulator_after"]["units"], "1300");
        assert_eq!(value["fields"][0]["code"], "hifp_pay");
    }
}
