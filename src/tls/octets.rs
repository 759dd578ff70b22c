//! What a message is made of: numbers and vectors (RFC 8446 §3.3, §3.4).

/// Bytes, taken from the front.
pub(super) struct FlightOctets<'a>(pub(super) &'a [u8]);

impl<'a> FlightOctets<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number8(&mut self) -> Option<u8> {
        self.take(1).map(|octets| octets[0])
    }

    pub(super) fn number16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    pub(super) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.number8()?;
        self.take(usize::from(length))
    }

    pub(super) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.number16()?;
        self.take(usize::from(length))
    }

    pub(super) fn vector24(&mut self) -> Option<&'a [u8]> {
        let octets = self.take(3)?;
        self.take(
            usize::from(octets[0]) << 16 | usize::from(octets[1]) << 8 | usize::from(octets[2]),
        )
    }
}
