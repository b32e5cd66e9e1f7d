//! Whom the gateway speaks for: the certificate of its caller's handshake, which it tells in `x-forwarded-client-cert`.

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

use super::authority::Callers;
use super::peer::Peer;

/// The service that others come through: it passes calls on, and has no rights of its own.
pub const GATEWAY: &str = "gateway";
/// Envoy's header, one element: `By=…;Hash=…;Chain="<PEM, percent-encoded>"`.
pub(crate) const FORWARDED: &str = "x-forwarded-client-cert";
/// A leaf and its intermediates.
const CERTIFICATES_MAX: usize = 8;

/// On a request that came through the gateway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThroughGateway;

/// What the gateway tells is no certificate that would be let in here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unbelievable;

/// Who the certificate belongs to. It is checked as in a handshake of our own, so that the gateway decides nobody's name and a partner's CA
/// speaks for nobody here either. Our own services do not come this way.
pub(super) fn peer(told: &HeaderValue, callers: &Callers, trust_domain: &str) -> Result<Peer, Unbelievable> {
    let chain = chain(told).ok_or(Unbelievable)?;
    let (leaf, intermediates) = chain.split_first().ok_or(Unbelievable)?;
    callers.verify_client_cert(leaf, intermediates, UnixTime::now()).map_err(|_| Unbelievable)?;
    Some(Peer::of_certificate(leaf, trust_domain)).filter(|peer| peer.service().is_none()).ok_or(Unbelievable)
}

fn chain(told: &HeaderValue) -> Option<Vec<CertificateDer<'static>>> {
    let told = told.to_str().ok()?;
    // A second element would be of a proxy before the gateway, which there is not.
    if told.contains(',') {
        return None;
    }
    let pem = told.split(';').find_map(|pair| pair.strip_prefix("Chain="))?.trim_matches('"');
    let pem = percent_decode_str(pem).decode_utf8().ok()?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()?;
    (chain.len() <= CERTIFICATES_MAX).then_some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_read_from_the_one_element_and_from_nothing_else() {
        let pem = "-----BEGIN CERTIFICATE-----%0AAAEC%0A-----END CERTIFICATE-----%0A";
        let read = |text: &str| chain(&HeaderValue::from_str(text).unwrap());
        let one = format!("By=spiffe://anjia.internal/service/gateway;Hash=00;Chain=\"{pem}\"");
        assert_eq!(read(&one).unwrap(), [CertificateDer::from(vec![0, 1, 2])]);
        assert_eq!(read(&format!("Chain=\"{pem}{pem}\"")).unwrap().len(), 2);
        assert_eq!(read(&format!("{one},{one}")), None);
        assert_eq!(read("Hash=00;URI=spiffe://anjia.internal/client/bank"), None);
        assert_eq!(read(&format!("Chain=\"{}\"", pem.repeat(CERTIFICATES_MAX + 1))), None);
    }
}
