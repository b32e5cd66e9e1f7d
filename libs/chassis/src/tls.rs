//! Mutual TLS: certificates from files that may change while the process runs, and who the other side is by its certificate.
//!
//! Our own acceptor and connector on rustls, because what tonic brings keeps the certificates it began with. A connection shows the
//! certificate that was current when it was made; a rotation changes nothing about connections that live.

mod authority;
mod config;
mod forwarded;
mod material;
mod peer;
mod reload;
mod wallet;

pub use config::{TRUST_DOMAIN, TlsConfig};
pub use forwarded::GATEWAY;
pub(crate) use forwarded::{FORWARDED, ThroughGateway, Unbelievable};
pub(crate) use peer::BoundTo;
pub use peer::{Name, Peer, Thumbprint};
pub use reload::Tls;
pub use wallet::Wallet;
