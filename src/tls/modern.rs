//! TLS 1.3 as far as both Finished messages (RFC 8446 §4.4, §5, §7), for hellos that rustls cannot send: short ones, and
//! those that offer what is old beside it. Pure but for the making of keys.
//!
//! Nothing is trusted that is learned here: signatures are not checked, as in the handshake by rustls.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac};

use super::ccm::Ccm;
use super::names::Group;
use super::share::KeyShare;
use super::suite::SuiteNumber;

/// The algorithms of a suite of TLS 1.3.
#[derive(Clone, Copy)]
struct Algorithms {
    suite: SuiteNumber,
    hash: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    key_octets: usize,
}

impl Algorithms {
    /// Those of a suite, if it can be computed here.
    fn of_suite(suite: SuiteNumber) -> Option<Self> {
        let (hash, hmac, key_octets) = match suite.0 {
            0x1301 | 0x1304 | 0x1305 => (&digest::SHA256, hmac::HMAC_SHA256, 16),
            0x1302 => (&digest::SHA384, hmac::HMAC_SHA384, 32),
            0x1303 => (&digest::SHA256, hmac::HMAC_SHA256, 32),
            _ => return None,
        };
        Some(Self {
            suite,
            hash,
            hmac,
            key_octets,
        })
    }

    fn hmac(&self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(self.hmac, key);
        hmac::sign(&key, data).as_ref().to_vec()
    }

    /// HKDF-Expand-Label (§7.1). No length is over that of the hash, so one block is enough (RFC 5869 §2.3).
    fn expand(&self, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
        let mut info = (length as u16).to_be_bytes().to_vec();
        info.push(6 + label.len() as u8);
        info.extend_from_slice(b"tls13 ");
        info.extend_from_slice(label.as_bytes());
        info.push(context.len() as u8);
        info.extend_from_slice(context);
        info.push(1);
        let mut key = self.hmac(secret, &info);
        key.truncate(length);
        key
    }

    fn derive(&self, secret: &[u8], label: &str, transcript: &[u8]) -> Vec<u8> {
        self.expand(secret, label, transcript, self.hash.output_len())
    }

    /// The keys of one direction.
    fn direction(&self, secret: Vec<u8>) -> Option<Direction> {
        let key = self.expand(&secret, "key", &[], self.key_octets);
        let key = Key::new(self.suite, &key)?;
        let iv = self.expand(&secret, "iv", &[], 12).try_into().ok()?;
        let finished = self.derive(&secret, "finished", &[]);
        Some(Direction {
            key,
            iv,
            records: 0,
            finished,
        })
    }
}

/// A key that protects records.
enum Key {
    Ring(Box<LessSafeKey>),
    Ccm(Box<Ccm>),
}

impl Key {
    fn new(suite: SuiteNumber, key: &[u8]) -> Option<Self> {
        let algorithm = match suite.0 {
            0x1301 => &aead::AES_128_GCM,
            0x1302 => &aead::AES_256_GCM,
            0x1303 => &aead::CHACHA20_POLY1305,
            _ => return Some(Self::Ccm(Box::new(Ccm::new(suite, key)?))),
        };
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Self::Ring(Box::new(LessSafeKey::new(key))))
    }

    fn tag_octets(&self) -> usize {
        match self {
            Self::Ring(key) => key.algorithm().tag_len(),
            Self::Ccm(key) => key.tag_octets(),
        }
    }

    /// Opens what is sealed, and says how many octets of it are left.
    fn open(&self, nonce: [u8; 12], header: &[u8], sealed: &mut [u8]) -> Option<usize> {
        match self {
            Self::Ring(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(header), sealed);
                opened.ok().map(|opened| opened.len())
            }
            Self::Ccm(key) => key.open(&nonce, header, sealed),
        }
    }

    fn seal(&self, nonce: [u8; 12], header: &[u8], contents: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Ring(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(header), contents)
                    .ok()
            }
            Self::Ccm(key) => {
                let tag = key.seal(&nonce, header, contents)?;
                contents.extend_from_slice(&tag);
                Some(())
            }
        }
    }
}

