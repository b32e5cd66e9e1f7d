//! Whom identity asks: nobody of the mesh; only trusted providers, for their published keys.

pub mod provider;
