//! When the client certificate of a context ends. The API server does not say so: it only refuses.

use jiff::Timestamp;
use kube::config::Kubeconfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::from_base64;
use crate::redact::Secret;

/// The end of the certificate that this kubeconfig's user shows; nothing where it shows none that can
/// be read. The kubeconfig is one with its files put in.
#[must_use]
pub fn certificate_end(kubeconfig: &Secret, context: &str) -> Option<Timestamp> {
    let config = Kubeconfig::from_yaml(kubeconfig.expose()).ok()?;
    let named = config.contexts.into_iter().find(|named| named.name == context)?;
    let user = named.context?.user?;
    let user = config.auth_infos.into_iter().find(|named| named.name == user)?.auth_info?;
    end(&from_base64(&user.client_certificate_data?)?)
}

/// `notAfter` of the first certificate (RFC 5280, 4.1.2.5).
fn end(pem: &[u8]) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_recorded_certificate_is_read() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/corpus/rejections/connection-refused/kubeconfig.json"
        );
        let kubeconfig = Secret::new(std::fs::read_to_string(path).unwrap());
        let end = certificate_end(&kubeconfig, "lab").unwrap();
        assert!(end.to_string().starts_with("20"), "{end}");
        assert_eq!(certificate_end(&kubeconfig, "other"), None);
        assert_eq!(certificate_end(&Secret::new("no yaml: ["), "lab"), None);
    }
}
