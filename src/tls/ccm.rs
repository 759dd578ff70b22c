//! AES-CCM, for servers of TLS 1.3 that speak nothing else (RFC 6655, RFC 8446 §5.2, §B.4).

use aes::Aes128;
use ccm::aead::generic_array::GenericArray;
use ccm::aead::{AeadInPlace as _, KeyInit as _};
use ccm::consts::{U8, U12, U16};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
    UnsupportedOperationError, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

use super::suite::SuiteNumber;

/// A key of AES-CCM.
pub(super) enum Ccm {
    /// With a tag of 16 octets.
    Whole(ccm::Ccm<Aes128, U16, U12>),
    /// With one of 8.
    Short(ccm::Ccm<Aes128, U8, U12>),
}

impl Ccm {
    /// The key of a suite; none for suites without CCM, and for a key that is not 16 octets long.
    pub(super) fn new(suite: SuiteNumber, key: &[u8]) -> Option<Self> {
        match suite {
            SuiteNumber::AES_128_CCM => ccm::Ccm::new_from_slice(key).ok().map(Self::Whole),
            SuiteNumber::AES_128_CCM_8 => ccm::Ccm::new_from_slice(key).ok().map(Self::Short),
            _ => None,
        }
    }

    /// How many octets longer what is sealed becomes.
    pub(super) fn tag_octets(&self) -> usize {
        match self {
            Self::Whole(_) => 16,
            Self::Short(_) => 8,
        }
    }

    /// Opens what is sealed, and says how many octets of it are left; none where it was not sealed so.
    pub(super) fn open(&self, nonce: &[u8; 12], header: &[u8], sealed: &mut [u8]) -> Option<usize> {
        let length = sealed.len().checked_sub(self.tag_octets())?;
        let (contents, tag) = sealed.split_at_mut(length);
        let nonce = GenericArray::from_slice(nonce);
        let opened = match self {
            Self::Whole(key) => {
                let tag = GenericArray::from_slice(tag);
                key.decrypt_in_place_detached(nonce, header, contents, tag)
            }
            Self::Short(key) => {
                let tag = GenericArray::from_slice(tag);
                key.decrypt_in_place_detached(nonce, header, contents, tag)
            }
        };
        opened.ok().map(|()| length)
    }

    /// Seals contents in their place; the tag is to stand behind them.
    pub(super) fn seal(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        contents: &mut [u8],
    ) -> Option<Vec<u8>> {
        let nonce = GenericArray::from_slice(nonce);
        Some(match self {
            Self::Whole(key) => {
                let tag = key.encrypt_in_place_detached(nonce, header, contents);
                tag.ok()?.to_vec()
            }
            Self::Short(key) => {
                let tag = key.encrypt_in_place_detached(nonce, header, contents);
                tag.ok()?.to_vec()
            }
        })
    }
}

/// The records of a suite with CCM, for rustls.
pub(super) struct CcmRecords(pub(super) SuiteNumber);

impl CcmRecords {
    fn direction(&self, key: &AeadKey, iv: Iv) -> Box<CcmDirection> {
        // rustls gives keys of the length that it is told below.
        let key = Ccm::new(
            self.0,
            &key.as_ref()[..CCM_KEY_OCTETS.min(key.as_ref().len())],
        );
        Box::new(CcmDirection { key, iv })
    }
}

const CCM_KEY_OCTETS: usize = 16;

impl Tls13AeadAlgorithm for CcmRecords {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.direction(&key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.direction(&key, iv)
    }

    fn key_len(&self) -> usize {
        CCM_KEY_OCTETS
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

/// One direction of a connection.
struct CcmDirection {
    key: Option<Ccm>,
    iv: Iv,
}

impl MessageEncrypter for CcmDirection {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let key = self.key.as_ref().ok_or(Error::EncryptError)?;
        let nonce = Nonce::new(&self.iv, sequence).0;
        let tag = key.seal(&nonce, &make_tls13_aad(length), payload.as_mut());
        payload.extend_from_slice(&tag.ok_or(Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(
            ContentType::ApplicationData,
            // RFC 8446 §5.1.
            ProtocolVersion::TLSv1_2,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length + 1 + self.key.as_ref().map_or(0, Ccm::tag_octets)
    }
}

impl MessageDecrypter for CcmDirection {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let key = self.key.as_ref().ok_or(Error::DecryptError)?;
        let header = make_tls13_aad(message.payload.len());
        let nonce = Nonce::new(&self.iv, sequence).0;
        let length = key.open(&nonce, &header, &mut message.payload);
        let length = length.ok_or(Error::DecryptError)?;
        message.payload.truncate(length);
        message.into_tls13_unpadded_message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_what_was_changed_does_not() {
        for (suite, octets) in [
            (SuiteNumber::AES_128_CCM, 16),
            (SuiteNumber::AES_128_CCM_8, 8),
        ] {
            let key = Ccm::new(suite, &[7; 16]).unwrap();
            assert_eq!(key.tag_octets(), octets);
            let mut sealed = b"contents".to_vec();
            let tag = key.seal(&[1; 12], b"header", &mut sealed).unwrap();
            assert_eq!(tag.len(), octets);
            sealed.extend(tag);
            let mut opened = sealed.clone();
            assert_eq!(key.open(&[1; 12], b"header", &mut opened), Some(8));
            assert_eq!(&opened[..8], b"contents");
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(key.open(&[1; 12], b"header", &mut changed), None, "{at}");
            }
            assert_eq!(key.open(&[2; 12], b"header", &mut sealed.clone()), None);
            assert_eq!(key.open(&[1; 12], b"other", &mut sealed.clone()), None);
            assert_eq!(key.open(&[1; 12], b"header", &mut []), None);
        }
        assert!(Ccm::new(SuiteNumber(0x1301), &[7; 16]).is_none());
        assert!(Ccm::new(SuiteNumber::AES_128_CCM, &[7; 15]).is_none());
    }
}
