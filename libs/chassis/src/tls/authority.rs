//! Whose certificates are believed: those of the mesh's own CAs, and of partners, who cannot speak for the mesh.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::material::{TlsError, provider};
use super::peer::Name;

/// Lets in whoever has a certificate of the mesh or of a partner.
#[derive(Debug)]
pub(super) struct Callers {
    mesh: Arc<dyn ClientCertVerifier>,
    partners: Option<Arc<dyn ClientCertVerifier>>,
    trust_domain: String,
}

impl Callers {
    pub(super) fn new(
        mesh: &Arc<RootCertStore>,
        partners: Option<&Arc<RootCertStore>>,
        trust_domain: &str,
    ) -> Result<Self, TlsError> {
        let verifier = |roots: &Arc<RootCertStore>| {
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider())
                .build()
                .map_err(|error| TlsError::Unusable(error.to_string()))
        };
        Ok(Self {
            mesh: verifier(mesh)?,
            partners: partners.map(verifier).transpose()?,
            trust_domain: trust_domain.to_owned(),
        })
    }
}

impl ClientCertVerifier for Callers {
    /// None is hinted at: who calls knows its certificate, and nobody else is told whom we trust.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let of_mesh = self.mesh.verify_client_cert(end_entity, intermediates, now);
        let (Err(_), Some(partners)) = (&of_mesh, &self.partners) else {
            return of_mesh;
        };
        // A bank's CA must not be able to make a certificate that says `service/referral`.
        if Name::is_claimed(end_entity, &self.trust_domain) {
            return of_mesh;
        }
        partners.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.mesh.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.mesh.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.mesh.supported_verify_schemes()
    }
}

/// Accepts the one service that is meant, wherever it runs. Another service's certificate is as good as none: a pod that answers on
/// a stolen address is found out.
pub(super) struct TheService {
    name: Name,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    trust_domain: String,
}

impl TheService {
    pub(super) fn new(service: &str, roots: Arc<RootCertStore>, trust_domain: &str) -> Self {
        let name = Name::Service(service.to_owned());
        Self { name, roots, provider: provider(), trust_domain: trust_domain.to_owned() }
    }
}

impl fmt::Debug for TheService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TheService").field(&self.name).finish()
    }
}

impl ServerCertVerifier for TheService {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        if Name::in_certificate(end_entity, &self.trust_domain).as_ref() == Some(&self.name) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