/// Keys and the count of records of one direction.
struct Direction {
    key: Key,
    iv: [u8; 12],
    records: u64,
    /// The key of the Finished message.
    finished: Vec<u8>,
}

impl Direction {
    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (octet, count) in nonce[4..].iter_mut().zip(self.records.to_be_bytes()) {
            *octet ^= count;
        }
        self.records += 1;
        nonce
    }

    /// The kind and the contents of a sealed record (§5.2).
    fn open(&mut self, header: &[u8], sealed: &[u8]) -> Option<(u8, Vec<u8>)> {
        let mut contents = sealed.to_vec();
        let nonce = self.nonce();
        let length = self.key.open(nonce, header, &mut contents)?;
        contents.truncate(length);
        let end = contents.iter().rposition(|&octet| octet != 0)?;
        let kind = contents[end];
        contents.truncate(end);
        Some((kind, contents))
    }

    /// A sealed record.
    fn seal(&mut self, kind: u8, contents: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = [contents, &[kind]].concat();
        let length = (sealed.len() + self.key.tag_octets()) as u16;
        let header = [&[23, 3, 3][..], &length.to_be_bytes()].concat();
        let nonce = self.nonce();
        self.key.seal(nonce, &header, &mut sealed)?;
        Some([header, sealed].concat())
    }
}

/// Our side of a handshake.
pub struct Modern {
    share: Arc<KeyShare>,
    /// All messages so far (§4.4.1).
    transcript: Vec<u8>,
    secrets: Option<Secrets>,
    /// The context of a request for a client certificate.
    requested: Option<Vec<u8>>,
    /// The server's Finished was seen, and was right.
    pub(super) is_finished: bool,
}

struct Secrets {
    algorithms: Algorithms,
    handshake: Vec<u8>,
    server: Direction,
    client: Direction,
}

impl Modern {
    /// Behind a ClientHello, the message, with this share.
    pub(super) fn new(share: Arc<KeyShare>, hello: &[u8]) -> Self {
        Self {
            share,
            transcript: hello.to_vec(),
            secrets: None,
            requested: None,
            is_finished: false,
        }
    }

    /// Behind a second ClientHello, which answers a HelloRetryRequest that was heard: the first one stands in the
    /// transcript by its hash alone.
    pub(super) fn retry(
        &mut self,
        suite: SuiteNumber,
        share: Arc<KeyShare>,
        hello: &[u8],
    ) -> Option<()> {
        let algorithms = Algorithms::of_suite(suite)?;
        let length = self.transcript.get(1..4)?;
        let end = 4
            + (usize::from(length[0]) << 16 | usize::from(length[1]) << 8)
            + usize::from(length[2]);
        let (first, behind) = self.transcript.split_at_checked(end)?;
        let hash = digest::digest(algorithms.hash, first);
        let length = hash.as_ref().len() as u8;
        self.transcript = [&[254, 0, 0, length][..], hash.as_ref(), behind, hello].concat();
        self.share = share;
        Some(())
    }

    /// A message that was heard.
    pub(super) fn heard(&mut self, message: &[u8]) {
        self.transcript.extend_from_slice(message);
    }

    /// Computes the keys of the handshake behind a ServerHello that was heard, with the server's share, where that can
    /// be done here.
    pub(super) fn agree(&mut self, suite: SuiteNumber, group: Group, theirs: &[u8]) {
        self.secrets = self.secrets_with(suite, group, theirs);
    }

