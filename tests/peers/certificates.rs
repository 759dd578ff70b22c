//! Certificates for the servers: a certification authority of the test's own.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256,
};

/// A certification authority.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's private key, and its certificate with those that it sends behind it, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    pub key: String,
    pub chain: String,
}

impl Authority {
    /// A root.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let parameters = authority(name);
        let pem = parameters.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(parameters, key);
        Self { pem, issuer }
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let parameters = authority(name);
        let pem = parameters.signed_by(&key, &self.issuer).unwrap().pem();
        let issuer = Issuer::new(parameters, key);
        Self { pem, issuer }
    }

    /// A good certificate with a P-256 key.
    pub fn certify(&self, name: &str) -> Identity {
        self.certify_as(leaf(name), &KeyPair::generate().unwrap())
    }

    /// One with an RSA key of 2048 bits.
    pub fn certify_rsa(&self, name: &str) -> Identity {
        self.certify_as(
            leaf(name),
            &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(),
        )
    }

    /// One that ended years ago.
    pub fn certify_expired(&self, name: &str) -> Identity {
        let mut parameters = leaf(name);
        parameters.not_before = rcgen::date_time_ymd(2014, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2016, 1, 1);
        self.certify_as(parameters, &KeyPair::generate().unwrap())
    }

    fn certify_as(&self, parameters: CertificateParams, key: &KeyPair) -> Identity {
        let certificate = parameters.signed_by(key, &self.issuer).unwrap();
        Identity {
            key: key.serialize_pem(),
            chain: certificate.pem(),
        }
    }

    /// Its certificate, for `--roots`.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl Identity {
    /// One that signed itself.
    pub fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(name).self_signed(&key).unwrap();
        Self {
            key: key.serialize_pem(),
            chain: certificate.pem(),
        }
    }

    /// The same with the authority's certificate sent behind it.
    pub fn with(mut self, authority: &Authority) -> Self {
        self.chain += &authority.pem;
        self
    }

    /// Writes `NAME.key`, readable by all since daemons change their user, and `NAME.pem`.
    pub fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = directory.join(format!("{name}.key"));
        let chain = directory.join(format!("{name}.pem"));
        std::fs::write(&key, &self.key).unwrap();
        std::fs::write(&chain, &self.chain).unwrap();
        (key, chain)
    }
}

/// The parameters of a server's certificate.
fn leaf(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters
        .distinguished_name
        .push(DnType::CommonName, name.to_owned());
    parameters
}

fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, name.to_owned());
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}
