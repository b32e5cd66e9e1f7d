//! `anjia token`: a token of one of the callers of a running mesh, to try the APIs by hand.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use types::ids::{DelegationId, ResidentId};

use crate::{Root, login, print};

/// Print an access token of a caller of the running mesh; it is good for five minutes.
///
/// People (worker, clinic, hospital, resident, insurer-proposer, insurer-releaser) log in at the mesh's development provider, and the app
/// exchanges their login: their token is good over a connection with the app's certificate, `keys/tls/app.pem`. A resident must be
/// registered first. Machines (bank, operator, app) prove themselves by their key under `keys/`, and their token is good over a connection
/// with their own certificate, `keys/tls/<caller>.pem`.
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
    let record = args.root.mesh()?;
    let (_, context) = login::context(&record, &args.caller, args.resident.zip(args.delegation)).await?;
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
