//! Whether a token came over the connection it is bound to (RFC 8705): a token that leaked is worth nothing without the key of its
//! certificate.

use tonic::Status;
use types::caller::Party;

use super::verifier::refused;
use crate::tls::{Peer, Thumbprint};

/// What a caller showed of itself, beside its token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// By its certificate: of the connection, or of the one to the gateway.
    pub(crate) peer: Option<&'a Peer>,
    pub(crate) is_through_gateway: bool,
}

/// At the first hop the certificate must be the token's. Inside, a service of ours shows its own and carries the subject's token on;
/// what it may call at all is in its list. Through the gateway people's apps come without a certificate; their tokens are bound to none,
/// and good nowhere else. A machine has a certificate and shows it.
pub(crate) fn check(shown: Shown<'_>, bound_to: Option<Thumbprint>, holder: &Party) -> Result<(), Status> {
    let is_person = matches!(holder, Party::Resident(_) | Party::Practitioner(_));
    match (shown.peer, bound_to) {
        (Some(peer), _) if peer.service().is_some() => Ok(()),
        (Some(peer), Some(thumbprint)) if peer.thumbprint == thumbprint => Ok(()),
        (Some(_), None) => Err(refused("TOKEN_NOT_BOUND", "the token is bound to no certificate")),
        (None, None) if shown.is_through_gateway && !is_person => {
            Err(refused("TOKEN_NOT_BOUND", "the token of a machine is good with its certificate only"))
        }
        // A person through the gateway; or plain text over loopback, where nobody has a certificate.
        (None, None) => Ok(()),
        (_, Some(_)) => Err(refused("TOKEN_BOUND_ELSEWHERE", "the token is bound to another certificate")),
    }
}

#[cfg(test)]
mod tests {
    use types::ids::{PractitionerId, ResidentId};

    use super::*;
    use crate::error::reason;
    use crate::tls::Name;

    #[test]
    fn a_token_is_good_over_its_own_certificate_or_carried_by_a_service() {
        let (own, other) = (Thumbprint::of(b"own"), Thumbprint::of(b"other"));
        let client = Peer { name: Some(Name::Client("bank".to_owned())), thumbprint: own };
        let partner = Peer { name: None, thumbprint: own };
        let service = Peer { name: Some(Name::Service("referral".to_owned())), thumbprint: own };
        let resident = Party::Resident(ResidentId::generate());
        let outcome = |peer, bound_to| {
            let shown = Shown { peer, is_through_gateway: false };
            check(shown, bound_to, &resident).map_err(|status| reason(&status).unwrap_or_default())
        };
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

    #[test]
    fn without_a_certificate_people_come_through_the_gateway_and_machines_do_not() {
        let outcome = |bound_to, holder| {
            let shown = Shown { peer: None, is_through_gateway: true };
            check(shown, bound_to, &holder).map_err(|status| reason(&status).unwrap_or_default())
        };
        let person = Party::Practitioner(PractitionerId::generate());
        assert_eq!(outcome(None, person.clone()), Ok(()));
        assert_eq!(outcome(Some(Thumbprint::of(b"own")), person), Err("TOKEN_BOUND_ELSEWHERE".to_owned()));
        for machine in [Party::Client("bank".to_owned()), Party::Service("referral".to_owned())] {
            assert_eq!(outcome(None, machine), Err("TOKEN_NOT_BOUND".to_owned()));
        }
    }
}
