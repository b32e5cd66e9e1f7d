//! The development provider of logins (`anjia provider`), as a process of the mesh: people of the town log in there and have no keys of
//! their own. It serves loopback alone, and an identity that others can reach refuses the file written here.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::callers::{self, REGION};
use crate::keys::Keys;
use crate::ports;
use crate::process::{self, Launch, Lifetime, Process};
use crate::record::ProviderRecord;

const NAME: &str = "provider";
/// The program beside the services that serves it.
const PROGRAM: &str = "anjia";
const READY_PATIENCE: Duration = Duration::from_secs(10);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Provider {
    port: u16,
    process: Option<Process>,
}

impl Provider {
    /// On the port it has under this root.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        Ok(Self { port: ports::usual(root, NAME)?, process: None })
    }

    /// The `iss` of its tokens, and where its discovery document lies.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Writes for identity's `FEDERATION_FILE` that this provider is trusted, and with what.
    pub(crate) fn write_federation(&self, file: &Path) -> Result<()> {
        let issuer = self.issuer();
        let app = callers::app();
        let roles: Vec<String> = app.exchanges.iter().map(|role| format!("{role} = \"{role}\"")).collect();
        let text = format!(
            "# Written by `anjia up`: people log in at the development provider of this mesh.\n\
             [[provider]]\nname = \"development\"\nissuer = \"{issuer}\"\naudiences = [\"{app}\"]\nclients = [\"{app}\"]\n\
             jwks_url = \"{issuer}/jwks\"\nkeys_fresh_s = 60\nregion = \"{REGION}\"\ndevelopment = true\n\
             claims = {{ resident_id = \"resident_id\", roles = \"roles\" }}\n\n[provider.roles]\n{roles}\n",
            app = app.client_id,
            roles = roles.join("\n"),
        );
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }

    /// Starts it and returns when it takes connections.
    pub(crate) async fn start(&mut self, keys: &Keys, binaries: &Path, log: PathBuf, lifetime: Lifetime) -> Result<()> {
        let listen = format!("{}:{}", Ipv4Addr::LOCALHOST, self.port);
        let key = keys.private(NAME)?;
        let mut process = Process::spawn(Launch {
            name: NAME,
            program: &binaries.join(PROGRAM),
            args: ["provider".into(), "--listen".into(), listen.into(), "--key-file".into(), key.into()].into(),
            env: vec![],
            log: &log,
            account: None,
            lifetime,
            last_signal: "KILL",
            scratch: None,
        })?;
        let asked_at = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            process.check()?;
            if asked_at.elapsed() > READY_PATIENCE {
                bail!("the provider does not answer\n{}", process::tail(&log));
            }
            tokio::time::sleep(POLL).await;
        }
        // Whoever answered was ours.
        process.check()?;
        self.process = Some(process);
        Ok(())
    }

    pub(crate) fn record(&self) -> ProviderRecord {
        ProviderRecord { issuer: self.issuer(), process: self.process.as_ref().map(|process| process.record().clone()) }
    }

    pub(crate) fn release(&mut self) {
        self.process.iter_mut().for_each(Process::release);
    }

    pub(crate) async fn stop(self) -> Result<()> {
        match self.process {
            Some(process) => process.stop(Signal::TERM, STOP_PATIENCE).await,
            None => Ok(()),
        }
    }
}
