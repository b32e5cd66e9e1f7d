//! What tests share: a mesh of real binaries on real databases, callers with real tokens, a service's database alone, and
//! synthetic persons. Dev-dependency only.
//!
//! ```no_run
//! # async fn example() {
//! let mesh = testkit::Mesh::start(&["scheduling"]).await;
//! let worker = mesh.caller("worker");
//! let request = worker.request(()).await;
//! # }
//! ```
//!
//! Every mesh has databases of its own, and a Redis if scheduling is in it, so tests run side by side. One throw-away Postgres serves a whole test
//! process; it, and everything else here, dies with that process, however it ends.
//!
//! Everything here panics with what went wrong: a test has nobody to hand an error to.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

mod caller;
mod cluster;
mod database;
mod mesh;
mod people;
pub mod personal;
mod templates;
mod whole;

pub use caller::TestCaller;
pub use database::{TestDb, pass_days};
pub use devstack::callers;
pub use mesh::Mesh;
pub use people::{id_card, national_id, request_id};
pub use whole::{caller_in, register_in, whole_mesh, whole_mesh_with, whole_mesh_with_gateway, whole_mesh_with_logins};

/// The stable reason of a refusal.
#[track_caller]
pub fn reason(status: &tonic::Status) -> String {
    chassis::error::reason(status).unwrap_or_else(|| panic!("a refusal without a reason: {status:?}"))
}

/// Says what went wrong with all its causes.
trait OrPanic<T> {
    #[track_caller]
    fn or_panic(self) -> T;
}

impl<T, E: Into<anyhow::Error>> OrPanic<T> for Result<T, E> {
    #[track_caller]
    fn or_panic(self) -> T {
        self.unwrap_or_else(|error| panic!("{:#}", error.into()))
    }
}
