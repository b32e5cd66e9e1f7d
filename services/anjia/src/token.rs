//! `anjia token`: a token of one of the callers of a running mesh, to try the APIs by hand.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use devstack::{Everybody, Keys, MeshRecord};
use serde_json::json;
use types::ids::{DelegationId, ResidentId};

use crate::{Root, print};

/// Print an access token of a caller of the running mesh; it is good for five minutes, over a connection with the caller's
/// certificate, `keys/tls/<caller>.pem`.
///
/// A caller is a client with a key under the mesh's `keys/`: worker, clinic, hospital, bank, resident, operator,
/// insurer-proposer, insurer-releaser.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose token, such as `worker`.
    caller: String,
    /// The resident on whose behalf the caller acts.
    #[arg(long = "for", value_name = "RESIDENT_ID", requires = "delegation")]
    resident: Option<ResidentId>,
    /// The delegation that this rests on.
    #[arg(long, value_name = "DELEGATION_ID", requires = "resident")]
    delegation: Option<DelegationId>,
    #[command(flatten)]
    root: Root,
    /// Print token and expiry as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let root = std::path::absolute(&args.root.root)?;
    let record = MeshRecord::load(&root)?
        .with_context(|| format!("no mesh is up under {}; `anjia up` starts one", root.display()))?;
    let key = record.keys.join(format!("{}.pem", args.caller));
    ensure!(is_name(&args.caller) && key.is_file(), "no caller `{}`; there are: {}", args.caller, names(&record.keys)?);

    let identity = &record.services.get("identity").context("identity is not up")?.url;
    let credentials = Everybody::new(Keys::in_folder(&record.keys)?).credentials(&args.caller, identity)?;
    let context = match (args.resident, args.delegation) {
        (Some(resident), Some(delegation)) => credentials.acting_for(resident, delegation).await,
        _ => credentials.own().await,
    };
    let context = context.map_err(|status| anyhow::anyhow!("identity gives no token: {}", status.message()))?;
    let request = context.request(());
    let bearer = request.metadata().get("authorization").context("a context without a token")?.to_str()?;
    let token = bearer.trim_start_matches("Bearer ");
    if args.json {
        print(&json!({ "access_token": token, "expires_at": context.caller.expires_at }).to_string())?;
    } else {
        print(token)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Names of clients; nothing that would lead out of the folder of keys.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn names(keys: &Path) -> Result<String> {
    let mut names: Vec<String> = std::fs::read_dir(keys)?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".pem").map(str::to_owned))
        .filter(|name| name != "token")
        .collect();
    names.sort();
    Ok(names.join(", "))
}
