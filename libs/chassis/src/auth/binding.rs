//! Whether a token came over the connection it is bound to (RFC 8705): a token that leaked is worth nothing without the key of its
//! certificate.

use tonic::Status;

use super::verifier::refused;
use crate::tls::{Peer, Thumbprint};

/// At the first hop the certificate must be the token's. Inside, a service of ours shows its own and carries the subject's token on;
/// what it may call at all is in its list.
pub(crate) fn check(peer: Option<&Peer>, bound_to: Option<Thumbprint>) -> Result<(), Status> {
    match (peer, bound_to) {
        (Some(peer), _) if peer.service().is_some() => Ok(()),
        (Some(peer), Some(thumbprint)) if peer.thumbprint == thumbprint => Ok(()),
        (Some(_), None) => Err(refused("TOKEN_NOT_BOUND", "the token is bound to no certificate")),
        // Plain text over loopback: nobody has a certificate.
        (None, None) => Ok(()),
        (_, Some(_)) => Err(refused("TOKEN_BOUND_ELSEWHERE", "the token is bound to another certificate")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::reason;
    use crate::tls::Name;

    #[test]
    fn a_token_is_good_over_its_own_certificate_or_carried_by_a_service() {
        let (own, other) = (Thumbprint::of(b"own"), Thumbprint::of(b"other"));
        let client = Peer { name: Some(Name::Client("bank".to_owned())), thumbprint: own };
        let partner = Peer { name: None, thumbprint: own };
        let service = Peer { name: Some(Name::Service("referral".to_owned())), thumbprint: own };
        let outcome = |peer, bound_to| check(peer, bound_to).map_err(|status| reason(&status).unwrap_or_default());
        let refused = |reason: &str| Err(reason.to_owned());

        for peer in [&client, &partner] {
            assert_eq!(outcome(Some(peer), Some(own)), Ok(()));
            assert_eq!(outcome(Some(peer), Some(other)), refused("TOKEN_BOUND_ELSEWHERE"));
            assert_eq!(outcome(Some(peer), None), refused("TOKEN_NOT_BOUND"));
        }
        assert_eq!(outcome(Some(&service), Some(other)), Ok(()));
        assert_eq!(outcome(None, None), Ok(()));
        assert_eq!(outcome(None, Some(own)), refused("TOKEN_BOUND_ELSEWHERE"));
    }
}