    fn secrets_with(&self, suite: SuiteNumber, group: Group, theirs: &[u8]) -> Option<Secrets> {
        let algorithms = Algorithms::of_suite(suite)?;
        if group != self.share.group {
            return None;
        }
        let shared = self.share.agree(theirs)?;
        let zeros = vec![0; algorithms.hash.output_len()];
        let empty = digest::digest(algorithms.hash, b"");
        let early = algorithms.hmac(&zeros, &zeros);
        let salt = algorithms.derive(&early, "derived", empty.as_ref());
        let handshake = algorithms.hmac(&salt, &shared);
        let transcript = digest::digest(algorithms.hash, &self.transcript);
        let traffic = |label| {
            let secret = algorithms.derive(&handshake, label, transcript.as_ref());
            algorithms.direction(secret)
        };
        Some(Secrets {
            server: traffic("s hs traffic")?,
            client: traffic("c hs traffic")?,
            algorithms,
            handshake: algorithms.derive(&handshake, "derived", empty.as_ref()),
        })
    }

    /// Whether records can be opened.
    pub(super) fn has_keys(&self) -> bool {
        self.secrets.is_some()
    }

    /// The kind and the contents of a record.
    pub(super) fn open(&mut self, header: &[u8], sealed: &[u8]) -> Option<(u8, Vec<u8>)> {
        self.secrets.as_mut()?.server.open(header, sealed)
    }

    /// A client certificate is asked for.
    pub(super) fn request(&mut self, context: &[u8]) {
        self.requested = Some(context.to_vec());
    }

    /// Checks the server's Finished, which was not heard yet.
    pub(super) fn finish(&mut self, verify_data: &[u8]) -> bool {
        if let Some(secrets) = &self.secrets {
            let Algorithms { hash, hmac, .. } = secrets.algorithms;
            let transcript = digest::digest(hash, &self.transcript);
            let key = hmac::Key::new(hmac, &secrets.server.finished);
            self.is_finished = hmac::verify(&key, transcript.as_ref(), verify_data).is_ok();
        }
        self.is_finished
    }

    /// What we say to a server's Finished that was heard: no certificate where one is asked for, our Finished, and
    /// close_notify in application data's keys.
    pub(super) fn answer(mut self) -> Option<Vec<u8>> {
        let mut secrets = self.secrets?;
        let algorithms = secrets.algorithms;
        let at_finished = digest::digest(algorithms.hash, &self.transcript);
        let mut messages = Vec::new();
        if let Some(context) = &self.requested {
            let length = context.len() as u8;
            messages.extend_from_slice(&[11, 0, 0, length + 4, length]);
            messages.extend_from_slice(context);
            messages.extend_from_slice(&[0, 0, 0]);
            self.transcript.extend_from_slice(&messages);
        }
        let transcript = digest::digest(algorithms.hash, &self.transcript);
        let verify_data = algorithms.hmac(&secrets.client.finished, transcript.as_ref());
        messages.extend_from_slice(&[20, 0, 0, verify_data.len() as u8]);
        messages.extend_from_slice(&verify_data);
        let finished = secrets.client.seal(22, &messages)?;
        let zeros = vec![0; algorithms.hash.output_len()];
        let master = algorithms.hmac(&secrets.handshake, &zeros);
        let application = algorithms.derive(&master, "c ap traffic", at_finished.as_ref());
        let farewell = algorithms.direction(application)?.seal(21, &[1, 0])?;
        Some([finished, farewell].concat())
    }
}

/// The other side, for rehearsals.
#[cfg(any(test, feature = "lab"))]
impl Modern {
    /// A record as the server seals it.
    pub(super) fn seal_as_server(&mut self, kind: u8, contents: &[u8]) -> Option<Vec<u8>> {
        self.secrets.as_mut()?.server.seal(kind, contents)
    }

    /// The server's Finished, the message, to what was heard so far; nothing without keys.
    pub(super) fn finished_of_server(&self) -> Vec<u8> {
        let Some(secrets) = &self.secrets else {
            return Vec::new();
        };
        let transcript = digest::digest(secrets.algorithms.hash, &self.transcript);
        let verify_data = (secrets.algorithms).hmac(&secrets.server.finished, transcript.as_ref());
        [&[20, 0, 0, verify_data.len() as u8][..], &verify_data].concat()
    }
}

impl fmt::Debug for Modern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Modern").finish_non_exhaustive()
    }
}
