//! Whole meshes of real binaries. One program, so that its tests share a throw-away Postgres.

fn main() {}
