//! `anjia provider`: an `OpenID` provider for development, where everybody of the demonstration's town logs in by a click. It has no
//! passwords, so it serves this machine alone: it listens on loopback or not at all, answers under its own address only, and sends
//! people back to programs of this machine only. In a city the city's own provider stands in its place.
//!
//! The authorization code flow with PKCE (RFC 6749, RFC 7636 with S256) and discovery (`OpenID` Connect Core and Discovery 1.0), for one
//! public client, the app.

mod flow;
mod page;
mod signer;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use devstack::callers;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use types::clock::{Clock, SystemClock};

use flow::{Ask, Flow, Redeem, Refusal};
use signer::Signer;

/// Serve logins of the demonstration's people, on loopback only; `anjia up` starts it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; an address of loopback, or nothing is served.
    #[arg(long, value_parser = loopback)]
    listen: SocketAddr,
    /// The private key that signs (Ed25519, PKCS #8 PEM).
    #[arg(long)]
    key_file: PathBuf,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let pem =
        std::fs::read_to_string(&args.key_file).with_context(|| format!("reading {}", args.key_file.display()))?;
    let (listener, router) = bind(args.listen, &pem, Arc::new(SystemClock)).await?;
    let mut asked_to_leave = signal(SignalKind::terminate())?;
    let leave = async move {
        tokio::select! {
            _ = asked_to_leave.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(leave).await?;
    Ok(ExitCode::SUCCESS)
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must be an address and a port".to_owned())?;
    check(address).map_err(|error| error.to_string())?;
    Ok(address)
}

fn check(address: SocketAddr) -> Result<()> {
    ensure!(
        address.ip().is_loopback(),
        "the development provider knows no passwords and serves loopback only, not {address}"
    );
    Ok(())
}

/// Listens, under the issuer that follows from the address.
async fn bind(listen: SocketAddr, key_pem: &str, clock: Arc<dyn Clock>) -> Result<(TcpListener, Router)> {
    check(listen)?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let authority = listener.local_addr()?.to_string();
    let provider = Arc::new(Provider {
        issuer: format!("http://{authority}"),
        authority,
        flow: Flow::new(clock),
        signer: Signer::new(key_pem)?,
    });
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/authorize", get(choose).post(log_in))
        .route("/token", post(token))
        .layer(from_fn_with_state(Arc::clone(&provider), only_here))
        .layer(middleware::map_response(guarded))
        .with_state(provider);
    Ok((listener, router))
}

struct Provider {
    issuer: String,
    /// Address and port as callers must name them.
    authority: String,
    flow: Flow,
    signer: Signer,
}

/// A page elsewhere whose name was made to lead here asks under that name, and gets nothing.
async fn only_here(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    let asked = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if asked != Some(provider.authority.as_str()) {
        return (StatusCode::MISDIRECTED_REQUEST, "this provider is asked by its own address only").into_response();
    }
    next.run(request).await
}

async fn guarded(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-anjia-development"), "true"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Response {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "scopes_supported": ["openid"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "iss", "aud", "iat", "exp", "nonce", "jti", "roles", "resident_id"],
    }))
    .into_response()
}

async fn jwks(State(provider): State<Arc<Provider>>) -> Response {
    Json(provider.signer.jwks()).into_response()
}

/// The page that lists the people.
async fn choose(State(provider): State<Arc<Provider>>, Query(ask): Query<Ask>) -> Response {
    match provider.flow.check(&ask) {
        Ok(_) => Html(page::choice(&ask).into_string()).into_response(),
        Err(refusal) => refused(refusal),
    }
}

/// Whom the page sent.
#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    person: String,
    #[serde(flatten)]
    ask: Ask,
}

async fn log_in(State(provider): State<Arc<Provider>>, Form(choice): Form<Choice>) -> Response {
    let person = callers::people().into_iter().find(|person| person.client_id == choice.person);
    match provider.flow.begin(&choice.ask, person) {
        Ok(back) => found(&back),
        Err(refusal) => refused(refusal),
    }
}

async fn token(State(provider): State<Arc<Provider>>, Form(redeem): Form<Redeem>) -> Response {
    let token = provider.flow.redeem(&redeem).and_then(|login| {
        let claims = login.claims(&provider.issuer);
        provider.signer.sign(&claims).map_err(|_| Refusal::Token("server_error"))
    });
    match token {
        // The access token opens nothing: OAuth wants one, and there is nothing here to ask for with it.
        Ok(id_token) => Json(json!({
            "access_token": flow::secret(), "token_type": "Bearer", "expires_in": flow::LOGIN_LIFE_S, "id_token": id_token,
        }))
        .into_response(),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Here(why) => (StatusCode::BAD_REQUEST, Html(page::refusal(why).into_string())).into_response(),
        Refusal::Back(to) => found(&to),
        Refusal::Token(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
    }
}

/// 303: what follows a form is fetched.
fn found(to: &reqwest::Url) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_string())]).into_response()
}
