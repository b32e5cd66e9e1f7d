//! `anjia export`: everything the five services have about one person, for the person: JSON for programs, a page to read.

mod page;
mod words;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use chassis::Context;
use chassis::channel::Channel;
use devstack::{MeshRecord, SERVICES, callers};
use proto::anjia::common::v1::{ExportPage, ExportRequest};
use serde_json::{Value, json};
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;

use crate::{Root, login, print, refused};

const PAGE_SIZE: i32 = 200;

/// Gather everything the services of the running mesh have about one person.
///
/// Writes one JSON file for each service and `index.html` to read them by, in Chinese and English, for nobody's eyes but your own
/// account's. Each page that is read leaves an entry in the audit of its service.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The person.
    resident: ResidentId,
    /// Folder to write into; made if it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Who asks: the person themself, or an operator, as `anjia token` knows them.
    #[arg(long = "as", default_value = "operator", value_name = "CALLER")]
    caller: String,
    /// Why; only the person themself need not say it.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    root: Root,
}

/// What one service has.
pub(crate) struct Section {
    pub(crate) service: &'static str,
    pub(crate) tables: Vec<Table>,
}

/// The rows of one table.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) title_zh: String,
    pub(crate) title_en: String,
    pub(crate) rule: String,
    pub(crate) rows: Vec<Value>,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    ensure!(!args.reason.trim().is_empty() || is_person(&args.caller), "an operator says why, with `--reason`");
    let sections = gather(&record, args).await?;
    ensure!(is_known(&sections), "nothing is known of {}: no such resident", args.resident);
    write(&args.out, args.resident, &sections)?;
    let rows: usize = sections.iter().flat_map(|section| &section.tables).map(|table| table.rows.len()).sum();
    print(&format!("{rows} rows of {} services: {}", sections.len(), args.out.join("index.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Who asks for their own data says no reason.
fn is_person(caller: &str) -> bool {
    callers::people().iter().any(|person| person.client_id == caller && person.is_resident())
}

/// Identity has everybody, also who was erased; what else is there may be no more than who asked.
fn is_known(sections: &[Section]) -> bool {
    sections.iter().flat_map(|section| &section.tables).any(|table| table.name == "residents")
}

async fn gather(record: &MeshRecord, args: &Args) -> Result<Vec<Section>> {
    let (everybody, context) = login::context(record, &args.caller, None).await?;
    let mut sections = vec![];
    for service in SERVICES {
        let url = &record.services.get(service).context("it is not up")?.url;
        let channel = everybody.channel(service, url)?;
        let tables = tables(service, &channel, &context, args).await.with_context(|| format!("asking {service}"))?;
        sections.push(Section { service, tables });
    }
    Ok(sections)
}

async fn tables(service: &str, channel: &Channel, context: &Context, args: &Args) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = vec![];
    let mut page_token = String::new();
    loop {
        let asked = ExportRequest {
            resident_id: args.resident.to_string(),
            reason: args.reason.clone(),
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = ask(service, channel, context, asked).await?;
        for row in page.rows {
            if tables.last().is_none_or(|table| table.name != row.table) {
                let (title_zh, title_en, rule) = (row.title_zh, row.title_en, row.retention_rule);
                tables.push(Table { name: row.table, title_zh, title_en, rule, rows: vec![] });
            }
            let value = serde_json::from_str(&row.json).context("a row is not JSON")?;
            tables.last_mut().context("a row without a table")?.rows.push(value);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(tables);
        }
    }
}

/// The same question in the words of each package.
async fn ask(service: &str, channel: &Channel, context: &Context, asked: ExportRequest) -> Result<ExportPage> {
    macro_rules! of {
        ($($name:ident),+) => {
            match service {
                $(stringify!($name) => {
                    use proto::anjia::$name::v1::{ExportResidentRequest, privacy_service_client::PrivacyServiceClient};
                    let request = context.request(ExportResidentRequest { export: Some(asked) });
                    PrivacyServiceClient::new(channel.clone()).export_resident(request).await.map(|answer| answer.into_inner().page)
                })+
                _ => return Err(anyhow!("nobody knows {service}")),
            }
        };
    }
    let answered = of!(identity, scheduling, adjudication, payment, referral);
    let page = answered.map_err(|status| refused(&status))?;
    page.context("an answer without a page")
}

fn write(folder: &Path, resident: ResidentId, sections: &[Section]) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    for section in sections {
        let tables: Vec<Value> = section
            .tables
            .iter()
            .map(|table| json!({ "table": table.name, "title_zh": table.title_zh, "title_en": table.title_en, "rows": table.rows }))
            .collect();
        let text = serde_json::to_vec_pretty(
            &json!({ "service": section.service, "resident_id": resident, "tables": tables }),
        )?;
        keep(&folder.join(format!("{}.json", section.service)), &text)?;
    }
    let html = page::render(resident, sections, SystemClock.now());
    keep(&folder.join("index.html"), html.as_bytes())
}

/// For nobody else to read.
fn keep(path: &Path, text: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(file.write_all(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_08_an_export_is_for_ones_own_account_and_reads_in_two_languages() {
        use std::os::unix::fs::PermissionsExt as _;
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("export");
        let row = json!({
            "name": "陈桂英<script>", "registered_at": "2026-03-01T04:05:06+00:00", "retired": true, "mobile": null,
            "diagnoses": [{ "code": "I25.103", "name": "冠心病" }],
        });
        let table = Table {
            name: "residents".to_owned(),
            title_zh: "身份".to_owned(),
            title_en: "Who you are".to_owned(),
            rule: "identity".to_owned(),
            rows: vec![row],
        };
        write(&folder, ResidentId::generate(), &[Section { service: "identity", tables: vec![table] }]).unwrap();
        let html = fs::read_to_string(folder.join("index.html")).unwrap();
        for shown in ["陈桂英&lt;script&gt;", "2026-03-01 12:05", "是 yes", "冠心病", "身份", "Who you are", "登记时间"]
        {
            assert!(html.contains(shown), "{shown}\n{html}");
        }
        assert!(!html.contains("mobile"), "what is not there is not shown");
        let json: Value = serde_json::from_slice(&fs::read(folder.join("identity.json")).unwrap()).unwrap();
        assert_eq!(json["tables"][0]["rows"][0]["diagnoses"][0]["code"], "I25.103");
        for name in ["index.html", "identity.json"] {
            assert_eq!(fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
