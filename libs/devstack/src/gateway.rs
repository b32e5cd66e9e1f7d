//! The gateway (Envoy) of a mesh: REST and gRPC from outside. Its configuration is the chart's, with the addresses of this machine.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chassis::tls::{GATEWAY, TRUST_DOMAIN};
use rustix::process::Signal;

use crate::fleet::{Fleet, SERVICES, answers};
use crate::ports;
use crate::process::{self, Launch, Lifetime, Process};
use crate::programs;
use crate::record::GatewayRecord;

const CONFIG: &str = include_str!("../../../charts/anjia/files/envoy.yaml");
const CERTIFICATE: &str = include_str!("../../../charts/anjia/files/certificate.yaml");
const AUTHORITIES: &str = include_str!("../../../charts/anjia/files/authorities.yaml");
const UNKNOWN_FIELDS: &str = include_str!("../../../charts/anjia/files/unknown_fields.lua");
const FIELDS: &str = include_str!("../../../charts/anjia/files/fields.lua");
const OPENAPI: &str = include_str!("../../../charts/anjia/files/openapi.json");
const DESCRIPTORS: &[u8] = include_bytes!("../../../charts/anjia/files/descriptors.binpb");

/// As the services' `DEADLINE_MAX_MS`.
const CALL_MAX_S: &str = "30";
const CALLS_PER_10S: &str = "300";
const BODY_MAX_BYTES: &str = "4194304";
const READY_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Gateway {
    public: u16,
    partners: u16,
    ops: u16,
    admin: u16,
    process: Option<Process>,
}

impl Gateway {
    /// On the ports it has under this root.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let usual = |what: &str| ports::usual(root, &format!("{GATEWAY}/{what}"));
        Ok(Self {
            public: usual("public")?,
            partners: usual("partners")?,
            ops: usual("ops")?,
            admin: usual("admin")?,
            process: None,
        })
    }

    /// Starts it and returns when it reaches identity.
    pub(crate) async fn start(&mut self, fleet: &Fleet, lifetime: Lifetime) -> Result<()> {
        let folder = fleet.root().join(GATEWAY);
        let config = self.write(fleet, &folder)?;
        let log = fleet.log(GATEWAY);
        let args = ["--config-path", &config.to_string_lossy(), "--disable-hot-restart", "--concurrency", "2"];
        let mut process = Process::spawn(Launch {
            name: GATEWAY,
            program: &programs::envoy()?,
            args: args.into_iter().chain(["--log-level", "warning"]).map(Into::into).collect(),
            env: vec![],
            log: &log,
            account: None,
            lifetime,
            last_signal: "KILL",
            scratch: None,
        })?;
        let asked_at = Instant::now();
        while !answers(self.ops, "/v1/keys").await {
            process.check()?;
            if asked_at.elapsed() > READY_PATIENCE {
                bail!("the gateway is not ready after {} s\n{}", READY_PATIENCE.as_secs(), process::tail(&log));
            }
            tokio::time::sleep(POLL).await;
        }
        // Whoever answered was ours.
        process.check()?;
        self.process = Some(process);
        Ok(())
    }

    pub(crate) fn record(&self) -> GatewayRecord {
        let https = |port: u16| format!("https://{}:{port}", Ipv4Addr::LOCALHOST);
        GatewayRecord {
            url: https(self.public),
            partners_url: https(self.partners),
            ops_url: format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.ops),
            process: self.process.as_ref().map(|process| process.record().clone()),
        }
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

    /// Writes what Envoy reads, and says where its configuration lies.
    fn write(&self, fleet: &Fleet, folder: &Path) -> Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let certificates = fleet.keys().certificates();
        let (certificate, ca) = (certificates.of(GATEWAY)?, certificates.ca()?);
        let of = |name: &str, file: &Path, roles: &[&str]| -> Result<Vec<(String, String)>> {
            let lies_in = file.parent().context("a file lies in a folder")?.display().to_string();
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let roles = roles.iter().map(|role| ((*role).to_owned(), file.clone()));
            Ok([("NAME".to_owned(), name.to_owned()), ("FOLDER".to_owned(), lies_in)]
                .into_iter()
                .chain(roles)
                .collect())
        };
        for name in ["own", "shown"] {
            let values = of(name, &certificate, &["CERTIFICATE", "KEY"])?;
            fs::write(folder.join(format!("secrets-{name}.yaml")), filled(CERTIFICATE, &values)?)?;
        }
        for name in ["mesh", "callers"] {
            fs::write(folder.join(format!("secrets-{name}.yaml")), filled(AUTHORITIES, &of(name, &ca, &["CA"])?)?)?;
        }
        let values = self.values(fleet, folder)?;
        fs::write(folder.join("unknown_fields.lua"), filled(UNKNOWN_FIELDS, &values)?)?;
        fs::write(folder.join("fields.lua"), FIELDS)?;
        fs::write(folder.join("openapi.json"), OPENAPI)?;
        fs::write(folder.join("descriptors.binpb"), DESCRIPTORS)?;
        let config = folder.join("envoy.yaml");
        fs::write(&config, filled(CONFIG, &values)?)?;
        Ok(config)
    }

    fn values(&self, fleet: &Fleet, folder: &Path) -> Result<Vec<(String, String)>> {
        let own = [
            ("LISTEN", Ipv4Addr::LOCALHOST.to_string()),
            ("PUBLIC_PORT", self.public.to_string()),
            ("PARTNER_PORT", self.partners.to_string()),
            ("OPS_PORT", self.ops.to_string()),
            ("ADMIN_PORT", self.admin.to_string()),
            ("FILES", folder.display().to_string()),
            ("TRUST_DOMAIN", TRUST_DOMAIN.to_owned()),
            ("CALL_MAX_S", CALL_MAX_S.to_owned()),
            ("CALLS_PER_10S", CALLS_PER_10S.to_owned()),
            ("BODY_MAX_BYTES", BODY_MAX_BYTES.to_owned()),
        ];
        let mut values: Vec<_> = own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for service in SERVICES {
            let url = fleet.url(service)?;
            let (host, port) = url
                .strip_prefix("https://")
                .and_then(|address| address.rsplit_once(':'))
                .with_context(|| format!("{url} has no host and port"))?;
            values.push((format!("{}_HOST", service.to_uppercase()), host.to_owned()));
            values.push((format!("{}_PORT", service.to_uppercase()), port.to_owned()));
        }
        Ok(values)
    }
}

/// A template of the chart with these values; as Helm, it does no more than put them in.
fn filled(template: &str, values: &[(String, String)]) -> Result<String> {
    let text =
        values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    let left = text.lines().find(|line| line.contains("${"));
    ensure!(left.is_none(), "nobody fills in: {}", left.unwrap_or_default().trim());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_fills_in_is_told() {
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(filled("a: ${A}/${A}", &[value("A", "1")]).unwrap(), "a: 1/1");
        let error = filled("a: ${A}\n b: ${B}", &[value("A", "1")]).unwrap_err().to_string();
        assert!(error.contains("b: ${B}"), "{error}");
    }
}
