//! The gateway (Envoy) of a mesh: REST and gRPC from outside. Its configuration is the chart's, with the addresses of this machine.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chassis::tls::{GATEWAY, TRUST_DOMAIN};
use rustix::process::Signal;
use serde::Deserialize;

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
const CONTRACTS: &str = include_str!("../../../charts/anjia/files/contracts.json");
const OPENAPI: &str = include_str!("../../../charts/anjia/files/openapi.json");
const DESCRIPTORS: &[u8] = include_bytes!("../../../charts/anjia/files/descriptors.binpb");

/// As the services have it, too, unless they are told another.
const CALL_MAX_S: u64 = 30;
const CALLS_PER_10S: &str = "300";
/// Less than as shipped: on loopback all come from one address, and a test is there sooner.
const ADDRESS_CALLS_PER_10S: &str = "1000";
const BODY_MAX_BYTES: &str = "4194304";
const READY_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Gateway {
    public: u16,
    partners: u16,
    ops: u16,
    process: Option<Process>,
}

impl Gateway {
    /// On the ports it has under this root.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let usual = |what: &str| ports::usual(root, &format!("{GATEWAY}/{what}"));
        Ok(Self { public: usual("public")?, partners: usual("partners")?, ops: usual("ops")?, process: None })
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
            args: args
                .into_iter()
                .chain(["--log-level", "warning", "--file-flush-interval-msec", "200"])
                .map(Into::into)
                .collect(),
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
        // A socket is made first and closed to others a moment later.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
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
        let values = self.values(folder, call_max_s(fleet)?)?;
        let services = services(fleet)?;
        fs::write(folder.join("unknown_fields.lua"), filled(UNKNOWN_FIELDS, &values)?)?;
        fs::write(folder.join("fields.lua"), FIELDS)?;
        fs::write(folder.join("openapi.json"), OPENAPI)?;
        fs::write(folder.join("descriptors.binpb"), DESCRIPTORS)?;
        let config = folder.join("envoy.yaml");
        fs::write(&config, configuration(CONFIG, &values, &services)?)?;
        Ok(config)
    }

    fn values(&self, folder: &Path, call_max_s: u64) -> Result<Values> {
        let own = [
            ("LISTEN", Ipv4Addr::LOCALHOST.to_string()),
            ("PUBLIC_PORT", self.public.to_string()),
            ("PARTNER_PORT", self.partners.to_string()),
            ("OPS_PORT", self.ops.to_string()),
            ("ADMIN", admin(folder)?),
            ("FILES", folder.display().to_string()),
            ("TRUST_DOMAIN", TRUST_DOMAIN.to_owned()),
            ("CALL_MAX_S", call_max_s.to_string()),
            ("CALLS_PER_10S", CALLS_PER_10S.to_owned()),
            ("ADDRESS_CALLS_PER_10S", ADDRESS_CALLS_PER_10S.to_owned()),
            ("BODY_MAX_BYTES", BODY_MAX_BYTES.to_owned()),
        ];
        Ok(own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Envoy's administration asks nobody who they are, and can end it: on a socket for our own account, not on a port for everybody here.
fn admin(folder: &Path) -> Result<String> {
    /// `sun_path`, with the byte that ends it.
    const SOCKET_PATH_MAX: usize = 108;
    /// 0600; Envoy reads it as a decimal number.
    const FOR_OURSELVES: u32 = 0o600;
    let path = folder.join("admin.sock");
    ensure!(
        path.as_os_str().len() < SOCKET_PATH_MAX,
        "{} is longer than the path of a socket may be: choose a shorter root",
        path.display()
    );
    Ok(format!("{{pipe: {{path: \"{}\", mode: {FOR_OURSELVES}}}}}", path.display()))
}

/// Names in a template, and what comes in their places.
type Values = Vec<(String, String)>;

/// The longest that a unary call may take, in whole seconds.
fn call_max_s(fleet: &Fleet) -> Result<u64> {
    let Some(told) = fleet.setting("DEADLINE_MAX_MS") else { return Ok(CALL_MAX_S) };
    let millis: u64 = told.parse().with_context(|| format!("DEADLINE_MAX_MS is {told}"))?;
    Ok(millis.div_ceil(1000))
}

/// Of every service of the mesh its one word, its host and its port.
fn services(fleet: &Fleet) -> Result<Vec<[String; 3]>> {
    let answers = |service: &str| -> Result<[String; 3]> {
        let url = fleet.url(service)?;
        let (host, port) = url
            .strip_prefix("https://")
            .and_then(|address| address.rsplit_once(':'))
            .with_context(|| format!("{url} has no host and port"))?;
        Ok([service.to_owned(), host.to_owned(), port.to_owned()])
    };
    SERVICES.iter().map(|service| answers(service)).collect()
}

/// What the contracts say of a service.
#[derive(Debug, Default, Deserialize)]
struct Contracts {
    services: Vec<String>,
    streams: Vec<String>,
}

/// The gateway's configuration before these services. As in the chart, a new one is one entry.
fn configuration(template: &str, values: &[(String, String)], services: &[[String; 3]]) -> Result<String> {
    let mut contracts: HashMap<String, Contracts> =
        serde_json::from_str(CONTRACTS).context("reading the contracts of the services")?;
    let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (mut each, mut streams, mut transcoded) = (vec![], vec![], vec![]);
    for [service, host, port] in services {
        let of = contracts.remove(service).unwrap_or_default();
        transcoded.extend(of.services);
        streams.extend(of.streams.iter().map(|path| vec![value("STREAM", path), value("SERVICE", service)]));
        each.push(vec![value("SERVICE", service), value("HOST", host), value("PORT", port)]);
    }
    let text = repeated(&repeated(template, "service", &each), "stream", &streams);
    let values: Values = values.iter().cloned().chain([value("TRANSCODED", &transcoded.join(", "))]).collect();
    filled(&text, &values)
}

/// A template in which what lies between two marks stands once for each of these values.
fn repeated(template: &str, what: &str, each: &[Values]) -> String {
    let marks = [format!("# for each {what}"), format!("# end of each {what}")];
    let (mut text, mut part) = (String::new(), None::<String>);
    for line in template.split_inclusive('\n') {
        match (&mut part, marks.iter().any(|mark| line.trim() == mark)) {
            (None, true) => part = Some(String::new()),
            (None, false) => text.push_str(line),
            (Some(part), false) => part.push_str(line),
            (Some(whole), true) => {
                text.extend(each.iter().map(|values| put(whole, values)));
                part = None;
            }
        }
    }
    text
}

fn put(template: &str, values: &[(String, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

/// A template of the chart with these values; as Helm, it does no more than put them in.
fn filled(template: &str, values: &[(String, String)]) -> Result<String> {
    let text = put(template, values);
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

    #[test]
    fn nobody_else_on_this_machine_administers_the_gateway() {
        let address = admin(Path::new("/root/gateway")).unwrap();
        assert_eq!(address, "{pipe: {path: \"/root/gateway/admin.sock\", mode: 384}}");
        let error = admin(Path::new(&format!("/{}", "long".repeat(30)))).unwrap_err().to_string();
        assert!(error.contains("shorter root"), "{error}");
    }

    #[test]
    fn a_new_service_is_one_entry() {
        let services =
            ["identity", "referral", "pharmacy"].map(|name| [name.to_owned(), "h".to_owned(), "1".to_owned()]);
        let values = ["LISTEN", "PUBLIC_PORT", "PARTNER_PORT", "OPS_PORT", "ADMIN", "FILES", "TRUST_DOMAIN"]
            .into_iter()
            .chain(["CALL_MAX_S", "CALLS_PER_10S", "ADDRESS_CALLS_PER_10S", "BODY_MAX_BYTES"])
            .map(|name| (name.to_owned(), "1".to_owned()))
            .collect::<Values>();
        let text = configuration(CONFIG, &values, &services).unwrap();
        for [service, ..] in &services {
            assert!(text.contains(&format!("match: {{prefix: \"/anjia.{service}.\", grpc: {{}}}}")), "{service}");
            assert_eq!(text.matches(&format!("- name: \"{service}\"\n")).count(), 1, "{service}: a cluster");
        }
        assert!(text.contains("services: [anjia.identity.v1.AllianceService, "), "those with contracts have paths");
        assert!(text.contains("match: {path: \"/anjia.referral.v1.ReferralService/WatchWorkList\", grpc: {}}"));
        assert!(!text.contains("payment"), "nobody else's");
        let handshakes = text.matches("tls.v3.DownstreamTlsContext").count();
        assert_eq!(text.matches("- transport_socket_connect_timeout: 10s\n").count(), handshakes, "each ends in time");
        let unfilled = CONFIG.replace("${HOST}", "${HOTS}");
        let error = configuration(&unfilled, &values, &services).unwrap_err().to_string();
        assert!(error.contains("${HOTS}"), "{error}");
    }
}
