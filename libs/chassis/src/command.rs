//! The command line of a service's binary: without a command it serves.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use types::setting::BadSetting;

use crate::channel::InvalidPeer;

/// A setting cannot be used, as when the command line cannot be parsed.
const EXIT_SETTING: u8 = 2;

/// Parses the process's arguments; `serve` where no command is named, so that a container needs none.
pub fn parse<C: clap::Parser>() -> C {
    let parsed = C::try_parse_from(with_default::<C>(std::env::args_os().collect()));
    parsed.unwrap_or_else(|error| without_url(error).exit())
}

/// The refusal of a setting, without the URL that stood in it: it may hold a password.
fn without_url(mut error: clap::Error) -> clap::Error {
    let is_url = |value: &ContextValue| matches!(value, ContextValue::String(text) if text.contains("://"));
    if error.get(ContextKind::InvalidValue).is_some_and(is_url) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("[a URL]".to_owned()));
    }
    error
}

/// Runs a command that ends by itself, such as `migrate`.
pub fn once<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// How the process ends: 0 as asked, 2 where a setting cannot be used, which it names, 1 for whatever else kept it from its work.
pub fn exit(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if error.chain().any(|cause| cause.is::<BadSetting>() || cause.is::<InvalidPeer>()) {
        eprintln!("error: {error}");
        return ExitCode::from(EXIT_SETTING);
    }
    eprintln!("error: {error:?}");
    ExitCode::FAILURE
}

fn with_default<C: clap::CommandFactory>(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = arguments.get(1).map(OsString::as_os_str);
    let names_a_command = |word: &OsStr| {
        let asks_for_help = ["help", "-h", "--help", "-V", "--version"].iter().any(|help| word == *help);
        asks_for_help || C::command().find_subcommand(word).is_some()
    };
    if !first.is_some_and(names_a_command) {
        arguments.insert(arguments.len().min(1), "serve".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_setting_is_told_from_other_failures_wherever_it_was_found() {
        let code = |error: anyhow::Error| format!("{:?}", exit(Err(error)));
        let bad = || BadSetting::new("PORT", "no number");
        let settings = format!("{:?}", ExitCode::from(EXIT_SETTING));
        assert_eq!(code(bad().into()), settings);
        assert_eq!(code(postgres::Error::from(bad()).into()), settings);
        assert_eq!(code(crate::server::ServeError::from(bad()).into()), settings);
        assert_eq!(code(InvalidPeer::PlainText.into()), settings);
        assert_eq!(code(anyhow::anyhow!("the database is away")), format!("{:?}", ExitCode::FAILURE));
        assert_eq!(format!("{:?}", exit(Ok(()))), format!("{:?}", ExitCode::SUCCESS));
    }

    #[derive(Debug, clap::Parser)]
    enum Command {
        Serve {
            #[arg(long)]
            port: Option<u16>,
        },
        Migrate,
    }

    #[test]
    fn a_service_serves_unless_told_otherwise() {
        let parsed = |words: &[&str]| {
            let words = ["service"].iter().chain(words).map(OsString::from).collect();
            <Command as clap::Parser>::try_parse_from(with_default::<Command>(words))
        };
        assert!(matches!(parsed(&[]), Ok(Command::Serve { port: None })));
        assert!(matches!(parsed(&["--port", "1"]), Ok(Command::Serve { port: Some(1) })));
        assert!(matches!(parsed(&["serve"]), Ok(Command::Serve { .. })));
        assert!(matches!(parsed(&["migrate"]), Ok(Command::Migrate)));
        assert!(parsed(&["--help"]).is_err());
    }

    #[derive(Debug, clap::Parser)]
    struct Peers {
        #[arg(long, value_parser = crate::channel::peer)]
        peer_url: String,
    }

    #[test]
    fn a_url_that_cannot_be_used_is_named_by_its_setting_only() {
        let parsed = |url| <Peers as clap::Parser>::try_parse_from(["service", "--peer-url", url]);
        assert_eq!(parsed("https://identity:1").unwrap().peer_url, "https://identity:1");
        for url in ["http://me:secret@identity:1", "tcp://me:secret@identity:1", "https://me:secret@identity"] {
            let told = without_url(parsed(url).unwrap_err()).to_string();
            assert!(told.contains("--peer-url") && !told.contains("secret"), "{told}");
        }
    }
}
