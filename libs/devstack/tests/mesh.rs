//! A whole mesh, with stand-ins for the services: they are ready at once and know nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use devstack::{Lifetime, Mesh, MeshRecord, Plan, SERVICES, State};

/// Set for a copy of this program that plays a service.
const STAND_IN: &str = "DEVSTACK_TEST_STAND_IN";

/// Programs named like the services; each serves through this very test program.
fn stand_ins(folder: &Path, serve: &str) -> PathBuf {
    let binaries = folder.join("bin");
    fs::create_dir(&binaries).unwrap();
    for name in SERVICES {
        let program = binaries.join(name);
        fs::write(&program, format!("#!/bin/sh\n[ \"$1\" = serve ] || exit 0\n{serve}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    binaries
}

fn plan(folder: &Path, serve: &str) -> Plan {
    Plan {
        root: folder.join("up"),
        binaries: stand_ins(folder, serve),
        lifetime: Lifetime::Detached,
        fresh: false,
        otlp_endpoint: None,
        settings: vec![],
        logins: false,
        gateway: false,
        template: None,
    }
}

fn serve_by_this_program() -> String {
    let program = std::env::current_exe().unwrap();
    format!("exec env {STAND_IN}=yes '{}' --exact stand_in", program.display())
}

/// Not a test: what a stand-in does.
#[test]
fn stand_in() {
    if std::env::var_os(STAND_IN).is_none() {
        return;
    }
    let address = std::env::var_os("OPS_LISTEN").unwrap().into_string().unwrap();
    for stream in TcpListener::bind(address).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    }
}

#[tokio::test]
async fn a_detached_mesh_outlives_its_command_until_it_is_stopped() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plan = plan(folder.path(), &serve_by_this_program());
    let root = plan.root.clone();
    let record = Mesh::start(plan.clone(), &|_| {}).await.unwrap().detach().unwrap();
    assert_eq!(record.processes().len(), SERVICES.len() + 2);
    assert!(record.processes().iter().all(|process| process.is_running()));
    assert!(matches!(MeshRecord::state(&root).unwrap(), State::Up(_)));

    let refused = Mesh::start(plan.clone(), &|_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("already up"), "{refused:#}");

    let down = devstack::stop(&root).unwrap();
    assert_eq!((down.stopped.len(), down.killed.len()), (SERVICES.len() + 2, 0));
    assert!(record.processes().iter().all(|process| !process.is_running()));
    assert!(devstack::stop(&root).unwrap().stopped.is_empty(), "the second time there is nothing to stop");

    let keys = fs::read(record.keys.join("worker.pem")).unwrap();
    let again = Mesh::start(plan.clone(), &|_| {}).await.unwrap();
    assert_eq!(fs::read(record.keys.join("worker.pem")).unwrap(), keys, "a second start keeps keys and data");
    again.stop().await.unwrap();

    let fresh = Mesh::start(Plan { fresh: true, ..plan }, &|_| {}).await.unwrap();
    assert_ne!(fs::read(record.keys.join("worker.pem")).unwrap(), keys);
    fresh.stop().await.unwrap();
    devstack::wipe(&root).unwrap();
    assert!(!root.exists());
}

#[tokio::test]
async fn a_service_that_fails_is_named_with_the_end_of_its_log_and_nothing_is_left_running() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plan = plan(folder.path(), "echo the reason >&2; exit 7");
    let root = plan.root.clone();
    let error = Mesh::start(plan, &|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("exit status: 7") && error.contains("the reason"), "{error}");
    let record = MeshRecord::load(&root).unwrap().unwrap();
    assert!(record.processes().iter().all(|process| !process.is_running()));
    assert!(matches!(MeshRecord::state(&root).unwrap(), State::Nothing));
}
