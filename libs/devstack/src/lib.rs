//! A private Postgres, a private Redis and the service binaries on this machine, for `anjia up`, `anjia demo` and tests.
//!
//! It never touches a system cluster: data lives under the root it is given, ports are free ones on loopback. Two
//! lifetimes: a detached mesh outlives the command that starts it and is stopped through its `mesh.json`; a tethered one
//! dies with its parent, even when that is killed with -9. It knows binaries, settings and files of the services,
//! never their code or tables.

mod account;
pub mod callers;
mod certificates;
mod cluster;
mod databases;
mod everybody;
mod fleet;
mod gateway;
mod keys;
mod mesh;
mod ports;
mod process;
mod programs;
mod provider;
mod record;
mod redis;
mod wire;

pub use certificates::Certificates;
pub use cluster::{Cluster, ClusterPlan, Durability};
pub use databases::{DatabaseUrls, create_database, remove_database, urls};
pub use everybody::Everybody;
pub use fleet::{ANCHOR, Fleet, FleetPlan, Replica, SERVICES, audit_key, service_name, witnessed_by};
pub use keys::{Keys, PublicClient};
pub use mesh::{Mesh, Plan, Progress};
pub use process::Lifetime;
pub use programs::{envoy, servers};
pub use record::{Down, GatewayRecord, MeshRecord, ProcessRecord, ProviderRecord, ServiceRecord, State, stop, wipe};
pub use redis::Redis;
pub use wire::{Fault, Wire};
