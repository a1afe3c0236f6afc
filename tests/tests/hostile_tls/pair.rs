//! Certificates that are made while the tests run.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::Path;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn certify(&self, name: &str) -> Pair {
        self.certify_params(CertificateParams::new(vec![name.to_owned()]).expect("a name"))
    }

    pub fn certify_params(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// Puts a pair where the registry looks for it.
pub fn write(folder: &Path, pair: &Pair) {
    put(&folder.join("cert.pem"), &pair.certificate);
    put(&folder.join("key.pem"), &pair.key);
}

/// Puts a file there in one step, so that nobody sees a part of it.
pub fn put(file: &Path, text: &str) {
    let made = file.with_extension("new");
    std::fs::write(&made, text).expect("a file");
    std::fs::rename(&made, file).expect("a rename");
}
